/* SPDX-License-Identifier: MIT
 *
 * thetis/bcast.h: broadcast ring of fixed-size elements: one producer thread, each reader gets all.
 *
 *     static char mem[THETIS_BCAST_SIZE(sizeof(tick), 256, 4)] THETIS_CACHE_ALIGNED;
 *     thetis_bcast_cfg cfg = {sizeof(tick), 256, 4, THETIS_BCAST_REFUSE};
 *     thetis_bcast *ring;
 *     thetis_status s = thetis_bcast_init(mem, sizeof mem, &cfg, &ring);
 *     thetis_bcast_reader r;
 *     s = thetis_bcast_join(ring, &r);              each reader, at any time: OK or ENOSLOT
 *     s = thetis_bcast_push(ring, &t);              producer: OK, FULL or CLOSED
 *     s = thetis_bcast_pop(&r, &t);                 reader: OK, EMPTY, CLOSED or LOST
 *     thetis_bcast_leave(&r);
 *
 * Modes, by what becomes of a reader that is `capacity` elements behind:
 *   REFUSE  the producer waits for it: push answers FULL. Nothing is lost. A reader that stops for
 *           ever, or is killed, stops the producer too.
 *   EVICT   the reader is thrown out: from then on its pops answer LOST; it may leave and join
 *           again. The others lose nothing, and push is never FULL.
 *   LOSSY   the oldest elements are overwritten: a pop answers LOST once, thetis_bcast_missed()
 *           counts what was skipped, and the reader goes on with the newer half of the ring. Any
 *           number of readers; the producer does not know them.
 *
 * Who joins gets every element of a push that begins after join() returned (in the sense of
 * happens-before), perhaps some of pushes before, and none of those that had returned when join()
 * began. After leave() nobody waits for the reader.
 *
 * Algorithm, REFUSE and EVICT: a ring with free-running counters and one cursor for each reader
 * (Thompson et al., "Disruptor", 2011), of which the producer keeps the smallest: it reads the
 * cursors only when the room it knows of is used up, at most once for each `capacity` elements if
 * the readers keep up. Ours: a reader joins by taking a place (thetis/thread.h) and writing
 * JOINING; the *producer* makes it ACTIVE, with its own counter as the cursor, before the next
 * element is pushed. So no reader begins at a slot that is being overwritten, and none misses an
 * element. For that a push looks at a count of joins, which stays in its cache. The producer evicts
 * by a compare-and-swap, ACTIVE at some position to EVICTED; in this mode a reader moves on by a
 * compare-and-swap, which fails if it was evicted while it copied: then what it copied is dropped.
 *
 * Algorithm, LOSSY: a sequence lock without fences (Boehm, "Can seqlocks get along with programming
 * language memory models?", MSPC 2012), with one word for the whole ring: before it overwrites
 * anything the producer writes into `begun_` how far it will have come. Payload words are atomic:
 * stored release, loaded acquire. A reader that saw a word of a later lap therefore sees, after it,
 * a begun_ that is more than `capacity` ahead of its element, and drops the copy. One attempt for
 * each call. The cost: on x86 none; on AArch64 each word is a load-acquire or a store-release; on
 * RISC-V each word has a fence. EVICT copies the same way.
 *
 * Counters move in steps of 4. Bit 0 of tail: closed. Bits 0 and 1 of a cursor: its state.
 *
 * Invariants: an ACTIVE cursor is in [tail - 4 * capacity, tail]; limit is at most the smallest of
 * them + 4 * capacity, so a slot is written only when no ACTIVE reader needs it. Of a LOSSY reader,
 * elements popped + missed = elements pushed since it joined - elements it can still pop.
 *
 * Linearization: push at the release store of tail, FULL at the acquire load of the cursor that is
 * behind; pop at the acquire load of tail that showed the element, or, EMPTY and CLOSED, at the
 * last one; in EVICT at the compare-and-swap; LOST where that fails, or at the load of begun_.
 *
 * Steps: one access to tail, begun, a cursor, the count of joins, or to one word of an element.
 * Memory: THETIS_BCAST_SIZE bytes, all given by the caller; no pointers inside. An element takes
 * whole words.
 *
 * Orders (each end names the other):
 *   bcast.tail    push and close store release; a reader's load acquires: the elements and all
 *                 that the producer wrote before.
 *   bcast.cursor  in REFUSE a reader moves on, and leaves, with release; the producer's load
 *                 acquires: the reader has finished reading the slots. JOINING is written with
 *                 release, too, for the reader that had the place before.
 *   bcast.join    join's addition releases, the producer's load acquires: that a cursor is JOINING.
 *   bcast.word    a payload word is stored release and loaded acquire: in LOSSY, that the
 *                 producer had begun; in EVICT, that it had evicted this reader, whose
 *                 compare-and-swap then comes later and fails. So in EVICT the cursors need no
 *                 order of their own.
 *
 * | operation   | thread   | progress  | bound               | ISR-safe | shm-safe |
 * |-------------|----------|-----------|---------------------|----------|----------|
 * | push_n      | producer | wait-free | n * w + 2 + p       | yes      | yes      |
 * | pop_n       | reader   | wait-free | n * w + 3           | yes      | yes      |
 * | join        | any      | wait-free | k + 3, LOSSY 1      | yes      | yes      |
 * | attach      | its own  | wait-free | 2                   | yes      | yes      |
 * | leave       | reader   | wait-free | 3, LOSSY 0          | yes      | yes      |
 * | close       | producer | wait-free | 1                   | yes      | yes      |
 *
 * w: words of an element; k: cfg.readers; p: REFUSE 2 k, EVICT 3 k, LOSSY 0.
 *
 * In memory that processes share (thetis/shm.h) each attaches, and uses what it has attached. What
 * the peers must not change (the producer's counter, a reader's, the configuration) is in memory of
 * its own. A reader's cursor that cannot be holds the producer up as one that is `capacity` behind;
 * check() tells them apart. A tail that cannot be is ECORRUPT in REFUSE, LOST in the other modes.
 * Elements may be torn by a peer. A process that is killed keeps a reader's place, and in REFUSE
 * its cursor stops the producer for ever: between processes that may die use EVICT or LOSSY.
 *
 * Counters wrap after 2^30 elements with 32-bit words (2^62 with 64). missed() counts modulo that.
 * If the producer goes on by a multiple of it, exactly to within the ring, within one pop of a
 * LOSSY reader or between any two, the reader does not notice. Nor does a producer notice 2^32
 * joins (2^64) between two of its pushes, until there is another one.
 */
#ifndef THETIS_BCAST_H
#define THETIS_BCAST_H

#include <string.h>
#include <thetis/atomic.h>
#include <thetis/caps.h>
#include <thetis/shm.h>
#include <thetis/status.h>
#include <thetis/thread.h>

typedef enum thetis_bcast_mode {
    THETIS_BCAST_REFUSE,
    THETIS_BCAST_EVICT,
    THETIS_BCAST_LOSSY
} thetis_bcast_mode;

/** The ring; cursors, slots and the table of places follow. What attach() fills is one, too: its
 *  private part is used, and far_ leads to the rest. Public only so that the hot path is inline:
 *  use the functions. */
typedef struct thetis_bcast {
    thetis_shm_about_ about_;
    struct {
        thetis_atomic tail_;  /* published */
        thetis_atomic begun_; /* LOSSY: up to here slots may have been written */
    } THETIS_CACHE_ALIGNED shown_;
    struct {
        uintptr_t at_;    /* tail, without the flag */
        uintptr_t limit_; /* may write up to here */
        uintptr_t joins_; /* the joins that it has seen */
        uintptr_t closed_;
        uintptr_t ahead_; /* LOSSY: how much further a dead producer had begun */
    } THETIS_CACHE_ALIGNED producer_; /* private to it */
    struct {
        thetis_atomic joins_;
        uintptr_t readers_;
        uintptr_t mode_;
        uintptr_t span_; /* 4 * capacity */
        uintptr_t elem_size_;
        uintptr_t far_; /* bytes from here to the ring that is shared; 0: this is it */
    } THETIS_CACHE_ALIGNED shape_; /* constant after init, but for joins_ */
} thetis_bcast;

/* What a reader has read, for the producer. */
typedef struct thetis_bcast_cursor_ {
    thetis_atomic at_;
} THETIS_CACHE_ALIGNED thetis_bcast_cursor_;

/** A reader's end, in the caller's memory; for one thread at a time. */
typedef struct thetis_bcast_reader {
    thetis_bcast *of_;
    uintptr_t at_;
    uintptr_t known_;  /* may read up to here */
    uintptr_t active_; /* 0: the producer has still to say where it begins, or has evicted it */
    uintptr_t missed_;
    size_t place_;
} thetis_bcast_reader;

typedef struct thetis_bcast_cfg {
    size_t elem_size; /* bytes of one element, >= 1 */
    size_t capacity;  /* elements; a power of two, 1 .. THETIS_BCAST_CAPACITY_MAX */
    size_t readers;   /* most readers at a time, 1 .. THETIS_THREAD_MAX; LOSSY: 0, no limit */
    thetis_bcast_mode mode;
} thetis_bcast_cfg;

typedef enum thetis_bcast_op {
    THETIS_BCAST_PUSH,
    THETIS_BCAST_CLOSE,
    THETIS_BCAST_JOIN,
    THETIS_BCAST_LEAVE,
    THETIS_BCAST_POP
} thetis_bcast_op;

/** The largest capacity: differences of counters must keep their sign. */
#define THETIS_BCAST_CAPACITY_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS - 4))

/* Bytes of a slot: whole words. */
#define THETIS_BCAST_SLOT_(elem_size)                                                           \
    ((THETIS_CAST(size_t, elem_size) + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) *             \
     sizeof(uintptr_t))

/** thetis_bcast_size() as a constant expression, for static memory. */
#define THETIS_BCAST_SIZE(elem_size, capacity, readers)                                         \
    (sizeof(thetis_bcast) + THETIS_CAST(size_t, readers) * sizeof(thetis_bcast_cursor_) +       \
     THETIS_CAST(size_t, capacity) * THETIS_BCAST_SLOT_(elem_size) + THETIS_THREAD_SIZE(readers))

THETIS_BEGIN_DECLS

/** Bytes that a ring of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_bcast_size(const thetis_bcast_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_bcast_size(cfg).
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_bcast_init(void *mem, size_t len,
                                                            const thetis_bcast_cfg *cfg,
                                                            thetis_bcast **out);

/** Makes `ring`, in memory of this process, a way to the ring that thetis_bcast_init() has built in
 *  `mem` with the same cfg: for all functions here, in one role. As a producer it goes on where the
 *  last one has published. Readers of a process join what it has attached.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small for it. ENOTSUP: built by a
 *  library with another layout, word size or THETIS_CACHE_LINE. ECORRUPT: the memory holds no ring
 *  of this configuration, or its counters contradict each other.
 *  @progress wait-free, at most 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bcast_attach(void *mem, size_t len,
                                                              const thetis_bcast_cfg *cfg,
                                                              thetis_shm_role role,
                                                              thetis_bcast *ring);

/** Makes `reader` an end of the ring, also of a closed one. What it gets is said above.
 *  ENOSLOT: all places are taken; not exact, see thetis_thread_join(). Never in LOSSY. ECORRUPT,
 *  when attached: a peer has written into the table of places.
 *  @progress wait-free, at most k + 3 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bcast_join(thetis_bcast *ring,
                                                            thetis_bcast_reader *reader);

/** The reader wants no more; its place is free. Asserts that it has joined. In REFUSE this can make
 *  room: a producer that sleeps (thetis/wait.h) is to be woken, as after a pop.
 *  @progress wait-free, at most 3 steps */
THETIS_API void thetis_bcast_leave(thetis_bcast_reader *reader);

/** LOSSY: how many elements this reader has lost since it joined, modulo 2^30 or 2^62 (see above).
 *  @progress wait-free, 0 steps */
THETIS_API uintptr_t thetis_bcast_missed(const thetis_bcast_reader *reader);

/** The producer: ECORRUPT if counters and cursors contradict the invariants above.
 *  @progress wait-free, at most k + 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bcast_check(const thetis_bcast *ring);

/** The most steps one call of `op` on `n` elements can take.
 *  Derivation: a push looks at the count of joins, at each cursor at most once, at some it does a
 *  compare-and-swap, and looks again if an eviction fails; it stores tail. LOSSY has begun in the
 *  place of the joins. A pop loads tail, and its own cursor if it has just joined; it stores or
 *  exchanges that at the end; LOSSY loads begun, and tail again to see how far to skip.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_bcast_bound(const thetis_bcast *ring, thetis_bcast_op op, size_t n);

/* The producer's look at all cursors: activates who has joined, and learns what room there is; in
 * EVICT makes room for `n`. */
THETIS_API void thetis_bcast_survey_(thetis_bcast *ring, size_t n);

/* A LOSSY reader that is too late skips, and counts what it skips. */
THETIS_API void thetis_bcast_skip_(thetis_bcast_reader *reader);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------ */

#define THETIS_BCAST_CLOSED_ THETIS_CAST(uintptr_t, 1)
#define THETIS_BCAST_STATE_ THETIS_CAST(uintptr_t, 3) /* of a cursor: one of these four */
#define THETIS_BCAST_FREE_ THETIS_CAST(uintptr_t, 0)
#define THETIS_BCAST_JOINING_ THETIS_CAST(uintptr_t, 1)
#define THETIS_BCAST_ACTIVE_ THETIS_CAST(uintptr_t, 2)
#define THETIS_BCAST_EVICTED_ THETIS_CAST(uintptr_t, 3)

/* The ring that is shared: this one, or where attach() has found it. Through its number, as the
 * compiler must not take it for a part of this object. */
static inline thetis_bcast *thetis_bcast_there_(const thetis_bcast *ring)
{
    uintptr_t here = THETIS_ADDRESS_(uintptr_t, ring);
    return THETIS_ADDRESS_(thetis_bcast *, here + ring->shape_.far_);
}

static inline thetis_atomic *thetis_bcast_cursor_of_(thetis_bcast *ring, size_t place)
{
    void *cursors = thetis_bcast_there_(ring) + 1;
    return &(THETIS_CAST(thetis_bcast_cursor_ *, cursors) + place)->at_;
}

/* The slot of a counter; `size` is that of an element. */
static inline thetis_atomic *thetis_bcast_slot_(thetis_bcast *ring, uintptr_t at, size_t size)
{
    void *cursors = thetis_bcast_there_(ring) + 1;
    void *slots = THETIS_CAST(thetis_bcast_cursor_ *, cursors) + ring->shape_.readers_;
    size_t number = (at & (ring->shape_.span_ - 1)) >> 2;
    return THETIS_CAST(thetis_atomic *, slots) +
           number * (THETIS_BCAST_SLOT_(size) / sizeof(uintptr_t));
}

/* Writes one element, word by word: readers may look meanwhile, and drop what they see. */
static inline void thetis_bcast_write_words_(thetis_atomic *slot, const void *item, size_t size)
{
    const unsigned char *from = THETIS_CAST(const unsigned char *, item);
    for (size_t done = 0; done < size; done += sizeof(uintptr_t)) {
        uintptr_t word = 0;
        if (size - done >= sizeof word) memcpy(&word, from + done, sizeof word);
        else memcpy(&word, from + done, size - done);
        thetis_atomic_store_release(slot++, word); /* pair: bcast.word */
    }
}

static inline void thetis_bcast_read_words_(const thetis_atomic *slot, void *item, size_t size)
{
    unsigned char *to = THETIS_CAST(unsigned char *, item);
    for (size_t done = 0; done < size; done += sizeof(uintptr_t)) {
        uintptr_t word = thetis_atomic_load_acquire(slot++); /* pair: bcast.word */
        if (size - done >= sizeof word) memcpy(to + done, &word, sizeof word);
        else memcpy(to + done, &word, size - done);
    }
}

/* Writes `n` elements of `size` bytes from counter `at` on. */
static inline void thetis_bcast_write_(thetis_bcast *ring, uintptr_t at, const void *items,
                                       size_t n, size_t size)
{
    const unsigned char *from = THETIS_CAST(const unsigned char *, items);
    int plain = ring->shape_.mode_ == THETIS_BCAST_REFUSE;
    for (; n > 0; n--, at += 4, from += size) {
        thetis_atomic *slot = thetis_bcast_slot_(ring, at, size);
        if (plain) memcpy(slot, from, size);
        else thetis_bcast_write_words_(slot, from, size);
    }
}

static inline void thetis_bcast_read_(thetis_bcast *ring, uintptr_t at, void *items, size_t n,
                                      size_t size)
{
    unsigned char *to = THETIS_CAST(unsigned char *, items);
    int plain = ring->shape_.mode_ == THETIS_BCAST_REFUSE;
    for (; n > 0; n--, at += 4, to += size) {
        const thetis_atomic *slot = thetis_bcast_slot_(ring, at, size);
        if (plain) memcpy(to, slot, size);
        else thetis_bcast_read_words_(slot, to, size);
    }
}

/* LOSSY: says that `steps` from `at` on may be overwritten; never less than was said before. */
static inline void thetis_bcast_begin_(thetis_bcast *ring, uintptr_t at, uintptr_t steps)
{
    uintptr_t ahead = ring->producer_.ahead_;
    if (THETIS_UNLIKELY(ahead != 0)) {
        ring->producer_.ahead_ = ahead > steps ? ahead - steps : 0;
        if (ahead < steps) ahead = steps;
    } else {
        ahead = steps;
    }
    thetis_atomic_store_relaxed(&thetis_bcast_there_(ring)->shown_.begun_, at + ahead);
}

/* How many of `n` elements can be written. */
static inline size_t thetis_bcast_room_(thetis_bcast *ring, size_t n)
{
    uintptr_t at = ring->producer_.at_, room = ring->shape_.span_;
    if (ring->shape_.mode_ == THETIS_BCAST_LOSSY) {
        if (n > room >> 2) n = room >> 2;
        thetis_bcast_begin_(ring, at, n << 2);
        return n;
    }
    uintptr_t joins = thetis_atomic_load_acquire(
        &thetis_bcast_there_(ring)->shape_.joins_); /* pair: bcast.join */
    room = ring->producer_.limit_ - at;
    if (THETIS_UNLIKELY(joins != ring->producer_.joins_ || room >> 2 < n)) {
        ring->producer_.joins_ = joins;
        thetis_bcast_survey_(ring, n);
        room = ring->producer_.limit_ - at;
    }
    return room >> 2 < n ? room >> 2 : n;
}

static inline size_t thetis_bcast_push_n_(thetis_bcast *ring, const void *items, size_t n,
                                          size_t size, thetis_status *why)
{
    uintptr_t at = ring->producer_.at_;
    size_t room;
    *why = THETIS_CLOSED;
    if (THETIS_UNLIKELY(ring->producer_.closed_)) return 0;
    room = thetis_bcast_room_(ring, n);
    *why = room < n ? THETIS_FULL : THETIS_OK;
    if (THETIS_UNLIKELY(room == 0)) return 0;
    thetis_bcast_write_(ring, at, items, room, size);
    at += room << 2;
    ring->producer_.at_ = at;
    thetis_atomic_store_release(&thetis_bcast_there_(ring)->shown_.tail_, /* pair: bcast.tail */
                                at);
    return room;
}

/* Learns how far may be read; returns what there is to say at the end of that. */
static inline thetis_status thetis_bcast_refill_(thetis_bcast_reader *reader)
{
    thetis_bcast *ring = reader->of_, *there = thetis_bcast_there_(ring);
    uintptr_t tail = thetis_atomic_load_acquire(&there->shown_.tail_); /* pair: bcast.tail */
    thetis_status end = tail & THETIS_BCAST_CLOSED_ ? THETIS_CLOSED : THETIS_EMPTY;
    if (THETIS_UNLIKELY(!reader->active_)) { /* after tail: JOINING, if closed, stays so */
        uintptr_t cursor =
            thetis_atomic_load_relaxed(thetis_bcast_cursor_of_(ring, reader->place_));
        if (cursor == THETIS_BCAST_JOINING_) return end;
        if (cursor == THETIS_BCAST_EVICTED_) return THETIS_LOST;
        reader->at_ = reader->known_ = cursor & ~THETIS_BCAST_STATE_;
        reader->active_ = 1;
    }
    tail &= ~THETIS_BCAST_STATE_; /* may be older than a cursor that was just given */
    if (THETIS_CAST(intptr_t, tail - reader->at_) > 0) {
        if (THETIS_UNLIKELY(tail - reader->at_ > ring->shape_.span_)) {
            if (ring->shape_.mode_ == THETIS_BCAST_REFUSE) return THETIS_ECORRUPT;
            tail = reader->at_ + ring->shape_.span_; /* it was evicted, and will see that */
        }
        reader->known_ = tail;
    }
    return end;
}

/* The reader has read up to `to`; 0 if it was evicted before. */
static inline int thetis_bcast_move_(thetis_bcast_reader *reader, uintptr_t to)
{
    thetis_bcast *ring = reader->of_;
    thetis_atomic *cursor = thetis_bcast_cursor_of_(ring, reader->place_);
    if (ring->shape_.mode_ == THETIS_BCAST_REFUSE) {
        thetis_atomic_store_release(cursor, to | THETIS_BCAST_ACTIVE_); /* pair: bcast.cursor */
    } else if (!thetis_atomic_cas_relaxed(cursor, reader->at_ | THETIS_BCAST_ACTIVE_,
                                          to | THETIS_BCAST_ACTIVE_)) {
        reader->active_ = 0;
        reader->known_ = reader->at_;
        return 0;
    }
    reader->at_ = to;
    return 1;
}

static inline size_t thetis_bcast_pop_gated_(thetis_bcast_reader *reader, void *items, size_t n,
                                             size_t size, thetis_status *why)
{
    *why = THETIS_OK;
    if ((reader->known_ - reader->at_) >> 2 < n) {
        thetis_status s = thetis_bcast_refill_(reader);
        size_t ready = (reader->known_ - reader->at_) >> 2;
        if (ready < n) {
            n = ready;
            *why = s;
        }
    }
    if (n == 0) return 0;
    thetis_bcast_read_(reader->of_, reader->at_, items, n, size);
    if (thetis_bcast_move_(reader, reader->at_ + (n << 2))) return n;
    *why = THETIS_LOST;
    return 0;
}

static inline size_t thetis_bcast_pop_lossy_(thetis_bcast_reader *reader, void *items, size_t n,
                                             size_t size, thetis_status *why)
{
    thetis_bcast *ring = reader->of_, *there = thetis_bcast_there_(ring);
    uintptr_t tail = thetis_atomic_load_acquire(&there->shown_.tail_); /* pair: bcast.tail */
    uintptr_t ready = (tail & ~THETIS_BCAST_STATE_) - reader->at_;
    *why = THETIS_OK;
    if (ready >> 2 < n) {
        n = ready >> 2;
        *why = tail & THETIS_BCAST_CLOSED_ ? THETIS_CLOSED : THETIS_EMPTY;
    }
    if (n == 0) return 0;
    if (THETIS_LIKELY(ready <= ring->shape_.span_)) {
        thetis_bcast_read_(ring, reader->at_, items, n, size);
        uintptr_t begun = thetis_atomic_load_relaxed(&there->shown_.begun_);
        if (THETIS_LIKELY(begun - reader->at_ <= ring->shape_.span_)) {
            reader->at_ += n << 2;
            return n;
        }
    }
    thetis_bcast_skip_(reader);
    *why = THETIS_LOST;
    return 0;
}

static inline size_t thetis_bcast_pop_n_(thetis_bcast_reader *reader, void *items, size_t n,
                                         size_t size, thetis_status *why)
{
    if (reader->of_->shape_.mode_ == THETIS_BCAST_LOSSY) {
        return thetis_bcast_pop_lossy_(reader, items, n, size, why);
    }
    return thetis_bcast_pop_gated_(reader, items, n, size, why);
}

/* ---- producer -------------------------------------------------------------------------------- */

/** Appends up to `n` elements and returns how many; fewer than n come back with `*why` FULL or
 *  CLOSED. At most `capacity` in one call: more is FULL in each mode. In EVICT readers that leave
 *  no room for `n` are evicted; fewer than n come back only if one of them moved just then. `why`
 *  may be NULL.
 *  @progress wait-free, at most n * w + 2 + p steps */
THETIS_INLINE size_t thetis_bcast_push_n(thetis_bcast *ring, const void *items, size_t n,
                                         thetis_status *why)
{
    thetis_status unused;
    return thetis_bcast_push_n_(ring, items, n, ring->shape_.elem_size_, why ? why : &unused);
}

/** Appends one element: OK, FULL (in REFUSE only) or CLOSED.
 *  @progress wait-free, at most w + 2 + p steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bcast_push(thetis_bcast *ring,
                                                               const void *item)
{
    thetis_status why;
    (void)thetis_bcast_push_n_(ring, item, 1, ring->shape_.elem_size_, &why);
    return why;
}

/** Ends the stream: readers get what was pushed, then CLOSED. Calling it again has no effect.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bcast_close(thetis_bcast *ring)
{
    ring->producer_.closed_ = 1;
    thetis_atomic_store_release(&thetis_bcast_there_(ring)->shown_.tail_, /* pair: bcast.tail */
                                ring->producer_.at_ | THETIS_BCAST_CLOSED_);
}

/* ---- readers --------------------------------------------------------------------------------- */

/** Copies up to `n` of the next elements and returns how many; fewer than n come back with `*why`
 *  EMPTY, CLOSED (these are the last) or LOST (none; see the modes above). `why` may be NULL. What
 *  lies in `items` beyond the returned count may have been written to.
 *  @progress wait-free, at most n * w + 3 steps */
THETIS_INLINE size_t thetis_bcast_pop_n(thetis_bcast_reader *reader, void *items, size_t n,
                                        thetis_status *why)
{
    thetis_status unused;
    return thetis_bcast_pop_n_(reader, items, n, reader->of_->shape_.elem_size_,
                               why ? why : &unused);
}

/** Copies the next element: OK, EMPTY, CLOSED once a closed ring is drained, or LOST; then `item`
 *  may have been written to.
 *  @progress wait-free, at most w + 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bcast_pop(thetis_bcast_reader *reader,
                                                              void *item)
{
    thetis_status why;
    (void)thetis_bcast_pop_n_(reader, item, 1, reader->of_->shape_.elem_size_, &why);
    return why;
}

#ifdef __cplusplus
#define THETIS_BCAST_COPYABLE_(type)                                                            \
    static_assert(__is_trivially_copyable(type), "elements are copied byte by byte")
#else
#define THETIS_BCAST_COPYABLE_(type) _Static_assert(sizeof(type) > 0, "a complete type")
#endif

/** Typed, faster forms for elements of `type`: name_push(ring, &item) and name_pop(reader, &item).
 *  The ring must have elem_size == sizeof(type), asserted at level 2. */
#define THETIS_BCAST(name, type)                                                                \
    THETIS_BCAST_COPYABLE_(type);                                                               \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_push(                     \
        thetis_bcast *ring, type const *item_)                                                  \
    {                                                                                           \
        thetis_status why_;                                                                     \
        THETIS_ASSERT2(ring->shape_.elem_size_ == sizeof(type));                                \
        (void)thetis_bcast_push_n_(ring, item_, 1, sizeof(type), &why_);                        \
        return why_;                                                                            \
    }                                                                                           \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_pop(                      \
        thetis_bcast_reader *reader, type *item_)                                               \
    {                                                                                           \
        thetis_status why_;                                                                     \
        THETIS_ASSERT2(reader->of_->shape_.elem_size_ == sizeof(type));                         \
        (void)thetis_bcast_pop_n_(reader, item_, 1, sizeof(type), &why_);                       \
        return why_;                                                                            \
    }                                                                                           \
    struct name##_requires_semicolon_

#endif
