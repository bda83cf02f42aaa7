/* SPDX-License-Identifier: MIT
 *
 * test_bmap_full.c: a map of bytes that has no more room: classes, buckets, capacity; what is
 * refused before there is a map; its growth; the hash.
 */
#include "bmap_rig.h"
#include "map/sip.h"

/* ---- classes --------------------------------------------------------------------------------- */

/* Keys of a byte: 8 bytes and the value's. */
static const thetis_bmap_cfg bmap_classes_of_3 = {
    .capacity = 1000, .key_max = 2, .value_max = 100,
    .classes = {{16, 20}, {64, 10}, {112, 5}}};

static thetis_status bmap_put_n(bmap_rig *rig, size_t n, size_t len)
{
    unsigned char key[2] = {(unsigned char)n, (unsigned char)(n >> 8)}, value[BMAP_VALUE];
    return thetis_bmap_put(rig->map, rig->me, (thetis_bmap_bytes){key, 2},
                           bmap_value_of(value, n, len), NULL);
}

static void bmap_expect_n(const bmap_rig *rig, size_t n, size_t len)
{
    unsigned char key[2] = {(unsigned char)n, (unsigned char)(n >> 8)}, room[BMAP_VALUE];
    thetis_bmap_value found = {.data = room, .room = sizeof room};
    CHECK_EQ(thetis_bmap_find(rig->map, rig->me, (thetis_bmap_bytes){key, 2}, &found), THETIS_OK);
    bmap_expect(&found, n, len);
}

/* As many as are configured, of each class, at least; then what is there stays as it is. */
static size_t bmap_fill(bmap_rig *rig, size_t from, size_t len)
{
    size_t n = from;
    while (bmap_put_n(rig, n, len) == THETIS_OK) n++;
    CHECK_EQ(bmap_put_n(rig, n, len), THETIS_ENOMEM);
    CHECK_EQ(bmap_records(rig), n);
    for (size_t k = from; k < n; k++) bmap_expect_n(rig, k, len);
    return n;
}

TEST(each_class_may_be_empty)
{
    bmap_rig rig = bmap_make(&bmap_classes_of_3);
    size_t large = bmap_fill(&rig, 0, 100), middle = bmap_fill(&rig, large, 56);
    size_t all = bmap_fill(&rig, middle, 8);
    CHECK(large >= 5 && middle - large >= 10 && all - middle >= 20);
    CHECK_EQ(bmap_put_n(&rig, large - 1, 100), THETIS_ENOMEM);
    CHECK_EQ(bmap_put_n(&rig, large - 1, 8), THETIS_ENOMEM);
    bmap_expect_n(&rig, large - 1, 100);
    unsigned char key[2] = {0, 0};
    thetis_bmap_value v = {.len = 0};
    CHECK_EQ(thetis_bmap_find(rig.map, rig.me, (thetis_bmap_bytes){key, 2}, &v), THETIS_E2BIG);
    CHECK_EQ(thetis_bmap_insert(rig.map, rig.me, (thetis_bmap_bytes){key, 2},
                                (thetis_bmap_bytes){NULL, 0}, NULL), THETIS_ENOMEM);
    CHECK_EQ(thetis_bmap_cas(rig.map, rig.me, (thetis_bmap_bytes){key, 2}, v.version,
                             (thetis_bmap_bytes){NULL, 0}), THETIS_ENOMEM);
    CHECK_EQ(thetis_bmap_discard(rig.map, rig.me, (thetis_bmap_bytes){key, 2}, v.version),
             THETIS_OK);
    CHECK_EQ(bmap_records(&rig), all - 1);
    bmap_end(&rig);
}

/* Small records take blocks of larger classes if need be, and give them back to those. */
TEST(a_larger_class_serves)
{
    bmap_rig rig = bmap_make(&bmap_classes_of_3);
    for (unsigned round = 0; round < 50; round++) {
        size_t n = bmap_fill(&rig, 0, 8);
        CHECK(n >= 35);
        for (size_t k = 0; k < n; k++) {
            unsigned char key[2] = {(unsigned char)k, (unsigned char)(k >> 8)};
            CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, (thetis_bmap_bytes){key, 2}, NULL),
                     THETIS_OK);
        }
        CHECK_EQ(bmap_records(&rig), 0);
    }
    bmap_end(&rig);
}

/* ---- buckets, capacity, growth --------------------------------------------------------------- */

static uintptr_t bmap_same_hash(const void *key, size_t len)
{
    (void)key;
    (void)len;
    return 3;
}

TEST(all_keys_have_one_hash)
{
    bmap_rig rig = bmap_make(&(thetis_bmap_cfg){.capacity = 100, .capacity_max = 10000,
                                                .key_max = 2, .value_max = 100,
                                                .hash = bmap_same_hash});
    CHECK_EQ(bmap_fill(&rig, 0, 20), THETIS_MAP_BUCKET);
    for (size_t n = 0; n < THETIS_MAP_BUCKET; n++) CHECK_EQ(bmap_put_n(&rig, n, n), THETIS_OK);
    for (size_t n = 0; n < THETIS_MAP_BUCKET; n++) bmap_expect_n(&rig, n, n);
    bmap_end(&rig);
}

/* From 1 to its most, and back. */
TEST(growth_and_shrinking)
{
    const size_t most = 20000;
    bmap_rig rig = bmap_make(&(thetis_bmap_cfg){.capacity = 1, .capacity_max = most, .key_max = 2,
                                                .value_max = 16, .seed = {test_seed(), 0}});
    size_t least = tht_map_buckets(tht_map_state(rig.map->map));
    for (unsigned round = 0; round < 2; round++) {
        for (size_t n = 0; n < most; n++) CHECK_EQ(bmap_put_n(&rig, n, n % 17), THETIS_OK);
        CHECK_EQ(bmap_records(&rig), most);
        CHECK(tht_map_buckets(tht_map_state(rig.map->map)) >= most / 2);
        for (size_t n = 0; n < most; n++) bmap_expect_n(&rig, n, n % 17);
        for (size_t n = 0; n < most; n++) {
            unsigned char key[2] = {(unsigned char)n, (unsigned char)(n >> 8)};
            CHECK_EQ(thetis_bmap_erase(rig.map, rig.me, (thetis_bmap_bytes){key, 2}, NULL),
                     THETIS_OK);
        }
        CHECK_EQ(bmap_records(&rig), 0);
        CHECK(tht_map_buckets(tht_map_state(rig.map->map)) <= most / 2);
    }
    CHECK_EQ(least, 1);
    CHECK(thetis_bmap_trim(rig.map) > 0);
    bmap_end(&rig);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static size_t bmap_size_of(const thetis_bmap_cfg *cfg)
{
    return thetis_bmap_size(&bmap_domain, cfg);
}

TEST(configurations_that_are_refused)
{
    const thetis_domain_cfg few_args = {2, 2, THETIS_BMAP_ARGS - 1};
    const thetis_domain_cfg few_hazards = {2, THETIS_BMAP_HAZARDS - 1, THETIS_BMAP_ARGS};
    thetis_bmap_cfg cfg = {.capacity = 10, .key_max = 8, .value_max = 24, .classes = {{32, 1}}};
    CHECK(bmap_size_of(&cfg) > 0);
    CHECK_EQ(thetis_bmap_size(&few_args, &cfg), 0);
    CHECK_EQ(thetis_bmap_size(&few_hazards, &cfg), 0);
    CHECK_EQ(bmap_size_of(&(thetis_bmap_cfg){.capacity = 0}), 0);
    CHECK_EQ(bmap_size_of(&(thetis_bmap_cfg){.capacity = 1,
                                             .key_max = THETIS_BMAP_KEY_MAX + 1}), 0);
#if UINTPTR_MAX > UINT32_MAX
    CHECK_EQ(bmap_size_of(&(thetis_bmap_cfg){.capacity = 1,
                                             .value_max = THETIS_BMAP_VALUE_MAX + 1}), 0);
#endif
    CHECK(bmap_size_of(&(thetis_bmap_cfg){.capacity = 1}) > 0);
    cfg.classes[0].bytes = 31; /* too small for the longest */
    CHECK_EQ(bmap_size_of(&cfg), 0);
    cfg.classes[1] = (thetis_bmap_class){31, 1}; /* not larger than the one before */
    CHECK_EQ(bmap_size_of(&cfg), 0);
    cfg.classes[1] = (thetis_bmap_class){32, 0}; /* without blocks */
    CHECK_EQ(bmap_size_of(&cfg), 0);
    cfg.classes[1] = (thetis_bmap_class){32, SIZE_MAX};
    CHECK_EQ(bmap_size_of(&cfg), 0);
    cfg.classes[1] = (thetis_bmap_class){SIZE_MAX, 1};
    CHECK_EQ(bmap_size_of(&cfg), 0);
    cfg.classes[1] = (thetis_bmap_class){32, 1};
    CHECK(bmap_size_of(&cfg) > 0);
}

TEST(memory_that_is_refused)
{
    const thetis_bmap_cfg cfg = {.capacity = 10, .key_max = 8, .value_max = 24};
    const thetis_bmap_cfg zero = {.capacity = 0};
    bmap_rig rig = bmap_threads();
    size_t size = bmap_size_of(&cfg);
    char *memory = bmap_memory(size + 1);
    thetis_bmap *map = NULL;
    CHECK_EQ(thetis_bmap_init(NULL, size, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_init(memory + 8, size, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_init(memory, size - 1, rig.domain, &cfg, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_init(memory, size, rig.domain, &zero, &map), THETIS_EINVAL);
    CHECK_EQ(thetis_bmap_create(rig.domain, &zero, &map), THETIS_EINVAL);
    CHECK(!map);
    CHECK_EQ(thetis_bmap_init(memory, size, rig.domain, &cfg, &map), THETIS_OK);
    free(memory);
    thetis_bmap_destroy(NULL);
    rig.memory[1] = bmap_memory(1);
    bmap_end(&rig);
}

/* Eight classes are enough for any length. */
TEST(default_classes)
{
    for (size_t value = 0; value < THETIS_BMAP_VALUE_MAX / 2; value = value * 3 + 1) {
        const thetis_bmap_cfg cfg = {.capacity = 1, .key_max = 9, .value_max = value};
        tht_bmap_shape shape = tht_bmap_shape_of(&bmap_domain, &cfg);
        CHECK(shape.classes >= 1 && shape.classes <= THETIS_BMAP_CLASSES);
        CHECK(shape.pool[shape.classes - 1].size >= tht_record_bytes(9, value));
        CHECK(shape.classes == 1 ||
              shape.pool[shape.classes - 2].size < tht_record_bytes(9, value));
    }
}

/* The vectors of the paper's appendix. */
TEST(siphash)
{
    const uint64_t seed[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    unsigned char in[64];
    for (unsigned k = 0; k < sizeof in; k++) in[k] = (unsigned char)k;
    CHECK_EQ(tht_sip(seed, 2, 4, in, 15), 0xa129ca6149be45e5u);
    CHECK_EQ(tht_sip(seed, 2, 4, in, 0), 0x726fdb47dd0e0e31u);
    CHECK_EQ(tht_sip(seed, 2, 4, in, 8), 0x93f5f5799a932462u);
    CHECK_EQ(tht_sip(seed, 2, 4, in, 63), 0x958a324ceb064572u);
}

TEST_MAIN(T(each_class_may_be_empty), T(a_larger_class_serves), T(all_keys_have_one_hash),
          T(growth_and_shrinking), T(configurations_that_are_refused), T(memory_that_is_refused),
          T(default_classes), T(siphash))
