/* SPDX-License-Identifier: MIT
 *
 * sys_posix.h: what the files of a table of POSIX calls share: those of all systems, sys_posix*.c,
 * and those of one, sys_linux*.c or sys_bsd*.c.
 */
#ifndef THT_SYS_POSIX_H
#define THT_SYS_POSIX_H

#include "sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* then there is SO_NOSIGPIPE */
#endif

typedef union sys_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
} sys_sockaddr;

/* ---- sys_posix.c ----------------------------------------------------------------------------- */

/* The result of a call that failed with this errno, or with errno itself. */
__attribute__((cold, noinline)) tht_ret tht_sys_fault(int os);
__attribute__((cold, noinline)) tht_ret tht_sys_errno(void);

/* The system's form of `addr` and its length; 0: it has none. */
socklen_t tht_sys_to_sockaddr(sys_sockaddr *to, const thetis_addr *addr);

void tht_sys_from_sockaddr(thetis_addr *addr, const sys_sockaddr *from, socklen_t len);

static inline tht_ret tht_sys_done(ptrdiff_t n)
{
    return (tht_ret){n, THETIS_OK, 0};
}

/* What a call answered: n, or -1 and errno. */
static inline tht_ret tht_sys_result(ptrdiff_t n)
{
    if (THETIS_UNLIKELY(n < 0)) return tht_sys_errno();
    return tht_sys_done(n);
}

uint64_t tht_sys_now(const tht_sys *sys);
tht_ret tht_sys_socket(const tht_sys *sys, thetis_addr_family family, tht_type type);
tht_ret tht_sys_bind(const tht_sys *sys, int fd, const thetis_addr *addr);
tht_ret tht_sys_listen(const tht_sys *sys, int fd, int backlog);
tht_ret tht_sys_accept(const tht_sys *sys, int fd, thetis_addr *peer);
tht_ret tht_sys_accept_fault(int os); /* of a connection, or of its listener */
tht_ret tht_sys_connect(const tht_sys *sys, int fd, const thetis_addr *to);
tht_ret tht_sys_recv(const tht_sys *sys, int fd, void *into, size_t len);
tht_ret tht_sys_peek(const tht_sys *sys, int fd);
tht_ret tht_sys_send(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs);
tht_ret tht_sys_send_one(const tht_sys *sys, int fd, const void *data, size_t len);
tht_ret tht_sys_shutdown(const tht_sys *sys, int fd);
tht_ret tht_sys_close(const tht_sys *sys, int fd);
tht_ret tht_sys_so_error(const tht_sys *sys, int fd);
tht_ret tht_sys_setopt(const tht_sys *sys, int fd, tht_opt opt, int value);
tht_ret tht_sys_name(const tht_sys *sys, int fd, tht_end end, thetis_addr *out);

/* ---- sys_posix_msg.c ------------------------------------------------------------------------- */

tht_ret tht_sys_recv_fds(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                         uint32_t *count);
tht_ret tht_sys_send_fds(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                         const int *fds, uint32_t count);
tht_ret tht_sys_group(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                      int join);

/* Fills `in` from the control messages; descriptors among them are closed. */
void tht_sys_read_controls(tht_in *in, struct msghdr *m);

/* Fills `in` from a message of `len` bytes that was received into it. Inline: it is called
 * for each datagram of a batch. */
static inline void tht_sys_received(tht_in *in, struct msghdr *m, size_t len)
{
    in->len = len < in->room ? len : in->room;
    in->segment = in->drops = 0;
    in->stamp = 0;
    in->cut = (m->msg_flags & MSG_TRUNC) != 0;
    tht_sys_from_sockaddr(in->from, m->msg_name, m->msg_namelen);
    if (m->msg_controllen > 0) tht_sys_read_controls(in, m);
}

/* The message to hand to the system for `out`, in the caller's `iov` and `to`. */
static inline struct msghdr tht_sys_message(const tht_out *out, struct iovec *iov,
                                            sys_sockaddr *to)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1};
    *iov = (struct iovec){(void *)(uintptr_t)out->data, out->len};
    if (out->to) {
        m.msg_name = to;
        m.msg_namelen = tht_sys_to_sockaddr(to, out->to);
    }
    return m;
}

/* ---- sys_posix_poll.c ------------------------------------------------------------------------ */

tht_ret tht_sys_poll_set(const tht_sys *sys, int fd, uint64_t token, uint32_t was, uint32_t mask);
tht_ret tht_sys_poll_wait(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                          uint32_t *first, tht_event *out, uint32_t cap, uint64_t timeout_ns);

/* Milliseconds of a sleep, rounded up, so that a deadline is never early; at most an hour: the
 * caller looks at its clock then and sleeps again. */
int tht_sys_ms(uint64_t ns);

/* The calls of a table whose functions have the same names on all these systems. */
#define THT_SYS_POSIX_CALLS                                                                     \
    .now = tht_sys_now, .socket = tht_sys_socket, .bind = tht_sys_bind,                         \
    .listen = tht_sys_listen, .accept = tht_sys_accept, .connect = tht_sys_connect,             \
    .recv = tht_sys_recv, .peek = tht_sys_peek, .send = tht_sys_send,                           \
    .send_one = tht_sys_send_one, .recv_fds = tht_sys_recv_fds,                                 \
    .send_fds = tht_sys_send_fds, .recv_msgs = tht_sys_recv_msgs,                               \
    .send_msgs = tht_sys_send_msgs, .group = tht_sys_group, .shutdown = tht_sys_shutdown,       \
    .close = tht_sys_close, .so_error = tht_sys_so_error, .setopt = tht_sys_setopt,             \
    .name = tht_sys_name, .poll_set = tht_sys_poll_set, .poll_wait = tht_sys_poll_wait

/* ---- each system: sys_linux.c, sys_bsd.c ----------------------------------------------------- */

/* Level and name of each option; a level of -1: the system has none like it. The value is an int,
 * but for THT_OPT_ABORT_ON_CLOSE. */
extern const int tht_sys_options[][2];

/* ---- each system: sys_linux_msg.c, sys_bsd_msg.c --------------------------------------------- */

tht_ret tht_sys_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n);
tht_ret tht_sys_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n);

/* Takes from a control message what tht_in has a field for. */
void tht_sys_read_control(tht_in *in, const struct cmsghdr *c);

#endif
