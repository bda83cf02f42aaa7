/* SPDX-License-Identifier: MIT
 *
 * mpmc_rings.h: rings of both forms, and calls with their expected answers, for test_mpmc*.c.
 */
#ifndef TEST_MPMC_RINGS_H
#define TEST_MPMC_RINGS_H

#include "harness/test.h"

#include <string.h>

#include "ring/mpmc_cell.h"

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

enum { MPMC_MEM = 1 << 16, MPMC_ENDS = 3 };

static char mpmc_mem[MPMC_MEM] THETIS_CACHE_ALIGNED;
static thetis_mpmc_end mpmc_by[MPMC_ENDS];
static thetis_mpmc_value_end mpmc_value_by[MPMC_ENDS];

static inline thetis_mpmc *mpmc_make(size_t capacity, size_t open, unsigned flags)
{
    thetis_mpmc_cfg cfg = {sizeof(uint32_t), capacity, MPMC_ENDS, open, flags};
    thetis_mpmc *ring = NULL;
    CHECK_EQ(thetis_mpmc_init(mpmc_mem, sizeof mpmc_mem, &cfg, &ring), THETIS_OK);
    for (int p = 0; p < MPMC_ENDS; p++) CHECK_EQ(thetis_mpmc_join(ring, &mpmc_by[p]), THETIS_OK);
    return ring;
}

static inline thetis_mpmc_value *mpmc_make_value(size_t capacity, unsigned flags)
{
    thetis_mpmc_cfg cfg = {0, capacity, MPMC_ENDS, 0, flags};
    thetis_mpmc_value *ring = NULL;
    CHECK_EQ(thetis_mpmc_value_init(mpmc_mem, sizeof mpmc_mem, &cfg, &ring), THETIS_OK);
    for (int p = 0; p < MPMC_ENDS; p++)
        CHECK_EQ(thetis_mpmc_value_join(ring, &mpmc_value_by[p]), THETIS_OK);
    return ring;
}

static inline void mpmc_push_says(thetis_mpmc_end *by, uint32_t value, thetis_status want)
{
    CHECK_EQ(thetis_mpmc_push(by, &value), want);
}

static inline void mpmc_pop_is(thetis_mpmc_end *by, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(thetis_mpmc_pop(by, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static inline void mpmc_pop_says(thetis_mpmc_end *by, thetis_status want)
{
    uint32_t got = 4711;
    thetis_status why;
    void *at;
    CHECK_EQ(thetis_mpmc_pop(by, &got), want);
    CHECK_EQ(thetis_mpmc_pop_n(by, &got, 1, &why), 0);
    CHECK_EQ(why, want);
    CHECK_EQ(thetis_mpmc_peek(by, &at), want);
    CHECK_EQ(got, 4711);
}

static inline void mpmc_value_pop_is(thetis_mpmc_value_end *by, uintptr_t want)
{
    uintptr_t got = ~want;
    CHECK_EQ(thetis_mpmc_value_pop(by, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static inline void mpmc_value_pop_says(thetis_mpmc_value_end *by, thetis_status want)
{
    uintptr_t got;
    thetis_status why;
    CHECK_EQ(thetis_mpmc_value_pop(by, &got), want);
    CHECK_EQ(thetis_mpmc_value_pop_n(by, &got, 1, &why), 0);
    CHECK_EQ(why, want);
}

#endif

#endif
