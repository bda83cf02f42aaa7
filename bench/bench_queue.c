/* SPDX-License-Identifier: MIT
 *
 * bench_queue.c: thetis_queue, typed form, for 20 threads, segments of 1024 elements.
 */
#include <stdlib.h>
#include <thetis/queue.h>
#include <thetis/version.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_QUEUE(uint64_t), 20 threads"
#define SUBJECT_JOIN(ring) subject_join(ring)

THETIS_QUEUE(item, uint64_t);

typedef struct subject_ring {
    thetis_queue_member me;
} THETIS_CACHE_ALIGNED subject_ring;

static void *subject_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    return aligned_alloc(THETIS_CACHE_LINE, lines * THETIS_CACHE_LINE);
}

static subject_ring *subject_member(thetis_queue *queue)
{
    subject_ring *subject = subject_memory(sizeof *subject);
    return thetis_queue_join(queue, &subject->me) == THETIS_OK ? subject : NULL;
}

/* Another member. */
static subject_ring *subject_join(const subject_ring *subject)
{
    return subject_member(subject->me.queue_);
}

static subject_ring *subject_open(void)
{
    thetis_domain_cfg threads = {.threads = 20, .hazards = 2};
    thetis_queue_cfg cfg = {.elem_size = sizeof(uint64_t), .segment = 1024};
    thetis_pool_cfg blocks = {.size = THETIS_QUEUE_SEGMENT_SIZE(sizeof(uint64_t), 1024),
                              .blocks = 40, .align = THETIS_CACHE_LINE, .batch = 1, .limbo = 1};
    size_t sizes[2] = {thetis_domain_size(&threads), thetis_pool_size(&threads, &blocks)};
    thetis_domain *domain;
    thetis_queue *queue;
    if (thetis_domain_init(subject_memory(sizes[0]), sizes[0], &threads, &domain)) return NULL;
    if (thetis_pool_init(subject_memory(sizes[1]), sizes[1], domain, &blocks, &cfg.pool))
        return NULL;
    size_t size = thetis_queue_size(&cfg);
    if (thetis_queue_init(subject_memory(size), size, &cfg, &queue) != THETIS_OK) return NULL;
    return subject_member(queue);
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    return item_push(&subject->me, v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    return item_pop(&subject->me, v) == THETIS_OK;
}

#include "one_by_one.h"
