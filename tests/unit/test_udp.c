/* SPDX-License-Identifier: MIT
 *
 * test_udp.c: every documented status of thetis/udp.h, and its inline functions. Behaviour is in
 * tests/conform.
 */
#include <thetis/udp.h>

#include <errno.h>
#include <string.h>

#include "harness/fault.h"
#include "harness/test.h"

static fault f;
static thetis_loop *loop;
static thetis_udp udp;
static unsigned callbacks;
static thetis_train last;

static void on_train(thetis_udp *from, const thetis_train *train)
{
    CHECK(from == &udp);
    callbacks++;
    last = *train;
}

static thetis_addr local(uint16_t port)
{
    return (thetis_addr){.family = THETIS_ADDR_V4, .port = port, .u.v4 = {127, 0, 0, 1}};
}

static void make_loop(uint32_t max_handles, uint32_t buffer_size)
{
    thetis_loop_cfg cfg = {
        .max_handles = max_handles, .buffer_size = buffer_size, .sys = &f.sys};
    fault_init(&f, &tht_sys_host, test_seed());
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    callbacks = 0;
}

static thetis_addr make_socket(const thetis_udp_cfg *cfg)
{
    thetis_addr at = local(0);
    CHECK_EQ(thetis_udp_open(loop, &udp, &at, cfg), THETIS_OK);
    CHECK_EQ(thetis_udp_addr(&udp, &at, NULL), THETIS_OK);
    return at;
}

static void turns_until(unsigned count)
{
    for (int left = 5000; callbacks < count; left--) {
        CHECK(left > 0);
        (void)!thetis_loop_run_once(loop, 1000000);
    }
}

static void end_loop(void)
{
    CHECK_EQ(thetis_handle_close(thetis_udp_handle(&udp), NULL), THETIS_OK);
    CHECK_EQ(thetis_handle_close(thetis_udp_handle(&udp), NULL), THETIS_EBUSY);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

/* ---- opening --------------------------------------------------------------------------------- */

TEST(open_refusals)
{
    static thetis_udp second;
    thetis_addr unix_path = {.family = THETIS_ADDR_UNIX, .u.path = "/nowhere"}, none = {0};
    thetis_addr foreign = {.family = THETIS_ADDR_V4, .u.v4 = {192, 0, 2, 1}}; /* RFC 5737 */
    thetis_addr any = local(0);
    const thetis_udp_cfg much = {.recv_space = UINT32_MAX}, more = {.send_space = 1u << 31};
    make_loop(2, 0);
    thetis_addr at = make_socket(NULL);
    CHECK_EQ(thetis_udp_open(loop, &second, &unix_path, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_open(loop, &second, &none, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_open(loop, &second, &any, &much), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_open(loop, &second, &any, &more), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_open(loop, &second, &at, NULL), THETIS_EADDRINUSE);
    CHECK_EQ(thetis_udp_open(loop, &second, &foreign, NULL), THETIS_EADDRNOTAVAIL);
    fault_fail(&f, FAULT_SOCKET, 1, THETIS_EMFILE, EMFILE);
    CHECK_EQ(thetis_udp_open(loop, &second, &any, NULL), THETIS_EMFILE);
    CHECK_EQ(fault_calls(&f, FAULT_SOCKET) - 2, fault_calls(&f, FAULT_CLOSE));
    CHECK_EQ(thetis_udp_open(loop, &second, &any, NULL), THETIS_OK);
    static thetis_udp third;
    CHECK_EQ(thetis_udp_open(loop, &third, &any, NULL), THETIS_ENOSLOT);
    CHECK_EQ(thetis_udp_close(&second, NULL), THETIS_OK);
    end_loop();
}

/* Each option that was asked for, and only those, is set; one the system lacks ends the open. */
TEST(options)
{
    static const tht_opt opts[] = {THT_OPT_REUSE_ADDR, THT_OPT_REUSE_PORT, THT_OPT_BROADCAST,
                                   THT_OPT_STAMP,      THT_OPT_COUNT_DROPS, THT_OPT_RECV_SPACE,
                                   THT_OPT_SEND_SPACE};
    const thetis_udp_cfg all = {100000, 100000, 1, 1, 1, 0, 1, 1};
    static thetis_udp second;
    thetis_addr any = local(0);
    make_loop(4, 0);
    (void)make_socket(NULL);
    CHECK_EQ(fault_calls(&f, FAULT_SETOPT), 1); /* the question for segments */
    uint64_t from = f.logged;
    CHECK_EQ(thetis_udp_open(loop, &second, &any, &all), THETIS_OK);
    for (size_t i = 0, k = (size_t)from; i < 7; i++, k++) {
        while (f.log[k % FAULT_LOG].fn != FAULT_SETOPT) k++;
        CHECK_EQ(f.log[k % FAULT_LOG].arg, opts[i]);
    }
    CHECK_EQ(thetis_udp_close(&second, NULL), THETIS_OK);
    for (uint64_t k = 1; k <= 7; k++) {
        uint64_t closes = fault_calls(&f, FAULT_CLOSE);
        fault_fail(&f, FAULT_SETOPT, k, THETIS_ENOTSUP, ENOPROTOOPT);
        CHECK_EQ(thetis_udp_open(loop, &second, &any, &all), THETIS_ENOTSUP);
        CHECK_EQ(fault_calls(&f, FAULT_CLOSE), closes + 1);
    }
    end_loop();
}

/* What the system lacks becomes known with the first socket. */
TEST(capabilities)
{
    make_loop(4, THETIS_UDP_TRAIN_MAX);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP).level, THETIS_CAP_NATIVE);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_BATCH).number, THT_MSGS);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_GSO).level, THETIS_CAP_UNKNOWN);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_GRO).level, THETIS_CAP_UNKNOWN);
    fault_hold(&f, FAULT_SETOPT, THETIS_ENOMEM, ENOMEM);
    (void)make_socket(NULL);
    CHECK_EQ(thetis_udp_close(&udp, NULL), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_GSO).level, THETIS_CAP_UNKNOWN); /* no news */
    fault_hold(&f, FAULT_SETOPT, THETIS_ENOTSUP, ENOPROTOOPT);
    (void)make_socket(NULL);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_GSO).level, THETIS_CAP_EMULATED);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_UDP_GRO).level, THETIS_CAP_ABSENT);
    end_loop();
}

/* Without segments in the system a train is sent one by one. */
TEST(trains_without_the_systems_help)
{
    static char bytes[950];
    thetis_status why;
    make_loop(4, 0);
    fault_hold(&f, FAULT_SETOPT, THETIS_ENOTSUP, ENOPROTOOPT);
    thetis_addr at = make_socket(NULL);
    thetis_dgram d = {.data = bytes, .len = sizeof bytes, .to = &at, .segment = 100};
    CHECK_EQ(thetis_udp_recv_start(&udp, on_train), THETIS_OK);
    CHECK_EQ(thetis_udp_send_n(&udp, &d, 1, &why), 1);
    turns_until(10);
    CHECK_EQ(last.len, 50);
    end_loop();
}

TEST(connect_and_groups)
{
    thetis_addr six = {.family = THETIS_ADDR_V6}, one = local(1);
    make_loop(4, 0);
    (void)make_socket(NULL);
    CHECK_EQ(thetis_udp_connect(&udp, &six), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_join(&udp, &six, 0), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_leave(&udp, &six, 0), THETIS_EINVAL);
    CHECK_EQ(thetis_udp_join(&udp, &one, 0), THETIS_EINVAL); /* no group */
    fault_fail(&f, FAULT_CONNECT, 1, THETIS_EUNREACH, ENETUNREACH);
    CHECK_EQ(thetis_udp_connect(&udp, &one), THETIS_EUNREACH);
    CHECK_EQ(thetis_udp_send(&udp, NULL, "x", 1), THETIS_ENOTCONN);
    CHECK_EQ(thetis_udp_connect(&udp, &one), THETIS_OK);
    CHECK_EQ(thetis_udp_send(&udp, NULL, "x", 1), THETIS_OK);
    end_loop();
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST(send_refusals)
{
    thetis_addr six = {.family = THETIS_ADDR_V6};
    thetis_status why;
    make_loop(4, 0);
    thetis_addr at = make_socket(NULL);
    thetis_dgram batch[] = {{.data = "a", .len = 1, .to = &at},
                            {.data = "b", .len = 1, .to = &six, .sent = 77}};
    CHECK_EQ(thetis_udp_send_n(&udp, batch, 0, &why), 0);
    CHECK_EQ(why, THETIS_OK);
    CHECK_EQ(thetis_udp_send_n(&udp, batch, 2, &why), 1);
    CHECK_EQ(why, THETIS_EINVAL);
    CHECK_EQ(batch[0].sent, 1);
    CHECK_EQ(batch[1].sent, 0);
    CHECK_EQ(thetis_udp_send(&udp, &at, NULL, 0), THETIS_OK); /* empty: no data is needed */
    CHECK_EQ(thetis_udp_connect(&udp, &at), THETIS_OK);
    CHECK_EQ(thetis_udp_send(&udp, &at, "x", 1), THETIS_EINVAL);
    end_loop();
}

/* Twice the same fault is the datagram's own; one that is gone at the second try, or was another
 * one, is news. */
TEST(faults_of_a_send)
{
    make_loop(4, 0);
    thetis_addr at = make_socket(NULL);
    fault_hold(&f, FAULT_SEND_MSGS, THETIS_EUNREACH, ENETUNREACH);
    CHECK_EQ(thetis_udp_send(&udp, &at, "x", 1), THETIS_EUNREACH);
    fault_hold(&f, FAULT_SEND_MSGS, THETIS_EINTR, EINTR);
    CHECK_EQ(thetis_udp_send(&udp, &at, "x", 1), THETIS_EINTR); /* and not for ever */
    fault_hold(&f, FAULT_SEND_MSGS, THETIS_OK, 0);
    CHECK_EQ(thetis_udp_recv_start(&udp, on_train), THETIS_OK);
    (void)!thetis_loop_run_once(loop, 0);
    CHECK_EQ(callbacks, 0);
    fault_fail(&f, FAULT_SEND_MSGS, 1, THETIS_EREFUSED, ECONNREFUSED);
    CHECK_EQ(thetis_udp_send(&udp, &at, "x", 1), THETIS_OK);
    turns_until(2);
    CHECK(last.status == THETIS_OK || last.status == THETIS_EREFUSED);
    end_loop();
}

/* Where a train stops, `sent` says; it can go on from there. */
TEST(a_train_that_stops_half_way)
{
    static char bytes[2000];
    thetis_status why;
    make_loop(4, 0);
    thetis_addr at = make_socket(NULL);
    thetis_dgram d = {.data = bytes, .len = sizeof bytes, .to = &at, .segment = 30};
    CHECK_EQ(thetis_udp_recv_start(&udp, on_train), THETIS_OK);
    fault_fail(&f, FAULT_SEND_MSGS, 2, THETIS_AGAIN, EAGAIN);
    f.short_max = 1;
    CHECK_EQ(thetis_udp_send_n(&udp, &d, 1, &why), 0);
    CHECK_EQ(why, THETIS_ENOBUFS);
    CHECK(d.sent > 0 && d.sent < d.len && d.sent % 30 == 0);
    unsigned first = (unsigned)(d.sent / 30);
    d.data = bytes + d.sent;
    d.len -= d.sent;
    CHECK_EQ(thetis_udp_send_n(&udp, &d, 1, &why), 1);
    turns_until(first + (unsigned)((d.len + 29) / 30));
    CHECK_EQ(last.len, 20);
    end_loop();
}

/* Segments that make no train: longer than half a datagram may be. */
TEST(long_segments)
{
    static char bytes[3 * 40000];
    thetis_status why;
    make_loop(4, 65536);
    thetis_addr at = make_socket(&(thetis_udp_cfg){.recv_space = 1 << 20});
    thetis_dgram d = {.data = bytes, .len = 70000, .to = &at, .segment = 35000};
    CHECK_EQ(thetis_udp_recv_start(&udp, on_train), THETIS_OK);
    CHECK_EQ(thetis_udp_send_n(&udp, &d, 1, &why), 1);
    turns_until(2);
    CHECK_EQ(last.len, 35000);
    d.segment = 66000;
    CHECK_EQ(thetis_udp_send_n(&udp, &d, 1, &why), 0);
    CHECK_EQ(why, THETIS_E2BIG);
    end_loop();
}

/* ---- trains ---------------------------------------------------------------------------------- */

static void pieces_are(thetis_train train, size_t count, size_t tail)
{
    static char bytes[1000];
    thetis_iov d = {0};
    size_t k = 0;
    train.data = bytes;
    CHECK_EQ(thetis_train_count(&train), count);
    for (size_t i = 0; i < count; i++) {
        CHECK(thetis_train_next(&train, &k, &d));
        CHECK(d.data == bytes + i * train.segment);
        CHECK_EQ(d.len, i + 1 < count ? train.segment : tail);
    }
    CHECK(!thetis_train_next(&train, &k, &d));
    CHECK(!thetis_train_next(&train, &k, &d));
    CHECK_EQ(k, count);
}

TEST(train_pieces)
{
    pieces_are((thetis_train){.len = 100}, 1, 100);
    pieces_are((thetis_train){.len = 0}, 1, 0);
    pieces_are((thetis_train){.len = 0, .segment = 10}, 1, 0);
    pieces_are((thetis_train){.len = 100, .segment = 100}, 1, 100);
    pieces_are((thetis_train){.len = 100, .segment = 200}, 1, 100);
    pieces_are((thetis_train){.len = 100, .segment = 50}, 2, 50);
    pieces_are((thetis_train){.len = 101, .segment = 50}, 3, 1);
    pieces_are((thetis_train){.len = 99, .segment = 50}, 2, 49);
    pieces_are((thetis_train){.len = 7, .segment = 1}, 7, 1);
    pieces_are((thetis_train){.len = 100, .segment = 50, .status = THETIS_EREFUSED}, 0, 0);
}

/* ---- time and drops -------------------------------------------------------------------------- */

TEST(stamps_and_drops)
{
    static char bytes[1000];
    const thetis_udp_cfg cfg = {.recv_space = 4096, .stamp = 1, .drops = 1};
    const uint64_t since_2020 = 1577836800000000000u;
    make_loop(4, 0);
    thetis_addr at = make_socket(&cfg);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(thetis_udp_send(&udp, &at, bytes, sizeof bytes), THETIS_OK);
    CHECK_EQ(thetis_udp_recv_start(&udp, on_train), THETIS_OK);
    turns_until(1);
    while (thetis_loop_run_once(loop, 0) == THETIS_OK && fault_calls(&f, FAULT_EPOLL_WAIT) < 50) {}
    CHECK(callbacks < 100);
    CHECK(last.stamp > since_2020);
    CHECK_EQ(thetis_udp_send(&udp, &at, bytes, 1), THETIS_OK);
    turns_until(callbacks + 1);
    CHECK_EQ(last.drops + callbacks, 101); /* none is unaccounted for */
    end_loop();
}

/* ---- misuse ---------------------------------------------------------------------------------- */

TEST(keep_of_no_buffer)
{
    thetis_train none = {.buffer_ = UINT32_MAX};
    make_loop(4, 0);
    (void)make_socket(NULL);
    (void)thetis_udp_keep(&udp, &none);
}

TEST_MAIN(T(open_refusals), T(options), T(capabilities), T(trains_without_the_systems_help),
          T(connect_and_groups), T(send_refusals), T(faults_of_a_send),
          T(a_train_that_stops_half_way), T(long_segments), T(train_pieces), T(stamps_and_drops),
          T(keep_of_no_buffer, .aborts = true))
