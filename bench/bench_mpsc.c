/* SPDX-License-Identifier: MIT
 *
 * bench_mpsc.c: thetis_mpsc, a ring for 8 producers; typed form. With batches of 32 it has the 4096
 * slots that the peers have.
 */
#include <stdlib.h>
#include <thetis/mpsc.h>
#include <thetis/version.h>

#define CAPACITY 3200
#define MOST_BATCH 32
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_MPSC(uint64_t)"
#define SUBJECT_JOIN(ring) subject_join(ring)

THETIS_MPSC(item, uint64_t);

typedef struct subject_ring {
    thetis_mpsc *ring;
    thetis_mpsc_producer me;
} subject_ring;

/* Another producer. */
static subject_ring *subject_join(const subject_ring *subject)
{
    subject_ring *another = malloc(sizeof *another);
    *another = *subject;
    if (thetis_mpsc_join(another->ring, &another->me) != THETIS_OK) return NULL;
    return another;
}

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPSC_SIZE(sizeof(uint64_t), CAPACITY, 8, MOST_BATCH, MOST_BATCH)]
        THETIS_CACHE_ALIGNED;
    thetis_mpsc_cfg cfg = {sizeof(uint64_t), CAPACITY, 8, MOST_BATCH, MOST_BATCH};
    subject_ring first;
    if (thetis_mpsc_init(mem, sizeof mem, &cfg, &first.ring) != THETIS_OK) return NULL;
    return subject_join(&first);
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    return item_push(&subject->me, v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    return item_pop(subject->ring, v) == THETIS_OK;
}

static inline size_t subject_push_n(subject_ring *subject, const uint64_t *v, size_t n)
{
    return item_push_n(&subject->me, v, n, NULL);
}

static inline size_t subject_pop_n(subject_ring *subject, uint64_t *v, size_t n)
{
    return item_pop_n(subject->ring, v, n, NULL);
}

#include "spsc.h"
