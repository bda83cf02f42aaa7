/* SPDX-License-Identifier: MIT
 *
 * inbox_libevent.c: event_active() from another thread, on bases with locks; it carries nothing, so
 * a queue under a mutex.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#define SUBJECT_VARIANT "libevent " LIBEVENT_VERSION ", event_active, mutex"

#include "inbox_queue.h"

typedef struct box {
    struct event event, keep; /* keep: a base without events would not wait */
    struct event_base *base;
    queue queue;
} box;

static box boxes[2];

static void on_active(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events;
    queue_take(&((box *)arg)->queue);
}

static void open_box(box *b)
{
    static const struct timeval hours = {100000, 0};
    b->base = event_base_new();
    queue_init(&b->queue);
    if (!b->base || event_assign(&b->event, b->base, -1, EV_PERSIST, on_active, b) ||
        event_assign(&b->keep, b->base, -1, EV_PERSIST, on_active, b) ||
        event_add(&b->keep, &hours)) {
        bench_die("init failed");
    }
}

static void subject_open(void)
{
    if (evthread_use_pthreads()) bench_die("evthread_use_pthreads");
    for (box *b = boxes; b != boxes + 2; b++) open_box(b);
}

static void subject_send(int to, uint64_t message)
{
    queue_put(&boxes[to].queue, message);
    event_active(&boxes[to].event, EV_READ, 0);
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    while (queue_is_empty(&b->queue)) (void)event_base_loop(b->base, EVLOOP_ONCE);
    return queue_next(&b->queue);
}

#include "../wake.h"
