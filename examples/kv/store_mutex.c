/* SPDX-License-Identifier: MIT
 *
 * store_mutex.c: the store as most people would write it: 64 tables with a mutex each. Blocking: a
 * thread that is stopped while it has a mutex stops all that want a key of the same table.
 *
 * A table has chains of entries. Entries come from its own memory: a list of free blocks for each
 * power of two, which are cut from what is left; nothing is joined again.
 */
#include "store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, SMALLEST = 6, CLASSES = 40 };

typedef struct entry {
    struct entry *next;
    uint64_t hash, version;
    int64_t expires;
    uint32_t key_len, len;
    char bytes[]; /* the key, the value */
} entry;

typedef struct shard {
    pthread_mutex_t mutex;
    entry **chains, *free[CLASSES];
    char *left;
    size_t room;
    uint64_t version;
    size_t count;
} shard;

struct kv_user {
    kv_store *store;
};

struct kv_store {
    shard shards[SHARDS];
    kv_user user; /* the same for all */
    size_t chains;
    entry **chain_memory;
    char *memory;
};

static uint64_t hash(kv_text key) /* FNV-1a, with its bits mixed once more */
{
    uint64_t h = 14695981039346656037u;
    for (size_t k = 0; k < key.len; k++) h = (h ^ (unsigned char)key.at[k]) * 1099511628211u;
    h = (h ^ (h >> 32)) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static unsigned class_of(size_t key_len, size_t len)
{
    unsigned c = SMALLEST;
    while (((size_t)1 << c) < sizeof(entry) + key_len + len) c++;
    return c;
}

static entry *take(shard *s, unsigned class)
{
    entry *e = s->free[class];
    size_t size = (size_t)1 << class;
    if (e) {
        s->free[class] = e->next;
    } else if (s->room >= size) {
        e = (void *)s->left;
        s->left += size;
        s->room -= size;
    }
    return e;
}

static void give(shard *s, entry *e)
{
    unsigned class = class_of(e->key_len, e->len);
    e->next = s->free[class];
    s->free[class] = e;
}

/* ---- entries --------------------------------------------------------------------------------- */

static shard *lock(kv_store *store, uint64_t h)
{
    shard *s = &store->shards[h % SHARDS];
    (void)pthread_mutex_lock(&s->mutex);
    return s;
}

static thetis_status unlock(shard *s, thetis_status status)
{
    (void)pthread_mutex_unlock(&s->mutex);
    return status;
}

/* What points to the key's entry, or to NULL. */
static entry **find(kv_store *store, shard *s, kv_text key, uint64_t h)
{
    entry **at = &s->chains[h / SHARDS % store->chains];
    while (*at && ((*at)->hash != h || !kv_equal(key, (kv_text){(*at)->bytes, (*at)->key_len}))) {
        at = &(*at)->next;
    }
    return at;
}

static void cut(shard *s, entry **at)
{
    entry *e = *at;
    *at = e->next;
    give(s, e);
    s->count--;
}

static thetis_status set(shard *s, entry **at, kv_text key, uint64_t h, const kv_value *v)
{
    entry *e = take(s, class_of(key.len, v->len));
    if (!e) return THETIS_ENOMEM;
    if (*at) cut(s, at);
    *e = (entry){.next = *at, .hash = h, .version = ++s->version, .expires = v->expires,
                 .key_len = (uint32_t)key.len, .len = (uint32_t)v->len};
    memcpy(e->bytes, key.at, key.len);
    memcpy(e->bytes + key.len, v->data, v->len);
    *at = e;
    s->count++;
    return THETIS_OK;
}

static thetis_status get(kv_user *user, kv_text key, kv_value *v)
{
    uint64_t h = hash(key);
    shard *s = lock(user->store, h);
    const entry *e = *find(user->store, s, key, h);
    v->version = e ? e->version : 0;
    if (!e) return unlock(s, THETIS_ABSENT);
    v->len = e->len;
    v->expires = e->expires;
    memcpy(v->data, e->bytes + e->key_len, e->len);
    return unlock(s, THETIS_OK);
}

static thetis_status put(kv_user *user, kv_text key, kv_value *v)
{
    uint64_t h = hash(key);
    shard *s = lock(user->store, h);
    return unlock(s, set(s, find(user->store, s, key, h), key, h, v));
}

static thetis_status cas(kv_user *user, kv_text key, kv_value *v)
{
    uint64_t h = hash(key);
    shard *s = lock(user->store, h);
    entry **at = find(user->store, s, key, h);
    bool same = v->version == (*at ? (*at)->version : 0);
    return unlock(s, same ? set(s, at, key, h, v) : THETIS_MISMATCH);
}

static thetis_status erase(kv_user *user, kv_text key, const kv_value *v)
{
    uint64_t h = hash(key);
    shard *s = lock(user->store, h);
    entry **at = find(user->store, s, key, h);
    bool same = *at && v->version == (*at)->version;
    if (same) cut(s, at);
    return unlock(s, same ? THETIS_OK : THETIS_MISMATCH);
}

static size_t count(kv_store *store)
{
    size_t n = 0;
    for (shard *s = store->shards; s < store->shards + SHARDS; s++) {
        (void)pthread_mutex_lock(&s->mutex);
        n += s->count;
        (void)unlock(s, THETIS_OK);
    }
    return n;
}

static size_t parts(kv_store *store)
{
    return SHARDS * store->chains;
}

static void scan(kv_user *user, size_t part, kv_seen_fn *seen, void *arg)
{
    shard *s = lock(user->store, part);
    for (entry *e = s->chains[part / SHARDS]; e; e = e->next) {
        seen(arg, (kv_text){e->bytes, e->key_len}, e->expires);
    }
    (void)unlock(s, THETIS_OK);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void destroy(kv_store *store)
{
    for (size_t k = 0; k < SHARDS; k++) (void)pthread_mutex_destroy(&store->shards[k].mutex);
    free(store->chain_memory);
    free(store->memory);
    free(store);
}

static kv_store *create(const kv_store_cfg *cfg)
{
    kv_store *store = calloc(1, sizeof *store);
    size_t room = cfg->memory / SHARDS / 64 * 64;
    if (!store) return NULL;
    store->user.store = store;
    store->chains = cfg->keys / SHARDS + 1;
    store->chain_memory = calloc(SHARDS * store->chains, sizeof *store->chain_memory);
    store->memory = calloc(SHARDS, room); /* pages that nobody uses are none */
    for (size_t k = 0; k < SHARDS; k++) {
        shard *s = &store->shards[k];
        (void)pthread_mutex_init(&s->mutex, NULL);
        s->chains = store->chain_memory + k * store->chains;
        s->left = store->memory + k * room;
        s->room = room;
    }
    if (store->chain_memory && store->memory) return store;
    destroy(store);
    return NULL;
}

static kv_user *join(kv_store *store)
{
    return &store->user;
}

static void leave(kv_user *user)
{
    (void)user;
}

const kv_store_ops kv_store_mutex = {
    .name = "mutex", .create = create, .destroy = destroy, .join = join, .leave = leave,
    .get = get, .put = put, .cas = cas, .erase = erase, .count = count, .parts = parts,
    .scan = scan,
};
