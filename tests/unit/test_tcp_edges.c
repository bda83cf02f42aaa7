/* SPDX-License-Identifier: MIT
 *
 * test_tcp_edges.c: combinations of calls that are each legal and were once forgotten: what is
 * queued behind a connect that fails, ends that come from inside other completions, sends that are
 * taken back, resets that a send is told of first. The peer is a plain blocking socket.
 */
#include <thetis/tcp.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"

static thetis_loop *loop;
static thetis_tcp tcp;
static thetis_send a_send;
static unsigned connects, sents, recvs, closes, opened;
static thetis_status connected, sent, received;
static int32_t received_os;
static uint32_t kept;
static char memory[16], big[1 << 16];

static void on_closed(thetis_handle *handle)
{
    (void)handle;
    closes++;
}

static void on_connect(thetis_tcp *t, thetis_status status, int32_t os)
{
    (void)t, (void)os;
    connects++;
    connected = status;
}

static void on_connect_close(thetis_tcp *t, thetis_status status, int32_t os)
{
    on_connect(t, status, os);
    CHECK_EQ(thetis_tcp_close(t, on_closed), THETIS_OK);
}

static void on_sent(thetis_tcp *t, thetis_send *send)
{
    (void)t;
    sents++;
    sent = send->status;
}

static void on_sent_close(thetis_tcp *t, thetis_send *send)
{
    on_sent(t, send);
    CHECK_EQ(thetis_tcp_close(t, on_closed), THETIS_OK);
}

static void on_recv(thetis_tcp *t, const thetis_recv *recv)
{
    (void)t;
    recvs++;
    received = recv->status;
    received_os = recv->os;
}

static void on_recv_close(thetis_tcp *t, const thetis_recv *recv)
{
    on_recv(t, recv);
    CHECK_EQ(thetis_tcp_close(t, on_closed), THETIS_OK);
}

static void on_recv_keep(thetis_tcp *t, const thetis_recv *recv)
{
    on_recv(t, recv);
    if (recv->status == THETIS_OK) kept = thetis_tcp_keep(t, recv);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static struct sockaddr_in peer_at(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static int peer_listen(int backlog, thetis_addr *addr)
{
    struct sockaddr_in at = peer_at(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (void *)&at, sizeof at) == 0 && listen(fd, backlog) == 0);
    CHECK_EQ(getsockname(fd, (void *)&at, &len), 0);
    *addr = (thetis_addr){.family = THETIS_ADDR_V4, .port = ntohs(at.sin_port)};
    memcpy(addr->u.v4, "\177\0\0\1", 4);
    return fd;
}

static void peer_reset(int fd)
{
    struct linger now = {1, 0};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    CHECK_EQ(close(fd), 0);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void turns(int n)
{
    while (n-- > 0) (void)!thetis_loop_run_once(loop, 1000000);
}

static void turns_until(const unsigned *counter, unsigned value)
{
    for (int left = 2000; *counter != value; left--) {
        CHECK(left > 0);
        turns(1);
    }
}

static void make_loop(const thetis_loop_cfg *cfg)
{
    CHECK_EQ(thetis_loop_create(cfg, &loop), THETIS_OK);
}

/* Our stream, connected; returns the peer's socket. */
static int make_pair(const thetis_loop_cfg *cfg)
{
    thetis_addr addr;
    int listener = peer_listen(8, &addr), peer;
    make_loop(cfg);
    CHECK_EQ(thetis_tcp_connect(loop, &tcp, &addr, on_connect), THETIS_OK);
    turns_until(&connects, 1);
    CHECK_EQ(connected, THETIS_OK);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    CHECK_EQ(close(listener), 0);
    return peer;
}

static void make_refused(thetis_connect_fn *fn)
{
    thetis_addr addr;
    CHECK_EQ(close(peer_listen(1, &addr)), 0);
    CHECK_EQ(thetis_tcp_connect(loop, &tcp, &addr, fn), THETIS_OK);
}

/* A connection that stays in the making: the listener's queue is full. */
static void make_hanging(void)
{
    thetis_addr addr;
    (void)peer_listen(0, &addr);
    for (int i = 0; i < 3; i++) {
        struct sockaddr_in at = peer_at(addr.port);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        (void)!connect(fd, (void *)&at, sizeof at);
    }
    usleep(2000);
    CHECK_EQ(thetis_tcp_connect(loop, &tcp, &addr, on_connect), THETIS_OK);
    turns(1);
    CHECK_EQ(connects, 0);
}

/* ---- ends ------------------------------------------------------------------------------------ */

TEST(close_when_a_connect_failed_with_a_send_behind_it)
{
    make_loop(NULL);
    make_refused(on_connect_close);
    CHECK_EQ(thetis_tcp_send(&tcp, &a_send, "x", 1, on_sent), THETIS_OK);
    turns_until(&closes, 1);
    CHECK_EQ(sents, 1);
    CHECK_EQ(sent, THETIS_EREFUSED);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(close_in_a_canceled_receive_still_ends_the_connect)
{
    make_loop(NULL);
    make_hanging();
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv_close), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_cancel(&tcp), THETIS_OK);
    turns_until(&closes, 1);
    CHECK_EQ(connects, 1);
    CHECK_EQ(connected, THETIS_ECANCELED);
}

TEST(close_in_a_canceled_send_still_ends_the_connect)
{
    make_loop(NULL);
    make_hanging();
    CHECK_EQ(thetis_tcp_send(&tcp, &a_send, "x", 1, on_sent_close), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_cancel(&tcp, &a_send), THETIS_OK);
    turns_until(&closes, 1);
    CHECK_EQ(connects, 1);
    CHECK_EQ(connected, THETIS_ECANCELED);
}

static void on_closed_reopen(thetis_handle *handle)
{
    closes++;
    if (opened++ == 0) make_refused(on_connect);
    (void)handle;
}

static void on_connect_reopen(thetis_tcp *t, thetis_status status, int32_t os)
{
    on_connect(t, status, os);
    CHECK_EQ(thetis_tcp_close(t, on_closed_reopen), THETIS_OK);
}

TEST(the_only_handle_reopens_in_its_closed_callback)
{
    thetis_loop_cfg cfg = {.max_handles = 1};
    make_loop(&cfg);
    make_refused(on_connect_reopen);
    turns_until(&connects, 2);
    CHECK_EQ(connected, THETIS_EREFUSED);
    CHECK_EQ(thetis_tcp_close(&tcp, on_closed), THETIS_OK);
    turns_until(&closes, 2);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

/* ---- receiving ------------------------------------------------------------------------------- */

TEST(own_memory_needs_no_buffer_of_the_pool)
{
    thetis_loop_cfg cfg = {.buffers = 1};
    int peer = make_pair(&cfg);
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv_keep), THETIS_OK);
    CHECK_EQ(send(peer, "a", 1, 0), 1);
    turns_until(&recvs, 1);
    CHECK_EQ(send(peer, "b", 1, 0), 1);
    turns(5); /* starved: the only buffer is kept */
    CHECK_EQ(thetis_tcp_recv_cancel(&tcp), THETIS_OK);
    turns_until(&recvs, 2);
    CHECK_EQ(thetis_tcp_recv(&tcp, memory, sizeof memory, on_recv), THETIS_OK);
    turns_until(&recvs, 3);
    CHECK_EQ(received, THETIS_OK);
    CHECK_EQ(memory[0], 'b');
    thetis_loop_release(loop, kept);
}

TEST(a_failed_connect_waits_for_resume)
{
    make_loop(NULL);
    make_refused(on_connect);
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv), THETIS_OK);
    CHECK_EQ(thetis_tcp_pause(&tcp), THETIS_OK);
    turns_until(&connects, 1);
    turns(3);
    CHECK_EQ(recvs, 0);
    CHECK_EQ(thetis_tcp_resume(&tcp), THETIS_OK);
    turns_until(&recvs, 1);
    CHECK_EQ(received, THETIS_EREFUSED);
}

/* Linux tells the reset to the send and EOF to the receive that follows. */
static void reset_is_told_to_a_send_first(int by_try)
{
    int peer = make_pair(NULL);
    size_t n;
    peer_reset(peer);
    usleep(2000);
    if (by_try) {
        CHECK_EQ(thetis_tcp_send_try(&tcp, "", 0, &n), THETIS_OK); /* asks the system nothing */
        CHECK_EQ(thetis_tcp_send_try(&tcp, "x", 1, &n), THETIS_ERESET);
    } else {
        CHECK_EQ(thetis_tcp_send(&tcp, &a_send, "x", 1, on_sent), THETIS_OK);
        turns_until(&sents, 1);
        CHECK_EQ(sent, THETIS_ERESET);
        CHECK(a_send.os != 0);
        a_send.os = 0;
        CHECK_EQ(thetis_tcp_send(&tcp, &a_send, "x", 1, on_sent), THETIS_OK);
        turns_until(&sents, 2);
        CHECK(a_send.os != 0); /* later ones get the same code */
    }
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv), THETIS_OK);
    turns_until(&recvs, 1);
    CHECK_EQ(received, THETIS_ERESET);
    CHECK(received_os != 0);
}

TEST(a_reset_told_to_a_send_is_no_eof)
{
    reset_is_told_to_a_send_first(0);
}

TEST(a_reset_told_to_a_send_try_is_no_eof)
{
    reset_is_told_to_a_send_first(1);
}

/* FIN, then a reset in answer to our bytes: the end of the stream was the truth. */
TEST(an_eof_before_the_reset_stays_an_eof)
{
    int peer = make_pair(NULL);
    CHECK_EQ(close(peer), 0);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_EQ(thetis_tcp_send(&tcp, &a_send, "x", 1, on_sent), THETIS_OK);
        turns_until(&sents, i);
        usleep(2000);
    }
    CHECK_EQ(sent, THETIS_ERESET);
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv), THETIS_OK);
    turns_until(&recvs, 1);
    CHECK_EQ(received, THETIS_EOF);
}

TEST(half_close_of_a_reset_stream_says_reset)
{
    int peer = make_pair(NULL);
    peer_reset(peer);
    usleep(2000);
    CHECK_EQ(thetis_tcp_shutdown(&tcp, &a_send, on_sent), THETIS_OK);
    turns_until(&sents, 1);
    CHECK_EQ(sent, THETIS_ERESET);
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST(a_blocked_send_that_is_taken_back_leaves_no_spin)
{
    int peer = make_pair(NULL);
    thetis_status s;
    size_t n;
    do s = thetis_tcp_send_try(&tcp, big, sizeof big, &n);
    while (s == THETIS_OK || n > 0);
    CHECK_EQ(thetis_tcp_send(&tcp, &a_send, big, 10, on_sent), THETIS_OK);
    turns(2);
    CHECK_EQ(thetis_tcp_send_cancel(&tcp, &a_send), THETIS_OK);
    turns_until(&sents, 1);
    while (recv(peer, big, sizeof big, MSG_DONTWAIT) > 0) {}
    thetis_loop_stat before, after;
    thetis_loop_stat_read(loop, &before);
    turns(20);
    thetis_loop_stat_read(loop, &after);
    CHECK_EQ(after.events, before.events);
}

TEST_MAIN(T(close_when_a_connect_failed_with_a_send_behind_it),
          T(close_in_a_canceled_receive_still_ends_the_connect),
          T(close_in_a_canceled_send_still_ends_the_connect),
          T(the_only_handle_reopens_in_its_closed_callback),
          T(own_memory_needs_no_buffer_of_the_pool), T(a_failed_connect_waits_for_resume),
          T(a_reset_told_to_a_send_is_no_eof),
          T(a_reset_told_to_a_send_try_is_no_eof), T(an_eof_before_the_reset_stays_an_eof),
          T(half_close_of_a_reset_stream_says_reset),
          T(a_blocked_send_that_is_taken_back_leaves_no_spin))
