/* SPDX-License-Identifier: MIT
 *
 * calls.c: one program, without any choice of its own, that makes every call that a loop can make,
 * on each backend: so that a sweep fails each of them. Whatever fails, what was begun ends once and
 * all can be closed.
 */
#include <thetis/unix.h>

#include <string.h>

#include "port/sys.h"
#include "sim/scenarios.h"
#include "sim/sim.h"

enum { TURNS = 40, CLOSE_TURNS = 400, SENDS = 4 };

typedef struct end {
    union { /* first */
        thetis_tcp tcp;
        thetis_unix un;
    };
    int open, connected, receiving, ended, closing;
    thetis_unix_send sends[SENDS];
    unsigned begun, done;
} end;

typedef struct half { /* a listener, and both ends of a connection to it */
    thetis_listener gate; /* first */
    int listens, local;
    thetis_addr at;
    end ends[2];
} half;

typedef struct play {
    thetis_sim *sim;
    thetis_loop *loop;
    half halves[2];
    thetis_udp ports[2];
    thetis_addr at[2];
    int opened[2], waiting;
    int fd; /* that is passed */
} play;

static play p;

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    end *e = (end *)tcp;
    (void)os;
    thetis_sim_end(p.sim, &e->connected);
    e->connected = status == THETIS_OK;
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    thetis_sim_end(p.sim, send);
    ((end *)tcp)->done++;
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    end *e = (end *)tcp;
    int fd;
    while (e >= p.halves[1].ends && e < p.halves[1].ends + 2 && r->status == THETIS_OK &&
           thetis_unix_recv_fd(&e->un, &fd) == THETIS_OK)
        (void)tsm_peers(p.sim)->close(tsm_peers(p.sim), fd);
    if (r->status == THETIS_OK) return;
    thetis_sim_end(p.sim, &e->receiving);
    e->ended = 1;
}

static void on_closed(thetis_handle *h)
{
    end *e = (end *)h;
    thetis_sim_end(p.sim, &e->closing);
    e->open = 0;
}

static void receive(end *e)
{
    if (thetis_tcp_recv_start(&e->tcp, on_recv) == THETIS_OK)
        thetis_sim_begin(p.sim, &e->receiving, NULL, 0);
}

static void on_accept(thetis_listener *gate, thetis_accepted *a)
{
    half *h = (half *)gate;
    end *e = &h->ends[1];
    if (a->status != THETIS_OK || e->open) return;
    if ((h->local ? thetis_unix_accept(a, &e->un) : thetis_tcp_accept(a, &e->tcp)) != THETIS_OK)
        return;
    e->open = e->connected = 1;
    receive(e);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void half_open(half *h, int local)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    end *e = &h->ends[0];
    h->local = local;
    if (local) THETIS_SIM_CHECK(p.sim, thetis_addr_parse(&at, "unix:/calls") == THETIS_OK);
    h->listens = (local ? thetis_unix_listen(p.loop, &h->gate, &at, NULL, on_accept)
                        : thetis_tcp_listen(p.loop, &h->gate, &at, NULL, on_accept)) == THETIS_OK;
    if (!h->listens || (!local && thetis_listener_addr(&h->gate, &at) != THETIS_OK)) return;
    if ((local ? thetis_unix_connect(p.loop, &e->un, &at, on_connect)
               : thetis_tcp_connect(p.loop, &e->tcp, &at, on_connect)) != THETIS_OK)
        return;
    e->open = 1;
    thetis_sim_begin(p.sim, &e->connected, NULL, 0);
    receive(e);
}

static void posted(end *e, thetis_send *send, thetis_status status)
{
    if (status != THETIS_OK) return;
    thetis_sim_begin(p.sim, send, NULL, 0);
    e->begun++;
}

/* One send, two that go out in one call, descriptors, a shutdown. */
static void half_step(half *h, int turn)
{
    for (int i = 0; i < 2; i++) {
        end *e = &h->ends[i];
        thetis_unix_send *s = e->sends;
        if (!e->open || !e->connected) continue;
        if (turn == 10)
            posted(e, &s[0].send, thetis_tcp_send(&e->tcp, &s[0].send, "a", 1, on_sent));
        if (turn == 15 && e->done) {
            posted(e, &s[1].send, thetis_tcp_send(&e->tcp, &s[1].send, "b", 1, on_sent));
            posted(e, &s[2].send, thetis_tcp_send(&e->tcp, &s[2].send, "c", 1, on_sent));
        }
        if (turn == 20 && h->local)
            posted(e, &s[3].send, thetis_unix_send_fds(&e->un, &s[3], "d", 1, &p.fd, 1, on_sent));
        if (turn == 30 && e->done == e->begun)
            posted(e, &s[0].send, thetis_tcp_shutdown(&e->tcp, &s[0].send, on_sent));
    }
}

static void half_close(half *h)
{
    for (int i = 0; i < 2; i++) {
        end *e = &h->ends[i];
        if (!e->open) continue;
        thetis_sim_begin(p.sim, &e->closing, NULL, 0);
        THETIS_SIM_CHECK(p.sim, thetis_tcp_close(&e->tcp, on_closed) == THETIS_OK);
    }
    if (h->listens) (void)thetis_listener_close(&h->gate, NULL);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* Whatever may fail may do so. */
static void may(thetis_status status)
{
    (void)status;
}

static void on_train(thetis_udp *udp, const thetis_train *train)
{
    (void)udp;
    (void)train;
}

static void on_room(thetis_udp *udp, thetis_status status)
{
    (void)udp;
    (void)status;
    thetis_sim_end(p.sim, &p.waiting);
}

static void ports_open(void)
{
    thetis_addr any = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    thetis_addr group = {.family = THETIS_ADDR_V4, .u.v4 = {239, 255, 84, 26}};
    for (int i = 0; i < 2; i++) {
        p.opened[i] = thetis_udp_open(p.loop, &p.ports[i], &any, NULL) == THETIS_OK;
        if (!p.opened[i]) continue;
        if (thetis_udp_addr(&p.ports[i], &p.at[i], NULL) != THETIS_OK) p.at[i] = any;
        may(thetis_udp_recv_start(&p.ports[i], on_train));
        if (thetis_udp_join(&p.ports[i], &group, 0) == THETIS_OK)
            (void)thetis_udp_leave(&p.ports[i], &group, 0);
    }
}

static void ports_step(int turn)
{
    if (!p.opened[0] || !p.opened[1] || p.at[1].port == 0) return;
    if (turn == 10) may(thetis_udp_send(&p.ports[0], &p.at[1], "x", 1));
    if (turn == 12) may(thetis_udp_connect(&p.ports[0], &p.at[1]));
    if (turn == 14 && thetis_udp_wait_writable(&p.ports[0], on_room) == THETIS_OK)
        thetis_sim_begin(p.sim, &p.waiting, NULL, 0);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void play_on(const char *backend)
{
    thetis_loop_cfg cfg = {.sys = thetis_sim_sys(p.sim), .backend = backend, .max_handles = 16,
                           .buffers = 4, .buffer_size = 1024};
    if (thetis_loop_create(&cfg, &p.loop) != THETIS_OK) return;
    thetis_sim_watch(p.sim, p.loop);
    half_open(&p.halves[0], 0);
    half_open(&p.halves[1], 1);
    ports_open();
    for (int turn = 0; turn < TURNS; turn++) {
        half_step(&p.halves[0], turn);
        half_step(&p.halves[1], turn);
        ports_step(turn);
        if (turn == 5) thetis_loop_wake(p.loop);
        may(thetis_loop_run_once(p.loop, 20000000));
    }
    half_close(&p.halves[0]);
    half_close(&p.halves[1]);
    for (int i = 0; i < 2; i++)
        if (p.opened[i]) (void)thetis_udp_close(&p.ports[i], NULL);
    for (int turn = 0; thetis_loop_destroy(p.loop) != THETIS_OK; turn++) {
        THETIS_SIM_CHECK(p.sim, turn < CLOSE_TURNS);
        may(thetis_loop_run_once(p.loop, 20000000));
    }
    thetis_sim_watch(p.sim, NULL);
}

static void body(thetis_sim *sim)
{
    const tht_sys *peers = tsm_peers(sim);
    for (size_t k = 0; thetis_sim_backend(sim, k); k++) {
        memset(&p, 0, sizeof p);
        p.sim = sim;
        p.fd = (int)peers->socket(peers, THETIS_ADDR_V4, THT_DGRAM).n;
        play_on(thetis_sim_backend(sim, k));
        (void)peers->close(peers, p.fd);
        tsm_path_forget(sim, "/calls");
    }
}

const thetis_sim_scenario scenario_calls = {
    .name = "calls", .body = body, .flags = THETIS_SIM_FAULTS};
