/* SPDX-License-Identifier: MIT
 *
 * thetis/spsc.h: ring of fixed-size elements, one producer thread, one consumer thread.
 *
 *     static char mem[THETIS_SPSC_SIZE(sizeof(int), 64)] THETIS_CACHE_ALIGNED;
 *     thetis_spsc_cfg cfg = {sizeof(int), 64};
 *     thetis_spsc *ring;
 *     thetis_status s = thetis_spsc_init(mem, sizeof mem, &cfg, &ring);
 *     s = thetis_spsc_push(ring, &(int){42});        producer: OK, FULL or CLOSED
 *     int v; s = thetis_spsc_pop(ring, &v);          consumer: OK, EMPTY or CLOSED
 *
 * Algorithm: Lamport's ring ("Specifying concurrent program modules", 1983, section 4) with
 * free-running counters, so that all slots are usable, and with a private copy of the other side's
 * counter, so that a push normally reads no line the consumer writes (Lee, Bui and Chandranmenon,
 * "A lock-free, cache-efficient shared ring buffer for multi-core architectures", 2009).
 *
 * Counters move in steps of 2; bit 0 is the owner's flag: CLOSED in tail, CANCELED in head. So
 * closing is one store by the owner of the word, and no word has two writers.
 *
 * Invariants until cancel(): 0 <= tail - head <= 2 * capacity (flags aside); slots [head, tail)
 * hold published elements; limit <= head + 2 * capacity and seen <= tail: stale copies only err on
 * the safe side. cancel() moves head by 2 * capacity: no tail can pass it any more, so one signed
 * comparison tells the consumer that there is nothing to read, canceled or not.
 *
 * Linearization: push/commit at the release store of tail, FULL, and CLOSED for the producer, at
 * the acquire load of head;
 * pop/release at the release store of head, EMPTY and CLOSED at the acquire load of tail. So a
 * batch that comes back short has two moments: that of its status and that of its elements.
 *
 * Steps: one access to head, tail or a slot. `n` elements are n slot accesses.
 * Memory: THETIS_SPSC_SIZE bytes, all given by the caller; no pointers inside.
 *
 * Orders (each end names the other):
 *   spsc.tail   commit and close store release; the consumer's refill loads acquire: the elements
 *               and all that the producer wrote before.
 *   spsc.head   release and cancel store release; the producer's refill loads acquire: the
 *               consumer has finished reading the slots, and all else that it did before.
 *
 * | operation       | thread   | progress  | bound | ISR-safe | shm-safe |
 * |-----------------|----------|-----------|-------|----------|----------|
 * | push_n, pop_n   | its side | wait-free | n + 3 | yes      | as ends  |
 * | reserve, peek   | its side | wait-free | 2     | yes      | as ends  |
 * | commit, release | its side | wait-free | 2     | yes      | as ends  |
 * | close, cancel   | its side | wait-free | 2     | yes      | as ends  |
 * | abort           | producer | wait-free | 0     | yes      | as ends  |
 *
 * "shm-safe, as ends": processes that share a ring use thetis/spsc_end.h; these trust the memory.
 * "ISR-safe": an interrupt handler may be either side, if it is always the same side.
 */
#ifndef THETIS_SPSC_H
#define THETIS_SPSC_H

#include <string.h>
#include <thetis/atomic.h>
#include <thetis/caps.h>
#include <thetis/shm.h>
#include <thetis/status.h>

/* One side's line: what it writes, and its own copy of what never changes, so that a push or pop
 * normally touches this line and the slot, nothing else. */
typedef struct thetis_spsc_side_ {
    thetis_atomic at_; /* tail or head: published; the only word the other side reads */
    uintptr_t known_;  /* producer: may write up to here; consumer: may read up to here */
    uintptr_t open_;   /* producer: reserved and not yet committed, in counter steps */
    uintptr_t mask_;   /* span_ - 1 with bit 0 cleared: counter to twice the slot number */
    uintptr_t span_;   /* 2 * capacity: counters move in steps of 2 */
    uintptr_t elem_size_;
} THETIS_CACHE_ALIGNED thetis_spsc_side_;

/** The ring; its slots follow. Public only so that the hot path is inline: use the functions. */
typedef struct thetis_spsc {
    thetis_shm_about_ about_;
    thetis_spsc_side_ producer_; /* at_ is tail, known_ is limit */
    thetis_spsc_side_ consumer_; /* at_ is head, known_ is seen */
} thetis_spsc;

typedef struct thetis_spsc_cfg {
    size_t elem_size; /* bytes of one element, >= 1 */
    size_t capacity;  /* elements; a power of two, 1 .. THETIS_SPSC_CAPACITY_MAX */
} thetis_spsc_cfg;

/** Slots in at most two runs: the second begins where the ring wraps; unused runs have n 0. */
typedef struct thetis_spsc_span {
    void *at[2];
    size_t n[2]; /* elements */
} thetis_spsc_span;

typedef enum thetis_spsc_op {
    THETIS_SPSC_PUSH,
    THETIS_SPSC_RESERVE,
    THETIS_SPSC_COMMIT,
    THETIS_SPSC_ABORT,
    THETIS_SPSC_CLOSE,
    THETIS_SPSC_POP,
    THETIS_SPSC_PEEK,
    THETIS_SPSC_RELEASE,
    THETIS_SPSC_CANCEL
} thetis_spsc_op;

/** The largest capacity: tail - head must keep its sign, also when head was moved by cancel(). */
#define THETIS_SPSC_CAPACITY_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS - 3))

/** thetis_spsc_size() as a constant expression, for static memory. */
#define THETIS_SPSC_SIZE(elem_size, capacity)                                                   \
    (sizeof(thetis_spsc) + THETIS_CAST(size_t, elem_size) * THETIS_CAST(size_t, capacity))

THETIS_BEGIN_DECLS

/** Bytes that a ring of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_spsc_size(const thetis_spsc_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_spsc_size(cfg).
 *  The first slot has that alignment, too; the others that of elem_size.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_spsc_init(void *mem, size_t len,
                                                           const thetis_spsc_cfg *cfg,
                                                           thetis_spsc **out);

/** Either side: ECORRUPT if the counters contradict the invariants above.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_spsc_check(const thetis_spsc *ring);

/** The most steps one call of `op` on `n` elements can take.
 *  Derivation: every operation loads its own counter once; it loads the other's counter at most
 *  once (refill); it stores its own at most once; push and pop touch one slot per element. There
 *  is no loop but the copy of the n elements. abort touches private words only.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_spsc_bound(const thetis_spsc *ring, thetis_spsc_op op, size_t n);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------ */

#define THETIS_SPSC_FLAG_ THETIS_CAST(uintptr_t, 1)

/* A ring as one of its sides sees it. The same text serves a ring, where the compiler knows all of
 * this, and an end (thetis/spsc_end.h), which has its line in memory of its own: there `me->at_` is
 * a copy of what it has published, and `theirs` is whatever a peer has written. */
typedef struct thetis_spsc_view_ {
    thetis_spsc_side_ *me;
    thetis_atomic *mine; /* the counter that this side publishes; in a ring &me->at_ */
    const thetis_atomic *theirs;
    unsigned char *slots;
    int apart; /* an end */
} thetis_spsc_view_;

THETIS_FOLDED_ thetis_spsc_view_ thetis_spsc_producer_view_(thetis_spsc *ring)
{
    void *slots = ring + 1;
    thetis_spsc_view_ view;
    view.me = &ring->producer_;
    view.mine = &ring->producer_.at_;
    view.theirs = &ring->consumer_.at_;
    view.slots = THETIS_CAST(unsigned char *, slots);
    view.apart = 0;
    return view;
}

THETIS_FOLDED_ thetis_spsc_view_ thetis_spsc_consumer_view_(thetis_spsc *ring)
{
    void *slots = ring + 1;
    thetis_spsc_view_ view;
    view.me = &ring->consumer_;
    view.mine = &ring->consumer_.at_;
    view.theirs = &ring->producer_.at_;
    view.slots = THETIS_CAST(unsigned char *, slots);
    view.apart = 0;
    return view;
}

/* The slot of a counter. Masked: no value of it leads out of the ring. */
THETIS_FOLDED_ unsigned char *thetis_spsc_slot_(thetis_spsc_view_ view, uintptr_t at, size_t size)
{
    uintptr_t twice = at & view.me->mask_; /* even: halve the size if that is known to be even */
    return view.slots + (size % 2 == 0 ? twice * (size / 2) : (twice >> 1) * size);
}

THETIS_FOLDED_ void thetis_spsc_show_tail_(thetis_spsc_view_ view, uintptr_t tail)
{
    if (view.apart) thetis_atomic_store_relaxed(&view.me->at_, tail);
    thetis_atomic_store_release(view.mine, tail); /* pair: spsc.tail */
}

THETIS_FOLDED_ void thetis_spsc_show_head_(thetis_spsc_view_ view, uintptr_t head)
{
    if (view.apart) thetis_atomic_store_relaxed(&view.me->at_, head);
    thetis_atomic_store_release(view.mine, head); /* pair: spsc.head */
}

/* Reads how far the consumer has come; returns up to where may be written, with the flag set (and
 * no room) once the ring is closed or canceled. `*why` becomes ECORRUPT, and there is no room, if a
 * peer has written what cannot be. */
static inline uintptr_t thetis_spsc_refill_limit_(thetis_spsc_side_ *me,
                                                  const thetis_atomic *theirs, int apart,
                                                  uintptr_t at, thetis_status *why)
{
    uintptr_t head = thetis_atomic_load_acquire(theirs); /* pair: spsc.head */
    if (THETIS_UNLIKELY((at | head) & THETIS_SPSC_FLAG_)) {
        me->known_ = at;
        return at | THETIS_SPSC_FLAG_;
    }
    if (apart && (at - head > me->span_ || /* more than was published cannot have been taken */
                  thetis_atomic_load_relaxed(&me->at_) - head > me->span_)) {
        *why = THETIS_ECORRUPT;
        return me->known_;
    }
    me->known_ = head + me->span_;
    return me->known_;
}

/* Reads how far the producer has come; returns up to where may be read, with the flag set if no
 * more will come. A canceled head lies beyond any tail: see cancel(). `*why` becomes ECORRUPT, and
 * there is no more than before, if a peer has written what cannot be. */
static inline uintptr_t thetis_spsc_refill_seen_(thetis_spsc_side_ *me, const thetis_atomic *theirs,
                                                 int apart, uintptr_t at, thetis_status *why)
{
    uintptr_t tail = thetis_atomic_load_acquire(theirs); /* pair: spsc.tail */
    if (apart && (at & THETIS_SPSC_FLAG_)) return at;
    if (apart && tail - at > (me->span_ | THETIS_SPSC_FLAG_)) {
        *why = THETIS_ECORRUPT;
        return me->known_;
    }
    if (THETIS_UNLIKELY(THETIS_CAST(intptr_t, tail - at) < 2)) {
        return at | (tail & THETIS_SPSC_FLAG_);
    }
    me->known_ = tail & ~THETIS_SPSC_FLAG_;
    return tail;
}

/* How many of `n` slots can be written from `at` on, and why not all. */
static inline size_t thetis_spsc_room_(thetis_spsc_side_ *me, const thetis_atomic *theirs,
                                       int apart, uintptr_t at, size_t n, thetis_status *why)
{
    uintptr_t limit = me->known_;
    thetis_status s = THETIS_OK;
    if (THETIS_UNLIKELY((limit - at) >> 1 < n)) {
        thetis_status full = THETIS_FULL;
        limit = thetis_spsc_refill_limit_(me, theirs, apart, at, &full);
        if ((limit - at) >> 1 < n) {
            n = (limit - at) >> 1;
            s = limit & THETIS_SPSC_FLAG_ ? THETIS_CLOSED : full;
        }
    }
    if (why) *why = s;
    return n;
}

/* OK if `n` slots can be written from `at` on, else why not. */
static inline thetis_status thetis_spsc_admit_(thetis_spsc_side_ *me, const thetis_atomic *theirs,
                                               int apart, uintptr_t at, size_t n)
{
    thetis_status full = THETIS_FULL;
    uintptr_t limit = me->known_;
    if (THETIS_LIKELY((limit - at) >> 1 >= n)) return THETIS_OK;
    limit = thetis_spsc_refill_limit_(me, theirs, apart, at, &full);
    if ((limit - at) >> 1 >= n) return THETIS_OK;
    return limit & THETIS_SPSC_FLAG_ ? THETIS_CLOSED : full;
}

/* How many of `n` elements can be read from `at` on, and why not all. */
static inline size_t thetis_spsc_ready_(thetis_spsc_side_ *me, const thetis_atomic *theirs,
                                        int apart, uintptr_t at, size_t n, thetis_status *why)
{
    uintptr_t seen = me->known_;
    thetis_status s = THETIS_OK;
    if ((seen - at) >> 1 < n) {
        thetis_status empty = THETIS_EMPTY;
        seen = thetis_spsc_refill_seen_(me, theirs, apart, at, &empty);
        if ((seen - at) >> 1 < n) {
            n = (seen - at) >> 1;
            s = seen & THETIS_SPSC_FLAG_ ? THETIS_CLOSED : empty;
        }
    }
    if (why) *why = s;
    return n;
}

/* Describes the `n` slots from counter value `at` on. */
THETIS_FOLDED_ void thetis_spsc_span_(thetis_spsc_view_ view, uintptr_t at, size_t n,
                                      thetis_spsc_span *span)
{
    size_t to_end = (view.me->span_ - (at & view.me->mask_)) >> 1;
    size_t first = n < to_end ? n : to_end;
    span->at[0] = thetis_spsc_slot_(view, at, view.me->elem_size_);
    span->at[1] = view.slots;
    span->n[0] = first;
    span->n[1] = n - first;
}

THETIS_FOLDED_ size_t thetis_spsc_reserve_(thetis_spsc_view_ view, size_t n, thetis_spsc_span *span,
                                           thetis_status *why)
{
    uintptr_t at = thetis_atomic_load_relaxed(&view.me->at_) + view.me->open_;
    n = thetis_spsc_room_(view.me, view.theirs, view.apart, at, n, why);
    thetis_spsc_span_(view, at, n, span);
    view.me->open_ += n << 1;
    return n;
}

THETIS_FOLDED_ void thetis_spsc_commit_(thetis_spsc_view_ view, size_t n)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&view.me->at_);
    THETIS_ASSERT1(n <= view.me->open_ >> 1);
    view.me->open_ -= n << 1;
    thetis_spsc_show_tail_(view, tail + (n << 1));
}

THETIS_FOLDED_ void thetis_spsc_abort_(thetis_spsc_view_ view, size_t n)
{
    THETIS_ASSERT1(n <= view.me->open_ >> 1);
    view.me->open_ -= n << 1;
    view.me->known_ -= n << 1; /* if canceled, there must still be no room */
}

THETIS_FOLDED_ size_t thetis_spsc_push_n_(thetis_spsc_view_ view, const void *items, size_t n,
                                          thetis_status *why)
{
    const unsigned char *from = THETIS_CAST(const unsigned char *, items);
    thetis_spsc_side_ *me = view.me;
    uintptr_t tail = thetis_atomic_load_relaxed(&me->at_);
    thetis_spsc_span span;
    size_t first;
    THETIS_ASSERT1(me->open_ == 0);
    n = thetis_spsc_room_(view.me, view.theirs, view.apart, tail, n, why);
    if (n == 0) return 0;
    thetis_spsc_span_(view, tail, n, &span);
    first = span.n[0] * me->elem_size_;
    memcpy(span.at[0], from, first);
    if (span.n[1]) memcpy(span.at[1], from + first, span.n[1] * me->elem_size_);
    thetis_spsc_show_tail_(view, tail + (n << 1));
    return n;
}

THETIS_FOLDED_ thetis_status thetis_spsc_push_(thetis_spsc_view_ view, const void *item,
                                               size_t size)
{
    thetis_spsc_side_ *me = view.me;
    uintptr_t tail = thetis_atomic_load_relaxed(&me->at_);
    THETIS_ASSERT2(me->open_ == 0);
    if (THETIS_UNLIKELY(tail == me->known_)) {
        thetis_status full = THETIS_FULL;
        uintptr_t limit = thetis_spsc_refill_limit_(me, view.theirs, view.apart, tail, &full);
        if (limit - tail < 2) return limit & THETIS_SPSC_FLAG_ ? THETIS_CLOSED : full;
    }
    memcpy(thetis_spsc_slot_(view, tail, size), item, size);
    thetis_spsc_show_tail_(view, tail + 2);
    return THETIS_OK;
}

THETIS_FOLDED_ void thetis_spsc_close_(thetis_spsc_view_ view)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&view.me->at_) | THETIS_SPSC_FLAG_;
    view.me->open_ = 0;
    view.me->known_ = tail; /* sends every later push to the refill, which sees the flag */
    thetis_spsc_show_tail_(view, tail);
}

THETIS_FOLDED_ size_t thetis_spsc_peek_(thetis_spsc_view_ view, size_t n, thetis_spsc_span *span,
                                        thetis_status *why)
{
    uintptr_t head = thetis_atomic_load_relaxed(&view.me->at_);
    n = thetis_spsc_ready_(view.me, view.theirs, view.apart, head, n, why);
    thetis_spsc_span_(view, head, n, span);
    return n;
}

THETIS_FOLDED_ void thetis_spsc_release_(thetis_spsc_view_ view, size_t n)
{
    uintptr_t head = thetis_atomic_load_relaxed(&view.me->at_);
    THETIS_ASSERT1(n <= (view.me->known_ - head) >> 1);
    thetis_spsc_show_head_(view, head + (n << 1));
}

THETIS_FOLDED_ size_t thetis_spsc_pop_n_(thetis_spsc_view_ view, void *items, size_t n,
                                         thetis_status *why)
{
    unsigned char *to = THETIS_CAST(unsigned char *, items);
    thetis_spsc_side_ *me = view.me;
    uintptr_t head = thetis_atomic_load_relaxed(&me->at_);
    thetis_spsc_span span;
    size_t first;
    n = thetis_spsc_ready_(view.me, view.theirs, view.apart, head, n, why);
    if (n == 0) return 0;
    thetis_spsc_span_(view, head, n, &span);
    first = span.n[0] * me->elem_size_;
    memcpy(to, span.at[0], first);
    if (span.n[1]) memcpy(to + first, span.at[1], span.n[1] * me->elem_size_);
    thetis_spsc_show_head_(view, head + (n << 1));
    return n;
}

THETIS_FOLDED_ thetis_status thetis_spsc_pop_(thetis_spsc_view_ view, void *item, size_t size)
{
    thetis_spsc_side_ *me = view.me;
    uintptr_t head = thetis_atomic_load_relaxed(&me->at_);
    if (THETIS_LIKELY(head == me->known_)) { /* a consumer that keeps up comes here each time */
        thetis_status empty = THETIS_EMPTY;
        uintptr_t seen = thetis_spsc_refill_seen_(me, view.theirs, view.apart, head, &empty);
        if (THETIS_UNLIKELY(seen - head < 2)) {
            return seen & THETIS_SPSC_FLAG_ ? THETIS_CLOSED : empty;
        }
    }
    memcpy(item, thetis_spsc_slot_(view, head, size), size);
    thetis_spsc_show_head_(view, head + 2);
    return THETIS_OK;
}

THETIS_FOLDED_ void thetis_spsc_cancel_(thetis_spsc_view_ view)
{
    thetis_spsc_side_ *me = view.me;
    uintptr_t head = thetis_atomic_load_relaxed(&me->at_) | THETIS_SPSC_FLAG_;
    if (head != me->known_) head += me->span_; /* once: past all that may be pushed yet */
    me->known_ = head; /* sends every later pop to the refill, which finds head beyond tail */
    thetis_spsc_show_head_(view, head);
}

/* ---- producer -------------------------------------------------------------------------------- */

/** Reserves up to `n` slots behind those already reserved; writes where into `span` and returns
 *  how many. Fewer than n (also 0) come back with `*why`: FULL, or CLOSED after close() or when
 *  the consumer's cancel() was seen; OK when all n were granted. `why` may be NULL.
 *  Several reservations may be open; commit() publishes the oldest slots first.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE size_t thetis_spsc_reserve(thetis_spsc *ring, size_t n, thetis_spsc_span *span,
                                         thetis_status *why)
{
    return thetis_spsc_reserve_(thetis_spsc_producer_view_(ring), n, span, why);
}

/** Publishes the oldest `n` reserved slots; asserts that so many are reserved.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_spsc_commit(thetis_spsc *ring, size_t n)
{
    thetis_spsc_commit_(thetis_spsc_producer_view_(ring), n);
}

/** Gives back the newest `n` reserved slots unpublished; asserts that so many are reserved.
 *  @progress wait-free, 0 steps */
THETIS_INLINE void thetis_spsc_abort(thetis_spsc *ring, size_t n)
{
    thetis_spsc_abort_(thetis_spsc_producer_view_(ring), n);
}

/** Appends up to `n` elements and returns how many; fewer than n come back with `*why` FULL or
 *  CLOSED. No reservation may be open (asserted). `why` may be NULL.
 *  @progress wait-free, at most n + 3 steps */
THETIS_INLINE size_t thetis_spsc_push_n(thetis_spsc *ring, const void *items, size_t n,
                                        thetis_status *why)
{
    return thetis_spsc_push_n_(thetis_spsc_producer_view_(ring), items, n, why);
}

/** Appends one element: OK, FULL or CLOSED. No reservation may be open (asserted at level 2): it
 *  would be overwritten.
 *  A canceled ring is noticed when the known room is used up: after at most `capacity` pushes.
 *  @progress wait-free, at most 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_spsc_push(thetis_spsc *ring, const void *item)
{
    return thetis_spsc_push_(thetis_spsc_producer_view_(ring), item, ring->producer_.elem_size_);
}

/** Ends the stream: the consumer gets what was committed, then CLOSED. Drops open reservations.
 *  Calling it again has no effect.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_spsc_close(thetis_spsc *ring)
{
    thetis_spsc_close_(thetis_spsc_producer_view_(ring));
}

/* ---- consumer -------------------------------------------------------------------------------- */

/** Shows up to `n` elements from the oldest on, in place, and returns how many; fewer than n come
 *  back with `*why` EMPTY, or CLOSED: these are the last. They stay until
 *  release(). `why` may be NULL.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE size_t thetis_spsc_peek(thetis_spsc *ring, size_t n, thetis_spsc_span *span,
                                      thetis_status *why)
{
    return thetis_spsc_peek_(thetis_spsc_consumer_view_(ring), n, span, why);
}

/** Takes the oldest `n` elements, which peek() has shown, out of the ring.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_spsc_release(thetis_spsc *ring, size_t n)
{
    thetis_spsc_release_(thetis_spsc_consumer_view_(ring), n);
}

/** Takes up to `n` elements and returns how many; fewer than n come back with `*why` EMPTY, or
 *  CLOSED: these are the last. `why` may be NULL.
 *  @progress wait-free, at most n + 3 steps */
THETIS_INLINE size_t thetis_spsc_pop_n(thetis_spsc *ring, void *items, size_t n,
                                       thetis_status *why)
{
    return thetis_spsc_pop_n_(thetis_spsc_consumer_view_(ring), items, n, why);
}

/** Takes the oldest element: OK, EMPTY, or CLOSED once a closed ring is drained.
 *  @progress wait-free, at most 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_spsc_pop(thetis_spsc *ring, void *item)
{
    return thetis_spsc_pop_(thetis_spsc_consumer_view_(ring), item, ring->consumer_.elem_size_);
}

/** The consumer wants no more: pops answer CLOSED from now on, pushes soon. Elements that peek()
 *  has shown stay readable, but release() must not be called any more (asserted).
 *  Calling it again has no effect.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_spsc_cancel(thetis_spsc *ring)
{
    thetis_spsc_cancel_(thetis_spsc_consumer_view_(ring));
}

#ifdef __cplusplus
#define THETIS_SPSC_COPYABLE_(type)                                                             \
    static_assert(__is_trivially_copyable(type), "elements are copied byte by byte")
#else
#define THETIS_SPSC_COPYABLE_(type) _Static_assert(sizeof(type) > 0, "a complete type")
#endif

/** Typed, faster forms for elements of `type`: name_push(ring, item) and name_pop(ring, &item).
 *  The ring must have been made with elem_size == sizeof(type), asserted at level 2; what
 *  thetis_spsc_push() says of open reservations holds here, too. */
#define THETIS_SPSC(name, type)                                                                 \
    THETIS_SPSC_COPYABLE_(type);                                                                \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_push(thetis_spsc *ring,   \
                                                                           type item)           \
    {                                                                                           \
        THETIS_ASSERT2(ring->producer_.elem_size_ == sizeof(type));                             \
        return thetis_spsc_push_(thetis_spsc_producer_view_(ring), &item, sizeof(type));        \
    }                                                                                           \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_pop(thetis_spsc *ring,    \
                                                                          type *item)           \
    {                                                                                           \
        THETIS_ASSERT2(ring->consumer_.elem_size_ == sizeof(type));                             \
        return thetis_spsc_pop_(thetis_spsc_consumer_view_(ring), item, sizeof(type));          \
    }                                                                                           \
    struct name##_requires_semicolon_

#endif
