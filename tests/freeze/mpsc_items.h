/* SPDX-License-Identifier: MIT
 *
 * mpsc_items.h: the forms of moving elements through a ring of many producers, each as one
 * operation of a freezer's thread. Seat 0 consumes, the others produce, each with a handle and a
 * number of its own.
 */
#ifndef TEST_MPSC_ITEMS_H
#define TEST_MPSC_ITEMS_H

#include "freezer.h"
#include "harness/test.h"

#include <string.h>
#include <thetis/mpsc.h>

enum { MPSC_ITEMS_BATCH = 2, MPSC_ITEMS_CAPACITY = 4 };

typedef struct mpsc_item {
    uint64_t by;
    uint64_t number;
    uint64_t seal;
} mpsc_item;

static thetis_atomic mpsc_items_producers;
static _Thread_local thetis_mpsc_producer mpsc_items_me;
static _Thread_local uint64_t mpsc_items_by;

/* The ring lies at the beginning of the shared memory. */
static inline void mpsc_items_setup(void *shared)
{
    thetis_mpsc_cfg cfg = {sizeof(mpsc_item), MPSC_ITEMS_CAPACITY, FREEZER_SEATS - 1,
                           MPSC_ITEMS_BATCH, MPSC_ITEMS_BATCH};
    thetis_mpsc *ring;
    CHECK_EQ(thetis_mpsc_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

static inline mpsc_item mpsc_item_sealed(uint64_t by, uint64_t number)
{
    uint64_t state = number * FREEZER_SEATS + by;
    return (mpsc_item){by, number, test_rand(&state)};
}

/* ---- producers: seat->next is the number of the next element --------------------------------- */

static inline thetis_mpsc_producer *mpsc_items_join(void *ring)
{
    if (!mpsc_items_me.ring_) {
        CHECK_EQ(thetis_mpsc_join(ring, &mpsc_items_me), THETIS_OK);
        mpsc_items_by = thetis_atomic_fetch_add_relaxed(&mpsc_items_producers, 1);
    }
    return &mpsc_items_me;
}

static inline void mpsc_items_push(freezer_seat *seat, void *ring)
{
    thetis_mpsc_producer *me = mpsc_items_join(ring);
    mpsc_item it = mpsc_item_sealed(mpsc_items_by, seat->next);
    freezer_begin(seat);
    thetis_status s = thetis_mpsc_push(me, &it);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static inline void mpsc_items_push_n(freezer_seat *seat, void *ring)
{
    thetis_mpsc_producer *me = mpsc_items_join(ring);
    mpsc_item it[MPSC_ITEMS_BATCH];
    for (size_t k = 0; k < MPSC_ITEMS_BATCH; k++)
        it[k] = mpsc_item_sealed(mpsc_items_by, seat->next + k);
    freezer_begin(seat);
    size_t n = thetis_mpsc_push_n(me, it, MPSC_ITEMS_BATCH, NULL);
    freezer_end(seat);
    seat->next += n;
}

/* Two reservations: the first is given back, the other one used. */
static inline void mpsc_items_reserve(freezer_seat *seat, void *ring)
{
    thetis_mpsc_producer *me = mpsc_items_join(ring);
    mpsc_item it = mpsc_item_sealed(mpsc_items_by, seat->next);
    void *at[2];
    freezer_begin(seat);
    size_t n = thetis_mpsc_reserve_n(me, at, 2, NULL);
    if (n > 0) thetis_mpsc_abort(me, at[0]);
    if (n > 1) {
        memcpy(at[1], &it, sizeof it);
        thetis_mpsc_commit(me, at[1]);
    }
    freezer_end(seat);
    seat->next += n > 1;
}

static inline void mpsc_items_close(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    (void)thetis_mpsc_close(ring);
    freezer_end(seat);
}

/* Comes and goes. */
static inline void mpsc_items_visit(freezer_seat *seat, void *ring)
{
    thetis_mpsc_producer me;
    freezer_begin(seat);
    thetis_status s = thetis_mpsc_join(ring, &me);
    if (s == THETIS_OK) thetis_mpsc_leave(&me);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

/* ---- consumer -------------------------------------------------------------------------------- */

static inline void mpsc_items_check(const mpsc_item *it)
{
    static uint64_t next[FREEZER_SEATS];
    CHECK(it->by < FREEZER_SEATS);
    mpsc_item want = mpsc_item_sealed(it->by, next[it->by]++);
    CHECK_EQ(it->number, want.number);
    CHECK_EQ(it->seal, want.seal);
}

static inline void mpsc_items_pop(freezer_seat *seat, void *ring)
{
    mpsc_item it;
    freezer_begin(seat);
    thetis_status s = thetis_mpsc_pop(ring, &it);
    freezer_end(seat);
    if (s == THETIS_OK) mpsc_items_check(&it);
}

static inline void mpsc_items_pop_n(freezer_seat *seat, void *ring)
{
    mpsc_item it[MPSC_ITEMS_BATCH];
    freezer_begin(seat);
    size_t n = thetis_mpsc_pop_n(ring, it, MPSC_ITEMS_BATCH, NULL);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) mpsc_items_check(&it[k]);
}

static inline void mpsc_items_cancel(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    (void)thetis_mpsc_cancel(ring);
    freezer_end(seat);
}

#endif
