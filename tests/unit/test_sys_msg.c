/* SPDX-License-Identifier: MIT
 *
 * test_sys_msg.c: datagrams through the Linux table of system calls, real ones on loopback.
 */
#include "unit/sys_host.h"

#include "port/sys_posix_msg.c"

#include "port/sys_linux_msg.c"

#include <net/if.h>
#include <poll.h>

static thetis_addr named(int fd)
{
    thetis_addr addr;
    EXPECT_OK(0, host->name(host, fd, THT_LOCAL, &addr));
    return addr;
}

static int bound(const char *text)
{
    thetis_addr addr;
    CHECK_EQ(thetis_addr_parse(&addr, text), THETIS_OK);
    int fd = made(host->socket(host, (thetis_addr_family)addr.family, THT_DGRAM));
    EXPECT_OK(0, host->bind(host, fd, &addr));
    return fd;
}

static char room[THT_MSGS][65536];
static thetis_addr from[THT_MSGS];

/* Asks for `n` messages. */
static tht_ret take(int fd, tht_in *in, uint32_t n, size_t size)
{
    for (uint32_t i = 0; i < n; i++)
        in[i] = (tht_in){.into = room[i], .room = size, .from = &from[i], .len = 77, .cut = 77};
    return host->recv_msgs(host, fd, in, n);
}

static tht_out out_of(const char *text, const thetis_addr *to)
{
    return (tht_out){.data = text, .len = strlen(text), .to = to};
}

/* ---- plain ----------------------------------------------------------------------------------- */

static void one_and_many(const char *where)
{
    tht_in in[THT_MSGS];
    tht_out out[THT_MSGS];
    int a = bound(where), b = bound(where);
    thetis_addr at_a = named(a), at_b = named(b);
    for (int i = 0; i < THT_MSGS; i++)
        out[i] = (tht_out){.data = room, .len = (size_t)i, .to = &at_b};
    EXPECT_OK(1, host->send_msgs(host, a, &out[16], 1));
    EXPECT_OK(THT_MSGS, host->send_msgs(host, a, out, THT_MSGS));
    EXPECT_OK(1, take(b, in, 1, 100));
    CHECK(in[0].len == 16 && in[0].cut == 0 && in[0].segment == 0 && in[0].stamp == 0);
    EXPECT_OK(THT_MSGS - 6, take(b, in, THT_MSGS - 6, 100));
    EXPECT_OK(6, take(b, in, 10, 100)); /* fewer: there are no more */
    CHECK_EQ(in[5].len, THT_MSGS - 1);
    CHECK(thetis_addr_equal(&from[5], &at_a));
    EXPECT(THETIS_AGAIN, EAGAIN, take(b, in, 1, 100));
    EXPECT(THETIS_AGAIN, EAGAIN, take(b, in, 10, 100));
}

TEST(ipv4_datagrams)
{
    one_and_many("127.0.0.1:0");
}

TEST(ipv6_datagrams)
{
    thetis_addr loopback;
    CHECK_EQ(thetis_addr_parse(&loopback, "[::1]:0"), THETIS_OK);
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    if (probe < 0 || tht_sys_bind(host, probe, &loopback).status != THETIS_OK)
        SKIP_ENVIRONMENT("no IPv6 loopback");
    one_and_many("[::1]:0");
}

TEST(a_cut_datagram_says_so)
{
    tht_in in[2];
    int fd = bound("127.0.0.1:0");
    thetis_addr at = named(fd);
    tht_out out[2] = {out_of("long one", &at), out_of("four", &at)};
    EXPECT_OK(2, host->send_msgs(host, fd, out, 2));
    EXPECT_OK(2, take(fd, in, 2, 4));
    CHECK(in[0].len == 4 && in[0].cut == 1);
    CHECK(in[1].len == 4 && in[1].cut == 0);
}

TEST(refusals)
{
    static char much[65508];
    tht_in in[1];
    int fd = bound("127.0.0.1:0"), gone = bound("127.0.0.1:0");
    thetis_addr at = named(gone);
    tht_out out = {.data = much, .len = sizeof much, .to = &at};
    EXPECT(THETIS_E2BIG, EMSGSIZE, host->send_msgs(host, fd, &out, 1));
    out = out_of("x", NULL);
    EXPECT(THETIS_ENOTCONN, EDESTADDRREQ, host->send_msgs(host, fd, &out, 1));
    EXPECT_OK(0, host->close(host, gone));
    EXPECT_OK(0, host->connect(host, fd, &at));
    EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    EXPECT(THETIS_EREFUSED, ECONNREFUSED, take(fd, in, 1, 10));
    EXPECT(THETIS_AGAIN, EAGAIN, take(fd, in, 1, 10)); /* told once */
    EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    EXPECT(THETIS_EREFUSED, ECONNREFUSED, host->send_msgs(host, fd, &out, 1));
}

/* ---- trains ---------------------------------------------------------------------------------- */

static int can_segment(int fd)
{
    tht_ret r = host->setopt(host, fd, THT_OPT_UDP_SEGMENT, 0);
    CHECK(r.status == THETIS_OK || r.status == THETIS_ENOTSUP);
    return r.status == THETIS_OK;
}

TEST(trains)
{
    tht_in in[1];
    int fd = bound("127.0.0.1:0"), rx = bound("127.0.0.1:0");
    thetis_addr at = named(rx);
    tht_out out = out_of("abcdefghij", &at);
    if (!can_segment(fd)) SKIP_ENVIRONMENT("UDP_SEGMENT");
    out.segment = 4;
    EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    for (int i = 0; i < 3; i++) {
        EXPECT_OK(1, take(rx, in, 1, 100));
        CHECK_EQ(in[0].len, i < 2 ? 4 : 2);
    }
    EXPECT_OK(0, host->setopt(host, rx, THT_OPT_UDP_GRO, 1));
    EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    EXPECT_OK(1, take(rx, in, 1, 100));
    CHECK(in[0].len == 10 && in[0].segment == 4);
}

/* More pieces than any kernel makes of one message; and what each refusal means. */
TEST(trains_that_are_refused)
{
    static char many[3000];
    int fd = bound("127.0.0.1:0");
    thetis_addr at = named(fd);
    tht_out out = {.data = many, .len = sizeof many, .to = &at, .segment = 1}, plain = out;
    if (!can_segment(fd)) SKIP_ENVIRONMENT("UDP_SEGMENT");
    EXPECT(THETIS_ENOTSUP, EINVAL, host->send_msgs(host, fd, &out, 1));
    plain.segment = 0;
    EXPECT(THETIS_ENOTSUP, EIO, msg_refused(&out, EIO));
    EXPECT(THETIS_ENOTSUP, EMSGSIZE, msg_refused(&out, EMSGSIZE));
    EXPECT(THETIS_EOTHER, EIO, msg_refused(&plain, EIO));
    EXPECT(THETIS_E2BIG, EMSGSIZE, msg_refused(&plain, EMSGSIZE));
    EXPECT(THETIS_ENOBUFS, ENOBUFS, msg_refused(&out, ENOBUFS));
}

/* ---- options --------------------------------------------------------------------------------- */

TEST(time_and_drops)
{
    static char bytes[1000];
    tht_in in[1];
    uint32_t taken = 0;
    int fd = bound("127.0.0.1:0");
    thetis_addr at = named(fd);
    tht_out out = {.data = bytes, .len = sizeof bytes, .to = &at};
    EXPECT_OK(0, host->setopt(host, fd, THT_OPT_STAMP, 1));
    EXPECT_OK(0, host->setopt(host, fd, THT_OPT_COUNT_DROPS, 1));
    EXPECT_OK(0, host->setopt(host, fd, THT_OPT_RECV_SPACE, 4096));
    EXPECT_OK(0, host->setopt(host, fd, THT_OPT_SEND_SPACE, 4096));
    uint64_t before = (uint64_t)time(NULL) * 1000000000u;
    for (int i = 0; i < 50; i++) EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    while (take(fd, in, 1, 1000).status == THETIS_OK) {
        CHECK(in[0].stamp >= before && in[0].stamp < before + 10000000000u);
        taken++;
    }
    CHECK(taken > 0 && taken < 50);
    EXPECT_OK(1, host->send_msgs(host, fd, &out, 1));
    EXPECT_OK(1, take(fd, in, 1, 1000));
    CHECK_EQ(in[0].drops, 50 - taken);
}

TEST(groups)
{
    int fd = bound("*:0");
    uint32_t lo = if_nametoindex("lo");
    thetis_addr group, none = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    CHECK_EQ(thetis_addr_parse(&group, "239.255.84.26:0"), THETIS_OK);
    if (lo == 0) SKIP_ENVIRONMENT("no interface lo");
    EXPECT_OK(0, host->group(host, fd, &group, lo, 1));
    EXPECT(THETIS_EADDRINUSE, EADDRINUSE, host->group(host, fd, &group, lo, 1));
    EXPECT_OK(0, host->group(host, fd, &group, lo, 0));
    EXPECT(THETIS_EADDRNOTAVAIL, EADDRNOTAVAIL, host->group(host, fd, &group, lo, 0));
    EXPECT(THETIS_EADDRNOTAVAIL, ENODEV, host->group(host, fd, &group, 1u << 30, 1));
    EXPECT(THETIS_EINVAL, EINVAL, host->group(host, fd, &none, lo, 1));
}

TEST_MAIN(T(ipv4_datagrams), T(ipv6_datagrams), T(a_cut_datagram_says_so), T(refusals), T(trains),
          T(trains_that_are_refused), T(time_and_drops), T(groups))
