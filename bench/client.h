/* SPDX-License-Identifier: MIT
 *
 * client.h: what the two clients of the echo servers share: starting a server, reading what it
 * announces, connecting, messages that can be checked.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64 };

typedef struct server {
    pid_t pid;
    FILE *out; /* its standard output */
    unsigned port;
    char variant[160];
} server;

static inline void client_die(const char *what)
{
    perror(what);
    exit(1);
}

/* As many descriptors as the system allows, for this process and the server it starts. */
static inline void client_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) client_die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) client_die("setrlimit");
}

/* Starts argv; `prepare` runs in the child before. The server dies with its standard input. */
static inline void client_spawn(server *s, char **argv, void (*prepare)(void))
{
    int out[2];
    if (pipe(out)) client_die("pipe");
    s->pid = fork();
    if (s->pid < 0) client_die("fork");
    if (s->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        prepare();
        execvp(argv[0], argv);
        client_die(argv[0]);
    }
    close(out[1]);
    s->out = fdopen(out[0], "r");
}

/* Reads "PORT VARIANT"; blocks until the server has written it. */
static inline void client_read_announcement(server *s)
{
    if (fscanf(s->out, "%u %159[^\n]", &s->port, s->variant) != 2) client_die("no announcement");
}

static inline int client_connect(const server *s)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        connect(fd, (struct sockaddr *)&addr, sizeof addr))
        client_die("connect");
    return fd;
}

/* A message that tells connections and rounds apart. */
static inline void client_fill(unsigned char *message, uint64_t conn, uint64_t round)
{
    memset(message, (int)(conn ^ round) & 0xFF, MESSAGE);
    memcpy(message, &conn, sizeof conn);
    memcpy(message + sizeof conn, &round, sizeof round);
}

static inline void client_send(int fd, uint64_t conn, uint64_t round)
{
    unsigned char message[MESSAGE];
    client_fill(message, conn, round);
    if (send(fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) client_die("send");
}

static inline void client_check(const unsigned char *got, uint64_t conn, uint64_t round)
{
    unsigned char expected[MESSAGE];
    client_fill(expected, conn, round);
    if (memcmp(got, expected, MESSAGE) != 0) client_die("the echo differs from the message");
}

#endif
