/* SPDX-License-Identifier: MIT
 *
 * bench_lanes_mpsc.c: thetis_mpsc, a ring for 8 producers, with elements of 64 bytes, of which the
 * first and the last word matter: what lanes are compared with where all records have one length.
 */
#include <stdlib.h>
#include <thetis/mpsc.h>
#include <thetis/version.h>

#define CAPACITY 3584
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_MPSC, 8 producers"

enum { WORDS = 8 };

typedef struct record {
    uint64_t word[WORDS];
} record;

THETIS_MPSC(item, record);

typedef struct subject_ring {
    thetis_mpsc *ring;
    thetis_mpsc_producer me;
} subject_ring;

static subject_ring *subject_open(void)
{
    static char mem[THETIS_MPSC_SIZE(sizeof(record), CAPACITY, 8, 1, 1)] THETIS_CACHE_ALIGNED;
    static subject_ring subject;
    thetis_mpsc_cfg cfg = {.elem_size = sizeof(record), .capacity = CAPACITY, .producers = 8};
    if (thetis_mpsc_init(mem, sizeof mem, &cfg, &subject.ring) != THETIS_OK) return NULL;
    return thetis_mpsc_join(subject.ring, &subject.me) == THETIS_OK ? &subject : NULL;
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    record r;
    r.word[0] = v;
    r.word[WORDS - 1] = v;
    return item_push(&subject->me, r) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    record r;
    if (item_pop(subject->ring, &r) != THETIS_OK) return 0;
    *v = r.word[0];
    return r.word[WORDS - 1] == *v;
}

#include "one_by_one.h"
