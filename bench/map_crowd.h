/* SPDX-License-Identifier: MIT
 *
 * map_crowd.h: the forms of `thetis-bench map` with several threads. For C and C++.
 *
 * crowd: THREADS threads on 100,000 keys after Zipf, half of the operations put, for MS ms. Per
 * line: CPU ns per operation; ns that 99, 99.9 and 99.99 % of the operations do not exceed, and how
 * many of 10^7 took more than 200 us: by the clock on the wall, so with all that the machine does
 * meanwhile. The control, a map that does nothing, says how much that is.
 * stopped: three threads on 1,000 keys. One is suspended inside an operation (stalled.h), and once
 * more between two operations; the ratio of what the others did per second of processor time, or,
 * where they slept, of time. The median of PAIRS.
 * stalled: the windows of stalled.h; no operation may have to wait for another one.
 */
#ifndef BENCH_MAP_CROWD_H
#define BENCH_MAP_CROWD_H

#include "map_keys.h"

static int stalled_push(unsigned who, uint64_t element);
static int stalled_pop(unsigned who, uint64_t *element);

#include "stalled.h"

enum {
    CROWD_KEYS = 100000,
    CROWD_FEW = 1000,
    CROWD_THREADS = 31,
    CROWD_SEATS = 3,
    CROWD_STOPPED_MS = 50,
    CROWD_PAIRS = 100,
    CROWD_CLASSES = 64 * 16
};

/* Latencies by powers of two, each in 16 parts. */
typedef struct crowd_hist {
    uint64_t n[CROWD_CLASSES], slow, all;
} crowd_hist;

typedef struct crowd_seat {
    int who;
    pthread_t thread;
    crowd_hist hist;
    map_keys keys;
} crowd_seat;

static thetis_atomic crowd_stop;
static map_keys crowd_keys;

static uint64_t crowd_clock(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void crowd_open(uint64_t keys)
{
    keys_open(&crowd_keys, keys, 1);
    subject_open(keys);
    subject_join(0);
    for (uint64_t k = 0; k < keys; k++)
        if (!subject_insert(0, keys_at(k), k)) bench_die("an insert failed");
    subject_leave(0);
}

/* Half a lookup, half a put, of a key that is there. */
static inline int crowd_step(int who, map_keys *keys, int zipf)
{
    uint64_t random = bench_rand(&keys->random), key = keys_draw(keys, random, zipf), value;
    return random & 1 ? subject_find(who, key, &value) : subject_put(who, key, random);
}

/* ---- crowd ----------------------------------------------------------------------------------- */

static inline void crowd_count(crowd_hist *hist, uint64_t ns)
{
    int top = 63 - __builtin_clzll(ns | 16);
    hist->n[top * 16 + (int)(ns >> (top - 4) & 15)]++;
    hist->slow += ns > 200000;
    hist->all++;
}

/* The upper end of the class that holds the share. */
static double crowd_quantile(const crowd_hist *hist, double share)
{
    uint64_t left = (uint64_t)((double)hist->all * share);
    int k = 0;
    while (k < CROWD_CLASSES - 1 && hist->n[k] <= left) left -= hist->n[k++];
    return (double)((uint64_t)(16 + k % 16 + 1) << (k / 16 < 4 ? 0 : k / 16 - 4));
}

static void *crowd_body(void *arg)
{
    crowd_seat *seat = (crowd_seat *)arg;
    subject_join(seat->who);
    uint64_t before = crowd_clock(CLOCK_MONOTONIC);
    while (!thetis_atomic_load_relaxed(&crowd_stop)) {
        if (!crowd_step(seat->who, &seat->keys, 1)) bench_die("a key is missing");
        uint64_t now = crowd_clock(CLOCK_MONOTONIC);
        crowd_count(&seat->hist, now - before);
        before = now;
    }
    subject_leave(seat->who);
    return NULL;
}

static void crowd_add(crowd_hist *to, const crowd_hist *from)
{
    for (int k = 0; k < CROWD_CLASSES; k++) to->n[k] += from->n[k];
    to->slow += from->slow;
    to->all += from->all;
}

static void crowd_window(crowd_seat *seats, int threads, uint64_t ms)
{
    crowd_hist sum;
    memset(&sum, 0, sizeof sum);
    thetis_atomic_store_relaxed(&crowd_stop, 0);
    uint64_t begin = crowd_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (int k = 0; k < threads; k++) {
        memset(&seats[k].hist, 0, sizeof seats[k].hist);
        if (pthread_create(&seats[k].thread, NULL, crowd_body, &seats[k])) bench_die("no thread");
    }
    stalled_sleep_us(ms * 1000);
    thetis_atomic_store_relaxed(&crowd_stop, 1);
    for (int k = 0; k < threads; k++) {
        (void)pthread_join(seats[k].thread, NULL);
        crowd_add(&sum, &seats[k].hist);
    }
    double all = (double)sum.all;
    printf("%.4f %.0f %.0f %.0f %.3f\n",
           (double)(crowd_clock(CLOCK_PROCESS_CPUTIME_ID) - begin) / all,
           crowd_quantile(&sum, 0.99), crowd_quantile(&sum, 0.999), crowd_quantile(&sum, 0.9999),
           (double)sum.slow * 1e7 / all);
}

static void crowd_serve(int threads, uint64_t ms)
{
    static crowd_seat seats[CROWD_THREADS];
    char line[16];
    if (threads < 1 || threads > CROWD_THREADS || ms < 1) bench_die("crowd THREADS MS");
    crowd_open(CROWD_KEYS);
    for (int k = 0; k < threads; k++) {
        seats[k].who = k;
        seats[k].keys = crowd_keys;
        seats[k].keys.random = seats[k].keys.next = (uint64_t)k * 0x9E3779B9u;
    }
    printf("%s\n", SUBJECT_VARIANT);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        crowd_window(seats, threads, ms);
        fflush(stdout);
    }
}

/* ---- stopped, stalled ------------------------------------------------------------------------ */

static pthread_key_t crowd_key;

/* A thread of stalled.h ends. */
static void crowd_leave(void *seat)
{
    subject_leave((int)((stalled_seat *)seat)->number);
}

/* A role of stalled.h: here all do the same. */
static int stalled_pop(unsigned who, uint64_t *element)
{
    static __thread map_keys keys;
    if (!keys.n) {
        keys = crowd_keys;
        keys.random += (uint64_t)who << 32;
        subject_join((int)who);
        (void)pthread_setspecific(crowd_key, &stalled.seat[who]);
    }
    *element = 0;
    return crowd_step((int)who, &keys, 0);
}

static int stalled_push(unsigned who, uint64_t element)
{
    (void)who;
    (void)element;
    return 0;
}

static uint64_t crowd_thread_ns(pthread_t thread)
{
    clockid_t clock;
    return pthread_getcpuclockid(thread, &clock) ? 0 : crowd_clock(clock);
}

/* Operations per second of the others, while the victim stands still. */
static double crowd_rate(stalled_seat *victim, int between)
{
    uint64_t used[CROWD_SEATS], done = 0, ns = 0, begin;
    uintptr_t before[CROWD_SEATS];
    char goes;
    stalled.between = between;
    stalled_suspend(victim);
    begin = crowd_clock(CLOCK_MONOTONIC);
    for (unsigned k = 0; k < CROWD_SEATS; k++) {
        before[k] = stalled_returned(k);
        used[k] = crowd_thread_ns(stalled.seat[k].thread);
    }
    stalled_sleep_us(CROWD_STOPPED_MS * 1000);
    begin = crowd_clock(CLOCK_MONOTONIC) - begin;
    for (unsigned k = 0; k < CROWD_SEATS; k++) {
        if (&stalled.seat[k] == victim) continue;
        done += stalled_returned(k) - before[k];
        ns += stalled_asleep(&stalled.seat[k])
                  ? begin
                  : crowd_thread_ns(stalled.seat[k].thread) - used[k];
    }
    if (write(stalled.go_on[1], "", 1) != 1 || read(stalled.found[0], &goes, 1) != 1)
        bench_die("cannot resume");
    return ns ? (double)done / (double)ns : 0;
}

static double crowd_stopped(void *arg)
{
    double ratio[CROWD_PAIRS];
    int pairs = *(int *)arg;
    stalled_start(CROWD_SEATS);
    for (int k = 0; k < pairs; k++) {
        stalled_seat *victim = &stalled.seat[k % CROWD_SEATS];
        double inside = crowd_rate(victim, 0), between = crowd_rate(victim, 1);
        ratio[k] = between > 0 ? inside / between : 0;
    }
    stalled_end(CROWD_SEATS);
    return bench_median(ratio, (size_t)pairs);
}

/* 1, and it is done, if it is one of these forms. */
static int crowd_main(const char *form, const char *first, const char *second)
{
    int n = atoi(first), stops = !strcmp(form, "stopped") && n <= CROWD_PAIRS;
    if (!strcmp(form, "crowd")) {
        crowd_serve(n, strtoull(second, NULL, 10));
        return 1;
    }
    if (!stops && strcmp(form, "stalled") != 0) return 0;
    if (pthread_key_create(&crowd_key, crowd_leave)) bench_die("no key"); /* before a peer's */
    crowd_open(CROWD_FEW);
    stalled_set_up(0, CROWD_SEATS, 1);
    if (stops) bench_serve(SUBJECT_VARIANT, crowd_stopped, &n);
    else stalled_serve(SUBJECT_VARIANT, first);
    return 1;
}

#endif
