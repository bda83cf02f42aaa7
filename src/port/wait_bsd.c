/* SPDX-License-Identifier: MIT
 *
 * wait_bsd.c: sleeping and waking on FreeBSD, NetBSD, OpenBSD and macOS, and descriptors for other
 * loops. Compiled and linked, never run: see SUPPORT.md.
 *
 * Each of these systems has a call that sleeps while a word of 32 bits has a value, and which
 * compares and falls asleep in one step: _umtx_op(2), the futexes of NetBSD 10 and OpenBSD 6.2, and
 * what the C++ library of macOS itself uses, __ulock_wait. None can be built from mutexes and
 * conditions, for a signal handler must be able to wake. Whether the time is over is asked of the
 * clock, for they count it from different beginnings, and round it.
 *
 * A descriptor that pollers understand is a queue of events with one that the user triggers.
 */
#if defined(__NetBSD__) && !defined(_NETBSD_SOURCE)
#define _NETBSD_SOURCE
#endif

#include "port.h"

#include <thetis/caps.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#if defined(__FreeBSD__)
#include <sys/umtx.h>
#elif defined(__NetBSD__)
#include <sys/futex.h>
#include <sys/syscall.h>
#elif defined(__OpenBSD__)
#include <sys/futex.h>
#else
/* libSystem, since macOS 10.12; no header declares them. */
#define tht_symbol(name) __asm__(name)
int tht_ulock_wait(uint32_t operation, void *word, uint64_t value, uint32_t timeout_us)
    tht_symbol("___ulock_wait");
int tht_ulock_wake(uint32_t operation, void *word, uint64_t ignored) tht_symbol("___ulock_wake");
enum { ULOCK_COMPARE_AND_WAIT = 1, ULOCK_WAKE_ALL = 0x100 };
#endif

#ifndef EVFILT_USER
#error "thetis: this system is too old: it has no EVFILT_USER (NetBSD 10, OpenBSD 7.8 do)"
#endif

/* The systems know words of 32 bits: the low half. */
static void *wait_low_half(const thetis_atomic *word)
{
    uintptr_t at = (uintptr_t)word;
#if !THETIS_CAP_LITTLE_ENDIAN
    at += sizeof *word - sizeof(uint32_t);
#endif
    return (void *)at;
}

/* At most `ns` nanoseconds; for ever with UINT64_MAX. A sleep that ends too early ends for no
 * reason, which is allowed: so one of more than an hour does. */
#if defined(__APPLE__)

static void wait_for(void *word, uint32_t value, uint64_t ns)
{
    const uint64_t most = 3600000000u;
    uint64_t us = ns / 1000 + 1;
    (void)tht_ulock_wait(ULOCK_COMPARE_AND_WAIT, word, value,
                       ns == UINT64_MAX ? 0 : (uint32_t)(us < most ? us : most));
}

static void wait_wake(void *word)
{
    (void)tht_ulock_wake(ULOCK_COMPARE_AND_WAIT | ULOCK_WAKE_ALL, word, 0);
}

#else

static void wait_for(void *word, uint32_t value, uint64_t ns)
{
    const uint64_t most = 3600000000000u, some = ns < most ? ns : most;
    struct timespec limit = {(time_t)(some / 1000000000u), (long)(some % 1000000000u)};
    struct timespec *end = ns == UINT64_MAX ? NULL : &limit;
#if defined(__FreeBSD__)
    (void)_umtx_op(word, UMTX_OP_WAIT_UINT_PRIVATE, value, (void *)sizeof limit, end);
#elif defined(__NetBSD__)
    (void)syscall(SYS___futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, (int)value, end, NULL, 0, 0);
#else
    (void)futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, (int)value, end, NULL);
#endif
}

static void wait_wake(void *word)
{
#if defined(__FreeBSD__)
    (void)_umtx_op(word, UMTX_OP_WAKE_PRIVATE, INT_MAX, NULL, NULL);
#elif defined(__NetBSD__)
    (void)syscall(SYS___futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0, 0);
#else
    (void)futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL);
#endif
}

#endif

int tht_port_wait(const thetis_atomic *word, uintptr_t value, uint64_t until)
{
    int kept = errno, over = 0;
    if (until == UINT64_MAX) {
        wait_for(wait_low_half(word), (uint32_t)value, UINT64_MAX);
    } else {
        uint64_t now = tht_port_now();
        if (now < until) wait_for(wait_low_half(word), (uint32_t)value, until - now);
        over = tht_port_now() >= until;
    }
    errno = kept;
    return over;
}

void tht_port_wake(const thetis_atomic *word)
{
    int kept = errno;
    wait_wake(wait_low_half(word));
    errno = kept;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

/* Changes the event, or takes it: the answer of kevent(). */
static int signal_change(int fd, unsigned short flags, unsigned fflags)
{
    struct kevent change;
    EV_SET(&change, 0, EVFILT_USER, flags, fflags, 0, 0);
    return kevent(fd, &change, 1, NULL, 0, NULL);
}

int tht_port_signal_open(thetis_status *status)
{
    int fd = kqueue();
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
        signal_change(fd, EV_ADD | EV_CLEAR, 0) == 0)
        return fd;
    *status = errno == EMFILE || errno == ENFILE ? THETIS_EMFILE : THETIS_ENOMEM;
    if (fd >= 0) (void)close(fd);
    return -1;
}

void tht_port_signal_send(int fd)
{
    int kept = errno;
    (void)signal_change(fd, 0, NOTE_TRIGGER);
    errno = kept;
}

/* Those that come together are one. */
uint64_t tht_port_signal_take(int fd)
{
    const struct timespec at_once = {0, 0};
    struct kevent event;
    int kept = errno;
    int n = kevent(fd, NULL, 0, &event, 1, &at_once);
    errno = kept;
    return n > 0 ? 1 : 0;
}

void tht_port_signal_close(int fd)
{
    (void)close(fd);
}
