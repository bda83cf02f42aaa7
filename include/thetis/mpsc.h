/* SPDX-License-Identifier: MIT
 *
 * thetis/mpsc.h: bounded ring of fixed-size elements, many producers, one consumer thread.
 *
 *     thetis_mpsc_cfg cfg = {.elem_size = sizeof(int), .capacity = 64, .producers = 4};
 *     static char mem[THETIS_MPSC_SIZE(sizeof(int), 64, 4, 1, 1)] THETIS_CACHE_ALIGNED;
 *     thetis_mpsc *ring;
 *     thetis_status s = thetis_mpsc_init(mem, sizeof mem, &cfg, &ring);
 *     thetis_mpsc_producer me;                        one for each producer, in its own memory
 *     s = thetis_mpsc_join(ring, &me);                OK or ENOSLOT
 *     s = thetis_mpsc_push(&me, &(int){42});          OK, FULL or CLOSED
 *     int v; s = thetis_mpsc_pop(ring, &v);           the consumer: OK, EMPTY or CLOSED
 *
 * A producer that stops for ever between two steps pins the slots it holds and delays nobody:
 * what others push behind it is popped, and `capacity` elements still fit.
 *
 * Algorithm: the spare-slot ring. Tickets are drawn by addition to tail; each slot has a sequence
 * word that says which ticket may write it, as in Vyukov's bounded queue (2010). Tickets that are
 * drawn and not finished are holes: the consumer lists them and goes on, after Jiffy (Adas and
 * Friedman, "A fast wait-free multi-producers single-consumer queue", 2022). New here: when the
 * ring comes round to a slot whose ticket is a hole, the next ticket of that place is given one of
 * a few spare slots instead, by writing its number into the spare's sequence word. So an
 * assignment never moves, nothing is copied, and the sequence words are the only map.
 *
 * Words count in steps of 4 and wrap. Position `at` is 4 * ticket. tail: position | CLOSED (1).
 * A sequence word: at = free for this ticket, at + 1 = committed, at + 3 = aborted.
 * Home slots are 0 .. R-1, R a power of two; spares are R .. R+S-1. Names: P producers, k batch,
 * w open, C capacity, U = P * w the tickets that may be open at once, OVER = (P-1) * k, L the lag.
 *
 * Invariants (consumer: front, assigned, holes):
 *   1 every ticket below assigned has its slot: home if that was free, else a spare;
 *   2 every drawn ticket is below assigned. limit = assigned - OVER. A producer draws k only if
 *     its known limit is k beyond a tail it knew; having passed that limit once it must read it
 *     again. So at most P draws go beyond a limit, and together by at most OVER;
 *   3 tickets below front are taken or holes; the holes are in order, at most 2U: a walk begins
 *     when all old ones were seen open (at most U are) and adds tickets that are open (at most U);
 *   4 assigned <= front + R - L. The lag L keeps a place from being asked for again soon after its
 *     ticket became a hole, and so bounds how many spares one stalled producer can pin.
 *
 * Sizing: C + OVER + L = R, L >= U + 1 + (C + OVER) / 9, S = U * (ceil((C + OVER) / (L-U-1)) + 2),
 * at most 11U. A ticket gets a spare when the holder of its home is a hole at least L old; holes
 * of one producer that are so are about L - U apart in a window of C + OVER; 2 more for the edges.
 * By hand and by simulation, not by proof: if spares run out the ring is FULL early, no more.
 *
 * Order: an element leaves only after every hole before it was seen open at one moment later than
 * the element's commit: the second look at the holes, the youngest first. So elements leave in an
 * order that respects real time, across producers.
 *
 * Linearization: a pop at the read that saw the element's commit; EMPTY at the load of tail; FULL
 * and CLOSED (producer) at the load of tail or the addition to it; close at its `or`. A push is two
 * operations, draw and finish: a push that was drawn before close() may finish after a pop said
 * EMPTY, and is popped before CLOSED. FULL counts elements that are being pushed.
 * To "happen before" is what orders here: a push that has returned may not be visible yet to a
 * thread that nothing else has told of it.
 *
 * Sleeping (thetis/wait.h): each end wakes the other after every call, whatever it answered, but
 * for a reserve that was OK. Producers wake the consumer also after
 *   abort(), and CLOSED: the consumer may have waited for that ticket, and now be at the end;
 *   FULL, before they sleep: there may be room as soon as the consumer has looked at what others
 *     hold or have aborted, be there nothing to pop.
 * The consumer wakes producers also after EMPTY: that look may have made room. With less, or with
 * wakes after OK only, both ends can sleep for ever; tests/model/model_mpsc_wait.c has them all.
 *
 * A hole that is 2^(word bits - 4) tickets old stops the assigning (FULL), so positions of
 * different tickets never meet. On 32-bit machines: a producer must not sleep through 2^30 pushes
 * of others (plus or minus `capacity`) with room left that it knew of.
 *
 * Steps: an access to tail, limit, the count of joined producers, a sequence word or an element.
 * Memory: thetis_mpsc_size() bytes from the caller; producers' handles are the caller's, too.
 *
 * Orders (each end names the other):
 *   mpsc.limit  the consumer's store of limit releases, the producers' load acquires: the slots up
 *               to there are given to their tickets, and have been read.
 *   mpsc.tail   additions acquire and release: whoever draws behind a ticket knows what its drawer
 *               knew, in particular of limit, and has finished before. close releases; the loads
 *               of tail, at an end or for CLOSED, acquire.
 *   mpsc.slot   commit and abort store the sequence word with release; the consumer's load
 *               acquires: the element.
 *   mpsc.place  leave releases, join acquires: a new producer knows a tail as new as that of
 *               whose place it takes.
 *
 * | operation         | thread   | progress  | bound                          | ISR-safe | shm |
 * |-------------------|----------|-----------|--------------------------------|----------|-----|
 * | push_n            | producer | wait-free | 3 ceil(n / k) + n (S + 3)      | yes      | no  |
 * | reserve_n         | producer | wait-free | 3 ceil(n / k) + n (S + 2)      | yes      | no  |
 * | commit, abort     | producer | wait-free | 2                              | yes      | no  |
 * | pop_n             | consumer | wait-free | n (8U + 6), aborts count as n  | yes      | no  |
 * | close             | any      | wait-free | 1                              | yes      | no  |
 * | cancel            | consumer | wait-free | 1                              | yes      | no  |
 * | join, leave       | producer | wait-free | 2, 1                           | yes      | no  |
 * | check             | consumer | wait-free | 2                              | yes      | no  |
 *
 * "ISR-safe": each interrupt level that pushes is a producer of its own.
 * "shm no": a dead process cannot be expelled here, since tickets do not name their producers.
 */
#ifndef THETIS_MPSC_H
#define THETIS_MPSC_H

#include <string.h>
#include <thetis/atomic.h>
#include <thetis/caps.h>
#include <thetis/status.h>

/* A ticket that is drawn and not finished, and where its element goes. */
typedef struct thetis_mpsc_hole_ {
    uintptr_t at;
    size_t slot;
} thetis_mpsc_hole_;

/* What never changes. All positions and distances are in steps of 4. */
typedef struct thetis_mpsc_shape_ {
    size_t homes;     /* R */
    size_t spares;    /* S */
    uintptr_t lap;    /* 4R */
    uintptr_t window; /* 4(R - L): assigned is at most so far ahead of front */
    uintptr_t over;   /* 4 OVER */
    uintptr_t age;    /* a hole so old stops the assigning */
    size_t producers; /* P */
    size_t batch;     /* k */
    size_t open;      /* w */
    size_t elem_size;
    size_t stride; /* bytes of a slot: a sequence word and an element */
} thetis_mpsc_shape_;

/* The consumer's own words, and limit, which is its alone to write. */
typedef struct thetis_mpsc_consumer_ {
    uintptr_t front;    /* next to be looked at */
    uintptr_t assigned; /* tickets below have their slots */
    uintptr_t holes;    /* how many; CANCELED_: no more pops */
    uintptr_t seen;     /* tail, as last loaded; the end once sealed */
    uintptr_t sealed;   /* the closed flag has been seen, and the end with it */
    thetis_atomic limit;
    thetis_mpsc_hole_ *hole; /* 2U, in order */
    uintptr_t *spare; /* a circle of S slots: those of tickets from front on, in order, the free */
    size_t first;     /* where it begins */
    size_t given;     /* how many are of such tickets */
    size_t free;      /* how many are free; the others are of holes */
} thetis_mpsc_consumer_;

/** The ring; its slots follow. Public only so that the hot path is inline: use the functions. */
typedef struct thetis_mpsc {
    thetis_atomic tail_ THETIS_CACHE_ALIGNED;
    thetis_atomic joined_; /* producers, and those about to be refused */
    thetis_mpsc_consumer_ consumer_ THETIS_CACHE_ALIGNED;
    thetis_mpsc_shape_ shape_ THETIS_CACHE_ALIGNED;
} thetis_mpsc;

/** A producer's handle, in memory of its own; written by join(). One thread at a time uses it. */
typedef struct thetis_mpsc_producer {
    thetis_mpsc *ring_;
    uintptr_t last_; /* a tail it knew: behind its last ticket, or newer */
    uintptr_t room_; /* up to the limit it knew */
    size_t open_;    /* reserved and not finished */
} thetis_mpsc_producer;

typedef struct thetis_mpsc_cfg {
    size_t elem_size; /* bytes of one element, >= 1 */
    size_t capacity;  /* elements that fit, also while all other producers are stalled; >= 1 */
    size_t producers; /* at most this many at once, 1 .. THETIS_MPSC_PRODUCERS_MAX */
    size_t batch;     /* elements that one addition reserves at most, <= capacity; 0: 1 */
    size_t open;      /* slots one producer may hold unfinished, batch .. capacity; 0: batch */
} thetis_mpsc_cfg;

typedef enum thetis_mpsc_op {
    THETIS_MPSC_PUSH,
    THETIS_MPSC_RESERVE,
    THETIS_MPSC_COMMIT,
    THETIS_MPSC_ABORT,
    THETIS_MPSC_POP,
    THETIS_MPSC_CLOSE,
    THETIS_MPSC_CANCEL,
    THETIS_MPSC_JOIN,
    THETIS_MPSC_LEAVE
} thetis_mpsc_op;

/** The most of each: far from where positions would lose their order. */
#define THETIS_MPSC_PRODUCERS_MAX 65536
#define THETIS_MPSC_CAPACITY_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS - 8))

/* THETIS_MPSC_SIZE: the power of two is below twice what is needed, the spares are at most 11U. */
#define THETIS_MPSC_STRIDE_(elem_size)                                                          \
    (sizeof(thetis_atomic) +                                                                    \
     (THETIS_CAST(size_t, elem_size) + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) *             \
         sizeof(uintptr_t))
#define THETIS_MPSC_SLOTS_(c, over, u)                                                          \
    (2 * ((c) + (over) + (u) + 2 + ((c) + (over)) / 9) + 11 * (u))

/** Enough static memory for such a ring, as a constant expression: thetis_mpsc_size() is exact and
 *  may be half of it. Arguments as in thetis_mpsc_cfg, none 0. */
#define THETIS_MPSC_SIZE(elem_size, capacity, producers, batch, open)                           \
    (sizeof(thetis_mpsc) +                                                                      \
     THETIS_MPSC_SLOTS_(THETIS_CAST(size_t, capacity),                                          \
                        (THETIS_CAST(size_t, producers) - 1) * (batch),                         \
                        THETIS_CAST(size_t, producers) * (open)) *                              \
         (THETIS_MPSC_STRIDE_(elem_size) + sizeof(uintptr_t)) +                                 \
     THETIS_CAST(size_t, producers) * (open)*2 * sizeof(thetis_mpsc_hole_))

THETIS_BEGIN_DECLS

/** Bytes that a ring of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_mpsc_size(const thetis_mpsc_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_mpsc_size(cfg).
 *  Elements are aligned to a word.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpsc_init(void *mem, size_t len,
                                                           const thetis_mpsc_cfg *cfg,
                                                           thetis_mpsc **out);

/** Makes the caller a producer; `producer` is its handle until leave().
 *  ENOSLOT: there are as many as configured. Not exact: one who is being refused counts for a
 *  moment, too.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpsc_join(thetis_mpsc *ring,
                                                           thetis_mpsc_producer *producer);

/** Gives the place to others. Asserts that it has one, and that no reservation is open.
 *  @progress wait-free, 1 step */
THETIS_API void thetis_mpsc_leave(thetis_mpsc_producer *producer);

/** Ends the stream, for all producers: pushes answer CLOSED, pops too once all that was reserved
 *  before, or drawn before the consumer first saw the close, is popped or given back: a push that
 *  begins after close() may still draw a ticket, and give it back, and if it is stopped for ever in
 *  between, pops answer EMPTY for ever. By anybody. OK; CLOSED if it was closed already. A consumer
 *  that sleeps is to be woken.
 *  @progress wait-free, 1 step */
THETIS_API thetis_status thetis_mpsc_close(thetis_mpsc *ring);

/** The consumer wants no more: pops answer CLOSED from now on, pushes too. What the ring still
 *  holds is lost. OK; CLOSED if it was closed or canceled already.
 *  @progress wait-free, 1 step */
THETIS_API thetis_status thetis_mpsc_cancel(thetis_mpsc *ring);

/** By the consumer: ECORRUPT if the words contradict the invariants above.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpsc_check(const thetis_mpsc *ring);

/** The most steps one call of `op` on `n` elements can take. For pops, what is passed over counts
 *  as elements: aborted reservations, and pushes that were under way at close() and failed.
 *  Push: for each k elements tail and limit are loaded (if the room known is used up) and tail is
 *  added to; for each element its home is looked at, at most the S spares, then it is written, and
 *  its sequence word. A reservation writes no element, but sequence words if the ring was closed.
 *  Pop: it meets h holes and a tickets up to the tail that it knew, open when it began: h + a <= U,
 *  and a is 0 without holes; then loads tail; then up to there b <= U open tickets and a finished
 *  one. It looks at each, h + a + b + 2, and at all holes again, h + a + b; reads the element and
 *  writes its sequence word, 2; looks at the homes of as many tickets as it passed and one more,
 *  a + b + 1, and writes limit. Beside that each hole costs at most one: a ticket in a spare a
 *  second look, one in its home a spare for the ticket that comes round to it; h + a + b. Together
 *  3h + 4 (a + b) + 7; h = 1, a = U - 1, b = U. If no hole is committed at the second look
 *  h + a + b <= U and one more ticket may get a slot: less. Work on the consumer's own words is
 *  O(U) for each, too: there is a list of at most 2U holes, from which one is removed.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_mpsc_bound(const thetis_mpsc *ring, thetis_mpsc_op op, size_t n);

/* What the inline functions do rarely. */
THETIS_API thetis_status thetis_mpsc_refill_(thetis_mpsc_producer *producer);
THETIS_API thetis_atomic *thetis_mpsc_spare_(thetis_mpsc *ring, uintptr_t at);
THETIS_API void thetis_mpsc_give_up_(thetis_mpsc_producer *producer, uintptr_t at, size_t n);
THETIS_API thetis_status thetis_mpsc_pop_slow_(thetis_mpsc *ring, void *item);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------ */

#define THETIS_MPSC_CLOSED_ THETIS_CAST(uintptr_t, 1)    /* in tail */
#define THETIS_MPSC_COMMITTED_ THETIS_CAST(uintptr_t, 1) /* in a sequence word */
#define THETIS_MPSC_ABORTED_ THETIS_CAST(uintptr_t, 3)
#define THETIS_MPSC_FLAGS_ THETIS_CAST(uintptr_t, 3)
#define THETIS_MPSC_STEP_ THETIS_CAST(uintptr_t, 4)
#define THETIS_MPSC_FREE_ THETIS_CAST(uintptr_t, 1) /* of a spare at first; no position */
#define THETIS_MPSC_CANCELED_ UINTPTR_MAX

/* The sequence word of slot `k`; its element follows. */
static inline thetis_atomic *thetis_mpsc_seq_(thetis_mpsc *ring, size_t k, size_t stride)
{
    void *slots = ring + 1;
    void *seq = THETIS_CAST(unsigned char *, slots) + k * stride;
    return THETIS_CAST(thetis_atomic *, seq);
}

static inline thetis_atomic *thetis_mpsc_home_(thetis_mpsc *ring, uintptr_t at, size_t stride)
{
    return thetis_mpsc_seq_(ring, (at & (ring->shape_.lap - 1)) >> 2, stride);
}

/* The slot that was given to this position, which the caller has drawn. */
static inline thetis_atomic *thetis_mpsc_slot_(thetis_mpsc *ring, uintptr_t at, size_t stride)
{
    thetis_atomic *home = thetis_mpsc_home_(ring, at, stride);
    if (THETIS_LIKELY(thetis_atomic_load_relaxed(home) == at)) return home;
    return thetis_mpsc_spare_(ring, at);
}

/* Draws `n` tickets, for which there was room; returns the first, flagged if closed. Others may
 * have drawn since tail was known: what they took of the known room is gone, too. */
static inline uintptr_t thetis_mpsc_draw_(thetis_mpsc_producer *me, size_t n)
{
    uintptr_t more = n * THETIS_MPSC_STEP_;
    uintptr_t v = thetis_atomic_fetch_add_acq_rel(&me->ring_->tail_, more); /* pair: mpsc.tail */
    uintptr_t end = (v & ~THETIS_MPSC_FLAGS_) + more;
    uintptr_t moved = end - me->last_;
    me->room_ = THETIS_LIKELY(moved <= me->room_) ? me->room_ - moved : 0;
    me->last_ = end;
    return v;
}

/* Draws up to `n` tickets at once and returns how many, the first in `*at`; fewer come back with
 * `*why`. */
static inline size_t thetis_mpsc_claim_(thetis_mpsc_producer *me, size_t n, uintptr_t *at,
                                        thetis_status *why)
{
    *why = THETIS_OK;
    if (THETIS_UNLIKELY(me->room_ >> 2 < n)) {
        *why = thetis_mpsc_refill_(me);
        if (*why != THETIS_OK) return 0;
        if (me->room_ >> 2 < n) {
            n = me->room_ >> 2;
            *why = THETIS_FULL;
        }
    }
    *at = thetis_mpsc_draw_(me, n);
    if (THETIS_UNLIKELY(*at & THETIS_MPSC_CLOSED_)) {
        thetis_mpsc_give_up_(me, *at, n);
        *why = THETIS_CLOSED;
        return 0;
    }
    return n;
}

static inline thetis_status thetis_mpsc_push_(thetis_mpsc_producer *me, const void *item,
                                              size_t size)
{
    thetis_mpsc *ring = me->ring_;
    thetis_status why;
    thetis_atomic *seq;
    uintptr_t at;
    THETIS_ASSERT2(me->open_ < ring->shape_.open);
    if (thetis_mpsc_claim_(me, 1, &at, &why) == 0) return why;
    seq = thetis_mpsc_slot_(ring, at, THETIS_MPSC_STRIDE_(size));
    memcpy(seq + 1, item, size);
    thetis_atomic_store_release(seq, at + THETIS_MPSC_COMMITTED_); /* pair: mpsc.slot */
    return THETIS_OK;
}

static inline size_t thetis_mpsc_push_n_(thetis_mpsc_producer *me, const void *items, size_t n,
                                         size_t size, thetis_status *why)
{
    const thetis_mpsc_shape_ *shape = &me->ring_->shape_;
    const unsigned char *from = THETIS_CAST(const unsigned char *, items);
    thetis_status s = THETIS_OK;
    size_t done = 0;
    while (done < n && s == THETIS_OK) {
        uintptr_t at = 0;
        size_t want = n - done < shape->batch ? n - done : shape->batch, got;
        THETIS_ASSERT1(me->open_ + want <= shape->open);
        got = thetis_mpsc_claim_(me, want, &at, &s);
        for (done += got; got > 0; got--) {
            thetis_atomic *seq = thetis_mpsc_slot_(me->ring_, at, THETIS_MPSC_STRIDE_(size));
            memcpy(seq + 1, from, size);
            thetis_atomic_store_release(seq, at + THETIS_MPSC_COMMITTED_); /* pair: mpsc.slot */
            from += size;
            at += THETIS_MPSC_STEP_;
        }
    }
    if (why) *why = s;
    return done;
}

/* Takes the element at the front if there are no holes and it lies in its home, which is nearly
 * always so: then every home is free for its next ticket when the ring comes round. */
static inline int thetis_mpsc_pop_front_(thetis_mpsc *ring, void *item, size_t size)
{
    thetis_mpsc_consumer_ *me = &ring->consumer_;
    thetis_atomic *seq = thetis_mpsc_home_(ring, me->front, THETIS_MPSC_STRIDE_(size));
    uintptr_t state;
    if (THETIS_UNLIKELY(me->holes)) return 0;
    state = thetis_atomic_load_acquire(seq); /* pair: mpsc.slot */
    if (THETIS_UNLIKELY(state != me->front + THETIS_MPSC_COMMITTED_)) return 0;
    memcpy(item, seq + 1, size);
    thetis_atomic_store_relaxed(seq, me->front + ring->shape_.lap);
    me->front += THETIS_MPSC_STEP_;
    me->assigned = me->front + ring->shape_.window;
    return 1;
}

static inline void thetis_mpsc_publish_(thetis_mpsc *ring)
{
    uintptr_t limit = ring->consumer_.assigned - ring->shape_.over;
    thetis_atomic_store_release(&ring->consumer_.limit, limit); /* pair: mpsc.limit */
}

static inline thetis_status thetis_mpsc_pop_(thetis_mpsc *ring, void *item, size_t size)
{
    if (THETIS_UNLIKELY(!thetis_mpsc_pop_front_(ring, item, size))) {
        return thetis_mpsc_pop_slow_(ring, item);
    }
    thetis_mpsc_publish_(ring);
    return THETIS_OK;
}

static inline size_t thetis_mpsc_pop_n_(thetis_mpsc *ring, void *items, size_t n, size_t size,
                                        thetis_status *why)
{
    unsigned char *to = THETIS_CAST(unsigned char *, items);
    thetis_status s = THETIS_OK;
    size_t done = 0, fast = 0;
    for (; done < n; done++, to += size) {
        if (THETIS_LIKELY(thetis_mpsc_pop_front_(ring, to, size))) {
            fast++;
        } else {
            s = thetis_mpsc_pop_slow_(ring, to);
            if (s != THETIS_OK) break;
        }
    }
    if (fast > 0) thetis_mpsc_publish_(ring);
    if (why) *why = s;
    return done;
}

/* ---- producers ------------------------------------------------------------------------------- */

/** Appends one element: OK, FULL or CLOSED. Needs one slot of `open` (asserted at level 2). A
 *  consumer that sleeps is to be woken after each answer; see "Sleeping" above.
 *  @progress wait-free, at most S + 6 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_mpsc_push(thetis_mpsc_producer *producer,
                                                              const void *item)
{
    return thetis_mpsc_push_(producer, item, producer->ring_->shape_.elem_size);
}

/** Appends up to `n` elements and returns how many; fewer than n come back with `*why` FULL or
 *  CLOSED. Each `batch` of them is drawn at once and stays together. `why` may be NULL. Needs as
 *  many slots of `open` as are drawn at once (asserted).
 *  @progress wait-free, at most 3 ceil(n / k) + n (S + 3) steps */
THETIS_INLINE size_t thetis_mpsc_push_n(thetis_mpsc_producer *producer, const void *items,
                                        size_t n, thetis_status *why)
{
    return thetis_mpsc_push_n_(producer, items, n, producer->ring_->shape_.elem_size, why);
}

/** Reserves up to `n` slots, writes to at[] where the elements go, and returns how many; fewer
 *  than n come back with `*why` FULL or CLOSED. Each is finished by commit() or abort(), whenever
 *  and in whatever order; other reservations may be open, as many as `open` in all (asserted).
 *  Elements leave in the order of their reservations, but for those that the consumer finds
 *  committed before older ones are. `why` may be NULL.
 *  @progress wait-free, at most 3 ceil(n / k) + n (S + 2) steps */
THETIS_INLINE size_t thetis_mpsc_reserve_n(thetis_mpsc_producer *producer, void **at, size_t n,
                                           thetis_status *why)
{
    const thetis_mpsc_shape_ *shape = &producer->ring_->shape_;
    thetis_status s = THETIS_OK;
    size_t done = 0;
    THETIS_ASSERT1(n <= shape->open - producer->open_);
    while (done < n && s == THETIS_OK) {
        uintptr_t first = 0;
        size_t want = n - done < shape->batch ? n - done : shape->batch;
        size_t got = thetis_mpsc_claim_(producer, want, &first, &s);
        for (; got > 0; got--, first += THETIS_MPSC_STEP_) {
            at[done++] = thetis_mpsc_slot_(producer->ring_, first, shape->stride) + 1;
        }
    }
    producer->open_ += done;
    if (why) *why = s;
    return done;
}

/** Reserves one slot; `*at` is where its element goes: OK, FULL or CLOSED. After FULL and CLOSED a
 *  consumer that sleeps is to be woken.
 *  @progress wait-free, at most S + 5 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_mpsc_reserve(thetis_mpsc_producer *producer,
                                                                 void **at)
{
    thetis_status why;
    (void)thetis_mpsc_reserve_n(producer, at, 1, &why);
    return why;
}

/* Ends a reservation. Its sequence word is its position until then, and nobody else writes it. */
static inline void thetis_mpsc_finish_(thetis_mpsc_producer *me, void *at, uintptr_t how)
{
    thetis_atomic *seq = THETIS_CAST(thetis_atomic *, at) - 1;
    uintptr_t position = thetis_atomic_load_relaxed(seq);
    THETIS_ASSERT1(me->open_ > 0 && !(position & THETIS_MPSC_FLAGS_));
    me->open_--;
    thetis_atomic_store_release(seq, position + how); /* pair: mpsc.slot */
}

/** Publishes the element that was written to `at`, which reserve() gave and nobody has finished.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_mpsc_commit(thetis_mpsc_producer *producer, void *at)
{
    thetis_mpsc_finish_(producer, at, THETIS_MPSC_COMMITTED_);
}

/** Gives the reserved slot back; there will be no element. There is room for another one when the
 *  consumer has looked: if it sleeps it is to be woken, as after commit().
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_mpsc_abort(thetis_mpsc_producer *producer, void *at)
{
    thetis_mpsc_finish_(producer, at, THETIS_MPSC_ABORTED_);
}

/* ---- consumer -------------------------------------------------------------------------------- */

/** Takes the oldest element: OK, EMPTY, or CLOSED once a closed ring is drained. EMPTY, too, may
 *  have made room: producers that sleep are to be woken after each answer.
 *  @progress wait-free, at most 8U + 6 steps, and as many for each aborted one passed over */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_mpsc_pop(thetis_mpsc *ring, void *item)
{
    return thetis_mpsc_pop_(ring, item, ring->shape_.elem_size);
}

/** Takes up to `n` elements and returns how many; fewer than n come back with `*why` EMPTY, or
 *  CLOSED: these are the last. As n pops, but limit is written once. `why` may be NULL.
 *  @progress wait-free, at most n (8U + 6) steps, and as many for each aborted one passed over */
THETIS_INLINE size_t thetis_mpsc_pop_n(thetis_mpsc *ring, void *items, size_t n,
                                       thetis_status *why)
{
    return thetis_mpsc_pop_n_(ring, items, n, ring->shape_.elem_size, why);
}

#ifdef __cplusplus
#define THETIS_MPSC_COPYABLE_(type)                                                             \
    static_assert(__is_trivially_copyable(type), "elements are copied byte by byte")
#else
#define THETIS_MPSC_COPYABLE_(type) _Static_assert(sizeof(type) > 0, "a complete type")
#endif

/** Typed, faster forms for elements of `type`: name_push(producer, item), name_pop(ring, &item),
 *  name_push_n(producer, items, n, &why) and name_pop_n(ring, items, n, &why). The ring must have
 *  been made with elem_size == sizeof(type), asserted at level 2. */
#define THETIS_MPSC(name, type)                                                                 \
    THETIS_MPSC_COPYABLE_(type);                                                                \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_push(                     \
        thetis_mpsc_producer *producer, type item)                                              \
    {                                                                                           \
        THETIS_ASSERT2(producer->ring_->shape_.elem_size == sizeof(type));                      \
        return thetis_mpsc_push_(producer, &item, sizeof(type));                                \
    }                                                                                           \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_pop(thetis_mpsc *ring,    \
                                                                          type *item)           \
    {                                                                                           \
        THETIS_ASSERT2(ring->shape_.elem_size == sizeof(type));                                 \
        return thetis_mpsc_pop_(ring, item, sizeof(type));                                      \
    }                                                                                           \
    static inline THETIS_UNUSED size_t name##_push_n(thetis_mpsc_producer *producer,            \
                                                     type const *items, size_t n,               \
                                                     thetis_status *why)                        \
    {                                                                                           \
        THETIS_ASSERT2(producer->ring_->shape_.elem_size == sizeof(type));                      \
        return thetis_mpsc_push_n_(producer, items, n, sizeof(type), why);                      \
    }                                                                                           \
    static inline THETIS_UNUSED size_t name##_pop_n(thetis_mpsc *ring, type *items, size_t n,   \
                                                    thetis_status *why)                         \
    {                                                                                           \
        THETIS_ASSERT2(ring->shape_.elem_size == sizeof(type));                                 \
        return thetis_mpsc_pop_n_(ring, items, n, sizeof(type), why);                           \
    }                                                                                           \
    struct name##_requires_semicolon_

#endif
