/* SPDX-License-Identifier: MIT
 *
 * udp_echo.c: an echo server for datagrams that does not drop what it could still send.
 *
 *     $ ./udp_echo 127.0.0.1:7000       serves until it is killed
 *     $ ./udp_echo                      sends trains to itself, and ends when all are back
 *
 * What cannot be sent at once is kept, buffer and all, until the socket has room. A socket that
 * keeps THETIS_UDP_KEEP_MAX buffers receives nothing: then the system drops, not we.
 */
#include <thetis/udp.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct echo {
    thetis_udp udp; /* first: the socket and the server are at one address */
    struct {
        thetis_dgram train;
        thetis_addr to;
        uint32_t buffer;
    } late[THETIS_UDP_KEEP_MAX];
    unsigned count;
} echo;

/* ENOBUFS: later, from where it stopped. Anything else about this peer: its loss. */
static int send_it(echo *e, thetis_dgram *train)
{
    thetis_status why;
    if (thetis_udp_send_n(&e->udp, train, 1, &why) == 1 || why != THETIS_ENOBUFS) return 1;
    train->data = (const char *)train->data + train->sent;
    train->len -= train->sent;
    return 0;
}

static void on_writable(thetis_udp *udp, thetis_status status)
{
    echo *e = (echo *)udp;
    unsigned done = 0;
    while (done < e->count && (status != THETIS_OK || send_it(e, &e->late[done].train)))
        thetis_loop_release(thetis_handle_loop(thetis_udp_handle(udp)), e->late[done++].buffer);
    for (unsigned i = done; i < e->count; i++) {
        e->late[i - done] = e->late[i];
        e->late[i - done].train.to = &e->late[i - done].to;
    }
    e->count -= done;
    if (e->count && thetis_udp_wait_writable(udp, on_writable) != THETIS_OK) abort();
}

static void on_train(thetis_udp *udp, const thetis_train *r)
{
    echo *e = (echo *)udp;
    if (r->status != THETIS_OK) return; /* news of a peer that is gone */
    thetis_dgram train = {.data = r->data, .len = r->len, .to = r->from,
                          .segment = (uint32_t)r->segment};
    if (e->count == 0 && send_it(e, &train)) return;
    e->late[e->count].train = train;
    e->late[e->count].to = *r->from;
    e->late[e->count].train.to = &e->late[e->count].to;
    e->late[e->count].buffer = thetis_udp_keep(udp, r);
    if (e->count++ == 0 && thetis_udp_wait_writable(udp, on_writable) != THETIS_OK) abort();
}

/* ---- without an argument: a client, too ------------------------------------------------------ */

enum { PIECES = 25, PIECE = 1000 };
static echo server;
static thetis_udp client;
static size_t back;

static void on_answer(thetis_udp *udp, const thetis_train *r)
{
    back += thetis_train_count(r);
    if (r->status != THETIS_OK || back < PIECES) return;
    printf("%zu datagrams are back, the last ones as a train of %zu bytes\n", back, r->len);
    thetis_udp_close(udp, NULL);
    thetis_udp_close(&server.udp, NULL);
}

int main(int argc, char **argv)
{
    static char data[PIECES * PIECE];
    const thetis_loop_cfg cfg = {.buffer_size = THETIS_UDP_TRAIN_MAX};
    thetis_dgram train = {.data = data, .len = sizeof data, .segment = PIECE};
    thetis_loop *loop;
    thetis_addr at, any;
    const char *where = argc < 2 ? "127.0.0.1:0" : argv[1];
    if (thetis_addr_parse(&at, where) != THETIS_OK || thetis_addr_parse(&any, where)) return 2;
    thetis_status s = thetis_loop_create(&cfg, &loop);
    if (s == THETIS_OK) s = thetis_udp_open(loop, &server.udp, &at, NULL);
    if (s == THETIS_OK) s = thetis_udp_recv_start(&server.udp, on_train);
    if (s == THETIS_OK && argc < 2) s = thetis_udp_addr(&server.udp, &at, NULL);
    if (s == THETIS_OK && argc < 2) s = thetis_udp_open(loop, &client, &any, NULL);
    if (s == THETIS_OK && argc < 2) s = thetis_udp_connect(&client, &at);
    if (s == THETIS_OK && argc < 2) s = thetis_udp_recv_start(&client, on_answer);
    if (s == THETIS_OK && argc < 2) (void)thetis_udp_send_n(&client, &train, 1, &s);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    if (s != THETIS_OK) fprintf(stderr, "udp_echo: %s: %s\n", where, thetis_status_text(s));
    return s != THETIS_OK;
}
