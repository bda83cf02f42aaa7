/* SPDX-License-Identifier: MIT
 *
 * table.c: how many pairs a map has, what else it counts, and when it changes its size.
 */
#include "map.h"

/* A table that shrinks has less than a pair for so many buckets. */
enum { TABLE_SHRINK = 4 };

/* Each thread's part may be negative. */
static size_t table_pairs(const thetis_map *map)
{
    uintptr_t sum = 0;
    for (size_t id = 0; id < map->cells.domain->threads_; id++)
        sum += thetis_atomic_load_relaxed(&map->local[id].pairs);
    return (intptr_t)sum > 0 ? sum : 0;
}

size_t thetis_map_count(const thetis_map *map)
{
    return table_pairs(map);
}

void thetis_map_stat(const thetis_map *map, thetis_map_levels *out)
{
    uintptr_t state = tht_map_state(map);
    *out = (thetis_map_levels){.pairs = table_pairs(map),
                               .buckets = tht_map_buckets(state),
                               .resizes = tht_map_number(state),
                               .moving = tht_map_way(state) != THT_MAP_STAY};
    for (size_t id = 0; id < map->cells.domain->threads_; id++) {
        size_t longest = thetis_atomic_load_relaxed(&map->local[id].longest);
        out->announced += thetis_atomic_load_relaxed(&map->local[id].announced);
        if (longest > out->longest) out->longest = longest;
    }
}

static uintptr_t table_state(uintptr_t number, uintptr_t log, enum tht_map_way way)
{
    return number << THT_MAP_NUMBER_SHIFT | (uintptr_t)way << THT_MAP_WAY_SHIFT | log;
}

static int table_can_begin(const thetis_map *map, uintptr_t state, enum tht_map_way way)
{
    size_t n = tht_map_buckets(state);
    if (tht_map_way(state) != THT_MAP_STAY || (state & THT_MAP_TRIM)) return 0;
    return way == THT_MAP_GROW ? n < map->most : n > map->least && !(state & THT_MAP_FULL);
}

void tht_map_begin(thetis_map *map, uintptr_t state, enum tht_map_way way)
{
    if (!table_can_begin(map, state, way)) return;
    uintptr_t log = (state & THT_MAP_LOG) + (way == THT_MAP_GROW ? 1 : (uintptr_t)-1);
    uintptr_t next = table_state(tht_map_number(state) + 1, log, way);
    (void)thetis_atomic_cas_relaxed(&map->shared->state, state, next); /* hands on what was there */
}

static void table_count(thetis_map *map, const thetis_domain_thread *me, uintptr_t by)
{
    thetis_atomic *pairs = &map->local[thetis_domain_self(me)].pairs;
    thetis_atomic_store_relaxed(pairs, thetis_atomic_load_relaxed(pairs) + by);
}

/* 3 pairs for 2 buckets; or 1 for 2, and a bucket that will soon be full: so there is an end where
 * the hash function is poor. */
static int table_is_crowded(const thetis_map *map, size_t n, size_t items)
{
    size_t pairs = table_pairs(map);
    return pairs >= n + n / 2 || (items >= map->bucket - map->bucket / 4 && pairs >= n / 2);
}

void tht_map_inserted(thetis_map *map, const thetis_domain_thread *me, size_t items)
{
    thetis_atomic *longest = &map->local[thetis_domain_self(me)].longest;
    table_count(map, me, 1);
    if (items > thetis_atomic_load_relaxed(longest)) thetis_atomic_store_relaxed(longest, items);
    if (items < map->crowd || map->least == map->most) return;
    uintptr_t state = tht_map_state(map);
    if (table_is_crowded(map, tht_map_buckets(state), items))
        tht_map_begin(map, state, THT_MAP_GROW);
}

void tht_map_erased(thetis_map *map, const thetis_domain_thread *me)
{
    table_count(map, me, (uintptr_t)-1);
    const thetis_atomic *pairs = &map->local[thetis_domain_self(me)].pairs;
    if (map->least == map->most || (thetis_atomic_load_relaxed(pairs) & (map->often - 1))) return;
    uintptr_t state = tht_map_state(map);
    if (table_pairs(map) < tht_map_buckets(state) / TABLE_SHRINK)
        tht_map_begin(map, state, THT_MAP_SHRINK);
}
