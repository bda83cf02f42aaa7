/* SPDX-License-Identifier: MIT
 *
 * fair_raw.c: the baseline: epoll, level-triggered, one receive for each event: as fair as it gets.
 */
#include <sys/epoll.h>

#include "fair_socket.h"

#define SUBJECT_VARIANT "raw epoll, one recv for each event"

enum { EVENTS = 64 };

static int set, listener;

static void watch(int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev)) bench_die("epoll_ctl");
}

static unsigned subject_listen(void)
{
    unsigned port;
    listener = fair_listen(&port);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) bench_die("epoll_create1");
    watch(listener);
    return port;
}

static void subject_turn(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(set, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == listener) watch(fair_accept(listener));
        else fair_echo(events[i].data.fd);
    }
}

#include "../fair.h"
