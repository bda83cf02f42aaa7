/* SPDX-License-Identifier: MIT
 *
 * stress_lin_queue.c: recorded histories of thetis/queue.h, with segments of 1 to 64 elements: see
 * witness.h.
 */
#include "witness.h"

#include <thetis/queue.h>

#include "lin/lin.h"

enum { QUEUE_BLOCKS = WITNESS_THREADS * WITNESS_OPS / 2 }; /* so that a push is never refused */

static thetis_domain *domain;
static thetis_queue *shared;
static thetis_queue_member member[WITNESS_THREADS];
static void *blocks;

static void segments_open(size_t capacity, unsigned round)
{
    static char domain_mem[THETIS_DOMAIN_SIZE(WITNESS_THREADS, 2, 0)] THETIS_CACHE_ALIGNED;
    static char queue_mem[1 << 12] THETIS_CACHE_ALIGNED;
    thetis_domain_cfg threads = {.threads = WITNESS_THREADS, .hazards = 2};
    size_t segment = THETIS_QUEUE_SEGMENT_SIZE(sizeof(uint64_t), capacity);
    thetis_pool_cfg of = {.size = segment, .blocks = QUEUE_BLOCKS / capacity + 64,
                          .align = THETIS_CACHE_LINE, .batch = 2, .limbo = 1};
    thetis_queue_cfg cfg = {.elem_size = sizeof(uint64_t), .segment = capacity};
    size_t size = thetis_pool_size(&threads, &of);
    (void)round;
    size = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
    blocks = aligned_alloc(THETIS_CACHE_LINE, size);
    CHECK_EQ(thetis_domain_init(domain_mem, sizeof domain_mem, &threads, &domain), THETIS_OK);
    CHECK_EQ(thetis_pool_init(blocks, size, domain, &of, &cfg.pool), THETIS_OK);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &shared), THETIS_OK);
}

static void segments_fini(void)
{
    CHECK_EQ(thetis_queue_fini(shared), THETIS_OK);
    free(blocks);
}

static void *segments_join(unsigned thread)
{
    CHECK_EQ(thetis_queue_join(shared, &member[thread]), THETIS_OK);
    return &member[thread];
}

static void segments_leave(void *me)
{
    thetis_queue_leave(me);
}

static thetis_status segments_push(void *me, uint64_t value)
{
    return thetis_queue_push(me, &value);
}

static thetis_status segments_pop(void *me, uint64_t *value)
{
    return thetis_queue_pop(me, value);
}

static thetis_status segments_close(void *me)
{
    return thetis_queue_close(me);
}

static const witness_subject segments = {.open = segments_open, .join = segments_join,
                                         .leave = segments_leave, .push = segments_push,
                                         .pop = segments_pop, .close = segments_close,
                                         .fini = segments_fini};

TEST(recorded_histories_are_linearizable)
{
    witness_run(&segments);
}

TEST(a_wrong_history_is_noticed)
{
    witness_control(&segments);
}

TEST_MAIN(T(recorded_histories_are_linearizable, .timeout_s = 3600),
          T(a_wrong_history_is_noticed, .timeout_s = 120))
