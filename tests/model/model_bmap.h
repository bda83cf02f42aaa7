/* SPDX-License-Identifier: MIT
 *
 * model_bmap.h: a small map of bytes for scenarios, operations with their bounds that are recorded,
 * and the judge of the record. Blocks of records and of versions are used anew as soon as they may
 * be. Keys and values have two words, so that what is of two records shows.
 */
#ifndef MODEL_BMAP_H
#define MODEL_BMAP_H

#include <string.h>
#include <thetis/check.h>

#include "domain/pool.h"
#include "lin/lin.h"
#include "map/bmap.h"

enum { THREADS = 3, KEYS = 3, OPS = 6 + KEYS, BUCKET = 3, KEY = 9, VALUE = 16 };

static char domain_memory[THETIS_DOMAIN_SIZE(THREADS, 2, THETIS_BMAP_ARGS)] THETIS_CACHE_ALIGNED;
static char map_memory[1 << 19] THETIS_CACHE_ALIGNED;
static char record_memory[1 << 16] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_domain_thread *me[THREADS];
static thetis_bmap *shared;
static thetis_bmap slow; /* the same one, for operations that are announced at once, */
static thetis_map slow_map; /* and the map below it */
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];

static inline uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

/* ---- keys and values ------------------------------------------------------------------------- */

/* Of all keys that go to the same bucket: keys are what tells them apart. */
static inline uintptr_t hash_of(const void *key, size_t len)
{
    const unsigned char *bytes = key;
    (void)len;
    return bytes[0] & 1;
}

/* Keys 0 and 2 have one hash, and differ in their last byte; or all do. */
static int alike;

static inline thetis_bmap_bytes key_of(unsigned char *room, uintptr_t key)
{
    memset(room, alike ? 0 : (int)(key & 1), KEY);
    room[KEY - 1] = (unsigned char)key;
    return (thetis_bmap_bytes){room, KEY};
}

static inline thetis_bmap_bytes value_of(uintptr_t *room, uintptr_t value)
{
    room[0] = value;
    room[1] = ~value;
    return (thetis_bmap_bytes){room, VALUE};
}

static inline uintptr_t read_value(const thetis_bmap_value *found)
{
    const uintptr_t *words = found->data;
    THETIS_CHECK(found->len == VALUE && found->version != 0 && words[1] == ~words[0]);
    return words[0];
}

/* ---- making ---------------------------------------------------------------------------------- */

/* All records are looked for at each retire. */
static inline thetis_pool *make_pool(const thetis_domain_cfg *of, const thetis_pool_cfg *cfg)
{
    thetis_pool_shape_ shape = tht_pool_shape(of, cfg);
    shape.looks = of->threads;
    shape.most = tht_pool_most(&shape);
    THETIS_CHECK(tht_pool_bytes(&shape) <= sizeof record_memory);
    return tht_pool_build(record_memory, domain, &shape);
}

static inline void make(size_t threads, size_t buckets, size_t buckets_max, size_t tries)
{
    const thetis_domain_cfg of = {threads, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};
    const thetis_bmap_cfg cfg = {.capacity = buckets, .capacity_max = buckets_max, .key_max = KEY,
                                 .value_max = VALUE, .hash = hash_of, .classes = {{32, 4}}};
    tht_bmap_shape shape = tht_bmap_shape_of(&of, &cfg);
    shape.map.bucket = BUCKET;
    shape.map.tries = tries;
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        shape.map.pool[k].blocks = k < 4 ? 4 : 1;
        shape.map.pool[k].batch = 32;
        shape.map.pool[k].limbo = 1;
    }
    shape.pool[0].batch = 32;
    shape.pool[0].limbo = 1;
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &of, &domain) ==
                 THETIS_OK);
    THETIS_CHECK(tht_bmap_bytes(&of, &shape) <= sizeof map_memory);
    shared = tht_bmap_build(map_memory, domain, &shape, &cfg, 0);
    shared->records.classes[0].pool = make_pool(&of, &shape.pool[0]);
    slow = *shared;
    slow_map = *shared->map;
    slow_map.cells.tries = 0;
    slow.map = &slow_map;
    alike = 0;
    for (unsigned t = 0; t < threads; t++) {
        THETIS_CHECK(thetis_domain_join(domain, &me[t]) == THETIS_OK);
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
    }
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline uint64_t most(void)
{
    return thetis_bmap_bound(shared, THETIS_BMAP_UPDATE);
}

/* What find answers, without a record of it. */
static inline thetis_status look_up(unsigned thread, const thetis_bmap *map, uintptr_t key,
                                    uintptr_t *value, uintptr_t *version)
{
    unsigned char name[KEY];
    uintptr_t room[2] = {0};
    thetis_bmap_value found = {.data = room, .room = VALUE};
    thetis_bmap_bytes of = key_of(name, key);
    thetis_check_begin("bmap.find", thetis_bmap_bound(shared, THETIS_BMAP_FIND));
    thetis_status s = thetis_bmap_find(map, me[thread], of, &found);
    thetis_check_end();
    if (s != THETIS_OK) return s;
    *value = read_value(&found);
    *version = found.version;
    return s;
}

static inline void find_by(unsigned thread, const thetis_bmap *map, uintptr_t key)
{
    uintptr_t value = 0, version;
    lin_op *op = lin_begin(&recorder[thread], LIN_FIND);
    op->key = key;
    thetis_status s = look_up(thread, map, key, &value, &version);
    op->result = value;
    lin_end(&recorder[thread], op, s);
}

static inline void find(unsigned thread, uintptr_t key)
{
    find_by(thread, shared, key);
}

/* As an insertion; if the key is there it is a find as well, at the same moment. */
static inline void insert(unsigned thread, thetis_bmap *map, uintptr_t key, uintptr_t value)
{
    unsigned char name[KEY];
    uintptr_t words[2], room[2];
    thetis_bmap_value found = {.data = room, .room = VALUE};
    thetis_bmap_bytes of = key_of(name, key), new = value_of(words, value);
    lin_op *op = lin_begin(&recorder[thread], LIN_INSERT);
    op->key = key;
    op->arg = value;
    thetis_check_begin("bmap.insert", thetis_bmap_bound(shared, THETIS_BMAP_INSERT));
    thetis_status s = thetis_bmap_insert(map, me[thread], of, new, &found);
    thetis_check_end();
    if (s == THETIS_EXISTS) {
        op->kind = LIN_FIND;
        op->result = read_value(&found);
        s = THETIS_OK;
    }
    lin_end(&recorder[thread], op, s);
}

/* What was replaced is one that somebody else has put there: see expect_olds(). */
static inline void put(unsigned thread, thetis_bmap *map, uintptr_t key, uintptr_t value)
{
    unsigned char name[KEY];
    uintptr_t words[2], room[2];
    thetis_bmap_value old = {.data = room, .room = VALUE};
    thetis_bmap_bytes of = key_of(name, key), new = value_of(words, value);
    lin_op *op = lin_begin(&recorder[thread], LIN_PUT);
    op->key = key;
    op->arg = value;
    thetis_check_begin("bmap.put", most());
    thetis_status s = thetis_bmap_put(map, me[thread], of, new, &old);
    thetis_check_end();
    if (s == THETIS_OK && old.version) (void)read_value(&old);
    lin_end(&recorder[thread], op, s);
}

static inline void replace(unsigned thread, thetis_bmap *map, uintptr_t key, uintptr_t value)
{
    unsigned char name[KEY];
    uintptr_t words[2], room[2];
    thetis_bmap_value old = {.data = room, .room = VALUE};
    thetis_bmap_bytes of = key_of(name, key), new = value_of(words, value);
    lin_op *op = lin_begin(&recorder[thread], LIN_REPLACE);
    op->key = key;
    op->arg = value;
    thetis_check_begin("bmap.replace", most());
    thetis_status s = thetis_bmap_replace(map, me[thread], of, new, &old);
    thetis_check_end();
    if (s == THETIS_OK) (void)read_value(&old);
    lin_end(&recorder[thread], op, s);
}

/* Values are put once, so a version is of a value. */
static inline void cas(unsigned thread, thetis_bmap *map, uintptr_t key, uintptr_t value)
{
    unsigned char name[KEY];
    uintptr_t words[2], expected = 0, version = 0;
    thetis_bmap_bytes of = key_of(name, key), new = value_of(words, value);
    if (look_up(thread, map, key, &expected, &version) != THETIS_OK) return;
    thetis_check_moment();
    lin_op *op = lin_begin(&recorder[thread], LIN_CAS);
    op->key = key;
    op->arg = value;
    op->arg2 = expected;
    thetis_check_begin("bmap.cas", most());
    thetis_status s = thetis_bmap_cas(map, me[thread], of, version, new);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void erase(unsigned thread, thetis_bmap *map, uintptr_t key)
{
    unsigned char name[KEY];
    uintptr_t room[2];
    thetis_bmap_value old = {.data = room, .room = VALUE};
    thetis_bmap_bytes of = key_of(name, key);
    lin_op *op = lin_begin(&recorder[thread], LIN_ERASE);
    op->key = key;
    thetis_check_begin("bmap.erase", most());
    thetis_status s = thetis_bmap_erase(map, me[thread], of, &old);
    thetis_check_end();
    if (s == THETIS_OK) (void)read_value(&old);
    lin_end(&recorder[thread], op, s);
}

/* One that succeeds is an erasure; one that does not is a comparison. */
static inline void discard(unsigned thread, thetis_bmap *map, uintptr_t key)
{
    unsigned char name[KEY];
    uintptr_t expected = 0, version = 0;
    thetis_bmap_bytes of = key_of(name, key);
    if (look_up(thread, map, key, &expected, &version) != THETIS_OK) return;
    thetis_check_moment();
    lin_op *op = lin_begin(&recorder[thread], LIN_ERASE);
    op->key = key;
    op->arg2 = expected;
    thetis_check_begin("bmap.discard", most());
    thetis_status s = thetis_bmap_discard(map, me[thread], of, version);
    thetis_check_end();
    if (s == THETIS_MISMATCH) op->kind = LIN_CAS;
    lin_end(&recorder[thread], op, s);
}

/* ---- the end --------------------------------------------------------------------------------- */

static inline int anybody_stopped(void)
{
    for (unsigned t = 0; t < domain->threads_; t++)
        if (thetis_check_stopped(t)) return 1;
    return 0;
}

/* Each block is in the map or free, once all threads have worked off what they retired. */
static inline void expect_blocks(size_t records)
{
    thetis_pool *pool = shared->records.classes[0].pool;
    thetis_pool_levels levels;
    void *block;
    size_t n = 0;
    if (anybody_stopped()) return;
    for (unsigned t = 0; t < domain->threads_; t++) {
        for (size_t k = 0; k < domain->hazards_; k++) thetis_domain_clear(me[t], k);
    }
    for (unsigned t = 0; t < domain->threads_; t++)
        THETIS_CHECK(thetis_pool_reclaim(pool, me[t]) == 0);
    for (unsigned t = 0; t < domain->threads_; t++)
        while (thetis_pool_take(pool, me[t], &block) == THETIS_OK) n++;
    thetis_pool_stat(pool, &levels);
    THETIS_CHECK(n + records == levels.blocks);
}

/* What is there in the end is part of the history. */
static inline void find_all(void)
{
    if (anybody_stopped()) return;
    for (uintptr_t key = 0; key < KEYS; key++) find(0, key);
}

static inline void expect_sound(void)
{
    size_t records;
    THETIS_CHECK(thetis_bmap_check(shared, &records) == THETIS_OK);
    expect_blocks(records);
}

static inline void judge(void)
{
    find_all();
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_history h = lin_merge(recorder, (unsigned)domain->threads_, all);
    lin_verdict verdict = lin_map_check(w, &h);
    lin_wgl_destroy(w);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
    expect_sound();
}

#endif
