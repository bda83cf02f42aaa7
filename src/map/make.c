/* SPDX-License-Identifier: MIT
 *
 * make.c: the shape of a map, and making one.
 */
#include "map.h"

/* ---- shape ----------------------------------------------------------------------------------- */

/* Versions by their most pairs, and the most buckets of 2^16 that are expected to need one of that
 * size: the largest Poisson probability, over all loads up to 1, of so many pairs, but more than
 * the size before has. The last has room for the most pairs, and the most records. */
static const struct {
    uint16_t pairs, of_65536;
} map_sizes[THT_MAP_SIZES] = {{1, 24110}, {2, 12055}, {3, 4019}, {4, 1005},
                              {6, 235},   {8, 6},     {12, 1},   {0, 1}};

/* Far more than the expected value has as its deviation; see the header for what remains. */
static size_t map_blocks(size_t buckets, size_t k)
{
    size_t expected = buckets / 65536 * map_sizes[k].of_65536 +
                      buckets % 65536 * map_sizes[k].of_65536 / 65536;
    return expected + expected / 16 + 64;
}

static size_t map_version_bytes(const tht_map_shape *shape, size_t k)
{
    size_t pairs = map_sizes[k].pairs, records = 0;
    if (k + 1 == THT_MAP_SIZES) {
        pairs = shape->bucket + shape->batch;
        records = shape->batch + 1;
    }
    return sizeof(tht_cell_block) + records * sizeof(tht_cell_record) +
           pairs * sizeof(tht_map_pair);
}

tht_map_shape tht_map_shape_of(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg)
{
    tht_map_shape shape = {0};
    if (thetis_domain_size(domain) == 0 || domain->args < THETIS_MAP_ARGS) return shape;
    if (cfg->capacity < 1 || cfg->capacity > THETIS_MAP_CAPACITY_MAX) return shape;
    shape.bucket = THETIS_MAP_BUCKET;
    shape.tries = 2;
    shape.batch = domain->threads < THT_CELL_BATCH ? domain->threads : THT_CELL_BATCH;
    for (shape.buckets = 1; shape.buckets < cfg->capacity;) shape.buckets *= 2;
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        shape.pool[k] = (thetis_pool_cfg){.size = map_version_bytes(&shape, k),
                                          .blocks = map_blocks(shape.buckets, k)};
    }
    return shape;
}

static size_t map_lines(size_t bytes)
{
    return THETIS_DOMAIN_LINES_(bytes);
}

/* The map, its mask, the counts of empty words, the cells; then the pools. */
static size_t map_pools_at(const thetis_domain_cfg *domain, const tht_map_shape *shape)
{
    return map_lines(sizeof(thetis_map)) +
           map_lines(THT_CELL_MASK_WORDS(domain->threads) * sizeof(thetis_atomic)) +
           map_lines(domain->threads * sizeof(uintptr_t)) +
           map_lines(shape->buckets * sizeof(thetis_atomic));
}

size_t tht_map_bytes(const thetis_domain_cfg *domain, const tht_map_shape *shape)
{
    if (shape->buckets == 0) return 0;
    size_t bytes = map_pools_at(domain, shape);
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        size_t pool = thetis_pool_size(domain, &shape->pool[k]);
        if (pool == 0 || pool > PTRDIFF_MAX / 2 - bytes) return 0;
        bytes += map_lines(pool);
    }
    return bytes;
}

size_t thetis_map_size(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg)
{
    tht_map_shape shape = tht_map_shape_of(domain, cfg);
    return tht_map_bytes(domain, &shape);
}

/* ---- making ---------------------------------------------------------------------------------- */

static void map_build_pools(thetis_map *map, unsigned char *at, const thetis_domain_cfg *domain,
                            const tht_map_shape *shape)
{
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        size_t size = thetis_pool_size(domain, &shape->pool[k]);
        tht_cell_size *of = &map->sizes[k];
        of->bytes = shape->pool[k].size;
        thetis_status s =
            thetis_pool_init(at, size, map->cells.domain, &shape->pool[k], &of->pool);
        THETIS_ASSERT1(s == THETIS_OK);
        (void)s;
        at += map_lines(size);
    }
}

thetis_map *tht_map_build(void *mem, thetis_domain *domain, const tht_map_shape *shape,
                          const thetis_map_cfg *cfg)
{
    const thetis_domain_cfg of = {domain->threads_, domain->hazards_, domain->args_};
    size_t words = THT_CELL_MASK_WORDS(of.threads);
    unsigned char *at = mem;
    thetis_map *map = mem;
    *map = (thetis_map){.cfg = *cfg, .mask = shape->buckets - 1, .bucket = shape->bucket};
    at += map_lines(sizeof *map);
    map->cells = (tht_cells){.kind = &tht_map_kind, .domain = domain, .sizes = map->sizes,
                             .size_n = THT_MAP_SIZES, .self = (uintptr_t)map,
                             .args = THETIS_MAP_ARGS, .batch = shape->batch,
                             .tries = shape->tries, .mask = (void *)at};
    for (size_t k = 0; k < words; k++) thetis_atomic_store_relaxed(&map->cells.mask[k], 0);
    at += map_lines(words * sizeof(thetis_atomic));
    map->cells.empties = (void *)at;
    for (size_t k = 0; k < of.threads; k++) map->cells.empties[k] = 0;
    at += map_lines(of.threads * sizeof(uintptr_t));
    map->cell = (void *)at;
    for (size_t k = 0; k <= map->mask; k++)
        thetis_atomic_store_relaxed(&map->cell[k], THT_CELL_EMPTY);
    map_build_pools(map, at + map_lines(shape->buckets * sizeof(thetis_atomic)), &of, shape);
    return map;
}

thetis_status thetis_map_init(void *mem, size_t len, thetis_domain *domain,
                              const thetis_map_cfg *cfg, thetis_map **out)
{
    const thetis_domain_cfg of = {domain->threads_, domain->hazards_, domain->args_};
    tht_map_shape shape = tht_map_shape_of(&of, cfg);
    size_t size = tht_map_bytes(&of, &shape);
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    *out = tht_map_build(mem, domain, &shape, cfg);
    return THETIS_OK;
}
