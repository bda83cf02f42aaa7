/* SPDX-License-Identifier: MIT
 *
 * queue_boost.cpp: boost::lockfree::queue without a fixed capacity; its nodes are reused.
 */
#include <boost/lockfree/queue.hpp>
#include <boost/version.hpp>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "boost " BOOST_LIB_VERSION ", lockfree::queue<uint64_t>, nodes reserved"

typedef boost::lockfree::queue<uint64_t> subject_ring;

static subject_ring *subject_open()
{
    return new subject_ring(CAPACITY);
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return ring->push(v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return ring->pop(*v);
}

#include "../one_by_one.h"
