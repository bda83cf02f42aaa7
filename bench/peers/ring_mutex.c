/* SPDX-License-Identifier: MIT
 *
 * ring_mutex.c: a ring behind a mutex: what one would write first. A batch takes the mutex once.
 * With BENCH_MANY it has several producers; with BENCH_RECORD elements are records of 64
 * bytes that are made and read in place, as in bench_bytes.c.
 */
#include <pthread.h>
#include <stdint.h>

#include "../threaded.h"

#define CAPACITY 4096
#define SUBJECT_VARIANT "pthread_mutex_t and an array"
#ifdef BENCH_MANY
#define SUBJECT_JOIN(ring) (ring)
#endif

#ifdef BENCH_RECORD
enum { WORDS = 8 };
#else
enum { WORDS = 1 };
#endif

typedef struct element {
    uint64_t word[WORDS];
} element;

typedef struct subject_ring {
    pthread_mutex_t mutex;
    size_t head, tail;
    element slots[CAPACITY];
} subject_ring;

static subject_ring *subject_open(void)
{
    static subject_ring ring = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    bench_become_threaded();
    return &ring;
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    pthread_mutex_lock(&ring->mutex);
    size_t room = CAPACITY - (ring->tail - ring->head);
    if (n > room) n = room;
    for (size_t k = 0; k < n; k++) {
        element *e = &ring->slots[ring->tail++ % CAPACITY];
        e->word[0] = e->word[WORDS - 1] = v[k];
    }
    pthread_mutex_unlock(&ring->mutex);
    return n;
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    pthread_mutex_lock(&ring->mutex);
    if (n > ring->tail - ring->head) n = ring->tail - ring->head;
    for (size_t k = 0; k < n; k++) {
        const element *e = &ring->slots[ring->head++ % CAPACITY];
        v[k] = e->word[0] | e->word[WORDS - 1];
    }
    pthread_mutex_unlock(&ring->mutex);
    return n;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return subject_push_n(ring, &v, 1) == 1;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    return subject_pop_n(ring, v, 1) == 1;
}

#include "../spsc.h"
