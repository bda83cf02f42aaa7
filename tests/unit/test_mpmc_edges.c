/* SPDX-License-Identifier: MIT
 *
 * test_mpmc_edges.c: participants that stopped in the middle of a request, as cells and requests
 * show it; positions near the wrap; and the contracts that assertions keep.
 */
#include "mpmc_rings.h"

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

/* ---- requests of one who has stopped --------------------------------------------------------- */

static tht_mpmc_track mpmc_track;
static thetis_mpmc_view_ mpmc_view[2];

/* Two participants, of which 1 has stopped. */
static void mpmc_make_track(size_t capacity, unsigned bits, uintptr_t start)
{
    tht_mpmc_shape shape = {.capacity = capacity, .users = 2, .bits = bits, .patience = 2,
                            .stride = 2, .start = start};
    CHECK(tht_mpmc_bytes(&shape) <= sizeof mpmc_mem);
    tht_mpmc_build(&mpmc_track, mpmc_mem, &shape, 0);
    for (int k = 0; k < 2; k++) tht_mpmc_arrive(&mpmc_track, &mpmc_view[k]);
}

static void mpmc_put_says(uintptr_t value, thetis_status want)
{
    CHECK_EQ(tht_mpmc_put(&mpmc_track, &mpmc_view[0], 0, value), want);
}

static void mpmc_take_is(uintptr_t want)
{
    uintptr_t got = ~want;
    CHECK_EQ(tht_mpmc_take(&mpmc_track, &mpmc_view[0], 0, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static void mpmc_take_says(thetis_status want)
{
    uintptr_t got;
    CHECK_EQ(tht_mpmc_take(&mpmc_track, &mpmc_view[0], 0, &got), want);
}

/* What the one who had stopped is told when it goes on. */
static void mpmc_answer_is(thetis_status want, uintptr_t value)
{
    uintptr_t got = 0;
    CHECK_EQ(tht_mpmc_answer(&mpmc_track, &mpmc_view[1], 1, &got), want);
    if (want == THETIS_OK) CHECK_EQ(got, value);
}

/* Each kind of request, in each state of the ring, is carried out by who comes next. */
static void mpmc_requests(size_t capacity, unsigned bits, uintptr_t start)
{
    mpmc_make_track(capacity, bits, start);
    tht_mpmc_request(&mpmc_track, 1, THT_MPMC_PUSH, 71);
    mpmc_take_is(71);
    tht_mpmc_request(&mpmc_track, 1, THT_MPMC_POP, 0); /* before the answer: as the owner would */
    mpmc_take_says(THETIS_EMPTY);
    mpmc_answer_is(THETIS_EMPTY, 0);
    for (uintptr_t k = 0; k < capacity; k++) mpmc_put_says(k, THETIS_OK);
    tht_mpmc_request(&mpmc_track, 1, THT_MPMC_PUSH, 72);
    mpmc_put_says(9, THETIS_FULL);
    mpmc_answer_is(THETIS_FULL, 0);
    tht_mpmc_request(&mpmc_track, 1, THT_MPMC_POP, 0);
    mpmc_put_says(capacity, THETIS_OK);
    mpmc_answer_is(THETIS_OK, 0);
    tht_mpmc_request(&mpmc_track, 1, THT_MPMC_CLOSE, 0); /* full: there is a cell for it */
    mpmc_put_says(9, THETIS_CLOSED);
    mpmc_answer_is(THETIS_OK, 0);
    for (uintptr_t k = 1; k <= capacity; k++) mpmc_take_is(k);
    for (tht_mpmc_kind kind = THT_MPMC_PUSH; kind <= THT_MPMC_CLOSE; kind++) {
        tht_mpmc_request(&mpmc_track, 1, kind, 0);
        mpmc_take_says(THETIS_CLOSED);
        mpmc_answer_is(THETIS_CLOSED, 0);
    }
}

TEST(requests_of_the_stopped_are_carried_out)
{
    for (size_t capacity = 1; capacity <= 5; capacity++) {
        for (uintptr_t k = 0; k < 12; k++) {
            mpmc_requests(capacity, 16, (uintptr_t)0 - k);
            mpmc_requests(capacity, 0, (uintptr_t)0 - k);
        }
    }
}

/* A cell that names a request, decided or not: whoever comes settles it, once. */
static void mpmc_named(unsigned bits, unsigned state, tht_mpmc_kind kind)
{
    mpmc_make_track(2, bits, 0);
    if (state == THT_CELL_TAKING) mpmc_put_says(5, THETIS_OK);
    tht_mpmc_request(&mpmc_track, 1, kind, 6);
    tht_cell c = tht_cell_load(&mpmc_track, tht_cell_at(&mpmc_track, 0));
    CHECK(tht_cell_cas(&mpmc_track, tht_cell_at(&mpmc_track, 0), c,
                       tht_cell_with(c, 1, state, c.value)));
}

TEST(cells_that_name_a_request_are_settled)
{
    for (unsigned bits = 0; bits <= 16; bits += 16) {
        mpmc_named(bits, THT_CELL_PUTTING, THT_MPMC_PUSH);
        mpmc_take_is(6);
        mpmc_answer_is(THETIS_OK, 6);
        mpmc_named(bits, THT_CELL_PUTTING, THT_MPMC_PUSH);
        mpmc_put_says(7, THETIS_OK);
        mpmc_take_is(6);
        mpmc_take_is(7);
        mpmc_named(bits, THT_CELL_PUTTING, THT_MPMC_CLOSE);
        mpmc_take_says(THETIS_CLOSED);
        mpmc_answer_is(THETIS_OK, 6);
        mpmc_named(bits, THT_CELL_WANTING, THT_MPMC_POP);
        mpmc_put_says(7, THETIS_OK);
        mpmc_answer_is(THETIS_EMPTY, 0);
        mpmc_take_is(7);
        mpmc_named(bits, THT_CELL_TAKING, THT_MPMC_POP);
        mpmc_take_says(THETIS_EMPTY);
        mpmc_answer_is(THETIS_OK, 5);
    }
}

/* The owner finds its request decided and the cell still naming it: it goes first. */
TEST(the_owner_settles_what_was_decided)
{
    mpmc_named(16, THT_CELL_PUTTING, THT_MPMC_PUSH);
    tht_cell request = tht_cell_load(&mpmc_track, tht_request_at(&mpmc_track, 1));
    CHECK(tht_cell_cas(&mpmc_track, tht_request_at(&mpmc_track, 1), request,
                       tht_request_decided(request, THT_REQUEST_DONE, 0, 6)));
    mpmc_answer_is(THETIS_OK, 6);
    tht_cell c = tht_cell_load(&mpmc_track, tht_cell_at(&mpmc_track, 0));
    CHECK_EQ(tht_cell_state(&mpmc_track, c, 0), THT_CELL_FILLED);
    mpmc_take_is(6);
}

/* ---- positions ------------------------------------------------------------------------------- */

/* First in, first out, and full exactly, while positions and laps wrap. */
static void mpmc_wraps(size_t capacity, unsigned bits, uintptr_t start)
{
    size_t filled;
    mpmc_make_track(capacity, bits, start);
    for (uintptr_t k = 0; k < 40; k++) {
        for (uintptr_t i = 0; i < capacity; i++) mpmc_put_says(k + i, THETIS_OK);
        mpmc_put_says(0, THETIS_FULL);
        for (uintptr_t i = 0; i < capacity; i++) mpmc_take_is(k + i);
        mpmc_take_says(THETIS_EMPTY);
    }
    CHECK(tht_mpmc_sound(&mpmc_track, &filled) && filled == 0);
}

TEST(positions_and_laps_wrap)
{
    for (size_t capacity = 1; capacity <= 5; capacity++) {
        for (uintptr_t k = 0; k < 20; k++) {
            size_t cells = tht_mpmc_cells(capacity);
            uintptr_t laps = (uintptr_t)cells << (THETIS_CAP_WORD_BITS - 9 - 16);
            mpmc_wraps(capacity, 16, (uintptr_t)0 - k);
            mpmc_wraps(capacity, 16, laps - k);     /* the lap in the cell wraps */
            mpmc_wraps(capacity, 16, laps / 2 - k); /* it looks negative */
            mpmc_wraps(capacity, 0, (uintptr_t)0 - k);
        }
    }
}

/* The count of refusals in an empty cell wraps into nothing but itself. */
TEST(refusals_at_one_place_are_counted)
{
    mpmc_make_track(1, 16, 0);
    mpmc_track.patience = 0;
    for (uint32_t k = 0; k < ((uint32_t)1 << 16) + 3; k++) mpmc_take_says(THETIS_EMPTY);
    mpmc_put_says(3, THETIS_OK);
    mpmc_take_is(3);
    mpmc_take_says(THETIS_EMPTY);
}

/* ---- broken contracts ------------------------------------------------------------------------ */

TEST(leaving_with_a_reserved_slot_aborts)
{
    void *at;
    (void)mpmc_make(4, 1, 0);
    CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], &at), THETIS_OK);
    thetis_mpmc_leave(&mpmc_by[0]);
}

TEST(reserving_more_than_open_aborts)
{
    void *at;
    (void)mpmc_make(4, 1, 0);
    CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], &at), THETIS_OK);
    (void)!thetis_mpmc_reserve(&mpmc_by[0], &at);
}

TEST(peeking_beyond_open_aborts)
{
    void *at;
    (void)mpmc_make(4, 1, 0);
    CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], &at), THETIS_OK);
    (void)!thetis_mpmc_peek(&mpmc_by[0], &at);
}

TEST(committing_what_is_not_held_aborts)
{
    (void)mpmc_make(4, 1, 0);
    (void)!thetis_mpmc_commit(&mpmc_by[0], mpmc_mem);
}

TEST(committing_what_is_no_slot_aborts)
{
    char *at;
    (void)mpmc_make(4, 1, 0);
    CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], (void **)&at), THETIS_OK);
    (void)!thetis_mpmc_commit(&mpmc_by[0], at + 1);
}

TEST_MAIN(T(requests_of_the_stopped_are_carried_out), T(cells_that_name_a_request_are_settled),
          T(the_owner_settles_what_was_decided), T(positions_and_laps_wrap),
          T(refusals_at_one_place_are_counted),
          T(leaving_with_a_reserved_slot_aborts, .aborts = true),
          T(reserving_more_than_open_aborts, .aborts = true),
          T(peeking_beyond_open_aborts, .aborts = true),
          T(committing_what_is_not_held_aborts, .aborts = true),
          T(committing_what_is_no_slot_aborts, .aborts = true))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
