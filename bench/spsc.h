/* SPDX-License-Identifier: MIT
 *
 * spsc.h: what every program of `thetis-bench spsc` does; include it last. For C and C++.
 *
 * Usage: bench-STEM-SUBJECT pair|burst32|batch32
 *        bench-STEM-SUBJECT stalled WINDOWS        see stalled.h
 *        bench-STEM-SUBJECT crowd THREADS MS       see crowd.h; with BENCH_CROWD
 *
 * One thread pushes 1 element of 8 bytes and pops it (pair), or 32 and 32, one by one (burst32) or
 * as batches (batch32). That is the cost without contention: what the code itself takes when both
 * sides' lines are in this cache.
 *
 * Such short loops run up to a third faster or slower by where they lie in memory, which no
 * library can choose. So each loop is compiled PLACES times, at different offsets to a cache
 * line; a window is CHUNKS chunks of OPS elements at each place, and the result is the mean over
 * the places of the median chunk.
 *
 * The subject defines before:
 *   subject_ring                                       the type
 *   SUBJECT_VARIANT                                    library, version, form
 *   subject_ring *subject_open(void)                   an empty ring of CAPACITY elements
 *   int subject_push(subject_ring *, uint64_t)         non-zero when done
 *   int subject_pop(subject_ring *, uint64_t *)        non-zero when done
 *   size_t subject_push_n(subject_ring *, const uint64_t *, size_t)
 *   size_t subject_pop_n(subject_ring *, uint64_t *, size_t)
 * and, if the ring has many producers,
 *   SUBJECT_JOIN(ring)                                 another producer's end, a subject_ring *
 * and with BENCH_CROWD, if the ring has many consumers, too, and threads have ends,
 *   SUBJECT_JOIN(ring)                                 another thread's end
 */
#ifndef BENCH_SPSC_H
#define BENCH_SPSC_H

#include "window.h"

#include <string.h>

enum { PLACES = 8, CHUNKS = 15, OPS = 48000, BATCH = 32 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Returns the sum of what came out: it is checked, so nothing can be folded away. */
ALWAYS_INLINE uint64_t pair_loop(subject_ring *ring)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < OPS; i++) {
        uint64_t v = 0;
        if (!subject_push(ring, i)) bench_die("push failed");
        if (!subject_pop(ring, &v)) bench_die("pop failed");
        sum += v;
    }
    return sum;
}

ALWAYS_INLINE uint64_t burst_loop(subject_ring *ring)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < OPS; i += BATCH) {
        for (uint64_t k = 0; k < BATCH; k++)
            if (!subject_push(ring, i + k)) bench_die("push failed");
        for (uint64_t k = 0; k < BATCH; k++) {
            uint64_t v = 0;
            if (!subject_pop(ring, &v)) bench_die("pop failed");
            sum += v;
        }
    }
    return sum;
}

ALWAYS_INLINE uint64_t batch_loop(subject_ring *ring)
{
    uint64_t in[BATCH] = {0}, out[BATCH] = {0}, sum = 0;
    for (uint64_t i = 0; i < OPS; i += BATCH) {
        in[0] = i;
        BENCH_TOUCH(in);
        if (subject_push_n(ring, in, BATCH) != BATCH) bench_die("push_n failed");
        if (subject_pop_n(ring, out, BATCH) != BATCH) bench_die("pop_n failed");
        BENCH_TOUCH(out);
        sum += out[0];
    }
    return sum;
}

typedef uint64_t chunk_fn(subject_ring *ring);

/* The loop `form` behind `k` times 8 nops at the start of a cache line. */
#define PLACED(form, k)                                                                         \
    static __attribute__((noinline, aligned(64))) uint64_t form##_##k(subject_ring *ring)       \
    {                                                                                           \
        __asm__ volatile(".rept 8 * " #k "\n nop\n .endr");                                     \
        return form##_loop(ring);                                                               \
    }
#define EVERY_PLACE(form)                                                                       \
    PLACED(form, 0) PLACED(form, 1) PLACED(form, 2) PLACED(form, 3)                             \
    PLACED(form, 4) PLACED(form, 5) PLACED(form, 6) PLACED(form, 7)                             \
    static chunk_fn *const form##_places[PLACES] = {form##_0, form##_1, form##_2, form##_3,     \
                                                    form##_4, form##_5, form##_6, form##_7};

EVERY_PLACE(pair)
EVERY_PLACE(burst)
EVERY_PLACE(batch)

typedef struct spsc_run {
    subject_ring *ring;
    chunk_fn *const *places;
    uint64_t step; /* elements are numbers in these steps; between them there are zeros */
} spsc_run;

/* The median chunk at one place. */
static double measure_place(const spsc_run *run, chunk_fn *chunk)
{
    const uint64_t rounds = OPS / run->step;
    const uint64_t expected = run->step * (rounds * (rounds - 1) / 2);
    double ns[CHUNKS];
    chunk(run->ring); /* warm */
    for (int i = 0; i < CHUNKS; i++) {
        uint64_t t = bench_cpu_ns();
        uint64_t sum = chunk(run->ring);
        ns[i] = (double)(bench_cpu_ns() - t) / OPS;
        if (sum != expected) bench_die("wrong elements came out");
    }
    return bench_median(ns, CHUNKS);
}

static double spsc_window(void *arg)
{
    const spsc_run *run = (const spsc_run *)arg;
    double sum = 0;
    for (int k = 0; k < PLACES; k++)
        sum += measure_place(run, run->places[k]);
    return sum / PLACES;
}

/* ---- stalled --------------------------------------------------------------------------------- */

#ifdef BENCH_CROWD
enum { PRODUCERS = 2, CONSUMERS = 2, ENDS = PRODUCERS + CONSUMERS };
#ifndef SUBJECT_JOIN
#define SUBJECT_JOIN(ring) (ring)
#endif
#elif defined(SUBJECT_JOIN)
enum { PRODUCERS = 2, CONSUMERS = 1, ENDS = PRODUCERS };
#else
enum { PRODUCERS = 1, CONSUMERS = 1, ENDS = PRODUCERS };
#define SUBJECT_JOIN(ring) (ring)
#endif

static subject_ring *ends[ENDS]; /* of producers, then of consumers; one consumer has the first */

static inline int stalled_push(unsigned producer, uint64_t element)
{
    return subject_push(ends[producer], element);
}

static inline int stalled_pop(unsigned consumer, uint64_t *element)
{
    return subject_pop(ends[(PRODUCERS + consumer) % ENDS], element);
}

#include "stalled.h"

static void serve_stalled(subject_ring *ring, const char *windows)
{
    ends[0] = ring;
    for (unsigned k = 1; k < ENDS; k++) ends[k] = SUBJECT_JOIN(ring);
    stalled_set_up(PRODUCERS, CONSUMERS, 0);
#ifdef BENCH_UNBOUNDED
    stalled.ahead = 1024;
#endif
    stalled_serve(SUBJECT_VARIANT, windows);
}

#ifdef BENCH_CROWD
static inline int crowd_push(subject_ring *end, uint64_t element)
{
    return subject_push(end, element);
}

static inline int crowd_pop(subject_ring *end, uint64_t *element)
{
    return subject_pop(end, element);
}

#include "crowd.h"
#endif

int main(int argc, char **argv)
{
    spsc_run run = {subject_open(), pair_places, 1};
    if (!run.ring) bench_die("cannot make the ring");
    BENCH_TOUCH(&run); /* from here on another thread might know the ring */
    if (argc == 3 && !strcmp(argv[1], "stalled")) {
        serve_stalled(run.ring, argv[2]);
        return 0;
    }
#ifdef BENCH_CROWD
    if (argc == 4 && !strcmp(argv[1], "crowd")) {
        crowd_serve(run.ring, SUBJECT_VARIANT, argv[2], argv[3]);
        return 0;
    }
#endif
    if (argc == 2 && !strcmp(argv[1], "batch32")) {
        run.places = batch_places;
        run.step = BATCH;
    } else if (argc == 2 && !strcmp(argv[1], "burst32")) {
        run.places = burst_places;
    } else if (argc != 2 || strcmp(argv[1], "pair")) {
        bench_die("usage: pair|burst32|batch32|stalled WINDOWS|crowd THREADS MS");
    }
    bench_serve(SUBJECT_VARIANT, spsc_window, &run);
    return 0;
}

#endif
