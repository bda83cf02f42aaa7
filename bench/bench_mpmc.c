/* SPDX-License-Identifier: MIT
 *
 * bench_mpmc.c: thetis_mpmc for 8 participants: the value form, or with BENCH_INDEX the index form.
 */
#include <stdlib.h>
#include <thetis/mpmc.h>
#include <thetis/version.h>

#define CAPACITY 4000

#ifdef BENCH_INDEX

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", index form, uint64_t, 8 participants"

typedef struct subject_ring {
    thetis_mpmc_end me;
} subject_ring;

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPMC_SIZE(sizeof(uint64_t), CAPACITY, 8, 1)] THETIS_CACHE_ALIGNED;
    static subject_ring subject;
    thetis_mpmc_cfg cfg = {
        .elem_size = sizeof(uint64_t), .capacity = CAPACITY, .participants = 8};
    thetis_mpmc *ring;
    if (thetis_mpmc_init(mem, sizeof mem, &cfg, &ring) != THETIS_OK) return NULL;
    return thetis_mpmc_join(ring, &subject.me) == THETIS_OK ? &subject : NULL;
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    return thetis_mpmc_push(&subject->me, &v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    return thetis_mpmc_pop(&subject->me, v) == THETIS_OK;
}

#else

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", value form, 8 participants"

typedef struct subject_ring {
    thetis_mpmc_value_end me;
} subject_ring;

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPMC_VALUE_SIZE(CAPACITY, 8)] THETIS_CACHE_ALIGNED;
    static subject_ring subject;
    thetis_mpmc_cfg cfg = {.capacity = CAPACITY, .participants = 8};
    thetis_mpmc_value *ring;
    if (thetis_mpmc_value_init(mem, sizeof mem, &cfg, &ring) != THETIS_OK) return NULL;
    return thetis_mpmc_value_join(ring, &subject.me) == THETIS_OK ? &subject : NULL;
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    return thetis_mpmc_value_push(&subject->me, v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    return thetis_mpmc_value_pop(&subject->me, v) == THETIS_OK;
}

#endif

#include "one_by_one.h"
