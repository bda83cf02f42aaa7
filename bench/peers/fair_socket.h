/* SPDX-License-Identifier: MIT
 *
 * fair_socket.h: the sockets of those subjects of `thetis-bench fair` whose libraries tell of
 * readiness only: one receive for each event. For C and C++.
 */
#ifndef BENCH_FAIR_SOCKET_H
#define BENCH_FAIR_SOCKET_H

#include "../window.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* A non-blocking listener on a port of 127.0.0.1 that the system chooses. */
static inline int fair_listen(unsigned *port)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&at, &len))
        bench_die("listen");
    *port = ntohs(at.sin_port);
    return fd;
}

static inline int fair_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) bench_die("accept");
    return fd;
}

/* Echoes what begins with 'p', drops the rest. */
static inline void fair_echo(int fd)
{
    static char buffer[65536];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno != EAGAIN) bench_die("recv");
    if (n > 0 && buffer[0] == 'p' && send(fd, buffer, (size_t)n, 0) != n) bench_die("send");
}

#endif
