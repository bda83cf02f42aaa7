/* SPDX-License-Identifier: MIT
 *
 * hooks.h: a plain access that the compiler does not instrument, such as memcpy's.
 */
#ifndef CHECK_HOOKS_H
#define CHECK_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

/* Instrumented code was linked: each such file says so when the program starts. */
extern bool tst_instrumented;

void tst_plain(const void *at, size_t bytes, bool write, void *site);

#endif
