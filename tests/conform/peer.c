/* SPDX-License-Identifier: MIT
 *
 * peer.c: the foreign ends of connections: plain blocking sockets, see suite.h.
 */
#include "conform/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union peer_name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} peer_name;

static int peer_try(int result)
{
    if (result < 0) FAIL("peer: %s", strerror(errno));
    return result;
}

thetis_addr suite_local(uint16_t port)
{
    thetis_addr addr = {.family = THETIS_ADDR_V4, .port = port, .u.v4 = {127, 0, 0, 1}};
    return addr;
}

static socklen_t peer_to_name(peer_name *name, const thetis_addr *addr)
{
    memset(name, 0, sizeof *name);
    if (addr->family == THETIS_ADDR_V4) {
        name->in.sin_family = AF_INET;
        name->in.sin_port = htons(addr->port);
        memcpy(&name->in.sin_addr, addr->u.v4, sizeof addr->u.v4);
        return sizeof name->in;
    }
    name->in6.sin6_family = AF_INET6;
    name->in6.sin6_port = htons(addr->port);
    memcpy(&name->in6.sin6_addr, addr->u.v6, sizeof addr->u.v6);
    return sizeof name->in6;
}

uint16_t peer_port(int fd)
{
    peer_name name;
    socklen_t len = sizeof name;
    peer_try(getsockname(fd, &name.any, &len));
    return ntohs(name.any.sa_family == AF_INET ? name.in.sin_port : name.in6.sin6_port);
}

int peer_listen(thetis_addr *at)
{
    peer_name name;
    thetis_addr any = suite_local(0);
    socklen_t len = peer_to_name(&name, &any);
    int fd = peer_try(socket(AF_INET, SOCK_STREAM, 0));
    peer_try(bind(fd, &name.any, len));
    peer_try(listen(fd, 512));
    *at = suite_local(peer_port(fd));
    return fd;
}

static void peer_no_delay(int fd)
{
    int on = 1;
    peer_try(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

int peer_accept(int listener)
{
    int fd = peer_try(accept(listener, NULL, NULL));
    peer_no_delay(fd);
    return fd;
}

int peer_connect(const thetis_addr *to)
{
    peer_name name;
    socklen_t len = peer_to_name(&name, to);
    int fd = peer_try(socket(name.any.sa_family, SOCK_STREAM, 0));
    peer_try(connect(fd, &name.any, len));
    peer_no_delay(fd);
    return fd;
}

void peer_send(int fd, uint64_t k, size_t n)
{
    unsigned char buf[4096];
    while (n > 0) {
        size_t part = n < sizeof buf ? n : sizeof buf;
        suite_fill(buf, k, part);
        ssize_t sent = send(fd, buf, part, MSG_NOSIGNAL);
        if (sent <= 0) FAIL("peer cannot send: %s", strerror(errno));
        k += (size_t)sent;
        n -= (size_t)sent;
    }
}

size_t peer_take(int fd, uint64_t *k, size_t n)
{
    unsigned char buf[65536];
    ssize_t got = recv(fd, buf, n < sizeof buf ? n : sizeof buf, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) FAIL("peer saw the end at %llu", (unsigned long long)*k);
    suite_verify(buf, *k, (size_t)got);
    *k += (size_t)got;
    return (size_t)got;
}

void peer_drain(suite *w, int fd, uint64_t *k, uint64_t n)
{
    for (int left = SUITE_TURNS; *k < n; suite_turn(w)) {
        if (left-- == 0) FAIL("the peer has only %llu bytes", (unsigned long long)*k);
        while (*k < n && peer_take(fd, k, (size_t)(n - *k)) > 0) continue;
    }
}

peer_state peer_look(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (got > 0) return PEER_DATA;
    if (got == 0) return PEER_EOF;
    return errno == EAGAIN ? PEER_QUIET : PEER_RESET;
}

/* Not smaller: loopback's segments have 64 KiB, and a window below one segment is refilled only by
 * the sender's persist timer. */
void peer_small(int fd)
{
    int size = 65536;
    peer_try(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    peer_try(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
}

void peer_shut(int fd)
{
    peer_try(shutdown(fd, SHUT_WR));
}

void peer_close(int fd)
{
    peer_try(close(fd));
}

void peer_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    peer_try(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    peer_close(fd);
}
