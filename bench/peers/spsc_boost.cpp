/* SPDX-License-Identifier: MIT
 *
 * spsc_boost.cpp: boost::lockfree::spsc_queue with a capacity chosen at run time.
 */
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "boost " BOOST_LIB_VERSION ", spsc_queue(n), push/pop, push/pop of n"

typedef boost::lockfree::spsc_queue<uint64_t> subject_ring;

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

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    return ring->push(v, n);
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    return ring->pop(v, n);
}

#include "../spsc.h"
