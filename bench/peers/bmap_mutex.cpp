/* SPDX-License-Identifier: MIT
 *
 * bmap_mutex.cpp: what one would write first: 64 times std::unordered_map of std::string to
 * std::string, each behind a mutex.
 */
#include <mutex>
#include <string>
#include <unordered_map>

#include "../bmap_keys.h"
#include "../threaded.h"

#define SUBJECT_VARIANT "64 x std::mutex and std::unordered_map of strings"

enum { SHARD_BITS = 6, SHARDS = 1 << SHARD_BITS };

struct alignas(128) subject_shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::string> map;
};

static subject_shard *shards;

static void subject_open(size_t keys)
{
    shards = new subject_shard[SHARDS];
    for (int k = 0; k < SHARDS; k++)
        if (keys > 1) shards[k].map.reserve(keys / SHARDS + keys / SHARDS / 16);
    bench_become_threaded();
}

static void subject_close()
{
    delete[] shards;
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

static inline subject_shard &subject_of(uint64_t number)
{
    return shards[number * 0x9E3779B97F4A7C15u >> (64 - SHARD_BITS)];
}

static inline int subject_find(int, uint64_t number, uint64_t *value)
{
    subject_shard &shard = subject_of(number);
    const std::string key = subject_key(number);
    char room[BMAP_VALUE];
    std::lock_guard<std::mutex> lock(shard.mutex);
    auto found = shard.map.find(key);
    if (found == shard.map.end()) return 0;
    memcpy(room, found->second.data(), sizeof room);
    *value = bmap_number(room);
    return 1;
}

static inline int subject_put(int, uint64_t number, uint64_t value)
{
    subject_shard &shard = subject_of(number);
    char room[BMAP_VALUE];
    bmap_value(room, value);
    std::string key = subject_key(number);
    std::lock_guard<std::mutex> lock(shard.mutex);
    shard.map[std::move(key)].assign(room, sizeof room);
    return 1;
}

static inline int subject_insert(int, uint64_t number, uint64_t value)
{
    subject_shard &shard = subject_of(number);
    char room[BMAP_VALUE];
    bmap_value(room, value);
    std::string key = subject_key(number), bytes(room, sizeof room);
    std::lock_guard<std::mutex> lock(shard.mutex);
    return shard.map.emplace(std::move(key), std::move(bytes)).second;
}

static inline int subject_erase(int, uint64_t number)
{
    subject_shard &shard = subject_of(number);
    const std::string key = subject_key(number);
    std::lock_guard<std::mutex> lock(shard.mutex);
    return shard.map.erase(key) == 1;
}

static void subject_settle()
{
}

#include "../map.h"
