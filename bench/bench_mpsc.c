/* SPDX-License-Identifier: MIT
 *
 * bench_mpsc.c: thetis_mpsc, typed form, a ring for 8 producers.
 */
#include <stdlib.h>
#include <thetis/mpsc.h>
#include <thetis/version.h>

#define CAPACITY 3584
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_MPSC(uint64_t), 8 producers"

THETIS_MPSC(item, uint64_t);

typedef struct subject_ring {
    thetis_mpsc *ring;
    thetis_mpsc_producer me;
} subject_ring;

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPSC_SIZE(sizeof(uint64_t), CAPACITY, 8, 1, 1)] THETIS_CACHE_ALIGNED;
    static subject_ring subject;
    thetis_mpsc_cfg cfg = {.elem_size = sizeof(uint64_t), .capacity = CAPACITY, .producers = 8};
    if (thetis_mpsc_init(mem, sizeof mem, &cfg, &subject.ring) != THETIS_OK) return NULL;
    return thetis_mpsc_join(subject.ring, &subject.me) == THETIS_OK ? &subject : NULL;
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    return item_push(&subject->me, v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    return item_pop(subject->ring, v) == THETIS_OK;
}

#include "one_by_one.h"
