/* SPDX-License-Identifier: MIT
 *
 * check.c: whether the tables and buckets of a map are as they should be.
 */
#include "map.h"

/* What is looked at: a table of n buckets. */
typedef struct check_table {
    const thetis_map *map;
    uintptr_t state;
    size_t n;
    size_t pairs; /* that a lookup finds in these tables */
} check_table;

static uintptr_t check_word(const thetis_map *map, size_t n, uintptr_t hash)
{
    thetis_atomic *cell = tht_map_cell(map, n | (hash & (n - 1)));
    return thetis_atomic_load_acquire(cell); /* pair: domain.cell */
}

/* Of a key in the new table: whether a lookup finds it in the old one. */
static int check_is_left(const check_table *table, uintptr_t hash)
{
    if (tht_map_way(table->state) == THT_MAP_STAY) return 0;
    if (table->n == tht_map_left(table->state)) return 0;
    return tht_cell_is_filled(check_word(table->map, tht_map_left(table->state), hash));
}

static int check_is_same(const thetis_map *map, tht_map_pair a, tht_map_pair b)
{
    uintptr_t args[THETIS_MAP_ARGS] = {0};
    args[THT_MAP_VALUE] = b.value;
    return a.key == b.key && (!map->rule || map->rule->same(a.value, args));
}

/* Keys hash to this bucket, and no pair before has the same. */
static thetis_status check_pairs(check_table *table, size_t k, const tht_cell_block *version)
{
    const thetis_map *map = table->map;
    uintptr_t fields = tht_cell_fields(version);
    size_t items = tht_cell_items(fields);
    size_t most = map->least < map->most ? 2 * map->bucket : map->bucket;
    if (items > most) return THETIS_ECORRUPT;
    for (size_t i = 0; i < items; i++) {
        tht_map_pair pair = tht_map_read(tht_map_at(version, fields, i));
        uintptr_t hash = tht_map_hash(map, pair.key);
        if ((hash & (table->n - 1)) != k) return THETIS_ECORRUPT;
        for (size_t j = 0; j < i; j++)
            if (check_is_same(map, tht_map_read(tht_map_at(version, fields, j)), pair))
                return THETIS_ECORRUPT;
        table->pairs += !check_is_left(table, hash);
    }
    return THETIS_OK;
}

/* Tables that are not in use have nothing; the current one is filled and live, unless a resize is
 * under way: then a cell may be unfilled, if the old one has the truth. */
static int check_may_have(const check_table *table, size_t k, uintptr_t word)
{
    uintptr_t state = table->state;
    int moves = tht_map_way(state) != THT_MAP_STAY;
    if (moves && table->n == tht_map_left(state))
        return tht_cell_is_filled(word) || word == tht_cell_dead(tht_map_number(state));
    if (table->n != tht_map_buckets(state)) return !tht_cell_is_filled(word);
    if (moves && !tht_cell_is_filled(word)) return check_is_left(table, k);
    return tht_cell_is_filled(word) && !tht_cell_is_frozen(word);
}

static thetis_status check_buckets(check_table *table)
{
    for (size_t k = 0; k < table->n; k++) {
        uintptr_t word = check_word(table->map, table->n, k);
        if (!check_may_have(table, k, word)) return THETIS_ECORRUPT;
        if (!tht_cell_is_filled(word) || !tht_cell_version(word)) continue;
        thetis_status s = check_pairs(table, k, tht_cell_version(word));
        if (s != THETIS_OK) return s;
    }
    return THETIS_OK;
}

thetis_status thetis_map_check(const thetis_map *map, size_t *pairs)
{
    check_table table = {.map = map, .state = tht_map_state(map)};
    for (table.n = map->least; table.n <= map->most; table.n *= 2) {
        thetis_status s = check_buckets(&table);
        if (s != THETIS_OK) return s;
    }
    *pairs = table.pairs;
    return THETIS_OK;
}
