/* SPDX-License-Identifier: MIT
 *
 * bmap_rig.h: a domain with one thread in it and a map of bytes, and keys and values of any length
 * that tell their number.
 */
#ifndef BMAP_RIG_H
#define BMAP_RIG_H

#include "harness/test.h"

#include <stdlib.h>
#include <string.h>
#include <thetis/bmap.h>

#include "map/bmap.h"

enum { BMAP_THREADS = 2, BMAP_KEY = 40, BMAP_VALUE = 300 };

typedef struct bmap_rig {
    thetis_domain *domain;
    thetis_domain_thread *me;
    thetis_bmap *map;
    void *memory[2];
} bmap_rig;

static const thetis_domain_cfg bmap_domain = {BMAP_THREADS, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};

static inline void *bmap_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    void *memory = aligned_alloc(THETIS_CACHE_LINE, lines * THETIS_CACHE_LINE);
    CHECK(memory);
    memset(memory, 0xa5, lines * THETIS_CACHE_LINE);
    return memory;
}

static inline bmap_rig bmap_threads(void)
{
    bmap_rig rig = {0};
    size_t size = thetis_domain_size(&bmap_domain);
    rig.memory[0] = bmap_memory(size);
    CHECK_EQ(thetis_domain_init(rig.memory[0], size, &bmap_domain, &rig.domain), THETIS_OK);
    CHECK_EQ(thetis_domain_join(rig.domain, &rig.me), THETIS_OK);
    return rig;
}

/* Of a size that it keeps; or one that grows. */
static inline bmap_rig bmap_make(const thetis_bmap_cfg *cfg)
{
    bmap_rig rig = bmap_threads();
    size_t size = thetis_bmap_size(&bmap_domain, cfg);
    if (size == 0) {
        CHECK_EQ(thetis_bmap_create(rig.domain, cfg, &rig.map), THETIS_OK);
        return rig;
    }
    rig.memory[1] = bmap_memory(size);
    CHECK_EQ(thetis_bmap_init(rig.memory[1], size, rig.domain, cfg, &rig.map), THETIS_OK);
    return rig;
}

static inline void bmap_end(bmap_rig *rig)
{
    thetis_domain_leave(rig->me);
    if (!rig->memory[1]) thetis_bmap_destroy(rig->map);
    free(rig->memory[0]);
    free(rig->memory[1]);
}

static inline size_t bmap_records(const bmap_rig *rig)
{
    size_t records = SIZE_MAX;
    CHECK_EQ(thetis_bmap_check(rig->map, &records), THETIS_OK);
    return records;
}

static inline thetis_bmap_bytes bmap_text(const char *text)
{
    return (thetis_bmap_bytes){text, strlen(text)};
}

/* The n-th key: its number in `of` digits, and more of the same length for each. */
static inline thetis_bmap_bytes bmap_key_of(char *room, size_t n)
{
    size_t len = 5 + n % 7;
    memset(room, (int)('a' + n % 26), len);
    for (size_t k = 0; k < 5; k++, n /= 10) room[k] = (char)('0' + n % 10);
    return (thetis_bmap_bytes){room, len};
}

/* Bytes that depend on the number, as many as `len`. */
static inline thetis_bmap_bytes bmap_value_of(unsigned char *room, size_t n, size_t len)
{
    for (size_t k = 0; k < len; k++) room[k] = (unsigned char)(n * 31 + k * 7 + len);
    return (thetis_bmap_bytes){room, len};
}

static inline void bmap_expect(const thetis_bmap_value *got, size_t n, size_t len)
{
    unsigned char room[BMAP_VALUE];
    CHECK_EQ(got->len, len);
    CHECK(memcmp(got->data, bmap_value_of(room, n, len).data, len) == 0);
}

#endif
