/* SPDX-License-Identifier: MIT
 *
 * epoll.c: epoll and poll(), level-triggered but for wake descriptors.
 *
 * A registration belongs to a descriptor's file, not to its number: while another descriptor has
 * the file, closing the first one leaves the registration behind, as on Linux.
 */
#include "sim.h"

#include <stdlib.h>

/* ---- waiting --------------------------------------------------------------------------------- */

/* The clock goes on to the next event, or to the end of the wait. */
static int wait_step(thetis_sim *sim, uint64_t end)
{
    uint64_t next = tsm_next_event(sim);
    if (next <= end && next != UINT64_MAX) {
        tsm_run_until(sim, next);
        return 1;
    }
    if (end == UINT64_MAX) tsm_fail(sim, "sleep", "for ever: nothing will happen any more");
    tsm_run_until(sim, end);
    return 0;
}

/* When a sleep of so long ends. */
static uint64_t wait_end(const thetis_sim *sim, uint64_t ns)
{
    uint64_t tick = sim->person->tick_ns;
    if (tick && ns && ns < UINT64_MAX - 2 * tick) ns = (ns + tick - 1) / tick * tick + tick;
    return ns > UINT64_MAX - sim->now ? UINT64_MAX : sim->now + ns;
}

tht_ret tsm_wait(thetis_sim *sim, uint64_t ns, ptrdiff_t (*look)(thetis_sim *sim, void *arg),
                 void *arg)
{
    uint64_t end = wait_end(sim, ns);
    ptrdiff_t n = look(sim, arg);
    if (n == 0 && ns) tsm_watch_sleep(sim);
    while (n == 0 && ns) {
        int more = wait_step(sim, end);
        n = look(sim, arg);
        if (!more) break;
    }
    return tsm_done(n);
}

/* What an event says: errors and hang-ups are for both directions. */
static uint32_t reported(unsigned ready, uint32_t mask)
{
    if (ready & (SIM_ERR | SIM_HUP)) return THT_IN | THT_OUT;
    return ready & mask;
}

/* ---- epoll ----------------------------------------------------------------------------------- */

static sim_watch *watch_of(sim_poller *p, const sim_file *f, int fd)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->watches[i].file == f && p->watches[i].fd == fd) return &p->watches[i];
    return NULL;
}

tht_ret tsm_epoll_set(thetis_sim *sim, sim_file *set, int fd, uint64_t token, uint32_t mask,
                      int edge)
{
    sim_poller *p = &set->u.p;
    sim_file *f = tsm_fd_file(sim, fd);
    sim_watch *w = f ? watch_of(p, f, fd) : NULL;
    if (f == NULL) return tsm_error(sim, SIM_E_BADF);
    if (mask == 0) {
        if (w) *w = p->watches[--p->count];
        return tsm_done(0);
    }
    if (w == NULL) {
        tsm_grow(&p->watches, &p->room, p->count + 1, sizeof *p->watches);
        w = &p->watches[p->count++];
    } else if (w->token != token) {
        return tsm_error(sim, SIM_E_EXIST);
    }
    *w = (sim_watch){.file = f, .fd = fd, .mask = mask, .edge = (uint32_t)edge, .token = token};
    return tsm_done(0);
}

typedef struct epoll_look {
    sim_poller *p;
    tht_event *out;
    uint32_t cap;
} epoll_look;

/* One round from where the last one ended, or from anywhere. */
static ptrdiff_t look_epoll(thetis_sim *sim, void *arg)
{
    epoll_look *l = arg;
    sim_poller *p = l->p;
    uint32_t n = 0;
    if (p->next >= p->count) p->next = 0;
    if (p->count > 1) p->next = (p->next + (size_t)tsm_choose(sim, p->count)) % p->count;
    for (size_t left = p->count; left > 0 && n < l->cap; left--) {
        sim_watch *w = &p->watches[p->next];
        uint32_t ready = reported(tsm_ready(sim, w->file), w->mask);
        p->next = p->next + 1 < p->count ? p->next + 1 : 0;
        if (ready == 0 || (w->edge && w->fired == w->file->edges)) continue;
        w->fired = w->file->edges;
        l->out[n++] = (tht_event){w->token, ready};
        if (!w->edge) tsm_watch_report(sim, w->file);
    }
    return n;
}

tht_ret tsm_epoll_wait(thetis_sim *sim, sim_file *set, tht_event *out, uint32_t cap, uint64_t ns)
{
    return tsm_wait(sim, ns, look_epoll, &(epoll_look){&set->u.p, out, cap});
}

void tsm_poller_close(thetis_sim *sim, sim_file *set)
{
    (void)sim;
    free(set->u.p.watches);
}

void tsm_poller_forget(thetis_sim *sim, sim_file *f)
{
    for (sim_file *set = sim->files; set; set = set->next) {
        if (set->kind != SIM_EPOLL && set->kind != SIM_KQUEUE) continue;
        for (size_t i = set->u.p.count; i-- > 0;)
            if (set->u.p.watches[i].file == f)
                set->u.p.watches[i] = set->u.p.watches[--set->u.p.count];
    }
}

void tsm_poller_touch(sim_file *f)
{
    f->edges++;
}

/* ---- poll ------------------------------------------------------------------------------------ */

typedef struct poll_look {
    tht_pollfd *fds;
    const uint64_t *tokens;
    uint32_t n, *first;
    tht_event *out;
    uint32_t cap;
} poll_look;

static ptrdiff_t look_poll(thetis_sim *sim, void *arg)
{
    poll_look *l = arg;
    uint32_t n = 0, i = *l->first < l->n ? *l->first : 0;
    for (uint32_t left = l->n; left > 0 && n < l->cap; left--) {
        sim_file *f = tsm_fd_file(sim, l->fds[i].fd);
        uint32_t ready = f ? reported(tsm_ready(sim, f), (uint32_t)l->fds[i].events)
                           : THT_IN | THT_OUT;
        if (ready) l->out[n++] = (tht_event){l->tokens[i], ready};
        if (ready && f) tsm_watch_report(sim, f);
        i = i + 1 < l->n ? i + 1 : 0;
    }
    *l->first = i;
    return n;
}

tht_ret tsm_poll_wait(thetis_sim *sim, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                      uint32_t *first, tht_event *out, uint32_t cap, uint64_t ns)
{
    poll_look look = {fds, tokens, n, first, out, cap};
    return tsm_wait(sim, ns, look_poll, &look);
}
