/* SPDX-License-Identifier: MIT
 *
 * script.c: random programs: up to 400 steps, each something that a program or a peer may do.
 */
#include "sim/scenarios.h"

#include "sim/stage.h"

enum { STEPS = 400, DIALS = 24, QUIET_TURNS = 60 };
#define QUIET_NS UINT64_C(8000000000)

static stage the_stage;

static link *any_link(stage *s)
{
    return &s->links[stage_choose(s, LINKS)];
}

static size_t any_size(stage *s)
{
    static const size_t sizes[] = {100, 1, 0, 1000, 5000, SEND_MAX};
    return sizes[stage_choose(s, sizeof sizes / sizeof sizes[0])];
}

static void any_turn(stage *s)
{
    static const uint64_t limits[] = {0, 1000000, 50000000};
    stage_turn(s, limits[stage_choose(s, 3)]);
}

static void any_timer(stage *s)
{
    uint64_t delay = stage_choose(s, 100) * 100000;
    s->timer_at = thetis_sim_now(s->sim) + delay;
    if (stage_choose(s, 4) == 3) (void)thetis_timer_stop(&s->timer);
    else MUST(s, thetis_timer_start(&s->timer, delay, 0) == THETIS_OK);
}

/* What a program does with a stream. */
static void our_step(stage *s, link *x)
{
    if (!x->open) {
        int is_unix = stage_choose_unix(s);
        link_connect(x, is_unix, stage_choose(s, 5) != 4);
        return;
    }
    switch (stage_choose(s, 8)) {
    case 0:
    case 1:
        link_receive(x);
        break;
    case 2:
    case 3:
        link_send(x, any_size(s), x->is_unix && stage_choose(s, 3) == 2);
        break;
    case 4:
        link_pause(x);
        break;
    case 5:
        link_cancel(x);
        break;
    case 6:
        link_shutdown(x);
        break;
    default:
        if (stage_choose(s, 3) != 2) break;
        if (stage_choose(s, 4) == 3) link_copy(x);
        link_close(x, stage_choose(s, 2) != 0);
        break;
    }
}

static void peer_step(stage *s, link *x)
{
    if (x->peer < 0) {
        link_peer_accept(s);
        return;
    }
    switch (stage_choose(s, 8)) {
    case 0:
    case 1:
    case 2:
        link_peer_send(x, any_size(s), x->is_unix && stage_choose(s, 3) == 2);
        break;
    case 3:
    case 4:
        (void)link_peer_read(x, any_size(s));
        break;
    case 5:
        link_peer_shut(x);
        break;
    case 6:
        if (stage_choose(s, 3) == 2) link_peer_close(x, stage_choose(s, 2) != 0);
        break;
    default:
        link_peer_accept(s);
        break;
    }
}

static void port_step(stage *s)
{
    port *p = &s->ports[stage_choose(s, PORTS)];
    switch (stage_choose(s, 7)) {
    case 0:
    case 1:
        port_open(p, stage_choose_unix(s));
        break;
    case 6:
        port_group(p);
        break;
    case 2:
        port_send(p);
        break;
    case 3:
        port_peer_send(s);
        break;
    case 4:
        port_peer_read(s, stage_choose_unix(s));
        break;
    default:
        port_close(p);
        break;
    }
}

static void other_step(stage *s)
{
    int is_unix = stage_choose_unix(s);
    switch (stage_choose(s, 4)) {
    case 0:
        any_timer(s);
        break;
    case 1:
        s->wakes++;
        thetis_loop_wake(s->loop);
        break;
    case 2:
        if (s->gates_open[is_unix]) (void)thetis_listener_pause(&s->gates[is_unix]);
        break;
    default:
        if (s->gates_open[is_unix]) (void)thetis_listener_resume(&s->gates[is_unix]);
        break;
    }
}

/* Inside a callback: any of our steps, on the same stream or on another one. */
static void improvise(link *x)
{
    stage *s = x->s;
    if (stage_choose(s, 3) != 2) return;
    our_step(s, stage_choose(s, 2) ? any_link(s) : x);
}

/* Peers that connect to our listeners: links take them. */
static void dial(stage *s, int *dials, int *count)
{
    int is_unix = stage_choose_unix(s);
    if (*count == DIALS || !s->gates_open[is_unix]) return;
    if (is_unix || s->here[0].port) dials[(*count)++] = link_dial(s, is_unix);
}

/* The links that were accepted meanwhile get their foreign end. */
static void match(stage *s, int *dials, int count)
{
    for (int i = 0; i < LINKS; i++) {
        link *x = &s->links[i];
        if (!x->open || !x->connected || x->peer >= 0 || x->peer_left) continue;
        for (int k = 0; k < count; k++) {
            if (dials[k] < 0 || !link_meets(x, dials[k])) continue;
            x->peer = dials[k];
            dials[k] = -1;
        }
    }
}

/* Time enough for whatever must end by itself: connects to nobody. */
static void quiet(stage *s)
{
    uint64_t end = thetis_sim_now(s->sim) + QUIET_NS;
    for (int turns = 0; turns < QUIET_TURNS && thetis_sim_now(s->sim) < end; turns++) {
        link_peer_accept(s);
        stage_turn(s, 1000000000);
    }
    for (int i = 0; !s->faulty && i < LINKS; i++) {
        link *x = &s->links[i];
        if (x->open && x->nobody) MUST(s, !x->connecting);
    }
}

static void play(thetis_sim *sim, int faulty)
{
    stage *s = &the_stage;
    int dials[DIALS], count = 0;
    uint64_t steps;
    stage_open(s, sim, faulty);
    s->improvise = improvise;
    steps = s->loop ? stage_choose(s, STEPS) : 0;
    for (uint64_t k = 0; k < steps; k++) {
        switch (stage_choose(s, 8)) {
        case 0:
        case 1:
        case 2:
            any_turn(s);
            match(s, dials, count);
            break;
        case 3:
            our_step(s, any_link(s));
            break;
        case 4:
            peer_step(s, any_link(s));
            break;
        case 5:
            port_step(s);
            break;
        case 6:
            other_step(s);
            break;
        default:
            dial(s, dials, &count);
            break;
        }
    }
    s->improvise = NULL;
    if (s->loop) quiet(s);
    stage_close(s);
    for (int k = 0; k < count; k++)
        if (dials[k] >= 0) (void)s->peers->close(s->peers, dials[k]);
}

static void script_body(thetis_sim *sim)
{
    play(sim, 0);
}

static void script_faults_body(thetis_sim *sim)
{
    play(sim, 1);
}

const thetis_sim_scenario scenario_script = {.name = "script", .body = script_body};
const thetis_sim_scenario scenario_script_faults = {
    .name = "script-faults", .body = script_faults_body, .flags = THETIS_SIM_FAULTS};
