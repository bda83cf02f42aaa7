/* SPDX-License-Identifier: MIT
 *
 * bmap.c: the operations of thetis/bmap.h. The map below sees hashes and addresses of records; the
 * word `value` of an operation is the address of what has its key: of the new record, or of the
 * thread's place for a key.
 */
#include "bmap.h"

#include "sip.h"

/* ---- what pairs are -------------------------------------------------------------------------- */

static int bmap_same(uintptr_t value, const uintptr_t *args)
{
    return tht_record_same((const tht_record *)value, (const tht_record *)args[THT_MAP_VALUE]);
}

static int bmap_expects(uintptr_t value, uintptr_t expected)
{
    return tht_record_version((const tht_record *)value) == expected;
}

const tht_map_rule tht_bmap_rule = {bmap_same, bmap_expects};

/* ---- finding --------------------------------------------------------------------------------- */

static uintptr_t bmap_hash(const thetis_bmap *map, thetis_bmap_bytes key)
{
    if (map->cfg.hash) return map->cfg.hash(key.data, key.len);
    return (uintptr_t)tht_sip(map->cfg.seed, 1, 3, key.data, key.len);
}

/* An operation's key, in the thread's place. */
static uintptr_t bmap_key(const thetis_bmap *map, const thetis_domain_thread *me,
                          thetis_bmap_bytes key)
{
    tht_record *place = tht_bmap_key(map, me);
    tht_record_set_key(place, key);
    return (uintptr_t)place;
}

/* Of a version that may be used anew: 1 and the key's record or NULL, if what led there was right.
 * An address is followed only if it was that of a record. */
static int bmap_glance_at(const tht_cell_glance *glance, uintptr_t hash, thetis_bmap_bytes key,
                          const tht_record **out)
{
    *out = NULL;
    if (!glance->version) return 1;
    tht_map_range range = tht_map_range_of(glance->version);
    const thetis_atomic *at;
    while ((at = tht_map_next(&range, hash)) != NULL) {
        const tht_record *record = (const tht_record *)tht_cell_read(&at[1]);
        if (!tht_cell_glance_end(glance)) return 0;
        if (!tht_record_has(record, key)) continue;
        *out = record;
        return 1;
    }
    return 1;
}

/* 1 and the answer, if nobody updated the bucket. */
static int bmap_glance(const thetis_bmap *map, uintptr_t hash, thetis_bmap_bytes key,
                       thetis_bmap_value *found, thetis_status *s)
{
    const thetis_atomic *cell = tht_map_first(map->map, hash);
    thetis_bmap_value told = *found;
    tht_cell_glance glance;
    const tht_record *record;
    if (!tht_cell_glance_begin(&map->map->cells, cell, &glance)) return 0;
    if (!bmap_glance_at(&glance, hash, key, &record)) return 0;
    if (record) tht_record_tell(record, &told);
    if (!tht_cell_glance_confirm(cell, &glance)) return 0;
    *s = record ? THETIS_OK : THETIS_ABSENT;
    *found = told;
    return 1;
}

/* Tells the value of a record that is protected, and does not protect it any more. */
static void bmap_tell(thetis_domain_thread *me, uintptr_t record, thetis_bmap_value *found)
{
    if (found) tht_record_tell((const tht_record *)record, found);
    thetis_domain_clear(me, THT_CELL_NAMED_HAZARD);
}

thetis_status thetis_bmap_find(const thetis_bmap *map, thetis_domain_thread *me,
                               thetis_bmap_bytes key, thetis_bmap_value *found)
{
    thetis_bmap_value nobody = {.len = 0}, *to = found ? found : &nobody;
    if (key.len > map->cfg.key_max) return THETIS_EINVAL;
    uintptr_t hash = bmap_hash(map, key), result[THT_CELL_RESULT];
    thetis_status s;
    if (THETIS_UNLIKELY(!bmap_glance(map, hash, key, to, &s))) {
        s = tht_map_ask(map->map, me, hash, bmap_key(map, me, key), result);
        if (s == THETIS_EXISTS) {
            bmap_tell(me, result[THT_MAP_FOUND], to);
            s = THETIS_OK;
        }
    }
    return s == THETIS_OK && found && to->len > to->room ? THETIS_E2BIG : s;
}

/* ---- operations that change something -------------------------------------------------------- */

/* OK and a record, EINVAL, ENOMEM. */
static thetis_status bmap_make(const thetis_bmap *map, thetis_domain_thread *me,
                               thetis_bmap_bytes key, thetis_bmap_bytes value, tht_record **out)
{
    if (key.len > map->cfg.key_max || value.len > map->cfg.value_max) return THETIS_EINVAL;
    *out = tht_record_take(&map->records, me, key, value);
    return *out ? THETIS_OK : THETIS_ENOMEM;
}

/* The caller has taken the record out of its bucket. */
static void bmap_took(const thetis_bmap *map, thetis_domain_thread *me, uintptr_t word,
                      thetis_bmap_value *old)
{
    tht_record *record = (tht_record *)word;
    if (old) tht_record_tell(record, old);
    tht_record_retire(&map->records, me, record);
}

thetis_status thetis_bmap_insert(thetis_bmap *map, thetis_domain_thread *me, thetis_bmap_bytes key,
                                 thetis_bmap_bytes value, thetis_bmap_value *found)
{
    uintptr_t result[THT_CELL_RESULT];
    tht_record *record;
    thetis_status s = bmap_make(map, me, key, value, &record);
    if (s != THETIS_OK) return s;
    uintptr_t version = tht_record_version(record);
    s = tht_map_do(map->map, me, THT_MAP_INSERT, bmap_hash(map, key), (uintptr_t)record, 0, result);
    if (s == THETIS_OK) {
        if (found) found->version = version;
        tht_map_inserted(map->map, me, result[THT_MAP_FOUND]);
        return s;
    }
    if (s == THETIS_EXISTS) bmap_tell(me, result[THT_MAP_FOUND], found);
    tht_record_give(&map->records, me, record);
    return s;
}

thetis_status thetis_bmap_put(thetis_bmap *map, thetis_domain_thread *me, thetis_bmap_bytes key,
                              thetis_bmap_bytes value, thetis_bmap_value *old)
{
    uintptr_t result[THT_CELL_RESULT];
    tht_record *record;
    thetis_status s = bmap_make(map, me, key, value, &record);
    if (s != THETIS_OK) return s;
    s = tht_map_do(map->map, me, THT_MAP_PUT, bmap_hash(map, key), (uintptr_t)record, 0, result);
    if (s == THETIS_OK) {
        bmap_took(map, me, result[THT_MAP_FOUND], old);
    } else if (s == THETIS_ABSENT) {
        if (old) old->version = 0;
        tht_map_inserted(map->map, me, result[THT_MAP_FOUND]);
        s = THETIS_OK;
    } else {
        tht_record_give(&map->records, me, record);
    }
    return s;
}

/* A record in the place of another one. */
static thetis_status bmap_change(thetis_bmap *map, thetis_domain_thread *me, tht_map_verb verb,
                                 thetis_bmap_bytes key, thetis_bmap_bytes value,
                                 uintptr_t expected, thetis_bmap_value *old)
{
    uintptr_t result[THT_CELL_RESULT];
    tht_record *record;
    thetis_status s = bmap_make(map, me, key, value, &record);
    if (s != THETIS_OK) return s;
    s = tht_map_do(map->map, me, verb, bmap_hash(map, key), (uintptr_t)record, expected, result);
    if (s == THETIS_OK) bmap_took(map, me, result[THT_MAP_FOUND], old);
    else tht_record_give(&map->records, me, record);
    return s;
}

thetis_status thetis_bmap_replace(thetis_bmap *map, thetis_domain_thread *me,
                                  thetis_bmap_bytes key, thetis_bmap_bytes value,
                                  thetis_bmap_value *old)
{
    return bmap_change(map, me, THT_MAP_REPLACE, key, value, 0, old);
}

thetis_status thetis_bmap_cas(thetis_bmap *map, thetis_domain_thread *me, thetis_bmap_bytes key,
                              uintptr_t version, thetis_bmap_bytes value)
{
    return bmap_change(map, me, THT_MAP_CAS, key, value, version, NULL);
}

static thetis_status bmap_remove(thetis_bmap *map, thetis_domain_thread *me, tht_map_verb verb,
                                 thetis_bmap_bytes key, uintptr_t expected, thetis_bmap_value *old)
{
    uintptr_t result[THT_CELL_RESULT];
    if (key.len > map->cfg.key_max) return THETIS_EINVAL;
    uintptr_t place = bmap_key(map, me, key);
    thetis_status s = tht_map_do(map->map, me, verb, bmap_hash(map, key), place, expected, result);
    if (s != THETIS_OK) return s;
    bmap_took(map, me, result[THT_MAP_FOUND], old);
    tht_map_erased(map->map, me);
    return s;
}

thetis_status thetis_bmap_erase(thetis_bmap *map, thetis_domain_thread *me, thetis_bmap_bytes key,
                                thetis_bmap_value *old)
{
    return bmap_remove(map, me, THT_MAP_ERASE, key, 0, old);
}

thetis_status thetis_bmap_discard(thetis_bmap *map, thetis_domain_thread *me,
                                  thetis_bmap_bytes key, uintptr_t version)
{
    return bmap_remove(map, me, THT_MAP_DISCARD, key, version, NULL);
}

/* ---- all of it ------------------------------------------------------------------------------- */

size_t thetis_bmap_trim(thetis_bmap *map)
{
    return thetis_map_trim(map->map);
}

size_t thetis_bmap_count(const thetis_bmap *map)
{
    return thetis_map_count(map->map);
}

thetis_status thetis_bmap_check(const thetis_bmap *map, size_t *records)
{
    return thetis_map_check(map->map, records);
}

/* Find: the key, once by itself and once in its place; the value, twice, with fields and version;
 * the hazard. Others: a record is made, and another one told, whose hazard is cleared; one is given
 * back, or the old one retired. */
uint64_t thetis_bmap_bound(const thetis_bmap *map, thetis_bmap_op op)
{
    uint64_t key = tht_record_words(map->cfg.key_max);
    uint64_t tell = 2 + tht_record_words(map->cfg.value_max);
    if (op == THETIS_BMAP_FIND)
        return thetis_map_bound(map->map, THETIS_MAP_FIND) + 1 + key + 2 * tell + 1;
    uint64_t make = tht_record_bound(&map->records, THETIS_POOL_TAKE) + 2 + key + tell;
    thetis_pool_op back = op == THETIS_BMAP_INSERT ? THETIS_POOL_GIVE : THETIS_POOL_RETIRE;
    return make + thetis_map_bound(map->map, THETIS_MAP_UPDATE) + tell + 1 +
           tht_record_bound(&map->records, back);
}
