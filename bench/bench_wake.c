/* SPDX-License-Identifier: MIT
 *
 * bench_wake.c: an spsc ring with an eventcount for its consumer.
 *
 * The library makes these system calls through syscall(): the one here stands before that of the
 * C library and counts.
 */
#include <thetis/spsc.h>
#include <thetis/version.h>
#include <thetis/wait.h>

#include <dlfcn.h>
#include <stdarg.h>

#include "window.h"

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", spsc + wait"

enum { CAPACITY = 64, ARGUMENTS = 6 };

static thetis_atomic wake_syscalls;
static long (*real_syscall)(long, ...);

long syscall(long number, ...)
{
    long a[ARGUMENTS];
    va_list args;
    va_start(args, number);
    for (int k = 0; k < ARGUMENTS; k++) a[k] = va_arg(args, long);
    va_end(args);
    (void)thetis_atomic_fetch_add_relaxed(&wake_syscalls, 1);
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static uint64_t subject_calls(void)
{
    return thetis_atomic_load_relaxed(&wake_syscalls);
}

THETIS_SPSC(messages, uint64_t);

typedef struct box {
    char ring_mem[THETIS_SPSC_SIZE(sizeof(uint64_t), CAPACITY)] THETIS_CACHE_ALIGNED;
    char wait_mem[THETIS_WAIT_SIZE(1)] THETIS_CACHE_ALIGNED;
    thetis_spsc *ring;
    thetis_wait *wait;
    thetis_waiter *waiter;
    uint64_t message;
} box;

static box boxes[2];

static void subject_open(void)
{
    thetis_spsc_cfg cfg = {sizeof(uint64_t), CAPACITY};
    *(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
    if (!real_syscall) bench_die("no syscall()");
    for (box *b = boxes; b != boxes + 2; b++) {
        if (thetis_spsc_init(b->ring_mem, sizeof b->ring_mem, &cfg, &b->ring) ||
            thetis_wait_init(b->wait_mem, sizeof b->wait_mem, 1, &b->wait) ||
            thetis_wait_join(b->wait, &b->waiter)) {
            bench_die("init failed");
        }
    }
}

static void subject_send(int to, uint64_t message)
{
    box *b = &boxes[to];
    if (messages_push(b->ring, message) != THETIS_OK) bench_die("push failed");
    thetis_wait_wake(b->wait);
}

static thetis_status take(void *arg)
{
    box *b = arg;
    return messages_pop(b->ring, &b->message);
}

static uint64_t subject_receive(int at)
{
    box *b = &boxes[at];
    if (take(b) != THETIS_OK &&
        thetis_wait_run(b->waiter, take, b, THETIS_WAIT_FOREVER) != THETIS_OK) {
        bench_die("wait failed");
    }
    return b->message;
}

#include "wake.h"
