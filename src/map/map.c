/* SPDX-License-Identifier: MIT
 *
 * map.c: the map of thetis/map.h: making it, its operations as cells see them, and as users do.
 */
#include "map.h"

/* Words of an operation. */
enum { MAP_SELF, MAP_OP, MAP_KEY, MAP_VALUE, MAP_MORE };

enum map_op { MAP_FIND, MAP_INSERT, MAP_PUT, MAP_REPLACE, MAP_ERASE, MAP_CAS, MAP_UPDATE };

/* Words of a result. */
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

static thetis_atomic *map_bucket(const thetis_map *map, uintptr_t key)
{
    uintptr_t hash = map->cfg.hash ? map->cfg.hash(key) : map_mix(key ^ map->cfg.seed);
    return &map->cell[hash & map->mask];
}

/* ---- a bucket's content ---------------------------------------------------------------------- */

static tht_map_pair *map_pairs(const tht_cell_block *version)
{
    return tht_cell_content(version);
}

/* The pair of a key, or NULL. */
static tht_map_pair *map_search(const tht_cell_block *version, uintptr_t key)
{
    if (!version) return NULL;
    tht_map_pair *pair = map_pairs(version), *end = pair + version->items;
    while (pair < end && pair->key != key) pair++;
    return pair < end ? pair : NULL;
}

static int map_tell(uintptr_t *result, thetis_status status, uintptr_t found)
{
    result[MAP_STATUS] = (uintptr_t)(intptr_t)status;
    result[MAP_FOUND] = found;
    return 1;
}

static int map_goes(const void *place, const uintptr_t *args)
{
    const thetis_map *map = (const thetis_map *)args[MAP_SELF];
    return place == map_bucket(map, args[MAP_KEY]);
}

/* An absent key: what needs one fails, what makes one needs room. */
static int map_look_absent(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    const thetis_map *map = (const thetis_map *)args[MAP_SELF];
    if (args[MAP_OP] != MAP_INSERT && args[MAP_OP] != MAP_PUT)
        return map_tell(result, THETIS_ABSENT, 0);
    if (version && version->items == map->bucket) return map_tell(result, THETIS_ENOMEM, 0);
    return 0;
}

static int map_look(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    const tht_map_pair *pair = map_search(version, args[MAP_KEY]);
    if (!pair) return map_look_absent(version, args, result);
    switch (args[MAP_OP]) {
    case MAP_FIND:
        return map_tell(result, THETIS_OK, pair->value);
    case MAP_INSERT:
        return map_tell(result, THETIS_EXISTS, pair->value);
    case MAP_CAS:
        return pair->value != args[MAP_MORE] && map_tell(result, THETIS_MISMATCH, pair->value);
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
    uintptr_t op = args[MAP_OP];
    if (op == MAP_ERASE) return map_search(version, args[MAP_KEY]) ? -one : 0;
    if (op != MAP_INSERT && op != MAP_PUT) return 0;
    return map_search(version, args[MAP_KEY]) ? 0 : one;
}

static void map_copy(tht_cell_block *to, const tht_cell_block *version)
{
    to->items = version ? version->items : 0;
    for (size_t k = 0; k < to->items; k++) map_pairs(to)[k] = map_pairs(version)[k];
}

/* The value that takes the place of another one. */
static uintptr_t map_next(const tht_map_pair *pair, const uintptr_t *args)
{
    if (args[MAP_OP] != MAP_UPDATE) return args[MAP_VALUE];
    return ((thetis_map_fn *)args[MAP_MORE])(pair->value, args[MAP_VALUE]);
}

/* An operation that does change something: see map_look(). */
static void map_change(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    tht_map_pair *pair = map_search(to, args[MAP_KEY]);
    if (!pair) {
        pair = &map_pairs(to)[to->items++];
        *pair = (tht_map_pair){args[MAP_KEY], args[MAP_VALUE]};
        (void)map_tell(result, args[MAP_OP] == MAP_PUT ? THETIS_ABSENT : THETIS_OK, 0);
        return;
    }
    (void)map_tell(result, THETIS_OK, pair->value);
    if (args[MAP_OP] == MAP_ERASE) *pair = map_pairs(to)[--to->items];
    else pair->value = map_next(pair, args);
}

static void map_apply(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    if (!map_look(to, args, result)) map_change(to, args, result);
}

/* What is left when a pair that is there is erased. */
static void map_erase(tht_cell_block *to, const tht_cell_block *version, uintptr_t key,
                      uintptr_t *result)
{
    const tht_map_pair *gone = map_search(version, key), *pair = map_pairs(version);
    (void)map_tell(result, THETIS_OK, gone->value);
    if (!to) return;
    to->items = (uint16_t)(version->items - 1);
    for (size_t k = 0; k < to->items; k++, pair++) {
        if (pair == gone) pair++;
        map_pairs(to)[k] = *pair;
    }
}

/* Only called for operations that do change something. */
static void map_make(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                     uintptr_t *result)
{
    if (args[MAP_OP] == MAP_ERASE) {
        map_erase(to, version, args[MAP_KEY], result);
    } else {
        map_copy(to, version);
        map_change(to, args, result);
    }
}

const tht_cell_kind tht_map_kind = {map_goes, map_look, map_bytes, map_grows,
                                    map_make, map_copy, map_apply};

/* ---- operations ------------------------------------------------------------------------------ */

static thetis_status map_told(const uintptr_t *result, uintptr_t *found)
{
    thetis_status s = (thetis_status)(intptr_t)result[MAP_STATUS];
    if (found && (s == THETIS_OK || s == THETIS_EXISTS || s == THETIS_MISMATCH))
        *found = result[MAP_FOUND];
    return s;
}

static thetis_status map_do(const thetis_map *map, thetis_domain_thread *me, enum map_op kind,
                            uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *found)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, kind, key, value, more};
    uintptr_t result[THT_CELL_RESULT];
    thetis_atomic *cell = map_bucket(map, key);
    tht_cell_op op = {cell, cell, args, result};
    thetis_status s = tht_cell_update(&map->cells, &tht_map_kind, me, &op);
    return s == THETIS_OK ? map_told(result, found) : s;
}

thetis_status thetis_map_find(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                              uintptr_t *value)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, MAP_FIND, key};
    uintptr_t result[THT_CELL_RESULT];
    thetis_atomic *cell = map_bucket(map, key);
    tht_cell_op op = {cell, cell, args, result};
    tht_cell_find(&map->cells, &tht_map_kind, me, &op);
    return map_told(result, value);
}

thetis_status thetis_map_insert(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                uintptr_t value, uintptr_t *found)
{
    uintptr_t there = value;
    thetis_status s = map_do(map, me, MAP_INSERT, key, value, 0, &there);
    if (found && s == THETIS_EXISTS) *found = there;
    return s;
}

thetis_status thetis_map_put(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t value, uintptr_t *old)
{
    thetis_status s = map_do(map, me, MAP_PUT, key, value, 0, old);
    return s == THETIS_ABSENT ? THETIS_OK : s;
}

thetis_status thetis_map_replace(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                 uintptr_t value, uintptr_t *old)
{
    return map_do(map, me, MAP_REPLACE, key, value, 0, old);
}

thetis_status thetis_map_erase(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                               uintptr_t *old)
{
    return map_do(map, me, MAP_ERASE, key, 0, 0, old);
}

thetis_status thetis_map_cas(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t expected, uintptr_t value, uintptr_t *found)
{
    return map_do(map, me, MAP_CAS, key, value, expected, found);
}

thetis_status thetis_map_update(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                thetis_map_fn *fn, uintptr_t arg, uintptr_t *old)
{
    return map_do(map, me, MAP_UPDATE, key, arg, (uintptr_t)fn, old);
}

/* ---- bounds, check --------------------------------------------------------------------------- */

/* A search reads `items` and each key; look reads items once more, and the value. */
uint64_t thetis_map_bound(const thetis_map *map, thetis_map_op op)
{
    size_t most = map->bucket, search = 1 + most;
    tht_cell_cost cost = {.look = search + 2,
                          .size = search,
                          .copy = 3 + 4 * most,
                          .apply = 2 * search + 2 + 4 + 2 + 4};
    return op == THETIS_MAP_FIND ? tht_cell_find_bound(&map->cells, &cost)
                                 : tht_cell_update_bound(&map->cells, &cost);
}

/* A pair's key hashes to this cell, and no pair before it has the same. */
static int map_pair_is_sound(const thetis_map *map, const thetis_atomic *cell,
                             const tht_cell_block *version, const tht_map_pair *pair)
{
    return map_bucket(map, pair->key) == cell && map_search(version, pair->key) == pair;
}

thetis_status thetis_map_check(const thetis_map *map, size_t *pairs)
{
    size_t n = 0;
    for (size_t k = 0; k <= map->mask; k++) {
        uintptr_t head = thetis_atomic_load_acquire(&map->cell[k]); /* pair: domain.cell */
        const tht_cell_block *version = tht_cell_version(head);
        if (!version) continue;
        if (version->items > map->bucket) return THETIS_ECORRUPT;
        for (size_t i = 0; i < version->items; i++) {
            if (!map_pair_is_sound(map, &map->cell[k], version, map_pairs(version) + i))
                return THETIS_ECORRUPT;
        }
        n += version->items;
    }
    *pairs = n;
    return THETIS_OK;
}
