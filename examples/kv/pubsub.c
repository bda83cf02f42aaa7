/* SPDX-License-Identifier: MIT
 *
 * pubsub.c: channels, patterns, and messages to those who have subscribed.
 *
 * Each loop knows the subscriptions of its own connections. Who publishes or asks about them goes
 * round all loops, see errand.c: so a message is delivered when PUBLISH replies, and the number in
 * the reply is right.
 */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

typedef struct kv_sub {
    kv_conn *conn;
    struct kv_sub *next;      /* of the same list: the oldest first */
    struct kv_sub *next_mine; /* of the same connection */
    uint16_t len;
    bool pattern;
    char name[KV_CHANNEL_MAX];
} kv_sub;

static kv_text name_of(const kv_sub *s)
{
    return (kv_text){s->name, s->len};
}

/* Where the subscriptions to this channel are, or those to patterns. */
static kv_sub **list_of(kv_loop *l, kv_text name, bool pattern)
{
    uint32_t h = 2166136261u;
    if (pattern) return &l->patterns;
    for (size_t k = 0; k < name.len; k++) h = (h ^ (unsigned char)name.at[k]) * 16777619u;
    return &l->lists[h % KV_CHANNEL_LISTS];
}

bool kv_subs_create(kv_loop *l)
{
    size_t n = l->server->cfg.subscriptions;
    l->sub_memory = calloc(n, sizeof *l->sub_memory);
    for (size_t k = n; l->sub_memory && k-- > 0;) {
        l->sub_memory[k].next = l->free_sub;
        l->free_sub = &l->sub_memory[k];
    }
    return l->sub_memory != NULL;
}

void kv_subs_destroy(kv_loop *l)
{
    free(l->sub_memory);
}

/* ---- subscribing ----------------------------------------------------------------------------- */

static unsigned *count_of(kv_conn *c, bool pattern)
{
    return pattern ? &c->patterns : &c->channels;
}

/* What points to the connection's subscription, or to NULL. */
static kv_sub **find_mine(kv_conn *c, kv_text name, bool pattern)
{
    kv_sub **at = &c->subs;
    while (*at && ((*at)->pattern != pattern || !kv_equal(name_of(*at), name))) {
        at = &(*at)->next_mine;
    }
    return at;
}

static bool add(kv_conn *c, kv_text name, bool pattern)
{
    kv_loop *l = c->loop;
    kv_sub *s = l->free_sub, **end = list_of(l, name, pattern);
    if (*find_mine(c, name, pattern)) return true;
    if (!s || name.len > KV_CHANNEL_MAX) return false;
    l->free_sub = s->next;
    while (*end) end = &(*end)->next;
    s->conn = c;
    s->next = NULL;
    s->next_mine = c->subs;
    s->len = (uint16_t)name.len;
    s->pattern = pattern;
    memcpy(s->name, name.at, name.len);
    *end = c->subs = s;
    ++*count_of(c, pattern);
    return true;
}

static void drop(kv_conn *c, kv_sub **mine)
{
    kv_sub *s = *mine, **at = list_of(c->loop, name_of(s), s->pattern);
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    *mine = s->next_mine;
    --*count_of(c, s->pattern);
    s->next = c->loop->free_sub;
    c->loop->free_sub = s;
}

void kv_subs_drop(kv_conn *c)
{
    while (c->subs) drop(c, &c->subs);
}

static void reply(kv_conn *c, const kv_text *name)
{
    kv_push(&c->out, 3);
    kv_bulk(&c->out, kv_string(c->command->name));
    if (name) kv_bulk(&c->out, *name);
    else kv_null(&c->out);
    kv_number(&c->out, c->channels + c->patterns);
}

void kv_cmd_subscribe(kv_conn *c)
{
    bool pattern = c->command->arg;
    for (size_t k = 1; k < c->in.argc; k++) {
        kv_text name = kv_arg(c, k);
        if (add(c, name, pattern)) reply(c, &name);
        else kv_error(&c->out, "ERR too many subscriptions, or too long a name");
    }
}

void kv_cmd_unsubscribe(kv_conn *c)
{
    bool pattern = c->command->arg;
    for (size_t k = 1; k < c->in.argc; k++) {
        kv_text name = kv_arg(c, k);
        kv_sub **mine = find_mine(c, name, pattern);
        if (*mine) drop(c, mine);
        reply(c, &name);
    }
    if (c->in.argc > 1) return;
    if (*count_of(c, pattern) == 0) reply(c, NULL);
    for (kv_sub **mine = &c->subs; *mine;) {
        if ((*mine)->pattern != pattern) {
            mine = &(*mine)->next_mine;
            continue;
        }
        kv_text name = name_of(*mine); /* stays readable until somebody subscribes */
        drop(c, mine);
        reply(c, &name);
    }
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* To one subscriber; one that does not read what it gets is given up. */
static void deliver(const kv_sub *s, kv_conn *from)
{
    kv_conn *to = s->conn;
    kv_reply *r = &to->out;
    if (to->ended) return;
    kv_push(r, s->pattern ? 4 : 3);
    kv_bulk(r, kv_string(s->pattern ? "pmessage" : "message"));
    if (s->pattern) kv_bulk(r, name_of(s));
    kv_bulk(r, kv_arg(from, 1));
    kv_bulk(r, kv_arg(from, 2));
    from->errand.sum++;
    if (r->full) {
        (void)thetis_atomic_fetch_add_relaxed(&to->loop->server->count.overflows, 1);
        kv_conn_kill(to);
    } else if (to != from) {
        kv_conn_flush(to);
    }
}

static void visit_publish(kv_loop *l, kv_conn *from)
{
    kv_text channel = kv_arg(from, 1);
    for (const kv_sub *s = *list_of(l, channel, false); s; s = s->next) {
        if (kv_equal(name_of(s), channel)) deliver(s, from);
    }
    for (const kv_sub *s = l->patterns; s; s = s->next) {
        if (kv_glob(name_of(s), channel)) deliver(s, from);
    }
}

static void reply_sum(kv_conn *c)
{
    kv_number(&c->out, c->errand.sum);
}

static void ask(kv_conn *c, void (*visit)(kv_loop *at, kv_conn *conn), void (*done)(kv_conn *conn))
{
    c->errand.sum = 0;
    c->errand.names = (kv_names){.at = kv_errand_room(c), .room = c->in.room - c->in.len};
    kv_errand_start(c, visit, done);
}

void kv_cmd_publish(kv_conn *c)
{
    ask(c, visit_publish, reply_sum);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static size_t count_subs(kv_loop *l, kv_text channel)
{
    size_t n = 0;
    for (const kv_sub *s = *list_of(l, channel, false); s; s = s->next) {
        n += kv_equal(name_of(s), channel);
    }
    return n;
}

/* A count for each channel that is asked for. */
static void visit_numsub(kv_loop *l, kv_conn *from)
{
    char *at = kv_errand_room(from);
    for (size_t k = 2; k < from->in.argc; k++, at += sizeof(uint32_t)) {
        uint32_t n;
        memcpy(&n, at, sizeof n);
        n += (uint32_t)count_subs(l, kv_arg(from, k));
        memcpy(at, &n, sizeof n);
    }
}

static void reply_numsub(kv_conn *c)
{
    const char *at = kv_errand_room(c);
    kv_array(&c->out, 2 * (c->in.argc - 2));
    for (size_t k = 2; k < c->in.argc; k++, at += sizeof(uint32_t)) {
        uint32_t n;
        memcpy(&n, at, sizeof n);
        kv_bulk(&c->out, kv_arg(c, k));
        kv_number(&c->out, n);
    }
}

void kv_cmd_pubsub_numsub(kv_conn *c)
{
    size_t size = (c->in.argc - 2) * sizeof(uint32_t);
    if (size > c->in.room - c->in.len) {
        kv_error(&c->out, "ERR too many channels");
        return;
    }
    memset(kv_errand_room(c), 0, size);
    kv_errand_start(c, visit_numsub, reply_numsub);
}

/* A name once. */
static void note_name(kv_conn *c, kv_text name)
{
    kv_text other;
    for (size_t at = 0; kv_names_next(&c->errand.names, &at, &other);) {
        if (kv_equal(name, other)) return;
    }
    kv_names_add(&c->errand.names, name);
}

static void visit_channels(kv_loop *l, kv_conn *from)
{
    bool all = from->in.argc < 3;
    for (size_t k = 0; k < KV_CHANNEL_LISTS; k++) {
        for (const kv_sub *s = l->lists[k]; s; s = s->next) {
            if (all || kv_glob(kv_arg(from, 2), name_of(s))) note_name(from, name_of(s));
        }
    }
}

static void visit_patterns(kv_loop *l, kv_conn *from)
{
    for (const kv_sub *s = l->patterns; s; s = s->next) note_name(from, name_of(s));
}

static void reply_numpat(kv_conn *c)
{
    c->out.full |= c->errand.names.full;
    kv_number(&c->out, (int64_t)c->errand.names.count);
}

static void reply_channels(kv_conn *c)
{
    kv_text name;
    c->out.full |= c->errand.names.full;
    kv_array(&c->out, c->errand.names.count);
    for (size_t at = 0; kv_names_next(&c->errand.names, &at, &name);) kv_bulk(&c->out, name);
}

void kv_cmd_pubsub_numpat(kv_conn *c)
{
    ask(c, visit_patterns, reply_numpat);
}

void kv_cmd_pubsub_channels(kv_conn *c)
{
    kv_text name = kv_arg(c, 1);
    if (c->in.argc > 3) kv_error(&c->out, "ERR unknown subcommand or wrong number of arguments for "
                                 "'%.*s'. Try PUBSUB HELP.", (int)name.len, name.at);
    else ask(c, visit_channels, reply_channels);
}
