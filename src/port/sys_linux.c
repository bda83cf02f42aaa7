/* SPDX-License-Identifier: MIT
 *
 * sys_linux.c: the system calls of a loop on Linux.
 *
 * What Linux does that the contract in sys.h hides:
 *   - accept() hands out errors that belong to the new connection, not to the listener.
 *   - connect() of a unix socket answers EAGAIN when the listener's queue is full: nothing is in
 *     progress then, so it must not look like EINPROGRESS.
 *   - close() that reports EINTR has closed the descriptor.
 *   - epoll forgets a descriptor that is closed and may then meet the same number again, so the
 *     registration a caller believes in can be there or not: epoll_set() corrects itself once.
 *   - epoll_wait() knows milliseconds only; epoll_pwait2() (Linux 5.11) knows nanoseconds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port.h"
#include "sys_linux.h"

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

/* ---- results --------------------------------------------------------------------------------- */

/* The status of each errno; 0 means that it has none of its own. */
static const int8_t sys_status_of[] = {
    [EAGAIN] = THETIS_AGAIN, /* and EWOULDBLOCK */
    [EINPROGRESS] = THETIS_AGAIN,
    [EALREADY] = THETIS_AGAIN,
    [EINTR] = THETIS_EINTR,
    [ECONNREFUSED] = THETIS_EREFUSED,
    [ECONNRESET] = THETIS_ERESET,
    [ECONNABORTED] = THETIS_ERESET,
    [EPIPE] = THETIS_CLOSED,
    [ENOBUFS] = THETIS_ENOBUFS,
    [ENOMEM] = THETIS_ENOMEM,
    [ENOSPC] = THETIS_ENOMEM, /* epoll_ctl: too many watches of this user */
    [EMFILE] = THETIS_EMFILE,
    [ENFILE] = THETIS_EMFILE,
    [EADDRINUSE] = THETIS_EADDRINUSE,
    [EADDRNOTAVAIL] = THETIS_EADDRNOTAVAIL,
    [ENODEV] = THETIS_EADDRNOTAVAIL, /* no such network interface */
    [ENOENT] = THETIS_EREFUSED,      /* a unix path that nobody has made */
    [ETOOMANYREFS] = THETIS_ENOBUFS, /* too many descriptors on their way */
    [EACCES] = THETIS_EACCES,
    [EPERM] = THETIS_EACCES,
    [ENETUNREACH] = THETIS_EUNREACH,
    [EHOSTUNREACH] = THETIS_EUNREACH,
    [ENETDOWN] = THETIS_EUNREACH,
    [EHOSTDOWN] = THETIS_EUNREACH,
    [ETIMEDOUT] = THETIS_ETIMEDOUT,
    [ENOTCONN] = THETIS_ENOTCONN,
    [EDESTADDRREQ] = THETIS_ENOTCONN,
    [EMSGSIZE] = THETIS_E2BIG,
    [EINVAL] = THETIS_EINVAL,
    [EEXIST] = THETIS_EBUSY, /* epoll_ctl: another handle watches the descriptor */
    [EBADF] = THETIS_EINVAL,
    [EAFNOSUPPORT] = THETIS_ENOTSUP,
    [EOPNOTSUPP] = THETIS_ENOTSUP,
    [ENOPROTOOPT] = THETIS_ENOTSUP,
    [ENOSYS] = THETIS_ENOTSUP,
};

_Static_assert(EWOULDBLOCK == EAGAIN, "two names of one number");

tht_ret tht_sys_fault(int os)
{
    int32_t status = (size_t)os < sizeof sys_status_of ? sys_status_of[os] : 0;
    return (tht_ret){0, status ? status : THETIS_EOTHER, os};
}

tht_ret tht_sys_errno(void)
{
    return tht_sys_fault(errno);
}

/* ---- addresses ------------------------------------------------------------------------------- */

socklen_t tht_sys_to_sockaddr(sys_sockaddr *to, const thetis_addr *addr)
{
    switch (addr->family) {
    case THETIS_ADDR_V4:
        memset(&to->in, 0, sizeof to->in);
        to->in.sin_family = AF_INET;
        to->in.sin_port = htons(addr->port);
        memcpy(&to->in.sin_addr, addr->u.v4, sizeof addr->u.v4);
        return sizeof to->in;
    case THETIS_ADDR_V6:
        memset(&to->in6, 0, sizeof to->in6);
        to->in6.sin6_family = AF_INET6;
        to->in6.sin6_port = htons(addr->port);
        to->in6.sin6_scope_id = addr->scope;
        memcpy(&to->in6.sin6_addr, addr->u.v6, sizeof addr->u.v6);
        return sizeof to->in6;
    case THETIS_ADDR_UNIX:
        if (!addr->u.path[0] && !addr->u.path[1]) return 0; /* Linux would choose a name */
        memset(&to->un, 0, sizeof to->un);
        to->un.sun_family = AF_UNIX;
        memcpy(to->un.sun_path, addr->u.path, sizeof addr->u.path);
        if (addr->u.path[0]) return sizeof to->un;
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(addr->u.path + 1));
    default:
        return 0;
    }
}

/* A path or an abstract name of a unix socket; none for unnamed and overlong ones, and for abstract
 * names that contain a 0. */
static void sys_from_path(thetis_addr *addr, const struct sockaddr_un *un, socklen_t len)
{
    size_t room = len - offsetof(struct sockaddr_un, sun_path);
    size_t abstract = room > 1 && un->sun_path[0] == 0;
    size_t used = abstract + strnlen(un->sun_path + abstract, room - abstract);
    if (used == 0 || used >= sizeof addr->u.path || (abstract && used != room)) return;
    addr->family = THETIS_ADDR_UNIX;
    memcpy(addr->u.path, un->sun_path, used);
}

void tht_sys_from_sockaddr(thetis_addr *addr, const sys_sockaddr *from, socklen_t len)
{
    static const thetis_addr none; /* a copy is moves; memset would be a slow instruction */
    *addr = none;
    if (len < sizeof from->any.sa_family) return;
    if (from->any.sa_family == AF_INET) {
        addr->family = THETIS_ADDR_V4;
        addr->port = ntohs(from->in.sin_port);
        memcpy(addr->u.v4, &from->in.sin_addr, sizeof addr->u.v4);
    } else if (from->any.sa_family == AF_INET6) {
        addr->family = THETIS_ADDR_V6;
        addr->port = ntohs(from->in6.sin6_port);
        addr->scope = from->in6.sin6_scope_id;
        memcpy(addr->u.v6, &from->in6.sin6_addr, sizeof addr->u.v6);
    } else if (from->any.sa_family == AF_UNIX) {
        sys_from_path(addr, &from->un, len);
    }
}

/* ---- sockets --------------------------------------------------------------------------------- */

static uint64_t sys_now(const tht_sys *sys)
{
    (void)sys;
    return tht_port_now();
}

static tht_ret sys_socket(const tht_sys *sys, thetis_addr_family family, tht_type type)
{
    int kind = type == THT_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
    int domain = family == THETIS_ADDR_V4     ? AF_INET
                 : family == THETIS_ADDR_V6   ? AF_INET6
                 : family == THETIS_ADDR_UNIX ? AF_UNIX
                                              : AF_UNSPEC; /* refused by the system */
    (void)sys;
    return tht_sys_result(socket(domain, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static tht_ret sys_bind(const tht_sys *sys, int fd, const thetis_addr *addr)
{
    sys_sockaddr to;
    socklen_t len = tht_sys_to_sockaddr(&to, addr);
    (void)sys;
    if (len == 0) return tht_sys_fault(EINVAL);
    if (bind(fd, &to.any, len) == 0) return tht_sys_done(0);
    if (errno == ENOENT) return (tht_ret){0, THETIS_EADDRNOTAVAIL, ENOENT}; /* no such folder */
    return tht_sys_errno();
}

static tht_ret sys_listen(const tht_sys *sys, int fd, int backlog)
{
    (void)sys;
    return tht_sys_result(listen(fd, backlog));
}

/* Errors of the connection that was to be accepted: accept(2), "Error handling". */
static tht_ret sys_accept_fault(int os)
{
    switch (os) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return (tht_ret){0, THETIS_ERESET, os};
    default:
        return tht_sys_fault(os);
    }
}

static tht_ret sys_accept(const tht_sys *sys, int fd, thetis_addr *peer)
{
    sys_sockaddr from;
    socklen_t len = sizeof from;
    (void)sys;
    int conn = accept4(fd, peer ? &from.any : NULL, peer ? &len : NULL,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (conn < 0) return sys_accept_fault(errno);
    if (peer) tht_sys_from_sockaddr(peer, &from, len);
    return tht_sys_done(conn);
}

static tht_ret sys_connect(const tht_sys *sys, int fd, const thetis_addr *to)
{
    sys_sockaddr sa;
    socklen_t len = tht_sys_to_sockaddr(&sa, to);
    (void)sys;
    if (len == 0) return tht_sys_fault(EINVAL);
    if (connect(fd, &sa.any, len) == 0 || errno == EISCONN) return tht_sys_done(0);
    if (errno == EINTR) return (tht_ret){0, THETIS_AGAIN, EINTR};
    if (errno == EAGAIN) return (tht_ret){0, THETIS_ENOBUFS, EAGAIN};
    return tht_sys_fault(errno);
}

static tht_ret sys_recv(const tht_sys *sys, int fd, void *into, size_t len)
{
    (void)sys;
    return tht_sys_result(recv(fd, into, len, 0));
}

_Static_assert(sizeof(thetis_iov) == sizeof(struct iovec) &&
                   offsetof(thetis_iov, data) == offsetof(struct iovec, iov_base) &&
                   offsetof(thetis_iov, len) == offsetof(struct iovec, iov_len),
               "thetis_iov is handed to the system as it is");

static tht_ret sys_send(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs)
{
    (void)sys;
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iovs};
    return tht_sys_result(sendmsg(fd, &msg, MSG_NOSIGNAL));
}

static tht_ret sys_send_one(const tht_sys *sys, int fd, const void *data, size_t len)
{
    (void)sys;
    return tht_sys_result(send(fd, data, len, MSG_NOSIGNAL));
}

static tht_ret sys_shutdown(const tht_sys *sys, int fd)
{
    (void)sys;
    return tht_sys_result(shutdown(fd, SHUT_WR));
}

static tht_ret sys_close(const tht_sys *sys, int fd)
{
    (void)sys;
    return close(fd) == 0 || errno == EINTR ? tht_sys_done(0) : tht_sys_fault(errno);
}

static tht_ret sys_so_error(const tht_sys *sys, int fd)
{
    int os = 0;
    socklen_t len = sizeof os;
    (void)sys;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &len) != 0) return tht_sys_fault(errno);
    return os ? tht_sys_fault(os) : tht_sys_done(0);
}

static tht_ret sys_setopt(const tht_sys *sys, int fd, tht_opt opt, int value)
{
    static const int level_and_name[][2] = {
        [THT_OPT_REUSE_ADDR] = {SOL_SOCKET, SO_REUSEADDR},
        [THT_OPT_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
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
    struct linger linger = {.l_onoff = value, .l_linger = 0}; /* waits 0 seconds: resets */
    int lingers = opt == THT_OPT_ABORT_ON_CLOSE;
    (void)sys;
    return tht_sys_result(setsockopt(fd, level_and_name[opt][0], level_and_name[opt][1],
                                 lingers ? (const void *)&linger : (const void *)&value,
                                 lingers ? sizeof linger : sizeof value));
}

static tht_ret sys_name(const tht_sys *sys, int fd, tht_end end, thetis_addr *out)
{
    sys_sockaddr sa;
    socklen_t len = sizeof sa;
    (void)sys;
    int failed = end == THT_LOCAL ? getsockname(fd, &sa.any, &len) : getpeername(fd, &sa.any, &len);
    if (failed) return tht_sys_fault(errno);
    tht_sys_from_sockaddr(out, &sa, len);
    return tht_sys_done(0);
}

/* ---- epoll ----------------------------------------------------------------------------------- */

/* After a MOD or DEL that did not find the descriptor. An ADD that finds it is no mistake of ours:
 * every registration is removed before its descriptor is closed. */
static int sys_epoll_heal(int set, int fd, int op, struct epoll_event *ev)
{
    if (op == EPOLL_CTL_MOD && errno == ENOENT) return epoll_ctl(set, EPOLL_CTL_ADD, fd, ev);
    if (op == EPOLL_CTL_DEL && errno == ENOENT) return 0;
    return -1;
}

static tht_ret sys_epoll_set(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                             uint32_t mask)
{
    uint32_t events = (mask & THT_IN ? EPOLLIN : 0u) | (mask & THT_OUT ? EPOLLOUT : 0u);
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

/* Rounded up, so that a deadline is never early. Longer sleeps end after an hour: the caller
 * looks at its clock then and sleeps again. */
static int sys_ms(uint64_t ns)
{
    const uint64_t hour = 3600000;
    uint64_t ms = ns / 1000000u + (ns % 1000000u != 0);
    return (int)(ms < hour ? ms : hour);
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

static int sys_wait(int set, struct epoll_event *evs, int cap, uint64_t ns)
{
    if (ns == 0) return epoll_wait(set, evs, cap, 0);
    if (ns == UINT64_MAX) return epoll_wait(set, evs, cap, -1);
    int n = sys_wait_ns(set, evs, cap, ns);
    return n < 0 && errno == ENOSYS ? epoll_wait(set, evs, cap, sys_ms(ns)) : n;
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
    int n = sys_wait(set, (void *)out, cap < INT_MAX ? (int)cap : INT_MAX, timeout_ns);
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
    if (n < 0 && errno == EAGAIN) { /* after 2^64 - 2 wake-ups the counter is full */
        uint64_t sum;
        (void)!read(wake_fd, &sum, sizeof sum); /* fails if another sender was faster */
        n = write(wake_fd, &count, sizeof count);
    }
    tht_ret ret = n < 0 ? tht_sys_fault(errno) : tht_sys_done(0);
    errno = kept;
    return ret;
}

const tht_sys tht_sys_host = {
    .now = sys_now,
    .socket = sys_socket,
    .bind = sys_bind,
    .listen = sys_listen,
    .accept = sys_accept,
    .connect = sys_connect,
    .recv = sys_recv,
    .send = sys_send,
    .send_one = sys_send_one,
    .recv_fds = tht_sys_recv_fds,
    .send_fds = tht_sys_send_fds,
    .recv_msgs = tht_sys_recv_msgs,
    .send_msgs = tht_sys_send_msgs,
    .group = tht_sys_group,
    .shutdown = sys_shutdown,
    .close = sys_close,
    .so_error = sys_so_error,
    .setopt = sys_setopt,
    .name = sys_name,
    .epoll_open = sys_epoll_open,
    .epoll_set = sys_epoll_set,
    .epoll_wait = sys_epoll_wait,
    .poll_set = tht_sys_poll_set,
    .poll_wait = tht_sys_poll_wait,
    .wake_open = sys_wake_open,
    .wake_take = tht_sys_wake_take,
    .wake_send = sys_wake_send,
    .sleep_ns = sys_sleep_ns,
    .max_iov = 64,
};
