/* SPDX-License-Identifier: MIT
 *
 * bench_fair.c: a loop with its ordinary budgets.
 */
#include <thetis/loop.h>
#include <thetis/tcp.h>
#include <thetis/version.h>

#include <stddef.h>

#include "window.h"

#ifndef BENCH_BACKEND
#define BENCH_BACKEND "epoll"
#endif
#define SUBJECT_VARIANT                                                                         \
    "thetis " THETIS_VERSION_STRING ", " BENCH_BACKEND ", tcp_recv_start + tcp_send_try"

enum { STREAMS = 128 };

static thetis_loop *loop;
static thetis_listener listener;
static thetis_tcp streams[STREAMS];
static size_t taken;

static void must(thetis_status status)
{
    if (status != THETIS_OK) bench_die(thetis_status_text(status));
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    size_t sent;
    must(r->status);
    if (*(const char *)r->data == 'p') must(thetis_tcp_send_try(tcp, r->data, r->len, &sent));
}

static void on_accept(thetis_listener *from, thetis_accepted *a)
{
    (void)from;
    must(thetis_tcp_accept(a, &streams[taken]));
    must(thetis_tcp_recv_start(&streams[taken++], on_recv));
}

static unsigned subject_listen(void)
{
    thetis_loop_cfg cfg = {.backend = BENCH_BACKEND};
    thetis_addr at;
    must(thetis_loop_create(&cfg, &loop));
    must(thetis_addr_parse(&at, "127.0.0.1:0"));
    must(thetis_tcp_listen(loop, &listener, &at, NULL, on_accept));
    must(thetis_listener_addr(&listener, &at));
    must(thetis_loop_run_once(loop, 0));
    return at.port;
}

static void subject_turn(void)
{
    must(thetis_loop_run_once(loop, 0));
}

#include "fair.h"
