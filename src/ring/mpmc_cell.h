/* SPDX-License-Identifier: MIT
 *
 * mpmc_cell.h: the cells of a track, what is in them, and the words tail and head. The protocol is
 * in mpmc.h.
 */
#ifndef THT_MPMC_CELL_H
#define THT_MPMC_CELL_H

#include "mpmc.h"

#if THETIS_CAP_MPMC

/* What a cell or a request holds. A cell's tag: state, id, lap. A request's: kind, status, index
 * of the cell where it was decided, sequence. */
typedef struct tht_cell {
    uintptr_t tag, value;
} tht_cell;

/* The states; and PASSED, where a cell is on a later lap than a position is. */
enum {
    THT_CELL_EMPTY,
    THT_CELL_FILLED,
    THT_CELL_PUTTING,
    THT_CELL_TAKING,
    THT_CELL_WANTING,
    THT_CELL_CLOSED,
    THT_CELL_STATES = 7,
    THT_CELL_PASSED
};
enum { THT_CELL_ID_SHIFT = 3, THT_CELL_ID_MASK = 63, THT_CELL_LAP_SHIFT = 9 };
#define THT_CELL_LAP ((uintptr_t)1 << THT_CELL_LAP_SHIFT)

enum { THT_REQUEST_PENDING = 1, THT_REQUEST_DONE, THT_REQUEST_REFUSED, THT_REQUEST_ENDED };
enum {
    THT_REQUEST_KIND_MASK = 3,
    THT_REQUEST_STATUS_SHIFT = 2,
    THT_REQUEST_STATUS_MASK = 7,
    THT_REQUEST_INDEX_SHIFT = 5
};

/* ---- access ---------------------------------------------------------------------------------- */

static inline void *tht_cell_at(const tht_mpmc_track *t, uintptr_t at)
{
    size_t words = t->bits ? 1 : 2;
    return (thetis_atomic *)t->cells + (at & t->mask) * words;
}

static inline void *tht_request_at(const tht_mpmc_track *t, unsigned id)
{
    return t->requests + (size_t)id * THETIS_CACHE_LINE;
}

static inline uintptr_t tht_cell_pack(const tht_mpmc_track *t, tht_cell c)
{
    return c.tag << t->bits | c.value;
}

static inline tht_cell tht_cell_unpack(const tht_mpmc_track *t, uintptr_t word)
{
    return (tht_cell){word >> t->bits, word & (((uintptr_t)1 << t->bits) - 1)};
}

/* If the cell is two words: both of one moment. */
static inline tht_cell tht_cell_load(const tht_mpmc_track *t, void *where)
{
#if THETIS_CAP_WIDE_CAS
    if (!t->bits) {
        thetis_wide w = thetis_atomic_wide_load_acquire(where); /* pair: mpmc.cell */
        return (tht_cell){w.low, w.high};
    }
#endif
    return tht_cell_unpack(t, thetis_atomic_load_acquire(where)); /* pair: mpmc.cell */
}

/* If the cell is two words: perhaps not of one moment, which costs less. */
static inline tht_cell tht_cell_peek(const tht_mpmc_track *t, void *where)
{
#if THETIS_CAP_WIDE_CAS
    if (!t->bits) {
        thetis_wide w = thetis_atomic_wide_peek_acquire(where); /* pair: mpmc.cell */
        return (tht_cell){w.low, w.high};
    }
#endif
    return tht_cell_load(t, where);
}

static inline int tht_cell_cas(const tht_mpmc_track *t, void *where, tht_cell old, tht_cell new)
{
#if THETIS_CAP_WIDE_CAS
    if (!t->bits) {
        thetis_wide from = {old.tag, old.value}, to = {new.tag, new.value};
        return thetis_atomic_wide_cas_release(where, from, to); /* pair: mpmc.cell */
    }
#endif
    uintptr_t word = tht_cell_pack(t, new);
    return thetis_atomic_cas_release(where, tht_cell_pack(t, old), word); /* pair: mpmc.cell */
}

static inline int tht_cell_same(tht_cell a, tht_cell b)
{
    return a.tag == b.tag && a.value == b.value;
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* The same cell on the same lap, in another state. */
static inline tht_cell tht_cell_with(tht_cell c, unsigned id, unsigned state, uintptr_t value)
{
    uintptr_t lap = c.tag & ~(THT_CELL_LAP - 1);
    return (tht_cell){lap | (uintptr_t)id << THT_CELL_ID_SHIFT | state, value};
}

static inline tht_cell tht_cell_emptied(tht_cell c)
{
    return (tht_cell){(c.tag & ~(THT_CELL_LAP - 1)) + THT_CELL_LAP, 0};
}

/* Empty as it was before it was asked for, but not the same word. */
static inline tht_cell tht_cell_left(const tht_mpmc_track *t, tht_cell c)
{
    uintptr_t count = c.value + 1;
    if (t->bits) count &= ((uintptr_t)1 << t->bits) - 1;
    return tht_cell_with(c, 0, THT_CELL_EMPTY, count);
}

static inline unsigned tht_cell_id(tht_cell c)
{
    return c.tag >> THT_CELL_ID_SHIFT & THT_CELL_ID_MASK;
}

/* How far the cell's lap is beyond that of position `at`, as laps in the upper bits, so that
 * their wrap is that of words. */
static inline intptr_t tht_cell_ahead(const tht_mpmc_track *t, tht_cell c, uintptr_t at)
{
    uintptr_t laps = (c.tag >> THT_CELL_LAP_SHIFT) - (at >> t->lap_bits);
    return (intptr_t)(laps << (THT_CELL_LAP_SHIFT + t->bits));
}

/* The state of the cell seen from position `at`, which is not beyond tail, or head. */
static inline unsigned tht_cell_state(const tht_mpmc_track *t, tht_cell c, uintptr_t at)
{
    intptr_t ahead = tht_cell_ahead(t, c, at);
    THETIS_ASSERT2(ahead >= 0); /* on the lap before, R > C positions back, it has been emptied */
    return THETIS_LIKELY(ahead == 0) ? c.tag & THT_CELL_STATES : THT_CELL_PASSED;
}

/* ---- requests -------------------------------------------------------------------------------- */

static inline unsigned tht_request_status(tht_cell request)
{
    return request.tag >> THT_REQUEST_STATUS_SHIFT & THT_REQUEST_STATUS_MASK;
}

static inline unsigned tht_request_kind(tht_cell request)
{
    return request.tag & THT_REQUEST_KIND_MASK;
}

/* A pending request, decided at the cell with this index. */
static inline tht_cell tht_request_decided(tht_cell request, unsigned status, uintptr_t index,
                                           uintptr_t value)
{
    uintptr_t more = (uintptr_t)(status - THT_REQUEST_PENDING) << THT_REQUEST_STATUS_SHIFT;
    return (tht_cell){request.tag + more + (index << THT_REQUEST_INDEX_SHIFT), value};
}

/* ---- where tail and head are ----------------------------------------------------------------- */

static inline uintptr_t tht_mpmc_see_tail(const tht_mpmc_track *t, thetis_mpmc_view_ *view)
{
    uintptr_t tail = thetis_atomic_load_seq_cst(&t->tail); /* pair: mpmc.tail */
    if ((intptr_t)(tail - view->tail) > 0) view->tail = tail;
    return tail;
}

static inline uintptr_t tht_mpmc_see_head(const tht_mpmc_track *t, thetis_mpmc_view_ *view)
{
    uintptr_t head = thetis_atomic_load_seq_cst(&t->head); /* pair: mpmc.head */
    if ((intptr_t)(head - view->head) > 0) view->head = head;
    return head;
}

/* Tells others how far it is, if what was shown is long ago. */
static inline void tht_mpmc_show_tail(tht_mpmc_track *t, const thetis_mpmc_view_ *view,
                                      uintptr_t shown)
{
    if ((intptr_t)(view->tail - shown) < t->stride) return;
    (void)thetis_atomic_cas_seq_cst(&t->tail, shown, view->tail); /* pair: mpmc.tail */
}

static inline void tht_mpmc_show_head(tht_mpmc_track *t, const thetis_mpmc_view_ *view,
                                      uintptr_t shown)
{
    if ((intptr_t)(view->head - shown) < t->stride) return;
    (void)thetis_atomic_cas_seq_cst(&t->head, shown, view->head); /* pair: mpmc.head */
}

/* ---- mpmc_help.c ----------------------------------------------------------------------------- */

/* Whether position `at`, which is not beyond tail, may be filled: the one C before it is empty. */
int tht_mpmc_room(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t at);

/* Settles the cell of position `at`, if it names anybody. */
void tht_mpmc_settle(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t at);

/* Until the request that participant `id` has, if any, is decided. */
void tht_mpmc_help(const tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id);

/* Participant `id` asks for help; then it helps itself and has the answer. `*value`: what was
 * taken. */
void tht_mpmc_request(tht_mpmc_track *t, unsigned id, tht_mpmc_kind kind, uintptr_t value);
thetis_status tht_mpmc_answer(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                              uintptr_t *value);

#endif

#endif
