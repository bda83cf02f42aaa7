/* SPDX-License-Identifier: MIT
 *
 * queue_items.h: pushes and pops of a queue of tiny segments, each as one operation of a freezer's
 * thread. Whoever stops, wherever, the others' calls return; what arrives is whole, and each
 * thread's elements arrive in its order.
 */
#ifndef TEST_QUEUE_ITEMS_H
#define TEST_QUEUE_ITEMS_H

#include "freezer.h"
#include "harness/test.h"

#include <thetis/queue.h>

enum { QUEUE_ITEMS_THREADS = FREEZER_SEATS + 1, QUEUE_ITEMS_SEGMENT = 3 };

typedef struct queue_item {
    uint64_t by;
    uint64_t number;
    uint64_t seal;
} queue_item;

static char queue_items_domain[1 << 14] THETIS_CACHE_ALIGNED;
static char queue_items_pool[1 << 19] THETIS_CACHE_ALIGNED;
static char queue_items_queue[1 << 12] THETIS_CACHE_ALIGNED;
static thetis_queue *queue_items;
static _Thread_local thetis_queue_member queue_items_me;
static _Thread_local uint64_t queue_items_next[QUEUE_ITEMS_THREADS];

static inline void queue_items_setup(void *shared)
{
    thetis_domain_cfg threads = {.threads = QUEUE_ITEMS_THREADS, .hazards = 2};
    thetis_queue_cfg cfg = {.elem_size = sizeof(queue_item), .segment = QUEUE_ITEMS_SEGMENT};
    size_t segment = THETIS_QUEUE_SEGMENT_SIZE(sizeof(queue_item), QUEUE_ITEMS_SEGMENT);
    thetis_pool_cfg blocks = {.size = segment, .blocks = 64,
                                .align = THETIS_CACHE_LINE, .batch = 1, .limbo = 1};
    thetis_domain *domain;
    (void)shared;
    CHECK_EQ(thetis_domain_init(queue_items_domain, sizeof queue_items_domain, &threads, &domain),
             THETIS_OK);
    CHECK_EQ(thetis_pool_init(queue_items_pool, sizeof queue_items_pool, domain, &blocks,
                              &cfg.pool), THETIS_OK);
    CHECK_EQ(thetis_queue_init(queue_items_queue, sizeof queue_items_queue, &cfg, &queue_items),
             THETIS_OK);
}

static inline thetis_queue_member *queue_items_join(void)
{
    if (!queue_items_me.queue_)
        CHECK_EQ(thetis_queue_join(queue_items, &queue_items_me), THETIS_OK);
    return &queue_items_me;
}

static inline queue_item queue_item_sealed(uint64_t by, uint64_t number)
{
    uint64_t state = number * QUEUE_ITEMS_THREADS + by;
    return (queue_item){by, number, test_rand(&state)};
}

static inline void queue_items_check(const queue_item *it)
{
    CHECK(it->by < QUEUE_ITEMS_THREADS);
    queue_item want = queue_item_sealed(it->by, it->number);
    CHECK_EQ(it->seal, want.seal);
    CHECK(it->number >= queue_items_next[it->by]);
    queue_items_next[it->by] = it->number + 1;
}

/* seat->next is the number of the next element; ENOMEM if those who pop stand still. */
static inline void queue_items_push(freezer_seat *seat, void *shared)
{
    thetis_queue_member *me = queue_items_join();
    queue_item it = queue_item_sealed(thetis_domain_self(me->thread_), seat->next);
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_queue_push(me, &it);
    freezer_end(seat);
    CHECK(s == THETIS_OK || s == THETIS_ENOMEM || s == THETIS_CLOSED);
    if (s == THETIS_OK) seat->next++;
}

static inline void queue_items_pop(freezer_seat *seat, void *shared)
{
    thetis_queue_member *me = queue_items_join();
    queue_item it;
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_queue_pop(me, &it);
    freezer_end(seat);
    if (s == THETIS_OK) queue_items_check(&it);
}

static inline void queue_items_both(freezer_seat *seat, void *shared)
{
    thetis_queue_member *me = queue_items_join();
    queue_item it = queue_item_sealed(thetis_domain_self(me->thread_), seat->next), got;
    (void)shared;
    freezer_begin(seat);
    thetis_status put = thetis_queue_push(me, &it);
    thetis_status s = thetis_queue_pop(me, &got);
    freezer_end(seat);
    if (put == THETIS_OK) seat->next++;
    if (s == THETIS_OK) queue_items_check(&got);
}

static inline void queue_items_close(freezer_seat *seat, void *shared)
{
    thetis_queue_member *me = queue_items_join();
    (void)shared;
    freezer_begin(seat);
    (void)thetis_queue_close(me);
    freezer_end(seat);
}

static inline void queue_items_visit(freezer_seat *seat, void *shared)
{
    thetis_queue_member me;
    queue_item it;
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_queue_join(queue_items, &me), got = THETIS_EMPTY;
    if (s == THETIS_OK) {
        got = thetis_queue_pop(&me, &it);
        thetis_queue_leave(&me);
    }
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    if (got == THETIS_OK) queue_items_check(&it);
}

#endif
