/* SPDX-License-Identifier: MIT
 *
 * test_fault.c: the fault shim does what each of its modes says.
 */
#include "harness/fault.h"

#include <errno.h>
#include <string.h>

#include "harness/test.h"

static fault f;
static const tht_sys *const sys = &f.sys;

/* A connected pair made through the shim: what it answers is the system's own. */
static void make_pair(int *a, int *b)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    int listener = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
    CHECK_EQ(sys->bind(sys, listener, &at).status, THETIS_OK);
    CHECK_EQ(sys->listen(sys, listener, 8).status, THETIS_OK);
    CHECK_EQ(sys->name(sys, listener, THT_LOCAL, &at).status, THETIS_OK);
    *a = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
    CHECK_EQ(sys->connect(sys, *a, &at).status, THETIS_AGAIN);
    *b = (int)sys->accept(sys, listener, NULL).n;
    CHECK(*a >= 0 && *b >= 0);
    CHECK_EQ(sys->so_error(sys, *a).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, listener).status, THETIS_OK);
}

static tht_ret push(int fd, size_t n)
{
    static const char bytes[1000];
    thetis_iov iov[2] = {{bytes, n / 2}, {bytes, n - n / 2}};
    return sys->send(sys, fd, iov, 2);
}

static tht_ret push_one(int fd, size_t n)
{
    static const char bytes[1000];
    return sys->send_one(sys, fd, bytes, n);
}

static tht_ret pull(int fd, size_t n)
{
    char bytes[1000];
    return sys->recv(sys, fd, bytes, n);
}

static int make_set(int fd, uint64_t token, uint32_t mask)
{
    int set = (int)sys->epoll_open(sys).n;
    CHECK(set >= 0);
    CHECK_EQ(sys->epoll_set(sys, set, fd, token, 0, mask).status, THETIS_OK);
    return set;
}

TEST(transparent)
{
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    CHECK_EQ(f.sys.max_iov, tht_sys_host.max_iov);
    make_pair(&a, &b);
    CHECK_EQ(push(a, 100).n, 100);
    CHECK_EQ(pull(b, 1000).n, 100);
    CHECK_EQ(pull(b, 1000).status, THETIS_AGAIN);
    CHECK_EQ(sys->shutdown(sys, a).status, THETIS_OK);
    CHECK_EQ(pull(b, 1000).n, 0);
    CHECK_EQ(sys->setopt(sys, a, THT_OPT_NODELAY, 1).status, THETIS_OK);
    CHECK_EQ(f.injected, 0);
}

TEST(counts_and_logs)
{
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    uint64_t from = f.logged, total = f.total;
    (void)push_one(a, 10);
    (void)push(a, 20);
    (void)push(b, 30);
    (void)pull(a, 500);
    CHECK_EQ(fault_calls(&f, FAULT_SEND), 3);
    CHECK_EQ(fault_calls(&f, FAULT_RECV), 1);
    CHECK_EQ(f.total - total, 4);
    CHECK_EQ(fault_logged(&f, from, FAULT_SEND, -1), 3);
    CHECK_EQ(fault_logged(&f, from, FAULT_SEND, a), 2);
    CHECK_EQ(fault_logged(&f, from + 2, FAULT_SEND, a), 0);
    const fault_call *last = &f.log[(f.logged - 1) % FAULT_LOG];
    CHECK_EQ(last->fn, FAULT_RECV);
    CHECK_EQ(last->fd, a);
    CHECK_EQ(last->arg, 500);
    CHECK_EQ(last->ret.n, 30);
    for (int i = 0; i < 2 * FAULT_LOG; i++) (void)pull(a, 1); /* the log goes round */
    CHECK_EQ(fault_logged(&f, from, FAULT_SEND, -1), 0);
    CHECK_EQ(fault_logged(&f, 0, FAULT_RECV, a), FAULT_LOG);
}

TEST(kth_call_fails)
{
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    fault_fail(&f, FAULT_SEND, 3, THETIS_ERESET, EPIPE);
    CHECK_EQ(push(a, 10).n, 10);
    CHECK_EQ(pull(b, 10).n, 10); /* another function does not count */
    CHECK_EQ(push(a, 10).n, 10);
    CHECK(!fault_fired(&f));
    tht_ret ret = push(a, 10);
    CHECK_EQ(ret.n, 0);
    CHECK_EQ(ret.status, THETIS_ERESET);
    CHECK_EQ(ret.os, EPIPE);
    CHECK(fault_fired(&f));
    CHECK_EQ(push(a, 10).n, 10);
    CHECK_EQ(pull(b, 1000).n, 20); /* what failed was not sent */
    fault_fail(&f, FAULT_ANY, 2, THETIS_EOTHER, EIO);
    CHECK_EQ(push(a, 1).status, THETIS_OK);
    CHECK_EQ(pull(b, 1).status, THETIS_EOTHER);
    CHECK_EQ(pull(b, 1).status, THETIS_OK);
    CHECK_EQ(f.injected, 2);
}

/* Datagrams go through; short counts are counts of messages. */
TEST(datagrams)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}}, from[4];
    char bytes[4][8];
    tht_in in[4];
    tht_out out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    int fd = (int)sys->socket(sys, THETIS_ADDR_V4, THT_DGRAM).n;
    CHECK_EQ(sys->bind(sys, fd, &at).status, THETIS_OK);
    CHECK_EQ(sys->name(sys, fd, THT_LOCAL, &at).status, THETIS_OK);
    for (int i = 0; i < 4; i++) {
        out[i] = (tht_out){.data = "abcdef", .len = 6, .to = &at, .segment = 3};
        in[i] = (tht_in){.into = bytes[i], .room = 8, .from = &from[i]};
    }
    f.no_cut = 1;
    CHECK_EQ(sys->send_msgs(sys, fd, out, 4).status, THETIS_ENOTSUP);
    out[0].segment = 0;
    CHECK_EQ(sys->send_msgs(sys, fd, out, 1).n, 1);
    CHECK_EQ(sys->recv_msgs(sys, fd, in, 4).n, 1);
    for (int i = 0; i < 4; i++) out[i].segment = 0;
    f.short_max = 1;
    CHECK_EQ(sys->send_msgs(sys, fd, out, 4).n, 1);
    CHECK_EQ(sys->send_msgs(sys, fd, out, 4).n, 1);
    CHECK_EQ(sys->recv_msgs(sys, fd, in, 4).n, 1);
    CHECK_EQ(sys->recv_msgs(sys, fd, in, 4).n, 1);
    CHECK_EQ(sys->recv_msgs(sys, fd, in, 4).status, THETIS_AGAIN);
    CHECK_EQ(fault_calls(&f, FAULT_SEND_MSGS), 4);
    CHECK_EQ(f.injected, 1);
}

TEST(every_function_can_fail)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    tht_event out[4];
    uint32_t count = 1;
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_IN);
    for (fault_fn fn = FAULT_SOCKET; fn < FAULT_WAKE_SEND; fn++)
        fault_hold(&f, fn, THETIS_ENOMEM, ENOMEM);
    uint64_t injected = f.injected;
    CHECK_EQ(sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).status, THETIS_ENOMEM);
    CHECK_EQ(sys->bind(sys, a, &at).status, THETIS_ENOMEM);
    CHECK_EQ(sys->listen(sys, a, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->accept(sys, a, NULL).status, THETIS_ENOMEM);
    CHECK_EQ(sys->connect(sys, a, &at).status, THETIS_ENOMEM);
    CHECK_EQ(pull(a, 1).status, THETIS_ENOMEM);
    CHECK_EQ(push(a, 1).status, THETIS_ENOMEM);
    CHECK_EQ(push_one(a, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->recv_fds(sys, a, NULL, 1, NULL, &count).status, THETIS_ENOMEM);
    CHECK_EQ(count, 0);
    CHECK_EQ(sys->send_fds(sys, a, NULL, 0, NULL, 0).status, THETIS_ENOMEM);
    CHECK_EQ(sys->recv_msgs(sys, a, NULL, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->send_msgs(sys, a, NULL, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->group(sys, a, &at, 0, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->shutdown(sys, a).status, THETIS_ENOMEM);
    CHECK_EQ(sys->so_error(sys, a).status, THETIS_ENOMEM);
    CHECK_EQ(sys->setopt(sys, a, THT_OPT_NODELAY, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->name(sys, a, THT_LOCAL, &at).status, THETIS_ENOMEM);
    CHECK_EQ(sys->epoll_open(sys).status, THETIS_ENOMEM);
    CHECK_EQ(sys->epoll_set(sys, set, a, 7, THT_IN, 0).status, THETIS_ENOMEM);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).status, THETIS_ENOMEM);
    CHECK_EQ(sys->poll_set(sys, a, 7, 0, THT_IN).status, THETIS_ENOMEM);
    CHECK_EQ(sys->poll_wait(sys, NULL, NULL, 0, &count, out, 4, 0).status, THETIS_ENOMEM);
    CHECK_EQ(sys->wake_open(sys, set, 1).status, THETIS_ENOMEM);
    CHECK_EQ(sys->close(sys, b).status, THETIS_ENOMEM);
    CHECK_EQ(f.injected - injected, FAULT_WAKE_SEND - FAULT_SOCKET + 5); /* several kinds */
    fault_calm(&f);
    CHECK_EQ(pull(a, 1).status, THETIS_OK); /* EOF: the close that failed has closed */
    CHECK_EQ(sys->epoll_set(sys, set, a, 7, THT_IN, 0).status, THETIS_OK);
}

TEST(holds_until_told)
{
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    fault_hold(&f, FAULT_SEND, THETIS_ENOBUFS, ENOBUFS);
    for (int i = 0; i < 5; i++) CHECK_EQ(push(a, 1).status, THETIS_ENOBUFS);
    fault_hold(&f, FAULT_SEND, THETIS_OK, 0);
    CHECK_EQ(push(a, 1).status, THETIS_OK);
}

TEST(short_counts)
{
    int a, b;
    unsigned seen[8] = {0};
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    f.short_max = 7;
    for (int i = 0; i < 500; i++) {
        ptrdiff_t n = i % 2 ? push(a, 600).n : push_one(a, 600).n;
        CHECK(n >= 1 && n <= 7);
        seen[n]++;
    }
    for (int n = 1; n <= 7; n++) CHECK(seen[n] > 0);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 200; i++) {
        ptrdiff_t n = pull(b, 600).n;
        CHECK(n >= 1 && n <= 7);
        seen[n]++;
    }
    for (int n = 1; n <= 7; n++) CHECK(seen[n] > 0);
    CHECK_EQ(push(a, 1).n, 1);
}

TEST(interruptions)
{
    int a, b;
    tht_event out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_IN);
    f.eintr_each = 3;
    for (int i = 1; i <= 9; i++) {
        tht_ret ret = i % 2 ? push_one(a, 10) : sys->epoll_wait(sys, set, out, 4, 0);
        CHECK_EQ(ret.status, i % 3 ? THETIS_OK : THETIS_EINTR);
        CHECK_EQ(ret.os, i % 3 ? 0 : EINTR);
        CHECK_EQ(sys->setopt(sys, a, THT_OPT_NODELAY, 1).status, THETIS_OK); /* never */
    }
    f.eintr_each = 0;
    CHECK_EQ(pull(b, 1000).n, 30); /* calls 1, 5, 7; calls 3 and 9 did nothing */
}

TEST(false_readiness)
{
    int a, b;
    tht_event out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_IN);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 0);
    f.spurious = 1000;
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, UINT64_MAX).n, 1); /* and does not sleep */
    CHECK_EQ(out[0].token, 7);
    CHECK(out[0].ready & THT_IN);
    CHECK_EQ(sys->epoll_set(sys, set, a, 7, THT_IN, 0).status, THETIS_OK);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 0); /* nothing is registered */
    f.ghosts = 1000;
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, UINT64_MAX).n, 1);
    CHECK_EQ(out[0].token, 7);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 0, 0).n, 0); /* no room */
}

/* The same modes for a set that the caller keeps. */
TEST(poll_sets)
{
    const uint64_t token = 7;
    tht_event out[4];
    uint32_t first = 0;
    int a, b;
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    tht_pollfd fd = {.fd = a, .events = (int16_t)sys->poll_set(sys, a, token, 0, THT_OUT).n};
    CHECK_EQ(sys->poll_wait(sys, &fd, &token, 1, &first, out, 4, UINT64_MAX).n, 1);
    CHECK(out[0].token == token && out[0].ready == THT_OUT);
    f.duplicate = 1000;
    CHECK_EQ(sys->poll_wait(sys, &fd, &token, 1, &first, out, 4, 0).n, 2);
    fault_calm(&f);
    f.suppress = 1;
    CHECK_EQ(sys->poll_wait(sys, &fd, &token, 1, &first, out, 4, 0).status, THETIS_EINTR);
    CHECK_EQ(sys->poll_set(sys, a, token, THT_OUT, 0).n, 0);
    f.ghosts = 1000;
    CHECK_EQ(sys->poll_wait(sys, NULL, NULL, 0, &first, out, 4, UINT64_MAX).n, 1);
    CHECK_EQ(out[0].token, token);
    int wake = (int)sys->wake_open(sys, -1, 0).n;
    CHECK_EQ(sys->wake_send(sys, wake).status, THETIS_OK);
    sys->wake_take(sys, wake);
    CHECK_EQ(sys->close(sys, wake).status, THETIS_OK);
}

TEST(duplicates)
{
    int a, b;
    tht_event out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_IN | THT_OUT);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 1);
    f.duplicate = 1000;
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 2);
    CHECK_EQ(out[0].token, out[1].token);
    CHECK_EQ(out[0].ready, out[1].ready);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 1, 0).n, 1);
}

TEST(suppressed_events_come_again)
{
    int a, b;
    tht_event out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_OUT);
    f.suppress = 2;
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).status, THETIS_EINTR);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).status, THETIS_EINTR);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 1);
    int wake = (int)sys->wake_open(sys, set, 9).n;
    CHECK_EQ(sys->epoll_set(sys, set, a, 7, THT_OUT, 0).status, THETIS_OK);
    f.suppress = 5;
    CHECK_EQ(sys->wake_send(sys, wake).status, THETIS_OK);
    CHECK_EQ(fault_calls(&f, FAULT_WAKE_SEND), 1);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 0).n, 1); /* a wake-up comes once only */
    CHECK_EQ(out[0].token, 9);
}

TEST(virtual_clock)
{
    int a, b;
    tht_event out[4];
    fault_init(&f, &tht_sys_host, test_seed());
    CHECK(sys->now(sys) > 0);
    make_pair(&a, &b);
    int set = make_set(a, 7, THT_IN);
    fault_clock_start(&f, 1000);
    CHECK_EQ(sys->now(sys), 1000);
    CHECK_EQ(sys->now(sys), 1000); /* frozen */
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, UINT64_C(3600000000000)).n, 0);
    CHECK_EQ(sys->now(sys), UINT64_C(3600000001000));
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, UINT64_MAX).n, 0);
    CHECK_EQ(sys->now(sys), UINT64_C(3600000001000));
    fault_clock_step(&f, -1000);
    CHECK_EQ(sys->now(sys), UINT64_C(3600000000000));
    (void)push(b, 1);
    CHECK_EQ(sys->epoll_wait(sys, set, out, 4, 500).n, 1);
    CHECK_EQ(sys->now(sys), UINT64_C(3600000000000)); /* an event: no time has passed */
}

TEST(connect_now)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    fault_init(&f, &tht_sys_host, test_seed());
    f.connect_now = 1;
    int listener = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
    CHECK_EQ(sys->bind(sys, listener, &at).status, THETIS_OK);
    CHECK_EQ(sys->name(sys, listener, THT_LOCAL, &at).status, THETIS_OK);
    int fd = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
    CHECK_EQ(sys->connect(sys, fd, &at).status, THETIS_EREFUSED); /* bound, not listening */
    CHECK_EQ(sys->listen(sys, listener, 8).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    fd = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
    CHECK_EQ(sys->connect(sys, fd, &at).status, THETIS_OK);
}

TEST_MAIN(T(transparent), T(counts_and_logs), T(kth_call_fails), T(datagrams),
          T(every_function_can_fail),
          T(holds_until_told), T(short_counts), T(interruptions), T(false_readiness), T(poll_sets),
          T(duplicates),
          T(suppressed_events_come_again), T(virtual_clock), T(connect_now))
