/* SPDX-License-Identifier: MIT
 *
 * blocks.h: replacing, reading and passing on blocks of a domain's pool, each as one operation of a
 * freezer's thread. Whoever stops, wherever, there are blocks for the others.
 */
#ifndef TEST_BLOCKS_H
#define TEST_BLOCKS_H

#include "freezer.h"
#include "harness/test.h"

#include <thetis/pool.h>

enum {
    BLOCKS_RECORDS = FREEZER_SEATS + 1, /* one for those who come and go */
    BLOCKS_IN_HAND = 3,
    BLOCKS_LIMBO = 3,
    BLOCKS_BATCH = 2
};

typedef struct block_item {
    uintptr_t value;
    uintptr_t seal; /* ~value */
} block_item;

/* At the beginning of the shared memory; domain and pool follow. */
typedef struct blocks {
    thetis_atomic cell[BLOCKS_RECORDS]; /* by thread: only its own replaces, so its protect is OK */
    thetis_atomic mailbox;
    thetis_domain *domain;
    thetis_pool *pool;
    thetis_domain_thread *record[FREEZER_SEATS];
    thetis_atomic joined;
} blocks;

static _Thread_local thetis_domain_thread *blocks_me;

/* One of the records that setup has joined: join() may be refused while another thread collects. */
static inline thetis_domain_thread *blocks_join(blocks *all)
{
    if (!blocks_me) blocks_me = all->record[thetis_atomic_fetch_add_relaxed(&all->joined, 1)];
    return blocks_me;
}

static inline void blocks_fill(block_item *b, uintptr_t value)
{
    *b = (block_item){value, ~value};
}

static inline void blocks_setup(void *shared)
{
    blocks *all = shared;
    char *mem = (char *)shared + THETIS_DOMAIN_LINES_(sizeof *all);
    char *end = (char *)shared + FREEZER_SHARED;
    thetis_domain_cfg of = {BLOCKS_RECORDS, 1, 0};
    thetis_pool_cfg cfg = {sizeof(block_item),
                           BLOCKS_RECORDS + 1 + FREEZER_SEATS * BLOCKS_IN_HAND, 0, BLOCKS_BATCH,
                           BLOCKS_LIMBO};
    void *b[BLOCKS_RECORDS + 1];
    CHECK_EQ(thetis_domain_init(mem, (size_t)(end - mem), &of, &all->domain), THETIS_OK);
    mem += THETIS_DOMAIN_LINES_(thetis_domain_size(&of));
    CHECK_EQ(thetis_pool_init(mem, (size_t)(end - mem), all->domain, &cfg, &all->pool), THETIS_OK);
    for (size_t k = 0; k < FREEZER_SEATS; k++)
        CHECK_EQ(thetis_domain_join(all->domain, &all->record[k]), THETIS_OK);
    CHECK_EQ(thetis_pool_take_n(all->pool, all->record[0], b, BLOCKS_RECORDS + 1), THETIS_OK);
    for (size_t k = 0; k <= BLOCKS_RECORDS; k++) blocks_fill(b[k], 1);
    for (size_t k = 0; k < BLOCKS_RECORDS; k++)
        thetis_atomic_store_release(&all->cell[k], (uintptr_t)b[k]);
    thetis_atomic_store_release(&all->mailbox, (uintptr_t)b[BLOCKS_RECORDS]);
}

/* Reads a cell, in one try: false if what was there has been reused. */
static inline bool blocks_read(blocks *all, thetis_domain_thread *me, size_t k)
{
    uintptr_t word;
    bool whole = true;
    if (thetis_domain_protect(me, 0, &all->cell[k], &word) == THETIS_OK) {
        const block_item *b = (const block_item *)word;
        whole = b->seal == ~b->value;
    }
    return whole;
}

/* The next version for the thread's own cell. */
static inline thetis_status blocks_advance(blocks *all, thetis_domain_thread *me)
{
    thetis_atomic *cell = &all->cell[thetis_domain_self(me)];
    uintptr_t word;
    void *b;
    thetis_status s = thetis_domain_protect(me, 0, cell, &word);
    if (s == THETIS_OK) s = thetis_pool_take(all->pool, me, &b);
    if (s == THETIS_OK) {
        blocks_fill(b, ((const block_item *)word)->value + 1);
        if (!thetis_domain_cas(cell, word, (uintptr_t)b)) return THETIS_AGAIN;
        thetis_domain_clear(me, 0);
        thetis_pool_retire(all->pool, me, (void *)word);
    }
    return s;
}

static inline void blocks_replace(freezer_seat *seat, void *shared)
{
    blocks *all = shared;
    thetis_domain_thread *me = blocks_join(all);
    seat->next = (seat->next + 1) % FREEZER_SEATS;
    freezer_begin(seat);
    thetis_status s = blocks_advance(all, me);
    bool whole = blocks_read(all, me, seat->next);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    CHECK(whole);
}

static inline void blocks_reclaim(freezer_seat *seat, void *shared)
{
    blocks *all = shared;
    thetis_domain_thread *me = blocks_join(all);
    freezer_begin(seat);
    thetis_status s = blocks_advance(all, me);
    (void)thetis_pool_reclaim(all->pool, me);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

/* Takes three, sends one, gives the others and what it got for it. */
static inline void blocks_send(freezer_seat *seat, void *shared)
{
    blocks *all = shared;
    thetis_domain_thread *me = blocks_join(all);
    void *b[BLOCKS_IN_HAND];
    freezer_begin(seat);
    thetis_status s = thetis_pool_take_n(all->pool, me, b, BLOCKS_IN_HAND);
    if (s == THETIS_OK) {
        blocks_fill(b[0], 1);
        b[0] = (void *)thetis_atomic_exchange_acq_rel(&all->mailbox, (uintptr_t)b[0]);
        for (size_t k = 0; k < BLOCKS_IN_HAND; k++) thetis_pool_give(all->pool, me, b[k]);
    }
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

/* Announces, looks, withdraws. */
static inline void blocks_announce(freezer_seat *seat, void *shared)
{
    blocks *all = shared;
    thetis_domain_thread *me = blocks_join(all);
    freezer_begin(seat);
    uintptr_t request = thetis_domain_announce(me, NULL, 0), status = thetis_domain_answer(me);
    thetis_domain_withdraw(me);
    freezer_end(seat);
    CHECK_EQ(status, request);
}

/* Comes and goes, and frees what those before it have left. */
static inline void blocks_visit(freezer_seat *seat, void *shared)
{
    blocks *all = shared;
    thetis_domain_thread *me;
    freezer_begin(seat);
    thetis_status s = thetis_domain_join(all->domain, &me);
    if (s == THETIS_OK) thetis_domain_leave(me);
    (void)thetis_pool_collect(all->pool);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

#endif
