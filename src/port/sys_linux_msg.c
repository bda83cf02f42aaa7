/* SPDX-License-Identifier: MIT
 *
 * sys_linux_msg.c: datagrams on Linux, several in one call.
 *
 * What Linux does that the contract in sys.h hides:
 *   - recvmmsg() that is cut short by a fault tells it to the next call.
 *   - Size, time and drops of a message come as control messages, in no order.
 *   - UDP_SEGMENT (Linux 4.18) is refused on a path that cannot compute checksums, by EIO, or whose
 *     packets are smaller than the segment, by EINVAL or EMSGSIZE. Kernels without it ignore the
 *     control message and send one long datagram, so THT_OPT_UDP_SEGMENT asks first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "sys_posix.h"

#include <netinet/udp.h>
#include <string.h>

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

/* ---- receiving ------------------------------------------------------------------------------- */

void tht_sys_read_control(tht_in *in, const struct cmsghdr *c)
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
    }
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
    for (ssize_t i = 0; i < got; i++) tht_sys_received(&in[i], &m[i].msg_hdr, m[i].msg_len);
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
        m[i].msg_hdr = tht_sys_message(&out[i], &iov[i], &to[i]);
        if (out[i].segment) msg_set_segment(&m[i].msg_hdr, &control[i], out[i].segment);
    }
    if (n == 1) {
        sent = sendmsg(fd, &m[0].msg_hdr, MSG_NOSIGNAL);
        sent = sent < 0 ? sent : 1;
    } else {
        sent = sendmmsg(fd, m, n, MSG_NOSIGNAL);
    }
    return sent < 0 ? msg_refused(out, errno) : tht_sys_done(sent);
}
