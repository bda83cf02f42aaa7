/* SPDX-License-Identifier: MIT
 *
 * errand.c: messages between loops.
 *
 * What a request wants of all loops it gets by going there: the connection passes from inbox to
 * inbox, serves nothing meanwhile, and nobody else touches its request, so nothing is copied. A
 * connection is in one inbox at most, hence none is ever full: each has room for all of them.
 */
#include "kv.h"

#include <stdlib.h>

enum { DEALS = 256 }; /* room for connections that were accepted for this loop */

typedef struct message {
    kv_conn *conn;      /* NULL: `socket` is a new one */
    thetis_conn socket;
} message;

/* To the next loop; a loop that stops loses it. */
static void pass_on(kv_loop *from, kv_conn *c)
{
    message m = {.conn = c};
    unsigned to = (from->number + 1) % from->server->cfg.loops;
    if (!from->stopping) (void)!thetis_inbox_send(&from->senders[to], &m);
}

static void finish(kv_conn *c)
{
    size_t mark = c->out.len;
    if (c->ended) return;
    c->errand.done(c);
    if (!c->out.full) return;
    c->out.len = mark;
    c->out.full = false;
    kv_error(&c->out, "ERR the reply is too long");
}

static void come_home(kv_conn *c)
{
    c->away = false;
    finish(c);
    if (c->open) {
        kv_conn_go(c);
    } else {
        c->next_free = c->loop->free_conn;
        c->loop->free_conn = c;
    }
}

void kv_errand_start(kv_conn *c, void (*visit)(kv_loop *at, kv_conn *conn),
                     void (*done)(kv_conn *conn))
{
    c->errand.visit = visit;
    c->errand.done = done;
    visit(c->loop, c);
    if (c->loop->server->cfg.loops == 1) {
        done(c);
    } else {
        c->away = true;
        pass_on(c->loop, c);
    }
}

bool kv_deal(kv_loop *to, const thetis_conn *socket)
{
    message m = {.conn = NULL, .socket = *socket};
    return thetis_inbox_send(&to->server->loops[0].senders[to->number], &m) == THETIS_OK;
}

static void on_message(thetis_inbox *inbox, const void *bytes)
{
    kv_loop *l = (kv_loop *)inbox;
    message m = *(const message *)bytes;
    if (l->stopping) {
        if (!m.conn) (void)thetis_conn_close(&m.socket);
    } else if (!m.conn) {
        kv_conn_start(l, &m.socket);
    } else if (m.conn->loop == l) {
        come_home(m.conn);
    } else {
        m.conn->errand.visit(l, m.conn);
        pass_on(l, m.conn);
    }
}

bool kv_inbox_open(kv_loop *l)
{
    const kv_config *cfg = &l->server->cfg;
    thetis_inbox_cfg in = {.message_size = sizeof(message), .senders = cfg->loops,
                           .capacity = cfg->loops * (cfg->connections + KV_REFUSALS) + DEALS,
                           .on_message = on_message};
    size_t line = THETIS_CACHE_LINE, size = (thetis_inbox_size(&in) + line - 1) / line * line;
    l->inbox_memory = aligned_alloc(line, size);
    return l->inbox_memory &&
           thetis_inbox_open(l->loop, &l->inbox, l->inbox_memory, size, &in) == THETIS_OK;
}
