/* SPDX-License-Identifier: MIT
 *
 * sys_bsd_msg.c: datagrams on the BSDs and macOS: one for each call. Compiled and linked, never
 * run.
 *
 * recvmmsg() of FreeBSD is a loop in its C library, which loses the fault that ends it: a refusal,
 * say, that the system tells only once. macOS has none. So no calls for several are made, and the
 * table says that it lacks THETIS_CAP_UDP_BATCH.
 */
#if defined(__NetBSD__) && !defined(_NETBSD_SOURCE)
#define _NETBSD_SOURCE
#endif

#include "sys_posix.h"

#include <string.h>
#include <sys/time.h>

/* Room for the time of arrival, and for descriptors that are not wanted. */
typedef union msg_control {
    size_t align; /* as struct cmsghdr */
    char room[CMSG_SPACE(sizeof(struct timeval)) + CMSG_SPACE(THT_FDS * sizeof(int))];
} msg_control;

void tht_sys_read_control(tht_in *in, const struct cmsghdr *c)
{
    struct timeval at;
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMP) return;
    memcpy(&at, CMSG_DATA(c), sizeof at);
    in->stamp = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_usec * 1000u;
}

tht_ret tht_sys_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n)
{
    sys_sockaddr from;
    msg_control control;
    struct iovec iov = {in->into, in->room};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov,
                       .msg_iovlen = 1, .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &m, 0);
    (void)sys;
    (void)n;
    if (got < 0) return tht_sys_errno();
    tht_sys_received(in, &m, (size_t)got);
    return tht_sys_done(1);
}

tht_ret tht_sys_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n)
{
    struct iovec iov;
    sys_sockaddr to;
    struct msghdr m = tht_sys_message(out, &iov, &to);
    (void)sys;
    (void)n;
    if (out->segment) return tht_sys_fault(EOPNOTSUPP);
    return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? tht_sys_errno() : tht_sys_done(1);
}
