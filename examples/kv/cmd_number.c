/* SPDX-License-Identifier: MIT
 *
 * cmd_number.c: commands that count.
 */
#include "cmd.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static kv_verdict add_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    int64_t more = *(const int64_t *)arg, n = 0;
    if (there && !kv_integer((kv_text){v->data, v->len}, &n)) {
        kv_error(&c->out, "ERR value is not an integer or out of range");
        return KV_KEEP;
    }
    if (more < 0 ? n < INT64_MIN - more : n > INT64_MAX - more) {
        kv_error(&c->out, "ERR increment or decrement would overflow");
        return KV_KEEP;
    }
    char text[32];
    v->len = (size_t)snprintf(text, sizeof text, "%" PRId64, n + more);
    memcpy(v->data, text, v->len);
    kv_number(&c->out, n + more);
    return KV_WRITE;
}

void kv_cmd_add_one(kv_conn *c)
{
    int64_t more = c->command->arg;
    kv_edit(c, kv_arg(c, 1), add_edit, &more);
}

void kv_cmd_add_by(kv_conn *c)
{
    int64_t more;
    if (!kv_arg_number(c, 2, &more)) return;
    if (c->command->arg < 0 && more == INT64_MIN) {
        kv_error(&c->out, "ERR decrement would overflow");
        return;
    }
    more *= c->command->arg;
    kv_edit(c, kv_arg(c, 1), add_edit, &more);
}

/* With 17 digits behind the point, but no zeros at the end. */
static size_t print(char *text, size_t room, long double x)
{
    size_t n = (size_t)snprintf(text, room, "%.17Lf", x);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    if (n == 2 && memcmp(text, "-0", 2) == 0) text[0] = '0', n = 1;
    return n;
}

static kv_verdict add_float_edit(kv_conn *c, kv_value *v, bool there, const void *arg)
{
    kv_text more = kv_arg(c, 2);
    char text[KV_FLOAT_MAX];
    long double x = 0, y;
    (void)arg;
    if ((there && !kv_float((kv_text){v->data, v->len}, &x)) || !kv_float(more, &y)) {
        kv_error(&c->out, "ERR value is not a valid float");
        return KV_KEEP;
    }
    x += y;
    if (!isfinite(x)) {
        kv_error(&c->out, "ERR increment would produce NaN or Infinity");
        return KV_KEEP;
    }
    v->len = print(text, sizeof text, x);
    memcpy(v->data, text, v->len);
    kv_bulk(&c->out, (kv_text){text, v->len});
    return KV_WRITE;
}

void kv_cmd_incrbyfloat(kv_conn *c)
{
    kv_edit(c, kv_arg(c, 1), add_float_edit, NULL);
}
