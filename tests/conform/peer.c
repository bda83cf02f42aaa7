/* SPDX-License-Identifier: MIT
 *
 * peer.c: the foreign ends of connections, see suite.h. They wait for what they need, as blocking
 * sockets do, and never longer than PEER_WAIT_NS.
 */
#include "conform/suite.h"

#define PEER_WAIT_NS UINT64_C(20000000000)

static const tht_sys *calls(void)
{
    return the_world->peers();
}

static int peer_try(tht_ret r)
{
    if (r.status != THETIS_OK) FAIL("peer: %s, os %d", thetis_status_name(r.status), (int)r.os);
    return (int)r.n;
}

void peer_wait(int fd, unsigned mask)
{
    const tht_sys *sys = calls();
    tht_pollfd entry = {.fd = fd,
                        .events = (int16_t)peer_try(sys->poll_set(sys, fd, 0, 0, mask))};
    tht_event event;
    uint64_t token = 0;
    uint32_t first = 0;
    if (peer_try(sys->poll_wait(sys, &entry, &token, 1, &first, &event, 1, PEER_WAIT_NS)) == 0)
        FAIL("a peer waits for ever");
}

thetis_addr suite_local(uint16_t port)
{
    thetis_addr addr = {.family = THETIS_ADDR_V4, .port = port, .u.v4 = {127, 0, 0, 1}};
    return addr;
}

int peer_socket(thetis_addr_family family, tht_type type, const thetis_addr *at)
{
    const tht_sys *sys = calls();
    int fd = peer_try(sys->socket(sys, family, type));
    if (at) peer_try(sys->bind(sys, fd, at));
    return fd;
}

thetis_addr peer_addr(int fd)
{
    const tht_sys *sys = calls();
    thetis_addr addr;
    peer_try(sys->name(sys, fd, THT_LOCAL, &addr));
    return addr;
}

uint16_t peer_port(int fd)
{
    return peer_addr(fd).port;
}

void peer_backlog(int fd, int backlog)
{
    peer_try(calls()->listen(calls(), fd, backlog));
}

int peer_listen(thetis_addr *at)
{
    thetis_addr any = suite_local(0);
    int fd = peer_socket(THETIS_ADDR_V4, THT_STREAM, &any);
    peer_backlog(fd, 512);
    *at = peer_addr(fd);
    return fd;
}

static void peer_no_delay(int fd)
{
    peer_try(calls()->setopt(calls(), fd, THT_OPT_NODELAY, 1));
}

int peer_accept(int listener)
{
    const tht_sys *sys = calls();
    tht_ret r = sys->accept(sys, listener, NULL);
    for (; r.status == THETIS_AGAIN; r = sys->accept(sys, listener, NULL))
        peer_wait(listener, THT_IN);
    peer_try(r);
    if (peer_addr((int)r.n).family != THETIS_ADDR_UNIX) peer_no_delay((int)r.n);
    return (int)r.n;
}

/* Some systems say of a connection that was reset that there was one, others hand it out. */
void peer_pass(int listener)
{
    tht_ret r = calls()->accept(calls(), listener, NULL);
    for (; r.status == THETIS_AGAIN; r = calls()->accept(calls(), listener, NULL))
        peer_wait(listener, THT_IN);
    if (r.status != THETIS_ERESET) peer_close(peer_try(r));
}

void peer_dial(int fd, const thetis_addr *to)
{
    const tht_sys *sys = calls();
    tht_ret r = sys->connect(sys, fd, to);
    if (r.status == THETIS_AGAIN) {
        peer_wait(fd, THT_OUT);
        r = sys->so_error(sys, fd);
    }
    peer_try(r);
}

int peer_connect(const thetis_addr *to)
{
    int fd = peer_socket((thetis_addr_family)to->family, THT_STREAM, NULL);
    peer_dial(fd, to);
    if (to->family != THETIS_ADDR_UNIX) peer_no_delay(fd);
    return fd;
}

size_t peer_put(int fd, const void *bytes, size_t n)
{
    tht_ret r = calls()->send_one(calls(), fd, bytes, n);
    return r.status == THETIS_OK ? (size_t)r.n : 0;
}

void peer_send(int fd, uint64_t k, size_t n)
{
    unsigned char buf[4096];
    while (n > 0) {
        size_t part = n < sizeof buf ? n : sizeof buf;
        suite_fill(buf, k, part);
        tht_ret r = calls()->send_one(calls(), fd, buf, part);
        if (r.status == THETIS_AGAIN) peer_wait(fd, THT_OUT);
        else peer_try(r);
        k += (size_t)r.n;
        n -= (size_t)r.n;
    }
}

tht_ret peer_get(int fd, void *bytes, size_t n)
{
    return calls()->recv(calls(), fd, bytes, n);
}

size_t peer_take(int fd, uint64_t *k, size_t n)
{
    unsigned char buf[65536];
    tht_ret r = peer_get(fd, buf, n < sizeof buf ? n : sizeof buf);
    if (r.status == THETIS_AGAIN) return 0;
    if (r.n == 0) FAIL("peer saw the end at %llu", (unsigned long long)*k);
    suite_verify(buf, *k, (size_t)r.n);
    *k += (size_t)r.n;
    return (size_t)r.n;
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
    tht_ret r = calls()->peek(calls(), fd);
    if (r.status == THETIS_AGAIN) {
        the_world->settle();
        r = calls()->peek(calls(), fd);
    }
    if (r.status == THETIS_AGAIN) return PEER_QUIET;
    if (r.status != THETIS_OK) return PEER_RESET;
    return r.n ? PEER_DATA : PEER_EOF;
}

/* Not smaller: loopback's segments have 64 KiB, and a window below one segment is refilled only by
 * the sender's persist timer. */
void peer_small(int fd)
{
    const tht_sys *sys = calls();
    peer_try(sys->setopt(sys, fd, THT_OPT_RECV_SPACE, 65536));
    peer_try(sys->setopt(sys, fd, THT_OPT_SEND_SPACE, 65536));
}

void peer_shut(int fd)
{
    peer_try(calls()->shutdown(calls(), fd));
}

void peer_close(int fd)
{
    peer_try(calls()->close(calls(), fd));
}

void peer_reset(int fd)
{
    peer_try(calls()->setopt(calls(), fd, THT_OPT_ABORT_ON_CLOSE, 1));
    peer_close(fd);
}
