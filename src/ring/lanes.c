/* SPDX-License-Identifier: MIT
 *
 * lanes.c: the cold part of thetis/lanes.h, which describes the lanes, and the search for the next
 * record.
 */
#include <thetis/lanes.h>

#include "../core/start.h"
#include "bytes.h"
#include "shm.h"

#define LANES_FAR (UINTPTR_MAX / 4 + 1) /* further than there are tickets in the lanes */

static thetis_lanes_lane_ *lanes_lane(const thetis_lanes *lanes, size_t k)
{
    return (void *)((unsigned char *)(lanes->memory_ + 1) + k * lanes->stride_);
}

static thetis_bytes *lanes_ring(thetis_lanes_lane_ *lane)
{
    return (void *)(lane + 1);
}

/* ---- making ---------------------------------------------------------------------------------- */

static thetis_bytes_cfg lanes_ring_cfg(const thetis_lanes_cfg *cfg)
{
    return (thetis_bytes_cfg){.capacity = cfg->capacity,
                              .max_record = cfg->max_record + THETIS_LANES_TICKET_};
}

size_t thetis_lanes_size(const thetis_lanes_cfg *cfg)
{
    const thetis_bytes_cfg ring = lanes_ring_cfg(cfg);
    if (cfg->producers == 0 || cfg->producers > THETIS_LANES_PRODUCERS_MAX) return 0;
    if (cfg->max_record > THETIS_BYTES_CAPACITY_MAX || thetis_bytes_size(&ring) == 0) return 0;
    if (THETIS_LANES_STRIDE_(cfg->capacity) >
        (PTRDIFF_MAX - sizeof(thetis_lanes_memory_)) / cfg->producers)
        return 0;
    return THETIS_LANES_SIZE(cfg->producers, cfg->capacity);
}

size_t thetis_lanes_consumer_size(const thetis_lanes_cfg *cfg)
{
    return thetis_lanes_size(cfg) ? THETIS_LANES_CONSUMER_SIZE(cfg->producers) : 0;
}

static thetis_shm_about_ lanes_about(const thetis_lanes_cfg *cfg)
{
    return tht_shm_about(THT_SHM_LANES, thetis_lanes_size(cfg),
                         (uintptr_t[4]){cfg->producers, cfg->capacity, cfg->max_record});
}

/* What init() and attach() refuse; how this process knows the lanes. */
static thetis_status lanes_place(void *mem, size_t len, const thetis_lanes_cfg *cfg,
                                 thetis_lanes *lanes)
{
    const thetis_lanes_cfg least = {cfg->producers, cfg->capacity, 0};
    size_t size = thetis_lanes_size(cfg);
    THETIS_ASSERT1(lanes);
    if (size == 0 && thetis_lanes_size(&least) != 0) return THETIS_E2BIG;
    if (tht_shm_holds(mem, len, size) != THETIS_OK) return THETIS_EINVAL;
    *lanes = (thetis_lanes){.memory_ = mem,
                            .lanes_ = cfg->producers,
                            .stride_ = THETIS_LANES_STRIDE_(cfg->capacity),
                            .ring_ = lanes_ring_cfg(cfg)};
    return THETIS_OK;
}

thetis_status thetis_lanes_init(void *mem, size_t len, const thetis_lanes_cfg *cfg,
                                thetis_lanes *lanes)
{
    thetis_lanes made;
    thetis_status s = lanes_place(mem, len, cfg, &made);
    for (size_t k = 0; s == THETIS_OK && k < made.lanes_; k++) {
        thetis_lanes_lane_ *lane = lanes_lane(&made, k);
        thetis_bytes *ring;
        memset(lane, 0, sizeof *lane);
        thetis_atomic_store_relaxed(&lane->promised_, THT_START); /* as its ring's counters */
        s = thetis_bytes_init(lanes_ring(lane), thetis_bytes_size(&made.ring_), &made.ring_,
                              &ring);
    }
    if (s != THETIS_OK) return s;
    memset(made.memory_, 0, sizeof *made.memory_);
    made.memory_->about_ = lanes_about(cfg);
    thetis_atomic_store_relaxed(&made.memory_->tail_, THT_START);
    *lanes = made;
    return THETIS_OK;
}

thetis_status thetis_lanes_attach(void *mem, size_t len, const thetis_lanes_cfg *cfg,
                                  thetis_lanes *lanes)
{
    const thetis_shm_about_ want = lanes_about(cfg);
    thetis_lanes there;
    thetis_status s = lanes_place(mem, len, cfg, &there);
    if (s == THETIS_OK) s = tht_shm_is(&there.memory_->about_, &want);
    if (s == THETIS_OK) *lanes = there;
    return s;
}

/* ---- producers ------------------------------------------------------------------------------- */

static int lanes_are_closed(const thetis_atomic *all)
{
    uintptr_t tail = thetis_atomic_load_acquire(all); /* pair: lanes.tail */
    return tail & THETIS_LANES_CLOSED_ ? 1 : 0;
}

thetis_status thetis_lanes_join(const thetis_lanes *lanes, uintptr_t who,
                                thetis_lanes_producer *producer)
{
    THETIS_ASSERT1(who != 0);
    if (lanes_are_closed(&lanes->memory_->tail_)) return THETIS_CLOSED;
    for (size_t k = 0; k < lanes->lanes_; k++) {
        thetis_lanes_lane_ *lane = lanes_lane(lanes, k);
        if (!thetis_atomic_cas_acquire(&lane->owner_, 0, who)) continue; /* pair: lanes.owner */
        thetis_lanes_producer joined = {.tail_ = &lanes->memory_->tail_, .lane_ = lane};
        thetis_status s =
            tht_bytes_open(lanes_ring(lane), &lanes->ring_, THETIS_SHM_PRODUCER, &joined.end_);
        if (s == THETIS_OK) *producer = joined;
        else thetis_atomic_store_release(&lane->owner_, 0); /* pair: lanes.owner */
        return s;
    }
    return THETIS_ENOSLOT;
}

void thetis_lanes_leave(thetis_lanes_producer *producer)
{
    thetis_lanes_lane_ *lane = producer->lane_;
    THETIS_ASSERT1(lane && producer->end_.bytes_.side_.open_ == 0);
    producer->lane_ = NULL;
    thetis_atomic_store_release(&lane->owner_, 0); /* pair: lanes.owner */
}

uintptr_t thetis_lanes_user(const thetis_lanes *lanes, size_t lane)
{
    THETIS_ASSERT1(lane < lanes->lanes_);
    return thetis_atomic_load_relaxed(&lanes_lane(lanes, lane)->owner_);
}

int thetis_lanes_is_closed_(thetis_lanes_producer *me)
{
    int closed = lanes_are_closed(me->tail_);
    if (closed) me->closed_ = 1;
    return closed;
}

/* A ticket drawn from closed lanes: there will be no record, and nobody waits for one. */
thetis_status thetis_lanes_give_up_(thetis_lanes_producer *me)
{
    thetis_spsc_side_ *bytes = &me->end_.bytes_.side_;
    me->closed_ = 1;
    thetis_spsc_end_abort(&me->end_.bytes_, bytes->open_ >> 1);
    thetis_atomic_store_relaxed(&me->lane_->promised_, thetis_atomic_load_relaxed(&bytes->at_));
    return THETIS_CLOSED;
}

thetis_status thetis_lanes_close(const thetis_lanes *lanes)
{
    uintptr_t was = thetis_atomic_fetch_or_release(
        &lanes->memory_->tail_, THETIS_LANES_CLOSED_); /* pair: lanes.tail */
    return was & THETIS_LANES_CLOSED_ ? THETIS_CLOSED : THETIS_OK;
}

/* Reserves and fills up to `n` records, and returns how many. */
static size_t lanes_fill(thetis_lanes_producer *me, const thetis_bytes_run *records, size_t n,
                         thetis_status *why)
{
    size_t done = 0;
    *why = THETIS_OK;
    for (void *record; done < n; done++, records++) {
        *why = thetis_lanes_reserve(me, records->n, &record);
        if (*why != THETIS_OK) break;
        if (records->n) memcpy(record, records->at, records->n);
    }
    return done;
}

/* Publishes the `n` that are reserved, and returns how many: all, or a peer has changed them. */
static size_t lanes_publish(thetis_lanes_producer *me, const thetis_bytes_run *records, size_t n,
                            uintptr_t ticket, thetis_status *why)
{
    thetis_bytes_view_ view = thetis_bytes_end_view_(&me->end_, THETIS_SHM_PRODUCER);
    size_t done = 0;
    for (; done < n; done++, records++, ticket += THETIS_LANES_STEP_) {
        uintptr_t at = thetis_atomic_load_relaxed(&view.bytes.me->at_);
        thetis_bytes_place_ place;
        thetis_status s = thetis_bytes_oldest_(view, at, records->n + THETIS_LANES_TICKET_, &place);
        if (s != THETIS_OK) {
            *why = s;
            break;
        }
        thetis_lanes_publish_(view, at, &place, ticket, records->n);
    }
    return done;
}

size_t thetis_lanes_push_n(thetis_lanes_producer *me, const thetis_bytes_run *records, size_t n,
                           thetis_status *why)
{
    thetis_status s;
    THETIS_ASSERT1(me->end_.bytes_.side_.open_ == 0);
    size_t done = lanes_fill(me, records, n, &s);
    if (done > 0) {
        uintptr_t ticket = thetis_lanes_draw_(me, me->end_.side_.own_, done);
        if (ticket & THETIS_LANES_CLOSED_) {
            s = thetis_lanes_give_up_(me);
            done = 0;
        }
        done = lanes_publish(me, records, done, ticket, &s);
    }
    if (why) *why = s;
    return done;
}

/* ---- consumer: which record is next ---------------------------------------------------------- */

/* A ticket that may be the next one of its lane: a producer may have written anything. */
static int lanes_may_follow(const thetis_lanes_head_ *head, uintptr_t ticket)
{
    return !(ticket & THETIS_LANES_CLOSED_) && (intptr_t)(ticket - head->least_) >= 0;
}

/* Looks for the head of a lane of which none is known. */
static thetis_status lanes_look(thetis_lanes_consumer *me, size_t k)
{
    thetis_lanes_head_ *head = thetis_lanes_heads_(me) + k;
    void *record;
    size_t size = 0;
    thetis_status s = thetis_bytes_end_peek(thetis_lanes_ends_(me) + k, &record, &size);
    if (s == THETIS_OK) {
        if (size < THETIS_LANES_TICKET_) s = THETIS_ECORRUPT;
        else head->ticket_ = thetis_lanes_get_ticket_(record);
    }
    if (s == THETIS_OK && !lanes_may_follow(head, head->ticket_)) s = THETIS_ECORRUPT;
    if (s == THETIS_OK) {
        head->record_ = (unsigned char *)record + THETIS_LANES_TICKET_;
        head->size_ = size - THETIS_LANES_TICKET_;
        head->known_ = 1;
    } else if (s == THETIS_ECORRUPT) {
        head->known_ = THETIS_LANES_BROKEN_;
    }
    return s;
}

/* How far a ticket lies before the horizon; not positive if it was drawn behind it. */
static intptr_t lanes_age(const thetis_lanes_consumer *me, uintptr_t ticket)
{
    return (intptr_t)((me->horizon_ & ~THETIS_LANES_CLOSED_) - ticket);
}

/* Whether the head of this lane has the ticket behind all that are done with: invariant 4. */
static int lanes_is_top(thetis_lanes_consumer *me, size_t k)
{
    return me->taken_ == me->top_ && thetis_lanes_heads_(me)[k].ticket_ == me->top_;
}

/* The lane whose head may leave, or NONE: the lowest ticket, if nothing older can be missing. */
static size_t lanes_next(thetis_lanes_consumer *me)
{
    const thetis_lanes_head_ *heads = thetis_lanes_heads_(me);
    size_t found = THETIS_LANES_NONE_;
    for (size_t k = 0; k < me->lanes_.lanes_; k++) {
        if (heads[k].known_ != 1) continue;
        if (found == THETIS_LANES_NONE_ ||
            lanes_age(me, heads[k].ticket_) > lanes_age(me, heads[found].ticket_))
            found = k;
    }
    if (found == THETIS_LANES_NONE_ || lanes_age(me, heads[found].ticket_) > 0) return found;
    return lanes_is_top(me, found) ? found : THETIS_LANES_NONE_;
}

/* Loads the horizon, then looks at all lanes without a head. */
static thetis_status lanes_scan(thetis_lanes_consumer *me)
{
    const thetis_lanes_head_ *heads = thetis_lanes_heads_(me);
    const thetis_atomic *tail = &me->lanes_.memory_->tail_;
    thetis_status s = THETIS_OK;
    if (!(me->horizon_ & THETIS_LANES_CLOSED_))
        me->horizon_ = thetis_atomic_load_acquire(tail); /* pair: lanes.tail */
    for (size_t k = 0; k < me->lanes_.lanes_; k++)
        if (!heads[k].known_ && lanes_look(me, k) == THETIS_ECORRUPT) s = THETIS_ECORRUPT;
    return s;
}

/* Whether a lane has nothing more to come that was drawn before the horizon: invariant 5. */
static int lanes_is_settled(thetis_lanes_consumer *me, size_t k)
{
    const thetis_lanes_lane_ *lane = lanes_lane(&me->lanes_, k);
    const thetis_spsc_side_ *bytes = &thetis_lanes_ends_(me)[k].bytes_.side_;
    if (thetis_lanes_heads_(me)[k].known_) return 1; /* drawn behind the horizon; or broken */
    uintptr_t tail = thetis_atomic_load_relaxed(&bytes->at_); /* for it is empty */
    return (intptr_t)(tail - thetis_atomic_load_relaxed(&lane->promised_)) >= 0;
}

/* No head may leave. If all tickets before the horizon are done with, gaps are forgotten, and the
 * end is reached. The promises, in the producers' lines, are read only if some are missing. */
static thetis_status lanes_nothing(thetis_lanes_consumer *me)
{
    uintptr_t horizon = me->horizon_ & ~THETIS_LANES_CLOSED_;
    for (size_t k = 0; me->taken_ != horizon && k < me->lanes_.lanes_; k++)
        if (!lanes_is_settled(me, k)) return THETIS_EMPTY;
    me->taken_ = me->top_ = horizon;
    me->ended_ = me->horizon_ & THETIS_LANES_CLOSED_;
    return me->ended_ ? THETIS_CLOSED : THETIS_EMPTY;
}

/* If one producer is busy, the next record is nearly always in the lane of the one before. */
thetis_status thetis_lanes_find_(thetis_lanes_consumer *me)
{
    size_t k = me->last_;
    if (me->ended_) return THETIS_CLOSED;
    me->last_ = THETIS_LANES_NONE_;
    thetis_status s = k == THETIS_LANES_NONE_ ? THETIS_EMPTY : lanes_look(me, k);
    if (s == THETIS_ECORRUPT) return s;
    if (s != THETIS_OK || !lanes_is_top(me, k)) {
        k = lanes_next(me);
        if (k == THETIS_LANES_NONE_) {
            if (lanes_scan(me) != THETIS_OK) return THETIS_ECORRUPT;
            k = lanes_next(me);
        }
        if (k == THETIS_LANES_NONE_) return lanes_nothing(me);
    }
    me->shown_ = k;
    return THETIS_OK;
}

/* ---- consumer: beginning and end ------------------------------------------------------------- */

/* What was taken before is not known: as if there were gaps that nobody can fill, unless all that
 * was promised lies before the heads. */
thetis_status thetis_lanes_open(const thetis_lanes *lanes, void *own, size_t len,
                                thetis_lanes_consumer **out)
{
    thetis_lanes_consumer *me = own;
    THETIS_ASSERT1(out);
    if (tht_shm_holds(own, len, THETIS_LANES_CONSUMER_SIZE(lanes->lanes_)) != THETIS_OK)
        return THETIS_EINVAL;
    uintptr_t tail = thetis_atomic_load_acquire(&lanes->memory_->tail_); /* pair: lanes.tail */
    uintptr_t top = tail & ~THETIS_LANES_CLOSED_;
    *me = (thetis_lanes_consumer){.horizon_ = tail,
                                  .taken_ = top - LANES_FAR,
                                  .top_ = top,
                                  .shown_ = THETIS_LANES_NONE_,
                                  .last_ = THETIS_LANES_NONE_,
                                  .lanes_ = *lanes};
    for (size_t k = 0; k < lanes->lanes_; k++) {
        thetis_lanes_heads_(me)[k] = (thetis_lanes_head_){.least_ = top - LANES_FAR};
        thetis_status s = tht_bytes_open(lanes_ring(lanes_lane(lanes, k)), &lanes->ring_,
                                         THETIS_SHM_CONSUMER, thetis_lanes_ends_(me) + k);
        if (s != THETIS_OK) return s;
    }
    (void)lanes_nothing(me);
    *out = me;
    return THETIS_OK;
}

thetis_status thetis_lanes_cancel(thetis_lanes_consumer *me)
{
    me->ended_ = 1;
    me->shown_ = THETIS_LANES_NONE_;
    return thetis_lanes_close(&me->lanes_);
}

/* Empties a broken lane: both counters become what the consumer knows to be right. */
static uintptr_t lanes_repair(thetis_lanes_consumer *me, size_t k)
{
    thetis_spsc *spsc = &lanes_ring(lanes_lane(&me->lanes_, k))->spsc_;
    thetis_spsc_side_ *mine = &thetis_lanes_ends_(me)[k].bytes_.side_;
    uintptr_t at = thetis_atomic_load_relaxed(&mine->at_);
    mine->known_ = at;
    thetis_lanes_heads_(me)[k].known_ = 0; /* what comes was drawn behind the horizon */
    thetis_atomic_store_relaxed(&spsc->consumer_.at_, at);
    thetis_atomic_store_relaxed(&spsc->producer_.at_, at);
    return at;
}

thetis_status thetis_lanes_expel(thetis_lanes_consumer *me, size_t k)
{
    THETIS_ASSERT1(k < me->lanes_.lanes_);
    thetis_lanes_lane_ *lane = lanes_lane(&me->lanes_, k);
    int broken = thetis_lanes_heads_(me)[k].known_ == THETIS_LANES_BROKEN_;
    uintptr_t tail;
    if (thetis_atomic_load_relaxed(&lane->owner_) == 0) { /* keep others out while it is repaired */
        if (!broken || !thetis_atomic_cas_acquire(&lane->owner_, 0, 1)) /* pair: lanes.owner */
            return THETIS_ABSENT;
    }
    if (broken) tail = lanes_repair(me, k);
    else tail = thetis_atomic_load_relaxed(&lanes_ring(lane)->spsc_.producer_.at_);
    thetis_atomic_store_relaxed(&lane->promised_, tail);
    thetis_atomic_store_release(&lane->owner_, 0); /* pair: lanes.owner */
    return THETIS_OK;
}

/* ---- check and bound ------------------------------------------------------------------------- */

thetis_status thetis_lanes_check(const thetis_lanes_consumer *me, size_t k)
{
    thetis_lanes_consumer *all = (thetis_lanes_consumer *)me;
    const thetis_lanes_head_ *head = thetis_lanes_heads_(all) + k;
    const thetis_spsc_side_ *bytes = &thetis_lanes_ends_(all)[k].bytes_.side_;
    THETIS_ASSERT1(k < me->lanes_.lanes_);
    thetis_atomic *there = &lanes_ring(lanes_lane(&me->lanes_, k))->spsc_.producer_.at_;
    uintptr_t tail = thetis_atomic_load_relaxed(there);
    uintptr_t head_at = thetis_atomic_load_relaxed(&bytes->at_);
    if (head->known_ == THETIS_LANES_BROKEN_ || tail - head_at > bytes->span_ ||
        (head->known_ && (intptr_t)(head->ticket_ - head->least_) < 0))
        return THETIS_ECORRUPT;
    return THETIS_OK;
}

static uint64_t lanes_words(size_t n)
{
    return ((uint64_t)n + sizeof(uintptr_t) - 1) / sizeof(uintptr_t);
}

uint64_t thetis_lanes_bound(const thetis_lanes *lanes, thetis_lanes_op op, size_t n)
{
    uint64_t find = 4 * (uint64_t)lanes->lanes_ + 2;
    switch (op) {
    case THETIS_LANES_PUSH:
        return lanes_words(n) + 10;
    case THETIS_LANES_PUSH_N:
        return n * (lanes_words(lanes->ring_.max_record - THETIS_LANES_TICKET_) + 8) + 2;
    case THETIS_LANES_RESERVE:
        return 3;
    case THETIS_LANES_COMMIT:
        return 7;
    case THETIS_LANES_ABORT:
        return 2;
    case THETIS_LANES_POP:
        return find + lanes_words(n) + 1;
    case THETIS_LANES_PEEK:
        return find;
    case THETIS_LANES_JOIN:
        return lanes->lanes_ + 4;
    case THETIS_LANES_OPEN:
        return 3 * (uint64_t)lanes->lanes_ + 1;
    case THETIS_LANES_EXPEL:
        return 6;
    default:
        return 1;
    }
}
