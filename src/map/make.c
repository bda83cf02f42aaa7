/* SPDX-License-Identifier: MIT
 *
 * make.c: the shape of a map, and making one.
 */
#include "map.h"

#include "../domain/pool.h"
#include "../port/port.h"

/* ---- shape ----------------------------------------------------------------------------------- */

/* Loads of a table with all pairs, in eighths: the first one that is enough counts. */
enum { MAP_LOADS = 4 };
static const size_t map_loads[MAP_LOADS] = {7, 8, 10, 12};

/* Versions by their most pairs, and the most buckets of 2^16 that are expected to need one of that
 * size: the largest Poisson probability of so many pairs, but more than the size before has, over
 * all loads up to one of those above; and at last in a map that grows from half as many buckets,
 * with a load from 1.5 up to 2 until it has. The last size has room for the most pairs, and the
 * most records. */
static const struct {
    uint16_t pairs, of_65536[MAP_LOADS + 1];
} map_sizes[THT_MAP_SIZES] = {{1, {23905, 24110, 24110, 24110, 24110}},
                              {2, {10459, 12055, 14670, 16451, 12055}},
                              {3, {3051, 4019, 6113, 8226, 4120}},
                              {4, {668, 1005, 1911, 3085, 1551}},
                              {6, {134, 235, 577, 1157, 606}},
                              {8, {3, 6, 21, 59, 37}},
                              {12, {1, 1, 1, 2, 2}},
                              {0, {1, 1, 1, 1, 1}}};

/* A growing map looks at its load when a bucket has that many pairs, or after so many erasures. */
enum { MAP_CROWD = 6, MAP_OFTEN = 64 };

/* Buckets for so many pairs: a power of two. */
static size_t map_buckets(size_t pairs)
{
    size_t n = 1;
    while (n + n / 2 < pairs) n *= 2;
    return n;
}

/* Of 2^16 buckets. */
static size_t map_expected(const tht_map_shape *shape, size_t pairs, size_t k)
{
    const uint16_t *of = map_sizes[k].of_65536;
    size_t load = 0;
    while (load < MAP_LOADS - 1 && pairs > shape->buckets_max / 8 * map_loads[load]) load++;
    size_t most = of[load], growing = of[MAP_LOADS];
    return shape->buckets < shape->buckets_max && growing > most ? growing : most;
}

/* Far more than the expected value has as its deviation; see the header for what remains. */
static size_t map_blocks(const tht_map_shape *shape, size_t pairs, size_t k)
{
    size_t of = map_expected(shape, pairs, k), buckets = shape->buckets_max;
    size_t expected = buckets / 65536 * of + buckets % 65536 * of / 65536;
    return expected + expected / 16 + 64;
}

/* Shrinking, two buckets may become one. */
static size_t map_version_bytes(const tht_map_shape *shape, size_t k)
{
    size_t pairs = map_sizes[k].pairs, records = 0;
    if (k + 1 == THT_MAP_SIZES) {
        size_t merged = shape->buckets < shape->buckets_max ? 2 : 1;
        pairs = merged * shape->bucket + shape->batch + 1;
        records = shape->batch + 1;
    }
    return sizeof(tht_cell_block) + records * sizeof(tht_cell_record) +
           pairs * sizeof(tht_map_pair);
}

/* See tht_cell_needs(). */
static void map_widen_batch(const thetis_domain_cfg *domain, tht_map_shape *shape)
{
    thetis_pool_cfg *largest = &shape->pool[THT_MAP_SIZES - 1];
    int moves = shape->buckets < shape->buckets_max;
    size_t needs = tht_cell_needs(domain->threads, shape->batch, moves);
    if (tht_pool_shape(domain, largest).batch < needs) largest->batch = needs;
}

tht_map_shape tht_map_shape_of(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg)
{
    tht_map_shape shape = {0};
    if (thetis_domain_size(domain) == 0 || domain->args < THETIS_MAP_ARGS) return shape;
    if (cfg->capacity < 1 || cfg->capacity > THETIS_MAP_CAPACITY_MAX) return shape;
    if (cfg->capacity_max > THETIS_MAP_CAPACITY_MAX) return shape;
    shape.bucket = THETIS_MAP_BUCKET;
    shape.crowd = MAP_CROWD;
    shape.often = MAP_OFTEN;
    shape.tries = 2;
    shape.batch = domain->threads < THT_CELL_BATCH ? domain->threads : THT_CELL_BATCH;
    size_t pairs = cfg->capacity_max > cfg->capacity ? cfg->capacity_max : cfg->capacity;
    shape.buckets = map_buckets(cfg->capacity);
    shape.buckets_max = map_buckets(pairs);
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        shape.pool[k] = (thetis_pool_cfg){.size = map_version_bytes(&shape, k),
                                          .blocks = map_blocks(&shape, pairs, k)};
    }
    map_widen_batch(domain, &shape);
    return shape;
}

static size_t map_lines(size_t bytes)
{
    return THETIS_DOMAIN_LINES_(bytes);
}

static size_t map_shared_bytes(const thetis_domain_cfg *domain)
{
    return sizeof(tht_map_shared) + THT_CELL_MASK_WORDS(domain->threads) * sizeof(thetis_atomic);
}

/* Of all tables. */
static size_t map_cells(const tht_map_shape *shape)
{
    return 2 * shape->buckets_max - shape->buckets;
}

/* The map, what is shared, what is each thread's, the cells; then the pools. */
static size_t map_pools_at(const thetis_domain_cfg *domain, const tht_map_shape *shape)
{
    return map_lines(sizeof(thetis_map)) + map_lines(map_shared_bytes(domain)) +
           domain->threads * sizeof(tht_map_local) +
           map_lines(map_cells(shape) * sizeof(thetis_atomic));
}

size_t tht_map_bytes(const thetis_domain_cfg *domain, const tht_map_shape *shape)
{
    if (shape->buckets == 0) return 0;
    size_t bytes = map_pools_at(domain, shape);
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        size_t pool = thetis_pool_size(domain, &shape->pool[k]);
        if (pool == 0 || bytes > PTRDIFF_MAX / 2 || pool > PTRDIFF_MAX / 2 - bytes) return 0;
        bytes += map_lines(pool);
    }
    return bytes;
}

size_t thetis_map_size(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg)
{
    tht_map_shape shape = tht_map_shape_of(domain, cfg);
    return shape.buckets < shape.buckets_max ? 0 : tht_map_bytes(domain, &shape);
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

static unsigned char *map_build_shared(thetis_map *map, unsigned char *at,
                                       const thetis_domain_cfg *domain)
{
    uintptr_t log = 0;
    while ((size_t)1 << log < map->least) log++;
    map->shared = (void *)at;
    thetis_atomic_store_relaxed(&map->shared->state, log);
    thetis_atomic_store_relaxed(&map->shared->front, 0);
    map->cells.mask = (void *)(map->shared + 1);
    for (size_t k = 0; k < THT_CELL_MASK_WORDS(domain->threads); k++)
        thetis_atomic_store_relaxed(&map->cells.mask[k], 0);
    at += map_lines(map_shared_bytes(domain));
    map->local = (void *)at;
    map->cells.empties = &map->local->empties;
    map->cells.announced = &map->local->announced;
    map->cells.stride = sizeof *map->local / sizeof(uintptr_t);
    for (size_t k = 0; k < domain->threads; k++) map->local[k] = (tht_map_local){.empties = 0};
    return at + domain->threads * sizeof(tht_map_local);
}

/* The first table is filled, the others are not. */
static void map_build_cells(thetis_map *map, unsigned char *at, int blank)
{
    map->cell = (void *)at;
    for (size_t k = map->least; k < 2 * map->least; k++)
        thetis_atomic_store_relaxed(tht_map_cell(map, k), THT_CELL_EMPTY);
    for (size_t k = 2 * map->least; !blank && k < 2 * map->most; k++)
        thetis_atomic_store_relaxed(tht_map_cell(map, k), 0);
}

thetis_map *tht_map_build(void *mem, thetis_domain *domain, const tht_map_shape *shape,
                          const thetis_map_cfg *cfg, int blank)
{
    const thetis_domain_cfg of = {domain->threads_, domain->hazards_, domain->args_};
    thetis_map *map = mem;
    *map = (thetis_map){.cfg = *cfg, .least = shape->buckets, .most = shape->buckets_max,
                        .bucket = shape->bucket, .crowd = shape->crowd, .often = shape->often};
    const tht_cell_kind *kind = map->least < map->most ? &tht_map_kind : &tht_map_fixed_kind;
    map->cells = (tht_cells){.kind = kind, .domain = domain, .sizes = map->sizes,
                             .size_n = THT_MAP_SIZES, .self = (uintptr_t)map,
                             .args = THETIS_MAP_ARGS, .batch = shape->batch,
                             .tries = shape->tries, .moves = map->least < map->most};
    unsigned char *at = map_build_shared(map, (unsigned char *)mem + map_lines(sizeof *map), &of);
    map_build_cells(map, at, blank);
    map_build_pools(map, at + map_lines(map_cells(shape) * sizeof(thetis_atomic)), &of, shape);
    return map;
}

static thetis_domain_cfg map_domain_cfg(const thetis_domain *domain)
{
    return (thetis_domain_cfg){domain->threads_, domain->hazards_, domain->args_};
}

thetis_status thetis_map_init(void *mem, size_t len, thetis_domain *domain,
                              const thetis_map_cfg *cfg, thetis_map **out)
{
    const thetis_domain_cfg of = map_domain_cfg(domain);
    size_t size = thetis_map_size(&of, cfg);
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    tht_map_shape shape = tht_map_shape_of(&of, cfg);
    *out = tht_map_build(mem, domain, &shape, cfg, 0);
    return THETIS_OK;
}

thetis_status thetis_map_create(thetis_domain *domain, const thetis_map_cfg *cfg, thetis_map **out)
{
    const thetis_domain_cfg of = map_domain_cfg(domain);
    tht_map_shape shape = tht_map_shape_of(&of, cfg);
    size_t size = tht_map_bytes(&of, &shape);
    THETIS_ASSERT1(out);
    if (size == 0) return THETIS_EINVAL;
    void *mem = tht_port_map(size);
    if (!mem) return THETIS_ENOMEM;
    *out = tht_map_build(mem, domain, &shape, cfg, 1);
    (*out)->mapped = size;
    return THETIS_OK;
}

void thetis_map_destroy(thetis_map *map)
{
    if (map) tht_port_unmap(map, map->mapped);
}
