/* SPDX-License-Identifier: MIT
 *
 * map_ck.c: ck_ht with keys and values in the table (CK_HT_MODE_DIRECT). It has one writer: where
 * threads write at once, it takes no part. An old table is freed when its successor is there,
 * which one thread may do.
 */
#include <ck_ht.h>
#include <stdint.h>
#include <stdlib.h>

#define SUBJECT_VARIANT "ck " PEER_VERSION ", ck_ht, direct, one writer only"

static ck_ht_t map;

static void *subject_malloc(size_t size)
{
    return malloc(size);
}

static void subject_free(void *p, size_t size, bool defer)
{
    (void)size;
    (void)defer;
    free(p);
}

static void subject_hash(ck_ht_hash_t *h, const void *key, size_t length, uint64_t seed)
{
    uint64_t k = *(const uint64_t *)key ^ seed;
    (void)length;
    k = (k ^ k >> 32) * 0x9E3779B97F4A7C15u;
    h->value = k ^ k >> 32;
}

static void subject_open(size_t keys)
{
    static struct ck_malloc allocator = {.malloc = subject_malloc, .free = subject_free};
    if (!ck_ht_init(&map, CK_HT_MODE_DIRECT, subject_hash, &allocator, keys > 8 ? keys : 8, 1))
        abort();
}

static void subject_close(void)
{
    ck_ht_destroy(&map);
}

static void subject_join(int who)
{
    (void)who;
}

static void subject_leave(int who)
{
    (void)who;
}

static inline ck_ht_hash_t subject_hashed(uint64_t key)
{
    ck_ht_hash_t h;
    ck_ht_hash_direct(&h, &map, key);
    return h;
}

static inline int subject_find(int who, uint64_t key, uint64_t *value)
{
    ck_ht_entry_t entry;
    (void)who;
    ck_ht_entry_key_set_direct(&entry, key);
    if (!ck_ht_get_spmc(&map, subject_hashed(key), &entry)) return 0;
    *value = ck_ht_entry_value_direct(&entry);
    return 1;
}

static inline int subject_put(int who, uint64_t key, uint64_t value)
{
    ck_ht_entry_t entry;
    ck_ht_hash_t h = subject_hashed(key);
    (void)who;
    ck_ht_entry_set_direct(&entry, h, key, value);
    return ck_ht_set_spmc(&map, h, &entry);
}

static inline int subject_insert(int who, uint64_t key, uint64_t value)
{
    ck_ht_entry_t entry;
    ck_ht_hash_t h = subject_hashed(key);
    (void)who;
    ck_ht_entry_set_direct(&entry, h, key, value);
    return ck_ht_put_spmc(&map, h, &entry);
}

static inline int subject_erase(int who, uint64_t key)
{
    ck_ht_entry_t entry;
    (void)who;
    ck_ht_entry_key_set_direct(&entry, key);
    return ck_ht_remove_spmc(&map, subject_hashed(key), &entry);
}

static void subject_settle(void)
{
}

#include "../map.h"
