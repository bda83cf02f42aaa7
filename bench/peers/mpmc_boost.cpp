/* SPDX-License-Identifier: MIT
 *
 * mpmc_boost.cpp: boost::lockfree::queue of fixed capacity.
 */
#include <boost/lockfree/queue.hpp>
#include <boost/version.hpp>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "boost " BOOST_LIB_VERSION ", lockfree::queue, fixed capacity"

using subject_ring = boost::lockfree::queue<uint64_t, boost::lockfree::capacity<CAPACITY>>;

static subject_ring *subject_open()
{
    return new subject_ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return ring->bounded_push(v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return ring->pop(*v);
}

#include "../one_by_one.h"
