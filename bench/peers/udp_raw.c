/* SPDX-License-Identifier: MIT
 *
 * udp_raw.c: the baseline: sendmmsg and recvmmsg, or UDP_SEGMENT and UDP_GRO, on epoll,
 * level-triggered. What nobody can do better with these system calls.
 */
#include <sys/epoll.h>

#include "../udp_raw.h"

#define SUBJECT_VARIANT "raw epoll, sendmmsg + recvmmsg, or UDP_SEGMENT + UDP_GRO"

static udp_raw own;
static int set;

static void subject_sender(int gso, unsigned port)
{
    udp_raw_open(&own, gso);
    udp_raw_to(&own, port);
}

static void subject_send(void)
{
    udp_raw_send(&own);
}

static unsigned subject_receiver(int gso)
{
    struct epoll_event ev = {.events = EPOLLIN};
    udp_raw_open(&own, gso);
    udp_raw_from(&own);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, own.fd, &ev)) bench_die("epoll");
    return ntohs(own.name.sin_port);
}

/* All that is there; a short count tells that it was all. */
static unsigned subject_receive(void)
{
    struct epoll_event ev;
    unsigned sum = 0, got = UDP_BATCH;
    if (epoll_wait(set, &ev, 1, 0) != 1) return 0;
    while (got == UDP_BATCH) sum += got = udp_raw_receive(&own);
    return sum;
}

#include "../udp.h"
