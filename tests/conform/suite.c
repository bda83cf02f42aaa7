/* SPDX-License-Identifier: MIT
 *
 * suite.c: the records and the runner of the conformance suite, see suite.h.
 */
#include "conform/suite.h"

#include <dirent.h>
#include <string.h>

/* ---- the runner ------------------------------------------------------------------------------ */

static suite suite_only;

size_t suite_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t count = 0;
    if (!dir) SKIP_ENVIRONMENT("/proc is missing");
    while (readdir(dir)) count++;
    (void)closedir(dir);
    return count;
}

size_t suite_open_fds(void)
{
    return the_world->open_fds();
}

void suite_need_threads(void)
{
    if (!the_world->threads) SKIP_UNSUPPORTED("THREADS");
}

int suite_has_operations(const suite *w)
{
    return strcmp(thetis_loop_backend(w->loop), "uring") == 0;
}

static void suite_noise(suite *w)
{
    fault_calm(&w->fault);
    if (w->way == SUITE_SHORT) {
        w->fault.eintr_each = 2 + suite_rand(w, 4);
        w->fault.short_max = 1 + suite_rand(w, 16);
    } else if (w->way == SUITE_SPURIOUS) {
        w->fault.spurious = 300;
        w->fault.ghosts = 100;
        w->fault.duplicate = 300;
    }
}

void suite_bulk(suite *w, size_t most)
{
    if (w->way == SUITE_SHORT) w->fault.short_max = most;
}

static void suite_open(suite *w, thetis_loop_cfg cfg)
{
    cfg.sys = &w->fault.sys;
    thetis_status s = thetis_loop_create(&cfg, &w->loop);
    if (s != THETIS_OK) FAIL("no loop: %s", thetis_status_text(s));
    suite_noise(w);
}

static void suite_shut(suite *w)
{
    thetis_loop_stat stat = suite_stat(w);
    CHECK_EQ(stat.handles, 0);
    CHECK_EQ(stat.timers, 0);
    CHECK_EQ(stat.buffers, 0);
    CHECK_EQ(thetis_loop_destroy(w->loop), THETIS_OK);
}

void suite_reopen(suite *w, thetis_loop_cfg cfg)
{
    suite_shut(w);
    suite_open(w, cfg);
}

void suite_run(suite_row *row, suite_way way)
{
    suite *w = &suite_only;
    fault_init(&w->fault, the_world->begin(), test_seed());
    w->rng = test_seed() ^ 0x636F6E666F726Du;
    w->way = way;
    w->owner = pthread_self();
    w->fds = suite_open_fds();
    suite_open(w, (thetis_loop_cfg){0});
    suite_need(w, THETIS_CAP_TCP);
    row(w);
    suite_shut(w);
    CHECK_EQ(suite_open_fds(), w->fds);
    the_world->end();
}

void suite_need(suite *w, thetis_cap cap)
{
    if (thetis_loop_cap(w->loop, cap).level == THETIS_CAP_ABSENT)
        SKIP_UNSUPPORTED(thetis_cap_name(cap));
}

/* ---- turns ----------------------------------------------------------------------------------- */

void suite_turn_for(suite *w, uint64_t timeout_ns)
{
    CHECK(!w->in_turn);
    w->in_turn = 1;
    thetis_status s = thetis_loop_run_once(w->loop, timeout_ns);
    w->in_turn = 0;
    CHECK(s == THETIS_OK || s == THETIS_CLOSED || fault_fired(&w->fault)); /* a poll may fail */
    if (s == THETIS_CLOSED) the_world->settle(); /* the peers may still be at work */
}

void suite_turn(suite *w)
{
    suite_turn_for(w, SUITE_NAP_NS);
}

void suite_turns(suite *w, int n)
{
    while (n-- > 0) suite_turn(w);
}

void suite_enter(suite *w)
{
    CHECK(w->in_turn); /* never inside the call that started the operation */
    CHECK_EQ(w->depth, 0);
    CHECK(pthread_equal(w->owner, pthread_self()));
    w->depth++;
    w->callbacks++;
}

void suite_leave(suite *w)
{
    w->depth--;
}

thetis_loop_stat suite_stat(const suite *w)
{
    thetis_loop_stat stat;
    thetis_loop_stat_read(w->loop, &stat);
    return stat;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

void suite_fill(void *out, uint64_t k, size_t n)
{
    unsigned char *to = out;
    for (size_t i = 0; i < n; i++) to[i] = suite_byte(k + i);
}

void suite_verify(const void *data, uint64_t k, size_t n)
{
    const unsigned char *from = data;
    for (size_t i = 0; i < n; i++)
        if (from[i] != suite_byte(k + i))
            FAIL("byte %llu of the stream is wrong", (unsigned long long)(k + i));
}

/* ---- wires ----------------------------------------------------------------------------------- */

void wire_init(suite *w, wire *x)
{
    memset(x, 0, sizeof *x);
    x->w = w;
}

void wire_on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    wire *x = (wire *)tcp;
    suite_enter(x->w);
    CHECK_EQ(x->connects, 0);
    CHECK_EQ(x->closes, 0);
    CHECK(status <= 0);
    if (status == THETIS_OK) CHECK_EQ(os, 0);
    x->connects++;
    x->connected = status;
    x->stamp = x->w->callbacks;
    if (x->on_connect) x->on_connect(x);
    suite_leave(x->w);
}

/* Normal form: data, then one end, then silence. */
static void wire_account(wire *x, const thetis_recv *r)
{
    CHECK_EQ(x->closes, 0);
    CHECK_EQ(x->ends, 0);
    if (x->shut) CHECK_EQ(r->status, THETIS_ECANCELED);
    x->recvs++;
    if (r->status == THETIS_OK) {
        if (!x->unverified) suite_verify(r->data, x->got, r->len);
        x->got += r->len;
        return;
    }
    CHECK(r->status == THETIS_EOF || r->status < 0);
    CHECK_EQ(r->len, 0);
    x->ends++;
    x->end = r->status;
    x->end_os = r->os;
}

void wire_on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    wire *x = (wire *)tcp;
    suite_enter(x->w);
    wire_account(x, r);
    x->stamp = x->w->callbacks;
    if (x->oneshot && x->oneshot != 2 && r->status == THETIS_OK) wire_recv(x);
    if (x->on_recv) x->on_recv(x, r);
    suite_leave(x->w);
}

void wire_on_closed(thetis_handle *handle)
{
    wire *x = (wire *)handle;
    suite_enter(x->w);
    CHECK_EQ(x->closes, 0);
    x->closes++;
    x->stamp = x->w->callbacks;
    suite_leave(x->w);
}

void wire_on_mark(thetis_tcp *tcp, int full)
{
    wire *x = (wire *)tcp;
    suite_enter(x->w);
    x->marks++;
    if (x->on_mark) x->on_mark(x, full);
    suite_leave(x->w);
}

void wire_recv(wire *x)
{
    size_t len = x->want ? x->want : WIRE_BUF;
    thetis_status s = x->oneshot ? thetis_tcp_recv(&x->tcp, x->buf, len, wire_on_recv)
                                 : thetis_tcp_recv_start(&x->tcp, wire_on_recv);
    CHECK_EQ(s, THETIS_OK);
}

void wire_connect(suite *w, wire *x, const thetis_addr *to)
{
    CHECK_EQ(thetis_tcp_connect(w->loop, &x->tcp, to, wire_on_connect), THETIS_OK);
}

int wire_pair(suite *w, wire *x)
{
    thetis_addr at;
    int listener = peer_listen(&at);
    wire_init(w, x);
    wire_connect(w, x, &at);
    UNTIL(w, x->connects == 1);
    CHECK_EQ(x->connected, THETIS_OK);
    int fd = peer_accept(listener);
    peer_close(listener);
    return fd;
}

void wire_shut(wire *x)
{
    x->shut = 1;
    CHECK_EQ(thetis_tcp_close(&x->tcp, wire_on_closed), THETIS_OK);
}

void wire_close(wire *x)
{
    wire_shut(x);
    UNTIL(x->w, x->closes == 1);
}

void wire_abort(wire *x)
{
    x->shut = 1;
    CHECK_EQ(thetis_tcp_abort(&x->tcp, wire_on_closed), THETIS_OK);
    UNTIL(x->w, x->closes == 1);
}

/* ---- posts ----------------------------------------------------------------------------------- */

void post_on_done(thetis_tcp *tcp, thetis_send *send)
{
    post *p = (post *)send;
    suite_enter(p->x->w);
    CHECK(&p->x->tcp == tcp);
    CHECK_EQ(p->done, 0);
    CHECK_EQ(p->x->closes, 0);
    p->done++;
    p->stamp = p->x->w->callbacks;
    if (p->on_done) p->on_done(p);
    suite_leave(p->x->w);
}

/* A fresh record, but the row's own callback stays. */
static void post_ready(wire *x, post *p)
{
    void (*on_done)(post *) = p->on_done;
    memset(p, 0, sizeof *p);
    p->x = x;
    p->on_done = on_done;
}

thetis_status post_send(wire *x, post *p, const void *data, size_t len)
{
    post_ready(x, p);
    return thetis_tcp_send(&x->tcp, &p->send, data, len, post_on_done);
}

thetis_status post_send_v(wire *x, post *p, const thetis_iov *iov, uint32_t iovs)
{
    post_ready(x, p);
    return thetis_tcp_send_v(&x->tcp, &p->send, iov, iovs, post_on_done);
}

thetis_status post_shutdown(wire *x, post *p)
{
    post_ready(x, p);
    return thetis_tcp_shutdown(&x->tcp, &p->send, post_on_done);
}

/* ---- gates ----------------------------------------------------------------------------------- */

static void gate_take(gate *g, thetis_accepted *a)
{
    wire *x;
    CHECK(g->accepts <= g->room);
    x = &g->wires[g->accepts - 1];
    wire_init(g->w, x);
    CHECK_EQ(thetis_tcp_accept(a, &x->tcp), THETIS_OK);
}

void gate_on_accept(thetis_listener *listener, thetis_accepted *a)
{
    gate *g = (gate *)listener;
    suite_enter(g->w);
    CHECK(!g->shut);
    if (a->status == THETIS_OK) {
        if (g->accepts < sizeof g->peers / sizeof g->peers[0]) g->peers[g->accepts] = a->peer;
        g->accepts++;
        if (g->on_accept) g->on_accept(g, a);
        else if (g->wires) gate_take(g, a);
    } else {
        g->lacks++;
        g->lack = a->status;
    }
    suite_leave(g->w);
}

void gate_init(suite *w, gate *g, wire *wires, size_t room)
{
    memset(g, 0, sizeof *g);
    g->w = w;
    g->wires = wires;
    g->room = room;
}

void gate_open_at(suite *w, gate *g, const char *at, wire *wires, size_t room)
{
    thetis_addr addr;
    gate_init(w, g, wires, room);
    CHECK_EQ(thetis_addr_parse(&addr, at), THETIS_OK);
    thetis_status s = thetis_tcp_listen(w->loop, &g->listener, &addr, NULL, gate_on_accept);
    if (s == THETIS_EADDRNOTAVAIL || s == THETIS_ENOTSUP) SKIP_ENVIRONMENT("no such local address");
    CHECK_EQ(s, THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&g->listener, &g->at), THETIS_OK);
}

void gate_open(suite *w, gate *g, wire *wires, size_t room)
{
    gate_open_at(w, g, "127.0.0.1:0", wires, room);
}

void gate_on_closed(thetis_handle *handle)
{
    gate *g = (gate *)handle;
    suite_enter(g->w);
    CHECK_EQ(g->closes, 0);
    g->closes++;
    suite_leave(g->w);
}

void gate_shut(gate *g)
{
    g->shut = 1;
    CHECK_EQ(thetis_listener_close(&g->listener, gate_on_closed), THETIS_OK);
}

void gate_close(gate *g)
{
    gate_shut(g);
    UNTIL(g->w, g->closes == 1);
}
