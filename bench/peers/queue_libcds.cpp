/* SPDX-License-Identifier: MIT
 *
 * queue_libcds.cpp: cds::container::MSQueue with hazard pointers: unbounded, and it allocates each
 * element.
 */
#include <cds/container/msqueue.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "libcds MSQueue<gc::HP, uint64_t>"

typedef cds::container::MSQueue<cds::gc::HP, uint64_t> subject_ring;

static subject_ring *subject_open()
{
    cds::Initialize();
    new cds::gc::HP;
    cds::threading::Manager::attachThread();
    return new subject_ring;
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
