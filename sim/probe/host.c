/* SPDX-License-Identifier: MIT
 *
 * host.c: the probe as a program: the questions of facts*.c to the system that it runs on. Plain
 * POSIX, and epoll or kqueue where there is one; knows nothing of the library.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#define _NETBSD_SOURCE

#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/epoll.h>
#define HAS_EPOLL 1
#define HAS_KQUEUE 0
#else
#include <sys/event.h>
#define HAS_EPOLL 0
#define HAS_KQUEUE 1
#endif

enum { MOST_PATHS = 100 };

static char folder[] = "/tmp/thetis-probe-XXXXXX";

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

static int unblocked(int fd)
{
    if (fd < 0) return -errno;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* ---- addresses ------------------------------------------------------------------------------- */

typedef union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} address;

static int is_path(probe_kind kind)
{
    return kind == PROBE_UNIX || kind == PROBE_UNIX_DGRAM;
}

static socklen_t address_of(address *a, probe_kind kind, int at)
{
    memset(a, 0, sizeof *a);
    if (is_path(kind)) {
        a->un.sun_family = AF_UNIX;
        (void)snprintf(a->un.sun_path, sizeof a->un.sun_path, "%s/%d", folder, at);
        return sizeof a->un;
    }
    a->in.sin_family = AF_INET;
    a->in.sin_port = htons((unsigned short)at);
    a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof a->in;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int host_socket(const probe_sys *sys, probe_kind kind)
{
    int type = kind == PROBE_TCP || kind == PROBE_UNIX ? SOCK_STREAM : SOCK_DGRAM;
    (void)sys;
    return unblocked(socket(is_path(kind) ? AF_UNIX : AF_INET, type, 0));
}

static int host_bind(const probe_sys *sys, probe_kind kind, int fd, int at)
{
    address a;
    socklen_t len = address_of(&a, kind, at);
    (void)sys;
    return result(bind(fd, &a.any, len));
}

static int host_bind_abstract(const probe_sys *sys, int fd)
{
    address a;
    (void)sys;
    memset(&a, 0, sizeof a);
    a.un.sun_family = AF_UNIX;
    (void)snprintf(a.un.sun_path + 1, 60, "thetis-probe-%d", (int)getpid());
    return result(bind(fd, &a.any, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 40)));
}

static int host_port(const probe_sys *sys, int fd)
{
    address a;
    socklen_t len = sizeof a;
    (void)sys;
    return getsockname(fd, &a.any, &len) < 0 ? -errno : ntohs(a.in.sin_port);
}

static int host_listen(const probe_sys *sys, int fd, int backlog)
{
    (void)sys;
    return result(listen(fd, backlog));
}

static int host_accept(const probe_sys *sys, int fd)
{
    (void)sys;
    return unblocked(accept(fd, NULL, NULL));
}

static int host_connect(const probe_sys *sys, probe_kind kind, int fd, int at)
{
    address a;
    socklen_t len = address_of(&a, kind, at);
    (void)sys;
    return result(connect(fd, &a.any, len));
}

static long host_send(const probe_sys *sys, int fd, const void *bytes, size_t n)
{
    (void)sys;
    return result((long)send(fd, bytes, n, 0));
}

static long host_send_to(const probe_sys *sys, probe_kind kind, int fd, int at, const void *bytes,
                         size_t n)
{
    address a;
    socklen_t len = address_of(&a, kind, at);
    (void)sys;
    return result((long)sendto(fd, bytes, n, 0, &a.any, len));
}

static long host_recv(const probe_sys *sys, int fd, void *bytes, size_t n)
{
    (void)sys;
    return result((long)recv(fd, bytes, n, 0));
}

static int host_shutdown(const probe_sys *sys, int fd)
{
    (void)sys;
    return result(shutdown(fd, SHUT_WR));
}

static int host_close(const probe_sys *sys, int fd)
{
    (void)sys;
    return result(close(fd));
}

static int host_dup(const probe_sys *sys, int fd)
{
    (void)sys;
    return unblocked(dup(fd));
}

static int host_so_error(const probe_sys *sys, int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    (void)sys;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static int host_setopt(const probe_sys *sys, int fd, probe_option option)
{
    struct linger abort_on_close = {1, 0};
    int yes = 1;
    (void)sys;
    (void)yes;
    switch (option) {
    case PROBE_ABORT:
        return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_on_close,
                                 sizeof abort_on_close));
#if defined(__linux__)
    case PROBE_SEGMENT:
        return result(setsockopt(fd, IPPROTO_UDP, 103, &(int){0}, sizeof(int)));
    case PROBE_GRO:
        return result(setsockopt(fd, IPPROTO_UDP, 104, &yes, sizeof yes));
    case PROBE_DROPS:
        return result(setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &yes, sizeof yes));
#endif
#if defined(SO_TIMESTAMP)
    case PROBE_STAMP:
        return result(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &yes, sizeof yes));
#endif
    default:
        return -ENOPROTOOPT;
    }
}

/* ---- descriptors over a unix socket ---------------------------------------------------------- */

typedef union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
} control;

static struct msghdr message_of(struct iovec *byte, control *c)
{
    struct msghdr m;
    memset(&m, 0, sizeof m);
    memset(c, 0, sizeof *c);
    m.msg_iov = byte;
    m.msg_iovlen = 1;
    m.msg_control = c;
    m.msg_controllen = sizeof c->room;
    return m;
}

static int host_send_fd(const probe_sys *sys, int fd, int passed)
{
    char byte = 'x';
    control c;
    struct iovec iov = {&byte, 1};
    struct msghdr m = message_of(&iov, &c);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    (void)sys;
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &passed, sizeof passed);
    return result((long)sendmsg(fd, &m, 0));
}

static int host_recv_fd(const probe_sys *sys, int fd)
{
    char byte;
    control c;
    struct iovec iov = {&byte, 1};
    struct msghdr m = message_of(&iov, &c);
    struct cmsghdr *h;
    int passed;
    (void)sys;
    if (recvmsg(fd, &m, 0) < 0) return -errno;
    h = CMSG_FIRSTHDR(&m);
    if (h == NULL || h->cmsg_type != SCM_RIGHTS) return -EINVAL;
    memcpy(&passed, CMSG_DATA(h), sizeof passed);
    return passed;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static unsigned host_ready(const probe_sys *sys, int fd, unsigned mask, int ms)
{
    struct pollfd p = {.fd = fd};
    unsigned ready = 0;
    (void)sys;
    if (mask & PROBE_IN) p.events |= POLLIN;
    if (mask & PROBE_OUT) p.events |= POLLOUT;
    if (poll(&p, 1, ms) <= 0) return 0;
    if (p.revents & POLLIN) ready |= PROBE_IN;
    if (p.revents & POLLOUT) ready |= PROBE_OUT;
    if (p.revents & POLLERR) ready |= PROBE_ERR;
    if (p.revents & POLLHUP) ready |= PROBE_HUP;
    return ready;
}

static void host_pause(const probe_sys *sys, int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    (void)sys;
    (void)nanosleep(&t, NULL);
}

#if HAS_EPOLL

static int host_epoll_open(const probe_sys *sys)
{
    (void)sys;
    return result(epoll_create1(EPOLL_CLOEXEC));
}

static int host_epoll_add(const probe_sys *sys, int set, int fd, unsigned ready, unsigned flags)
{
    struct epoll_event e = {.data.fd = fd};
    (void)sys;
    if (ready & PROBE_IN) e.events |= EPOLLIN;
    if (ready & PROBE_OUT) e.events |= EPOLLOUT;
    if (flags & PROBE_CLEAR) e.events |= EPOLLET;
    return result(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e));
}

static int host_epoll_wait(const probe_sys *sys, int set, probe_event *out, int cap, int ms)
{
    struct epoll_event events[16];
    int n = epoll_wait(set, events, cap < 16 ? cap : 16, ms);
    (void)sys;
    for (int i = 0; i < n; i++) {
        unsigned ready = 0;
        if (events[i].events & EPOLLIN) ready |= PROBE_IN;
        if (events[i].events & EPOLLOUT) ready |= PROBE_OUT;
        out[i] = (probe_event){.fd = events[i].data.fd, .ready = ready};
    }
    return result(n);
}

#endif
#if HAS_KQUEUE

static int host_kqueue_open(const probe_sys *sys)
{
    (void)sys;
    return result(kqueue());
}

/* The type of udata is not the same everywhere: nothing is kept there. */
static int change(int queue, int fd, unsigned ready, int flags, unsigned fflags)
{
    struct kevent k;
    memset(&k, 0, sizeof k);
    k.ident = (unsigned)fd;
    k.filter = ready == PROBE_IN ? EVFILT_READ : EVFILT_WRITE;
    if (ready == 0) {
#if defined(EVFILT_USER)
        k.filter = EVFILT_USER;
#else
        return -EINVAL;
#endif
    }
    k.flags = (unsigned short)flags;
    k.fflags = fflags;
    return result(kevent(queue, &k, 1, NULL, 0, NULL));
}

static int host_kqueue_add(const probe_sys *sys, int queue, int fd, unsigned ready,
                           unsigned flags)
{
    int all = EV_ADD;
    (void)sys;
    if (flags & PROBE_CLEAR) all |= EV_CLEAR;
    if (flags & PROBE_ONESHOT) all |= EV_ONESHOT;
    return change(queue, fd, ready, all, 0);
}

static int host_kqueue_delete(const probe_sys *sys, int queue, int fd, unsigned ready)
{
    (void)sys;
    return change(queue, fd, ready, EV_DELETE, 0);
}

static int host_kqueue_trigger(const probe_sys *sys, int queue, int fd)
{
    (void)sys;
#if defined(NOTE_TRIGGER)
    return change(queue, fd, 0, 0, NOTE_TRIGGER);
#else
    return change(queue, fd, 0, 0, 0);
#endif
}

static int host_kqueue_wait(const probe_sys *sys, int queue, probe_event *out, int cap, int ms)
{
    struct kevent events[16];
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    int n = kevent(queue, NULL, 0, events, cap < 16 ? cap : 16, &t);
    (void)sys;
    for (int i = 0; i < n; i++) {
        const struct kevent *k = &events[i];
        out[i] = (probe_event){.fd = (int)k->ident, .data = (long)k->data};
        if (k->filter == EVFILT_READ) out[i].ready = PROBE_IN;
        if (k->filter == EVFILT_WRITE) out[i].ready = PROBE_OUT;
        if (k->flags & EV_ADD) out[i].flags |= PROBE_ADD;
        if (k->flags & EV_EOF) out[i].flags |= PROBE_EOF;
        if (k->flags & EV_EOF) out[i].error = (int)k->fflags;
    }
    return result(n);
}

#endif

/* ---- the program ----------------------------------------------------------------------------- */

static const probe_error errors[] = {
#define ERROR(ours, posix) {#posix, posix},
    PROBE_ERRORS(ERROR)
#undef ERROR
};

static const probe_sys host = {
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .socket = host_socket,
    .bind = host_bind,
    .bind_abstract = host_bind_abstract,
    .port = host_port,
    .listen = host_listen,
    .accept = host_accept,
    .connect = host_connect,
    .send = host_send,
    .send_to = host_send_to,
    .recv = host_recv,
    .send_fd = host_send_fd,
    .recv_fd = host_recv_fd,
    .shutdown = host_shutdown,
    .close = host_close,
    .dup = host_dup,
    .so_error = host_so_error,
    .setopt = host_setopt,
    .ready = host_ready,
    .pause = host_pause,
#if HAS_EPOLL
    .epoll_open = host_epoll_open,
    .epoll_add = host_epoll_add,
    .epoll_wait = host_epoll_wait,
#endif
#if HAS_KQUEUE
    .kqueue_open = host_kqueue_open,
    .kqueue_add = host_kqueue_add,
    .kqueue_delete = host_kqueue_delete,
    .kqueue_trigger = host_kqueue_trigger,
    .kqueue_wait = host_kqueue_wait,
#endif
};

int main(void)
{
    probe_sys sys = host;
    struct utsname u;
    char name[200], path[sizeof folder + 16];
    (void)signal(SIGPIPE, SIG_IGN);
    if (uname(&u) < 0 || mkdtemp(folder) == NULL) return 1;
    (void)snprintf(name, sizeof name, "%.60s %.100s", u.sysname, u.release);
    sys.name = name;
    tsm_probe_ask(&sys, stdout);
    for (int i = 1; i <= MOST_PATHS; i++) {
        (void)snprintf(path, sizeof path, "%s/%d", folder, i);
        (void)unlink(path);
    }
    return rmdir(folder) < 0;
}
