/* SPDX-License-Identifier: MIT
 *
 * mpsc_rings.h: rings in chosen states, and calls with their expected answers, for test_mpsc*.c.
 */
#ifndef TEST_MPSC_RINGS_H
#define TEST_MPSC_RINGS_H

#include "harness/test.h"

#include <string.h>

#include "ring/mpsc.h"

enum { MPSC_MEM = 1 << 16, MPSC_LARGEST = 9 };

THETIS_MPSC(u32_ring, uint32_t);

static char mpsc_mem[MPSC_MEM] THETIS_CACHE_ALIGNED;
static thetis_mpsc_producer mpsc_by[4]; /* those of mpsc_make_at() */

static inline thetis_mpsc *mpsc_make_at(const thetis_mpsc_cfg *cfg, uintptr_t start)
{
    thetis_mpsc_shape_ shape = tht_mpsc_shape(cfg);
    size_t bytes = tht_mpsc_bytes(&shape);
    CHECK(bytes > 0 && bytes <= sizeof mpsc_mem);
    thetis_mpsc *ring = tht_mpsc_build(mpsc_mem, &shape, start);
    for (size_t p = 0; p < cfg->producers; p++)
        CHECK_EQ(thetis_mpsc_join(ring, &mpsc_by[p]), THETIS_OK);
    return ring;
}

/* Runs `body` for capacities up to MPSC_LARGEST, on positions that wrap after k tickets. */
static inline void mpsc_each(void (*body)(size_t capacity, uintptr_t start))
{
    for (size_t capacity = 1; capacity <= MPSC_LARGEST; capacity++) {
        for (uintptr_t k = 0; k < 20; k++) body(capacity, (uintptr_t)0 - 4 * k);
    }
}

static inline void mpsc_push_ok(thetis_mpsc_producer *by, uint32_t value)
{
    CHECK_EQ(u32_ring_push(by, value), THETIS_OK);
    CHECK_EQ(thetis_mpsc_check(by->ring_), THETIS_OK);
}

static inline void mpsc_push_says(thetis_mpsc_producer *by, thetis_status want)
{
    uint32_t item = 1;
    thetis_status why;
    void *at;
    CHECK_EQ(u32_ring_push(by, item), want);
    CHECK_EQ(thetis_mpsc_push(by, &item), want);
    CHECK_EQ(thetis_mpsc_reserve(by, &at), want);
    CHECK_EQ(thetis_mpsc_push_n(by, &item, 1, &why), 0);
    CHECK_EQ(why, want);
    CHECK_EQ(u32_ring_push_n(by, &item, 1, &why), 0);
    CHECK_EQ(why, want);
}

static inline void mpsc_pop_is(thetis_mpsc *ring, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(u32_ring_pop(ring, &got), THETIS_OK);
    CHECK_EQ(got, want);
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_OK);
}

static inline void mpsc_pop_says(thetis_mpsc *ring, thetis_status want)
{
    uint32_t got = 4711;
    thetis_status why;
    CHECK_EQ(u32_ring_pop(ring, &got), want);
    CHECK_EQ(thetis_mpsc_pop(ring, &got), want);
    CHECK_EQ(thetis_mpsc_pop_n(ring, &got, 1, &why), 0);
    CHECK_EQ(why, want);
    CHECK_EQ(u32_ring_pop_n(ring, &got, 1, &why), 0);
    CHECK_EQ(why, want);
    CHECK_EQ(got, 4711);
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_OK);
}

static inline void *mpsc_reserve_ok(thetis_mpsc_producer *by, uint32_t value)
{
    void *at = NULL;
    CHECK_EQ(thetis_mpsc_reserve(by, &at), THETIS_OK);
    CHECK_EQ((uintptr_t)at % sizeof(uintptr_t), 0);
    memcpy(at, &value, sizeof value);
    return at;
}

#endif
