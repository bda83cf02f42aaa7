/* SPDX-License-Identifier: MIT
 *
 * stress_lin_mpmc.c: recorded histories of both forms of thetis/mpmc.h: see witness.h. The value
 * form has exactly its capacity; that of the index form is what it has at least, so that FULL
 * depends on who keeps free slots: its capacity is larger than the threads ever fill.
 */
#include "witness.h"

#include <thetis/mpmc.h>

#include "lin/lin.h"

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

/* ---- the value form -------------------------------------------------------------------------- */

static thetis_mpmc_value *values;
static thetis_mpmc_value_end values_end[WITNESS_THREADS];

static void values_open(size_t capacity, unsigned round)
{
    static char mem[THETIS_MPMC_VALUE_SIZE(64, WITNESS_THREADS)] THETIS_CACHE_ALIGNED;
    thetis_mpmc_cfg cfg = {0, capacity, WITNESS_THREADS, 0, 1 + round / 4 % 2};
    CHECK_EQ(thetis_mpmc_value_init(mem, sizeof mem, &cfg, &values), THETIS_OK);
}

static void *values_join(unsigned thread)
{
    CHECK_EQ(thetis_mpmc_value_join(values, &values_end[thread]), THETIS_OK);
    return &values_end[thread];
}

static void values_leave(void *me)
{
    thetis_mpmc_value_leave(me);
}

static thetis_status values_push(void *me, uint64_t value)
{
    return thetis_mpmc_value_push(me, value);
}

static thetis_status values_pop(void *me, uint64_t *value)
{
    uintptr_t word = 0;
    thetis_status s = thetis_mpmc_value_pop(me, &word);
    *value = word;
    return s;
}

static thetis_status values_close(void *me)
{
    return thetis_mpmc_value_close(me);
}

static const witness_subject value_form = {.bounded = 1, .open = values_open, .join = values_join,
                                           .leave = values_leave, .push = values_push,
                                           .pop = values_pop, .close = values_close};

TEST(values_are_linearizable)
{
    witness_run(&value_form);
}

TEST(a_wrong_history_is_noticed)
{
    witness_control(&value_form);
}

/* ---- the index form -------------------------------------------------------------------------- */

enum { SLOTS = WITNESS_THREADS * WITNESS_OPS };

static thetis_mpmc *slots;
static thetis_mpmc_end slots_end[WITNESS_THREADS];

static void slots_open(size_t capacity, unsigned round)
{
    static char mem[THETIS_MPMC_SIZE(sizeof(uint64_t), SLOTS, WITNESS_THREADS, 1)]
        THETIS_CACHE_ALIGNED;
    thetis_mpmc_cfg cfg = {sizeof(uint64_t), SLOTS, WITNESS_THREADS, 1, 1 + round / 4 % 2};
    (void)capacity;
    CHECK_EQ(thetis_mpmc_init(mem, sizeof mem, &cfg, &slots), THETIS_OK);
}

static void *slots_join(unsigned thread)
{
    CHECK_EQ(thetis_mpmc_join(slots, &slots_end[thread]), THETIS_OK);
    return &slots_end[thread];
}

static void slots_leave(void *me)
{
    thetis_mpmc_leave(me);
}

static thetis_status slots_push(void *me, uint64_t value)
{
    return thetis_mpmc_push(me, &value);
}

static thetis_status slots_pop(void *me, uint64_t *value)
{
    return thetis_mpmc_pop(me, value);
}

static thetis_status slots_close(void *me)
{
    return thetis_mpmc_close(me);
}

static const witness_subject index_form = {.open = slots_open, .join = slots_join,
                                           .leave = slots_leave, .push = slots_push,
                                           .pop = slots_pop, .close = slots_close};

TEST(elements_are_linearizable)
{
    witness_run(&index_form);
}

TEST_MAIN(T(values_are_linearizable, .timeout_s = 3600),
          T(a_wrong_history_is_noticed, .timeout_s = 120),
          T(elements_are_linearizable, .timeout_s = 3600))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
