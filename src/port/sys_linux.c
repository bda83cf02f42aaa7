/* SPDX-License-Identifier: MIT
 *
 * sys_linux.c: the system calls of a loop on Linux: epoll, eventfd, and the table.
 *
 * What Linux does that the contract in sys.h hides:
 *   - epoll forgets a descriptor that is closed and may then meet the same number again, so the
 *     registration a caller believes in can be there or not: epoll_set() corrects itself once.
 *   - epoll_wait() knows milliseconds only; epoll_pwait2() (Linux 5.11) knows nanoseconds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "io_ops.h"
#include "sys_posix.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* for old headers; an old kernel answers ENOSYS */
#endif

const int tht_sys_options[][2] = {
    [THT_OPT_REUSE_ADDR] = {SOL_SOCKET, SO_REUSEADDR},
    [THT_OPT_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
    [THT_OPT_BALANCE] = {SOL_SOCKET, SO_REUSEPORT},
    [THT_OPT_NODELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [THT_OPT_ABORT_ON_CLOSE] = {SOL_SOCKET, SO_LINGER},
    [THT_OPT_V6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
    [THT_OPT_UDP_SEGMENT] = {IPPROTO_UDP, UDP_SEGMENT},
    [THT_OPT_UDP_GRO] = {IPPROTO_UDP, UDP_GRO},
    [THT_OPT_STAMP] = {SOL_SOCKET, SO_TIMESTAMPNS},
    [THT_OPT_COUNT_DROPS] = {SOL_SOCKET, SO_RXQ_OVFL},
    [THT_OPT_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
    [THT_OPT_RECV_SPACE] = {SOL_SOCKET, SO_RCVBUF},
    [THT_OPT_SEND_SPACE] = {SOL_SOCKET, SO_SNDBUF},
};

/* ---- epoll ----------------------------------------------------------------------------------- */

/* After a MOD or DEL that did not find the descriptor. An ADD that finds it is for the caller to
 * judge. */
static int sys_epoll_heal(int set, int fd, int op, struct epoll_event *ev)
{
    if (op == EPOLL_CTL_MOD && errno == ENOENT) return epoll_ctl(set, EPOLL_CTL_ADD, fd, ev);
    if (op == EPOLL_CTL_DEL && errno == ENOENT) return 0;
    return -1;
}

static tht_ret sys_epoll_set(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                             uint32_t mask)
{
    uint32_t events = (mask & THT_IN ? EPOLLIN : 0u) | (mask & THT_OUT ? EPOLLOUT : 0u) |
                      (mask & THT_EDGE ? EPOLLET : 0u);
    struct epoll_event ev = {.events = events, .data.u64 = token};
    int op = was == 0 ? EPOLL_CTL_ADD : mask == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    (void)sys;
    if ((was | mask) == 0) return tht_sys_done(0);
    if (epoll_ctl(set, op, fd, &ev) == 0 || sys_epoll_heal(set, fd, op, &ev) == 0)
        return tht_sys_done(0);
    if (errno == EPERM) return (tht_ret){0, THETIS_EINVAL, EPERM}; /* a file: cannot be polled */
    return tht_sys_fault(errno);
}

/* Set once epoll_pwait2 has turned out to be missing: an old kernel, an emulator, a sandbox. */
static thetis_atomic sys_ms_only;

/* Waits with nanoseconds; -1 and errno ENOSYS if that cannot be had. */
static int sys_wait_ns(int set, struct epoll_event *evs, int cap, uint64_t ns)
{
    errno = ENOSYS;
    if (thetis_atomic_load_relaxed(&sys_ms_only)) return -1;
    int64_t sec_nsec[2] = {(int64_t)(ns / 1000000000u), (int64_t)(ns % 1000000000u)};
    int n = (int)syscall(SYS_epoll_pwait2, set, evs, cap, sec_nsec, NULL, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
    thetis_atomic_store_relaxed(&sys_ms_only, 1);
    errno = ENOSYS;
    return -1;
}

/* Finds out at once how finely this system sleeps. */
static tht_ret sys_epoll_open(const tht_sys *sys)
{
    struct epoll_event none;
    int set = epoll_create1(EPOLL_CLOEXEC);
    (void)sys;
    if (set >= 0) (void)sys_wait_ns(set, &none, 1, 0);
    return tht_sys_result(set);
}

static uint64_t sys_sleep_ns(const tht_sys *sys)
{
    (void)sys;
    return thetis_atomic_load_relaxed(&sys_ms_only) ? 1000000 : 1;
}

/* Not inlined: a wait without an end in time needs none of its registers. */
__attribute__((noinline)) static int sys_wait_long(int set, void *evs, int cap, uint64_t ns)
{
    int n = sys_wait_ns(set, evs, cap, ns);
    return n < 0 && errno == ENOSYS ? epoll_wait(set, evs, cap, tht_sys_ms(ns)) : n;
}

_Static_assert((uint32_t)EPOLLIN == THT_IN && (uint32_t)EPOLLOUT == THT_OUT << 1,
               "one shift translates them");

static inline uint32_t sys_ready(uint32_t events)
{
    if (THETIS_UNLIKELY(events & (EPOLLERR | EPOLLHUP))) return THT_IN | THT_OUT;
    return (events & THT_IN) | (events >> 1 & THT_OUT);
}

_Static_assert(sizeof(struct epoll_event) <= sizeof(tht_event) &&
                   _Alignof(struct epoll_event) <= _Alignof(tht_event),
               "the system writes its events into the caller's array");

/* The events are converted where the system wrote them, from the last to the first: ours are at
 * least as long, so none is overwritten before it is read. */
static tht_ret sys_epoll_wait(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                              uint64_t timeout_ns)
{
    const unsigned char *raw = (const unsigned char *)out;
    (void)sys;
    int most = cap < INT_MAX ? (int)cap : INT_MAX;
    int n = timeout_ns == 0 || timeout_ns == UINT64_MAX
                ? epoll_wait(set, (void *)out, most, timeout_ns == 0 ? 0 : -1)
                : sys_wait_long(set, out, most, timeout_ns);
    if (THETIS_UNLIKELY(n < 0)) return tht_sys_fault(errno);
    for (size_t i = (size_t)n; i-- > 0;) {
        struct epoll_event ev;
        memcpy(&ev, raw + i * sizeof ev, sizeof ev);
        out[i] = (tht_event){ev.data.u64, sys_ready(ev.events)};
    }
    return tht_sys_done(n);
}

/* ---- wake ------------------------------------------------------------------------------------ */

/* Edge-triggered, so every write is reported once and nobody has to read the counter. */
static tht_ret sys_wake_open(const tht_sys *sys, int set, uint64_t token)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = token};
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    (void)sys;
    if (fd < 0) return tht_sys_fault(errno);
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) == 0) return tht_sys_done(fd);
    tht_ret fault = tht_sys_fault(errno);
    (void)close(fd);
    return fault;
}

static tht_ret sys_wake_send(const tht_sys *sys, int wake_fd)
{
    uint64_t count = 1;
    int kept = errno;
    (void)sys;
    ssize_t n = write(wake_fd, &count, sizeof count);
    if (THETIS_LIKELY(n >= 0)) return tht_sys_done(0);
    if (errno == EAGAIN) { /* after 2^64 - 2 wake-ups the counter is full */
        uint64_t sum;
        (void)!read(wake_fd, &sum, sizeof sum); /* fails if another sender was faster */
        n = write(wake_fd, &count, sizeof count);
    }
    tht_ret ret = n < 0 ? tht_sys_fault(errno) : tht_sys_done(0);
    errno = kept;
    return ret;
}

static void sys_wake_take(const tht_sys *sys, int wake_fd)
{
    uint64_t sum;
    (void)sys;
    (void)!read(wake_fd, &sum, sizeof sum); /* AGAIN: somebody has taken it */
}

const tht_sys tht_sys_host = {
    THT_SYS_POSIX_CALLS,
    .epoll_open = sys_epoll_open,
    .epoll_set = sys_epoll_set,
    .epoll_wait = sys_epoll_wait,
    .wake_open = sys_wake_open,
    .wake_take = sys_wake_take,
    .wake_send = sys_wake_send,
    .sleep_ns = sys_sleep_ns,
#if defined(THETIS_URING)
    .io = &tht_io_linux,
#endif
    .no_io = ENOSYS,
    .max_iov = 64,
};
