/* SPDX-License-Identifier: MIT
 *
 * bench_spsc.c: thetis_spsc; typed form for single elements, push_n/pop_n for batches.
 */
#include <thetis/spsc.h>
#include <thetis/version.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_SPSC(uint64_t), push_n/pop_n"

THETIS_SPSC(item, uint64_t);

typedef thetis_spsc subject_ring;

static subject_ring *subject_open(void)
{
    static char mem[THETIS_SPSC_SIZE(sizeof(uint64_t), CAPACITY)] THETIS_CACHE_ALIGNED;
    thetis_spsc_cfg cfg = {sizeof(uint64_t), CAPACITY};
    thetis_spsc *ring;
    return thetis_spsc_init(mem, sizeof mem, &cfg, &ring) == THETIS_OK ? ring : NULL;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return item_push(ring, v) == THETIS_OK;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return item_pop(ring, v) == THETIS_OK;
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    return thetis_spsc_push_n(ring, v, n, NULL);
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    return thetis_spsc_pop_n(ring, v, n, NULL);
}

#include "spsc.h"
