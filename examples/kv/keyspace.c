/* SPDX-License-Identifier: MIT
 *
 * keyspace.c: keys, values and their time, on top of any store.
 *
 * A key whose time is over is gone for everybody at that millisecond. Its memory goes with the
 * next look at it, or when a loop's timer comes by.
 */
#include "kv.h"

#include <string.h>

/* Erases what is over, unless it has been changed; if it cannot, its version stays in the loop's
 * `value`, to be replaced. */
static void expire(kv_loop *l, kv_text key)
{
    if (l->server->cfg.store->erase(l->user, key, &l->value) != THETIS_OK) return;
    (void)thetis_atomic_fetch_add_relaxed(&l->server->count.expired, 1);
    l->value.version = 0;
}

static kv_value *look(kv_loop *l, kv_text key)
{
    kv_value *v = &l->value;
    if (l->server->cfg.store->get(l->user, key, v) == THETIS_OK) {
        if (v->expires == 0 || l->time <= v->expires) return v;
        expire(l, key);
    }
    v->len = 0;
    v->expires = 0;
    return NULL;
}

kv_value *kv_look(kv_conn *c, kv_text key)
{
    return look(c->loop, key);
}

static bool key_fits(kv_conn *c, kv_text key)
{
    bool fits = key.len <= KV_KEY_MAX;
    if (!fits) kv_error(&c->out, "ERR key is too long");
    return fits;
}

static void no_memory(kv_conn *c)
{
    kv_error(&c->out, "OOM command not allowed when used memory > 'maxmemory'.");
}

void kv_edit(kv_conn *c, kv_text key, kv_edit_fn *fn, const void *arg)
{
    kv_loop *l = c->loop;
    const kv_store_ops *store = l->server->cfg.store;
    size_t mark = c->out.len;
    if (!key_fits(c, key)) return;
    for (;;) {
        bool there = look(l, key) != NULL;
        kv_verdict verdict = fn(c, &l->value, there, arg);
        if (verdict == KV_KEEP) return;
        thetis_status s = verdict == KV_WRITE ? store->cas(l->user, key, &l->value)
                                              : store->erase(l->user, key, &l->value);
        if (s == THETIS_OK) return;
        c->out.len = mark; /* somebody was first */
        if (s == THETIS_MISMATCH) continue;
        no_memory(c);
        return;
    }
}

bool kv_put(kv_conn *c, kv_text key, kv_text bytes, int64_t expires)
{
    kv_loop *l = c->loop;
    kv_value v = {.data = l->value.data, .len = bytes.len, .expires = expires};
    if (!key_fits(c, key)) return false;
    memcpy(v.data, bytes.at, bytes.len);
    bool ok = l->server->cfg.store->put(l->user, key, &v) == THETIS_OK;
    if (!ok) no_memory(c);
    return ok;
}

/* Lock-free: that there was a value whose time was not over, and that it is this which is erased,
 * are one. */
bool kv_erase(kv_conn *c, kv_text key)
{
    kv_loop *l = c->loop;
    for (;;) {
        const kv_value *v = look(l, key);
        if (!v) return false;
        thetis_status s = l->server->cfg.store->erase(l->user, key, v);
        if (s == THETIS_OK) return true;
        if (s != THETIS_MISMATCH) return false;
    }
}

/* ---- the sweep ------------------------------------------------------------------------------- */

typedef struct doomed {
    kv_loop *loop;
    kv_names names;
    bool all;
} doomed;

static void doom(void *arg, kv_text key, int64_t expires)
{
    doomed *d = arg;
    if (d->all || (expires != 0 && d->loop->time > expires)) kv_names_add(&d->names, key);
}

/* A key that is changed meanwhile stays: that was later. */
void kv_clear(kv_loop *l, size_t part, bool all)
{
    doomed d;
    do {
        kv_text key;
        d = (doomed){.loop = l, .all = all, .names = {.at = l->scratch, .room = KV_SCRATCH}};
        l->server->cfg.store->scan(l->user, part, doom, &d);
        for (size_t at = 0; kv_names_next(&d.names, &at, &key);) {
            if (look(l, key) && all) (void)l->server->cfg.store->erase(l->user, key, &l->value);
        }
    } while (d.names.full);
}

/* All loops together see each part once a second. */
void kv_sweep(kv_loop *l)
{
    kv_server *s = l->server;
    size_t parts = s->cfg.store->parts(s->store), step = s->cfg.loops;
    size_t n = parts / thetis_atomic_load_relaxed(&s->count.hz) / step + 1;
    l->time = s->cfg.now();
    if (s->cfg.store->count(s->store) == 0) return;
    for (; n > 0; n--) {
        if (l->swept >= parts) l->swept = l->number;
        if (l->swept < parts) kv_clear(l, l->swept, false);
        l->swept += step;
    }
}
