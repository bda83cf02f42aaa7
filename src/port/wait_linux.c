/* SPDX-License-Identifier: MIT
 *
 * wait_linux.c: sleeping and waking on Linux: futexes, and event descriptors for other loops.
 *
 * A file of its own so that a test or a tracing program can put its own functions in its place.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port.h"

#include <thetis/caps.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's own structure, whatever the C library's time_t has become. */
#ifdef SYS_futex
#define WAIT_FUTEX SYS_futex
typedef long wait_part;
#define WAIT_PART_MAX LONG_MAX
#else
#define WAIT_FUTEX SYS_futex_time64
typedef int64_t wait_part;
#define WAIT_PART_MAX INT64_MAX
#endif

typedef struct wait_time {
    wait_part seconds, nanoseconds;
} wait_time;

/* The kernel knows words of 32 bits: the low half. */
static void *wait_low_half(const thetis_atomic *word)
{
    uintptr_t at = (uintptr_t)word;
#if !THETIS_CAP_LITTLE_ENDIAN
    at += sizeof *word - sizeof(uint32_t);
#endif
    return (void *)at;
}

int tht_port_wait(const thetis_atomic *word, uintptr_t value, uint64_t until)
{
    uint64_t seconds = until / 1000000000u;
    wait_time end = {(wait_part)seconds, (wait_part)(until % 1000000000u)};
    int timed = until != UINT64_MAX && seconds <= WAIT_PART_MAX;
    int kept = errno;
    /* the form with a bit set: its time is a moment of CLOCK_MONOTONIC, not a length */
    long failed = syscall(WAIT_FUTEX, wait_low_half(word), FUTEX_WAIT_BITSET_PRIVATE,
                          (uint32_t)value, timed ? &end : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
    int over = failed && errno == ETIMEDOUT;
    errno = kept;
    return over;
}

void tht_port_wake(const thetis_atomic *word)
{
    int kept = errno;
    (void)syscall(WAIT_FUTEX, wait_low_half(word), FUTEX_WAKE_PRIVATE, INT_MAX);
    errno = kept;
}

int tht_port_signal_open(thetis_status *status)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) *status = errno == EMFILE || errno == ENFILE ? THETIS_EMFILE : THETIS_ENOMEM;
    return fd;
}

void tht_port_signal_send(int fd)
{
    uint64_t one = 1;
    int kept = errno;
    (void)!write(fd, &one, sizeof one); /* fails only if it is readable 2^64 - 2 times over */
    errno = kept;
}

uint64_t tht_port_signal_take(int fd)
{
    uint64_t n = 0;
    int kept = errno;
    (void)!read(fd, &n, sizeof n); /* EAGAIN: none */
    errno = kept;
    return n;
}

void tht_port_signal_close(int fd)
{
    (void)close(fd);
}
