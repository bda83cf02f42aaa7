/* SPDX-License-Identifier: MIT
 *
 * bmap.h: what the sources of the map of bytes share; making one of any shape, for tests.
 */
#ifndef THT_BMAP_H
#define THT_BMAP_H

#include "map.h"
#include "record.h"

typedef struct tht_bmap_shape {
    tht_map_shape map;
    size_t key; /* bytes of a thread's place for a key */
    size_t classes;
    thetis_pool_cfg pool[THETIS_BMAP_CLASSES];
} tht_bmap_shape;

struct thetis_bmap {
    thetis_map *map; /* from hashes to addresses of records */
    tht_records records;
    thetis_bmap_cfg cfg;
    unsigned char *keys; /* of each thread: a record that has no value */
    size_t key;          /* bytes from one to the next */
    size_t mapped;       /* bytes, if create() made it */
};

/* What pairs are. */
extern const tht_map_rule tht_bmap_rule;

/* Where a thread puts a key. */
static inline tht_record *tht_bmap_key(const thetis_bmap *map, const thetis_domain_thread *me)
{
    return (void *)(map->keys + thetis_domain_self(me) * map->key);
}

/* ---- bmap_make.c ----------------------------------------------------------------------------- */

/* The shape for valid configurations; classes is 0 for others. */
tht_bmap_shape tht_bmap_shape_of(const thetis_domain_cfg *domain, const thetis_bmap_cfg *cfg);

/* Bytes that it needs; 0: more than there can be. */
size_t tht_bmap_bytes(const thetis_domain_cfg *domain, const tht_bmap_shape *shape);

/* A map of that shape in memory that is aligned and large enough. `blank`: the memory is zero. */
thetis_bmap *tht_bmap_build(void *mem, thetis_domain *domain, const tht_bmap_shape *shape,
                            const thetis_bmap_cfg *cfg, int blank);

#endif
