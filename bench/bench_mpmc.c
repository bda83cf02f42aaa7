/* SPDX-License-Identifier: MIT
 *
 * bench_mpmc.c: thetis_mpmc for 20 participants: the value form, or with BENCH_INDEX the
 * index form.
 */
#include <stdlib.h>
#include <thetis/mpmc.h>
#include <thetis/version.h>

#define CAPACITY 4000
#define SUBJECT_JOIN(ring) subject_join(ring)

enum { PARTICIPANTS = 20 };

#ifdef BENCH_INDEX

#define SUBJECT_VARIANT                                                                         \
    "thetis " THETIS_VERSION_STRING ", index form, uint64_t, 20 participants"

typedef struct subject_ring {
    thetis_mpmc *ring;
    thetis_mpmc_end me;
} THETIS_CACHE_ALIGNED subject_ring;

/* Another participant. */
static subject_ring *subject_join(const subject_ring *subject)
{
    subject_ring *another = aligned_alloc(THETIS_CACHE_LINE, sizeof *another);
    if (!another) return NULL;
    another->ring = subject->ring;
    return thetis_mpmc_join(another->ring, &another->me) == THETIS_OK ? another : NULL;
}

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPMC_SIZE(sizeof(uint64_t), CAPACITY, PARTICIPANTS, 1)]
        THETIS_CACHE_ALIGNED;
    thetis_mpmc_cfg cfg = {
        .elem_size = sizeof(uint64_t), .capacity = CAPACITY, .participants = PARTICIPANTS};
    subject_ring first;
    if (thetis_mpmc_init(mem, sizeof mem, &cfg, &first.ring) != THETIS_OK) return NULL;
    return subject_join(&first);
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

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", value form, 20 participants"

typedef struct subject_ring {
    thetis_mpmc_value *ring;
    thetis_mpmc_value_end me;
} THETIS_CACHE_ALIGNED subject_ring;

/* Another participant. */
static subject_ring *subject_join(const subject_ring *subject)
{
    subject_ring *another = aligned_alloc(THETIS_CACHE_LINE, sizeof *another);
    if (!another) return NULL;
    another->ring = subject->ring;
    return thetis_mpmc_value_join(another->ring, &another->me) == THETIS_OK ? another : NULL;
}

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPMC_VALUE_SIZE(CAPACITY, PARTICIPANTS)] THETIS_CACHE_ALIGNED;
    thetis_mpmc_cfg cfg = {.capacity = CAPACITY, .participants = PARTICIPANTS};
    subject_ring first;
    if (thetis_mpmc_value_init(mem, sizeof mem, &cfg, &first.ring) != THETIS_OK) return NULL;
    return subject_join(&first);
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
