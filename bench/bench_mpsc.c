/* SPDX-License-Identifier: MIT
 *
 * bench_mpsc.c: thetis_mpsc, a ring for 8 producers; typed form for single elements, push_n/pop_n
 * for batches. With batches of 32 it has the 4096 slots that the peers have. With BENCH_RECORD
 * elements of 64 bytes, of which the first and the last word matter, one by one.
 */
#include <stdlib.h>
#include <thetis/mpsc.h>
#include <thetis/version.h>

#define CAPACITY 3200
#define MOST_BATCH 32
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_MPSC, push_n/pop_n, 8 producers"
#define SUBJECT_JOIN(ring) subject_join(ring)

#ifdef BENCH_RECORD
enum { WORDS = 8 };
#else
enum { WORDS = 1 };
#endif

typedef struct value {
    uint64_t word[WORDS];
} value;

THETIS_MPSC(item, value);

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
    static char mem[THETIS_MPSC_SIZE(sizeof(value), CAPACITY, 8, MOST_BATCH, MOST_BATCH)]
        THETIS_CACHE_ALIGNED;
    thetis_mpsc_cfg cfg = {sizeof(value), CAPACITY, 8, MOST_BATCH, MOST_BATCH};
    subject_ring first;
    if (thetis_mpsc_init(mem, sizeof mem, &cfg, &first.ring) != THETIS_OK) return NULL;
    return subject_join(&first);
}

static inline int subject_push(subject_ring *subject, uint64_t v)
{
    value it;
    it.word[0] = v;
    it.word[WORDS - 1] = v;
    return item_push(&subject->me, it) == THETIS_OK;
}

static inline int subject_pop(subject_ring *subject, uint64_t *v)
{
    value it;
    if (item_pop(subject->ring, &it) != THETIS_OK) return 0;
    *v = it.word[0];
    return it.word[WORDS - 1] == *v;
}

#ifdef BENCH_RECORD
#include "one_by_one.h"
#else
static inline size_t subject_push_n(subject_ring *subject, const uint64_t *v, size_t n)
{
    return thetis_mpsc_push_n(&subject->me, v, n, NULL);
}

static inline size_t subject_pop_n(subject_ring *subject, uint64_t *v, size_t n)
{
    return thetis_mpsc_pop_n(subject->ring, v, n, NULL);
}

#include "spsc.h"
#endif
