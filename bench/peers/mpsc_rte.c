/* SPDX-License-Identifier: MIT
 *
 * mpsc_rte.c: DPDK's ring, many producers and single consumer, in memory of our own (so without
 * the EAL).
 */
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_version.h>
#include <stdint.h>
#include <stdlib.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT \
    "dpdk " PEER_VERSION ", rte_ring_mp_enqueue/sc_dequeue, mp/sc burst of 8-byte elements"
#define SUBJECT_JOIN(ring) (ring)

typedef struct rte_ring subject_ring;

static subject_ring *subject_open(void)
{
    ssize_t size = rte_ring_get_memsize(CAPACITY);
    void *mem = size > 0 ? aligned_alloc(128, ((size_t)size + 127) & ~(size_t)127) : NULL;
    if (!mem || rte_ring_init(mem, "bench", CAPACITY, RING_F_SC_DEQ)) return NULL;
    return mem;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return rte_ring_mp_enqueue(ring, (void *)(uintptr_t)v) == 0;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    void *entry;
    int done = rte_ring_sc_dequeue(ring, &entry) == 0;
    *v = (uint64_t)(uintptr_t)entry;
    return done;
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    return rte_ring_mp_enqueue_burst_elem(ring, v, sizeof *v, (unsigned)n, NULL);
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    return rte_ring_sc_dequeue_burst_elem(ring, v, sizeof *v, (unsigned)n, NULL);
}

#include "../spsc.h"
