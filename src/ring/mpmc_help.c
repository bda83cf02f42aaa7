/* SPDX-License-Identifier: MIT
 *
 * mpmc_help.c: asking, helping and settling on a track. The protocol, and why it ends, is in
 * mpmc.h.
 */
#include "mpmc_cell.h"

#if THETIS_CAP_MPMC

/* ---- settling -------------------------------------------------------------------------------- */

/* Decides the request that the cell names, read as `request`, if it is pending; returns what it
 * is then. If the cell is still as it was when read before the request, the two belong together. */
static tht_cell track_decide(const tht_mpmc_track *t, uintptr_t at, tht_cell c, tht_cell request,
                             unsigned status)
{
    void *where = tht_request_at(t, tht_cell_id(c));
    uintptr_t value = (c.tag & THT_CELL_STATES) == THT_CELL_TAKING ? c.value : request.value;
    tht_cell decided = tht_request_decided(request, status, at & t->mask, value);
    if (tht_request_status(request) != THT_REQUEST_PENDING) return request;
    if (!tht_cell_same(tht_cell_load(t, tht_cell_at(t, at)), c)) return request;
    return tht_cell_cas(t, where, request, decided) ? decided : tht_cell_load(t, where);
}

/* Takes the cell on as its request was decided, and returns how that is. */
static tht_cell track_finish(const tht_mpmc_track *t, void *where, tht_cell c, tht_cell request)
{
    int closes = tht_request_kind(request) == THT_MPMC_CLOSE;
    tht_cell next = tht_cell_left(t, c);
    if ((c.tag & THT_CELL_STATES) == THT_CELL_TAKING) next = tht_cell_emptied(c);
    else if (tht_request_status(request) == THT_REQUEST_DONE)
        next = tht_cell_with(c, 0, closes ? THT_CELL_CLOSED : THT_CELL_FILLED, request.value);
    (void)tht_cell_cas(t, where, c, next);
    return next;
}

/* A cell at the head that is TAKING or WANTING. */
static void track_settle_take(const tht_mpmc_track *t, uintptr_t at, tht_cell c)
{
    int done = (c.tag & THT_CELL_STATES) == THT_CELL_TAKING;
    tht_cell request = tht_cell_load(t, tht_request_at(t, tht_cell_id(c)));
    request = track_decide(t, at, c, request, done ? THT_REQUEST_DONE : THT_REQUEST_REFUSED);
    (void)track_finish(t, tht_cell_at(t, at), c, request);
}

int tht_mpmc_room(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t at)
{
    uintptr_t before = at - t->capacity;
    if (THETIS_LIKELY((intptr_t)(view->head - before) > 0)) return 1;
    (void)tht_mpmc_see_head(t, view);
    if ((intptr_t)(view->head - before) > 0) return 1;
    tht_cell c = tht_cell_load(t, tht_cell_at(t, before));
    unsigned state = tht_cell_state(t, c, before);
    if (state == THT_CELL_FILLED) return 0;
    if (state == THT_CELL_TAKING) track_settle_take(t, before, c);
    return 1;
}

/* A cell at the tail that is PUTTING. */
static void track_settle_put(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t at,
                             tht_cell c)
{
    tht_cell request = tht_cell_load(t, tht_request_at(t, tht_cell_id(c)));
    if (tht_request_status(request) == THT_REQUEST_PENDING) {
        int done = tht_request_kind(request) == THT_MPMC_CLOSE || tht_mpmc_room(t, view, at);
        request = track_decide(t, at, c, request, done ? THT_REQUEST_DONE : THT_REQUEST_REFUSED);
    }
    (void)track_finish(t, tht_cell_at(t, at), c, request);
}

void tht_mpmc_settle(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t at)
{
    tht_cell c = tht_cell_load(t, tht_cell_at(t, at));
    unsigned state = tht_cell_state(t, c, at);
    if (state == THT_CELL_PUTTING) track_settle_put(t, view, at, c);
    else if (state == THT_CELL_TAKING || state == THT_CELL_WANTING) track_settle_take(t, at, c);
}

/* ---- asking and helping ---------------------------------------------------------------------- */

/* One turn for a pending request to put or close: the cell at the tail, and what is in it. */
static void track_help_put(const tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                           tht_cell request, tht_cell c)
{
    uintptr_t at = view->tail;
    tht_cell mine = tht_cell_with(c, id, THT_CELL_PUTTING, c.value);
    switch (tht_cell_state(t, c, at)) {
    case THT_CELL_EMPTY:
        if (tht_cell_cas(t, tht_cell_at(t, at), c, mine)) track_settle_put(t, view, at, mine);
        break;
    case THT_CELL_PUTTING:
        track_settle_put(t, view, at, c);
        break;
    case THT_CELL_WANTING:
        track_settle_take(t, at, c);
        break;
    case THT_CELL_CLOSED:
        (void)tht_cell_cas(t, tht_request_at(t, id), request,
                           tht_request_decided(request, THT_REQUEST_ENDED, at & t->mask, 0));
        break;
    default:
        view->tail++;
    }
}

/* The same for a request to take, at the head. */
static void track_help_take(const tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                            tht_cell request, tht_cell c)
{
    uintptr_t at = view->head;
    unsigned state = tht_cell_state(t, c, at);
    unsigned names = state == THT_CELL_FILLED ? THT_CELL_TAKING : THT_CELL_WANTING;
    tht_cell mine = tht_cell_with(c, id, names, c.value);
    switch (state) {
    case THT_CELL_EMPTY:
    case THT_CELL_FILLED:
        if (tht_cell_cas(t, tht_cell_at(t, at), c, mine)) track_settle_take(t, at, mine);
        break;
    case THT_CELL_PUTTING:
        track_settle_put(t, view, at, c);
        break;
    case THT_CELL_WANTING:
    case THT_CELL_TAKING:
        track_settle_take(t, at, c);
        break;
    case THT_CELL_CLOSED:
        (void)tht_cell_cas(t, tht_request_at(t, id), request,
                           tht_request_decided(request, THT_REQUEST_ENDED, at & t->mask, 0));
        break;
    default:
        view->head++;
    }
}

/* Until the request that participant `id` has now, if any, is decided. The cell is read before
 * the request: what the request is then, it was when the cell was as read. */
void tht_mpmc_help(const tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id)
{
    tht_cell request = tht_cell_load(t, tht_request_at(t, id));
    int takes = tht_request_kind(request) == THT_MPMC_POP;
    if (tht_request_status(request) != THT_REQUEST_PENDING) return;
    (void)(takes ? tht_mpmc_see_head(t, view) : tht_mpmc_see_tail(t, view));
    for (;;) {
        tht_cell c = tht_cell_load(t, tht_cell_at(t, takes ? view->head : view->tail));
        if (!tht_cell_same(tht_cell_load(t, tht_request_at(t, id)), request)) break;
        if (takes) track_help_take(t, view, id, request, c);
        else track_help_put(t, view, id, request, c);
    }
}

static thetis_status track_status(tht_cell request)
{
    switch (tht_request_status(request)) {
    case THT_REQUEST_DONE:
        return THETIS_OK;
    case THT_REQUEST_REFUSED:
        return tht_request_kind(request) == THT_MPMC_POP ? THETIS_EMPTY : THETIS_FULL;
    default:
        return THETIS_CLOSED;
    }
}

/* What the cell with this index says of tail and head: it is on the lap of some position, and on
 * that lap filled or not yet. */
static void track_learn(const tht_mpmc_track *t, thetis_mpmc_view_ *view, uintptr_t index,
                        tht_cell c)
{
    uintptr_t at = view->tail + ((index - view->tail) & t->mask);
    intptr_t lap = (intptr_t)1 << (THT_CELL_LAP_SHIFT + t->bits);
    uintptr_t laps = (uintptr_t)(tht_cell_ahead(t, c, at) / lap);
    unsigned state = c.tag & THT_CELL_STATES;
    uintptr_t head = at + (laps << t->lap_bits) - t->mask, tail = head;
    if (state == THT_CELL_FILLED || state == THT_CELL_TAKING) tail += t->mask + 1;
    if ((intptr_t)(tail - view->tail) > 0) view->tail = tail;
    if ((intptr_t)(head - view->head) > 0) view->head = head;
}

void tht_mpmc_request(tht_mpmc_track *t, unsigned id, tht_mpmc_kind kind, uintptr_t value)
{
    void *where = tht_request_at(t, id);
    uintptr_t next = (uintptr_t)1 << (THT_REQUEST_INDEX_SHIFT + t->lap_bits);
    tht_cell old = tht_cell_load(t, where), new = {(old.tag & ~(next - 1)) + next, value};
    new.tag += THT_REQUEST_PENDING << THT_REQUEST_STATUS_SHIFT | (uintptr_t)kind;
    (void)tht_cell_cas(t, where, old, new); /* nobody else begins one here */
    (void)thetis_atomic_fetch_or_seq_cst(&t->asked, (uintptr_t)1 << id); /* pair: mpmc.asked */
}

/* What the deciding cell says of this request must be gone before the next one is written. */
thetis_status tht_mpmc_answer(tht_mpmc_track *t, thetis_mpmc_view_ *view, unsigned id,
                              uintptr_t *value)
{
    tht_mpmc_help(t, view, id);
    tht_cell request = tht_cell_load(t, tht_request_at(t, id));
    uintptr_t index = request.tag >> THT_REQUEST_INDEX_SHIFT & t->mask;
    tht_cell c = tht_cell_load(t, tht_cell_at(t, index));
    unsigned state = c.tag & THT_CELL_STATES;
    if (state >= THT_CELL_PUTTING && state <= THT_CELL_WANTING && tht_cell_id(c) == id)
        c = track_finish(t, tht_cell_at(t, index), c, request);
    track_learn(t, view, index, c);
    (void)thetis_atomic_fetch_sub_relaxed(&t->asked, (uintptr_t)1 << id);
    *value = request.value;
    return track_status(request);
}

#endif
