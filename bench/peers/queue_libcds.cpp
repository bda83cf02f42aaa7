/* SPDX-License-Identifier: MIT
 *
 * queue_libcds.cpp: cds::container::MSQueue with hazard pointers: unbounded, and it allocates each
 * element. Each thread tells the library of itself, once; looking whether it has is a hundredth of
 * an operation.
 */
#include <cds/container/msqueue.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "libcds MSQueue<gc::HP, uint64_t>"

typedef cds::container::MSQueue<cds::gc::HP, uint64_t> subject_ring;

/* For as long as the thread lives. */
struct subject_thread {
    subject_thread()
    {
        cds::threading::Manager::attachThread();
    }
    ~subject_thread()
    {
        cds::threading::Manager::detachThread();
    }
};

static thread_local bool subject_attached;

static inline void subject_attach()
{
    if (__builtin_expect(subject_attached, 1)) return;
    static thread_local subject_thread thread;
    subject_attached = true;
}

static subject_ring *subject_open()
{
    cds::Initialize();
    new cds::gc::HP;
    subject_attach();
    return new subject_ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    subject_attach();
    return ring->enqueue(v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    subject_attach();
    return ring->dequeue(*v);
}

#include "../one_by_one.h"
