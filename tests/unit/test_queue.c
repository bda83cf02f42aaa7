/* SPDX-License-Identifier: MIT
 *
 * test_queue.c: thetis/queue.h by one thread: order, segments, batches, sizes, close.
 */
#include "queues.h"

TEST(elements_leave_in_order)
{
    for (size_t segment = 1; segment <= 9; segment++) {
        thetis_queue_member me;
        CHECK_EQ(thetis_queue_join(queue_make(sizeof(uint32_t), segment, 64), &me), THETIS_OK);
        queue_pop_says(&me, THETIS_EMPTY);
        for (uint32_t n = 0; n < 20; n++) {
            for (uint32_t k = 0; k < n; k++) queue_push_says(&me, k, THETIS_OK);
            for (uint32_t k = 0; k < n; k++) queue_pop_is(&me, k);
            queue_pop_says(&me, THETIS_EMPTY);
        }
        thetis_queue_leave(&me);
    }
}

/* The announced forms do the same as the short ones. */
TEST(announced_forms_are_the_same)
{
    uint64_t rng = test_seed();
    thetis_queue_member me[2];
    thetis_queue *queue = queue_make(sizeof(uint32_t), 3, 64);
    uint32_t in = 0, out = 0, got;
    for (int k = 0; k < 2; k++) CHECK_EQ(thetis_queue_join(queue, &me[k]), THETIS_OK);
    for (int step = 0; step < 20000; step++) {
        uint64_t r = test_rand(&rng);
        thetis_queue_member *by = &me[r % 2];
        if (r / 2 % 2 && in - out < 40) {
            CHECK_EQ(r / 4 % 2 ? tht_queue_announce(by, &in) : thetis_queue_push(by, &in),
                     THETIS_OK);
            in++;
        } else {
            thetis_status s = r / 4 % 2 ? tht_queue_ask(by, &got) : thetis_queue_pop(by, &got);
            CHECK_EQ(s, in == out ? THETIS_EMPTY : THETIS_OK);
            if (s == THETIS_OK) CHECK_EQ(got, out++);
        }
    }
}

TEST(batches_say_why_they_stopped)
{
    thetis_queue_member me;
    thetis_status why;
    uint32_t items[10], got[12];
    CHECK_EQ(thetis_queue_join(queue_make(sizeof(uint32_t), 4, 64), &me), THETIS_OK);
    for (uint32_t k = 0; k < 10; k++) items[k] = 5 * k;
    CHECK_EQ(thetis_queue_push_n(&me, items, 10, &why), 10);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(thetis_queue_pop_n(&me, got, 3, NULL), 3);
    CHECK_EQ(thetis_queue_pop_n(&me, got + 3, 9, &why), 7);
    CHECK_EQ(why, THETIS_EMPTY);
    CHECK_EQ(memcmp(items, got, sizeof items), 0);
    CHECK_EQ(thetis_queue_push_n(&me, items, 0, &why), 0);
    CHECK_EQ(why, THETIS_OK);
}

/* Of any size, aligned to a word. */
TEST(elements_have_any_size)
{
    for (size_t size = 1; size <= 70; size++) {
        thetis_queue_member me;
        unsigned char in[70], out[71];
        CHECK_EQ(thetis_queue_join(queue_make(size, 3, 32), &me), THETIS_OK);
        for (unsigned round = 0; round < 10; round++) {
            for (size_t k = 0; k < size; k++) in[k] = (unsigned char)(round * 7 + k);
            memset(out, 0xA5, sizeof out);
            CHECK_EQ(thetis_queue_push(&me, in), THETIS_OK);
            CHECK_EQ(thetis_queue_pop(&me, out), THETIS_OK);
            CHECK_EQ(memcmp(in, out, size), 0);
            CHECK_EQ(out[size], 0xA5);
        }
    }
}

TEST(close_drains)
{
    for (uint32_t n = 0; n < 9; n++) {
        thetis_queue_member me[2];
        thetis_queue *queue = queue_make(sizeof(uint32_t), 4, 64);
        for (int k = 0; k < 2; k++) CHECK_EQ(thetis_queue_join(queue, &me[k]), THETIS_OK);
        for (uint32_t k = 0; k < n; k++) queue_push_says(&me[k % 2], k, THETIS_OK);
        CHECK_EQ(thetis_queue_close(&me[0]), THETIS_OK);
        CHECK_EQ(thetis_queue_close(&me[0]), THETIS_CLOSED);
        CHECK_EQ(thetis_queue_close(&me[1]), THETIS_CLOSED);
        for (int k = 0; k < 2; k++) queue_push_says(&me[k], 1, THETIS_CLOSED);
        for (uint32_t k = 0; k < n; k++) queue_pop_is(&me[k / 2 % 2], k);
        for (int k = 0; k < 2; k++) queue_pop_says(&me[k], THETIS_CLOSED);
        for (int k = 0; k < 2; k++) queue_push_says(&me[k], 1, THETIS_CLOSED);
    }
}

TEST(sizes_are_exact)
{
    thetis_queue_cfg cfg = {.elem_size = 4, .segment = 2};
    thetis_queue *queue;
    CHECK_EQ(THETIS_QUEUE_SEGMENT_SIZE(cfg.elem_size, cfg.segment),
             sizeof(thetis_queue_segment_) + 2 * 2 * sizeof(uintptr_t));
    CHECK_EQ(thetis_queue_size(&cfg), 0);
    queue_make_pool(&cfg, 8);
    cfg.pool = queue_pool;
    size_t size = thetis_queue_size(&cfg);
    CHECK(size > 0 && size <= sizeof queue_mem);
    CHECK_EQ(thetis_queue_init(queue_mem, size - 1, &cfg, &queue), THETIS_EINVAL);
    memset(queue_mem, 0x5A, sizeof queue_mem);
    CHECK_EQ(thetis_queue_init(queue_mem, size, &cfg, &queue), THETIS_OK);
    for (size_t k = size; k < sizeof queue_mem; k++) CHECK_EQ(queue_mem[k], 0x5A);
}

TEST(bounds_grow_with_what_they_say)
{
    thetis_queue *queue = queue_make(sizeof(uint32_t), 2, 64);
    uint64_t push = thetis_queue_bound(queue, THETIS_QUEUE_PUSH);
    uint64_t pop = thetis_queue_bound(queue, THETIS_QUEUE_POP);
    queue = queue_make(sizeof(uint32_t), 8, 64);
    CHECK_EQ(thetis_queue_bound(queue, THETIS_QUEUE_PUSH), push + 6);
    CHECK(thetis_queue_bound(queue, THETIS_QUEUE_POP) > pop);
    queue = queue_make(4 * sizeof(uintptr_t), 2, 64);
    CHECK_EQ(thetis_queue_bound(queue, THETIS_QUEUE_PUSH), push + 3 * (1 + 2 * 4 + 1));
    for (thetis_queue_op op = THETIS_QUEUE_PUSH; op <= THETIS_QUEUE_LEAVE; op++)
        CHECK(thetis_queue_bound(queue, op) > 0);
}

TEST_MAIN(T(elements_leave_in_order), T(announced_forms_are_the_same),
          T(batches_say_why_they_stopped), T(elements_have_any_size), T(close_drains),
          T(sizes_are_exact), T(bounds_grow_with_what_they_say))
