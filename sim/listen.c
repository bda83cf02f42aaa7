/* SPDX-License-Identifier: MIT
 *
 * listen.c: how streams meet: connecting, waiting in a backlog, accepting.
 *
 * A connection stands as soon as its packet meets a listener with room: the listener's end waits in
 * the backlog, and both sides may send. Who listens is looked up when the packet arrives.
 */
#include "sim.h"

#include <string.h>

enum { CONNECT_TRIES = 5 };
#define CONNECT_AGAIN_NS 1000000000u

tht_ret tsm_listen(thetis_sim *sim, sim_file *f, int backlog)
{
    if (f->kind == SIM_DGRAM) return tsm_error(sim, SIM_E_NOTSUP);
    if (!f->bound) return tsm_error(sim, SIM_E_INVAL);
    f->kind = SIM_LISTENER;
    f->u.l = (sim_listener){.backlog = (uint32_t)backlog};
    return tsm_done(0);
}

static int listener_full(const thetis_sim *sim, const sim_file *l)
{
    return l->u.l.count >= l->u.l.backlog + sim->person->backlog_extra;
}

/* The other end of a connection of `f`, in the listener's backlog. */
static void listener_meet(thetis_sim *sim, sim_file *l, sim_file *f, const thetis_addr *to)
{
    sim_file *end = tsm_file_new(sim, SIM_STREAM);
    end->family = l->family;
    end->local = *to;
    end->bound = l->family != THETIS_ADDR_UNIX;
    end->reuse_addr = end->reuse_port = end->balance = 1; /* its port is the listener's */
    end->remote = f->bound ? f->local : (thetis_addr){0};
    tsm_stream_link(sim, f, end);
    end->u.s.listener = l;
    if (l->u.l.last) l->u.l.last->u.s.next = end;
    else l->u.l.first = end;
    l->u.l.last = end;
    l->u.l.count++;
    tsm_poller_touch(l);
    tsm_poller_touch(f);
}

void tsm_listener_lose(sim_file *l, sim_file *f)
{
    sim_file *before = NULL, *at = l->u.l.first;
    while (at != f) {
        before = at;
        at = at->u.s.next;
    }
    if (before) before->u.s.next = f->u.s.next;
    else l->u.l.first = f->u.s.next;
    if (l->u.l.last == f) l->u.l.last = before;
    l->u.l.count--;
    f->u.s.next = f->u.s.listener = NULL;
}

void tsm_listener_close(thetis_sim *sim, sim_file *l)
{
    while (l->u.l.first) {
        sim_file *f = l->u.l.first;
        f->u.s.abort = 1;
        tsm_file_drop(sim, f); /* which leaves the queue */
    }
    l->bound = 0;
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* Systems answer only so many connects to nobody per second. */
static int refusal_is_answered(thetis_sim *sim)
{
    uint64_t second = sim->now / 1000000000u;
    if (sim->person->refusals_per_second == 0) return 1;
    if (second != sim->refusal_second) sim->refusals = 0;
    sim->refusal_second = second;
    return sim->refusals++ < sim->person->refusals_per_second;
}

static void connect_event(thetis_sim *sim, sim_file *f);

/* Without an answer the packet is sent again. */
static void connect_again(thetis_sim *sim, sim_file *f)
{
    if (f->count++ < CONNECT_TRIES) tsm_at(sim, CONNECT_AGAIN_NS, connect_event, f);
    else tsm_stream_break(sim, f, SIM_E_TIMEDOUT);
}

static void connect_event(thetis_sim *sim, sim_file *f)
{
    sim_file *l;
    if (f->u.s.state != SIM_CONNECTING) return;
    l = tsm_find_listener(sim, &f->remote, &f->local);
    if (l && !listener_full(sim, l)) {
        listener_meet(sim, l, f, &f->remote);
    } else if (l) {
        connect_again(sim, f);
    } else if (thetis_addr_equal(&f->local, &f->remote)) {
        tsm_stream_link(sim, f, f); /* it met itself */
    } else if (refusal_is_answered(sim)) {
        tsm_stream_break(sim, f, sim->person->refused_late_is_reset ? SIM_E_RESET : SIM_E_REFUSED);
    } else {
        connect_again(sim, f);
    }
}

static tht_ret connect_unix(thetis_sim *sim, sim_file *f, const thetis_addr *to)
{
    sim_file *l = tsm_find(sim, SIM_LISTENER, to, NULL);
    if (l == NULL && to->u.path[0] && !tsm_path_known(sim, to)) return tsm_error(sim, SIM_E_NOENT);
    if (l == NULL) return tsm_error(sim, SIM_E_REFUSED);
    if (listener_full(sim, l))
        return tsm_error(sim, sim->person->unix_full_is_refused ? SIM_E_REFUSED : SIM_E_BACKLOG);
    f->remote = *to;
    listener_meet(sim, l, f, to);
    return tsm_done(0);
}

/* Nobody listens, and the answer is there before the call ends. */
static tht_ret connect_refused(thetis_sim *sim, sim_file *f)
{
    tsm_stream_break(sim, f, SIM_E_REFUSED);
    if (!sim->person->so_error_after_refusal) f->error = SIM_E_NONE;
    return tsm_error(sim, SIM_E_REFUSED);
}

static tht_ret connect_tcp(thetis_sim *sim, sim_file *f, const thetis_addr *to)
{
    sim_file *l = tsm_find_listener(sim, to, &f->local);
    int itself = f->bound && thetis_addr_equal(&f->local, to);
    uint64_t delay;
    f->remote = *to;
    if (l && !listener_full(sim, l) && tsm_chance(sim, sim->person->connect_at_once)) {
        listener_meet(sim, l, f, to);
        return tsm_done(0);
    }
    if (!l && !itself && tsm_chance(sim, sim->person->refuse_at_once) && refusal_is_answered(sim))
        return connect_refused(sim, f);
    f->u.s.state = SIM_CONNECTING;
    delay = tsm_delay(sim);
    if (delay) tsm_at(sim, delay, connect_event, f);
    else connect_event(sim, f);
    return tsm_error(sim, SIM_E_PROGRESS);
}

tht_ret tsm_connect(thetis_sim *sim, sim_file *f, const thetis_addr *to)
{
    tht_ret r;
    if (f->kind == SIM_DGRAM) return tsm_dgram_connect(sim, f, to);
    if (f->kind != SIM_STREAM || to->family != f->family) return tsm_error(sim, SIM_E_INVAL);
    if (sim->watched && f->u.s.state != SIM_NEW)
        tsm_fail(sim, "connect", "a second time: what that answers differs between systems");
    if (f->u.s.state == SIM_CONNECTED) return tsm_done(0);
    if (f->u.s.state == SIM_CONNECTING) return tsm_error(sim, SIM_E_PROGRESS);
    if (f->u.s.state == SIM_BROKEN) return tsm_error(sim, SIM_E_INVAL);
    sim->progress = 1;
    if (f->family == THETIS_ADDR_UNIX) return connect_unix(sim, f, to);
    if (!tsm_is_local(to)) return tsm_error(sim, SIM_E_NETUNREACH);
    r = tsm_bind_any(sim, f, to);
    return r.status == THETIS_OK ? connect_tcp(sim, f, to) : r;
}

/* ---- accepting ------------------------------------------------------------------------------- */

tht_ret tsm_accept(thetis_sim *sim, sim_file *l, thetis_addr *peer)
{
    sim_file *f;
    if (l->kind != SIM_LISTENER) return tsm_error(sim, SIM_E_INVAL);
    f = l->u.l.first;
    if (f == NULL) return tsm_error(sim, SIM_E_AGAIN);
    if (sim->fd_count >= (sim->cfg.max_fds ? sim->cfg.max_fds : SIZE_MAX))
        return tsm_error(sim, SIM_E_MFILE);
    tsm_listener_lose(l, f);
    sim->progress = 1;
    if (f->u.s.state == SIM_BROKEN && sim->person->abort_before_accept) {
        tsm_file_drop(sim, f);
        return tsm_error(sim, SIM_E_ABORTED);
    }
    if (peer) *peer = f->remote;
    return tsm_fd_open(sim, f);
}
