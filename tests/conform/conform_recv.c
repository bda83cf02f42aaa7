/* SPDX-License-Identifier: MIT
 *
 * conform_recv.c: rows 41 to 48 and 53 to 57 of group D: receiving.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conform/suite.h"

/* ---- 41, 42, 43 ------------------------------------------------------------------------------ */

static void in_pieces(suite *w, int oneshot, size_t total, size_t most)
{
    static wire x;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 4096);
    x.oneshot = oneshot;
    wire_recv(&x);
    for (uint64_t k = 0; k < total;) {
        size_t n = 1 + (size_t)suite_rand(w, most);
        if (n > total - k) n = (size_t)(total - k);
        peer_send(fd, k, n);
        k += n;
        UNTIL(w, x.got + 60000 >= k); /* the peer's sends never block */
    }
    peer_shut(fd);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, total);
    CHECK_EQ(x.end, THETIS_EOF);
    wire_close(&x);
    peer_close(fd);
}

static void row_041_bytes_in_order_streaming(suite *w)
{
    in_pieces(w, 0, 3000000, 30000);
}

static void row_041_bytes_in_order_one_shot(suite *w)
{
    in_pieces(w, 1, 1000000, 30000);
}

static void row_041_a_peer_that_sends_single_bytes(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    for (uint64_t k = 0; k < 2000; k++) {
        peer_send(fd, k, 1);
        UNTIL(w, x.got == k + 1);
    }
    CHECK_EQ(x.recvs, 2000);
    wire_close(&x);
    peer_close(fd);
}

static void row_042_a_receive_of_no_bytes(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 0, wire_on_recv), THETIS_OK);
    CHECK_EQ(x.recvs, 0);
    UNTIL(w, x.recvs == 1);
    CHECK_EQ(x.ends, 0);
    CHECK_EQ(x.got, 0);
    peer_send(fd, 0, 5);
    wire_recv(&x); /* the slot is free again */
    UNTIL(w, x.got == 5);
    wire_close(&x);
    peer_close(fd);
}

static void row_043_one_receive_at_a_time(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    x.oneshot = 2; /* does not go on by itself */
    wire_recv(&x);
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 8, wire_on_recv), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_recv_start(&x.tcp, wire_on_recv), THETIS_EBUSY);
    peer_send(fd, 0, 8);
    UNTIL(w, x.recvs == 1);
    CHECK_EQ(thetis_tcp_recv_start(&x.tcp, wire_on_recv), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv(&x.tcp, x.buf, 8, wire_on_recv), THETIS_EBUSY);
    UNTIL(w, x.got == 8);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 44, 45, 46 ------------------------------------------------------------------------------ */

static void data_then_end(suite *w, int oneshot)
{
    static wire x;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 512);
    x.oneshot = oneshot;
    peer_send(fd, 0, 20000);
    peer_shut(fd);
    wire_recv(&x);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, 20000);
    CHECK_EQ(x.end, THETIS_EOF);
    CHECK_EQ(x.end_os, 0);
    suite_turns(w, 10); /* silence: the record fails on anything else */
    wire_close(&x);
    peer_close(fd);
}

static void row_044_data_and_end_streaming(suite *w)
{
    data_then_end(w, 0);
}

static void row_044_data_and_end_one_shot(suite *w)
{
    data_then_end(w, 1);
}

/* How many of 5000 bytes a plain socket still gives after the peer reset the connection. */
static uint64_t plain_bytes_before_reset(void)
{
    char buf[8192];
    thetis_addr at;
    int listener = peer_listen(&at);
    int ours = peer_connect(&at);
    int fd = peer_accept(listener);
    uint64_t sum = 0;
    peer_send(fd, 0, 5000);
    peer_reset(fd);
    for (;;) {
        tht_ret r = peer_get(ours, buf, sizeof buf);
        if (r.status == THETIS_AGAIN) peer_wait(ours, THT_IN);
        else if (r.n == 0) break;
        sum += (uint64_t)r.n;
    }
    peer_close(ours);
    peer_close(listener);
    return sum;
}

static void row_045_data_and_reset(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    peer_send(fd, 0, 5000);
    peer_reset(fd);
    wire_recv(&x);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, plain_bytes_before_reset());
    CHECK_EQ(x.end, THETIS_ERESET);
    CHECK(x.end_os != 0);
    suite_turns(w, 10);
    wire_close(&x);
}

static void row_045_reset_while_receiving(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    suite_turns(w, 3);
    peer_reset(fd);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.end, THETIS_ERESET);
    suite_turns(w, 10);
    wire_close(&x);
}

/* Ask again after the end: the same end, once per question. */
static void ask_again(suite *w, wire *x, thetis_status end, int oneshot)
{
    x->ends = 0;
    x->oneshot = oneshot;
    wire_recv(x);
    CHECK_EQ(x->ends, 0); /* later, as always */
    UNTIL(w, x->ends == 1);
    CHECK_EQ(x->end, end);
    suite_turns(w, 3);
}

static void row_046_the_same_end_again(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    peer_shut(fd);
    wire_recv(&x);
    UNTIL(w, x.ends == 1);
    ask_again(w, &x, THETIS_EOF, 0);
    ask_again(w, &x, THETIS_EOF, 1);
    wire_close(&x);
    peer_close(fd);
    fd = wire_pair(w, &x);
    peer_reset(fd);
    wire_recv(&x);
    UNTIL(w, x.ends == 1);
    ask_again(w, &x, THETIS_ERESET, 0);
    ask_again(w, &x, THETIS_ERESET, 1);
    wire_close(&x);
}

/* ---- 47, 48 ---------------------------------------------------------------------------------- */

static void row_047_the_end_waits_for_resume(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    CHECK_EQ(thetis_tcp_pause(&x.tcp), THETIS_ABSENT);
    wire_recv(&x);
    CHECK_EQ(thetis_tcp_resume(&x.tcp), THETIS_ABSENT);
    CHECK_EQ(thetis_tcp_pause(&x.tcp), THETIS_OK);
    peer_send(fd, 0, 100);
    peer_shut(fd);
    suite_turns(w, 20);
    CHECK_EQ(x.recvs, 0);
    CHECK_EQ(thetis_tcp_resume(&x.tcp), THETIS_OK);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, 100);
    CHECK_EQ(x.end, THETIS_EOF);
    wire_close(&x);
    peer_close(fd);
}

static void row_047_a_reset_of_a_paused_stream(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    wire_recv(&x);
    CHECK_EQ(thetis_tcp_pause(&x.tcp), THETIS_OK);
    suite_turns(w, 3);
    peer_reset(fd);
    if (thetis_loop_cap(w->loop, THETIS_CAP_PAUSED_RESET).level == THETIS_CAP_ABSENT) {
        uint64_t events = suite_stat(w).events;
        suite_turns(w, 20);
        CHECK_EQ(x.recvs, 0);
        if (w->way == SUITE_PLAIN) CHECK(suite_stat(w).events <= events + 1); /* no spin */
        CHECK_EQ(thetis_tcp_resume(&x.tcp), THETIS_OK);
    }
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.end, THETIS_ERESET);
    wire_close(&x);
}

static void pause_each_time(wire *x, const thetis_recv *r)
{
    if (r->status == THETIS_OK) CHECK_EQ(thetis_tcp_pause(&x->tcp), THETIS_OK);
}

/* A pause inside the callback takes effect at once: one callback per resume. */
static void row_048_pause_and_resume_under_flood(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 8192);
    x.on_recv = pause_each_time;
    wire_recv(&x);
    for (uint64_t k = 0; k < 500000; k += 5000) {
        peer_send(fd, k, 5000);
        while (x.got < k + 5000) {
            unsigned before = x.recvs;
            UNTIL(w, x.recvs > before);
            suite_turns(w, (int)suite_rand(w, 3));
            CHECK_EQ(x.recvs, before + 1);
            CHECK_EQ(thetis_tcp_resume(&x.tcp), THETIS_OK);
        }
    }
    peer_shut(fd);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.got, 500000);
    wire_close(&x);
    peer_close(fd);
}

/* ---- 53 to 57 -------------------------------------------------------------------------------- */

static void row_053_a_canceled_receive_loses_no_byte(suite *w)
{
    static wire x;
    int fd = wire_pair(w, &x);
    for (uint64_t k = 0; k < 3000; k += 100) {
        x.oneshot = k % 200 ? 2 : 0;
        wire_recv(&x);
        peer_send(fd, k, 100);
        suite_turns(w, (int)suite_rand(w, 3));
        thetis_status s = thetis_tcp_recv_cancel(&x.tcp);
        if (s == THETIS_OK) {
            UNTIL(w, x.ends == 1);
            CHECK_EQ(x.end, THETIS_ECANCELED);
            x.ends = 0;
        } else {
            CHECK_EQ(s, THETIS_ABSENT); /* the one shot was faster */
        }
    }
    x.oneshot = 0;
    wire_recv(&x);
    UNTIL(w, x.got == 3000);
    wire_close(&x);
    peer_close(fd);
}

static void row_054_memory_is_the_users_after_the_end(suite *w)
{
    static wire x;
    static unsigned char before[WIRE_BUF];
    int fd = wire_pair(w, &x);
    x.oneshot = 2;
    wire_recv(&x);
    CHECK_EQ(thetis_tcp_recv_cancel(&x.tcp), THETIS_OK);
    UNTIL(w, x.ends == 1);
    memset(x.buf, 0xA5, sizeof x.buf);
    memset(before, 0xA5, sizeof before);
    peer_send(fd, 0, 200);
    suite_turns(w, 10);
    CHECK_EQ(memcmp(x.buf, before, sizeof before), 0);
    x.ends = 0;
    x.want = 50;
    wire_recv(&x);
    UNTIL(w, x.recvs == 2);
    CHECK(x.got <= 50);
    CHECK_EQ(memcmp(x.buf + x.got, before, sizeof before - x.got), 0);
    memset(x.buf, 0xA5, sizeof x.buf);
    suite_turns(w, 10);
    CHECK_EQ(memcmp(x.buf, before, sizeof before), 0);
    wire_close(&x);
    peer_close(fd);
}

static void close_in_callback(wire *x, const thetis_recv *r)
{
    if (r->status == THETIS_OK)
        wire_shut(x);
}

static void close_inside_callback(suite *w, int oneshot)
{
    static wire x;
    int fd = wire_pair(w, &x);
    x.oneshot = oneshot;
    x.on_recv = close_in_callback;
    peer_send(fd, 0, 50000);
    wire_recv(&x);
    UNTIL(w, x.closes == 1);
    CHECK(x.got <= 50000);
    suite_turns(w, 5);
    if (!oneshot) CHECK_EQ(x.end, THETIS_ECANCELED);
    peer_close(fd);
}

static void row_055_close_inside_the_callback_streaming(suite *w)
{
    close_inside_callback(w, 0);
}

static void row_055_close_inside_the_callback_one_shot(suite *w)
{
    close_inside_callback(w, 2);
}

static void row_056_the_peer_shuts_down_and_we_still_send(suite *w)
{
    static wire x;
    static post p;
    static unsigned char data[100000];
    uint64_t k = 0;
    int fd = wire_pair(w, &x);
    suite_bulk(w, 8192);
    suite_fill(data, 0, sizeof data);
    wire_recv(&x);
    peer_shut(fd);
    UNTIL(w, x.ends == 1);
    CHECK_EQ(x.end, THETIS_EOF);
    CHECK_EQ(post_send(&x, &p, data, sizeof data), THETIS_OK);
    peer_drain(w, fd, &k, sizeof data);
    UNTIL(w, p.done == 1);
    CHECK_EQ(p.send.status, THETIS_OK);
    wire_close(&x);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
}

static void row_057_our_shutdown_comes_after_all_bytes(suite *w)
{
    static wire x;
    static post p, last, late;
    static unsigned char data[500000];
    uint64_t k = 0;
    size_t sent = 1;
    int fd = wire_pair(w, &x);
    suite_need(w, THETIS_CAP_HALF_CLOSE);
    suite_bulk(w, 8192);
    suite_fill(data, 0, sizeof data);
    wire_recv(&x);
    CHECK_EQ(post_send(&x, &p, data, sizeof data), THETIS_OK);
    CHECK_EQ(post_shutdown(&x, &last), THETIS_OK);
    CHECK_EQ(post_send(&x, &late, data, 1), THETIS_CLOSED);
    CHECK_EQ(post_shutdown(&x, &late), THETIS_CLOSED);
    CHECK_EQ(thetis_tcp_send_try(&x.tcp, data, 1, &sent), THETIS_CLOSED);
    CHECK_EQ(sent, 0);
    peer_drain(w, fd, &k, sizeof data);
    UNTIL(w, last.done == 1);
    CHECK_EQ(last.send.status, THETIS_OK);
    CHECK(p.stamp < last.stamp);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_send(fd, 0, 10); /* the other direction lives */
    UNTIL(w, x.got == 10);
    CHECK_EQ(late.done, 0);
    wire_close(&x);
    peer_close(fd);
}

#define CONFORM_GROUP_D
#include "conform/rows.h"
