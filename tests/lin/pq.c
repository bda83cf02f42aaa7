/* SPDX-License-Identifier: MIT
 *
 * pq.c: the monitor of priority queues, see pq.h.
 *
 * An element must be there from its push's return to its pop's call, both excluded; if that is no
 * time at all, push and pop can share a moment and hinder nobody. An element can be popped at a
 * moment of its pop's interval at which no smaller one must be there. If it has to wait for such a
 * moment, then because smaller ones are there all the while: it hinders larger ones no longer than
 * they do, so no time but the intervals of the history counts.
 */
#include "lin/pq.h"

#include <stdlib.h>

#include "lin/events.h"
#include "lin/fault.h"

#define NO_OP UINT32_MAX

typedef struct element {
    uint32_t push;
    uint32_t pop; /* NO_OP: none */
} element;

typedef struct pq {
    const lin_op *ops;
    size_t n;
    lin_event *events; /* 2 n, twice */
    element *elements;
    size_t m;
    uint32_t *call; /* of each operation: the number of the moment; pending returns are the last */
    uint32_t *ret;
    uint32_t *next;   /* of each moment: itself if larger elements may go then, or a later one */
    uint32_t moments; /* the one behind the last */
    uint32_t lost_at; /* the first moment of a pending pop */
} pq;

static bool pq_init(pq *q, const lin_history *h)
{
    *q = (pq){.ops = h->ops, .n = h->n};
    q->events = malloc((4 * q->n + 1) * sizeof *q->events);
    q->elements = malloc((q->n + 1) * sizeof *q->elements);
    q->call = malloc((q->n + 1) * sizeof *q->call);
    q->ret = malloc((q->n + 1) * sizeof *q->ret);
    q->next = malloc((2 * q->n + 2) * sizeof *q->next);
    return q->events && q->elements && q->call && q->ret && q->next && q->n < NO_OP / 4;
}

static void pq_free(pq *q)
{
    free(q->events);
    free(q->elements);
    free(q->call);
    free(q->ret);
    free(q->next);
}

/* ---- moments --------------------------------------------------------------------------------- */

static void pq_number_moments(pq *q)
{
    size_t n = 2 * q->n;
    uint32_t moment = 0;
    for (size_t i = 0; i < n; i++) {
        const lin_op *op = &q->ops[i / 2];
        q->events[i] = (lin_event){i % 2 ? op->ret : op->call, i % 2, (uint32_t)(i / 2)};
    }
    lin_events_sort(q->events, q->events + n, n);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && q->events[i].time != q->events[i - 1].time) moment++;
        (q->events[i].what ? q->ret : q->call)[q->events[i].id] = moment;
    }
    q->moments = moment + 1;
    q->lost_at = q->moments;
    for (uint32_t i = 0; i <= q->moments; i++) q->next[i] = i;
}

/* The first moment from `i` on at which nothing smaller must be there. */
static uint32_t pq_free_from(pq *q, uint32_t i)
{
    while (q->next[i] != i) {
        q->next[i] = q->next[q->next[i]];
        i = q->next[i];
    }
    return i;
}

/* Something is there between these moments. */
static void pq_occupy(pq *q, uint32_t from, uint32_t to)
{
    if (from >= q->moments) return;
    for (uint32_t i = pq_free_from(q, from + 1); i < to; i = pq_free_from(q, i)) q->next[i] = i + 1;
}

/* ---- elements -------------------------------------------------------------------------------- */

static bool pq_moves(const lin_op *op)
{
    if (lin_is_pending(op)) return op->kind == LIN_PUSH;
    return op->status == THETIS_OK;
}

/* Elements in the order of their keys, with who pushed and who popped them. */
static lin_verdict pq_match(pq *q)
{
    size_t n = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        if (op->kind != LIN_PUSH && op->kind != LIN_POP) return LIN_UNKNOWN;
        if (op->kind == LIN_POP && lin_is_pending(op) && q->call[i] < q->lost_at) {
            q->lost_at = q->call[i];
        }
        if (pq_moves(op)) q->events[n++] = (lin_event){op->key, op->kind == LIN_POP, i};
    }
    lin_events_sort(q->events, q->events + 2 * q->n, n);
    for (size_t i = 0; i < n;) {
        uint32_t found[2] = {NO_OP, NO_OP}; /* the push, the pop */
        lin_verdict twice = LIN_YES;
        uint64_t key = q->events[i].time;
        for (; i < n && q->events[i].time == key; i++) {
            bool pop = q->events[i].what;
            if (found[pop] != NO_OP) twice = pop ? LIN_NO : LIN_UNKNOWN;
            found[pop] = q->events[i].id;
        }
        if (twice != LIN_YES) return twice;
        if (found[0] == NO_OP) return LIN_NO;
        if (found[1] != NO_OP && q->ops[found[1]].result != q->ops[found[0]].arg) return LIN_NO;
        q->elements[q->m++] = (element){found[0], found[1]};
    }
    return LIN_YES;
}

static bool pq_place(pq *q, const element *e)
{
    if (e->pop == NO_OP) {
        if (!lin_is_pending(&q->ops[e->push])) pq_occupy(q, q->ret[e->push], q->lost_at);
        return true;
    }
    uint32_t from = q->call[e->pop];
    if (from < q->call[e->push]) from = q->call[e->push];
    pq_occupy(q, q->ret[e->push], q->call[e->pop]);
    return pq_free_from(q, from) <= q->ret[e->pop];
}

static bool pq_is_sound(pq *q)
{
    for (size_t i = 0; i < q->m; i++) {
        size_t k = lin_planted == LIN_FAULT_PQ_ORDER ? q->m - 1 - i : i;
        if (!pq_place(q, &q->elements[k])) return false;
    }
    for (size_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        if (lin_is_pending(op) || op->status == THETIS_OK) continue;
        if (op->kind == LIN_PUSH || op->status != THETIS_EMPTY) return false;
        if (lin_planted == LIN_FAULT_PQ_EMPTY) continue;
        if (pq_free_from(q, q->call[i]) > q->ret[i]) return false;
    }
    return true;
}

lin_verdict lin_pq_check(const lin_history *h)
{
    pq q;
    lin_verdict verdict = LIN_UNKNOWN;
    if (lin_history_fault(h)) return LIN_UNKNOWN;
    if (pq_init(&q, h)) {
        pq_number_moments(&q);
        verdict = pq_match(&q);
        if (verdict == LIN_YES && !pq_is_sound(&q)) verdict = LIN_NO;
    }
    pq_free(&q);
    return verdict;
}
