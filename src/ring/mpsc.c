/* SPDX-License-Identifier: MIT
 *
 * mpsc.c: the ring of thetis/mpsc.h: its shape, and what its inline functions do rarely.
 *
 * Rejected: a map from tickets to slots (one more line for each push, and a list of pinned
 * entries), void tickets that are drawn again when the slot is still held (an adversary makes one
 * producer draw for ever), spare slots owned by the producers (P * (P - 1) of them).
 */
#include "mpsc.h"

#include "../core/start.h"

enum { MPSC_LAPS = 9 }; /* holes of one producer in a window, at most: bounds the spares */

#define MPSC_NONE SIZE_MAX /* no hole */

/* ---- shape ----------------------------------------------------------------------------------- */

static int mpsc_cfg_is_valid(const thetis_mpsc_cfg *cfg)
{
    size_t batch = cfg->batch ? cfg->batch : 1;
    size_t open = cfg->open ? cfg->open : batch;
    return cfg->capacity >= 1 && cfg->capacity <= THETIS_MPSC_CAPACITY_MAX &&
           cfg->producers >= 1 && cfg->producers <= THETIS_MPSC_PRODUCERS_MAX &&
           batch <= open && open <= cfg->capacity &&
           open <= THETIS_MPSC_CAPACITY_MAX / cfg->producers && cfg->elem_size >= 1 &&
           cfg->elem_size <= PTRDIFF_MAX / 2;
}

static size_t mpsc_power_of_two(size_t least)
{
    size_t n = 1;
    while (n < least) n *= 2;
    return n;
}

/* All that rounding R up leaves over becomes lag, which saves spares. */
thetis_mpsc_shape_ tht_mpsc_shape(const thetis_mpsc_cfg *cfg)
{
    thetis_mpsc_shape_ s = {0};
    if (!mpsc_cfg_is_valid(cfg)) return s;
    s.producers = cfg->producers;
    s.batch = cfg->batch ? cfg->batch : 1;
    s.open = cfg->open ? cfg->open : s.batch;
    s.elem_size = cfg->elem_size;
    s.stride = THETIS_MPSC_STRIDE_(cfg->elem_size);
    size_t held = s.producers * s.open, over = (s.producers - 1) * s.batch;
    size_t used = cfg->capacity + over;
    s.homes = mpsc_power_of_two(used + held + 1 + (used + MPSC_LAPS - 1) / MPSC_LAPS);
    size_t apart = s.homes - used - held - 1;
    s.spares = held * ((used + apart - 1) / apart + 2);
    s.lap = s.homes * THETIS_MPSC_STEP_;
    s.window = used * THETIS_MPSC_STEP_;
    s.over = over * THETIS_MPSC_STEP_;
    s.age = UINTPTR_MAX / 4 + 1;
    return s;
}

static size_t mpsc_held(const thetis_mpsc_shape_ *shape)
{
    return shape->producers * shape->open;
}

size_t tht_mpsc_bytes(const thetis_mpsc_shape_ *shape)
{
    size_t slots = shape->homes + shape->spares;
    size_t own = sizeof(thetis_mpsc) + 2 * mpsc_held(shape) * sizeof(thetis_mpsc_hole_) +
                 shape->spares * sizeof(uintptr_t);
    if (slots == 0 || own > PTRDIFF_MAX || shape->stride > (PTRDIFF_MAX - own) / slots) return 0;
    return own + slots * shape->stride;
}

size_t thetis_mpsc_size(const thetis_mpsc_cfg *cfg)
{
    thetis_mpsc_shape_ shape = tht_mpsc_shape(cfg);
    return tht_mpsc_bytes(&shape);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Every home is free for the ticket that comes to it first. */
static void mpsc_build_slots(thetis_mpsc *ring, uintptr_t start)
{
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    for (uintptr_t at = start; at != start + shape->lap; at += THETIS_MPSC_STEP_) {
        thetis_atomic_store_relaxed(thetis_mpsc_home_(ring, at, shape->stride), at);
    }
    for (size_t k = 0; k < shape->spares; k++) {
        thetis_atomic *seq = thetis_mpsc_seq_(ring, shape->homes + k, shape->stride);
        thetis_atomic_store_relaxed(seq, THETIS_MPSC_FREE_);
        ring->consumer_.spare[k] = shape->homes + k;
    }
    ring->consumer_.free = shape->spares;
}

thetis_mpsc *tht_mpsc_build(void *mem, const thetis_mpsc_shape_ *shape, uintptr_t start)
{
    thetis_mpsc *ring = mem;
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    size_t slots = shape->homes + shape->spares;
    memset(ring, 0, sizeof *ring);
    ring->shape_ = *shape;
    c->front = c->seen = start;
    c->assigned = start + shape->window;
    c->hole = (void *)thetis_mpsc_seq_(ring, slots, shape->stride);
    c->spare = (void *)(c->hole + 2 * mpsc_held(shape));
    thetis_atomic_store_relaxed(&ring->tail_, start);
    thetis_atomic_store_relaxed(&c->limit, c->assigned - shape->over);
    mpsc_build_slots(ring, start);
    return ring;
}

thetis_status thetis_mpsc_init(void *mem, size_t len, const thetis_mpsc_cfg *cfg, thetis_mpsc **out)
{
    thetis_mpsc_shape_ shape = tht_mpsc_shape(cfg);
    size_t size = tht_mpsc_bytes(&shape);
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    *out = tht_mpsc_build(mem, &shape, THT_START);
    return THETIS_OK;
}

/* ---- producers ------------------------------------------------------------------------------- */

thetis_status thetis_mpsc_join(thetis_mpsc *ring, thetis_mpsc_producer *producer)
{
    uintptr_t others = thetis_atomic_fetch_add_acquire(&ring->joined_, 1); /* pair: mpsc.place */
    if (others >= ring->shape_.producers) {
        (void)thetis_atomic_fetch_sub_relaxed(&ring->joined_, 1);
        return THETIS_ENOSLOT;
    }
    *producer = (thetis_mpsc_producer){.ring_ = ring}; /* no room: the first push loads tail */
    return THETIS_OK;
}

void thetis_mpsc_leave(thetis_mpsc_producer *producer)
{
    thetis_mpsc *ring = producer->ring_;
    THETIS_ASSERT1(ring && producer->open_ == 0);
    producer->ring_ = NULL;
    (void)thetis_atomic_fetch_sub_release(&ring->joined_, 1); /* pair: mpsc.place */
}

/* Learns tail, then limit, in this order: if there is no room now, then there was none when tail
 * was loaded. */
thetis_status thetis_mpsc_refill_(thetis_mpsc_producer *me)
{
    thetis_mpsc *ring = me->ring_;
    uintptr_t tail = thetis_atomic_load_acquire(&ring->tail_); /* pair: mpsc.tail */
    me->room_ = 0;
    if (tail & THETIS_MPSC_CLOSED_) return THETIS_CLOSED;
    uintptr_t limit = thetis_atomic_load_acquire(&ring->consumer_.limit); /* pair: mpsc.limit */
    me->last_ = tail;
    if ((intptr_t)(limit - tail) <= 0) return THETIS_FULL;
    me->room_ = limit - tail;
    return THETIS_OK;
}

thetis_atomic *thetis_mpsc_spare_(thetis_mpsc *ring, uintptr_t at)
{
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    for (size_t k = 0; k < shape->spares; k++) {
        thetis_atomic *seq = thetis_mpsc_seq_(ring, shape->homes + k, shape->stride);
        if (thetis_atomic_load_relaxed(seq) == at) return seq;
    }
    thetis_assert_fail("every drawn ticket has a slot", __FILE__, __LINE__);
}

/* Tickets drawn from a closed ring: the consumer, if it finds them before the end, shall not wait
 * for them. Relaxed, since there is no element. */
void thetis_mpsc_give_up_(thetis_mpsc_producer *me, uintptr_t at, size_t n)
{
    thetis_mpsc *ring = me->ring_;
    me->room_ = 0; /* sends later pushes to the refill, which sees the flag */
    for (at &= ~THETIS_MPSC_FLAGS_; n > 0; n--, at += THETIS_MPSC_STEP_) {
        thetis_atomic *seq = thetis_mpsc_slot_(ring, at, ring->shape_.stride);
        thetis_atomic_store_relaxed(seq, at + THETIS_MPSC_ABORTED_);
    }
}

thetis_status thetis_mpsc_close(thetis_mpsc *ring)
{
    uintptr_t was =
        thetis_atomic_fetch_or_release(&ring->tail_, THETIS_MPSC_CLOSED_); /* pair: mpsc.tail */
    return was & THETIS_MPSC_CLOSED_ ? THETIS_CLOSED : THETIS_OK;
}

/* ---- consumer: slots ------------------------------------------------------------------------- */

/* Spares are given out in the order of tickets, and met in that order by the front. */
static uintptr_t *mpsc_spare(const thetis_mpsc *ring, size_t k)
{
    return &ring->consumer_.spare[(ring->consumer_.first + k) % ring->shape_.spares];
}

static int mpsc_give_spare(thetis_mpsc *ring, uintptr_t at)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    if (c->free == 0) return 0;
    c->free--;
    size_t slot = *mpsc_spare(ring, c->given++);
    thetis_atomic_store_relaxed(thetis_mpsc_seq_(ring, slot, ring->shape_.stride), at);
    return 1;
}

/* The front goes beyond a ticket, which lies in `slot`. */
static void mpsc_pass(thetis_mpsc *ring, size_t slot)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    c->front += THETIS_MPSC_STEP_;
    if (slot < ring->shape_.homes) return;
    c->given--;
    c->first = (c->first + 1) % ring->shape_.spares;
}

/* The slot is free again: a home for the next ticket there that has no slot yet. */
static void mpsc_recycle(thetis_mpsc *ring, const thetis_mpsc_hole_ *hole)
{
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    uintptr_t next = hole->at + shape->lap;
    uintptr_t behind = c->assigned - next;
    if (hole->slot >= shape->homes) {
        *mpsc_spare(ring, c->given + c->free++) = hole->slot;
        return;
    }
    if ((intptr_t)behind > 0) next += (behind + shape->lap - 1) & ~(shape->lap - 1);
    thetis_atomic_store_relaxed(thetis_mpsc_seq_(ring, hole->slot, shape->stride), next);
}

/* Gives slots to at most `most` more tickets, in order, while there are any, and publishes how
 * far. Without holes every home is free. */
static void mpsc_assign(thetis_mpsc *ring, uintptr_t most)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    uintptr_t goal = c->front + shape->window, before = c->assigned;
    if (c->holes == 0) c->assigned = goal;
    else if (c->front - c->hole[0].at >= shape->age) return;
    for (; most > 0 && c->assigned != goal; most--, c->assigned += THETIS_MPSC_STEP_) {
        thetis_atomic *home = thetis_mpsc_home_(ring, c->assigned, shape->stride);
        if (thetis_atomic_load_relaxed(home) == c->assigned) continue;
        if (!mpsc_give_spare(ring, c->assigned)) break;
    }
    if (c->assigned != before) thetis_mpsc_publish_(ring);
}

/* ---- consumer: holes ------------------------------------------------------------------------- */

static uintptr_t mpsc_state(thetis_mpsc *ring, const thetis_mpsc_hole_ *hole)
{
    thetis_atomic *seq = thetis_mpsc_seq_(ring, hole->slot, ring->shape_.stride);
    return thetis_atomic_load_acquire(seq) - hole->at; /* pair: mpsc.slot */
}

static void mpsc_remove_hole(thetis_mpsc_consumer_ *c, size_t k)
{
    THETIS_ASSERT1(k < c->holes);
    c->holes--;
    memmove(&c->hole[k], &c->hole[k + 1], (c->holes - k) * sizeof c->hole[0]);
}

/* The oldest hole that is committed by now, or NONE; drops those that are aborted. From the
 * youngest to the oldest: when an older one is seen open, the younger was committed already. */
static size_t mpsc_scan(thetis_mpsc *ring)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    size_t found = MPSC_NONE;
    for (size_t k = c->holes; k-- > 0;) {
        uintptr_t state = mpsc_state(ring, &c->hole[k]);
        if (state == THETIS_MPSC_COMMITTED_) {
            found = k;
        } else if (state == THETIS_MPSC_ABORTED_) {
            mpsc_recycle(ring, &c->hole[k]);
            mpsc_remove_hole(c, k);
            if (found != MPSC_NONE) found--;
        }
    }
    return found;
}

/* What is at the front: the slot, its home by the sequence word or the oldest spare given out, and
 * its state. */
static uintptr_t mpsc_front(thetis_mpsc *ring, thetis_mpsc_hole_ *hole)
{
    uintptr_t at = ring->consumer_.front;
    *hole = (thetis_mpsc_hole_){at, (at & (ring->shape_.lap - 1)) >> 2};
    uintptr_t state = mpsc_state(ring, hole);
    if (state <= THETIS_MPSC_FLAGS_) return state;
    hole->slot = *mpsc_spare(ring, 0);
    state = mpsc_state(ring, hole);
    THETIS_ASSERT1(ring->consumer_.given > 0 && state <= THETIS_MPSC_FLAGS_); /* invariant 1 */
    return state;
}

/* Goes from the front on to the first committed ticket, 1, or to the tail as it was seen, 0. Open
 * tickets become holes; aborted ones are dropped. */
static int mpsc_walk(thetis_mpsc *ring, thetis_mpsc_hole_ *hole)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    while (c->front != c->seen) {
        uintptr_t state = mpsc_front(ring, hole);
        if (state == THETIS_MPSC_COMMITTED_) return 1;
        mpsc_pass(ring, hole->slot);
        if (state == THETIS_MPSC_ABORTED_) {
            mpsc_recycle(ring, hole);
        } else {
            THETIS_ASSERT1(c->holes < 2 * mpsc_held(&ring->shape_)); /* invariant 3 */
            c->hole[c->holes++] = *hole;
        }
    }
    return 0;
}

/* ---- consumer: operations -------------------------------------------------------------------- */

/* Where the tickets end, and whether for good: both from one load. */
static void mpsc_look(thetis_mpsc *ring)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    if (c->sealed) return;
    uintptr_t tail = thetis_atomic_load_acquire(&ring->tail_); /* pair: mpsc.tail */
    c->seen = tail & ~THETIS_MPSC_FLAGS_;
    c->sealed = tail & THETIS_MPSC_CLOSED_;
}

static thetis_status mpsc_take(thetis_mpsc *ring, const thetis_mpsc_hole_ *hole, void *item)
{
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    memcpy(item, thetis_mpsc_seq_(ring, hole->slot, shape->stride) + 1, shape->elem_size);
    mpsc_recycle(ring, hole);
    return THETIS_OK;
}

static thetis_status mpsc_take_hole(thetis_mpsc *ring, size_t k, void *item)
{
    thetis_status s = mpsc_take(ring, &ring->consumer_.hole[k], item);
    mpsc_remove_hole(&ring->consumer_, k);
    return s;
}

/* The first look at the holes keeps their number bounded, the second one keeps the order: what is
 * committed behind holes may go only if no hole has been committed before it. `looked`: where the
 * tickets end is known. */
static thetis_status mpsc_next(thetis_mpsc *ring, void *item, int looked)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    thetis_mpsc_hole_ at_front;
    size_t k = mpsc_scan(ring);
    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);
    int found = mpsc_walk(ring, &at_front);
    if (!found && !looked) {
        mpsc_look(ring);
        found = mpsc_walk(ring, &at_front);
    }
    k = mpsc_scan(ring);
    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);
    if (found) {
        mpsc_pass(ring, at_front.slot);
        return mpsc_take(ring, &at_front, item);
    }
    return c->sealed && c->holes == 0 ? THETIS_CLOSED : THETIS_EMPTY;
}

/* Not inlined: an empty ring needs none of its registers. */
__attribute__((noinline)) static thetis_status mpsc_pop_long(thetis_mpsc *ring, void *item,
                                                             int looked)
{
    uintptr_t before = ring->consumer_.front;
    thetis_status s = mpsc_next(ring, item, looked);
    mpsc_assign(ring, ((ring->consumer_.front - before) >> 2) + 1);
    return s;
}

/* Without holes it is mostly that the ring is empty, and then no more has to be done. (The short
 * way does not look where the tickets end, so what was seen may be older than the front.) */
thetis_status thetis_mpsc_pop_slow_(thetis_mpsc *ring, void *item)
{
    thetis_mpsc_consumer_ *c = &ring->consumer_;
    if (c->holes == THETIS_MPSC_CANCELED_) return THETIS_CLOSED;
    if (c->holes) return mpsc_pop_long(ring, item, 0);
    mpsc_look(ring);
    if (c->seen != c->front || c->assigned - c->front != ring->shape_.window) {
        return mpsc_pop_long(ring, item, 1);
    }
    return c->sealed ? THETIS_CLOSED : THETIS_EMPTY;
}

thetis_status thetis_mpsc_cancel(thetis_mpsc *ring)
{
    ring->consumer_.holes = THETIS_MPSC_CANCELED_; /* sends every later pop the long way */
    return thetis_mpsc_close(ring);
}

/* ---- check and bound ------------------------------------------------------------------------- */

static int mpsc_holes_are_sound(const thetis_mpsc *ring)
{
    const thetis_mpsc_consumer_ *c = &ring->consumer_;
    size_t spares = c->given + c->free;
    if (c->holes == THETIS_MPSC_CANCELED_) return 1;
    if (c->holes > 2 * mpsc_held(&ring->shape_)) return 0;
    for (size_t k = 0; k < c->holes; k++) {
        uintptr_t next = k + 1 < c->holes ? c->hole[k + 1].at : c->front;
        if ((intptr_t)(next - c->hole[k].at) <= 0) return 0;
        if (c->hole[k].slot >= ring->shape_.homes + ring->shape_.spares) return 0;
        if (c->hole[k].slot >= ring->shape_.homes) spares++;
    }
    return spares == ring->shape_.spares;
}

thetis_status thetis_mpsc_check(const thetis_mpsc *ring)
{
    const thetis_mpsc_consumer_ *c = &ring->consumer_;
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    uintptr_t limit = thetis_atomic_load_relaxed(&c->limit);
    uintptr_t tail = thetis_atomic_load_relaxed(&ring->tail_) & ~THETIS_MPSC_FLAGS_;
    if (c->assigned - c->front > shape->window || limit != c->assigned - shape->over ||
        (intptr_t)(c->assigned - tail) < 0 || !mpsc_holes_are_sound(ring)) {
        return THETIS_ECORRUPT;
    }
    return THETIS_OK;
}

static uint64_t mpsc_bound_claim(const thetis_mpsc_shape_ *shape, size_t n)
{
    return (uint64_t)3 * (n / shape->batch + (n % shape->batch != 0));
}

uint64_t thetis_mpsc_bound(const thetis_mpsc *ring, thetis_mpsc_op op, size_t n)
{
    const thetis_mpsc_shape_ *shape = &ring->shape_;
    switch (op) {
    case THETIS_MPSC_PUSH:
        return mpsc_bound_claim(shape, n) + (uint64_t)n * (shape->spares + 3);
    case THETIS_MPSC_RESERVE:
        return mpsc_bound_claim(shape, n) + (uint64_t)n * (shape->spares + 2);
    case THETIS_MPSC_POP:
        return (uint64_t)n * (8 * mpsc_held(shape) + 6);
    case THETIS_MPSC_COMMIT:
    case THETIS_MPSC_ABORT:
    case THETIS_MPSC_JOIN:
        return 2;
    default:
        return 1;
    }
}
