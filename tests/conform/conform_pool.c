/* SPDX-License-Identifier: MIT
 *
 * conform_pool.c: rows 49 to 52 and 58 to 60 of group D: receive buffers, readiness, fairness.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conform/suite.h"

enum { KEPT_MAX = 64, PIECE = 512 };

/* The buffers a row has kept, oldest first. */
static uint32_t kept[KEPT_MAX];
static unsigned kept_count;

static void keep_it(wire *x, const thetis_recv *r)
{
    if (r->status != THETIS_OK) return;
    CHECK(kept_count < KEPT_MAX);
    kept[kept_count++] = thetis_tcp_keep(&x->tcp, r);
    CHECK_EQ(suite_stat(x->w).buffers, kept_count);
}

static void release(suite *w, unsigned at)
{
    thetis_loop_release(w->loop, kept[at]);
    kept[at] = kept[--kept_count];
}

static void release_all(suite *w)
{
    while (kept_count) release(w, 0);
}

/* A loop whose buffers are so small that each piece of the peer's needs one. */
static void small_pool(suite *w, uint32_t buffers)
{
    suite_reopen(w, (thetis_loop_cfg){.buffers = buffers, .buffer_size = PIECE});
    suite_bulk(w, PIECE);
}

/* ---- 49 -------------------------------------------------------------------------------------- */

static void row_049_the_cap_of_kept_buffers(suite *w)
{
    static wire x;
    small_pool(w, KEPT_MAX);
    int fd = wire_pair(w, &x);
    x.on_recv = keep_it;
    wire_recv(&x);
    peer_send(fd, 0, 100 * PIECE);
    UNTIL(w, x.recvs == THETIS_TCP_KEEP_MAX);
    suite_turns(w, 10);
    CHECK_EQ(x.recvs, THETIS_TCP_KEEP_MAX);
    for (unsigned i = 1; i <= 20; i++) {
        release(w, (unsigned)suite_rand(w, kept_count));
        UNTIL(w, x.recvs == THETIS_TCP_KEEP_MAX + i);
        suite_turns(w, 3);
        CHECK_EQ(x.recvs, THETIS_TCP_KEEP_MAX + i); /* exactly one more */
    }
    x.on_recv = NULL;
    release_all(w);
    UNTIL(w, x.got == 100 * PIECE);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 50, 51 ---------------------------------------------------------------------------------- */

static void row_050_one_streams_hunger_does_not_deafen_another(suite *w)
{
    static wire a, b;
    small_pool(w, 4);
    int fd_a = wire_pair(w, &a);
    int fd_b = wire_pair(w, &b);
    a.on_recv = keep_it;
    wire_recv(&a);
    wire_recv(&b);
    peer_send(fd_a, 0, 20 * PIECE);
    UNTIL(w, a.recvs == 4); /* the pool is empty */
    peer_send(fd_b, 0, PIECE);
    suite_turns(w, 10);
    CHECK_EQ(a.recvs, 4);
    CHECK_EQ(b.recvs, 0);
    release(w, 0);
    release(w, 0);
    UNTIL(w, b.recvs >= 1); /* the other one keeps what it gets */
    a.on_recv = NULL;
    release_all(w);
    UNTIL(w, a.got == 20 * PIECE && b.got == PIECE);
    wire_close(&a);
    wire_close(&b);
    peer_close(fd_a);
    peer_close(fd_b);
}

/* Two that wait, for different things: neither takes the other along, neither is forgotten. */
static void row_050_waiting_for_a_buffer_and_for_a_retry(suite *w)
{
    static wire x, taken;
    static gate g;
    small_pool(w, 1);
    fault_clock_start(&w->fault, thetis_loop_now(w->loop) + 1);
    int fd = wire_pair(w, &x);
    gate_open(w, &g, &taken, 1);
    x.on_recv = keep_it;
    wire_recv(&x);
    peer_send(fd, 0, 2 * PIECE);
    UNTIL(w, x.recvs == 1);
    fault_hold(&w->fault, FAULT_ACCEPT, THETIS_EMFILE, EMFILE);
    int second = peer_connect(&g.at);
    UNTIL(w, g.lacks == 1);
    release_all(w);
    UNTIL(w, x.recvs == 2);
    CHECK_EQ(g.accepts, 0);
    fault_hold(&w->fault, FAULT_ACCEPT, THETIS_OK, 0);
    UNTIL(w, g.accepts == 1);
    release_all(w);
    wire_close(&x);
    wire_close(&taken);
    gate_close(&g);
    peer_close(fd);
    peer_close(second);
}

static void row_051_an_empty_pool_costs_nothing(suite *w)
{
    static wire a, b;
    small_pool(w, 4);
    int fd_a = wire_pair(w, &a);
    int fd_b = wire_pair(w, &b);
    a.on_recv = keep_it;
    wire_recv(&a);
    wire_recv(&b);
    peer_send(fd_a, 0, 20 * PIECE);
    UNTIL(w, a.recvs == 4);
    peer_send(fd_b, 0, PIECE);
    suite_turns(w, 3);
    uint64_t recvs = fault_calls(&w->fault, FAULT_RECV);
    uint64_t sets = fault_calls(&w->fault, FAULT_EPOLL_SET);
    uint64_t events = suite_stat(w).events;
    uint64_t sleeps = suite_stat(w).sleeps;
    suite_turns(w, 50);
    CHECK_EQ(fault_calls(&w->fault, FAULT_RECV), recvs);
    CHECK_EQ(fault_calls(&w->fault, FAULT_EPOLL_SET), sets);
    CHECK_EQ(suite_stat(w).events, events);
    CHECK_EQ(suite_stat(w).sleeps, sleeps + 50);
    a.on_recv = NULL;
    release_all(w);
    UNTIL(w, a.got == 20 * PIECE && b.got == PIECE);
    wire_close(&a);
    wire_close(&b);
    peer_close(fd_a);
    peer_close(fd_b);
}

/* ---- 52 -------------------------------------------------------------------------------------- */

static const unsigned char *kept_data[3];

static void keep_data(wire *x, const thetis_recv *r)
{
    if (r->status != THETIS_OK || kept_count == 3) return;
    kept_data[kept_count] = r->data;
    keep_it(x, r);
    if (kept_count == 3) CHECK_EQ(thetis_tcp_pause(&x->tcp), THETIS_OK);
}

static void row_052_kept_buffers_in_any_order_and_after_close(suite *w)
{
    static wire x;
    uint32_t numbers[3];
    int fd = wire_pair(w, &x);
    suite_bulk(w, 0);
    x.on_recv = keep_data;
    wire_recv(&x);
    for (unsigned i = 0; i < 3; i++) {
        peer_send(fd, 100 * i, 100);
        UNTIL(w, kept_count == i + 1);
    }
    memcpy(numbers, kept, sizeof numbers);
    for (unsigned i = 0; i < 3; i++) suite_verify(kept_data[i], 100 * i, 100);
    thetis_loop_release(w->loop, numbers[1]);
    suite_turns(w, 2);
    CHECK_EQ(suite_stat(w).buffers, 2);
    wire_close(&x);
    CHECK_EQ(suite_stat(w).buffers, 2);
    suite_verify(kept_data[0], 0, 100); /* still ours after the stream is gone */
    suite_verify(kept_data[2], 200, 100);
    thetis_loop_release(w->loop, numbers[2]);
    thetis_loop_release(w->loop, numbers[0]);
    CHECK_EQ(suite_stat(w).buffers, 0);
    kept_count = 0;
    peer_close(fd);
}

/* The slot of a closed stream is reused while its buffers are out: the new one must not inherit
 * them, and giving them back must not be credited to it. */
static void row_052_buffers_of_a_closed_stream_are_not_its_heirs(suite *w)
{
    static wire x, heir;
    small_pool(w, KEPT_MAX);
    int fd = wire_pair(w, &x);
    x.on_recv = keep_it;
    wire_recv(&x);
    peer_send(fd, 0, 10 * PIECE);
    UNTIL(w, x.recvs >= 10);
    unsigned old = kept_count;
    wire_close(&x);
    peer_close(fd);
    fd = wire_pair(w, &heir);
    heir.on_recv = keep_it;
    wire_recv(&heir);
    for (unsigned i = 0; i < old; i++) thetis_loop_release(w->loop, kept[i]);
    memmove(kept, kept + old, sizeof kept - old * sizeof kept[0]);
    kept_count -= old;
    peer_send(fd, 0, 100 * PIECE);
    UNTIL(w, heir.recvs == THETIS_TCP_KEEP_MAX);
    suite_turns(w, 5);
    CHECK_EQ(heir.recvs, THETIS_TCP_KEEP_MAX);
    wire_abort(&heir);
    release_all(w);
    peer_close(fd);
}

/* A stream that waits for a buffer is closed: its place must come back, not wait on. */
static void row_052_a_stream_closed_while_it_waits_for_a_buffer(suite *w)
{
    static wire keeper, starved;
    suite_reopen(w, (thetis_loop_cfg){.max_handles = 2, .buffers = 1, .buffer_size = PIECE});
    int fd = wire_pair(w, &keeper);
    keeper.on_recv = keep_it;
    wire_recv(&keeper);
    peer_send(fd, 0, 1);
    UNTIL(w, kept_count == 1);
    for (int i = 0; i < 5; i++) {
        int other = wire_pair(w, &starved); /* fails if the last one's place is gone */
        wire_recv(&starved);
        peer_send(other, 0, 1);
        suite_turns(w, 5);
        CHECK_EQ(starved.recvs, 0);
        wire_close(&starved);
        suite_turns(w, 2);
        peer_close(other);
    }
    release_all(w);
    wire_close(&keeper);
    peer_close(fd);
}

/* ---- 58, 59 ---------------------------------------------------------------------------------- */

static void row_058_spurious_readiness_is_not_seen(suite *w)
{
    static wire x, taken;
    static gate g;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    gate_open(w, &g, &taken, 1);
    suite_turns(w, 3);
    w->fault.spurious = w->fault.duplicate = 1000;
    unsigned before = w->callbacks;
    uint64_t injected = w->fault.injected;
    suite_turns(w, 200);
    if (!suite_has_operations(w)) CHECK(w->fault.injected >= injected + 200);
    CHECK_EQ(w->callbacks, before);
    peer_send(fd, 0, 10);
    UNTIL(w, x.got == 10);
    wire_close(&x);
    gate_close(&g);
    peer_close(fd);
}

static void row_059_an_event_that_got_lost_comes_again(suite *w)
{
    static wire x;
    static post p;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    for (uint64_t k = 0; k < 2000; k += 100) {
        w->fault.suppress = 1 + (unsigned)suite_rand(w, 3);
        peer_send(fd, k, 100);
        UNTIL(w, x.got == k + 100);
    }
    w->fault.suppress = 2;
    CHECK_EQ(post_send(&x, &p, "x", 1), THETIS_OK);
    UNTIL(w, p.done == 1);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 60 -------------------------------------------------------------------------------------- */

enum { PINGS = 99, ROUNDS = 20 };

static wire pings[PINGS], hose;
static post pongs[PINGS];
static int ping_fds[PINGS];
static unsigned rounds_done[PINGS];

static void answer(wire *x, const thetis_recv *r)
{
    post *p = x->user;
    if (r->status == THETIS_OK) CHECK_EQ(post_send(x, p, "!", 1), THETIS_OK);
}

/* Writes without end and without waiting. */
static void gush(int fd)
{
    static const char block[65536];
    while (peer_put(fd, block, sizeof block) > 0) continue;
}

/* One side of every ping-pong: takes the answer, sends the next. 1 when all have ended. */
static int ping_all(void)
{
    int all = 1;
    for (int i = 0; i < PINGS; i++) {
        char byte;
        if (rounds_done[i] == ROUNDS) continue;
        all = 0;
        if (peer_get(ping_fds[i], &byte, 1).n != 1) continue;
        if (++rounds_done[i] < ROUNDS) peer_send(ping_fds[i], rounds_done[i], 1);
    }
    return all;
}

/* Turns that ROUNDS of all ping-pongs take. */
static unsigned turns_of_pings(suite *w, int hose_fd)
{
    unsigned turns = 0;
    for (int i = 0; i < PINGS; i++) {
        rounds_done[i] = 0;
        pings[i].got = 0;
        peer_send(ping_fds[i], 0, 1);
    }
    for (; !ping_all(); turns++) {
        CHECK(turns < SUITE_TURNS);
        if (hose_fd >= 0) gush(hose_fd);
        the_world->settle(); /* turns are counted, not the time that packets take */
        suite_turn(w);
    }
    return turns;
}

static void row_060_a_firehose_and_ping_pongs(suite *w)
{
    for (int i = 0; i < PINGS; i++) {
        ping_fds[i] = wire_pair(w, &pings[i]);
        pings[i].on_recv = answer;
        pings[i].user = &pongs[i];
        wire_recv(&pings[i]);
    }
    int hose_fd = wire_pair(w, &hose);
    suite_bulk(w, 65536);
    hose.unverified = 1;
    wire_recv(&hose);
    unsigned solo = turns_of_pings(w, -1);
    unsigned crowded = turns_of_pings(w, hose_fd);
    CHECK(hose.got > 100000);
    if (crowded > 2 * solo) FAIL("%u turns alone, %u beside a firehose", solo, crowded);
    for (int i = 0; i < PINGS; i++) {
        wire_close(&pings[i]);
        peer_close(ping_fds[i]);
    }
    wire_abort(&hose);
    peer_close(hose_fd);
}

#define CONFORM_GROUP_POOL
#include "conform/rows.h"
