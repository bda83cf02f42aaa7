/* SPDX-License-Identifier: MIT
 *
 * stress_domain.c: threads that replace and read the blocks of a few cells, come and go, and pass
 * blocks to each other, while some stand still. Free blocks are poisoned, so that a use too early
 * shows; at the end every block must be there.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/pool.h>

enum { CROWD = 4, CROWD_CELLS = 3, CROWD_ROUNDS = 500000, CROWD_WORDS = 6 };

#define CROWD_POISON (UINTPTR_MAX / 3)

typedef struct crowd_block {
    uintptr_t value;
    uintptr_t seal[CROWD_WORDS]; /* value + k */
} crowd_block;

typedef struct crowd {
    thetis_domain *domain;
    thetis_pool *pool;
    thetis_atomic cell[CROWD_CELLS];
    thetis_atomic mailbox;
    thetis_atomic added[CROWD_CELLS];
    thetis_atomic stop;
    size_t rounds;
    bool churn; /* threads leave and join again */
    void *domain_mem, *pool_mem;
} crowd;

typedef struct crowd_arg {
    crowd *all;
    uint64_t rng;
} crowd_arg;

/* ---- blocks ---------------------------------------------------------------------------------- */

static void crowd_fill(crowd_block *b, uintptr_t value)
{
    b->value = value;
    for (uintptr_t k = 0; k < CROWD_WORDS; k++) b->seal[k] = value + k;
}

static uintptr_t crowd_value(const crowd_block *b)
{
    uintptr_t value = b->value;
    for (uintptr_t k = 0; k < CROWD_WORDS; k++) CHECK_EQ(b->seal[k], value + k);
    CHECK(value != CROWD_POISON);
    return value;
}

/* What take() gives has been left poisoned: whoever could still read it would see that. */
static crowd_block *crowd_take(crowd *all, thetis_domain_thread *me)
{
    void *block;
    CHECK_EQ(thetis_pool_take(all->pool, me, &block), THETIS_OK);
    crowd_fill(block, CROWD_POISON);
    return block;
}

/* ---- what threads do ------------------------------------------------------------------------- */

static void crowd_replace(crowd *all, thetis_domain_thread *me, size_t c)
{
    uintptr_t word;
    if (thetis_domain_protect(me, 0, &all->cell[c], &word) != THETIS_OK) return;
    crowd_block *old = (crowd_block *)word, *b = crowd_take(all, me);
    crowd_fill(b, crowd_value(old) + 1);
    if (thetis_domain_cas(&all->cell[c], word, (uintptr_t)b)) {
        (void)thetis_atomic_fetch_add_relaxed(&all->added[c], 1);
        thetis_domain_clear(me, 0);
        thetis_pool_retire(all->pool, me, old);
    } else {
        thetis_pool_give(all->pool, me, b);
    }
}

/* Two cells at once; in between others may run. */
static void crowd_read(crowd *all, thetis_domain_thread *me, uint64_t r)
{
    uintptr_t word[2];
    thetis_status s[2];
    for (size_t k = 0; k < 2; k++)
        s[k] = thetis_domain_protect(me, k, &all->cell[(r + k) % CROWD_CELLS], &word[k]);
    if (r % 64 == 0) (void)sched_yield();
    for (size_t k = 0; k < 2; k++) {
        if (s[k] == THETIS_OK) (void)crowd_value((crowd_block *)word[k]);
        thetis_domain_clear(me, k);
    }
}

/* Gives what another thread has sent, and sends one: blocks move from magazine to magazine. */
static void crowd_send(crowd *all, thetis_domain_thread *me)
{
    void *b[3];
    CHECK_EQ(thetis_pool_take_n(all->pool, me, b, 3), THETIS_OK);
    crowd_fill(b[0], 7);
    crowd_block *old =
        (crowd_block *)thetis_atomic_exchange_acq_rel(&all->mailbox, (uintptr_t)b[0]);
    CHECK_EQ(crowd_value(old), 7);
    crowd_fill(old, CROWD_POISON);
    thetis_pool_give(all->pool, me, old);
    for (size_t k = 1; k < 3; k++) thetis_pool_give(all->pool, me, b[k]);
}

static thetis_domain_thread *crowd_join(crowd *all)
{
    thetis_domain_thread *me;
    while (thetis_domain_join(all->domain, &me) != THETIS_OK) (void)sched_yield();
    return me;
}

static void *crowd_run(void *argument)
{
    crowd_arg *arg = argument;
    crowd *all = arg->all;
    thetis_domain_thread *me = crowd_join(all);
    for (size_t k = 0; k < all->rounds; k++) {
        uint64_t r = test_rand(&arg->rng), what = r % 16;
        if (what < 8) crowd_replace(all, me, (size_t)(r / 16 % CROWD_CELLS));
        else if (what < 14) crowd_read(all, me, r / 16);
        else crowd_send(all, me);
        if (!all->churn || r / 16 % 256) continue;
        thetis_domain_leave(me);
        if (r / 4096 % 8 == 0) (void)thetis_pool_collect(all->pool);
        me = crowd_join(all);
    }
    thetis_domain_leave(me);
    return NULL;
}

/* Protects what it finds, and does not go on until the others have ended. */
static void *crowd_stand(void *argument)
{
    crowd_arg *arg = argument;
    crowd *all = arg->all;
    thetis_domain_thread *me = crowd_join(all);
    uintptr_t word[2];
    for (size_t k = 0; k < 2; k++)
        while (thetis_domain_protect(me, k, &all->cell[k], &word[k]) != THETIS_OK) {}
    uintptr_t was = crowd_value((crowd_block *)word[0]);
    while (!thetis_atomic_load_acquire(&all->stop)) (void)sched_yield();
    CHECK_EQ(crowd_value((crowd_block *)word[0]), was);
    (void)crowd_value((crowd_block *)word[1]);
    thetis_domain_leave(me);
    return NULL;
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void *crowd_memory(size_t size)
{
    size_t line = THETIS_CACHE_LINE;
    void *mem = aligned_alloc(line, (size + line - 1) / line * line);
    CHECK(mem);
    return mem;
}

static void crowd_make(crowd *all, size_t threads, size_t batch, size_t limbo)
{
    thetis_domain_cfg of = {threads, 2, 0};
    /* in the cells, in the mailbox, four in hand of each */
    thetis_pool_cfg cfg = {sizeof(crowd_block), CROWD_CELLS + 1 + 4 * CROWD, 0, batch, limbo};
    size_t size = thetis_pool_size(&of, &cfg);
    all->domain_mem = crowd_memory(thetis_domain_size(&of));
    all->pool_mem = crowd_memory(size);
    CHECK_EQ(thetis_domain_init(all->domain_mem, thetis_domain_size(&of), &of, &all->domain),
             THETIS_OK);
    CHECK_EQ(thetis_pool_init(all->pool_mem, size, all->domain, &cfg, &all->pool), THETIS_OK);
    thetis_domain_thread *me = crowd_join(all);
    for (size_t c = 0; c < CROWD_CELLS; c++) {
        crowd_block *b = crowd_take(all, me);
        crowd_fill(b, 1);
        thetis_atomic_store_release(&all->cell[c], (uintptr_t)b);
    }
    crowd_block *b = crowd_take(all, me);
    crowd_fill(b, 7);
    thetis_atomic_store_release(&all->mailbox, (uintptr_t)b);
    thetis_domain_leave(me);
}

/* Every update is there, and every block. */
static void crowd_end(crowd *all)
{
    thetis_pool_levels levels;
    thetis_domain_thread *me;
    void *block;
    size_t found = CROWD_CELLS + 1;
    for (size_t c = 0; c < CROWD_CELLS; c++) {
        uintptr_t value = crowd_value((crowd_block *)thetis_atomic_load_acquire(&all->cell[c]));
        CHECK_EQ(value, 1 + thetis_atomic_load_acquire(&all->added[c]));
    }
    CHECK_EQ(thetis_pool_collect(all->pool), 0);
    thetis_pool_stat(all->pool, &levels);
    CHECK_EQ(levels.unreclaimed, 0);
    while (thetis_domain_join(all->domain, &me) == THETIS_OK)
        while (thetis_pool_take(all->pool, me, &block) == THETIS_OK) found++;
    CHECK_EQ(found, levels.blocks);
    free(all->domain_mem);
    free(all->pool_mem);
}

static void crowd_go(crowd all, size_t threads, size_t batch, size_t limbo, bool standing)
{
    pthread_t thread[CROWD + 1];
    crowd_arg arg[CROWD + 1];
    uint64_t seed = test_seed();
    size_t n = CROWD + standing;
    crowd_make(&all, threads, batch, limbo);
    for (size_t k = 0; k < n; k++) {
        arg[k] = (crowd_arg){&all, seed + k};
        CHECK_EQ(pthread_create(&thread[k], NULL, k < CROWD ? crowd_run : crowd_stand, &arg[k]),
                 0);
    }
    for (size_t k = 0; k < CROWD; k++) CHECK_EQ(pthread_join(thread[k], NULL), 0);
    thetis_atomic_store_release(&all.stop, 1);
    if (standing) CHECK_EQ(pthread_join(thread[CROWD], NULL), 0);
    crowd_end(&all);
}

TEST(no_block_is_reused_too_early)
{
    crowd_go((crowd){.rounds = test_scale(CROWD_ROUNDS)}, CROWD, 0, 0, false);
}

TEST(no_block_is_reused_too_early_if_all_are_looked_for_at_once)
{
    crowd_go((crowd){.rounds = test_scale(CROWD_ROUNDS)}, CROWD, 1, 1, false);
}

TEST(one_that_stands_still_pins_its_two_blocks)
{
    crowd_go((crowd){.rounds = test_scale(CROWD_ROUNDS)}, CROWD + 1, 3, 5, true);
}

/* One record less than threads. */
TEST(threads_come_and_go)
{
    crowd_go((crowd){.rounds = test_scale(CROWD_ROUNDS / 2), .churn = true}, CROWD - 1, 0, 0,
             false);
}

TEST_MAIN(T(no_block_is_reused_too_early, .timeout_s = 120),
          T(no_block_is_reused_too_early_if_all_are_looked_for_at_once, .timeout_s = 120),
          T(one_that_stands_still_pins_its_two_blocks, .timeout_s = 120),
          T(threads_come_and_go, .timeout_s = 120))
