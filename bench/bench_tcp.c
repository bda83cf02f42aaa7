/* SPDX-License-Identifier: MIT
 *
 * bench_tcp.c: echo on thetis: thetis_tcp_recv_start into the loop's shared buffers and
 * thetis_tcp_send_try; thetis_tcp_send from a kept buffer for what that leaves over. With
 * BENCH_URING on that backend, always the latter: many sends then go out in one system call.
 *
 * Usage: bench-tcp-thetis-BACKEND. Public headers only.
 */
#include <thetis/loop.h>
#include <thetis/tcp.h>
#include <thetis/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 16384 };

#ifndef BENCH_BACKEND
#define BENCH_BACKEND "epoll"
#endif

#ifdef BENCH_URING
#define BENCH_FORM "keep + send"
#define BENCH_CFG .backend = "uring", .buffers = CONNECTIONS, .buffer_size = 2048, .events = 4096
#else
#define BENCH_FORM "send_try"
#define BENCH_CFG .backend = BENCH_BACKEND
#endif

typedef struct conn {
    _Alignas(64) thetis_tcp tcp; /* first: a stream is its connection */
    thetis_send send;
    uint32_t kept;
    int sending;
    struct conn *next_free;
} conn;

static conn *free_conns;

static _Noreturn void die(const char *what, thetis_status s)
{
    fprintf(stderr, "bench: %s: %s\n", what, thetis_status_text(s));
    exit(1);
}

static void on_closed(thetis_handle *handle)
{
    conn *c = (conn *)(void *)handle;
    c->next_free = free_conns;
    free_conns = c;
}

static void on_rest_sent(thetis_tcp *tcp, thetis_send *send)
{
    (void)send;
    ((conn *)(void *)tcp)->sending = 0;
    thetis_loop_release(thetis_handle_loop(thetis_tcp_handle(tcp)), ((conn *)(void *)tcp)->kept);
    (void)thetis_tcp_resume(tcp); /* ABSENT: it is closing */
}

static void send_rest(conn *c, const thetis_recv *r, size_t sent)
{
    thetis_status s;
    c->kept = thetis_tcp_keep(&c->tcp, r);
    c->sending = 1;
    (void)thetis_tcp_pause(&c->tcp); /* until the rest is out, so one `send` is enough */
    s = thetis_tcp_send(&c->tcp, &c->send, (const char *)r->data + sent, r->len - sent,
                        on_rest_sent);
    if (s != THETIS_OK) die("send", s);
}

#ifdef BENCH_URING
/* A client waits for its answer before it sends again; one that does not is turned away. */
static thetis_status send_queued(conn *c, const thetis_recv *r)
{
    if (c->sending) return THETIS_EBUSY;
    c->sending = 1;
    c->kept = thetis_tcp_keep(&c->tcp, r);
    return thetis_tcp_send(&c->tcp, &c->send, r->data, r->len, on_rest_sent);
}
#endif

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    size_t sent = 0;
    thetis_status s;
    if (r->status != THETIS_OK) {
        s = thetis_tcp_close(tcp, on_closed);
        if (s != THETIS_OK) die("close", s);
        return;
    }
#ifdef BENCH_URING
    s = send_queued((conn *)(void *)tcp, r);
#else
    s = thetis_tcp_send_try(tcp, r->data, r->len, &sent);
#endif
    if (s == THETIS_OK) return;
    if (s == THETIS_AGAIN) send_rest((conn *)(void *)tcp, r, sent);
    else if ((s = thetis_tcp_abort(tcp, on_closed)) != THETIS_OK) die("abort", s);
}

static void on_accept(thetis_listener *listener, thetis_accepted *a)
{
    conn *c = free_conns;
    (void)listener;
    if (a->status != THETIS_OK) die("accept", a->status);
    if (!c) die("accept", THETIS_ENOSLOT);
    free_conns = c->next_free;
    thetis_status s = thetis_tcp_accept(a, &c->tcp);
    if (s == THETIS_OK) s = thetis_tcp_recv_start(&c->tcp, on_recv);
    if (s != THETIS_OK) die("accept", s);
}

/* Connections on whole cache lines: a stream is two of them. */
static void make_conns(void)
{
    conn *conns = aligned_alloc(_Alignof(conn), CONNECTIONS * sizeof *conns);
    if (!conns) die("memory", THETIS_ENOMEM);
    memset(conns, 0, CONNECTIONS * sizeof *conns);
    for (size_t i = CONNECTIONS; i-- > 0;)
        on_closed(thetis_tcp_handle(&conns[i].tcp));
}

static thetis_status listen_anywhere(thetis_loop *loop, thetis_listener *listener)
{
    thetis_addr addr;
    thetis_status s = thetis_addr_parse(&addr, "127.0.0.1:0");
    if (s == THETIS_OK) s = thetis_tcp_listen(loop, listener, &addr, NULL, on_accept);
    if (s == THETIS_OK) s = thetis_listener_addr(listener, &addr);
    if (s != THETIS_OK) return s;
    printf("%u thetis %s, %s, recv_start + " BENCH_FORM "\n", addr.port, thetis_version(),
           thetis_loop_backend(loop));
    fflush(stdout);
    return THETIS_OK;
}

int main(void)
{
    thetis_loop_cfg cfg = {.max_handles = CONNECTIONS + 1, BENCH_CFG};
    thetis_listener listener;
    thetis_loop *loop;
    make_conns();
    thetis_status s = thetis_loop_create(&cfg, &loop);
    if (s == THETIS_OK) s = listen_anywhere(loop, &listener);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    die("run", s);
}
