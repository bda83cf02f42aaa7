/* SPDX-License-Identifier: MIT
 *
 * cmd_string.c: commands that read and write whole values, or parts of them.
 */
#include "cmd.h"

#include <string.h>

static kv_text bytes(const kv_value *v)
{
    return (kv_text){v->data, v->len};
}

/* A new value of a key; false: it is too long, which is the reply. */
static bool fits(kv_conn *c, uint64_t len)
{
    bool ok = len <= c->loop->server->cfg.table.value_max;
    if (!ok) {
        kv_error(&c->out, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    }
    return ok;
}

static void reply_value(kv_conn *c, const kv_value *v)
{
    if (v) kv_bulk(&c->out, bytes(v));
    else kv_null(&c->out);
}

void kv_cmd_get(kv_conn *c)
{
    reply_value(c, kv_look(c, kv_arg(c, 1)));
}

void kv_cmd_mget(kv_conn *c)
{
    kv_array(&c->out, c->in.argc - 1);
    for (size_t k = 1; k < c->in.argc; k++) reply_value(c, kv_look(c, kv_arg(c, k)));
}

void kv_cmd_strlen(kv_conn *c)
{
    const kv_value *v = kv_look(c, kv_arg(c, 1));
    kv_number(&c->out, v ? (int64_t)v->len : 0);
}

/* ---- SET and its relatives ------------------------------------------------------------------- */

enum {
    NX = 1, XX = 2, GET = 4, KEEPTTL = 8, PERSIST = 16, EX = 32, PX = 64, EXAT = 128, PXAT = 256,
    TIMES = EX | PX | EXAT | PXAT,
    NUMBER = 512 /* the reply is 1 or 0 */
};

typedef struct option {
    const char *word;
    unsigned bit, excludes;
    bool of_set, of_get; /* SET, GETEX */
    kv_unit unit;  /* of those that have a time */
} option;

static const option options[] = {
    {"NX", NX, XX, true, false, 0},
    {"XX", XX, NX, true, false, 0},
    {"GET", GET, 0, true, false, 0},
    {"KEEPTTL", KEEPTTL, PERSIST | TIMES, true, false, 0},
    {"PERSIST", PERSIST, KEEPTTL | TIMES, false, true, 0},
    {"EX", EX, KEEPTTL | PERSIST | (TIMES & ~EX), true, true, KV_SECONDS},
    {"PX", PX, KEEPTTL | PERSIST | (TIMES & ~PX), true, true, KV_MS},
    {"EXAT", EXAT, KEEPTTL | PERSIST | (TIMES & ~EXAT), true, true, KV_SECONDS_1970},
    {"PXAT", PXAT, KEEPTTL | PERSIST | (TIMES & ~PXAT), true, true, KV_MS_1970},
};

typedef struct change {
    unsigned flags;
    kv_unit unit;
    size_t time;     /* the argument that says it; 0: none */
    int64_t expires; /* what it says */
    kv_text bytes;
} change;

static const option *option_of(kv_text word, bool set, unsigned flags, bool more)
{
    for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
        const option *o = &options[k];
        bool may = (set ? o->of_set : o->of_get) && !(flags & o->excludes);
        if (may && kv_word(word, o->word) && (more || !(o->bit & TIMES))) return o;
    }
    return NULL;
}

/* The options from argument k on; else an error is the reply. */
static bool parse_options(kv_conn *c, size_t k, bool set, change *out)
{
    for (; k < c->in.argc; k++) {
        const option *o = option_of(kv_arg(c, k), set, out->flags, k + 1 < c->in.argc);
        if (!o) {
            kv_error(&c->out, "ERR syntax error");
            return false;
        }
        out->flags |= o->bit;
        if (!(o->bit & TIMES)) continue;
        out->unit = o->unit;
        out->time = ++k;
    }
    return true;
}

static bool parse_time(kv_conn *c, change *out)
{
    return !out->time || kv_arg_time(c, out->time, out->unit, &out->expires);
}

/* What SET replies if it is done, or not. */
static void reply_done(kv_conn *c, unsigned flags, bool done)
{
    if (flags & GET) return;
    if (flags & NUMBER) kv_number(&c->out, done);
    else if (done) kv_simple(&c->out, "OK");
    else kv_null(&c->out);
}

static kv_verdict set_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    const change *s = arg;
    bool done = !(s->flags & (there ? NX : XX));
    if (s->flags & GET) reply_value(c, there ? v : NULL);
    reply_done(c, s->flags, done);
    if (!done) return KV_KEEP;
    memcpy(v->data, s->bytes.at, s->bytes.len);
    v->len = s->bytes.len;
    if (!(s->flags & KEEPTTL)) v->expires = s->expires;
    return KV_WRITE;
}

static void set(kv_conn *c, const change *s)
{
    kv_text key = kv_arg(c, 1);
    if (s->flags & (NX | XX | GET | KEEPTTL)) kv_edit(c, key, set_edit, s);
    else if (kv_put(c, key, s->bytes, s->expires)) reply_done(c, s->flags, true);
}

void kv_cmd_set(kv_conn *c)
{
    change s = {.bytes = kv_arg(c, 2)};
    if (parse_options(c, 3, true, &s) && parse_time(c, &s)) set(c, &s);
}

void kv_cmd_setex(kv_conn *c)
{
    change s = {.bytes = kv_arg(c, 3), .time = 2, .unit = (kv_unit)c->command->arg};
    if (parse_time(c, &s)) set(c, &s);
}

void kv_cmd_setnx(kv_conn *c)
{
    set(c, &(change){.flags = NX | NUMBER, .bytes = kv_arg(c, 2)});
}

void kv_cmd_getset(kv_conn *c)
{
    set(c, &(change){.flags = GET, .bytes = kv_arg(c, 2)});
}

void kv_cmd_mset(kv_conn *c)
{
    if (c->in.argc % 2 == 0) {
        kv_error(&c->out, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    for (size_t k = 1; k < c->in.argc; k += 2) {
        if (!kv_put(c, kv_arg(c, k), kv_arg(c, k + 1), 0)) return;
    }
    kv_simple(&c->out, "OK");
}

/* ---- reading and changing at once ------------------------------------------------------------ */

static kv_verdict getdel_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    (void)arg;
    reply_value(c, there ? v : NULL);
    return there ? KV_ERASE : KV_KEEP;
}

void kv_cmd_getdel(kv_conn *c)
{
    kv_edit(c, kv_arg(c, 1), getdel_edit, NULL);
}

static kv_verdict getex_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    change s = *(const change *)arg;
    if (there && !parse_time(c, &s)) return KV_KEEP;
    reply_value(c, there ? v : NULL);
    if (!there || !(s.flags & (TIMES | PERSIST))) return KV_KEEP;
    if (s.flags & (EXAT | PXAT) && s.expires <= kv_now(c)) return KV_ERASE;
    v->expires = s.expires;
    return KV_WRITE;
}

void kv_cmd_getex(kv_conn *c)
{
    change s = {0};
    if (parse_options(c, 2, false, &s)) kv_edit(c, kv_arg(c, 1), getex_edit, &s);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static kv_verdict append_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    const kv_text *more = arg;
    (void)there;
    if (!fits(c, v->len + more->len)) return KV_KEEP;
    memcpy(v->data + v->len, more->at, more->len);
    v->len += more->len;
    kv_number(&c->out, (int64_t)v->len);
    return KV_WRITE;
}

void kv_cmd_append(kv_conn *c)
{
    kv_text more = kv_arg(c, 2);
    kv_edit(c, kv_arg(c, 1), append_edit, &more);
}

/* An index from the end is negative; the first that is not before the text. */
static int64_t index_of(int64_t k, int64_t len)
{
    if (k < 0) k += len;
    return k < 0 ? 0 : k;
}

void kv_cmd_getrange(kv_conn *c)
{
    int64_t first, last;
    if (!kv_arg_number(c, 2, &first) || !kv_arg_number(c, 3, &last)) return;
    const kv_value *v = kv_look(c, kv_arg(c, 1));
    int64_t len = v ? (int64_t)v->len : 0;
    bool none = first < 0 && last < 0 && first > last;
    first = index_of(first, len);
    last = index_of(last, len);
    if (last >= len) last = len - 1;
    if (none || first > last) kv_bulk(&c->out, kv_string(""));
    else kv_bulk(&c->out, (kv_text){v->data + first, (size_t)(last - first + 1)});
}

typedef struct part {
    size_t at;
    kv_text bytes;
} part;

static kv_verdict setrange_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    const part *p = arg;
    size_t end = p->at + p->bytes.len;
    (void)there;
    if (p->bytes.len > 0 && !fits(c, end)) return KV_KEEP;
    if (p->bytes.len > 0) {
        if (p->at > v->len) memset(v->data + v->len, 0, p->at - v->len);
        memcpy(v->data + p->at, p->bytes.at, p->bytes.len);
        if (end > v->len) v->len = end;
    }
    kv_number(&c->out, (int64_t)v->len);
    return p->bytes.len > 0 ? KV_WRITE : KV_KEEP;
}

void kv_cmd_setrange(kv_conn *c)
{
    int64_t at;
    if (!kv_arg_number(c, 2, &at)) return;
    if (at < 0) {
        kv_error(&c->out, "ERR offset is out of range");
        return;
    }
    part p = {(size_t)at, kv_arg(c, 3)};
    kv_edit(c, kv_arg(c, 1), setrange_edit, &p);
}
