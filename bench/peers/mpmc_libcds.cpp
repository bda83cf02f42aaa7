/* SPDX-License-Identifier: MIT
 *
 * mpmc_libcds.cpp: cds::container::VyukovMPMCCycleQueue.
 */
#include <cds/container/vyukov_mpmc_cycle_queue.h>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "libcds " PEER_VERSION ", VyukovMPMCCycleQueue"

using subject_ring = cds::container::VyukovMPMCCycleQueue<uint64_t>;

static subject_ring *subject_open()
{
    return new subject_ring(CAPACITY);
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return ring->enqueue(v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return ring->dequeue(*v);
}

#include "../one_by_one.h"
