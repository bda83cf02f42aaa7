/* SPDX-License-Identifier: MIT
 *
 * map.h: what every program of `thetis-bench map` does; include it last. For C and C++.
 *
 * Usage: bench-map-SUBJECT mix KEYS OPS | grow KEYS | shrink KEYS | crowd THREADS MS
 *                          | stopped PAIRS | stalled WINDOWS
 *
 * mix: a map of KEYS keys, made for so many; one thread, CPU time of the whole process, OPS
 * operations for each figure, each on a key that is there. Per line of the protocol 11 figures,
 * nanoseconds per operation: lookups 100, 99, 90, 50 and 0 % and the others put; the same with keys
 * after Zipf; and a pair of erase and insert, of another key.
 * grow: inserts KEYS keys into an empty map that was made for none. CPU seconds of the process;
 * then once more with the thread's processor time read after each: how many took more than 200 us
 * without a page that the system had to supply, the longest of them in us; how many more with one,
 * and how many pages there were.
 * shrink: the same for erasing all of them again.
 * crowd, stopped, stalled: several threads, see map_crowd.h.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                  library, version, form
 *   void subject_open(size_t keys)   an empty map for so many keys, and up to 32 threads
 *   void subject_close(void)
 *   void subject_join(int who)       the calling thread takes part, as number `who` of 0 .. 31
 *   void subject_leave(int who)
 *   int subject_find(int who, uint64_t key, uint64_t *value)      1: it is there
 *   int subject_put(int who, uint64_t key, uint64_t value)        1: done, it was there or not
 *   int subject_insert(int who, uint64_t key, uint64_t value)     1: done, it was not there
 *   int subject_erase(int who, uint64_t key)                      1: done, it was there
 *   void subject_settle(void)        frees all that waits to be freed
 */
#ifndef BENCH_MAP_H
#define BENCH_MAP_H

#include "map_keys.h"
#include "map_crowd.h"

#include <string.h>
#include <sys/resource.h>

enum { MAP_FIGURES = 11, MAP_READS = 5, MAP_SLOW_NS = 200000 };

typedef struct map_run {
    map_keys keys;
    size_t ops;
    uint64_t spared; /* pairs that were erased and inserted so far */
} map_run;

static uint64_t map_clock(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void map_fill(uint64_t from, uint64_t n)
{
    for (uint64_t k = from; k < from + n; k++)
        if (!subject_insert(0, keys_at(k), k)) bench_die("an insert failed");
}

/* ---- mix ------------------------------------------------------------------------------------- */

static double map_mix(map_run *run, unsigned reads, int zipf)
{
    const uint64_t limit = 65536u * reads / 100;
    uint64_t hits = 0, sum = 0, value = 0, begin = map_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t k = 0; k < run->ops; k++) {
        uint64_t random = bench_rand(&run->keys.random);
        uint64_t key = keys_draw(&run->keys, random, zipf);
        if ((random & 0xffff) < limit) {
            hits += (uint64_t)subject_find(0, key, &value);
            sum += value;
        } else {
            hits += (uint64_t)subject_put(0, key, random);
        }
    }
    BENCH_TOUCH(&sum);
    if (reads < 100) subject_settle();
    if (hits != run->ops) bench_die("a key is missing");
    return (double)(map_clock(CLOCK_PROCESS_CPUTIME_ID) - begin) / (double)run->ops;
}

/* Key number `pair` of those that are erased: from all over the map, none twice in a window. */
static uint64_t map_spare(const map_run *run, uint64_t pair)
{
    return pair * 7919 % run->keys.n;
}

static double map_churn(map_run *run)
{
    uint64_t n = run->keys.n, pairs = run->ops / 2, done = 0, first = run->spared, spent;
    if (pairs > n / 2) pairs = n / 2;
    spent = map_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t k = first; k < first + pairs; k++) {
        done += (uint64_t)subject_erase(0, keys_at(map_spare(run, k)));
        done += (uint64_t)subject_insert(0, keys_at(n + map_spare(run, k)), k);
    }
    subject_settle();
    spent = map_clock(CLOCK_PROCESS_CPUTIME_ID) - spent;
    for (uint64_t k = first; k < first + pairs; k++) { /* as it was */
        done += (uint64_t)subject_erase(0, keys_at(n + map_spare(run, k)));
        done += (uint64_t)subject_insert(0, keys_at(map_spare(run, k)), k);
    }
    subject_settle();
    if (done != 4 * pairs) bench_die("a key is missing");
    run->spared += pairs;
    return (double)spent / (double)pairs;
}

static void map_mix_line(map_run *run, double *figure)
{
    static const unsigned reads[MAP_READS] = {100, 99, 90, 50, 0};
    for (int k = 0; k < MAP_READS; k++) figure[k] = map_mix(run, reads[k], 0);
    for (int k = 0; k < MAP_READS; k++) figure[MAP_READS + k] = map_mix(run, reads[k], 1);
    figure[2 * MAP_READS] = map_churn(run);
}

/* ---- grow, shrink ---------------------------------------------------------------------------- */

static int map_insert(uint64_t k)
{
    return subject_insert(0, keys_at(k), k);
}

static int map_erase(uint64_t k)
{
    return subject_erase(0, keys_at(k));
}

static void map_close(void)
{
    subject_settle();
    subject_leave(0);
    subject_close();
}

/* Pages that the system has supplied so far. */
static uint64_t map_faults(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_minflt;
}

/* Figures: slow operations without a fault, the longest of them, slow ones with one, faults. */
static void map_watch(const map_run *run, int (*operate)(uint64_t k), double *figure)
{
    uint64_t worst = 0, slow[2] = {0, 0}, first = map_faults(), faults = first;
    uint64_t before = map_clock(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t k = 1; k <= run->keys.n; k++) {
        if (!operate(k)) bench_die("an operation failed");
        uint64_t had = faults;
        faults = map_faults();
        uint64_t now = map_clock(CLOCK_THREAD_CPUTIME_ID), took = now - before;
        slow[faults != had] += took > MAP_SLOW_NS;
        if (faults == had && took > worst) worst = took;
        before = now;
    }
    figure[0] = (double)slow[0];
    figure[1] = (double)worst / 1000;
    figure[2] = (double)slow[1];
    figure[3] = (double)(faults - first);
}

/* An empty map that was made for none; or one that has grown to all keys. */
static void map_open_small(const map_run *run, int full)
{
    subject_open(1);
    subject_join(0);
    if (full) map_fill(1, run->keys.n);
}

static void map_resize_line(const map_run *run, int (*operate)(uint64_t k), double *figure)
{
    int full = operate == map_erase;
    map_open_small(run, full);
    uint64_t begin = map_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t k = 1; k <= run->keys.n; k++)
        if (!operate(k)) bench_die("an operation failed");
    subject_settle();
    figure[0] = (double)(map_clock(CLOCK_PROCESS_CPUTIME_ID) - begin) / 1e9;
    map_close();
    map_open_small(run, full);
    map_watch(run, operate, &figure[1]);
    map_close();
}

static void map_grow_line(map_run *run, double *figure)
{
    map_resize_line(run, map_insert, figure);
}

static void map_shrink_line(map_run *run, double *figure)
{
    map_resize_line(run, map_erase, figure);
}

/* ---- the program ----------------------------------------------------------------------------- */

static void map_serve(map_run *run, void (*measure)(map_run *run, double *figure), size_t figures)
{
    double figure[MAP_FIGURES];
    char line[16];
    printf("%s\n", SUBJECT_VARIANT);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        measure(run, figure);
        for (size_t k = 0; k < figures; k++) printf("%.4f ", figure[k]);
        printf("\n");
        fflush(stdout);
    }
}

static void map_serve_mix(map_run *run)
{
    subject_open(run->keys.n);
    subject_join(0);
    map_fill(0, run->keys.n);
    map_serve(run, map_mix_line, MAP_FIGURES);
    map_close();
}

int main(int argc, char **argv)
{
    static map_run run;
    const char *form = argc > 2 ? argv[1] : "";
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (n == 0 || n >> 32) bench_die("no such number");
    if (crowd_main(form, argv[2], argc > 3 ? argv[3] : "")) return 0;
    keys_open(&run.keys, n, 1);
    run.ops = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (!strcmp(form, "mix") && run.ops) map_serve_mix(&run);
    else if (!strcmp(form, "grow")) map_serve(&run, map_grow_line, 5);
    else if (!strcmp(form, "shrink")) map_serve(&run, map_shrink_line, 5);
    else bench_die("usage: see map.h");
    return 0;
}

#endif
