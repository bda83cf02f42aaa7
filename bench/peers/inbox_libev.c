/* SPDX-License-Identifier: MIT
 *
 * inbox_libev.c: ev_async_send(), which wakes a loop and carries nothing; so a queue under a mutex.
 */
#include <ev.h>

#define SUBJECT_VARIANT                                                                         \
    "libev " BENCH_STR(EV_VERSION_MAJOR) "." BENCH_STR(EV_VERSION_MINOR) ", ev_async, mutex"

#include "inbox_queue.h"

typedef struct box {
    ev_async async; /* first */
    struct ev_loop *loop;
    queue queue;
} box;

static box boxes[2];

static void on_async(struct ev_loop *loop, ev_async *async, int events)
{
    (void)loop, (void)events;
    queue_take(&((box *)(void *)async)->queue);
}

static void subject_open(void)
{
    for (box *b = boxes; b != boxes + 2; b++) {
        b->loop = ev_loop_new(EVBACKEND_EPOLL);
        if (!b->loop) bench_die("ev_loop_new");
        queue_init(&b->queue);
        ev_async_init(&b->async, on_async);
        ev_async_start(b->loop, &b->async);
    }
}

static void subject_send(int to, uint64_t message)
{
    queue_put(&boxes[to].queue, message);
    ev_async_send(boxes[to].loop, &boxes[to].async);
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    while (queue_is_empty(&b->queue)) (void)ev_run(b->loop, EVRUN_ONCE);
    return queue_next(&b->queue);
}

#include "../wake.h"
