/* SPDX-License-Identifier: MIT
 *
 * resp.h: the protocol: requests out of bytes, replies into bytes; RESP2 and RESP3.
 *
 * The parser reads in place what has been received into its buffer, and goes on where it stopped,
 * however the bytes were cut. The writer knows the end of its buffer. Neither allocates.
 */
#ifndef KV_RESP_H
#define KV_RESP_H

#include "text.h"

enum {
    KV_LINE_MAX = 65536, /* bytes of an inline request */
    KV_COUNT_MAX = 32,   /* of a line with a length */
    KV_ARGS_MAX = 4096   /* arguments of a request */
};

/* ---- requests -------------------------------------------------------------------------------- */

typedef struct kv_span {
    uint32_t at, len; /* in the parser's buffer */
} kv_span;

typedef struct kv_parser {
    char *buffer;
    kv_span *args;         /* KV_ARGS_MAX */
    size_t room, bulk_max; /* bytes of the buffer, and that an argument may have */
    size_t len;            /* bytes received */
    size_t begin, at;      /* of the request; where to go on */
    size_t looked;         /* no end of a line before */
    size_t argc;
    int64_t left, bulk;    /* arguments to come; bytes of the one that comes, or -1 */
    const char *why;       /* of KV_GARBAGE */
    char found;            /* instead of what was expected; 0: does not matter */
    bool complete;         /* the request was handed out */
} kv_parser;

typedef enum kv_parsed {
    KV_MORE,    /* no whole request is there; there is room to receive more */
    KV_REQUEST, /* argc, args: valid until the next call */
    KV_GARBAGE  /* `why`; nothing can be read any more */
} kv_parsed;

/* For the next connection; keeps the memory. */
void kv_parser_reset(kv_parser *p);

kv_parsed kv_parse(kv_parser *p);

/* ---- replies --------------------------------------------------------------------------------- */

typedef struct kv_reply {
    char *buffer;
    size_t room, len;
    int version; /* 2 or 3 */
    bool full;   /* something did not fit: what was written since is no reply */
} kv_reply;

void kv_simple(kv_reply *r, const char *status);
void kv_error(kv_reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kv_number(kv_reply *r, int64_t n);
void kv_bulk(kv_reply *r, kv_text text);
void kv_bulk_number(kv_reply *r, int64_t n);
void kv_verbatim(kv_reply *r, kv_text text); /* a text for people */
void kv_null(kv_reply *r);
void kv_array(kv_reply *r, size_t elements);
void kv_map(kv_reply *r, size_t pairs);      /* in RESP2 an array of twice as many */
void kv_push(kv_reply *r, size_t elements);  /* what was not asked for; in RESP2 an array */

/* Puts `head` before what was written since `mark`: a count that was not known before. */
void kv_insert(kv_reply *r, size_t mark, const kv_reply *head);

#endif
