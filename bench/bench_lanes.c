/* SPDX-License-Identifier: MIT
 *
 * bench_lanes.c: thetis_lanes; records of 64 bytes, made and read in place, as in bench_bytes.c, by
 * one of BENCH_LANES producers: the others' lanes are empty, and looked at when they must be.
 */
#include <stdlib.h>
#include <thetis/lanes.h>
#include <thetis/version.h>

#define CAPACITY (1 << 16)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", lanes for " TEXT(BENCH_LANES) \
    " producers, first and last word touched"

#if BENCH_LANES > 1
#define SUBJECT_JOIN(ring) subject_join(ring)
#endif

typedef struct subject_ring {
    thetis_lanes lanes;
    thetis_lanes_consumer *out;
    thetis_lanes_producer me;
} subject_ring;

enum { WORDS = 8 };

static subject_ring *subject_open(void)
{
    static char mem[THETIS_LANES_SIZE(BENCH_LANES, CAPACITY)] THETIS_CACHE_ALIGNED;
    static char own[THETIS_LANES_CONSUMER_SIZE(BENCH_LANES)] THETIS_CACHE_ALIGNED;
    static subject_ring subject;
    thetis_lanes_cfg cfg = {BENCH_LANES, CAPACITY, WORDS * sizeof(uint64_t)};
    thetis_lanes *lanes = &subject.lanes;
    if (thetis_lanes_init(mem, sizeof mem, &cfg, lanes) != THETIS_OK) return NULL;
    if (thetis_lanes_open(lanes, own, sizeof own, &subject.out) != THETIS_OK) return NULL;
    return thetis_lanes_join(lanes, 1, &subject.me) == THETIS_OK ? &subject : NULL;
}

#ifdef SUBJECT_JOIN
/* Another producer. */
static subject_ring *subject_join(const subject_ring *subject)
{
    subject_ring *another = malloc(sizeof *another);
    if (!another) return NULL;
    *another = *subject;
    return thetis_lanes_join(&another->lanes, 2, &another->me) == THETIS_OK ? another : NULL;
}
#endif

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    void *at;
    if (thetis_lanes_reserve(&subject->me, WORDS * sizeof v, &at) != THETIS_OK) return 0;
    ((uint64_t *)at)[0] = ((uint64_t *)at)[WORDS - 1] = v;
    return thetis_lanes_commit(&subject->me, WORDS * sizeof v) == THETIS_OK;
}

/* Both words must be the same. */
static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    void *at;
    size_t size;
    if (thetis_lanes_peek(subject->out, &at, &size) != THETIS_OK) return 0;
    *v = ((const uint64_t *)at)[0];
    int same = ((const uint64_t *)at)[WORDS - 1] == *v;
    thetis_lanes_release(subject->out);
    return same && size == WORDS * sizeof *v;
}

#include "one_by_one.h"
