/* SPDX-License-Identifier: MIT
 *
 * push.c: what a push of thetis/queue.h does at the end of a segment, and closing.
 */
#include "queue.h"

/* ---- segments -------------------------------------------------------------------------------- */

/* Makes the caller's spare segment one that has the element. 0: the pool has none. */
static int queue_prepare(thetis_queue_member *me, const void *item)
{
    thetis_queue *queue = me->queue_;
    void *block;
    if (!me->spare_) {
        if (thetis_pool_take(queue->pool_, me->thread_, &block) != THETIS_OK) return 0;
        me->spare_ = block;
        tht_queue_clear(queue, me->spare_, thetis_domain_self(me->thread_));
    }
    thetis_atomic *cell = thetis_queue_cell_(me->spare_, 0, queue->stride_);
    memcpy(cell + 1, item, queue->elem_size_);
    thetis_atomic_store_relaxed(cell, THETIS_QUEUE_WRITTEN_);
    thetis_atomic_store_relaxed(&me->spare_->tail, 1);
    return 1;
}

/* What is to be linked behind the last segment: the end, the announced segment that is next in
 * turn, or `mine`. The announcement of the last one itself is cleared first. */
static uintptr_t queue_choose(thetis_queue *queue, thetis_queue_segment_ *last, uintptr_t mine)
{
    thetis_atomic *link = &queue->links_[last->owner];
    if (thetis_atomic_load_relaxed(link) == (uintptr_t)last)
        (void)thetis_atomic_cas_relaxed(link, (uintptr_t)last, 0);
    if (thetis_atomic_load_acquire(&queue->closing_)) return THT_QUEUE_END; /* pair: queue.end */
    for (size_t k = 1; k <= queue->threads_; k++) {
        link = &queue->links_[(last->owner + k) % queue->threads_];
        uintptr_t announced = thetis_atomic_load_acquire(link); /* pair: queue.link */
        if (announced) return announced;
    }
    return mine;
}

/* Closes the last segment and links something behind it. Returns what is there then; `*linked`:
 * it is `mine`, by this call. That cannot be told from the address: if `mine` was taken from the
 * pool after `last` was protected, it may have stood behind `last` before, and have come back. */
static uintptr_t queue_link(thetis_queue *queue, thetis_queue_segment_ *last, uintptr_t mine,
                            int *linked)
{
    uintptr_t next = thetis_atomic_load_acquire(&last->next); /* pair: queue.next */
    *linked = 0;
    if (next) return next;
    if (thetis_atomic_load_relaxed(&last->tail) < queue->cells_)
        (void)thetis_atomic_fetch_or_relaxed(&last->tail, THT_QUEUE_CLOSED);
    next = queue_choose(queue, last, mine);
    if (thetis_atomic_cas_release(&last->next, 0, next)) { /* pair: queue.next */
        *linked = next == mine;
        return next;
    }
    return thetis_atomic_load_acquire(&last->next); /* pair: queue.next */
}

/* Goes on to the segment behind: OK if that is the caller's, AGAIN, or CLOSED: there is none. */
static thetis_status queue_follow(thetis_queue_member *me, uintptr_t next, int mine)
{
    uintptr_t last = (uintptr_t)me->tail_;
    me->tail_ = NULL;
    if (next == THT_QUEUE_END) return THETIS_CLOSED;
    (void)thetis_atomic_cas_release(&me->queue_->tail_, last, next); /* pair: domain.cell */
    return mine ? THETIS_OK : THETIS_AGAIN;
}

static int queue_hold_tail(thetis_queue_member *me)
{
    return me->tail_ || tht_queue_hold(me, 1, &me->queue_->tail_, &me->tail_);
}

/* ---- pushing --------------------------------------------------------------------------------- */

/* Tries tickets of the segment, if it seems to have any. Who is refused in the end forgets the
 * segment, so that its next push looks here first. So a segment gives out at most 2N tickets too
 * many: pushes that are refused again and again would let the counter wrap. */
static int queue_put(thetis_queue_member *me, const void *item)
{
    thetis_queue *queue = me->queue_;
    if (thetis_atomic_load_relaxed(&me->tail_->tail) >= queue->cells_) return 0;
    for (int k = 0; k < THT_QUEUE_TICKETS; k++) {
        uintptr_t at = thetis_atomic_fetch_add_relaxed(&me->tail_->tail, 1);
        if (at >= queue->cells_) return 0;
        thetis_atomic *cell = thetis_queue_cell_(me->tail_, at, queue->stride_);
        if (thetis_queue_write_(cell, item, queue->elem_size_)) return 1;
    }
    return 0;
}

/* AGAIN: others have linked a segment. */
static thetis_status queue_put_or_link(thetis_queue_member *me, const void *item)
{
    if (!queue_hold_tail(me)) return THETIS_AGAIN;
    if (queue_put(me, item)) return THETIS_OK;
    uintptr_t next = thetis_atomic_load_acquire(&me->tail_->next); /* pair: queue.next */
    int linked = 0;
    if (!next) {
        if (!queue_prepare(me, item)) {
            me->tail_ = NULL;
            return THETIS_ENOMEM;
        }
        next = queue_link(me->queue_, me->tail_, (uintptr_t)me->spare_, &linked);
    }
    thetis_status s = queue_follow(me, next, linked);
    if (s == THETIS_OK) me->spare_ = NULL;
    return s;
}

/* The segment is linked, by whomever: it is the last, or its announcement is gone. */
static int queue_is_linked(thetis_queue_member *me)
{
    thetis_atomic *link = &me->queue_->links_[thetis_domain_self(me->thread_)];
    return me->tail_ == me->spare_ ||
           thetis_atomic_load_relaxed(link) != (uintptr_t)me->spare_;
}

thetis_status tht_queue_announce(thetis_queue_member *me, const void *item)
{
    thetis_atomic *link = &me->queue_->links_[thetis_domain_self(me->thread_)];
    thetis_status s = THETIS_AGAIN;
    if (!queue_prepare(me, item)) return THETIS_ENOMEM;
    uintptr_t mine = (uintptr_t)me->spare_;
    thetis_atomic_store_release(link, mine); /* pair: queue.link */
    me->tail_ = NULL;
    while (s == THETIS_AGAIN) {
        int held = queue_hold_tail(me), linked; /* first: then CLOSED says that it is not linked */
        if (queue_is_linked(me)) {
            s = THETIS_OK;
        } else if (held) { /* after it was taken, so that its address is its own */
            uintptr_t next = queue_link(me->queue_, me->tail_, mine, &linked);
            s = queue_follow(me, next, next == mine);
        }
    }
    if (s == THETIS_OK) me->spare_ = NULL;
    thetis_atomic_store_relaxed(link, 0);
    return s;
}

thetis_status thetis_queue_push_slow_(thetis_queue_member *me, const void *item)
{
    for (int lost = 0; lost < THT_QUEUE_LOST; lost++) {
        thetis_status s = queue_put_or_link(me, item);
        if (s != THETIS_AGAIN) return s;
    }
    return tht_queue_announce(me, item);
}

thetis_status thetis_queue_close(thetis_queue_member *me)
{
    thetis_queue *queue = me->queue_;
    thetis_status s = THETIS_AGAIN;
    int first = thetis_atomic_cas_release(&queue->closing_, 0, 1); /* pair: queue.end */
    me->tail_ = NULL;
    while (s == THETIS_AGAIN) {
        int linked;
        if (queue_hold_tail(me))
            s = queue_follow(me, queue_link(queue, me->tail_, THT_QUEUE_END, &linked), 0);
    }
    return first ? THETIS_OK : THETIS_CLOSED;
}
