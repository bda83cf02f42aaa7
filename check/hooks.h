/* SPDX-License-Identifier: MIT
 *
 * hooks.h: a plain access that the compiler does not instrument, such as memcpy's.
 */
#ifndef CHECK_HOOKS_H
#define CHECK_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

void tst_plain(const void *at, size_t bytes, bool write, void *site);

#endif
