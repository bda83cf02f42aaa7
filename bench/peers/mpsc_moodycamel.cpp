/* SPDX-License-Identifier: MIT
 *
 * mpsc_moodycamel.cpp: moodycamel::ConcurrentQueue with explicit tokens, its fastest form. Its
 * order is that of each producer only; it allocates. With BENCH_UNBOUNDED it may grow.
 */
#include <concurrentqueue/concurrentqueue.h>
#include <stdint.h>

#define CAPACITY 4096
#ifdef BENCH_UNBOUNDED
#define SUBJECT_ENQUEUE enqueue
#define SUBJECT_VARIANT "moodycamel::ConcurrentQueue, enqueue/try_dequeue with tokens"
#else
#define SUBJECT_ENQUEUE try_enqueue
#define SUBJECT_VARIANT "moodycamel::ConcurrentQueue, try_enqueue/try_dequeue with tokens, _bulk"
#endif
#define SUBJECT_JOIN(ring) subject_open()

static moodycamel::ConcurrentQueue<uint64_t> queue{CAPACITY};

/* A producer's end, and, of the first one, the consumer's. */
struct subject_ring {
    moodycamel::ProducerToken producer{queue};
    moodycamel::ConsumerToken consumer{queue};
};

static subject_ring *subject_open()
{
    return new subject_ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return queue.SUBJECT_ENQUEUE(ring->producer, v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return queue.try_dequeue(ring->consumer, *v);
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    return queue.try_enqueue_bulk(ring->producer, v, n) ? n : 0;
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    return queue.try_dequeue_bulk(ring->consumer, v, n);
}

#include "../spsc.h"
