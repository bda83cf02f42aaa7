/* SPDX-License-Identifier: MIT
 *
 * wake_raw.c: an event descriptor that carries the message itself: one write and one read each.
 */
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../window.h"

#define SUBJECT_VARIANT "eventfd, blocking read"

static int boxes[2];
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
    for (int k = 0; k < 2; k++) {
        boxes[k] = eventfd(0, EFD_CLOEXEC);
        if (boxes[k] < 0) bench_die("eventfd");
    }
}

static void subject_send(int to, uint64_t message)
{
    count();
    if (write(boxes[to], &message, sizeof message) != sizeof message) bench_die("write");
}

static uint64_t subject_receive(int at)
{
    uint64_t message;
    count();
    if (read(boxes[at], &message, sizeof message) != sizeof message) bench_die("read");
    return message;
}

#include "../wake.h"
