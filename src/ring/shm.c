/* SPDX-License-Identifier: MIT
 *
 * shm.c: what a structure in shared memory says of itself. thetis/shm.h describes the promise.
 */
#include "shm.h"

#include <string.h>

#define SHM_MAGIC 0x53487454u /* "TtHS" where the low byte comes first */

enum { SHM_VERSION = 1 };

thetis_shm_about_ tht_shm_about(tht_shm_kind kind, size_t size, const uintptr_t config[4])
{
    thetis_shm_about_ about;
    memset(&about, 0, sizeof about);
    about.magic_ = SHM_MAGIC;
    about.kind_ = (uint8_t)kind;
    about.version_ = SHM_VERSION;
    about.word_ = sizeof(uintptr_t);
    about.line_ = THETIS_CACHE_LINE;
    about.size_ = size;
    memcpy(about.config_, config, sizeof about.config_);
    return about;
}

thetis_status tht_shm_holds(const void *mem, size_t len, size_t size)
{
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    return size != 0 && len >= size ? THETIS_OK : THETIS_EINVAL;
}

/* Nothing of what it reads here is used but for these comparisons, so it does not matter that a
 * peer may change it meanwhile. */
thetis_status tht_shm_is(const thetis_shm_about_ *there, const thetis_shm_about_ *want)
{
    if (there->magic_ != want->magic_) return THETIS_ECORRUPT;
    if (there->version_ != want->version_ || there->word_ != want->word_ ||
        there->line_ != want->line_)
        return THETIS_ENOTSUP;
    if (there->kind_ != want->kind_ || there->size_ != want->size_) return THETIS_ECORRUPT;
    return memcmp(there->config_, want->config_, sizeof want->config_) == 0 ? THETIS_OK
                                                                            : THETIS_ECORRUPT;
}
