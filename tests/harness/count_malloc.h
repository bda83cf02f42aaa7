/* SPDX-License-Identifier: MIT
 *
 * count_malloc.h: how often this program has asked for memory.
 *
 * A program that calls count_malloc() is linked with counting versions of malloc, calloc, realloc
 * and aligned_alloc, for the library under test and the C library alike.
 */
#ifndef HARNESS_COUNT_MALLOC_H
#define HARNESS_COUNT_MALLOC_H

#include <stddef.h>

/* Allocations so far, of all threads. */
size_t count_malloc(void);

#endif
