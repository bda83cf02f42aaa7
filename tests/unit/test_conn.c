/* SPDX-License-Identifier: MIT
 *
 * test_conn.c: every documented status of thetis/conn.h, and the system calls that it costs to
 * change loops. That nothing is lost is in tests/conform/conform_loops.c.
 */
#include <thetis/conn.h>

#include <errno.h>

#include "harness/fault.h"
#include "harness/test.h"

/* Two loops: a stream of the first has its other end there, too. */
typedef struct bench {
    fault fault;
    thetis_loop *first, *second;
    thetis_listener listener;
    thetis_addr at;
    thetis_tcp ours, theirs;
    thetis_conn conn;
    unsigned connects, accepts, recvs, closes;
    thetis_status accepted, accepted_again, received;
    int keep; /* the accept callback makes no stream of it */
} bench;

static bench b;

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)tcp, (void)os;
    CHECK_EQ(status, THETIS_OK);
    b.connects++;
}

static void on_accept(thetis_listener *listener, thetis_accepted *a)
{
    (void)listener;
    b.accepts++;
    b.accepted = b.keep ? thetis_conn_accept(a, &b.conn) : thetis_tcp_accept(a, &b.theirs);
    b.accepted_again = thetis_conn_accept(a, &b.conn);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    (void)tcp;
    b.recvs++;
    b.received = recv->status;
}

static void on_closed(thetis_handle *handle)
{
    (void)handle;
    b.closes++;
}

static void turn(thetis_loop *loop)
{
    thetis_status s = thetis_loop_run_once(loop, 1000000);
    CHECK(s == THETIS_OK || s == THETIS_CLOSED);
}

static void turns_until(thetis_loop *loop, const unsigned *counter, unsigned value)
{
    for (int left = 5000; *counter != value; left--) {
        CHECK(left > 0);
        turn(loop);
    }
}

static void make(int keep)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    thetis_loop_cfg cfg = {.sys = &b.fault.sys, .movable = 1};
    thetis_loop_cfg small = {.sys = &b.fault.sys, .movable = 1, .max_handles = 1};
    b = (bench){.keep = keep};
    fault_init(&b.fault, &tht_sys_host, test_seed());
    CHECK_EQ(thetis_loop_create(&cfg, &b.first), THETIS_OK);
    CHECK_EQ(thetis_loop_create(&small, &b.second), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(b.first, &b.listener, &at, NULL, on_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&b.listener, &b.at), THETIS_OK);
    CHECK_EQ(thetis_tcp_connect(b.first, &b.ours, &b.at, on_connect), THETIS_OK);
    turns_until(b.first, &b.connects, 1);
    turns_until(b.first, &b.accepts, 1);
    CHECK_EQ(b.accepted, THETIS_OK);
    CHECK_EQ(b.accepted_again, THETIS_EINVAL);
}

static void close_each(thetis_handle *handle, void *user)
{
    (void)user;
    (void)thetis_handle_close(handle, NULL);
}

static void end(void)
{
    thetis_loop *loops[] = {b.first, b.second};
    for (int k = 0; k < 2; k++) {
        thetis_loop_scan(loops[k], close_each, NULL);
        CHECK_EQ(thetis_loop_run(loops[k]), THETIS_OK);
        CHECK_EQ(thetis_loop_destroy(loops[k]), THETIS_OK);
    }
}

TEST(accept)
{
    thetis_accepted failed = {.status = THETIS_EMFILE, .fd_ = -1};
    thetis_conn conn;
    make(1);
    CHECK_EQ(thetis_conn_accept(&failed, &conn), THETIS_EINVAL);
    CHECK_EQ(thetis_conn_close(&b.conn), THETIS_OK);
    CHECK_EQ(thetis_conn_close(&b.conn), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_attach(b.second, &b.theirs, &b.conn), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_recv_start(&b.ours, on_recv), THETIS_OK);
    turns_until(b.first, &b.recvs, 1);
    CHECK_EQ(b.received, THETIS_EOF);
    end();
}

TEST(detach_and_attach)
{
    thetis_tcp other;
    thetis_conn conn;
    size_t sent;
    make(0);
    CHECK_EQ(thetis_tcp_recv_start(&b.theirs, on_recv), THETIS_OK);
    CHECK_EQ(thetis_tcp_detach(&b.theirs, &conn, on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv_cancel(&b.theirs), THETIS_OK);
    turns_until(b.first, &b.recvs, 1);
    CHECK_EQ(thetis_tcp_detach(&b.theirs, &conn, on_closed), THETIS_OK);
    CHECK_EQ(b.closes, 0);
    CHECK_EQ(thetis_tcp_detach(&b.theirs, &b.conn, NULL), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_abort(&b.theirs, NULL), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_addr(&b.theirs, &b.at, NULL), THETIS_ENOTCONN);
    turns_until(b.first, &b.closes, 1);
    CHECK_EQ(thetis_tcp_attach(b.second, &b.theirs, &conn), THETIS_OK);
    CHECK_EQ(thetis_tcp_attach(b.second, &other, &conn), THETIS_EINVAL);
    CHECK_EQ(thetis_tcp_detach(&b.ours, &conn, on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_attach(b.second, &other, &conn), THETIS_ENOSLOT);
    CHECK_EQ(thetis_tcp_attach(b.first, &other, &conn), THETIS_OK); /* it is still there */
    CHECK_EQ(thetis_tcp_send_try(&other, "x", 1, &sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&b.theirs, on_recv), THETIS_OK);
    turns_until(b.second, &b.recvs, 2);
    CHECK_EQ(b.received, THETIS_OK);
    end();
}

/* A fault that a send was told of, and a system that then says EOF: the next loop knows, too. */
TEST(what_a_send_was_told_goes_along)
{
    thetis_conn conn;
    size_t sent;
    make(0);
    fault_fail(&b.fault, FAULT_SEND, 1, THETIS_ERESET, ECONNRESET);
    CHECK_EQ(thetis_tcp_send_try(&b.theirs, "x", 1, &sent), THETIS_ERESET);
    CHECK_EQ(thetis_tcp_close(&b.ours, NULL), THETIS_OK);
    CHECK_EQ(thetis_tcp_detach(&b.theirs, &conn, on_closed), THETIS_OK);
    turns_until(b.first, &b.closes, 1);
    CHECK_EQ(thetis_tcp_attach(b.second, &b.theirs, &conn), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_try(&b.theirs, "x", 1, &sent), THETIS_ERESET);
    CHECK_EQ(thetis_tcp_recv_start(&b.theirs, on_recv), THETIS_OK);
    turns_until(b.second, &b.recvs, 1);
    CHECK_EQ(b.received, THETIS_ERESET);
    end();
}

/* What is dealt out has cost its acceptor the accept, and nothing else. */
TEST(a_connection_that_is_passed_on_costs_one_call)
{
    thetis_tcp other;
    make(1);
    uint64_t calls = b.fault.total;
    CHECK_EQ(thetis_tcp_attach(b.second, &other, &b.conn), THETIS_OK);
    CHECK_EQ(b.fault.total, calls);
    CHECK_EQ(thetis_tcp_recv_start(&other, on_recv), THETIS_OK);
    turn(b.second);
    CHECK_EQ(thetis_tcp_recv_cancel(&other), THETIS_OK);
    turn(b.second); /* its interest goes with the end of the turn */
    CHECK_EQ(b.recvs, 1);
    calls = b.fault.total;
    CHECK_EQ(thetis_tcp_detach(&other, &b.conn, on_closed), THETIS_OK);
    CHECK_EQ(b.fault.total, calls);
    turns_until(b.second, &b.closes, 1);
    CHECK_EQ(thetis_conn_close(&b.conn), THETIS_OK);
    CHECK_EQ(fault_logged(&b.fault, b.fault.logged - 1, FAULT_CLOSE, -1), 1);
    end();
}

TEST_MAIN(T(accept), T(detach_and_attach), T(what_a_send_was_told_goes_along),
          T(a_connection_that_is_passed_on_costs_one_call))
