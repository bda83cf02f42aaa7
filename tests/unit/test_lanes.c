/* SPDX-License-Identifier: MIT
 *
 * test_lanes.c: lanes with all sides in one thread, where the order, FULL, EMPTY and CLOSED are
 * exact. Each case that moves records runs at tickets and bytes that begin at 0 and shortly before
 * they wrap.
 */
#include "lanes_rings.h"

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const struct {
        thetis_lanes_cfg cfg;
        thetis_status why;
    } bad[] = {
        {{0, 64, 8}, THETIS_EINVAL},
        {{THETIS_LANES_PRODUCERS_MAX + 1, 64, 8}, THETIS_EINVAL},
        {{SIZE_MAX, 64, 8}, THETIS_EINVAL},
        {{2, 0, 0}, THETIS_EINVAL},
        {{2, 16, 0}, THETIS_EINVAL},
        {{2, 48, 0}, THETIS_EINVAL},
        {{2, THETIS_BYTES_CAPACITY_MAX * 2, 8}, THETIS_EINVAL},
        {{2, 32, 1}, THETIS_E2BIG},
        {{2, 64, THETIS_LANES_RECORD_MAX(64) + 1}, THETIS_E2BIG},
        {{2, 64, SIZE_MAX}, THETIS_E2BIG},
        {{2, 64, SIZE_MAX - 7}, THETIS_E2BIG},
        {{2, 64, SIZE_MAX - 8}, THETIS_E2BIG},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_lanes none = {.lanes_ = 4711};
        CHECK_EQ(thetis_lanes_size(&bad[i].cfg), 0);
        CHECK_EQ(thetis_lanes_consumer_size(&bad[i].cfg), 0);
        CHECK_EQ(thetis_lanes_init(lanes_mem, SIZE_MAX, &bad[i].cfg, &none), bad[i].why);
        CHECK_EQ(thetis_lanes_attach(lanes_mem, SIZE_MAX, &bad[i].cfg, &none), bad[i].why);
        CHECK_EQ(none.lanes_, 4711);
    }
}

TEST(the_macros_are_the_sizes)
{
    for (size_t producers = 1; producers <= 9; producers++) {
        for (size_t capacity = 32; capacity <= 4096; capacity *= 2) {
            thetis_lanes_cfg cfg = {producers, capacity, THETIS_LANES_RECORD_MAX(capacity)};
            CHECK_EQ(thetis_lanes_size(&cfg), THETIS_LANES_SIZE(producers, capacity));
            CHECK_EQ(thetis_lanes_consumer_size(&cfg), THETIS_LANES_CONSUMER_SIZE(producers));
            CHECK_EQ(thetis_lanes_size(&cfg) % THETIS_CACHE_LINE, 0);
        }
    }
}

TEST(init_and_open_refuse_bad_memory)
{
    static char mem[THETIS_LANES_SIZE(LANES_P, LANES_CAPACITY) + 1] THETIS_CACHE_ALIGNED;
    const size_t size = thetis_lanes_size(&lanes_cfg);
    thetis_lanes made;
    thetis_lanes_consumer *none = NULL;
    CHECK_EQ(thetis_lanes_init(NULL, size, &lanes_cfg, &made), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_init(mem + 1, size, &lanes_cfg, &made), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_init(mem, size - 1, &lanes_cfg, &made), THETIS_EINVAL);
    memset(mem, 0x77, sizeof mem);
    CHECK_EQ(thetis_lanes_init(mem, size, &lanes_cfg, &made), THETIS_OK);
    CHECK_EQ(mem[size], 0x77);
    CHECK_EQ(thetis_lanes_open(&made, NULL, sizeof lanes_own, &none), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_open(&made, lanes_own + 8, sizeof lanes_own, &none), THETIS_EINVAL);
    CHECK_EQ(thetis_lanes_open(&made, lanes_own, sizeof lanes_own - 1, &none), THETIS_EINVAL);
    CHECK(none == NULL);
}

/* ---- one record at a time -------------------------------------------------------------------- */

static void one_by_one(void)
{
    lanes_pop_says(THETIS_EMPTY);
    for (uint32_t n = 0; n < 60; n++) {
        lanes_push_ok(n % LANES_P, n);
        lanes_pop_is(n);
        lanes_pop_says(THETIS_EMPTY);
    }
}

TEST(a_record_comes_out_whole)
{
    lanes_each(one_by_one);
}

/* All orders of pushes by different producers, with the consumer behind. */
static void in_order(void)
{
    uint64_t rng = test_seed();
    uint32_t pushed = 0, popped = 0;
    for (int step = 0; step < 600; step++) {
        if (test_rand(&rng) % 5 < 3) {
            thetis_status s = lanes_push(test_rand(&rng) % LANES_P, pushed);
            CHECK(s == THETIS_OK || s == THETIS_FULL);
            pushed += s == THETIS_OK;
        } else if (popped < pushed) {
            lanes_pop_is(popped++);
        } else {
            lanes_pop_says(THETIS_EMPTY);
        }
    }
    while (popped < pushed) lanes_pop_is(popped++);
    lanes_pop_says(THETIS_EMPTY);
}

TEST(records_come_out_in_the_order_of_all_producers)
{
    lanes_each(in_order);
}

static void full_lane(void)
{
    uint32_t n = 0;
    while (lanes_push(0, n) == THETIS_OK) n++;
    CHECK(n >= 2);
    CHECK_EQ(lanes_push(0, n), THETIS_FULL);
    lanes_push_ok(1, n); /* FULL is of one lane */
    for (uint32_t k = 0; k <= n; k++) lanes_pop_is(k);
    lanes_push_ok(0, 1);
    lanes_pop_is(1);
}

TEST(a_full_lane_is_full_alone)
{
    lanes_each(full_lane);
}

static void too_big(void)
{
    unsigned char data[LANES_MOST + 1] = {0};
    void *record;
    size_t size;
    CHECK_EQ(thetis_lanes_push(&by[0], data, LANES_MOST + 1), THETIS_E2BIG);
    CHECK_EQ(thetis_lanes_reserve(&by[0], LANES_MOST + 1, &record), THETIS_E2BIG);
    CHECK_EQ(thetis_lanes_reserve(&by[0], SIZE_MAX, &record), THETIS_E2BIG);
    lanes_push_ok(0, 3); /* 33 bytes */
    for (int k = 0; k < 3; k++) {
        CHECK_EQ(thetis_lanes_pop(out, data, 32, &size), THETIS_E2BIG);
        CHECK_EQ(size, 33);
    }
    lanes_pop_is(3);
}

TEST(what_never_fits_is_told_apart)
{
    lanes_each(too_big);
}

/* ---- in place -------------------------------------------------------------------------------- */

static void in_place(void)
{
    void *a, *b, *record, *same;
    size_t size;
    a = lanes_reserve_ok(0, LANES_MOST);
    lanes_pop_says(THETIS_EMPTY);
    b = lanes_reserve_ok(0, 0);
    CHECK(a != b);
    lanes_push_ok(1, 5);
    lanes_fill(a, 1);
    CHECK_EQ(thetis_lanes_commit(&by[0], lanes_size_of(1)), THETIS_OK);
    CHECK_EQ(thetis_lanes_commit(&by[0], 0), THETIS_OK); /* number 0 has no bytes */
    lanes_pop_is(5); /* the ticket is drawn at the commit */
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_OK);
    CHECK_EQ(thetis_lanes_peek(out, &same, &size), THETIS_OK);
    CHECK(same == record && record == a);
    lanes_expect(record, size, 1);
    thetis_lanes_release(out);
    lanes_pop_is(0);
    lanes_pop_says(THETIS_EMPTY);
}

TEST(records_are_made_and_read_in_place)
{
    lanes_each(in_place);
}

static void given_back(void)
{
    for (int k = 0; k < 9; k++) {
        void *a = lanes_reserve_ok(0, 24);
        (void)lanes_reserve_ok(0, 16);
        CHECK_EQ(thetis_lanes_abort(&by[0]), THETIS_OK);
        lanes_fill(a, 2);
        CHECK_EQ(thetis_lanes_commit(&by[0], lanes_size_of(2)), THETIS_OK);
        (void)lanes_reserve_ok(0, 16);
        CHECK_EQ(thetis_lanes_abort(&by[0]), THETIS_OK);
        lanes_pop_is(2);
        lanes_pop_says(THETIS_EMPTY);
    }
}

TEST(a_reservation_is_given_back)
{
    lanes_each(given_back);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void batches(void)
{
    unsigned char data[8][LANES_MOST];
    thetis_bytes_run runs[8];
    uint32_t number = 0;
    for (size_t n = 0; n <= 8; n++) {
        thetis_status why = THETIS_EOTHER;
        for (uint32_t k = 0; k < n; k++) {
            lanes_fill(data[k], number + k);
            runs[k] = (thetis_bytes_run){data[k], lanes_size_of(number + k)};
        }
        size_t done = thetis_lanes_push_n(&by[0], runs, n, &why);
        CHECK_EQ(why, done == n ? THETIS_OK : THETIS_FULL);
        CHECK(done == n || done >= 1);
        lanes_push_ok(1, 77);
        for (uint32_t k = 0; k < done; k++) lanes_pop_is(number + k);
        lanes_pop_is(77);
        lanes_pop_says(THETIS_EMPTY);
        number += (uint32_t)done;
    }
    runs[1].n = LANES_MOST + 1;
    thetis_status why;
    runs[0].n = lanes_size_of(number);
    lanes_fill(data[0], number);
    CHECK_EQ(thetis_lanes_push_n(&by[0], runs, 3, &why), 1);
    CHECK_EQ(why, THETIS_E2BIG);
    CHECK_EQ(thetis_lanes_push_n(&by[0], runs + 1, 1, NULL), 0);
    lanes_pop_is(number);
}

TEST(batches_are_cut_to_what_fits)
{
    lanes_each(batches);
}

/* ---- producers that stall -------------------------------------------------------------------- */

/* Behind the drawing: its ticket is lower than all that follow, and nobody waits for it. */
static void stalled(void)
{
    uintptr_t ticket = lanes_draw_only(0, 8);
    for (uint32_t n = 0; n < 40; n++) {
        lanes_push_ok(1, n);
        lanes_push_ok(2, n + 1);
        lanes_pop_is(n);
        lanes_pop_is(n + 1);
        lanes_pop_says(THETIS_EMPTY);
    }
    lanes_push_ok(1, 7);
    thetis_bytes_view_ view = thetis_bytes_end_view_(&by[0].end_, THETIS_SHM_PRODUCER);
    thetis_bytes_place_ place;
    uintptr_t at = view.bytes.me->at_.word_;
    CHECK_EQ(thetis_bytes_oldest_(view, at, THETIS_LANES_TICKET_, &place), THETIS_OK);
    thetis_lanes_publish_(view, at, &place, ticket, 0); /* it wakes: the oldest of all */
    lanes_pop_is(0);
    lanes_pop_is(7);
    CHECK_EQ(out->taken_, out->top_);
}

TEST(a_stalled_producer_delays_nobody)
{
    lanes_each(stalled);
}

/* ---- close and cancel ------------------------------------------------------------------------ */

static void push_says(size_t p, thetis_status want)
{
    thetis_bytes_run run = {"x", 1};
    thetis_status why;
    CHECK_EQ(thetis_lanes_push(&by[p], "x", 1), want);
    CHECK_EQ(thetis_lanes_push_n(&by[p], &run, 1, &why), 0);
    CHECK_EQ(why, want);
}

static void close_drains(void)
{
    uint32_t n = 0;
    while (lanes_push(0, n) == THETIS_OK) n++;
    lanes_push_ok(1, n);
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_OK);
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_CLOSED);
    for (size_t p = 0; p < LANES_P; p++) push_says(p, THETIS_CLOSED); /* of which one is full */
    for (uint32_t k = 0; k <= n; k++) lanes_pop_is(k);
    lanes_pop_says(THETIS_CLOSED);
    for (size_t p = 0; p < LANES_P; p++) push_says(p, THETIS_CLOSED);
    lanes_pop_says(THETIS_CLOSED);
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_CLOSED);
    thetis_lanes_leave(&by[1]);
    CHECK_EQ(thetis_lanes_join(&lanes, 9, &by[1]), THETIS_CLOSED);
    lanes_open_again();
    lanes_pop_says(THETIS_CLOSED);
}

TEST(closed_lanes_drain_then_say_closed)
{
    lanes_each(close_drains);
}

/* A ticket that was drawn before is waited for; reservations are not. */
static void close_waits(void)
{
    (void)lanes_reserve_ok(1, 8);
    uintptr_t ticket = lanes_draw_only(0, 8);
    CHECK_EQ(thetis_lanes_close(&lanes), THETIS_OK);
    lanes_pop_says(THETIS_EMPTY);
    push_says(2, THETIS_CLOSED);
    lanes_pop_says(THETIS_EMPTY);
    CHECK_EQ(thetis_lanes_commit(&by[1], 8), THETIS_CLOSED);
    lanes_pop_says(THETIS_EMPTY);
    thetis_bytes_view_ view = thetis_bytes_end_view_(&by[0].end_, THETIS_SHM_PRODUCER);
    thetis_bytes_place_ place;
    uintptr_t at = view.bytes.me->at_.word_;
    CHECK_EQ(thetis_bytes_oldest_(view, at, THETIS_LANES_TICKET_, &place), THETIS_OK);
    thetis_lanes_publish_(view, at, &place, ticket, 0);
    lanes_pop_is(0);
    lanes_pop_says(THETIS_CLOSED);
}

TEST(closed_lanes_wait_for_what_was_drawn_before)
{
    lanes_each(close_waits);
}

static void cancel_ends(void)
{
    void *record;
    size_t size;
    lanes_push_ok(0, 1);
    lanes_push_ok(1, 2);
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), THETIS_OK);
    CHECK_EQ(thetis_lanes_cancel(out), THETIS_OK);
    CHECK_EQ(thetis_lanes_cancel(out), THETIS_CLOSED);
    lanes_expect(record, size, 1); /* stays readable */
    lanes_pop_says(THETIS_CLOSED);
    for (size_t p = 0; p < LANES_P; p++) push_says(p, THETIS_CLOSED);
}

TEST(canceled_lanes_say_closed_to_all)
{
    lanes_each(cancel_ends);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(the_macros_are_the_sizes),
          T(init_and_open_refuse_bad_memory), T(a_record_comes_out_whole),
          T(records_come_out_in_the_order_of_all_producers), T(a_full_lane_is_full_alone),
          T(what_never_fits_is_told_apart), T(records_are_made_and_read_in_place),
          T(a_reservation_is_given_back), T(batches_are_cut_to_what_fits),
          T(a_stalled_producer_delays_nobody), T(closed_lanes_drain_then_say_closed),
          T(closed_lanes_wait_for_what_was_drawn_before), T(canceled_lanes_say_closed_to_all))
