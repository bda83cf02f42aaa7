/* SPDX-License-Identifier: MIT
 *
 * test_bmap.c: the map of bytes in one thread, where every answer is exact, against an array that
 * has the same values; what it refuses; what full classes, full buckets and lengths at their ends
 * do.
 */
#include "bmap_rig.h"

enum { BMAP_KEYS = 300 };

/* ---- one operation after the other ----------------------------------------------------------- */

static const thetis_bmap_cfg bmap_small = {.capacity = 100, .key_max = BMAP_KEY,
                                           .value_max = BMAP_VALUE};

/* OK, and this text. */
static void bmap_has(const bmap_rig *rig, const char *key, const char *value)
{
    char room[BMAP_VALUE];
    thetis_bmap_value found = {.data = room, .room = sizeof room};
    CHECK_EQ(thetis_bmap_find(rig->map, rig->me, bmap_text(key), &found), THETIS_OK);
    CHECK_EQ(found.len, strlen(value));
    CHECK(memcmp(room, value, found.len) == 0);
    CHECK(found.version != 0);
}

TEST(every_operation_says_what_it_found)
{
    bmap_rig rig = bmap_make(&bmap_small);
    char room[BMAP_VALUE];
    thetis_bmap_value v = {.data = room, .room = sizeof room, .len = 7, .version = 9};
    thetis_bmap_bytes key = bmap_text("key"), a = bmap_text("a"), bb = bmap_text("bb");
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, key, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_bmap_replace(rig.map, rig.me, key, a, &v), THETIS_ABSENT);
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, 8, a), THETIS_ABSENT);
    CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, key, 8), THETIS_ABSENT);
    CHECK(v.len == 7 && v.version == 9);
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, a, &v), THETIS_OK);
    uintptr_t first = v.version;
    CHECK(v.len == 7 && first != 9);
    bmap_has(&rig, "key", "a");
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, bb, &v), THETIS_EXISTS);
    CHECK(v.len == 1 && room[0] == 'a' && v.version == first);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, bb, &v), THETIS_OK);
    CHECK(v.len == 1 && room[0] == 'a' && v.version == first);
    CHECK_EQ(thetis_bmap_replace(rig.map, rig.me, key, a, &v), THETIS_OK);
    CHECK(v.len == 2 && room[0] == 'b' && room[1] == 'b');
    CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, key, &v), THETIS_OK);
    CHECK(v.len == 1 && room[0] == 'a');
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, bb, &v), THETIS_OK);
    CHECK_EQ(v.version, 0);
    CHECK_EQ(bmap_records(&rig), 1);
    CHECK_EQ(thetis_bmap_count(rig.map), 1);
    bmap_end(&rig);
}

TEST(a_version_is_that_of_one_record)
{
    bmap_rig rig = bmap_make(&bmap_small);
    thetis_bmap_value v = {.len = 0};
    thetis_bmap_bytes key = bmap_text("key"), a = bmap_text("a"), b = bmap_text("b");
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, a, &v), THETIS_OK);
    uintptr_t first = v.version;
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, first + 8, b), THETIS_MISMATCH);
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, first, b), THETIS_OK);
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, first, a), THETIS_MISMATCH);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, a, NULL), THETIS_OK);
    CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, key, first), THETIS_MISMATCH);
    bmap_has(&rig, "key", "a");
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, &v), THETIS_E2BIG);
    CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, key, v.version), THETIS_OK);
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, &v), THETIS_ABSENT);
    for (unsigned k = 0; k < 1000; k++) { /* the same few blocks, over and over */
        CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, a, &v), THETIS_OK);
        CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, first, b), THETIS_MISMATCH);
        CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, key, v.version), THETIS_OK);
    }
    bmap_end(&rig);
}

TEST(results_that_nobody_wants)
{
    bmap_rig rig = bmap_make(&bmap_small);
    thetis_bmap_bytes key = bmap_text("k"), value = bmap_text("value");
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, NULL), THETIS_ABSENT);
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, value, NULL), THETIS_OK);
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, value, NULL), THETIS_EXISTS);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, value, NULL), THETIS_OK);
    CHECK_EQ(thetis_bmap_replace(rig.map, rig.me, key, value, NULL), THETIS_OK);
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, NULL), THETIS_OK);
    CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, key, NULL), THETIS_OK);
    bmap_end(&rig);
}

/* What the array knows of a key. */
typedef struct bmap_item {
    bool there;
    size_t number, len;
    uintptr_t version;
} bmap_item;

/* What map and array do with the same key. */
static void bmap_step(bmap_rig *rig, bmap_item *items, uint64_t *random)
{
    size_t n = test_rand(random) % BMAP_KEYS, new = test_rand(random) % 1000;
    size_t len = test_rand(random) % (test_rand(random) % 4 ? 20 : BMAP_VALUE + 1);
    unsigned char old[BMAP_VALUE], fresh[BMAP_VALUE];
    char name[BMAP_KEY];
    thetis_bmap_value got = {.data = old, .room = sizeof old};
    thetis_bmap_bytes key = bmap_key_of(name, n), value = bmap_value_of(fresh, new, len);
    bmap_item *item = &items[n], was = *item;
    thetis_status s, there = was.there ? THETIS_OK : THETIS_ABSENT;
    bool writes = true;
    switch (test_rand(random) % 6) {
    case 0:
        s = thetis_bmap_insert(rig->map, rig->me, key, value, &got);
        CHECK_EQ(s, was.there ? THETIS_EXISTS : THETIS_OK);
        writes = !was.there;
        break;
    case 1:
        CHECK_EQ(thetis_bmap_put(rig->map, rig->me, key, value, &got), THETIS_OK);
        CHECK(was.there || got.version == 0);
        break;
    case 2:
        s = thetis_bmap_cas(rig->map, rig->me, key, was.version + (new & 1), value);
        CHECK_EQ(s, !was.there ? THETIS_ABSENT : new & 1 ? THETIS_MISMATCH : THETIS_OK);
        got.version = 0;
        writes = s == THETIS_OK;
        break;
    case 3:
        CHECK_EQ(thetis_bmap_replace(rig->map, rig->me, key, value, &got), there);
        writes = was.there;
        break;
    case 4:
        CHECK_EQ(thetis_bmap_find(rig->map, rig->me, key, &got), there);
        writes = false;
        break;
    default:
        CHECK_EQ(thetis_bmap_erase(rig->map, rig->me, key, &got), there);
        item->there = writes = false;
    }
    if (was.there && got.version) bmap_expect(&got, was.number, was.len);
    if (writes) *item = (bmap_item){true, new, len, 0};
    if (item->there) CHECK(thetis_bmap_find(rig->map, rig->me, key, &got) == THETIS_OK);
    item->version = got.version;
}

static void bmap_against_array(const thetis_bmap_cfg *cfg, size_t steps)
{
    static bmap_item items[BMAP_KEYS];
    bmap_rig rig = bmap_make(cfg);
    uint64_t random = test_seed();
    size_t records = 0;
    for (size_t k = 0; k < steps; k++) bmap_step(&rig, items, &random);
    for (size_t k = 0; k < BMAP_KEYS; k++) records += items[k].there;
    CHECK_EQ(bmap_records(&rig), records);
    CHECK_EQ(thetis_bmap_count(rig.map), records);
    bmap_end(&rig);
}

TEST(as_an_array)
{
    bmap_against_array(&(thetis_bmap_cfg){.capacity = BMAP_KEYS, .key_max = BMAP_KEY,
                                          .value_max = BMAP_VALUE, .seed = {test_seed(), 1}},
                       50000);
}

TEST(as_an_array_that_grows)
{
    bmap_against_array(&(thetis_bmap_cfg){.capacity = 1, .capacity_max = BMAP_KEYS,
                                          .key_max = BMAP_KEY, .value_max = BMAP_VALUE},
                       50000);
}

/* Different keys with the same hash, up to 8 of them. */
static uintptr_t bmap_poor_hash(const void *key, size_t len)
{
    const char *digits = key;
    return len < 5 ? 0 : (uintptr_t)(digits[2] * 100 + digits[1] * 10 + digits[0]) / 8;
}

TEST(as_an_array_with_a_poor_hash)
{
    bmap_against_array(&(thetis_bmap_cfg){.capacity = BMAP_KEYS, .key_max = BMAP_KEY,
                                          .value_max = BMAP_VALUE, .hash = bmap_poor_hash},
                       50000);
}

/* ---- lengths --------------------------------------------------------------------------------- */

/* All lengths of keys and values, with 0 and the longest. */
TEST(any_length)
{
    bmap_rig rig = bmap_make(&bmap_small);
    unsigned char name[BMAP_KEY], fresh[BMAP_VALUE], room[BMAP_VALUE];
    for (size_t len = 0; len <= BMAP_VALUE; len++) {
        thetis_bmap_bytes key = bmap_value_of(name, 3, len % (BMAP_KEY + 1));
        thetis_bmap_value found = {.data = room, .room = sizeof room};
        if (key.len == 0) key.data = NULL;
        CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, bmap_value_of(fresh, 5, len), NULL),
                 THETIS_OK);
        CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, &found), THETIS_OK);
        bmap_expect(&found, 5, len);
    }
    CHECK_EQ(bmap_records(&rig), BMAP_KEY + 1);
    bmap_end(&rig);
}

/* Zeros at the end count. */
TEST(keys_that_begin_alike)
{
    bmap_rig rig = bmap_make(&bmap_small);
    char key[BMAP_KEY] = {0}, value;
    for (size_t len = 0; len <= BMAP_KEY; len++) {
        value = (char)len;
        CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, (thetis_bmap_bytes){key, len},
                                    (thetis_bmap_bytes){&value, 1}, NULL), THETIS_OK);
    }
    for (size_t len = 0; len <= BMAP_KEY; len++) {
        thetis_bmap_value found = {.data = &value, .room = 1};
        CHECK_EQ(thetis_bmap_find(rig.map, rig.me, (thetis_bmap_bytes){key, len}, &found),
                 THETIS_OK);
        CHECK_EQ(value, (char)len);
    }
    bmap_end(&rig);
}

TEST(too_long)
{
    bmap_rig rig = bmap_make(&bmap_small);
    char room[BMAP_VALUE + 1] = {0};
    thetis_bmap_bytes key = {room, BMAP_KEY}, value = {room, BMAP_VALUE};
    thetis_bmap_bytes long_key = {room, BMAP_KEY + 1}, long_value = {room, BMAP_VALUE + 1};
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, long_key, value, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, long_value, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, long_key, value, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, long_value, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_replace(rig.map, rig.me, key, long_value, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, key, 0, long_value), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, long_key, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, long_key, NULL), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, long_key, 0), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, value, NULL), THETIS_OK);
    CHECK_EQ(bmap_records(&rig), 1);
    bmap_end(&rig);
}

/* The length is told, and no byte behind the room is written. */
TEST(room_that_is_too_small)
{
    bmap_rig rig = bmap_make(&bmap_small);
    thetis_bmap_bytes key = bmap_text("key"), value = bmap_text("0123456789abcdef");
    CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, value, NULL), THETIS_OK);
    for (size_t n = 0; n <= value.len; n++) {
        char room[20] = {0};
        thetis_bmap_value found = {.data = n > 0 ? room : NULL, .room = n};
        CHECK_EQ(thetis_bmap_find(rig.map, rig.me, key, &found),
                 n < value.len ? THETIS_E2BIG : THETIS_OK);
        CHECK_EQ(found.len, value.len);
        CHECK(memcmp(room, value.data, n) == 0 && room[n] == 0);
        found = (thetis_bmap_value){.data = room, .room = n};
        CHECK_EQ(thetis_bmap_put(rig.map, rig.me, key, value, &found), THETIS_OK);
        CHECK(found.len == value.len && room[n] == 0);
        CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, key, value, &found), THETIS_EXISTS);
        CHECK(found.len == value.len && room[n] == 0);
    }
    bmap_end(&rig);
}

TEST_MAIN(T(every_operation_says_what_it_found), T(a_version_is_that_of_one_record),
          T(results_that_nobody_wants), T(as_an_array), T(as_an_array_that_grows),
          T(as_an_array_with_a_poor_hash), T(any_length), T(keys_that_begin_alike), T(too_long),
          T(room_that_is_too_small))
