/* SPDX-License-Identifier: MIT
 *
 * queue.c: the queue of thetis/queue.h: making it, joining and leaving, bounds.
 */
#include "queue.h"

/* ---- making ---------------------------------------------------------------------------------- */

/* 0: not valid. */
static size_t queue_segment_size(const thetis_queue_cfg *cfg)
{
    if (cfg->elem_size < 1 || cfg->elem_size > PTRDIFF_MAX / 2 || cfg->segment < 1 ||
        cfg->segment > THETIS_QUEUE_SEGMENT_MAX) {
        return 0;
    }
    size_t stride = THETIS_QUEUE_STRIDE_(cfg->elem_size);
    if (stride > (PTRDIFF_MAX - sizeof(thetis_queue_segment_)) / cfg->segment) return 0;
    return THETIS_QUEUE_SEGMENT_SIZE(cfg->elem_size, cfg->segment);
}

static size_t queue_words(size_t threads)
{
    return (threads + THETIS_CAP_WORD_BITS - 1) / THETIS_CAP_WORD_BITS;
}

size_t thetis_queue_size(const thetis_queue_cfg *cfg)
{
    size_t segment = queue_segment_size(cfg);
    if (segment == 0 || !cfg->pool || cfg->pool->domain_->hazards_ < 2 ||
        cfg->pool->shape_.stride < segment || cfg->pool->shape_.align < THETIS_CACHE_LINE) {
        return 0;
    }
    size_t threads = cfg->pool->domain_->threads_;
    return sizeof(thetis_queue) + (queue_words(threads) + threads) * sizeof(thetis_atomic);
}

void tht_queue_clear(const thetis_queue *queue, thetis_queue_segment_ *segment, size_t owner)
{
    thetis_atomic_store_relaxed(&segment->tail, 0);
    thetis_atomic_store_relaxed(&segment->head, 0);
    thetis_atomic_store_relaxed(&segment->next, 0);
    thetis_atomic_store_relaxed(&segment->passed, 0);
    segment->owner = owner;
    for (size_t k = 0; k < queue->cells_; k++)
        thetis_atomic_store_relaxed(thetis_queue_cell_(segment, k, queue->stride_), 0);
}

static thetis_status queue_first_segment(thetis_queue *queue)
{
    thetis_domain_thread *thread;
    void *block;
    thetis_status s = thetis_domain_join(queue->domain_, &thread);
    if (s != THETIS_OK) return s;
    s = thetis_pool_take(queue->pool_, thread, &block);
    if (s == THETIS_OK) {
        tht_queue_clear(queue, block, thetis_domain_self(thread));
        thetis_atomic_store_relaxed(&queue->head_, (uintptr_t)block);
        thetis_atomic_store_relaxed(&queue->tail_, (uintptr_t)block);
    }
    thetis_domain_leave(thread);
    return s;
}

thetis_status thetis_queue_init(void *mem, size_t len, const thetis_queue_cfg *cfg,
                                thetis_queue **out)
{
    size_t size = thetis_queue_size(cfg);
    thetis_queue *queue = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    memset(mem, 0, size);
    queue->cells_ = cfg->segment;
    queue->elem_size_ = cfg->elem_size;
    queue->stride_ = THETIS_QUEUE_STRIDE_(cfg->elem_size);
    queue->pool_ = cfg->pool;
    queue->domain_ = cfg->pool->domain_;
    queue->threads_ = queue->domain_->threads_;
    queue->words_ = queue_words(queue->threads_);
    queue->asking_ = (thetis_atomic *)(queue + 1);
    queue->links_ = queue->asking_ + queue->words_;
    *out = queue;
    return queue_first_segment(queue);
}

thetis_status thetis_queue_fini(thetis_queue *queue)
{
    thetis_domain_thread *thread;
    thetis_status s = thetis_domain_join(queue->domain_, &thread);
    if (s != THETIS_OK) return s;
    uintptr_t word = thetis_atomic_load_relaxed(&queue->head_);
    while (word && word != THT_QUEUE_END) {
        thetis_queue_segment_ *segment = (thetis_queue_segment_ *)word;
        word = thetis_atomic_load_relaxed(&segment->next);
        thetis_pool_give(queue->pool_, thread, segment);
    }
    thetis_domain_leave(thread);
    return THETIS_OK;
}

/* ---- joining and leaving --------------------------------------------------------------------- */

thetis_status thetis_queue_join(thetis_queue *queue, thetis_queue_member *member)
{
    *member = (thetis_queue_member){.queue_ = queue};
    return thetis_domain_join(queue->domain_, &member->thread_);
}

void thetis_queue_leave(thetis_queue_member *member)
{
    if (member->spare_) thetis_pool_give(member->queue_->pool_, member->thread_, member->spare_);
    thetis_domain_leave(member->thread_);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Names as in the header; B of the pool. What each function does itself, at most:
 *   hold 3; put 1 + 3 (2 + w); link N + 10: next, tail, its bit, the owner, an announcement read
 *   and cleared, closing, N announcements, next changed and read; follow 1.
 *   A push is 1 fast ticket, 2 rounds of hold, put, next, a segment filled (w + 2), link, follow;
 *   one segment taken and cleared (B + S + 5); then the segment is announced (w + 3), and at most
 *   N + 1 times there is hold, a look at the announcement, link and follow: one link was chosen
 *   before the announcement could be seen, and N - 1 have an earlier turn; then 2 more. */
static uint64_t queue_bound_link(const thetis_queue *queue)
{
    return queue->threads_ + 10;
}

static uint64_t queue_words_of(const thetis_queue *queue)
{
    return queue->stride_ / sizeof(uintptr_t) - 1;
}

static uint64_t queue_bound_push(const thetis_queue *queue)
{
    uint64_t w = queue_words_of(queue), link = queue_bound_link(queue);
    uint64_t round = 3 + 1 + THT_QUEUE_TICKETS * (2 + w) + 1 + w + 2 + link + 1;
    uint64_t taken = thetis_pool_bound(queue->pool_, THETIS_POOL_TAKE, 1) + queue->cells_ + 5;
    return 2 + w + THT_QUEUE_LOST * round + taken + w + 3 +
           (queue->threads_ + 1) * (3 + 1 + link + 1) + 2;
}

/* A cell that the caller has drawn may have claims that are void, one by each of the others for
 * each of their requests: settle 4, replace 1, read 1. */
static uint64_t queue_bound_draw(const thetis_queue *queue)
{
    uint64_t others = queue->threads_ - 1;
    return others > 0 ? 6 * others * others - 1 : 0;
}

/* A segment is entered (4), head read, each cell seen as nothing, killed, and seen again: 5,
 * with tail. One that is answered, of which others have one each, takes 6; one that is taken before
 * the claim is made 3 more, but then a segment ends. Then tail. */
static uint64_t queue_bound_look(const thetis_queue *queue)
{
    return 4 + 1 + 5 * queue->cells_ + (queue->threads_ - 1) + 3 + 1;
}

/* Next is read, head and tail moved, the flag set, cells sealed, the segment retired; and the
 * request looked at (2). One cell of each other thread may be undecided: settle 4, change 1,
 * read 1. */
static uint64_t queue_bound_turn(const thetis_queue *queue)
{
    return 1 + 3 + 1 + queue->cells_ + 6 * (queue->threads_ - 1) +
           thetis_pool_bound(queue->pool_, THETIS_POOL_RETIRE, 1) + 2;
}

/* How many segments end while a pop serves the others and itself. A segment has an element that was
 * there when it was linked, so for each but the first that ends somebody takes one. While a request
 * waits, each other thread but its own takes at most 2: in the call that it is in, and, if it is
 * helped, in the next one, which serves the request before it returns. So N - 1 times
 * 1 + 2 (N - 2); and the caller's own is answered once. If it waits to the end, it is the only one
 * that counts: 1 + 2 (N - 1), or 2 if there is nobody else to help. */
static uint64_t queue_turns(const thetis_queue *queue)
{
    uint64_t others = queue->threads_ - 1;
    return others > 0 ? others * (2 * others - 1) + 1 : 1;
}

/* Meanwhile, while one request waits, there are 2 (N - 1) at most, for each of which N - 1 threads
 * make claims in vain: 7 to find that out, and to try to replace one. */
static uint64_t queue_bound_claims(const thetis_queue *queue)
{
    uint64_t others = queue->threads_ - 1;
    return 7 * 2 * others * others * others;
}

static uint64_t queue_bound_ask(const thetis_queue *queue)
{
    uint64_t turns = queue_turns(queue), answer = 1 + 1 + 1 + 2;
    return 2 + queue->threads_ * (1 + 2 + answer) + (turns + 1) * queue_bound_look(queue) +
           turns * queue_bound_turn(queue) + queue_bound_claims(queue) +
           (4 + queue_words_of(queue));
}

static uint64_t queue_bound_pop(const thetis_queue *queue)
{
    uint64_t others = queue->threads_ - 1, draw = queue_bound_draw(queue);
    uint64_t fast = queue->words_ + 4 + draw, asked = queue->words_ + 2 * queue->threads_;
    uint64_t tries = (THT_QUEUE_TRIES - 1) * (3 + 2 + 2 + draw) + 3 + 2 +
                     queue_bound_turn(queue) + 6 * others * others; /* claims that are sealed */
    return fast + asked + tries + queue_bound_ask(queue);
}

/* The flag; tail behind its segment; one that was chosen before the flag was seen; the end. */
static uint64_t queue_bound_close(const thetis_queue *queue)
{
    return 1 + (3 + 1 + 1) + 2 * (3 + queue_bound_link(queue) + 1);
}

uint64_t thetis_queue_bound(const thetis_queue *queue, thetis_queue_op op)
{
    switch (op) {
    case THETIS_QUEUE_PUSH:
        return queue_bound_push(queue);
    case THETIS_QUEUE_POP:
        return queue_bound_pop(queue);
    case THETIS_QUEUE_CLOSE:
        return queue_bound_close(queue);
    case THETIS_QUEUE_JOIN:
        return thetis_domain_bound(queue->domain_, THETIS_DOMAIN_JOIN, 0);
    default:
        return thetis_domain_bound(queue->domain_, THETIS_DOMAIN_LEAVE, 0) +
               thetis_pool_bound(queue->pool_, THETIS_POOL_GIVE, 1);
    }
}
