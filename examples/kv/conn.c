/* SPDX-License-Identifier: MIT
 *
 * conn.c: connections: bytes in, requests, bytes out.
 *
 * A connection receives into its own buffer, and only when it has served all that is there: so a
 * client that does not read its replies is not read from, once half of the output is in use. No
 * reply is longer than the other half.
 */
#include "kv.h"

#include <stdlib.h>

static void on_recv(thetis_tcp *tcp, const thetis_recv *r);

static void give(kv_conn *c)
{
    c->next_free = c->loop->free_conn;
    c->loop->free_conn = c;
}

bool kv_conns_create(kv_loop *l)
{
    const kv_config *cfg = &l->server->cfg;
    size_t n = cfg->connections + KV_REFUSALS;
    size_t room = 2 * cfg->table.value_max + KV_LINE_MAX, each = room + cfg->output;
    l->conns = calloc(n, sizeof *l->conns);
    l->buffers = calloc(n, each); /* pages that nobody uses are none */
    l->spans = calloc(n * KV_ARGS_MAX, sizeof *l->spans);
    if (!l->conns || !l->buffers || !l->spans) return false;
    for (size_t k = n; k-- > 0;) {
        kv_conn *c = &l->conns[k];
        char *memory = l->buffers + k * each;
        c->loop = l;
        c->in = (kv_parser){.buffer = memory, .room = room, .bulk_max = cfg->table.value_max,
                            .args = l->spans + k * KV_ARGS_MAX};
        c->out = (kv_reply){.buffer = memory + room, .room = cfg->output};
        give(c);
    }
    return true;
}

void kv_conns_destroy(kv_loop *l)
{
    free(l->conns);
    free(l->buffers);
    free(l->spans);
}

static void on_closed(thetis_handle *handle)
{
    kv_conn *c = (kv_conn *)handle;
    kv_subs_drop(c);
    c->open = false;
    c->loop->open--;
    (void)thetis_atomic_fetch_add_relaxed(&c->loop->server->count.clients, (uintptr_t)-1);
    if (!c->away) give(c);
}

void kv_conn_kill(kv_conn *c)
{
    if (!c->open) return;
    (void)thetis_tcp_abort(&c->tcp, c->ended ? NULL : on_closed);
    c->ended = true;
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    kv_conn *c = (kv_conn *)tcp;
    c->sending = false;
    c->sent += send->sent;
    if (c->ended) return;
    if (send->status != THETIS_OK) kv_conn_kill(c);
    else kv_conn_go(c);
}

void kv_conn_flush(kv_conn *c)
{
    if (c->sending || c->ended) return;
    if (c->sent == c->out.len) {
        c->sent = c->out.len = 0;
        return;
    }
    c->sending = true;
    if (thetis_tcp_send(&c->tcp, &c->send, c->out.buffer + c->sent, c->out.len - c->sent,
                        on_sent) != THETIS_OK) {
        c->sending = false;
        kv_conn_kill(c);
    }
}

/* Sends what is to be sent, and then closes if nothing more will be. */
static void settle(kv_conn *c)
{
    kv_conn_flush(c);
    if (!c->closing || c->sending || c->ended || c->away) return;
    c->ended = true;
    (void)thetis_tcp_close(&c->tcp, on_closed);
}

/* May the next request be served? */
static bool ready(const kv_conn *c)
{
    return !c->away && !c->closing && !c->ended && !c->receiving &&
           c->out.room - c->out.len >= c->out.room / 2;
}

static void receive(kv_conn *c)
{
    c->receiving = true;
    if (thetis_tcp_recv(&c->tcp, c->in.buffer + c->in.len, c->in.room - c->in.len, on_recv) !=
        THETIS_OK) {
        c->receiving = false;
        kv_conn_kill(c);
    }
}

static void refuse(kv_conn *c)
{
    char found = c->in.found;
    if (found) kv_error(&c->out, "ERR Protocol error: %s '%c'", c->in.why, found);
    else kv_error(&c->out, "ERR Protocol error: %s", c->in.why);
    c->closing = true;
}

void kv_conn_go(kv_conn *c)
{
    kv_conn_flush(c);
    while (ready(c)) {
        kv_parsed s = kv_parse(&c->in);
        if (s == KV_REQUEST) {
            kv_execute(c);
        } else if (s == KV_MORE) {
            receive(c);
        } else {
            refuse(c);
        }
    }
    settle(c);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    kv_conn *c = (kv_conn *)tcp;
    c->receiving = false;
    if (c->ended) return;
    if (r->status == THETIS_OK) {
        c->in.len += r->len;
        kv_conn_go(c);
    } else if (r->status == THETIS_EOF) {
        c->closing = true;
        settle(c);
    } else {
        kv_conn_kill(c);
    }
}

static void reset(kv_conn *c)
{
    kv_server *s = c->loop->server;
    kv_parser_reset(&c->in);
    c->out.len = c->sent = 0;
    c->out.version = 2;
    c->out.full = false;
    c->subs = NULL;
    c->channels = c->patterns = 0;
    c->receiving = c->sending = c->away = c->closing = c->ended = false;
    c->name_len = 0;
    c->id = thetis_atomic_fetch_add_relaxed(&s->count.ids, 1) + 1;
    c->open = true;
    c->loop->open++;
    (void)thetis_atomic_fetch_add_relaxed(&s->count.clients, 1);
    (void)thetis_atomic_fetch_add_relaxed(&s->count.accepted, 1);
}

void kv_conn_start(kv_loop *l, thetis_conn *socket)
{
    kv_conn *c = l->free_conn;
    if (!c || thetis_tcp_attach(l->loop, &c->tcp, socket) != THETIS_OK) {
        (void)thetis_conn_close(socket);
        (void)thetis_atomic_fetch_add_relaxed(&l->server->count.refused, 1);
        return;
    }
    l->free_conn = c->next_free;
    reset(c);
    if (l->open > l->server->cfg.connections) {
        (void)thetis_atomic_fetch_add_relaxed(&l->server->count.refused, 1);
        kv_error(&c->out, "ERR max number of clients reached");
        c->closing = true;
    }
    kv_conn_go(c);
}
