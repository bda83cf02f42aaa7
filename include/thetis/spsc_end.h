/* SPDX-License-Identifier: MIT
 *
 * thetis/spsc_end.h: one end of a thetis_spsc ring in memory that processes share.
 *
 *     thetis_spsc_cfg cfg = {sizeof(tick), 256};     what both processes have agreed on
 *     thetis_spsc_end end;                           in memory of this process only
 *     thetis_status s = thetis_spsc_attach(mem, len, &cfg, THETIS_SHM_CONSUMER, &end);
 *     s = thetis_spsc_end_pop(&end, &t);             OK, EMPTY, CLOSED or ECORRUPT
 *
 * thetis/shm.h says what a peer may do, and what is left of one that was killed. The algorithm,
 * its invariants, linearization and orders are those of thetis/spsc.h, and so is its text. But an
 * end keeps to itself what the peer must not change: its own counter, what it knows of the peer's,
 * and the configuration. Of the shared memory it uses three things:
 *   slots            at offsets masked by the end's own constants
 *   its counter      which it writes and, after attach, never reads
 *   the peer's       which is taken if it is within a capacity of its own, else ECORRUPT
 * A counter that is wrong but possible makes the end read slots that were not written, or believe
 * that it has room: that is what elements are worth that come from such a peer anyway.
 *
 * Memory: the ring's; of an end sizeof(thetis_spsc_end).
 *
 * | operation       | thread   | progress  | bound | ISR-safe | shm-safe |
 * |-----------------|----------|-----------|-------|----------|----------|
 * | attach          | its side | wait-free | 2     | yes      | yes      |
 * | push_n, pop_n   | its side | wait-free | n + 2 | yes      | yes      |
 * | reserve, peek   | its side | wait-free | 1     | yes      | yes      |
 * | commit, release | its side | wait-free | 1     | yes      | yes      |
 * | close, cancel   | its side | wait-free | 1     | yes      | yes      |
 * | abort           | producer | wait-free | 0     | yes      | yes      |
 */
#ifndef THETIS_SPSC_END_H
#define THETIS_SPSC_END_H

#include <thetis/spsc.h>

/** One end, in memory of the process that uses it; for one thread at a time. Not to be copied while
 *  in use: two copies are two ends in one role. */
typedef struct thetis_spsc_end {
    thetis_spsc_side_ side_; /* at_: what this end has published last */
    thetis_atomic *mine_;
    const thetis_atomic *theirs_;
    unsigned char *slots_;
    thetis_shm_role role_;
} thetis_spsc_end;

THETIS_BEGIN_DECLS

/** Makes `end` one side of the ring that thetis_spsc_init() has built in this memory with the same
 *  cfg, here or in another process. It goes on where the last one in this role has published.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small for it. ENOTSUP: built by a
 *  library with another layout, word size or THETIS_CACHE_LINE. ECORRUPT: the memory holds no ring
 *  of this configuration, or its counters contradict each other.
 *  @progress wait-free, 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_spsc_attach(void *mem, size_t len,
                                                             const thetis_spsc_cfg *cfg,
                                                             thetis_shm_role role,
                                                             thetis_spsc_end *end);

THETIS_END_DECLS

/* The end as the functions of thetis/spsc.h see a ring. */
THETIS_FOLDED_ thetis_spsc_view_ thetis_spsc_end_view_(thetis_spsc_end *end, thetis_shm_role role)
{
    thetis_spsc_view_ view;
    THETIS_ASSERT2(end->role_ == role);
    (void)role;
    view.me = &end->side_;
    view.mine = end->mine_;
    view.theirs = end->theirs_;
    view.slots = end->slots_;
    view.apart = 1;
    return view;
}

/* ---- producer -------------------------------------------------------------------------------- */

/** As thetis_spsc_reserve(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most 1 step */
THETIS_INLINE size_t thetis_spsc_end_reserve(thetis_spsc_end *end, size_t n, thetis_spsc_span *span,
                                             thetis_status *why)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER);
    return thetis_spsc_reserve_(view, n, span, why);
}

/** As thetis_spsc_commit().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_spsc_end_commit(thetis_spsc_end *end, size_t n)
{
    thetis_spsc_commit_(thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER), n);
}

/** As thetis_spsc_abort().
 *  @progress wait-free, 0 steps */
THETIS_INLINE void thetis_spsc_end_abort(thetis_spsc_end *end, size_t n)
{
    thetis_spsc_abort_(thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER), n);
}

/** As thetis_spsc_push_n(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most n + 2 steps */
THETIS_INLINE size_t thetis_spsc_end_push_n(thetis_spsc_end *end, const void *items, size_t n,
                                            thetis_status *why)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER);
    return thetis_spsc_push_n_(view, items, n, why);
}

/** As thetis_spsc_push(): OK, FULL, CLOSED or ECORRUPT.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_spsc_end_push(thetis_spsc_end *end,
                                                                  const void *item)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER);
    return thetis_spsc_push_(view, item, end->side_.elem_size_);
}

/** As thetis_spsc_close().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_spsc_end_close(thetis_spsc_end *end)
{
    thetis_spsc_close_(thetis_spsc_end_view_(end, THETIS_SHM_PRODUCER));
}

/* ---- consumer -------------------------------------------------------------------------------- */

/** As thetis_spsc_peek(); `*why` may also be ECORRUPT. The peer can change what is shown.
 *  @progress wait-free, at most 1 step */
THETIS_INLINE size_t thetis_spsc_end_peek(thetis_spsc_end *end, size_t n, thetis_spsc_span *span,
                                          thetis_status *why)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_CONSUMER);
    return thetis_spsc_peek_(view, n, span, why);
}

/** As thetis_spsc_release().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_spsc_end_release(thetis_spsc_end *end, size_t n)
{
    thetis_spsc_release_(thetis_spsc_end_view_(end, THETIS_SHM_CONSUMER), n);
}

/** As thetis_spsc_pop_n(); `*why` may also be ECORRUPT.
 *  @progress wait-free, at most n + 2 steps */
THETIS_INLINE size_t thetis_spsc_end_pop_n(thetis_spsc_end *end, void *items, size_t n,
                                           thetis_status *why)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_CONSUMER);
    return thetis_spsc_pop_n_(view, items, n, why);
}

/** As thetis_spsc_pop(): OK, EMPTY, CLOSED or ECORRUPT.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_spsc_end_pop(thetis_spsc_end *end, void *item)
{
    thetis_spsc_view_ view = thetis_spsc_end_view_(end, THETIS_SHM_CONSUMER);
    return thetis_spsc_pop_(view, item, end->side_.elem_size_);
}

/** As thetis_spsc_cancel().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_spsc_end_cancel(thetis_spsc_end *end)
{
    thetis_spsc_cancel_(thetis_spsc_end_view_(end, THETIS_SHM_CONSUMER));
}

#endif
