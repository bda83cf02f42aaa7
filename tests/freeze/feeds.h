/* SPDX-License-Identifier: MIT
 *
 * feeds.h: a producer and readers of a broadcast ring, each as one operation of a freezer's thread.
 * The elements are the items of items.h; that they are whole is checked behind the operation.
 */
#ifndef TEST_FEEDS_H
#define TEST_FEEDS_H

#include <thetis/bcast.h>

#include "items.h"

enum { FEEDS_READERS = FREEZER_SEATS - 1, FEEDS_CAPACITY = 2 };

/* The ring lies at the beginning of the shared memory. */
static inline void feeds_setup(void *shared, thetis_bcast_mode mode)
{
    thetis_bcast_cfg cfg = {sizeof(item), FEEDS_CAPACITY,
                            mode == THETIS_BCAST_LOSSY ? 0 : FEEDS_READERS, mode};
    thetis_bcast *ring;
    CHECK_EQ(thetis_bcast_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

static inline void feeds_setup_refuse(void *shared)
{
    feeds_setup(shared, THETIS_BCAST_REFUSE);
}

static inline void feeds_setup_evict(void *shared)
{
    feeds_setup(shared, THETIS_BCAST_EVICT);
}

static inline void feeds_setup_lossy(void *shared)
{
    feeds_setup(shared, THETIS_BCAST_LOSSY);
}

/* ---- producer: seat->next is the number of the last element ---------------------------------- */

static inline void feeds_push(freezer_seat *seat, void *ring)
{
    item it = item_sealed(seat->next + 1);
    freezer_begin(seat);
    thetis_status s = thetis_bcast_push(ring, &it);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static inline void feeds_close(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    thetis_bcast_close(ring);
    freezer_end(seat);
}

/* ---- readers: seat->next is the number of the last element seen ------------------------------ */

static inline void feeds_check(freezer_seat *seat, const item *it)
{
    CHECK(it->number > seat->next);
    item_check(it, it->number);
    seat->next = it->number;
}

/* The calling thread's end stays; who was evicted comes back. */
static inline void feeds_pop(freezer_seat *seat, void *ring)
{
    static _Thread_local thetis_bcast_reader reader;
    item it;
    if (!reader.of_) CHECK_EQ(thetis_bcast_join(ring, &reader), THETIS_OK);
    freezer_begin(seat);
    thetis_status s = thetis_bcast_pop(&reader, &it);
    freezer_end(seat);
    if (s == THETIS_OK) feeds_check(seat, &it);
    if (s == THETIS_LOST && thetis_bcast_missed(&reader) == 0) thetis_bcast_leave(&reader);
}

/* There is a place for each. */
static inline void feeds_visit(freezer_seat *seat, void *ring)
{
    thetis_bcast_reader reader;
    item it;
    freezer_begin(seat);
    thetis_status joined = thetis_bcast_join(ring, &reader);
    thetis_status s = joined == THETIS_OK ? thetis_bcast_pop(&reader, &it) : joined;
    if (joined == THETIS_OK) thetis_bcast_leave(&reader);
    freezer_end(seat);
    CHECK_EQ(joined, THETIS_OK);
    if (s == THETIS_OK) feeds_check(seat, &it);
}

#endif
