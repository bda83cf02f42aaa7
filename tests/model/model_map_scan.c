/* SPDX-License-Identifier: MIT
 *
 * model_map_scan.c: a walk through the map (src/map/iter.c) while others update it and change its
 * size: what is there all the time is reported once, nothing twice, with a value of the time; the
 * bound of a step. Keys 0 and 1 stay, others come and go. In order of their points: 3, 1, 2, 0.
 */
#include "lin/lin.h"
#include "model_map.h"

enum { SCAN_KEYS = 6, SCAN_PAIRS = 6 };

/* Of the walk, used by thread 0 and by done. */
static unsigned reported[SCAN_KEYS];
static int walked;

/* Not the key: a walk has a hash, and no key. */
static uintptr_t hash(uintptr_t key)
{
    return key ^ 3;
}

static void fill(void)
{
    shared->cfg.hash = slow.cfg.hash = hash;
    for (uintptr_t key = 0; key < 2; key++)
        THETIS_CHECK(thetis_map_insert(shared, me[0], key, key, NULL) == THETIS_OK);
    for (unsigned k = 0; k < SCAN_KEYS; k++) reported[k] = 0;
    walked = 0;
}

static void resize_to(enum tht_map_way way)
{
    tht_map_help(shared, me[0], 0);
    tht_map_begin(shared, tht_map_state(shared), way);
}

static void make_one(void)
{
    make(2, 1, 2, 1);
    fill();
}

/* Four buckets, about to become two: the walk meets those of both tables. */
static void make_few(size_t threads)
{
    make(threads, 2, 4, 1);
    fill();
    resize_to(THT_MAP_GROW);
    tht_map_help(shared, me[0], 0);
    resize_to(THT_MAP_SHRINK);
}

static void make_shrinking(void)
{
    make_few(2);
}

static void make_shrinking_3(void)
{
    make_few(3);
}

/* Two buckets with as many pairs as insertions leave there, which become one. */
static void make_crowded(void)
{
    make_one();
    resize_to(THT_MAP_GROW);
    for (uintptr_t key = 2; key < SCAN_KEYS; key++)
        THETIS_CHECK(thetis_map_insert(shared, me[0], key, key, NULL) == THETIS_OK);
    resize_to(THT_MAP_SHRINK);
    tht_map_help(shared, me[0], 0);
}

static void make_counted(void)
{
    make(3, 1, 2, 1);
    fill();
}

static void make_fixed(void)
{
    make(3, 2, 0, 1);
    fill();
}

/* ---- threads --------------------------------------------------------------------------------- */

static uintptr_t step(unsigned thread, const thetis_map *map, uintptr_t cursor, uint64_t buckets)
{
    thetis_map_pair pairs[SCAN_PAIRS];
    size_t count;
    thetis_check_begin("map.scan", buckets * thetis_map_bound(shared, THETIS_MAP_SCAN));
    cursor = thetis_map_scan(map, me[thread], cursor, pairs, SCAN_PAIRS, &count);
    thetis_check_end();
    for (size_t k = 0; k < count; k++) {
        THETIS_CHECK(pairs[k].key < SCAN_KEYS);
        THETIS_CHECK(pairs[k].value % 10 == pairs[k].key); /* nothing else was ever there */
        reported[pairs[k].key]++;
    }
    return cursor;
}

static void walk(const thetis_map *map)
{
    uintptr_t cursor = 0;
    do {
        cursor = step(0, map, cursor, SCAN_PAIRS);
        thetis_check_moment();
    } while (cursor != 0);
    walked = 1;
}

/* Two passes: what is behind the middle must not be reported in the first one. */
static void walk_from(const thetis_map *map, uintptr_t middle)
{
    thetis_map_pair pairs[SCAN_PAIRS];
    size_t count;
    uintptr_t cursor = thetis_map_scan(map, me[0], middle, pairs, SCAN_PAIRS, &count);
    THETIS_CHECK(cursor == 0 || cursor > middle);
    for (size_t k = 0; k < count; k++) THETIS_CHECK(pairs[k].key % 2 == 0);
}

static void turn(unsigned thread, enum tht_map_way way)
{
    tht_map_help(shared, me[thread], 0);
    tht_map_begin(shared, tht_map_state(shared), way);
    tht_map_help(shared, me[thread], 1);
}

static void growing(unsigned thread)
{
    if (thread == 0) {
        walk(shared);
        return;
    }
    turn(thread, THT_MAP_GROW);
    put(thread, shared, 2, 12);
    turn(thread, THT_MAP_SHRINK);
    erase(thread, shared, 2);
}

static void growing_slow(unsigned thread)
{
    if (thread == 0) {
        walk(&slow);
        return;
    }
    put(thread, shared, 1, 11);
    turn(thread, THT_MAP_GROW);
    put(thread, shared, 0, 10);
    put(thread, shared, 2, 12);
}

static void shrinking(unsigned thread)
{
    if (thread == 0) {
        walk(shared);
        return;
    }
    put(thread, shared, 3, 13);
    turn(thread, THT_MAP_GROW);
    erase(thread, shared, 3);
}

/* One shrinks, one updates what the walk is about to read. */
static void three(unsigned thread)
{
    if (thread == 0) {
        walk(&slow);
    } else if (thread == 1) {
        turn(thread, THT_MAP_GROW);
        turn(thread, THT_MAP_SHRINK);
    } else {
        put(thread, shared, 0, 20);
        put(thread, shared, 1, 21);
    }
}

static void fixed(unsigned thread)
{
    if (thread == 0) {
        walk(&slow);
    } else {
        put(thread, shared, thread - 1, 30 + thread - 1);
        put(thread, shared, thread + 1, 30 + thread + 1);
    }
}

/* From the middle on, where tables of one bucket have all. */
static void from_the_middle(unsigned thread)
{
    if (thread == 0) {
        walk_from(shared, UINTPTR_MAX / 2 + 1);
        walk_from(&slow, UINTPTR_MAX / 2 + 1);
    } else {
        turn(thread, THT_MAP_GROW);
        put(thread, shared, 0, 10);
        turn(thread, THT_MAP_SHRINK);
        put(thread, shared, 1, 11);
    }
}

/* The growing adversary: the bucket that has the last point changes all the time. */
static void resizing(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        turn(thread, k % 2 ? THT_MAP_SHRINK : THT_MAP_GROW);
        uintptr_t value = k % 2 ? 10 : 20;
        THETIS_CHECK(thetis_map_put(shared, me[thread], 0, value, NULL) == THETIS_OK);
    }
}

/* The last point is in one bucket, whatever the table. */
static void endless(unsigned thread)
{
    if (thread == 0) (void)step(thread, shared, UINTPTR_MAX, 1);
    else resizing(thread);
}

static void endless_find(unsigned thread)
{
    if (thread == 0) find(thread, 4);
    else resizing(thread);
}

/* Levels are what they can be at any time. */
static void counting(unsigned thread)
{
    if (thread == 0) {
        thetis_map_levels levels;
        thetis_check_begin("map.stat", 3 * domain->threads_ + 1);
        thetis_map_stat(shared, &levels);
        thetis_check_end();
        THETIS_CHECK(levels.pairs >= 2 && levels.pairs <= 4 && levels.buckets <= 2);
        THETIS_CHECK(levels.longest >= 2 && levels.longest <= 3);
        THETIS_CHECK(levels.announced <= 2);
        THETIS_CHECK(levels.resizes <= 1 && levels.moving <= levels.resizes);
        thetis_check_begin("map.count", domain->threads_);
        size_t pairs = thetis_map_count(shared);
        thetis_check_end();
        THETIS_CHECK(pairs >= levels.pairs && pairs <= 4);
    } else {
        turn(thread, THT_MAP_GROW);
        insert(thread, &slow, thread + 1, 10 + thread + 1);
    }
}

/* ---- judging --------------------------------------------------------------------------------- */

static void expect_once(void)
{
    size_t pairs;
    for (unsigned k = 0; k < SCAN_KEYS; k++) THETIS_CHECK(reported[k] <= 1);
    if (walked) THETIS_CHECK(reported[0] == 1 && reported[1] == 1);
    for (unsigned t = 0; t < domain->threads_; t++)
        if (thetis_check_stopped(t)) return;
    THETIS_CHECK(thetis_map_check(shared, &pairs) == THETIS_OK);
}

#define SCAN(text, n, make_it, body_)                                                           \
    {.name = text, .threads = n, .rounds = 3, .slow = 8, .setup = make_it, .body = body_,       \
     .done = expect_once}

const thetis_check_scenario map_scan_grow = SCAN("map-scan-grow", 2, make_one, growing);
const thetis_check_scenario map_scan_grow_slow =
    SCAN("map-scan-grow-slow", 2, make_one, growing_slow);
const thetis_check_scenario map_scan_shrink =
    SCAN("map-scan-shrink", 2, make_shrinking, shrinking);
const thetis_check_scenario map_scan_three = SCAN("map-scan-three", 3, make_shrinking_3, three);
const thetis_check_scenario map_scan_fixed = SCAN("map-scan-fixed", 3, make_fixed, fixed);
const thetis_check_scenario map_scan_middle = SCAN("map-scan-middle", 2, make_one, from_the_middle);
const thetis_check_scenario map_scan_endless = SCAN("map-scan-endless", 2, make_crowded, endless);
const thetis_check_scenario map_scan_endless_find =
    SCAN("map-scan-endless-find", 2, make_crowded, endless_find);
const thetis_check_scenario map_scan_stat = SCAN("map-scan-stat", 3, make_counted, counting);
