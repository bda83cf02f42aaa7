/* SPDX-License-Identifier: MIT
 *
 * test_unix.c: every documented status of thetis/unix.h. Behaviour is in tests/conform.
 */
#include <thetis/unix.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/fault.h"
#include "harness/test.h"

static fault f;
static thetis_loop *loop;
static thetis_listener listener;
static thetis_unix ours, theirs;
static thetis_udp dgram;
static unsigned connects, accepts;
static thetis_status connected;

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    CHECK(tcp == thetis_unix_stream(&ours));
    connects++;
    connected = status;
}

static void on_accept(thetis_listener *from, thetis_accepted *a)
{
    (void)from;
    accepts++;
    CHECK_EQ(thetis_unix_accept(a, &theirs), THETIS_OK);
    CHECK_EQ(thetis_unix_accept(a, &theirs), THETIS_EINVAL);
}

static thetis_addr name(const char *what)
{
    char text[64];
    thetis_addr at;
    (void)snprintf(text, sizeof text, "unix:@thetis-test-%d-%s", (int)getpid(), what);
    CHECK_EQ(thetis_addr_parse(&at, text), THETIS_OK);
    return at;
}

static void make_loop(uint32_t max_handles)
{
    thetis_loop_cfg cfg = {.max_handles = max_handles, .sys = &f.sys};
    fault_init(&f, &tht_sys_host, test_seed());
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    connects = accepts = 0;
}

static void close_each(thetis_handle *handle, void *user)
{
    (void)user;
    CHECK_EQ(thetis_handle_close(handle, NULL), THETIS_OK);
}

static void end_loop(void)
{
    thetis_loop_scan(loop, close_each, NULL);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(refusals)
{
    static thetis_listener second;
    thetis_addr at = name("refusals"), ip = {.family = THETIS_ADDR_V4}, unnamed = at;
    unnamed.u.path[1] = 0;
    make_loop(1);
    CHECK_EQ(thetis_unix_listen(loop, &listener, &ip, NULL, on_accept), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_listen(loop, &listener, &unnamed, NULL, on_accept), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_connect(loop, &ours, &ip, on_connect), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_open(loop, &dgram, &ip, 0), THETIS_EINVAL);
    CHECK_EQ(thetis_unix_open(loop, &dgram, NULL, UINT32_MAX), THETIS_EINVAL);
    fault_fail(&f, FAULT_SOCKET, 1, THETIS_EMFILE, EMFILE);
    CHECK_EQ(thetis_unix_connect(loop, &ours, &at, on_connect), THETIS_EMFILE);
    CHECK_EQ(thetis_unix_listen(loop, &listener, &at, NULL, on_accept), THETIS_OK);
    CHECK_EQ(thetis_unix_connect(loop, &ours, &at, on_connect), THETIS_ENOSLOT);
    CHECK_EQ(thetis_unix_open(loop, &dgram, NULL, 0), THETIS_ENOSLOT);
    CHECK_EQ(thetis_unix_listen(loop, &second, &at, NULL, on_accept), THETIS_ENOSLOT);
    end_loop();
}

TEST(a_name_in_use)
{
    static thetis_listener second;
    thetis_addr at = name("use");
    make_loop(8);
    CHECK_EQ(thetis_unix_listen(loop, &listener, &at, NULL, on_accept), THETIS_OK);
    CHECK_EQ(thetis_unix_listen(loop, &second, &at, NULL, on_accept), THETIS_EADDRINUSE);
    static thetis_udp other;
    CHECK_EQ(thetis_unix_open(loop, &dgram, &at, 0), THETIS_OK); /* names of their own */
    CHECK_EQ(thetis_unix_open(loop, &other, &at, 0), THETIS_EADDRINUSE);
    end_loop();
}

/* A backlog that stays full: tried again, less and less often. */
TEST(tries_again)
{
    thetis_addr at = name("again");
    make_loop(8);
    CHECK_EQ(thetis_unix_listen(loop, &listener, &at, NULL, on_accept), THETIS_OK);
    fault_clock_start(&f, 1000);
    fault_hold(&f, FAULT_CONNECT, THETIS_ENOBUFS, EAGAIN);
    CHECK_EQ(thetis_unix_connect(loop, &ours, &at, on_connect), THETIS_OK);
    while (f.clock < 5000000000u) CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    CHECK(fault_calls(&f, FAULT_CONNECT) > 5);
    CHECK(fault_calls(&f, FAULT_CONNECT) < 20);
    CHECK_EQ(connects, 0);
    fault_hold(&f, FAULT_CONNECT, THETIS_OK, 0);
    while (connects == 0 || accepts == 0) (void)!thetis_loop_run_once(loop, UINT64_MAX);
    CHECK_EQ(connected, THETIS_OK);
    end_loop();
}

TEST_MAIN(T(refusals), T(a_name_in_use), T(tries_again))
