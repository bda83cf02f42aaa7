/* SPDX-License-Identifier: MIT
 *
 * lanes_items.h: the forms of moving records through lanes, each as one operation of a freezer's
 * thread. Seat 0 consumes, the others produce, each with a lane and a number of its own. All
 * attach to the memory, as processes would.
 */
#ifndef TEST_LANES_ITEMS_H
#define TEST_LANES_ITEMS_H

#include "freezer.h"
#include "harness/test.h"

#include <sched.h>
#include <string.h>
#include <thetis/lanes.h>

enum { LANES_ITEMS_CAPACITY = 1024, LANES_ITEMS_MOST = 48 };

typedef struct lanes_item {
    uint64_t by;
    uint64_t number;
    unsigned char more[LANES_ITEMS_MOST - 2 * sizeof(uint64_t)];
} lanes_item;

static const thetis_lanes_cfg lanes_items_cfg = {FREEZER_SEATS - 1, LANES_ITEMS_CAPACITY,
                                                 LANES_ITEMS_MOST};
static thetis_atomic lanes_items_producers;
static _Thread_local thetis_lanes_producer lanes_items_me;
static _Thread_local uint64_t lanes_items_by;
static char lanes_items_own[THETIS_LANES_CONSUMER_SIZE(FREEZER_SEATS - 1)] THETIS_CACHE_ALIGNED;
static thetis_lanes_consumer *lanes_items_out;

/* The lanes lie at the beginning of the shared memory. */
static inline void lanes_items_setup(void *shared)
{
    thetis_lanes made;
    CHECK_EQ(thetis_lanes_init(shared, FREEZER_SHARED, &lanes_items_cfg, &made), THETIS_OK);
}

static inline thetis_lanes lanes_items_attach(void *shared)
{
    thetis_lanes there;
    CHECK_EQ(thetis_lanes_attach(shared, FREEZER_SHARED, &lanes_items_cfg, &there), THETIS_OK);
    return there;
}

static inline size_t lanes_item_fill(lanes_item *it, uint64_t by, uint64_t number)
{
    size_t more = (size_t)(number * 7 % (sizeof it->more + 1));
    *it = (lanes_item){.by = by, .number = number};
    for (size_t k = 0; k < more; k++) it->more[k] = (unsigned char)(number * 29 + k * 3 + by);
    return 2 * sizeof(uint64_t) + more;
}

/* ---- producers: seat->next is the number of the next record ---------------------------------- */

/* NULL: closed before it came. */
static inline thetis_lanes_producer *lanes_items_join(void *shared)
{
    if (!lanes_items_me.lane_) {
        thetis_lanes there = lanes_items_attach(shared);
        uint64_t by = thetis_atomic_fetch_add_relaxed(&lanes_items_producers, 1);
        thetis_status s = thetis_lanes_join(&there, by + 1, &lanes_items_me);
        if (s == THETIS_CLOSED) return NULL;
        CHECK_EQ(s, THETIS_OK);
        lanes_items_by = by;
    }
    return &lanes_items_me;
}

static inline void lanes_items_push(freezer_seat *seat, void *shared)
{
    thetis_lanes_producer *me = lanes_items_join(shared);
    lanes_item it;
    size_t size = lanes_item_fill(&it, lanes_items_by, seat->next);
    freezer_begin(seat);
    thetis_status s = me ? thetis_lanes_push(me, &it, size) : THETIS_CLOSED;
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

/* The commit alone, of the first of two reservations; waits for room before it. */
static inline void lanes_items_commit(freezer_seat *seat, void *shared)
{
    thetis_lanes_producer *me = lanes_items_join(shared);
    lanes_item it;
    size_t size = lanes_item_fill(&it, lanes_items_by, seat->next);
    void *record, *second;
    while (thetis_lanes_reserve(me, size, &record) == THETIS_FULL) (void)sched_yield();
    bool two = thetis_lanes_reserve(me, 0, &second) == THETIS_OK;
    memcpy(record, &it, size);
    freezer_begin(seat);
    thetis_status s = thetis_lanes_commit(me, size);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
    if (two) (void)!thetis_lanes_abort(me);
}

/* Two reservations: the second is given back, of the first one less is used. */
static inline void lanes_items_reserve(freezer_seat *seat, void *shared)
{
    thetis_lanes_producer *me = lanes_items_join(shared);
    lanes_item it;
    size_t size = lanes_item_fill(&it, lanes_items_by, seat->next);
    void *record, *second;
    freezer_begin(seat);
    thetis_status s = thetis_lanes_reserve(me, sizeof it, &record);
    if (s == THETIS_OK) {
        if (thetis_lanes_reserve(me, 8, &second) == THETIS_OK) (void)!thetis_lanes_abort(me);
        memcpy(record, &it, size);
        s = thetis_lanes_commit(me, size);
    }
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static inline void lanes_items_close(freezer_seat *seat, void *shared)
{
    thetis_lanes there = lanes_items_attach(shared);
    freezer_begin(seat);
    (void)thetis_lanes_close(&there);
    freezer_end(seat);
}

/* Comes and goes. */
static inline void lanes_items_visit(freezer_seat *seat, void *shared)
{
    thetis_lanes_producer me;
    thetis_lanes there = lanes_items_attach(shared);
    freezer_begin(seat);
    thetis_status s = thetis_lanes_join(&there, 1, &me);
    if (s == THETIS_OK) thetis_lanes_leave(&me);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK); /* a lane for each */
}

/* ---- consumer: seat->next counts records ----------------------------------------------------- */

static inline thetis_lanes_consumer *lanes_items_open(void *shared)
{
    if (!lanes_items_out) {
        thetis_lanes there = lanes_items_attach(shared);
        CHECK_EQ(thetis_lanes_open(&there, lanes_items_own, sizeof lanes_items_own,
                                   &lanes_items_out),
                 THETIS_OK);
    }
    return lanes_items_out;
}

/* The next number of each producer. */
static uint64_t lanes_items_next[FREEZER_SEATS];

static inline void lanes_items_check(const void *record, size_t size)
{
    lanes_item got, want;
    CHECK(size >= 2 * sizeof(uint64_t) && size <= sizeof got);
    memset(&got, 0, sizeof got);
    memcpy(&got, record, size);
    CHECK(got.by < FREEZER_SEATS);
    CHECK_EQ(got.number, lanes_items_next[got.by]);
    CHECK_EQ(size, lanes_item_fill(&want, got.by, lanes_items_next[got.by]++));
    CHECK(memcmp(&got, &want, sizeof got) == 0);
}

static inline void lanes_items_pop(freezer_seat *seat, void *shared)
{
    thetis_lanes_consumer *out = lanes_items_open(shared);
    lanes_item it;
    size_t size;
    freezer_begin(seat);
    thetis_status s = thetis_lanes_pop(out, &it, sizeof it, &size);
    freezer_end(seat);
    if (s != THETIS_OK) return;
    lanes_items_check(&it, size);
    seat->next++;
}

static inline void lanes_items_release(freezer_seat *seat, void *shared)
{
    thetis_lanes_consumer *out = lanes_items_open(shared);
    lanes_item it;
    void *record;
    size_t size;
    freezer_begin(seat);
    thetis_status s = thetis_lanes_peek(out, &record, &size);
    if (s == THETIS_OK) {
        memcpy(&it, record, size);
        thetis_lanes_release(out);
    }
    freezer_end(seat);
    if (s != THETIS_OK) return;
    lanes_items_check(&it, size);
    seat->next++;
}

static inline void lanes_items_cancel(freezer_seat *seat, void *shared)
{
    thetis_lanes_consumer *out = lanes_items_open(shared);
    freezer_begin(seat);
    (void)thetis_lanes_cancel(out);
    freezer_end(seat);
}

#endif
