/* SPDX-License-Identifier: MIT
 *
 * bmap_tbb.cpp: tbb::concurrent_hash_map of std::string to std::string, with its own hash and
 * allocator.
 */
#include <string>
#include <tbb/concurrent_hash_map.h>

#include "../bmap_keys.h"

#define SUBJECT_VARIANT "tbb " PEER_VERSION ", concurrent_hash_map of strings, accessors"

using subject_map = tbb::concurrent_hash_map<std::string, std::string>;

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

static inline std::string subject_key(uint64_t number)
{
    char name[BMAP_KEY];
    const size_t len = bmap_key(name, number);
    return std::string(name, len);
}

static inline int subject_find(int, uint64_t number, uint64_t *value)
{
    subject_map::const_accessor found;
    char room[BMAP_VALUE];
    if (!map->find(found, subject_key(number))) return 0;
    memcpy(room, found->second.data(), sizeof room);
    *value = bmap_number(room);
    return 1;
}

static inline int subject_put(int, uint64_t number, uint64_t value)
{
    subject_map::accessor there;
    char room[BMAP_VALUE];
    bmap_value(room, value);
    map->insert(there, subject_key(number));
    there->second.assign(room, sizeof room);
    return 1;
}

static inline int subject_insert(int, uint64_t number, uint64_t value)
{
    char room[BMAP_VALUE];
    bmap_value(room, value);
    return map->insert(
        subject_map::value_type(subject_key(number), std::string(room, sizeof room)));
}

static inline int subject_erase(int, uint64_t number)
{
    return map->erase(subject_key(number));
}

static void subject_settle()
{
}

#include "../map.h"
