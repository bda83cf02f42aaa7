/* SPDX-License-Identifier: MIT
 *
 * kqueue.c: kqueue as the BSDs have it: one entry per descriptor and filter, which goes when the
 * descriptor is closed, whatever copies it has. Entries that were reported go to the end: reading
 * and writing take turns, even with room for one event.
 */
#include "sim.h"

/* ---- entries --------------------------------------------------------------------------------- */

static sim_watch *knote_of(sim_poller *p, int fd, uint16_t filter)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->watches[i].fd == fd && p->watches[i].filter == filter) return &p->watches[i];
    return NULL;
}

static sim_error knote_add(thetis_sim *sim, sim_poller *p, const tht_kevent *k)
{
    sim_file *f = k->filter == THT_KQ_USER ? NULL : tsm_fd_file(sim, k->fd);
    sim_watch *w = knote_of(p, k->fd, k->filter);
    if (k->filter == THT_KQ_USER && !sim->person->user_events) return SIM_E_INVAL;
    if (k->filter != THT_KQ_USER && f == NULL) return SIM_E_BADF;
    if (w == NULL) {
        tsm_grow(&p->watches, &p->room, p->count + 1, sizeof *p->watches);
        w = &p->watches[p->count++];
    }
    *w = (sim_watch){.file = f, .fd = k->fd, .filter = k->filter, .flags = k->flags,
                     .edge = (k->flags & THT_KQ_CLEAR) != 0, .token = k->token};
    return SIM_E_NONE;
}

/* The others keep their order: who comes next must not depend on who left. */
static void knote_remove(sim_poller *p, sim_watch *w)
{
    size_t at = (size_t)(w - p->watches);
    for (size_t i = at; i + 1 < p->count; i++) p->watches[i] = p->watches[i + 1];
    p->count--;
    if (p->next > at) p->next--;
}

static sim_error knote_change(thetis_sim *sim, sim_poller *p, const tht_kevent *k)
{
    sim_watch *w;
    if (k->flags & THT_KQ_ADD) return knote_add(sim, p, k);
    w = knote_of(p, k->fd, k->filter);
    if (w == NULL) return SIM_E_NOENT;
    if (k->flags & THT_KQ_DELETE) knote_remove(p, w);
    else if (k->flags & THT_KQ_TRIGGER) w->mask = 1; /* triggers coalesce */
    return SIM_E_NONE;
}

void tsm_kqueue_forget(thetis_sim *sim, int fd)
{
    for (sim_file *set = sim->files; set; set = set->next) {
        if (set->kind != SIM_KQUEUE) continue;
        for (uint16_t filter = THT_KQ_READ; filter <= THT_KQ_WRITE; filter++) {
            sim_watch *w = knote_of(&set->u.p, fd, filter);
            if (w) knote_remove(&set->u.p, w);
        }
    }
}

/* ---- what an event says ---------------------------------------------------------------------- */

static int32_t number_of(const thetis_sim *sim, sim_error e)
{
    return tsm_error(sim, e).os;
}

static int64_t dgram_bytes(const thetis_sim *sim, const sim_file *f)
{
    int64_t sum = 0;
    for (const sim_message *m = f->u.d.first; m; m = m->next)
        sum += (int64_t)(m->len + sim->person->dgram_count_overhead);
    return sum;
}

/* 1: the read filter is true. */
static int read_event(const thetis_sim *sim, const sim_file *f, tht_kevent *out)
{
    const sim_stream *s = &f->u.s;
    switch (f->kind) {
    case SIM_STREAM:
        if (s->state == SIM_NEW || s->state == SIM_CONNECTING) return 0;
        out->data = (int64_t)s->in.len;
        if (s->end) out->flags |= THT_KQ_EOF;
        if (s->end) out->os = number_of(sim, f->error);
        return s->in.len || s->end || f->error;
    case SIM_LISTENER:
        out->data = f->u.l.count;
        return f->u.l.count != 0;
    case SIM_DGRAM:
        out->data = dgram_bytes(sim, f);
        return f->u.d.first || f->error;
    case SIM_PIPE:
        out->data = (int64_t)s->in.len;
        if (f->other == NULL) out->flags |= THT_KQ_EOF;
        return s->in.len || f->other == NULL;
    default:
        out->data = (int64_t)f->count;
        return f->count != 0;
    }
}

static int write_event(const thetis_sim *sim, const sim_file *f, tht_kevent *out)
{
    const sim_stream *s = &f->u.s;
    if (f->kind == SIM_DGRAM) {
        out->data = f->u.d.send_space ? f->u.d.send_space : sim->person->dgram_max;
        return tsm_writable(sim, f);
    }
    if (f->kind != SIM_STREAM) return (tsm_ready(sim, f) & (SIM_OUT | SIM_ERR)) != 0;
    if (s->state == SIM_NEW || s->state == SIM_CONNECTING) return 0;
    out->data = (int64_t)tsm_stream_room(f);
    if (!s->shut && s->state != SIM_BROKEN && s->peer) return tsm_writable(sim, f);
    out->flags |= THT_KQ_EOF;
    out->os = number_of(sim, f->error);
    return 1;
}

static int knote_event(const thetis_sim *sim, const sim_watch *w, tht_kevent *out)
{
    *out = (tht_kevent){.token = w->token, .fd = w->fd, .filter = w->filter};
    out->flags = w->flags & (THT_KQ_CLEAR | THT_KQ_ONESHOT);
    if (sim->person->knotes_echo_add) out->flags |= THT_KQ_ADD;
    if (w->filter == THT_KQ_USER) return w->mask != 0;
    if (w->edge && w->fired == w->file->edges) return 0;
    return w->filter == THT_KQ_READ ? read_event(sim, w->file, out)
                                    : write_event(sim, w->file, out);
}

/* ---- waiting --------------------------------------------------------------------------------- */

typedef struct kqueue_look {
    sim_poller *p;
    tht_kevent *out;
    uint32_t cap;
} kqueue_look;

/* After an entry was reported; 1: it is gone. */
static int knote_reported(thetis_sim *sim, sim_poller *p, sim_watch *w)
{
    if (w->filter == THT_KQ_USER) w->mask = 0;
    else if (!w->edge) tsm_watch_report(sim, w->file);
    else w->fired = w->file->edges;
    if (!(w->flags & THT_KQ_ONESHOT)) return 0;
    knote_remove(p, w);
    return 1;
}

static ptrdiff_t look_kqueue(thetis_sim *sim, void *arg)
{
    kqueue_look *l = arg;
    sim_poller *p = l->p;
    uint32_t n = 0;
    for (size_t left = p->count; left > 0 && n < l->cap; left--) {
        tht_kevent event;
        sim_watch *w;
        if (p->next >= p->count) p->next = 0;
        w = &p->watches[p->next];
        if (!knote_event(sim, w, &event)) {
            p->next++;
            continue;
        }
        l->out[n++] = event;
        if (!knote_reported(sim, p, w)) p->next++;
    }
    return n;
}

/* A start anywhere, before the first look of a wait: who was true first is the system's affair. */
static void any_order(thetis_sim *sim, sim_poller *p)
{
    if (p->count > 1) p->next = (p->next + (size_t)tsm_choose(sim, p->count)) % p->count;
}

tht_ret tsm_kevent_change(thetis_sim *sim, sim_file *queue, const tht_kevent *changes, uint32_t n,
                          tht_kevent *out, uint32_t cap)
{
    uint32_t answers = 0;
    for (uint32_t i = 0; i < n; i++) {
        sim_error e = knote_change(sim, &queue->u.p, &changes[i]);
        tht_ret why = tsm_error(sim, e);
        if (e == SIM_E_NONE && !(changes[i].flags & THT_KQ_RECEIPT)) continue;
        if (answers == cap && e) return why;
        if (answers == cap) continue;
        out[answers] = changes[i];
        out[answers].flags = THT_KQ_ERROR;
        out[answers].status = why.status;
        out[answers].os = why.os;
        out[answers++].data = why.os;
    }
    return tsm_done(answers);
}

tht_ret tsm_kevent_wait(thetis_sim *sim, sim_file *queue, tht_kevent *out, uint32_t cap,
                        uint64_t ns)
{
    kqueue_look look = {&queue->u.p, out, cap};
    if (cap == 0) return tsm_done(0); /* at once, whatever the time-out */
    any_order(sim, &queue->u.p);
    return tsm_wait(sim, ns, look_kqueue, &look);
}
