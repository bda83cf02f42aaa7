/* SPDX-License-Identifier: MIT
 *
 * cmd_expire.c: commands about the time that a key has.
 */
#include "cmd.h"

static int64_t ms_of(kv_unit unit)
{
    return unit == KV_SECONDS || unit == KV_SECONDS_1970 ? 1000 : 1;
}

static int64_t base_of(const kv_conn *c, kv_unit unit)
{
    return unit == KV_SECONDS || unit == KV_MS ? kv_now(c) : 0;
}

static bool invalid_time(kv_conn *c)
{
    kv_error(&c->out, "ERR invalid expire time in '%s' command", c->command->name);
    return false;
}

/* In ms since 1970, if that fits. */
static bool absolute(kv_conn *c, kv_unit unit, int64_t n, int64_t *out)
{
    int64_t ms = ms_of(unit), base = base_of(c, unit);
    if (n > INT64_MAX / ms || n < INT64_MIN / ms || n * ms > INT64_MAX - base) return false;
    *out = n * ms + base;
    return true;
}

bool kv_arg_time(kv_conn *c, size_t k, kv_unit unit, int64_t *out)
{
    int64_t n;
    if (!kv_arg_number(c, k, &n)) return false;
    return (n > 0 && absolute(c, unit, n, out)) || invalid_time(c);
}

/* ---- EXPIRE and its relatives ---------------------------------------------------------------- */

enum { NX = 1, XX = 2, GT = 4, LT = 8 };

typedef struct deadline {
    unsigned flags;
    int64_t at;
} deadline;

static bool parse_flags(kv_conn *c, unsigned *flags)
{
    static const char *const words[] = {"NX", "XX", "GT", "LT"};
    *flags = 0;
    for (size_t k = 3; k < c->in.argc; k++) {
        kv_text a = kv_arg(c, k);
        unsigned bit = 0;
        while (bit < 4 && !kv_word(a, words[bit])) bit++;
        if (bit == 4) {
            kv_error(&c->out, "ERR Unsupported option %.*s", (int)a.len, a.at);
            return false;
        }
        *flags |= 1u << bit;
    }
    if (*flags & NX && *flags & (XX | GT | LT)) {
        kv_error(&c->out, "ERR NX and XX, GT or LT options at the same time are not compatible");
    } else if (*flags & GT && *flags & LT) {
        kv_error(&c->out, "ERR GT and LT options at the same time are not compatible");
    } else {
        return true;
    }
    return false;
}

/* A key without an end ends later than any other. */
static bool wanted(const deadline *d, int64_t old)
{
    if (d->flags & NX && old != 0) return false;
    if (d->flags & XX && old == 0) return false;
    if (d->flags & GT && (old == 0 || d->at <= old)) return false;
    return !(d->flags & LT) || old == 0 || d->at < old;
}

static kv_verdict expire_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    const deadline *d = arg;
    bool yes = there && wanted(d, v->expires);
    kv_number(&c->out, yes);
    if (!yes) return KV_KEEP;
    v->expires = d->at;
    return d->at <= kv_now(c) ? KV_ERASE : KV_WRITE;
}

void kv_cmd_expire(kv_conn *c)
{
    deadline d;
    int64_t n;
    if (!parse_flags(c, &d.flags) || !kv_arg_number(c, 2, &n)) return;
    if (!absolute(c, (kv_unit)c->command->arg, n, &d.at)) (void)invalid_time(c);
    else kv_edit(c, kv_arg(c, 1), expire_edit, &d);
}

static kv_verdict persist_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    bool yes = there && v->expires != 0;
    (void)arg;
    kv_number(&c->out, yes);
    v->expires = 0;
    return yes ? KV_WRITE : KV_KEEP;
}

void kv_cmd_persist(kv_conn *c)
{
    kv_edit(c, kv_arg(c, 1), persist_edit, NULL);
}

void kv_cmd_ttl(kv_conn *c)
{
    const kv_value *v = kv_look(c, kv_arg(c, 1));
    kv_unit unit = (kv_unit)c->command->arg;
    int64_t ms = ms_of(unit);
    if (!v || v->expires == 0) kv_number(&c->out, v ? -1 : -2);
    else kv_number(&c->out, (v->expires - base_of(c, unit) + ms / 2) / ms);
}
