/* SPDX-License-Identifier: MIT
 *
 * test_mpsc_edges.c: stalls at random, too few spares, positions that grow old, and the contracts
 * that assertions keep.
 */
#include "mpsc_rings.h"

/* ---- holes ----------------------------------------------------------------------------------- */

/* Stalls at random places, for random times: what was promised always fits. The model of the ring:
 * which tickets are open, in order, and which numbers are in it. */
static void mpsc_churn(size_t capacity, uintptr_t start)
{
    enum { OPEN = 2 };
    if (capacity < OPEN) return;
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 3, 1, OPEN};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    uint64_t rng = test_seed() + start;
    void *held[3][OPEN];
    size_t holds[3] = {0}, stored = 0;
    for (int step = 0; step < 400; step++) {
        size_t p = test_rand(&rng) % 3;
        uint32_t got;
        if (test_rand(&rng) % 4 == 0 && holds[p] > 0) {
            thetis_mpsc_commit(&mpsc_by[p], held[p][--holds[p]]);
            stored++;
        } else if (holds[p] < OPEN && holds[0] + holds[1] + holds[2] + stored < capacity) {
            held[p][holds[p]++] = mpsc_reserve_ok(&mpsc_by[p], 7);
        } else if (stored > 0) {
            CHECK_EQ(u32_ring_pop(ring, &got), THETIS_OK);
            CHECK_EQ(got, 7);
            stored--;
        }
        CHECK_EQ(thetis_mpsc_check(ring), THETIS_OK);
    }
    for (int p = 0; p < 3; p++)
        for (; holds[p] > 0; stored++) thetis_mpsc_commit(&mpsc_by[p], held[p][--holds[p]]);
    for (; stored > 0; stored--) mpsc_pop_is(ring, 7);
    mpsc_pop_says(ring, THETIS_EMPTY);
}

TEST(what_was_promised_fits_whoever_stalls)
{
    mpsc_each(mpsc_churn);
}

/* What is found among the holes is taken, also if an older one is given back. */
static void mpsc_older_given_back(size_t capacity, uintptr_t start)
{
    if (capacity < 4) return;
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 1, 1, 4};
    thetis_mpsc *ring = mpsc_make_at(&cfg, start);
    void *a = mpsc_reserve_ok(&mpsc_by[0], 1), *b = mpsc_reserve_ok(&mpsc_by[0], 2);
    void *c = mpsc_reserve_ok(&mpsc_by[0], 3);
    mpsc_push_ok(&mpsc_by[0], 4);
    mpsc_pop_is(ring, 4);
    thetis_mpsc_abort(&mpsc_by[0], a);
    thetis_mpsc_commit(&mpsc_by[0], b);
    mpsc_pop_is(ring, 2);
    mpsc_pop_says(ring, THETIS_EMPTY);
    thetis_mpsc_commit(&mpsc_by[0], c);
    mpsc_pop_is(ring, 3);
    mpsc_pop_says(ring, THETIS_EMPTY);
}

TEST(an_older_hole_may_be_given_back)
{
    mpsc_each(mpsc_older_given_back);
}

/* Without enough spares the ring is FULL early, and no more; it recovers. */
TEST(too_few_spares_heal)
{
    thetis_mpsc_shape_ shape = {.homes = 4, .spares = 1, .lap = 16, .window = 12, .over = 4,
                                .age = UINTPTR_MAX / 4 + 1, .producers = 2, .batch = 1,
                                .open = 2, .elem_size = 4, .stride = THETIS_MPSC_STRIDE_(4)};
    thetis_mpsc *ring = tht_mpsc_build(mpsc_mem, &shape, 0);
    thetis_mpsc_producer *by = mpsc_by;
    for (int p = 0; p < 2; p++) CHECK_EQ(thetis_mpsc_join(ring, &by[p]), THETIS_OK);
    void *a = mpsc_reserve_ok(&by[0], 1), *b = mpsc_reserve_ok(&by[0], 2);
    uint32_t pushed = 0;
    thetis_status s = THETIS_OK;
    for (; pushed < 20 && s == THETIS_OK; pushed += s == THETIS_OK) {
        s = u32_ring_push(&by[1], 5);
        if (s == THETIS_OK) mpsc_pop_is(ring, 5);
    }
    CHECK_EQ(s, THETIS_FULL); /* and empty */
    mpsc_pop_says(ring, THETIS_EMPTY);
    thetis_mpsc_commit(&by[0], a);
    thetis_mpsc_commit(&by[0], b);
    mpsc_pop_is(ring, 1);
    mpsc_pop_is(ring, 2);
    for (int k = 0; k < 20; k++) {
        mpsc_push_ok(&by[1], 6);
        mpsc_push_ok(&by[1], 7);
        mpsc_pop_is(ring, 6);
        mpsc_pop_is(ring, 7);
    }
}

/* A spare that comes back gives room at once, also while another hole is open. */
TEST(too_few_spares_heal_hole_by_hole)
{
    thetis_mpsc_shape_ shape = {.homes = 4, .spares = 1, .lap = 16, .window = 12, .over = 0,
                                .age = UINTPTR_MAX / 4 + 1, .producers = 1, .batch = 1,
                                .open = 3, .elem_size = 4, .stride = THETIS_MPSC_STRIDE_(4)};
    thetis_mpsc *ring = tht_mpsc_build(mpsc_mem, &shape, 0);
    thetis_mpsc_producer *by = mpsc_by;
    thetis_status s = THETIS_OK;
    CHECK_EQ(thetis_mpsc_join(ring, by), THETIS_OK);
    void *home = mpsc_reserve_ok(by, 1), *spare = NULL;
    for (int k = 1; k < 20 && s == THETIS_OK; k++) {
        if (k == 4) spare = mpsc_reserve_ok(by, 2); /* its home is held by the first */
        else s = u32_ring_push(by, 5);
        if (k != 4 && s == THETIS_OK) mpsc_pop_is(ring, 5);
    }
    CHECK_EQ(s, THETIS_FULL); /* and empty, as there is no spare for ticket 8 */
    mpsc_pop_says(ring, THETIS_EMPTY);
    thetis_mpsc_commit(by, spare);
    mpsc_pop_is(ring, 2);
    mpsc_push_ok(by, 6);
    mpsc_pop_is(ring, 6);
    thetis_mpsc_commit(by, home);
    mpsc_pop_is(ring, 1);
}

/* Positions would meet again after a whole turn of the counter. */
TEST(a_very_old_hole_stops_the_ring)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 1, 1};
    thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
    CHECK_EQ(ring->shape_.age, (uintptr_t)1 << (THETIS_CAP_WORD_BITS - 2));
    ring->shape_.age = 4 * 100;
    void *at = mpsc_reserve_ok(&mpsc_by[0], 1);
    thetis_status s = THETIS_OK;
    uint32_t n = 0, got;
    for (; s == THETIS_OK; n++) {
        CHECK(n < 110);
        s = u32_ring_push(&mpsc_by[1], n);
        if (s == THETIS_OK) mpsc_pop_is(ring, n);
    }
    CHECK_EQ(s, THETIS_FULL);
    CHECK(n > 100);
    CHECK_EQ(u32_ring_pop(ring, &got), THETIS_EMPTY);
    thetis_mpsc_commit(&mpsc_by[0], at);
    mpsc_pop_is(ring, 1);
    mpsc_push_ok(&mpsc_by[1], 3);
    mpsc_pop_is(ring, 3);
}

/* A producer that wakes after half the range of the counter: it goes beyond what it knew once, then
 * it looks. */
TEST(a_producer_may_sleep_long)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 2, 1, 1};
    const uintptr_t turns[] = {UINTPTR_MAX / 2 + 1, UINTPTR_MAX / 4 * 3 + 3, UINTPTR_MAX / 4 + 1};
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        thetis_mpsc *ring = mpsc_make_at(&cfg, 0);
        mpsc_push_ok(&mpsc_by[0], 1);
        thetis_mpsc_producer asleep = mpsc_by[0];
        ring = mpsc_make_at(&cfg, turns[i]);
        for (uint32_t k = 0; k < 4; k++) mpsc_push_ok(&mpsc_by[1], k);
        mpsc_push_ok(&asleep, 4);
        mpsc_push_says(&asleep, THETIS_FULL);
        for (uint32_t k = 0; k < 5; k++) mpsc_pop_is(ring, k);
        mpsc_push_ok(&asleep, 5);
        mpsc_pop_is(ring, 5);
    }
}

/* ---- broken contracts ------------------------------------------------------------------------ */

static thetis_mpsc *mpsc_make_small(void)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), 4, 1, 1, 2};
    return mpsc_make_at(&cfg, 0);
}

TEST(leaving_with_an_open_reservation_aborts)
{
    (void)mpsc_make_small();
    (void)mpsc_reserve_ok(&mpsc_by[0], 1);
    thetis_mpsc_leave(&mpsc_by[0]);
}

TEST(leaving_twice_aborts)
{
    (void)mpsc_make_small();
    thetis_mpsc_leave(&mpsc_by[0]);
    thetis_mpsc_leave(&mpsc_by[0]);
}

TEST(finishing_twice_aborts)
{
    (void)mpsc_make_small();
    void *at = mpsc_reserve_ok(&mpsc_by[0], 1);
    (void)mpsc_reserve_ok(&mpsc_by[0], 2);
    thetis_mpsc_commit(&mpsc_by[0], at);
    thetis_mpsc_abort(&mpsc_by[0], at);
}

TEST(reserving_more_than_open_aborts)
{
    void *at[3];
    (void)mpsc_make_small();
    (void)thetis_mpsc_reserve_n(&mpsc_by[0], at, 3, NULL);
}

TEST(pushing_beyond_open_aborts)
{
    (void)mpsc_make_small();
    (void)mpsc_reserve_ok(&mpsc_by[0], 1);
    (void)mpsc_reserve_ok(&mpsc_by[0], 2);
    (void)!u32_ring_push(&mpsc_by[0], 3);
}

TEST(a_batch_beyond_open_aborts)
{
    uint32_t item = 0;
    (void)mpsc_make_small();
    (void)mpsc_reserve_ok(&mpsc_by[0], 1);
    (void)mpsc_reserve_ok(&mpsc_by[0], 2);
    (void)thetis_mpsc_push_n(&mpsc_by[0], &item, 1, NULL);
}

THETIS_MPSC(u64_ring, uint64_t);

TEST(a_typed_push_of_another_size_aborts)
{
    (void)mpsc_make_small();
    (void)!u64_ring_push(&mpsc_by[0], 1);
}

TEST(a_typed_pop_of_another_size_aborts)
{
    uint64_t item;
    (void)!u64_ring_pop(mpsc_make_small(), &item);
}

TEST_MAIN(T(what_was_promised_fits_whoever_stalls), T(an_older_hole_may_be_given_back),
          T(too_few_spares_heal), T(too_few_spares_heal_hole_by_hole),
          T(a_very_old_hole_stops_the_ring), T(a_producer_may_sleep_long),
          T(leaving_with_an_open_reservation_aborts, .aborts = true),
          T(leaving_twice_aborts, .aborts = true), T(finishing_twice_aborts, .aborts = true),
          T(reserving_more_than_open_aborts, .aborts = true),
          T(pushing_beyond_open_aborts, .aborts = true),
          T(a_batch_beyond_open_aborts, .aborts = true),
          T(a_typed_push_of_another_size_aborts, .aborts = true),
          T(a_typed_pop_of_another_size_aborts, .aborts = true))
