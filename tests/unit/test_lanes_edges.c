/* SPDX-License-Identifier: MIT
 *
 * test_lanes_edges.c: lanes that change hands, producers and consumers that have died, peers that
 * write what they must not, and the contracts that assertions keep.
 */
#include "lanes_rings.h"

/* ---- places ---------------------------------------------------------------------------------- */

TEST(there_are_as_many_producers_as_lanes)
{
    thetis_lanes_producer more;
    lanes_make(0, 0);
    for (uint32_t round = 0; round < 20; round++) {
        size_t p = round % LANES_P;
        CHECK_EQ(thetis_lanes_join(&lanes, 9, &more), THETIS_ENOSLOT);
        lanes_push_ok(p, round);
        CHECK_EQ(thetis_lanes_user(&lanes, p), round < LANES_P ? p + 1 : 50 + p);
        thetis_lanes_leave(&by[p]);
        CHECK_EQ(thetis_lanes_user(&lanes, p), 0);
        CHECK_EQ(thetis_lanes_join(&lanes, 50 + p, &by[p]), THETIS_OK);
        lanes_push_ok(p, round + 1);
        lanes_pop_is(round);
        lanes_pop_is(round + 1);
    }
}

/* ---- the dead -------------------------------------------------------------------------------- */

/* Ways to die, each as the last step of a producer left it. */
static void die_reserved(void)
{
    (void)lanes_reserve_ok(0, 8);
    (void)lanes_reserve_ok(0, 16);
}

static void die_promised(void)
{
    (void)lanes_reserve_ok(0, 8);
    lanes_lane_of(0)->promised_.word_ = by[0].end_.side_.own_ + 1;
}

static void die_drawn(void)
{
    (void)lanes_draw_only(0, 8);
}

static void die_clean(void)
{
}

static void (*const ways_to_die[])(void) = {die_reserved, die_promised, die_drawn, die_clean};

/* Published records are delivered, in order; the rest is dropped; the lane is as new. */
static void expelled(void)
{
    for (size_t way = 0; way < sizeof ways_to_die / sizeof ways_to_die[0]; way++) {
        uint32_t round = 0;
        lanes_make(5, 24 * way);
        for (; round < 9; round++) {
            lanes_push_ok(0, 4); /* of 3, 1 and 2 bytes */
            lanes_push_ok(1, 15);
            ways_to_die[way]();
            CHECK_EQ(thetis_lanes_expel(out, 0), THETIS_OK);
            CHECK_EQ(thetis_lanes_expel(out, 0), THETIS_ABSENT);
            CHECK_EQ(thetis_lanes_user(&lanes, 0), 0);
            CHECK_EQ(thetis_lanes_join(&lanes, 7, &by[0]), THETIS_OK);
            lanes_push_ok(0, 30);
            lanes_pop_is(4);
            lanes_pop_is(15);
            lanes_pop_is(30);
            lanes_pop_says(THETIS_EMPTY);
            CHECK_EQ(out->taken_, out->top_); /* no gap is left */
            CHECK_EQ(out->top_, lanes.memory_->tail_.word_);
        }
        ways_to_die[way]();
        CHECK_EQ(thetis_lanes_close(&lanes), THETIS_OK);
        if (way == 2) lanes_pop_says(THETIS_EMPTY); /* it may still come */
        CHECK_EQ(thetis_lanes_expel(out, 0), THETIS_OK);
        lanes_pop_says(THETIS_CLOSED);
    }
}

TEST(an_expelled_producer_leaves_what_it_has_committed)
{
    expelled();
}

/* The full room comes back, over and over. */
TEST(expelling_leaks_nothing)
{
    lanes_make(0, 0);
    for (int round = 0; round < 100; round++) {
        uint32_t n = 0;
        ways_to_die[round % 4]();
        CHECK_EQ(thetis_lanes_expel(out, 0), THETIS_OK);
        CHECK_EQ(thetis_lanes_join(&lanes, 7, &by[0]), THETIS_OK);
        for (; n < 4; n++) CHECK_EQ(thetis_lanes_push(&by[0], "0123456789abcdef", 16), THETIS_OK);
        CHECK_EQ(thetis_lanes_push(&by[0], "", 0), THETIS_FULL);
        for (; n > 0; n--) {
            char data[16];
            size_t size;
            CHECK_EQ(thetis_lanes_pop(out, data, sizeof data, &size), THETIS_OK);
            CHECK(size == 16 && memcmp(data, "0123456789abcdef", 16) == 0);
        }
    }
}

/* What was released is gone, what was shown comes again, gaps of before harm nobody. */
TEST(a_consumer_has_a_successor)
{
    for (uintptr_t at = 0; at < 20; at++) {
        void *record;
        size_t size;
        lanes_make(0 - at, 0 - 8 * at);
        if (at % 2) (void)lanes_draw_only(2, 8);
        lanes_push_ok(0, 4); /* of 3, 1, 2 and 4 bytes */
        lanes_push_ok(1, 15);
        lanes_push_ok(0, 30);
        lanes_pop_is(4);
        CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_OK);
        lanes_open_again();
        lanes_pop_is(15);
        lanes_push_ok(1, 19);
        lanes_pop_is(30);
        lanes_open_again();
        lanes_pop_is(19);
        lanes_pop_says(THETIS_EMPTY);
        CHECK_EQ(out->taken_ == out->top_, at % 2 == 0);
    }
}

/* ---- shared memory --------------------------------------------------------------------------- */

TEST(attach_finds_what_init_has_built)
{
    static char moved[sizeof lanes_mem] THETIS_CACHE_ALIGNED;
    thetis_lanes there;
    lanes_make(3, 16);
    lanes_push_ok(0, 1);
    lanes_push_ok(1, 2);
    memcpy(moved, lanes_mem, sizeof moved); /* at another address, as in another process */
    CHECK_EQ(thetis_lanes_attach(moved, sizeof moved, &lanes_cfg, &there), THETIS_OK);
    CHECK_EQ(thetis_lanes_open(&there, lanes_own, sizeof lanes_own, &out), THETIS_OK);
    thetis_lanes_producer mine;
    CHECK_EQ(thetis_lanes_join(&there, 9, &mine), THETIS_ENOSLOT);
    CHECK_EQ(thetis_lanes_expel(out, 2), THETIS_OK);
    CHECK_EQ(thetis_lanes_join(&there, 9, &mine), THETIS_OK);
    unsigned char data[LANES_MOST];
    lanes_fill(data, 3);
    CHECK_EQ(thetis_lanes_push(&mine, data, lanes_size_of(3)), THETIS_OK);
    for (uint32_t k = 1; k <= 3; k++) lanes_take(k);
}

TEST(attach_refuses_other_memory)
{
    const size_t size = sizeof lanes_mem;
    thetis_lanes there;
    thetis_lanes_cfg other = lanes_cfg;
    lanes_make(0, 0);
    CHECK_EQ(thetis_lanes_attach(NULL, size, &lanes_cfg, &there), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_attach(lanes_mem + 8, size, &lanes_cfg, &there), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_attach(lanes_mem, size - 1, &lanes_cfg, &there), THETIS_EINVAL);
    other.max_record--;
    CHECK_EQ(thetis_lanes_attach(lanes_mem, size, &other, &there), THETIS_ECORRUPT);
    other = (thetis_lanes_cfg){LANES_P - 1, LANES_CAPACITY, LANES_MOST};
    CHECK_EQ(thetis_lanes_attach(lanes_mem, size, &other, &there), THETIS_ECORRUPT);
    lanes.memory_->about_.version_++;
    CHECK_EQ(thetis_lanes_attach(lanes_mem, size, &lanes_cfg, &there), THETIS_ENOTSUP);
    memset(lanes_mem, 0, size);
    CHECK_EQ(thetis_lanes_attach(lanes_mem, size, &lanes_cfg, &there), THETIS_ECORRUPT);
}

/* ---- hostile peers --------------------------------------------------------------------------- */

static unsigned char *lane_bytes(size_t k)
{
    return (unsigned char *)lanes_counters_of(k) + sizeof(thetis_bytes);
}

/* Lane 0 is broken: told once, and the others go on; then it is repaired. */
static void broken_and_repaired(void)
{
    lanes_take(2);
    CHECK_EQ(thetis_lanes_check(out, 0), THETIS_ECORRUPT);
    CHECK_EQ(thetis_lanes_check(out, 1), THETIS_OK);
    lanes_pop_says(THETIS_EMPTY);
    CHECK_EQ(lanes_push(1, 3), THETIS_OK);
    CHECK_EQ(thetis_lanes_expel(out, 0), THETIS_OK);
    CHECK_EQ(thetis_lanes_check(out, 0), THETIS_OK);
    CHECK_EQ(thetis_lanes_join(&lanes, 7, &by[0]), THETIS_OK);
    CHECK_EQ(lanes_push(0, 4), THETIS_OK);
    lanes_take(3);
    lanes_take(4);
    lanes_pop_says(THETIS_EMPTY);
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_OK);
    lanes_pop_says(THETIS_CLOSED);
}

static void says_corrupt(void)
{
    void *record;
    size_t size;
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_ECORRUPT);
}

static void lane_0_has_a_record(void)
{
    lanes_make(9, 0);
    lanes_push_ok(0, 1);
    lanes_push_ok(1, 2);
}

TEST(a_broken_lane_harms_no_other)
{
    lane_0_has_a_record();
    thetis_bytes_set_(lane_bytes(0), 0xFFFFFFF0u, 64); /* a size beyond everything */
    says_corrupt();
    broken_and_repaired();
    lane_0_has_a_record();
    thetis_bytes_set_(lane_bytes(0), 7, 24); /* no room for a ticket */
    says_corrupt();
    broken_and_repaired();
    lane_0_has_a_record();
    lanes_counters_of(0)->producer_.at_.word_ = 2 * (LANES_CAPACITY + 8); /* more than there is */
    says_corrupt();
    broken_and_repaired();
    lane_0_has_a_record();
    lanes_counters_of(0)->producer_.at_.word_ = (uintptr_t)0 - 16; /* backwards */
    says_corrupt();
    broken_and_repaired();
}

TEST(a_ticket_that_cannot_be_is_corruption)
{
    static const uintptr_t odd[] = {1, 19, UINTPTR_MAX / 2 + 1, UINTPTR_MAX / 2 + 3};
    for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++) {
        lane_0_has_a_record();
        thetis_lanes_set_ticket_(lane_bytes(0) + 8, odd[k]);
        says_corrupt();
        broken_and_repaired();
    }
    lanes_make(9, 0); /* lower than the one before */
    lanes_push_ok(0, 1);
    lanes_pop_is(1);
    lanes_push_ok(0, 5);
    lanes_push_ok(1, 2);
    thetis_lanes_set_ticket_(lane_bytes(0) + 32 + 8, 18);
    says_corrupt();
    broken_and_repaired();
}

/* It holds back its own lane only. */
TEST(a_ticket_of_the_future_is_held)
{
    lane_0_has_a_record();
    thetis_lanes_set_ticket_(lane_bytes(0) + 8, 2 * 1000);
    for (uint32_t k = 2; k < 30; k++) {
        lanes_pop_is(k);
        lanes_push_ok(1, k + 1);
    }
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_OK);
    lanes_pop_is(30);
    lanes_pop_says(THETIS_CLOSED);
}

TEST(a_broken_lane_that_nobody_has_is_repaired)
{
    lane_0_has_a_record();
    thetis_lanes_leave(&by[0]);
    lanes_counters_of(0)->producer_.at_.word_ = 2 * (LANES_CAPACITY + 8);
    CHECK_EQ(thetis_lanes_join(&lanes, 5, &by[0]), THETIS_ECORRUPT);
    CHECK_EQ(thetis_lanes_user(&lanes, 0), 0);
    says_corrupt();
    broken_and_repaired();
}

/* Counters that contradict each other are seen by the next consumer and the next producer, too. */
TEST(open_refuses_counters_that_cannot_be)
{
    thetis_lanes_consumer *none = NULL;
    lanes_make(0, 0);
    lanes_counters_of(1)->consumer_.at_.word_ = 64;
    CHECK_EQ(thetis_lanes_open(&lanes, lanes_own, sizeof lanes_own, &none), THETIS_ECORRUPT);
    CHECK(none == NULL);
}

TEST(a_producer_believes_no_impossible_head)
{
    void *record;
    lanes_make(0, 0);
    while (thetis_lanes_push(&by[0], "x", 1) == THETIS_OK) continue;
    lanes_counters_of(0)->consumer_.at_.word_ = 2 * LANES_CAPACITY * 5;
    CHECK_EQ(thetis_lanes_push(&by[0], "x", 1), THETIS_ECORRUPT);
    record = lanes_reserve_ok(1, 8);
    thetis_bytes_set_((unsigned char *)record - 16, 0, 4096); /* its own reservation */
    CHECK_EQ(thetis_lanes_commit(&by[1], 8), THETIS_ECORRUPT);
    (void)lanes_reserve_ok(1, 8);
    record = lanes_reserve_ok(1, 8);
    thetis_bytes_set_((unsigned char *)record - 16, 7, 24); /* the way back to the one before */
    CHECK_EQ(thetis_lanes_abort(&by[1]), THETIS_ECORRUPT);
    CHECK_EQ(thetis_lanes_push(&by[1], "x", 1), THETIS_OK);
}

/* Random words anywhere in the shared memory, at any time: every call returns, and asserts nothing.
 * Sanitizers see whether it stays inside. */
TEST(any_word_may_be_written_by_a_peer)
{
    uint64_t rng = test_seed();
    for (size_t round = test_scale(3000); round > 0; round--) {
        lanes_make(test_rand(&rng), 8 * test_rand(&rng));
        for (int step = 0; step < 60; step++) {
            size_t p = test_rand(&rng) % LANES_P, size;
            unsigned char data[LANES_MOST];
            uintptr_t *word = (uintptr_t *)lanes_mem + test_rand(&rng) % (sizeof lanes_mem / 8);
            switch (test_rand(&rng) % 8) {
            case 0: *word = (uintptr_t)test_rand(&rng); break;
            case 1: *word += (uintptr_t)(test_rand(&rng) % 64) - 32; break;
            case 2: case 3: case 4: (void)!lanes_push(p, (uint32_t)test_rand(&rng)); break;
            case 5: if (thetis_lanes_check(out, p)) (void)!thetis_lanes_expel(out, p); break;
            default: (void)!thetis_lanes_pop(out, data, sizeof data, &size); break;
            }
        }
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

TEST(bounds_are_those_of_the_header)
{
    lanes_make(0, 0);
    for (size_t n = 0; n < 40; n++) {
        uint64_t words = (n + sizeof(uintptr_t) - 1) / sizeof(uintptr_t);
        uint64_t most = LANES_MOST / sizeof(uintptr_t);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_PUSH, n), words + 10);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_PUSH_N, n), n * (most + 8) + 2);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_RESERVE, n), 3);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_COMMIT, n), 7);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_ABORT, n), 2);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_POP, n), 4 * LANES_P + words + 3);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_PEEK, n), 4 * LANES_P + 2);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_RELEASE, n), 1);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_CLOSE, n), 1);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_CANCEL, n), 1);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_JOIN, n), LANES_P + 4);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_LEAVE, n), 1);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_OPEN, n), 3 * LANES_P + 1);
        CHECK_EQ(thetis_lanes_bound(&lanes, THETIS_LANES_EXPEL, n), 6);
    }
}

/* ---- broken contracts ------------------------------------------------------------------------ */

TEST(leaving_with_an_open_reservation_aborts)
{
    lanes_make(0, 0);
    (void)lanes_reserve_ok(0, 8);
    thetis_lanes_leave(&by[0]);
}

TEST(leaving_twice_aborts)
{
    lanes_make(0, 0);
    thetis_lanes_leave(&by[0]);
    thetis_lanes_leave(&by[0]);
}

TEST(committing_nothing_aborts)
{
    lanes_make(0, 0);
    (void)!thetis_lanes_commit(&by[0], 0);
}

TEST(pushing_with_an_open_reservation_aborts)
{
    lanes_make(0, 0);
    (void)lanes_reserve_ok(0, 8);
    (void)lanes_push(0, 1);
}

TEST(releasing_what_was_not_shown_aborts)
{
    lanes_make(0, 0);
    lanes_push_ok(0, 1);
    thetis_lanes_release(out);
}

TEST(releasing_after_cancel_aborts)
{
    void *record;
    size_t size;
    lanes_make(0, 0);
    lanes_push_ok(0, 1);
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_OK);
    (void)thetis_lanes_cancel(out);
    thetis_lanes_release(out);
}

TEST(joining_as_nobody_aborts)
{
    lanes_make(0, 0);
    thetis_lanes_leave(&by[0]);
    (void)!thetis_lanes_join(&lanes, 0, &by[0]);
}

TEST(expelling_from_no_lane_aborts)
{
    lanes_make(0, 0);
    (void)!thetis_lanes_expel(out, LANES_P);
}

TEST_MAIN(T(there_are_as_many_producers_as_lanes),
          T(an_expelled_producer_leaves_what_it_has_committed), T(expelling_leaks_nothing),
          T(a_consumer_has_a_successor), T(attach_finds_what_init_has_built),
          T(attach_refuses_other_memory), T(a_broken_lane_harms_no_other),
          T(a_ticket_that_cannot_be_is_corruption), T(a_ticket_of_the_future_is_held),
          T(a_broken_lane_that_nobody_has_is_repaired), T(open_refuses_counters_that_cannot_be),
          T(a_producer_believes_no_impossible_head), T(any_word_may_be_written_by_a_peer),
          T(bounds_are_those_of_the_header),
          T(leaving_with_an_open_reservation_aborts, .aborts = true),
          T(leaving_twice_aborts, .aborts = true), T(committing_nothing_aborts, .aborts = true),
          T(pushing_with_an_open_reservation_aborts, .aborts = true),
          T(releasing_what_was_not_shown_aborts, .aborts = true),
          T(releasing_after_cancel_aborts, .aborts = true),
          T(joining_as_nobody_aborts, .aborts = true),
          T(expelling_from_no_lane_aborts, .aborts = true))
