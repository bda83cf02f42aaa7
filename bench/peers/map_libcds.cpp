/* SPDX-License-Identifier: MIT
 *
 * map_libcds.cpp: cds::container::FeldmanHashMap with hazard pointers. The key is its own hash, as
 * the structure wants one that is different for each key.
 */
#include <cds/init.h>
#include <cds/version.h>

#include <cds/gc/hp.h>

#include <cds/container/feldman_hashmap_hp.h>
#include <stdint.h>

#define SUBJECT_VARIANT "libcds " CDS_VERSION_STRING ", FeldmanHashMap, HP"

struct subject_hash {
    uint64_t operator()(uint64_t key) const
    {
        return key;
    }
};

struct subject_traits : cds::container::feldman_hashmap::traits {
    typedef subject_hash hash;
};

using subject_map = cds::container::FeldmanHashMap<cds::gc::HP, uint64_t, uint64_t, subject_traits>;

static subject_map *map;

static void subject_open(size_t keys)
{
    static bool started = false;
    size_t bits = 4;
    if (!started) {
        cds::Initialize();
        (void)new cds::gc::HP(subject_map::c_nHazardPtrCount, 32);
        started = true;
    }
    while (bits < 24 && (size_t)1 << bits < keys) bits++;
    cds::threading::Manager::attachThread();
    map = new subject_map(bits, 4);
    cds::threading::Manager::detachThread();
}

static void subject_close()
{
    cds::threading::Manager::attachThread();
    delete map;
    cds::threading::Manager::detachThread();
}

static void subject_join(int)
{
    cds::threading::Manager::attachThread();
}

static void subject_leave(int)
{
    cds::threading::Manager::detachThread();
}

static inline int subject_find(int, uint64_t key, uint64_t *value)
{
    return map->find(key, [value](subject_map::value_type &pair) { *value = pair.second; });
}

static inline int subject_put(int, uint64_t key, uint64_t value)
{
    return map
        ->update(key, [value](subject_map::value_type &to, subject_map::value_type *) {
            to.second = value;
        })
        .first;
}

static inline int subject_insert(int, uint64_t key, uint64_t value)
{
    return map->insert(key, value);
}

static inline int subject_erase(int, uint64_t key)
{
    return map->erase(key);
}

static void subject_settle()
{
}

#include "../map.h"
