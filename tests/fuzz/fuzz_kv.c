/* SPDX-License-Identifier: MIT
 *
 * fuzz_kv.c: any bytes for the protocol of examples/kv. The verdict: no access outside of the
 * buffer, arguments that lie inside of it, and the same requests and the same end however the bytes
 * are cut.
 */
#include "examples/kv/resp.h"

#include "fuzz.h"

enum { BULK_MAX = 100 };

/* What was parsed, in one number. */
typedef struct heard {
    uint64_t sum;
    bool over;
} heard;

static void note(heard *h, const char *bytes, size_t len)
{
    for (size_t k = 0; k < len; k++) h->sum = (h->sum ^ (unsigned char)bytes[k]) * 1099511628211u;
    h->sum = (h->sum ^ len) * 1099511628211u;
}

static void note_request(heard *h, const kv_parser *p)
{
    kv_text last = {p->buffer, 0};
    for (size_t k = 0; k < p->argc; k++) {
        kv_text a = {p->buffer + p->args[k].at, p->args[k].len};
        int64_t n = 0;
        FUZZ_CHECK(p->args[k].at <= p->len && a.len <= p->len - p->args[k].at);
        note(h, a.at, a.len);
        h->sum += (uint64_t)kv_glob(a, last) + (uint64_t)kv_integer(a, &n) + (uint64_t)n;
        last = a;
    }
}

static void parse(heard *h, kv_parser *p)
{
    kv_parsed s = KV_MORE;
    while (!h->over && (s = kv_parse(p)) == KV_REQUEST) note_request(h, p);
    if (s != KV_GARBAGE) return;
    note(h, p->why, strlen(p->why));
    note(h, &p->found, 1);
    h->over = true;
}

/* The input in pieces of at most `piece` bytes, through a buffer of `room`, which is exact. */
static heard feed(fuzz_input in, size_t piece, size_t room)
{
    static kv_span spans[KV_ARGS_MAX];
    kv_parser p = {.buffer = malloc(room), .room = room, .bulk_max = BULK_MAX, .args = spans};
    heard h = {0};
    kv_parser_reset(&p);
    while (fuzz_more(&in) && !h.over) {
        size_t n = (size_t)(in.end - in.at) < piece ? (size_t)(in.end - in.at) : piece;
        FUZZ_CHECK(p.len < room);
        if (n > room - p.len) n = room - p.len;
        memcpy(p.buffer + p.len, in.at, n);
        in.at += n;
        p.len += n;
        parse(&h, &p);
    }
    free(p.buffer);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, data + size};
    size_t room = 16 + fuzz_byte(&in) % 128u, piece = 1 + fuzz_byte(&in) % 32u;
    heard whole = feed(in, size + 1, room), cut = feed(in, piece, room);
    FUZZ_CHECK(whole.over == cut.over && whole.sum == cut.sum);
    return 0;
}
