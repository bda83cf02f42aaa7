/* SPDX-License-Identifier: MIT
 *
 * fair_raw.c: the baseline: epoll, level-triggered, one receive for each event: as fair as it gets.
 */
#include "../window.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

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
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || set < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) ||
        listen(listener, 128) || getsockname(listener, (struct sockaddr *)&at, &len))
        bench_die("listen");
    watch(listener);
    return ntohs(at.sin_port);
}

static void serve(int fd)
{
    static char buffer[65536];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n > 0 && buffer[0] == 'p' && send(fd, buffer, (size_t)n, 0) != n) bench_die("send");
}

static void subject_turn(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(set, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == listener)
            watch(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        else
            serve(events[i].data.fd);
    }
}

#include "../fair.h"
