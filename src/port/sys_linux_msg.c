/* SPDX-License-Identifier: MIT
 *
 * sys_linux_msg.c: datagrams, and descriptors, on Linux.
 *
 * What Linux does that the contract in sys.h hides:
 *   - recvmmsg() that is cut short by a fault tells it to the next call.
 *   - Size, time and drops of a message come as control messages, in no order.
 *   - UDP_SEGMENT (Linux 4.18) is refused on a path that cannot compute checksums, by EIO, or whose
 *     packets are smaller than the segment, by EINVAL or EMSGSIZE. Kernels without it ignore the
 *     control message and send one long datagram, so THT_OPT_UDP_SEGMENT asks first.
 *   - Descriptors are installed wherever there is room for a control message: a caller that does
 *     not want them must close them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "sys_linux.h"

#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Room for the control messages of one received message: size, time, drops. */
typedef union msg_control {
    size_t align; /* as struct cmsghdr */
    char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec)) +
              CMSG_SPACE(sizeof(uint32_t))];
} msg_control;

typedef union msg_segment {
    size_t align; /* as struct cmsghdr */
    char room[CMSG_SPACE(sizeof(uint16_t))];
} msg_segment;

typedef union msg_fds {
    size_t align; /* as struct cmsghdr */
    char room[CMSG_SPACE(THT_FDS * sizeof(int))];
} msg_fds;

/* ---- descriptors ----------------------------------------------------------------------------- */

/* The descriptors in a control message: into `fds` up to `cap`, the others are closed. */
static uint32_t msg_take_fds(const struct cmsghdr *c, int *fds, uint32_t cap)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    uint32_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        if (taken < cap) fds[taken++] = fd;
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
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
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
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iovs,
                       .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    struct cmsghdr *c = (struct cmsghdr *)(void *)&control;
    (void)sys;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
    return tht_sys_result(sendmsg(fd, &m, MSG_NOSIGNAL));
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void msg_read_control(tht_in *in, const struct cmsghdr *c)
{
    const void *data = CMSG_DATA(c);
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
        int size;
        memcpy(&size, data, sizeof size);
        in->segment = (uint32_t)size;
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
        memcpy(&in->drops, data, sizeof in->drops);
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec at;
        memcpy(&at, data, sizeof at);
        in->stamp = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
    } else if (msg_has_fds(c)) {
        (void)msg_take_fds(c, NULL, 0);
    }
}

static void msg_received(tht_in *in, struct msghdr *m, size_t len)
{
    in->len = len < in->room ? len : in->room;
    in->segment = in->drops = 0;
    in->stamp = 0;
    in->cut = (m->msg_flags & MSG_TRUNC) != 0;
    tht_sys_from_sockaddr(in->from, m->msg_name, m->msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) msg_read_control(in, c);
}

tht_ret tht_sys_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n)
{
    struct mmsghdr m[THT_MSGS];
    struct iovec iov[THT_MSGS];
    sys_sockaddr from[THT_MSGS];
    msg_control control[THT_MSGS];
    ssize_t got;
    (void)sys;
    for (uint32_t i = 0; i < n; i++) {
        iov[i] = (struct iovec){in[i].into, in[i].room};
        m[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &iov[i],
            .msg_iovlen = 1, .msg_control = &control[i], .msg_controllen = sizeof control[i]};
    }
    if (n == 1) {
        got = recvmsg(fd, &m[0].msg_hdr, MSG_CMSG_CLOEXEC);
        m[0].msg_len = (unsigned)got;
        got = got < 0 ? got : 1;
    } else {
        got = recvmmsg(fd, m, n, MSG_CMSG_CLOEXEC, NULL);
    }
    for (ssize_t i = 0; i < got; i++) msg_received(&in[i], &m[i].msg_hdr, m[i].msg_len);
    return tht_sys_result(got);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void msg_set_segment(struct msghdr *m, msg_segment *control, uint32_t segment)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)control;
    uint16_t size = (uint16_t)segment;
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
    m->msg_control = control;
    m->msg_controllen = sizeof *control;
}

/* Why the first message was not sent. */
static tht_ret msg_refused(const tht_out *first, int os)
{
    if (first->segment && (os == EIO || os == EINVAL || os == EMSGSIZE)) {
        return (tht_ret){0, THETIS_ENOTSUP, os};
    }
    return tht_sys_fault(os);
}

tht_ret tht_sys_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n)
{
    struct mmsghdr m[THT_MSGS];
    struct iovec iov[THT_MSGS];
    sys_sockaddr to[THT_MSGS];
    msg_segment control[THT_MSGS];
    ssize_t sent;
    (void)sys;
    for (uint32_t i = 0; i < n; i++) {
        struct msghdr *h = &m[i].msg_hdr;
        iov[i] = (struct iovec){(void *)(uintptr_t)out[i].data, out[i].len};
        *h = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        if (out[i].to) {
            h->msg_name = &to[i];
            h->msg_namelen = tht_sys_to_sockaddr(&to[i], out[i].to);
        }
        if (out[i].segment) msg_set_segment(h, &control[i], out[i].segment);
    }
    if (n == 1) {
        sent = sendmsg(fd, &m[0].msg_hdr, MSG_NOSIGNAL);
        sent = sent < 0 ? sent : 1;
    } else {
        sent = sendmmsg(fd, m, n, MSG_NOSIGNAL);
    }
    return sent < 0 ? msg_refused(out, errno) : tht_sys_done(sent);
}

/* ---- multicast ------------------------------------------------------------------------------- */

tht_ret tht_sys_group(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                      int join)
{
    int level = group->family == THETIS_ADDR_V6 ? IPPROTO_IPV6 : IPPROTO_IP;
    struct group_req request = {.gr_interface = interface};
    sys_sockaddr to;
    socklen_t len = tht_sys_to_sockaddr(&to, group);
    (void)sys;
    memcpy(&request.gr_group, &to, len);
    return tht_sys_result(setsockopt(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                                     &request, sizeof request));
}
