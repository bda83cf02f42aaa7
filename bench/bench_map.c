/* SPDX-License-Identifier: MIT
 *
 * bench_map.c: a map for 32 threads.
 */
#include <stdlib.h>
#include <thetis/map.h>
#include <thetis/version.h>

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", map of fixed size, 32 threads"
#define SUBJECT_FIXED

enum { THREADS = 32 };

static thetis_domain *domain;
static thetis_map *map;
static thetis_domain_thread *self[THREADS];
static void *memory[2];

static void *subject_memory(size_t size)
{
    size_t line = THETIS_CACHE_LINE;
    return aligned_alloc(line, (size + line - 1) / line * line);
}

static void subject_open(size_t keys)
{
    thetis_domain_cfg threads = {.threads = THREADS, .hazards = 1, .args = THETIS_MAP_ARGS};
    thetis_map_cfg cfg = {.capacity = keys + THREADS};
    size_t size[2] = {thetis_domain_size(&threads), thetis_map_size(&threads, &cfg)};
    for (int k = 0; k < 2; k++) memory[k] = subject_memory(size[k]);
    if (!memory[0] || !memory[1] ||
        thetis_domain_init(memory[0], size[0], &threads, &domain) != THETIS_OK ||
        thetis_map_init(memory[1], size[1], domain, &cfg, &map) != THETIS_OK)
        abort();
}

static void subject_close(void)
{
    for (int k = 0; k < 2; k++) free(memory[k]);
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
