/* SPDX-License-Identifier: MIT
 *
 * relay_udp.c: a relay for datagrams that keeps trains whole and names what it drops.
 *
 *     relay_udp LISTEN_ADDR TARGET_ADDR        counts are printed at the end (SIGINT, SIGTERM)
 *
 * Every client gets a socket of its own to the target, by which the answers find their way back.
 * When there are no more, the client that was silent longest loses its socket.
 */
#define _DEFAULT_SOURCE /* errx */
#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <thetis/thetis.h>

enum { CLIENTS = 256 };

typedef struct client {
    thetis_udp udp; /* first: to the target */
    thetis_addr at;
    uint64_t used; /* in the order of trains; 0: no socket; UINT64_MAX: closing */
} client;

static thetis_loop *loop;
static thetis_udp front;
static thetis_addr target;
static client clients[CLIENTS];
static uint64_t trains, datagrams, bytes;
static uint64_t full, refused, no_socket, no_room; /* datagrams that were dropped */

static void check(thetis_status status, const char *what)
{
    if (status != THETIS_OK) errx(1, "%s: %s", what, thetis_status_text(status));
}

/* Sends a train on; what the socket has no room for is dropped, and counted. */
static void forward(thetis_udp *by, const thetis_addr *to, const thetis_train *r)
{
    thetis_dgram d = {.data = r->data, .len = r->len, .to = to, .segment = (uint32_t)r->segment};
    uint64_t count = thetis_train_count(r);
    thetis_status why;
    trains++;
    datagrams += count;
    bytes += r->len;
    if (thetis_udp_send_n(by, &d, 1, &why) == 1) return;
    if (r->segment) count -= d.sent / r->segment;
    if (why == THETIS_ENOBUFS) full += count;
    else refused += count;
}

static void on_answer(thetis_udp *udp, const thetis_train *r)
{
    client *c = (client *)udp;
    if (r->status == THETIS_OK) forward(&front, &c->at, r);
    else if (r->status != THETIS_ECANCELED) refused++; /* the target is not there */
}

static void on_closed(thetis_handle *handle)
{
    ((client *)handle)->used = 0;
}

/* The client's socket, or NULL while the oldest one makes room. */
static client *find(const thetis_addr *at)
{
    const thetis_addr any = {.family = target.family};
    client *oldest = clients;
    for (client *c = clients; c < clients + CLIENTS; c++) {
        if (c->used && c->used != UINT64_MAX && thetis_addr_equal(&c->at, at)) return c;
        if (c->used < oldest->used) oldest = c;
    }
    if (oldest->used && thetis_udp_close(&oldest->udp, on_closed) == THETIS_OK)
        oldest->used = UINT64_MAX;
    if (oldest->used || thetis_udp_open(loop, &oldest->udp, &any, NULL) != THETIS_OK) return NULL;
    oldest->at = *at;
    check(thetis_udp_connect(&oldest->udp, &target), "target");
    check(thetis_udp_recv_start(&oldest->udp, on_answer), "receive");
    return oldest;
}

static void on_train(thetis_udp *udp, const thetis_train *r)
{
    client *c = r->status == THETIS_OK ? find(r->from) : NULL;
    (void)udp;
    if (r->drops) no_room = r->drops;
    if (c) forward(&c->udp, NULL, r);
    else no_socket += thetis_train_count(r);
    if (c) c->used = trains;
}

static void on_signal(int number)
{
    (void)number;
    thetis_loop_stop(loop);
}

static thetis_addr parse(const char *text)
{
    thetis_addr a;
    if (thetis_addr_parse(&a, text) != THETIS_OK || a.family == THETIS_ADDR_UNIX)
        errx(2, "bad address '%s', want 127.0.0.1:53 or [::1]:53", text);
    return a;
}

int main(int argc, char **argv)
{
    const thetis_loop_cfg cfg = {.buffer_size = THETIS_UDP_TRAIN_MAX};
    const thetis_udp_cfg big = {.recv_space = 4 << 20, .drops = 1};
    if (argc != 3) errx(2, "use: relay_udp LISTEN_ADDR TARGET_ADDR");
    const thetis_addr at = parse(argv[1]);
    target = parse(argv[2]);
    check(thetis_loop_create(&cfg, &loop), "cannot make a loop");
    check(thetis_udp_open(loop, &front, &at, &big), argv[1]);
    check(thetis_udp_recv_start(&front, on_train), argv[1]);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    check(thetis_loop_run(loop), "run");
    printf("{\"trains\": %" PRIu64 ", \"datagrams\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"dropped\": {\"socket full\": %" PRIu64 ", \"refused\": %" PRIu64
           ", \"no socket\": %" PRIu64 ", \"queue full\": %" PRIu64 "}}\n",
           trains, datagrams, bytes, full, refused, no_socket, no_room);
    return 0;
}
