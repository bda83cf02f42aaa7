/* SPDX-License-Identifier: MIT
 *
 * test_sim.c: the fake kernel itself: facts that were measured on real systems, by their names in
 * the catalogue of quirks.
 */
#include <string.h>

#include "unit/fake.h"

static thetis_addr name_of(int fd)
{
    thetis_addr at;
    CHECK_EQ(sys->name(sys, fd, THT_LOCAL, &at).status, THETIS_OK);
    return at;
}

static unsigned ready(int fd)
{
    return tsm_ready(sim, tsm_fd_file(sim, fd));
}

static tht_ret get(int fd, size_t n)
{
    static char bytes[1 << 20];
    return sys->recv(sys, fd, bytes, n);
}

static tht_ret put(int fd, const char *text)
{
    return sys->send_one(sys, fd, text, strlen(text));
}

static thetis_addr unix_name(const char *text)
{
    thetis_addr at;
    CHECK_EQ(thetis_addr_parse(&at, text), THETIS_OK);
    return at;
}

/* ---- connecting ------------------------------------------------------------------------------ */

TEST(q3_connect_on_linux_is_always_in_progress)
{
    thetis_addr at = loopback(0);
    begin("linux");
    int fd, listener = listen_at(&at, 4);
    CHECK_EQ(connect_to(&fd, &at).os, 115);
    CHECK_EQ(ready(fd), SIM_OUT);
    CHECK_EQ(ready(listener), SIM_IN);
    at = unix_name("unix:@x");
    listener = listen_at(&at, 4);
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_OK);
    end();
}

TEST(q4_q7_a_refusal_on_linux_comes_late_and_is_told_once)
{
    thetis_addr at = loopback(1);
    int fd;
    begin("linux");
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_AGAIN);
    CHECK_EQ(ready(fd), SIM_IN | SIM_OUT | SIM_ERR | SIM_HUP);
    CHECK_EQ(sys->so_error(sys, fd).os, 111);
    CHECK_EQ(sys->so_error(sys, fd).status, THETIS_OK);
    end();
}

TEST(q10_a_fresh_stream_is_out_and_hung_up)
{
    begin("linux");
    CHECK_EQ(ready(open_socket(THETIS_ADDR_V4, THT_STREAM)), SIM_OUT | SIM_HUP);
    end();
}

TEST(q11_q76_a_full_backlog)
{
    thetis_addr at = unix_name("unix:@x");
    int fd;
    begin("linux");
    (void)listen_at(&at, 1); /* takes two */
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_OK);
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_OK);
    CHECK_EQ(connect_to(&fd, &at).os, 11);
    CHECK_EQ(ready(fd), SIM_OUT | SIM_HUP);
    at = loopback(0);
    (void)listen_at(&at, 4); /* takes five */
    for (int i = 0; i < 5; i++) {
        (void)connect_to(&fd, &at);
        CHECK_EQ(ready(fd), SIM_OUT);
    }
    (void)connect_to(&fd, &at);
    CHECK_EQ(ready(fd), 0);
    end();
}

TEST(q12_a_socket_that_meets_itself)
{
    thetis_addr at = loopback(5000);
    begin("linux");
    int fd = open_socket(THETIS_ADDR_V4, THT_STREAM);
    CHECK_EQ(sys->bind(sys, fd, &at).status, THETIS_OK);
    (void)sys->connect(sys, fd, &at);
    CHECK_EQ(put(fd, "abc").n, 3);
    CHECK_EQ(get(fd, 10).n, 3);
    end();
}

/* ---- bytes ----------------------------------------------------------------------------------- */

TEST(q16_q17_how_much_a_stream_takes_and_when_more)
{
    static char much[8 << 20];
    int fds[2];
    begin("linux");
    pair(fds);
    CHECK_EQ(sys->send_one(sys, fds[0], much, sizeof much).n, 2626560);
    CHECK_EQ(sys->send_one(sys, fds[0], much, sizeof much).n, 3919467 - 2626560);
    CHECK_EQ(sys->send_one(sys, fds[0], much, 1).status, THETIS_AGAIN);
    CHECK_EQ(ready(fds[0]), 0);
    CHECK_EQ(get(fds[1], 1000).n, 1000);
    CHECK_EQ(ready(fds[0]), 0); /* a little room is no reason to wake anybody */
    while ((ready(fds[0]) & SIM_OUT) == 0) CHECK(get(fds[1], 65536).n > 0);
    end();
}

TEST(q31_q32_data_then_reset)
{
    int fds[2];
    begin("linux");
    pair(fds);
    CHECK_EQ(put(fds[0], "abc").n, 3);
    CHECK_EQ(sys->setopt(sys, fds[0], THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(get(fds[1], 10).n, 3);
    CHECK_EQ(get(fds[1], 10).os, 104);
    CHECK_EQ(get(fds[1], 10).n, 0);
    CHECK_EQ(get(fds[1], 10).status, THETIS_OK);
    CHECK_EQ(put(fds[1], "x").os, 32);
    end();
}

TEST(q31_a_half_close)
{
    int fds[2];
    begin("linux");
    pair(fds);
    CHECK_EQ(sys->shutdown(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(ready(fds[1]), SIM_IN | SIM_OUT);
    CHECK_EQ(sys->shutdown(sys, fds[1]).status, THETIS_OK);
    CHECK_EQ(ready(fds[1]), SIM_IN | SIM_OUT | SIM_HUP);
    CHECK_EQ(get(fds[1], 10).n, 0);
    end();
}

TEST(q23_the_first_write_to_a_closed_peer_succeeds)
{
    int fds[2];
    begin("linux");
    pair(fds);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(put(fds[1], "abc").n, 3);
    CHECK_EQ(ready(fds[1]), SIM_IN | SIM_OUT | SIM_ERR | SIM_HUP);
    CHECK_EQ(get(fds[1], 10).n, 0); /* reading says nothing of the reset */
    CHECK_EQ(get(fds[1], 10).status, THETIS_OK);
    CHECK_EQ(put(fds[1], "abc").os, 32);
    end();
    begin("lwip");
    pair(fds);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    CHECK_EQ(put(fds[1], "abc").n, 3);
    tsm_settle(sim);
    CHECK_EQ(put(fds[1], "abc").status, THETIS_ERESET);
    end();
}

TEST(q31_bytes_under_way_come_before_the_reset)
{
    int fds[2];
    begin("freebsd2");
    pair(fds);
    CHECK_EQ(put(fds[0], "abc").n, 3);
    CHECK_EQ(sys->setopt(sys, fds[0], THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    CHECK_EQ(get(fds[1], 10).n, 3);
    CHECK_EQ(get(fds[1], 10).os, 54);
    end();
}

TEST(q83_the_error_of_a_datagram_socket_is_readable_on_some_systems)
{
    thetis_addr nobody = loopback(9);
    const char *const names[] = {"linux", "freebsd1"};
    for (int i = 0; i < 2; i++) {
        tht_out out = {.data = "x", .len = 1};
        begin(names[i]);
        int fd = open_socket(THETIS_ADDR_V4, THT_DGRAM);
        CHECK_EQ(sys->connect(sys, fd, &nobody).status, THETIS_OK);
        CHECK_EQ(sys->send_msgs(sys, fd, &out, 1).n, 1);
        CHECK_EQ(ready(fd), SIM_OUT | SIM_ERR | (i ? SIM_IN : 0));
        end();
    }
}

TEST(q37_a_unix_peer_that_leaves_bytes)
{
    thetis_addr at = unix_name("unix:@x");
    begin("linux");
    int fd, listener = listen_at(&at, 4);
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_OK);
    int other = (int)sys->accept(sys, listener, NULL).n;
    CHECK_EQ(put(fd, "unread").n, 6);
    CHECK_EQ(put(other, "abc").n, 3);
    CHECK_EQ(sys->close(sys, other).status, THETIS_OK);
    CHECK_EQ(get(fd, 10).n, 3);
    CHECK_EQ(get(fd, 10).status, THETIS_ERESET);
    CHECK_EQ(get(fd, 10).status, THETIS_OK);
    end();
}

TEST(q38_pipes)
{
    int fds[2];
    begin("linux");
    CHECK_EQ(tsm_pipe(sim, fds).status, THETIS_OK);
    CHECK_EQ(ready(fds[1]), SIM_OUT);
    CHECK_EQ(sys->close(sys, fds[1]).status, THETIS_OK);
    CHECK_EQ(ready(fds[0]), SIM_HUP);
    CHECK_EQ(tsm_pipe(sim, fds).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(ready(fds[1]), SIM_OUT | SIM_ERR);
    end();
}

/* ---- pollers, accepting ---------------------------------------------------------------------- */

TEST(q47_a_copy_keeps_a_registration)
{
    tht_event e;
    int fds[2];
    begin("linux");
    pair(fds);
    int set = (int)sys->epoll_open(sys).n;
    CHECK_EQ(sys->epoll_set(sys, set, fds[0], 77, 0, THT_OUT).status, THETIS_OK);
    sim_file *f = tsm_fd_file(sim, fds[0]);
    tsm_file_hold(f);
    int copy = (int)tsm_fd_open(sim, f).n;
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(sys->epoll_wait(sys, set, &e, 1, 0).n, 1);
    CHECK_EQ(e.token, 77);
    CHECK_EQ(sys->epoll_set(sys, set, fds[0], 77, THT_OUT, 0).os, 9);
    CHECK_EQ(sys->close(sys, copy).status, THETIS_OK);
    CHECK_EQ(sys->epoll_wait(sys, set, &e, 1, 0).n, 0);
    end();
}

TEST(q48_numbers_are_reused_at_once)
{
    begin("linux");
    int a = open_socket(THETIS_ADDR_V4, THT_STREAM), b = open_socket(THETIS_ADDR_V4, THT_STREAM);
    CHECK_EQ(b, a + 1);
    CHECK_EQ(sys->close(sys, a).status, THETIS_OK);
    CHECK_EQ(open_socket(THETIS_ADDR_V4, THT_DGRAM), a);
    end();
}

TEST(q67_no_descriptor_is_left)
{
    thetis_addr at = loopback(0);
    cfg.max_fds = 2;
    begin("linux");
    int fd, listener = listen_at(&at, 4);
    (void)connect_to(&fd, &at);
    CHECK_EQ(sys->accept(sys, listener, NULL).os, 24);
    CHECK_EQ(ready(listener), SIM_IN); /* the connection waits */
    end();
}

TEST(q70_reset_before_accept)
{
    thetis_addr at = loopback(0);
    begin("linux");
    int fd, listener = listen_at(&at, 4);
    (void)connect_to(&fd, &at);
    CHECK_EQ(sys->setopt(sys, fd, THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    fd = (int)sys->accept(sys, listener, NULL).n;
    CHECK(fd > 0);
    CHECK_EQ(sys->name(sys, fd, THT_PEER, &at).status, THETIS_ENOTCONN);
    CHECK_EQ(get(fd, 10).status, THETIS_ERESET);
    end();
}

static void listen_twice(int fds[2], thetis_addr *at, tht_opt opt)
{
    for (int k = 0; k < 2; k++) {
        fds[k] = open_socket(THETIS_ADDR_V4, THT_STREAM);
        CHECK_EQ(sys->setopt(sys, fds[k], opt, 1).status, THETIS_OK);
        CHECK_EQ(sys->bind(sys, fds[k], at).status, THETIS_OK);
        CHECK_EQ(sys->listen(sys, fds[k], 128).status, THETIS_OK);
        *at = name_of(fds[k]);
    }
}

/* Connections that each of two listeners at one address gets of 64. */
static void share(const char *personality, tht_opt opt, unsigned *older, unsigned *newer)
{
    thetis_addr at = loopback(0);
    int fd, fds[2];
    begin(personality);
    listen_twice(fds, &at, opt);
    for (int k = 0; k < 64; k++) {
        (void)connect_to(&fd, &at);
        tsm_settle(sim);
    }
    *older = tsm_fd_file(sim, fds[0])->u.l.count;
    *newer = tsm_fd_file(sim, fds[1])->u.l.count;
    CHECK_EQ(*older + *newer, 64);
    end();
}

TEST(q74_who_shares_connections)
{
    static const char *const alone[] = {"netbsd", "openbsd", "macos", "lwip"};
    unsigned older, newer;
    share("linux", THT_OPT_BALANCE, &older, &newer);
    CHECK(older >= 16 && newer >= 16);
    share("linux", THT_OPT_REUSE_PORT, &older, &newer);
    CHECK(older >= 16 && newer >= 16);
    share("freebsd1", THT_OPT_BALANCE, &older, &newer);
    CHECK(older >= 16 && newer >= 16);
    share("freebsd1", THT_OPT_REUSE_PORT, &older, &newer);
    CHECK_EQ(newer, 64);
    for (int k = 0; k < 4; k++) {
        begin(alone[k]);
        int fd = open_socket(THETIS_ADDR_V4, THT_STREAM);
        CHECK_EQ(sys->setopt(sys, fd, THT_OPT_BALANCE, 1).status, THETIS_ENOTSUP);
        CHECK(sys->lacks >> THETIS_CAP_LISTEN_BALANCE & 1);
        end();
        share(alone[k], THT_OPT_REUSE_PORT, &older, &newer);
        CHECK_EQ(newer, 64);
    }
}

TEST(q75_a_listener_that_leaves_its_group_resets_its_queue)
{
    thetis_addr at = loopback(0);
    int fds[2], peers[16];
    unsigned reset = 0;
    begin("linux");
    listen_twice(fds, &at, THT_OPT_BALANCE);
    for (int k = 0; k < 16; k++) (void)connect_to(&peers[k], &at);
    unsigned waiting = tsm_fd_file(sim, fds[1])->u.l.count;
    CHECK_EQ(sys->close(sys, fds[1]).status, THETIS_OK);
    for (int k = 0; k < 16; k++) reset += get(peers[k], 1).status == THETIS_ERESET;
    CHECK(waiting > 0 && waiting < 16);
    CHECK_EQ(reset, waiting);
    end();
}

TEST(q14_q50_one_registration_for_a_descriptor)
{
    tht_event e[2];
    int fds[2];
    begin("linux");
    pair(fds);
    int set = (int)sys->epoll_open(sys).n;
    CHECK_EQ(sys->epoll_set(sys, set, fds[0], 1, 0, THT_OUT).status, THETIS_OK);
    CHECK_EQ(sys->epoll_set(sys, set, fds[0], 2, 0, THT_IN).os, 17);
    CHECK_EQ(sys->epoll_wait(sys, set, e, 2, 0).n, 1);
    CHECK(e[0].token == 1 && e[0].ready == THT_OUT);
    end();
}

TEST(q41_a_hang_up_is_reported_to_any_interest)
{
    tht_event e;
    int fds[2];
    begin("linux");
    pair(fds);
    int set = (int)sys->epoll_open(sys).n;
    CHECK_EQ(sys->epoll_set(sys, set, fds[1], 1, 0, THT_IN).status, THETIS_OK);
    CHECK_EQ(sys->setopt(sys, fds[0], THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    CHECK_EQ(sys->epoll_wait(sys, set, &e, 1, 0).n, 1);
    CHECK_EQ(e.ready, THT_IN | THT_OUT);
    end();
}

/* ---- lwIP ------------------------------------------------------------------------------------ */

TEST(q16_q33_a_stream_of_lwip)
{
    static char much[8000];
    int fds[2];
    begin("lwip");
    pair(fds);
    CHECK_EQ(sys->send_one(sys, fds[0], much, sizeof much).n, 5840);
    CHECK_EQ(sys->shutdown(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    CHECK_EQ(get(fds[1], sizeof much).n, 5840);
    CHECK_EQ(ready(fds[1]), SIM_IN | SIM_OUT); /* and no hang-up */
    CHECK_EQ(get(fds[1], 10).status, THETIS_OK);
    CHECK_EQ(get(fds[1], 10).os, 107); /* the end, then not connected */
    CHECK_EQ(ready(fds[1]), SIM_IN | SIM_OUT);
    end();
}

TEST(q34_q35_a_refusal_of_lwip_is_a_reset_that_stays_reported)
{
    thetis_addr at = loopback(1);
    int fd;
    begin("lwip");
    CHECK_EQ(connect_to(&fd, &at).status, THETIS_AGAIN);
    tsm_settle(sim);
    CHECK_EQ(get(fd, 1).os, 104);
    CHECK(ready(fd) & SIM_ERR); /* though it was read */
    end();
}

TEST(q76_a_backlog_of_lwip_is_exact)
{
    thetis_addr at = loopback(0);
    int fd;
    begin("lwip");
    (void)listen_at(&at, 4);
    for (int i = 0; i < 5; i++) {
        (void)connect_to(&fd, &at);
        tsm_run_until(sim, sim->now + 1000000);
        CHECK_EQ(ready(fd), i < 4 ? SIM_OUT : 0);
    }
    end();
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static int dgram_at(thetis_addr *at)
{
    int fd = open_socket(THETIS_ADDR_V4, THT_DGRAM);
    CHECK_EQ(sys->bind(sys, fd, at).status, THETIS_OK);
    *at = name_of(fd);
    return fd;
}

static tht_ret dgram_put(int fd, const void *bytes, size_t len, const thetis_addr *to)
{
    return sys->send_msgs(sys, fd, &(tht_out){.data = bytes, .len = len, .to = to}, 1);
}

static tht_ret dgram_get(int fd, tht_in *in)
{
    static char bytes[65536];
    static thetis_addr from;
    in->into = bytes;
    if (in->room == 0) in->room = sizeof bytes;
    in->from = &from;
    return sys->recv_msgs(sys, fd, in, 1);
}

TEST(q82_q83_news_alternate_and_come_before_data)
{
    thetis_addr at = loopback(0), own = loopback(0);
    tht_in in = {0};
    begin("linux");
    int other = dgram_at(&at), fd = dgram_at(&own);
    CHECK_EQ(sys->connect(sys, fd, &at).status, THETIS_OK);
    CHECK_EQ(dgram_put(other, "abc", 3, &own).n, 1);
    CHECK_EQ(sys->close(sys, other).status, THETIS_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(dgram_put(fd, "x", 1, NULL).n, 1);
        CHECK(ready(fd) & SIM_ERR);
        CHECK_EQ(dgram_put(fd, "x", 1, NULL).os, 111);
    }
    CHECK_EQ(dgram_put(fd, "x", 1, NULL).n, 1);
    CHECK_EQ(dgram_get(fd, &in).os, 111);
    CHECK_EQ(dgram_get(fd, &in).n, 1);
    CHECK_EQ(in.len, 3);
    end();
}

TEST(q82_q85_who_hears_that_nobody_is_there)
{
    static const struct {
        const char *name;
        int os; /* 0: never */
    } kernels[] = {{"linux", 111}, {"freebsd2", 61}, {"netbsd", 61}, {"lwip", 0}};
    thetis_addr nobody = loopback(9), own = loopback(0);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        begin(kernels[i].name);
        own.port = 0;
        int fd = dgram_at(&own);
        tht_in in = {0};
        CHECK_EQ(dgram_put(fd, "x", 1, &nobody).n, 1);
        tsm_settle(sim);
        CHECK_EQ(dgram_get(fd, &in).status, THETIS_AGAIN); /* not connected: nothing */
        CHECK_EQ(sys->connect(sys, fd, &nobody).status, THETIS_OK);
        CHECK_EQ(dgram_put(fd, "x", 1, NULL).n, 1);
        tsm_settle(sim);
        tht_ret r = dgram_get(fd, &in);
        CHECK_EQ(r.status, kernels[i].os ? THETIS_EREFUSED : THETIS_AGAIN);
        if (kernels[i].os) CHECK_EQ(r.os, kernels[i].os);
        end();
    }
}

TEST(q30_q86_empty_and_cut_datagrams)
{
    thetis_addr at = loopback(0), own = loopback(0);
    tht_in in = {.room = 4};
    begin("linux");
    int to = dgram_at(&at), from = dgram_at(&own);
    CHECK_EQ(dgram_put(from, "", 0, &at).n, 1);
    CHECK_EQ(dgram_put(from, "0123456789", 10, &at).n, 1);
    CHECK_EQ(dgram_get(to, &in).n, 1);
    CHECK(in.len == 0 && !in.cut);
    CHECK_EQ(dgram_get(to, &in).n, 1);
    CHECK(in.len == 4 && in.cut);
    CHECK_EQ(dgram_get(to, &in).status, THETIS_AGAIN);
    end();
}

TEST(trains_are_cut_for_those_who_do_not_ask)
{
    thetis_addr at = loopback(0), own = loopback(0);
    tht_in in = {0};
    begin("linux");
    int to = dgram_at(&at), from = dgram_at(&own);
    tht_out out = {.data = "0123456789", .len = 10, .segment = 4, .to = &at};
    CHECK_EQ(sys->send_msgs(sys, from, &out, 1).n, 1);
    for (size_t len = 4, i = 0; i < 3; i++, len = i == 2 ? 2 : 4) {
        CHECK_EQ(dgram_get(to, &in).n, 1);
        CHECK(in.len == len && in.segment == 0);
    }
    CHECK_EQ(sys->setopt(sys, to, THT_OPT_UDP_GRO, 1).status, THETIS_OK);
    CHECK_EQ(sys->send_msgs(sys, from, &out, 1).n, 1);
    CHECK_EQ(dgram_get(to, &in).n, 1);
    CHECK(in.len == 10 && in.segment == 4);
    end();
}

TEST_MAIN(T(q3_connect_on_linux_is_always_in_progress),
          T(q4_q7_a_refusal_on_linux_comes_late_and_is_told_once),
          T(q10_a_fresh_stream_is_out_and_hung_up), T(q11_q76_a_full_backlog),
          T(q12_a_socket_that_meets_itself), T(q16_q17_how_much_a_stream_takes_and_when_more),
          T(q31_q32_data_then_reset), T(q31_a_half_close),
          T(q23_the_first_write_to_a_closed_peer_succeeds),
          T(q31_bytes_under_way_come_before_the_reset),
          T(q83_the_error_of_a_datagram_socket_is_readable_on_some_systems),
          T(q37_a_unix_peer_that_leaves_bytes),
          T(q38_pipes), T(q47_a_copy_keeps_a_registration), T(q48_numbers_are_reused_at_once),
          T(q67_no_descriptor_is_left), T(q70_reset_before_accept), T(q74_who_shares_connections),
          T(q75_a_listener_that_leaves_its_group_resets_its_queue),
          T(q14_q50_one_registration_for_a_descriptor),
          T(q41_a_hang_up_is_reported_to_any_interest), T(q16_q33_a_stream_of_lwip),
          T(q34_q35_a_refusal_of_lwip_is_a_reset_that_stays_reported),
          T(q76_a_backlog_of_lwip_is_exact), T(q82_q83_news_alternate_and_come_before_data),
          T(q82_q85_who_hears_that_nobody_is_there), T(q30_q86_empty_and_cut_datagrams),
          T(trains_are_cut_for_those_who_do_not_ask))
