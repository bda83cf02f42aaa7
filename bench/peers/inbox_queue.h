/* SPDX-License-Identifier: MIT
 *
 * inbox_queue.h: messages under a mutex, for loops that can be woken but carry nothing. The
 * receiver takes all at once.
 */
#ifndef BENCH_INBOX_QUEUE_H
#define BENCH_INBOX_QUEUE_H

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "../window.h"

#define SUBJECT_BATCH 64

typedef struct queue {
    pthread_mutex_t lock;
    uint64_t put[SUBJECT_BATCH], taken[SUBJECT_BATCH];
    unsigned queued, head, tail;
} queue;

static inline void queue_init(queue *q)
{
    if (pthread_mutex_init(&q->lock, NULL)) bench_die("pthread_mutex_init");
}

static inline void queue_put(queue *q, uint64_t message)
{
    pthread_mutex_lock(&q->lock);
    q->put[q->queued++] = message;
    pthread_mutex_unlock(&q->lock);
}

/* What was put becomes what is taken, which was used up. */
static inline void queue_take(queue *q)
{
    pthread_mutex_lock(&q->lock);
    memcpy(q->taken, q->put, q->queued * sizeof q->put[0]);
    q->head = 0;
    q->tail = q->queued;
    q->queued = 0;
    pthread_mutex_unlock(&q->lock);
}

static inline int queue_is_empty(const queue *q)
{
    return q->head == q->tail;
}

static inline uint64_t queue_next(queue *q)
{
    return q->taken[q->head++];
}

/* What a library calls of the system is not to be seen from here. */
static inline uint64_t subject_calls(void)
{
    bench_die("the library makes its calls itself");
    return 0;
}

#endif
