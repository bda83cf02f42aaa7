/* SPDX-License-Identifier: MIT
 *
 * mpmc_value.c: the value form of thetis/mpmc.h: one track whose cells are two words.
 */
#include "mpmc.h"


#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

_Static_assert(THETIS_CACHE_LINE % sizeof(thetis_atomic_wide) == 0, "cells begin on a line");

/* ---- sizing and making ----------------------------------------------------------------------- */

typedef struct value_plan {
    tht_mpmc_shape shape;
    size_t track, places, all; /* where things begin */
} value_plan;

/* all is 0 if the configuration is invalid. */
static value_plan value_plan_for(const thetis_mpmc_cfg *cfg)
{
    value_plan p = {.track = sizeof(thetis_mpmc_value)};
    if (!tht_mpmc_valid(cfg)) return p;
    p.shape = tht_mpmc_shape_for(cfg, 0);
    p.places = p.track + tht_mpmc_bytes(&p.shape);
    p.all = p.places + thetis_thread_size(cfg->participants);
    return p;
}

size_t thetis_mpmc_value_size(const thetis_mpmc_cfg *cfg)
{
    return value_plan_for(cfg).all;
}

thetis_status thetis_mpmc_value_init(void *mem, size_t len, const thetis_mpmc_cfg *cfg,
                                     thetis_mpmc_value **out)
{
    value_plan p = value_plan_for(cfg);
    unsigned char *base = mem;
    thetis_mpmc_value *ring = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (p.all == 0 || len < p.all) return THETIS_EINVAL;
    tht_mpmc_build(&ring->track, base + p.track, &p.shape, 0);
    *out = ring;
    return thetis_thread_init(base + p.places, p.all - p.places, cfg->participants,
                              &ring->places);
}

/* ---- participants ---------------------------------------------------------------------------- */

thetis_status thetis_mpmc_value_join(thetis_mpmc_value *ring, thetis_mpmc_value_end *end)
{
    *end = (thetis_mpmc_value_end){.ring_ = ring};
    thetis_status s = thetis_thread_join(ring->places, &end->id_);
    if (s == THETIS_OK) tht_mpmc_arrive(&ring->track, &end->view_);
    return s;
}

void thetis_mpmc_value_leave(thetis_mpmc_value_end *end)
{
    thetis_thread_leave(end->ring_->places, end->id_);
    end->ring_ = NULL;
}

/* ---- operations ------------------------------------------------------------------------------ */

thetis_status thetis_mpmc_value_push(thetis_mpmc_value_end *me, uintptr_t value)
{
    return tht_mpmc_put(&me->ring_->track, &me->view_, (unsigned)me->id_, value);
}

thetis_status thetis_mpmc_value_pop(thetis_mpmc_value_end *me, uintptr_t *value)
{
    return tht_mpmc_take(&me->ring_->track, &me->view_, (unsigned)me->id_, value);
}

size_t thetis_mpmc_value_push_n(thetis_mpmc_value_end *me, const uintptr_t *values, size_t n,
                                thetis_status *why)
{
    thetis_status s = THETIS_OK;
    size_t done = 0;
    for (; done < n; done++) {
        s = thetis_mpmc_value_push(me, values[done]);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

size_t thetis_mpmc_value_pop_n(thetis_mpmc_value_end *me, uintptr_t *values, size_t n,
                               thetis_status *why)
{
    thetis_status s = THETIS_OK;
    size_t done = 0;
    for (; done < n; done++) {
        s = thetis_mpmc_value_pop(me, &values[done]);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

thetis_status thetis_mpmc_value_close(thetis_mpmc_value_end *me)
{
    return tht_mpmc_end(&me->ring_->track, &me->view_, (unsigned)me->id_);
}

/* ---- check and bound ------------------------------------------------------------------------- */

thetis_status thetis_mpmc_value_check(const thetis_mpmc_value *ring)
{
    size_t filled;
    return tht_mpmc_sound(&ring->track, &filled) ? THETIS_OK : THETIS_ECORRUPT;
}

uint64_t thetis_mpmc_value_bound(const thetis_mpmc_value *ring, thetis_mpmc_op op, size_t n)
{
    switch (op) {
    case THETIS_MPMC_PUSH:
        return n * tht_mpmc_bound(&ring->track, THT_MPMC_PUSH);
    case THETIS_MPMC_POP:
        return n * tht_mpmc_bound(&ring->track, THT_MPMC_POP);
    case THETIS_MPMC_CLOSE:
        return tht_mpmc_bound(&ring->track, THT_MPMC_CLOSE);
    case THETIS_MPMC_JOIN:
        return thetis_thread_bound(ring->places, THETIS_THREAD_JOIN) + 1;
    case THETIS_MPMC_LEAVE:
        return thetis_thread_bound(ring->places, THETIS_THREAD_LEAVE);
    default:
        return 0;
    }
}

#endif
