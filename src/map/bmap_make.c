/* SPDX-License-Identifier: MIT
 *
 * bmap_make.c: the shape of a map of bytes, and making one.
 */
#include "../port/port.h"
#include "bmap.h"

enum {
    BMAP_LEAST = 32, /* bytes of the smallest class, where none are configured */
    BMAP_HELD = 2    /* records that a thread holds in an operation: a new one, an old one */
};

/* ---- shape ----------------------------------------------------------------------------------- */

static size_t bmap_longest(const thetis_bmap_cfg *cfg)
{
    return tht_record_bytes(cfg->key_max, cfg->value_max) - sizeof(tht_record);
}

/* All 0. */
static int bmap_is_free(const thetis_bmap_cfg *cfg)
{
    for (size_t k = 0; k < THETIS_BMAP_CLASSES; k++)
        if (cfg->classes[k].bytes || cfg->classes[k].blocks) return 0;
    return 1;
}

/* By a factor for which so many classes are enough; the last one is as large as need be. */
static void bmap_default(const thetis_bmap_cfg *cfg, thetis_bmap_class *classes)
{
    size_t longest = bmap_longest(cfg), bytes = BMAP_LEAST, by = 1;
    size_t blocks = cfg->capacity_max > cfg->capacity ? cfg->capacity_max : cfg->capacity;
    while (BMAP_LEAST < longest >> by * (THETIS_BMAP_CLASSES - 1)) by++;
    for (size_t k = 0; k < THETIS_BMAP_CLASSES; k++, bytes <<= by) {
        size_t of = bytes < longest && k + 1 < THETIS_BMAP_CLASSES ? bytes : longest;
        classes[k] = (thetis_bmap_class){of > 0 ? of : 1, blocks};
        if (bytes >= longest) break;
    }
}

/* How many classes; 0: they are not as they should be. */
static size_t bmap_classes(const thetis_bmap_cfg *cfg, const thetis_bmap_class *classes)
{
    size_t n = 0, last = 0;
    for (; n < THETIS_BMAP_CLASSES && classes[n].blocks > 0; n++) {
        if (classes[n].bytes <= last || classes[n].bytes > PTRDIFF_MAX / 4) return 0;
        if (classes[n].blocks > THETIS_POOL_BLOCKS_MAX / 2) return 0;
        last = classes[n].bytes;
    }
    for (size_t k = n; k < THETIS_BMAP_CLASSES; k++)
        if (classes[k].bytes || classes[k].blocks) return 0;
    return last >= bmap_longest(cfg) ? n : 0;
}

/* The map below keeps hashes. */
static uintptr_t bmap_hash_of(uintptr_t hash)
{
    return hash;
}

static thetis_map_cfg bmap_map_cfg(const thetis_bmap_cfg *cfg)
{
    return (thetis_map_cfg){
        .capacity = cfg->capacity, .capacity_max = cfg->capacity_max, .hash = bmap_hash_of};
}

static size_t bmap_lines(size_t bytes)
{
    return THETIS_DOMAIN_LINES_(bytes);
}

tht_bmap_shape tht_bmap_shape_of(const thetis_domain_cfg *domain, const thetis_bmap_cfg *cfg)
{
    const thetis_map_cfg of = bmap_map_cfg(cfg);
    tht_bmap_shape shape = {.map = tht_map_shape_of(domain, &of)};
    thetis_bmap_class classes[THETIS_BMAP_CLASSES] = {{0}};
    if (shape.map.buckets == 0 || domain->hazards < THETIS_BMAP_HAZARDS) return shape;
    if (cfg->key_max > THETIS_BMAP_KEY_MAX || cfg->value_max > THETIS_BMAP_VALUE_MAX) return shape;
    if (bmap_is_free(cfg)) bmap_default(cfg, classes);
    else for (size_t k = 0; k < THETIS_BMAP_CLASSES; k++) classes[k] = cfg->classes[k];
    shape.classes = bmap_classes(cfg, classes);
    shape.key = bmap_lines(tht_record_bytes(cfg->key_max, 0));
    for (size_t k = 0; k < shape.classes; k++) {
        size_t words = tht_record_words(classes[k].bytes);
        shape.pool[k].size = sizeof(tht_record) + words * sizeof(thetis_atomic);
        shape.pool[k].blocks = classes[k].blocks + BMAP_HELD * domain->threads;
    }
    return shape;
}

size_t tht_bmap_bytes(const thetis_domain_cfg *domain, const tht_bmap_shape *shape)
{
    if (shape->classes == 0) return 0;
    size_t bytes = tht_map_bytes(domain, &shape->map);
    if (bytes == 0) return 0;
    bytes += bmap_lines(sizeof(thetis_bmap)) + domain->threads * shape->key;
    for (size_t k = 0; k < shape->classes; k++) {
        size_t pool = thetis_pool_size(domain, &shape->pool[k]);
        if (pool == 0 || bytes > PTRDIFF_MAX / 2 || pool > PTRDIFF_MAX / 2 - bytes) return 0;
        bytes += bmap_lines(pool);
    }
    return bytes;
}

size_t thetis_bmap_size(const thetis_domain_cfg *domain, const thetis_bmap_cfg *cfg)
{
    tht_bmap_shape shape = tht_bmap_shape_of(domain, cfg);
    return shape.map.buckets < shape.map.buckets_max ? 0 : tht_bmap_bytes(domain, &shape);
}

/* ---- making ---------------------------------------------------------------------------------- */

static thetis_domain_cfg bmap_domain_cfg(const thetis_domain *domain)
{
    return (thetis_domain_cfg){domain->threads_, domain->hazards_, domain->args_};
}

static unsigned char *bmap_build_pools(thetis_bmap *map, unsigned char *at, thetis_domain *domain,
                                       const tht_bmap_shape *shape)
{
    const thetis_domain_cfg of = bmap_domain_cfg(domain);
    map->records.n = shape->classes;
    for (size_t k = 0; k < shape->classes; k++) {
        size_t size = thetis_pool_size(&of, &shape->pool[k]);
        tht_cell_size *class = &map->records.classes[k];
        class->bytes = shape->pool[k].size;
        thetis_status s = thetis_pool_init(at, size, domain, &shape->pool[k], &class->pool);
        THETIS_ASSERT1(s == THETIS_OK);
        (void)s;
        at += bmap_lines(size);
    }
    return at;
}

thetis_bmap *tht_bmap_build(void *mem, thetis_domain *domain, const tht_bmap_shape *shape,
                            const thetis_bmap_cfg *cfg, int blank)
{
    thetis_bmap *map = mem;
    *map = (thetis_bmap){.cfg = *cfg, .key = shape->key};
    map->keys = (unsigned char *)mem + bmap_lines(sizeof *map);
    unsigned char *at = map->keys + domain->threads_ * shape->key;
    for (size_t id = 0; id < domain->threads_; id++) {
        tht_record *place = (void *)(map->keys + id * map->key);
        thetis_atomic_store_relaxed(&place->fields, 0);
    }
    const thetis_map_cfg of = bmap_map_cfg(cfg);
    at = bmap_build_pools(map, at, domain, shape);
    map->map = tht_map_build(at, domain, &shape->map, &of, blank);
    map->map->rule = &tht_bmap_rule;
    map->map->cells.names = 1;
    map->map->same = 3 + 2 * tht_record_words(cfg->key_max);
    map->map->expects = 1;
    return map;
}

thetis_status thetis_bmap_init(void *mem, size_t len, thetis_domain *domain,
                               const thetis_bmap_cfg *cfg, thetis_bmap **out)
{
    const thetis_domain_cfg of = bmap_domain_cfg(domain);
    size_t size = thetis_bmap_size(&of, cfg);
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    tht_bmap_shape shape = tht_bmap_shape_of(&of, cfg);
    *out = tht_bmap_build(mem, domain, &shape, cfg, 0);
    return THETIS_OK;
}

thetis_status thetis_bmap_create(thetis_domain *domain, const thetis_bmap_cfg *cfg,
                                 thetis_bmap **out)
{
    const thetis_domain_cfg of = bmap_domain_cfg(domain);
    tht_bmap_shape shape = tht_bmap_shape_of(&of, cfg);
    size_t size = tht_bmap_bytes(&of, &shape);
    THETIS_ASSERT1(out);
    if (size == 0) return THETIS_EINVAL;
    void *mem = tht_port_map(size);
    if (!mem) return THETIS_ENOMEM;
    *out = tht_bmap_build(mem, domain, &shape, cfg, 1);
    (*out)->mapped = (*out)->map->mapped = size;
    return THETIS_OK;
}

void thetis_bmap_destroy(thetis_bmap *map)
{
    if (map) tht_port_unmap(map, map->mapped);
}
