/* SPDX-License-Identifier: MIT
 *
 * bytes.h: what lanes of byte rings need of bytes.c.
 */
#ifndef THT_RING_BYTES_H
#define THT_RING_BYTES_H

#include <thetis/bytes_end.h>

/* Makes `end` one side of a ring of this valid configuration, which is known to be there. ECORRUPT:
 * its counters do not fit. 2 steps. */
thetis_status tht_bytes_open(thetis_bytes *ring, const thetis_bytes_cfg *cfg, thetis_shm_role role,
                             thetis_bytes_end *end);

#endif
