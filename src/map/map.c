/* SPDX-License-Identifier: MIT
 *
 * map.c: the map of thetis/map.h: its operations as cells see them, and as users do.
 */
#include "map.h"

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

static const thetis_map *map_of(const uintptr_t *args)
{
    return (const thetis_map *)args[THT_MAP_SELF];
}

/* The two words of an operation's pair, or NULL. */
static thetis_atomic *map_search(const tht_cell_block *version, const uintptr_t *args)
{
    const tht_map_rule *rule = map_of(args)->rule;
    if (!version) return NULL;
    tht_map_range range = tht_map_range_of(version);
    thetis_atomic *at = tht_map_next(&range, args[THT_MAP_KEY]);
    while (rule && at && !rule->same(tht_cell_read(&at[1]), args))
        at = tht_map_next(&range, args[THT_MAP_KEY]);
    return at;
}

static int map_expects(uintptr_t value, const uintptr_t *args)
{
    const tht_map_rule *rule = map_of(args)->rule;
    uintptr_t expected = args[THT_MAP_MORE];
    return rule ? rule->expects(value, expected) : value == expected;
}

static int map_erases(const uintptr_t *args)
{
    return args[THT_MAP_OP] == THT_MAP_ERASE || args[THT_MAP_OP] == THT_MAP_DISCARD;
}

static size_t map_items(const tht_cell_block *version)
{
    return version ? tht_cell_get(version, THT_CELL_ITEMS) : 0;
}

static int map_tell(uintptr_t *result, thetis_status status, uintptr_t found)
{
    result[THT_MAP_STATUS] = (uintptr_t)(intptr_t)status;
    result[THT_MAP_FOUND] = found;
    return 1;
}

/* The cell's number says which table it is of. */
static int map_goes(const void *place, const uintptr_t *args)
{
    const thetis_map *map = map_of(args);
    size_t number = tht_map_number_of(map, place), n = tht_map_table(number);
    return (n | (tht_map_hash_of(map, args) & (n - 1))) == number;
}

/* An absent key: what needs one fails, what makes one needs room. */
static int map_look_absent(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    if (args[THT_MAP_OP] != THT_MAP_INSERT && args[THT_MAP_OP] != THT_MAP_PUT)
        return map_tell(result, THETIS_ABSENT, 0);
    if (map_items(version) >= map_of(args)->bucket) return map_tell(result, THETIS_ENOMEM, 0);
    return 0;
}

static int map_look(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    if (THETIS_UNLIKELY(args[THT_MAP_OP] == THT_MAP_WALK)) return map_tell(result, THETIS_OK, 0);
    const thetis_atomic *pair = map_search(version, args);
    if (!pair) return map_look_absent(version, args, result);
    uintptr_t value = tht_cell_read(&pair[1]);
    switch (args[THT_MAP_OP]) {
    case THT_MAP_FIND:
    case THT_MAP_INSERT:
        return map_tell(result, THETIS_EXISTS, value);
    case THT_MAP_CAS:
    case THT_MAP_DISCARD:
        return !map_expects(value, args) && map_tell(result, THETIS_MISMATCH, value);
    default:
        return 0;
    }
}

static size_t map_bytes(const tht_cell_block *version)
{
    return map_items(version) * sizeof(tht_map_pair);
}

static ptrdiff_t map_grows(const tht_cell_block *version, const uintptr_t *args)
{
    const ptrdiff_t one = sizeof(tht_map_pair);
    uintptr_t op = args[THT_MAP_OP];
    if (map_erases(args)) return map_search(version, args) ? -one : 0;
    if (op != THT_MAP_INSERT && op != THT_MAP_PUT) return 0;
    return map_search(version, args) ? 0 : one;
}

static void map_copy(tht_cell_block *to, const tht_cell_block *version)
{
    if (!version) return;
    uintptr_t from = tht_cell_fields(version), fields = tht_cell_fields(to);
    size_t items = tht_cell_items(from);
    for (size_t k = 0; k < items; k++)
        tht_map_write(tht_map_at(to, fields, k), tht_map_read(tht_map_at(version, from, k)));
    tht_cell_set_items(to, fields, items);
}

/* The value that takes the place of another one. */
static uintptr_t map_next(uintptr_t value, const uintptr_t *args)
{
    if (args[THT_MAP_OP] != THT_MAP_UPDATE) return args[THT_MAP_VALUE];
    return ((thetis_map_fn *)args[THT_MAP_MORE])(value, args[THT_MAP_VALUE]);
}

static int map_has_room(const thetis_map *map, const tht_cell_block *to, uintptr_t fields)
{
    const thetis_atomic *end = tht_map_at(to, fields, tht_cell_items(fields) + 1);
    size_t size = tht_cell_field_of(fields, THT_CELL_SIZE);
    return (uintptr_t)end - (uintptr_t)to <= map->sizes[size].bytes;
}

/* No room: keys that were compared are used anew, so this attempt will fail. */
static void map_append(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    uintptr_t fields = tht_cell_fields(to);
    size_t items = tht_cell_items(fields);
    if (!map_has_room(map_of(args), to, fields)) return;
    tht_map_write(tht_map_at(to, fields, items),
                  (tht_map_pair){args[THT_MAP_KEY], args[THT_MAP_VALUE]});
    tht_cell_set_items(to, fields, ++items);
    (void)map_tell(result, args[THT_MAP_OP] == THT_MAP_PUT ? THETIS_ABSENT : THETIS_OK, items);
}

/* The last pair takes the place of another one. */
static void map_remove(tht_cell_block *to, thetis_atomic *pair)
{
    uintptr_t fields = tht_cell_fields(to);
    size_t items = tht_cell_items(fields) - 1;
    tht_map_write(pair, tht_map_read(tht_map_at(to, fields, items)));
    tht_cell_set_items(to, fields, items);
}

/* An operation that does change something: see map_look(). */
static void map_modify(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    thetis_atomic *pair = map_search(to, args);
    if (!pair) {
        map_append(to, args, result);
        return;
    }
    uintptr_t value = tht_cell_read(&pair[1]);
    (void)map_tell(result, THETIS_OK, value);
    if (map_erases(args)) map_remove(to, pair);
    else tht_cell_write(&pair[1], map_next(value, args));
}

static void map_apply(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    if (!map_look(to, args, result)) map_modify(to, args, result);
}

/* What is left when a pair that is there is erased. It is not found: see map_append(). */
static void map_erase(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                      uintptr_t *result)
{
    const thetis_atomic *gone = map_search(version, args);
    if (!gone) return;
    (void)map_tell(result, THETIS_OK, tht_cell_read(&gone[1]));
    if (!to) return;
    uintptr_t from = tht_cell_fields(version), fields = tht_cell_fields(to);
    const thetis_atomic *pair = tht_map_at(version, from, 0);
    size_t items = tht_cell_items(from) - 1;
    for (size_t k = 0; k < items; k++, pair += 2) {
        if (pair == gone) pair += 2;
        tht_map_write(tht_map_at(to, fields, k), tht_map_read(pair));
    }
    tht_cell_set_items(to, fields, items);
}

/* Only called for operations that do change something. */
static void map_make(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                     uintptr_t *result)
{
    if (map_erases(args)) {
        map_erase(to, version, args, result);
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
    thetis_status s = (thetis_status)(intptr_t)result[THT_MAP_STATUS];
    if (found && (s == THETIS_OK || s == THETIS_EXISTS || s == THETIS_MISMATCH))
        *found = result[THT_MAP_FOUND];
    return s;
}

/* Of a map that keeps its size. */
static thetis_atomic *map_cell(const thetis_map *map, uintptr_t key)
{
    return &map->cell[tht_map_hash(map, key) & (map->least - 1)];
}

thetis_status tht_map_do(thetis_map *map, thetis_domain_thread *me, tht_map_verb verb,
                         uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *result)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, verb, key, value, more};
    tht_cell_op op = {.args = args, .result = result};
    thetis_status s;
    if (map->cells.moves) {
        tht_map_help(map, me, key);
        s = tht_cell_update(&map->cells, &tht_map_kind, me, &op);
    } else {
        op.place = op.cell = map_cell(map, key);
        s = tht_cell_update(&map->cells, &tht_map_fixed_kind, me, &op);
    }
    return s == THETIS_OK ? (thetis_status)(intptr_t)result[THT_MAP_STATUS] : s;
}

thetis_status tht_map_ask(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                          uintptr_t value, uintptr_t *result)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {map->cells.self, THT_MAP_FIND, key, value};
    tht_cell_op op = {.args = args, .result = result};
    if (map->cells.moves) {
        tht_cell_find(&map->cells, &tht_map_kind, me, &op);
    } else {
        op.place = op.cell = map_cell(map, key);
        tht_cell_find(&map->cells, &tht_map_fixed_kind, me, &op);
    }
    return (thetis_status)(intptr_t)result[THT_MAP_STATUS];
}

/* With the bucket protected. */
static thetis_status map_find(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                              uintptr_t *value)
{
    uintptr_t result[THT_CELL_RESULT];
    if (tht_map_ask(map, me, key, 0, result) == THETIS_ABSENT) return THETIS_ABSENT;
    if (value) *value = result[THT_MAP_FOUND];
    return THETIS_OK;
}

const thetis_atomic *tht_map_first(const thetis_map *map, uintptr_t key)
{
    uintptr_t state = tht_map_state(map);
    size_t n = tht_map_way(state) == THT_MAP_STAY ? tht_map_buckets(state) : tht_map_left(state);
    return tht_map_cell(map, n | (tht_map_hash(map, key) & (n - 1)));
}

/* Of words; the version may be used anew. */
static const thetis_atomic *map_glance(const tht_cell_block *version, uintptr_t key)
{
    if (!version) return NULL;
    tht_map_range range = tht_map_range_of(version);
    return tht_map_next(&range, key);
}

thetis_status thetis_map_find(const thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                              uintptr_t *value)
{
    tht_cell_glance glance;
    if (THETIS_LIKELY(tht_cell_glance_begin(&map->cells, tht_map_first(map, key), &glance))) {
        const thetis_atomic *pair = map_glance(glance.version, key);
        uintptr_t found = pair ? tht_cell_read(&pair[1]) : 0;
        if (THETIS_LIKELY(tht_cell_glance_end(&glance))) {
            if (pair && value) *value = found;
            return pair ? THETIS_OK : THETIS_ABSENT;
        }
    }
    return map_find(map, me, key, value);
}

thetis_status thetis_map_insert(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                uintptr_t value, uintptr_t *found)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = tht_map_do(map, me, THT_MAP_INSERT, key, value, 0, result);
    if (s == THETIS_OK) tht_map_inserted(map, me, result[THT_MAP_FOUND]);
    else if (found && s == THETIS_EXISTS) *found = result[THT_MAP_FOUND];
    return s;
}

thetis_status thetis_map_put(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t value, uintptr_t *old)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = tht_map_do(map, me, THT_MAP_PUT, key, value, 0, result);
    if (s == THETIS_OK && old) *old = result[THT_MAP_FOUND];
    if (s != THETIS_ABSENT) return s;
    tht_map_inserted(map, me, result[THT_MAP_FOUND]);
    return THETIS_OK;
}

/* An operation that inserts and erases nothing. */
static thetis_status map_change(thetis_map *map, thetis_domain_thread *me, tht_map_verb verb,
                                uintptr_t key, uintptr_t value, uintptr_t more, uintptr_t *found)
{
    uintptr_t result[THT_CELL_RESULT];
    thetis_status s = tht_map_do(map, me, verb, key, value, more, result);
    return s == THETIS_ENOMEM ? s : map_told(result, found);
}

thetis_status thetis_map_replace(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                 uintptr_t value, uintptr_t *old)
{
    return map_change(map, me, THT_MAP_REPLACE, key, value, 0, old);
}

thetis_status thetis_map_erase(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                               uintptr_t *old)
{
    thetis_status s = map_change(map, me, THT_MAP_ERASE, key, 0, 0, old);
    if (s == THETIS_OK) tht_map_erased(map, me);
    return s;
}

thetis_status thetis_map_cas(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                             uintptr_t expected, uintptr_t value, uintptr_t *found)
{
    return map_change(map, me, THT_MAP_CAS, key, value, expected, found);
}

thetis_status thetis_map_update(thetis_map *map, thetis_domain_thread *me, uintptr_t key,
                                thetis_map_fn *fn, uintptr_t arg, uintptr_t *old)
{
    return map_change(map, me, THT_MAP_UPDATE, key, arg, (uintptr_t)fn, old);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* A search reads the fields and each key, and what the rule reads; look the fields once more, or
 * the value, and what it is compared with. To remove a pair takes most of what can be applied: its
 * value, the fields twice, the last pair and its new place. After that: what the thread counts, and
 * the start of a resize. A scan reads all of a bucket. */
uint64_t thetis_map_bound(const thetis_map *map, thetis_map_op op)
{
    size_t most = map->least < map->most ? 2 * map->bucket : map->bucket;
    size_t search = 1 + most * (1 + map->same), look = search + 1 + map->expects;
    tht_cell_cost cost = {.look = op == THETIS_MAP_SCAN ? 1 + 2 * most : look,
                          .grows = search,
                          .copy = 3 + 4 * most,
                          .apply = look + search + 7};
    tht_map_grow_cost(map, &cost);
    if (op == THETIS_MAP_FIND) return 1 + tht_cell_find_bound(&map->cells, &cost);
    if (op == THETIS_MAP_SCAN) return tht_cell_hold_bound(&map->cells, &cost);
    uint64_t load = map->least < map->most ? 4 + 1 + map->cells.domain->threads_ + 1 : 4;
    return tht_map_help_bound(map, &cost) + tht_cell_update_bound(&map->cells, &cost) + load;
}
