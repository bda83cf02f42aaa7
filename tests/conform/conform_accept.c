/* SPDX-License-Identifier: MIT
 *
 * conform_accept.c: rows of group C: accepting.
 */
#include <errno.h>
#include <string.h>

#include "conform/suite.h"

enum { BURST = 64 };

static void close_all(wire *wires, unsigned n)
{
    for (unsigned i = 0; i < n; i++) wire_close(&wires[i]);
}

/* ---- 28, 29, 30, 31 -------------------------------------------------------------------------- */

static void row_028_one_connection_one_handle(suite *w)
{
    static wire taken;
    static gate g;
    gate_open(w, &g, &taken, 1);
    int fd = peer_connect(&g.at);
    UNTIL(w, g.accepts == 1);
    suite_turns(w, 5);
    CHECK_EQ(g.accepts, 1);
    CHECK_EQ(suite_stat(w).handles, 2);
    CHECK(!the_world->waits(taken.tcp.handle_.fd_));
    CHECK(the_world->is_private(taken.tcp.handle_.fd_));
    wire_close(&taken);
    gate_close(&g);
    peer_close(fd);
}

static void row_029_a_burst_arrives_in_order(suite *w)
{
    static wire taken[BURST];
    static gate g;
    int fds[BURST];
    gate_open(w, &g, taken, BURST);
    for (int i = 0; i < BURST; i++) fds[i] = peer_connect(&g.at);
    UNTIL(w, g.accepts == BURST);
    for (int i = 0; i < BURST; i++) {
        CHECK_EQ(g.peers[i].port, peer_port(fds[i]));
        peer_close(fds[i]);
    }
    close_all(taken, BURST);
    gate_close(&g);
}

static void row_030_reset_before_accept_spares_the_listener(suite *w)
{
    static wire taken[2];
    static gate g;
    gate_open(w, &g, taken, 2);
    peer_reset(peer_connect(&g.at));
    int fd = peer_connect(&g.at);
    uint16_t port = peer_port(fd);
    UNTIL(w, g.accepts > 0 && g.peers[g.accepts - 1].port == port);
    CHECK_EQ(g.lacks, 0);
    if (g.accepts == 2) { /* the system handed out the dead one, too */
        wire_recv(&taken[0]);
        UNTIL(w, taken[0].ends == 1);
        CHECK_EQ(taken[0].end, THETIS_ERESET);
    }
    close_all(taken, g.accepts);
    gate_close(&g);
    peer_close(fd);
}

static void row_031_errors_of_one_connection_spare_the_listener(suite *w)
{
    static const int gone[] = {ECONNABORTED, EPROTO, EPERM};
    static wire taken[4];
    static gate g;
    int fds[4];
    gate_open(w, &g, taken, 4);
    for (unsigned i = 0; i < 3; i++) {
        fault_fail(&w->fault, FAULT_ACCEPT, 1, THETIS_ERESET, gone[i]);
        fds[i] = peer_connect(&g.at);
        UNTIL(w, g.accepts == i + 1);
        CHECK(fault_fired(&w->fault));
    }
    fault_fail(&w->fault, FAULT_ACCEPT, 1, THETIS_EINTR, EINTR);
    fds[3] = peer_connect(&g.at);
    UNTIL(w, g.accepts == 4);
    CHECK_EQ(g.lacks, 0);
    for (int i = 0; i < 4; i++) peer_close(fds[i]);
    close_all(taken, 4);
    gate_close(&g);
}

/* ---- 32 -------------------------------------------------------------------------------------- */

/* Attempts in a second of the virtual clock, while every one of them lacks a descriptor. */
static uint64_t attempts_in_a_second(suite *w)
{
    uint64_t before = fault_calls(&w->fault, FAULT_ACCEPT);
    uint64_t end = w->fault.clock + 1000000000u;
    int turns = 0;
    while (w->fault.clock < end) {
        CHECK(turns++ < 5000); /* each turn without an event moves the clock by a nap */
        suite_turn(w);
    }
    return fault_calls(&w->fault, FAULT_ACCEPT) - before;
}

static void row_032_no_descriptors_left(suite *w)
{
    static wire taken[3];
    static gate g;
    int fds[3];
    fault_clock_start(&w->fault, thetis_loop_now(w->loop) + 1);
    gate_open(w, &g, taken, 3);
    for (int round = 0; round < 2; round++) {
        unsigned from = g.accepts;
        g.lacks = 0;
        fault_hold(&w->fault, FAULT_ACCEPT, THETIS_EMFILE, EMFILE);
        for (unsigned i = from; i < from + 1 + (unsigned)round; i++) fds[i] = peer_connect(&g.at);
        UNTIL(w, g.lacks == 1);
        CHECK_EQ(g.lack, THETIS_EMFILE);
        uint64_t attempts = attempts_in_a_second(w);
        CHECK(attempts >= 1);
        CHECK(attempts < 100);
        CHECK(attempts_in_a_second(w) <= 3); /* at most every 500 ms by now */
        CHECK_EQ(g.lacks, 1);                /* one notification */
        CHECK_EQ(g.accepts, from);
        fault_hold(&w->fault, FAULT_ACCEPT, THETIS_OK, 0);
        UNTIL(w, g.accepts == from + 1 + (unsigned)round); /* nothing lost */
    }
    for (int i = 0; i < 3; i++) peer_close(fds[i]);
    close_all(taken, 3);
    gate_close(&g);
}

/* ---- 33 to 36 -------------------------------------------------------------------------------- */

static void row_033_pause_and_resume_lose_nothing(suite *w)
{
    static wire taken[5];
    static gate g;
    int fds[5];
    gate_open(w, &g, taken, 5);
    CHECK_EQ(thetis_listener_pause(&g.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_pause(&g.listener), THETIS_OK);
    for (int i = 0; i < 5; i++) fds[i] = peer_connect(&g.at);
    suite_turns(w, 10);
    CHECK_EQ(g.accepts, 0);
    CHECK_EQ(thetis_listener_resume(&g.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_resume(&g.listener), THETIS_OK);
    UNTIL(w, g.accepts == 5);
    for (int i = 0; i < 5; i++) peer_close(fds[i]);
    close_all(taken, 5);
    gate_close(&g);
}

static void pause_at_first(gate *g, thetis_accepted *a)
{
    wire *x = &g->wires[g->accepts - 1];
    wire_init(g->w, x);
    CHECK_EQ(thetis_tcp_accept(a, &x->tcp), THETIS_OK);
    CHECK_EQ(thetis_tcp_accept(a, &x->tcp), THETIS_EINVAL); /* taken already */
    CHECK_EQ(thetis_listener_pause(&g->listener), THETIS_OK);
}

static void row_033_pause_inside_the_callback(suite *w)
{
    static wire taken[5];
    static gate g;
    int fds[5];
    gate_open(w, &g, taken, 5);
    g.on_accept = pause_at_first;
    for (int i = 0; i < 5; i++) fds[i] = peer_connect(&g.at);
    for (unsigned i = 0; i < 5; i++) {
        UNTIL(w, g.accepts == i + 1);
        suite_turns(w, 5);
        CHECK_EQ(g.accepts, i + 1);
        CHECK_EQ(thetis_listener_resume(&g.listener), THETIS_OK);
    }
    for (int i = 0; i < 5; i++) peer_close(fds[i]);
    close_all(taken, 5);
    gate_close(&g);
}

static void close_listener(gate *g, thetis_accepted *a)
{
    (void)a; /* not taken: the connection is closed */
    gate_shut(g);
    CHECK_EQ(thetis_listener_close(&g->listener, gate_on_closed), THETIS_EBUSY);
}

static void row_034_close_inside_the_accept_callback(suite *w)
{
    static gate g;
    int fds[3];
    gate_open(w, &g, NULL, 0);
    g.on_accept = close_listener;
    for (int i = 0; i < 3; i++) fds[i] = peer_connect(&g.at);
    UNTIL(w, g.closes == 1);
    CHECK_EQ(g.accepts, 1);
    for (int i = 0; i < 3; i++) {
        peer_state state = peer_look(fds[i]); /* asking for the reset clears it */
        CHECK(state == PEER_EOF || state == PEER_RESET);
        peer_close(fds[i]);
    }
}

static void row_035_no_accept_after_close(suite *w)
{
    static gate g;
    for (int i = 0; i < 20; i++) {
        gate_open(w, &g, NULL, 0);
        int fd = peer_connect(&g.at);
        suite_turns(w, i % 3);
        unsigned before = g.accepts;
        gate_shut(&g);
        UNTIL(w, g.closes == 1);
        CHECK_EQ(g.accepts, before);
        suite_turns(w, 2);
        CHECK(peer_look(fd) != PEER_QUIET); /* not a connection that hangs in the air */
        peer_close(fd);
    }
}

static void shut_the_gate(wire *x, const thetis_recv *r)
{
    gate *g = x->user;
    if (r->status == THETIS_OK && !g->shut) gate_shut(g);
}

/* The stream's event comes before the listener's in one batch. */
static void row_035_closed_by_another_handle_of_the_batch(suite *w)
{
    static gate g;
    static wire x;
    for (uint64_t k = 0; k < 20; k++) {
        int fd = wire_pair(w, &x);
        x.on_recv = shut_the_gate;
        x.user = &g;
        wire_recv(&x);
        gate_open(w, &g, NULL, 0);
        suite_turns(w, 2);
        peer_send(fd, 0, 1);
        int second = peer_connect(&g.at);
        UNTIL(w, g.closes == 1);
        wire_close(&x);
        peer_close(fd);
        peer_close(second);
    }
}

static void take_and_close(gate *g, thetis_accepted *a)
{
    wire *x = &g->wires[g->accepts - 1];
    wire_init(g->w, x);
    CHECK_EQ(thetis_tcp_accept(a, &x->tcp), THETIS_OK);
    wire_shut(x);
}

static void row_036_accepted_stream_closed_inside_the_callback(suite *w)
{
    static wire taken[3];
    static gate g;
    int fds[3];
    gate_open(w, &g, taken, 3);
    g.on_accept = take_and_close;
    for (int i = 0; i < 3; i++) fds[i] = peer_connect(&g.at);
    UNTIL(w, g.accepts == 3 && taken[0].closes && taken[1].closes && taken[2].closes);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(peer_look(fds[i]), PEER_EOF);
        peer_close(fds[i]);
    }
    gate_close(&g);
}

static void row_036_a_connection_not_taken_is_closed(suite *w)
{
    static gate g;
    gate_open(w, &g, NULL, 0);
    int fd = peer_connect(&g.at);
    UNTIL(w, g.accepts == 1);
    suite_turn(w);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
    gate_close(&g);
}

/* ---- 37, 38 ---------------------------------------------------------------------------------- */

typedef struct flood {
    thetis_timer timer; /* first */
    gate *g;
    unsigned ticks, most, last;
} flood;

/* Once a turn: how many were accepted since the last turn. */
static void on_flood_tick(thetis_timer *timer)
{
    flood *f = (flood *)timer;
    unsigned taken = f->g->accepts - f->last;
    if (taken > f->most) f->most = taken;
    f->last = f->g->accepts;
    f->ticks++;
    CHECK_EQ(thetis_timer_start(&f->timer, 0, 0), THETIS_OK);
}

static void row_037_a_flood_of_connections_leaves_timers_their_turn(suite *w)
{
    enum { FLOOD = 200 };
    static gate g;
    int fds[FLOOD];
    flood f = {.g = &g};
    gate_open(w, &g, NULL, 0);
    for (int i = 0; i < FLOOD; i++) fds[i] = peer_connect(&g.at);
    thetis_timer_init(w->loop, &f.timer, on_flood_tick);
    CHECK_EQ(thetis_timer_start(&f.timer, 0, 0), THETIS_OK);
    unsigned turns = 0;
    for (; g.accepts < FLOOD; turns++) {
        CHECK(turns < SUITE_TURNS);
        suite_turn(w);
        CHECK_EQ(f.ticks, turns + 1); /* one in every turn */
    }
    CHECK(f.most >= 2); /* they do come in batches */
    if (f.most > 16) FAIL("%u accepted in one turn", f.most);
    CHECK_EQ(thetis_timer_stop(&f.timer), THETIS_OK);
    for (int i = 0; i < FLOOD; i++) peer_close(fds[i]);
    gate_close(&g);
}

static void peer_address(suite *w, const char *at)
{
    static wire taken;
    static gate g;
    thetis_addr named;
    gate_open_at(w, &g, at, &taken, 1);
    int fd = peer_connect(&g.at);
    UNTIL(w, g.accepts == 1);
    CHECK_EQ(g.peers[0].family, g.at.family);
    CHECK_EQ(g.peers[0].port, peer_port(fd));
    CHECK_EQ(memcmp(g.peers[0].u.v6, g.at.u.v6, g.at.family == THETIS_ADDR_V4 ? 4 : 16), 0);
    CHECK_EQ(thetis_tcp_addr(&taken.tcp, NULL, &named), THETIS_OK);
    CHECK(thetis_addr_equal(&named, &g.peers[0]));
    wire_close(&taken);
    gate_close(&g);
    peer_close(fd);
}

static void row_038_peer_address_v4(suite *w)
{
    peer_address(w, "127.0.0.1:0");
}

static void row_038_peer_address_v6(suite *w)
{
    peer_address(w, "[::1]:0");
}

#define CONFORM_GROUP_C
#include "conform/rows.h"
