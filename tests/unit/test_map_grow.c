/* SPDX-License-Identifier: MIT
 *
 * test_map_grow.c: a map that changes its size, in one thread: every pair is where it should be at
 * any stage, and what hash functions, capacity and pools do at their ends is defined.
 */
#include "harness/test.h"

#include <stdlib.h>
#include <thetis/map.h>

#include "domain/pool.h"
#include "map/map.h"

enum { MAP_THREADS = 3 };

typedef struct map_rig {
    thetis_domain *domain;
    thetis_domain_thread *me;
    thetis_map *map;
    void *memory;
} map_rig;

static map_rig map_make(const thetis_map_cfg *cfg)
{
    const thetis_domain_cfg threads = {MAP_THREADS, 1, THETIS_MAP_ARGS};
    map_rig rig = {0};
    size_t line = THETIS_CACHE_LINE, size = thetis_domain_size(&threads) / line * line + line;
    rig.memory = aligned_alloc(THETIS_CACHE_LINE, size);
    CHECK(rig.memory);
    CHECK_EQ(thetis_domain_init(rig.memory, size, &threads, &rig.domain), THETIS_OK);
    CHECK_EQ(thetis_domain_join(rig.domain, &rig.me), THETIS_OK);
    CHECK_EQ(thetis_map_create(rig.domain, cfg, &rig.map), THETIS_OK);
    return rig;
}

static void map_end(map_rig *rig)
{
    thetis_domain_leave(rig->me);
    thetis_map_destroy(rig->map);
    free(rig->memory);
}

static size_t map_buckets(const map_rig *rig)
{
    return tht_map_buckets(tht_map_state(rig->map));
}

/* Until the resize is over. */
static void map_settle(const map_rig *rig)
{
    while (tht_map_way(tht_map_state(rig->map)) != THT_MAP_STAY) tht_map_help(rig->map, rig->me, 0);
}

/* Keys from .. to-1, and no others, are there. */
static void map_expect(const map_rig *rig, uintptr_t from, uintptr_t to)
{
    size_t pairs = SIZE_MAX;
    for (uintptr_t k = from; k < to; k++) {
        uintptr_t v = 0;
        CHECK_EQ(thetis_map_find(rig->map, rig->me, k, &v), THETIS_OK);
        CHECK_EQ(v, ~k);
    }
    CHECK_EQ(thetis_map_check(rig->map, &pairs), THETIS_OK);
    CHECK_EQ(pairs, to - from);
    CHECK_EQ(thetis_map_count(rig->map), pairs);
}

static void map_fill(map_rig *rig, uintptr_t from, uintptr_t to)
{
    for (uintptr_t k = from; k < to; k++)
        CHECK_EQ(thetis_map_insert(rig->map, rig->me, k, ~k, NULL), THETIS_OK);
}

static void map_clear(map_rig *rig, uintptr_t from, uintptr_t to)
{
    for (uintptr_t k = from; k < to; k++) {
        uintptr_t v = 0;
        CHECK_EQ(thetis_map_erase(rig->map, rig->me, k, &v), THETIS_OK);
        CHECK_EQ(v, ~k);
    }
}

/* ---- growing and shrinking ------------------------------------------------------------------- */

/* After each insertion and erasure all pairs are found. */
TEST(at_any_stage)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = 512, .seed = 3});
    for (uintptr_t k = 0; k < 512; k++) {
        map_fill(&rig, k, k + 1);
        map_expect(&rig, 0, k + 1);
    }
    CHECK_EQ(map_buckets(&rig), 512);
    for (uintptr_t k = 0; k < 512; k++) {
        map_clear(&rig, k, k + 1);
        map_expect(&rig, k + 1, 512);
    }
    CHECK(map_buckets(&rig) < 512);
    map_end(&rig);
}

/* Up, and down by erasures alone. */
TEST(large_and_empty_again)
{
    const size_t n = (size_t)test_scale(1 << 20);
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = n, .seed = 7});
    map_fill(&rig, 0, n);
    map_expect(&rig, 0, n);
    size_t most = map_buckets(&rig);
    CHECK(most > n / 2);
    map_clear(&rig, 0, n);
    map_expect(&rig, 0, 0);
    CHECK(map_buckets(&rig) <= most / 2);
    for (uintptr_t k = 0; k < most; k++) /* what is left to do, whoever does anything does */
        CHECK_EQ(thetis_map_put(rig.map, rig.me, 0, ~(uintptr_t)0, NULL), THETIS_OK);
    map_expect(&rig, 0, 1);
    CHECK(tht_map_way(tht_map_state(rig.map)) == THT_MAP_STAY);
    map_end(&rig);
}

/* The size goes up and down, and nothing drifts away. */
TEST(again_and_again)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 4, .capacity_max = 3000});
    for (unsigned round = 0; round < 40; round++) {
        map_fill(&rig, 0, 3000);
        map_expect(&rig, 0, 3000);
        map_clear(&rig, 0, 3000);
    }
    CHECK_EQ(thetis_map_count(rig.map), 0);
    map_end(&rig);
}

static uintptr_t map_plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

/* All verbs while a resize waits: each meets buckets of both kinds. */
TEST(verbs_meet_both_tables)
{
    for (unsigned verb = 0; verb < 5; verb++) {
        map_rig rig = map_make(&(thetis_map_cfg){.capacity = 64, .capacity_max = 128});
        map_fill(&rig, 0, 64);
        tht_map_begin(rig.map, tht_map_state(rig.map), THT_MAP_GROW);
        for (uintptr_t k = 0; k < 64; k++) {
            uintptr_t v = 0;
            if (verb == 0) CHECK_EQ(thetis_map_put(rig.map, rig.me, k, ~k, &v), THETIS_OK);
            if (verb == 1) CHECK_EQ(thetis_map_replace(rig.map, rig.me, k, ~k, &v), THETIS_OK);
            if (verb == 2) CHECK_EQ(thetis_map_cas(rig.map, rig.me, k, ~k, ~k, &v), THETIS_OK);
            if (verb == 3)
                CHECK_EQ(thetis_map_update(rig.map, rig.me, k, map_plus, 0, &v), THETIS_OK);
            if (verb == 4) CHECK_EQ(thetis_map_insert(rig.map, rig.me, k, 0, &v), THETIS_EXISTS);
            CHECK_EQ(v, ~k);
        }
        map_expect(&rig, 0, 64);
        map_end(&rig);
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static uintptr_t map_same_hash(uintptr_t key)
{
    (void)key;
    return 3;
}

static uintptr_t map_own_hash(uintptr_t key)
{
    return key;
}

/* A hash function that does not spread does not make the map grow. */
TEST(one_hash_for_all)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 32, .capacity_max = 1 << 20,
                                             .hash = map_same_hash});
    map_fill(&rig, 0, THETIS_MAP_BUCKET);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 100, 1, NULL), THETIS_ENOMEM);
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 100, 1, NULL), THETIS_ENOMEM);
    map_expect(&rig, 0, THETIS_MAP_BUCKET);
    CHECK(map_buckets(&rig) <= 64);
    map_clear(&rig, 0, THETIS_MAP_BUCKET);
    map_expect(&rig, 0, 0);
    map_end(&rig);
}

/* Two full buckets become one, which takes no more pairs, but loses none; then the map does not
 * shrink any more until it has grown. */
TEST(full_buckets_that_are_merged)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 16, .capacity_max = 64,
                                             .hash = map_own_hash});
    const uintptr_t step = 64, full = 2 * THETIS_MAP_BUCKET;
    tht_map_begin(rig.map, tht_map_state(rig.map), THT_MAP_GROW);
    map_settle(&rig);
    rig.map->crowd = SIZE_MAX;
    for (uintptr_t k = 0; k < full; k++)
        CHECK_EQ(thetis_map_insert(rig.map, rig.me, k / 2 * step + k % 2 * 16, k, NULL), THETIS_OK);
    tht_map_begin(rig.map, tht_map_state(rig.map), THT_MAP_SHRINK);
    map_settle(&rig);
    CHECK_EQ(map_buckets(&rig), 16);
    CHECK(tht_map_state(rig.map) & THT_MAP_FULL);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 1000 * step, 1, NULL), THETIS_ENOMEM);
    for (uintptr_t k = 0; k < full; k++) {
        uintptr_t v = 0;
        CHECK_EQ(thetis_map_put(rig.map, rig.me, k / 2 * step + k % 2 * 16, k + 1, &v), THETIS_OK);
        CHECK_EQ(v, k);
    }
    tht_map_begin(rig.map, tht_map_state(rig.map), THT_MAP_GROW);
    CHECK(!(tht_map_state(rig.map) & THT_MAP_FULL));
    size_t pairs;
    map_settle(&rig);
    CHECK_EQ(thetis_map_check(rig.map, &pairs), THETIS_OK);
    CHECK_EQ(pairs, full);
    map_end(&rig);
}

/* More pairs than capacity_max: all are kept, until the pools are empty; then nothing changes. */
TEST(more_than_there_is_room_for)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 8, .capacity_max = 5000});
    uintptr_t n = 0, v;
    while (thetis_map_insert(rig.map, rig.me, n, ~n, NULL) == THETIS_OK) n++;
    CHECK(n >= 5000);
    CHECK_EQ(map_buckets(&rig), 4096);
    map_expect(&rig, 0, n);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, n, 1, NULL), THETIS_ENOMEM);
    CHECK_EQ(thetis_map_find(rig.map, rig.me, n, &v), THETIS_ABSENT);
    map_expect(&rig, 0, n);
    for (size_t before = SIZE_MAX; thetis_map_count(rig.map) < before;) {
        before = thetis_map_count(rig.map);
        for (uintptr_t k = 0; k < n; k++) {
            thetis_status s = thetis_map_erase(rig.map, rig.me, k, NULL);
            CHECK(s == THETIS_OK || s == THETIS_ABSENT || s == THETIS_ENOMEM);
        }
    }
    map_expect(&rig, 0, 0);
    map_end(&rig);
}

/* Pages of tables that are not in use are zero afterwards, and can be used again. */
TEST(trimmed_and_used_again)
{
    const size_t n = 40000;
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = n});
    for (unsigned round = 0; round < 3; round++) {
        map_fill(&rig, 0, n);
        size_t most = map_buckets(&rig);
        (void)thetis_map_trim(rig.map);
        map_expect(&rig, 0, n);
        map_clear(&rig, 0, n);
        map_settle(&rig);
        CHECK(map_buckets(&rig) < most);
        CHECK(thetis_map_trim(rig.map) >= most * sizeof(thetis_atomic) - 2 * 4096);
        CHECK_EQ(thetis_atomic_load_relaxed(tht_map_cell(rig.map, most + most / 2)), 0);
        map_expect(&rig, 0, 0);
    }
    map_end(&rig);
}

/* What an announced update reserves stays in the thread's magazine, for any number of threads. */
TEST(batches_for_what_is_reserved)
{
    size_t n = 1;
    for (; n <= 300; n++) {
        const thetis_domain_cfg threads = {n, 1, THETIS_MAP_ARGS};
        if (thetis_domain_size(&threads) == 0) break; /* too many */
        const thetis_map_cfg cfg = {.capacity = 1, .capacity_max = 2};
        tht_map_shape shape = tht_map_shape_of(&threads, &cfg);
        thetis_pool_shape_ pool = tht_pool_shape(&threads, &shape.pool[THT_MAP_SIZES - 1]);
        CHECK(pool.batch >= tht_cell_needs(n, shape.batch, 1));
        CHECK(tht_map_bytes(&threads, &shape) > 0);
    }
    CHECK(n > 256);
}

/* Pages of a map that were written: of those that never were all words are 0. */
static size_t map_pages(const map_rig *rig)
{
    enum { PAGE = 4096, WORDS = PAGE / sizeof(uintptr_t) };
    const uintptr_t *word = (const uintptr_t *)(const void *)rig->map;
    size_t pages = 0;
    for (size_t k = 0; k < rig->map->mapped / PAGE; k++, word += WORDS) {
        size_t i = 0;
        while (i < WORDS && word[i] == 0) i++;
        pages += i < WORDS;
    }
    return pages * PAGE;
}

/* All that was ever written, with the tables that were left: when the load is 1.5, and when the
 * last table is but half full; then without what trim() gives back. */
TEST(memory_for_each_pair)
{
    const size_t full = (size_t)3 << 15, more = full / 4;
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = 2 * full});
    map_fill(&rig, 0, full);
    CHECK_EQ(map_buckets(&rig), full / 3 * 2);
    CHECK(map_pages(&rig) <= 38 * full);
    map_fill(&rig, full, full + more);
    CHECK_EQ(map_buckets(&rig), full / 3 * 4);
    CHECK(map_pages(&rig) <= 46 * (full + more));
    (void)thetis_map_trim(rig.map);
    CHECK(map_pages(&rig) <= 42 * (full + more));
    map_end(&rig);
}

TEST(configurations_that_are_refused)
{
    const thetis_map_cfg grows = {.capacity = 10, .capacity_max = 100};
    const thetis_map_cfg less = {.capacity = 10, .capacity_max = 5};
    const thetis_map_cfg huge = {.capacity = 1, .capacity_max = THETIS_MAP_CAPACITY_MAX + 1};
    const thetis_domain_cfg threads = {MAP_THREADS, 1, THETIS_MAP_ARGS};
    map_rig rig = map_make(&less);
    thetis_map *map = NULL;
    CHECK_EQ(map_buckets(&rig), rig.map->most);
    CHECK_EQ(thetis_map_size(&threads, &grows), 0);
    CHECK_EQ(thetis_map_create(rig.domain, &huge, &map), THETIS_EINVAL);
    thetis_map_destroy(NULL);
    map_end(&rig);
}

TEST_MAIN(T(at_any_stage), T(large_and_empty_again, .timeout_s = 60), T(again_and_again),
          T(verbs_meet_both_tables), T(one_hash_for_all), T(full_buckets_that_are_merged),
          T(more_than_there_is_room_for), T(memory_for_each_pair),
          T(batches_for_what_is_reserved), T(trimmed_and_used_again),
          T(configurations_that_are_refused))
