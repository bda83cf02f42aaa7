/* SPDX-License-Identifier: MIT
 *
 * sys_bsd.c: the system calls of a loop on FreeBSD, NetBSD, OpenBSD and macOS: kqueue, and the
 * table. Compiled and linked with their headers, never run: see SUPPORT.md. What is known of their
 * behaviour is in sim/personality; tests/unit/test_sys_kqueue.c checks the translation.
 *
 * What these systems do that the contract in sys.h hides:
 *   - The names of kevent(2) are the same, the numbers and the types of its fields are not.
 *   - The token of an event is a pointer. It needs 64 bits: with fewer there is no kqueue.
 *   - A kqueue may be inherited by programs that this one starts.
 *   - FreeBSD spreads connections among listeners only with an option of its own.
 */
#if defined(__NetBSD__) && !defined(_NETBSD_SOURCE)
#define _NETBSD_SOURCE
#endif

#include "port.h"
#include "sys_posix.h"

#include <thetis/config.h>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef SO_REUSEPORT_LB
#define BSD_BALANCE {SOL_SOCKET, SO_REUSEPORT_LB}
#define BSD_NO_BALANCE 0
#else
#define BSD_BALANCE {-1}
#define BSD_NO_BALANCE (1u << THETIS_CAP_LISTEN_BALANCE)
#endif

const int tht_sys_options[][2] = {
    [THT_OPT_REUSE_ADDR] = {SOL_SOCKET, SO_REUSEADDR},
    [THT_OPT_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
    [THT_OPT_BALANCE] = BSD_BALANCE,
    [THT_OPT_NODELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [THT_OPT_ABORT_ON_CLOSE] = {SOL_SOCKET, SO_LINGER},
    [THT_OPT_V6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
    [THT_OPT_UDP_SEGMENT] = {-1},
    [THT_OPT_UDP_GRO] = {-1},
    [THT_OPT_STAMP] = {SOL_SOCKET, SO_TIMESTAMP},
    [THT_OPT_COUNT_DROPS] = {-1},
    [THT_OPT_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
    [THT_OPT_RECV_SPACE] = {SOL_SOCKET, SO_RCVBUF},
    [THT_OPT_SEND_SPACE] = {SOL_SOCKET, SO_SNDBUF},
};

/* ---- kqueue ---------------------------------------------------------------------------------- */

#if UINTPTR_MAX >= UINT64_MAX

enum { KQ_EVENTS = 64 }; /* that one call may return */

typedef struct kevent kq_event;
#ifdef __NetBSD__
typedef size_t kq_count;
#else
typedef int kq_count;
#endif

static tht_ret kq_open(const tht_sys *sys)
{
    int queue = kqueue();
    (void)sys;
    if (queue >= 0) (void)fcntl(queue, F_SETFD, FD_CLOEXEC);
    return tht_sys_result(queue);
}

static void kq_to_system(kq_event *to, const tht_kevent *from)
{
    static const int filters[] = {
        [THT_KQ_READ] = EVFILT_READ, [THT_KQ_WRITE] = EVFILT_WRITE, [THT_KQ_USER] = EVFILT_USER};
    unsigned flags = from->flags, os = 0;
    if (flags & THT_KQ_ADD) os |= EV_ADD;
    if (flags & THT_KQ_DELETE) os |= EV_DELETE;
    if (flags & THT_KQ_CLEAR) os |= EV_CLEAR;
    if (flags & THT_KQ_ONESHOT) os |= EV_ONESHOT;
    if (flags & THT_KQ_RECEIPT) os |= EV_RECEIPT;
    *to = (kq_event){.ident = (uintptr_t)from->fd, .udata = (void *)(uintptr_t)from->token};
    if (flags & THT_KQ_TRIGGER) to->fflags = NOTE_TRIGGER;
    to->filter = (__typeof__(to->filter))filters[from->filter];
    to->flags = (__typeof__(to->flags))os;
}

/* Some systems echo flags of the change: each is tested for itself. */
static void kq_from_system(tht_kevent *to, const kq_event *from)
{
    int filter = (int)from->filter;
    *to = (tht_kevent){
        .token = (uintptr_t)from->udata,
        .fd = (int32_t)from->ident,
        .filter = filter == (int)EVFILT_READ    ? THT_KQ_READ
                  : filter == (int)EVFILT_WRITE ? THT_KQ_WRITE
                                                : THT_KQ_USER,
    };
    if (from->flags & EV_ERROR) {
        to->flags = THT_KQ_ERROR;
        to->os = (int32_t)from->data;
        to->status = to->os ? tht_sys_fault(to->os).status : THETIS_OK;
        return;
    }
    to->data = (int64_t)from->data;
    if (from->flags & EV_EOF) {
        to->flags = THT_KQ_EOF;
        to->os = (int32_t)from->fflags;
    }
}

/* Sleeps of more than an hour end then: one system refuses long ones. */
static struct timespec kq_limit(uint64_t ns)
{
    const uint64_t hour = 3600000000000u, some = ns < hour ? ns : hour;
    return (struct timespec){(time_t)(some / 1000000000u), (long)(some % 1000000000u)};
}

static tht_ret kq_kevent(const tht_sys *sys, int queue, const tht_kevent *changes, uint32_t n,
                         tht_kevent *out, uint32_t cap, uint64_t timeout_ns)
{
    kq_event in[THT_CHANGES], events[KQ_EVENTS];
    const struct timespec limit = kq_limit(cap ? timeout_ns : 0);
    (void)sys;
    THETIS_ASSERT1(n <= THT_CHANGES);
    for (uint32_t i = 0; i < n; i++) kq_to_system(&in[i], &changes[i]);
    int got = kevent(queue, in, (kq_count)n, events,
                     (kq_count)(cap < KQ_EVENTS ? cap : KQ_EVENTS),
                     cap && timeout_ns == UINT64_MAX ? NULL : &limit);
    if (got < 0) return tht_sys_errno();
    for (int i = 0; i < got; i++) kq_from_system(&out[i], &events[i]);
    return tht_sys_done(got);
}

#define SYS_KQUEUE .kqueue_open = kq_open, .kevent = kq_kevent
#else
#define SYS_KQUEUE .kqueue_open = NULL
#endif

/* ---- wake ------------------------------------------------------------------------------------ */

/* For pollers other than kqueue, and for a kqueue whose own wake-ups do not come. */
static tht_ret bsd_wake_open(const tht_sys *sys, int set, uint64_t token)
{
    thetis_status status = THETIS_OK;
    int fd = tht_port_signal_open(&status);
    (void)sys;
    (void)set;
    (void)token;
    return fd < 0 ? (tht_ret){0, status, errno} : tht_sys_done(fd);
}

static tht_ret bsd_wake_send(const tht_sys *sys, int wake_fd)
{
    (void)sys;
    tht_port_signal_send(wake_fd);
    return tht_sys_done(0);
}

static void bsd_wake_take(const tht_sys *sys, int wake_fd)
{
    (void)sys;
    (void)tht_port_signal_take(wake_fd);
}

/* NetBSD and OpenBSD sleep for ticks of the clock, 100 a second; poll() of macOS, which is not its
 * first choice, for milliseconds. */
static uint64_t bsd_sleep_ns(const tht_sys *sys)
{
    (void)sys;
#if defined(__NetBSD__) || defined(__OpenBSD__)
    return 10000000;
#else
    return 1;
#endif
}

const tht_sys tht_sys_host = {
    THT_SYS_POSIX_CALLS,
    SYS_KQUEUE,
    .wake_open = bsd_wake_open,
    .wake_take = bsd_wake_take,
    .wake_send = bsd_wake_send,
    .sleep_ns = bsd_sleep_ns,
    .max_iov = 64,
    .lacks = 1u << THETIS_CAP_UDP_GSO | 1u << THETIS_CAP_UDP_GRO | 1u << THETIS_CAP_UDP_DROPS |
             1u << THETIS_CAP_UDP_BATCH | BSD_NO_BALANCE,
};
