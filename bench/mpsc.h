/* SPDX-License-Identifier: MIT
 *
 * mpsc.h: what every program of `thetis-bench mpsc` does; include it last. For C and C++.
 *
 * Usage: bench-mpsc-SUBJECT pair
 *
 * One thread pushes 1 element of 8 bytes and pops it: the cost without contention. The forms, the
 * places in memory and the windows are those of spsc.h, with which this is the same loop; a subject
 * without batches moves them one by one.
 *
 * The subject defines before, as for spsc.h: subject_ring, SUBJECT_VARIANT, subject_open(),
 * subject_push(), subject_pop(); the ring is in the form for many producers and one consumer.
 */
#ifndef BENCH_MPSC_H
#define BENCH_MPSC_H

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
