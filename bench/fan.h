/* SPDX-License-Identifier: MIT
 *
 * fan.h: what every program of `thetis-bench latest` and `thetis-bench bcast` does; include it
 * last.
 *
 * Usage: bench-STEM-SUBJECT read|poll|store READERS
 *        bench-STEM-SUBJECT stalled WINDOWS             see stalled.h
 *
 * One thread stores values of 64 bytes and has all readers take each (read): the time of a read is
 * what the reads add to the stores alone, per reader. Or the readers look where nothing is new
 * (poll), or there are no readers (store). No contention: what the code itself takes.
 *
 * The subject defines before:
 *   MOST_READERS
 *   SUBJECT_VARIANT                                     library, version, form
 *   value                                               a struct with the array word[8]
 *   void subject_open(unsigned readers)                 anew, each time
 *   int subject_store(const value *)                    non-zero when done
 *   int subject_load(unsigned reader, value *)          non-zero if there was a new value to copy
 *   SUBJECT_WAITS                                       whether the writer waits for every reader
 */
#ifndef BENCH_FAN_H
#define BENCH_FAN_H

#include "window.h"

#include <string.h>

enum { CHUNKS = 15, OPS = 20000 };

typedef struct fan_run {
    unsigned readers;
    int stores;
    int loads;
} fan_run;

/* Returns the sum of what the readers saw. */
static __attribute__((noinline)) uint64_t chunk(int stores, unsigned readers)
{
    value v = {{0}};
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= OPS; i++) {
        v.word[0] = i;
        BENCH_TOUCH(&v);
        if (stores && !subject_store(&v)) bench_die("store failed");
        for (unsigned r = 0; r < readers; r++) {
            value out = {{0}};
            if (subject_load(r, &out)) sum += out.word[0];
            BENCH_TOUCH(&out);
        }
    }
    return sum;
}

/* The median chunk, in ns per round. */
static double measure(int stores, unsigned readers)
{
    double ns[CHUNKS];
    subject_open(readers);
    chunk(stores, readers); /* warm */
    for (int i = 0; i < CHUNKS; i++) {
        uint64_t t = bench_cpu_ns();
        uint64_t sum = chunk(stores, readers);
        ns[i] = (double)(bench_cpu_ns() - t) / OPS;
        if (stores && sum != (uint64_t)readers * OPS * (OPS + 1) / 2)
            bench_die("wrong values came out");
    }
    return bench_median(ns, CHUNKS);
}

static double fan_window(void *arg)
{
    const fan_run *run = arg;
    if (!run->loads) return measure(1, 0);
    double all = measure(run->stores, run->readers);
    return (all - (run->stores ? measure(1, 0) : 0)) / run->readers;
}

/* ---- stalled --------------------------------------------------------------------------------- */

static inline int stalled_push(unsigned producer, uint64_t element)
{
    value v = {{element}};
    (void)producer;
    return subject_store(&v);
}

static inline int stalled_pop(unsigned consumer, uint64_t *element)
{
    value v = {{0}};
    if (!subject_load(consumer, &v)) return 0;
    *element = v.word[0];
    return 1;
}

#include "stalled.h"

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "stalled")) {
        subject_open(2);
        stalled_set_up(1, 2, SUBJECT_WAITS);
        stalled.producers_yield = !SUBJECT_WAITS;
        stalled_serve(SUBJECT_VARIANT, argv[2]);
        return 0;
    }
    fan_run run = {.readers = argc == 3 ? (unsigned)atoi(argv[2]) : 0};
    if (run.readers == 0 || run.readers > MOST_READERS) bench_die("usage: read|poll|store READERS");
    run.loads = strcmp(argv[1], "store") != 0;
    run.stores = strcmp(argv[1], "poll") != 0;
    bench_serve(SUBJECT_VARIANT, fan_window, &run);
    return 0;
}

#endif
