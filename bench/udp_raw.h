/* SPDX-License-Identifier: MIT
 *
 * udp_raw.h: what the programs of `thetis-bench udp` send, and the system calls for it written by
 * hand, with everything prepared in advance: the other end of every subject, and the baseline.
 */
#ifndef BENCH_UDP_RAW_H
#define BENCH_UDP_RAW_H

#ifndef _GNU_SOURCE
#error "sendmmsg"
#endif

#include "window.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

enum { UDP_BATCH = 32, UDP_BYTES = 200, UDP_TRAIN = 65536, UDP_SLOT = UDP_TRAIN / UDP_BATCH };

static char udp_payload[UDP_BATCH * UDP_BYTES];

static inline void udp_check(const char *data, size_t len)
{
    if (len != UDP_BYTES || data[0] != 'u' || data[len - 1] != 'u') bench_die("a wrong datagram");
}

typedef struct udp_raw {
    int fd, gso;
    struct sockaddr_in name;  /* its own */
    struct sockaddr_in other; /* where it sends to; or who sent */
    struct iovec iov[UDP_BATCH];
    struct mmsghdr m[UDP_BATCH];
    char space[UDP_TRAIN];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
} udp_raw;

static inline void udp_raw_open(udp_raw *u, int gso)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t len = sizeof u->name;
    int on = 1;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    u->gso = gso;
    u->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0 || bind(u->fd, (struct sockaddr *)&any, sizeof any) ||
        getsockname(u->fd, (struct sockaddr *)&u->name, &len) ||
        (gso && setsockopt(u->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on)))
        bench_die("socket");
}

static inline void udp_raw_prepare(udp_raw *u, unsigned i, void *base, size_t len)
{
    u->iov[i] = (struct iovec){base, len};
    u->m[i].msg_hdr = (struct msghdr){.msg_name = &u->other, .msg_namelen = sizeof u->other,
                                      .msg_iov = &u->iov[i], .msg_iovlen = 1};
}

/* Prepares it for sending to a port. */
static inline void udp_raw_to(udp_raw *u, unsigned port)
{
    const uint16_t size = UDP_BYTES;
    struct cmsghdr *c = (struct cmsghdr *)(void *)u->control;
    u->other = u->name;
    u->other.sin_port = htons((uint16_t)port);
    for (unsigned i = 0; i < UDP_BATCH; i++)
        udp_raw_prepare(u, i, udp_payload + i * UDP_BYTES, UDP_BYTES);
    if (!u->gso) return;
    u->iov[0].iov_len = sizeof udp_payload;
    u->m[0].msg_hdr.msg_control = u->control;
    u->m[0].msg_hdr.msg_controllen = CMSG_SPACE(sizeof size);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
}

/* Prepares it for receiving. */
static inline void udp_raw_from(udp_raw *u)
{
    for (unsigned i = 0; i < UDP_BATCH; i++)
        udp_raw_prepare(u, i, u->space + i * UDP_SLOT, u->gso ? UDP_TRAIN : UDP_SLOT);
}

/* Sends UDP_BATCH datagrams. */
static inline void udp_raw_send(udp_raw *u)
{
    if (u->gso) {
        if (sendmsg(u->fd, &u->m[0].msg_hdr, MSG_NOSIGNAL) != UDP_BATCH * UDP_BYTES)
            bench_die("sendmsg");
    } else if (sendmmsg(u->fd, u->m, UDP_BATCH, MSG_NOSIGNAL) != UDP_BATCH) {
        bench_die("sendmmsg");
    }
}

static inline unsigned udp_raw_train(udp_raw *u)
{
    struct msghdr *m = &u->m[0].msg_hdr;
    unsigned count = 0;
    int size = 0;
    m->msg_control = u->control;
    m->msg_controllen = sizeof u->control;
    m->msg_namelen = sizeof u->other;
    ssize_t got = recvmsg(u->fd, m, 0);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); got > 0 && c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_type == UDP_GRO) memcpy(&size, CMSG_DATA(c), sizeof size);
    for (ssize_t at = 0; at < got; at += size, count++)
        udp_check(u->space + at, (size_t)(got - at < size ? got - at : size));
    return count;
}

/* Receives one train, or at most UDP_BATCH datagrams; 0: there are none. */
static inline unsigned udp_raw_receive(udp_raw *u)
{
    if (u->gso) return udp_raw_train(u);
    int n = recvmmsg(u->fd, u->m, UDP_BATCH, 0, NULL);
    for (int i = 0; i < n; i++) udp_check(u->iov[i].iov_base, u->m[i].msg_len);
    return n > 0 ? (unsigned)n : 0;
}

#endif
