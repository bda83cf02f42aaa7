/* SPDX-License-Identifier: MIT
 *
 * thetis/bytes_end.h: one end of a thetis_bytes ring in memory that processes share.
 *
 *     thetis_bytes_cfg cfg = {.capacity = 65536, .max_record = 1500};   agreed on by both processes
 *     thetis_bytes_end end;                           in memory of this process only
 *     thetis_status s = thetis_bytes_attach(mem, len, &cfg, THETIS_SHM_CONSUMER, &end);
 *     s = thetis_bytes_end_pop(&end, data, sizeof data, &size);   OK, EMPTY, CLOSED or ECORRUPT
 *
 * thetis/shm.h says what a peer may do, and what is left of one that was killed; thetis/spsc_end.h
 * how counters are used that it may have written; algorithm, invariants, linearization and orders
 * are those of thetis/bytes.h. A header is loaded once, into memory of this process, and used if
 *   - its extent is a multiple of 8, within what was published (an end's own record: within what it
 *     has reserved) and does not go over the end of the ring; so a header that follows is found
 *     inside of the ring, too;
 *   - its size is within the extent and max_record;
 *   - a pad reaches exactly to the end of the ring, and a record follows.
 * Otherwise the answer is ECORRUPT, and the record stays: peek() says so again. Headers of open
 * reservations are in the peer's reach as well: so commit() and abort() have a status here. One
 * that was changed to another valid one only spoils what the peer itself will read.
 *
 * Of a mirrored ring each process maps the bytes twice. attach() believes that: to see it, it would
 * have to write where the peer may read. Mapped once, records that wrap are garbled, but within
 * the `len` bytes.
 *
 * Memory: the ring's; of an end sizeof(thetis_bytes_end).
 *
 * | operation                | thread   | progress  | bound         | ISR-safe | shm-safe |
 * |--------------------------|----------|-----------|---------------|----------|----------|
 * | attach                   | its side | wait-free | 2             | yes      | yes      |
 * | push                     | producer | wait-free | words(n) + 7  | yes      | yes      |
 * | reserve                  | producer | wait-free | 3             | yes      | yes      |
 * | commit                   | producer | wait-free | 4             | yes      | yes      |
 * | abort                    | producer | wait-free | 2             | yes      | yes      |
 * | pop                      | consumer | wait-free | words(n) + 4  | yes      | yes      |
 * | peek                     | consumer | wait-free | 3             | yes      | yes      |
 * | push_n, pop_n            | its side | wait-free | words(n) + 2  | yes      | yes      |
 * | release, close, cancel   | its side | wait-free | 1             | yes      | yes      |
 * | reserve_n ... release_n  | its side | wait-free | 1             | yes      | yes      |
 * | abort_n                  | producer | wait-free | 0             | yes      | yes      |
 */
#ifndef THETIS_BYTES_END_H
#define THETIS_BYTES_END_H

#include <thetis/bytes.h>
#include <thetis/spsc_end.h>

/** One end, in memory of the process that uses it; for one thread at a time. Not to be copied while
 *  in use: two copies are two ends in one role. */
typedef struct thetis_bytes_end {
    thetis_spsc_end bytes_;
    thetis_bytes_side_ side_;
} thetis_bytes_end;

THETIS_BEGIN_DECLS

/** Makes `end` one side of the ring that thetis_bytes_init() has built in this memory with the same
 *  cfg, here or in another process. It goes on where the last one in this role has published.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small for it; E2BIG: as init().
 *  ENOTSUP: built by a library with another layout, word size or THETIS_CACHE_LINE. ECORRUPT: the
 *  memory holds no ring of this configuration, or its counters contradict each other.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_bytes_attach(void *mem, size_t len,
                                                              const thetis_bytes_cfg *cfg,
                                                              thetis_shm_role role,
                                                              thetis_bytes_end *end);

THETIS_END_DECLS

/* The end as the functions of thetis/bytes_view.h see a ring. */
THETIS_FOLDED_ thetis_bytes_view_ thetis_bytes_end_view_(thetis_bytes_end *end,
                                                         thetis_shm_role role)
{
    thetis_bytes_view_ view;
    view.bytes = thetis_spsc_end_view_(&end->bytes_, role);
    view.me = &end->side_;
    return view;
}

/* ---- records: producer ----------------------------------------------------------------------- */

/** As thetis_bytes_reserve(): OK, FULL, CLOSED, E2BIG or ECORRUPT.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_reserve(thetis_bytes_end *end,
                                                                      size_t max, void **record)
{
    thetis_bytes_view_ view = thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER);
    return thetis_bytes_reserve_(view, max, record);
}

/** As thetis_bytes_commit(), but `size` beyond the room of the reservation, or a header that the
 *  peer has changed, is ECORRUPT: nothing is published, and all reservations are dropped.
 *  @progress wait-free, at most 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_commit(thetis_bytes_end *end,
                                                                     size_t size)
{
    return thetis_bytes_commit_(thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER), size);
}

/** As thetis_bytes_abort(), but a header that the peer has changed is ECORRUPT: then all
 *  reservations are dropped.
 *  @progress wait-free, at most 2 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_abort(thetis_bytes_end *end)
{
    return thetis_bytes_abort_(thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER));
}

/** As thetis_bytes_push(): OK, FULL, CLOSED, E2BIG or ECORRUPT.
 *  @progress wait-free, at most words(size) + 7 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_push(thetis_bytes_end *end,
                                                                   const void *data, size_t size)
{
    return thetis_bytes_push_(thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER), data, size);
}

/* ---- records: consumer ----------------------------------------------------------------------- */

/** As thetis_bytes_peek(): OK, EMPTY, CLOSED or ECORRUPT. The peer can change what is shown.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_peek(thetis_bytes_end *end,
                                                                   void **record, size_t *size)
{
    return thetis_bytes_peek_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER), record, size);
}

/** As thetis_bytes_release().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bytes_end_release(thetis_bytes_end *end)
{
    thetis_bytes_release_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER));
}

/** As thetis_bytes_pop(): OK, EMPTY, CLOSED, E2BIG or ECORRUPT.
 *  @progress wait-free, at most words(room) + 4 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_bytes_end_pop(thetis_bytes_end *end, void *data,
                                                                  size_t room, size_t *size)
{
    return thetis_bytes_pop_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER), data, room, size);
}

/* ---- a stream -------------------------------------------------------------------------------- */

/** As thetis_bytes_reserve_n(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most 1 step */
THETIS_INLINE size_t thetis_bytes_end_reserve_n(thetis_bytes_end *end, size_t n,
                                                thetis_bytes_span *span, thetis_status *why)
{
    thetis_bytes_view_ view = thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER);
    return thetis_bytes_reserve_n_(view, n, span, why);
}

/** As thetis_bytes_commit_n().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bytes_end_commit_n(thetis_bytes_end *end, size_t n)
{
    thetis_spsc_end_commit(&end->bytes_, n);
}

/** As thetis_bytes_abort_n().
 *  @progress wait-free, 0 steps */
THETIS_INLINE void thetis_bytes_end_abort_n(thetis_bytes_end *end, size_t n)
{
    thetis_spsc_end_abort(&end->bytes_, n);
}

/** As thetis_bytes_push_n(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most words(n) + 2 steps */
THETIS_INLINE size_t thetis_bytes_end_push_n(thetis_bytes_end *end, const void *data, size_t n,
                                             thetis_status *why)
{
    return thetis_bytes_push_n_(thetis_bytes_end_view_(end, THETIS_SHM_PRODUCER), data, n, why);
}

/** As thetis_bytes_peek_n(); `*why` may also be ECORRUPT. The peer can change what is shown.
 *  @progress wait-free, at most 1 step */
THETIS_INLINE size_t thetis_bytes_end_peek_n(thetis_bytes_end *end, size_t n,
                                             thetis_bytes_span *span, thetis_status *why)
{
    return thetis_bytes_peek_n_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER), n, span, why);
}

/** As thetis_bytes_release_n().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bytes_end_release_n(thetis_bytes_end *end, size_t n)
{
    thetis_spsc_end_release(&end->bytes_, n);
}

/** As thetis_bytes_pop_n(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most words(n) + 2 steps */
THETIS_INLINE size_t thetis_bytes_end_pop_n(thetis_bytes_end *end, void *data, size_t n,
                                            thetis_status *why)
{
    return thetis_bytes_pop_n_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER), data, n, why);
}

/* ---- the end, of either form ----------------------------------------------------------------- */

/** As thetis_bytes_close().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bytes_end_close(thetis_bytes_end *end)
{
    thetis_spsc_end_close(&end->bytes_);
}

/** As thetis_bytes_cancel().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_bytes_end_cancel(thetis_bytes_end *end)
{
    thetis_bytes_cancel_(thetis_bytes_end_view_(end, THETIS_SHM_CONSUMER));
}

#endif
