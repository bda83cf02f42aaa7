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

static void fail(thetis_tcp *tcp, thetis_status why)
{
    outcome = why;
    (void)!thetis_tcp_close(tcp, NULL);
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
    if (status == THETIS_OK) return; /* the operations below have waited for this */
    fprintf(stderr, "no connection (system code %d)\n", (int)os);
    fail(tcp, status);
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
    if (recv->status != THETIS_OK) (void)!thetis_tcp_close(tcp, NULL);
    else (void)!thetis_tcp_send_try(tcp, answer, sizeof answer - 1, &sent);
}

static void on_accept(thetis_listener *listener, thetis_accepted *accepted)
{
    static thetis_tcp tcp;
    if (thetis_tcp_accept(accepted, &tcp) != THETIS_OK) return;
    (void)!thetis_tcp_recv_start(&tcp, on_question);
    (void)!thetis_listener_close(listener, NULL);
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
    thetis_status s = thetis_addr_parse(&to, argc < 2 ? "127.0.0.1:0" : argv[1]);
    if (argc > 2) line = argv[2];
    if (s == THETIS_OK) s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK && argc < 2) s = greet(loop, &to);
    if (s == THETIS_OK) s = start(loop, &to);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    if (s == THETIS_OK) s = outcome;
    if (s != THETIS_OK) fprintf(stderr, "tcp_client: %s\n", thetis_status_text(s));
    return s != THETIS_OK;
}
