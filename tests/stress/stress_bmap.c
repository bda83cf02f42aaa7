/* SPDX-License-Identifier: MIT
 *
 * stress_bmap.c: real threads on one map of bytes that grows and shrinks. Values that say of which
 * key and how long they are, so that bytes of two records show; counters that several threads raise
 * by their versions; keys that belong to one thread each; recorded histories.
 */
#include "harness/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/bmap.h>

#include "lin/lin.h"

enum { BMAP_THREADS = 8, BMAP_SHARED = 16, BMAP_OWN = 64, BMAP_HISTORY = 3000, BMAP_VALUE = 200 };

typedef struct bmap_run {
    thetis_domain *domain;
    thetis_bmap *map;
    uint64_t rounds;
    void *memory;
} bmap_run;

typedef struct bmap_seat {
    bmap_run *run;
    thetis_domain_thread *me;
    pthread_t thread;
    uint64_t number, seed;
    uint64_t added;
    lin_recorder recorder;
} bmap_seat;

static bmap_run bmap_make(size_t capacity, uintptr_t (*hash)(const void *, size_t),
                          uint64_t rounds)
{
    const thetis_domain_cfg threads = {BMAP_THREADS, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};
    const thetis_bmap_cfg cfg = {.capacity = 4, .capacity_max = capacity, .hash = hash,
                                 .key_max = 24, .value_max = BMAP_VALUE, .seed = {test_seed(), 1}};
    bmap_run run = {.rounds = test_scale(rounds)};
    size_t size = thetis_domain_size(&threads), line = THETIS_CACHE_LINE;
    run.memory = aligned_alloc(line, (size + line - 1) / line * line);
    CHECK(run.memory);
    CHECK_EQ(thetis_domain_init(run.memory, size, &threads, &run.domain), THETIS_OK);
    CHECK_EQ(thetis_bmap_create(run.domain, &cfg, &run.map), THETIS_OK);
    return run;
}

static void bmap_go(bmap_run *run, bmap_seat *seats, unsigned threads, void *(*body)(void *))
{
    size_t records;
    for (unsigned t = 0; t < threads; t++) {
        seats[t].run = run;
        seats[t].number = t;
        seats[t].seed = test_seed() + t;
        CHECK_EQ(thetis_domain_join(run->domain, &seats[t].me), THETIS_OK);
        CHECK_EQ(pthread_create(&seats[t].thread, NULL, body, &seats[t]), 0);
    }
    for (unsigned t = 0; t < threads; t++) CHECK_EQ(pthread_join(seats[t].thread, NULL), 0);
    CHECK_EQ(thetis_bmap_check(run->map, &records), THETIS_OK);
    CHECK_EQ(thetis_bmap_count(run->map), records);
}

static void bmap_end(bmap_run *run)
{
    thetis_bmap_destroy(run->map);
    free(run->memory);
}

/* 6 to 21 bytes, that have the number. */
static thetis_bmap_bytes bmap_key_of(char *room, uint64_t n)
{
    size_t len = 6 + n % 16;
    uint32_t number = (uint32_t)n;
    memset(room, 'k', len);
    memcpy(room, &number, sizeof number);
    return (thetis_bmap_bytes){room, len};
}

/* Few buckets, so that threads meet in them, and keys with one hash. */
static uintptr_t bmap_crowd(const void *key, size_t len)
{
    const unsigned char *bytes = key;
    return bytes[0] & 3 & len;
}

/* ---- values that are whole ------------------------------------------------------------------- */

/* A value of a key: all its bytes are the same, and depend on key and length. */
static thetis_bmap_bytes bmap_value_of(unsigned char *room, uint64_t key, size_t len)
{
    memset(room, (int)(key * 7 + len), len);
    return (thetis_bmap_bytes){room, len};
}

static void bmap_expect_whole(const thetis_bmap_value *got, uint64_t key)
{
    const unsigned char *bytes = got->data;
    CHECK(got->version != 0);
    for (size_t k = 0; k < got->len; k++) CHECK_EQ(bytes[k], (unsigned char)(key * 7 + got->len));
}

static void *bmap_mix(void *arg)
{
    bmap_seat *seat = arg;
    thetis_bmap *map = seat->run->map;
    unsigned char old[BMAP_VALUE], fresh[BMAP_VALUE];
    char room[24];
    for (uint64_t k = 0; k < seat->run->rounds; k++) {
        uint64_t random = test_rand(&seat->seed), n = random % BMAP_SHARED;
        size_t len = (size_t)(random >> 32) % (random & 1 << 20 ? 16 : BMAP_VALUE);
        thetis_bmap_value got = {.data = old, .room = sizeof old};
        thetis_bmap_bytes key = bmap_key_of(room, n), value = bmap_value_of(fresh, n, len);
        thetis_status s;
        switch (random >> 8 & 7) {
        case 0:
            s = thetis_bmap_erase(map, seat->me, key, &got);
            break;
        case 1:
            s = thetis_bmap_insert(map, seat->me, key, value, &got);
            if (s == THETIS_OK) continue;
            s = THETIS_OK;
            break;
        case 2:
            s = thetis_bmap_put(map, seat->me, key, value, &got);
            if (!got.version) continue;
            break;
        case 3:
            s = thetis_bmap_replace(map, seat->me, key, value, &got);
            break;
        default:
            s = thetis_bmap_find(map, seat->me, key, &got);
        }
        CHECK(s == THETIS_OK || s == THETIS_ABSENT);
        if (s == THETIS_OK) bmap_expect_whole(&got, n);
    }
    return NULL;
}

TEST(values_are_whole)
{
    static bmap_seat seats[BMAP_THREADS];
    bmap_run run = bmap_make(1024, bmap_crowd, 100000);
    bmap_go(&run, seats, BMAP_THREADS, bmap_mix);
    bmap_end(&run);
}

/* ---- counters -------------------------------------------------------------------------------- */

/* One more, if nobody else was faster. */
static int bmap_raise(bmap_seat *seat, thetis_bmap_bytes key)
{
    uint64_t n = 0;
    thetis_bmap_value found = {.data = &n, .room = sizeof n};
    CHECK_EQ(thetis_bmap_find(seat->run->map, seat->me, key, &found), THETIS_OK);
    CHECK_EQ(found.len, sizeof n);
    n++;
    thetis_status s = thetis_bmap_cas(seat->run->map, seat->me, key, found.version,
                                      (thetis_bmap_bytes){&n, sizeof n});
    CHECK(s == THETIS_OK || s == THETIS_MISMATCH);
    return s == THETIS_OK;
}

static void *bmap_count_up(void *arg)
{
    bmap_seat *seat = arg;
    char room[24];
    for (uint64_t k = 0; k < seat->run->rounds; k++)
        seat->added += (uint64_t)bmap_raise(seat, bmap_key_of(room, k % 4));
    return NULL;
}

TEST(every_cas_counts_once)
{
    static bmap_seat seats[BMAP_THREADS];
    bmap_run run = bmap_make(1024, bmap_crowd, 100000);
    thetis_domain_thread *me;
    uint64_t sum = 0, n = 0;
    char room[24];
    CHECK_EQ(thetis_domain_join(run.domain, &me), THETIS_OK);
    for (uint64_t k = 0; k < 4; k++)
        CHECK_EQ(thetis_bmap_insert(run.map, me, bmap_key_of(room, k),
                                    (thetis_bmap_bytes){&n, sizeof n}, NULL), THETIS_OK);
    bmap_go(&run, seats, BMAP_THREADS - 1, bmap_count_up);
    for (unsigned t = 0; t < BMAP_THREADS - 1; t++) sum += seats[t].added;
    for (uint64_t k = 0; k < 4; k++) {
        thetis_bmap_value found = {.data = &n, .room = sizeof n};
        CHECK_EQ(thetis_bmap_find(run.map, me, bmap_key_of(room, k), &found), THETIS_OK);
        sum -= n;
    }
    CHECK_EQ(sum, 0);
    bmap_end(&run);
}

/* ---- keys of one's own, in a map that grows and shrinks -------------------------------------- */

static void *bmap_tide(void *arg)
{
    bmap_seat *seat = arg;
    thetis_bmap *map = seat->run->map;
    unsigned char old[BMAP_VALUE], fresh[BMAP_VALUE];
    char room[24];
    for (uint64_t k = 0; k < seat->run->rounds; k++) {
        uint64_t n = seat->number * BMAP_OWN + k % BMAP_OWN, tide = k / BMAP_OWN;
        size_t len = (size_t)(n + tide / 2) % BMAP_VALUE;
        thetis_bmap_value got = {.data = old, .room = sizeof old};
        thetis_bmap_bytes key = bmap_key_of(room, n), value = bmap_value_of(fresh, n, len);
        if (tide % 2 == 0) {
            CHECK_EQ(thetis_bmap_insert(map, seat->me, key, value, NULL), THETIS_OK);
            CHECK_EQ(thetis_bmap_find(map, seat->me, key, &got), THETIS_OK);
        } else {
            CHECK_EQ(thetis_bmap_erase(map, seat->me, key, &got), THETIS_OK);
        }
        CHECK_EQ(got.len, len);
        bmap_expect_whole(&got, n);
    }
    return NULL;
}

TEST(one_thread_s_keys_stay_as_it_leaves_them)
{
    static bmap_seat seats[BMAP_THREADS];
    bmap_run run = bmap_make(BMAP_THREADS * BMAP_OWN, NULL, 50000);
    bmap_go(&run, seats, BMAP_THREADS, bmap_tide);
    bmap_end(&run);
}

/* ---- histories ------------------------------------------------------------------------------- */

static void bmap_record(bmap_seat *seat, uint64_t key, uint64_t random)
{
    static const lin_kind kinds[] = {LIN_FIND, LIN_INSERT, LIN_PUT, LIN_REPLACE, LIN_ERASE};
    thetis_bmap *map = seat->run->map;
    lin_kind kind = kinds[random % 5];
    uint64_t new = random >> 32, got = 0;
    char room[24];
    thetis_bmap_bytes name = bmap_key_of(room, key), value = {&new, sizeof new};
    thetis_bmap_value found = {.data = &got, .room = sizeof got};
    thetis_status s;
    lin_op *op = lin_begin(&seat->recorder, kind);
    op->key = key;
    op->arg = kind == LIN_FIND || kind == LIN_ERASE ? 0 : new;
    if (kind == LIN_FIND) s = thetis_bmap_find(map, seat->me, name, &found);
    else if (kind == LIN_INSERT) s = thetis_bmap_insert(map, seat->me, name, value, NULL);
    else if (kind == LIN_PUT) s = thetis_bmap_put(map, seat->me, name, value, NULL);
    else if (kind == LIN_REPLACE) s = thetis_bmap_replace(map, seat->me, name, value, NULL);
    else s = thetis_bmap_erase(map, seat->me, name, NULL);
    op->result = got;
    lin_end(&seat->recorder, op, s);
}

static void *bmap_recorded(void *arg)
{
    bmap_seat *seat = arg;
    for (unsigned k = 0; k < BMAP_HISTORY; k++)
        bmap_record(seat, test_rand(&seat->seed) % 4, test_rand(&seat->seed));
    return NULL;
}

TEST(histories_are_linearizable)
{
    enum { THREADS = 4 };
    static bmap_seat seats[THREADS];
    static lin_op ops[THREADS][BMAP_HISTORY], all[THREADS * BMAP_HISTORY];
    lin_recorder recorders[THREADS];
    lin_wgl *w = lin_wgl_create((size_t)1 << 24);
    bmap_run run = bmap_make(16, bmap_crowd, 1);
    for (unsigned t = 0; t < THREADS; t++)
        lin_recorder_init(&seats[t].recorder, t, lin_clock_real, NULL, ops[t], BMAP_HISTORY);
    bmap_go(&run, seats, THREADS, bmap_recorded);
    for (unsigned t = 0; t < THREADS; t++) recorders[t] = seats[t].recorder;
    lin_history h = lin_merge(recorders, THREADS, all);
    CHECK_EQ(lin_map_check(w, &h), LIN_YES);
    lin_wgl_destroy(w);
    bmap_end(&run);
}

TEST_MAIN(T(values_are_whole, .timeout_s = 60), T(every_cas_counts_once, .timeout_s = 60),
          T(one_thread_s_keys_stay_as_it_leaves_them, .timeout_s = 60),
          T(histories_are_linearizable, .timeout_s = 60))
