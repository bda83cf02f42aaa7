/* SPDX-License-Identifier: MIT
 *
 * items.h: elements that show whether they are whole and in order, and the forms of moving them
 * through a ring, each as one operation of a freezer's thread.
 */
#ifndef TEST_ITEMS_H
#define TEST_ITEMS_H

#include "freezer.h"
#include "harness/test.h"

#include <thetis/spsc.h>

enum { ITEMS_BATCH = 3, ITEMS_CAPACITY = 4 };

/* Three words: a slot that is read too early, torn, lost, doubled or out of order shows. */
typedef struct item {
    uint64_t number;
    uint64_t seal;
    uint64_t again;
} item;

static inline item item_sealed(uint64_t number)
{
    uint64_t state = number;
    return (item){number, test_rand(&state), number};
}

static inline void item_check(const item *it, uint64_t number)
{
    item want = item_sealed(number);
    CHECK_EQ(it->number, number);
    CHECK_EQ(it->seal, want.seal);
    CHECK_EQ(it->again, number);
}

static inline item *items_at(const thetis_spsc_span *span, size_t k)
{
    return k < span->n[0] ? (item *)span->at[0] + k : (item *)span->at[1] + (k - span->n[0]);
}

/* The ring lies at the beginning of the shared memory. */
static inline void items_setup(void *shared)
{
    thetis_spsc_cfg cfg = {sizeof(item), ITEMS_CAPACITY};
    thetis_spsc *ring;
    CHECK_EQ(thetis_spsc_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

/* ---- producer: seat->next is the number of the next element ---------------------------------- */

static inline void items_push(freezer_seat *seat, void *ring)
{
    item it = item_sealed(seat->next);
    freezer_begin(seat);
    thetis_status s = thetis_spsc_push(ring, &it);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static inline void items_push_n(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    for (size_t k = 0; k < ITEMS_BATCH; k++) it[k] = item_sealed(seat->next + k);
    freezer_begin(seat);
    size_t n = thetis_spsc_push_n(ring, it, ITEMS_BATCH, NULL);
    freezer_end(seat);
    seat->next += n;
}

/* Writes the elements in place, inside the operation. */
static inline void items_reserve(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    thetis_spsc_span span;
    for (size_t k = 0; k < ITEMS_BATCH; k++) it[k] = item_sealed(seat->next + k);
    freezer_begin(seat);
    size_t n = thetis_spsc_reserve(ring, ITEMS_BATCH, &span, NULL);
    for (size_t k = 0; k < n; k++) *items_at(&span, k) = it[k];
    thetis_spsc_commit(ring, n);
    freezer_end(seat);
    seat->next += n;
}

/* Publishes nothing. */
static inline void items_abort(freezer_seat *seat, void *ring)
{
    thetis_spsc_span span;
    freezer_begin(seat);
    size_t n = thetis_spsc_reserve(ring, ITEMS_BATCH, &span, NULL);
    thetis_spsc_abort(ring, n);
    freezer_end(seat);
}

static inline void items_close(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    thetis_spsc_close(ring);
    freezer_end(seat);
}

/* ---- consumer: seat->next is the number of the next element ---------------------------------- */

static inline void items_pop(freezer_seat *seat, void *ring)
{
    item it;
    freezer_begin(seat);
    thetis_status s = thetis_spsc_pop(ring, &it);
    freezer_end(seat);
    if (s == THETIS_OK) item_check(&it, seat->next++);
}

static inline void items_pop_n(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    freezer_begin(seat);
    size_t n = thetis_spsc_pop_n(ring, it, ITEMS_BATCH, NULL);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) item_check(&it[k], seat->next++);
}

/* Reads the elements in place, inside the operation. */
static inline void items_release(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    thetis_spsc_span span;
    freezer_begin(seat);
    size_t n = thetis_spsc_peek(ring, ITEMS_BATCH, &span, NULL);
    for (size_t k = 0; k < n; k++) it[k] = *items_at(&span, k);
    thetis_spsc_release(ring, n);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) item_check(&it[k], seat->next++);
}

/* Takes nothing. */
static inline void items_peek(freezer_seat *seat, void *ring)
{
    thetis_spsc_span span;
    freezer_begin(seat);
    size_t n = thetis_spsc_peek(ring, ITEMS_BATCH, &span, NULL);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) item_check(items_at(&span, k), seat->next + k);
}

static inline void items_cancel(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    thetis_spsc_cancel(ring);
    freezer_end(seat);
}

#endif
