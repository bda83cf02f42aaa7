/* SPDX-License-Identifier: MIT
 *
 * pool.h: making a pool of any shape: for pool.c, and for tests that want tiny ones, which reuse
 * blocks at once.
 */
#ifndef THT_POOL_H
#define THT_POOL_H

#include <thetis/pool.h>

/* The shape for valid configurations; batches is 0 for others. */
thetis_pool_shape_ tht_pool_shape(const thetis_domain_cfg *domain, const thetis_pool_cfg *cfg);

/* Bytes that it needs; 0: more than there can be. */
size_t tht_pool_bytes(const thetis_pool_shape_ *shape);

/* A pool of that shape, all blocks free, in memory that is aligned and large enough. */
thetis_pool *tht_pool_build(void *mem, thetis_domain *domain, const thetis_pool_shape_ *shape);

/* The most blocks of one thread that can be unreclaimed in a pool of such a shape. */
size_t tht_pool_most(const thetis_pool_shape_ *shape);

#endif
