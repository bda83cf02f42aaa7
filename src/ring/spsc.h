/* SPDX-License-Identifier: MIT
 *
 * spsc.h: what a ring of bytes needs of spsc.c.
 */
#ifndef THT_RING_SPSC_H
#define THT_RING_SPSC_H

#include <thetis/spsc_end.h>

/* Makes `end` one side of a ring that says what it should. ECORRUPT: its counters do not fit. */
thetis_status tht_spsc_open(thetis_spsc *ring, const thetis_spsc_cfg *cfg, unsigned char *slots,
                            thetis_shm_role role, thetis_spsc_end *end);

#endif
