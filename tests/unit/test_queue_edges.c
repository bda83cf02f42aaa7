/* SPDX-License-Identifier: MIT
 *
 * test_queue_edges.c: thetis/queue.h where memory or places run out, bad configurations, cells that
 * threads left in the middle, and the contracts that assertions keep.
 */
#include "queues.h"

/* ---- configurations -------------------------------------------------------------------------- */

TEST(bad_configurations_are_refused)
{
    thetis_queue_cfg good = {.elem_size = 4, .segment = 4}, cfg;
    thetis_queue *queue;
    queue_make_pool(&good, 8);
    good.pool = queue_pool;
    cfg = good, cfg.elem_size = 0;
    CHECK_EQ(thetis_queue_size(&cfg), 0);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_EINVAL);
    cfg = good, cfg.segment = 0;
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_EINVAL);
    cfg = good, cfg.segment = THETIS_QUEUE_SEGMENT_MAX + 1;
    CHECK_EQ(thetis_queue_size(&cfg), 0);
    cfg = good, cfg.elem_size = PTRDIFF_MAX / 4, cfg.segment = 64;
    CHECK_EQ(thetis_queue_size(&cfg), 0);
    cfg = good, cfg.segment = 1000; /* more than a block */
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_EINVAL);
    CHECK_EQ(thetis_queue_init(NULL, sizeof queue_mem, &good, &queue), THETIS_EINVAL);
    CHECK_EQ(thetis_queue_init(queue_mem + 8, sizeof queue_mem - 8, &good, &queue), THETIS_EINVAL);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &good, &queue), THETIS_OK);
}

TEST(pools_must_fit)
{
    thetis_queue_cfg cfg = {.elem_size = 4, .segment = 4};
    thetis_domain_cfg domain_cfg = {2, 1, 0};
    thetis_pool_cfg pool_cfg = {.size = THETIS_QUEUE_SEGMENT_SIZE(4, 4), .blocks = 2,
                                .align = THETIS_CACHE_LINE};
    thetis_queue *queue;
    for (domain_cfg.hazards = 1; domain_cfg.hazards <= 2; domain_cfg.hazards++) {
        CHECK_EQ(thetis_domain_init(queue_domain_mem, sizeof queue_domain_mem, &domain_cfg,
                                    &queue_domain), THETIS_OK);
        CHECK_EQ(thetis_pool_init(queue_pool_mem, sizeof queue_pool_mem, queue_domain, &pool_cfg,
                                  &cfg.pool), THETIS_OK);
        thetis_status want = domain_cfg.hazards == 2 ? THETIS_OK : THETIS_EINVAL;
        CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), want);
    }
    pool_cfg.align = 0;
    CHECK_EQ(thetis_pool_init(queue_pool_mem, sizeof queue_pool_mem, queue_domain, &pool_cfg,
                              &cfg.pool), THETIS_OK);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_EINVAL);
}

/* ---- places ---------------------------------------------------------------------------------- */

TEST(more_members_than_places)
{
    thetis_queue_member me[QUEUE_THREADS + 1];
    thetis_queue_cfg cfg = {.pool = NULL, .elem_size = 4, .segment = 2};
    thetis_queue *queue = queue_make(4, 2, 64), *other;
    static char other_mem[4096] THETIS_CACHE_ALIGNED;
    for (int k = 0; k < QUEUE_THREADS; k++)
        CHECK_EQ(thetis_queue_join(queue, &me[k]), THETIS_OK);
    CHECK_EQ(thetis_queue_join(queue, &me[QUEUE_THREADS]), THETIS_ENOSLOT);
    CHECK_EQ(thetis_queue_fini(queue), THETIS_ENOSLOT);
    cfg.pool = queue_pool;
    CHECK_EQ(thetis_queue_init(other_mem, sizeof other_mem, &cfg, &other), THETIS_ENOSLOT);
    queue_push_says(&me[1], 3, THETIS_OK);
    thetis_queue_leave(&me[1]);
    CHECK_EQ(thetis_queue_join(queue, &me[QUEUE_THREADS]), THETIS_OK);
    queue_pop_is(&me[QUEUE_THREADS], 3);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Those in the store and in the magazines of all places. */
static size_t queue_free_blocks(void)
{
    thetis_domain_thread *thread[QUEUE_THREADS];
    void *block[64];
    size_t n = 0, of[QUEUE_THREADS];
    for (int t = 0; t < QUEUE_THREADS; t++) {
        CHECK_EQ(thetis_domain_join(queue_domain, &thread[t]), THETIS_OK);
        of[t] = n;
        while (n < 64 && thetis_pool_take(queue_pool, thread[t], &block[n]) == THETIS_OK) n++;
    }
    for (int t = 0; t < QUEUE_THREADS; t++) {
        size_t end = t + 1 < QUEUE_THREADS ? of[t + 1] : n;
        for (size_t k = of[t]; k < end; k++) thetis_pool_give(queue_pool, thread[t], block[k]);
        thetis_domain_leave(thread[t]);
    }
    return n;
}

/* With k blocks: what is refused is not there, nothing else is lost, and all is as before when it
 * is drained. */
TEST(a_pool_that_is_used_up_loses_nothing)
{
    for (size_t blocks = 1; blocks <= 8; blocks++) {
        thetis_queue_member me;
        thetis_queue *queue = queue_make(sizeof(uint32_t), 3, blocks);
        CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
        size_t before = 0;
        for (int round = 0; round < 12; round++) {
            uint32_t n = 0;
            while (u32_queue_push(&me, n) == THETIS_OK) n++;
            if (round == 0) CHECK_EQ(n, 3 * blocks);
            CHECK(n > 0 || round > 0);
            before = before > n ? before : n;
            queue_push_says(&me, 9, THETIS_ENOMEM);
            for (uint32_t k = 0; k < n; k++) queue_pop_is(&me, k);
            queue_pop_says(&me, THETIS_EMPTY);
            CHECK_EQ(thetis_pool_reclaim(queue_pool, me.thread_) <= 2, 1);
        }
        CHECK_EQ(before, 3 * blocks);
        thetis_queue_leave(&me);
    }
}

/* A counter that goes on with each refusal wraps, soon where words are small, and then the first
 * cells are given out again. */
static void queue_is_refused_for_good(thetis_queue_member *me, const thetis_queue *queue,
                                      thetis_status want)
{
    CHECK_EQ(u32_queue_push(me, 9), want);
    const thetis_queue_segment_ *last =
        (const thetis_queue_segment_ *)thetis_atomic_load_relaxed(&queue->tail_);
    uintptr_t tail = thetis_atomic_load_relaxed(&last->tail);
    for (int k = 0; k < 10; k++) CHECK_EQ(u32_queue_push(me, 9), want);
    CHECK_EQ(thetis_atomic_load_relaxed(&last->tail), tail);
}

TEST(refused_pushes_draw_no_tickets)
{
    thetis_queue_member me;
    thetis_queue *queue = queue_make(sizeof(uint32_t), 3, 1);
    CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
    for (uint32_t k = 0; k < 3; k++) queue_push_says(&me, k, THETIS_OK);
    queue_is_refused_for_good(&me, queue, THETIS_ENOMEM);
    CHECK_EQ(thetis_queue_close(&me), THETIS_OK);
    queue_is_refused_for_good(&me, queue, THETIS_CLOSED);
    for (uint32_t k = 0; k < 3; k++) queue_pop_is(&me, k);
    queue_pop_says(&me, THETIS_CLOSED);
}

TEST(init_without_a_block_is_refused)
{
    thetis_queue_cfg cfg = {.elem_size = 4, .segment = 2};
    thetis_domain_thread *thread;
    thetis_queue *queue;
    void *block;
    queue_make_pool(&cfg, 1);
    cfg.pool = queue_pool;
    CHECK_EQ(thetis_domain_join(queue_domain, &thread), THETIS_OK);
    CHECK_EQ(thetis_pool_take(queue_pool, thread, &block), THETIS_OK);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_ENOMEM);
    thetis_pool_give(queue_pool, thread, block);
    thetis_domain_leave(thread);
    CHECK_EQ(thetis_queue_init(queue_mem, sizeof queue_mem, &cfg, &queue), THETIS_OK);
}

/* All blocks are back, wherever the queue was. */
TEST(fini_gives_all_back)
{
    for (uint32_t n = 0; n < 12; n++) {
        for (uint32_t popped = 0; popped <= n; popped++) {
            thetis_queue_member me;
            thetis_queue *queue = queue_make(sizeof(uint32_t), 2, 10);
            CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
            for (uint32_t k = 0; k < n; k++) queue_push_says(&me, k, THETIS_OK);
            for (uint32_t k = 0; k < popped; k++) queue_pop_is(&me, k);
            if (n % 2) CHECK_EQ(thetis_queue_close(&me), THETIS_OK);
            thetis_queue_leave(&me);
            CHECK_EQ(thetis_queue_fini(queue), THETIS_OK);
            CHECK_EQ(thetis_pool_collect(queue_pool), 0);
            CHECK_EQ(queue_free_blocks(), 10);
        }
    }
}

/* Segments that a member has retired and another one protects: who leaves leaves them behind, and
 * they are there again when nobody protects them. */
TEST(who_leaves_leaves_what_it_has_retired)
{
    thetis_queue_member me, it;
    thetis_queue *queue = queue_make(sizeof(uint32_t), 2, 10);
    CHECK_EQ(thetis_queue_join(queue, &it), THETIS_OK);
    CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
    queue_pop_says(&it, THETIS_EMPTY);
    for (uint32_t k = 0; k < 6; k++) {
        queue_push_says(&me, k, THETIS_OK);
        queue_pop_is(&me, k);
    }
    thetis_queue_leave(&me);
    thetis_pool_levels levels;
    thetis_pool_stat(queue_pool, &levels);
    CHECK(levels.unreclaimed > 0);
    queue_push_says(&it, 6, THETIS_OK);
    queue_pop_is(&it, 6);
    thetis_queue_leave(&it);
    CHECK_EQ(thetis_queue_fini(queue), THETIS_OK);
    CHECK_EQ(thetis_pool_collect(queue_pool), 0);
    CHECK_EQ(queue_free_blocks(), 10);
}

/* A few segments go round. */
TEST(memory_stays_flat)
{
    thetis_queue_member me;
    CHECK_EQ(thetis_queue_join(queue_make(sizeof(uint32_t), 4, 12), &me), THETIS_OK);
    for (uint32_t k = 0; k < test_scale(200000); k++) {
        queue_push_says(&me, k, THETIS_OK);
        queue_push_says(&me, ~k, THETIS_OK);
        queue_pop_is(&me, k);
        queue_pop_is(&me, ~k);
    }
}

/* ---- threads that stopped in the middle ------------------------------------------------------ */

/* Unreclaimed segments and those that are pinned, at the most over so many elements. */
static thetis_pool_levels queue_churn(thetis_queue_member *me, size_t elements)
{
    enum { LOOK = 61 }; /* at all places of a segment */
    thetis_pool_levels most = {0};
    for (uint32_t k = 0; k < elements; k++) {
        CHECK_EQ(u32_queue_push(me, k), THETIS_OK);
        queue_pop_is(me, k);
        if (k % LOOK) continue;
        thetis_pool_levels now;
        thetis_pool_stat(queue_pool, &now);
        if (now.unreclaimed > most.unreclaimed) most.unreclaimed = now.unreclaimed;
        if (now.pinned > most.pinned) most.pinned = now.pinned;
        most.unreclaimed_max = now.unreclaimed_max;
    }
    return most;
}

/* One stops for ever with all that a member can pin: the segments of its last pop and push, and
 * that of an answer which it has not read. Others go on for 10^7 elements with what is left of a
 * few segments, and as much waits to be reclaimed at the end as at the beginning. */
TEST(a_reader_that_stands_still_pins_three_segments)
{
    enum { SEGMENT = 4, PINNED = 3 };
    thetis_queue_member me, it;
    thetis_queue *queue = queue_make(sizeof(uint32_t), SEGMENT, 16);
    CHECK_EQ(thetis_queue_join(queue, &it), THETIS_OK);
    CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
    queue_push_says(&it, 0, THETIS_OK);
    queue_pop_is(&it, 0);
    for (uint32_t k = 0; k < 2 * SEGMENT; k++) queue_push_says(&it, k, THETIS_OK);
    for (uint32_t k = 0; k < SEGMENT + 1; k++) queue_pop_is(&me, k);
    tht_queue_request(&it);
    queue_pop_is(&me, SEGMENT + 2); /* it was answered with the one before */
    CHECK(!thetis_domain_is_request_(thetis_domain_answer(it.thread_)));
    for (uint32_t k = SEGMENT + 3; k < 2 * SEGMENT; k++) queue_pop_is(&me, k);
    thetis_pool_levels before = queue_churn(&me, 1000);
    thetis_pool_levels after = queue_churn(&me, test_scale(10000000));
    CHECK_EQ(after.unreclaimed, before.unreclaimed);
    CHECK(after.unreclaimed <= after.unreclaimed_max);
    CHECK(after.pinned <= PINNED + 2); /* me has two */
    uint32_t value;
    thetis_atomic *cell = (thetis_atomic *)thetis_domain_answer(it.thread_);
    memcpy(&value, cell + 1, sizeof value);
    CHECK_EQ(value, SEGMENT + 1);
}

/* A push that has drawn its ticket and stopped delays nobody. */
TEST(a_stalled_push_is_passed_over)
{
    for (size_t segment = 1; segment < 6; segment++) {
        thetis_queue_member me, it;
        thetis_queue *queue = queue_make(sizeof(uint32_t), segment, 64);
        CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
        CHECK_EQ(thetis_queue_join(queue, &it), THETIS_OK);
        for (uint32_t k = 0; k < 10; k++) {
            queue_push_says(&it, k, THETIS_OK);
            if (it.tail_) (void)thetis_atomic_fetch_add_relaxed(&it.tail_->tail, 1);
            queue_push_says(&me, k + 1, THETIS_OK);
            queue_pop_is(&me, k);
            queue_pop_is(&me, k + 1);
            queue_pop_says(&me, THETIS_EMPTY);
        }
    }
}

/* Requests of a thread that stopped are answered, and then only its bit is left. */
TEST(a_stalled_request_is_answered_once)
{
    thetis_queue_member me, it;
    thetis_queue *queue = queue_make(sizeof(uint32_t), 2, 64);
    CHECK_EQ(thetis_queue_join(queue, &me), THETIS_OK);
    CHECK_EQ(thetis_queue_join(queue, &it), THETIS_OK);
    for (uint32_t k = 0; k < 5; k++) queue_push_says(&me, k, THETIS_OK);
    (void)thetis_domain_announce(it.thread_, NULL, 0);
    size_t id = thetis_domain_self(it.thread_);
    (void)thetis_atomic_fetch_add_relaxed(queue->asking_, (uintptr_t)1 << id);
    queue_pop_is(&me, 1);
    for (uint32_t k = 2; k < 5; k++) queue_pop_is(&me, k);
    queue_pop_says(&me, THETIS_EMPTY);
    thetis_atomic *cell = (thetis_atomic *)thetis_domain_answer(it.thread_);
    uint32_t value;
    memcpy(&value, cell + 1, sizeof value);
    CHECK_EQ(value, 0);
}

/* ---- contracts ------------------------------------------------------------------------------- */

THETIS_QUEUE(u64_queue, uint64_t);

TEST(a_typed_push_of_another_size_aborts)
{
    thetis_queue_member me;
    CHECK_EQ(thetis_queue_join(queue_make(sizeof(uint32_t), 2, 8), &me), THETIS_OK);
    (void)!u64_queue_push(&me, 1);
}

TEST(a_typed_pop_of_another_size_aborts)
{
    thetis_queue_member me;
    uint64_t item;
    CHECK_EQ(thetis_queue_join(queue_make(sizeof(uint32_t), 2, 8), &me), THETIS_OK);
    (void)!u64_queue_pop(&me, &item);
}

TEST_MAIN(T(bad_configurations_are_refused), T(pools_must_fit), T(more_members_than_places),
          T(a_pool_that_is_used_up_loses_nothing), T(refused_pushes_draw_no_tickets),
          T(init_without_a_block_is_refused),
          T(fini_gives_all_back), T(who_leaves_leaves_what_it_has_retired),
          T(memory_stays_flat), T(a_reader_that_stands_still_pins_three_segments),
          T(a_stalled_push_is_passed_over),
          T(a_stalled_request_is_answered_once),
          T(a_typed_push_of_another_size_aborts, .aborts = true),
          T(a_typed_pop_of_another_size_aborts, .aborts = true))
