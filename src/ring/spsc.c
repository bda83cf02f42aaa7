/* SPDX-License-Identifier: MIT
 *
 * spsc.c: the cold part of thetis/spsc.h, which describes the ring.
 */
#include "spsc.h"

#include "shm.h"

#include "../core/start.h"

size_t thetis_spsc_size(const thetis_spsc_cfg *cfg)
{
    size_t capacity = cfg->capacity;
    size_t room = PTRDIFF_MAX - sizeof(thetis_spsc);
    if (capacity == 0 || capacity > THETIS_SPSC_CAPACITY_MAX) return 0;
    if ((capacity & (capacity - 1)) != 0) return 0;
    if (cfg->elem_size == 0 || cfg->elem_size > room / capacity) return 0;
    return THETIS_SPSC_SIZE(cfg->elem_size, capacity);
}

static thetis_shm_about_ spsc_about(const thetis_spsc_cfg *cfg)
{
    return tht_shm_about(THT_SHM_SPSC, thetis_spsc_size(cfg),
                         (uintptr_t[4]){cfg->elem_size, cfg->capacity});
}

thetis_status thetis_spsc_init(void *mem, size_t len, const thetis_spsc_cfg *cfg, thetis_spsc **out)
{
    size_t size = thetis_spsc_size(cfg);
    thetis_spsc *ring = mem;
    THETIS_ASSERT1(out);
    if (tht_shm_holds(mem, len, size) != THETIS_OK) return THETIS_EINVAL;
    memset(ring, 0, sizeof *ring);
    ring->about_ = spsc_about(cfg);
    ring->producer_.span_ = cfg->capacity * 2;
    ring->producer_.mask_ = (cfg->capacity * 2 - 1) & ~THETIS_SPSC_FLAG_;
    ring->producer_.elem_size_ = cfg->elem_size;
    ring->producer_.known_ = THT_START;
    thetis_atomic_store_relaxed(&ring->producer_.at_, THT_START);
    ring->consumer_ = ring->producer_;
    ring->producer_.known_ += ring->producer_.span_;
    *out = ring;
    return THETIS_OK;
}

static int spsc_side_is_sound(const thetis_spsc_side_ *side)
{
    thetis_spsc_cfg cfg = {side->elem_size_, side->span_ / 2};
    return thetis_spsc_size(&cfg) != 0 &&
           side->mask_ == ((side->span_ - 1) & ~THETIS_SPSC_FLAG_);
}

/* A canceled head lies beyond the tail. */
static int spsc_counters_are_sound(uintptr_t tail, uintptr_t head, uintptr_t span)
{
    tail &= ~THETIS_SPSC_FLAG_;
    return (head & THETIS_SPSC_FLAG_ ? head - 1 - tail : tail - head) <= span;
}

/* The other side may move its counter between the two loads, but only within the bounds. */
thetis_status thetis_spsc_check(const thetis_spsc *ring)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&ring->producer_.at_);
    uintptr_t head = thetis_atomic_load_relaxed(&ring->consumer_.at_);
    if (!spsc_side_is_sound(&ring->producer_) || !spsc_side_is_sound(&ring->consumer_) ||
        ring->producer_.span_ != ring->consumer_.span_ ||
        ring->producer_.elem_size_ != ring->consumer_.elem_size_) {
        return THETIS_ECORRUPT;
    }
    return spsc_counters_are_sound(tail, head, ring->producer_.span_) ? THETIS_OK
                                                                      : THETIS_ECORRUPT;
}

/* Known is what it has itself: the first operation looks at the other's counter. */
thetis_status tht_spsc_open(thetis_spsc *ring, const thetis_spsc_cfg *cfg, unsigned char *slots,
                            thetis_shm_role role, thetis_spsc_end *end)
{
    const int first = role == THETIS_SHM_PRODUCER;
    uintptr_t tail = thetis_atomic_load_relaxed(&ring->producer_.at_);
    uintptr_t head = thetis_atomic_load_relaxed(&ring->consumer_.at_);
    uintptr_t at = first ? tail : head, span = cfg->capacity * 2;
    if (!spsc_counters_are_sound(tail, head, span)) return THETIS_ECORRUPT;
    *end = (thetis_spsc_end){
        .side_ = {.at_ = {at},
                  .known_ = at,
                  .mask_ = (span - 1) & ~THETIS_SPSC_FLAG_,
                  .span_ = span,
                  .elem_size_ = cfg->elem_size},
        .mine_ = first ? &ring->producer_.at_ : &ring->consumer_.at_,
        .theirs_ = first ? &ring->consumer_.at_ : &ring->producer_.at_,
        .slots_ = slots,
        .role_ = role,
    };
    return THETIS_OK;
}

thetis_status thetis_spsc_attach(void *mem, size_t len, const thetis_spsc_cfg *cfg,
                                 thetis_shm_role role, thetis_spsc_end *end)
{
    const thetis_shm_about_ want = spsc_about(cfg);
    thetis_spsc *ring = mem;
    THETIS_ASSERT1(end);
    if (tht_shm_holds(mem, len, thetis_spsc_size(cfg)) != THETIS_OK) return THETIS_EINVAL;
    thetis_status s = tht_shm_is(&ring->about_, &want);
    return s == THETIS_OK ? tht_spsc_open(ring, cfg, (unsigned char *)(ring + 1), role, end) : s;
}

uint64_t thetis_spsc_bound(const thetis_spsc *ring, thetis_spsc_op op, size_t n)
{
    (void)ring; /* no term depends on the capacity */
    switch (op) {
    case THETIS_SPSC_PUSH:
    case THETIS_SPSC_POP:
        return (uint64_t)n + 3;
    case THETIS_SPSC_ABORT:
        return 0;
    default:
        return 2;
    }
}
