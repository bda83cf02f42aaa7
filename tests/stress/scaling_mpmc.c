/* SPDX-License-Identifier: MIT
 *
 * scaling_mpmc.c: both forms of thetis/mpmc.h under 2 to 32 threads at once.
 */
#include "scaling.h"

#include <thetis/mpmc.h>

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

static void *crowd_memory(size_t size)
{
    size = (size + THETIS_CACHE_LINE - 1) & ~(THETIS_CACHE_LINE - 1ul);
    return aligned_alloc(THETIS_CACHE_LINE, size);
}

/* ---- the index form -------------------------------------------------------------------------- */

static void *slots_open(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_mpmc_cfg cfg = {sizeof(uint64_t), capacity, producers + consumers, 1, 0};
    thetis_mpmc *ring;
    CHECK_EQ(thetis_mpmc_init(crowd_memory(thetis_mpmc_size(&cfg)), thetis_mpmc_size(&cfg), &cfg,
                              &ring), THETIS_OK);
    return ring;
}

static void *slots_join(void *ring, int produces)
{
    thetis_mpmc_end *end = malloc(sizeof *end);
    (void)produces;
    CHECK_EQ(thetis_mpmc_join(ring, end), THETIS_OK);
    return end;
}

static void slots_leave(void *end, int produces)
{
    (void)produces;
    thetis_mpmc_leave(end);
    free(end);
}

static int slots_push(void *end, uint64_t element)
{
    return thetis_mpmc_push(end, &element) == THETIS_OK;
}

static int slots_pop(void *end, uint64_t *element)
{
    return thetis_mpmc_pop(end, element) == THETIS_OK;
}

static void slots_close(void *ring)
{
    CHECK_EQ(thetis_mpmc_check(ring), THETIS_OK);
    free(ring);
}

static const scaling_subject slots = { /* it has slack for each participant */
    .producers = SCALING_THREADS, .consumers = SCALING_THREADS, .smallest = 1, .largest = 1,
    .open = slots_open, .join = slots_join, .leave = slots_leave, .push = slots_push,
    .pop = slots_pop, .close = slots_close};

TEST(elements_under_every_number_of_threads)
{
    scaling_run(&slots);
}

/* ---- the value form -------------------------------------------------------------------------- */

static void *values_open(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_mpmc_cfg cfg = {.capacity = capacity, .participants = producers + consumers};
    size_t size = thetis_mpmc_value_size(&cfg);
    thetis_mpmc_value *ring;
    CHECK_EQ(thetis_mpmc_value_init(crowd_memory(size), size, &cfg, &ring), THETIS_OK);
    return ring;
}

static void *values_join(void *ring, int produces)
{
    thetis_mpmc_value_end *end = malloc(sizeof *end);
    (void)produces;
    CHECK_EQ(thetis_mpmc_value_join(ring, end), THETIS_OK);
    return end;
}

static void values_leave(void *end, int produces)
{
    (void)produces;
    thetis_mpmc_value_leave(end);
    free(end);
}

static int values_push(void *end, uint64_t element)
{
    return thetis_mpmc_value_push(end, element) == THETIS_OK;
}

static int values_pop(void *end, uint64_t *element)
{
    uintptr_t value;
    int got = thetis_mpmc_value_pop(end, &value) == THETIS_OK;
    if (got) *element = value;
    return got;
}

static void values_close(void *ring)
{
    CHECK_EQ(thetis_mpmc_value_check(ring), THETIS_OK);
    free(ring);
}

static const scaling_subject values = {
    .producers = SCALING_THREADS, .consumers = SCALING_THREADS, .smallest = 8, .largest = 8,
    .open = values_open, .join = values_join, .leave = values_leave, .push = values_push,
    .pop = values_pop, .close = values_close};

TEST(values_under_every_number_of_threads)
{
    scaling_run(&values);
}

TEST_MAIN(T(elements_under_every_number_of_threads, .timeout_s = 240),
          T(values_under_every_number_of_threads, .timeout_s = 240))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
