/* SPDX-License-Identifier: MIT
 *
 * bench_map.c: a map for 32 threads that may grow to 2^24 pairs.
 */
#include <stdlib.h>
#include <thetis/map.h>
#include <thetis/version.h>

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", map that may grow, 32 threads"

enum { THREADS = 32, MOST = 1 << 24 };

static thetis_domain *domain;
static thetis_map *map;
static thetis_domain_thread *self[THREADS];
static void *memory;

static void subject_open(size_t keys)
{
    thetis_domain_cfg threads = {.threads = THREADS, .hazards = 1, .args = THETIS_MAP_ARGS};
    thetis_map_cfg cfg = {.capacity = keys, .capacity_max = MOST};
    size_t size = thetis_domain_size(&threads), line = THETIS_CACHE_LINE;
    memory = aligned_alloc(line, (size + line - 1) / line * line);
    if (!memory || thetis_domain_init(memory, size, &threads, &domain) != THETIS_OK ||
        thetis_map_create(domain, &cfg, &map) != THETIS_OK)
        abort();
}

static void subject_close(void)
{
    thetis_map_destroy(map);
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

static inline int subject_find(int who, uint64_t key, uint64_t *value)
{
    uintptr_t found = 0;
    thetis_status s = thetis_map_find(map, self[who], (uintptr_t)key, &found);
    *value = found;
    return s == THETIS_OK;
}

static inline int subject_put(int who, uint64_t key, uint64_t value)
{
    return thetis_map_put(map, self[who], (uintptr_t)key, (uintptr_t)value, NULL) == THETIS_OK;
}

static inline int subject_insert(int who, uint64_t key, uint64_t value)
{
    return thetis_map_insert(map, self[who], (uintptr_t)key, (uintptr_t)value, NULL) == THETIS_OK;
}

static inline int subject_erase(int who, uint64_t key)
{
    return thetis_map_erase(map, self[who], (uintptr_t)key, NULL) == THETIS_OK;
}

static void subject_settle(void)
{
}

#include "map.h"
