/* SPDX-License-Identifier: MIT
 *
 * test_map.c: the map in one thread, where every answer is exact, against an array that has the
 * same values; what it refuses; what a full bucket and an empty pool do.
 */
#include "harness/test.h"

#include <stdlib.h>
#include <string.h>
#include <thetis/map.h>

#include "map/map.h"

enum { MAP_KEYS = 512, MAP_THREADS = 2 };

/* A domain with one thread in it, and a map. */
typedef struct map_rig {
    thetis_domain *domain;
    thetis_domain_thread *me;
    thetis_map *map;
    void *memory[2];
} map_rig;

static void *map_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    void *memory = aligned_alloc(THETIS_CACHE_LINE, lines * THETIS_CACHE_LINE);
    CHECK(memory);
    memset(memory, 0xa5, lines * THETIS_CACHE_LINE);
    return memory;
}

static const thetis_domain_cfg map_domain = {MAP_THREADS, 1, THETIS_MAP_ARGS};

static map_rig map_threads(void)
{
    map_rig rig = {0};
    size_t size = thetis_domain_size(&map_domain);
    rig.memory[0] = map_memory(size);
    CHECK_EQ(thetis_domain_init(rig.memory[0], size, &map_domain, &rig.domain), THETIS_OK);
    CHECK_EQ(thetis_domain_join(rig.domain, &rig.me), THETIS_OK);
    return rig;
}

static map_rig map_make(const thetis_map_cfg *cfg)
{
    map_rig rig = map_threads();
    size_t size = thetis_map_size(&map_domain, cfg);
    CHECK(size > 0);
    rig.memory[1] = map_memory(size);
    CHECK_EQ(thetis_map_init(rig.memory[1], size, rig.domain, cfg, &rig.map), THETIS_OK);
    return rig;
}

static void map_end(map_rig *rig)
{
    thetis_domain_leave(rig->me);
    free(rig->memory[0]);
    free(rig->memory[1]);
}

static size_t map_pair_count(const map_rig *rig)
{
    size_t pairs = SIZE_MAX;
    CHECK_EQ(thetis_map_check(rig->map, &pairs), THETIS_OK);
    return pairs;
}

static uintptr_t map_same_hash(uintptr_t key)
{
    (void)key;
    return 3;
}

static uintptr_t map_plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

/* ---- one operation after the other ----------------------------------------------------------- */

TEST(every_operation_says_what_it_found)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 100});
    uintptr_t v = 5;
    CHECK_EQ(thetis_map_find(rig.map, rig.me, 7, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_map_erase(rig.map, rig.me, 7, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_map_replace(rig.map, rig.me, 7, 1, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_map_cas(rig.map, rig.me, 7, 1, 2, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_map_update(rig.map, rig.me, 7, map_plus, 2, &v), THETIS_ABSENT);
    CHECK_EQ(v, 5);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 7, 70, &v), THETIS_OK);
    CHECK_EQ(v, 5);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 7, 71, &v), THETIS_EXISTS);
    CHECK_EQ(v, 70);
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 7, 72, &v), THETIS_OK);
    CHECK_EQ(v, 70);
    CHECK_EQ(thetis_map_replace(rig.map, rig.me, 7, 73, &v), THETIS_OK);
    CHECK_EQ(v, 72);
    CHECK_EQ(thetis_map_cas(rig.map, rig.me, 7, 72, 74, &v), THETIS_MISMATCH);
    CHECK_EQ(v, 73);
    CHECK_EQ(thetis_map_cas(rig.map, rig.me, 7, 73, 74, &v), THETIS_OK);
    CHECK_EQ(thetis_map_update(rig.map, rig.me, 7, map_plus, 10, &v), THETIS_OK);
    CHECK_EQ(v, 74);
    CHECK_EQ(thetis_map_find(rig.map, rig.me, 7, &v), THETIS_OK);
    CHECK_EQ(v, 84);
    CHECK_EQ(thetis_map_erase(rig.map, rig.me, 7, &v), THETIS_OK);
    CHECK_EQ(v, 84);
    v = 6;
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 7, 1, &v), THETIS_OK);
    CHECK_EQ(v, 6);
    CHECK_EQ(map_pair_count(&rig), 1);
    map_end(&rig);
}

TEST(results_that_nobody_wants)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 4});
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 0, 0, NULL), THETIS_OK);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 0, 0, NULL), THETIS_EXISTS);
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 0, UINTPTR_MAX, NULL), THETIS_OK);
    CHECK_EQ(thetis_map_cas(rig.map, rig.me, 0, 0, 0, NULL), THETIS_MISMATCH);
    CHECK_EQ(thetis_map_update(rig.map, rig.me, 0, map_plus, 1, NULL), THETIS_OK);
    CHECK_EQ(thetis_map_erase(rig.map, rig.me, 0, NULL), THETIS_OK);
    map_end(&rig);
}

/* What map and array do with the same key. */
static void map_step(map_rig *rig, uintptr_t *value, bool *there, uint64_t *random)
{
    uintptr_t key = test_rand(random) % MAP_KEYS, new = test_rand(random), got = 0;
    uintptr_t k = key * 0x10001; /* keys that differ in upper bits, too */
    bool had = there[key];
    switch (test_rand(random) % 6) {
    case 0:
        CHECK_EQ(thetis_map_insert(rig->map, rig->me, k, new, &got),
                 had ? THETIS_EXISTS : THETIS_OK);
        if (!had) value[key] = new;
        else CHECK_EQ(got, value[key]);
        there[key] = true;
        break;
    case 1:
        CHECK_EQ(thetis_map_put(rig->map, rig->me, k, new, &got), THETIS_OK);
        CHECK_EQ(got, had ? value[key] : 0);
        value[key] = new;
        there[key] = true;
        break;
    case 2:
        CHECK_EQ(thetis_map_cas(rig->map, rig->me, k, value[key] ^ (new & 1), new, &got),
                 !had ? THETIS_ABSENT : new & 1 ? THETIS_MISMATCH : THETIS_OK);
        if (had && !(new & 1)) value[key] = new;
        break;
    case 3:
        CHECK_EQ(thetis_map_update(rig->map, rig->me, k, map_plus, new, &got),
                 had ? THETIS_OK : THETIS_ABSENT);
        if (had) CHECK_EQ(got, value[key]);
        value[key] += new;
        break;
    case 4:
        CHECK_EQ(thetis_map_find(rig->map, rig->me, k, &got), had ? THETIS_OK : THETIS_ABSENT);
        if (had) CHECK_EQ(got, value[key]);
        break;
    default:
        CHECK_EQ(thetis_map_erase(rig->map, rig->me, k, &got), had ? THETIS_OK : THETIS_ABSENT);
        if (had) CHECK_EQ(got, value[key]);
        there[key] = false;
    }
}

static void map_against_array(const thetis_map_cfg *cfg, size_t steps)
{
    static uintptr_t value[MAP_KEYS];
    static bool there[MAP_KEYS];
    map_rig rig = map_make(cfg);
    uint64_t random = test_seed();
    size_t pairs = 0;
    for (size_t k = 0; k < steps; k++) map_step(&rig, value, there, &random);
    for (size_t k = 0; k < MAP_KEYS; k++) pairs += there[k];
    CHECK_EQ(map_pair_count(&rig), pairs);
    map_end(&rig);
}

TEST(as_an_array)
{
    map_against_array(&(thetis_map_cfg){.capacity = MAP_KEYS, .seed = test_seed()}, 200000);
}

/* Keys that all go to one of two buckets' ends: long buckets. */
static uintptr_t map_poor_hash(uintptr_t key)
{
    return key / 8;
}

TEST(as_an_array_with_a_poor_hash)
{
    map_against_array(&(thetis_map_cfg){.capacity = MAP_KEYS, .hash = map_poor_hash}, 200000);
}

/* ---- limits ---------------------------------------------------------------------------------- */

TEST(one_bucket_fills_and_loses_nothing)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 1000, .hash = map_same_hash});
    uintptr_t v;
    for (uintptr_t k = 0; k < THETIS_MAP_BUCKET; k++)
        CHECK_EQ(thetis_map_insert(rig.map, rig.me, k, k, NULL), THETIS_OK);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 100, 1, &v), THETIS_ENOMEM);
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 100, 1, &v), THETIS_ENOMEM);
    CHECK_EQ(thetis_map_put(rig.map, rig.me, 5, 55, &v), THETIS_OK);
    CHECK_EQ(map_pair_count(&rig), THETIS_MAP_BUCKET);
    CHECK_EQ(thetis_map_erase(rig.map, rig.me, 0, &v), THETIS_OK);
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 100, 1, &v), THETIS_OK);
    for (uintptr_t k = 1; k < THETIS_MAP_BUCKET; k++) {
        CHECK_EQ(thetis_map_find(rig.map, rig.me, k, &v), THETIS_OK);
        CHECK_EQ(v, k == 5 ? 55 : k);
    }
    map_end(&rig);
}

/* Erases all that can be, of the keys below n. */
static void map_sweep(map_rig *rig, size_t n)
{
    for (uintptr_t k = 0; k < n; k++) {
        uintptr_t v;
        thetis_status s = thetis_map_erase(rig->map, rig->me, k, &v);
        CHECK(s == THETIS_OK ? v == ~k : s == THETIS_ABSENT || s == THETIS_ENOMEM);
    }
}

TEST(capacity_and_more)
{
    const size_t capacity = 20000;
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = capacity, .seed = test_seed()});
    size_t n = 0;
    while (thetis_map_insert(rig.map, rig.me, n, ~n, NULL) == THETIS_OK) n++;
    CHECK(n >= capacity);
    CHECK_EQ(map_pair_count(&rig), n);
    for (uintptr_t k = 0; k < n; k++) {
        uintptr_t v = 0;
        CHECK_EQ(thetis_map_find(rig.map, rig.me, k, &v), THETIS_OK);
        CHECK_EQ(v, ~k);
    }
    for (size_t left = n, before = n + 1; left > 0; left = map_pair_count(&rig)) {
        CHECK(left < before); /* what has no block at first has one later */
        before = left;
        map_sweep(&rig, n);
    }
    map_end(&rig);
}

/* Filled and emptied often: nothing drifts away. */
TEST(again_and_again)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 100});
    for (unsigned round = 0; round < 300; round++) {
        for (uintptr_t k = 0; k < 100; k++)
            CHECK_EQ(thetis_map_insert(rig.map, rig.me, k, round, NULL), THETIS_OK);
        for (uintptr_t k = 0; k < 100; k++)
            CHECK_EQ(thetis_map_erase(rig.map, rig.me, k, NULL), THETIS_OK);
    }
    CHECK_EQ(map_pair_count(&rig), 0);
    map_end(&rig);
}

/* A large map with all pairs, at the default load of 1.5 and at half of it; what the threads may
 * have in hand counts, too. */
TEST(memory_for_each_pair)
{
    const thetis_domain_cfg threads = {8, 1, THETIS_MAP_ARGS};
    const size_t full = (size_t)3 << 19;
    CHECK(thetis_map_size(&threads, &(thetis_map_cfg){.capacity = full}) <= 36 * full);
    for (size_t pairs = full / 2 + 1; pairs <= full; pairs += full / 100)
        CHECK(thetis_map_size(&threads, &(thetis_map_cfg){.capacity = pairs}) <= 49 * pairs);
}

/* ---- refusals -------------------------------------------------------------------------------- */

TEST(configurations_that_are_refused)
{
    const thetis_domain_cfg few = {MAP_THREADS, 1, THETIS_MAP_ARGS - 1}, none = {0};
    const thetis_map_cfg good = {.capacity = 10}, zero = {.capacity = 0};
    const thetis_map_cfg huge = {.capacity = THETIS_MAP_CAPACITY_MAX + 1};
    CHECK_EQ(thetis_map_size(&few, &good), 0);
    CHECK_EQ(thetis_map_size(&none, &good), 0);
    CHECK_EQ(thetis_map_size(&map_domain, &zero), 0);
    CHECK_EQ(thetis_map_size(&map_domain, &huge), 0);
}

TEST(memory_that_is_refused)
{
    const thetis_map_cfg cfg = {.capacity = 10}, zero = {.capacity = 0};
    map_rig rig = map_threads();
    size_t size = thetis_map_size(&map_domain, &cfg);
    char *memory = map_memory(size + 1);
    thetis_map *map = NULL;
    CHECK_EQ(thetis_map_init(NULL, size, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_map_init(memory + 8, size, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_map_init(memory, size - 1, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_map_init(memory, size, rig.domain, &zero, &map), THETIS_EINVAL);
    CHECK(!map);
    CHECK_EQ(thetis_map_init(memory, size, rig.domain, &cfg, &map), THETIS_OK);
    free(memory);
    map_end(&rig);
}

TEST(a_broken_bucket_is_found)
{
    map_rig rig = map_make(&(thetis_map_cfg){.capacity = 100});
    size_t pairs;
    CHECK_EQ(thetis_map_insert(rig.map, rig.me, 7, 70, NULL), THETIS_OK);
    thetis_atomic *cell = rig.map->cell;
    while (!tht_cell_version(thetis_atomic_load_relaxed(cell))) cell++;
    const tht_cell_block *version = tht_cell_version(thetis_atomic_load_relaxed(cell));
    thetis_atomic *pair = tht_map_at(version, tht_cell_fields(version), 0);
    for (uintptr_t key = 8; thetis_map_check(rig.map, &pairs) == THETIS_OK; key++)
        tht_cell_write(pair, key);
    CHECK_EQ(thetis_map_check(rig.map, &pairs), THETIS_ECORRUPT);
    map_end(&rig);
}

TEST_MAIN(T(every_operation_says_what_it_found), T(results_that_nobody_wants), T(as_an_array),
          T(as_an_array_with_a_poor_hash), T(one_bucket_fills_and_loses_nothing),
          T(capacity_and_more), T(memory_for_each_pair),
          T(again_and_again), T(configurations_that_are_refused),
          T(memory_that_is_refused), T(a_broken_bucket_is_found))
