/* SPDX-License-Identifier: MIT
 *
 * timer_control.c: no timers: the random numbers, and one write to memory of the size of a heap.
 */
#include "../window.h"

#define SUBJECT_VARIANT "control, one store of 8 bytes per operation"

static uint64_t *deadlines;

static void subject_open(uint32_t live)
{
    deadlines = (uint64_t *)calloc(live, sizeof *deadlines);
    if (!deadlines) bench_die("cannot open");
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
    deadlines[i] = ns;
    BENCH_TOUCH(deadlines);
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    subject_rearm(i, ns);
}

static inline void subject_settle(void)
{
}

static void subject_run(void (*measure)(void))
{
    measure();
}

#include "../timer.h"
