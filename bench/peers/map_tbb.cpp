/* SPDX-License-Identifier: MIT
 *
 * map_tbb.cpp: tbb::concurrent_hash_map, with its own hash and allocator.
 */
#include <stdint.h>
#include <tbb/concurrent_hash_map.h>

#define SUBJECT_VARIANT "tbb " PEER_VERSION ", concurrent_hash_map, accessors"

using subject_map = tbb::concurrent_hash_map<uint64_t, uint64_t>;

static subject_map *map;

static void subject_open(size_t keys)
{
    map = keys > 1 ? new subject_map(keys) : new subject_map;
}

static void subject_close()
{
    delete map;
}

static void subject_join(int)
{
}

static void subject_leave(int)
{
}

static inline int subject_find(int, uint64_t key, uint64_t *value)
{
    subject_map::const_accessor found;
    if (!map->find(found, key)) return 0;
    *value = found->second;
    return 1;
}

static inline int subject_put(int, uint64_t key, uint64_t value)
{
    subject_map::accessor there;
    map->insert(there, key);
    there->second = value;
    return 1;
}

static inline int subject_insert(int, uint64_t key, uint64_t value)
{
    return map->insert(subject_map::value_type(key, value));
}

static inline int subject_erase(int, uint64_t key)
{
    return map->erase(key);
}

static void subject_settle()
{
}

#include "../map.h"
