/* SPDX-License-Identifier: MIT
 *
 * server.h: what the echo servers of the peers share: the listening socket. For C and C++.
 *
 * A server listens on 127.0.0.1, prints the port and what it is in one line, and echoes until it
 * is killed. All servers get their socket options in the same way: accepted sockets inherit
 * TCP_NODELAY from the listener. Every accepted socket is made non-blocking by accept4 or by the
 * library.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BENCH_STR_(x) #x
#define BENCH_STR(x) BENCH_STR_(x)

enum { BUFFER = 16384, BACKLOG = 1024 };

static inline void bench_die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void bench_announce(unsigned port, const char *variant)
{
    printf("%u %s\n", port, variant);
    fflush(stdout);
}

/* A non-blocking listener on a port that the system chooses, announced. */
static inline int bench_listen(const char *variant)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    signal(SIGPIPE, SIG_IGN);
    memset(&addr, 0, sizeof addr);
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&addr, len) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&addr, &len))
        bench_die("listen");
    bench_announce(ntohs(addr.sin_port), variant);
    return fd;
}

#endif
