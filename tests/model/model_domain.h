/* SPDX-License-Identifier: MIT
 *
 * model_domain.h: a domain, a tiny pool and cells for the scenarios of thetis/domain.h and
 * thetis/pool.h. Blocks are reused as soon as the pool allows it: it has few, and looks for hazards
 * at each retire unless a scenario says otherwise. What a block holds is plain: a use too early is
 * a race.
 */
#ifndef THETIS_TESTS_MODEL_DOMAIN_H
#define THETIS_TESTS_MODEL_DOMAIN_H

#include <string.h>
#include <thetis/check.h>

#include "domain/pool.h"

enum { CELLS = 2, ARGS = 2, AT_ONCE = 4 };

/* A version of what a cell holds. */
typedef struct version {
    uintptr_t value;
    uintptr_t seal; /* ~value */
    uintptr_t done; /* the request it carried out; 0: none */
    uintptr_t by;   /* whose */
} version;

typedef struct size {
    size_t threads, hazards;
    size_t batch, batches;
    size_t blocks;              /* not 0: as many batches as the header says for that */
    size_t limbo, looks, frees; /* 0: at once */
} size;

static char domain_memory[THETIS_DOMAIN_SIZE(4, 2, ARGS)] THETIS_CACHE_ALIGNED;
static char pool_memory[1 << 14] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_pool *pool;
static thetis_domain_thread *self[THETIS_CHECK_THREADS]; /* by thread of the scenario */
static thetis_atomic cell[CELLS];
static int handed_over;         /* records go from thread to thread: see pool_bound() */
static uintptr_t told[THETIS_CHECK_THREADS]; /* plain: by each thread, and by done */

/* ---- building -------------------------------------------------------------------------------- */

static inline version *address(uintptr_t word)
{
    return (version *)word;
}

static inline void fill(version *v, uintptr_t value)
{
    v->value = value;
    v->seal = ~value;
    v->done = 0;
    v->by = 0;
}

static inline void make(size of)
{
    thetis_domain_cfg domain_cfg = {of.threads, of.hazards, ARGS};
    thetis_pool_cfg cfg = {sizeof(version), 1, 0, of.batch, 0};
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &domain_cfg, &domain) ==
                 THETIS_OK);
    thetis_pool_shape_ shape = tht_pool_shape(&domain_cfg, &cfg);
    shape.limbo = of.limbo ? of.limbo : 1;
    shape.looks = of.looks ? of.looks : of.threads;
    shape.frees = of.frees ? of.frees : AT_ONCE;
    shape.most = tht_pool_most(&shape);
    if (of.blocks) {
        size_t all = of.blocks + shape.threads * shape.most;
        of.batches = (all + (shape.threads - 1) * (2 * shape.batch + 1)) / shape.batch + 1;
    }
    shape.batches = of.batches;
    size_t bytes = tht_pool_bytes(&shape);
    THETIS_CHECK(bytes > 0 && bytes <= sizeof pool_memory);
    memset(pool_memory, 0, sizeof pool_memory);
    pool = tht_pool_build(pool_memory, domain, &shape);
    for (size_t k = 0; k < CELLS; k++) thetis_atomic_store_relaxed(&cell[k], 0);
    handed_over = 0;
    memset(told, 0, sizeof told);
    memset(self, 0, sizeof self);
}

static inline void all_join(size_t threads)
{
    for (size_t k = 0; k < threads; k++)
        THETIS_CHECK(thetis_domain_join(domain, &self[k]) == THETIS_OK);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline uint64_t domain_bound(thetis_domain_op op, size_t n)
{
    return thetis_domain_bound(domain, op, n);
}

/* Bounds count what others use at the same time. To the tester a magazine and lists that go to the
 * next owner of a record are shared, too. */
static inline uint64_t pool_bound(thetis_pool_op op)
{
    enum { OWN = 100 }; /* accesses to these, at most */
    return thetis_pool_bound(pool, op, 1) + (handed_over ? OWN : 0);
}

static inline thetis_status join(unsigned t)
{
    thetis_domain_thread *me = NULL;
    thetis_check_begin("domain.join", domain_bound(THETIS_DOMAIN_JOIN, 0));
    thetis_status s = thetis_domain_join(domain, &me);
    thetis_check_end();
    self[t] = me;
    return s;
}

static inline void leave(unsigned t)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.leave", domain_bound(THETIS_DOMAIN_LEAVE, 0));
    thetis_domain_leave(me);
    thetis_check_end();
}

static inline void expel(size_t id)
{
    thetis_check_begin("domain.expel", domain_bound(THETIS_DOMAIN_EXPEL, 0));
    thetis_domain_expel(domain, id);
    thetis_check_end();
}

static inline int protect(unsigned t, size_t k, const thetis_atomic *from, uintptr_t *word)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.protect", domain_bound(THETIS_DOMAIN_PROTECT, 0));
    thetis_status s = thetis_domain_protect(me, k, from, word);
    thetis_check_end();
    return s == THETIS_OK;
}

static inline void clear(unsigned t, size_t k)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.clear", domain_bound(THETIS_DOMAIN_CLEAR, 0));
    thetis_domain_clear(me, k);
    thetis_check_end();
}

static inline int swap(thetis_atomic *at, uintptr_t expected, const version *v)
{
    thetis_check_begin("domain.cas", 1);
    int done = thetis_domain_cas(at, expected, (uintptr_t)v);
    thetis_check_end();
    return done;
}

static inline uintptr_t announce(unsigned t, const uintptr_t *args)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.announce", domain_bound(THETIS_DOMAIN_ANNOUNCE, ARGS));
    uintptr_t request = thetis_domain_announce(me, args, ARGS);
    thetis_check_end();
    return request;
}

static inline uintptr_t answer(unsigned t)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.answer", domain_bound(THETIS_DOMAIN_ANSWER, 0));
    uintptr_t status = thetis_domain_answer(me);
    thetis_check_end();
    return status;
}

static inline void withdraw(unsigned t)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("domain.withdraw", domain_bound(THETIS_DOMAIN_WITHDRAW, 0));
    thetis_domain_withdraw(me);
    thetis_check_end();
}

static inline uintptr_t pending(size_t id, uintptr_t *args)
{
    thetis_check_begin("domain.pending", domain_bound(THETIS_DOMAIN_PENDING, ARGS));
    uintptr_t request = thetis_domain_pending(domain, id, args, ARGS);
    thetis_check_end();
    return request;
}

static inline void finish(size_t id, uintptr_t request, uintptr_t word)
{
    thetis_check_begin("domain.finish", domain_bound(THETIS_DOMAIN_FINISH, 0));
    thetis_domain_finish(domain, id, request, word);
    thetis_check_end();
}

static inline version *take(unsigned t)
{
    thetis_domain_thread *me = self[t];
    void *block = NULL;
    thetis_check_begin("pool.take", pool_bound(THETIS_POOL_TAKE));
    thetis_status s = thetis_pool_take(pool, me, &block);
    thetis_check_end();
    THETIS_CHECK((s == THETIS_OK) == (block != NULL));
    return block;
}

static inline void give(unsigned t, version *v)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("pool.give", pool_bound(THETIS_POOL_GIVE));
    thetis_pool_give(pool, me, v);
    thetis_check_end();
}

static inline void retire(unsigned t, version *v)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("pool.retire", pool_bound(THETIS_POOL_RETIRE));
    thetis_pool_retire(pool, me, v);
    thetis_check_end();
}

static inline size_t reclaim(unsigned t)
{
    thetis_domain_thread *me = self[t];
    thetis_check_begin("pool.reclaim", pool_bound(THETIS_POOL_RECLAIM));
    size_t left = thetis_pool_reclaim(pool, me);
    thetis_check_end();
    return left;
}

static inline size_t collect(void)
{
    thetis_check_begin("pool.collect", thetis_pool_bound(pool, THETIS_POOL_COLLECT, 1));
    size_t left = thetis_pool_collect(pool);
    thetis_check_end();
    return left;
}

/* ---- what scenarios are made of -------------------------------------------------------------- */

static inline int anybody_stopped(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++)
        if (thetis_check_stopped(k)) return 1;
    return 0;
}

/* A first version in a cell. */
static inline void begin_cell(size_t c, uintptr_t value)
{
    void *block;
    THETIS_CHECK(thetis_pool_take(pool, self[0], &block) == THETIS_OK);
    fill(block, value);
    thetis_atomic_store_relaxed(&cell[c], (uintptr_t)block);
}

static inline uintptr_t value_of(const version *v)
{
    uintptr_t value = v->value;
    THETIS_CHECK(v->seal == ~value);
    return value;
}

/* One try to read a cell; 0 if it failed, or if there was nothing. */
static inline uintptr_t read_once(unsigned t, size_t c)
{
    uintptr_t word, value = 0;
    if (protect(t, 0, &cell[c], &word) && word) value = value_of(address(word));
    clear(t, 0);
    return value;
}

/* One try to add to a cell: 1 if it was done. `hold`: the hazard stays. */
static inline int add(unsigned t, size_t c, uintptr_t more, int hold)
{
    uintptr_t word;
    int done = 0;
    version *v = NULL;
    if (protect(t, 0, &cell[c], &word)) {
        v = take(t);
        THETIS_CHECK(v);
        fill(v, value_of(address(word)) + more);
        done = swap(&cell[c], word, v);
    }
    if (!hold) clear(t, 0);
    if (done) retire(t, address(word));
    else if (v) give(t, v);
    return done;
}

static inline int add_once(unsigned t, size_t c, uintptr_t more)
{
    return add(t, c, more, 0);
}

/* By the only writer of a cell, which needs no protection: between its look for hazards and the
 * reuse there is no fence of its own. */
static inline void add_alone(unsigned t, size_t c)
{
    version *old = address(thetis_atomic_load_relaxed(&cell[c])), *v = take(t);
    THETIS_CHECK(v);
    fill(v, value_of(old) + 1);
    THETIS_CHECK(swap(&cell[c], (uintptr_t)old, v));
    retire(t, old);
}

/* After all have ended: nothing is lost. Every block but those in the cells can be taken by one
 * thread that has all numbers. */
static inline void all_blocks_are_there(void)
{
    size_t all = pool->shape_.batches * pool->shape_.batch, found = 0, numbers = 0;
    void *block;
    for (size_t k = 0; k < THETIS_CHECK_THREADS; k++) {
        if (self[k]) thetis_domain_leave(self[k]);
        self[k] = NULL;
    }
    for (size_t c = 0; c < CELLS; c++) found += thetis_atomic_load_relaxed(&cell[c]) != 0;
    THETIS_CHECK(thetis_pool_collect(pool) == 0);
    thetis_pool_levels levels;
    thetis_pool_stat(pool, &levels);
    THETIS_CHECK(levels.unreclaimed == 0 && levels.blocks == all);
    while (thetis_domain_join(domain, &self[0]) == THETIS_OK) {
        numbers++;
        while (thetis_pool_take(pool, self[0], &block) == THETIS_OK) found++;
    }
    THETIS_CHECK(numbers == domain->threads_);
    THETIS_CHECK(found == all);
}

#endif
