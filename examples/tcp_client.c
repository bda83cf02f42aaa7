/* SPDX-License-Identifier: MIT
 *
 * tcp_client.c: connects, says one line, shuts its sending direction down and prints what comes.
 *
 *     $ ./tcp_client 127.0.0.1:80 $'GET / HTTP/1.0\r\n\r\n'
 *     $ ./tcp_client                         talks to a greeter of its own
 */
#include <thetis/tcp.h>

#include <stdio.h>
#include <string.h>

static const char *line = "who are you?\n";
static thetis_status outcome = THETIS_OK;

/* The first fault is the reason; those of other operations follow from it. */
static void fail(thetis_tcp *tcp, thetis_status why)
{
    if (outcome == THETIS_OK) outcome = why;
    thetis_tcp_close(tcp, NULL);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    if (send->status != THETIS_OK) fail(tcp, send->status);
}

/* From a buffer of the loop's pool, which takes it back after the callback. */
static void on_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    if (recv->status == THETIS_OK) (void)fwrite(recv->data, 1, recv->len, stdout);
    else fail(tcp, recv->status == THETIS_EOF ? THETIS_OK : recv->status);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    if (status != THETIS_OK) fail(tcp, status); /* else: what start() began goes on by itself */
}

/* All of it may be started at once: it waits for the connection. */
static thetis_status start(thetis_loop *loop, const thetis_addr *to)
{
    static thetis_tcp tcp;
    static thetis_send say, end;
    thetis_status s = thetis_tcp_connect(loop, &tcp, to, on_connect);
    if (s == THETIS_OK) s = thetis_tcp_send(&tcp, &say, line, strlen(line), on_sent);
    if (s == THETIS_OK) s = thetis_tcp_shutdown(&tcp, &end, on_sent);
    if (s == THETIS_OK) s = thetis_tcp_recv_start(&tcp, on_recv);
    return s;
}

/* ---- the greeter ----------------------------------------------------------------------------- */

static void on_question(thetis_tcp *tcp, const thetis_recv *recv)
{
    static const char answer[] = "a greeter on the same loop\n";
    size_t sent;
    if (recv->status != THETIS_OK ||
        thetis_tcp_send_try(tcp, answer, sizeof answer - 1, &sent) != THETIS_OK)
        thetis_tcp_close(tcp, NULL);
}

static void on_accept(thetis_listener *listener, thetis_accepted *accepted)
{
    static thetis_tcp tcp;
    if (thetis_tcp_accept(accepted, &tcp) != THETIS_OK) return;
    if (thetis_tcp_recv_start(&tcp, on_question) != THETIS_OK) thetis_tcp_close(&tcp, NULL);
    thetis_listener_close(listener, NULL);
}

static thetis_status greet(thetis_loop *loop, thetis_addr *at)
{
    static thetis_listener listener;
    thetis_status s = thetis_tcp_listen(loop, &listener, at, NULL, on_accept);
    return s == THETIS_OK ? thetis_listener_addr(&listener, at) : s;
}

int main(int argc, char **argv)
{
    thetis_loop *loop;
    thetis_addr to;
    const char *where = argc < 2 ? "127.0.0.1:0" : argv[1];
    if (thetis_addr_parse(&to, where) != THETIS_OK) {
        fprintf(stderr, "tcp_client: bad address '%s', want 127.0.0.1:80\n", where);
        return 2;
    }
    if (argc > 2) line = argv[2];
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK && argc < 2) s = greet(loop, &to);
    if (s == THETIS_OK) s = start(loop, &to);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    if (s == THETIS_OK) s = outcome;
    if (s != THETIS_OK) fprintf(stderr, "tcp_client: %s: %s\n", where, thetis_status_text(s));
    return s != THETIS_OK;
}
