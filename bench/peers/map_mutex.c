/* SPDX-License-Identifier: MIT
 *
 * map_mutex.c: what one would write first: 64 tables with linear probing, each behind a mutex; one
 * that is three quarters full doubles.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "../threaded.h"

#define SUBJECT_VARIANT "64 x pthread_mutex_t and linear probing"

enum { SHARD_BITS = 6, SHARDS = 1 << SHARD_BITS };

typedef struct subject_pair {
    uint64_t key, value; /* key 0: a free place */
} subject_pair;

typedef struct subject_shard {
    pthread_mutex_t mutex;
    size_t n, mask;
    subject_pair *pair;
} __attribute__((aligned(128))) subject_shard;

static subject_shard shards[SHARDS];

static inline uint64_t subject_hash(uint64_t key)
{
    key = (key ^ key >> 32) * 0x9E3779B97F4A7C15u;
    return key ^ key >> 32;
}

static subject_pair *subject_places(size_t n)
{
    subject_pair *pair = calloc(n, sizeof *pair);
    if (!pair) abort();
    return pair;
}

static void subject_open(size_t keys)
{
    size_t places = 4;
    while (places * SHARDS * 3 / 4 < keys + keys / 16) places *= 2;
    for (int k = 0; k < SHARDS; k++) {
        shards[k] = (subject_shard){.mask = places - 1, .pair = subject_places(places)};
        pthread_mutex_init(&shards[k].mutex, NULL);
    }
    bench_become_threaded();
}

static void subject_close(void)
{
    for (int k = 0; k < SHARDS; k++) free(shards[k].pair);
}

static void subject_join(int who)
{
    (void)who;
}

static void subject_leave(int who)
{
    (void)who;
}

static inline subject_shard *subject_lock(uint64_t hash)
{
    subject_shard *shard = &shards[hash >> (64 - SHARD_BITS)];
    pthread_mutex_lock(&shard->mutex);
    return shard;
}

/* The key's place, or the free one where it would be. */
static inline subject_pair *subject_place(const subject_shard *shard, uint64_t key, uint64_t hash)
{
    size_t at = hash & shard->mask;
    while (shard->pair[at].key && shard->pair[at].key != key) at = (at + 1) & shard->mask;
    return &shard->pair[at];
}

static inline int subject_find(int who, uint64_t key, uint64_t *value)
{
    uint64_t hash = subject_hash(key);
    subject_shard *shard = subject_lock(hash);
    const subject_pair *pair = subject_place(shard, key, hash);
    int there = pair->key != 0;
    *value = pair->value;
    pthread_mutex_unlock(&shard->mutex);
    (void)who;
    return there;
}

static void subject_grow(subject_shard *shard)
{
    subject_pair *old = shard->pair;
    size_t n = shard->mask + 1;
    shard->pair = subject_places(2 * n);
    shard->mask = 2 * n - 1;
    for (size_t k = 0; k < n; k++)
        if (old[k].key) *subject_place(shard, old[k].key, subject_hash(old[k].key)) = old[k];
    free(old);
}

/* 1: it was not there. */
static inline int subject_store(uint64_t key, uint64_t value, int replaces)
{
    uint64_t hash = subject_hash(key);
    subject_shard *shard = subject_lock(hash);
    subject_pair *pair = subject_place(shard, key, hash);
    int new = pair->key == 0;
    if (new && shard->n++ >= (shard->mask + 1) / 4 * 3) {
        subject_grow(shard);
        pair = subject_place(shard, key, hash);
    }
    if (new || replaces) *pair = (subject_pair){key, value};
    pthread_mutex_unlock(&shard->mutex);
    return new;
}

static inline int subject_put(int who, uint64_t key, uint64_t value)
{
    (void)who;
    (void)subject_store(key, value, 1);
    return 1;
}

static inline int subject_insert(int who, uint64_t key, uint64_t value)
{
    (void)who;
    return subject_store(key, value, 0);
}

/* Moves back what would not be found behind a free place. */
static void subject_close_gap(subject_shard *shard, size_t gap)
{
    for (size_t at = (gap + 1) & shard->mask; shard->pair[at].key; at = (at + 1) & shard->mask) {
        size_t home = subject_hash(shard->pair[at].key) & shard->mask;
        if (((at - home) & shard->mask) < ((at - gap) & shard->mask)) continue;
        shard->pair[gap] = shard->pair[at];
        gap = at;
    }
    shard->pair[gap] = (subject_pair){0, 0};
}

static inline int subject_erase(int who, uint64_t key)
{
    uint64_t hash = subject_hash(key);
    subject_shard *shard = subject_lock(hash);
    subject_pair *pair = subject_place(shard, key, hash);
    int there = pair->key != 0;
    if (there) {
        subject_close_gap(shard, (size_t)(pair - shard->pair));
        shard->n--;
    }
    pthread_mutex_unlock(&shard->mutex);
    (void)who;
    return there;
}

static void subject_settle(void)
{
}

#include "../map.h"
