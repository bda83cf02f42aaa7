/* SPDX-License-Identifier: MIT
 *
 * mpmc_items.h: the forms of moving elements through the rings of thetis/mpmc.h, each as one
 * operation of a freezer's thread. Every seat has a handle and a number of its own; each operation
 * pushes and pops once, so that all roles meet in it.
 */
#ifndef TEST_MPMC_ITEMS_H
#define TEST_MPMC_ITEMS_H

#include "freezer.h"
#include "harness/test.h"

#include <string.h>
#include <thetis/mpmc.h>

enum { MPMC_ITEMS_CAPACITY = 2, MPMC_ITEMS_PLACES = FREEZER_SEATS + 1 };

typedef struct mpmc_item {
    uint64_t number;
    uint64_t seal;
} mpmc_item;

static _Thread_local thetis_mpmc_end mpmc_items_me;
static _Thread_local thetis_mpmc_value_end mpmc_items_value_me;

/* The ring lies at the beginning of the shared memory. */
static inline void mpmc_items_setup(void *shared)
{
    thetis_mpmc_cfg cfg = {sizeof(mpmc_item), MPMC_ITEMS_CAPACITY, MPMC_ITEMS_PLACES, 1,
                           THETIS_MPMC_REALTIME};
    thetis_mpmc *ring;
    CHECK_EQ(thetis_mpmc_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

static inline void mpmc_items_setup_values(void *shared)
{
    thetis_mpmc_cfg cfg = {0, MPMC_ITEMS_CAPACITY, MPMC_ITEMS_PLACES, 0, THETIS_MPMC_REALTIME};
    thetis_mpmc_value *ring;
    CHECK_EQ(thetis_mpmc_value_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

static inline mpmc_item mpmc_item_sealed(uint64_t number)
{
    uint64_t state = number;
    return (mpmc_item){number, test_rand(&state)};
}

static inline void mpmc_items_check(const mpmc_item *it)
{
    mpmc_item want = mpmc_item_sealed(it->number);
    CHECK_EQ(it->seal, want.seal);
}

static inline thetis_mpmc_end *mpmc_items_join(void *ring)
{
    if (!mpmc_items_me.ring_) CHECK_EQ(thetis_mpmc_join(ring, &mpmc_items_me), THETIS_OK);
    return &mpmc_items_me;
}

static inline thetis_mpmc_value_end *mpmc_items_value_join(void *ring)
{
    if (!mpmc_items_value_me.ring_)
        CHECK_EQ(thetis_mpmc_value_join(ring, &mpmc_items_value_me), THETIS_OK);
    return &mpmc_items_value_me;
}

/* ---- operations ------------------------------------------------------------------------------ */

static inline void mpmc_items_pair(freezer_seat *seat, void *ring)
{
    thetis_mpmc_end *me = mpmc_items_join(ring);
    mpmc_item it = mpmc_item_sealed(seat->next++), got;
    freezer_begin(seat);
    (void)!thetis_mpmc_push(me, &it);
    thetis_status s = thetis_mpmc_pop(me, &got);
    freezer_end(seat);
    if (s == THETIS_OK) mpmc_items_check(&got);
}

/* In place; every other reservation is given back. */
static inline void mpmc_items_in_place(freezer_seat *seat, void *ring)
{
    thetis_mpmc_end *me = mpmc_items_join(ring);
    mpmc_item it = mpmc_item_sealed(seat->next++), got = mpmc_item_sealed(0);
    void *at;
    freezer_begin(seat);
    if (thetis_mpmc_reserve(me, &at) == THETIS_OK) {
        memcpy(at, &it, sizeof it);
        if (seat->next % 2) thetis_mpmc_abort(me, at);
        else (void)!thetis_mpmc_commit(me, at);
    }
    if (thetis_mpmc_peek(me, &at) == THETIS_OK) {
        memcpy(&got, at, sizeof got);
        thetis_mpmc_release(me, at);
    }
    freezer_end(seat);
    mpmc_items_check(&got);
}

static inline void mpmc_items_value_pair(freezer_seat *seat, void *ring)
{
    thetis_mpmc_value_end *me = mpmc_items_value_join(ring);
    uintptr_t got;
    freezer_begin(seat);
    (void)!thetis_mpmc_value_push(me, seat->next++);
    (void)!thetis_mpmc_value_pop(me, &got);
    freezer_end(seat);
}

/* Comes and goes. */
static inline void mpmc_items_visit(freezer_seat *seat, void *ring)
{
    thetis_mpmc_end me;
    mpmc_item it = mpmc_item_sealed(seat->next++);
    freezer_begin(seat);
    thetis_status s = thetis_mpmc_join(ring, &me);
    if (s == THETIS_OK) {
        (void)!thetis_mpmc_push(&me, &it);
        thetis_mpmc_leave(&me);
    }
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

static inline void mpmc_items_close(freezer_seat *seat, void *ring)
{
    thetis_mpmc_end *me = mpmc_items_join(ring);
    freezer_begin(seat);
    (void)thetis_mpmc_close(me);
    freezer_end(seat);
}

#endif
