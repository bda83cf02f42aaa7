/* SPDX-License-Identifier: MIT
 *
 * map.c: the map of thetis/map.h: its operations as cells see them, and as users do.
 */
#include "map.h"

enum map_op { MAP_FIND, MAP_INSERT, MAP_PUT, MAP_REPLACE, MAP_ERASE, MAP_CAS, MAP_UPDATE };

/* Words of a result. `found` is the value that is or was there; after an insertion, how many pairs
 * the bucket has. */
enum { MAP_STATUS, MAP_FOUND };

/* ---- hash ------------------------------------------------------------------------------------ */

/* Two rounds of multiplication and shift; the odd factors are Weyl's constant and its square. */
static uintptr_t map_mix(uintptr_t key)
{
    const uintptr_t odd = (uintptr_t)0x9e3779b97f4a7c15u;
    key = (key ^ key >> THETIS_CAP_WORD_BITS / 2) * odd;
    key = (key ^ key >> (THETIS_CAP_WORD_BITS / 2 - 3)) * (odd * odd);
    return key ^ key >> THETIS_CAP_WORD_BITS / 2;
}

uintptr_t tht_map_hash(const thetis_map *map, uintptr_t key)
{
    return map->cfg.hash ? map->cfg.hash(key) : map_mix(key ^ map->cfg.seed);
}

/* ---- a bucket's content ---------------------------------------------------------------------- */

/* The pair of a key, or NULL. */
static tht_map_pair *map_search(const tht_cell_block *version, uintptr_t key)
{
    if (!version) return NULL;
    tht_map_pair *pair = tht_map_pairs(version), *end = pair + version->items;
    while (pair < end && pair->key != key) pair++;
    return pair < end ? pair : NULL;
}

static int map_tell(uintptr_t *result, thetis_status status, uintptr_t found)
{
    result[MAP_STATUS] = (uintptr_t)(intptr_t)status;
    result[MAP_FOUND] = found;
    return 1;
}

/* The cell's number says which table it is of. */
static int map_goes(const void *place, const uintptr_t *args)
{
    const thetis_map *map = (const thetis_map *)args[THT_MAP_SELF];
    size_t number = (size_t)((const thetis_atomic *)place - map->cell) + map->least;
    size_t n = (size_t)1 << (63 - __builtin_clzll(number));
    return (n | (tht_map_hash(map, args[THT_MAP_KEY]) & (n - 1))) == number;
}

/* An absent key: what needs one fails, what makes one needs room. */
static int map_look_absent(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    const thetis_map *map = (const thetis_map *)args[THT_MAP_SELF];
    if (args[THT_MAP_OP] != MAP_INSERT && args[THT_MAP_OP] != MAP_PUT)
        return map_tell(result, THETIS_ABSENT, 0);
    if (version && version->items >= map->bucket) return map_tell(result, THETIS_ENOMEM, 0);
    return 0;
}

static int map_look(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    const tht_map_pair *pair = map_search(version, args[THT_MAP_KEY]);
    if (!pair) return map_look_absent(version, args, result);
    switch (args[THT_MAP_OP]) {
    case MAP_FIND:
        return map_tell(result, THETIS_OK, pair->value);
    case MAP_INSERT:
        return map_tell(result, THETIS_EXISTS, pair->value);
    case MAP_CAS:
        return pair->value != args[THT_MAP_MORE] && map_tell(result, THETIS_MISMATCH, pair->value);
    default:
        return 0;
    }
}

static size_t map_bytes(const tht_cell_block *version)
{
    return version ? version->items * sizeof(tht_map_pair) : 0;
}

static ptrdiff_t map_grows(const tht_cell_block *version, const uintptr_t *args)
{
    const ptrdiff_t one = sizeof(tht_map_pair);
    uintptr_t op = args[THT_MAP_OP];
    if (op == MAP_ERASE) return map_search(version, args[THT_MAP_KEY]) ? -one : 0;
    if (op != MAP_INSERT && op != MAP_PUT) return 0;
    return map_search(version, args[THT_MAP_KEY]) ? 0 : one;
}

static void map_copy(tht_cell_block *to, const tht_cell_block *version)
{
    to->items = version ? version->items : 0;
    for (size_t k = 0; k < to->items; k++) tht_map_pairs(to)[k] = tht_map_pairs(version)[k];
}

/* The value that takes the place of another one. */
static uintptr_t map_next(const tht_map_pair *pair, const uintptr_t *args)
{
    if (args[THT_MAP_OP] != MAP_UPDATE) return args[THT_MAP_VALUE];
    return ((thetis_map_fn *)args[THT_MAP_MORE])(pair->value, args[THT_MAP_VALUE]);
}

/* An operation that does change something: see map_look(). */
static void map_modify(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    tht_map_pair *pair = map_search(to, args[THT_MAP_KEY]);
    if (!pair) {
        pair = &tht_map_pairs(to)[to->items++];
        *pair = (tht_map_pair){args[THT_MAP_KEY], args[THT_MAP_VALUE]};
        (void)map_tell(result, args[THT_MAP_OP] == MAP_PUT ? THETIS_ABSENT : THETIS_OK, to->items);
        return;
    }
    (void)map_tell(result, THETIS_OK, pair->value);
    if (args[THT_MAP_OP] == MAP_ERASE) *pair = tht_map_pairs(to)[--to->items];
    else pair->value = map_next(pair, args);
}

static void map_apply(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    if (!map_look(to, args, result)) map_modify(to, args, result);
}

/* What is left when a pair that is there is erased. */
static void map_erase(tht_cell_block *to, const tht_cell_block *version, uintptr_t key,
                      uintptr_t *result)
{
    const tht_map_pair *gone = map_search(version, key), *pair = tht_map_pairs(version);
    (void)map_tell(result, THETIS_OK, gone->value);
    if (!to) return;
    to->items = (uint16_t)(version->items - 1);
    for (size_t k = 0; k < to->items; k++, pair++) {
        if (pair == gone) pair++;
        tht_map_pairs(to)[k] = *pair;
    }
}

/* Only called for operations that do change something. */
static void map_make(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                     uintptr_t *result)
{
    if (args[THT_MAP_OP] == MAP_ERASE) {
        map_erase(to, version, args[THT_MAP_KEY], result);
    } else {
        map_copy(to, version);
        map_modify(to, args, result);
    }
}

const tht_cell_kind tht_map_kind = {tht_map_reach, tht_map_seek, map_goes, map_look, map_bytes,
                                    map_grows, map_make, map_copy, map_apply};
const tht_cell_kind tht_map_fixed_kind = {NULL, NULL, map_goes, map_look, map_bytes,
                                          map_grows, map_make, map_copy, map_apply};

/* ---- operations ------------------------------------------------------------------------------ */

static thetis_status map_told(const uintptr_t *result, uintptr_t *found)
{
    thetis_status s = (thetis_status)(intptr_t)result[MAP_STATUS];
    if (found && (s == THETIS_OK || s == THETIS_EXISTS || s == THETIS_MISMATCH))
        *found = result[MAP_FOUND];
    return s;
}

/* Of a map that keeps its size. */
static thetis_atomic *map_cell(const thetis_map *map, uintptr_t key)
{
    return &map->cell[tht_map_hash(map, key) & (map->least - 1)];
}

static thetis_status map_do(thetis_map *map, thetis_domain_thread *me, enum map_op kind,
                            uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *result)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, kind, key, value, more};
    tht_cell_op op = {.args = args, .result = result};
    thetis_status s;
    if (map->cells.moves) {
        tht_map_help(map, me, key);
        s = tht_cell_update(&map->cells, &tht_map_kind, me, &op);
    } else {
        op.place = op.cell = map_cell(map, key);
        s = tht_cell_update(&map->cells, &tht_map_fixed_kind, me, &op);
    }
    return s == THETIS_OK ? (thetis_status)(intptr_t)result[MAP_STATUS] : s;
}

thetis_status thetis_map_find(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                              uintptr_t *value)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, MAP_FIND, key};
    uintptr_t result[THT_CELL_RESULT];
    tht_cell_op op = {.args = args, .result = result};
    if (map->cells.moves) {
        tht_cell_find(&map->cells, &tht_map_kind, me, &op);
    } else {
        op.place = op.cell = map_cell(map, key);
        tht_cell_find(&map->cells, &tht_map_fixed_kind, me, &op);
    }
    return map_told(result, value);
}

thetis_status thetis_map_insert(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                uintptr_t value, uintptr_t *found)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = map_do(map, me, MAP_INSERT, key, value, 0, result);
    if (s == THETIS_OK) tht_map_inserted(map, me, result[MAP_FOUND]);
    else if (found && s == THETIS_EXISTS) *found = result[MAP_FOUND];
    return s;
}

thetis_status thetis_map_put(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t value, uintptr_t *old)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = map_do(map, me, MAP_PUT, key, value, 0, result);
    if (s == THETIS_OK && old) *old = result[MAP_FOUND];
    if (s != THETIS_ABSENT) return s;
    tht_map_inserted(map, me, result[MAP_FOUND]);
    return THETIS_OK;
}

/* An operation that inserts and erases nothing. */
static thetis_status map_change(thetis_map *map, thetis_domain_thread *me, enum map_op kind,
                                uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *found)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = map_do(map, me, kind, key, value, more, result);
    return s == THETIS_ENOMEM ? s : map_told(result, found);
}

thetis_status thetis_map_replace(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                 uintptr_t value, uintptr_t *old)
{
    return map_change(map, me, MAP_REPLACE, key, value, 0, old);
}

thetis_status thetis_map_erase(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                               uintptr_t *old)
{
    thetis_status s = map_change(map, me, MAP_ERASE, key, 0, 0, old);
    if (s == THETIS_OK) tht_map_erased(map, me);
    return s;
}

thetis_status thetis_map_cas(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t expected, uintptr_t value, uintptr_t *found)
{
    return map_change(map, me, MAP_CAS, key, value, expected, found);
}

thetis_status thetis_map_update(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                thetis_map_fn *fn, uintptr_t arg, uintptr_t *old)
{
    return map_change(map, me, MAP_UPDATE, key, arg, (uintptr_t)fn, old);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* A search reads `items` and each key; look reads items once more, and the value. After that: what
 * the thread counts, and the start of a resize. */
uint64_t thetis_map_bound(const thetis_map *map, thetis_map_op op)
{
    size_t most = map->least < map->most ? 2 * map->bucket : map->bucket, search = 1 + most;
    tht_cell_cost cost = {.look = search + 2,
                          .size = search,
                          .copy = 3 + 4 * most,
                          .apply = 2 * search + 2 + 4 + 2 + 4};
    tht_map_grow_cost(map, &cost);
    if (op == THETIS_MAP_FIND) return tht_cell_find_bound(&map->cells, &cost);
    uint64_t load = map->least < map->most ? 1 + 1 + map->cells.domain->threads_ + 1 : 1;
    return tht_map_help_bound(map, &cost) + tht_cell_update_bound(&map->cells, &cost) + load;
}
