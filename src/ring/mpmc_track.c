/* SPDX-License-Identifier: MIT
 *
 * mpmc_track.c: the queue of values that both forms of thetis/mpmc.h are made of: operations on
 * one's own, making, bound. The protocol is in mpmc.h.
 */
#include "mpmc_cell.h"

#include <string.h>

#if THETIS_CAP_MPMC

enum { TRACK_LEAST_BITS = 20 }; /* of a value: they count refusals, too */

/* ---- on one's own ---------------------------------------------------------------------------- */

/* One look at the cell where the tail may be: AGAIN if it is not, or lost it. */
static inline thetis_status track_try_put(const tht_mpmc_track *t, thetis_mpmc_view_ *view,
                                          unsigned state, uintptr_t value)
{
    uintptr_t at = view->tail;
    tht_cell c = tht_cell_peek(t, tht_cell_at(t, at));
    switch (tht_cell_state(t, c, at)) {
    case THT_CELL_EMPTY:
        if (state == THT_CELL_FILLED && !tht_mpmc_room(t, view, at)) return THETIS_FULL;
        if (!tht_cell_cas(t, tht_cell_at(t, at), c, tht_cell_with(c, 0, state, value))) break;
        view->tail = at + (state == THT_CELL_FILLED);
        return THETIS_OK;
    case THT_CELL_PUTTING:
    case THT_CELL_WANTING:
        tht_mpmc_settle(t, view, at);
        break;
    case THT_CELL_CLOSED:
        return THETIS_CLOSED;
    default:
        view->tail = at + 1;
    }
    return THETIS_AGAIN;
}

static inline thetis_status track_try_take(const tht_mpmc_track *t, thetis_mpmc_view_ *view,
                                           uintptr_t *value)
{
    uintptr_t at = view->head;
    tht_cell c = tht_cell_peek(t, tht_cell_at(t, at));
    switch (tht_cell_state(t, c, at)) {
    case THT_CELL_FILLED:
        if (!tht_cell_cas(t, tht_cell_at(t, at), c, tht_cell_emptied(c))) break;
        view->head = at + 1;
        *value = c.value;
        return THETIS_OK;
    case THT_CELL_EMPTY:
    case THT_CELL_WANTING:
        return THETIS_EMPTY;
    case THT_CELL_PUTTING:
    case THT_CELL_TAKING:
        tht_mpmc_settle(t, view, at);
        break;
    case THT_CELL_CLOSED:
        return THETIS_CLOSED;
    default:
        view->head = at + 1;
    }
    return THETIS_AGAIN;
}

/* ---- operations ------------------------------------------------------------------------------ */

static inline void track_help_all(tht_mpmc_track *t, thetis_mpmc_view_ *view)
{
    uintptr_t asked = thetis_atomic_load_seq_cst(&t->asked); /* pair: mpmc.asked */
    if (THETIS_LIKELY(asked == 0)) return;
    for (unsigned id = 0; id < t->users; id++) {
        if (asked >> id & 1) tht_mpmc_help(t, view, id);
    }
}

static inline thetis_status track_put(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                                      uintptr_t value, tht_mpmc_kind kind)
{
    unsigned state = kind == THT_MPMC_CLOSE ? THT_CELL_CLOSED : THT_CELL_FILLED;
    thetis_status s = THETIS_AGAIN;
    track_help_all(t, view);
    uintptr_t tail = tht_mpmc_see_tail(t, view);
    for (unsigned k = t->patience; k > 0 && s == THETIS_AGAIN; k--)
        s = track_try_put(t, view, state, value);
    if (THETIS_UNLIKELY(s == THETIS_AGAIN)) {
        tht_mpmc_request(t, id, kind, value);
        s = tht_mpmc_answer(t, view, id, &value);
    }
    if (s == THETIS_OK && kind == THT_MPMC_PUSH) tht_mpmc_show_tail(t, view, tail);
    return s;
}

thetis_status tht_mpmc_put(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                           uintptr_t value)
{
    return track_put(t, view, id, value, THT_MPMC_PUSH);
}

thetis_status tht_mpmc_end(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id)
{
    return track_put(t, view, id, 0, THT_MPMC_CLOSE);
}

thetis_status tht_mpmc_take(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                            uintptr_t *value)
{
    thetis_status s = THETIS_AGAIN;
    track_help_all(t, view);
    uintptr_t head = tht_mpmc_see_head(t, view);
    for (unsigned k = t->patience; k > 0 && s == THETIS_AGAIN; k--)
        s = track_try_take(t, view, value);
    if (THETIS_UNLIKELY(s == THETIS_AGAIN)) {
        tht_mpmc_request(t, id, THT_MPMC_POP, 0);
        s = tht_mpmc_answer(t, view, id, value);
    }
    if (s == THETIS_OK) tht_mpmc_show_head(t, view, head);
    return s;
}

/* ---- making ---------------------------------------------------------------------------------- */

int tht_mpmc_valid(const thetis_mpmc_cfg *cfg)
{
    return cfg && cfg->capacity >= 1 && cfg->capacity <= THETIS_MPMC_CAPACITY_MAX &&
           cfg->participants >= 1 && cfg->participants <= THETIS_MPMC_PARTICIPANTS_MAX &&
           cfg->open <= cfg->capacity && cfg->flags <= THETIS_MPMC_HELPED;
}

tht_mpmc_shape tht_mpmc_shape_for(const thetis_mpmc_cfg *cfg, size_t values)
{
    static const struct {
        unsigned patience, stride;
    } profile[] = {{32, 16}, {4, 2}, {0, 1}};
    tht_mpmc_shape s = {.capacity = values ? values : cfg->capacity,
                        .users = cfg->participants,
                        .patience = profile[cfg->flags].patience,
                        .stride = profile[cfg->flags].stride};
    s.whole = values > 0;
    if (values) s.bits = TRACK_LEAST_BITS;
    while (values > (size_t)1 << s.bits) s.bits++;
    return s;
}

/* Acquires although each operation looks again: at tail only, if it is a push, and tail may be
 * behind. Then the cell at this position could be seen as it was a lap before. */
void tht_mpmc_arrive(const tht_mpmc_track *t, thetis_mpmc_view_ *view)
{
    view->tail = view->head = thetis_atomic_load_acquire(&t->head); /* pair: mpmc.head */
}

size_t tht_mpmc_cells(size_t capacity)
{
    size_t cells = 2;
    while (cells <= capacity) cells *= 2;
    return cells;
}

size_t tht_mpmc_bytes(const tht_mpmc_shape *shape)
{
    size_t cell = shape->bits ? sizeof(thetis_atomic) : 2 * sizeof(thetis_atomic);
    size_t cells = tht_mpmc_cells(shape->capacity) * cell + THETIS_CACHE_LINE - 1;
    return (cells / THETIS_CACHE_LINE + shape->users) * THETIS_CACHE_LINE;
}

void tht_mpmc_build(tht_mpmc_track *t, void *memory, const tht_mpmc_shape *shape, size_t fill)
{
    size_t cells = tht_mpmc_cells(shape->capacity), bytes = tht_mpmc_bytes(shape);
    uintptr_t at = shape->start;
    memset(t, 0, sizeof *t);
    memset(memory, 0, bytes);
    t->capacity = shape->whole ? THT_MPMC_WHOLE : shape->capacity;
    t->mask = cells - 1;
    while ((size_t)1 << t->lap_bits < cells) t->lap_bits++;
    t->bits = shape->bits;
    t->users = (unsigned)shape->users;
    t->patience = shape->patience;
    t->stride = shape->stride;
    t->cells = memory;
    t->requests = (unsigned char *)memory + bytes - shape->users * THETIS_CACHE_LINE;
    thetis_atomic_store_relaxed(&t->tail, at + fill);
    thetis_atomic_store_relaxed(&t->head, at);
    for (size_t k = 0; k < cells; k++, at++) {
        tht_cell c = {(at >> t->lap_bits) << THT_CELL_LAP_SHIFT, 0};
        tht_cell was = tht_cell_load(t, tht_cell_at(t, at));
        if (k < fill) c = tht_cell_with(c, 0, THT_CELL_FILLED, k);
        (void)tht_cell_cas(t, tht_cell_at(t, at), was, c);
    }
}

/* ---- check and bound ------------------------------------------------------------------------- */

/* H(m) of thetis/mpmc.h. Whoever settles a push looks for room first, if it is limited. */
static uint64_t track_bound_help(const tht_mpmc_track *t, uint64_t others, int room)
{
    uint64_t way = (uint64_t)t->stride - 1 + 2 * (t->users - 1);
    uint64_t look = t->capacity != THT_MPMC_WHOLE && room ? 2 : 0;
    return 2 * way + (12 + look) * others + 14 + look;
}

uint64_t tht_mpmc_bound(const tht_mpmc_track *t, tht_mpmc_kind kind)
{
    uint64_t others = t->users - 1;
    uint64_t helped = others ? others * track_bound_help(t, others - 1, 1) : 0;
    uint64_t once = t->capacity == THT_MPMC_WHOLE ? 7 : 14;
    return 9 + helped + once * t->patience + track_bound_help(t, others, kind == THT_MPMC_PUSH);
}

/* The state of the cell of position `at`; STATES, which is none, if it is on a lap before. */
static unsigned track_look(const tht_mpmc_track *t, uintptr_t at)
{
    tht_cell c = tht_cell_load(t, tht_cell_at(t, at));
    intptr_t ahead = tht_cell_ahead(t, c, at);
    if (ahead == 0) return c.tag & THT_CELL_STATES;
    return ahead > 0 ? THT_CELL_PASSED : THT_CELL_STATES;
}

int tht_mpmc_sound(const tht_mpmc_track *t, size_t *filled)
{
    uintptr_t head = thetis_atomic_load_relaxed(&t->head), at;
    uintptr_t tail = thetis_atomic_load_relaxed(&t->tail);
    while (track_look(t, head) == THT_CELL_PASSED) head++;
    for (at = head; at - head <= t->mask && track_look(t, at) == THT_CELL_FILLED;) at++;
    *filled = at - head;
    if ((intptr_t)(at - tail) < 0 || *filled > t->mask || *filled > t->capacity) return 0;
    if (track_look(t, at) == THT_CELL_CLOSED) at++;
    for (; at - head <= t->mask; at++) {
        if (track_look(t, at) != THT_CELL_EMPTY) return 0;
    }
    return 1;
}

#endif
