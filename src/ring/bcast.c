/* SPDX-License-Identifier: MIT
 *
 * bcast.c: the cold part of thetis/bcast.h, which describes the ring.
 */
#include <thetis/bcast.h>

#include "../core/start.h"
#include "../core/thread.h"
#include "shm.h"

/* Places of readers lie behind the slots; LOSSY has none. */
static thetis_thread_table *bcast_places(thetis_bcast *ring)
{
    size_t size = ring->shape_.elem_size_;
    size_t words = THETIS_BCAST_SLOT_(size) / sizeof(uintptr_t) * (ring->shape_.span_ >> 2);
    return (void *)(thetis_bcast_slot_(ring, 0, size) + words);
}

size_t thetis_bcast_size(const thetis_bcast_cfg *cfg)
{
    size_t capacity = cfg->capacity, lossy = cfg->mode == THETIS_BCAST_LOSSY;
    size_t most = PTRDIFF_MAX - THETIS_BCAST_SIZE(0, 0, THETIS_THREAD_MAX);
    if (capacity == 0 || capacity > THETIS_BCAST_CAPACITY_MAX) return 0;
    if ((capacity & (capacity - 1)) != 0) return 0;
    if (cfg->mode != THETIS_BCAST_REFUSE && cfg->mode != THETIS_BCAST_EVICT && !lossy) return 0;
    if (lossy != (cfg->readers == 0) || cfg->readers > THETIS_THREAD_MAX) return 0;
    if (cfg->elem_size == 0 || cfg->elem_size > most / capacity) return 0;
    if (THETIS_BCAST_SLOT_(cfg->elem_size) > most / capacity) return 0;
    return THETIS_BCAST_SIZE(cfg->elem_size, capacity, cfg->readers);
}

static thetis_shm_about_ bcast_about(const thetis_bcast_cfg *cfg)
{
    return tht_shm_about(
        THT_SHM_BCAST, thetis_bcast_size(cfg),
        (uintptr_t[4]){cfg->elem_size, cfg->capacity, cfg->readers, (uintptr_t)cfg->mode});
}

static void bcast_set_shape(thetis_bcast *ring, const thetis_bcast_cfg *cfg)
{
    ring->shape_.readers_ = cfg->readers;
    ring->shape_.mode_ = cfg->mode;
    ring->shape_.span_ = cfg->capacity << 2;
    ring->shape_.elem_size_ = cfg->elem_size;
}

thetis_status thetis_bcast_init(void *mem, size_t len, const thetis_bcast_cfg *cfg,
                                thetis_bcast **out)
{
    size_t size = thetis_bcast_size(cfg);
    thetis_bcast *ring = mem;
    thetis_thread_table *places;
    THETIS_ASSERT1(out);
    if (tht_shm_holds(mem, len, size) != THETIS_OK) return THETIS_EINVAL;
    memset(ring, 0, size);
    ring->about_ = bcast_about(cfg);
    bcast_set_shape(ring, cfg);
    ring->producer_.at_ = ring->producer_.joins_ = THT_START;
    ring->producer_.limit_ = THT_START + ring->shape_.span_;
    thetis_atomic_store_relaxed(&ring->shape_.joins_, THT_START);
    thetis_atomic_store_relaxed(&ring->shown_.begun_, THT_START);
    thetis_atomic_store_relaxed(&ring->shown_.tail_, THT_START);
    *out = ring;
    if (cfg->mode == THETIS_BCAST_LOSSY) return THETIS_OK;
    return thetis_thread_init(bcast_places(ring), THETIS_THREAD_SIZE(cfg->readers), cfg->readers,
                              &places);
}

/* Knows of no room: the first push looks at all cursors. */
static thetis_status bcast_succeed(thetis_bcast *ring)
{
    const thetis_bcast *there = thetis_bcast_there_(ring);
    uintptr_t tail = thetis_atomic_load_relaxed(&there->shown_.tail_);
    ring->producer_.at_ = ring->producer_.limit_ = tail & ~THETIS_BCAST_STATE_;
    ring->producer_.closed_ = tail & THETIS_BCAST_CLOSED_;
    if (ring->shape_.mode_ != THETIS_BCAST_LOSSY) return THETIS_OK;
    uintptr_t ahead = thetis_atomic_load_relaxed(&there->shown_.begun_) - ring->producer_.at_;
    ring->producer_.ahead_ = (intptr_t)ahead > 0 ? ahead : 0;
    return ahead % 4 == 0 && ring->producer_.ahead_ <= ring->shape_.span_ ? THETIS_OK
                                                                           : THETIS_ECORRUPT;
}

thetis_status thetis_bcast_attach(void *mem, size_t len, const thetis_bcast_cfg *cfg,
                                  thetis_shm_role role, thetis_bcast *ring)
{
    const thetis_shm_about_ want = bcast_about(cfg);
    const thetis_bcast *there = mem;
    thetis_status s = tht_shm_holds(mem, len, thetis_bcast_size(cfg));
    THETIS_ASSERT1(ring);
    if (s == THETIS_OK) s = tht_shm_is(&there->about_, &want);
    if (s != THETIS_OK) return s;
    memset(ring, 0, sizeof *ring);
    bcast_set_shape(ring, cfg);
    ring->shape_.far_ = (uintptr_t)mem - (uintptr_t)ring;
    return role == THETIS_SHM_PRODUCER ? bcast_succeed(ring) : THETIS_OK;
}

/* ---- readers --------------------------------------------------------------------------------- */

thetis_status thetis_bcast_join(thetis_bcast *ring, thetis_bcast_reader *reader)
{
    thetis_bcast *there = thetis_bcast_there_(ring);
    thetis_bcast_reader joined = {.of_ = ring};
    if (ring->shape_.mode_ == THETIS_BCAST_LOSSY) {
        uintptr_t tail = thetis_atomic_load_relaxed(&there->shown_.tail_);
        joined.at_ = tail & ~THETIS_BCAST_STATE_;
    } else {
        thetis_status s = tht_thread_take(bcast_places(ring), ring->shape_.readers_,
                                          &joined.place_);
        if (s != THETIS_OK) return s;
        thetis_atomic_store_release(thetis_bcast_cursor_of_(ring, joined.place_),
                                    THETIS_BCAST_JOINING_); /* pair: bcast.cursor */
        (void)thetis_atomic_fetch_add_release(&there->shape_.joins_, 1); /* pair: bcast.join */
    }
    *reader = joined;
    return THETIS_OK;
}

void thetis_bcast_leave(thetis_bcast_reader *reader)
{
    thetis_bcast *ring = reader->of_;
    THETIS_ASSERT1(ring);
    reader->of_ = NULL;
    if (ring->shape_.mode_ == THETIS_BCAST_LOSSY) return;
    thetis_atomic_store_release(thetis_bcast_cursor_of_(ring, reader->place_),
                                THETIS_BCAST_FREE_); /* pair: bcast.cursor */
    tht_thread_give(bcast_places(ring), reader->place_);
}

uintptr_t thetis_bcast_missed(const thetis_bcast_reader *reader)
{
    return reader->missed_;
}

/* To the newer half: what is older would soon be overwritten, too. To tail, if that is no step: a
 * batch is being written that reaches round the ring to here. */
void thetis_bcast_skip_(thetis_bcast_reader *reader)
{
    thetis_bcast *ring = reader->of_;
    uintptr_t tail =
        thetis_atomic_load_relaxed(&thetis_bcast_there_(ring)->shown_.tail_) & ~THETIS_BCAST_STATE_;
    uintptr_t capacity = ring->shape_.span_ >> 2;
    uintptr_t to = tail - ((capacity - capacity / 2) << 2);
    if (THETIS_CAST(intptr_t, to - reader->at_) <= 0) to = tail;
    reader->missed_ += (to - reader->at_) >> 2;
    reader->at_ = to;
}

/* ---- producer -------------------------------------------------------------------------------- */

/* How far an ACTIVE cursor is behind; others hold nothing. */
static uintptr_t bcast_lag(const thetis_bcast *ring, uintptr_t cursor)
{
    if ((cursor & THETIS_BCAST_STATE_) != THETIS_BCAST_ACTIVE_) return 0;
    return ring->producer_.at_ - (cursor & ~THETIS_BCAST_STATE_);
}

/* One that cannot be, since a peer has written it, leaves no room. */
static uintptr_t bcast_held(const thetis_bcast *ring, uintptr_t cursor)
{
    uintptr_t lag = bcast_lag(ring, cursor);
    return lag <= ring->shape_.span_ ? lag : ring->shape_.span_;
}

/* One reader: activated if it has joined, evicted if it leaves no room for `n`. Its lag. */
static uintptr_t bcast_visit(thetis_bcast *ring, thetis_atomic *cursor, size_t n)
{
    uintptr_t at = ring->producer_.at_;
    uintptr_t seen = thetis_atomic_load_acquire(cursor); /* pair: bcast.cursor */
    uintptr_t lag = bcast_held(ring, seen);
    if (seen == THETIS_BCAST_JOINING_) { /* fails if it has left meanwhile */
        (void)thetis_atomic_cas_relaxed(cursor, seen, at | THETIS_BCAST_ACTIVE_);
    } else if (ring->shape_.mode_ == THETIS_BCAST_EVICT && (ring->shape_.span_ - lag) >> 2 < n) {
        if (thetis_atomic_cas_relaxed(cursor, seen, THETIS_BCAST_EVICTED_)) return 0;
        lag = bcast_held(ring, thetis_atomic_load_relaxed(cursor));
    }
    return lag;
}

void thetis_bcast_survey_(thetis_bcast *ring, size_t n)
{
    uintptr_t most = 0, span = ring->shape_.span_;
    if (n > span >> 2) n = span >> 2; /* evicts nobody in vain */
    for (size_t k = 0; k < ring->shape_.readers_; k++) {
        uintptr_t lag = bcast_visit(ring, thetis_bcast_cursor_of_(ring, k), n);
        if (lag > most) most = lag;
    }
    ring->producer_.limit_ = ring->producer_.at_ + span - most;
}

static int bcast_is_sound(const thetis_bcast *ring)
{
    thetis_bcast_cfg cfg = {ring->shape_.elem_size_, ring->shape_.span_ >> 2,
                            ring->shape_.readers_, (thetis_bcast_mode)ring->shape_.mode_};
    uintptr_t room = ring->producer_.limit_ - ring->producer_.at_;
    return thetis_bcast_size(&cfg) != 0 &&
           (cfg.mode == THETIS_BCAST_LOSSY || room <= ring->shape_.span_);
}

thetis_status thetis_bcast_check(const thetis_bcast *ring)
{
    const thetis_bcast *there = thetis_bcast_there_(ring);
    const thetis_bcast_cursor_ *cursors = (const void *)(there + 1);
    uintptr_t tail = thetis_atomic_load_relaxed(&there->shown_.tail_) & ~THETIS_BCAST_CLOSED_;
    if (!bcast_is_sound(ring) || tail != ring->producer_.at_) return THETIS_ECORRUPT;
    for (size_t k = 0; k < ring->shape_.readers_; k++) {
        uintptr_t cursor = thetis_atomic_load_relaxed(&cursors[k].at_);
        if (bcast_lag(ring, cursor) > ring->shape_.span_) return THETIS_ECORRUPT;
    }
    return THETIS_OK;
}

uint64_t thetis_bcast_bound(const thetis_bcast *ring, thetis_bcast_op op, size_t n)
{
    uint64_t words = THETIS_BCAST_SLOT_(ring->shape_.elem_size_) / sizeof(uintptr_t);
    uint64_t readers = ring->shape_.readers_, evict = ring->shape_.mode_ == THETIS_BCAST_EVICT;
    switch (op) {
    case THETIS_BCAST_PUSH: return (uint64_t)n * words + 2 + (2 + evict) * readers;
    case THETIS_BCAST_POP: return (uint64_t)n * words + 3;
    case THETIS_BCAST_JOIN: return readers ? readers + 3 : 1;
    case THETIS_BCAST_LEAVE: return readers ? 3 : 0;
    default: return 1;
    }
}
