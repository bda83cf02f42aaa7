/* SPDX-License-Identifier: MIT
 *
 * inbox_libuv.c: uv_async_send(), which wakes a loop and carries nothing; so a queue under a mutex.
 */
#include <uv.h>

#define SUBJECT_VARIANT                                                                         \
    "libuv " BENCH_STR(UV_VERSION_MAJOR) "." BENCH_STR(UV_VERSION_MINOR) ", async, mutex"

#include "inbox_queue.h"

typedef struct box {
    uv_async_t async; /* first */
    uv_loop_t loop;
    queue queue;
} box;

static box boxes[2];

static void on_async(uv_async_t *async)
{
    queue_take(&((box *)(void *)async)->queue);
}

static void subject_open(void)
{
    for (box *b = boxes; b != boxes + 2; b++) {
        queue_init(&b->queue);
        if (uv_loop_init(&b->loop) || uv_async_init(&b->loop, &b->async, on_async))
            bench_die("init failed");
    }
}

static void subject_send(int to, uint64_t message)
{
    queue_put(&boxes[to].queue, message);
    if (uv_async_send(&boxes[to].async)) bench_die("uv_async_send");
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    while (queue_is_empty(&b->queue)) (void)uv_run(&b->loop, UV_RUN_ONCE);
    return queue_next(&b->queue);
}

#include "../wake.h"
