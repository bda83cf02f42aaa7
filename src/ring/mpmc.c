/* SPDX-License-Identifier: MIT
 *
 * mpmc.c: the index form of thetis/mpmc.h: a track of filled slots, one of free slots, and a few
 * free slots in the hands of each participant.
 */
#include "mpmc.h"

#include <string.h>

#if THETIS_CAP_MPMC

/* ---- sizing and making ----------------------------------------------------------------------- */

typedef struct mpmc_plan {
    tht_mpmc_shape shape;
    size_t slots, open, stride;
    size_t track, kept, places, elements, all; /* where things begin */
} mpmc_plan;

static size_t mpmc_round(size_t bytes)
{
    return (bytes + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
}

/* all is 0 if the configuration is invalid. */
static mpmc_plan mpmc_plan_for(const thetis_mpmc_cfg *cfg)
{
    mpmc_plan p = {0};
    if (!tht_mpmc_valid(cfg) || cfg->elem_size < 1 || cfg->elem_size > PTRDIFF_MAX / 2) return p;
    p.open = cfg->open ? cfg->open : 1;
    p.slots = THETIS_MPMC_SLOTS_(cfg->capacity, cfg->participants, p.open);
    if (p.slots > THETIS_MPMC_SLOTS_MAX) return p;
    p.stride = THETIS_MPMC_STRIDE_(cfg->elem_size);
    p.shape = tht_mpmc_shape_for(cfg, p.slots);
    p.track = mpmc_round(sizeof(thetis_mpmc));
    p.kept = p.track + 2 * tht_mpmc_bytes(&p.shape);
    p.places = p.kept + cfg->participants * sizeof(tht_mpmc_kept);
    p.elements = p.places + mpmc_round(thetis_thread_size(cfg->participants));
    if (p.stride <= (PTRDIFF_MAX - p.elements) / p.slots)
        p.all = p.elements + p.slots * p.stride;
    return p;
}

size_t thetis_mpmc_size(const thetis_mpmc_cfg *cfg)
{
    return mpmc_plan_for(cfg).all;
}

thetis_status thetis_mpmc_init(void *mem, size_t len, const thetis_mpmc_cfg *cfg, thetis_mpmc **out)
{
    mpmc_plan p = mpmc_plan_for(cfg);
    unsigned char *base = mem;
    thetis_mpmc *ring = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (p.all == 0 || len < p.all) return THETIS_EINVAL;
    memset(base, 0, p.places);
    tht_mpmc_build(&ring->full, base + p.track, &p.shape, 0);
    tht_mpmc_build(&ring->free, base + p.track + tht_mpmc_bytes(&p.shape), &p.shape, p.slots);
    ring->kept = (void *)(base + p.kept);
    ring->elements = base + p.elements;
    ring->slots = p.slots;
    ring->elem_size = cfg->elem_size;
    ring->stride = p.stride;
    ring->open = p.open;
    ring->keep = THETIS_MPMC_KEPT_;
    *out = ring;
    return thetis_thread_init(base + p.places, p.elements - p.places, cfg->participants,
                              &ring->places);
}

/* ---- participants ---------------------------------------------------------------------------- */

thetis_status thetis_mpmc_join(thetis_mpmc *ring, thetis_mpmc_end *end)
{
    thetis_status s;
    *end = (thetis_mpmc_end){.ring_ = ring};
    s = thetis_thread_join(ring->places, &end->id_);
    if (s != THETIS_OK) return s;
    tht_mpmc_arrive(&ring->full, &end->full_);
    tht_mpmc_arrive(&ring->free, &end->free_);
    return THETIS_OK;
}

void thetis_mpmc_leave(thetis_mpmc_end *end)
{
    THETIS_ASSERT1(end->held_ == 0);
    thetis_thread_leave(end->ring_->places, end->id_);
    end->ring_ = NULL;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static void *mpmc_element(const thetis_mpmc *ring, uintptr_t slot)
{
    THETIS_ASSERT2(slot < ring->slots);
    return ring->elements + slot * ring->stride;
}

static uintptr_t mpmc_slot(const thetis_mpmc *ring, const void *at)
{
    size_t offset = (size_t)((const unsigned char *)at - ring->elements);
    THETIS_ASSERT1(offset % ring->stride == 0 && offset / ring->stride < ring->slots);
    return offset / ring->stride;
}

/* A free slot; FULL, or CLOSED, if there is none. */
static thetis_status mpmc_get(thetis_mpmc_end *me, uintptr_t *slot)
{
    thetis_mpmc *ring = me->ring_;
    tht_mpmc_kept *kept = &ring->kept[me->id_];
    if (THETIS_LIKELY(kept->n > 0)) {
        *slot = kept->slot[--kept->n];
        return THETIS_OK;
    }
    if (tht_mpmc_take(&ring->free, &me->free_, (unsigned)me->id_, slot) == THETIS_OK)
        return THETIS_OK;
    return thetis_atomic_load_relaxed(&ring->closed) ? THETIS_CLOSED : THETIS_FULL;
}

static void mpmc_give(thetis_mpmc_end *me, uintptr_t slot)
{
    thetis_mpmc *ring = me->ring_;
    tht_mpmc_kept *kept = &ring->kept[me->id_];
    if (THETIS_LIKELY(kept->n < ring->keep)) {
        kept->slot[kept->n++] = slot;
        return;
    }
    thetis_status s = tht_mpmc_put(&ring->free, &me->free_, (unsigned)me->id_, slot);
    THETIS_ASSERT1(s == THETIS_OK); /* there are as many cells as slots, and one more */
    (void)s;
}

/* ---- operations ------------------------------------------------------------------------------ */

/* Appends the slot, or says CLOSED, and drops it: it is not needed any more. From then on no push
 * says FULL. */
static thetis_status mpmc_append(thetis_mpmc_end *me, uintptr_t slot)
{
    thetis_mpmc *ring = me->ring_;
    thetis_status s = tht_mpmc_put(&ring->full, &me->full_, (unsigned)me->id_, slot);
    if (THETIS_LIKELY(s == THETIS_OK)) return s;
    THETIS_ASSERT1(s == THETIS_CLOSED);
    thetis_atomic_store_relaxed(&ring->closed, 1);
    return s;
}

thetis_status thetis_mpmc_push(thetis_mpmc_end *me, const void *item)
{
    thetis_mpmc *ring = me->ring_;
    uintptr_t slot;
    thetis_status s = mpmc_get(me, &slot);
    if (THETIS_UNLIKELY(s != THETIS_OK)) return s;
    memcpy(mpmc_element(ring, slot), item, ring->elem_size);
    return mpmc_append(me, slot);
}

thetis_status thetis_mpmc_pop(thetis_mpmc_end *me, void *item)
{
    thetis_mpmc *ring = me->ring_;
    uintptr_t slot;
    thetis_status s = tht_mpmc_take(&ring->full, &me->full_, (unsigned)me->id_, &slot);
    if (s != THETIS_OK) return s;
    memcpy(item, mpmc_element(ring, slot), ring->elem_size);
    mpmc_give(me, slot);
    return THETIS_OK;
}

size_t thetis_mpmc_push_n(thetis_mpmc_end *me, const void *items, size_t n, thetis_status *why)
{
    const unsigned char *from = items;
    thetis_status s = THETIS_OK;
    size_t done = 0;
    for (; done < n; done++, from += me->ring_->elem_size) {
        s = thetis_mpmc_push(me, from);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

size_t thetis_mpmc_pop_n(thetis_mpmc_end *me, void *items, size_t n, thetis_status *why)
{
    unsigned char *to = items;
    thetis_status s = THETIS_OK;
    size_t done = 0;
    for (; done < n; done++, to += me->ring_->elem_size) {
        s = thetis_mpmc_pop(me, to);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

thetis_status thetis_mpmc_reserve(thetis_mpmc_end *me, void **at)
{
    uintptr_t slot;
    THETIS_ASSERT1(me->held_ < me->ring_->open);
    thetis_status s = mpmc_get(me, &slot);
    if (s != THETIS_OK) return s;
    me->held_++;
    *at = mpmc_element(me->ring_, slot);
    return THETIS_OK;
}

thetis_status thetis_mpmc_commit(thetis_mpmc_end *me, void *at)
{
    THETIS_ASSERT1(me->held_ > 0);
    me->held_--;
    return mpmc_append(me, mpmc_slot(me->ring_, at));
}

void thetis_mpmc_abort(thetis_mpmc_end *me, void *at)
{
    THETIS_ASSERT1(me->held_ > 0);
    me->held_--;
    mpmc_give(me, mpmc_slot(me->ring_, at));
}

thetis_status thetis_mpmc_peek(thetis_mpmc_end *me, void **at)
{
    uintptr_t slot;
    THETIS_ASSERT1(me->held_ < me->ring_->open);
    thetis_status s = tht_mpmc_take(&me->ring_->full, &me->full_, (unsigned)me->id_, &slot);
    if (s != THETIS_OK) return s;
    me->held_++;
    *at = mpmc_element(me->ring_, slot);
    return THETIS_OK;
}

void thetis_mpmc_release(thetis_mpmc_end *me, void *at)
{
    thetis_mpmc_abort(me, at);
}

thetis_status thetis_mpmc_close(thetis_mpmc_end *me)
{
    thetis_mpmc *ring = me->ring_;
    thetis_status s = tht_mpmc_end(&ring->full, &me->full_, (unsigned)me->id_);
    thetis_atomic_store_relaxed(&ring->closed, 1);
    return s;
}

/* ---- check and bound ------------------------------------------------------------------------- */

thetis_status thetis_mpmc_check(const thetis_mpmc *ring)
{
    size_t full, free, kept = 0;
    for (size_t k = 0; k < ring->full.users; k++) {
        if (ring->kept[k].n > THETIS_MPMC_KEPT_) return THETIS_ECORRUPT;
        kept += ring->kept[k].n;
    }
    if (!tht_mpmc_sound(&ring->full, &full) || !tht_mpmc_sound(&ring->free, &free) ||
        full + free + kept > ring->slots) {
        return THETIS_ECORRUPT;
    }
    return THETIS_OK;
}

/* To see that there is no slot at hand, or no place for one, is a step; to have one is 4, less than
 * what else would be done. */
uint64_t thetis_mpmc_bound(const thetis_mpmc *ring, thetis_mpmc_op op, size_t n)
{
    uint64_t track = tht_mpmc_bound(&ring->full, THT_MPMC_PUSH);
    switch (op) {
    case THETIS_MPMC_PUSH:
    case THETIS_MPMC_POP:
        return n * (2 * track + ring->stride / sizeof(uintptr_t) + 2);
    case THETIS_MPMC_RESERVE:
        return track + 2;
    case THETIS_MPMC_PEEK:
        return track;
    case THETIS_MPMC_JOIN:
        return thetis_thread_bound(ring->places, THETIS_THREAD_JOIN) + 2;
    case THETIS_MPMC_LEAVE:
        return thetis_thread_bound(ring->places, THETIS_THREAD_LEAVE);
    default:
        return track + 1;
    }
}

#endif
