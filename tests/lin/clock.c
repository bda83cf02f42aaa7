/* SPDX-License-Identifier: MIT
 *
 * clock.c: the clock of histories of real threads, see lin_clock_real() in history.h.
 */
#include <thetis/atomic.h>
#include <time.h>

#include "lin/history.h"

/* An exchange that releases and acquires: a locked instruction on x86-64, hence a full barrier. */
static void clock_barrier(void)
{
    static _Thread_local thetis_atomic word;
    (void)thetis_atomic_exchange_acq_rel(&word, 1);
}

uint64_t lin_clock_real(void *context)
{
    struct timespec t;
    (void)context;
    clock_barrier();
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    clock_barrier();
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
