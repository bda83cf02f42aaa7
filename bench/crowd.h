/* SPDX-License-Identifier: MIT
 *
 * crowd.h: many producers and as many consumers of one ring at once, and how long each call takes.
 * For C and C++.
 *
 * Usage: bench-STEM-SUBJECT crowd THREADS MS     so many threads on each side, for so long
 *
 * Each thread calls as fast as it can, and yields when a call found the ring full or empty. The
 * time of every call is taken, also of these, and also if the thread loses its processor inside it:
 * so a subject is to be compared with the control, whose calls do nothing in the same loop.
 *
 * Prints, for each line of the protocol (window.h): the 99.9th percentile in ns; of a million calls
 * how many took longer than 100 us; and wall-clock ns for each element that was moved.
 *
 * Whoever includes this defines before:
 *   subject_ring, SUBJECT_JOIN(ring)                   an end for another thread
 *   int crowd_push(subject_ring *, uint64_t)           non-zero when done
 *   int crowd_pop(subject_ring *, uint64_t *)
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "window.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <thetis/atomic.h>

enum {
    CROWD_SEATS = 16,
    CROWD_LINEAR = 1024, /* ns that are told apart; above, 1/64 of a power of two */
    CROWD_PARTS = 64,
    CROWD_BUCKETS = CROWD_LINEAR + 30 * CROWD_PARTS,
    CROWD_LONG = 100000 /* ns */
};

typedef struct crowd_seat {
    subject_ring *end;
    int produces;
    pthread_t thread;
    uint64_t moved, calls, lengthy; /* the last: longer than CROWD_LONG */
    uint64_t took[CROWD_BUCKETS];
} __attribute__((aligned(128))) crowd_seat;

static struct {
    crowd_seat seat[CROWD_SEATS];
    unsigned seats;
    unsigned ms;
    thetis_atomic go __attribute__((aligned(128)));
    thetis_atomic stop;
} crowd;

static inline uint64_t crowd_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline unsigned crowd_bucket(uint64_t ns)
{
    unsigned above = 0;
    if (ns < CROWD_LINEAR) return (unsigned)ns;
    while (ns >> above >= 2 * CROWD_PARTS) above++;
    unsigned k = CROWD_LINEAR + (above - 4) * CROWD_PARTS + (unsigned)(ns >> above) - CROWD_PARTS;
    return k < CROWD_BUCKETS ? k : CROWD_BUCKETS - 1;
}

/* The least value of a bucket. */
static inline uint64_t crowd_value(unsigned k)
{
    if (k < CROWD_LINEAR) return k;
    k -= CROWD_LINEAR;
    return (uint64_t)(CROWD_PARTS + k % CROWD_PARTS) << (k / CROWD_PARTS + 4);
}

static void *crowd_body(void *arg)
{
    crowd_seat *me = (crowd_seat *)arg;
    uint64_t element = 0;
    while (!thetis_atomic_load_relaxed(&crowd.go)) (void)sched_yield();
    while (!thetis_atomic_load_relaxed(&crowd.stop)) {
        uint64_t began = crowd_now();
        int done = me->produces ? crowd_push(me->end, me->calls) : crowd_pop(me->end, &element);
        uint64_t ns = crowd_now() - began;
        me->took[crowd_bucket(ns)]++;
        me->calls++;
        me->moved += (uint64_t)(done != 0);
        me->lengthy += ns > CROWD_LONG;
        if (!done) (void)sched_yield();
    }
    return NULL;
}

/* How long the threads have run, in ns. */
static uint64_t crowd_run(void)
{
    struct timespec t = {(time_t)(crowd.ms / 1000), (long)(crowd.ms % 1000) * 1000000};
    thetis_atomic_store_relaxed(&crowd.go, 0);
    thetis_atomic_store_relaxed(&crowd.stop, 0);
    for (unsigned k = 0; k < crowd.seats; k++) {
        crowd_seat *seat = &crowd.seat[k];
        seat->moved = seat->calls = seat->lengthy = 0;
        memset(seat->took, 0, sizeof seat->took);
        if (pthread_create(&seat->thread, NULL, crowd_body, seat)) bench_die("no thread");
    }
    uint64_t began = crowd_now();
    thetis_atomic_store_relaxed(&crowd.go, 1);
    (void)nanosleep(&t, NULL);
    thetis_atomic_store_relaxed(&crowd.stop, 1);
    uint64_t ns = crowd_now() - began;
    for (unsigned k = 0; k < crowd.seats; k++) (void)pthread_join(crowd.seat[k].thread, NULL);
    return ns;
}

/* The time that one call in a thousand exceeds. */
static uint64_t crowd_p999(uint64_t calls)
{
    uint64_t left = calls / 1000;
    for (unsigned k = CROWD_BUCKETS; k-- > 0;) {
        uint64_t here = 0;
        for (unsigned s = 0; s < crowd.seats; s++) here += crowd.seat[s].took[k];
        if (here > left) return crowd_value(k);
        left -= here;
    }
    return 0;
}

/* What is left goes before the next window: an unbounded queue would grow from one to the next. */
static void crowd_drain(uint64_t left)
{
    subject_ring *end = crowd.seat[crowd.seats - 1].end;
    uint64_t element;
    while (left > 0 && crowd_pop(end, &element)) left--;
}

static void crowd_window(void)
{
    uint64_t ns = crowd_run(), calls = 0, pushed = 0, popped = 0, lengthy = 0;
    for (unsigned k = 0; k < crowd.seats; k++) {
        calls += crowd.seat[k].calls;
        lengthy += crowd.seat[k].lengthy;
        *(crowd.seat[k].produces ? &pushed : &popped) += crowd.seat[k].moved;
    }
    crowd_drain(pushed > popped ? pushed - popped : 0);
    printf("%llu %.4f %.3f\n", (unsigned long long)crowd_p999(calls),
           (double)lengthy * 1e6 / (double)calls, (double)ns / (double)(popped ? popped : 1));
    fflush(stdout);
}

static inline void crowd_serve(subject_ring *ring, const char *variant, const char *threads,
                               const char *ms)
{
    char line[16];
    crowd.seats = 2 * (unsigned)atoi(threads);
    crowd.ms = (unsigned)atoi(ms);
    if (crowd.seats > CROWD_SEATS) bench_die("too many threads");
    for (unsigned k = 0; k < crowd.seats; k++) {
        crowd.seat[k].end = SUBJECT_JOIN(ring);
        crowd.seat[k].produces = k < crowd.seats / 2;
        if (!crowd.seat[k].end) bench_die("no end for a thread");
    }
    printf("%s\n", variant);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) crowd_window();
}

#endif
