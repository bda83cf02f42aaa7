/* SPDX-License-Identifier: MIT
 *
 * parse.c: requests out of bytes, see resp.h.
 *
 *     *2 CRLF $3 CRLF GET CRLF $1 CRLF x CRLF      a request of programs
 *     GET "x" LF                                   one that people type
 */
#include "resp.h"

#include <ctype.h>
#include <string.h>

void kv_parser_reset(kv_parser *p)
{
    p->len = p->begin = p->at = p->looked = p->argc = 0;
    p->left = 0;
    p->bulk = -1;
    p->complete = true;
}

static kv_parsed garbage(kv_parser *p, const char *why)
{
    p->why = why;
    p->found = '\0';
    return KV_GARBAGE;
}

/* The line at p->at up to `end`, which is searched from where an earlier search stopped. */
static bool line(kv_parser *p, char end, kv_text *out)
{
    size_t from = p->looked > p->at ? p->looked : p->at;
    const char *found = memchr(p->buffer + from, end, p->len - from);
    p->looked = p->len;
    if (found == NULL) return false;
    *out = (kv_text){p->buffer + p->at, (size_t)(found - p->buffer) - p->at};
    p->looked = 0;
    return true;
}

/* A line "*3" or "$3" with its CR LF; the number behind the sign. */
static kv_parsed count(kv_parser *p, const char *too_big, const char *wrong, int64_t max,
                       int64_t *out)
{
    kv_text text;
    if (!line(p, '\r', &text)) {
        return p->len - p->at > KV_COUNT_MAX ? garbage(p, too_big) : KV_MORE;
    }
    size_t next = p->at + text.len + 2;
    if (text.len > KV_COUNT_MAX) return garbage(p, too_big);
    if (next > p->len) return KV_MORE;
    if (*wrong == '$' && text.at[0] != '$') {
        (void)garbage(p, "expected '$', got");
        p->found = text.len > 0 ? text.at[0] : '\r';
        return KV_GARBAGE;
    }
    text.at++, text.len--;
    if (!kv_integer(text, out) || *out > max || (*wrong == '$' && *out < 0)) {
        return garbage(p, wrong + (*wrong == '$'));
    }
    p->at = next;
    return KV_REQUEST;
}

/* The next argument of a request of programs. */
static kv_parsed argument(kv_parser *p)
{
    if (p->bulk < 0) {
        kv_parsed s = count(p, "too big bulk count string", "$invalid bulk length",
                            (int64_t)p->bulk_max, &p->bulk);
        if (s != KV_REQUEST) return s;
    }
    size_t next = p->at + (size_t)p->bulk + 2;
    if (next - p->begin > p->room) return garbage(p, "too big request");
    if (next > p->len) return KV_MORE;
    p->args[p->argc++] = (kv_span){(uint32_t)p->at, (uint32_t)p->bulk};
    p->at = next;
    p->bulk = -1;
    p->left--;
    return KV_REQUEST;
}

static kv_parsed arguments(kv_parser *p)
{
    if (p->left == 0) {
        kv_parsed s = count(p, "too big mbulk count string", "invalid multibulk length",
                            KV_ARGS_MAX, &p->left);
        if (s != KV_REQUEST) return s;
        if (p->left < 0) p->left = 0;
    }
    while (p->left > 0) {
        kv_parsed s = argument(p);
        if (s != KV_REQUEST) return s;
    }
    return KV_REQUEST;
}

/* ---- what people type ------------------------------------------------------------------------ */

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* What the escape behind a backslash at text[*k] means; moves to its last character. */
static char escape(kv_text text, size_t *k)
{
    static const char names[] = "nrtba", values[] = "\n\r\t\b\a";
    char c = text.at[++*k];
    if (c == 'x' && *k + 2 < text.len && hex(text.at[*k + 1]) >= 0 && hex(text.at[*k + 2]) >= 0) {
        *k += 2;
        return (char)(hex(text.at[*k - 1]) * 16 + hex(text.at[*k]));
    }
    const char *at = c ? strchr(names, c) : NULL;
    return at ? values[at - names] : c;
}

/* A part in quotes, whose first is at text[*k]; to `out`, which is not behind it. SIZE_MAX: the
 * last is missing, or something stands directly behind it. */
static size_t quoted(kv_text text, size_t *k, char *out)
{
    char quote = text.at[*k];
    size_t n = 0;
    while (++*k < text.len && text.at[*k] != quote) {
        bool more = *k + 1 < text.len && text.at[*k] == '\\';
        if (more && quote == '"') out[n++] = escape(text, k);
        else if (more && text.at[*k + 1] == quote) out[n++] = text.at[++*k];
        else out[n++] = text.at[*k];
    }
    if (*k >= text.len) return SIZE_MAX;
    ++*k;
    return *k < text.len && !isspace((unsigned char)text.at[*k]) ? SIZE_MAX : n;
}

/* One word, which is written over where it stood. */
static size_t word(kv_text text, size_t *k, char *out)
{
    size_t n = 0;
    while (*k < text.len && !isspace((unsigned char)text.at[*k])) {
        if (text.at[*k] == '"' || text.at[*k] == '\'') {
            size_t more = quoted(text, k, out + n);
            return more == SIZE_MAX ? more : n + more;
        }
        out[n++] = text.at[(*k)++];
    }
    return n;
}

static kv_parsed words(kv_parser *p)
{
    kv_text text;
    if (!line(p, '\n', &text)) {
        return p->len - p->at > KV_LINE_MAX ? garbage(p, "too big inline request") : KV_MORE;
    }
    size_t next = p->at + text.len + 1;
    if (text.len > KV_LINE_MAX) return garbage(p, "too big inline request");
    for (size_t k = 0;;) {
        while (k < text.len && isspace((unsigned char)text.at[k])) k++;
        if (k == text.len) break;
        size_t at = p->at + k, len = word(text, &k, p->buffer + at);
        if (len == SIZE_MAX) return garbage(p, "unbalanced quotes in request");
        if (p->argc == KV_ARGS_MAX) return garbage(p, "too many arguments");
        p->args[p->argc++] = (kv_span){(uint32_t)at, (uint32_t)len};
    }
    p->at = next;
    return KV_REQUEST;
}

/* ---- both ------------------------------------------------------------------------------------ */

/* Forgets the request that was handed out. */
static void begin(kv_parser *p)
{
    p->begin = p->at;
    p->argc = 0;
    p->complete = false;
}

/* Moves what is there of a request to the front, so that there is room. */
static kv_parsed more(kv_parser *p)
{
    size_t shift = p->begin;
    if (shift > 0 && (p->len == shift || p->room - p->len < p->room / 2)) {
        memmove(p->buffer, p->buffer + shift, p->len - shift);
        for (size_t k = 0; k < p->argc; k++) p->args[k].at -= (uint32_t)shift;
        p->len -= shift, p->at -= shift, p->begin = 0;
        p->looked = p->looked > shift ? p->looked - shift : 0;
    }
    return p->len == p->room ? garbage(p, "too big request") : KV_MORE;
}

kv_parsed kv_parse(kv_parser *p)
{
    if (p->complete) begin(p);
    for (;;) {
        if (p->at == p->len) return more(p);
        bool programs = p->left > 0 || p->buffer[p->at] == '*';
        kv_parsed s = programs ? arguments(p) : words(p);
        if (s == KV_MORE) return more(p);
        if (s == KV_GARBAGE) return s;
        p->complete = p->argc > 0;
        if (p->complete) return KV_REQUEST;
        begin(p); /* an empty request has no answer */
    }
}
