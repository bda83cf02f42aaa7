/* SPDX-License-Identifier: MIT
 *
 * spsc_rings.h: rings in chosen states, and calls with their expected answers, for test_spsc*.c.
 */
#ifndef TEST_SPSC_RINGS_H
#define TEST_SPSC_RINGS_H

#include "harness/test.h"

#include <string.h>
#include <thetis/spsc.h>

THETIS_SPSC(u32_ring, uint32_t);

enum { SPSC_CAPACITY = 8, SPSC_MEM = 4096 };

static char spsc_mem[SPSC_MEM] THETIS_CACHE_ALIGNED;

static inline thetis_spsc *spsc_make(size_t elem_size, size_t capacity)
{
    thetis_spsc_cfg cfg = {elem_size, capacity};
    thetis_spsc *ring = NULL;
    CHECK_EQ(thetis_spsc_init(spsc_mem, sizeof spsc_mem, &cfg, &ring), THETIS_OK);
    return ring;
}

/* An empty ring of 32-bit numbers as if `start` elements had passed through it. */
static inline thetis_spsc *spsc_make_at(size_t capacity, uintptr_t start)
{
    thetis_spsc *ring = spsc_make(sizeof(uint32_t), capacity);
    ring->producer_.at_.word_ = ring->consumer_.at_.word_ = ring->consumer_.known_ = start * 2;
    ring->producer_.known_ = start * 2 + ring->producer_.span_;
    return ring;
}

/* Runs `body` for each capacity, starting k elements before the counters wrap; k = 0: not near. */
static inline void spsc_each(void (*body)(size_t capacity, uintptr_t start))
{
    for (size_t capacity = 1; capacity <= SPSC_CAPACITY; capacity *= 2) {
        for (uintptr_t k = 0; k <= 2 * capacity + 1; k++) body(capacity, (uintptr_t)0 - k);
    }
}

static inline void spsc_push_ok(thetis_spsc *ring, uint32_t value)
{
    CHECK_EQ(u32_ring_push(ring, value), THETIS_OK);
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
}

static inline void spsc_pop_is(thetis_spsc *ring, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(u32_ring_pop(ring, &got), THETIS_OK);
    CHECK_EQ(got, want);
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
}

static inline void spsc_pop_says(thetis_spsc *ring, thetis_status want)
{
    uint32_t got = 4711;
    CHECK_EQ(u32_ring_pop(ring, &got), want);
    CHECK_EQ(thetis_spsc_pop(ring, &got), want);
    CHECK_EQ(got, 4711);
}

static inline void spsc_push_says(thetis_spsc *ring, thetis_status want)
{
    uint32_t item = 1;
    CHECK_EQ(u32_ring_push(ring, item), want);
    CHECK_EQ(thetis_spsc_push(ring, &item), want);
}

/* Slot k of what reserve or peek described. */
static inline uint32_t *spsc_at(const thetis_spsc_span *span, size_t k)
{
    return k < span->n[0] ? (uint32_t *)span->at[0] + k
                          : (uint32_t *)span->at[1] + (k - span->n[0]);
}

/* Reserves n slots, all of which must be granted, and numbers them from `first` on. */
static inline void spsc_reserve_ok(thetis_spsc *ring, size_t n, uint32_t first)
{
    thetis_spsc_span span;
    thetis_status why = THETIS_EOTHER;
    CHECK_EQ(thetis_spsc_reserve(ring, n, &span, &why), n);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(span.n[0] + span.n[1], n);
    for (size_t k = 0; k < n; k++) *spsc_at(&span, k) = first + (uint32_t)k;
}

static inline void spsc_reserve_says(thetis_spsc *ring, size_t n, size_t granted,
                                     thetis_status want)
{
    thetis_spsc_span span;
    thetis_status why = THETIS_EOTHER;
    CHECK_EQ(thetis_spsc_reserve(ring, n, &span, &why), granted);
    CHECK_EQ(why, want);
    CHECK_EQ(span.n[0] + span.n[1], granted);
}

static inline void spsc_peek_says(thetis_spsc *ring, size_t n, size_t shown, thetis_status want)
{
    thetis_spsc_span span;
    thetis_status why = THETIS_EOTHER;
    CHECK_EQ(thetis_spsc_peek(ring, n, &span, &why), shown);
    CHECK_EQ(why, want);
    CHECK_EQ(span.n[0] + span.n[1], shown);
}

#endif
