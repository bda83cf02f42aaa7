/* SPDX-License-Identifier: MIT
 *
 * thetis/lanes.h: records of any length, many producers, one consumer thread: each in one piece, in
 * one order over all producers; between threads or processes.
 *
 *     thetis_lanes_cfg cfg = {.producers = 4, .capacity = 4096, .max_record = 1500};
 *     static char mem[THETIS_LANES_SIZE(4, 4096)] THETIS_CACHE_ALIGNED;
 *     thetis_lanes lanes;
 *     thetis_status s = thetis_lanes_init(mem, sizeof mem, &cfg, &lanes);
 *     thetis_lanes_producer me;                       one for each producer, in its own memory
 *     s = thetis_lanes_join(&lanes, who, &me);        OK, ENOSLOT or CLOSED
 *     void *record;
 *     size_t size;
 *     s = thetis_lanes_reserve(&me, 1500, &record);   OK, FULL, CLOSED or E2BIG
 *     s = thetis_lanes_commit(&me, n);                of which n were used: OK or CLOSED
 *
 *     static char own[THETIS_LANES_CONSUMER_SIZE(4)] THETIS_CACHE_ALIGNED;
 *     thetis_lanes_consumer *consumer;
 *     s = thetis_lanes_open(&lanes, own, sizeof own, &consumer);
 *     s = thetis_lanes_peek(consumer, &record, &size);   OK, EMPTY or CLOSED
 *     thetis_lanes_release(consumer);
 *
 * A producer that stops for ever between two steps keeps its own lane's memory and delays nobody.
 * If it is dead, expel() gives the lane to the next one.
 *
 * Algorithm: each producer has a lane, a thetis_bytes of its own (thetis/bytes.h: headers, pads,
 * reservations). commit() draws a ticket by addition to tail, the one word that all producers
 * write, and puts it before the record. The consumer takes the records of all lanes in the order
 * of their tickets, and must not wait for a ticket that is drawn and not to be seen yet, nor know
 * whose it is. It keeps, of each lane, the head: the oldest record, if it has seen one; and the
 * horizon: tail, as it was before it looked at the lanes that had no head then.
 *
 * Invariants (consumer: horizon, heads, taken, top):
 *   1 tickets of one lane grow from its oldest record to its newest;
 *   2 a lane without a known head was seen empty after the horizon was loaded, or is looked at
 *     before anything else is;
 *   3 so each record whose commit had returned before the ticket m was drawn, m < horizon, is taken
 *     or in the lane of a known head. The head with the lowest ticket, if it is below the horizon,
 *     may leave: the rule;
 *   4 taken counts tickets that are done with, top is behind the highest of them. If they are equal
 *     all tickets below top are done with, and the head with the ticket top may leave at once;
 *   5 promised: the tail of a lane's ring is at least that once all that its producer has drawn is
 *     published. Written before the drawing. So a lane that was empty at such a tail, with the
 *     promise read behind the horizon, has nothing to come that was drawn before it.
 *
 * Order: records leave in an order that respects real time, across producers: by 3, none leaves
 * while one is in a lane whose commit had returned before the other's began. The look at tail in
 * between is needed: of the heads alone none may leave, since the lane that was looked at first may
 * have got an older record since. That commit returned before may be known by whatever makes it
 * "happen before": the drawing releases what the producer knew, and the consumer acquires it with
 * the horizon.
 *
 * Linearization: a pop at the last access by which it found the record; EMPTY at the load of tail
 * in its scan: a record that was there would have a ticket below and be found. FULL at the load of
 * the lane's head counter; FULL is of one lane. A push at its drawing, but for the order above: a
 * record that is found late has its moment when it is published. close at its `or`: a commit that
 * drew its ticket before is delivered before CLOSED, one that drew it after is told CLOSED. A push
 * is two operations there, draw and publish: a pop may say EMPTY between close() and the
 * publishing of what was drawn before it. Behind CLOSED there is only CLOSED.
 * To "happen before" is what orders here: a commit that has returned may not be visible yet to a
 * consumer that nothing has told of it.
 *
 * A dead producer's ticket that was drawn and never published is a gap: taken stays behind, so that
 * each record needs the rule, until the lanes are found empty at what they promised.
 *
 * Tickets count in steps of 2 and wrap; differences are signed: a producer must not sleep inside
 * commit through 2^(word bits - 2) commits of others: its record would be held for one to come.
 *
 * Shared memory: thetis/shm.h says what a peer may do. init() makes the lanes in memory that all
 * map; the other processes attach(). Here everybody is an end (thetis/bytes_end.h): what a process
 * uses of its own is in `lanes`, a producer's or the consumer's memory. Of the shared memory
 * there are, beside the rings: tail, that any producer can spoil for all, so that records are held,
 * leave out of order, or CLOSED is said; and owners and promises, that only keep places or CLOSED
 * back. What a lane's producer writes into its lane can harm that lane alone, but for the order.
 * A lane that contradicts the invariants of its ring, or 1, is told once by ECORRUPT and not read
 * any more; check() says which one it is, and expel() empties and repairs it. A consumer that was
 * killed is followed by another one's open(): a record that was shown and not released comes again.
 *
 * Steps: an access to tail, an owner, a promise, or to what producer and consumer share of a lane.
 * words(n) is (n + 7) / 8 (with machine words of 8 bytes), P the number of lanes.
 * Memory: thetis_lanes_size() bytes that are shared, thetis_lanes_consumer_size() of the consumer,
 * and the handles: all the caller's. No pointers in what is shared. A record takes 16 bytes more
 * than it has, and up to 7 of padding. To find the lowest of P heads the consumer also reads P
 * words of its own.
 *
 * Orders (each end names the other); spsc.tail and spsc.head are those of each lane:
 *   lanes.tail    additions and close release, the consumer's load acquires: what was published
 *                 before a ticket was drawn, the promises before it, and what the closer did.
 *                 An addition that is told CLOSED, and a look at tail for it, acquire the latter.
 *   lanes.owner   leave and expel release, join acquires: the lane, as its last producer left it.
 *
 * | operation       | thread   | progress  | bound                     | ISR-safe | shm-safe |
 * |-----------------|----------|-----------|---------------------------|----------|----------|
 * | push            | producer | wait-free | words(n) + 10             | yes      | yes      |
 * | push_n          | producer | wait-free | n (words(most) + 8) + 2   | yes      | yes      |
 * | reserve         | producer | wait-free | 3                         | yes      | yes      |
 * | commit          | producer | wait-free | 7                         | yes      | yes      |
 * | abort           | producer | wait-free | 2                         | yes      | yes      |
 * | pop             | consumer | wait-free | 4P + words(n) + 3         | yes      | yes      |
 * | peek            | consumer | wait-free | 4P + 2                    | yes      | yes      |
 * | release         | consumer | wait-free | 1                         | yes      | yes      |
 * | close           | any      | wait-free | 1                         | yes      | yes      |
 * | cancel          | consumer | wait-free | 1                         | yes      | yes      |
 * | join            | producer | wait-free | P + 4                     | yes      | yes      |
 * | leave           | producer | wait-free | 1                         | yes      | yes      |
 * | open            | consumer | wait-free | 3P + 1                    | yes      | yes      |
 * | attach          | any      | wait-free | 0                         | yes      | yes      |
 * | expel           | consumer | wait-free | 6                         | yes      | yes      |
 * | user            | any      | wait-free | 1                         | yes      | yes      |
 * | check           | consumer | wait-free | 1                         | yes      | yes      |
 *
 * "ISR-safe": each interrupt level that pushes is a producer of its own.
 */
#ifndef THETIS_LANES_H
#define THETIS_LANES_H

#include <thetis/bytes_end.h>

/* The shared memory; the lanes follow. */
typedef struct thetis_lanes_memory_ {
    thetis_shm_about_ about_;
    thetis_atomic tail_ THETIS_CACHE_ALIGNED;
} thetis_lanes_memory_;

/* Of each lane; its ring follows. */
typedef struct thetis_lanes_lane_ {
    thetis_atomic owner_;    /* who has joined; 0: nobody */
    thetis_atomic promised_; /* by the producer: a counter of its ring, see invariant 5 */
} THETIS_CACHE_ALIGNED thetis_lanes_lane_;

/** The lanes as a process sees them: where they are, and what never changes. May be copied. */
typedef struct thetis_lanes {
    thetis_lanes_memory_ *memory_;
    size_t lanes_; /* P */
    size_t stride_;
    thetis_bytes_cfg ring_; /* of each lane */
} thetis_lanes;

/** A producer's handle, in memory of its own; written by join(). One thread at a time uses it. */
typedef struct thetis_lanes_producer {
    thetis_atomic *tail_;
    thetis_lanes_lane_ *lane_;
    uintptr_t closed_; /* it was told CLOSED: it draws no more tickets */
    thetis_bytes_end end_;
} thetis_lanes_producer;

/* What the consumer knows of a lane's oldest record. */
typedef struct thetis_lanes_head_ {
    uintptr_t known_; /* 0: none; BROKEN_: none, and the lane is not looked at */
    uintptr_t ticket_;
    uintptr_t least_; /* no ticket that may come is lower */
    void *record_;
    size_t size_;
} thetis_lanes_head_;

/** The consumer's handle, in memory of its own; heads and ends follow. One thread at a time uses
 *  it. Public only so that the hot path is inline: use the functions. */
typedef struct thetis_lanes_consumer {
    uintptr_t horizon_; /* tail, as last loaded, with its flag */
    uintptr_t taken_;
    uintptr_t top_;
    size_t shown_;    /* the lane whose head peek() has shown, or NONE_ */
    size_t last_;     /* the lane to be looked at first, since its head was released, or NONE_ */
    uintptr_t ended_; /* CLOSED was said */
    thetis_lanes lanes_;
} THETIS_CACHE_ALIGNED thetis_lanes_consumer;

typedef struct thetis_lanes_cfg {
    size_t producers;  /* at most this many at once, 1 .. THETIS_LANES_PRODUCERS_MAX */
    size_t capacity;   /* bytes of one lane; a power of two, 32 .. THETIS_BYTES_CAPACITY_MAX. Each
                        * record takes 16 more than it has */
    size_t max_record; /* bytes of the largest record, <= THETIS_LANES_RECORD_MAX(capacity) */
} thetis_lanes_cfg;

typedef enum thetis_lanes_op {
    THETIS_LANES_PUSH,
    THETIS_LANES_PUSH_N,
    THETIS_LANES_RESERVE,
    THETIS_LANES_COMMIT,
    THETIS_LANES_ABORT,
    THETIS_LANES_POP,
    THETIS_LANES_PEEK,
    THETIS_LANES_RELEASE,
    THETIS_LANES_CLOSE,
    THETIS_LANES_CANCEL,
    THETIS_LANES_JOIN,
    THETIS_LANES_LEAVE,
    THETIS_LANES_OPEN,
    THETIS_LANES_EXPEL
} thetis_lanes_op;

#define THETIS_LANES_PRODUCERS_MAX 4096

/* Before what the user sees of a record: its ticket. */
#define THETIS_LANES_TICKET_ THETIS_CAST(size_t, 8)

/** The largest max_record; for a capacity of at least 32. */
#define THETIS_LANES_RECORD_MAX(capacity)                                                       \
    (THETIS_BYTES_RECORD_MAX(capacity) - THETIS_LANES_TICKET_)

#define THETIS_LANES_LINES_(bytes)                                                              \
    ((THETIS_CAST(size_t, bytes) + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE)
#define THETIS_LANES_STRIDE_(capacity)                                                          \
    (sizeof(thetis_lanes_lane_) + THETIS_LANES_LINES_(THETIS_BYTES_SIZE(capacity)))
#define THETIS_LANES_HEADS_(producers)                                                          \
    THETIS_LANES_LINES_(THETIS_CAST(size_t, producers) * sizeof(thetis_lanes_head_))

/** thetis_lanes_size() as a constant expression, for static memory. */
#define THETIS_LANES_SIZE(producers, capacity)                                                  \
    (sizeof(thetis_lanes_memory_) +                                                             \
     THETIS_CAST(size_t, producers) * THETIS_LANES_STRIDE_(capacity))

/** thetis_lanes_consumer_size() as a constant expression. */
#define THETIS_LANES_CONSUMER_SIZE(producers)                                                   \
    (sizeof(thetis_lanes_consumer) + THETIS_LANES_HEADS_(producers) +                           \
     THETIS_CAST(size_t, producers) * sizeof(thetis_bytes_end))

THETIS_BEGIN_DECLS

/** Bytes of shared memory that lanes of this configuration need; 0 if it is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_lanes_size(const thetis_lanes_cfg *cfg);

/** Bytes that the consumer needs for itself; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_lanes_consumer_size(const thetis_lanes_cfg *cfg);

/** Builds empty lanes in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_lanes_size(cfg).
 *  `lanes` is how this process knows them, and may lie anywhere.
 *  E2BIG: max_record exceeds THETIS_LANES_RECORD_MAX(capacity). EINVAL: another bad configuration,
 *  mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_init(void *mem, size_t len,
                                                            const thetis_lanes_cfg *cfg,
                                                            thetis_lanes *lanes);

/** The same for memory in which init() has built lanes of the same configuration, here or in
 *  another process. E2BIG and EINVAL: as init(). ENOTSUP: built by a library with another layout,
 *  word size or THETIS_CACHE_LINE. ECORRUPT: the memory holds no lanes of this configuration.
 *  @progress wait-free, 0 steps: what it reads does not change */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_attach(void *mem, size_t len,
                                                              const thetis_lanes_cfg *cfg,
                                                              thetis_lanes *lanes);

/** Makes the caller a producer, with a lane of its own; `producer` is its handle until leave().
 *  `who`, not 0, is what it is told apart by for expel(): its process number, for instance.
 *  ENOSLOT: each lane was taken when it was looked at; a lane that stays free is found. CLOSED.
 *  ECORRUPT: the lane that was free is broken, and must be expelled.
 *  @progress wait-free, at most P + 4 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_join(const thetis_lanes *lanes,
                                                            uintptr_t who,
                                                            thetis_lanes_producer *producer);

/** Gives the lane to others; what was committed will be delivered. Asserts that no reservation is
 *  open.
 *  @progress wait-free, 1 step */
THETIS_API void thetis_lanes_leave(thetis_lanes_producer *producer);

/** Who has joined lane number `lane`, below `producers` (asserted); 0: nobody. By anybody.
 *  @progress wait-free, 1 step */
THETIS_API uintptr_t thetis_lanes_user(const thetis_lanes *lanes, size_t lane);

/** Makes the caller the consumer, with a handle in `own`: aligned to THETIS_CACHE_LINE, `len` >=
 *  thetis_lanes_consumer_size(). There is one at a time: the last one, if there was one, has ended.
 *  EINVAL: own NULL or misaligned, len too small. ECORRUPT: the counters of a lane contradict each
 *  other.
 *  @progress wait-free, at most 3P + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_open(const thetis_lanes *lanes, void *own,
                                                            size_t len,
                                                            thetis_lanes_consumer **out);

/** For a producer that is dead: its thread or process has ended, at whatever step, and the caller
 *  knows that (what told it happens behind the last step). What it committed is delivered; of a
 *  commit that it died in, all or nothing; what it had reserved is dropped. The lane is free for
 *  the next join(). A lane that check() calls corrupt is emptied, too, also one that nobody has.
 *  OK; ABSENT: nobody has joined the lane.
 *  @progress wait-free, at most 6 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_expel(thetis_lanes_consumer *consumer,
                                                             size_t lane);

/** Ends the stream, for all producers: commits answer CLOSED, pops too once all that was drawn
 *  before is delivered. By anybody. OK; CLOSED if it was closed already.
 *  @progress wait-free, 1 step */
THETIS_API thetis_status thetis_lanes_close(const thetis_lanes *lanes);

/** The consumer wants no more: it gets CLOSED from now on, commits too. What the lanes still hold
 *  is lost; what peek() has shown must not be released any more (asserted). OK; CLOSED if it was
 *  closed or canceled already.
 *  @progress wait-free, 1 step */
THETIS_API thetis_status thetis_lanes_cancel(thetis_lanes_consumer *consumer);

/** ECORRUPT: this lane's producer has written what it must not, and it is not read any more; or it
 *  contradicts the invariants above now. Does not look at records.
 *  @progress wait-free, 1 step */
THETIS_API THETIS_NODISCARD thetis_status thetis_lanes_check(const thetis_lanes_consumer *consumer,
                                                             size_t lane);

/** The most steps one call of `op` can take; `n`: bytes of the record; pop: room; push_n: records.
 *  Derivation: reserve is that of an end of the lane's ring, or a look at its head counter and one
 *  at tail for CLOSED. commit reads the header and that of a pad, writes promise, tail, ticket
 *  and header, and stores the ring's tail; push is reserve, words and commit; push_n draws once for
 *  all. peek looks at the lane of the record before, 1 if that is empty; loads tail; and of each
 *  lane the ring's tail, the header, that of a pad, and the ticket, or, if it is empty, the ring's
 *  tail and the promise: there is one scan. Scenarios reach all of peek but one step; 2 of the
 *  steps of expel, and one of join, are for a lane that is broken.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_lanes_bound(const thetis_lanes *lanes, thetis_lanes_op op, size_t n);

/** Appends copies of up to `n` records, one behind the other, and returns how many; fewer than n
 *  come back with `*why`: FULL, CLOSED, E2BIG or ECORRUPT. Their tickets are drawn at once and
 *  follow each other: between them comes at most a record that drew before and was late. No
 *  reservation may be open (asserted). `why` may be NULL.
 *  @progress wait-free, at most n (words(most) + 8) + 2 steps */
THETIS_API size_t thetis_lanes_push_n(thetis_lanes_producer *producer,
                                      const thetis_bytes_run *records, size_t n,
                                      thetis_status *why);

/* What the inline functions do rarely, or in a loop. */
THETIS_API int thetis_lanes_is_closed_(thetis_lanes_producer *producer);
THETIS_API thetis_status thetis_lanes_give_up_(thetis_lanes_producer *producer);
THETIS_API thetis_status thetis_lanes_find_(thetis_lanes_consumer *consumer);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------ */

#define THETIS_LANES_CLOSED_ THETIS_CAST(uintptr_t, 1) /* in tail */
#define THETIS_LANES_STEP_ THETIS_CAST(uintptr_t, 2)   /* of a ticket */
#define THETIS_LANES_NONE_ SIZE_MAX
#define THETIS_LANES_BROKEN_ THETIS_CAST(uintptr_t, 2)

static inline thetis_lanes_head_ *thetis_lanes_heads_(thetis_lanes_consumer *consumer)
{
    void *heads = consumer + 1;
    return THETIS_CAST(thetis_lanes_head_ *, heads);
}

static inline thetis_bytes_end *thetis_lanes_ends_(thetis_lanes_consumer *consumer)
{
    void *behind = consumer + 1;
    void *ends = THETIS_CAST(unsigned char *, behind) +
                 THETIS_LANES_HEADS_(consumer->lanes_.lanes_);
    return THETIS_CAST(thetis_bytes_end *, ends);
}

/* Draws `n` tickets for records up to the one whose bytes begin at the counter `newest`; returns
 * the first, flagged if closed. */
static inline uintptr_t thetis_lanes_draw_(thetis_lanes_producer *me, uintptr_t newest, size_t n)
{
    const uintptr_t more = n * THETIS_LANES_STEP_;
    thetis_atomic_store_relaxed(&me->lane_->promised_, newest + 1); /* a record is longer */
    return thetis_atomic_fetch_add_acq_rel(me->tail_, more); /* pair: lanes.tail */
}

/* The ticket before a record: written once, read once. */
static inline void thetis_lanes_set_ticket_(unsigned char *at, uintptr_t ticket)
{
    uint64_t word = ticket;
    memcpy(at, &word, sizeof word);
}

static inline uintptr_t thetis_lanes_get_ticket_(const void *at)
{
    return THETIS_CAST(uintptr_t, *THETIS_CAST(const volatile thetis_bytes_word_ *, at));
}

/* Publishes the reservation that was found at `at`, as a record with this ticket. */
static inline void thetis_lanes_publish_(thetis_bytes_view_ view, uintptr_t at,
                                         const thetis_bytes_place_ *place, uintptr_t ticket,
                                         size_t size)
{
    thetis_lanes_set_ticket_(place->at + sizeof(thetis_bytes_header_), ticket);
    thetis_bytes_publish_(view, at, place, size + THETIS_LANES_TICKET_);
}

/* ---- producers ------------------------------------------------------------------------------- */

/** Reserves room for a record of up to `max` bytes behind those already reserved, in one piece,
 *  aligned to 8, and says where. FULL: this lane has no room; CLOSED; E2BIG: max exceeds
 *  max_record; ECORRUPT. Then `*record` is untouched. Several reservations may be open; commit()
 *  publishes the oldest.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_reserve(thetis_lanes_producer *producer,
                                                                  size_t max, void **record)
{
    const size_t most = producer->end_.side_.most_ - THETIS_LANES_TICKET_;
    void *at;
    thetis_status s;
    if (THETIS_UNLIKELY(max > most)) return THETIS_E2BIG;
    if (THETIS_UNLIKELY(producer->closed_)) return THETIS_CLOSED;
    s = thetis_bytes_end_reserve(&producer->end_, max + THETIS_LANES_TICKET_, &at);
    if (THETIS_UNLIKELY(s != THETIS_OK)) {
        return thetis_lanes_is_closed_(producer) ? THETIS_CLOSED : s; /* FULL, perhaps for ever */
    }
    *record = THETIS_CAST(unsigned char *, at) + THETIS_LANES_TICKET_;
    return THETIS_OK;
}

/** Publishes the oldest reservation as a record of `size` bytes; asserts that there is one. What is
 *  not used is given back, or skipped if a younger reservation is open.
 *  OK. CLOSED; ECORRUPT: it has not so much room, unless a peer has changed that. Then there will
 *  be no record, and all reservations of this producer are dropped.
 *  @progress wait-free, at most 7 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_commit(thetis_lanes_producer *producer,
                                                                 size_t size)
{
    thetis_bytes_view_ view = thetis_bytes_end_view_(&producer->end_, THETIS_SHM_PRODUCER);
    const uintptr_t at = thetis_atomic_load_relaxed(&view.bytes.me->at_);
    thetis_bytes_place_ place;
    uintptr_t ticket;
    thetis_status s;
    THETIS_ASSERT2(size <= SIZE_MAX - THETIS_LANES_TICKET_);
    s = thetis_bytes_oldest_(view, at, size + THETIS_LANES_TICKET_, &place);
    if (THETIS_UNLIKELY(s != THETIS_OK)) return s;
    ticket = thetis_lanes_draw_(producer, at, 1);
    if (THETIS_UNLIKELY(ticket & THETIS_LANES_CLOSED_)) return thetis_lanes_give_up_(producer);
    thetis_lanes_publish_(view, at, &place, ticket, size);
    return THETIS_OK;
}

/** Gives back the newest reservation; asserts that there is one. OK; ECORRUPT: a peer has changed
 *  it, and all reservations are dropped.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_abort(thetis_lanes_producer *producer)
{
    return thetis_bytes_end_abort(&producer->end_);
}

/** Appends a copy of `size` bytes as a record: OK, FULL, CLOSED, E2BIG or ECORRUPT. No reservation
 *  may be open (asserted at level 2): it would be published instead.
 *  @progress wait-free, at most words(size) + 10 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_push(thetis_lanes_producer *producer,
                                                               const void *data, size_t size)
{
    void *record;
    thetis_status s;
    THETIS_ASSERT2(producer->end_.bytes_.side_.open_ == 0);
    s = thetis_lanes_reserve(producer, size, &record);
    if (THETIS_UNLIKELY(s != THETIS_OK)) return s;
    if (size) memcpy(record, data, size);
    return thetis_lanes_commit(producer, size);
}

/* ---- consumer -------------------------------------------------------------------------------- */

/** Shows the oldest record, in place, aligned to 8: OK, EMPTY, CLOSED once all is drained, or
 *  ECORRUPT, once for each lane that is: see check(). It stays until release(). If not OK both
 *  results are untouched.
 *  @progress wait-free, at most 4P + 2 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_peek(thetis_lanes_consumer *consumer,
                                                               void **record, size_t *size)
{
    const thetis_lanes_head_ *head;
    if (THETIS_LIKELY(consumer->shown_ == THETIS_LANES_NONE_)) {
        thetis_status s = thetis_lanes_find_(consumer);
        if (s != THETIS_OK) return s;
    }
    head = thetis_lanes_heads_(consumer) + consumer->shown_;
    *record = head->record_;
    *size = head->size_;
    return THETIS_OK;
}

/** Takes the record that peek() has shown out of its lane; asserts that it has.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_lanes_release(thetis_lanes_consumer *consumer)
{
    thetis_lanes_head_ *head;
    uintptr_t behind;
    THETIS_ASSERT1(consumer->shown_ != THETIS_LANES_NONE_);
    head = thetis_lanes_heads_(consumer) + consumer->shown_;
    behind = head->ticket_ + THETIS_LANES_STEP_;
    head->known_ = 0;
    head->least_ = behind;
    consumer->taken_ += THETIS_LANES_STEP_;
    if (THETIS_CAST(intptr_t, behind - consumer->top_) > 0) consumer->top_ = behind;
    thetis_bytes_end_release(thetis_lanes_ends_(consumer) + consumer->shown_);
    consumer->last_ = consumer->shown_;
    consumer->shown_ = THETIS_LANES_NONE_;
}

/** Takes the oldest record and copies it to `data`, which has `room` bytes: as peek(), or E2BIG: it
 *  has more, and stays. `*size` is that of the record (OK, E2BIG), else untouched.
 *  @progress wait-free, at most 4P + words(room) + 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_lanes_pop(thetis_lanes_consumer *consumer,
                                                              void *data, size_t room,
                                                              size_t *size)
{
    void *record;
    thetis_status s = thetis_lanes_peek(consumer, &record, size);
    if (s != THETIS_OK) return s;
    if (*size > room) return THETIS_E2BIG;
    if (*size) memcpy(data, record, *size);
    thetis_lanes_release(consumer);
    return THETIS_OK;
}

#endif
