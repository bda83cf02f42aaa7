/* SPDX-License-Identifier: MIT
 *
 * barrier.h: POSIX barriers, for a system that has threads but not these (macOS).
 */
#ifndef TEST_BARRIER_H
#define TEST_BARRIER_H

#include <pthread.h>
#include <unistd.h>

#if !defined(_POSIX_BARRIERS) || _POSIX_BARRIERS < 0

#define PTHREAD_BARRIER_SERIAL_THREAD (-1)

typedef struct test_barrier {
    pthread_mutex_t lock;
    pthread_cond_t all_here;
    unsigned wanted, here, rounds;
} pthread_barrier_t;

static inline int pthread_barrier_init(pthread_barrier_t *b, const void *none, unsigned wanted)
{
    (void)none;
    b->wanted = wanted;
    b->here = b->rounds = 0;
    return pthread_mutex_init(&b->lock, NULL) || pthread_cond_init(&b->all_here, NULL);
}

static inline int pthread_barrier_wait(pthread_barrier_t *b)
{
    unsigned round;
    int last;
    (void)pthread_mutex_lock(&b->lock);
    round = b->rounds;
    last = ++b->here == b->wanted;
    if (last) {
        b->here = 0;
        b->rounds++;
        (void)pthread_cond_broadcast(&b->all_here);
    }
    while (round == b->rounds) (void)pthread_cond_wait(&b->all_here, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

static inline int pthread_barrier_destroy(pthread_barrier_t *b)
{
    return pthread_cond_destroy(&b->all_here) || pthread_mutex_destroy(&b->lock);
}

#endif

#endif
