/* SPDX-License-Identifier: MIT
 *
 * thetis/mpmc.h: bounded rings, many producers, many consumers, wait-free for all of them.
 *
 *     thetis_mpmc_cfg cfg = {.elem_size = sizeof(int), .capacity = 64, .participants = 4};
 *     static char mem[THETIS_MPMC_SIZE(sizeof(int), 64, 4, 1)] THETIS_CACHE_ALIGNED;
 *     thetis_mpmc *ring;
 *     thetis_status s = thetis_mpmc_init(mem, sizeof mem, &cfg, &ring);
 *     thetis_mpmc_end me;                             one for each participant, in its own memory
 *     s = thetis_mpmc_join(ring, &me);                OK or ENOSLOT
 *     s = thetis_mpmc_push(&me, &(int){42});          OK, FULL or CLOSED
 *     int v; s = thetis_mpmc_pop(&me, &v);            OK, EMPTY or CLOSED
 *
 * Two forms. thetis_mpmc, the index form: elements of any size, which may be written and read in
 * place; word-size compare-and-swap. thetis_mpmc_value, the value form: elements are words; less
 * memory, and FULL is exact. It needs a compare-and-swap of two words, and is declared only where
 * THETIS_CAP_WIDE_CAS is 1. Both where THETIS_CAP_MPMC is 1: on 64-bit machines.
 *
 * A participant that stops for ever between two steps delays nobody. In the value form it costs
 * nothing at all. In the index form it keeps the slots that it holds (those that it reserved or
 * peeks at, one in the middle of a push or pop, and at most 8 free ones), for which there is
 * slack: `capacity` elements fit though all others are stopped. While they are not, more may fit:
 * up to capacity + participants * (open + 9).
 *
 * Algorithm: a ring of cells, each with the number of its lap (Colvin and Groves, "Formal
 * verification of an array-based nonblocking queue", 2005). A push is one compare-and-swap of the
 * first cell that is not filled, a pop one of the first that is not emptied; the words tail and
 * head only say where to begin to look, and are written once in a while (Tsigas and Zhang, "A
 * simple, fast and scalable non-blocking concurrent FIFO queue", 2001). Who keeps losing asks, and
 * whoever comes helps first (Kogan and Petrank, "A methodology for creating fast wait-free data
 * structures", 2012). New here: a helper first writes into the cell for whom it is, and a request
 * is decided only while it stands there. So one word decides; EMPTY and FULL are decided like
 * elements; and tickets, thresholds and notes, as in SCQ and wCQ (Nikolaev 2019, Nikolaev and
 * Ravindran 2022), are not needed. src/ring/mpmc.h has the protocol, its invariants, and why it
 * ends. The index form is two such rings, of filled slots and of free ones, and each participant
 * keeps up to 8 free ones at hand.
 *
 * Linearization: push, pop and close at the compare-and-swap of the cell (index form: of the ring
 * of filled slots); EMPTY and CLOSED at the load of the cell. If others helped: at the
 * compare-and-swap that decides the request. Close puts a mark behind the last element: pushes
 * meet it, pops come to it after all elements, so CLOSED is for ever. FULL, value form: at the
 * load of the cell `capacity` places before the tail: there were so many elements. Index form:
 * at the moment when the ring of free slots was seen empty, `capacity` slots at least were full
 * or in the hands of others.
 * To "happen before" is what orders here: a push that has returned may not be visible yet to a
 * thread that nothing else has told of it.
 *
 * Horizons. Positions are words, but a cell has room for a part of its lap only. To be misled, a
 * participant has to sleep inside one call, between a load and its compare-and-swap, through
 * exactly a multiple of 2^55 laps (index form: 2^35, less where there are more than 2^20 slots); or
 * of 2^64 (2^20) requests that were refused at that cell with no element passing it; or of
 * 2^(59 - r) (2^(39 - r)) requests of one other participant, where 2^r is the number of cells; and
 * then to find the word as it was. At a lap of 32 cells and 20 million elements a second, 2^35 laps
 * are 15 hours.
 *
 * Steps: an access to a word of the ring, or to a word of an element.
 * Memory: thetis_mpmc_size() bytes from the caller; handles are the caller's, too.
 *
 * Orders (each end names the other):
 *   mpmc.cell   every change of a cell or of a request releases, every load of one acquires: the
 *               element, that its slot has been read, a request, and how it was decided.
 *   mpmc.asked  a participant's bit is set, seq_cst, behind its request, and the word is loaded,
 *               seq_cst, at the begin of each operation: what begins later helps.
 *   mpmc.tail   a position is stored by who has seen all before it filled. seq_cst, so that who
 *   mpmc.head   looks is not led back farther than G + 3(n-1). The same for emptied.
 *
 * Bounds, in n participants, p tries on one's own, G positions between two writes of tail or head,
 * w words of an element. p and G are 32 and 16; 4 and 2 with THETIS_MPMC_REALTIME; 0 and 1 with
 * THETIS_MPMC_HELPED.
 *   H(m) = 2 (G-1) + 4 (n-1) + 12 m + 14: to help one request: G - 1 + 2 (n-1) places to look for
 *   the end; 12 for each of m operations of others that end before it and are in the way; the last
 *   turn.
 *   B = 9 + (n-1) H(n-2) + 7 p + H(n-1): help all others, try, ask, and help oneself.
 * In the value form who settles a push looks for room: 14, 16 and 14 in place of 12, 14 and 7, but
 * to help one's own pop or close takes what it takes above: B' for a push, B' - 2n for these.
 * For n = 4, B is 565 and B' 815; with THETIS_MPMC_REALTIME 257 and 311; with
 * THETIS_MPMC_HELPED 221 and 247. Asking at once, the tester comes to three quarters of the bound
 * of a track and more, for n = 2, 3 and 4 (tests/model/model_mpmc_long.c).
 *
 * | operation              | thread | progress  | bound             | ISR-safe | shm |
 * |------------------------|--------|-----------|-------------------|----------|-----|
 * | push_n, pop_n          | any    | wait-free | n (2 B + w + 2)   | yes      | no  |
 * | reserve, commit, abort | any    | wait-free | B + 2, B + 1      | yes      | no  |
 * | peek, release          | any    | wait-free | B, B + 1          | yes      | no  |
 * | close                  | any    | wait-free | B + 1             | yes      | no  |
 * | value push_n, pop_n    | any    | wait-free | n B', n (B' - 2n) | yes      | no  |
 * | value close            | any    | wait-free | B' - 2n           | yes      | no  |
 * | join, leave            | any    | wait-free | n + 3, 2          | yes      | no  |
 *
 * "ISR-safe": each interrupt level is a participant of its own.
 */
#ifndef THETIS_MPMC_H
#define THETIS_MPMC_H

#include <thetis/atomic.h>
#include <thetis/caps.h>
#include <thetis/status.h>

typedef struct thetis_mpmc_cfg {
    size_t elem_size;    /* bytes of one element, >= 1; of no meaning in the value form */
    size_t capacity;     /* elements that fit, also while all others are stalled; >= 1 */
    size_t participants; /* at most this many at once, 1 .. THETIS_MPMC_PARTICIPANTS_MAX */
    size_t open;         /* slots one participant may hold, <= capacity; 0: 1. Index form only */
    unsigned flags;      /* 0, THETIS_MPMC_REALTIME or THETIS_MPMC_HELPED */
} thetis_mpmc_cfg;

/** Asks for help soon: a smaller bound, but less throughput where many compete. */
#define THETIS_MPMC_REALTIME 1u

/** Asks for help at once, in each operation: the smallest bound, at several times the cost. Also to
 *  test a program with what otherwise happens rarely. */
#define THETIS_MPMC_HELPED 2u

typedef enum thetis_mpmc_op {
    THETIS_MPMC_PUSH,
    THETIS_MPMC_POP,
    THETIS_MPMC_RESERVE,
    THETIS_MPMC_COMMIT,
    THETIS_MPMC_ABORT,
    THETIS_MPMC_PEEK,
    THETIS_MPMC_RELEASE,
    THETIS_MPMC_CLOSE,
    THETIS_MPMC_JOIN,
    THETIS_MPMC_LEAVE
} thetis_mpmc_op;

/** Who has asked is a bit of a word. */
#define THETIS_MPMC_PARTICIPANTS_MAX 64
#define THETIS_MPMC_CAPACITY_MAX (THETIS_CAST(size_t, 1) << 20)
/** Index form: the most of capacity + participants * (open + 9). */
#define THETIS_MPMC_SLOTS_MAX (THETIS_CAST(size_t, 1) << 21)

#define THETIS_MPMC_KEPT_ 8 /* free slots that a participant keeps at hand */

#define THETIS_MPMC_SLOTS_(capacity, participants, open)                                        \
    (THETIS_CAST(size_t, capacity) +                                                            \
     THETIS_CAST(size_t, participants) *                                                        \
         (THETIS_CAST(size_t, open) + THETIS_MPMC_KEPT_ + 1))
#define THETIS_MPMC_STRIDE_(elem_size)                                                          \
    ((THETIS_CAST(size_t, elem_size) + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) *             \
     sizeof(uintptr_t))
#define THETIS_MPMC_FIXED_(participants)                                                        \
    (1024 + 12 * THETIS_CACHE_LINE +                                                            \
     THETIS_CAST(size_t, participants) * (128 + 3 * THETIS_CACHE_LINE))

/** Enough static memory for a ring of the index form, as a constant expression:
 *  thetis_mpmc_size() is exact. Arguments as in thetis_mpmc_cfg, none 0. */
#define THETIS_MPMC_SIZE(elem_size, capacity, participants, open)                               \
    (THETIS_MPMC_FIXED_(participants) +                                                         \
     THETIS_MPMC_SLOTS_(capacity, participants, open) *                                         \
         (4 * sizeof(uintptr_t) + THETIS_MPMC_STRIDE_(elem_size)))

/** The same for the value form. */
#define THETIS_MPMC_VALUE_SIZE(capacity, participants)                                          \
    (THETIS_MPMC_FIXED_(participants) + THETIS_CAST(size_t, capacity) * 4 * sizeof(uintptr_t))

#if THETIS_CAP_MPMC

/* How far a participant knows a ring of cells to be filled and emptied. */
typedef struct thetis_mpmc_view_ {
    uintptr_t tail, head;
} thetis_mpmc_view_;

/** A ring of the index form. */
typedef struct thetis_mpmc thetis_mpmc;

/** A participant's handle, in memory of its own; written by join(). For one thread at a time. */
typedef struct thetis_mpmc_end {
    thetis_mpmc *ring_;
    size_t id_;
    size_t held_; /* slots reserved or peeked at */
    thetis_mpmc_view_ full_, free_;
} thetis_mpmc_end;

THETIS_BEGIN_DECLS

/** Bytes that a ring of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_mpmc_size(const thetis_mpmc_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_mpmc_size(cfg).
 *  Elements are aligned to a word.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_init(void *mem, size_t len,
                                                           const thetis_mpmc_cfg *cfg,
                                                           thetis_mpmc **out);

/** Makes the caller a participant; `end` is its handle until leave().
 *  ENOSLOT: there are as many as configured. Not exact: see thetis_thread_join().
 *  @progress wait-free, at most n + 3 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_join(thetis_mpmc *ring,
                                                           thetis_mpmc_end *end);

/** Gives the place to others. Asserts that no slot is held.
 *  @progress wait-free, 2 steps */
THETIS_API void thetis_mpmc_leave(thetis_mpmc_end *end);

/** Appends one element: OK, FULL or CLOSED.
 *  @progress wait-free, at most 2 B + w + 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_push(thetis_mpmc_end *end,
                                                           const void *item);

/** Appends up to `n` elements, one after the other, and returns how many; fewer than n come back
 *  with `*why` FULL or CLOSED. `why` may be NULL.
 *  @progress wait-free, at most n (2 B + w + 2) steps */
THETIS_API size_t thetis_mpmc_push_n(thetis_mpmc_end *end, const void *items, size_t n,
                                     thetis_status *why);

/** Takes the oldest element: OK, EMPTY, or CLOSED once a closed ring is drained.
 *  @progress wait-free, at most 2 B + w + 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_pop(thetis_mpmc_end *end, void *item);

/** Takes up to `n` elements, one after the other, and returns how many; fewer than n come back
 *  with `*why` EMPTY or CLOSED. `why` may be NULL.
 *  @progress wait-free, at most n (2 B + w + 2) steps */
THETIS_API size_t thetis_mpmc_pop_n(thetis_mpmc_end *end, void *items, size_t n,
                                    thetis_status *why);

/** Gives a free slot, `*at`, to write an element to: OK, FULL, or CLOSED. It is finished by
 *  commit() or abort(). At most `open` slots may be held at once (asserted).
 *  @progress wait-free, at most B + 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_reserve(thetis_mpmc_end *end, void **at);

/** Appends the element that was written to `at`, which reserve() or peek() gave: OK; or CLOSED: it
 *  is lost. Elements are in the order of their commits.
 *  @progress wait-free, at most B + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_commit(thetis_mpmc_end *end, void *at);

/** Gives a reserved slot back.
 *  @progress wait-free, at most B + 1 steps */
THETIS_API void thetis_mpmc_abort(thetis_mpmc_end *end, void *at);

/** Takes the oldest element and leaves it where it is: `*at`, the caller's until release(): OK,
 *  EMPTY or CLOSED. At most `open` slots may be held at once (asserted).
 *  @progress wait-free, at most B steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_peek(thetis_mpmc_end *end, void **at);

/** Gives the slot of an element that was peeked at back.
 *  @progress wait-free, at most B + 1 steps */
THETIS_API void thetis_mpmc_release(thetis_mpmc_end *end, void *at);

/** Ends the stream: later pushes answer CLOSED, and pops, once all elements are taken.
 *  OK; CLOSED if it was closed already.
 *  @progress wait-free, at most B + 1 steps */
THETIS_API thetis_status thetis_mpmc_close(thetis_mpmc_end *end);

/** While no operation is under way: ECORRUPT if the cells contradict the invariants.
 *  @progress owner, looks at all cells */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_check(const thetis_mpmc *ring);

/** The most steps one call of `op` on `n` elements can take; see above.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_mpmc_bound(const thetis_mpmc *ring, thetis_mpmc_op op, size_t n);

#if THETIS_CAP_WIDE_CAS

/** A ring of the value form. */
typedef struct thetis_mpmc_value thetis_mpmc_value;

/** A participant's handle, in memory of its own; written by join(). For one thread at a time. */
typedef struct thetis_mpmc_value_end {
    thetis_mpmc_value *ring_;
    size_t id_;
    thetis_mpmc_view_ view_;
} thetis_mpmc_value_end;

/** Bytes that a ring of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_mpmc_value_size(const thetis_mpmc_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, of thetis_mpmc_value_size(cfg)
 *  bytes at least. EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_value_init(void *mem, size_t len,
                                                                 const thetis_mpmc_cfg *cfg,
                                                                 thetis_mpmc_value **out);

/** Makes the caller a participant; `end` is its handle until leave(). ENOSLOT: as for thetis_mpmc.
 *  @progress wait-free, at most n + 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_value_join(thetis_mpmc_value *ring,
                                                                 thetis_mpmc_value_end *end);

/** Gives the place to others.
 *  @progress wait-free, 2 steps */
THETIS_API void thetis_mpmc_value_leave(thetis_mpmc_value_end *end);

/** Appends one value: OK, FULL (there are exactly `capacity`) or CLOSED.
 *  @progress wait-free, at most B' steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_value_push(thetis_mpmc_value_end *end,
                                                                 uintptr_t value);

/** Appends up to `n` values, one after the other, and returns how many; fewer than n come back
 *  with `*why` FULL or CLOSED. `why` may be NULL.
 *  @progress wait-free, at most n B' steps */
THETIS_API size_t thetis_mpmc_value_push_n(thetis_mpmc_value_end *end, const uintptr_t *values,
                                           size_t n, thetis_status *why);

/** Takes the oldest value: OK, EMPTY, or CLOSED once a closed ring is drained.
 *  @progress wait-free, at most B' - 2n steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_value_pop(thetis_mpmc_value_end *end,
                                                                uintptr_t *value);

/** Takes up to `n` values, one after the other, and returns how many; fewer than n come back with
 *  `*why` EMPTY or CLOSED. `why` may be NULL.
 *  @progress wait-free, at most n B' steps */
THETIS_API size_t thetis_mpmc_value_pop_n(thetis_mpmc_value_end *end, uintptr_t *values, size_t n,
                                          thetis_status *why);

/** Ends the stream, as thetis_mpmc_close(). OK; CLOSED if it was closed already.
 *  @progress wait-free, at most B' - 2n steps */
THETIS_API thetis_status thetis_mpmc_value_close(thetis_mpmc_value_end *end);

/** While no operation is under way: ECORRUPT if the cells contradict the invariants.
 *  @progress owner, looks at all cells */
THETIS_API THETIS_NODISCARD thetis_status thetis_mpmc_value_check(const thetis_mpmc_value *ring);

/** The most steps one call of `op` on `n` elements can take; 0 if the form has no such operation.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_mpmc_value_bound(const thetis_mpmc_value *ring, thetis_mpmc_op op,
                                            size_t n);

#endif

THETIS_END_DECLS

#endif

#endif
