/* SPDX-License-Identifier: MIT
 *
 * stream.c: bytes of TCP and unix streams, once two ends are linked.
 *
 * TCP: send() puts bytes into `out`; a move takes them to the peer's `in` as far as its receive
 * space allows; a shutdown follows the last of them. A move happens at once, or later as an event:
 * at most one is under way per direction, so nothing overtakes. A unix stream has no way: send()
 * puts bytes into the peer's `in`, and they count against the sender's space until they are read.
 *
 * An end that is closed stays linked while the other is open: what the other sends then is answered
 * by a reset.
 */
#include "sim.h"

#include <stdlib.h>

static int is_unix(const sim_file *f)
{
    return f->family == THETIS_ADDR_UNIX;
}

void tsm_stream_link(thetis_sim *sim, sim_file *a, sim_file *b)
{
    const sim_personality *p = sim->person;
    sim_file *ends[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        sim_stream *s = &ends[i]->u.s;
        s->peer = ends[1 - i];
        s->state = SIM_CONNECTED;
        s->was_connected = 1;
        if (s->send_space == 0) s->send_space = is_unix(a) ? p->unix_space : p->send_space;
        if (s->recv_space == 0) s->recv_space = p->recv_space;
    }
}

/* The link is over; an end without descriptors goes. */
static void stream_unlink(thetis_sim *sim, sim_file *f)
{
    sim_file *peer = f->u.s.peer;
    f->u.s.peer = NULL;
    if (peer == NULL || peer == f) return;
    peer->u.s.peer = NULL;
    tsm_file_free(sim, peer);
}

void tsm_stream_break(thetis_sim *sim, sim_file *f, sim_error e)
{
    sim_stream *s = &f->u.s;
    s->state = SIM_BROKEN;
    s->end = 1;
    f->error = e;
    tsm_queue_free(&s->out);
    stream_unlink(sim, f);
    tsm_poller_touch(f);
}

/* A reset changes nothing for who reads. */
static int end_lasts(const thetis_sim *sim, const sim_file *f)
{
    return f->u.s.said_end && sim->person->end_outlasts_reset && !is_unix(f);
}

static void reset_event(thetis_sim *sim, sim_file *f)
{
    if (f->u.s.state == SIM_CONNECTED)
        tsm_stream_break(sim, f, end_lasts(sim, f) ? SIM_E_PIPE : SIM_E_RESET);
}

/* ---- moving bytes ---------------------------------------------------------------------------- */

static void stream_kick(thetis_sim *sim, sim_file *f);

/* Everything is said on both sides, and nobody listens. */
static void stream_rest(thetis_sim *sim, sim_file *f)
{
    sim_file *peer = f->u.s.peer;
    if (peer && f->refs == 0 && peer->refs == 0 && f->u.s.end_sent && peer->u.s.end_sent)
        stream_unlink(sim, f);
}

static void stream_end(thetis_sim *sim, sim_file *f)
{
    f->u.s.end_sent = 1;
    f->u.s.peer->u.s.end = f->u.s.peer->u.s.said_end = 1;
    tsm_poller_touch(f->u.s.peer);
    stream_rest(sim, f);
}

/* Moves what fits; the rest waits for the reader, or for another move. */
static void stream_move(thetis_sim *sim, sim_file *f)
{
    sim_stream *s = &f->u.s;
    sim_file *peer = s->peer;
    size_t n = s->out.len, room, whole;
    if (peer == NULL) return;
    if (n && peer->refs == 0) { /* nobody is there any more */
        reset_event(sim, f);
        return;
    }
    room = peer->u.s.recv_space > peer->u.s.in.len ? peer->u.s.recv_space - peer->u.s.in.len : 0;
    whole = n < room ? n : room;
    n = whole;
    if (n > 1 && tsm_chance(sim, sim->cfg.cuts)) n = 1 + (size_t)tsm_choose(sim, n);
    if (n) {
        (void)tsm_queue_move(&peer->u.s.in, &s->out, n);
        tsm_poller_touch(peer);
    }
    if (s->out.len == 0 && s->shut && !s->end_sent) stream_end(sim, f);
    else if (n < whole) stream_kick(sim, f);
}

static void stream_move_event(thetis_sim *sim, sim_file *f)
{
    f->u.s.moving = 0;
    stream_move(sim, f);
}

static void stream_kick(thetis_sim *sim, sim_file *f)
{
    sim_stream *s = &f->u.s;
    uint64_t delay;
    if (s->moving || s->peer == NULL || s->end_sent || (s->out.len == 0 && !s->shut)) return;
    delay = tsm_delay(sim);
    if (delay == 0) {
        stream_move(sim, f);
        return;
    }
    s->moving = 1;
    tsm_at(sim, delay, stream_move_event, f);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Bytes that one call may take: descriptors come with their first byte and end what came before. */
static size_t stream_until_rights(const sim_stream *s, size_t n)
{
    const sim_rights *r = s->rights;
    if (r && r->at == s->in_at) r = r->next;
    return r && r->at - s->in_at < n ? (size_t)(r->at - s->in_at) : n;
}

/* Those of the first byte, or NULL. */
static sim_rights *stream_take_rights(sim_stream *s)
{
    sim_rights *r = s->rights;
    if (r == NULL || r->at != s->in_at) return NULL;
    s->rights = r->next;
    return r;
}

/* What a call without bytes answers. */
static tht_ret stream_nothing(thetis_sim *sim, sim_file *f)
{
    sim_stream *s = &f->u.s;
    sim_error e = f->error;
    if (e && !end_lasts(sim, f)) {
        f->error = SIM_E_NONE;
        s->was_error = 1;
        return tsm_error(sim, e);
    }
    if (s->state == SIM_NEW) return tsm_error(sim, SIM_E_NOTCONN);
    if (!s->end && s->state != SIM_BROKEN) return tsm_error(sim, SIM_E_AGAIN);
    if (s->end_read && sim->person->end_then_notconn) return tsm_error(sim, SIM_E_NOTCONN);
    s->end_read = 1;
    sim->progress = 1;
    return tsm_done(0);
}

tht_ret tsm_stream_peek(thetis_sim *sim, sim_file *f)
{
    if (f->u.s.in.len) return tsm_done(1);
    return f->u.s.end && !f->error ? tsm_done(0) : stream_nothing(sim, f);
}

tht_ret tsm_stream_recv(thetis_sim *sim, sim_file *f, void *into, size_t len, sim_rights **rights)
{
    sim_stream *s = &f->u.s;
    sim_rights *r;
    size_t n = stream_until_rights(s, len < s->in.len ? len : s->in.len);
    *rights = NULL;
    if (s->in.len == 0) return stream_nothing(sim, f);
    if (n > 1 && tsm_chance(sim, sim->cfg.cuts)) n = 1 + (size_t)tsm_choose(sim, n);
    r = n ? stream_take_rights(s) : NULL;
    (void)tsm_queue_copy(&s->in, into, n);
    tsm_watch_write(sim, into, n);
    tsm_queue_skip(&s->in, n);
    s->in_at += n;
    *rights = r;
    sim->progress |= n != 0;
    if (s->peer) stream_kick(sim, s->peer);
    return tsm_done((ptrdiff_t)n);
}

/* ---- sending --------------------------------------------------------------------------------- */

size_t tsm_stream_room(const sim_file *f)
{
    const sim_stream *s = &f->u.s;
    size_t used = is_unix(f) ? (s->peer ? s->peer->u.s.in.len : 0) : s->out.len;
    return used < s->send_space ? s->send_space - used : 0;
}

/* Why nothing can be sent; SIM_E_NONE if something can. */
static sim_error stream_refusal(sim_file *f)
{
    sim_stream *s = &f->u.s;
    sim_error e = f->error;
    if (s->state == SIM_CONNECTING) return SIM_E_AGAIN;
    if (s->shut) return SIM_E_PIPE;
    if (e) {
        f->error = SIM_E_NONE;
        s->was_error = 1;
        return e;
    }
    return s->state == SIM_CONNECTED && s->peer ? SIM_E_NONE : SIM_E_PIPE;
}

static size_t iov_sum(const thetis_iov *iov, uint32_t iovs)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < iovs; i++) sum += iov[i].len;
    return sum;
}

static void rights_append(sim_file *to, sim_rights *r)
{
    sim_rights **at = &to->u.s.rights;
    while (*at) at = &(*at)->next;
    r->at = to->u.s.in_at + to->u.s.in.len;
    *at = r;
}

/* Takes the first `n` bytes of the pieces. */
static void stream_take(sim_queue *to, const thetis_iov *iov, size_t n)
{
    for (; n > 0; iov++) {
        size_t part = iov->len < n ? iov->len : n;
        tsm_queue_push(to, iov->data, part);
        n -= part;
    }
}

tht_ret tsm_stream_send(thetis_sim *sim, sim_file *f, const thetis_iov *iov, uint32_t iovs,
                        sim_rights *rights)
{
    size_t n = iov_sum(iov, iovs), room;
    sim_error why = stream_refusal(f);
    if (why) {
        sim->progress |= why != SIM_E_AGAIN;
        return tsm_error(sim, why);
    }
    room = tsm_stream_room(f);
    if (n && room == 0) return tsm_error(sim, SIM_E_AGAIN);
    if (n > room) n = room;
    if (n > 1 && tsm_chance(sim, sim->cfg.cuts)) n = 1 + (size_t)tsm_choose(sim, n);
    if (rights) rights_append(f->u.s.peer, rights);
    stream_take(is_unix(f) ? &f->u.s.peer->u.s.in : &f->u.s.out, iov, n);
    sim->progress |= n != 0;
    if (is_unix(f)) tsm_poller_touch(f->u.s.peer);
    else stream_kick(sim, f);
    return tsm_done((ptrdiff_t)n);
}

tht_ret tsm_stream_shutdown(thetis_sim *sim, sim_file *f)
{
    sim_stream *s = &f->u.s;
    if (s->state != SIM_CONNECTED) return tsm_error(sim, SIM_E_NOTCONN);
    sim->progress |= !s->shut;
    s->shut = 1;
    if (s->peer == NULL) return tsm_done(0);
    if (is_unix(f) && !s->end_sent) stream_end(sim, f);
    else stream_kick(sim, f);
    return tsm_done(0);
}

/* ---- closing --------------------------------------------------------------------------------- */

void tsm_rights_free(thetis_sim *sim, sim_rights *r)
{
    while (r) {
        sim_rights *next = r->next;
        for (uint32_t i = 0; i < r->count; i++) tsm_file_drop(sim, r->files[i]);
        free(r);
        r = next;
    }
}

/* The peer learns of a reset, now or later; the link ends now. */
static void stream_reset(thetis_sim *sim, sim_file *f)
{
    sim_file *peer = f->u.s.peer;
    uint64_t delay;
    if (peer == NULL) return;
    if (f->u.s.out.len) stream_move(sim, f); /* what is under way is ahead of the reset */
    if (f->u.s.peer == NULL) return;
    delay = tsm_delay(sim);
    tsm_file_hold(peer); /* lives while this looks at it */
    stream_unlink(sim, f);
    if (delay) tsm_at(sim, delay, reset_event, peer);
    else reset_event(sim, peer);
    peer->refs--;
    tsm_file_free(sim, peer);
}

static void unix_close(thetis_sim *sim, sim_file *f)
{
    sim_file *peer = f->u.s.peer;
    if (peer == NULL) return;
    if ((f->u.s.in.len || f->u.s.abort) && sim->person->unix_unread_is_reset)
        peer->error = SIM_E_RESET;
    peer->u.s.end = 1;
    tsm_poller_touch(peer);
    stream_unlink(sim, f);
}

void tsm_stream_close(thetis_sim *sim, sim_file *f)
{
    sim_stream *s = &f->u.s;
    int unread = s->in.len != 0;
    if (s->listener) tsm_listener_lose(s->listener, f);
    f->bound = 0;
    if (s->state == SIM_CONNECTING) s->state = SIM_BROKEN;
    if (is_unix(f)) unix_close(sim, f);
    else if (s->abort || unread) stream_reset(sim, f);
    tsm_queue_free(&s->in);
    tsm_rights_free(sim, s->rights);
    s->rights = NULL;
    if (s->peer == NULL) return;
    s->shut = 1;
    f->refs = 0; /* what arrives from now on meets nobody */
    f->events++; /* and the file stays until this is done */
    stream_kick(sim, f);
    stream_rest(sim, f);
    f->events--;
    f->refs = 1; /* the caller's */
}
