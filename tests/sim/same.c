/* SPDX-License-Identifier: MIT
 *
 * same.c: programs whose completions must be the same on every system, whatever it chooses: what
 * each handle was told, in order, is noted and compared.
 */
#include <string.h>

#include "sim/scenarios.h"
#include "sim/stage.h"

enum { OURS, THEIRS, GATE = 4, MESSAGES = 4, MESSAGE = 3000, TURNS = 5000 };

typedef struct end {
    thetis_tcp tcp; /* first */
    struct talk *t;
    unsigned who;
    int closed, ended;
    uint64_t got;
    thetis_send send, last;
} end;

typedef struct talk {
    thetis_sim *sim;
    thetis_loop *loop;
    thetis_listener gate;
    end ends[2];
    int taken, connected;
    unsigned char bytes[MESSAGES * MESSAGE];
} talk;

static talk t;

/* Each direction by itself: which is told first is not promised. */
enum { IN, OUT };

static void note(const end *e, int direction, const char *what, int64_t number)
{
    thetis_sim_note(t.sim, 2 * e->who + (unsigned)direction, what, (uint64_t)number);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    const end *e = (const end *)tcp;
    note(e, OUT, send == &e->send ? "sent" : "shut", send->status);
    note(e, OUT, "bytes", (int64_t)send->sent);
}

/* However the bytes are cut: their sum is noted at the end. */
static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    end *e = (end *)tcp;
    const unsigned char *bytes = r->data;
    for (size_t i = 0; r->status == THETIS_OK && i < r->len; i++)
        THETIS_SIM_CHECK(t.sim, bytes[i] == (unsigned char)(e->got + i));
    e->got += r->len;
    if (r->status == THETIS_OK) return;
    note(e, IN, "got", (int64_t)e->got);
    note(e, IN, "end", r->status);
    e->ended = 1;
}

static void on_closed(thetis_handle *h)
{
    end *e = (end *)h;
    note(e, IN, "closed", 0);
    e->closed = 1;
}

static void talk_on(end *e)
{
    THETIS_SIM_CHECK(t.sim, thetis_tcp_recv_start(&e->tcp, on_recv) == THETIS_OK);
    THETIS_SIM_CHECK(t.sim, thetis_tcp_send(&e->tcp, &e->send, t.bytes, sizeof t.bytes,
                                            on_sent) == THETIS_OK);
    THETIS_SIM_CHECK(t.sim, thetis_tcp_shutdown(&e->tcp, &e->last, on_sent) == THETIS_OK);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    end *e = (end *)tcp;
    (void)os;
    note(e, IN, "connect", status);
    t.connected = 1;
    if (status == THETIS_OK) talk_on(e);
}

static void on_accept(thetis_listener *gate, thetis_accepted *a)
{
    end *e = &t.ends[THEIRS];
    (void)gate;
    thetis_sim_note(t.sim, GATE, "accept", (uint64_t)a->status);
    THETIS_SIM_CHECK(t.sim, !t.taken && thetis_tcp_accept(a, &e->tcp) == THETIS_OK);
    t.taken = 1;
    talk_on(e);
}

static void begin(thetis_sim *sim)
{
    size_t backends = 0;
    thetis_loop_cfg cfg = {.sys = thetis_sim_sys(sim), .max_handles = 8, .buffers = 2,
                           .buffer_size = 2048};
    memset(&t, 0, sizeof t);
    t.sim = sim;
    for (size_t i = 0; i < sizeof t.bytes; i++) t.bytes[i] = (unsigned char)i;
    t.ends[THEIRS].who = THEIRS;
    while (thetis_sim_backend(sim, backends)) backends++;
    cfg.backend = thetis_sim_backend(sim, thetis_sim_choose(sim, backends));
    THETIS_SIM_CHECK(sim, thetis_loop_create(&cfg, &t.loop) == THETIS_OK);
    thetis_sim_watch(sim, t.loop);
}

/* Closes what is open and lets the loop end by itself. */
static void finish(int ends)
{
    for (int i = 0; i < ends; i++)
        THETIS_SIM_CHECK(t.sim, thetis_tcp_close(&t.ends[i].tcp, on_closed) == THETIS_OK);
    THETIS_SIM_CHECK(t.sim, thetis_loop_run(t.loop) == THETIS_OK);
    for (int i = 0; i < ends; i++) THETIS_SIM_CHECK(t.sim, t.ends[i].closed);
    thetis_sim_watch(t.sim, NULL);
    THETIS_SIM_CHECK(t.sim, thetis_loop_destroy(t.loop) == THETIS_OK);
}

static void turn_until(const int *flag)
{
    for (int left = TURNS; !*flag; left--) {
        THETIS_SIM_CHECK(t.sim, left > 0);
        THETIS_SIM_CHECK(t.sim, thetis_loop_run_once(t.loop, 100000000) == THETIS_OK);
    }
}

/* Both ends send much, shut down, and hear the other's end. */
static void talk_body(thetis_sim *sim)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    begin(sim);
    THETIS_SIM_CHECK(sim, thetis_tcp_listen(t.loop, &t.gate, &at, NULL, on_accept) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_listener_addr(&t.gate, &at) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_tcp_connect(t.loop, &t.ends[OURS].tcp, &at, on_connect) ==
                              THETIS_OK);
    turn_until(&t.ends[OURS].ended);
    turn_until(&t.ends[THEIRS].ended);
    THETIS_SIM_CHECK(sim, thetis_listener_close(&t.gate, NULL) == THETIS_OK);
    finish(2);
}

/* Nobody listens: refused, in the call or later, by whatever number. What was queued ends alike. */
static void refused_body(thetis_sim *sim)
{
    thetis_addr nobody = {.family = THETIS_ADDR_V4, .port = 1, .u.v4 = {127, 0, 0, 1}};
    end *e = &t.ends[OURS];
    begin(sim);
    THETIS_SIM_CHECK(sim, thetis_tcp_connect(t.loop, &e->tcp, &nobody, on_connect) == THETIS_OK);
    talk_on(e);
    turn_until(&e->ended);
    finish(1);
}

/* The peer sends and resets: what arrived, then the reset, once. */
static void reset_body(thetis_sim *sim)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    end *e = &t.ends[OURS], *peer = &t.ends[THEIRS];
    begin(sim);
    THETIS_SIM_CHECK(sim, thetis_tcp_listen(t.loop, &t.gate, &at, NULL, on_accept) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_listener_addr(&t.gate, &at) == THETIS_OK);
    THETIS_SIM_CHECK(sim, thetis_tcp_connect(t.loop, &e->tcp, &at, on_connect) == THETIS_OK);
    turn_until(&e->ended); /* orderly: all has arrived */
    turn_until(&peer->ended);
    THETIS_SIM_CHECK(sim, thetis_tcp_abort(&peer->tcp, on_closed) == THETIS_OK);
    turn_until(&peer->closed);
    THETIS_SIM_CHECK(sim, thetis_tcp_recv_start(&e->tcp, on_recv) == THETIS_OK);
    e->ended = 0;
    turn_until(&e->ended); /* the end of before, not the reset */
    THETIS_SIM_CHECK(sim, thetis_listener_close(&t.gate, NULL) == THETIS_OK);
    finish(1);
}

const thetis_sim_scenario scenario_same_talk = {
    .name = "same-talk", .body = talk_body, .flags = THETIS_SIM_SAME};
const thetis_sim_scenario scenario_same_refused = {
    .name = "same-refused", .body = refused_body, .flags = THETIS_SIM_SAME};
const thetis_sim_scenario scenario_same_reset = {
    .name = "same-reset", .body = reset_body, .flags = THETIS_SIM_SAME};
