/* SPDX-License-Identifier: MIT
 *
 * conform_udp.c: rows of group F: receiving datagrams, news, fairness, groups.
 */
#include <errno.h>
#include <string.h>

#include "conform/plug.h"

/* ---- 76 to 80: receiving --------------------------------------------------------------------- */

static const size_t odd_lens[] = {0, 1, 2, 100, 1400, 0, 9000, 7, 0, 16384};
enum { ODD_LENS = sizeof odd_lens / sizeof odd_lens[0] };

static void row_076_boundaries_are_kept(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    x.lens = odd_lens;
    plug_recv(&x);
    for (size_t i = 0; i < ODD_LENS; i++) peer_udp_send(fd, &x.at, i, odd_lens[i]);
    UNTIL(w, x.datagrams == ODD_LENS);
    CHECK_EQ(x.trains, ODD_LENS);
    CHECK(thetis_addr_equal(&x.from, &at));
    for (size_t i = 0; i < ODD_LENS; i++) plug_send(&x, &at, &k, 1, odd_lens[i]);
    peer_udp_expect(fd, odd_lens, ODD_LENS);
    plug_close(&x);
    peer_close(fd);
}

static void row_077_a_datagram_longer_than_the_buffer(suite *w)
{
    static plug x;
    static const size_t got[] = {100, 100, 20};
    thetis_addr at;
    int fd = peer_udp("127.0.0.1:0", &at);
    suite_reopen(w, plug_buffers(8, 100));
    plug_open(w, &x);
    x.lens = got;
    plug_recv(&x);
    peer_udp_send(fd, &x.at, 0, 150);
    UNTIL(w, x.datagrams == 1);
    CHECK_EQ(x.cuts, 1);
    peer_udp_send(fd, &x.at, 1, 100);
    peer_udp_send(fd, &x.at, 2, 20);
    UNTIL(w, x.datagrams == 3);
    CHECK_EQ(x.cuts, 1);
    plug_close(&x);
    peer_close(fd);
}

static void row_078_batches_arrive_in_order(suite *w)
{
    static plug a, b;
    static thetis_dgram batch[PLUG_BATCH];
    static unsigned char bytes[PLUG_BATCH][32];
    plug_open(w, &a);
    plug_open(w, &b);
    plug_recv(&b);
    for (uint64_t k = 0; k < 1000;) {
        size_t n = 1 + suite_rand(w, PLUG_BATCH);
        thetis_status why;
        plug_batch(batch, bytes, &b.at, k, n);
        CHECK_EQ(thetis_udp_send_n(&a.udp, batch, n, &why), n);
        CHECK_EQ(why, THETIS_OK);
        for (size_t i = 0; i < n; i++) CHECK_EQ(batch[i].sent, batch[i].len);
        k += n;
        UNTIL(w, b.datagrams == k);
    }
    CHECK(thetis_addr_equal(&b.from, &a.at));
    plug_close(&a);
    plug_close(&b);
}

static void row_079_source_address_v6(suite *w)
{
    static plug x;
    thetis_addr at;
    plug_open_at(w, &x, "[::1]:0", NULL);
    int fd = peer_udp("[::1]:0", &at);
    uint64_t k = 0;
    plug_recv(&x);
    peer_udp_send(fd, &x.at, 0, 10);
    UNTIL(w, x.datagrams == 1);
    CHECK(thetis_addr_equal(&x.from, &at));
    plug_send(&x, &x.from, &k, 1, 10);
    CHECK_EQ(peer_udp_take(fd, 0), 10);
    plug_close(&x);
    peer_close(fd);
}

static void row_080_a_connected_socket_hears_its_peer_only(suite *w)
{
    static plug x;
    thetis_addr friend_at, other_at, local, peer;
    int mate = peer_udp("127.0.0.1:0", &friend_at), other = peer_udp("127.0.0.1:0", &other_at);
    uint64_t k = 0;
    plug_open(w, &x);
    plug_recv(&x);
    CHECK_EQ(thetis_udp_addr(&x.udp, NULL, &peer), THETIS_ENOTCONN);
    CHECK_EQ(thetis_udp_connect(&x.udp, &friend_at), THETIS_OK);
    CHECK_EQ(thetis_udp_addr(&x.udp, &local, &peer), THETIS_OK);
    CHECK(thetis_addr_equal(&local, &x.at) && thetis_addr_equal(&peer, &friend_at));
    peer_udp_send(other, &x.at, 100, 5);
    peer_udp_send(mate, &x.at, 0, 5);
    UNTIL(w, x.datagrams == 1);
    suite_turns(w, 5);
    CHECK_EQ(x.datagrams, 1);
    plug_send(&x, NULL, &k, 1, 5);
    CHECK_EQ(peer_udp_take(mate, 0), 5);
    plug_close(&x);
    peer_close(mate);
    peer_close(other);
}

/* ---- 81, 82: news of earlier datagrams ------------------------------------------------------- */

static void connect_to(plug *x, const thetis_addr *at)
{
    suite_need(x->w, THETIS_CAP_UDP_ICMP_ERR);
    CHECK_EQ(thetis_udp_connect(&x->udp, at), THETIS_OK);
}

static int peer_again(const thetis_addr *at)
{
    char text[THETIS_ADDR_TEXT_MAX];
    thetis_addr name;
    CHECK_EQ(thetis_addr_text(at, text, sizeof text), THETIS_OK);
    return peer_udp(text, &name);
}

static void row_081_nobody_there_is_news(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    peer_close(peer_udp("127.0.0.1:0", &at));
    plug_open(w, &x);
    connect_to(&x, &at);
    plug_recv(&x);
    plug_send(&x, NULL, &k, 1, 8);
    UNTIL(w, x.news == 1);
    CHECK_EQ(x.told, THETIS_EREFUSED);
    int fd = peer_again(&at);
    k = 0;
    plug_send(&x, NULL, &k, 1, 8); /* receiving and sending go on */
    CHECK_EQ(peer_udp_take(fd, 0), 8);
    peer_udp_send(fd, &x.at, 0, 3);
    UNTIL(w, x.datagrams == 1);
    CHECK_EQ(x.news, 1);
    plug_close(&x);
    peer_close(fd);
}

static void row_081_a_send_that_meets_news_is_sent(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    peer_close(peer_udp("127.0.0.1:0", &at));
    plug_open(w, &x);
    connect_to(&x, &at);
    plug_send(&x, NULL, &k, 1, 8); /* nobody receives: the fault waits in the system */
    the_world->settle();
    int fd = peer_again(&at);
    k = 0;
    plug_send(&x, NULL, &k, 2, 8);
    CHECK_EQ(peer_udp_take(fd, 0), 8);
    CHECK_EQ(peer_udp_take(fd, 1), 8);
    plug_recv(&x);
    UNTIL(w, x.news == 1);
    CHECK_EQ(x.told, THETIS_EREFUSED);
    plug_close(&x);
    peer_close(fd);
}

static void row_082_news_cost_no_datagram(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    connect_to(&x, &at);
    for (uint64_t i = 0; i < 5; i++) peer_udp_send(fd, &x.at, i, 10);
    peer_close(fd);
    plug_send(&x, NULL, &k, 1, 8);
    plug_recv(&x);
    UNTIL(w, x.news == 1 && x.datagrams == 5);
    plug_close(&x);
}

/* ---- 89: fairness ---------------------------------------------------------------------------- */

typedef struct ticker {
    thetis_timer timer;
    unsigned ticks;
} ticker;

static void on_tick(thetis_timer *timer)
{
    ticker *t = (ticker *)timer;
    t->ticks++;
    CHECK_EQ(thetis_timer_start(timer, 0, 0), THETIS_OK);
}

static void row_089_a_flood_leaves_timers_their_turn(suite *w)
{
    static plug x;
    static ticker t;
    thetis_addr at;
    unsigned turns = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    for (uint64_t k = 0; k < 200; k++) peer_udp_send(fd, &x.at, k, 1);
    the_world->settle();
    t = (ticker){0};
    thetis_timer_init(w->loop, &t.timer, on_tick);
    CHECK_EQ(thetis_timer_start(&t.timer, 0, 0), THETIS_OK);
    suite_turn(w);
    t.ticks = 0;
    plug_recv(&x);
    for (unsigned before = 0; x.datagrams < 200; before = x.datagrams) {
        CHECK(++turns < SUITE_TURNS);
        suite_turn(w);
        CHECK(x.datagrams - before <= 64 + THT_MSGS);
        CHECK_EQ(t.ticks, turns);
    }
    CHECK(turns >= 3);
    if (w->way == SUITE_PLAIN) CHECK(turns <= 4); /* and the budget is used */
    CHECK_EQ(thetis_timer_stop(&t.timer), THETIS_OK);
    plug_close(&x);
    peer_close(fd);
}

/* Long trains: two of them are more than a turn's share already. */
static void row_089_long_trains_leave_others_their_turn(suite *w)
{
    static unsigned char bytes[48000];
    static plug a, b;
    thetis_status why;
    suite_reopen(w, plug_buffers(64, THETIS_UDP_TRAIN_MAX));
    plug_open(w, &a);
    plug_open_at(w, &b, "127.0.0.1:0", &(thetis_udp_cfg){.recv_space = 1 << 20});
    b.any = 1;
    suite_need(w, THETIS_CAP_UDP_GRO);
    thetis_dgram d = {.data = bytes, .len = sizeof bytes, .to = &b.at, .segment = 1000};
    for (int i = 0; i < 6; i++) CHECK_EQ(thetis_udp_send_n(&a.udp, &d, 1, &why), 1);
    suite_turns(w, 2);
    plug_recv(&b);
    for (unsigned left = 20, before = 0; b.trains < 5 && left > 0; left--, before = b.trains) {
        suite_turn(w); /* not all six may have found room */
        CHECK(b.trains - before <= 2);
    }
    CHECK(b.trains >= 3);
    CHECK_EQ(b.datagrams, b.trains * 48);
    plug_close(&a);
    plug_close(&b);
}

/* ---- 90: groups and broadcast ---------------------------------------------------------------- */

static void row_121_the_time_of_arrival(suite *w)
{
    static plug a, b;
    uint64_t k = 0, first;
    suite_need(w, THETIS_CAP_UDP_STAMP);
    plug_open(w, &a);
    plug_open_at(w, &b, "127.0.0.1:0", &(thetis_udp_cfg){.stamp = 1});
    plug_recv(&b);
    plug_send(&a, &b.at, &k, 1, 10);
    UNTIL(w, b.datagrams == 1);
    first = b.stamp;
    CHECK(first > UINT64_C(1577836800000000000)); /* 2020 */
    plug_send(&a, &b.at, &k, 1, 10);
    UNTIL(w, b.datagrams == 2);
    CHECK(b.stamp >= first);
    plug_close(&a);
    plug_close(&b);
}

static void row_121_lost_datagrams_are_counted(suite *w)
{
    static plug a, b;
    uint64_t k = 0;
    suite_need(w, THETIS_CAP_UDP_DROPS);
    plug_open(w, &a);
    plug_open_at(w, &b, "127.0.0.1:0", &(thetis_udp_cfg){.recv_space = 4096, .drops = 1});
    b.any = 1; /* numbers are missing */
    plug_send(&a, &b.at, &k, 100, 1000);
    plug_recv(&b);
    UNTIL(w, b.datagrams > 0);
    suite_turns(w, 20);
    CHECK(b.datagrams < 100);
    unsigned before = b.datagrams;
    plug_send(&a, &b.at, &k, 1, 10);
    UNTIL(w, b.datagrams == before + 1);
    CHECK_EQ(b.drops + b.datagrams, 101); /* none is unaccounted for */
    plug_close(&a);
    plug_close(&b);
}

static void row_090_a_multicast_group(suite *w)
{
    static plug a, b;
    thetis_addr group;
    uint64_t k = 0;
    uint32_t lo = the_world->interface();
    suite_need(w, THETIS_CAP_UDP_MULTICAST);
    if (lo == 0) SKIP_ENVIRONMENT("no interface lo");
    CHECK_EQ(thetis_addr_parse(&group, "239.255.84.26:0"), THETIS_OK);
    plug_open(w, &a);
    plug_open_at(w, &b, "*:0", &(thetis_udp_cfg){.reuse_addr = 1});
    group.port = b.at.port;
    plug_recv(&b);
    CHECK_EQ(thetis_udp_join(&b.udp, &group, lo), THETIS_OK);
    CHECK_EQ(thetis_udp_join(&b.udp, &group, lo), THETIS_EADDRINUSE);
    plug_send(&a, &group, &k, 1, 10);
    UNTIL(w, b.datagrams == 1);
    CHECK(thetis_addr_equal(&b.from, &a.at));
    CHECK_EQ(thetis_udp_leave(&b.udp, &group, lo), THETIS_OK);
    CHECK_EQ(thetis_udp_leave(&b.udp, &group, lo), THETIS_EADDRNOTAVAIL);
    plug_send(&a, &group, &k, 1, 10);
    suite_turns(w, 5);
    CHECK_EQ(b.datagrams, 1);
    plug_close(&a);
    plug_close(&b);
}

static void row_090_a_multicast_group_v6(suite *w)
{
    static plug b;
    thetis_addr group;
    uint32_t lo = the_world->interface();
    suite_need(w, THETIS_CAP_UDP_MULTICAST);
    if (lo == 0) SKIP_ENVIRONMENT("no interface lo");
    CHECK_EQ(thetis_addr_parse(&group, "[ff01::8426]:0"), THETIS_OK);
    plug_open_at(w, &b, "[::]:0", NULL);
    CHECK_EQ(thetis_udp_join(&b.udp, &group, lo), THETIS_OK); /* there is no route to send there */
    CHECK_EQ(thetis_udp_join(&b.udp, &group, lo), THETIS_EADDRINUSE);
    CHECK_EQ(thetis_udp_leave(&b.udp, &group, lo), THETIS_OK);
    CHECK_EQ(thetis_udp_leave(&b.udp, &group, lo), THETIS_EADDRNOTAVAIL);
    plug_close(&b);
}

static void row_090_broadcast_is_asked_for(suite *w)
{
    static plug a, b;
    thetis_addr all;
    uint64_t k = 0;
    CHECK_EQ(thetis_addr_parse(&all, "127.255.255.255:0"), THETIS_OK);
    plug_open(w, &a);
    plug_open_at(w, &b, "*:0", &(thetis_udp_cfg){.broadcast = 1});
    all.port = b.at.port;
    plug_recv(&b);
    CHECK_EQ(thetis_udp_send(&a.udp, &all, "x", 1), THETIS_EACCES);
    plug_send(&b, &all, &k, 1, 10); /* to itself */
    UNTIL(w, b.datagrams == 1);
    plug_close(&a);
    plug_close(&b);
}

#define CONFORM_GROUP_F
#include "conform/rows.h"
