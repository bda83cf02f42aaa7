/* SPDX-License-Identifier: MIT
 *
 * store_thetis.c: the store as a wait-free map from bytes to bytes, shared by all threads. No
 * thread ever waits for another one, wherever that may be stopped.
 *
 * In front of each value stand its time and the number of a place. The places, an array, are how
 * one finds all keys: each holds a key that is or was in the map, and a key whose record names
 * the place it was found at is there. Free places are in a ring of many producers and consumers.
 * A record keeps its key's place when it is replaced, unless two threads do that at once; so a scan
 * can miss, or see twice, a key that two threads write at the same moment.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/bmap.h>
#include <thetis/mpmc.h>

enum { CLASSES = 6, PART = 64, WORD = sizeof(uintptr_t), WORDS = KV_KEY_MAX / WORD,
       LINE = THETIS_CACHE_LINE };

typedef struct front {
    int64_t expires;
    uint64_t place;
} front;

_Static_assert(sizeof(front) == KV_FRONT, "it stands in front of the value");

struct kv_user {
    kv_store *store;
    thetis_domain_thread *me;
    thetis_mpmc_end free;
};

struct kv_store {
    kv_store_cfg cfg;
    thetis_domain *domain;
    thetis_bmap *map;
    thetis_mpmc *free;
    size_t places;
    thetis_atomic *lens, *keys; /* of the key, and 1 more; 0: the place is free */
    void *domain_memory, *free_memory;
    unsigned joined;
    kv_user users[];
};

static thetis_bmap_bytes bytes_of(kv_text key)
{
    return (thetis_bmap_bytes){key.at, key.len};
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Relaxed words: who reads a key asks the map whether it is right. */
static void note(kv_store *s, size_t place, kv_text key)
{
    for (size_t k = 0; k * WORD < key.len; k++) {
        uintptr_t word = 0;
        size_t left = key.len - k * WORD;
        memcpy(&word, key.at + k * WORD, left < WORD ? left : WORD);
        thetis_atomic_store_relaxed(&s->keys[place * WORDS + k], word);
    }
    thetis_atomic_store_relaxed(&s->lens[place], key.len + 1);
}

static bool take(kv_user *u, kv_text key, uint64_t *place)
{
    size_t k;
    if (thetis_mpmc_pop(&u->free, &k) != THETIS_OK) return false;
    note(u->store, k, key);
    *place = k;
    return true;
}

static void give(kv_user *u, uint64_t place)
{
    size_t k = place;
    thetis_atomic_store_relaxed(&u->store->lens[k], 0);
    (void)!thetis_mpmc_push(&u->free, &k); /* there is room for all */
}

/* The key that stands at a place, if the map says that it does. */
static void look_at(kv_user *u, size_t place, kv_seen_fn *seen, void *arg)
{
    kv_store *s = u->store;
    uintptr_t copy[WORDS];
    front f;
    thetis_bmap_value found = {.data = &f, .room = sizeof f};
    size_t len = thetis_atomic_load_relaxed(&s->lens[place]);
    if (len-- == 0) return;
    for (size_t k = 0; k * WORD < len; k++) {
        copy[k] = thetis_atomic_load_relaxed(&s->keys[place * WORDS + k]);
    }
    kv_text key = {(const char *)copy, len};
    thetis_status r = thetis_bmap_find(s->map, u->me, bytes_of(key), &found);
    if ((r == THETIS_OK || r == THETIS_E2BIG) && f.place == place) seen(arg, key, f.expires);
}

static size_t parts(kv_store *s)
{
    return (s->places + PART - 1) / PART;
}

static void scan(kv_user *u, size_t part, kv_seen_fn *seen, void *arg)
{
    size_t end = (part + 1) * PART;
    if (end > u->store->places) end = u->store->places;
    for (size_t k = part * PART; k < end; k++) look_at(u, k, seen, arg);
}

/* ---- values ---------------------------------------------------------------------------------- */

static front front_of(const kv_value *v)
{
    front f;
    memcpy(&f, v->data - sizeof f, sizeof f);
    return f;
}

/* The bytes of a record: the front, the value. */
static thetis_bmap_bytes record(const kv_value *v, uint64_t place)
{
    front f = {v->expires, place};
    memcpy(v->data - sizeof f, &f, sizeof f);
    return (thetis_bmap_bytes){v->data - sizeof f, v->len + sizeof f};
}

static thetis_status get(kv_user *u, kv_text key, kv_value *v)
{
    thetis_bmap_value found = {.data = v->data - KV_FRONT,
                               .room = KV_FRONT + u->store->cfg.value_max};
    v->version = 0;
    if (thetis_bmap_find(u->store->map, u->me, bytes_of(key), &found) != THETIS_OK) {
        return THETIS_ABSENT;
    }
    v->version = found.version;
    v->len = found.len - KV_FRONT;
    v->expires = front_of(v).expires;
    return THETIS_OK;
}

static thetis_status insert(kv_user *u, kv_text key, const kv_value *v)
{
    uint64_t place;
    if (!take(u, key, &place)) return THETIS_ENOMEM;
    thetis_status r = thetis_bmap_insert(u->store->map, u->me, bytes_of(key), record(v, place),
                                         NULL);
    if (r != THETIS_OK) give(u, place);
    return r == THETIS_EXISTS ? THETIS_MISMATCH : r;
}

static thetis_status replace(kv_user *u, kv_text key, const kv_value *v, uint64_t version,
                             uint64_t place)
{
    thetis_status r = thetis_bmap_cas(u->store->map, u->me, bytes_of(key), (uintptr_t)version,
                                      record(v, place));
    return r == THETIS_ABSENT ? THETIS_MISMATCH : r;
}

static thetis_status cas(kv_user *u, kv_text key, kv_value *v)
{
    return v->version == 0 ? insert(u, key, v)
                           : replace(u, key, v, v->version, front_of(v).place);
}

/* Wait-free: one try to keep the key's place, then with a new one whatever others do. */
static thetis_status put(kv_user *u, kv_text key, kv_value *v)
{
    front f;
    uint64_t place;
    thetis_bmap_value old = {.data = &f, .room = sizeof f};
    thetis_status r = thetis_bmap_find(u->store->map, u->me, bytes_of(key), &old);
    if (r == THETIS_OK || r == THETIS_E2BIG) {
        r = replace(u, key, v, old.version, f.place);
        if (r != THETIS_MISMATCH) return r;
    }
    if (!take(u, key, &place)) return THETIS_ENOMEM;
    r = thetis_bmap_put(u->store->map, u->me, bytes_of(key), record(v, place), &old);
    if (r != THETIS_OK) give(u, place);
    else if (old.version != 0) give(u, f.place);
    return r;
}

static thetis_status erase(kv_user *u, kv_text key, const kv_value *v)
{
    thetis_status r = thetis_bmap_discard(u->store->map, u->me, bytes_of(key),
                                          (uintptr_t)v->version);
    if (r == THETIS_OK) give(u, front_of(v).place);
    return r == THETIS_ABSENT ? THETIS_MISMATCH : r;
}

static size_t count(kv_store *s)
{
    return thetis_bmap_count(s->map);
}

/* ---- life ------------------------------------------------------------------------------------ */

static kv_user *join(kv_store *s)
{
    if (s->joined == s->cfg.threads) return NULL;
    kv_user *u = &s->users[s->joined++];
    u->store = s;
    bool ok = thetis_domain_join(s->domain, &u->me) == THETIS_OK &&
              thetis_mpmc_join(s->free, &u->free) == THETIS_OK;
    return ok ? u : NULL;
}

static void leave(kv_user *u)
{
    thetis_domain_leave(u->me);
    thetis_mpmc_leave(&u->free);
}

static void destroy(kv_store *s)
{
    thetis_bmap_destroy(s->map);
    free(s->domain_memory);
    free(s->free_memory);
    free(s->lens);
    free(s->keys);
    free(s);
}

/* Whole lines of memory. */
static void *lines(size_t size)
{
    return aligned_alloc(LINE, (size + LINE - 1) / LINE * LINE);
}

static bool make_domain(kv_store *s)
{
    thetis_domain_cfg cfg = {.threads = s->cfg.threads, .hazards = THETIS_BMAP_HAZARDS,
                             .args = THETIS_BMAP_ARGS};
    size_t size = thetis_domain_size(&cfg);
    s->domain_memory = lines(size);
    return s->domain_memory &&
           thetis_domain_init(s->domain_memory, size, &cfg, &s->domain) == THETIS_OK;
}

/* Of strangers' keys none can tell which of them share a bucket. */
static bool draw_seed(uint64_t seed[2])
{
    FILE *f = fopen("/dev/urandom", "rb");
    bool ok = f && fread(seed, sizeof seed[0], 2, f) == 2;
    if (f) (void)fclose(f);
    return ok;
}

static size_t whole_words(size_t bytes)
{
    return (bytes + WORD - 1) / WORD * WORD;
}

/* Classes of records, each four times as large as the one before, share the memory. */
static bool make_map(kv_store *s)
{
    thetis_bmap_cfg cfg = {.capacity = PART, .capacity_max = s->cfg.keys,
                           .key_max = KV_KEY_MAX, .value_max = s->cfg.value_max + KV_FRONT};
    size_t bytes = whole_words(cfg.key_max) + whole_words(cfg.value_max);
    for (size_t k = CLASSES; k-- > 0; bytes = whole_words(bytes / 4)) {
        size_t blocks = s->cfg.memory / CLASSES / bytes + 1;
        cfg.classes[k] = (thetis_bmap_class){bytes, blocks < s->cfg.keys ? blocks : s->cfg.keys};
    }
    return draw_seed(cfg.seed) && thetis_bmap_create(s->domain, &cfg, &s->map) == THETIS_OK;
}

static bool make_places(kv_store *s)
{
    thetis_mpmc_cfg cfg = {.elem_size = sizeof(size_t), .participants = s->cfg.threads};
    thetis_mpmc_end filler;
    cfg.capacity = s->places = s->cfg.keys + 2 * s->cfg.threads;
    size_t size = thetis_mpmc_size(&cfg);
    s->free_memory = size ? lines(size) : NULL;
    s->lens = calloc(s->places, sizeof *s->lens);
    s->keys = calloc(s->places * WORDS, sizeof *s->keys); /* pages that nobody uses are none */
    if (!s->free_memory || !s->lens || !s->keys ||
        thetis_mpmc_init(s->free_memory, size, &cfg, &s->free) != THETIS_OK ||
        thetis_mpmc_join(s->free, &filler) != THETIS_OK) return false;
    for (size_t k = 0; k < s->places; k++) {
        if (thetis_mpmc_push(&filler, &k) != THETIS_OK) return false;
    }
    thetis_mpmc_leave(&filler);
    return true;
}

static kv_store *create(const kv_store_cfg *cfg)
{
    kv_store *s = calloc(1, sizeof *s + cfg->threads * sizeof(kv_user));
    if (!s) return NULL;
    s->cfg = *cfg;
    if (make_domain(s) && make_map(s) && make_places(s)) return s;
    destroy(s);
    return NULL;
}

const kv_store_ops kv_store_thetis = {
    .name = "thetis", .create = create, .destroy = destroy, .join = join, .leave = leave,
    .get = get, .put = put, .cas = cas, .erase = erase, .count = count, .parts = parts,
    .scan = scan,
};
