/* SPDX-License-Identifier: MIT
 *
 * stage.c: the loop of a scenario and what it closes in the end, see stage.h.
 */
#include "sim/stage.h"

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

static void on_accept(thetis_listener *gate, thetis_accepted *a)
{
    stage *s = (stage *)(void *)((char *)gate - offsetof(stage, gate));
    MUST(s, s->in_turn && s->depth == 0);
    if (a->status != THETIS_OK) MUST(s, s->faulty);
    for (int i = 0; a->status == THETIS_OK && i < LINKS; i++) {
        if (s->links[i].open || s->links[i].peer >= 0) continue;
        link_take(&s->links[i], a);
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

static void open_peers(stage *s)
{
    const tht_sys *p = s->peers;
    thetis_addr any = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    s->listener = (int)p->socket(p, THETIS_ADDR_V4, THT_STREAM).n;
    s->peer_port = (int)p->socket(p, THETIS_ADDR_V4, THT_DGRAM).n;
    MUST(s, p->bind(p, s->listener, &any).status == THETIS_OK);
    MUST(s, p->bind(p, s->peer_port, &any).status == THETIS_OK);
    MUST(s, p->listen(p, s->listener, 8).status == THETIS_OK);
    (void)p->name(p, s->listener, THT_LOCAL, &s->there);
    (void)p->name(p, s->peer_port, THT_LOCAL, &s->peer_at);
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
    thetis_addr any = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    memset(s, 0, sizeof *s);
    s->sim = sim;
    s->faulty = faulty;
    s->peers = tsm_peers(sim);
    for (int i = 0; i < LINKS; i++) {
        s->links[i].s = s;
        s->links[i].peer = -1;
    }
    for (int i = 0; i < PORTS; i++) s->ports[i].s = s;
    open_peers(s);
    if (!open_loop(s)) return;
    thetis_sim_watch(sim, s->loop);
    thetis_timer_init(s->loop, &s->timer, on_timer);
    s->gate_open = thetis_tcp_listen(s->loop, &s->gate, &any, NULL, on_accept) == THETIS_OK;
    if (!s->gate_open) MUST(s, faulty);
    if (s->gate_open && thetis_listener_addr(&s->gate, &s->here) != THETIS_OK) MUST(s, faulty);
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
    if (s->gate_open) (void)thetis_listener_close(&s->gate, NULL);
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
    (void)p->close(p, s->listener);
    (void)p->close(p, s->peer_port);
}
