/* SPDX-License-Identifier: MIT
 *
 * test_tcp.c: every documented status of thetis/tcp.h. Behaviour is in tests/conform.
 */
#include <thetis/tcp.h>

#include <errno.h>
#include <string.h>

#include "harness/fault.h"
#include "harness/test.h"

/* ---- a listener, its one accepted stream and a stream of ours -------------------------------- */

typedef struct bench {
    fault fault;
    thetis_loop *loop;
    thetis_listener listener;
    thetis_addr at;
    thetis_tcp ours, theirs;
    unsigned connects, accepts, recvs, sends, closes;
    thetis_status accepted, accepted_again, connected, received;
} bench;

static bench b;

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)tcp, (void)os;
    b.connects++;
    b.connected = status;
}

static void on_accept(thetis_listener *listener, thetis_accepted *a)
{
    (void)listener;
    b.accepts++;
    b.accepted = thetis_tcp_accept(a, &b.theirs);
    b.accepted_again = thetis_tcp_accept(a, &b.theirs);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    (void)tcp;
    b.recvs++;
    b.received = recv->status;
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    (void)tcp, (void)send;
    b.sends++;
}

static void on_mark(thetis_tcp *tcp, int full)
{
    (void)tcp, (void)full;
}

static void on_closed(thetis_handle *handle)
{
    (void)handle;
    b.closes++;
}

static void turns_until(const unsigned *counter, unsigned value)
{
    for (int left = 5000; *counter != value; left--) {
        CHECK(left > 0);
        (void)!thetis_loop_run_once(b.loop, 1000000);
    }
}

static void make_bench(uint32_t max_handles)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    thetis_loop_cfg cfg = {.max_handles = max_handles, .sys = &b.fault.sys};
    fault_init(&b.fault, &tht_sys_host, test_seed());
    CHECK_EQ(thetis_loop_create(&cfg, &b.loop), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(b.loop, &b.listener, &at, NULL, on_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&b.listener, &b.at), THETIS_OK);
    CHECK(b.at.port != 0);
}

static void make_pair(void)
{
    make_bench(8);
    CHECK_EQ(thetis_tcp_connect(b.loop, &b.ours, &b.at, on_connect), THETIS_OK);
    turns_until(&b.connects, 1);
    turns_until(&b.accepts, 1);
    CHECK_EQ(b.connected, THETIS_OK);
    CHECK_EQ(b.accepted, THETIS_OK);
    CHECK_EQ(b.accepted_again, THETIS_EINVAL);
}

static void close_each(thetis_handle *handle, void *user)
{
    thetis_status s = thetis_handle_close(handle, NULL);
    (void)user;
    CHECK(s == THETIS_OK || s == THETIS_EBUSY);
}

static void end_bench(void)
{
    thetis_loop_scan(b.loop, close_each, NULL);
    CHECK_EQ(thetis_loop_run(b.loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(b.loop), THETIS_OK);
}

/* ---- listening ------------------------------------------------------------------------------- */

TEST(listen_refusals)
{
    thetis_listener second;
    thetis_addr unix_path = {.family = THETIS_ADDR_UNIX, .u.path = "/nowhere"};
    thetis_addr foreign = {.family = THETIS_ADDR_V4, .u.v4 = {192, 0, 2, 1}}; /* RFC 5737 */
    thetis_addr none = {0};
    make_bench(2);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &b.at, NULL, on_accept), THETIS_EADDRINUSE);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &foreign, NULL, on_accept), THETIS_EADDRNOTAVAIL);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &unix_path, NULL, on_accept), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &none, NULL, on_accept), THETIS_EINVAL);
    fault_fail(&b.fault, FAULT_SOCKET, 1, THETIS_EMFILE, EMFILE);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &b.at, NULL, on_accept), THETIS_EMFILE);
    fault_fail(&b.fault, FAULT_BIND, 1, THETIS_EACCES, EACCES);
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &b.at, NULL, on_accept), THETIS_EACCES);
    CHECK_EQ(fault_calls(&b.fault, FAULT_SOCKET) - 2, fault_calls(&b.fault, FAULT_CLOSE));
    b.at.port = 0;
    CHECK_EQ(thetis_tcp_listen(b.loop, &second, &b.at, NULL, on_accept), THETIS_OK);
    thetis_listener third;
    CHECK_EQ(thetis_tcp_listen(b.loop, &third, &b.at, NULL, on_accept), THETIS_ENOSLOT);
    end_bench();
}

static uint64_t options_set(uint64_t from, tht_opt opt)
{
    uint64_t count = 0;
    for (; from < b.fault.logged; from++) {
        const fault_call *call = &b.fault.log[from % FAULT_LOG];
        count += call->fn == FAULT_SETOPT && call->arg == (uint64_t)opt;
    }
    return count;
}

TEST(listen_options)
{
    thetis_listener one, two, three;
    thetis_listen_cfg cfg = {.backlog = 7, .nagle = 1, .reuse_port = 1};
    make_bench(8);
    CHECK_EQ(options_set(0, THT_OPT_NODELAY), 1);
    CHECK_EQ(options_set(0, THT_OPT_BALANCE), 0);
    uint64_t from = b.fault.logged;
    b.at.port = 0;
    CHECK_EQ(thetis_tcp_listen(b.loop, &one, &b.at, &cfg, on_accept), THETIS_OK);
    CHECK_EQ(options_set(from, THT_OPT_NODELAY), 0);
    CHECK_EQ(b.fault.log[(b.fault.logged - 1) % FAULT_LOG].arg, 7);
    CHECK_EQ(thetis_listener_addr(&one, &b.at), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(b.loop, &two, &b.at, &cfg, on_accept), THETIS_OK); /* shared */
    CHECK_EQ(thetis_tcp_listen(b.loop, &three, &b.at, NULL, on_accept), THETIS_EADDRINUSE);
    end_bench();
}

TEST(listener_close_and_pause)
{
    make_bench(8);
    CHECK_EQ(thetis_listener_pause(&b.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_pause(&b.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_resume(&b.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_resume(&b.listener), THETIS_OK);
    CHECK_EQ(thetis_listener_close(&b.listener, on_closed), THETIS_OK);
    CHECK_EQ(thetis_listener_close(&b.listener, on_closed), THETIS_EBUSY);
    CHECK_EQ(b.closes, 0);
    turns_until(&b.closes, 1);
    end_bench();
}

TEST(accept_without_a_place)
{
    make_bench(2);
    CHECK_EQ(thetis_tcp_connect(b.loop, &b.ours, &b.at, on_connect), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&b.ours, on_recv), THETIS_OK);
    turns_until(&b.accepts, 1);
    CHECK_EQ(b.accepted, THETIS_ENOSLOT);
    turns_until(&b.recvs, 1);
    CHECK_EQ(b.received, THETIS_EOF); /* nobody took it: it was closed */
    end_bench();
}

/* ---- connecting ------------------------------------------------------------------------------ */

TEST(connect_refusals)
{
    thetis_addr unix_path = {.family = THETIS_ADDR_UNIX, .u.path = "/nowhere"};
    thetis_addr foreign = {.family = THETIS_ADDR_V4, .u.v4 = {192, 0, 2, 1}};
    thetis_addr none = {0};
    thetis_tcp late;
    make_bench(2);
    thetis_loop *loop = b.loop;
    CHECK_EQ(thetis_tcp_connect(loop, &b.ours, &unix_path, on_connect), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_connect(loop, &b.ours, &none, on_connect), THETIS_EINVAL);
    fault_fail(&b.fault, FAULT_SOCKET, 1, THETIS_EMFILE, EMFILE);
    CHECK_EQ(thetis_tcp_connect(loop, &b.ours, &b.at, on_connect), THETIS_EMFILE);
    CHECK_EQ(thetis_tcp_connect_from(loop, &b.ours, &b.at, &b.at, on_connect), THETIS_EADDRINUSE);
    CHECK_EQ(thetis_tcp_connect_from(loop, &b.ours, &foreign, &b.at, on_connect),
             THETIS_EADDRNOTAVAIL);
    fault_fail(&b.fault, FAULT_BIND, 1, THETIS_EACCES, EACCES);
    CHECK_EQ(thetis_tcp_connect_from(loop, &b.ours, &b.at, &b.at, on_connect), THETIS_EACCES);
    CHECK_EQ(fault_calls(&b.fault, FAULT_SOCKET) - 2, fault_calls(&b.fault, FAULT_CLOSE));
    CHECK_EQ(thetis_tcp_connect(loop, &b.ours, &b.at, on_connect), THETIS_OK);
    CHECK_EQ(thetis_tcp_connect(loop, &late, &b.at, on_connect), THETIS_ENOSLOT);
    turns_until(&b.connects, 1); /* none of the refused ones called back */
    end_bench();
}

TEST(addresses)
{
    thetis_addr local, peer;
    make_bench(8);
    CHECK_EQ(thetis_tcp_connect(b.loop, &b.ours, &b.at, on_connect), THETIS_OK);
    CHECK_EQ(thetis_tcp_addr(&b.ours, &local, &peer), THETIS_ENOTCONN);
    turns_until(&b.connects, 1);
    CHECK_EQ(thetis_tcp_addr(&b.ours, &local, &peer), THETIS_OK);
    CHECK(thetis_addr_equal(&peer, &b.at));
    CHECK_EQ(thetis_tcp_addr(&b.ours, NULL, NULL), THETIS_OK);
    CHECK_EQ(thetis_tcp_abort(&b.ours, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_addr(&b.ours, &local, &peer), THETIS_ENOTCONN);
    end_bench();
}

/* ---- receiving ------------------------------------------------------------------------------- */

TEST(receive_statuses)
{
    char buf[8];
    make_pair();
    CHECK_EQ(thetis_tcp_recv_cancel(&b.ours), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_pause(&b.ours), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_resume(&b.ours), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_recv(&b.ours, buf, sizeof buf, on_recv), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv(&b.ours, buf, sizeof buf, on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv_start(&b.ours, on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_resume(&b.ours), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_pause(&b.ours), THETIS_OK);
    CHECK_EQ(thetis_tcp_resume(&b.ours), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_cancel(&b.ours), THETIS_OK);
    CHECK_EQ(b.recvs, 0);
    turns_until(&b.recvs, 1);
    CHECK_EQ(b.received, THETIS_ECANCELED);
    CHECK_EQ(thetis_tcp_recv(&b.ours, buf, 0, on_recv), THETIS_OK);
    turns_until(&b.recvs, 2);
    CHECK_EQ(b.received, THETIS_OK);
    CHECK_EQ(thetis_tcp_close(&b.theirs, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&b.theirs, on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv(&b.theirs, buf, sizeof buf, on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv_start(&b.ours, on_recv), THETIS_OK);
    turns_until(&b.recvs, 3);
    CHECK_EQ(b.received, THETIS_EOF);
    CHECK_EQ(thetis_tcp_pause(&b.ours), THETIS_ABSENT);
    end_bench();
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST(send_statuses)
{
    thetis_send first, second;
    size_t sent = 99;
    make_pair();
    CHECK_EQ(thetis_tcp_send_try(&b.ours, "abc", 3, &sent), THETIS_OK);
    CHECK_EQ(sent, 3);
    CHECK_EQ(thetis_tcp_send_cancel(&b.ours, &first), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_send(&b.ours, &first, "abc", 3, on_sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_queued(&b.ours), 3);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, "abc", 3, &sent), THETIS_AGAIN); /* not before it */
    CHECK_EQ(sent, 0);
    turns_until(&b.sends, 1);
    CHECK_EQ(first.status, THETIS_OK);
    CHECK_EQ(first.sent, 3);
    CHECK_EQ(thetis_tcp_queued(&b.ours), 0);
    CHECK_EQ(thetis_tcp_send_cancel(&b.ours, &first), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_shutdown(&b.ours, &first, on_sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_shutdown(&b.ours, &second, on_sent), THETIS_CLOSED);
    CHECK_EQ(thetis_tcp_send(&b.ours, &second, "abc", 3, on_sent), THETIS_CLOSED);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, "abc", 3, &sent), THETIS_CLOSED);
    turns_until(&b.sends, 2);
    CHECK_EQ(thetis_tcp_close(&b.ours, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_send(&b.ours, &second, "abc", 3, on_sent), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, "abc", 3, &sent), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_shutdown(&b.ours, &second, on_sent), THETIS_EBUSY);
    turns_until(&b.closes, 1);
    CHECK_EQ(b.sends, 2);
    end_bench();
}

TEST(send_try_when_the_stack_is_full_or_broken)
{
    static const char block[1 << 20];
    thetis_send send;
    size_t sent, total = 0;
    thetis_status s = THETIS_OK;
    make_pair();
    while (s == THETIS_OK && total < (64u << 20)) {
        s = thetis_tcp_send_try(&b.ours, block, sizeof block, &sent);
        total += sent;
    }
    CHECK_EQ(s, THETIS_AGAIN);
    CHECK(total > 0);
    fault_fail(&b.fault, FAULT_SEND, 1, THETIS_EINTR, EINTR);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, block, 1, &sent), THETIS_AGAIN);
    fault_fail(&b.fault, FAULT_SEND, 1, THETIS_ETIMEDOUT, ETIMEDOUT);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, block, 1, &sent), THETIS_ETIMEDOUT);
    CHECK_EQ(sent, 0);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, block, 1, &sent), THETIS_ETIMEDOUT); /* for ever */
    CHECK_EQ(thetis_tcp_send(&b.ours, &send, block, 1, on_sent), THETIS_OK);
    turns_until(&b.sends, 1);
    CHECK_EQ(send.status, THETIS_ETIMEDOUT);
    end_bench();
}

TEST(send_try_while_connecting)
{
    size_t sent;
    make_bench(8);
    CHECK_EQ(thetis_tcp_connect(b.loop, &b.ours, &b.at, on_connect), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_try(&b.ours, "abc", 3, &sent), THETIS_AGAIN);
    CHECK_EQ(sent, 0);
    end_bench();
}

TEST(marks)
{
    make_pair();
    CHECK_EQ(thetis_tcp_set_marks(&b.ours, 0, 0, on_mark), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_set_marks(&b.ours, 5, 5, on_mark), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_set_marks(&b.ours, 5, 6, on_mark), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_set_marks(&b.ours, 5, 4, on_mark), THETIS_OK);
    CHECK_EQ(thetis_tcp_set_marks(&b.ours, 1, 0, on_mark), THETIS_OK);
    end_bench();
}

/* ---- closing --------------------------------------------------------------------------------- */

TEST(close_and_abort)
{
    make_pair();
    CHECK_EQ(thetis_tcp_close(&b.ours, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_close(&b.ours, on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_abort(&b.ours, on_closed), THETIS_EBUSY); /* nothing left to cut short */
    turns_until(&b.closes, 1);
    CHECK_EQ(thetis_tcp_abort(&b.theirs, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_abort(&b.theirs, on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_close(&b.theirs, on_closed), THETIS_EBUSY);
    turns_until(&b.closes, 2);
    end_bench();
}

TEST(handles_carry_a_pointer_of_the_user)
{
    make_pair();
    CHECK(thetis_handle_user(thetis_tcp_handle(&b.ours)) == NULL);
    thetis_handle_set_user(thetis_tcp_handle(&b.ours), &b);
    thetis_handle_set_user(thetis_listener_handle(&b.listener), &b.at);
    CHECK(thetis_handle_user(thetis_tcp_handle(&b.ours)) == &b);
    CHECK(thetis_handle_user(thetis_listener_handle(&b.listener)) == &b.at);
    CHECK(thetis_handle_loop(thetis_tcp_handle(&b.theirs)) == b.loop);
}

TEST_MAIN(T(handles_carry_a_pointer_of_the_user), T(listen_refusals), T(listen_options),
          T(listener_close_and_pause),
          T(accept_without_a_place), T(connect_refusals), T(addresses), T(receive_statuses),
          T(send_statuses), T(send_try_when_the_stack_is_full_or_broken),
          T(send_try_while_connecting), T(marks), T(close_and_abort))
