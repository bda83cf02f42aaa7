/* SPDX-License-Identifier: MIT
 *
 * bench_bmap.c: a map of bytes for 32 threads. It was made for its keys, and could grow.
 */
#include <stdlib.h>
#include <thetis/bmap.h>
#include <thetis/version.h>

#include "bmap_keys.h"

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", SipHash-1-3, 32 threads"

enum { THREADS = 32, MOST = 10000000 };

static thetis_domain *domain;
static thetis_bmap *map;
static thetis_domain_thread *self[THREADS];
static void *memory;

static void subject_open(size_t keys)
{
    thetis_domain_cfg threads = {THREADS, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};
    thetis_bmap_cfg cfg = {.capacity = keys, .key_max = BMAP_KEY, .value_max = BMAP_VALUE,
                           .capacity_max = keys > 1 ? keys + keys / 8 + THREADS : MOST,
                           .seed = {1, 2}};
    size_t size = thetis_domain_size(&threads), line = THETIS_CACHE_LINE;
    memory = aligned_alloc(line, (size + line - 1) / line * line);
    if (!memory || thetis_domain_init(memory, size, &threads, &domain) != THETIS_OK ||
        thetis_bmap_create(domain, &cfg, &map) != THETIS_OK)
        abort();
}

static void subject_close(void)
{
    thetis_bmap_destroy(map);
    free(memory);
}

static void subject_join(int who)
{
    if (thetis_domain_join(domain, &self[who]) != THETIS_OK) abort();
}

static void subject_leave(int who)
{
    thetis_domain_leave(self[who]);
}

static inline int subject_find(int who, uint64_t number, uint64_t *value)
{
    char name[BMAP_KEY], room[BMAP_VALUE];
    thetis_bmap_bytes key = {name, bmap_key(name, number)};
    thetis_bmap_value found = {.data = room, .room = sizeof room};
    if (thetis_bmap_find(map, self[who], key, &found) != THETIS_OK) return 0;
    *value = bmap_number(room);
    return 1;
}

static inline int subject_put(int who, uint64_t number, uint64_t value)
{
    char name[BMAP_KEY], room[BMAP_VALUE];
    thetis_bmap_bytes key = {name, bmap_key(name, number)}, bytes = {room, sizeof room};
    bmap_value(room, value);
    return thetis_bmap_put(map, self[who], key, bytes, NULL) == THETIS_OK;
}

static inline int subject_insert(int who, uint64_t number, uint64_t value)
{
    char name[BMAP_KEY], room[BMAP_VALUE];
    thetis_bmap_bytes key = {name, bmap_key(name, number)}, bytes = {room, sizeof room};
    bmap_value(room, value);
    return thetis_bmap_insert(map, self[who], key, bytes, NULL) == THETIS_OK;
}

static inline int subject_erase(int who, uint64_t number)
{
    char name[BMAP_KEY];
    thetis_bmap_bytes key = {name, bmap_key(name, number)};
    return thetis_bmap_erase(map, self[who], key, NULL) == THETIS_OK;
}

static void subject_settle(void)
{
}

#include "map.h"
