/* SPDX-License-Identifier: MIT
 *
 * map.h: making a map of any shape: for map.c, and for tests that want tiny ones.
 */
#ifndef THT_MAP_H
#define THT_MAP_H

#include <thetis/map.h>

#include "../cell/cell.h"

enum { THT_MAP_SIZES = 8 };

/* A pair; versions have `items` of them. */
typedef struct tht_map_pair {
    uintptr_t key, value;
} tht_map_pair;

typedef struct tht_map_shape {
    size_t buckets; /* a power of two */
    size_t bucket;  /* most pairs in one */
    size_t tries;   /* K of the cells */
    size_t batch;   /* b of the cells */
    thetis_pool_cfg pool[THT_MAP_SIZES];
} tht_map_shape;

struct thetis_map {
    tht_cells cells;
    tht_cell_size sizes[THT_MAP_SIZES];
    thetis_map_cfg cfg;
    uintptr_t mask; /* buckets - 1 */
    size_t bucket;
    thetis_atomic *cell;
};

/* What a bucket's content is. */
extern const tht_cell_kind tht_map_kind;

/* The shape for valid configurations; buckets is 0 for others. */
tht_map_shape tht_map_shape_of(const thetis_domain_cfg *domain, const thetis_map_cfg *cfg);

/* Bytes that it needs; 0: more than there can be. */
size_t tht_map_bytes(const thetis_domain_cfg *domain, const tht_map_shape *shape);

/* A map of that shape in memory that is aligned and large enough. */
thetis_map *tht_map_build(void *mem, thetis_domain *domain, const tht_map_shape *shape,
                          const thetis_map_cfg *cfg);

#endif
