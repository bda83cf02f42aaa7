/* SPDX-License-Identifier: MIT
 *
 * number.h: numbers that differ from all that the threads of a domain have made before: a count of
 * the thread's own, and the thread. They are used without their highest bits, so a thread's come
 * again when its count has wrapped. Those of two threads never meet, as the step is a power of two:
 * a multiple of N would become one of some other residue then. None is 0.
 */
#ifndef THT_NUMBER_H
#define THT_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* For N threads: the power of two above. */
static inline size_t tht_number_step(size_t threads)
{
    size_t step = 1;
    while (step <= threads) step *= 2;
    return step;
}

static inline uintptr_t tht_number(uintptr_t count, size_t step, size_t thread)
{
    return count * step + thread + 1;
}

#endif
