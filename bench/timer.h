/* SPDX-License-Identifier: MIT
 *
 * timer.h: what every program of `thetis-bench timer` does; include it last. For C and C++.
 *
 * Usage: bench-timer-SUBJECT LIVE rearm|split
 *
 * With LIVE timers armed, a window moves OPS of them, chosen at random, to random deadlines 1 s to
 * 1000 s away; none ever expires. rearm is the subject's fastest documented way, usually one call;
 * split is an explicit stop followed by a start. The sequence is the same for every subject.
 * All of it runs inside a callback of the subject's loop, where libraries that cache the time
 * have it at hand.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                               library, version, form
 *   void subject_open(uint32_t live)              a loop, and memory for so many timers
 *   void subject_rearm(uint32_t i, uint64_t ns)   arms timer i, armed or not, ns from now
 *   void subject_split(uint32_t i, uint64_t ns)   stops timer i, then starts it
 *   void subject_settle(void)                     lets the loop digest what was canceled; timed
 *   void subject_run(void (*measure)(void))       runs the loop; calls measure in a callback
 */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H

#include "window.h"

#include <string.h>

enum { CHUNKS = 10, OPS = 20000, SETTLE = 256 };

typedef struct timer_run {
    uint32_t live;
    int split;
    uint64_t rand;
} timer_run;

static timer_run the_run = {0, 0, 26};

static inline uint64_t random_delay(uint64_t r)
{
    return 1000000000u + r % 999000000000u;
}

/* The high half of r chooses the timer, without a division. */
static inline uint32_t random_timer(uint64_t r)
{
    return (uint32_t)(((r >> 32) * the_run.live) >> 32);
}

static __attribute__((noinline)) void rearm_chunk(void)
{
    for (uint32_t i = 0; i < OPS; i++) {
        uint64_t r = bench_rand(&the_run.rand);
        subject_rearm(random_timer(r), random_delay(r));
        if (i % SETTLE == 0) subject_settle();
    }
}

static __attribute__((noinline)) void split_chunk(void)
{
    for (uint32_t i = 0; i < OPS; i++) {
        uint64_t r = bench_rand(&the_run.rand);
        subject_split(random_timer(r), random_delay(r));
        if (i % SETTLE == 0) subject_settle();
    }
}

static double timer_window(void *arg)
{
    double ns[CHUNKS];
    (void)arg;
    for (int i = 0; i < CHUNKS; i++) {
        uint64_t t = bench_cpu_ns();
        if (the_run.split) split_chunk();
        else rearm_chunk();
        ns[i] = (double)(bench_cpu_ns() - t) / OPS;
    }
    return bench_median(ns, CHUNKS);
}

static void measure(void)
{
    for (uint32_t i = 0; i < the_run.live; i++)
        subject_rearm(i, random_delay(bench_rand(&the_run.rand)));
    timer_window(NULL); /* warm */
    bench_serve(SUBJECT_VARIANT, timer_window, NULL);
    exit(0); /* the loop holds timers that never expire */
}

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[2], "rearm") && strcmp(argv[2], "split")))
        bench_die("usage: LIVE rearm|split");
    the_run.live = (uint32_t)strtoul(argv[1], NULL, 10);
    the_run.split = !strcmp(argv[2], "split");
    subject_open(the_run.live);
    subject_run(measure);
    return 1;
}

#endif
