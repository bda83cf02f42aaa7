/* SPDX-License-Identifier: MIT
 *
 * spsc.c: the monitor of queues with one producer and one consumer, see lin_spsc_check().
 *
 * Who is alone on a side does everything in a known order, so each answer says which operations of
 * the other side it came after and before. What is left is to find a moment for each: as early as
 * possible is best.
 */
#include <stdlib.h>

#include "lin/fault.h"
#include "lin/queue.h"

#define NO_NODE SIZE_MAX

typedef struct node {
    const lin_op *op;
    size_t moved;  /* elements that this side has moved before */
    size_t moves;  /* and that this operation moves */
    size_t after;  /* nodes of the other side that come first */
    uint64_t time; /* the earliest moment */
} node;

typedef struct side {
    node *nodes;
    size_t n;
    size_t *mover; /* of each element: the node */
    uint64_t *values;
    size_t moved;
    size_t end; /* the node of CLOSE or CANCEL, NO_NODE without */
    int thread; /* -1: not known yet */
} side;

typedef struct spsc {
    lin_history whole;
    size_t capacity;
    side producer;
    side consumer;
} spsc;

/* ---- taking the history apart ---------------------------------------------------------------- */

static bool side_init(side *s, size_t nodes, size_t elements)
{
    s->nodes = calloc(nodes + 1, sizeof *s->nodes);
    s->mover = calloc(elements + 1, sizeof *s->mover);
    s->values = calloc(elements + 1, sizeof *s->values);
    s->end = NO_NODE;
    s->thread = -1;
    return s->nodes && s->mover && s->values;
}

static void side_free(side *s)
{
    free(s->nodes);
    free(s->mover);
    free(s->values);
}

static bool spsc_is_producers(const lin_op *op)
{
    return op->kind == LIN_PUSH || op->kind == LIN_PUSH_N || op->kind == LIN_CLOSE ||
           (op->kind == LIN_SIZE && op->status == THETIS_FULL);
}

static bool spsc_is_consumers(const lin_op *op)
{
    return op->kind == LIN_POP || op->kind == LIN_POP_N || op->kind == LIN_CANCEL ||
           (op->kind == LIN_SIZE && op->status != THETIS_FULL);
}

/* How many elements an operation has moved, or may have if it is pending. */
static size_t spsc_moves(const lin_op *op)
{
    if (op->kind == LIN_PUSH_N || op->kind == LIN_POP_N) return op->n_items;
    if (op->kind != LIN_PUSH && op->kind != LIN_POP) return 0;
    return lin_is_pending(op) || op->status == THETIS_OK;
}

static uint64_t spsc_value(const lin_op *op, size_t i)
{
    if (op->n_items) return op->items[i].value;
    return op->kind == LIN_PUSH ? op->arg : op->result;
}

static void side_add(side *s, const lin_op *op)
{
    node *to = &s->nodes[s->n];
    *to = (node){op, s->moved, spsc_moves(op), 0, 0};
    for (size_t i = 0; i < to->moves; i++) {
        s->mover[s->moved] = s->n;
        s->values[s->moved++] = spsc_value(op, i);
    }
    if (s->end == NO_NODE && (op->kind == LIN_CLOSE || op->kind == LIN_CANCEL)) s->end = s->n;
    s->n++;
}

static bool spsc_init(spsc *q, const lin_history *h, size_t capacity)
{
    size_t elements = 0;
    *q = (spsc){.whole = lin_queue_expand(h, capacity, LIN_BATCH_WHOLE), .capacity = capacity};
    if (!q->whole.ops) return false;
    for (size_t i = 0; i < q->whole.n; i++) elements += spsc_moves(&q->whole.ops[i]);
    bool producer = side_init(&q->producer, q->whole.n, elements);
    return side_init(&q->consumer, q->whole.n, elements) && producer;
}

static void spsc_free(spsc *q)
{
    side_free(&q->producer);
    side_free(&q->consumer);
    free(q->whole.ops);
}

/* Whether each side is one thread, and nothing else happens. */
static bool spsc_has_sides(spsc *q)
{
    for (size_t i = 0; i < q->whole.n; i++) {
        const lin_op *op = &q->whole.ops[i];
        side *s = spsc_is_producers(op) ? &q->producer : &q->consumer;
        if (s == &q->consumer && !spsc_is_consumers(op)) return false;
        if (s->thread < 0) s->thread = op->thread;
        if (s->thread != op->thread) return false;
    }
    return q->producer.thread != q->consumer.thread;
}

/* Whether pending operations of one side are needed to explain what the other side has seen: a
 * pending push was popped, a pending close or cancel was noticed. A pending pop does no harm as
 * long as there is something to pop. */
static void spsc_split(spsc *q)
{
    size_t popped = 0;
    bool closed[2] = {false, false};
    for (size_t i = 0; i < q->whole.n; i++) {
        const lin_op *op = &q->whole.ops[i];
        if (lin_is_pending(op)) continue;
        popped += spsc_is_consumers(op) ? spsc_moves(op) : 0;
        if (op->status == THETIS_CLOSED) closed[spsc_is_producers(op)] = true;
    }
    for (size_t i = 0; i < q->whole.n; i++) {
        const lin_op *op = &q->whole.ops[i];
        if (!spsc_is_producers(op)) continue;
        bool needed = op->kind == LIN_CLOSE ? closed[0] : q->producer.moved < popped;
        if (!lin_is_pending(op) || needed) side_add(&q->producer, op);
    }
    for (size_t i = 0; i < q->whole.n; i++) {
        const lin_op *op = &q->whole.ops[i];
        if (!spsc_is_consumers(op)) continue;
        bool left = q->consumer.moved < q->producer.moved && q->consumer.end == NO_NODE;
        bool needed = op->kind == LIN_CANCEL ? closed[1] : left;
        if (!lin_is_pending(op) || needed) side_add(&q->consumer, op);
    }
}

/* ---- what comes before what ------------------------------------------------------------------ */

/* The node has to come after the one that moves the other side's first `n` elements. */
static bool after_moved(node *self, const side *other, size_t n)
{
    if (n > other->moved) return false;
    if (n > 0 && self->after < other->mover[n - 1] + 1) self->after = other->mover[n - 1] + 1;
    return true;
}

/* Node `self` has to come before node `then` of the other side, if there is one. */
static void before_node(size_t self, side *other, size_t then)
{
    if (then != NO_NODE && other->nodes[then].after < self + 1) other->nodes[then].after = self + 1;
}

static void before_moving(size_t self, side *other, size_t element)
{
    if (element < other->moved) before_node(self, other, other->mover[element]);
}

static bool after_end(node *self, const side *other)
{
    if (other->end == NO_NODE) return false;
    if (self->after < other->end + 1) self->after = other->end + 1;
    return true;
}

/* The producer has seen `size` elements and no end. */
static bool producer_saw_full(spsc *q, size_t i, size_t size)
{
    node *self = &q->producer.nodes[i];
    if (self->moved < size) return false;
    if (!after_moved(self, &q->consumer, self->moved - size)) return false;
    before_moving(i, &q->consumer, self->moved - size);
    before_node(i, &q->consumer, q->consumer.end);
    return true;
}

static bool producer_node(spsc *q, size_t i, bool *closed)
{
    node *self = &q->producer.nodes[i];
    const lin_op *op = self->op;
    size_t seen = op->kind == LIN_SIZE ? (size_t)op->arg : q->capacity;
    if (op->kind == LIN_CLOSE) {
        *closed = true;
        return true;
    }
    if (self->moves) {
        size_t end = self->moved + self->moves;
        if (*closed) return false;
        return end <= q->capacity || after_moved(self, &q->consumer, end - q->capacity);
    }
    if (op->status == THETIS_FULL) return !*closed && producer_saw_full(q, i, seen);
    if (op->status != THETIS_CLOSED) return false;
    bool known = *closed;
    *closed = true;
    return known || after_end(self, &q->consumer);
}

/* The consumer has seen `size` elements and no end. */
static bool consumer_saw_empty(spsc *q, size_t i, size_t size)
{
    node *self = &q->consumer.nodes[i];
    if (!after_moved(self, &q->producer, self->moved + size)) return false;
    if (lin_planted == LIN_FAULT_SPSC_EMPTY) return true;
    before_moving(i, &q->producer, self->moved + size);
    before_node(i, &q->producer, q->producer.end);
    return true;
}

static bool consumer_node(spsc *q, size_t i, bool *canceled)
{
    node *self = &q->consumer.nodes[i];
    const lin_op *op = self->op;
    size_t seen = op->kind == LIN_SIZE ? (size_t)op->arg : 0;
    if (op->kind == LIN_CANCEL) {
        *canceled = true;
        return true;
    }
    if (self->moves) {
        return !*canceled && after_moved(self, &q->producer, self->moved + self->moves);
    }
    if (op->status == THETIS_EMPTY) return !*canceled && consumer_saw_empty(q, i, seen);
    if (op->status != THETIS_CLOSED) return false;
    if (*canceled) return op->kind != LIN_SIZE;
    return self->moved + seen == q->producer.moved && after_end(self, &q->producer);
}

static bool spsc_relate(spsc *q)
{
    bool closed = false, canceled = false;
    for (size_t i = 0; i < q->consumer.moved; i++) {
        const lin_op *pop = q->consumer.nodes[q->consumer.mover[i]].op;
        if (i >= q->producer.moved) return false;
        if (!lin_is_pending(pop) && q->consumer.values[i] != q->producer.values[i]) return false;
    }
    for (size_t i = 0; i < q->producer.n; i++) {
        if (!producer_node(q, i, &closed)) return false;
    }
    for (size_t i = 0; i < q->consumer.n; i++) {
        if (!consumer_node(q, i, &canceled)) return false;
    }
    return true;
}

/* ---- a moment for each ----------------------------------------------------------------------- */

/* Places node `i` of a side as early as can be. */
static bool place(side *self, size_t i, const side *other)
{
    node *to = &self->nodes[i];
    to->time = to->op->call;
    if (i > 0 && self->nodes[i - 1].time > to->time) to->time = self->nodes[i - 1].time;
    if (to->after && other->nodes[to->after - 1].time > to->time) {
        to->time = other->nodes[to->after - 1].time;
    }
    return to->time <= to->op->ret;
}

static bool spsc_place(spsc *q)
{
    size_t p = 0, c = 0;
    while (p < q->producer.n || c < q->consumer.n) {
        if (p < q->producer.n && q->producer.nodes[p].after <= c) {
            if (!place(&q->producer, p++, &q->consumer)) return false;
        } else if (c < q->consumer.n && q->consumer.nodes[c].after <= p) {
            if (!place(&q->consumer, c++, &q->producer)) return false;
        } else {
            return false; /* each waits for the other */
        }
    }
    return true;
}

lin_verdict lin_spsc_check(const lin_history *h, size_t capacity)
{
    spsc q;
    lin_verdict verdict = LIN_UNKNOWN;
    if (capacity == 0 || lin_history_fault(h)) return LIN_UNKNOWN;
    if (spsc_init(&q, h, capacity) && spsc_has_sides(&q)) {
        if (lin_planted == LIN_FAULT_SPSC_ROOM) q.capacity++;
        spsc_split(&q);
        verdict = spsc_relate(&q) && spsc_place(&q) ? LIN_YES : LIN_NO;
    }
    spsc_free(&q);
    return verdict;
}
