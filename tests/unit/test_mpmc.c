/* SPDX-License-Identifier: MIT
 *
 * test_mpmc.c: both forms with all participants in one thread, where EMPTY, FULL and CLOSED are
 * exact.
 */
#include "mpmc_rings.h"

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_mpmc_cfg bad[] = {
        {4, 0, 2, 1, 0},
        {4, THETIS_MPMC_CAPACITY_MAX + 1, 2, 1, 0},
        {4, SIZE_MAX, 2, 1, 0},
        {4, 8, 0, 1, 0},
        {4, 8, THETIS_MPMC_PARTICIPANTS_MAX + 1, 1, 0},
        {4, 8, 2, 9, 0},
        {4, 8, 2, 1, 3},
        {0, 8, 2, 1, 0},
        {SIZE_MAX, 8, 2, 1, 0},
        {PTRDIFF_MAX / 8, 8, 2, 1, 0},
        {4, THETIS_MPMC_CAPACITY_MAX, 2, THETIS_MPMC_CAPACITY_MAX, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_mpmc *ring = NULL;
        thetis_mpmc_value *values = NULL;
        CHECK_EQ(thetis_mpmc_size(&bad[i]), 0);
        CHECK_EQ(thetis_mpmc_init(mpmc_mem, SIZE_MAX, &bad[i], &ring), THETIS_EINVAL);
        CHECK(ring == NULL);
        if (i >= 7) continue; /* of the index form only */
        CHECK_EQ(thetis_mpmc_value_size(&bad[i]), 0);
        CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, SIZE_MAX, &bad[i], &values), THETIS_EINVAL);
        CHECK(values == NULL);
    }
    CHECK_EQ(thetis_mpmc_size(NULL), 0);
    CHECK_EQ(thetis_mpmc_value_size(NULL), 0);
}

TEST(init_refuses_bad_memory)
{
    thetis_mpmc_cfg cfg = {4, 8, 2, 1, 0};
    thetis_mpmc *ring = NULL;
    thetis_mpmc_value *values = NULL;
    size_t size = thetis_mpmc_size(&cfg), less = thetis_mpmc_value_size(&cfg);
    CHECK_EQ(thetis_mpmc_init(NULL, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_init(mpmc_mem + 8, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_init(mpmc_mem, size - 1, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_init(mpmc_mem, size, &cfg, &ring), THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_init(NULL, less, &cfg, &values), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem + 8, less, &cfg, &values), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, less - 1, &cfg, &values), THETIS_EINVAL);
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, less, &cfg, &values), THETIS_OK);
}

/* The macros are enough, and nothing behind `size` bytes is touched. */
TEST(sizes_are_enough_and_exact)
{
    uint64_t rng = test_seed();
    for (size_t i = test_scale(3000); i > 0; i--) {
        size_t capacity = 1 + test_rand(&rng) % 300, n = 1 + test_rand(&rng) % 20;
        size_t open = 1 + test_rand(&rng) % capacity % 5, elem = 1 + test_rand(&rng) % 40;
        thetis_mpmc_cfg cfg = {elem, capacity, n, open, (unsigned)(test_rand(&rng) % 3)};
        size_t size = thetis_mpmc_size(&cfg), less = thetis_mpmc_value_size(&cfg);
        thetis_mpmc *ring;
        thetis_mpmc_value *values;
        CHECK(size > 0 && size <= THETIS_MPMC_SIZE(elem, capacity, n, open));
        CHECK(less > 0 && less <= THETIS_MPMC_VALUE_SIZE(capacity, n));
        if (size >= sizeof mpmc_mem) continue;
        mpmc_mem[size] = 77;
        CHECK_EQ(thetis_mpmc_init(mpmc_mem, size, &cfg, &ring), THETIS_OK);
        CHECK_EQ(mpmc_mem[size], 77);
        CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
        mpmc_mem[less] = 77;
        CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, less, &cfg, &values), THETIS_OK);
        CHECK_EQ(mpmc_mem[less], 77);
        CHECK_EQ(thetis_mpmc_value_check(values), THETIS_OK);
    }
}

/* ---- participants ---------------------------------------------------------------------------- */

TEST(one_too_many_has_no_slot)
{
    thetis_mpmc *ring = mpmc_make(4, 1, 0);
    thetis_mpmc_end more;
    CHECK_EQ(thetis_mpmc_join(ring, &more), THETIS_ENOSLOT);
    thetis_mpmc_leave(&mpmc_by[1]);
    CHECK_EQ(thetis_mpmc_join(ring, &more), THETIS_OK);
    mpmc_push_says(&more, 5, THETIS_OK);
    mpmc_pop_is(&mpmc_by[0], 5);

    thetis_mpmc_value *values = mpmc_make_value(4, 0);
    thetis_mpmc_value_end another;
    CHECK_EQ(thetis_mpmc_value_join(values, &another), THETIS_ENOSLOT);
    thetis_mpmc_value_leave(&mpmc_value_by[2]);
    CHECK_EQ(thetis_mpmc_value_join(values, &another), THETIS_OK);
}

/* Who comes back after many laps finds its way. */
TEST(a_participant_may_sleep_long)
{
    (void)mpmc_make(4, 1, THETIS_MPMC_REALTIME);
    mpmc_push_says(&mpmc_by[1], 0, THETIS_OK);
    mpmc_pop_is(&mpmc_by[1], 0);
    for (uint32_t k = 0; k < 10000; k++) {
        mpmc_push_says(&mpmc_by[0], k, THETIS_OK);
        mpmc_pop_is(&mpmc_by[2], k);
    }
    mpmc_push_says(&mpmc_by[1], 7, THETIS_OK);
    mpmc_pop_is(&mpmc_by[1], 7);
    mpmc_pop_says(&mpmc_by[1], THETIS_EMPTY);
}

/* ---- the value form -------------------------------------------------------------------------- */

/* First in, first out, exactly `capacity`, for every capacity, through many laps. */
TEST(values_are_full_exactly)
{
    for (size_t capacity = 1; capacity <= 17; capacity++) {
        thetis_mpmc_value *ring = mpmc_make_value(capacity, (unsigned)capacity % 3);
        for (uintptr_t lap = 0; lap < 30; lap++) {
            for (size_t k = 0; k < capacity; k++)
                CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[k % 3], lap * 100 + k), THETIS_OK);
            CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[lap % 3], 1), THETIS_FULL);
            for (size_t k = 0; k < capacity; k++)
                mpmc_value_pop_is(&mpmc_value_by[(k + lap) % 3], lap * 100 + k);
            mpmc_value_pop_says(&mpmc_value_by[lap % 3], THETIS_EMPTY);
            CHECK_EQ(thetis_mpmc_value_check(ring), THETIS_OK);
        }
    }
}

TEST(all_values_fit_in_a_word)
{
    (void)mpmc_make_value(4, 0);
    const uintptr_t words[] = {0, UINTPTR_MAX, (uintptr_t)1 << (THETIS_CAP_WORD_BITS - 1)};
    for (int k = 0; k < 3; k++)
        CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[0], words[k]), THETIS_OK);
    for (int k = 0; k < 3; k++) mpmc_value_pop_is(&mpmc_value_by[1], words[k]);
}

TEST(values_in_batches)
{
    (void)mpmc_make_value(5, 0);
    uintptr_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];
    thetis_status why;
    CHECK_EQ(thetis_mpmc_value_push_n(&mpmc_value_by[0], in, 0, &why), 0);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_push_n(&mpmc_value_by[0], in, 8, &why), 5);
    CHECK_EQ(why, THETIS_FULL);
    CHECK_EQ(thetis_mpmc_value_pop_n(&mpmc_value_by[1], out, 3, &why), 3);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_pop_n(&mpmc_value_by[1], out + 3, 5, NULL), 2);
    for (int k = 0; k < 5; k++) CHECK_EQ(out[k], in[k]);
}

TEST(values_close_and_drain)
{
    thetis_mpmc_value *ring = mpmc_make_value(2, 0);
    for (uintptr_t k = 0; k < 2; k++)
        CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[0], k), THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_close(&mpmc_value_by[1]), THETIS_OK); /* though it is full */
    CHECK_EQ(thetis_mpmc_value_close(&mpmc_value_by[2]), THETIS_CLOSED);
    CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[0], 9), THETIS_CLOSED);
    for (uintptr_t k = 0; k < 2; k++) mpmc_value_pop_is(&mpmc_value_by[2], k);
    for (int k = 0; k < 3; k++) mpmc_value_pop_says(&mpmc_value_by[k], THETIS_CLOSED);
    CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[0], 9), THETIS_CLOSED);
    CHECK_EQ(thetis_mpmc_value_check(ring), THETIS_OK);
}

/* ---- the index form -------------------------------------------------------------------------- */

static size_t mpmc_fill(thetis_mpmc_end *by)
{
    uint32_t n = 0;
    while (thetis_mpmc_push(by, &n) == THETIS_OK) n++;
    return n;
}

/* Whatever others hold: capacity elements fit; in all there are as many as the header says. */
TEST(capacity_fits_whatever_others_hold)
{
    for (size_t capacity = 1; capacity <= 9; capacity++) {
        size_t open = capacity < 3 ? capacity : 3;
        thetis_mpmc *ring = mpmc_make(capacity, open, 0);
        void *at;
        CHECK_EQ(mpmc_fill(&mpmc_by[0]), capacity + MPMC_ENDS * (open + 9));
        for (uint32_t k = 0; k < 16; k++) /* the others keep what they can */
            mpmc_pop_is(&mpmc_by[1 + k % 2], k);
        for (size_t k = 0; k < open; k++) {
            CHECK_EQ(thetis_mpmc_peek(&mpmc_by[1], &at), THETIS_OK);
            CHECK_EQ(thetis_mpmc_peek(&mpmc_by[2], &at), THETIS_OK);
        }
        uint32_t got;
        while (thetis_mpmc_pop(&mpmc_by[0], &got) == THETIS_OK) continue;
        CHECK(mpmc_fill(&mpmc_by[0]) >= capacity);
        CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
    }
}

TEST(elements_of_any_size)
{
    for (size_t size = 1; size <= 40; size++) {
        thetis_mpmc_cfg cfg = {size, 4, 2, 1, 0};
        thetis_mpmc *ring;
        unsigned char in[40], out[40];
        CHECK_EQ(thetis_mpmc_init(mpmc_mem, sizeof mpmc_mem, &cfg, &ring), THETIS_OK);
        CHECK_EQ(thetis_mpmc_join(ring, &mpmc_by[0]), THETIS_OK);
        for (int k = 0; k < 50; k++) {
            memset(in, k, sizeof in);
            memset(out, 99, sizeof out);
            CHECK_EQ(thetis_mpmc_push(&mpmc_by[0], in), THETIS_OK);
            CHECK_EQ(thetis_mpmc_pop(&mpmc_by[0], out), THETIS_OK);
            CHECK(memcmp(in, out, size) == 0);
            CHECK(size == sizeof out || out[size] == 99);
        }
    }
}

/* In place; the order is that of the commits. */
TEST(reservations_are_in_the_order_of_their_commits)
{
    thetis_mpmc *ring = mpmc_make(4, 3, 0);
    void *at[3];
    for (uint32_t k = 0; k < 3; k++) {
        CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], &at[k]), THETIS_OK);
        CHECK_EQ((uintptr_t)at[k] % sizeof(uintptr_t), 0);
        memcpy(at[k], &k, sizeof k);
    }
    mpmc_pop_says(&mpmc_by[1], THETIS_EMPTY);
    CHECK_EQ(thetis_mpmc_commit(&mpmc_by[0], at[2]), THETIS_OK);
    thetis_mpmc_abort(&mpmc_by[0], at[1]);
    CHECK_EQ(thetis_mpmc_commit(&mpmc_by[0], at[0]), THETIS_OK);
    mpmc_pop_is(&mpmc_by[1], 2);
    CHECK_EQ(thetis_mpmc_peek(&mpmc_by[1], &at[0]), THETIS_OK);
    CHECK_EQ(*(uint32_t *)at[0], 0);
    thetis_mpmc_release(&mpmc_by[1], at[0]);
    mpmc_pop_says(&mpmc_by[1], THETIS_EMPTY);
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
}

/* What was peeked at can be sent on without a copy. */
TEST(a_peeked_slot_may_be_committed)
{
    (void)mpmc_make(4, 1, 0);
    void *at;
    mpmc_push_says(&mpmc_by[0], 6, THETIS_OK);
    CHECK_EQ(thetis_mpmc_peek(&mpmc_by[1], &at), THETIS_OK);
    CHECK_EQ(thetis_mpmc_commit(&mpmc_by[1], at), THETIS_OK);
    mpmc_pop_is(&mpmc_by[2], 6);
}

TEST(batches_stop_where_singles_would)
{
    thetis_mpmc *ring = mpmc_make(1, 1, 0);
    uint32_t in[40] = {0}, out[40];
    thetis_status why;
    for (uint32_t k = 0; k < 40; k++) in[k] = k;
    CHECK_EQ(thetis_mpmc_push_n(&mpmc_by[0], in, 40, &why), 31);
    CHECK_EQ(why, THETIS_FULL);
    CHECK_EQ(thetis_mpmc_pop_n(&mpmc_by[1], out, 30, &why), 30);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(thetis_mpmc_pop_n(&mpmc_by[1], out + 30, 10, NULL), 1);
    CHECK(memcmp(in, out, 31 * sizeof in[0]) == 0);
    CHECK_EQ(thetis_mpmc_push_n(&mpmc_by[0], in, 2, NULL), 2);
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
}

TEST(close_lets_the_ring_drain)
{
    thetis_mpmc *ring = mpmc_make(2, 1, 0);
    void *at;
    mpmc_push_says(&mpmc_by[0], 1, THETIS_OK);
    CHECK_EQ(thetis_mpmc_reserve(&mpmc_by[0], &at), THETIS_OK);
    CHECK_EQ(thetis_mpmc_close(&mpmc_by[1]), THETIS_OK);
    CHECK_EQ(thetis_mpmc_close(&mpmc_by[1]), THETIS_CLOSED);
    CHECK_EQ(thetis_mpmc_commit(&mpmc_by[0], at), THETIS_CLOSED);
    mpmc_push_says(&mpmc_by[2], 2, THETIS_CLOSED);
    mpmc_pop_is(&mpmc_by[2], 1);
    for (int k = 0; k < 3; k++) mpmc_pop_says(&mpmc_by[k], THETIS_CLOSED);
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
}

/* Never FULL once it was CLOSED, also if there is no free slot. */
TEST(a_full_ring_that_is_closed_says_so)
{
    (void)mpmc_make(1, 1, 0);
    CHECK(mpmc_fill(&mpmc_by[0]) > 0);
    mpmc_push_says(&mpmc_by[0], 1, THETIS_FULL);
    CHECK_EQ(thetis_mpmc_close(&mpmc_by[1]), THETIS_OK);
    for (int k = 0; k < 100; k++) mpmc_push_says(&mpmc_by[k % 3], 1, THETIS_CLOSED);
}

/* ---- check and bound ------------------------------------------------------------------------- */

TEST(check_sees_a_hole)
{
    thetis_mpmc_value *ring = mpmc_make_value(4, 0);
    for (uintptr_t k = 0; k < 3; k++)
        CHECK_EQ(thetis_mpmc_value_push(&mpmc_value_by[0], k), THETIS_OK);
    tht_mpmc_track *t = &ring->track;
    tht_cell c = tht_cell_load(t, tht_cell_at(t, 1));
    CHECK(tht_cell_cas(t, tht_cell_at(t, 1), c, tht_cell_with(c, 0, THT_CELL_EMPTY, 0)));
    CHECK_EQ(thetis_mpmc_value_check(ring), THETIS_ECORRUPT);
}

TEST(check_sees_more_free_slots_than_there_are)
{
    thetis_mpmc *ring = mpmc_make(4, 1, 0);
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
    ring->kept[1].n = 1;
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_ECORRUPT);
    ring->kept[1].n = 1000;
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_ECORRUPT);
}

/* The figures that the header prints. */
TEST(bounds_are_as_printed)
{
    thetis_mpmc_cfg cfg = {8, 64, 4, 1, 0}, soon = {8, 64, 4, 1, THETIS_MPMC_REALTIME};
    thetis_mpmc_value *values;
    thetis_mpmc *ring;
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, sizeof mpmc_mem, &cfg, &values), THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_PUSH, 1), 815);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_POP, 2), 2 * 807);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_CLOSE, 1), 807);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_JOIN, 1), 6);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_LEAVE, 1), 2);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_PEEK, 1), 0);
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, sizeof mpmc_mem, &soon, &values), THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_PUSH, 1), 311);
    CHECK_EQ(thetis_mpmc_init(mpmc_mem, sizeof mpmc_mem, &cfg, &ring), THETIS_OK);
    cfg.flags = THETIS_MPMC_HELPED;
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, sizeof mpmc_mem, &cfg, &values), THETIS_OK);
    CHECK_EQ(thetis_mpmc_value_bound(values, THETIS_MPMC_PUSH, 1), 247);
    cfg.flags = 0;
    CHECK_EQ(thetis_mpmc_init(mpmc_mem, sizeof mpmc_mem, &cfg, &ring), THETIS_OK);
    uint64_t track = thetis_mpmc_bound(ring, THETIS_MPMC_PEEK, 1);
    CHECK_EQ(track, 565);
    CHECK_EQ(thetis_mpmc_bound(ring, THETIS_MPMC_PUSH, 3), 3 * (2 * track + 1 + 2));
    CHECK_EQ(thetis_mpmc_bound(ring, THETIS_MPMC_RESERVE, 1), track + 2);
    CHECK_EQ(thetis_mpmc_bound(ring, THETIS_MPMC_RELEASE, 1), track + 1);
    CHECK_EQ(thetis_mpmc_bound(ring, THETIS_MPMC_JOIN, 1), 7);
    CHECK_EQ(thetis_mpmc_bound(ring, THETIS_MPMC_LEAVE, 1), 2);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(init_refuses_bad_memory),
          T(sizes_are_enough_and_exact), T(one_too_many_has_no_slot),
          T(a_participant_may_sleep_long), T(values_are_full_exactly), T(all_values_fit_in_a_word),
          T(values_in_batches), T(values_close_and_drain), T(capacity_fits_whatever_others_hold),
          T(elements_of_any_size), T(reservations_are_in_the_order_of_their_commits),
          T(a_peeked_slot_may_be_committed), T(batches_stop_where_singles_would),
          T(close_lets_the_ring_drain), T(a_full_ring_that_is_closed_says_so), T(check_sees_a_hole),
          T(check_sees_more_free_slots_than_there_are), T(bounds_are_as_printed))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
