/* SPDX-License-Identifier: MIT
 *
 * tcp_echo.c: an echo server that does not outrun a slow reader.
 *
 *     $ ./tcp_echo 127.0.0.1:7000       serves until it is killed
 *     $ ./tcp_echo                      serves one client, itself, and ends
 */
#include <thetis/tcp.h>

#include <stdio.h>
#include <stdlib.h>

/* A client: bytes are sent back from the memory they were received into, then received again. */
typedef struct client {
    thetis_tcp tcp; /* first: the stream and the client are at one address */
    thetis_send send;
    char bytes[16384];
} client;

static int only_one;

static void on_recv(thetis_tcp *tcp, const thetis_recv *recv);

static void on_closed(thetis_handle *handle)
{
    free(handle);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    client *c = (client *)tcp;
    if (send->status != THETIS_OK) thetis_tcp_close(tcp, on_closed);
    else if (thetis_tcp_recv(tcp, c->bytes, sizeof c->bytes, on_recv) != THETIS_OK) abort();
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    client *c = (client *)tcp;
    if (recv->status != THETIS_OK) thetis_tcp_close(tcp, on_closed); /* EOF or a fault */
    else if (thetis_tcp_send(tcp, &c->send, c->bytes, recv->len, on_sent) != THETIS_OK) abort();
}

/* A connection that is not taken is closed by the loop. */
static void on_accept(thetis_listener *listener, thetis_accepted *accepted)
{
    client *c = accepted->status == THETIS_OK ? malloc(sizeof *c) : NULL;
    if (!c) return;
    if (thetis_tcp_accept(accepted, &c->tcp) != THETIS_OK) free(c);
    else if (thetis_tcp_recv(&c->tcp, c->bytes, sizeof c->bytes, on_recv) != THETIS_OK) abort();
    if (only_one) thetis_listener_close(listener, NULL);
}

/* ---- without an argument: one client, this program itself ------------------------------------ */

static void on_answer(thetis_tcp *tcp, const thetis_recv *recv)
{
    if (recv->status == THETIS_OK) printf("echo: %.*s\n", (int)recv->len, (char *)recv->data);
    thetis_tcp_close(tcp, NULL);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    static char answer[64];
    size_t sent;
    (void)os;
    if (status != THETIS_OK || thetis_tcp_send_try(tcp, "hello", 5, &sent) != THETIS_OK ||
        thetis_tcp_recv(tcp, answer, sizeof answer, on_answer) != THETIS_OK)
        abort();
}

int main(int argc, char **argv)
{
    static thetis_listener listener;
    static thetis_tcp self;
    thetis_loop *loop;
    thetis_addr at;
    only_one = argc < 2;
    const char *where = only_one ? "127.0.0.1:0" : argv[1];
    if (thetis_addr_parse(&at, where) != THETIS_OK) {
        fprintf(stderr, "tcp_echo: bad address '%s', want 127.0.0.1:7000\n", where);
        return 2;
    }
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK) s = thetis_tcp_listen(loop, &listener, &at, NULL, on_accept);
    if (s == THETIS_OK) s = thetis_listener_addr(&listener, &at);
    if (s == THETIS_OK && only_one) s = thetis_tcp_connect(loop, &self, &at, on_connect);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    if (s != THETIS_OK) fprintf(stderr, "tcp_echo: %s: %s\n", where, thetis_status_text(s));
    return s != THETIS_OK;
}
