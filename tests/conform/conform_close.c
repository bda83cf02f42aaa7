/* SPDX-License-Identifier: MIT
 *
 * conform_close.c: rows of group H: closing, cancelling, stale events.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform/suite.h"

/* ---- 101, 102 -------------------------------------------------------------------------------- */

static void row_101_every_operation_ends_then_closed(suite *w)
{
    enum { BIG = 8 << 20 };
    static wire x;
    static post posts[4];
    unsigned char *data = malloc(BIG);
    CHECK(data != NULL);
    suite_fill(data, 0, BIG);
    int fd = wire_pair(w, &x);
    peer_small(fd);
    suite_bulk(w, 65536);
    wire_recv(&x);
    CHECK_EQ(post_send(&x, &posts[0], data, BIG), THETIS_OK);
    for (int i = 1; i < 3; i++) CHECK_EQ(post_send(&x, &posts[i], data, 10), THETIS_OK);
    CHECK_EQ(post_shutdown(&x, &posts[3]), THETIS_OK);
    suite_turns(w, 5);
    wire_abort(&x);
    CHECK_EQ(x.end, THETIS_ECANCELED);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(posts[i].done, 1);
        CHECK_EQ(posts[i].send.status, THETIS_ECANCELED);
        CHECK(posts[i].stamp < x.stamp); /* closed came last */
    }
    peer_close(fd);
    free(data);
}

static void abort_it(wire *x, const thetis_recv *r)
{
    (void)r;
    x->shut = 1;
    CHECK_EQ(thetis_tcp_abort(&x->tcp, wire_on_closed), THETIS_OK);
}

/* The callback comes from the dispatch phase, and what it ends must still be dispatched. */
static void row_101_abort_inside_a_completion(suite *w)
{
    enum { BIG = 8 << 20 };
    static wire x;
    static post posts[2];
    unsigned char *data = calloc(1, BIG);
    CHECK(data != NULL);
    int fd = wire_pair(w, &x);
    suite_bulk(w, 65536);
    for (int i = 0; i < 2; i++) CHECK_EQ(post_send(&x, &posts[i], data, BIG), THETIS_OK);
    suite_turns(w, 5);
    x.on_recv = abort_it;
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 0, wire_on_recv), THETIS_OK);
    UNTIL(w, x.closes == 1);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(posts[i].done, 1);
        CHECK_EQ(posts[i].send.status, THETIS_ECANCELED);
        CHECK(posts[i].stamp < x.stamp);
    }
    peer_close(fd);
    free(data);
}

typedef struct eye {
    thetis_poll_fd poll; /* first */
    suite *w;
    unsigned times;
} eye;

static void eye_on_ready(thetis_poll_fd *poll, unsigned ready)
{
    eye *e = (eye *)poll;
    suite_enter(e->w);
    CHECK(ready & THETIS_POLL_IN);
    e->times++;
    suite_leave(e->w);
}

static void row_121_a_descriptor_of_ours(suite *w)
{
    static eye e;
    int fds[2];
    suite_need(w, THETIS_CAP_POLL_FD);
    the_world->pipe(fds);
    e = (eye){.w = w};
    CHECK_EQ(thetis_poll_fd_open(w->loop, &e.poll, fds[0], eye_on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&e.poll, THETIS_POLL_IN), THETIS_OK);
    suite_turns(w, 5);
    if (w->way != SUITE_SPURIOUS) CHECK_EQ(e.times, 0);
    CHECK_EQ(the_world->put(fds[1], "x", 1).n, 1);
    for (unsigned most = e.times + 3; e.times < most;) suite_turn(w); /* as long as it is there */
    CHECK_EQ(thetis_poll_fd_start(&e.poll, 0), THETIS_OK);
    suite_turns(w, 2);
    unsigned before = e.times;
    suite_turns(w, 5);
    CHECK_EQ(e.times, before);
    CHECK_EQ(thetis_poll_fd_close(&e.poll, NULL), THETIS_OK);
    suite_turn(w);
    peer_close(fds[0]);
    peer_close(fds[1]);
}

static void never_ready(thetis_poll_fd *poll, unsigned ready)
{
    (void)poll, (void)ready;
    FAIL("a stale event reached a handle");
}

static void row_102_close_twice(suite *w)
{
    static wire x;
    static gate g;
    static thetis_poll_fd poll;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    wire_shut(&x);
    CHECK_EQ(thetis_tcp_close(&x.tcp, wire_on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 1, wire_on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv_start(&x.tcp, wire_on_recv), THETIS_EBUSY);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(x.end, THETIS_ECANCELED);
    peer_close(fd);
    fd = wire_pair(w, &x);
    CHECK_EQ(thetis_tcp_abort(&x.tcp, wire_on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_abort(&x.tcp, wire_on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_close(&x.tcp, wire_on_closed), THETIS_EBUSY);
    UNTIL(w, x.closes == 1);
    gate_open(w, &g, NULL, 0);
    gate_shut(&g);
    CHECK_EQ(thetis_listener_close(&g.listener, gate_on_closed), THETIS_EBUSY);
    UNTIL(w, g.closes == 1);
    CHECK_EQ(thetis_poll_fd_open(w->loop, &poll, fd, never_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_close(&poll, NULL), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_close(&poll, NULL), THETIS_EBUSY);
    UNTIL(w, suite_stat(w).handles == 0);
    peer_close(fd);
}

/* ---- 103 ------------------------------------------------------------------------------------- */

enum { CROWD = 24 };

/* A place in a crowd of streams. Each life of a place has its own number, and its peer sends that
 * number only: a byte of another life has reached the wrong handle. */
typedef struct place {
    wire x; /* first */
    int peer;
    unsigned char life;
    struct crowd *crowd;
} place;

typedef struct crowd {
    suite *w;
    place places[CROWD];
    thetis_addr at;
    int listener;
    unsigned char next_life;
    uint64_t bytes, lives;
    int over; /* no more victims */
} crowd;

static crowd the_crowd;

static void place_data(wire *x, const thetis_recv *r);

/* The descriptor freed a moment ago is what the new stream gets. */
static void place_open(place *p)
{
    crowd *c = p->crowd;
    wire_init(c->w, &p->x);
    p->x.unverified = 1;
    p->x.on_recv = place_data;
    p->life = c->next_life++;
    c->lives++;
    wire_connect(c->w, &p->x, &c->at);
    p->peer = peer_accept(c->listener);
    wire_recv(&p->x);
}

static void place_on_closed(thetis_handle *handle)
{
    place *p = (place *)handle;
    wire_on_closed(handle);
    peer_close(p->peer);
    place_open(p);
}

static void place_data(wire *x, const thetis_recv *r)
{
    place *p = (place *)x;
    crowd *c = p->crowd;
    const unsigned char *bytes = r->data;
    if (r->status != THETIS_OK) return;
    for (size_t i = 0; i < r->len; i++) CHECK_EQ(bytes[i], p->life);
    c->bytes += r->len;
    /* some of those that are in the same batch of events */
    for (uint64_t n = c->over ? 0 : suite_rand(c->w, 4); n > 0; n--) {
        place *victim = &c->places[suite_rand(c->w, CROWD)];
        thetis_status s = thetis_tcp_abort(&victim->x.tcp, place_on_closed);
        CHECK(s == THETIS_OK || s == THETIS_EBUSY);
    }
}

static void row_103_reused_descriptors_in_one_batch(suite *w)
{
    crowd *c = &the_crowd;
    c->w = w;
    c->listener = peer_listen(&c->at);
    for (int i = 0; i < CROWD; i++) {
        c->places[i].crowd = c;
        place_open(&c->places[i]);
    }
    while (c->lives < test_scale(40000)) {
        for (int i = 0; i < CROWD; i++)
            CHECK_EQ(peer_put(c->places[i].peer, &c->places[i].life, 1), 1);
        suite_turn(w);
    }
    CHECK(c->bytes > 0);
    c->over = 1;
    suite_turns(w, 5); /* those that are being closed come to life again */
    for (int i = 0; i < CROWD; i++) {
        wire_abort(&c->places[i].x);
        peer_close(c->places[i].peer);
    }
    peer_close(c->listener);
}

/* ---- 104, 105 -------------------------------------------------------------------------------- */

/* Closes the stream; the peer sends to whoever has a copy. At most so many events come of it. */
static void copy_is_silent(suite *w, wire *x, int peer, uint64_t most)
{
    wire_close(x);
    uint64_t events = suite_stat(w).events;
    peer_send(peer, 0, 100);
    suite_turns(w, 50);
    if (w->way == SUITE_PLAIN) CHECK(suite_stat(w).events - events <= most);
}

/* The first copy may be reported once; of the next one the loop knows before. */
static void row_104_a_copy_of_the_descriptor_lives_on(suite *w)
{
    static wire x[3];
    int fds[3], copies[2];
    for (int i = 0; i < 3; i++) {
        fds[i] = wire_pair(w, &x[i]);
        wire_recv(&x[i]);
    }
    suite_turns(w, 3);
    for (int i = 0; i < 2; i++) copies[i] = the_world->copy(x[i].tcp.handle_.fd_);
    copy_is_silent(w, &x[0], fds[0], 1);
    copy_is_silent(w, &x[1], fds[1], 0);
    peer_send(fds[2], 0, 100);
    UNTIL(w, x[2].got == 100);
    wire_close(&x[2]);
    for (int i = 0; i < 2; i++) peer_close(copies[i]);
    for (int i = 0; i < 3; i++) peer_close(fds[i]);
}

/* A child that has everything until the pipe ends. */
static pid_t child_with_copies(int pipe[2])
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child) return child;
    peer_close(pipe[1]);
    char byte;
    (void)!read(pipe[0], &byte, 1);
    _exit(0);
}

static void row_104_a_child_has_copies(suite *w)
{
    static wire x[2];
    int fds[2], hold[2], status;
    suite_need_threads();
    CHECK_EQ(pipe(hold), 0);
    for (int i = 0; i < 2; i++) {
        fds[i] = wire_pair(w, &x[i]);
        wire_recv(&x[i]);
    }
    suite_turns(w, 3);
    pid_t child = child_with_copies(hold);
    peer_close(hold[0]);
    copy_is_silent(w, &x[0], fds[0], 1);
    peer_send(fds[1], 0, 100);
    UNTIL(w, x[1].got == 100);
    copy_is_silent(w, &x[1], fds[1], 0);
    peer_close(hold[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (int i = 0; i < 2; i++) peer_close(fds[i]);
}

/* One slot, reopened often; each time, the events of all recent lives come again. */
static void row_105_a_slot_is_reused_many_times(suite *w)
{
    static thetis_poll_fd poll;
    int fds[2];
    the_world->pipe(fds);
    suite_reopen(w, (thetis_loop_cfg){.max_handles = 1});
    w->fault.spurious = w->fault.duplicate = 0;
    w->fault.ghosts = 1000;
    uint64_t stale = suite_stat(w).stale;
    for (size_t i = 0; i < test_scale(70000); i++) {
        CHECK_EQ(thetis_poll_fd_open(w->loop, &poll, fds[0], never_ready), THETIS_OK);
        CHECK_EQ(thetis_poll_fd_start(&poll, THETIS_POLL_IN), THETIS_OK);
        suite_turn_for(w, 0);
        CHECK_EQ(thetis_poll_fd_close(&poll, NULL), THETIS_OK);
        UNTIL(w, suite_stat(w).handles == 0);
    }
    if (!suite_has_operations(w))
        CHECK(suite_stat(w).stale >= stale + test_scale(70000) - 2);
    peer_close(fds[0]);
    peer_close(fds[1]);
}

/* ---- 106 ------------------------------------------------------------------------------------- */

static void row_106_close_of_a_blocked_writer(suite *w)
{
    enum { BIG = 8 << 20 };
    static wire x;
    static post p;
    unsigned char *data = calloc(1, BIG);
    CHECK(data != NULL);
    int fd = wire_pair(w, &x);
    suite_bulk(w, 65536);
    CHECK_EQ(post_send(&x, &p, data, BIG), THETIS_OK);
    suite_turns(w, 10);
    CHECK_EQ(p.done, 0);
    wire_shut(&x);
    suite_turns(w, 10);
    CHECK_EQ(x.closes, 0);
    peer_reset(fd); /* ends the flush */
    UNTIL(w, x.closes == 1);
    CHECK_EQ(p.done, 1);
    CHECK(p.send.status < 0);
    free(data);
}

static void row_106_close_of_a_paused_reader(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    peer_send(fd, 0, 100);
    CHECK_EQ(thetis_tcp_pause(&x.tcp), THETIS_OK);
    suite_turns(w, 3);
    wire_close(&x);
    CHECK_EQ(x.end, THETIS_ECANCELED);
    CHECK_EQ(x.recvs, 1);
    peer_close(fd);
}

static void close_it(thetis_handle *handle, void *user)
{
    (void)user;
    CHECK_EQ(thetis_handle_close(handle, NULL), THETIS_OK);
}

static void row_106_close_of_everything_from_a_scan(suite *w)
{
    static wire idle, busy, connecting;
    static gate g;
    static post p;
    static thetis_poll_fd poll;
    int idle_fd = wire_pair(w, &idle);
    int busy_fd = wire_pair(w, &busy);
    wire_recv(&idle);
    gate_open(w, &g, NULL, 0);
    CHECK_EQ(thetis_poll_fd_open(w->loop, &poll, idle_fd, never_ready), THETIS_OK);
    wire_init(w, &connecting);
    wire_connect(w, &connecting, &g.at);
    CHECK_EQ(post_send(&busy, &p, "abc", 3), THETIS_OK);
    CHECK_EQ(suite_stat(w).handles, 5);
    thetis_loop_scan(w->loop, close_it, NULL);
    UNTIL(w, suite_stat(w).handles == 0);
    CHECK_EQ(idle.end, THETIS_ECANCELED);
    CHECK_EQ(connecting.connected, THETIS_ECANCELED);
    CHECK_EQ(p.done, 1);
    peer_close(idle_fd);
    peer_close(busy_fd);
}

/* ---- 107 ------------------------------------------------------------------------------------- */

static void row_107_cancel_after_the_end(suite *w)
{
    static wire x;
    static post p, queued;
    uint64_t k = 0;
    int fd = wire_pair(w, &x);
    CHECK_EQ(thetis_tcp_recv_cancel(&x.tcp), THETIS_ABSENT);
    CHECK_EQ(post_send(&x, &p, "\0", 1), THETIS_OK);
    UNTIL(w, p.done == 1);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &p.send), THETIS_ABSENT);
    CHECK_EQ(post_send(&x, &queued, "", 0), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &p.send), THETIS_ABSENT); /* another one is queued */
    UNTIL(w, queued.done == 1);
    CHECK_EQ(queued.send.status, THETIS_OK);
    peer_send(fd, 0, 10);
    x.oneshot = 2;
    wire_recv(&x);
    UNTIL(w, x.recvs == 1);
    CHECK_EQ(thetis_tcp_recv_cancel(&x.tcp), THETIS_ABSENT);
    suite_turns(w, 5);
    CHECK_EQ(x.recvs + p.done, 2);
    UNTIL(w, peer_take(fd, &k, 1) == 1);
    wire_close(&x);
    peer_close(fd);
}

#define CONFORM_GROUP_H
#include "conform/rows.h"
