/* SPDX-License-Identifier: MIT
 *
 * mpmc_rte.c: DPDK's ring, many producers and many consumers, in memory of our own (so without the
 * EAL): as it is by default, or with BENCH_RTS or BENCH_HTS in that mode.
 */
#include <rte_ring.h>
#include <rte_version.h>
#include <stdint.h>
#include <stdlib.h>

#define CAPACITY 4096

#if defined(BENCH_RTS)
#define SUBJECT_FLAGS (RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ)
#define SUBJECT_MODE "relaxed tail sync"
#elif defined(BENCH_HTS)
#define SUBJECT_FLAGS (RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ)
#define SUBJECT_MODE "head/tail sync"
#else
#define SUBJECT_DEFAULT
#define SUBJECT_FLAGS 0
#define SUBJECT_MODE "MP/MC"
#endif
#define SUBJECT_VARIANT "dpdk " PEER_VERSION ", rte_ring_enqueue/dequeue, " SUBJECT_MODE

typedef struct rte_ring subject_ring;

static subject_ring *subject_open(void)
{
    ssize_t size = rte_ring_get_memsize(CAPACITY);
    void *mem = size > 0 ? aligned_alloc(128, ((size_t)size + 127) & ~(size_t)127) : NULL;
    if (!mem || rte_ring_init(mem, "bench", CAPACITY, SUBJECT_FLAGS)) return NULL;
    return mem;
}

/* The ring knows its mode; the default's own functions save the switch. */
#ifdef SUBJECT_DEFAULT
#define SUBJECT_ENQUEUE rte_ring_mp_enqueue
#define SUBJECT_DEQUEUE rte_ring_mc_dequeue
#else
#define SUBJECT_ENQUEUE rte_ring_enqueue
#define SUBJECT_DEQUEUE rte_ring_dequeue
#endif

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return SUBJECT_ENQUEUE(ring, (void *)(uintptr_t)v) == 0;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    void *entry;
    int done = SUBJECT_DEQUEUE(ring, &entry) == 0;
    *v = (uint64_t)(uintptr_t)entry;
    return done;
}

#include "../one_by_one.h"
