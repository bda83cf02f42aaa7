/* SPDX-License-Identifier: MIT
 *
 * model_map.h: a small map for scenarios, operations with their bounds that are recorded, and the
 * judge of the record.
 */
#ifndef MODEL_MAP_H
#define MODEL_MAP_H

#include <thetis/check.h>

#include "lin/lin.h"
#include "map/map.h"

enum { THREADS = 4, KEYS = 3, OPS = 6 + KEYS };

static char domain_memory[THETIS_DOMAIN_SIZE(THREADS, 1, THETIS_MAP_ARGS)] THETIS_CACHE_ALIGNED;
static char map_memory[1 << 18] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_domain_thread *me[THREADS];
static thetis_map *shared;
static thetis_map slow; /* the same one, for operations that are announced at once */
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];
static uintptr_t added[THREADS]; /* each used by one thread, and by done */

static inline uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static inline uintptr_t same(uintptr_t key)
{
    return key;
}

static inline uintptr_t plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

static inline void make(size_t threads, size_t buckets, size_t buckets_max, size_t tries)
{
    const thetis_domain_cfg of = {threads, 1, THETIS_MAP_ARGS};
    const thetis_map_cfg cfg = {.capacity = buckets, .capacity_max = buckets_max, .hash = same};
    tht_map_shape shape = tht_map_shape_of(&of, &cfg);
    shape.bucket = 3;
    shape.tries = tries;
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        shape.pool[k].blocks = k < 4 ? 4 : 1;
        shape.pool[k].batch = 8;
        shape.pool[k].limbo = 1;
    }
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &of, &domain) ==
                 THETIS_OK);
    THETIS_CHECK(tht_map_bytes(&of, &shape) <= sizeof map_memory);
    shared = tht_map_build(map_memory, domain, &shape, &cfg, 0);
    slow = *shared;
    slow.cells.tries = 0;
    for (unsigned t = 0; t < threads; t++) {
        THETIS_CHECK(thetis_domain_join(domain, &me[t]) == THETIS_OK);
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
        added[t] = 0;
    }
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline uint64_t most(void)
{
    return thetis_map_bound(shared, THETIS_MAP_UPDATE);
}

/* Bounds of a map that may grow are others, and have names of their own. */
static inline int grows(void)
{
    return shared->cells.moves;
}

static inline void find_by(unsigned thread, const thetis_map *map, uintptr_t key)
{
    uintptr_t value = 0;
    lin_op *op = lin_begin(&recorder[thread], LIN_FIND);
    op->key = key;
    uint64_t bound = thetis_map_bound(shared, THETIS_MAP_FIND);
    if (grows()) thetis_check_begin("map.grow.find", bound);
    else thetis_check_begin("map.find", bound);
    thetis_status s = thetis_map_find(map, me[thread], key, &value);
    thetis_check_end();
    op->result = value;
    lin_end(&recorder[thread], op, s);
}

static inline void find(unsigned thread, uintptr_t key)
{
    find_by(thread, shared, key);
}

static inline void insert(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_INSERT);
    op->key = key;
    op->arg = value;
    if (grows()) thetis_check_begin("map.grow.insert", most());
    else thetis_check_begin("map.insert", most());
    thetis_status s = thetis_map_insert(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void put(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_PUT);
    op->key = key;
    op->arg = value;
    if (grows()) thetis_check_begin("map.grow.put", most());
    else thetis_check_begin("map.put", most());
    thetis_status s = thetis_map_put(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void replace(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_REPLACE);
    op->key = key;
    op->arg = value;
    if (grows()) thetis_check_begin("map.grow.replace", most());
    else thetis_check_begin("map.replace", most());
    thetis_status s = thetis_map_replace(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void cas(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t expected,
                uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_CAS);
    op->key = key;
    op->arg = value;
    op->arg2 = expected;
    if (grows()) thetis_check_begin("map.grow.cas", most());
    else thetis_check_begin("map.cas", most());
    thetis_status s = thetis_map_cas(map, me[thread], key, expected, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void erase(unsigned thread, thetis_map *map, uintptr_t key)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_ERASE);
    op->key = key;
    if (grows()) thetis_check_begin("map.grow.erase", most());
    else thetis_check_begin("map.erase", most());
    thetis_status s = thetis_map_erase(map, me[thread], key, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static inline void add(unsigned thread, thetis_map *map, uintptr_t key)
{
    uintptr_t old;
    if (grows()) thetis_check_begin("map.grow.update", most());
    else thetis_check_begin("map.update", most());
    thetis_status s = thetis_map_update(map, me[thread], key, plus, 1, &old);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    added[thread]++;
}

/* ---- histories ------------------------------------------------------------------------------- */

/* What is there in the end is part of the history. */
static inline void find_all(void)
{
    for (unsigned t = 0; t < domain->threads_; t++)
        if (thetis_check_stopped(t)) return;
    for (uintptr_t key = 0; key < KEYS; key++) {
        uintptr_t value = 0;
        lin_op *op = lin_begin(&recorder[0], LIN_FIND);
        op->key = key;
        thetis_status s = thetis_map_find(shared, me[0], key, &value);
        op->result = value;
        lin_end(&recorder[0], op, s);
    }
}

static inline void judge(void)
{
    size_t pairs;
    find_all();
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_history h = lin_merge(recorder, (unsigned)domain->threads_, all);
    lin_verdict verdict = lin_map_check(w, &h);
    lin_wgl_destroy(w);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
    THETIS_CHECK(thetis_map_check(shared, &pairs) == THETIS_OK);
}

#endif
