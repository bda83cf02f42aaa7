/* SPDX-License-Identifier: MIT
 *
 * mpsc_mutex.c: a ring behind a mutex: what one would write first.
 */
#include <pthread.h>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "pthread_mutex_t and an array"

typedef struct subject_ring {
    pthread_mutex_t mutex;
    size_t head, tail;
    uint64_t slots[CAPACITY];
} subject_ring;

static subject_ring *subject_open(void)
{
    static subject_ring ring = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    return &ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    pthread_mutex_lock(&ring->mutex);
    int room = ring->tail - ring->head < CAPACITY;
    if (room) ring->slots[ring->tail++ % CAPACITY] = v;
    pthread_mutex_unlock(&ring->mutex);
    return room;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    pthread_mutex_lock(&ring->mutex);
    int any = ring->tail != ring->head;
    if (any) *v = ring->slots[ring->head++ % CAPACITY];
    pthread_mutex_unlock(&ring->mutex);
    return any;
}

#include "../one_by_one.h"
