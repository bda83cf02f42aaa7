/* SPDX-License-Identifier: MIT
 *
 * store.h: what the server asks of a table from keys to values; store_mutex.c and store_thetis.c
 * are two of them. All threads share one table; no function runs inside.
 *
 * A value has a version, which is another one after each change: who has computed a new value from
 * an old one puts it there only if the version is still the same, and else begins anew.
 */
#ifndef KV_STORE_H
#define KV_STORE_H

#include <thetis/status.h>

#include "text.h"

typedef struct kv_value {
    char *data;       /* memory of the caller, of value_max bytes, and KV_FRONT bytes before it,
                         where the store that gave the value may note something */
    size_t len;
    int64_t expires;  /* ms since 1970; 0: never */
    uint64_t version; /* 0: there is none */
} kv_value;

enum {
    KV_FRONT = 16,
    KV_KEY_MAX = 256 /* bytes of a key */
};

typedef struct kv_store_cfg {
    size_t keys, value_max; /* how many, and bytes of each */
    size_t memory;                   /* bytes for all of them */
    unsigned threads;
} kv_store_cfg;

typedef void kv_seen_fn(void *arg, kv_text key, int64_t expires);

typedef struct kv_store kv_store; /* one's own */
typedef struct kv_user kv_user;   /* a thread's place in it */

typedef struct kv_store_ops {
    const char *name;
    kv_store *(*create)(const kv_store_cfg *cfg); /* NULL: no memory */
    void (*destroy)(kv_store *store);
    kv_user *(*join)(kv_store *store); /* NULL: no place */
    void (*leave)(kv_user *user);
    /* OK, and `value` is a copy; ABSENT, and its version is 0 */
    thetis_status (*get)(kv_user *user, kv_text key, kv_value *value);
    /* whatever there was: OK, ENOMEM */
    thetis_status (*put)(kv_user *user, kv_text key, kv_value *value);
    /* if what get() has told is still so, the value's version: OK, MISMATCH, ENOMEM */
    thetis_status (*cas)(kv_user *user, kv_text key, kv_value *value);
    thetis_status (*erase)(kv_user *user, kv_text key, const kv_value *value);
    size_t (*count)(kv_store *store);
    /* The table in so many parts, which stay the same; `seen` may call nothing of the store. A key
     * that is there all the time is seen, unless the store says when not; one that comes or goes
     * meanwhile may be. */
    size_t (*parts)(kv_store *store);
    void (*scan)(kv_user *user, size_t part, kv_seen_fn *seen, void *arg);
} kv_store_ops;

extern const kv_store_ops kv_store_mutex, kv_store_thetis;

#endif
