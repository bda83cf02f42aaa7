/* SPDX-License-Identifier: MIT
 *
 * cmd_key.c: commands about keys, whatever their values.
 */
#include "cmd.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kv_cmd_del(kv_conn *c)
{
    int64_t n = 0;
    for (size_t k = 1; k < c->in.argc; k++) n += kv_erase(c, kv_arg(c, k));
    kv_number(&c->out, n);
}

void kv_cmd_exists(kv_conn *c)
{
    int64_t n = 0;
    for (size_t k = 1; k < c->in.argc; k++) n += kv_look(c, kv_arg(c, k)) != NULL;
    kv_number(&c->out, n);
}

void kv_cmd_type(kv_conn *c)
{
    kv_simple(&c->out, kv_look(c, kv_arg(c, 1)) ? "string" : "none");
}

void kv_cmd_dbsize(kv_conn *c)
{
    kv_server *s = c->loop->server;
    kv_number(&c->out, (int64_t)s->cfg.store->count(s->store));
}

/* ---- all keys -------------------------------------------------------------------------------- */

typedef struct walk {
    kv_conn *conn;
    kv_text pattern; /* no text: all */
    size_t found;
    bool mute, one; /* only counted; no more than one */
} walk;

static void note(void *arg, kv_text key, int64_t expires)
{
    walk *w = arg;
    if (expires != 0 && kv_now(w->conn) > expires) return;
    if ((w->one && w->found) || (w->pattern.at && !kv_glob(w->pattern, key))) return;
    w->found++;
    if (!w->mute) kv_bulk(&w->conn->out, key);
}

/* "*" means all, even the empty one. */
static void set_pattern(walk *w, kv_text pattern)
{
    w->pattern = kv_word(pattern, "*") ? (kv_text){0} : pattern;
}

static void look_at(walk *w, size_t part)
{
    kv_loop *l = w->conn->loop;
    l->server->cfg.store->scan(l->user, part, note, w);
}

static size_t parts(const kv_conn *c)
{
    return c->loop->server->cfg.store->parts(c->loop->server->store);
}

void kv_cmd_keys(kv_conn *c)
{
    walk w = {.conn = c};
    size_t mark = c->out.len, n = parts(c);
    set_pattern(&w, kv_arg(c, 1));
    for (size_t k = 0; k < n && !c->out.full; k++) look_at(&w, k);
    char text[64];
    kv_reply head = {.buffer = text, .room = sizeof text};
    kv_array(&head, w.found);
    kv_insert(&c->out, mark, &head);
}

typedef struct scan {
    int64_t count;
    walk walk;
} scan;

static bool parse_scan(kv_conn *c, scan *s)
{
    for (size_t k = 2; k < c->in.argc; k += 2) {
        bool more = k + 1 < c->in.argc;
        kv_text word = kv_arg(c, k), value = more ? kv_arg(c, k + 1) : word;
        if (more && kv_word(word, "COUNT")) {
            if (!kv_arg_number(c, k + 1, &s->count)) return false;
            more = s->count >= 1;
        } else if (more && kv_word(word, "MATCH")) {
            set_pattern(&s->walk, value);
        } else if (more && kv_word(word, "TYPE")) {
            s->walk.mute = !kv_word(value, "string");
        } else {
            more = false;
        }
        if (more) continue;
        kv_error(&c->out, "ERR syntax error");
        return false;
    }
    return true;
}

/* Where to go on, a decimal with nothing around it. */
static bool parse_cursor(kv_text text, uint64_t *out)
{
    char copy[24], *end;
    bool fits = text.len > 0 && text.len < sizeof copy;
    if (!fits || isspace((unsigned char)text.at[0])) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = strtoul(copy, &end, 10);
    return end == copy + text.len && errno == 0;
}

/* Parts until `count` keys were found, or many parts looked at. */
void kv_cmd_scan(kv_conn *c)
{
    enum { EMPTY = 1000 }; /* parts for each key that is asked for */
    scan s = {.count = 10, .walk = {.conn = c}};
    uint64_t at;
    size_t n = parts(c);
    if (!parse_cursor(kv_arg(c, 1), &at)) {
        kv_error(&c->out, "ERR invalid cursor");
        return;
    }
    if (!parse_scan(c, &s)) return;
    size_t mark = c->out.len, want = (size_t)s.count;
    for (size_t k = 0; at < n && s.walk.found < want && k / EMPTY < want && !c->out.full; k++) {
        look_at(&s.walk, at++);
    }
    char text[64];
    kv_reply head = {.buffer = text, .room = sizeof text};
    kv_array(&head, 2);
    kv_bulk_number(&head, at < n ? (int64_t)at : 0);
    kv_array(&head, s.walk.mute ? 0 : s.walk.found);
    kv_insert(&c->out, mark, &head);
}

/* The first key from a part on that is drawn: not each with the same chance. */
void kv_cmd_randomkey(kv_conn *c)
{
    size_t n = parts(c);
    walk w = {.conn = c, .one = true};
    uint64_t draw = c->loop->draw = c->loop->draw * 6364136223846793005u + 1442695040888963407u;
    for (size_t k = 0; k < n && w.found == 0; k++) look_at(&w, (draw / 65536 + k) % n);
    if (w.found == 0) kv_null(&c->out);
}

void kv_cmd_flushall(kv_conn *c)
{
    bool ok = c->in.argc == 1;
    if (c->in.argc == 2) ok = kv_word(kv_arg(c, 1), "SYNC") || kv_word(kv_arg(c, 1), "ASYNC");
    if (!ok) {
        kv_error(&c->out, "ERR syntax error");
        return;
    }
    for (size_t k = 0, n = parts(c); k < n; k++) kv_clear(c->loop, k, true);
    kv_simple(&c->out, "OK");
}
