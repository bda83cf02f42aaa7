/* SPDX-License-Identifier: MIT
 *
 * conform_fault.c: rows of group J: interruptions, failures, short counts, idleness.
 */
#include <errno.h>
#include <string.h>

#include "conform/scene.h"

/* ---- the scenario ---------------------------------------------------------------------------- */

enum { MESSAGES = 3, MESSAGE = 64, SCENE_TURNS = 3000 };

/* Listen, connect, three messages each way, half close, close; both ends are ours. Every step is
 * optional, because any call may fail; what has been started must end once. */
typedef struct scene {
    wire ours, theirs;
    gate gate;
    post sends[MESSAGES], echoes[MESSAGES], last;
    unsigned char data[MESSAGE];
    unsigned echoed;
    int listening, dialed, taken, shut, hung_up;
} scene;

static scene s;

/* p->x tells whether the send was accepted. */
static void scene_send(wire *x, post *p)
{
    if (post_send(x, p, s.data, MESSAGE) != THETIS_OK) p->x = NULL;
}

static void scene_echo(wire *x, const thetis_recv *r)
{
    if (r->status != THETIS_OK) return;
    for (; s.echoed < MESSAGES && x->got >= (s.echoed + 1u) * MESSAGE; s.echoed++)
        scene_send(x, &s.echoes[s.echoed]);
}

static void scene_accept(gate *g, thetis_accepted *a)
{
    wire_init(g->w, &s.theirs);
    if (thetis_tcp_accept(a, &s.theirs.tcp) != THETIS_OK) return;
    s.taken = 1;
    s.theirs.on_recv = scene_echo;
    s.theirs.unverified = 1;
    wire_recv(&s.theirs);
}

static void scene_on_accept(thetis_listener *listener, thetis_accepted *a)
{
    gate *g = (gate *)listener;
    suite_enter(g->w);
    CHECK_EQ(g->closes, 0);
    if (a->status == THETIS_OK && !s.taken) scene_accept(g, a);
    suite_leave(g->w);
}

static void scene_connected(wire *x)
{
    if (x->connected != THETIS_OK) return;
    for (int i = 0; i < MESSAGES; i++) scene_send(x, &s.sends[i]);
}

static int scene_open(suite *w)
{
    thetis_addr at = suite_local(0);
    memset(&s, 0, sizeof s);
    s.gate.w = w;
    s.listening =
        thetis_tcp_listen(w->loop, &s.gate.listener, &at, NULL, scene_on_accept) == THETIS_OK;
    if (!s.listening) return 0;
    if (thetis_listener_addr(&s.gate.listener, &at) != THETIS_OK) return 0;
    wire_init(w, &s.ours);
    s.ours.on_connect = scene_connected;
    s.ours.unverified = 1;
    s.dialed = thetis_tcp_connect(w->loop, &s.ours.tcp, &at, wire_on_connect) == THETIS_OK;
    if (s.dialed) wire_recv(&s.ours);
    return s.dialed;
}

/* What may be done next, or 1: nothing is left to wait for. */
static int scene_step(void)
{
    if (s.ours.connects && s.ours.connected != THETIS_OK) return 1;
    if (s.ours.ends) return 1;
    if (s.ours.got == MESSAGES * MESSAGE && !s.shut) {
        s.shut = 1;
        if (post_shutdown(&s.ours, &s.last) != THETIS_OK) s.last.x = NULL;
    }
    if (s.theirs.ends && s.taken && !s.hung_up) {
        s.hung_up = 1;
        wire_shut(&s.theirs);
    }
    return 0;
}

static void scene_close(suite *w)
{
    if (s.dialed) wire_shut(&s.ours);
    if (s.taken && !s.hung_up)
        wire_shut(&s.theirs);
    if (s.listening) gate_shut(&s.gate);
    for (int turns = 0; suite_stat(w).handles; turns++) {
        if (turns > SCENE_TURNS) FAIL("%u handles do not close", suite_stat(w).handles);
        suite_turn(w);
    }
}

static void ended_once(const post *p)
{
    if (p->x) CHECK_EQ(p->done, 1);
}

static void scene_accounts(void)
{
    if (s.dialed) CHECK_EQ(s.ours.connects, 1);
    if (s.dialed) CHECK_EQ(s.ours.ends, 1);
    if (s.taken) CHECK_EQ(s.theirs.ends, 1);
    CHECK_EQ(s.ours.closes, (unsigned)s.dialed);
    CHECK_EQ(s.theirs.closes, (unsigned)s.taken);
    CHECK_EQ(s.gate.closes, (unsigned)s.listening);
    for (int i = 0; i < MESSAGES; i++) {
        ended_once(&s.sends[i]);
        ended_once(&s.echoes[i]);
    }
    ended_once(&s.last);
}

/* Plays the scene on the suite's loop; 1: it went through without a failure. */
static int scene_play(suite *w)
{
    int went = 0;
    if (scene_open(w)) {
        for (int turns = 0; !scene_step() && !scene_quiet(w, 40); turns++) {
            if (turns > SCENE_TURNS) FAIL("the scene does not end");
            suite_turn(w);
        }
        went = s.ours.ends && s.ours.end == THETIS_EOF && s.ours.got == MESSAGES * MESSAGE;
    }
    scene_close(w);
    scene_accounts();
    return went;
}

/* ---- 117, 119 -------------------------------------------------------------------------------- */

static void interrupted(suite *w, scene_play_fn *play, const fault_fn *fns, size_t n)
{
    uint64_t calls;
    w->fault.eintr_each = 2;
    CHECK(play(w));
    w->fault.eintr_each = 0;
    calls = w->fault.total;
    CHECK(play(w));
    calls = w->fault.total - calls;
    for (size_t f = 0; f < n; f++) {
        for (uint64_t k = 1; k <= calls; k++) {
            fault_fail(&w->fault, fns[f], k, THETIS_EINTR, EINTR);
            CHECK(play(w));
            if (!fault_fired(&w->fault)) break;
        }
    }
}

static void row_117_every_call_interrupted(suite *w)
{
    static const fault_fn fns[] = {FAULT_ACCEPT,   FAULT_RECV,     FAULT_SEND,
                                   FAULT_SHUTDOWN, FAULT_SO_ERROR, FAULT_EPOLL_WAIT};
    interrupted(w, scene_play, fns, sizeof fns / sizeof fns[0]);
}

static void row_117_every_call_for_datagrams_interrupted(suite *w)
{
    static const fault_fn fns[] = {FAULT_RECV_MSGS, FAULT_SEND_MSGS, FAULT_EPOLL_WAIT};
    interrupted(w, scene_udp_play, fns, sizeof fns / sizeof fns[0]);
}

static void row_117_every_call_for_unix_sockets_interrupted(suite *w)
{
    static const fault_fn fns[] = {FAULT_ACCEPT,   FAULT_RECV,      FAULT_SEND,
                                   FAULT_SO_ERROR, FAULT_RECV_MSGS, FAULT_SEND_MSGS};
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    interrupted(w, scene_unix_play, fns, sizeof fns / sizeof fns[0]);
}

static void row_119_short_counts_everywhere(suite *w)
{
    for (size_t most = 1; most <= 100; most += 9) {
        w->fault.short_max = most;
        CHECK(scene_play(w));
    }
    w->fault.eintr_each = 3;
    w->fault.spurious = w->fault.duplicate = w->fault.ghosts = 300;
    for (size_t i = 0; i < 20; i++) CHECK(scene_play(w));
    for (size_t i = 0; i < 20; i++) CHECK(scene_udp_play(w));
    for (size_t i = 0; the_world->unix_sockets && i < 20; i++) CHECK(scene_unix_play(w));
}

/* ---- 118 ------------------------------------------------------------------------------------- */

/* A failure that each function can have. */
static fault_answer plausible(fault_fn fn, int lack)
{
    static const fault_answer broken[FAULT_FNS] = {
        [FAULT_SOCKET] = {THETIS_EMFILE, EMFILE},
        [FAULT_BIND] = {THETIS_EADDRINUSE, EADDRINUSE},
        [FAULT_LISTEN] = {THETIS_EADDRINUSE, EADDRINUSE},
        [FAULT_ACCEPT] = {THETIS_ERESET, ECONNABORTED},
        [FAULT_CONNECT] = {THETIS_EREFUSED, ECONNREFUSED},
        [FAULT_RECV] = {THETIS_ERESET, ECONNRESET},
        [FAULT_SEND] = {THETIS_ERESET, EPIPE},
        [FAULT_RECV_MSGS] = {THETIS_EREFUSED, ECONNREFUSED},
        [FAULT_SEND_MSGS] = {THETIS_EREFUSED, ECONNREFUSED},
        [FAULT_GROUP] = {THETIS_ENOBUFS, ENOBUFS},
        [FAULT_SHUTDOWN] = {THETIS_ENOTCONN, ENOTCONN},
        [FAULT_CLOSE] = {THETIS_EOTHER, EIO},
        [FAULT_SO_ERROR] = {THETIS_EREFUSED, ECONNREFUSED},
        [FAULT_SETOPT] = {THETIS_EINVAL, EINVAL},
        [FAULT_NAME] = {THETIS_ENOTCONN, ENOTCONN},
        [FAULT_EPOLL_OPEN] = {THETIS_EMFILE, EMFILE},
        [FAULT_EPOLL_SET] = {THETIS_ENOMEM, ENOMEM},
        [FAULT_EPOLL_WAIT] = {THETIS_EINTR, EINTR},
        [FAULT_WAKE_OPEN] = {THETIS_EMFILE, EMFILE},
    };
    return lack ? (fault_answer){THETIS_ENOMEM, ENOMEM} : broken[fn];
}

/* The k-th call of each function, until a run has no failure left. */
static void sweep(suite *w, scene_play_fn *play, int lack)
{
    for (fault_fn fn = FAULT_SOCKET; fn < FAULT_WAKE_SEND; fn++) {
        fault_answer answer = plausible(fn, lack);
        for (uint64_t k = 1;; k++) {
            size_t fds = suite_open_fds();
            thetis_status status = (thetis_status)answer.status;
            fault_fail(&w->fault, fn, k, status, answer.os);
            int went = play(w);
            int fired = fault_fired(&w->fault);
            fault_fail(&w->fault, fn, 0, THETIS_OK, 0);
            CHECK_EQ(suite_open_fds(), fds);
            CHECK(went || fired); /* nothing but the failure can spoil it */
            if (!fired) break;
            CHECK(k < 200);
        }
    }
}

static void row_118_each_call_fails_once(suite *w)
{
    sweep(w, scene_play, 0);
}

static void row_118_each_call_lacks_memory_once(suite *w)
{
    sweep(w, scene_play, 1);
}

static void row_118_each_call_for_datagrams_fails_once(suite *w)
{
    sweep(w, scene_udp_play, 0);
    sweep(w, scene_udp_play, 1);
}

static void row_118_each_call_for_unix_sockets_fails_once(suite *w)
{
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    sweep(w, scene_unix_play, 0);
    sweep(w, scene_unix_play, 1);
}

/* The k-th call of all, whatever it is, until a run has no failure left. */
static void kth_call(suite *w, scene_play_fn *play)
{
    for (uint64_t k = 1;; k++) {
        size_t fds = suite_open_fds();
        fault_fail(&w->fault, FAULT_ANY, k, THETIS_EOTHER, EIO);
        int went = play(w);
        int fired = fault_fired(&w->fault);
        fault_fail(&w->fault, FAULT_ANY, 0, THETIS_OK, 0);
        CHECK_EQ(suite_open_fds(), fds);
        CHECK(went || fired);
        if (!fired) break;
        CHECK(k < 2000);
    }
}

static void row_118_the_kth_call_fails(suite *w)
{
    kth_call(w, scene_play);
}

static void row_118_the_kth_call_for_datagrams_fails(suite *w)
{
    kth_call(w, scene_udp_play);
}

static void row_118_the_kth_call_for_unix_sockets_fails(suite *w)
{
    suite_need(w, THETIS_CAP_UNIX_FD_PASS);
    kth_call(w, scene_unix_play);
}

/* The rows above fail each call that these scenes make. Left out are the clock, which cannot fail,
 * and a wake-up, of whose failure nobody could be told; opening has its own row. */
static void row_118_no_call_is_left_out(suite *w)
{
    CHECK(scene_play(w) && scene_udp_play(w));
    if (thetis_loop_cap(w->loop, THETIS_CAP_UNIX_FD_PASS).level != THETIS_CAP_ABSENT)
        CHECK(scene_unix_play(w));
    for (fault_fn fn = FAULT_SOCKET; fn < FAULT_EPOLL_OPEN; fn++)
        if (fault_calls(&w->fault, fn) == 0) FAIL("function %d is never called", (int)fn);
    CHECK(fault_calls(&w->fault, FAULT_EPOLL_SET) && fault_calls(&w->fault, FAULT_EPOLL_WAIT));
}

static void row_118_a_loop_that_cannot_open(suite *w)
{
    static const fault_fn fns[] = {FAULT_EPOLL_OPEN, FAULT_WAKE_OPEN, FAULT_EPOLL_SET};
    thetis_loop_cfg cfg = {.sys = &w->fault.sys};
    for (size_t i = 0; i < 3; i++) {
        size_t fds = suite_open_fds();
        uint64_t calls = fault_calls(&w->fault, fns[i]);
        thetis_loop *loop = NULL;
        suite_reopen(w, (thetis_loop_cfg){0});
        if (fault_calls(&w->fault, fns[i]) == calls) continue; /* no need of this backend */
        fault_fail(&w->fault, fns[i], 1, THETIS_EMFILE, EMFILE);
        thetis_status status = thetis_loop_create(&cfg, &loop);
        CHECK(fault_fired(&w->fault));
        if (status == THETIS_OK) status = thetis_loop_destroy(loop); /* it knew another way */
        else CHECK_EQ(status, THETIS_EMFILE);
        CHECK(status == THETIS_OK || loop == NULL);
        CHECK_EQ(suite_open_fds(), fds);
    }
}

/* ---- 122 ------------------------------------------------------------------------------------- */

static void row_122_an_idle_loop_only_sleeps(suite *w)
{
    static wire x, taken;
    static gate g;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    gate_open(w, &g, &taken, 1);
    suite_turns(w, 5);
    uint64_t total = w->fault.total, sends = fault_calls(&w->fault, FAULT_WAKE_SEND);
    uint64_t nows = fault_calls(&w->fault, FAULT_NOW);
    thetis_loop_stat before = suite_stat(w);
    suite_turns(w, 100);
    CHECK_EQ(w->fault.total, total + 100); /* one sleep each, nothing else */
    CHECK_EQ(fault_calls(&w->fault, FAULT_NOW), nows);
    CHECK_EQ(suite_stat(w).sleeps, before.sleeps + 100);
    CHECK_EQ(suite_stat(w).events, before.events);
    CHECK_EQ(suite_stat(w).wakes, before.wakes);
    CHECK_EQ(fault_calls(&w->fault, FAULT_WAKE_SEND), sends);
    wire_close(&x);
    gate_close(&g);
    peer_close(fd);
}

#define CONFORM_GROUP_J
#include "conform/rows.h"
