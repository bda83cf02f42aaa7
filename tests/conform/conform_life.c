/* SPDX-License-Identifier: MIT
 *
 * conform_life.c: rows of group A: the life of a loop.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform/suite.h"
#include "harness/count_malloc.h"

/* ---- 1, 2 ------------------------------------------------------------------------------------ */

static void row_001_create_destroy_leaks_nothing(suite *w)
{
    thetis_loop_cfg cfg = {.sys = &w->fault.sys};
    suite_need_threads();
    size_t fds = suite_open_fds();
    size_t threads = suite_entries("/proc/self/task");
    size_t maps = 0;
    for (int i = 0; i < 200; i++) {
        thetis_loop *loop;
        CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
        CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
        if (i == 99) maps = suite_entries("/proc/self/map_files");
    }
    CHECK_EQ(suite_open_fds(), fds);
    CHECK_EQ(suite_entries("/proc/self/task"), threads);
    CHECK_EQ(suite_entries("/proc/self/map_files"), maps);
}

static void row_002_nothing_open_returns_at_once(suite *w)
{
    uint64_t polls = fault_calls(&w->fault, FAULT_EPOLL_WAIT);
    CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(w->loop, UINT64_MAX), THETIS_CLOSED);
    CHECK_EQ(fault_calls(&w->fault, FAULT_EPOLL_WAIT), polls);
}

/* ---- 3, 4, 5 --------------------------------------------------------------------------------- */

typedef struct ticker {
    thetis_timer timer; /* first */
    suite *w;
    unsigned ticks;
    thetis_status nested_run, nested_once, nested_destroy;
} ticker;

static void on_stop_tick(thetis_timer *timer)
{
    ticker *t = (ticker *)timer;
    t->ticks++;
    if (t->ticks == 3) thetis_loop_stop(t->w->loop);
    CHECK_EQ(thetis_timer_start(&t->timer, 0, 0), THETIS_OK);
}

static void row_003_stop_from_a_callback(suite *w)
{
    ticker t = {.w = w};
    thetis_timer_init(w->loop, &t.timer, on_stop_tick);
    CHECK_EQ(thetis_timer_start(&t.timer, 0, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK);
    CHECK_EQ(t.ticks, 3); /* the re-armed timer would tick for ever */
    CHECK(thetis_timer_armed(&t.timer));
    CHECK_EQ(thetis_timer_stop(&t.timer), THETIS_OK);
}

static void row_003_stop_before_a_run(suite *w)
{
    ticker t = {.w = w};
    thetis_timer_init(w->loop, &t.timer, on_stop_tick);
    CHECK_EQ(thetis_timer_start(&t.timer, 0, 0), THETIS_OK);
    thetis_loop_stop(w->loop);
    CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK);
    CHECK_EQ(t.ticks, 0);
    CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK); /* one stop ends one run */
    CHECK_EQ(t.ticks, 3);
    CHECK_EQ(thetis_timer_stop(&t.timer), THETIS_OK);
}

static void *stop_it(void *loop)
{
    thetis_loop_stop(loop);
    return NULL;
}

static void row_004_stop_from_another_thread(suite *w)
{
    pthread_t thread;
    suite_need_threads();
    suite_reopen(w, (thetis_loop_cfg){.stay = 1});
    for (size_t i = 0; i < test_scale(200); i++) {
        CHECK_EQ(pthread_create(&thread, NULL, stop_it, w->loop), 0);
        CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

static void on_nested(thetis_timer *timer)
{
    ticker *t = (ticker *)timer;
    t->ticks++;
    t->nested_run = thetis_loop_run(t->w->loop);
    t->nested_once = thetis_loop_run_once(t->w->loop, 0);
    t->nested_destroy = thetis_loop_destroy(t->w->loop);
}

static void row_005_nested_run_is_refused(suite *w)
{
    ticker t = {.w = w};
    thetis_timer_init(w->loop, &t.timer, on_nested);
    CHECK_EQ(thetis_timer_start(&t.timer, 0, 0), THETIS_OK);
    UNTIL(w, t.ticks == 1);
    CHECK_EQ(t.nested_run, THETIS_EBUSY);
    CHECK_EQ(t.nested_once, THETIS_EBUSY);
    CHECK_EQ(t.nested_destroy, THETIS_EBUSY);
}

/* ---- 6, 7 ------------------------------------------------------------------------------------ */

static void row_006_two_loops_are_independent(suite *w)
{
    static suite other;
    static wire here, there;
    static gate g;
    other = *w;
    fault_init(&other.fault, w->fault.under, 1);
    thetis_loop_cfg cfg = {.sys = &other.fault.sys};
    CHECK_EQ(thetis_loop_create(&cfg, &other.loop), THETIS_OK);
    gate_open(&other, &g, &there, 1);
    wire_init(w, &here);
    wire_connect(w, &here, &g.at);
    UNTIL(w, here.connects == 1);
    CHECK_EQ(g.accepts, 0); /* its loop has not run */
    UNTIL(&other, g.accepts == 1);
    wire_recv(&here);
    post p = {0};
    CHECK_EQ(post_send(&there, &p, "\0", 1), THETIS_OK);
    suite_turns(w, 3);
    CHECK_EQ(here.got, 0);
    UNTIL(&other, p.done == 1);
    UNTIL(w, here.got == 1);
    wire_close(&here);
    wire_close(&there);
    gate_close(&g);
    CHECK_EQ(thetis_loop_destroy(other.loop), THETIS_OK);
}

static void count_handle(thetis_handle *handle, void *user)
{
    (void)handle;
    ++*(unsigned *)user;
}

static void row_007_destroy_with_live_handles_is_refused(suite *w)
{
    static gate g;
    ticker t = {.w = w};
    unsigned listed = 0;
    gate_open(w, &g, NULL, 0);
    CHECK_EQ(thetis_loop_destroy(w->loop), THETIS_EBUSY);
    thetis_loop_scan(w->loop, count_handle, &listed);
    CHECK_EQ(listed, 1);
    gate_close(&g);
    thetis_timer_init(w->loop, &t.timer, on_nested);
    CHECK_EQ(thetis_timer_start(&t.timer, 1000000000, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(w->loop), THETIS_EBUSY);
    CHECK_EQ(thetis_timer_stop(&t.timer), THETIS_OK);
    listed = 0;
    thetis_loop_scan(w->loop, count_handle, &listed);
    CHECK_EQ(listed, 0);
}

/* ---- 8 --------------------------------------------------------------------------------------- */

static void on_poll(thetis_poll_fd *poll, unsigned ready)
{
    (void)ready;
    CHECK_EQ(thetis_poll_fd_close(poll, NULL), THETIS_OK);
}

/* Each kind of handle and operation once, echo on both ends. */
static void exercise(suite *w)
{
    static wire ours, theirs;
    static gate g;
    static post posts[4];
    static thetis_poll_fd poll;
    int pipe_fds[2];
    ticker t = {.w = w};
    the_world->pipe(pipe_fds);
    CHECK_EQ(thetis_poll_fd_open(w->loop, &poll, pipe_fds[1], on_poll), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&poll, THETIS_POLL_OUT), THETIS_OK);
    thetis_timer_init(w->loop, &t.timer, on_nested);
    CHECK_EQ(thetis_timer_start(&t.timer, 1000, 0), THETIS_OK);
    thetis_loop_wake(w->loop);
    gate_open(w, &g, &theirs, 1);
    wire_init(w, &ours);
    wire_connect(w, &ours, &g.at);
    UNTIL(w, ours.connects == 1 && g.accepts == 1 && t.ticks == 1);
    wire_recv(&ours);
    wire_recv(&theirs);
    for (int i = 0; i < 4; i++) {
        unsigned char byte = suite_byte((uint64_t)i / 2);
        CHECK_EQ(post_send(i % 2 ? &ours : &theirs, &posts[i], &byte, 1), THETIS_OK);
        UNTIL(w, posts[i].done == 1);
    }
    UNTIL(w, ours.got == 2 && theirs.got == 2);
    wire_close(&ours);
    wire_close(&theirs);
    gate_close(&g);
    peer_close(pipe_fds[0]);
    peer_close(pipe_fds[1]);
}

static void row_008_no_allocation_after_init(suite *w)
{
    suite_need_threads(); /* where a case has no process for itself, others allocate */
    void *volatile proof = malloc(1); /* volatile: a compiler may drop an unused pair */
    free(proof);
    CHECK(count_malloc() > 0); /* the hook is there */
    size_t before = count_malloc();
    exercise(w);
    CHECK_EQ(count_malloc(), before);
}

/* ---- 9, 10, 11 ------------------------------------------------------------------------------- */

static void on_wake_here(thetis_loop *loop, void *user)
{
    suite *w = user;
    (void)loop;
    suite_enter(w); /* checks the thread */
    suite_leave(w);
}

static void *wake_it(void *loop)
{
    thetis_loop_wake(loop);
    return NULL;
}

static void row_009_callbacks_run_on_the_owner_thread(suite *w)
{
    pthread_t thread;
    suite_need_threads();
    suite_reopen(w, (thetis_loop_cfg){.stay = 1, .on_wake = on_wake_here, .user = w});
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = w->callbacks;
        CHECK_EQ(pthread_create(&thread, NULL, wake_it, w->loop), 0);
        UNTIL(w, w->callbacks > before);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

/* Every callback starts more work at once: none of it may run inside. */
static void on_data_do_much(wire *x, const thetis_recv *r)
{
    post *posts = x->user;
    if (r->status != THETIS_OK || posts[0].x) return;
    CHECK_EQ(post_send(x, &posts[0], "", 0), THETIS_OK);
    CHECK_EQ(post_send(x, &posts[1], "\0", 1), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_cancel(&x->tcp), THETIS_OK);
    CHECK_EQ(post_shutdown(x, &posts[2]), THETIS_OK);
    wire_shut(x);
    CHECK_EQ(posts[0].done + posts[1].done + posts[2].done + x->ends + x->closes, 0);
}

static void row_010_callbacks_never_nest(suite *w)
{
    static wire x;
    static post posts[3];
    int fd = wire_pair(w, &x);
    x.on_recv = on_data_do_much;
    x.user = posts;
    wire_recv(&x);
    peer_send(fd, 0, 1);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(posts[0].done + posts[1].done + posts[2].done, 3);
    CHECK_EQ(x.end, THETIS_ECANCELED);
    peer_close(fd);
}

static uintptr_t stack_low, stack_high;

static void note_stack(void)
{
    volatile char here = 0;
    uintptr_t at = (uintptr_t)&here;
    if (at < stack_low || stack_low == 0) stack_low = at;
    if (at > stack_high) stack_high = at;
}

static void on_empty_again(wire *x, const thetis_recv *r)
{
    note_stack();
    CHECK_EQ(r->status, THETIS_OK);
    CHECK_EQ(r->len, 0);
    if (x->recvs < 5000)
        CHECK_EQ(thetis_tcp_recv(&x->tcp, x->buf, 0, wire_on_recv), THETIS_OK);
}

static void row_011_immediate_completions_keep_the_stack_flat(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    x.on_recv = on_empty_again;
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 0, wire_on_recv), THETIS_OK);
    UNTIL(w, x.recvs == 5000);
    CHECK_EQ(stack_high - stack_low, 0); /* each from the same depth */
    wire_close(&x);
    peer_close(fd);
}

/* ---- 12 -------------------------------------------------------------------------------------- */

static void row_012_discard_after_fork_spares_the_parent(suite *w)
{
    static wire x, taken;
    static gate g;
    suite_need_threads();
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    gate_open(w, &g, &taken, 1);
    suite_turns(w, 2);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        unsigned callbacks = w->callbacks;
        thetis_loop_discard(w->loop);
        _exit(w->callbacks == callbacks && suite_open_fds() == w->fds + 1 ? 0 : 1);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    peer_send(fd, 0, 100);
    UNTIL(w, x.got == 100);
    int second = peer_connect(&g.at);
    UNTIL(w, g.accepts == 1);
    wire_close(&x);
    wire_close(&taken);
    gate_close(&g);
    peer_close(fd);
    peer_close(second);
}

#define CONFORM_GROUP_A
#include "conform/rows.h"
