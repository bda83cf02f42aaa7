/* SPDX-License-Identifier: MIT
 *
 * wake_mutex.c: a ring behind a mutex with a condition variable, signaled outside the lock only if
 * the receiver waits.
 */
#include <pthread.h>
#include <stdint.h>

#include "../threaded.h"
#include "../window.h"

#define SUBJECT_VARIANT "C library, mutex + condition variable"

enum { CAPACITY = 64 };

typedef struct box {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    unsigned head, tail;
    int waiting;
    uint64_t slot[CAPACITY];
} box;

static box boxes[2] = {{.mutex = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER},
                       {.mutex = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER}};

/* The C library makes them by itself. */
static uint64_t subject_calls(void)
{
    bench_die("nobody can tell");
    return 0;
}

static void subject_open(void)
{
    bench_become_threaded();
}

static void subject_send(int to, uint64_t message)
{
    box *b = &boxes[to];
    pthread_mutex_lock(&b->mutex);
    b->slot[b->tail++ % CAPACITY] = message;
    int waiting = b->waiting;
    b->waiting = 0;
    pthread_mutex_unlock(&b->mutex);
    if (waiting) pthread_cond_signal(&b->arrived);
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    pthread_mutex_lock(&b->mutex);
    while (b->head == b->tail) {
        b->waiting = 1;
        pthread_cond_wait(&b->arrived, &b->mutex);
    }
    uint64_t message = b->slot[b->head++ % CAPACITY];
    pthread_mutex_unlock(&b->mutex);
    return message;
}

#include "../wake.h"
