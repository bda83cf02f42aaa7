/* SPDX-License-Identifier: MIT
 *
 * pop.c: what a pop of thetis/queue.h does when its first ticket is none, and how pops are helped.
 */
#include "queue.h"

/* Where a pass over the cells is. */
typedef struct queue_pass {
    size_t at;
    int inside; /* the caller's first segment may be passed over */
} queue_pass;

/* In a segment's `passed`: one of the two sees the other. */
#define QUEUE_PASSED ((uintptr_t)1) /* somebody passes over the cells, or has */
#define QUEUE_LEFT ((uintptr_t)2)   /* it is not the first any more, and will be retired */

/* ---- owners ---------------------------------------------------------------------------------- */

static uintptr_t queue_owner(uintptr_t cell)
{
    return cell >> THT_QUEUE_OWNER_SHIFT;
}

/* The cell has an owner: 1 if its request was answered with this cell, which is done here if it
 * waits; 0: it was answered with another one, so the cell is void, unless it is dead by now. */
static int queue_settle(const thetis_queue *queue, thetis_atomic *cell, uintptr_t is)
{
    size_t id = (queue_owner(is) & (((uintptr_t)1 << THT_QUEUE_ID_BITS) - 1)) - 1;
    thetis_domain_thread *owner = thetis_domain_record_(queue->domain_, id);
    uintptr_t request = thetis_domain_pending(queue->domain_, id, NULL, 0);
    if (request && queue_owner(tht_queue_claim(id, request)) == queue_owner(is))
        thetis_domain_finish(queue->domain_, id, request, (uintptr_t)cell);
    return thetis_domain_answer(owner) == (uintptr_t)cell;
}

/* Cells that others need not look at any more; for those with owners see queue_settle(). */
static int queue_is_decided(uintptr_t is)
{
    return (is & (THT_QUEUE_DEAD | THT_QUEUE_SEALED)) ||
           ((is & THETIS_QUEUE_DRAWN_) && !queue_owner(is));
}

/* ---- from segment to segment ----------------------------------------------------------------- */

/* No claim is made in the cell from here on. */
static void queue_seal_cell(thetis_queue *queue, thetis_atomic *cell)
{
    for (;;) {
        uintptr_t is = thetis_atomic_load_acquire(cell); /* pair: queue.cell, queue.claim */
        if (queue_is_decided(is) || (queue_owner(is) && queue_settle(queue, cell, is))) return;
        uintptr_t to = is ? (is & THT_QUEUE_ADDED) | THT_QUEUE_SEALED : THT_QUEUE_DEAD;
        if (thetis_atomic_cas_relaxed(cell, is, to)) return;
    }
}

static void queue_seal(thetis_queue *queue, thetis_queue_segment_ *segment)
{
    size_t n = tht_queue_written(queue, thetis_atomic_load_relaxed(&segment->tail));
    for (size_t k = 0; k < n; k++)
        queue_seal_cell(queue, thetis_queue_cell_(segment, k, queue->stride_));
}

void tht_queue_leave_segment(thetis_queue_member *me, uintptr_t next)
{
    thetis_queue *queue = me->queue_;
    thetis_queue_segment_ *old = me->head_;
    (void)thetis_atomic_cas_release(&queue->tail_, (uintptr_t)old, next); /* pair: domain.cell */
    if (thetis_domain_cas(&queue->head_, (uintptr_t)old, next)) {
        thetis_atomic *passed = &old->passed;
        uintptr_t was = thetis_atomic_fetch_or_release(passed, QUEUE_LEFT); /* pair: domain.cell */
        if (was & QUEUE_PASSED) queue_seal(queue, old);
        thetis_pool_retire(queue->pool_, me->thread_, old);
    }
    me->head_ = NULL;
}

/* The end of a closed segment: what the queue is, or AGAIN: there is another one. */
static thetis_status queue_turn(thetis_queue_member *me)
{
    uintptr_t next = thetis_atomic_load_acquire(&me->head_->next); /* pair: queue.next */
    if (next == 0) return THETIS_EMPTY;
    if (next == THT_QUEUE_END) return THETIS_CLOSED;
    tht_queue_leave_segment(me, next);
    return THETIS_AGAIN;
}

/* ---- unannounced ----------------------------------------------------------------------------- */

static thetis_status queue_take(const thetis_queue *queue, thetis_atomic *cell, void *item)
{
    memcpy(item, cell + 1, queue->elem_size_);
    return THETIS_OK;
}

/* Whether the cell that the caller has drawn is its own. */
static int queue_has_drawn(thetis_queue *queue, thetis_atomic *cell, uintptr_t was)
{
    uintptr_t is = was + THETIS_QUEUE_DRAWN_;
    for (;;) {
        if ((is & THT_QUEUE_DEAD) || !(is & THETIS_QUEUE_WRITTEN_)) return 0;
        if (!queue_owner(is)) return 1;
        if (queue_settle(queue, cell, is)) return 0;
        if (thetis_atomic_cas_relaxed(cell, is, is | THT_QUEUE_DEAD)) return 1;
        is = thetis_atomic_load_acquire(cell); /* pair: queue.cell, queue.claim */
    }
}

static thetis_status queue_draw(thetis_queue_member *me, void *item)
{
    thetis_queue *queue = me->queue_;
    uintptr_t at = thetis_atomic_fetch_add_relaxed(&me->head_->head, 1);
    if (at >= queue->cells_) return THETIS_AGAIN;
    thetis_atomic *cell = thetis_queue_cell_(me->head_, at, queue->stride_);
    if (!queue_has_drawn(queue, cell, thetis_queue_draw_(cell))) return THETIS_AGAIN;
    return queue_take(queue, cell, item);
}

/* A few tickets, of at most two segments: OK, EMPTY, CLOSED or AGAIN. */
static thetis_status queue_try(thetis_queue_member *me, void *item)
{
    thetis_queue *queue = me->queue_;
    thetis_status s = THETIS_AGAIN;
    int turned = 0;
    for (int tries = 0; s == THETIS_AGAIN && tries < THT_QUEUE_TRIES; tries++) {
        if (!me->head_ && !tht_queue_hold(me, 0, &queue->head_, &me->head_)) continue;
        uintptr_t at = thetis_atomic_load_relaxed(&me->head_->head);
        uintptr_t tail = thetis_atomic_load_relaxed(&me->head_->tail);
        if (at < tht_queue_written(queue, tail)) s = queue_draw(me, item);
        else if (tail < queue->cells_) s = THETIS_EMPTY;
        else if (!turned++) s = queue_turn(me);
        else break;
    }
    return s;
}

/* ---- announced ------------------------------------------------------------------------------- */

/* Protects the first segment, and says that its cells are passed over, unless somebody has moved
 * on from it and has not seen that. */
static int queue_enter(thetis_queue_member *me, queue_pass *pass)
{
    pass->at = 0;
    pass->inside = 0;
    if (!tht_queue_hold(me, 0, &me->queue_->head_, &me->head_)) return 0;
    uintptr_t was = thetis_atomic_fetch_or_relaxed(&me->head_->passed, QUEUE_PASSED);
    pass->inside = !(was & QUEUE_LEFT);
    return pass->inside;
}

/* Behind the last written cell of a segment: an answer, or 0: on to the next one. */
static uintptr_t queue_end(thetis_queue_member *me, queue_pass *pass, uintptr_t tail)
{
    if (tail < me->queue_->cells_) return THT_QUEUE_EMPTY;
    thetis_status s = queue_turn(me);
    if (s == THETIS_EMPTY) return THT_QUEUE_EMPTY;
    if (s == THETIS_CLOSED) return THT_QUEUE_FINISHED;
    pass->inside = 0;
    return 0;
}

static int queue_put_claim(thetis_atomic *cell, uintptr_t is, uintptr_t claim)
{
    uintptr_t to = (is & THT_QUEUE_ADDED) | claim;
    return thetis_atomic_cas_release(cell, is, to); /* pair: queue.claim */
}

/* Finds a cell for a claim in the segment, and makes it: the cell, another answer, or 0: none in
 * this segment. */
static uintptr_t queue_seek(thetis_queue_member *me, queue_pass *pass, uintptr_t claim)
{
    thetis_queue *queue = me->queue_;
    uintptr_t head = thetis_atomic_load_relaxed(&me->head_->head);
    if (pass->at < head) pass->at = head;
    for (;;) {
        uintptr_t tail = thetis_atomic_load_relaxed(&me->head_->tail);
        if (pass->at >= tht_queue_written(queue, tail)) return queue_end(me, pass, tail);
        thetis_atomic *cell = thetis_queue_cell_(me->head_, pass->at, queue->stride_);
        uintptr_t is = thetis_atomic_load_acquire(cell); /* pair: queue.cell, queue.claim */
        if (queue_is_decided(is) || (queue_owner(is) && queue_settle(queue, cell, is))) {
            pass->at++;
        } else if (is == 0) {
            (void)thetis_atomic_cas_relaxed(cell, 0, THT_QUEUE_DEAD);
        } else if (queue_put_claim(cell, is, claim)) {
            if (pass->at > head)
                (void)thetis_atomic_cas_relaxed(&me->head_->head, head, pass->at);
            return (uintptr_t)cell;
        }
    }
}

/* Answers the request of a thread, if it has one. */
static void queue_serve(thetis_queue_member *me, queue_pass *pass, size_t id)
{
    const thetis_domain *domain = me->queue_->domain_;
    uintptr_t request = thetis_domain_pending(domain, id, NULL, 0), now = request;
    while (request && now == request) {
        uintptr_t answer = 0;
        if (pass->inside || queue_enter(me, pass))
            answer = queue_seek(me, pass, tht_queue_claim(id, request));
        if (answer) thetis_domain_finish(domain, id, request, answer);
        now = thetis_domain_pending(domain, id, NULL, 0);
    }
}

/* What the caller's request was answered with. */
static thetis_status queue_collect(thetis_queue_member *me, void *item)
{
    uintptr_t answer = thetis_domain_answer(me->thread_);
    if (answer == THT_QUEUE_EMPTY) return THETIS_EMPTY;
    if (answer == THT_QUEUE_FINISHED) return THETIS_CLOSED;
    thetis_atomic *cell = (thetis_atomic *)answer;
    (void)queue_take(me->queue_, cell, item);
    (void)thetis_atomic_fetch_or_relaxed(cell, THT_QUEUE_DEAD);
    return THETIS_OK;
}

/* The caller's bit, and the word it is in. */
static uintptr_t queue_bit(const thetis_queue_member *me, thetis_atomic **word)
{
    size_t self = thetis_domain_self(me->thread_);
    *word = &me->queue_->asking_[self / THETIS_CAP_WORD_BITS];
    return (uintptr_t)1 << self % THETIS_CAP_WORD_BITS;
}

/* Of two that ask one sees the other: what the bound rests on. */
void tht_queue_request(thetis_queue_member *me)
{
    thetis_atomic *word;
    uintptr_t bit = queue_bit(me, &word);
    (void)thetis_domain_announce(me->thread_, NULL, 0);
    (void)thetis_atomic_fetch_add_relaxed(word, bit);
    thetis_atomic_fence_seq_cst();
}

thetis_status tht_queue_ask(thetis_queue_member *me, void *item)
{
    thetis_queue *queue = me->queue_;
    size_t self = thetis_domain_self(me->thread_);
    thetis_atomic *word;
    uintptr_t bit = queue_bit(me, &word);
    queue_pass pass = {0};
    tht_queue_request(me);
    for (size_t k = 1; k <= queue->threads_; k++) {
        size_t id = (self + k) % queue->threads_;
        uintptr_t asking =
            thetis_atomic_load_relaxed(&queue->asking_[id / THETIS_CAP_WORD_BITS]);
        if (asking >> id % THETIS_CAP_WORD_BITS & 1) queue_serve(me, &pass, id);
    }
    thetis_status s = queue_collect(me, item);
    thetis_domain_withdraw(me->thread_);
    (void)thetis_atomic_fetch_sub_relaxed(word, bit);
    return s;
}

/* Whether somebody's request waits, and not only its bit is left: of a thread that stopped. */
static int queue_is_asked(const thetis_queue *queue)
{
    if (!thetis_queue_asked_(queue)) return 0;
    for (size_t id = 0; id < queue->threads_; id++) {
        if (thetis_domain_pending(queue->domain_, id, NULL, 0)) return 1;
    }
    return 0;
}

thetis_status thetis_queue_pop_slow_(thetis_queue_member *me, void *item, thetis_atomic *cell,
                                     uintptr_t was)
{
    thetis_queue *queue = me->queue_;
    if (cell && queue_has_drawn(queue, cell, was)) return queue_take(queue, cell, item);
    thetis_status s = queue_is_asked(queue) ? THETIS_AGAIN : queue_try(me, item);
    return s == THETIS_AGAIN ? tht_queue_ask(me, item) : s;
}
