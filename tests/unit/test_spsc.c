/* SPDX-License-Identifier: MIT
 *
 * test_spsc.c: the ring with both sides in one thread, where FULL, EMPTY and CLOSED are exact.
 * Each case that moves elements runs on counters that begin at 0 and shortly before they wrap.
 */
#include "spsc_rings.h"

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_spsc_cfg bad[] = {
        {0, 8},
        {4, 0},
        {4, 3},
        {4, 6},
        {1, THETIS_SPSC_CAPACITY_MAX * 2},
        {1, THETIS_SPSC_CAPACITY_MAX + 1},
        {1, SIZE_MAX},
        {SIZE_MAX, 1},
        {16, THETIS_SPSC_CAPACITY_MAX},
        {PTRDIFF_MAX - sizeof(thetis_spsc) + 1, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_spsc *ring = NULL;
        CHECK_EQ(thetis_spsc_size(&bad[i]), 0);
        CHECK_EQ(thetis_spsc_init(spsc_mem, SIZE_MAX, &bad[i], &ring), THETIS_EINVAL);
        CHECK(ring == NULL);
    }
}

TEST(size_is_the_macro)
{
    for (size_t elem = 1; elem < 100; elem += 7) {
        for (size_t capacity = 1; capacity <= 1024; capacity *= 2) {
            thetis_spsc_cfg cfg = {elem, capacity};
            CHECK_EQ(thetis_spsc_size(&cfg), THETIS_SPSC_SIZE(elem, capacity));
        }
    }
    thetis_spsc_cfg most = {PTRDIFF_MAX - sizeof(thetis_spsc), 1};
    CHECK_EQ(thetis_spsc_size(&most), PTRDIFF_MAX);
}

TEST(init_refuses_bad_memory)
{
    thetis_spsc_cfg cfg = {4, 8};
    thetis_spsc *ring = NULL;
    size_t size = thetis_spsc_size(&cfg);
    CHECK_EQ(thetis_spsc_init(NULL, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_spsc_init(spsc_mem + 8, size, &cfg, &ring),
             THETIS_CACHE_LINE > 8 ? THETIS_EINVAL : THETIS_OK);
    CHECK_EQ(thetis_spsc_init(spsc_mem + 1, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_spsc_init(spsc_mem, size - 1, &cfg, &ring), THETIS_EINVAL);
    memset(spsc_mem, 0xFF, sizeof spsc_mem);
    CHECK_EQ(thetis_spsc_init(spsc_mem, size, &cfg, &ring), THETIS_OK);
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
    CHECK_EQ((unsigned char)spsc_mem[size], 0xFF);
    spsc_pop_says(ring, THETIS_EMPTY);
}

/* Two writers never share a line. */
TEST(sides_are_a_cache_line_apart)
{
    CHECK_EQ(offsetof(thetis_spsc, producer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_spsc, consumer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(sizeof(thetis_spsc_side_) % THETIS_CACHE_LINE, 0);
}

/* ---- one element at a time ------------------------------------------------------------------- */

static void spsc_fill_and_drain(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    for (uint32_t round = 0; round < 3; round++) {
        spsc_pop_says(ring, THETIS_EMPTY);
        for (uint32_t i = 0; i < capacity; i++) spsc_push_ok(ring, round * 100 + i);
        spsc_push_says(ring, THETIS_FULL);
        for (uint32_t i = 0; i < capacity; i++) spsc_pop_is(ring, round * 100 + i);
    }
    spsc_pop_says(ring, THETIS_EMPTY);
}

TEST(exactly_capacity_elements_fit)
{
    spsc_each(spsc_fill_and_drain);
}

static void spsc_one_out_one_in(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    for (uint32_t i = 0; i < capacity; i++) spsc_push_ok(ring, i);
    for (uint32_t i = 0; i < 5 * capacity; i++) {
        spsc_push_says(ring, THETIS_FULL);
        spsc_pop_is(ring, i);
        spsc_push_ok(ring, i + (uint32_t)capacity);
    }
}

TEST(one_pop_makes_room_for_one_push)
{
    spsc_each(spsc_one_out_one_in);
}

/* Element sizes that no register has, through both forms. */
TEST(any_element_size)
{
    for (size_t size = 1; size <= 40; size++) {
        thetis_spsc *ring = spsc_make(size, 4);
        for (int i = 0; i < 11; i++) {
            unsigned char in[40], out[41];
            memset(in, i + 1, size);
            memset(out, 0xEE, sizeof out);
            CHECK_EQ(thetis_spsc_push(ring, in), THETIS_OK);
            CHECK_EQ(thetis_spsc_pop(ring, out), THETIS_OK);
            CHECK_EQ(memcmp(in, out, size), 0);
            CHECK_EQ(out[size], 0xEE);
        }
    }
}

/* ---- batches --------------------------------------------------------------------------------- */

/* From every offset, so that each batch size wraps at each place. */
static void spsc_batches(size_t capacity, uintptr_t start)
{
    uint32_t in[2 * SPSC_CAPACITY], out[2 * SPSC_CAPACITY];
    for (size_t n = 0; n <= capacity + 1; n++) {
        thetis_spsc *ring = spsc_make_at(capacity, start);
        size_t fit = n <= capacity ? n : capacity;
        thetis_status why = THETIS_EOTHER;
        for (uint32_t i = 0; i < n; i++) in[i] = 1000 + i;
        memset(out, 0, sizeof out);
        CHECK_EQ(thetis_spsc_push_n(ring, in, n, &why), fit);
        CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_FULL);
        CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
        CHECK_EQ(thetis_spsc_pop_n(ring, out, n, &why), fit);
        CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_EMPTY);
        CHECK_EQ(memcmp(in, out, fit * sizeof in[0]), 0);
        CHECK_EQ(out[fit], 0);
        spsc_pop_says(ring, THETIS_EMPTY);
    }
}

TEST(batches_wrap_and_are_cut_to_what_fits)
{
    spsc_each(spsc_batches);
}

TEST(why_may_be_null)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t items[5] = {1, 2, 3, 4, 5};
    thetis_spsc_span span;
    CHECK_EQ(thetis_spsc_push_n(ring, items, 5, NULL), 4);
    CHECK_EQ(thetis_spsc_reserve(ring, 1, &span, NULL), 0);
    CHECK_EQ(thetis_spsc_peek(ring, 5, &span, NULL), 4);
    CHECK_EQ(thetis_spsc_pop_n(ring, items, 5, NULL), 4);
}

/* ---- reservations ---------------------------------------------------------------------------- */

static void spsc_several_open(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    if (capacity < 4) return;
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t base = round * 100;
        spsc_reserve_ok(ring, 2, base);
        spsc_reserve_ok(ring, 1, base + 2);
        spsc_pop_says(ring, THETIS_EMPTY); /* nothing is visible before commit */
        thetis_spsc_commit(ring, 1);
        spsc_pop_is(ring, base);
        spsc_pop_says(ring, THETIS_EMPTY);
        spsc_reserve_ok(ring, 1, base + 3); /* behind the others, though those are open */
        thetis_spsc_commit(ring, 3);        /* across the borders of reservations */
        for (uint32_t i = 1; i < 4; i++) spsc_pop_is(ring, base + i);
        CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
    }
}

TEST(several_reservations_commit_the_oldest_first)
{
    spsc_each(spsc_several_open);
}

static void spsc_open_ones_count(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    spsc_reserve_ok(ring, capacity, 1);
    spsc_reserve_says(ring, 1, 0, THETIS_FULL);
    spsc_reserve_says(ring, 0, 0, THETIS_OK);
    thetis_spsc_abort(ring, 1);
    spsc_reserve_says(ring, 2, 1, THETIS_FULL);
    thetis_spsc_commit(ring, 1);
    spsc_pop_is(ring, 1);
    spsc_reserve_says(ring, 2, 1, THETIS_FULL); /* what was taken is free again */
}

TEST(open_reservations_use_up_room)
{
    spsc_each(spsc_open_ones_count);
}

TEST(abort_gives_back_the_newest)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    spsc_reserve_ok(ring, 1, 10);
    spsc_reserve_ok(ring, 2, 20);
    thetis_spsc_abort(ring, 2);
    spsc_reserve_ok(ring, 1, 30);
    thetis_spsc_abort(ring, 0);
    thetis_spsc_commit(ring, 2);
    spsc_pop_is(ring, 10);
    spsc_pop_is(ring, 30);
    spsc_pop_says(ring, THETIS_EMPTY);
}

static void spsc_peek_stays(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    thetis_spsc_span span;
    for (uint32_t i = 0; i < capacity; i++) spsc_push_ok(ring, i);
    for (int again = 0; again < 2; again++) {
        spsc_peek_says(ring, capacity + 1, capacity, THETIS_EMPTY);
        CHECK_EQ(thetis_spsc_peek(ring, capacity, &span, NULL), capacity);
        for (size_t k = 0; k < capacity; k++) CHECK_EQ(*spsc_at(&span, k), k);
        spsc_push_says(ring, THETIS_FULL);
    }
    thetis_spsc_release(ring, 0);
    thetis_spsc_release(ring, 1);
    spsc_push_ok(ring, 77);
    spsc_peek_says(ring, 0, 0, THETIS_OK);
    spsc_peek_says(ring, capacity, capacity, THETIS_OK);
    if (capacity > 1) spsc_pop_is(ring, 1);
}

TEST(peeked_elements_stay_until_release)
{
    spsc_each(spsc_peek_stays);
}

/* ---- close and cancel ------------------------------------------------------------------------ */

static void spsc_close_drains(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    for (uint32_t i = 0; i < capacity; i++) spsc_push_ok(ring, i);
    for (int again = 0; again < 2; again++) {
        thetis_spsc_close(ring);
        CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
        spsc_push_says(ring, THETIS_CLOSED);
        spsc_reserve_says(ring, 1, 0, THETIS_CLOSED);
        CHECK_EQ(thetis_spsc_push_n(ring, &start, 1, NULL), 0);
    }
    for (uint32_t i = 0; i < capacity; i++) spsc_pop_is(ring, i);
    spsc_pop_says(ring, THETIS_CLOSED);
    spsc_peek_says(ring, 1, 0, THETIS_CLOSED);
    spsc_push_says(ring, THETIS_CLOSED); /* also once there is room again */
}

TEST(a_closed_ring_drains_then_says_closed)
{
    spsc_each(spsc_close_drains);
}

static void spsc_close_drops_open(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make_at(capacity, start);
    spsc_reserve_ok(ring, capacity, 5);
    thetis_spsc_commit(ring, 1);
    thetis_spsc_close(ring);
    spsc_push_says(ring, THETIS_CLOSED); /* at level 2 an open reservation would abort here */
    spsc_pop_is(ring, 5);
    spsc_pop_says(ring, THETIS_CLOSED);
}

TEST(close_drops_open_reservations)
{
    spsc_each(spsc_close_drops_open);
}

/* The producer knew of `known` free slots when the consumer canceled; then it must notice. */
static void spsc_cancel_is_noticed(size_t capacity, uintptr_t start)
{
    for (size_t known = 0; known <= capacity; known++) {
        thetis_spsc *ring = spsc_make_at(capacity, start);
        for (uint32_t i = 0; i < capacity - known; i++) spsc_push_ok(ring, i);
        for (int again = 0; again < 2; again++) {
            thetis_spsc_cancel(ring);
            CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
            spsc_pop_says(ring, THETIS_CLOSED);
            spsc_peek_says(ring, 1, 0, THETIS_CLOSED);
        }
        size_t pushed = 0;
        while (u32_ring_push(ring, 1) == THETIS_OK) CHECK(++pushed <= capacity);
        CHECK_EQ(pushed, known);
        spsc_push_says(ring, THETIS_CLOSED);
        spsc_reserve_says(ring, 1, 0, THETIS_CLOSED);
    }
}

TEST(cancel_is_noticed_within_capacity_pushes)
{
    spsc_each(spsc_cancel_is_noticed);
}

TEST(both_ends_may_end_it)
{
    thetis_spsc *ring = spsc_make_at(2, 0);
    spsc_push_ok(ring, 1);
    thetis_spsc_cancel(ring);
    thetis_spsc_close(ring);
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
    spsc_push_says(ring, THETIS_CLOSED);
    spsc_pop_says(ring, THETIS_CLOSED);
}

/* ---- check and bound ------------------------------------------------------------------------- */

TEST(check_finds_corruption)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    ring->producer_.at_.word_ = ring->producer_.span_ + 2; /* more elements than slots */
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->consumer_.at_.word_ = 2; /* taken before it was there */
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->producer_.span_ = ring->consumer_.span_ = 6;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->consumer_.mask_++;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->producer_.elem_size_ = 0;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->consumer_.span_ *= 2; /* the sides disagree, each sound in itself */
    ring->consumer_.mask_ = ring->consumer_.span_ - 2;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
}

TEST(bounds_are_those_of_the_header)
{
    static const struct {
        thetis_spsc_op op;
        uint64_t fixed, each;
    } rows[] = {
        {THETIS_SPSC_PUSH, 3, 1},   {THETIS_SPSC_POP, 3, 1},   {THETIS_SPSC_RESERVE, 2, 0},
        {THETIS_SPSC_PEEK, 2, 0},   {THETIS_SPSC_COMMIT, 2, 0}, {THETIS_SPSC_RELEASE, 2, 0},
        {THETIS_SPSC_CLOSE, 2, 0},  {THETIS_SPSC_CANCEL, 2, 0}, {THETIS_SPSC_ABORT, 0, 0},
    };
    thetis_spsc *ring = spsc_make_at(4, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t n = 0; n < 40; n++) {
            CHECK_EQ(thetis_spsc_bound(ring, rows[i].op, n), rows[i].fixed + rows[i].each * n);
        }
    }
}

/* ---- broken contracts ------------------------------------------------------------------------ */

TEST(committing_what_is_not_reserved_aborts)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    spsc_reserve_ok(ring, 2, 0);
    thetis_spsc_commit(ring, 3);
}

TEST(aborting_what_is_not_reserved_aborts)
{
    thetis_spsc_abort(spsc_make_at(4, 0), 1);
}

TEST(releasing_what_was_not_seen_aborts)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    spsc_push_ok(ring, 1);
    thetis_spsc_release(ring, 1);
}

TEST(a_batch_behind_an_open_reservation_aborts)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t item = 0;
    spsc_reserve_ok(ring, 1, 0);
    (void)thetis_spsc_push_n(ring, &item, 1, NULL);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(size_is_the_macro), T(init_refuses_bad_memory),
          T(sides_are_a_cache_line_apart), T(exactly_capacity_elements_fit),
          T(one_pop_makes_room_for_one_push), T(any_element_size),
          T(batches_wrap_and_are_cut_to_what_fits), T(why_may_be_null),
          T(several_reservations_commit_the_oldest_first), T(open_reservations_use_up_room),
          T(abort_gives_back_the_newest), T(peeked_elements_stay_until_release),
          T(a_closed_ring_drains_then_says_closed), T(close_drops_open_reservations),
          T(cancel_is_noticed_within_capacity_pushes), T(both_ends_may_end_it),
          T(check_finds_corruption), T(bounds_are_those_of_the_header),
          T(committing_what_is_not_reserved_aborts, .aborts = true),
          T(aborting_what_is_not_reserved_aborts, .aborts = true),
          T(releasing_what_was_not_seen_aborts, .aborts = true),
          T(a_batch_behind_an_open_reservation_aborts, .aborts = true))
