/* SPDX-License-Identifier: MIT
 *
 * inbox_raw.c: the usual way by hand: a queue under a mutex, and a write to an event descriptor for
 * each message; the receiver sleeps in epoll and takes the queue when it is woken.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../window.h"

#define SUBJECT_BATCH 64
#define SUBJECT_VARIANT "mutex, eventfd for each message, epoll"

typedef struct box {
    pthread_mutex_t lock;
    uint64_t queue[SUBJECT_BATCH], taken[SUBJECT_BATCH];
    unsigned queued, head, tail;
    int event, set;
} box;

static box boxes[2];
static uint64_t raw_calls;

static void count(void)
{
    (void)__atomic_fetch_add(&raw_calls, 1, __ATOMIC_RELAXED);
}

static uint64_t subject_calls(void)
{
    return __atomic_load_n(&raw_calls, __ATOMIC_RELAXED);
}

static void subject_open(void)
{
    for (box *b = boxes; b != boxes + 2; b++) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
        b->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        b->set = epoll_create1(EPOLL_CLOEXEC);
        if (b->event < 0 || b->set < 0 || epoll_ctl(b->set, EPOLL_CTL_ADD, b->event, &ev) ||
            pthread_mutex_init(&b->lock, NULL)) {
            bench_die("init failed");
        }
    }
}

static void subject_send(int to, uint64_t message)
{
    box *b = &boxes[to];
    const uint64_t one = 1;
    pthread_mutex_lock(&b->lock);
    b->queue[b->queued++] = message;
    pthread_mutex_unlock(&b->lock);
    count();
    if (write(b->event, &one, sizeof one) != sizeof one) bench_die("write");
}

static void take(box *b)
{
    pthread_mutex_lock(&b->lock);
    memcpy(b->taken, b->queue, b->queued * sizeof b->queue[0]);
    b->head = 0;
    b->tail = b->queued;
    b->queued = 0;
    pthread_mutex_unlock(&b->lock);
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    struct epoll_event ev;
    while (b->head == b->tail) {
        count();
        if (epoll_wait(b->set, &ev, 1, -1) < 0) bench_die("epoll_wait");
        take(b);
    }
    return b->taken[b->head++];
}

#include "../wake.h"
