/* SPDX-License-Identifier: MIT
 *
 * conform_udp_life.c: rows of the other groups, for datagrams: buffers, closing, memory, idleness.
 */
#include <errno.h>
#include <string.h>

#include "conform/plug.h"
#include "harness/count_malloc.h"

static void flood(int fd, const plug *x, uint64_t *k, size_t n)
{
    for (; n > 0; n--, ++*k) peer_udp_send(fd, &x->at, *k, 10);
    the_world->settle();
}

/* ---- 8, 122 ---------------------------------------------------------------------------------- */

static void exercise(suite *w)
{
    static plug a, b;
    static char bytes[500];
    thetis_dgram d = {.data = bytes, .len = sizeof bytes, .segment = 100, .to = NULL};
    thetis_status why;
    plug_open_at(w, &a, "127.0.0.1:0", &(thetis_udp_cfg){.stamp = 1, .drops = 1});
    plug_open(w, &b);
    a.any = b.any = 1;
    plug_recv(&a);
    plug_recv(&b);
    CHECK_EQ(thetis_udp_connect(&a.udp, &b.at), THETIS_OK);
    CHECK_EQ(thetis_udp_send_n(&a.udp, &d, 1, &why), 1);
    CHECK_EQ(thetis_udp_send(&b.udp, &a.at, bytes, 1), THETIS_OK);
    CHECK_EQ(thetis_udp_wait_writable(&a.udp, plug_on_writable), THETIS_OK);
    UNTIL(w, a.datagrams == 1 && b.datagrams == 5 && a.rooms == 1);
    plug_close(&a);
    plug_close(&b);
}

static void row_008_no_allocation_for_datagrams(suite *w)
{
    suite_need_threads(); /* where a case has no process for itself, others allocate */
    size_t before = count_malloc();
    exercise(w);
    CHECK_EQ(count_malloc(), before);
}

static void row_122_an_idle_socket_only_sleeps(suite *w)
{
    static plug x;
    plug_open(w, &x);
    plug_recv(&x);
    suite_turns(w, 5);
    uint64_t total = w->fault.total;
    suite_turns(w, 100);
    CHECK_EQ(w->fault.total, total + 100);
    plug_close(&x);
}

/* One datagram is one call, a full queue a call for every THT_MSGS. */
static void row_122_calls_per_datagram(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0, calls;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    plug_recv(&x);
    for (int i = 0; i < 10; i++) {
        calls = fault_calls(&w->fault, FAULT_RECV_MSGS);
        flood(fd, &x, &k, 1);
        UNTIL(w, x.datagrams == k);
        CHECK_EQ(fault_calls(&w->fault, FAULT_RECV_MSGS), calls + 1);
    }
    calls = fault_calls(&w->fault, FAULT_RECV_MSGS);
    flood(fd, &x, &k, 190);
    UNTIL(w, x.datagrams == k); /* 2, 4, 8, 16, then 5 times 32 */
    CHECK_EQ(fault_calls(&w->fault, FAULT_RECV_MSGS) - calls, 4 + 5);
    plug_close(&x);
    peer_close(fd);
}

/* ---- 49 to 52: buffers ----------------------------------------------------------------------- */

static uint32_t kept[64];
static unsigned kept_count;

static void keep_it(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_OK) kept[kept_count++] = thetis_udp_keep(&x->udp, train);
}

static void row_049_a_socket_that_keeps_all_it_may(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    kept_count = 0;
    plug_open(w, &x);
    x.on_train = keep_it;
    plug_recv(&x);
    flood(fd, &x, &k, THETIS_UDP_KEEP_MAX + 4);
    UNTIL(w, x.datagrams == THETIS_UDP_KEEP_MAX);
    suite_turns(w, 10);
    CHECK_EQ(x.datagrams, THETIS_UDP_KEEP_MAX);
    for (unsigned i = 0; i < 4; i++) {
        thetis_loop_release(w->loop, kept[3 - i]);
        UNTIL(w, x.datagrams == THETIS_UDP_KEEP_MAX + i + 1);
        suite_turns(w, 3);
        CHECK_EQ(x.datagrams, THETIS_UDP_KEEP_MAX + i + 1);
    }
    plug_close(&x);
    for (unsigned i = 4; i < THETIS_UDP_KEEP_MAX + 4; i++) thetis_loop_release(w->loop, kept[i]);
    peer_close(fd);
}

static void release_at_once(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_OK)
        thetis_loop_release(x->w->loop, thetis_udp_keep(&x->udp, train));
}

/* Two sockets and a stream share four buffers; whatever is kept, each buffer exists once. */
static void row_050_few_buffers_for_all(suite *w)
{
    static plug a, b;
    static wire stream;
    thetis_addr at;
    uint64_t ka = 0, kb = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    suite_reopen(w, (thetis_loop_cfg){.buffers = 4, .buffer_size = 64});
    kept_count = 0;
    plug_open(w, &a);
    plug_open(w, &b);
    int tcp = wire_pair(w, &stream);
    wire_recv(&stream);
    plug_recv(&b);
    b.on_train = release_at_once;
    peer_send(tcp, 0, 100);
    flood(fd, &b, &kb, 10);
    UNTIL(w, b.datagrams == 10 && stream.got == 100);
    a.on_train = keep_it;
    plug_recv(&a);
    flood(fd, &a, &ka, 6);
    UNTIL(w, a.datagrams == 4);
    flood(fd, &b, &kb, 3);
    peer_send(tcp, 100, 100);
    suite_turns(w, 5);
    CHECK_EQ(a.datagrams + b.datagrams, 14);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < i; j++) CHECK(kept[i] != kept[j]);
    a.on_train = NULL;
    for (unsigned i = 0; i < 4; i++) thetis_loop_release(w->loop, kept[i]);
    UNTIL(w, a.datagrams == 6 && b.datagrams == 13 && stream.got == 200);
    plug_close(&a);
    plug_close(&b);
    wire_close(&stream);
    peer_close(tcp);
    peer_close(fd);
}

static void row_051_an_empty_pool_costs_no_call(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0, total;
    int fd = peer_udp("127.0.0.1:0", &at);
    suite_reopen(w, (thetis_loop_cfg){.buffers = 2});
    kept_count = 0;
    plug_open(w, &x);
    x.on_train = keep_it;
    plug_recv(&x);
    flood(fd, &x, &k, 3);
    UNTIL(w, x.datagrams == 2);
    suite_turns(w, 5);
    total = w->fault.total;
    suite_turns(w, 20);
    CHECK_EQ(w->fault.total, total + 20);
    thetis_loop_release(w->loop, kept[0]);
    UNTIL(w, x.datagrams == 3);
    plug_close(&x);
    thetis_loop_release(w->loop, kept[1]);
    thetis_loop_release(w->loop, kept[2]);
    peer_close(fd);
}

/* ---- 53, 55, 101, 102, 107: canceling and closing -------------------------------------------- */

static void cancel_it(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_OK && x->datagrams == 1)
        CHECK_EQ(thetis_udp_recv_cancel(&x->udp), THETIS_OK);
}

static void row_053_a_canceled_receive_loses_no_datagram(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    CHECK_EQ(thetis_udp_recv_cancel(&x.udp), THETIS_ABSENT);
    x.on_train = cancel_it;
    plug_recv(&x);
    CHECK_EQ(thetis_udp_recv_start(&x.udp, plug_on_train), THETIS_EBUSY);
    flood(fd, &x, &k, 50);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(thetis_udp_recv_cancel(&x.udp), THETIS_ABSENT);
    suite_turns(w, 5);
    CHECK(x.datagrams >= 1 && x.datagrams <= 2); /* what the first call asked for */
    plug_recv(&x);
    UNTIL(w, x.datagrams == 50);
    plug_close(&x);
    CHECK_EQ(x.ends, 2);
    peer_close(fd);
}

static void close_it(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_OK) plug_shut(x);
}

static void row_055_close_inside_the_callback(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    x.on_train = close_it;
    flood(fd, &x, &k, 10);
    plug_recv(&x);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(x.datagrams, 1);
    CHECK_EQ(x.ends, 1);
    peer_close(fd);
}

/* In the callbacks of the end: nothing can be begun any more. */
static void begin_again(plug *x, const thetis_train *train)
{
    thetis_status why;
    thetis_dgram d = {.data = "x", .len = 1, .to = &x->at};
    if (train->status != THETIS_ECANCELED) return;
    CHECK_EQ(thetis_udp_recv_start(&x->udp, plug_on_train), THETIS_EBUSY);
    CHECK_EQ(thetis_udp_wait_writable(&x->udp, plug_on_writable), THETIS_EBUSY);
    CHECK_EQ(thetis_udp_send_n(&x->udp, &d, 1, &why), 0);
    CHECK_EQ(why, THETIS_EBUSY);
    CHECK_EQ(thetis_udp_connect(&x->udp, &x->at), THETIS_EBUSY);
    CHECK_EQ(thetis_udp_join(&x->udp, &x->at, 0), THETIS_EBUSY);
    CHECK_EQ(thetis_udp_leave(&x->udp, &x->at, 0), THETIS_EBUSY);
    CHECK_EQ(thetis_udp_addr(&x->udp, &x->at, NULL), THETIS_ENOTCONN);
    CHECK_EQ(thetis_udp_close(&x->udp, plug_on_closed), THETIS_EBUSY);
}

static void row_101_close_ends_receive_and_wait(suite *w)
{
    static plug x;
    plug_open(w, &x);
    x.on_train = begin_again;
    plug_recv(&x);
    CHECK_EQ(thetis_udp_wait_writable(&x.udp, plug_on_writable), THETIS_OK);
    plug_close(&x);
    CHECK_EQ(x.ends, 1);
    CHECK_EQ(x.room_ends, 1);
}

static void shut_it(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_ECANCELED && !x->shut) plug_shut(x);
}

static void row_101_close_inside_the_last_callback(suite *w)
{
    static plug x;
    plug_open(w, &x);
    x.on_train = shut_it;
    plug_recv(&x);
    CHECK_EQ(thetis_udp_wait_writable(&x.udp, plug_on_writable), THETIS_OK);
    CHECK_EQ(thetis_udp_recv_cancel(&x.udp), THETIS_OK);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(x.ends, 1);
}

static void shut_at_news(plug *x, const thetis_train *train)
{
    if (train->status == THETIS_EREFUSED) plug_shut(x);
}

static void row_101_close_inside_news(suite *w)
{
    static plug x;
    uint64_t k = 0;
    plug_open(w, &x);
    x.on_train = shut_at_news;
    plug_recv(&x);
    CHECK_EQ(thetis_udp_wait_writable(&x.udp, plug_on_writable), THETIS_OK);
    fault_fail(&w->fault, FAULT_SEND_MSGS, 1, THETIS_EREFUSED, ECONNREFUSED);
    plug_send(&x, &x.at, &k, 1, 8);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(x.news, 1);
    CHECK_EQ(x.ends, 1);
    CHECK_EQ(x.rooms + x.room_ends, 1);
}

/* ---- faults that stay ------------------------------------------------------------------------ */

/* A system that has nothing but faults to tell does not make the loop spin. */
static void row_074_a_receive_that_fails_again_and_again(suite *w)
{
    static plug x;
    static const thetis_status faults[] = {THETIS_EREFUSED, THETIS_EOTHER, THETIS_ENOMEM,
                                           THETIS_ENOBUFS};
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    plug_recv(&x);
    for (size_t i = 0; i < 4; i++) {
        uint64_t calls = fault_calls(&w->fault, FAULT_RECV_MSGS);
        fault_clock_start(&w->fault, 1000000000);
        fault_hold(&w->fault, FAULT_RECV_MSGS, faults[i], EIO);
        flood(fd, &x, &k, 1);
        while (w->fault.clock < 3000000000u) suite_turn_for(w, UINT64_MAX); /* two seconds */
        CHECK(fault_calls(&w->fault, FAULT_RECV_MSGS) - calls < 20 * 16);
        CHECK_EQ(x.datagrams, i);
        fault_hold(&w->fault, FAULT_RECV_MSGS, THETIS_OK, 0);
        while (x.datagrams == i) suite_turn_for(w, UINT64_MAX);
    }
    CHECK(x.news > 0);
    plug_close(&x);
    peer_close(fd);
}

/* The poller refuses: told, and tried again. */
static void row_074_a_socket_that_cannot_be_watched(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    plug_recv(&x);
    fault_clock_start(&w->fault, 1000000000);
    fault_hold(&w->fault, FAULT_EPOLL_SET, THETIS_ENOMEM, ENOSPC);
    flood(fd, &x, &k, 1);
    for (int i = 0; i < 20; i++) suite_turn(w);
    CHECK(x.news > 0 && x.told == THETIS_ENOMEM);
    CHECK(x.news < 4); /* at growing intervals */
    CHECK_EQ(x.datagrams, 1); /* a retry receives, watched or not */
    fault_hold(&w->fault, FAULT_EPOLL_SET, THETIS_OK, 0);
    flood(fd, &x, &k, 1);
    while (x.datagrams < k) suite_turn_for(w, UINT64_MAX);
    plug_close(&x);
    peer_close(fd);
}

#define CONFORM_GROUP_DATAGRAM
#include "conform/rows.h"
