/* SPDX-License-Identifier: MIT
 *
 * stress_map.c: real threads on one map. Sums that several threads add to; keys that belong to one
 * thread each, whose values it must find as it left them, while the others change the buckets;
 * recorded histories of few keys, judged key by key.
 */
#include "harness/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <thetis/map.h>

#include "lin/lin.h"

enum { MAP_THREADS = 8, MAP_SHARED = 16, MAP_OWN = 64, MAP_HISTORY = 4000 };

typedef struct map_run {
    thetis_domain *domain;
    thetis_map *map;
    uint64_t rounds;
    void *memory[2];
} map_run;

typedef struct map_seat {
    map_run *run;
    thetis_domain_thread *me;
    pthread_t thread;
    uint64_t number, seed;
    uintptr_t added[MAP_SHARED];
    lin_recorder recorder;
    lin_op *ops;
} map_seat;

static void *map_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    void *memory = aligned_alloc(THETIS_CACHE_LINE, lines * THETIS_CACHE_LINE);
    CHECK(size > 0 && memory);
    return memory;
}

static map_run map_make(size_t capacity, uintptr_t (*hash)(uintptr_t), uint64_t rounds)
{
    const thetis_domain_cfg threads = {MAP_THREADS, 1, THETIS_MAP_ARGS};
    const thetis_map_cfg cfg = {.capacity = capacity, .hash = hash, .seed = test_seed()};
    map_run run = {.rounds = test_scale(rounds)};
    size_t size[2] = {thetis_domain_size(&threads), thetis_map_size(&threads, &cfg)};
    for (int k = 0; k < 2; k++) run.memory[k] = map_memory(size[k]);
    CHECK_EQ(thetis_domain_init(run.memory[0], size[0], &threads, &run.domain), THETIS_OK);
    CHECK_EQ(thetis_map_init(run.memory[1], size[1], run.domain, &cfg, &run.map), THETIS_OK);
    return run;
}

static void map_go(map_run *run, map_seat *seats, unsigned threads, void *(*body)(void *))
{
    size_t pairs;
    for (unsigned t = 0; t < threads; t++) {
        seats[t].run = run;
        seats[t].number = t;
        seats[t].seed = test_seed() + t;
        CHECK_EQ(thetis_domain_join(run->domain, &seats[t].me), THETIS_OK);
        CHECK_EQ(pthread_create(&seats[t].thread, NULL, body, &seats[t]), 0);
    }
    for (unsigned t = 0; t < threads; t++) CHECK_EQ(pthread_join(seats[t].thread, NULL), 0);
    CHECK_EQ(thetis_map_check(run->map, &pairs), THETIS_OK);
}

static void map_end(map_run *run)
{
    free(run->memory[0]);
    free(run->memory[1]);
}

/* Few buckets, so that threads meet in them. */
static uintptr_t map_crowd(uintptr_t key)
{
    return key & 3;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static uintptr_t map_plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

static void *map_add(void *arg)
{
    map_seat *seat = arg;
    for (uint64_t k = 0; k < seat->run->rounds; k++) {
        uintptr_t key = test_rand(&seat->seed) % MAP_SHARED, by = test_rand(&seat->seed) % 100;
        CHECK_EQ(thetis_map_update(seat->run->map, seat->me, key, map_plus, by, NULL), THETIS_OK);
        seat->added[key] += by;
    }
    return NULL;
}

TEST(every_addition_counts_once)
{
    static map_seat seats[MAP_THREADS];
    map_run run = map_make(1024, map_crowd, 200000);
    thetis_domain_thread *me;
    CHECK_EQ(thetis_domain_join(run.domain, &me), THETIS_OK);
    for (uintptr_t key = 0; key < MAP_SHARED; key++)
        CHECK_EQ(thetis_map_insert(run.map, me, key, 0, NULL), THETIS_OK);
    map_go(&run, seats, MAP_THREADS - 1, map_add);
    for (uintptr_t key = 0; key < MAP_SHARED; key++) {
        uintptr_t value, sum = 0;
        for (unsigned t = 0; t < MAP_THREADS; t++) sum += seats[t].added[key];
        CHECK_EQ(thetis_map_find(run.map, me, key, &value), THETIS_OK);
        CHECK_EQ(value, sum);
    }
    map_end(&run);
}

/* ---- keys of one's own ----------------------------------------------------------------------- */

/* A key that only this thread changes, in buckets that all change. */
static void map_own_step(map_seat *seat, uintptr_t *value, bool *there)
{
    thetis_map *map = seat->run->map;
    size_t k = test_rand(&seat->seed) % MAP_OWN;
    uintptr_t key = seat->number * MAP_OWN + k, got = 0, new = test_rand(&seat->seed);
    thetis_status s;
    switch (new % 4) {
    case 0:
        s = thetis_map_erase(map, seat->me, key, &got);
        CHECK_EQ(s, there[k] ? THETIS_OK : THETIS_ABSENT);
        there[k] = false;
        break;
    case 1:
        CHECK_EQ(thetis_map_put(map, seat->me, key, new, &got), THETIS_OK);
        if (!there[k]) got = value[k];
        CHECK_EQ(got, value[k]);
        value[k] = new;
        there[k] = true;
        return;
    default:
        s = thetis_map_find(map, seat->me, key, &got);
        CHECK_EQ(s, there[k] ? THETIS_OK : THETIS_ABSENT);
    }
    if (s == THETIS_OK) CHECK_EQ(got, value[k]);
}

static void *map_own(void *arg)
{
    uintptr_t value[MAP_OWN] = {0};
    bool there[MAP_OWN] = {false};
    map_seat *seat = arg;
    for (uint64_t k = 0; k < seat->run->rounds; k++) map_own_step(seat, value, there);
    return NULL;
}

TEST(one_thread_s_keys_stay_as_it_leaves_them)
{
    static map_seat seats[MAP_THREADS];
    map_run run = map_make(MAP_THREADS * MAP_OWN, NULL, 200000);
    map_go(&run, seats, MAP_THREADS, map_own);
    map_end(&run);
}

/* ---- histories ------------------------------------------------------------------------------- */

static void map_record(map_seat *seat, uintptr_t key, uint64_t random)
{
    static const lin_kind kinds[] = {LIN_FIND, LIN_INSERT, LIN_PUT, LIN_REPLACE, LIN_ERASE};
    thetis_map *map = seat->run->map;
    lin_kind kind = kinds[random % 5];
    uintptr_t new = random >> 32, got = 0;
    thetis_status s;
    lin_op *op = lin_begin(&seat->recorder, kind);
    op->key = key;
    op->arg = kind == LIN_FIND || kind == LIN_ERASE ? 0 : new;
    if (kind == LIN_FIND) s = thetis_map_find(map, seat->me, key, &got);
    else if (kind == LIN_INSERT) s = thetis_map_insert(map, seat->me, key, new, NULL);
    else if (kind == LIN_PUT) s = thetis_map_put(map, seat->me, key, new, NULL);
    else if (kind == LIN_REPLACE) s = thetis_map_replace(map, seat->me, key, new, NULL);
    else s = thetis_map_erase(map, seat->me, key, NULL);
    op->result = got;
    lin_end(&seat->recorder, op, s);
}

static void *map_recorded(void *arg)
{
    map_seat *seat = arg;
    for (unsigned k = 0; k < MAP_HISTORY; k++)
        map_record(seat, test_rand(&seat->seed) % 4, test_rand(&seat->seed));
    return NULL;
}

TEST(histories_are_linearizable)
{
    enum { THREADS = 4 };
    static map_seat seats[THREADS];
    static lin_op ops[THREADS][MAP_HISTORY], all[THREADS * MAP_HISTORY];
    lin_recorder recorders[THREADS];
    lin_wgl *w = lin_wgl_create((size_t)1 << 24);
    map_run run = map_make(16, map_crowd, 1);
    for (unsigned t = 0; t < THREADS; t++)
        lin_recorder_init(&seats[t].recorder, t, lin_clock_real, NULL, ops[t], MAP_HISTORY);
    map_go(&run, seats, THREADS, map_recorded);
    for (unsigned t = 0; t < THREADS; t++) recorders[t] = seats[t].recorder;
    lin_history h = lin_merge(recorders, THREADS, all);
    CHECK_EQ(lin_map_check(w, &h), LIN_YES);
    lin_wgl_destroy(w);
    map_end(&run);
}

TEST_MAIN(T(every_addition_counts_once, .timeout_s = 60),
          T(one_thread_s_keys_stay_as_it_leaves_them, .timeout_s = 60),
          T(histories_are_linearizable, .timeout_s = 60))
