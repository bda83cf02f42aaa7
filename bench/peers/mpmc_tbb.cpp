/* SPDX-License-Identifier: MIT
 *
 * mpmc_tbb.cpp: tbb::concurrent_bounded_queue, without waiting.
 */
#include <stdint.h>
#include <tbb/concurrent_queue.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "tbb " PEER_VERSION ", concurrent_bounded_queue, try_push/try_pop"

using subject_ring = tbb::concurrent_bounded_queue<uint64_t>;

static subject_ring *subject_open()
{
    subject_ring *ring = new subject_ring;
    ring->set_capacity(CAPACITY);
    return ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return ring->try_push(v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return ring->try_pop(*v);
}

#include "../one_by_one.h"
