/* SPDX-License-Identifier: MIT
 *
 * stress_map_grow.c: real threads on a map whose size goes up and down, as one of them, the tide,
 * inserts and erases many keys. Keys of one's own stay as one leaves them; every addition counts;
 * recorded histories of few keys are judged key by key.
 *
 * THETIS_MAP_HISTORY=N in the environment: so many recorded operations, in pieces. Unset: one piece
 * of the usual size.
 */
#include "harness/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/map.h>

#include "lin/lin.h"

enum { TIDE_THREADS = 4, TIDE_KEYS = 400, TIDE_OPS = 4000, TIDE_SHARED = 8, TIDE_BASE = 1 << 12,
       TIDE_KEY = THETIS_CAP_WORD_BITS / 2 };

typedef struct tide_run {
    thetis_domain *domain;
    thetis_map *map;
    void *memory;
    uint64_t rounds;
    thetis_atomic over; /* threads that have ended */
} tide_run;

typedef struct tide_seat {
    tide_run *run;
    thetis_domain_thread *me;
    pthread_t thread;
    uint64_t number, seed;
    uintptr_t added[TIDE_SHARED];
    lin_recorder recorder;
} tide_seat;

static tide_run tide_make(uint64_t rounds)
{
    const thetis_domain_cfg threads = {TIDE_THREADS + 1, 1, THETIS_MAP_ARGS};
    const thetis_map_cfg cfg = {.capacity = 1, .capacity_max = 4 * TIDE_KEYS, .seed = test_seed()};
    tide_run run = {.rounds = test_scale(rounds)};
    size_t line = THETIS_CACHE_LINE, size = thetis_domain_size(&threads) / line * line + line;
    run.memory = aligned_alloc(THETIS_CACHE_LINE, size);
    CHECK(run.memory);
    CHECK_EQ(thetis_domain_init(run.memory, size, &threads, &run.domain), THETIS_OK);
    CHECK_EQ(thetis_map_create(run.domain, &cfg, &run.map), THETIS_OK);
    return run;
}

/* The upper half is the key, as the walks check. */
static uintptr_t tide_value(uintptr_t k)
{
    return (TIDE_BASE + k) << TIDE_KEY;
}

/* Up and down until all the others have ended. */
static void *tide_flow(void *arg)
{
    tide_seat *seat = arg;
    thetis_map *map = seat->run->map;
    while (thetis_atomic_load_relaxed(&seat->run->over) < TIDE_THREADS - 1) {
        for (uintptr_t k = 0; k < TIDE_KEYS; k++)
            CHECK_EQ(thetis_map_insert(map, seat->me, TIDE_BASE + k, tide_value(k), NULL),
                     THETIS_OK);
        for (uintptr_t k = 0; k < TIDE_KEYS; k++) {
            uintptr_t v = 0;
            CHECK_EQ(thetis_map_erase(map, seat->me, TIDE_BASE + k, &v), THETIS_OK);
            CHECK_EQ(v, tide_value(k));
        }
    }
    return NULL;
}

/* The last seat is the tide's. */
static void tide_go(tide_run *run, tide_seat *seats, void *(*body)(void *))
{
    size_t pairs;
    thetis_atomic_store_relaxed(&run->over, 0);
    for (unsigned t = 0; t < TIDE_THREADS; t++) {
        seats[t].run = run;
        seats[t].number = t;
        seats[t].seed = test_rand(&seats[t].seed) + test_seed() + t;
        CHECK_EQ(thetis_domain_join(run->domain, &seats[t].me), THETIS_OK);
        CHECK_EQ(pthread_create(&seats[t].thread, NULL, t + 1 < TIDE_THREADS ? body : tide_flow,
                                &seats[t]), 0);
    }
    for (unsigned t = 0; t < TIDE_THREADS; t++) {
        CHECK_EQ(pthread_join(seats[t].thread, NULL), 0);
        thetis_domain_leave(seats[t].me);
    }
    CHECK_EQ(thetis_map_check(run->map, &pairs), THETIS_OK);
    CHECK_EQ(pairs, thetis_map_count(run->map));
}

static void tide_end(tide_run *run)
{
    thetis_map_destroy(run->map);
    free(run->memory);
}

static void *tide_over(tide_seat *seat)
{
    (void)thetis_atomic_fetch_add_relaxed(&seat->run->over, 1);
    return NULL;
}

/* ---- sums, and keys of one's own ------------------------------------------------------------- */

static uintptr_t tide_plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

/* A key of one's own comes and goes; one that all have gets something. */
static void *tide_work(void *arg)
{
    tide_seat *seat = arg;
    thetis_map *map = seat->run->map;
    for (uint64_t k = 0; k < seat->run->rounds; k++) {
        uintptr_t random = (uintptr_t)test_rand(&seat->seed), by = random >> TIDE_KEY, v = 0;
        uintptr_t own = TIDE_SHARED + seat->number, key = random % TIDE_SHARED;
        CHECK_EQ(thetis_map_insert(map, seat->me, own, random, NULL), THETIS_OK);
        CHECK_EQ(thetis_map_update(map, seat->me, key, tide_plus, by, NULL), THETIS_OK);
        seat->added[key] += by;
        CHECK_EQ(thetis_map_find(map, seat->me, own, &v), THETIS_OK);
        CHECK_EQ(v, random);
        CHECK_EQ(thetis_map_erase(map, seat->me, own, &v), THETIS_OK);
        CHECK_EQ(v, random);
        CHECK_EQ(thetis_map_find(map, seat->me, own, &v), THETIS_ABSENT);
    }
    return tide_over(seat);
}

TEST(additions_and_own_keys)
{
    static tide_seat seats[TIDE_THREADS];
    tide_run run = tide_make(150000);
    thetis_domain_thread *me;
    CHECK_EQ(thetis_domain_join(run.domain, &me), THETIS_OK);
    for (uintptr_t key = 0; key < TIDE_SHARED; key++)
        CHECK_EQ(thetis_map_insert(run.map, me, key, 0, NULL), THETIS_OK);
    tide_go(&run, seats, tide_work);
    for (uintptr_t key = 0; key < TIDE_SHARED; key++) {
        uintptr_t value, sum = 0;
        for (unsigned t = 0; t < TIDE_THREADS; t++) sum += seats[t].added[key];
        CHECK_EQ(thetis_map_find(run.map, me, key, &value), THETIS_OK);
        CHECK_EQ(value, sum);
    }
    tide_end(&run);
}

/* ---- walks ----------------------------------------------------------------------------------- */

/* One walk; what the tide moves it may meet, once. */
static void tide_walk_once(tide_seat *seat)
{
    unsigned char times[TIDE_SHARED] = {0}, flow[TIDE_KEYS] = {0};
    thetis_map_pair pairs[THETIS_MAP_SCAN_LEAST];
    uintptr_t cursor = 0;
    size_t count;
    do {
        cursor = thetis_map_scan(seat->run->map, seat->me, cursor, pairs, THETIS_MAP_SCAN_LEAST,
                                 &count);
        for (size_t k = 0; k < count; k++) {
            uintptr_t key = pairs[k].key;
            CHECK_EQ(pairs[k].value >> TIDE_KEY, key);
            if (key >= TIDE_BASE) CHECK(flow[key - TIDE_BASE]++ == 0);
            else CHECK(times[key]++ == 0);
        }
    } while (cursor != 0);
    for (uintptr_t key = 0; key < TIDE_SHARED; key++) CHECK_EQ(times[key], 1);
}

static void *tide_walk(void *arg)
{
    tide_seat *seat = arg;
    thetis_map_pair pair;
    for (uint64_t k = 0; k < seat->run->rounds; k++) {
        uint64_t random = test_rand(&seat->seed);
        uintptr_t key = random % TIDE_SHARED;
        if (seat->number > 0) {
            CHECK_EQ(thetis_map_update(seat->run->map, seat->me, key, tide_plus, 1, NULL),
                     THETIS_OK);
        } else if (k % 64 == 0) {
            tide_walk_once(seat);
        } else {
            thetis_status s = thetis_map_choose(seat->run->map, seat->me, random, &pair);
            if (s == THETIS_ABSENT) continue; /* 8 pairs in tables for hundreds */
            CHECK_EQ(s, THETIS_OK);
            CHECK_EQ(pair.value >> TIDE_KEY, pair.key);
        }
    }
    return tide_over(seat);
}

TEST(walks_report_once_what_stays)
{
    static tide_seat seats[TIDE_THREADS];
    tide_run run = tide_make(30000);
    thetis_domain_thread *me;
    CHECK_EQ(thetis_domain_join(run.domain, &me), THETIS_OK);
    for (uintptr_t key = 0; key < TIDE_SHARED; key++)
        CHECK_EQ(thetis_map_insert(run.map, me, key, key << TIDE_KEY, NULL), THETIS_OK);
    tide_go(&run, seats, tide_walk);
    tide_end(&run);
}

/* ---- histories ------------------------------------------------------------------------------- */

static thetis_status tide_operate(tide_seat *seat, lin_op *op, uintptr_t *got)
{
    thetis_map *map = seat->run->map;
    switch (op->kind) {
    case LIN_FIND:
        return thetis_map_find(map, seat->me, op->key, got);
    case LIN_INSERT:
        return thetis_map_insert(map, seat->me, op->key, op->arg, NULL);
    case LIN_PUT:
        return thetis_map_put(map, seat->me, op->key, op->arg, NULL);
    case LIN_REPLACE:
        return thetis_map_replace(map, seat->me, op->key, op->arg, NULL);
    default:
        return thetis_map_erase(map, seat->me, op->key, NULL);
    }
}

static void *tide_record(void *arg)
{
    static const lin_kind kinds[] = {LIN_FIND, LIN_INSERT, LIN_PUT, LIN_REPLACE, LIN_ERASE};
    tide_seat *seat = arg;
    for (unsigned k = 0; k < TIDE_OPS; k++) {
        uint64_t random = test_rand(&seat->seed);
        lin_kind kind = kinds[random % 5];
        uintptr_t got = 0;
        lin_op *op = lin_begin(&seat->recorder, kind);
        op->key = random / 5 % 4;
        op->arg = kind == LIN_FIND || kind == LIN_ERASE ? 0 : random >> 32;
        thetis_status s = tide_operate(seat, op, &got);
        op->result = got;
        lin_end(&seat->recorder, op, s);
    }
    return tide_over(seat);
}

static void tide_judge(tide_run *run, tide_seat *seats, lin_wgl *w)
{
    enum { RECORDED = TIDE_THREADS - 1 };
    static lin_op ops[RECORDED][TIDE_OPS], all[RECORDED * TIDE_OPS];
    lin_recorder recorders[RECORDED];
    thetis_domain_thread *me;
    CHECK_EQ(thetis_domain_join(run->domain, &me), THETIS_OK);
    for (uintptr_t key = 0; key < 4; key++) (void)!thetis_map_erase(run->map, me, key, NULL);
    thetis_domain_leave(me);
    for (unsigned t = 0; t < RECORDED; t++)
        lin_recorder_init(&seats[t].recorder, t, lin_clock_real, NULL, ops[t], TIDE_OPS);
    tide_go(run, seats, tide_record);
    for (unsigned t = 0; t < RECORDED; t++) recorders[t] = seats[t].recorder;
    lin_history h = lin_merge(recorders, RECORDED, all);
    CHECK_EQ(lin_map_check(w, &h), LIN_YES);
}

TEST(histories_are_linearizable)
{
    static tide_seat seats[TIDE_THREADS];
    const char *wanted = getenv("THETIS_MAP_HISTORY");
    uint64_t left = wanted ? strtoull(wanted, NULL, 0) : 1, piece = (TIDE_THREADS - 1) * TIDE_OPS;
    lin_wgl *w = lin_wgl_create((size_t)1 << 24);
    tide_run run = tide_make(1);
    for (; left > 0; left = left > piece ? left - piece : 0) tide_judge(&run, seats, w);
    lin_wgl_destroy(w);
    tide_end(&run);
}

TEST_MAIN(T(additions_and_own_keys, .timeout_s = 120),
          T(walks_report_once_what_stays, .timeout_s = 120),
          T(histories_are_linearizable, .timeout_s = 7200))
