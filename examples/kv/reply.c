/* SPDX-License-Identifier: MIT
 *
 * reply.c: replies into bytes, see resp.h.
 */
#include "resp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_MAX = 32, ERROR_MAX = 512 };

static void put(kv_reply *r, const char *bytes, size_t len)
{
    if (len > r->room - r->len) {
        r->full = true;
        return;
    }
    memcpy(r->buffer + r->len, bytes, len);
    r->len += len;
}

static void header(kv_reply *r, char sign, int64_t n)
{
    char text[HEADER_MAX];
    put(r, text, (size_t)snprintf(text, sizeof text, "%c%" PRId64 "\r\n", sign, n));
}

void kv_simple(kv_reply *r, const char *status)
{
    put(r, "+", 1);
    put(r, status, strlen(status));
    put(r, "\r\n", 2);
}

/* A text of strangers may be in it, so no end of a line remains. */
void kv_error(kv_reply *r, const char *format, ...)
{
    char text[ERROR_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if (*c == '\r' || *c == '\n') *c = ' ';
    }
    put(r, "-", 1);
    put(r, text, strlen(text));
    put(r, "\r\n", 2);
}

void kv_number(kv_reply *r, int64_t n)
{
    header(r, ':', n);
}

void kv_bulk(kv_reply *r, kv_text text)
{
    header(r, '$', (int64_t)text.len);
    put(r, text.at, text.len);
    put(r, "\r\n", 2);
}

void kv_bulk_number(kv_reply *r, int64_t n)
{
    char text[HEADER_MAX];
    kv_bulk(r, (kv_text){text, (size_t)snprintf(text, sizeof text, "%" PRId64, n)});
}

void kv_verbatim(kv_reply *r, kv_text text)
{
    if (r->version < 3) {
        kv_bulk(r, text);
        return;
    }
    header(r, '=', (int64_t)text.len + 4);
    put(r, "txt:", 4);
    put(r, text.at, text.len);
    put(r, "\r\n", 2);
}

void kv_null(kv_reply *r)
{
    if (r->version < 3) put(r, "$-1\r\n", 5);
    else put(r, "_\r\n", 3);
}

void kv_array(kv_reply *r, size_t elements)
{
    header(r, '*', (int64_t)elements);
}

void kv_map(kv_reply *r, size_t pairs)
{
    if (r->version < 3) kv_array(r, 2 * pairs);
    else header(r, '%', (int64_t)pairs);
}

void kv_push(kv_reply *r, size_t elements)
{
    header(r, r->version < 3 ? '*' : '>', (int64_t)elements);
}

void kv_insert(kv_reply *r, size_t mark, const kv_reply *head)
{
    size_t end = r->len;
    put(r, head->buffer, head->len);
    if (r->full) return;
    memmove(r->buffer + mark + head->len, r->buffer + mark, end - mark);
    memcpy(r->buffer + mark, head->buffer, head->len);
}
