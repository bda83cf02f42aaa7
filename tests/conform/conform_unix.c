/* SPDX-License-Identifier: MIT
 *
 * conform_unix.c: rows of the groups for unix sockets: streams, descriptors, datagrams.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conform/plug.h"

/* ---- names ----------------------------------------------------------------------------------- */

static const char on_disk[] = "unix:/tmp/thetis-conform-%d-%u";
static const char abstract[] = "unix:@thetis-conform-%d-%u";

/* A fresh name of this process, in the file system or, where there are such, not. */
static thetis_addr fresh(const char *form)
{
    static unsigned count;
    thetis_addr addr;
    char text[THETIS_ADDR_TEXT_MAX];
    if (!the_world->unix_sockets) SKIP_UNSUPPORTED("UNIX");
    if (!the_world->abstract_names) form = on_disk;
    (void)snprintf(text, sizeof text, form, (int)getpid(), count++);
    if (text[5] == '/') the_world->forget(text + 5);
    CHECK_EQ(thetis_addr_parse(&addr, text), THETIS_OK);
    return addr;
}

/* A peer's socket; bound if `at` is given. */
static int peer_unix(tht_type type, const thetis_addr *at)
{
    return peer_socket(THETIS_ADDR_UNIX, type, at);
}

/* ---- streams of ours: wires whose stream is x->un -------------------------------------------- */

static void unix_take(gate *g, thetis_accepted *a)
{
    wire *x = &g->wires[g->accepts - 1];
    CHECK(g->accepts <= g->room);
    wire_init(g->w, x);
    CHECK_EQ(thetis_unix_accept(a, &x->un), THETIS_OK);
    CHECK_EQ(thetis_unix_accept(a, &x->un), THETIS_EINVAL);
}

static void unix_gate(suite *w, gate *g, const thetis_addr *at, wire *wires, size_t room)
{
    thetis_listen_cfg cfg = {.backlog = 1};
    gate_init(w, g, wires, room);
    g->on_accept = unix_take;
    CHECK_EQ(thetis_unix_listen(w->loop, &g->listener, at, &cfg, gate_on_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&g->listener, &g->at), THETIS_OK);
    CHECK(thetis_addr_equal(&g->at, at));
}

static void unix_wire(suite *w, wire *x, const thetis_addr *to)
{
    wire_init(w, x);
    CHECK_EQ(thetis_unix_connect(w->loop, &x->un, to, wire_on_connect), THETIS_OK);
    CHECK_EQ(x->connects, 0);
}

/* Two connected streams of ours. */
static void unix_pair(suite *w, wire *a, wire *b)
{
    static gate g;
    thetis_addr at = fresh(abstract);
    suite_need(w, THETIS_CAP_UNIX);
    unix_gate(w, &g, &at, b, 1);
    unix_wire(w, a, &at);
    UNTIL(w, a->connects == 1 && g.accepts == 1);
    CHECK_EQ(a->connected, THETIS_OK);
    gate_close(&g);
}

/* ---- 26, 38: connecting ---------------------------------------------------------------------- */

static void connect_at(suite *w, const char *form)
{
    static wire a, b;
    static gate g;
    thetis_addr at = fresh(form), peer;
    suite_need(w, THETIS_CAP_UNIX);
    unix_gate(w, &g, &at, &b, 1);
    unix_wire(w, &a, &at);
    wire_recv(&a);
    UNTIL(w, a.connects == 1 && g.accepts == 1);
    CHECK_EQ(a.connected, THETIS_OK);
    CHECK_EQ(g.peers[0].family, THETIS_ADDR_NONE);
    CHECK_EQ(thetis_tcp_addr(&a.tcp, NULL, &peer), THETIS_OK);
    CHECK(thetis_addr_equal(&peer, &at));
    wire_recv(&b);
    static post p, q;
    static unsigned char bytes[100000];
    suite_fill(bytes, 0, sizeof bytes);
    suite_bulk(w, 5000);
    CHECK_EQ(post_send(&a, &p, bytes, sizeof bytes), THETIS_OK);
    CHECK_EQ(post_send(&b, &q, bytes, sizeof bytes), THETIS_OK);
    UNTIL(w, a.got == sizeof bytes && b.got == sizeof bytes && p.done && q.done);
    static post end;
    CHECK_EQ(post_shutdown(&a, &end), THETIS_OK);
    UNTIL(w, b.ends == 1);
    CHECK_EQ(b.end, THETIS_EOF);
    wire_close(&a);
    wire_close(&b);
    gate_close(&g);
    the_world->forget(at.u.path);
}

static void row_026_a_path(suite *w)
{
    connect_at(w, on_disk);
}

static void row_026_an_abstract_name(suite *w)
{
    if (!the_world->abstract_names) SKIP_UNSUPPORTED("ABSTRACT_NAMES");
    connect_at(w, abstract);
}

static void row_026_nobody_there(suite *w)
{
    static wire x;
    thetis_addr at = fresh(on_disk);
    unix_wire(w, &x, &at);
    UNTIL(w, x.connects == 1);
    CHECK_EQ(x.connected, THETIS_EREFUSED);
    wire_close(&x);
    peer_close(peer_unix(THT_STREAM, &at)); /* a path without a listener */
    unix_wire(w, &x, &at);
    UNTIL(w, x.connects == 1);
    CHECK_EQ(x.connected, THETIS_EREFUSED);
    wire_close(&x);
    the_world->forget(at.u.path);
}

/* Elsewhere a full backlog refuses, like nobody. */
static void need_told_backlog(void)
{
    if (!the_world->backlog_told) SKIP_UNSUPPORTED("BACKLOG_TOLD");
}

/* Until the listener takes one, the others are tried again by time, and nothing spins. */
static void row_026_a_full_backlog(suite *w)
{
    enum { MANY = 8 };
    static wire x[MANY];
    need_told_backlog();
    thetis_addr at = fresh(abstract);
    unsigned done = 0, taken = 0;
    uint64_t calls = fault_calls(&w->fault, FAULT_CONNECT);
    int fds[MANY], fd = peer_unix(THT_STREAM, &at);
    peer_backlog(fd, 1);
    for (int i = 0; i < MANY; i++) unix_wire(w, &x[i], &at);
    suite_turns(w, 60);
    for (int i = 0; i < MANY; i++) done += x[i].connects;
    CHECK(done > 0 && done < MANY);
    CHECK(fault_calls(&w->fault, FAULT_CONNECT) - calls < MANY * 10);
    for (int left = SUITE_TURNS; taken < MANY; left--) {
        const tht_sys *sys = the_world->peers();
        tht_ret r = sys->accept(sys, fd, NULL);
        CHECK(left > 0);
        if (r.status == THETIS_OK) fds[taken++] = (int)r.n;
        suite_turn(w);
    }
    for (int i = 0; i < MANY; i++) {
        UNTIL(w, x[i].connects == 1);
        CHECK_EQ(x[i].connected, THETIS_OK);
        wire_close(&x[i]);
        peer_close(fds[i]);
    }
    peer_close(fd);
}

static void row_026_close_while_the_backlog_is_full(suite *w)
{
    static wire x[4];
    need_told_backlog();
    thetis_addr at = fresh(abstract);
    int fd = peer_unix(THT_STREAM, &at);
    peer_backlog(fd, 0);
    for (int i = 0; i < 4; i++) unix_wire(w, &x[i], &at);
    suite_turns(w, 3);
    CHECK_EQ(x[3].connects, 0);
    wire_close(&x[3]);
    CHECK_EQ(x[3].connects, 1);
    CHECK_EQ(x[3].connected, THETIS_ECANCELED);
    for (int i = 0; i < 3; i++) wire_abort(&x[i]);
    peer_close(fd);
}

static void row_038_the_peers_name(suite *w)
{
    static wire b;
    static gate g;
    thetis_addr at = fresh(abstract), own = fresh(abstract);
    unix_gate(w, &g, &at, &b, 1);
    int fd = peer_unix(THT_STREAM, &own);
    peer_dial(fd, &at);
    UNTIL(w, g.accepts == 1);
    CHECK(thetis_addr_equal(&g.peers[0], &own));
    wire_close(&b);
    gate_close(&g);
    peer_close(fd);
}

/* ---- 45: reset ------------------------------------------------------------------------------- */

static void row_045_a_peer_that_leaves_bytes_unread(suite *w)
{
    static wire b;
    static gate g;
    static post p;
    thetis_addr at = fresh(abstract);
    unix_gate(w, &g, &at, &b, 1);
    int fd = peer_connect(&at);
    UNTIL(w, g.accepts == 1);
    CHECK_EQ(post_send(&b, &p, "unread", 6), THETIS_OK);
    UNTIL(w, p.done == 1);
    peer_send(fd, 0, 100);
    peer_close(fd);
    wire_recv(&b);
    UNTIL(w, b.ends == 1);
    CHECK_EQ(b.got, 100);
    CHECK_EQ(b.end, the_world->unread_resets ? THETIS_ERESET : THETIS_EOF);
    wire_close(&b);
    gate_close(&g);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static int taken_fds[64];
static unsigned taken_count;

static void take_fds(wire *x, const thetis_recv *r)
{
    thetis_status s;
    if (r->status != THETIS_OK) return;
    while ((s = thetis_unix_recv_fd(&x->un, &taken_fds[taken_count])) == THETIS_OK) taken_count++;
    CHECK_EQ(s, THETIS_ABSENT);
}

static void on_fds_sent(thetis_tcp *tcp, thetis_send *send)
{
    (void)tcp;
    ++*(unsigned *)send->user;
}

/* A pipe whose writing end travels, once and twice and in the middle of other bytes. */
static void row_074_descriptors_arrive(suite *w)
{
    static wire a, b;
    static post before, after;
    static thetis_unix_send op;
    static unsigned char bytes[3000];
    unsigned done = 0;
    int ends[2], sent[3];
    char got[4] = {0};
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    unix_pair(w, &a, &b);
    the_world->pipe(ends);
    sent[0] = sent[1] = sent[2] = ends[1];
    suite_fill(bytes, 0, sizeof bytes);
    taken_count = 0;
    b.on_recv = take_fds;
    wire_recv(&b);
    op.send.user = &done;
    CHECK_EQ(post_send(&a, &before, bytes, 1000), THETIS_OK);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, bytes + 1000, 1000, sent, 3, on_fds_sent), THETIS_OK);
    CHECK_EQ(post_send(&a, &after, bytes + 2000, 1000), THETIS_OK);
    UNTIL(w, b.got == 3000 && done == 1 && after.done == 1);
    CHECK_EQ(op.send.status, THETIS_OK);
    CHECK_EQ(op.send.sent, 1000);
    CHECK_EQ(taken_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(the_world->is_private(taken_fds[i]));
        CHECK_EQ(the_world->put(taken_fds[i], "abc", 3).n, 3);
        CHECK_EQ(the_world->get(ends[0], got, 3).n, 3);
        CHECK_STR(got, "abc");
        peer_close(taken_fds[i]);
    }
    peer_close(ends[0]);
    peer_close(ends[1]);
    wire_close(&a);
    wire_close(&b);
}

/* A send without bytes is ahead: nothing of it goes with the descriptors, nor they with it. */
static void row_074_descriptors_after_an_empty_send(suite *w)
{
    static wire a, b;
    static post empty;
    static thetis_unix_send op;
    static unsigned char bytes[100];
    unsigned done = 0;
    int fd = the_world->spare;
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    unix_pair(w, &a, &b);
    suite_fill(bytes, 0, sizeof bytes);
    taken_count = 0;
    b.on_recv = take_fds;
    wire_recv(&b);
    op.send.user = &done;
    CHECK_EQ(post_send(&a, &empty, bytes, 0), THETIS_OK);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, bytes, sizeof bytes, &fd, 1, on_fds_sent), THETIS_OK);
    UNTIL(w, b.got == sizeof bytes && done == 1 && empty.done == 1);
    CHECK_EQ(taken_count, 1);
    peer_close(taken_fds[0]);
    wire_close(&a);
    wire_close(&b);
}

/* Nobody takes them: closed after the callback, one-shot or streaming, or after a close in it. */
static void close_in_callback(wire *x, const thetis_recv *r)
{
    if (r->status == THETIS_OK) wire_shut(x);
}

static void discard(suite *w, int oneshot, void (*on_recv)(wire *, const thetis_recv *))
{
    static wire a, b;
    static thetis_unix_send op;
    unsigned done = 0;
    int sent[THETIS_UNIX_FDS_MAX];
    unix_pair(w, &a, &b);
    size_t fds = suite_open_fds();
    for (unsigned i = 0; i < THETIS_UNIX_FDS_MAX; i++) sent[i] = the_world->spare;
    b.oneshot = oneshot;
    b.unverified = 1;
    b.on_recv = on_recv;
    wire_recv(&b);
    op.send.user = &done;
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "x", 1, sent, THETIS_UNIX_FDS_MAX, on_fds_sent),
             THETIS_OK);
    UNTIL(w, b.got == 1 && done == 1);
    CHECK_EQ(suite_open_fds(), fds - (on_recv != NULL)); /* b's own is closed, or not */
    wire_close(&a);
    if (!on_recv) wire_close(&b);
    else UNTIL(w, b.closes == 1);
}

static void row_074_descriptors_not_taken_are_closed(suite *w)
{
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    discard(w, 0, NULL);
    discard(w, 1, NULL);
    discard(w, 0, close_in_callback);
}

static void row_074_refused_and_canceled_descriptors(suite *w)
{
    static wire a, b;
    static thetis_unix_send op;
    unsigned done = 0;
    int fd = the_world->spare, bad = -1;
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    unix_pair(w, &a, &b);
    op.send.user = &done;
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "", 0, &fd, 1, on_fds_sent), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "x", 1, &fd, 0, on_fds_sent), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "x", 1, &fd, 17, on_fds_sent), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "x", 1, &fd, 1, on_fds_sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&a.tcp, &op.send), THETIS_OK);
    UNTIL(w, done == 1);
    CHECK_EQ(op.send.status, THETIS_ECANCELED);
    CHECK_EQ(thetis_unix_recv_fd(&b.un, &fd), THETIS_ABSENT);
    CHECK_EQ(thetis_unix_send_fds(&a.un, &op, "x", 1, &bad, 1, on_fds_sent), THETIS_OK);
    UNTIL(w, done == 2);
    CHECK_EQ(op.send.status, THETIS_EINVAL); /* no such descriptor */
    wire_close(&a);
    wire_close(&b);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static void unix_plug(suite *w, plug *x, const thetis_addr *at)
{
    memset(x, 0, sizeof *x);
    x->w = w;
    suite_need(w, THETIS_CAP_UNIX);
    CHECK_EQ(thetis_unix_open(w->loop, &x->udp, at, 0), THETIS_OK);
    if (at) x->at = *at;
}

static void row_076_unix_datagrams(suite *w)
{
    static plug a, b;
    thetis_addr at_a = fresh(on_disk), at_b = fresh(abstract);
    uint64_t k = 0;
    unix_plug(w, &a, &at_a);
    unix_plug(w, &b, &at_b);
    plug_recv(&a);
    plug_recv(&b);
    for (size_t i = 0; i < 50; i++) {
        plug_send(&a, &at_b, &k, 1, suite_rand(w, 5000));
        UNTIL(w, b.datagrams == k);
    }
    CHECK(thetis_addr_equal(&b.from, &at_a));
    CHECK_EQ(thetis_udp_connect(&b.udp, &b.from), THETIS_OK);
    k = 0;
    plug_send(&b, NULL, &k, 3, 100);
    UNTIL(w, a.datagrams == 3);
    CHECK(thetis_addr_equal(&a.from, &at_b));
    CHECK_EQ(thetis_udp_join(&a.udp, &at_b, 0), THETIS_EINVAL);
    plug_close(&a);
    plug_close(&b);
    the_world->forget(at_a.u.path);
}

static void row_076_a_sender_without_a_name(suite *w)
{
    static plug a, b;
    thetis_addr at = fresh(abstract), nowhere = fresh(on_disk);
    uint64_t k = 0;
    unix_plug(w, &a, NULL);
    unix_plug(w, &b, &at);
    plug_recv(&b);
    plug_send(&a, &at, &k, 1, 10);
    UNTIL(w, b.datagrams == 1);
    CHECK_EQ(b.from.family, THETIS_ADDR_NONE);
    CHECK_EQ(thetis_udp_send(&a.udp, &nowhere, "x", 1), THETIS_EREFUSED);
    plug_close(&a);
    plug_close(&b);
}

/* Bytes of the datagram that waits. */
static size_t peer_unix_take(int fd)
{
    const tht_sys *sys = the_world->peers();
    char byte;
    thetis_addr from;
    tht_in in = {.into = &byte, .room = 1, .from = &from};
    CHECK_EQ(sys->recv_msgs(sys, fd, &in, 1).n, 1);
    return in.len;
}

/* The queue of the peer is full: a real lack, with a peer whose room the system does not report. */
static void row_083_a_peer_that_does_not_read(suite *w)
{
    static plug a;
    static unsigned char byte;
    thetis_addr at = fresh(abstract);
    int fd = peer_unix(THT_DGRAM, &at);
    unsigned sent = 0;
    unix_plug(w, &a, NULL);
    a.any = 1;
    while (thetis_udp_send(&a.udp, &at, &byte, 1) == THETIS_OK) CHECK(++sent < 10000);
    for (int i = 0; i < 3; i++) {
        uint64_t calls = fault_calls(&w->fault, FAULT_SEND_MSGS);
        CHECK_EQ(thetis_udp_wait_writable(&a.udp, plug_on_writable), THETIS_OK);
        UNTIL(w, a.rooms == (unsigned)i + 1);
        CHECK_EQ(thetis_udp_send(&a.udp, &at, &byte, 1), THETIS_ENOBUFS);
        CHECK(fault_calls(&w->fault, FAULT_SEND_MSGS) - calls < 10);
    }
    for (; sent > 0; sent--) CHECK_EQ(peer_unix_take(fd), 1);
    CHECK_EQ(thetis_udp_wait_writable(&a.udp, plug_on_writable), THETIS_OK);
    UNTIL(w, a.rooms == 4);
    CHECK_EQ(thetis_udp_send(&a.udp, &at, &byte, 1), THETIS_OK);
    plug_close(&a);
    peer_close(fd);
}

/* Connects, too: so the call says where to. */
static void peer_send_fd(int fd, const thetis_addr *to, int what)
{
    const tht_sys *sys = the_world->peers();
    peer_dial(fd, to);
    CHECK_EQ(sys->send_fds(sys, fd, &(thetis_iov){"x", 1}, 1, &what, 1).n, 1);
}

static void row_076_descriptors_of_a_datagram_are_closed(suite *w)
{
    static plug a;
    thetis_addr at = fresh(abstract);
    unix_plug(w, &a, &at);
    a.any = 1;
    plug_recv(&a);
    int fd = peer_unix(THT_DGRAM, NULL);
    size_t fds = suite_open_fds();
    peer_send_fd(fd, &at, fd);
    UNTIL(w, a.datagrams == 1);
    CHECK_EQ(suite_open_fds(), fds);
    plug_close(&a);
    peer_close(fd);
}

#define CONFORM_GROUP_UNIX
#include "conform/rows.h"
