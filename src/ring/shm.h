/* SPDX-License-Identifier: MIT
 *
 * shm.h: what a structure in shared memory says of itself (thetis/shm.h), for those in this folder.
 */
#ifndef THT_RING_SHM_H
#define THT_RING_SHM_H

#include <thetis/shm.h>
#include <thetis/status.h>

/* Kinds of structures: the numbers stay. */
typedef enum tht_shm_kind {
    THT_SHM_SPSC = 1,
    THT_SHM_BYTES = 2,
    THT_SHM_BCAST = 3,
    THT_SHM_LATEST = 4,
    THT_SHM_LANES = 5
} tht_shm_kind;

/* What the first bytes say of a structure of this kind, size and configuration. */
thetis_shm_about_ tht_shm_about(tht_shm_kind kind, size_t size, const uintptr_t config[4]);

/* Whether memory that a caller gives can hold a structure of `size` bytes (0: there is none). */
thetis_status tht_shm_holds(const void *mem, size_t len, size_t size);

/* Whether the first bytes of memory that a peer may write say what they should. ENOTSUP: another
 * version, word size or cache line; ECORRUPT: anything else. */
thetis_status tht_shm_is(const thetis_shm_about_ *there, const thetis_shm_about_ *want);

#endif
