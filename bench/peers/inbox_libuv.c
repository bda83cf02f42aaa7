/* SPDX-License-Identifier: MIT
 *
 * inbox_libuv.c: uv_async_send(), which wakes a loop and carries nothing; so a queue under a mutex.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "../window.h"

#define SUBJECT_BATCH 64
#define SUBJECT_VARIANT                                                                         \
    "libuv " BENCH_STR(UV_VERSION_MAJOR) "." BENCH_STR(UV_VERSION_MINOR) ", async, mutex"

typedef struct box {
    uv_async_t async; /* first */
    uv_loop_t loop;
    pthread_mutex_t lock;
    uint64_t queue[SUBJECT_BATCH], taken[SUBJECT_BATCH];
    unsigned queued, head, tail;
} box;

static box boxes[2];

static uint64_t subject_calls(void)
{
    bench_die("libuv makes its calls itself");
    return 0;
}

static void on_async(uv_async_t *async)
{
    box *b = (box *)(void *)async;
    pthread_mutex_lock(&b->lock);
    memcpy(b->taken, b->queue, b->queued * sizeof b->queue[0]);
    b->head = 0;
    b->tail = b->queued;
    b->queued = 0;
    pthread_mutex_unlock(&b->lock);
}

static void subject_open(void)
{
    for (box *b = boxes; b != boxes + 2; b++) {
        if (uv_loop_init(&b->loop) || uv_async_init(&b->loop, &b->async, on_async) ||
            pthread_mutex_init(&b->lock, NULL)) {
            bench_die("init failed");
        }
    }
}

static void subject_send(int to, uint64_t message)
{
    box *b = &boxes[to];
    pthread_mutex_lock(&b->lock);
    b->queue[b->queued++] = message;
    pthread_mutex_unlock(&b->lock);
    if (uv_async_send(&b->async)) bench_die("uv_async_send");
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    while (b->head == b->tail) (void)uv_run(&b->loop, UV_RUN_ONCE);
    return b->taken[b->head++];
}

#include "../wake.h"
