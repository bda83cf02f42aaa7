/* SPDX-License-Identifier: MIT
 *
 * test_spsc_edges.c: the sides of the ring's contract that are easy to get wrong: odd sizes, ends
 * of counters, answers to a batch that fits in part, and what stays CLOSED.
 */
#include "spsc_rings.h"

TEST(elements_of_any_size_lie_side_by_side)
{
    for (size_t size = 1; size <= 40; size++) {
        thetis_spsc *ring = spsc_make(size, 4);
        unsigned char in[40], out[40];
        for (int i = 1; i <= 4; i++) {
            memset(in, i, size);
            CHECK_EQ(thetis_spsc_push(ring, in), THETIS_OK);
        }
        for (int i = 1; i <= 4; i++) {
            memset(in, i, size);
            CHECK_EQ(thetis_spsc_pop(ring, out), THETIS_OK);
            CHECK(memcmp(in, out, size) == 0);
        }
    }
}

TEST(the_last_elements_of_a_closed_ring_say_so)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t items[4] = {1, 2, 3};
    thetis_status why = THETIS_EINVAL;
    CHECK_EQ(thetis_spsc_push_n(ring, items, 3, &why), 3);
    thetis_spsc_close(ring);
    spsc_peek_says(ring, 4, 3, THETIS_CLOSED);
    spsc_peek_says(ring, 3, 3, THETIS_OK);
    CHECK_EQ(thetis_spsc_pop_n(ring, items, 4, &why), 3);
    CHECK_EQ(why, THETIS_CLOSED);
}

TEST(a_batch_looks_for_more_room_than_it_knows)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t items[4] = {1, 2, 3, 4};
    CHECK_EQ(thetis_spsc_push_n(ring, items, 3, NULL), 3);
    CHECK_EQ(thetis_spsc_pop_n(ring, items, 3, NULL), 3);
    CHECK_EQ(thetis_spsc_push_n(ring, items, 4, NULL), 4);
}

TEST(closed_stays_closed)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t items[3] = {1, 2, 3};
    CHECK_EQ(thetis_spsc_push_n(ring, items, 3, NULL), 3);
    thetis_spsc_cancel(ring);
    CHECK_EQ(thetis_spsc_push_n(ring, items, 2, NULL), 0); /* one is known to be free */
    spsc_push_says(ring, THETIS_CLOSED);
    ring = spsc_make_at(4, 0);
    spsc_reserve_ok(ring, 1, 0);
    thetis_spsc_cancel(ring);
    spsc_reserve_says(ring, 4, 0, THETIS_CLOSED);
    thetis_spsc_abort(ring, 1);
    spsc_push_says(ring, THETIS_CLOSED);
}

/* Counters cross the middle of their range, where a comparison with a sign would turn over. */
TEST(counters_cross_half_their_range)
{
    thetis_spsc *ring = spsc_make_at(4, ((uintptr_t)1 << (THETIS_CAP_WORD_BITS - 2)) - 2);
    for (uint32_t i = 0; i < 9; i++) {
        spsc_pop_says(ring, THETIS_EMPTY);
        spsc_push_ok(ring, i);
        spsc_pop_is(ring, i);
    }
    for (uint32_t i = 0; i < 4; i++) spsc_push_ok(ring, i);
    spsc_push_says(ring, THETIS_FULL);
}

/* The largest capacity, without its memory: only counters are used. */
TEST(cancel_works_at_the_largest_capacity)
{
    thetis_spsc *ring = spsc_make(1, 1);
    char item;
    ring->producer_.span_ = 2 * THETIS_SPSC_CAPACITY_MAX;
    ring->producer_.mask_ = 2 * THETIS_SPSC_CAPACITY_MAX - 2;
    ring->consumer_.span_ = ring->producer_.span_;
    ring->consumer_.mask_ = ring->producer_.mask_;
    thetis_spsc_cancel(ring);
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
    spsc_peek_says(ring, 1, 0, THETIS_CLOSED);
    CHECK_EQ(thetis_spsc_pop(ring, &item), THETIS_CLOSED);
}

TEST(check_knows_canceled_rings)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    thetis_spsc_cancel(ring);
    ring->producer_.at_.word_ = ring->consumer_.at_.word_ + 1;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
    ring = spsc_make_at(4, 0);
    ring->consumer_.elem_size_ = 8;
    CHECK_EQ(thetis_spsc_check(ring), THETIS_ECORRUPT);
}

TEST(a_push_behind_an_open_reservation_aborts)
{
    thetis_spsc *ring = spsc_make_at(4, 0);
    uint32_t item = 0;
    spsc_reserve_ok(ring, 1, 0);
    (void)!thetis_spsc_push(ring, &item);
}

TEST(a_typed_push_of_another_size_aborts)
{
    (void)!u32_ring_push(spsc_make(8, 4), 1);
}

TEST(a_typed_pop_of_another_size_aborts)
{
    uint32_t item;
    (void)!u32_ring_pop(spsc_make(8, 4), &item);
}

TEST_MAIN(T(elements_of_any_size_lie_side_by_side), T(the_last_elements_of_a_closed_ring_say_so),
          T(a_batch_looks_for_more_room_than_it_knows), T(closed_stays_closed),
          T(counters_cross_half_their_range), T(cancel_works_at_the_largest_capacity),
          T(check_knows_canceled_rings),
          T(a_push_behind_an_open_reservation_aborts, .aborts = true),
          T(a_typed_push_of_another_size_aborts, .aborts = true),
          T(a_typed_pop_of_another_size_aborts, .aborts = true))
