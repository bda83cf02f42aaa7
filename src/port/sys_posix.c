/* SPDX-License-Identifier: MIT
 *
 * sys_posix.c: the calls of a loop on sockets, as all systems with POSIX's have them.
 *
 * What these systems do that the contract in sys.h hides:
 *   - accept() hands out errors that belong to the new connection, not to the listener.
 *   - connect() of a unix socket on Linux answers EAGAIN when the listener's queue is full: nothing
 *     is in progress then, so it must not look like EINPROGRESS.
 *   - close() that reports EINTR has closed the descriptor.
 *   - Where accepted sockets inherit the mode of the listener, and where they do not, they are made
 *     non-blocking. macOS has no flag for that, nor for what a program that is started meanwhile by
 *     another thread inherits: there is a moment in which it may.
 *   - An address has its own length in it on the BSDs.
 *   - macOS tells a send while the connection ends EPROTOTYPE, and getpeername() EINVAL after it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port.h"
#include "sys_posix.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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
#ifdef __APPLE__
    [EPROTOTYPE] = THETIS_CLOSED,
#endif
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

/* Only Linux has names that are not paths; alone a 0 would let it choose one. */
static socklen_t sys_to_path(struct sockaddr_un *un, const char *path)
{
    size_t used;
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
#ifdef __linux__
    if (!path[0] && path[1]) {
        used = 1 + strlen(path + 1);
        memcpy(un->sun_path, path, used);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used);
    }
#endif
    used = strlen(path);
    if (used == 0 || used >= sizeof un->sun_path) return 0;
    memcpy(un->sun_path, path, used);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used + 1);
}

static socklen_t sys_fill(sys_sockaddr *to, const thetis_addr *addr)
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
        return sys_to_path(&to->un, addr->u.path);
    default:
        return 0;
    }
}

socklen_t tht_sys_to_sockaddr(sys_sockaddr *to, const thetis_addr *addr)
{
    socklen_t len = sys_fill(to, addr);
#ifndef __linux__
    to->any.sa_len = (uint8_t)len;
#endif
    return len;
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
    if (len < offsetof(struct sockaddr, sa_family) + sizeof from->any.sa_family) return;
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

uint64_t tht_sys_now(const tht_sys *sys)
{
    (void)sys;
    return tht_port_now();
}

/* What a new descriptor must be; systems that have these flags make it so at once. Faults are left
 * to the next call: one system refuses options of a socket whose peer is gone. */
#ifdef SOCK_NONBLOCK
enum { SYS_NEW = SOCK_NONBLOCK | SOCK_CLOEXEC };
#else
enum { SYS_NEW = 0 };
#define accept4(fd, addr, len, flags) accept(fd, addr, len)
#endif

static int sys_made(int fd)
{
#ifndef SOCK_NONBLOCK
    if (fd < 0) return fd;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
#endif
#ifdef SO_NOSIGPIPE
    const int on = 1;
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return fd;
}

tht_ret tht_sys_socket(const tht_sys *sys, thetis_addr_family family, tht_type type)
{
    int kind = type == THT_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
    int domain = family == THETIS_ADDR_V4     ? AF_INET
                 : family == THETIS_ADDR_V6   ? AF_INET6
                 : family == THETIS_ADDR_UNIX ? AF_UNIX
                                              : AF_UNSPEC; /* refused by the system */
    (void)sys;
    return tht_sys_result(sys_made(socket(domain, kind | SYS_NEW, 0)));
}

tht_ret tht_sys_bind(const tht_sys *sys, int fd, const thetis_addr *addr)
{
    sys_sockaddr to;
    socklen_t len = tht_sys_to_sockaddr(&to, addr);
    (void)sys;
    if (len == 0) return tht_sys_fault(EINVAL);
    if (bind(fd, &to.any, len) == 0) return tht_sys_done(0);
    if (errno == ENOENT) return (tht_ret){0, THETIS_EADDRNOTAVAIL, ENOENT}; /* no such folder */
    return tht_sys_errno();
}

tht_ret tht_sys_listen(const tht_sys *sys, int fd, int backlog)
{
    (void)sys;
    return tht_sys_result(listen(fd, backlog));
}

/* Errors of the connection that was to be accepted: accept(2), "Error handling". */
tht_ret tht_sys_accept_fault(int os)
{
    switch (os) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
#ifdef ENONET
    case ENONET:
#endif
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return (tht_ret){0, THETIS_ERESET, os};
    default:
        return tht_sys_fault(os);
    }
}

tht_ret tht_sys_accept(const tht_sys *sys, int fd, thetis_addr *peer)
{
    sys_sockaddr from;
    socklen_t len = sizeof from;
    (void)sys;
    int conn = sys_made(accept4(fd, peer ? &from.any : NULL, peer ? &len : NULL, SYS_NEW));
    if (conn < 0) return tht_sys_accept_fault(errno);
    if (peer) tht_sys_from_sockaddr(peer, &from, len);
    return tht_sys_done(conn);
}

tht_ret tht_sys_connect(const tht_sys *sys, int fd, const thetis_addr *to)
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

tht_ret tht_sys_recv(const tht_sys *sys, int fd, void *into, size_t len)
{
    (void)sys;
    return tht_sys_result(recv(fd, into, len, 0));
}

tht_ret tht_sys_peek(const tht_sys *sys, int fd)
{
    char byte;
    (void)sys;
    return tht_sys_result(recv(fd, &byte, 1, MSG_PEEK));
}

_Static_assert(sizeof(thetis_iov) == sizeof(struct iovec) &&
                   offsetof(thetis_iov, data) == offsetof(struct iovec, iov_base) &&
                   offsetof(thetis_iov, len) == offsetof(struct iovec, iov_len),
               "thetis_iov is handed to the system as it is");

tht_ret tht_sys_send(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs)
{
    (void)sys;
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov};
    msg.msg_iovlen = (__typeof__(msg.msg_iovlen))iovs; /* each system has another type */
    return tht_sys_result(sendmsg(fd, &msg, MSG_NOSIGNAL));
}

tht_ret tht_sys_send_one(const tht_sys *sys, int fd, const void *data, size_t len)
{
    (void)sys;
    return tht_sys_result(send(fd, data, len, MSG_NOSIGNAL));
}

tht_ret tht_sys_shutdown(const tht_sys *sys, int fd)
{
    (void)sys;
    return tht_sys_result(shutdown(fd, SHUT_WR));
}

tht_ret tht_sys_close(const tht_sys *sys, int fd)
{
    (void)sys;
    return close(fd) == 0 || errno == EINTR ? tht_sys_done(0) : tht_sys_fault(errno);
}

tht_ret tht_sys_so_error(const tht_sys *sys, int fd)
{
    int os = 0;
    socklen_t len = sizeof os;
    (void)sys;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &len) != 0) return tht_sys_fault(errno);
    return os ? tht_sys_fault(os) : tht_sys_done(0);
}

tht_ret tht_sys_setopt(const tht_sys *sys, int fd, tht_opt opt, int value)
{
    struct linger linger = {.l_onoff = value, .l_linger = 0}; /* waits 0 seconds: resets */
    int lingers = opt == THT_OPT_ABORT_ON_CLOSE;
    (void)sys;
    if (tht_sys_options[opt][0] < 0) return tht_sys_fault(ENOPROTOOPT);
    return tht_sys_result(setsockopt(fd, tht_sys_options[opt][0], tht_sys_options[opt][1],
                                 lingers ? (const void *)&linger : (const void *)&value,
                                 lingers ? sizeof linger : sizeof value));
}

tht_ret tht_sys_name(const tht_sys *sys, int fd, tht_end end, thetis_addr *out)
{
    sys_sockaddr sa;
    socklen_t len = sizeof sa;
    (void)sys;
    int failed = end == THT_LOCAL ? getsockname(fd, &sa.any, &len) : getpeername(fd, &sa.any, &len);
#ifdef __APPLE__
    if (failed && errno == EINVAL) errno = ENOTCONN;
#endif
    if (failed) return tht_sys_fault(errno);
    tht_sys_from_sockaddr(out, &sa, len);
    return tht_sys_done(0);
}
