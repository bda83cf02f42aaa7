/* SPDX-License-Identifier: MIT
 *
 * sys_linux.h: what the files of the Linux table share.
 */
#ifndef THT_SYS_LINUX_H
#define THT_SYS_LINUX_H

#include "sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef union sys_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
} sys_sockaddr;

/* ---- sys_linux.c ----------------------------------------------------------------------------- */

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

/* ---- sys_linux_msg.c ------------------------------------------------------------------------- */

tht_ret tht_sys_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n);
tht_ret tht_sys_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n);
tht_ret tht_sys_recv_fds(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                         uint32_t *count);
tht_ret tht_sys_send_fds(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                         const int *fds, uint32_t count);
tht_ret tht_sys_group(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                      int join);

/* ---- sys_linux_poll.c ------------------------------------------------------------------------ */

tht_ret tht_sys_poll_set(const tht_sys *sys, int fd, uint64_t token, uint32_t was, uint32_t mask);
tht_ret tht_sys_poll_wait(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                          uint32_t *first, tht_event *out, uint32_t cap, uint64_t timeout_ns);
void tht_sys_wake_take(const tht_sys *sys, int wake_fd);

#endif
