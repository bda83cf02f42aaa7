/* SPDX-License-Identifier: MIT
 *
 * ready.c: what a file is ready for; pipes.
 */
#include "sim.h"

enum { PIPE_SPACE = 65536 };

/* ---- pipes ----------------------------------------------------------------------------------- */

tht_ret tsm_pipe(thetis_sim *sim, int fds[2])
{
    sim_file *ends[2] = {tsm_file_new(sim, SIM_PIPE), tsm_file_new(sim, SIM_PIPE)};
    for (int i = 0; i < 2; i++) {
        tht_ret r = tsm_fd_open(sim, ends[i]);
        if (r.status != THETIS_OK) return r;
        ends[i]->other = ends[1 - i];
        ends[i]->connected = i == 1; /* the one that writes */
        fds[i] = (int)r.n;
    }
    return tsm_done(0);
}

tht_ret tsm_pipe_write(thetis_sim *sim, sim_file *f, const void *bytes, size_t n)
{
    size_t room;
    if (f->other == NULL) return tsm_error(sim, SIM_E_PIPE);
    room = PIPE_SPACE - f->other->u.s.in.len;
    if (room == 0) return tsm_error(sim, SIM_E_AGAIN);
    tsm_queue_push(&f->other->u.s.in, bytes, n < room ? n : room);
    tsm_poller_touch(f->other);
    return tsm_done((ptrdiff_t)(n < room ? n : room));
}

tht_ret tsm_pipe_read(thetis_sim *sim, sim_file *f, void *bytes, size_t n)
{
    size_t got = tsm_queue_copy(&f->u.s.in, bytes, n);
    tsm_queue_skip(&f->u.s.in, got);
    return got || f->other == NULL ? tsm_done((ptrdiff_t)got) : tsm_error(sim, SIM_E_AGAIN);
}

/* ---- readiness ------------------------------------------------------------------------------- */

/* Enough of `space` is free: a part of it, or a number of bytes, as the system has it. */
static int has_room(const thetis_sim *sim, size_t room, size_t space)
{
    size_t low = sim->person->send_low;
    return low ? room >= (low < space ? low : space) : room * 3 >= space && room;
}

int tsm_writable(const thetis_sim *sim, const sim_file *f)
{
    const sim_file *peer;
    switch (f->kind) {
    case SIM_STREAM:
        return has_room(sim, tsm_stream_room(f), f->u.s.send_space);
    case SIM_DGRAM:
        if (f->family != THETIS_ADDR_UNIX || !f->connected) return 1;
        peer = tsm_find((thetis_sim *)(uintptr_t)sim, SIM_DGRAM, &f->remote, &f->local);
        return peer == NULL || peer->u.d.count < sim->person->unix_dgrams;
    case SIM_PIPE:
        return f->connected && (f->other == NULL || f->other->u.s.in.len < PIPE_SPACE);
    default:
        return f->kind == SIM_WAKE;
    }
}

/* Who closes a unix stream ends both of its directions. */
static int unix_is_over(const sim_file *f)
{
    return f->family == THETIS_ADDR_UNIX && f->u.s.peer == NULL;
}

static unsigned stream_ready(const thetis_sim *sim, const sim_file *f)
{
    const sim_stream *s = &f->u.s;
    unsigned ready = 0;
    if (s->state == SIM_NEW) return sim->person->fresh_is_hung_up ? SIM_OUT | SIM_HUP : 0;
    if (s->state == SIM_CONNECTING) return 0;
    if (s->in.len || s->end || f->error) ready |= SIM_IN;
    if (s->shut || s->peer == NULL || tsm_writable(sim, f)) ready |= SIM_OUT;
    if (f->error || (s->was_error && sim->person->error_sticks)) ready |= SIM_ERR;
    if (s->state == SIM_BROKEN || (s->end && (s->shut || unix_is_over(f)))) ready |= SIM_HUP;
    return ready;
}

static unsigned pipe_ready(const thetis_sim *sim, const sim_file *f)
{
    if (f->connected) /* the writing end */
        return (tsm_writable(sim, f) ? SIM_OUT : 0u) | (f->other ? 0u : (unsigned)SIM_ERR);
    return (f->u.s.in.len ? SIM_IN : 0u) | (f->other ? 0u : (unsigned)SIM_HUP);
}

unsigned tsm_ready(const thetis_sim *sim, const sim_file *f)
{
    switch (f->kind) {
    case SIM_STREAM:
        return stream_ready(sim, f);
    case SIM_LISTENER:
        return f->u.l.first ? SIM_IN : 0;
    case SIM_DGRAM:
        return (f->u.d.first || (f->error && sim->person->dgram_error_is_in) ? SIM_IN : 0u) |
               (f->error ? SIM_ERR : 0u) | (tsm_writable(sim, f) ? SIM_OUT : 0u);
    case SIM_PIPE:
        return pipe_ready(sim, f);
    case SIM_WAKE:
        return (f->count ? SIM_IN : 0u) | SIM_OUT;
    default:
        return 0;
    }
}
