/* SPDX-License-Identifier: MIT
 *
 * test_bytes.c: records, with both sides in one thread, where FULL, EMPTY and CLOSED are exact.
 * What moves records runs on plain and mirrored rings, at every place where they can stand, with
 * counters that begin shortly before they wrap. test_bytes_more.c: making, streams, contracts.
 */
#include "bytes_rings.h"

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t bytes_most(const thetis_bytes *ring)
{
    return ring->spsc_.about_.config_[1];
}

static void bytes_largest(thetis_bytes *ring)
{
    for (uint64_t round = 0; round < 5; round++) {
        bytes_push_ok(ring, round, bytes_most(ring));
        bytes_pop_is(ring, round, bytes_most(ring));
        bytes_push_ok(ring, round, round); /* so that the next one stands elsewhere */
        bytes_pop_is(ring, round, round);
    }
    bytes_pop_says(ring, THETIS_EMPTY);
}

TEST(the_largest_record_fits_wherever_an_empty_ring_stands)
{
    bytes_each(bytes_largest);
}

static void bytes_too_big(thetis_bytes *ring)
{
    CHECK_EQ(bytes_push(ring, 0, bytes_most(ring) + 1), THETIS_E2BIG);
    for (size_t less = 0; less < 9; less++) /* nor may it wrap around */
        bytes_reserve_says(ring, SIZE_MAX - less, THETIS_E2BIG);
    bytes_pop_says(ring, THETIS_EMPTY);
    while (bytes_push(ring, 1, 0) == THETIS_OK) continue;
    bytes_reserve_says(ring, bytes_most(ring) + 1, THETIS_E2BIG); /* apart from FULL */
    bytes_reserve_says(ring, bytes_most(ring), THETIS_FULL);
    thetis_bytes_close(ring);
    bytes_reserve_says(ring, bytes_most(ring) + 1, THETIS_E2BIG);
    bytes_reserve_says(ring, bytes_most(ring), THETIS_CLOSED);
}

TEST(too_big_is_apart_from_full)
{
    bytes_each(bytes_too_big);
}

/* Empty records fill the ring to its last byte. */
static void bytes_exactly(thetis_bytes *ring)
{
    size_t fit = ring->spsc_.about_.config_[0] / BYTES_HEADER;
    for (size_t k = 0; k < fit; k++) bytes_push_ok(ring, k, 0);
    CHECK_EQ(bytes_push(ring, 0, 0), THETIS_FULL);
    for (size_t k = 0; k < 3; k++) { /* one out, one in */
        bytes_pop_is(ring, 0, 0);
        bytes_push_ok(ring, 0, 0);
        CHECK_EQ(bytes_push(ring, 0, 0), THETIS_FULL);
    }
    for (size_t k = 0; k < fit; k++) bytes_pop_is(ring, 0, 0);
    bytes_pop_says(ring, THETIS_EMPTY);
}

TEST(a_record_takes_eight_bytes_more_than_it_has)
{
    bytes_each(bytes_exactly);
}

/* ---- against a list -------------------------------------------------------------------------- */

enum { LIST = 1024 };

typedef struct bytes_list {
    size_t size[LIST];
    uint64_t pushed, popped;
} bytes_list;

static void bytes_put(thetis_bytes *ring, bytes_list *list, uint64_t r)
{
    size_t size = (size_t)(r >> 8) % (bytes_most(ring) + 1);
    if (r % 4) size %= 20;
    thetis_status s = THETIS_FULL;
    if (list->pushed - list->popped < LIST) s = bytes_push(ring, list->pushed, size);
    if (s != THETIS_OK) {
        CHECK_EQ(s, THETIS_FULL);
        CHECK(list->pushed != list->popped); /* an empty ring takes every record */
        return;
    }
    list->size[list->pushed++ % LIST] = size;
}

static void bytes_get(thetis_bytes *ring, bytes_list *list, uint64_t r)
{
    if (list->pushed == list->popped) {
        bytes_pop_says(ring, THETIS_EMPTY);
        return;
    }
    size_t size = list->size[list->popped % LIST];
    if (r % 2) bytes_pop_is(ring, list->popped, size);
    else bytes_take_is(ring, list->popped, size);
    list->popped++;
}

static void bytes_run_list(thetis_bytes *ring, size_t steps)
{
    static bytes_list list;
    uint64_t rng = test_seed();
    list.pushed = list.popped = 0;
    for (; steps > 0; steps--) {
        uint64_t r = test_rand(&rng);
        if (r >> 63) bytes_put(ring, &list, r);
        else bytes_get(ring, &list, r);
    }
    while (list.popped < list.pushed) bytes_get(ring, &list, list.popped);
    bytes_pop_says(ring, THETIS_EMPTY);
}

TEST(records_come_out_as_they_went_in)
{
    static const size_t capacity[] = {32, 64, 256, 4096};
    for (int i = 0; i < 4; i++) {
        size_t most = THETIS_BYTES_RECORD_MAX(capacity[i]);
        bytes_run_list(bytes_make(capacity[i], most, (uintptr_t)0 - 4096), test_scale(200000));
    }
    bytes_run_list(bytes_make_mirrored(1, (uintptr_t)0 - 4096), test_scale(20000));
}

/* ---- reservations ---------------------------------------------------------------------------- */

static void bytes_gives_back(thetis_bytes *ring)
{
    for (uint64_t round = 0; round < 20; round++) {
        size_t size = (size_t)round % 9;
        void *record = bytes_reserve_ok(ring, bytes_most(ring));
        bytes_pop_says(ring, THETIS_EMPTY); /* nothing is visible before commit */
        bytes_fill(record, round, size);
        thetis_bytes_commit(ring, size);
        bytes_push_ok(ring, round + 100, 8); /* there is room again */
        bytes_take_is(ring, round, size);
        bytes_pop_is(ring, round + 100, 8);
    }
}

TEST(what_a_commit_does_not_use_is_given_back)
{
    bytes_each(bytes_gives_back);
}

/* All of it: what remains is what the same record leaves when it is pushed. */
TEST(what_is_given_back_is_all_of_it)
{
    thetis_bytes *ring = bytes_make(BYTES_PLAIN, BYTES_PLAIN_MOST, 0);
    bytes_fill(bytes_reserve_ok(ring, BYTES_PLAIN_MOST), 1, 3);
    thetis_bytes_commit(ring, 3);
    for (uint64_t k = 0; k < 3; k++) bytes_push_ok(ring, k, 8);
    CHECK_EQ(bytes_push(ring, 0, 0), THETIS_FULL);
}

static void bytes_several_open(thetis_bytes *ring)
{
    for (uint64_t round = 0; round < 10; round++) {
        void *one = bytes_reserve_ok(ring, 6), *two = bytes_reserve_ok(ring, 1);
        bytes_fill(two, round + 1, 1);
        bytes_fill(one, round, 2);
        bytes_pop_says(ring, THETIS_EMPTY);
        thetis_bytes_commit(ring, 2); /* the rest of it is skipped */
        void *three = bytes_reserve_ok(ring, 3);
        bytes_take_is(ring, round, 2);
        bytes_pop_says(ring, THETIS_EMPTY);
        thetis_bytes_commit(ring, 1);
        bytes_fill(three, round + 2, 3);
        thetis_bytes_commit(ring, 3);
        bytes_take_is(ring, round + 1, 1);
        bytes_take_is(ring, round + 2, 3);
    }
    bytes_pop_says(ring, THETIS_EMPTY);
}

TEST(several_reservations_commit_the_oldest_first)
{
    bytes_each(bytes_several_open);
}

/* The first two of three are aborted behind the third; then there is the same room as before. */
static void bytes_abort_newest(thetis_bytes *ring)
{
    for (uint64_t round = 0; round < 10; round++) {
        void *one = bytes_reserve_ok(ring, 7), *two = bytes_reserve_ok(ring, 1);
        void *three = bytes_reserve_ok(ring, 2);
        thetis_bytes_abort(ring);
        thetis_bytes_abort(ring);
        CHECK(bytes_reserve_ok(ring, 1) == two);
        CHECK(bytes_reserve_ok(ring, 2) == three);
        thetis_bytes_abort(ring);
        thetis_bytes_abort(ring);
        bytes_fill(one, round, 7);
        thetis_bytes_commit(ring, 7);
        bytes_push_ok(ring, round + 1, 5);
        bytes_pop_is(ring, round, 7);
        bytes_pop_is(ring, round + 1, 5);
        (void)bytes_reserve_ok(ring, bytes_most(ring));
        thetis_bytes_abort(ring);
        bytes_pop_says(ring, THETIS_EMPTY);
    }
}

TEST(abort_gives_back_the_newest)
{
    bytes_each(bytes_abort_newest);
}

/* The older one has been published in between; the pad before the younger is given back, too. */
TEST(abort_after_a_commit)
{
    thetis_bytes *ring = bytes_make(BYTES_PLAIN, BYTES_PLAIN_MOST, BYTES_PLAIN - 16);
    bytes_fill(bytes_reserve_ok(ring, 0), 2, 0);
    void *padded = bytes_reserve_ok(ring, 16); /* 8 bytes are left, 24 wanted */
    thetis_bytes_commit(ring, 0);
    thetis_bytes_abort(ring);
    bytes_push_ok(ring, 3, 0); /* where the pad was */
    bytes_push_ok(ring, 4, 16);
    bytes_take_is(ring, 2, 0);
    bytes_take_is(ring, 3, 0);
    bytes_peek_is(ring, 4, 16);
    bytes_expect(padded, 4, 16);
}

/* ---- the consumer ---------------------------------------------------------------------------- */

static void bytes_stays(thetis_bytes *ring)
{
    size_t size = 0;
    char small[4];
    bytes_push_ok(ring, 1, 5);
    bytes_push_ok(ring, 2, 3);
    for (int again = 0; again < 2; again++) {
        bytes_peek_is(ring, 1, 5);
        CHECK_EQ(thetis_bytes_pop(ring, small, sizeof small, &size), THETIS_E2BIG);
        CHECK_EQ(size, 5);
    }
    bytes_pop_is(ring, 1, 5); /* after a peek */
    bytes_take_is(ring, 2, 3);
    bytes_pop_says(ring, THETIS_EMPTY);
}

TEST(a_record_stays_until_it_is_taken)
{
    bytes_each(bytes_stays);
}

/* ---- close and cancel ------------------------------------------------------------------------ */

static void bytes_close_drains(thetis_bytes *ring)
{
    bytes_push_ok(ring, 1, 7);
    bytes_push_ok(ring, 2, 0);
    (void)bytes_reserve_ok(ring, 1); /* dropped */
    for (int again = 0; again < 2; again++) {
        thetis_bytes_close(ring);
        CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
        bytes_reserve_says(ring, 1, THETIS_CLOSED);
        CHECK_EQ(thetis_bytes_push(ring, "", 1), THETIS_CLOSED);
    }
    bytes_pop_is(ring, 1, 7);
    bytes_take_is(ring, 2, 0);
    bytes_pop_says(ring, THETIS_CLOSED);
    bytes_reserve_says(ring, 0, THETIS_CLOSED); /* also once there is room again */
}

TEST(a_closed_ring_drains_then_says_closed)
{
    bytes_each(bytes_close_drains);
}

static void bytes_cancel_is_noticed(thetis_bytes *ring)
{
    size_t most = ring->spsc_.about_.config_[0] / BYTES_HEADER, pushed = 0;
    bytes_push_ok(ring, 1, 1);
    bytes_push_ok(ring, 2, 1);
    bytes_pop_is(ring, 1, 1);
    for (int again = 0; again < 2; again++) {
        thetis_bytes_cancel(ring);
        CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
        bytes_pop_says(ring, THETIS_CLOSED);
    }
    while (bytes_push(ring, 1, 0) == THETIS_OK) CHECK(++pushed <= most);
    bytes_reserve_says(ring, 0, THETIS_CLOSED);
    thetis_bytes_close(ring);
    bytes_reserve_says(ring, 0, THETIS_CLOSED);
    bytes_pop_says(ring, THETIS_CLOSED);
}

TEST(a_cancel_is_noticed)
{
    bytes_each(bytes_cancel_is_noticed);
}

/* What is given back must not be room again: the producer has seen the cancel. */
static void bytes_cancel_while_open(thetis_bytes *ring)
{
    void *record;
    unsigned more = 0;
    (void)bytes_reserve_ok(ring, 8);
    thetis_bytes_cancel(ring);
    while (thetis_bytes_reserve(ring, 8, &record) == THETIS_OK) more++;
    bytes_reserve_says(ring, 0, THETIS_CLOSED);
    for (; more > 0; more--) thetis_bytes_abort(ring);
    bytes_reserve_says(ring, 0, THETIS_CLOSED);
    thetis_bytes_commit(ring, 0);
    bytes_reserve_says(ring, 0, THETIS_CLOSED);
}

TEST(a_commit_makes_no_room_in_a_canceled_ring)
{
    bytes_each(bytes_cancel_while_open);
}

TEST_MAIN(T(the_largest_record_fits_wherever_an_empty_ring_stands), T(too_big_is_apart_from_full),
          T(a_record_takes_eight_bytes_more_than_it_has), T(records_come_out_as_they_went_in),
          T(what_a_commit_does_not_use_is_given_back), T(what_is_given_back_is_all_of_it),
          T(several_reservations_commit_the_oldest_first), T(abort_gives_back_the_newest),
          T(abort_after_a_commit), T(a_record_stays_until_it_is_taken),
          T(a_closed_ring_drains_then_says_closed), T(a_cancel_is_noticed),
          T(a_commit_makes_no_room_in_a_canceled_ring))
