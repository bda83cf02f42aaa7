/* SPDX-License-Identifier: MIT
 *
 * one_by_one.h: the measuring of spsc.h for a subject that has no batches: they are moved one by
 * one. Include it last, in place of spsc.h. For C and C++.
 *
 * The subject defines before, as for spsc.h: subject_ring, SUBJECT_VARIANT, subject_open(),
 * subject_push(), subject_pop().
 */
#ifndef BENCH_ONE_BY_ONE_H
#define BENCH_ONE_BY_ONE_H

#include <stddef.h>
#include <stdint.h>

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    size_t i = 0;
    while (i < n && subject_push(ring, v[i]))
        i++;
    return i;
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    size_t i = 0;
    while (i < n && subject_pop(ring, &v[i]))
        i++;
    return i;
}

#include "spsc.h"

#endif
