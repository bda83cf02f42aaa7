/* SPDX-License-Identifier: MIT
 *
 * queues.h: a domain, a pool and a queue for test_queue*.c, and calls with their expected answers.
 */
#ifndef TEST_QUEUES_H
#define TEST_QUEUES_H

#include "harness/test.h"

#include <string.h>

#include "domain/pool.h"
#include "queue/queue.h"

enum { QUEUE_THREADS = 4 };

THETIS_QUEUE(u32_queue, uint32_t);

static char queue_domain_mem[THETIS_DOMAIN_SIZE(QUEUE_THREADS, 2, 0)] THETIS_CACHE_ALIGNED;
static char queue_pool_mem[1 << 18] THETIS_CACHE_ALIGNED;
static char queue_mem[4096] THETIS_CACHE_ALIGNED;
static thetis_domain *queue_domain;
static thetis_pool *queue_pool;

/* A pool of exactly so many blocks, of which none wait for others' looks. */
static inline void queue_make_pool(const thetis_queue_cfg *cfg, size_t blocks)
{
    thetis_domain_cfg domain_cfg = {QUEUE_THREADS, 2, 0};
    size_t segment = THETIS_QUEUE_SEGMENT_SIZE(cfg->elem_size, cfg->segment);
    thetis_pool_cfg pool_cfg = {.size = segment, .blocks = 1,
                                .align = THETIS_CACHE_LINE, .batch = 1};
    CHECK_EQ(thetis_domain_init(queue_domain_mem, sizeof queue_domain_mem, &domain_cfg,
                                &queue_domain), THETIS_OK);
    thetis_pool_shape_ shape = tht_pool_shape(&domain_cfg, &pool_cfg);
    shape.limbo = 1;
    shape.looks = QUEUE_THREADS;
    shape.most = tht_pool_most(&shape);
    shape.batches = blocks;
    CHECK(tht_pool_bytes(&shape) <= sizeof queue_pool_mem);
    queue_pool = tht_pool_build(queue_pool_mem, queue_domain, &shape);
}

static inline thetis_queue *queue_make(size_t elem_size, size_t segment, size_t blocks)
{
    thetis_queue *queue;
    thetis_queue_cfg cfg = {.elem_size = elem_size, .segment = segment};
    queue_make_pool(&cfg, blocks);
    cfg.pool = queue_pool;
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_OK);
    return queue;
}

static inline void queue_push_says(thetis_queue_member *me, uint32_t value, thetis_status want)
{
    thetis_status why;
    CHECK_EQ(u32_queue_push(me, value), want);
    if (want == THETIS_OK) return;
    CHECK_EQ(thetis_queue_push(me, &value), want);
    CHECK_EQ(tht_queue_announce(me, &value), want);
    CHECK_EQ(thetis_queue_push_n(me, &value, 1, &why), 0);
    CHECK_EQ(why, want);
}

static inline void queue_pop_is(thetis_queue_member *me, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(u32_queue_pop(me, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static inline void queue_pop_says(thetis_queue_member *me, thetis_status want)
{
    thetis_status why;
    uint32_t got = 7;
    CHECK_EQ(u32_queue_pop(me, &got), want);
    CHECK_EQ(thetis_queue_pop(me, &got), want);
    CHECK_EQ(tht_queue_ask(me, &got), want);
    CHECK_EQ(thetis_queue_pop_n(me, &got, 1, &why), 0);
    CHECK_EQ(why, want);
    CHECK_EQ(got, 7);
}

#endif
