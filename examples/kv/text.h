/* SPDX-License-Identifier: MIT
 *
 * text.h: pieces of text that are not ours, which may hold any byte.
 */
#ifndef KV_TEXT_H
#define KV_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kv_text {
    const char *at;
    size_t len;
} kv_text;

/* Of a string. */
kv_text kv_string(const char *string);

/* Bytes that are the same. */
bool kv_equal(kv_text a, kv_text b);

/* Is `a` this word, whatever the case of its letters? */
bool kv_word(kv_text a, const char *word);

/* A decimal as the protocol writes it: an optional minus, no leading zero, nothing else. */
bool kv_integer(kv_text text, int64_t *out);

/* A decimal fraction or exponent, "inf" too, of less than KV_FLOAT_MAX characters. */
bool kv_float(kv_text text, long double *out);
#define KV_FLOAT_MAX 5120

/* Does the text match the pattern of * ? [a-z] [^a] and \x? Its work is bounded by the product of
 * both lengths. */
bool kv_glob(kv_text pattern, kv_text text);

/* Names in a piece of memory, one behind the other, each with its length. */
typedef struct kv_names {
    char *at;
    size_t room, used, count;
    bool full; /* one did not fit */
} kv_names;

void kv_names_add(kv_names *names, kv_text name);

/* The name at *at, which is 0 at first; false: it was the last one. */
bool kv_names_next(const kv_names *names, size_t *at, kv_text *name);

#endif
