/* SPDX-License-Identifier: MIT
 *
 * stage.c: the loop of a scenario and what it closes in the end, see stage.h.
 */
#include "sim/stage.h"

#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

enum { CLOSE_TURNS = 400 };

void stage_turn(stage *s, uint64_t timeout_ns)
{
    thetis_status status;
    s->in_turn = 1;
    status = thetis_loop_run_once(s->loop, timeout_ns);
    s->in_turn = 0;
    MUST(s, status == THETIS_OK || status == THETIS_CLOSED || s->faulty);
}

thetis_addr stage_place(int is_unix, uint64_t number)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    if (!is_unix) return at;
    at = (thetis_addr){.family = THETIS_ADDR_UNIX};
    (void)snprintf(at.u.path, sizeof at.u.path, "/stage/%llu", (unsigned long long)number);
    return at;
}

int stage_choose_unix(stage *s)
{
    return s->has_unix && stage_choose(s, 3) == 2;
}

static void on_accept(thetis_listener *gate, thetis_accepted *a)
{
    int is_unix = (int)(intptr_t)thetis_handle_user(thetis_listener_handle(gate));
    stage *s = (stage *)(void *)((char *)(gate - is_unix) - offsetof(stage, gates));
    MUST(s, s->in_turn && s->depth == 0);
    if (a->status != THETIS_OK) MUST(s, s->faulty);
    for (int i = 0; a->status == THETIS_OK && i < LINKS; i++) {
        if (s->links[i].open || s->links[i].peer >= 0) continue;
        link_take(&s->links[i], is_unix, a);
        break;
    }
}

static void on_timer(thetis_timer *timer)
{
    stage *s = (stage *)(void *)((char *)timer - offsetof(stage, timer));
    MUST(s, s->in_turn && thetis_sim_now(s->sim) >= s->timer_at);
}

static void on_wake(thetis_loop *loop, void *user)
{
    stage *s = user;
    (void)loop;
    MUST(s, s->in_turn && s->wakes);
}

/* ---- opening --------------------------------------------------------------------------------- */

enum { PEERS_LISTEN = 1, PEERS_PORT, OUR_GATE }; /* numbers of paths */

/* The unix listener takes as many as can come: a full one refuses, on some systems. */
static void open_peers(stage *s, int is_unix)
{
    const tht_sys *p = s->peers;
    thetis_addr at = stage_place(is_unix, PEERS_LISTEN), port_at = stage_place(is_unix, PEERS_PORT);
    int listener = (int)p->socket(p, (thetis_addr_family)at.family, THT_STREAM).n;
    int peer_port = (int)p->socket(p, (thetis_addr_family)at.family, THT_DGRAM).n;
    MUST(s, p->bind(p, listener, &at).status == THETIS_OK);
    MUST(s, p->bind(p, peer_port, &port_at).status == THETIS_OK);
    MUST(s, p->listen(p, listener, is_unix ? 1000 : 8).status == THETIS_OK);
    (void)p->name(p, listener, THT_LOCAL, &s->there[is_unix]);
    (void)p->name(p, peer_port, THT_LOCAL, &s->peer_at[is_unix]);
    s->listeners[is_unix] = listener;
    s->peer_ports[is_unix] = peer_port;
}

static void open_gate(stage *s, int is_unix)
{
    thetis_addr at = stage_place(is_unix, OUR_GATE);
    thetis_listener *gate = &s->gates[is_unix];
    thetis_status status = is_unix ? thetis_unix_listen(s->loop, gate, &at, NULL, on_accept)
                                   : thetis_tcp_listen(s->loop, gate, &at, NULL, on_accept);
    s->gates_open[is_unix] = status == THETIS_OK;
    if (status != THETIS_OK) {
        MUST(s, s->faulty);
        return;
    }
    thetis_handle_set_user(thetis_listener_handle(gate), (void *)(intptr_t)is_unix);
    s->here[is_unix] = at;
    if (!is_unix && thetis_listener_addr(gate, &s->here[0]) != THETIS_OK) MUST(s, s->faulty);
}

/* A small loop: its limits are reached. */
static int open_loop(stage *s)
{
    thetis_loop_cfg cfg = {.sys = thetis_sim_sys(s->sim), .max_handles = 16, .max_timers = 4,
                           .buffers = 1 + (uint32_t)stage_choose(s, 8), .buffer_size = 1024,
                           .events = 1 + (uint32_t)stage_choose(s, 8), .stay = 0,
                           .on_wake = on_wake, .user = s};
    size_t backends = 0;
    while (thetis_sim_backend(s->sim, backends)) backends++;
    cfg.backend = thetis_sim_backend(s->sim, stage_choose(s, backends));
    if (thetis_loop_create(&cfg, &s->loop) == THETIS_OK) return 1;
    MUST(s, s->faulty);
    return 0;
}

void stage_open(stage *s, thetis_sim *sim, int faulty)
{
    memset(s, 0, sizeof *s);
    s->sim = sim;
    s->faulty = faulty;
    s->peers = tsm_peers(sim);
    s->has_unix = sim->person->unix_sockets;
    for (int i = 0; i < LINKS; i++) {
        s->links[i].s = s;
        s->links[i].peer = -1;
    }
    for (int i = 0; i < PORTS; i++) s->ports[i].s = s;
    for (int i = 0; i < COPIES; i++) s->copies[i] = -1;
    for (int is_unix = 0; is_unix <= s->has_unix; is_unix++) open_peers(s, is_unix);
    if (!open_loop(s)) return;
    thetis_sim_watch(sim, s->loop);
    thetis_timer_init(s->loop, &s->timer, on_timer);
    for (int is_unix = 0; is_unix <= s->has_unix; is_unix++) open_gate(s, is_unix);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Everything that waits at the peers is read, or nobody would close. */
static void drain_peers(stage *s)
{
    for (int i = 0; i < LINKS; i++)
        while (link_peer_read(&s->links[i], SEND_MAX)) continue;
}

void stage_close(stage *s)
{
    const tht_sys *p = s->peers;
    if (s->loop) (void)thetis_timer_stop(&s->timer);
    for (int i = 0; s->loop && i < LINKS; i++) link_close(&s->links[i], 0);
    for (int i = 0; i < PORTS; i++) port_close(&s->ports[i]);
    for (int i = 0; i < 2; i++)
        if (s->gates_open[i]) (void)thetis_listener_close(&s->gates[i], NULL);
    for (int turns = 0; s->loop && thetis_loop_destroy(s->loop) != THETIS_OK; turns++) {
        MUST(s, turns < CLOSE_TURNS);
        drain_peers(s);
        link_peer_accept(s);
        stage_turn(s, 20000000);
        if (turns > CLOSE_TURNS / 2)
            for (int i = 0; i < LINKS; i++) link_close(&s->links[i], 1);
    }
    thetis_sim_watch(s->sim, NULL);
    for (int i = 0; i < LINKS; i++) link_peer_close(&s->links[i], 0);
    for (int i = 0; i < COPIES; i++)
        if (s->copies[i] >= 0) (void)p->close(p, s->copies[i]);
    for (int is_unix = 0; is_unix <= s->has_unix; is_unix++) {
        (void)p->close(p, s->listeners[is_unix]);
        (void)p->close(p, s->peer_ports[is_unix]);
    }
}
