/* SPDX-License-Identifier: MIT
 *
 * conform_connect.c: rows of group B: connecting.
 */
#include <errno.h>
#include <string.h>

#include "conform/suite.h"

/* A local port nobody listens on. */
static thetis_addr closed_port(void)
{
    thetis_addr at;
    peer_close(peer_listen(&at));
    return at;
}

/* A connect since then was answered inside the call. */
static int answered_at_once(const suite *w, uint64_t from)
{
    for (uint64_t i = from; i < w->fault.logged; i++) {
        const fault_call *call = &w->fault.log[i % FAULT_LOG];
        if (call->fn == FAULT_CONNECT && call->ret.status != THETIS_AGAIN) return 1;
    }
    return 0;
}

/* Connects and expects this end; then only close is left. */
static void expect_no_connection(suite *w, const thetis_addr *to, thetis_status why)
{
    static wire x;
    wire_init(w, &x);
    wire_connect(w, &x, to);
    CHECK_EQ(x.connects, 0);
    UNTIL(w, x.connects == 1);
    CHECK_EQ(x.connected, why);
    wire_close(&x);
    CHECK_EQ(x.connects, 1);
}

/* ---- 13 to 16 -------------------------------------------------------------------------------- */

static void row_013_connect_success(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    suite_turns(w, 5);
    CHECK_EQ(x.connects, 1);
    wire_close(&x);
    CHECK_EQ(x.connects, 1);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
}

static void row_014_immediate_success_completes_later(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    w->fault.connect_now = 1;
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    CHECK_EQ(w->fault.log[(w->fault.logged - 1) % FAULT_LOG].ret.status, THETIS_OK);
    CHECK_EQ(x.connects, 0);
    UNTIL(w, x.connects == 1);
    CHECK_EQ(x.connected, THETIS_OK);
    suite_turns(w, 5);
    wire_close(&x);
    CHECK_EQ(x.connects, 1);
    peer_close(listener);
}

/* The call says connected, the first question about it gets no answer. */
static void row_014_immediate_success_in_doubt(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    for (int i = 0; i < 2; i++) {
        w->fault.connect_now = 1;
        if (i == 0) fault_fail(&w->fault, FAULT_SO_ERROR, 1, THETIS_EINTR, EINTR);
        else fault_fail(&w->fault, FAULT_NAME, 1, THETIS_ENOTCONN, ENOTCONN);
        wire_init(w, &x);
        wire_connect(w, &x, &at);
        UNTIL(w, x.connects == 1);
        CHECK(fault_fired(&w->fault));
        CHECK_EQ(x.connected, THETIS_OK);
        wire_close(&x);
    }
    peer_close(listener);
}

static void row_015_refused(suite *w)
{
    thetis_addr at = closed_port();
    expect_no_connection(w, &at, THETIS_EREFUSED);
    uint64_t from = w->fault.logged;
    fault_fail(&w->fault, FAULT_SO_ERROR, 1, THETIS_ERESET, ECONNRESET); /* as some stacks say */
    expect_no_connection(w, &at, THETIS_EREFUSED);
    CHECK(fault_fired(&w->fault) || answered_at_once(w, from));
    fault_fail(&w->fault, FAULT_SO_ERROR, 0, THETIS_OK, 0);
    w->fault.connect_now = 1; /* refused inside the call */
    expect_no_connection(w, &at, THETIS_EREFUSED);
}

static void row_016_unreachable_and_timed_out(suite *w)
{
    static const struct {
        thetis_status status;
        int os;
    } whys[] = {{THETIS_EUNREACH, ENETUNREACH},
                {THETIS_ETIMEDOUT, ETIMEDOUT},
                {THETIS_EADDRNOTAVAIL, EADDRNOTAVAIL},
                {THETIS_EACCES, EACCES}};
    thetis_addr at;
    int listener = peer_listen(&at);
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
        fault_fail(&w->fault, FAULT_CONNECT, 1, whys[i].status, whys[i].os); /* at once */
        expect_no_connection(w, &at, whys[i].status);
        fault_fail(&w->fault, FAULT_SO_ERROR, 1, whys[i].status, whys[i].os); /* later */
        expect_no_connection(w, &at, whys[i].status);
        CHECK(fault_fired(&w->fault));
    }
    peer_close(listener);
}

/* ---- 17, 18, 19 ------------------------------------------------------------------------------ */

static void row_017_close_before_completion(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    wire_close(&x);
    CHECK_EQ(x.connects, 1);
    CHECK_EQ(x.connected, THETIS_ECANCELED);
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    wire_abort(&x);
    CHECK_EQ(x.connects, 1);
    CHECK_EQ(x.connected, THETIS_ECANCELED);
    peer_close(listener);
}

static void row_018_cancel_races_success(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    for (int i = 0; i < 50; i++) {
        wire_init(w, &x);
        wire_connect(w, &x, &at);
        suite_turns(w, i % 4);
        unsigned before = x.connects;
        wire_abort(&x);
        CHECK_EQ(x.connects, 1);
        CHECK(x.connected == (before ? THETIS_OK : THETIS_ECANCELED));
    }
    peer_close(listener);
}

static void row_019_the_error_is_read_once(suite *w)
{
    thetis_addr at = closed_port();
    uint64_t before = fault_calls(&w->fault, FAULT_SO_ERROR), from = w->fault.logged;
    expect_no_connection(w, &at, THETIS_EREFUSED);
    CHECK_EQ(fault_calls(&w->fault, FAULT_SO_ERROR) - before, !answered_at_once(w, from));
    static wire x;
    before = fault_calls(&w->fault, FAULT_SO_ERROR);
    int fd = wire_pair(w, &x);
    CHECK(fault_calls(&w->fault, FAULT_SO_ERROR) - before <= 1);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 20, 21, 22 ------------------------------------------------------------------------------ */

static void row_020_sends_wait_for_the_connection(suite *w)
{
    static wire x;
    static post posts[5];
    unsigned char data[50];
    thetis_addr at;
    uint64_t k = 0;
    int listener = peer_listen(&at);
    suite_fill(data, 0, sizeof data);
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    for (size_t i = 0; i < 5; i++)
        CHECK_EQ(post_send(&x, &posts[i], data + 10 * i, 10), THETIS_OK);
    UNTIL(w, posts[4].done == 1);
    CHECK_EQ(x.connects, 1);
    int fd = peer_accept(listener);
    peer_drain(w, fd, &k, sizeof data);
    for (size_t i = 0; i < 5; i++) CHECK_EQ(posts[i].send.status, THETIS_OK);
    wire_close(&x);
    peer_close(fd);
    peer_close(listener);
}

static void row_020_sends_of_a_refused_connection_fail(suite *w)
{
    static wire x;
    static post posts[3];
    thetis_addr at = closed_port();
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    for (size_t i = 0; i < 3; i++) CHECK_EQ(post_send(&x, &posts[i], "abc", 3), THETIS_OK);
    wire_recv(&x);
    UNTIL(w, posts[2].done == 1 && x.ends == 1);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(posts[i].send.status, THETIS_EREFUSED);
        CHECK_EQ(posts[i].send.sent, 0);
        CHECK_EQ(posts[i].done, 1);
    }
    CHECK_EQ(x.connected, THETIS_EREFUSED);
    CHECK_EQ(x.end, THETIS_EREFUSED);
    wire_close(&x);
}

static void connect_comes_first(wire *x)
{
    CHECK_EQ(x->recvs, 0);
}

static void row_021_receive_armed_while_connecting(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    wire_init(w, &x);
    x.on_connect = connect_comes_first;
    wire_connect(w, &x, &at);
    wire_recv(&x);
    int fd = peer_accept(listener); /* the kernel has it already */
    peer_send(fd, 0, 10);
    UNTIL(w, x.got == 10);
    CHECK_EQ(x.connects, 1);
    wire_close(&x);
    peer_close(fd);
    peer_close(listener);
}

static void row_022_what_the_server_sent_at_accept_is_readable(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    int fd = peer_accept(listener);
    peer_send(fd, 0, 10);
    peer_shut(fd);
    UNTIL(w, x.connects == 1);
    x.oneshot = 1;
    wire_recv(&x);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, 10);
    CHECK_EQ(x.end, THETIS_EOF);
    wire_close(&x);
    peer_close(fd);
    peer_close(listener);
}

/* ---- 23, 24, 25, 27 -------------------------------------------------------------------------- */

static void row_023_many_connects_leak_nothing(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    size_t fds = suite_open_fds();
    for (size_t i = 0; i < test_scale(10000); i++) {
        wire_init(w, &x);
        wire_connect(w, &x, &at);
        UNTIL(w, x.connects == 1);
        CHECK_EQ(x.connected, THETIS_OK);
        wire_abort(&x); /* a reset leaves no port in TIME_WAIT */
        peer_pass(listener);
    }
    CHECK_EQ(suite_open_fds(), fds);
    peer_close(listener);
}

/* A socket whose own port it connects to meets itself: TCP's simultaneous open. */
static void row_024_a_connection_to_itself_is_refused(suite *w)
{
    static wire x;
    thetis_addr at = closed_port();
    wire_init(w, &x);
    CHECK_EQ(thetis_tcp_connect_from(w->loop, &x.tcp, &at, &at, wire_on_connect), THETIS_OK);
    UNTIL(w, x.connects == 1);
    CHECK_EQ(x.connected, THETIS_EREFUSED);
    wire_close(&x);
}

static void row_025_addresses_after_connect(suite *w)
{
    static wire x;
    thetis_addr at, local, peer;
    int listener = peer_listen(&at);
    wire_init(w, &x);
    wire_connect(w, &x, &at);
    CHECK_EQ(thetis_tcp_addr(&x.tcp, &local, &peer), THETIS_ENOTCONN);
    UNTIL(w, x.connects == 1);
    int fd = peer_accept(listener);
    CHECK_EQ(thetis_tcp_addr(&x.tcp, &local, &peer), THETIS_OK);
    CHECK(thetis_addr_equal(&peer, &at));
    CHECK_EQ(local.family, THETIS_ADDR_V4);
    CHECK(local.port != 0 && local.port != at.port);
    CHECK_EQ(thetis_tcp_addr(&x.tcp, NULL, &peer), THETIS_OK);
    CHECK_EQ(thetis_tcp_addr(&x.tcp, &local, NULL), THETIS_OK);
    wire_close(&x);
    peer_close(fd);
    peer_close(listener);
}

static void row_027_bind_before_connect(suite *w)
{
    static wire x, taken;
    static gate g;
    thetis_addr from = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 2}};
    gate_open(w, &g, &taken, 1);
    wire_init(w, &x);
    thetis_status s = thetis_tcp_connect_from(w->loop, &x.tcp, &from, &g.at, wire_on_connect);
    if (s == THETIS_EADDRNOTAVAIL) {
        gate_close(&g);
        SKIP_ENVIRONMENT("127.0.0.2 is not local here");
    }
    CHECK_EQ(s, THETIS_OK);
    UNTIL(w, x.connects == 1 && g.accepts == 1);
    from.port = g.peers[0].port;
    CHECK(thetis_addr_equal(&g.peers[0], &from));
    wire_close(&x);
    wire_close(&taken);
    gate_close(&g);
}

static void row_027_a_local_port_in_use_fails_at_once(suite *w)
{
    static wire x;
    thetis_addr at;
    int listener = peer_listen(&at);
    wire_init(w, &x);
    CHECK_EQ(thetis_tcp_connect_from(w->loop, &x.tcp, &at, &at, wire_on_connect),
             THETIS_EADDRINUSE);
    CHECK_EQ(suite_stat(w).handles, 0);
    peer_close(listener);
}

#define CONFORM_GROUP_B
#include "conform/rows.h"
