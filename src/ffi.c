/* SPDX-License-Identifier: MIT
 *
 * ffi.c: the inline functions as symbols, for language bindings and dlopen.
 *
 * The headers' hot functions are THETIS_INLINE, "static inline" for everybody else. Here the same
 * text is compiled with external linkage, so that there is one definition to read and to test.
 */
#define THETIS_INLINE THETIS_API
#include <thetis/thetis.h>
