/* SPDX-License-Identifier: MIT
 *
 * queue_tbb.cpp: tbb::concurrent_queue, which allocates pages of elements.
 */
#include <stdint.h>
#include <tbb/concurrent_queue.h>
#include <tbb/version.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "tbb " TBB_VERSION_STRING ", concurrent_queue<uint64_t>"

typedef tbb::concurrent_queue<uint64_t> subject_ring;

static subject_ring *subject_open()
{
    return new subject_ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    ring->push(v);
    return 1;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return ring->try_pop(*v);
}

#include "../one_by_one.h"
