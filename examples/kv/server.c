/* SPDX-License-Identifier: MIT
 *
 * server.c: the loops of a server, from start to stop.
 *
 * Where the system deals connections out each loop listens on the port; elsewhere, or if asked to,
 * the first one does, and deals them out itself.
 */
#include "kv.h"

#include <pthread.h>
#include <stdlib.h>

static void on_sweep(thetis_timer *timer)
{
    kv_loop *l = thetis_timer_user(timer);
    kv_sweep(l);
    uint64_t hz = thetis_atomic_load_relaxed(&l->server->count.hz);
    (void)!thetis_timer_start(timer, 1000000000 / hz, 0); /* the only timer: there is room */
}

static void on_accept(thetis_listener *listener, thetis_accepted *accepted)
{
    kv_loop *self = thetis_handle_user(thetis_listener_handle(listener));
    kv_server *s = self->server;
    kv_loop *to = s->shared ? self : &s->loops[s->next++ % s->cfg.loops];
    thetis_conn socket;
    if (thetis_conn_accept(accepted, &socket) != THETIS_OK) return; /* a lack that will pass */
    if (to == self || !kv_deal(to, &socket)) kv_conn_start(self, &socket);
}

/* ---- start ----------------------------------------------------------------------------------- */

static bool open_loop(kv_loop *l)
{
    const kv_config *cfg = &l->server->cfg;
    thetis_loop_cfg c = {.max_handles = (uint32_t)(cfg->connections + KV_REFUSALS + 8),
                         .backend = cfg->backend};
    if (thetis_loop_create(&c, &l->loop) != THETIS_OK || !kv_inbox_open(l)) return false;
    l->user = cfg->store->join(l->server->store);
    l->scratch = malloc(KV_SCRATCH + KV_FRONT + cfg->table.value_max);
    if (l->scratch) l->value.data = l->scratch + KV_SCRATCH + KV_FRONT;
    thetis_timer_init(l->loop, &l->sweep, on_sweep);
    thetis_timer_set_user(&l->sweep, l);
    return l->user && l->scratch && kv_conns_create(l) && kv_subs_create(l) &&
           thetis_timer_start(&l->sweep, 0, 0) == THETIS_OK;
}

static bool join_all(kv_loop *l)
{
    for (; l->joined < l->server->cfg.loops; l->joined++) {
        kv_loop *to = &l->server->loops[l->joined];
        if (thetis_inbox_join(&to->inbox, &l->senders[l->joined]) != THETIS_OK) return false;
    }
    return true;
}

static thetis_status listen_all(kv_server *s)
{
    thetis_loop *first = s->loops[0].loop;
    bool can = thetis_loop_cap(first, THETIS_CAP_LISTEN_BALANCE).level > THETIS_CAP_ABSENT;
    s->shared = can && !s->cfg.deal;
    thetis_listen_cfg cfg = {.reuse_port = s->shared};
    for (unsigned k = 0; k < (s->shared ? s->cfg.loops : 1); k++) {
        kv_loop *l = &s->loops[k];
        thetis_status r = thetis_tcp_listen(l->loop, &l->listener, &s->cfg.addr, &cfg, on_accept);
        if (r != THETIS_OK) return r;
        thetis_handle_set_user(thetis_listener_handle(&l->listener), l);
        if (k == 0) r = thetis_listener_addr(&l->listener, &s->cfg.addr); /* port 0: the others' */
        if (r != THETIS_OK) return r;
    }
    return THETIS_OK;
}

static bool open_loops(kv_server *s)
{
    for (unsigned k = 0; k < s->cfg.loops; k++) {
        s->loops[k].server = s;
        s->loops[k].number = k;
        if (!open_loop(&s->loops[k])) return false;
    }
    for (unsigned k = 0; k < s->cfg.loops; k++) {
        if (!join_all(&s->loops[k])) return false;
    }
    return true;
}

kv_server *kv_server_create(const kv_config *cfg, const char **why)
{
    kv_server *s = calloc(1, sizeof *s);
    *why = "no memory, or no such backend";
    if (!s) return NULL;
    s->cfg = *cfg;
    s->cfg.table.threads = cfg->loops;
    s->started = cfg->now();
    thetis_atomic_store_relaxed(&s->count.hz, 10);
    s->loops = calloc(cfg->loops, sizeof *s->loops);
    s->store = cfg->store->create(&s->cfg.table);
    bool ok = s->loops && s->store && open_loops(s);
    if (ok) {
        thetis_status r = listen_all(s);
        ok = r == THETIS_OK;
        if (!ok) *why = thetis_status_text(r);
    }
    if (ok) return s;
    kv_server_destroy(s);
    return NULL;
}

/* ---- run and stop ---------------------------------------------------------------------------- */

static void close_rest(thetis_handle *handle, void *user)
{
    (void)user;
    (void)thetis_handle_close(handle, NULL); /* EBUSY: is being closed already */
}

static void leave_all(kv_loop *l)
{
    while (l->joined > 0) thetis_inbox_leave(&l->senders[--l->joined]);
}

/* Of its own thread, or when there are no threads. */
static bool close_loop(kv_loop *l)
{
    l->stopping = true;
    (void)thetis_timer_stop(&l->sweep);
    leave_all(l);
    for (size_t k = 0; l->conns && k < l->server->cfg.connections + KV_REFUSALS; k++) {
        kv_conn_kill(&l->conns[k]);
    }
    thetis_loop_scan(l->loop, close_rest, NULL);
    return thetis_loop_run(l->loop) == THETIS_OK;
}

static void *run_loop(void *arg)
{
    kv_loop *l = arg;
    bool ok = thetis_loop_run(l->loop) == THETIS_OK;
    return close_loop(l) && ok ? l : NULL;
}

bool kv_server_run(kv_server *s)
{
    pthread_t threads[KV_LOOPS_MAX];
    unsigned n = 1;
    while (n < s->cfg.loops && pthread_create(&threads[n], NULL, run_loop, &s->loops[n]) == 0) n++;
    bool ok = n == s->cfg.loops;
    if (!ok) kv_server_stop(s);
    ok &= run_loop(&s->loops[0]) != NULL;
    for (unsigned k = 1; k < n; k++) {
        void *done;
        ok &= pthread_join(threads[k], &done) == 0 && done != NULL;
    }
    return ok;
}

void kv_server_stop(kv_server *s)
{
    for (unsigned k = 0; k < s->cfg.loops; k++) thetis_loop_stop(s->loops[k].loop);
}

static void destroy_loop(kv_loop *l)
{
    if (l->loop && !l->stopping) (void)close_loop(l);
    if (l->loop) (void)!thetis_loop_destroy(l->loop);
    if (l->user) l->server->cfg.store->leave(l->user);
    kv_conns_destroy(l);
    kv_subs_destroy(l);
    free(l->inbox_memory);
    free(l->scratch);
}

void kv_server_destroy(kv_server *s)
{
    for (unsigned k = 0; s->loops && k < s->cfg.loops; k++) leave_all(&s->loops[k]);
    for (unsigned k = 0; s->loops && k < s->cfg.loops; k++) destroy_loop(&s->loops[k]);
    if (s->store) s->cfg.store->destroy(s->store);
    free(s->loops);
    free(s);
}
