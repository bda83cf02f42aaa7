/* SPDX-License-Identifier: MIT
 *
 * spsc.c: the cold part of thetis/spsc.h, which describes the ring.
 */
#include <thetis/spsc.h>

size_t thetis_spsc_size(const thetis_spsc_cfg *cfg)
{
    size_t capacity = cfg->capacity;
    size_t room = PTRDIFF_MAX - sizeof(thetis_spsc);
    if (capacity == 0 || capacity > THETIS_SPSC_CAPACITY_MAX) return 0;
    if ((capacity & (capacity - 1)) != 0) return 0;
    if (cfg->elem_size == 0 || cfg->elem_size > room / capacity) return 0;
    return THETIS_SPSC_SIZE(cfg->elem_size, capacity);
}

thetis_status thetis_spsc_init(void *mem, size_t len, const thetis_spsc_cfg *cfg, thetis_spsc **out)
{
    size_t size = thetis_spsc_size(cfg);
    thetis_spsc *ring = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    memset(ring, 0, sizeof *ring);
    ring->producer_.span_ = cfg->capacity * 2;
    ring->producer_.mask_ = (cfg->capacity * 2 - 1) & ~THETIS_SPSC_FLAG_;
    ring->producer_.elem_size_ = cfg->elem_size;
    ring->consumer_ = ring->producer_;
    ring->producer_.known_ = ring->producer_.span_;
    *out = ring;
    return THETIS_OK;
}

static int spsc_side_is_sound(const thetis_spsc_side_ *side)
{
    thetis_spsc_cfg cfg = {side->elem_size_, side->span_ / 2};
    return thetis_spsc_size(&cfg) != 0 &&
           side->mask_ == ((side->span_ - 1) & ~THETIS_SPSC_FLAG_);
}

/* The other side may move its counter between the two loads, but only within the bounds. */
thetis_status thetis_spsc_check(const thetis_spsc *ring)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&ring->producer_.at_) & ~THETIS_SPSC_FLAG_;
    uintptr_t head = thetis_atomic_load_relaxed(&ring->consumer_.at_);
    uintptr_t stored = head & THETIS_SPSC_FLAG_ ? head - 1 - tail : tail - head;
    if (!spsc_side_is_sound(&ring->producer_) || !spsc_side_is_sound(&ring->consumer_) ||
        ring->producer_.span_ != ring->consumer_.span_ ||
        ring->producer_.elem_size_ != ring->consumer_.elem_size_) {
        return THETIS_ECORRUPT;
    }
    return stored <= ring->producer_.span_ ? THETIS_OK : THETIS_ECORRUPT;
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
