/* SPDX-License-Identifier: MIT
 *
 * test_map_scan.c: walks through a map in one thread, where what they must report is exact: each
 * key that stays once, whatever happens between two calls. Any pair; levels.
 */
#include "harness/test.h"

#include <stdlib.h>
#include <string.h>
#include <thetis/map.h>

#include "map/map.h"

enum { SCAN_THREADS = 2, SCAN_KEYS = 3000, SCAN_LEAST = THETIS_MAP_SCAN_LEAST };

typedef struct scan_rig {
    thetis_domain *domain;
    thetis_domain_thread *me;
    thetis_map *map;
    void *memory;
    unsigned char times[SCAN_KEYS]; /* that a key was reported */
    size_t calls;
} scan_rig;

static scan_rig *scan_make(const thetis_map_cfg *cfg)
{
    static scan_rig rig;
    const thetis_domain_cfg threads = {SCAN_THREADS, 1, THETIS_MAP_ARGS};
    size_t line = THETIS_CACHE_LINE, size = thetis_domain_size(&threads) / line * line + line;
    memset(&rig, 0, sizeof rig);
    rig.memory = aligned_alloc(line, size);
    CHECK(rig.memory);
    CHECK_EQ(thetis_domain_init(rig.memory, size, &threads, &rig.domain), THETIS_OK);
    CHECK_EQ(thetis_domain_join(rig.domain, &rig.me), THETIS_OK);
    CHECK_EQ(thetis_map_create(rig.domain, cfg, &rig.map), THETIS_OK);
    return &rig;
}

static void scan_end(scan_rig *rig)
{
    thetis_domain_leave(rig->me);
    thetis_map_destroy(rig->map);
    free(rig->memory);
}

static void scan_fill(scan_rig *rig, uintptr_t from, uintptr_t to)
{
    for (uintptr_t k = from; k < to; k++)
        CHECK_EQ(thetis_map_put(rig->map, rig->me, k, ~k, NULL), THETIS_OK);
}

static void scan_clear(scan_rig *rig, uintptr_t from, uintptr_t to)
{
    for (uintptr_t k = from; k < to; k++)
        CHECK_EQ(thetis_map_erase(rig->map, rig->me, k, NULL), THETIS_OK);
}

static uintptr_t scan_step(scan_rig *rig, uintptr_t cursor, size_t n)
{
    thetis_map_pair pairs[4 * SCAN_LEAST];
    size_t count;
    cursor = thetis_map_scan(rig->map, rig->me, cursor, pairs, n, &count);
    CHECK(count <= n);
    for (size_t k = 0; k < count; k++) {
        CHECK(pairs[k].key < SCAN_KEYS);
        CHECK_EQ(pairs[k].value, ~pairs[k].key);
        rig->times[pairs[k].key]++;
    }
    rig->calls++;
    return cursor;
}

/* Keys from .. to-1 were reported once, others at most so. */
static void scan_expect(scan_rig *rig, uintptr_t from, uintptr_t to)
{
    for (uintptr_t k = 0; k < SCAN_KEYS; k++) {
        CHECK(rig->times[k] <= 1);
        if (k >= from && k < to) CHECK_EQ(rig->times[k], 1);
    }
    memset(rig->times, 0, sizeof rig->times);
}

static void scan_walk(scan_rig *rig, size_t n)
{
    uintptr_t cursor = 0;
    rig->calls = 0;
    do cursor = scan_step(rig, cursor, n);
    while (cursor != 0);
}

/* ---- nobody changes anything ----------------------------------------------------------------- */

TEST(all_pairs_of_any_size)
{
    const size_t keys[] = {0, 1, 2, 31, 32, 33, 1000, SCAN_KEYS};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = SCAN_KEYS});
        scan_fill(rig, 0, keys[k]);
        for (size_t n = SCAN_LEAST; n <= 4 * SCAN_LEAST; n += SCAN_LEAST + 1) {
            scan_walk(rig, n);
            scan_expect(rig, 0, keys[k]);
        }
        scan_end(rig);
    }
}

/* No call looks at more buckets than it has room for pairs. */
TEST(an_empty_map_in_steps)
{
    scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 4096});
    scan_walk(rig, SCAN_LEAST);
    CHECK_EQ(rig->calls, 4096 / SCAN_LEAST + 1);
    scan_end(rig);
}

static uintptr_t scan_poor_hash(uintptr_t key)
{
    return key / 16;
}

static uintptr_t scan_same_hash(uintptr_t key)
{
    (void)key;
    return 5;
}

TEST(poor_hash_functions)
{
    scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 64, .capacity_max = SCAN_KEYS,
                                                .hash = scan_poor_hash});
    scan_fill(rig, 0, 1000);
    scan_walk(rig, SCAN_LEAST);
    scan_expect(rig, 0, 1000);
    scan_end(rig);
    rig = scan_make(&(thetis_map_cfg){.capacity = 64, .hash = scan_same_hash});
    scan_fill(rig, 0, THETIS_MAP_BUCKET);
    scan_walk(rig, SCAN_LEAST);
    scan_expect(rig, 0, THETIS_MAP_BUCKET);
    scan_end(rig);
}

/* A bucket of twice the usual pairs, and no room but for it. */
TEST(a_merged_bucket)
{
    scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 16, .capacity_max = 64,
                                                .hash = scan_poor_hash});
    rig->map->crowd = SIZE_MAX;
    tht_map_begin(rig->map, tht_map_state(rig->map), THT_MAP_GROW);
    scan_fill(rig, 0, THETIS_MAP_BUCKET);
    scan_fill(rig, 256, 256 + THETIS_MAP_BUCKET);
    while (tht_map_way(tht_map_state(rig->map)) != THT_MAP_STAY) tht_map_help(rig->map, rig->me, 0);
    tht_map_begin(rig->map, tht_map_state(rig->map), THT_MAP_SHRINK);
    while (tht_map_way(tht_map_state(rig->map)) != THT_MAP_STAY) tht_map_help(rig->map, rig->me, 0);
    CHECK_EQ(tht_map_buckets(tht_map_state(rig->map)), 16);
    scan_walk(rig, SCAN_LEAST);
    for (uintptr_t k = 0; k < THETIS_MAP_BUCKET; k++) {
        CHECK_EQ(rig->times[k], 1);
        CHECK_EQ(rig->times[256 + k], 1);
    }
    scan_end(rig);
}

/* ---- between the calls the map is another one ------------------------------------------------ */

/* Keys of the lower half stay, and are written; the others come and go. */
TEST(what_stays_is_reported_once)
{
    const uintptr_t stay = SCAN_KEYS / 16;
    uint64_t random = test_seed();
    for (uint64_t round = test_scale(60); round > 0; round--) {
        scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 1, .capacity_max = SCAN_KEYS,
                                                    .seed = test_rand(&random)});
        int full = (int)(test_rand(&random) % 2);
        scan_fill(rig, 0, full ? SCAN_KEYS : stay);
        uintptr_t cursor = 0;
        do {
            cursor = scan_step(rig, cursor, SCAN_LEAST);
            scan_fill(rig, 0, stay);
            if (test_rand(&random) % 8) continue;
            if (full) scan_clear(rig, stay, SCAN_KEYS);
            else scan_fill(rig, stay, SCAN_KEYS);
            full = !full;
        } while (cursor != 0);
        scan_expect(rig, 0, stay);
        scan_end(rig);
    }
}

/* The same, with a resize that waits at any stage of it. */
TEST(in_the_middle_of_resizes)
{
    for (size_t stage = 0; stage < 64; stage++) {
        for (unsigned way = THT_MAP_GROW; way <= THT_MAP_SHRINK; way++) {
            scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 32, .capacity_max = 128});
            tht_map_begin(rig->map, tht_map_state(rig->map), THT_MAP_GROW);
            scan_fill(rig, 0, 80);
            uintptr_t cursor = scan_step(rig, 0, SCAN_LEAST);
            tht_map_begin(rig->map, tht_map_state(rig->map), way);
            scan_fill(rig, 0, stage);
            while (cursor != 0) cursor = scan_step(rig, cursor, SCAN_LEAST);
            scan_expect(rig, 0, 80);
            scan_end(rig);
        }
    }
}

/* ---- any pair; levels ------------------------------------------------------------------------ */

TEST(any_pair)
{
    scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 64, .capacity_max = SCAN_KEYS});
    thetis_map_pair pair = {1, 2};
    uint64_t random = test_seed();
    size_t met = 0;
    CHECK_EQ(thetis_map_choose(rig->map, rig->me, 7, &pair), THETIS_ABSENT);
    CHECK(pair.key == 1 && pair.value == 2);
    scan_fill(rig, 0, 100);
    for (unsigned k = 0; k < 10000; k++) {
        CHECK_EQ(thetis_map_choose(rig->map, rig->me, test_rand(&random), &pair), THETIS_OK);
        CHECK(pair.key < 100 && pair.value == ~pair.key);
        met += rig->times[pair.key] == 0;
        rig->times[pair.key] = 1;
    }
    CHECK_EQ(met, 100);
    scan_clear(rig, 1, 100); /* from the last point the search goes on at the first one */
    CHECK_EQ(thetis_map_choose(rig->map, rig->me, UINTPTR_MAX, &pair), THETIS_OK);
    CHECK_EQ(pair.key, 0);
    scan_end(rig);
}

TEST(levels)
{
    scan_rig *rig = scan_make(&(thetis_map_cfg){.capacity = 64, .capacity_max = SCAN_KEYS});
    thetis_map_levels levels;
    thetis_map_stat(rig->map, &levels);
    CHECK(levels.pairs == 0 && levels.buckets == 64 && levels.resizes == 0 && levels.moving == 0);
    CHECK(levels.longest == 0 && levels.announced == 0);
    scan_fill(rig, 0, SCAN_KEYS);
    thetis_map_stat(rig->map, &levels);
    CHECK_EQ(levels.pairs, SCAN_KEYS);
    CHECK_EQ(levels.buckets, tht_map_buckets(tht_map_state(rig->map)));
    CHECK_EQ(levels.resizes, 5);
    CHECK(levels.longest >= 6 && levels.longest <= THETIS_MAP_BUCKET);
    CHECK_EQ(levels.announced, 0);
    rig->map->cells.tries = 0;
    scan_fill(rig, 0, 7);
    scan_walk(rig, 64);
    thetis_map_stat(rig->map, &levels);
    CHECK(levels.announced >= 7 + levels.buckets);
    scan_end(rig);
}

TEST_MAIN(T(all_pairs_of_any_size), T(an_empty_map_in_steps), T(poor_hash_functions),
          T(a_merged_bucket), T(what_stays_is_reported_once), T(in_the_middle_of_resizes),
          T(any_pair), T(levels))
