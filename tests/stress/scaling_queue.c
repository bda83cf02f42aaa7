/* SPDX-License-Identifier: MIT
 *
 * scaling_queue.c: thetis/queue.h under 2 to 32 threads at once; segments of 1 to 256 elements.
 */
#include "scaling.h"

#include <thetis/queue.h>

enum { CROWD_BLOCKS = 2000 }; /* far fewer than elements: segments go round, pushes are refused */

typedef struct crowd {
    thetis_queue *queue;
    void *memory[3];
} crowd;

static void *crowd_memory(crowd *of, int k, size_t *size)
{
    *size = (*size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
    return of->memory[k] = aligned_alloc(THETIS_CACHE_LINE, *size);
}

static void *crowd_open(size_t segment, unsigned producers, unsigned consumers)
{
    crowd *of = malloc(sizeof *of);
    thetis_domain_cfg threads = {.threads = producers + consumers, .hazards = 2};
    thetis_queue_cfg cfg = {.elem_size = sizeof(uint64_t), .segment = segment};
    thetis_pool_cfg blocks = {.size = THETIS_QUEUE_SEGMENT_SIZE(sizeof(uint64_t), segment),
                              .blocks = CROWD_BLOCKS / segment + 2 * threads.threads,
                              .align = THETIS_CACHE_LINE, .limbo = 1};
    thetis_domain *domain;
    CHECK(of != NULL);
    size_t size = thetis_domain_size(&threads);
    void *mem = crowd_memory(of, 0, &size);
    CHECK_EQ(thetis_domain_init(mem, size, &threads, &domain), THETIS_OK);
    size = thetis_pool_size(&threads, &blocks);
    mem = crowd_memory(of, 1, &size);
    CHECK_EQ(thetis_pool_init(mem, size, domain, &blocks, &cfg.pool), THETIS_OK);
    size = thetis_queue_size(&cfg);
    mem = crowd_memory(of, 2, &size);
    CHECK_EQ(thetis_queue_init(mem, size, &cfg, &of->queue), THETIS_OK);
    return of;
}

static void *crowd_join(void *of, int produces)
{
    thetis_queue_member *me = malloc(sizeof *me);
    (void)produces;
    CHECK_EQ(thetis_queue_join(((crowd *)of)->queue, me), THETIS_OK);
    return me;
}

static void crowd_leave(void *me, int produces)
{
    (void)produces;
    thetis_queue_leave(me);
    free(me);
}

/* Refused where the pool has no segment. */
static int crowd_push(void *me, uint64_t element)
{
    return thetis_queue_push(me, &element) == THETIS_OK;
}

static int crowd_pop(void *me, uint64_t *element)
{
    return thetis_queue_pop(me, element) == THETIS_OK;
}

static void crowd_close(void *arg)
{
    crowd *of = arg;
    CHECK_EQ(thetis_queue_fini(of->queue), THETIS_OK);
    for (int k = 0; k < 3; k++) free(of->memory[k]);
    free(of);
}

static const scaling_subject segments = {
    .producers = SCALING_THREADS, .consumers = SCALING_THREADS, .smallest = 1, .largest = 256,
    .open = crowd_open, .join = crowd_join, .leave = crowd_leave, .push = crowd_push,
    .pop = crowd_pop, .close = crowd_close};

TEST(elements_under_every_number_of_threads)
{
    scaling_run(&segments);
}

TEST_MAIN(T(elements_under_every_number_of_threads, .timeout_s = 240))
