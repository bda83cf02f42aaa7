/* SPDX-License-Identifier: MIT
 *
 * thetis/bytes.h: ring of bytes, one producer thread, one consumer thread: a queue of records of
 * any length, each in one piece, or a stream.
 *
 *     static char mem[THETIS_BYTES_SIZE(4096)] THETIS_CACHE_ALIGNED;
 *     thetis_bytes_cfg cfg = {.capacity = 4096, .max_record = 1500};
 *     thetis_bytes *ring;
 *     thetis_status s = thetis_bytes_init(mem, sizeof mem, &cfg, &ring);
 *     void *record;
 *     size_t size;
 *     s = thetis_bytes_reserve(ring, 1500, &record);    producer: OK, FULL, CLOSED or E2BIG
 *     thetis_bytes_commit(ring, n);                     of which n were used: the rest goes back
 *     s = thetis_bytes_peek(ring, &record, &size);      consumer: OK, EMPTY or CLOSED
 *     thetis_bytes_release(ring);
 *
 * Algorithm: a thetis_spsc of bytes (thetis/spsc.h: the counters, their invariants, close and
 * cancel), and over it either nothing (a stream; the functions with _n) or records: a header of 8
 * bytes, then the payload, then 0 to 7 unused bytes, so that every payload is aligned to 8. A ring
 * has one of the two forms; max_record says which.
 *
 * A record must not be torn where the ring wraps. There are two remedies:
 *   mirrored  The bytes are mapped twice, one view behind the other (create(), or init() with
 *             mirror_at): what goes over the end of the first view is the beginning of the second.
 *             Records up to capacity - 8; a stream's span is always one run.
 *   plain     A record that does not fit before the end begins at the start; a pad, a header with
 *             a size that no record has, covers the rest. The pad is published and taken together
 *             with its record, so it costs no operation of its own. Records up to capacity / 2 - 8:
 *             with 8 + max_record <= capacity / 2 the pad is smaller than that, too, and both fit
 *             into an empty ring wherever it stands. A stream's span may have two runs.
 *
 * Several reservations may be open: commit() publishes the oldest, abort() gives back the newest.
 * A commit of less than was reserved gives back the rest if no younger reservation is open;
 * otherwise the record keeps its extent and the rest is skipped.
 *
 * Invariants: those of thetis_spsc; from each head and each tail on there are whole headers, each
 * with its extent, that lead to the next one; no record crosses the end of a plain ring; a pad is
 * followed by a record that is published with it. Headers of open reservations hold, in place of
 * the size, the way back to the reservation before.
 *
 * Linearization: commit and push at the release store of tail, FULL and the producer's CLOSED at
 * the acquire load of head; pop and release at the release store of head, EMPTY and CLOSED at the
 * acquire load of tail. E2BIG depends on nothing shared.
 *
 * Steps: one access to head, tail, a header or an aligned word of the bytes. words(n) is
 * (n + 7) / 8 for a record, and for a stream, which may begin inside a word, at most
 * (n + 6) / 8 + 1 (with machine words of 8 bytes).
 * Memory: thetis_bytes_size() bytes, all given by the caller but for create(); no pointers inside,
 * so that two processes may map it at different addresses, and attach (thetis/bytes_end.h).
 *
 * Orders: spsc.tail and spsc.head, as in thetis/spsc.h; nothing else is shared.
 *
 * | operation                | thread   | progress  | bound         | ISR-safe | shm-safe |
 * |--------------------------|----------|-----------|---------------|----------|----------|
 * | push                     | producer | wait-free | words(n) + 9  | yes      | as ends  |
 * | reserve                  | producer | wait-free | 4             | yes      | as ends  |
 * | commit                   | producer | wait-free | 5             | yes      | as ends  |
 * | abort                    | producer | wait-free | 3             | yes      | as ends  |
 * | pop                      | consumer | wait-free | words(n) + 6  | yes      | as ends  |
 * | peek                     | consumer | wait-free | 4             | yes      | as ends  |
 * | push_n, pop_n            | its side | wait-free | words(n) + 4  | yes      | as ends  |
 * | release, close, cancel   | its side | wait-free | 2             | yes      | as ends  |
 * | reserve_n ... release_n  | its side | wait-free | 2             | yes      | as ends  |
 * | abort_n                  | producer | wait-free | 0             | yes      | as ends  |
 *
 * "shm-safe, as ends" (here thetis/bytes_end.h) and "ISR-safe" mean what they mean in
 * thetis/spsc.h.
 */
#ifndef THETIS_BYTES_H
#define THETIS_BYTES_H

#include <thetis/bytes_view.h>

typedef struct thetis_bytes_cfg {
    size_t capacity;   /* bytes; a power of two, >= 16, <= THETIS_BYTES_CAPACITY_MAX, or for a
                        * stream THETIS_SPSC_CAPACITY_MAX. Each record takes 8 more than it has */
    size_t max_record; /* bytes of the largest record; 0: a stream */
    size_t mirror_at;  /* 0: plain. Else a multiple of the page: the capacity bytes of memory that
                        * begin at this offset appear once more right behind themselves */
} thetis_bytes_cfg;

typedef enum thetis_bytes_op {
    THETIS_BYTES_PUSH,
    THETIS_BYTES_RESERVE,
    THETIS_BYTES_COMMIT,
    THETIS_BYTES_ABORT,
    THETIS_BYTES_POP,
    THETIS_BYTES_PEEK,
    THETIS_BYTES_RELEASE,
    THETIS_BYTES_PUSH_N,
    THETIS_BYTES_RESERVE_N,
    THETIS_BYTES_COMMIT_N,
    THETIS_BYTES_ABORT_N,
    THETIS_BYTES_POP_N,
    THETIS_BYTES_PEEK_N,
    THETIS_BYTES_RELEASE_N,
    THETIS_BYTES_CLOSE,
    THETIS_BYTES_CANCEL
} thetis_bytes_op;

/** The largest capacity of a ring of records: a header has 32 bits for an extent. */
#define THETIS_BYTES_CAPACITY_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS == 64 ? 31 : 29))

/** The largest max_record of a ring; mirrored: of a ring that is. */
#define THETIS_BYTES_RECORD_MAX(capacity) (THETIS_CAST(size_t, capacity) / 2 - 8)
#define THETIS_BYTES_RECORD_MAX_MIRRORED(capacity) (THETIS_CAST(size_t, capacity) - 8)

/** thetis_bytes_size() of a plain ring as a constant expression, for static memory. */
#define THETIS_BYTES_SIZE(capacity) (sizeof(thetis_bytes) + THETIS_CAST(size_t, capacity))

THETIS_BEGIN_DECLS

/** Bytes that a ring of this configuration needs (mirrored: with both views); 0 if the
 *  configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_bytes_size(const thetis_bytes_cfg *cfg);

/** Builds an empty ring in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_bytes_size(cfg).
 *  E2BIG: such records could not always be stored: max_record exceeds what capacity and mirror_at
 *  allow. EINVAL: another bad configuration, mem NULL or misaligned, len too small, or mirror_at
 *  given and the memory is not mapped twice there.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_bytes_init(void *mem, size_t len,
                                                            const thetis_bytes_cfg *cfg,
                                                            thetis_bytes **out);

/** Allocates a ring: mirrored, where the system can do that and the capacity is at least a page,
 *  else plain. cfg->mirror_at must be 0. A mirrored ring stays one memory after fork().
 *  E2BIG: max_record exceeds even THETIS_BYTES_RECORD_MAX_MIRRORED; ENOTSUP: it exceeds
 *  THETIS_BYTES_RECORD_MAX and the ring cannot be mirrored; EINVAL, ENOMEM.
 *  @progress blocking */
THETIS_API THETIS_NODISCARD thetis_status thetis_bytes_create(const thetis_bytes_cfg *cfg,
                                                              thetis_bytes **out);

/** Frees a ring of thetis_bytes_create() that nobody uses any more. NULL is allowed.
 *  @progress blocking */
THETIS_API void thetis_bytes_destroy(thetis_bytes *ring);

/** Either side: ECORRUPT if the counters or what never changes contradict the invariants above.
 *  Does not look at headers.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bytes_check(const thetis_bytes *ring);

/** The most steps one call of `op` can take; `n`: bytes of the record, or asked for; pop: room.
 *  Derivation: reserve loads tail, perhaps head, and writes a header and perhaps that of a pad;
 *  commit loads tail, reads these headers, writes one and stores tail; abort loads tail
 *  and reads these headers; peek loads head, perhaps tail, and reads at most two headers; push is
 *  reserve, words and commit, pop is peek, words and release. There is no loop but the copy.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_bytes_bound(const thetis_bytes *ring, thetis_bytes_op op, size_t n);

THETIS_END_DECLS

/* ---- records: producer ----------------------------------------------------------------------- */

/** Reserves room for a record of up to `max` bytes behind those already reserved, in one piece,
 *  aligned to 8, and says where. FULL; CLOSED after close() or when the consumer's cancel() was
 *  seen; E2BIG: max exceeds max_record, it will never fit. Then `*record` is untouched.
 *  Several reservations may be open; commit() publishes the oldest.
 *  @progress wait-free, at most 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_reserve(thetis_bytes *ring, size_t max,
                                                                  void **record)
{
    return thetis_bytes_reserve_(thetis_bytes_producer_view_(ring), max, record);
}

/** Publishes the oldest reservation as a record of `size` bytes; asserts that there is one and
 *  that it has the room. What is not used is given back, or skipped if a younger reservation is
 *  open.
 *  @progress wait-free, at most 5 steps */
THETIS_INLINE void thetis_bytes_commit(thetis_bytes *ring, size_t size)
{
    (void)thetis_bytes_commit_(thetis_bytes_producer_view_(ring), size);
}

/** Gives back the newest reservation; asserts that there is one.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE void thetis_bytes_abort(thetis_bytes *ring)
{
    (void)thetis_bytes_abort_(thetis_bytes_producer_view_(ring));
}

/** Appends a copy of `size` bytes as a record: OK, FULL, CLOSED or E2BIG. No reservation may be
 *  open (asserted at level 2): it would be published instead.
 *  @progress wait-free, at most words(size) + 9 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_push(thetis_bytes *ring, const void *data,
                                                               size_t size)
{
    return thetis_bytes_push_(thetis_bytes_producer_view_(ring), data, size);
}

/* ---- records: consumer ----------------------------------------------------------------------- */

/** Shows the oldest record, in place, aligned to 8: OK, EMPTY, or CLOSED once a closed ring is
 *  drained. It stays, and may be changed, until release(). If not OK both results are untouched.
 *  @progress wait-free, at most 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_peek(thetis_bytes *ring, void **record,
                                                               size_t *size)
{
    return thetis_bytes_peek_(thetis_bytes_consumer_view_(ring), record, size);
}

/** Takes the record that peek() has shown out of the ring; asserts that it has.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_bytes_release(thetis_bytes *ring)
{
    thetis_bytes_release_(thetis_bytes_consumer_view_(ring));
}

/** Takes the oldest record and copies it to `data`, which has `room` bytes: OK, EMPTY, CLOSED, or
 *  E2BIG: it has more, and stays. `*size` is that of the record (OK, E2BIG), else untouched.
 *  @progress wait-free, at most words(room) + 6 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_pop(thetis_bytes *ring, void *data,
                                                              size_t room, size_t *size)
{
    return thetis_bytes_pop_(thetis_bytes_consumer_view_(ring), data, room, size);
}

/* ---- a stream -------------------------------------------------------------------------------- */

/** Reserves up to `n` bytes behind those already reserved; writes where into `span` and returns
 *  how many. Fewer than n (also 0) come back with `*why`: FULL or CLOSED, as in reserve(); OK when
 *  all n were granted. `why` may be NULL. commit_n() publishes the oldest bytes first.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE size_t thetis_bytes_reserve_n(thetis_bytes *ring, size_t n, thetis_bytes_span *span,
                                            thetis_status *why)
{
    return thetis_bytes_reserve_n_(thetis_bytes_producer_view_(ring), n, span, why);
}

/** Publishes the oldest `n` reserved bytes; asserts that so many are reserved.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_bytes_commit_n(thetis_bytes *ring, size_t n)
{
    thetis_spsc_commit(&ring->spsc_, n);
}

/** Gives back the newest `n` reserved bytes; asserts that so many are reserved.
 *  @progress wait-free, 0 steps */
THETIS_INLINE void thetis_bytes_abort_n(thetis_bytes *ring, size_t n)
{
    thetis_spsc_abort(&ring->spsc_, n);
}

/** Appends up to `n` bytes and returns how many; fewer than n come back with `*why` FULL or
 *  CLOSED. No reservation may be open (asserted at level 2). `why` may be NULL.
 *  @progress wait-free, at most words(n) + 4 steps */
THETIS_INLINE size_t thetis_bytes_push_n(thetis_bytes *ring, const void *data, size_t n,
                                         thetis_status *why)
{
    return thetis_bytes_push_n_(thetis_bytes_producer_view_(ring), data, n, why);
}

/** Shows up to `n` bytes from the oldest on, in place, and returns how many; fewer than n come
 *  back with `*why` EMPTY, or CLOSED: these are the last. They stay until release_n(). `why` may
 *  be NULL.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE size_t thetis_bytes_peek_n(thetis_bytes *ring, size_t n, thetis_bytes_span *span,
                                         thetis_status *why)
{
    return thetis_bytes_peek_n_(thetis_bytes_consumer_view_(ring), n, span, why);
}

/** Takes the oldest `n` bytes, which peek_n() has shown, out of the ring.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_bytes_release_n(thetis_bytes *ring, size_t n)
{
    thetis_spsc_release(&ring->spsc_, n);
}

/** Takes up to `n` bytes and returns how many; fewer than n come back with `*why` EMPTY, or
 *  CLOSED: these are the last. `why` may be NULL.
 *  @progress wait-free, at most words(n) + 4 steps */
THETIS_INLINE size_t thetis_bytes_pop_n(thetis_bytes *ring, void *data, size_t n,
                                        thetis_status *why)
{
    return thetis_bytes_pop_n_(thetis_bytes_consumer_view_(ring), data, n, why);
}

/* ---- the end, of either form ----------------------------------------------------------------- */

/** The producer ends the ring: the consumer gets what was committed, then CLOSED. Drops open
 *  reservations. Calling it again has no effect.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_bytes_close(thetis_bytes *ring)
{
    thetis_spsc_close(&ring->spsc_);
}

/** The consumer wants no more: it gets CLOSED from now on, the producer soon: after at most a
 *  capacity of bytes. What peek has shown stays readable, but must not be released any more
 *  (asserted). Calling it again has no effect.
 *  @progress wait-free, 2 steps */
THETIS_INLINE void thetis_bytes_cancel(thetis_bytes *ring)
{
    thetis_bytes_cancel_(thetis_bytes_consumer_view_(ring));
}

#endif
