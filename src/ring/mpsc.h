/* SPDX-License-Identifier: MIT
 *
 * mpsc.h: making a ring of any shape: for mpsc.c, and for tests that want tiny ones, too few spare
 * slots, or positions near the wrap. A shape that breaks the sizing rules is FULL early, no more.
 */
#ifndef THT_MPSC_H
#define THT_MPSC_H

#include <thetis/mpsc.h>

/* The shape for a valid configuration; homes is 0 for another. */
thetis_mpsc_shape_ tht_mpsc_shape(const thetis_mpsc_cfg *cfg);

/* Bytes that it needs; 0: more than there can be. */
size_t tht_mpsc_bytes(const thetis_mpsc_shape_ *shape);

/* An empty ring whose first ticket has the position `start`, a multiple of 4, in memory that is
 * aligned and large enough. */
thetis_mpsc *tht_mpsc_build(void *mem, const thetis_mpsc_shape_ *shape, uintptr_t start);

#endif
