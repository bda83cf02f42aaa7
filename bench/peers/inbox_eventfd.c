/* SPDX-License-Identifier: MIT
 *
 * inbox_eventfd.c: the least that a loop with an event descriptor can do to tell of each message:
 * one write to it. Carries no message and wakes nobody; form busy only.
 */
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../window.h"

#define SUBJECT_BATCH 64
#define SUBJECT_VARIANT "a write to an event descriptor, and nothing else"

static uint64_t sent, received;
static int event;

static void subject_open(void)
{
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) bench_die("eventfd");
}

static void subject_send(int to, uint64_t message)
{
    const uint64_t one = 1;
    (void)to;
    sent = message;
    if (write(event, &one, sizeof one) != sizeof one) bench_die("write failed");
}

static uint64_t subject_receive(int at)
{
    (void)at;
    if (received > sent) received = sent - SUBJECT_BATCH; /* a window begins at 1 again */
    return ++received;
}

static uint64_t subject_calls(void)
{
    return sent;
}

#include "../wake.h"
