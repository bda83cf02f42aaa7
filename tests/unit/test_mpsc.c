/* SPDX-License-Identifier: MIT
 *
 * test_mpsc.c: the ring with all sides in one thread, where FULL, EMPTY and CLOSED are exact. Each
 * case that moves elements runs on positions that begin at 0 and shortly before they wrap.
 */
#include "mpsc_rings.h"

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_mpsc_cfg bad[] = {
        {0, 8, 2, 1, 1},
        {4, 0, 2, 1, 1},
        {4, 8, 0, 1, 1},
        {4, THETIS_MPSC_CAPACITY_MAX + 1, 1, 1, 1},
        {4, SIZE_MAX, 1, 1, 1},
        {4, 8, THETIS_MPSC_PRODUCERS_MAX + 1, 1, 1},
        {4, 8, 2, 9, 9},
        {4, 8, 2, 1, 9},
        {4, 8, 2, 4, 3},
        {4, 8, 2, 2, 1},
        {SIZE_MAX, 1, 1, 1, 1},
        {PTRDIFF_MAX, 1, 1, 1, 1},
        {PTRDIFF_MAX / 8, 8, 1, 1, 1},
        {4096, THETIS_MPSC_CAPACITY_MAX, 1, 1, 1},
        {4, THETIS_MPSC_CAPACITY_MAX, 2, 1, THETIS_MPSC_CAPACITY_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_mpsc *ring = NULL;
        CHECK_EQ(thetis_mpsc_size(&bad[i]), 0);
        CHECK_EQ(thetis_mpsc_init(mpsc_mem, SIZE_MAX, &bad[i], &ring), THETIS_EINVAL);
        CHECK(ring == NULL);
    }
}

TEST(zero_batch_and_open_mean_the_least)
{
    thetis_mpsc_cfg least = {8, 16, 3, 0, 0}, one = {8, 16, 3, 1, 1};
    thetis_mpsc_cfg batch = {8, 16, 3, 4, 0}, four = {8, 16, 3, 4, 4};
    CHECK_EQ(thetis_mpsc_size(&least), thetis_mpsc_size(&one));
    CHECK_EQ(thetis_mpsc_size(&batch), thetis_mpsc_size(&four));
    CHECK(thetis_mpsc_size(&one) < thetis_mpsc_size(&four));
}

/* The macro is enough, and not much more than twice as much; the sizing rules hold. */
TEST(shapes_keep_the_sizing_rules)
{
    uint64_t rng = test_seed();
    for (size_t i = test_scale(20000); i > 0; i--) {
        size_t capacity = 1 + test_rand(&rng) % 3000, producers = 1 + test_rand(&rng) % 40;
        size_t batch = 1 + test_rand(&rng) % (capacity < 40 ? capacity : 40);
        size_t open = batch + test_rand(&rng) % (capacity - batch + 1) % 40;
        size_t elem = 1 + test_rand(&rng) % 40;
        thetis_mpsc_cfg cfg = {elem, capacity, producers, batch, open};
        thetis_mpsc_shape_ s = tht_mpsc_shape(&cfg);
        size_t held = producers * open, used = capacity + (producers - 1) * batch;
        size_t most = THETIS_MPSC_SIZE(elem, capacity, producers, batch, open);
        CHECK((s.homes & (s.homes - 1)) == 0 && s.homes > used + held + 1);
        CHECK_EQ(s.window, 4 * used);
        size_t apart = s.homes - used - held - 1; /* L - U - 1 */
        CHECK(apart * 9 >= used);
        CHECK_EQ(s.spares, held * ((used + apart - 1) / apart + 2));
        CHECK(s.spares <= 11 * held);
        CHECK(thetis_mpsc_size(&cfg) > 0 && thetis_mpsc_size(&cfg) <= most);
    }
}

TEST(init_refuses_bad_memory)
{
    thetis_mpsc_cfg cfg = {4, 8, 2, 1, 1};
    thetis_mpsc *ring = NULL;
    size_t size = thetis_mpsc_size(&cfg);
    CHECK(size < sizeof mpsc_mem);
    CHECK_EQ(thetis_mpsc_init(NULL, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_mpsc_init(mpsc_mem + 1, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_mpsc_init(mpsc_mem, size - 1, &cfg, &ring), THETIS_EINVAL);
    memset(mpsc_mem, 0xFF, sizeof mpsc_mem);
    CHECK_EQ(thetis_mpsc_init(mpsc_mem, size, &cfg, &ring), THETIS_OK);
    CHECK_EQ((unsigned char)mpsc_mem[size], 0xFF);
    mpsc_pop_says(ring, THETIS_EMPTY);
}

/* What the producers write, what the consumer writes and what nobody writes. */
TEST(sides_are_a_cache_line_apart)
{
    CHECK_EQ(offsetof(thetis_mpsc, tail_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_mpsc, consumer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_mpsc, shape_) % THETIS_CACHE_LINE, 0);
    CHECK(offsetof(thetis_mpsc, consumer_) >= THETIS_CACHE_LINE);
}

/* ---- one element at a time ------------------------------------------------------------------- */

static void mpsc_fill_and_drain(size_t capacity, uintptr_t start)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 1, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    for (uint32_t round = 0; round < 3; round++) {
        mpsc_pop_says(ring, THETIS_EMPTY);
        for (uint32_t i = 0; i < capacity; i++) mpsc_push_ok(&mpsc_by[0], round * 100 + i);
        mpsc_push_says(&mpsc_by[0], THETIS_FULL);
        for (uint32_t i = 0; i < capacity; i++) mpsc_pop_is(ring, round * 100 + i);
    }
    mpsc_pop_says(ring, THETIS_EMPTY);
}

TEST(exactly_capacity_elements_fit)
{
    mpsc_each(mpsc_fill_and_drain);
}

/* Producers whose knowledge is old may go beyond, each once, and together by OVER. */
static void mpsc_overshoot(size_t capacity, uintptr_t start)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 3, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    uint32_t n = 0;
    for (int p = 0; p < 3; p++) mpsc_by[p].last_ = start, mpsc_by[p].room_ = 4 * capacity;
    while (n < capacity) mpsc_push_ok(&mpsc_by[0], n++);
    mpsc_push_says(&mpsc_by[0], THETIS_FULL);
    mpsc_push_ok(&mpsc_by[1], n++);
    mpsc_push_says(&mpsc_by[1], THETIS_FULL);
    mpsc_push_ok(&mpsc_by[2], n++);
    mpsc_push_says(&mpsc_by[2], THETIS_FULL);
    for (uint32_t i = 0; i < n; i++) mpsc_pop_is(ring, i);
    mpsc_pop_says(ring, THETIS_EMPTY);
}

TEST(each_producer_may_be_late_once)
{
    mpsc_each(mpsc_overshoot);
}

TEST(any_element_size)
{
    for (size_t size = 1; size <= 40; size++) {
        thetis_mpsc_cfg cfg = {size, 4, 1, 1, 1};
        thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
        for (int i = 0; i < 40; i += 4) {
            unsigned char in[40], out[41];
            for (int k = 0; k < 4; k++) {
                memset(in, i + k + 1, size);
                CHECK_EQ(thetis_mpsc_push(&mpsc_by[0], in), THETIS_OK);
            }
            for (int k = 0; k < 4; k++) {
                memset(in, i + k + 1, size);
                memset(out, 0xEE, sizeof out);
                CHECK_EQ(thetis_mpsc_pop(ring, out), THETIS_OK);
                CHECK(memcmp(in, out, size) == 0);
                CHECK_EQ(out[size], 0xEE);
            }
        }
    }
}

/* ---- batches --------------------------------------------------------------------------------- */

static void mpsc_batches(size_t capacity, uintptr_t start)
{
    uint32_t in[2 * MPSC_LARGEST], out[2 * MPSC_LARGEST];
    for (size_t batch = 1; batch <= capacity; batch += 2) {
        for (size_t n = 0; n <= capacity + 1; n++) {
            thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 1, batch, 0};
            thetis_mpsc *ring = mpsc_make_at(&cfg, start);
            size_t fit = n <= capacity ? n : capacity;
            thetis_status why = THETIS_EOTHER;
            for (uint32_t i = 0; i < n; i++) in[i] = 1000 + i;
            memset(out, 0, sizeof out);
            CHECK_EQ(thetis_mpsc_push_n(&mpsc_by[0], in, n, &why), fit);
            CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_FULL);
            CHECK_EQ(thetis_mpsc_pop_n(ring, out, n, &why), fit);
            CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_EMPTY);
            CHECK_EQ(thetis_mpsc_check(ring), THETIS_OK);
            CHECK_EQ(memcmp(in, out, fit * sizeof in[0]), 0);
            CHECK_EQ(out[fit], 0);
            mpsc_pop_says(ring, THETIS_EMPTY);
        }
    }
}

TEST(batches_are_cut_to_what_fits)
{
    mpsc_each(mpsc_batches);
}

TEST(why_may_be_null)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 1, 2, 3};
    thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
    uint32_t items[5] = {1, 2, 3, 4, 5};
    void *at[1];
    CHECK_EQ(thetis_mpsc_push_n(&mpsc_by[0], items, 5, NULL), 4);
    CHECK_EQ(thetis_mpsc_reserve_n(&mpsc_by[0], at, 1, NULL), 0);
    CHECK_EQ(thetis_mpsc_pop_n(ring, items, 5, NULL), 4);
}

/* ---- reservations and holes ------------------------------------------------------------------ */

static void mpsc_any_order(size_t capacity, uintptr_t start)
{
    if (capacity < 3) return;
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 1, 1, 3};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    for (uint32_t round = 0; round < 9; round++) {
        void *a = mpsc_reserve_ok(&mpsc_by[0], 1);
        void *b = mpsc_reserve_ok(&mpsc_by[0], 2);
        void *c = mpsc_reserve_ok(&mpsc_by[0], 3);
        mpsc_pop_says(ring, THETIS_EMPTY);
        thetis_mpsc_commit(&mpsc_by[0], c);
        mpsc_pop_is(ring, 3); /* does not wait for the older ones */
        mpsc_pop_says(ring, THETIS_EMPTY);
        if (round % 2) thetis_mpsc_commit(&mpsc_by[0], b);
        else thetis_mpsc_abort(&mpsc_by[0], b);
        thetis_mpsc_commit(&mpsc_by[0], a);
        mpsc_pop_is(ring, 1); /* when it finds several, the oldest first */
        if (round % 2) mpsc_pop_is(ring, 2);
        mpsc_pop_says(ring, THETIS_EMPTY);
    }
}

TEST(reservations_are_finished_in_any_order)
{
    mpsc_each(mpsc_any_order);
}

/* One producer holds `open` tickets for ever; the other always has all its room. */
static void mpsc_stalled(size_t capacity, uintptr_t start)
{
    for (size_t open = 1; open <= capacity && open <= 3; open++) {
        thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 2, 1, open};
        thetis_mpsc *ring = mpsc_make_at(&cfg, start);
        for (size_t k = 0; k < open; k++) (void)mpsc_reserve_ok(&mpsc_by[0], 0);
        mpsc_pop_says(ring, THETIS_EMPTY);
        for (uint32_t round = 0; round < 40; round++) {
            for (uint32_t i = 0; i < capacity; i++) mpsc_push_ok(&mpsc_by[1], i);
            mpsc_push_says(&mpsc_by[1], THETIS_FULL);
            for (uint32_t i = 0; i < capacity; i++) mpsc_pop_is(ring, i);
            mpsc_pop_says(ring, THETIS_EMPTY);
        }
    }
}

TEST(a_stalled_producer_takes_no_room)
{
    mpsc_each(mpsc_stalled);
}

/* ---- close and cancel ------------------------------------------------------------------------ */

static void mpsc_close_drains(size_t capacity, uintptr_t start)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 2, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    for (uint32_t i = 0; i < capacity; i++) mpsc_push_ok(&mpsc_by[0], i);
    CHECK_EQ(thetis_mpsc_close(ring), THETIS_OK);
    CHECK_EQ(thetis_mpsc_close(ring), THETIS_CLOSED);
    mpsc_push_says(&mpsc_by[0], THETIS_CLOSED); /* not FULL */
    mpsc_push_says(&mpsc_by[1], THETIS_CLOSED);
    for (uint32_t i = 0; i < capacity; i++) mpsc_pop_is(ring, i);
    mpsc_pop_says(ring, THETIS_CLOSED);
    mpsc_push_says(&mpsc_by[0], THETIS_CLOSED);
    CHECK_EQ(thetis_mpsc_close(ring), THETIS_CLOSED);
    mpsc_pop_says(ring, THETIS_CLOSED);
}

TEST(a_closed_ring_drains_then_says_closed)
{
    mpsc_each(mpsc_close_drains);
}

/* A reservation that is open at the close is waited for: EMPTY until it is finished. */
static void mpsc_close_waits(size_t capacity, uintptr_t start)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 2, 1, 1};
    for (int given_back = 0; given_back < 2; given_back++) {
        thetis_mpsc *ring = mpsc_make_at(&cfg, start);
        void *at = mpsc_reserve_ok(&mpsc_by[0], 9);
        CHECK_EQ(thetis_mpsc_close(ring), THETIS_OK);
        mpsc_pop_says(ring, THETIS_EMPTY);
        mpsc_push_says(&mpsc_by[1], THETIS_CLOSED);
        mpsc_pop_says(ring, THETIS_EMPTY);
        if (given_back) {
            thetis_mpsc_abort(&mpsc_by[0], at);
        } else {
            thetis_mpsc_commit(&mpsc_by[0], at);
            mpsc_pop_is(ring, 9);
        }
        mpsc_pop_says(ring, THETIS_CLOSED);
    }
}

TEST(a_closed_ring_waits_for_open_reservations)
{
    mpsc_each(mpsc_close_waits);
}

/* Who knew of room draws a ticket before it learns of the close; the ring is not stuck by that,
 * whether the consumer has seen the end before or after it. */
TEST(a_late_push_fails_and_hinders_nobody)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 2, 2};
    for (int before = 0; before < 2; before++) {
        thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
        uint32_t items[2] = {1, 2};
        thetis_status why;
        mpsc_push_ok(&mpsc_by[0], 1);
        CHECK_EQ(thetis_mpsc_close(ring), THETIS_OK);
        if (before) mpsc_pop_is(ring, 1);
        if (before) mpsc_pop_says(ring, THETIS_CLOSED);
        CHECK_EQ(thetis_mpsc_push_n(&mpsc_by[0], items, 2, &why), 0);
        CHECK_EQ(why, THETIS_CLOSED);
        if (!before) mpsc_pop_is(ring, 1);
        mpsc_pop_says(ring, THETIS_CLOSED);
    }
}

/* One that never comes back from its draw withholds CLOSED, if the consumer finds its ticket. */
TEST(a_late_push_that_stops_withholds_closed)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 1, 1};
    for (int seen = 0; seen < 2; seen++) {
        thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
        mpsc_push_ok(&mpsc_by[0], 1); /* knows of more room */
        mpsc_pop_is(ring, 1);
        CHECK_EQ(thetis_mpsc_close(ring), THETIS_OK);
        if (seen) mpsc_pop_says(ring, THETIS_CLOSED);
        (void)thetis_mpsc_draw_(&mpsc_by[0], 1);
        mpsc_pop_says(ring, seen ? THETIS_CLOSED : THETIS_EMPTY);
    }
}

static void mpsc_cancel_ends(size_t capacity, uintptr_t start)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 2, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    for (uint32_t i = 0; i < capacity; i++) mpsc_push_ok(&mpsc_by[0], i);
    CHECK_EQ(thetis_mpsc_cancel(ring), THETIS_OK);
    CHECK_EQ(thetis_mpsc_cancel(ring), THETIS_CLOSED);
    mpsc_pop_says(ring, THETIS_CLOSED);
    mpsc_push_says(&mpsc_by[0], THETIS_CLOSED);
    mpsc_push_says(&mpsc_by[1], THETIS_CLOSED);
}

TEST(a_canceled_ring_says_closed_to_all)
{
    mpsc_each(mpsc_cancel_ends);
}

/* ---- places ---------------------------------------------------------------------------------- */

TEST(there_are_as_many_producers_as_configured)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
    thetis_mpsc_producer third;
    for (uint32_t round = 0; round < 9; round++) {
        CHECK_EQ(thetis_mpsc_join(ring, &third), THETIS_ENOSLOT);
        CHECK_EQ(thetis_mpsc_join(ring, &third), THETIS_ENOSLOT);
        mpsc_push_ok(&mpsc_by[0], round);
        thetis_mpsc_leave(&mpsc_by[0]);
        CHECK_EQ(thetis_mpsc_join(ring, &mpsc_by[0]), THETIS_OK);
        mpsc_push_ok(&mpsc_by[0], round + 1);
        mpsc_pop_is(ring, round);
        mpsc_pop_is(ring, round + 1);
    }
}

/* ---- check and bound ------------------------------------------------------------------------- */

TEST(check_finds_corruption)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
    ring->tail_.word_ = ring->consumer_.assigned + 4; /* a ticket without a slot */
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
    ring = mpsc_make_at(&cfg, 0);
    ring->consumer_.front = ring->consumer_.assigned + 4;
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
    ring = mpsc_make_at(&cfg, 0);
    ring->consumer_.limit.word_ += 4;
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
    ring = mpsc_make_at(&cfg, 0);
    ring->consumer_.holes = 5;
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
    ring->consumer_.holes = 1;
    ring->consumer_.hole[0] = (thetis_mpsc_hole_){ring->consumer_.front, 0}; /* not behind it */
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
    ring->consumer_.hole[0] = (thetis_mpsc_hole_){ring->consumer_.front - 4, 4711};
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_ECORRUPT);
}

TEST(bounds_are_those_of_the_header)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 100, 3, 4, 6};
    thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
    uint64_t spares = ring->shape_.spares, held = 18;
    for (size_t n = 0; n < 40; n++) {
        uint64_t draws = 3 * ((n + 3) / 4);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_PUSH, n), draws + n * (spares + 3));
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_RESERVE, n), draws + n * (spares + 2));
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_POP, n), n * (8 * held + 6));
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_COMMIT, n), 2);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_ABORT, n), 2);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_JOIN, n), 2);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_LEAVE, n), 1);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_CLOSE, n), 1);
        CHECK_EQ(thetis_mpsc_bound(ring, THETIS_MPSC_CANCEL, n), 1);
    }
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(zero_batch_and_open_mean_the_least),
          T(shapes_keep_the_sizing_rules), T(init_refuses_bad_memory),
          T(sides_are_a_cache_line_apart), T(exactly_capacity_elements_fit),
          T(each_producer_may_be_late_once), T(any_element_size), T(batches_are_cut_to_what_fits),
          T(why_may_be_null), T(reservations_are_finished_in_any_order),
          T(a_stalled_producer_takes_no_room), T(a_closed_ring_drains_then_says_closed),
          T(a_closed_ring_waits_for_open_reservations), T(a_late_push_fails_and_hinders_nobody),
          T(a_late_push_that_stops_withholds_closed),
          T(a_canceled_ring_says_closed_to_all), T(there_are_as_many_producers_as_configured),
          T(check_finds_corruption), T(bounds_are_those_of_the_header))
