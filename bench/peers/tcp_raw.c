/* SPDX-License-Identifier: MIT
 *
 * tcp_raw.c: the baseline: an echo server written by hand on epoll, level-triggered, one buffer,
 * one recv and one send per message. What nobody can do better with these system calls.
 *
 * It keeps no state per connection: what a full send buffer would leave over, it sends in
 * blocking mode. The clients of these benches never let that happen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "../server.h"

enum { EVENTS = 256, ACCEPTS = 16 };

static char buffer[BUFFER];

static void add(int set, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev)) bench_die("epoll_ctl");
}

static void accept_some(int set, int listener)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        add(set, fd);
    }
}

static void send_rest(int fd, const char *data, size_t len)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0) break; /* the next recv will tell */
        data += n;
        len -= (size_t)n;
    }
    fcntl(fd, F_SETFL, flags);
}

static void echo(int fd)
{
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got > 0) {
        ssize_t n = send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
        if (n == got) return;
        if (n < 0) n = 0;
        send_rest(fd, buffer + n, (size_t)(got - n));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(fd);
    }
}

int main(void)
{
    int listener = bench_listen("raw epoll, level-triggered, recv + send");
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    add(set, listener);
    for (;;) {
        int n = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) accept_some(set, listener);
            else echo(events[i].data.fd);
        }
    }
}
