/* SPDX-License-Identifier: MIT
 *
 * conform_send.c: rows of group E: sending.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conform/suite.h"

enum { MIB = 1 << 20, DELAYED_ACK_MS = 50 };

/* A pair whose peer has the smallest buffers, so that sends block early. */
static int tight_pair(suite *w, wire *x)
{
    int fd = wire_pair(w, x);
    peer_small(fd);
    suite_bulk(w, 65536);
    return fd;
}

static unsigned char *filled(size_t n)
{
    unsigned char *data = malloc(n);
    CHECK(data != NULL);
    suite_fill(data, 0, n);
    return data;
}

/* Queues so much that the stack cannot take it all, and turns until it takes no more, also after
 * the time that an acknowledgment may be delayed. */
static void block(suite *w, wire *x, post *p, const unsigned char *data, size_t n)
{
    size_t before = 0;
    CHECK_EQ(post_send(x, p, data, n), THETIS_OK);
    for (int left = SUITE_TURNS; before != thetis_tcp_queued(&x->tcp); left--) {
        CHECK(left > 0);
        before = thetis_tcp_queued(&x->tcp);
        (void)poll(NULL, 0, DELAYED_ACK_MS);
        suite_turns(w, 20);
    }
    CHECK_EQ(p->done, 0);
    CHECK(before > 0);
}

/* ---- 61, 62, 63, 64 -------------------------------------------------------------------------- */

static void row_061_partial_writes_are_put_together(suite *w)
{
    static wire x;
    static post p;
    unsigned char *data = filled(8 * MIB);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    block(w, &x, &p, data, 8 * MIB);
    peer_drain(w, fd, &k, 8 * MIB);
    UNTIL(w, p.done == 1);
    CHECK_EQ(p.send.status, THETIS_OK);
    CHECK_EQ(p.send.sent, 8 * MIB);
    CHECK_EQ(thetis_tcp_queued(&x.tcp), 0);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_062_more_pieces_than_one_call_takes(suite *w)
{
    enum { PIECES = 3000 };
    static wire x;
    static post p, after;
    static thetis_iov iov[PIECES];
    unsigned char *data = filled(8 * PIECES + 8);
    uint64_t k = 0;
    size_t total = 0;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 512);
    CHECK(thetis_loop_cap(w->loop, THETIS_CAP_MAX_IOV).number < PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        iov[i] = (thetis_iov){data + total, (size_t)suite_rand(w, 8)}; /* some are empty */
        total += iov[i].len;
    }
    CHECK_EQ(post_send_v(&x, &p, iov, PIECES), THETIS_OK);
    CHECK_EQ(post_send(&x, &after, data + total, 8), THETIS_OK);
    peer_drain(w, fd, &k, total + 8);
    UNTIL(w, after.done == 1);
    CHECK_EQ(p.send.sent, total);
    CHECK(p.stamp < after.stamp);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_063_completions_in_the_order_of_submission(suite *w)
{
    enum { POSTS = 200 };
    static wire x;
    static post posts[POSTS];
    unsigned char *data = filled(POSTS * 100);
    uint64_t k = 0;
    size_t at = 0;
    int fd = tight_pair(w, &x);
    for (size_t i = 0; i < POSTS; i++) {
        size_t n = (size_t)suite_rand(w, 100);
        CHECK_EQ(post_send(&x, &posts[i], data + at, n), THETIS_OK);
        at += n;
        if (suite_rand(w, 8) == 0) suite_turn(w);
    }
    peer_drain(w, fd, &k, at);
    UNTIL(w, posts[POSTS - 1].done == 1);
    for (size_t i = 1; i < POSTS; i++) CHECK(posts[i - 1].stamp < posts[i].stamp);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_063_sends_of_one_turn_share_a_call(suite *w)
{
    static wire x;
    static post posts[10];
    unsigned char *data = filled(100);
    int fd = wire_pair(w, &x);
    suite_turns(w, 3);
    uint64_t sends = fault_calls(&w->fault, FAULT_SEND);
    for (size_t i = 0; i < 10; i++)
        CHECK_EQ(post_send(&x, &posts[i], data + 10 * i, 10), THETIS_OK);
    UNTIL(w, posts[9].done == 1);
    CHECK_EQ(fault_calls(&w->fault, FAULT_SEND) - sends, 1);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_064_a_send_of_no_bytes(suite *w)
{
    static wire x;
    static post posts[3];
    uint64_t k = 0;
    thetis_iov none = {NULL, 0};
    int fd = wire_pair(w, &x);
    CHECK_EQ(post_send(&x, &posts[0], NULL, 0), THETIS_OK);
    CHECK_EQ(post_send_v(&x, &posts[1], &none, 1), THETIS_OK);
    CHECK_EQ(post_send_v(&x, &posts[2], NULL, 0), THETIS_OK);
    CHECK_EQ(posts[0].done, 0);
    UNTIL(w, posts[2].done == 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(posts[i].done, 1);
        CHECK_EQ(posts[i].send.status, THETIS_OK);
        CHECK_EQ(posts[i].send.sent, 0);
    }
    CHECK_EQ(peer_take(fd, &k, 10), 0);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 65, 66 ---------------------------------------------------------------------------------- */

/* Sends to a peer that is gone until that shows. */
static void send_until_it_fails(suite *w, wire *x)
{
    static post p;
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(post_send(x, &p, "abc", 3), THETIS_OK);
        UNTIL(w, p.done == 1);
        if (p.send.status != THETIS_OK) break;
        the_world->settle();
    }
    CHECK_EQ(p.send.status, THETIS_ERESET);
    CHECK(p.send.os != 0);
}

static void row_065_a_closed_peer_is_a_reset_not_a_signal(suite *w)
{
    static wire x;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR); /* it would kill this process */
    int fd = wire_pair(w, &x);
    peer_close(fd);
    send_until_it_fails(w, &x);
    size_t sent;
    CHECK_EQ(thetis_tcp_send_try(&x.tcp, "abc", 3, &sent), THETIS_ERESET);
    CHECK_EQ(sent, 0);
    wire_close(&x);
    fd = wire_pair(w, &x);
    peer_reset(fd);
    send_until_it_fails(w, &x);
    wire_close(&x);
}

static void row_066_all_queued_sends_fail_alike_in_order(suite *w)
{
    static wire x;
    static post posts[6];
    unsigned char *data = filled(8 * MIB);
    int fd = tight_pair(w, &x);
    block(w, &x, &posts[0], data, 8 * MIB);
    for (int i = 1; i < 5; i++) CHECK_EQ(post_send(&x, &posts[i], data, 10), THETIS_OK);
    CHECK_EQ(post_shutdown(&x, &posts[5]), THETIS_OK);
    peer_reset(fd);
    UNTIL(w, posts[5].done == 1);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(posts[i].send.status, THETIS_ERESET);
        if (i > 0) CHECK(posts[i - 1].stamp < posts[i].stamp);
        if (i > 0) CHECK_EQ(posts[i].send.sent, 0);
    }
    CHECK(posts[0].send.sent < 8 * MIB);
    CHECK_EQ(thetis_tcp_queued(&x.tcp), 0);
    wire_close(&x);
    free(data);
}

static void row_066_the_class_of_the_first_error(suite *w)
{
    static wire x;
    static post posts[3];
    int fd = wire_pair(w, &x);
    fault_fail(&w->fault, FAULT_SEND, 1, THETIS_ETIMEDOUT, ETIMEDOUT);
    for (int i = 0; i < 3; i++) CHECK_EQ(post_send(&x, &posts[i], "abc", 3), THETIS_OK);
    UNTIL(w, posts[2].done == 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(posts[i].send.status, THETIS_ETIMEDOUT);
        CHECK_EQ(posts[i].send.os, ETIMEDOUT);
    }
    CHECK_EQ(post_send(&x, &posts[0], "abc", 3), THETIS_OK); /* old faults, too, go to done */
    UNTIL(w, posts[0].done == 1);
    CHECK_EQ(posts[0].send.status, THETIS_ETIMEDOUT);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 67 -------------------------------------------------------------------------------------- */

typedef struct mark {
    unsigned full, free;
    size_t queued; /* at the last edge */
} mark;

static void note_mark(wire *x, int full)
{
    mark *m = x->user;
    m->full += full == 1;
    m->free += full == 0;
    m->queued = thetis_tcp_queued(&x->tcp);
    CHECK(m->full - m->free == (unsigned)full); /* edges alternate */
}

static void row_067_marks_at_the_edges(suite *w)
{
    static wire x;
    static post first, more[2];
    mark m = {0};
    unsigned char *data = filled(8 * MIB);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    x.user = &m;
    x.on_mark = note_mark;
    CHECK_EQ(thetis_tcp_set_marks(&x.tcp, 10, 10, wire_on_mark), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_set_marks(&x.tcp, 0, 0, wire_on_mark), THETIS_EINVAL);
    suite_bulk(w, 0); /* a short count would leave room, for the next send to find */
    block(w, &x, &first, data, 8 * MIB);
    size_t queued = thetis_tcp_queued(&x.tcp);
    CHECK_EQ(thetis_tcp_set_marks(&x.tcp, (uint32_t)queued + 100, 1000, wire_on_mark), THETIS_OK);
    CHECK_EQ(post_send(&x, &more[0], data, 99), THETIS_OK);
    suite_turns(w, 5);
    CHECK_EQ(m.full, 0); /* one byte short of high */
    CHECK_EQ(post_send(&x, &more[1], data + 99, 1), THETIS_OK);
    UNTIL(w, m.full == 1);
    suite_bulk(w, 65536);
    peer_drain(w, fd, &k, 8 * MIB);
    k = 0; /* the two small ones repeat the beginning */
    peer_drain(w, fd, &k, 100);
    UNTIL(w, m.free == 1);
    CHECK(m.queued <= 1000);
    CHECK_EQ(m.full, 1);
    CHECK_EQ(m.free, 1);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

/* ---- 68, 69 ---------------------------------------------------------------------------------- */

static void row_068_cancel_of_a_send_not_begun(suite *w)
{
    static wire x;
    static post first, second, third;
    unsigned char *data = filled(8 * MIB + 20);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    block(w, &x, &first, data, 8 * MIB);
    CHECK_EQ(post_send(&x, &second, "never sent", 10), THETIS_OK);
    CHECK_EQ(post_send(&x, &third, data + 8 * MIB, 20), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &second.send), THETIS_OK);
    CHECK_EQ(second.done, 0);
    peer_drain(w, fd, &k, 8 * MIB + 20);
    UNTIL(w, third.done == 1);
    CHECK_EQ(second.done, 1);
    CHECK_EQ(second.send.status, THETIS_ECANCELED);
    CHECK_EQ(second.send.sent, 0);
    CHECK_EQ(third.send.status, THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &third.send), THETIS_ABSENT);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_068_cancel_of_a_send_half_done_breaks_the_stream(suite *w)
{
    static wire x;
    static post first, second, late;
    unsigned char *data = filled(8 * MIB);
    int fd = tight_pair(w, &x);
    block(w, &x, &first, data, 8 * MIB);
    CHECK_EQ(post_send(&x, &second, data, 10), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &first.send), THETIS_OK);
    UNTIL(w, first.done == 1 && second.done == 1);
    CHECK_EQ(first.send.status, THETIS_ECANCELED);
    CHECK(first.send.sent > 0 && first.send.sent < 8 * MIB);
    CHECK_EQ(second.send.status, THETIS_ECANCELED);
    CHECK_EQ(second.send.sent, 0);
    CHECK_EQ(post_send(&x, &late, data, 10), THETIS_OK);
    UNTIL(w, late.done == 1);
    CHECK_EQ(late.send.status, THETIS_ECANCELED);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_069_close_flushes(suite *w)
{
    static wire x;
    static post p;
    unsigned char *data = filled(2 * MIB);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    CHECK_EQ(post_send(&x, &p, data, 2 * MIB), THETIS_OK);
    wire_shut(&x);
    size_t sent = 1;
    CHECK_EQ(post_send(&x, &(post){0}, data, 1), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_send_try(&x.tcp, data, 1, &sent), THETIS_EBUSY);
    peer_drain(w, fd, &k, 2 * MIB);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(p.send.status, THETIS_OK);
    CHECK_EQ(p.send.sent, 2 * MIB);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
    free(data);
}

static void row_069_abort_resets(suite *w)
{
    static wire x;
    static post p;
    unsigned char *data = filled(8 * MIB);
    suite_need(w, THETIS_CAP_ABORT);
    int fd = tight_pair(w, &x);
    block(w, &x, &p, data, 8 * MIB);
    wire_recv(&x);
    wire_shut(&x);
    suite_turns(w, 10);
    CHECK_EQ(x.closes, 0); /* the peer does not read */
    CHECK_EQ(thetis_tcp_abort(&x.tcp, NULL), THETIS_OK);
    UNTIL(w, x.closes == 1); /* the callback that close() was given */
    CHECK_EQ(p.send.status, THETIS_ECANCELED);
    CHECK_EQ(x.end, THETIS_ECANCELED);
    uint64_t k = 0;
    peer_state state = peer_look(fd);
    for (; state == PEER_DATA; state = peer_look(fd)) (void)peer_take(fd, &k, 65536);
    CHECK_EQ(state, PEER_RESET);
    peer_close(fd);
    free(data);
}

/* ---- 70, 71 ---------------------------------------------------------------------------------- */

static size_t again_left;
static uintptr_t again_low, again_high;

static void send_again(post *p)
{
    volatile char here = 0;
    uintptr_t at = (uintptr_t)&here;
    if (again_low == 0 || at < again_low) again_low = at;
    if (at > again_high) again_high = at;
    CHECK_EQ(p->send.status, THETIS_OK);
    if (--again_left == 0) return;
    p->done = 0;
    CHECK_EQ(thetis_tcp_send(&p->x->tcp, &p->send, "\0", 1, post_on_done), THETIS_OK);
}

static void row_070_a_million_sends_from_their_callbacks(suite *w)
{
    static wire x;
    static post p;
    char sink[65536];
    int fd = wire_pair(w, &x);
    p.on_done = send_again;
    again_left = test_scale(1000000);
    CHECK_EQ(post_send(&x, &p, "\0", 1), THETIS_OK);
    for (size_t quiet = 0; again_left > 0;) {
        size_t before = again_left;
        suite_turn(w);
        (void)peer_get(fd, sink, sizeof sink);
        quiet = again_left == before ? quiet + 1 : 0;
        CHECK(quiet < SUITE_TURNS);
    }
    CHECK_EQ(again_high - again_low, 0);
    wire_abort(&x);
    peer_close(fd);
}

static unsigned char reused[100];

static void reuse_memory(post *p)
{
    size_t *k = p->x->user;
    memset(p, 0xA5, offsetof(post, x));
    *k += sizeof reused;
    if (*k == 50 * sizeof reused) return;
    suite_fill(reused, *k, sizeof reused);
    CHECK_EQ(post_send(p->x, p, reused, sizeof reused), THETIS_OK);
}

static void row_071_memory_is_reused_in_the_callback(suite *w)
{
    static wire x;
    static post p;
    uint64_t got = 0;
    size_t k = 0;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 512);
    x.user = &k;
    p.on_done = reuse_memory;
    suite_fill(reused, 0, sizeof reused);
    CHECK_EQ(post_send(&x, &p, reused, sizeof reused), THETIS_OK);
    peer_drain(w, fd, &got, 50 * sizeof reused);
    UNTIL(w, k == 50 * sizeof reused);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 73, 74, 75 ------------------------------------------------------------------------------ */

static void row_073_a_blocked_writer_wakes_when_the_reader_drains(suite *w)
{
    static wire x;
    static post p;
    unsigned char *data = filled(8 * MIB);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    block(w, &x, &p, data, 8 * MIB);
    while (k < 8 * MIB) { /* by turns nothing and a little */
        uint64_t before = k;
        suite_turns(w, (int)suite_rand(w, 3));
        UNTIL(w, (peer_take(fd, &k, 1 + (size_t)suite_rand(w, 65536)), k > before));
    }
    UNTIL(w, p.done == 1);
    wire_close(&x);
    peer_close(fd);
    free(data);
}

static void row_074_a_lack_of_buffers_passes(suite *w)
{
    static const struct {
        thetis_status status;
        int os;
    } lacks[] = {{THETIS_ENOBUFS, ENOBUFS}, {THETIS_ENOMEM, ENOMEM}};
    static wire x;
    static post p;
    unsigned char data[300];
    uint64_t k = 0;
    int fd = wire_pair(w, &x);
    suite_fill(data, 0, sizeof data);
    fault_clock_start(&w->fault, thetis_loop_now(w->loop) + 1);
    for (size_t i = 0; i < 2; i++) {
        uint64_t sends = fault_calls(&w->fault, FAULT_SEND);
        uint64_t end = w->fault.clock + 1000000000u;
        fault_hold(&w->fault, FAULT_SEND, lacks[i].status, lacks[i].os);
        CHECK_EQ(post_send(&x, &p, data + 100 * i, 100), THETIS_OK);
        for (int turns = 0; w->fault.clock < end; turns++) {
            CHECK(turns < 5000); /* no spin */
            suite_turn(w);
        }
        CHECK(fault_calls(&w->fault, FAULT_SEND) - sends < 100);
        CHECK(fault_calls(&w->fault, FAULT_SEND) - sends >= 2);
        CHECK_EQ(p.done, 0);
        fault_hold(&w->fault, FAULT_SEND, THETIS_OK, 0);
        UNTIL(w, p.done == 1);
        CHECK_EQ(p.send.status, THETIS_OK);
        peer_drain(w, fd, &k, 100 * (i + 1));
    }
    wire_close(&x);
    peer_close(fd);
}

static void row_075_full_duplex_through_tiny_buffers(suite *w)
{
    static wire ours, theirs;
    static gate g;
    static post a, b;
    unsigned char *data = filled(MIB);
    suite_reopen(w, (thetis_loop_cfg){.buffers = 2, .buffer_size = 1024});
    suite_bulk(w, 65536);
    gate_open(w, &g, &theirs, 1);
    wire_init(w, &ours);
    wire_connect(w, &ours, &g.at);
    UNTIL(w, g.accepts == 1 && ours.connects == 1);
    peer_small(ours.tcp.handle_.fd_);
    peer_small(theirs.tcp.handle_.fd_);
    wire_recv(&ours);
    wire_recv(&theirs);
    CHECK_EQ(post_send(&ours, &a, data, MIB), THETIS_OK);
    CHECK_EQ(post_send(&theirs, &b, data, MIB), THETIS_OK);
    UNTIL(w, ours.got == MIB && theirs.got == MIB && a.done && b.done);
    wire_close(&ours);
    wire_close(&theirs);
    gate_close(&g);
    free(data);
}

static void row_075b_long_sends_to_a_slow_reader(suite *w)
{
    static wire x;
    static post posts[4];
    unsigned char *data = filled(12 * MIB);
    uint64_t k = 0;
    int fd = tight_pair(w, &x);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(post_send(&x, &posts[i], data + 3 * MIB * i, 3 * MIB), THETIS_OK);
    peer_drain(w, fd, &k, 12 * MIB);
    UNTIL(w, posts[3].done == 1);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(posts[i].send.status, THETIS_OK);
        CHECK_EQ(posts[i].send.sent, 3 * MIB);
    }
    wire_close(&x);
    peer_close(fd);
    free(data);
}

/* A peer that never reads: memory stays bounded by the marks, nothing spins, abort ends it. */
static void row_067_a_peer_that_never_reads(suite *w)
{
    enum { POSTS = 64 };
    static wire x;
    static post posts[POSTS];
    mark m = {0};
    unsigned char *data = filled(MIB);
    size_t used = 0;
    int fd = tight_pair(w, &x);
    x.user = &m;
    x.on_mark = note_mark;
    CHECK_EQ(thetis_tcp_set_marks(&x.tcp, 4 * MIB, MIB, wire_on_mark), THETIS_OK);
    while (m.full == 0) { /* what a program does that heeds the marks */
        CHECK(used < POSTS);
        CHECK_EQ(post_send(&x, &posts[used++], data, MIB), THETIS_OK);
        suite_turns(w, 2);
    }
    CHECK(thetis_tcp_queued(&x.tcp) <= 5 * MIB);
    uint64_t sends = fault_calls(&w->fault, FAULT_SEND);
    suite_turns(w, 50);
    if (w->way == SUITE_PLAIN) CHECK(fault_calls(&w->fault, FAULT_SEND) <= sends + 1);
    wire_abort(&x);
    for (size_t i = 0; i < used; i++) CHECK_EQ(posts[i].done, 1);
    CHECK_EQ(m.full, 1);
    peer_close(fd);
    free(data);
}

#define CONFORM_GROUP_E
#include "conform/rows.h"
