/* SPDX-License-Identifier: MIT
 *
 * sys_posix_msg.c: messages and descriptors, as all systems with POSIX's sockets have them.
 *
 * Descriptors are installed wherever there is room for a control message: a caller that does not
 * want them must close them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "sys_posix.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifdef MSG_CMSG_CLOEXEC
#define MSG_PRIVATE MSG_CMSG_CLOEXEC
#else
#define MSG_PRIVATE 0
#endif

typedef union msg_fds {
    size_t align; /* as struct cmsghdr */
    char room[CMSG_SPACE(THT_FDS * sizeof(int))];
} msg_fds;

/* ---- descriptors ----------------------------------------------------------------------------- */

static inline int msg_private(int fd)
{
#ifdef MSG_CMSG_CLOEXEC
    return fd;
#else
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
#endif
}

/* The descriptors in a control message: into `fds` up to `cap`, the others are closed. */
static uint32_t msg_take_fds(const struct cmsghdr *c, int *fds, uint32_t cap)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    uint32_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        if (taken < cap) fds[taken++] = msg_private(fd);
        else (void)close(fd);
    }
    return taken;
}

static int msg_has_fds(const struct cmsghdr *c)
{
    return c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
}

tht_ret tht_sys_recv_fds(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                         uint32_t *count)
{
    struct iovec iov = {into, len};
    msg_fds control;
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_PRIVATE);
    (void)sys;
    *count = 0;
    if (n < 0) return tht_sys_errno();
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (msg_has_fds(c)) *count += msg_take_fds(c, fds + *count, THT_FDS - *count);
    }
    return tht_sys_done(n);
}

tht_ret tht_sys_send_fds(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                         const int *fds, uint32_t count)
{
    msg_fds control = {0};
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_control = &control};
    struct cmsghdr *c = (struct cmsghdr *)(void *)&control;
    (void)sys;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
    m.msg_iovlen = (__typeof__(m.msg_iovlen))iovs; /* each system has other types */
    m.msg_controllen = (__typeof__(m.msg_controllen))CMSG_SPACE(count * sizeof *fds);
    return tht_sys_result(sendmsg(fd, &m, MSG_NOSIGNAL));
}

/* ---- one message ----------------------------------------------------------------------------- */

void tht_sys_read_controls(tht_in *in, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (msg_has_fds(c)) (void)msg_take_fds(c, NULL, 0);
        else tht_sys_read_control(in, c);
    }
}

/* ---- multicast ------------------------------------------------------------------------------- */

static tht_ret msg_group_v6(int fd, const thetis_addr *group, uint32_t interface, int join)
{
    struct ipv6_mreq request = {.ipv6mr_interface = interface};
    memcpy(&request.ipv6mr_multiaddr, group->u.v6, sizeof group->u.v6);
    return tht_sys_result(setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
                                     &request, sizeof request));
}

/* NetBSD takes the number of an interface in an address of the network 0. */
static tht_ret msg_group_v4(int fd, const thetis_addr *group, uint32_t interface, int join)
{
#ifdef __NetBSD__
    struct ip_mreq request = {.imr_interface.s_addr = htonl(interface)};
#else
    struct ip_mreqn request = {.imr_ifindex = (int)interface};
#endif
    memcpy(&request.imr_multiaddr, group->u.v4, sizeof group->u.v4);
    return tht_sys_result(setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
                                     &request, sizeof request));
}

tht_ret tht_sys_group(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                      int join)
{
    (void)sys;
    return group->family == THETIS_ADDR_V6 ? msg_group_v6(fd, group, interface, join)
                                           : msg_group_v4(fd, group, interface, join);
}
