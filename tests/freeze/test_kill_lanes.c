/* SPDX-License-Identifier: MIT
 *
 * test_kill_lanes.c: of two processes that share lanes one is killed (SIGKILL), at each instruction
 * of an operation in turn, or suddenly. A dead producer is expelled: what it committed is
 * delivered, its lane is used again, no gap stays, and the lanes come to their end. A dead consumer
 * has a successor, who sees what it has not released.
 */
#include "lanes_items.h" /* first: other headers have an `item`, which hides parameters there */

#include "duel.h"

/* Nobody has joined; one record has passed, so that the victim need not load the C library's
 * functions first. */
static void lanes_setup(void *shared)
{
    freezer_seat seat = {.next = 0};
    thetis_atomic_store_relaxed(&seat.hold, FREEZER_NEVER);
    lanes_items_setup(shared);
    lanes_items_out = NULL;
    lanes_items_me.lane_ = NULL;
    memset(lanes_items_next, 0, sizeof lanes_items_next);
    thetis_atomic_store_relaxed(&lanes_items_producers, 0);
    lanes_items_push(&seat, shared);
    lanes_items_pop(&seat, shared);
    CHECK_EQ(seat.next, 2);
    thetis_lanes_leave(&lanes_items_me);
    lanes_items_out = NULL;
    memset(lanes_items_next, 0, sizeof lanes_items_next);
    thetis_atomic_store_relaxed(&lanes_items_producers, 0);
}

/* After that nothing of it is left: no gap, and no room lost. */
static void expel_the_dead(duel *d, thetis_lanes *there)
{
    thetis_lanes_consumer *out = lanes_items_open(d->f.shared);
    *there = lanes_items_attach(d->f.shared);
    for (size_t k = 0; k < lanes_items_cfg.producers; k++)
        if (thetis_lanes_user(there, k) != 0) CHECK_EQ(thetis_lanes_expel(out, k), THETIS_OK);
    move_all(d);
    CHECK_EQ(out->taken_, out->top_);
    CHECK_EQ(out->top_, there->memory_->tail_.word_);
}

static void judge_producer(duel *d)
{
    thetis_lanes there;
    lanes_item it;
    size_t size;
    expel_the_dead(d, &there);
    count_last(d, d->survivor.next - d->f.seats[0].next, 1);
    thetis_lanes_producer heir;
    CHECK_EQ(thetis_lanes_join(&there, 7, &heir), THETIS_OK);
    for (int k = 0; k < 12; k++) {
        CHECK_EQ(thetis_lanes_push(&heir, "0123456789abcdef", 16), THETIS_OK);
        CHECK_EQ(thetis_lanes_pop(lanes_items_out, &it, sizeof it, &size), THETIS_OK);
        CHECK(size == 16 && memcmp(&it, "0123456789abcdef", 16) == 0);
    }
    CHECK_EQ(thetis_lanes_close(&there), THETIS_OK);
    CHECK_EQ(thetis_lanes_pop(lanes_items_out, &it, sizeof it, &size), THETIS_CLOSED);
}

/* The heir sees what the dead has not released. */
static void judge_consumer(duel *d)
{
    lanes_item it;
    void *record;
    size_t size;
    move_all(d);
    thetis_lanes_consumer *out = lanes_items_open(d->f.shared);
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_OK); /* it is full */
    memcpy(&it, record, size);
    count_last(d, it.number - d->f.seats[0].next, 1);
    lanes_items_next[0] = it.number;
    while (thetis_lanes_pop(out, &it, sizeof it, &size) == THETIS_OK)
        lanes_items_check(&it, size);
    CHECK_EQ(lanes_items_next[0], d->survivor.next);
    (void)thetis_lanes_cancel(out);
    CHECK_EQ(thetis_lanes_push(&lanes_items_me, "x", 1), THETIS_CLOSED);
}

TEST(lanes_producer)
{
    static const char *const taken = "records arrived of last calls";
    fight(&(duel_plan){"lanes push", lanes_items_push, lanes_items_pop, lanes_setup, judge_producer,
                       taken});
    fight(&(duel_plan){"lanes commit", lanes_items_commit, lanes_items_release, lanes_setup,
                       judge_producer, taken});
}

TEST(lanes_consumer)
{
    static const char *const taken = "records lost with last calls";
    fight(&(duel_plan){"lanes pop", lanes_items_pop, lanes_items_push, lanes_setup, judge_consumer,
                       taken});
}

TEST_MAIN(T(lanes_producer, .timeout_s = KILL_TIMEOUT_S),
          T(lanes_consumer, .timeout_s = KILL_TIMEOUT_S))
