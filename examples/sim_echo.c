/* SPDX-License-Identifier: MIT
 *
 * sim_echo.c: an echo server and its client on the fake kernel: all that nine systems may do to
 * them, a hundred times each. `sim_echo --help` lists what else it does.
 */
#include <thetis/sim.h>
#include <thetis/tcp.h>

#include <string.h>

enum { LEN = 5000 };

static struct world {
    thetis_sim *sim;
    thetis_listener listener;
    thetis_tcp server, client;
    thetis_send ask, answers[LEN]; /* an answer for each piece, at worst of one byte */
    size_t pieces, got;
    unsigned char text[LEN], back[LEN];
} w;

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    (void)tcp;
    thetis_sim_end(w.sim, send);
    THETIS_SIM_CHECK(w.sim, send->status == THETIS_OK);
}

static void send_all(thetis_tcp *tcp, thetis_send *send, const void *data, size_t len)
{
    thetis_sim_begin(w.sim, send, data, len); /* and nobody touches the bytes until its end */
    THETIS_SIM_CHECK(w.sim, thetis_tcp_send(tcp, send, data, len, on_sent) == THETIS_OK);
}

/* The server: sends back what came, and closes after the client. */
static void on_server_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    static size_t at;
    if (w.pieces == 0) at = 0;
    if (r->status != THETIS_OK) {
        THETIS_SIM_CHECK(w.sim, thetis_tcp_close(tcp, NULL) == THETIS_OK);
        return;
    }
    memcpy(w.back + at, r->data, r->len);
    send_all(tcp, &w.answers[w.pieces++], w.back + at, r->len);
    at += r->len;
}

static void on_accept(thetis_listener *listener, thetis_accepted *a)
{
    if (a->status != THETIS_OK) return;
    THETIS_SIM_CHECK(w.sim, thetis_tcp_accept(a, &w.server) == THETIS_OK);
    THETIS_SIM_CHECK(w.sim, thetis_tcp_recv_start(&w.server, on_server_recv) == THETIS_OK);
    THETIS_SIM_CHECK(w.sim, thetis_listener_close(listener, NULL) == THETIS_OK);
}

/* The client: compares, and closes when it has everything. */
static void on_client_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    if (r->status == THETIS_ECANCELED) return; /* by the close below */
    THETIS_SIM_CHECK(w.sim, r->status == THETIS_OK);
    THETIS_SIM_CHECK(w.sim, memcmp(r->data, w.text + w.got, r->len) == 0);
    w.got += r->len;
    if (w.got == LEN) THETIS_SIM_CHECK(w.sim, thetis_tcp_close(tcp, NULL) == THETIS_OK);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    THETIS_SIM_CHECK(w.sim, status == THETIS_OK);
    THETIS_SIM_CHECK(w.sim, thetis_tcp_recv_start(tcp, on_client_recv) == THETIS_OK);
    send_all(tcp, &w.ask, w.text, LEN);
}

static void echo(thetis_sim *sim)
{
    thetis_loop_cfg cfg = {.sys = thetis_sim_sys(sim), .backend = thetis_sim_backend(sim, 0)};
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    thetis_loop *loop;
    memset(&w, 0, sizeof w);
    w.sim = sim;
    for (size_t i = 0; i < LEN; i++) w.text[i] = (unsigned char)(i * 7);
    THETIS_SIM_CHECK(sim, thetis_loop_create(&cfg, &loop) == THETIS_OK);
    thetis_sim_watch(sim, loop);
    THETIS_SIM_CHECK(sim, thetis_tcp_listen(loop, &w.listener, &at, NULL, on_accept) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_listener_addr(&w.listener, &at) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_tcp_connect(loop, &w.client, &at, on_connect) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_loop_run(loop) == THETIS_OK);
    THETIS_SIM_CHECK(sim, w.got == LEN);
    thetis_sim_watch(sim, NULL);
    THETIS_SIM_CHECK(sim, thetis_loop_destroy(loop) == THETIS_OK);
}

static const thetis_sim_scenario scenario = {.name = "echo", .body = echo};
THETIS_SIM_MAIN(&scenario)
