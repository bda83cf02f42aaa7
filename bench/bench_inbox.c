/* SPDX-License-Identifier: MIT
 *
 * bench_inbox.c: messages to a loop through its inbox; see wake.h. The loop counts its polls; it
 * wakes with write(): the one here stands before that of the C library and counts.
 */
#include <thetis/inbox.h>
#include <thetis/version.h>

#include <dlfcn.h>
#include <unistd.h>

#include "window.h"

#ifndef BENCH_BACKEND
#define BENCH_BACKEND "epoll"
#endif
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", " BENCH_BACKEND ", inbox of a loop"
#define SUBJECT_BATCH 64

enum { CAPACITY = 64 };

typedef struct box {
    thetis_inbox inbox; /* first */
    thetis_inbox_sender sender;
    thetis_loop *loop;
    uint64_t message[SUBJECT_BATCH];
    unsigned head, tail; /* delivered and not yet received */
    char mem[THETIS_INBOX_SIZE(sizeof(uint64_t), CAPACITY, 1, 1)] THETIS_CACHE_ALIGNED;
} box;

static box boxes[2];
static thetis_atomic inbox_writes;
static ssize_t (*real_write)(int, const void *, size_t);

ssize_t write(int fd, const void *data, size_t len)
{
    (void)thetis_atomic_fetch_add_relaxed(&inbox_writes, 1);
    return real_write(fd, data, len);
}

static uint64_t subject_calls(void)
{
    uint64_t calls = thetis_atomic_load_relaxed(&inbox_writes);
    for (box *b = boxes; b != boxes + 2; b++) {
        thetis_loop_stat stat;
        thetis_loop_stat_read(b->loop, &stat);
        calls += stat.polls;
    }
    return calls;
}

static void on_message(thetis_inbox *inbox, const void *message)
{
    box *b = (box *)(void *)inbox;
    b->message[b->tail++ % SUBJECT_BATCH] = *(const uint64_t *)message;
}

static void open_box(box *b)
{
    thetis_loop_cfg cfg = {.backend = BENCH_BACKEND};
    thetis_inbox_cfg in = {.message_size = sizeof(uint64_t), .capacity = CAPACITY, .senders = 1,
                           .on_message = on_message};
    if (thetis_loop_create(&cfg, &b->loop) ||
        thetis_inbox_open(b->loop, &b->inbox, b->mem, sizeof b->mem, &in) ||
        thetis_inbox_join(&b->inbox, &b->sender)) {
        bench_die("init failed");
    }
}

static void subject_open(void)
{
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    if (!real_write) bench_die("no write()");
    for (box *b = boxes; b != boxes + 2; b++) open_box(b);
}

static void subject_send(int to, uint64_t message)
{
    if (thetis_inbox_send(&boxes[to].sender, &message) != THETIS_OK) bench_die("send failed");
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    while (b->head == b->tail) {
        if (thetis_loop_run_once(b->loop, UINT64_MAX) != THETIS_OK) bench_die("turn failed");
    }
    return b->message[b->head++ % SUBJECT_BATCH];
}

#include "wake.h"
