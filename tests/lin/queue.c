/* SPDX-License-Identifier: MIT
 *
 * queue.c: the monitor of queues with many producers and consumers, see lin_queue_check().
 *
 * It works on a copy of the history, in units, whose intervals are first made as short as the
 * order in a thread and "pushed before popped" allow.
 */
#include "lin/queue.h"

#include <stdlib.h>

#include "lin/events.h"
#include "lin/fault.h"

enum { TIGHTEN_PASSES = 8 };

#define NO_OP UINT32_MAX

/* A value: the operations that pushed and popped it, NO_OP if none did. */
typedef struct element {
    uint32_t push;
    uint32_t pop;
} element;

/* A time during which something is in the queue for certain; its ends do not belong to it. */
typedef struct segment {
    uint64_t from;
    uint64_t to;
} segment;

typedef struct queue {
    lin_op *ops; /* arg2: the number of the element that a push or a pop has moved */
    size_t n;
    size_t capacity;
    element *elements;
    size_t m;
    uint32_t *table; /* values to element numbers plus 1 */
    size_t mask;
    lin_event *events; /* 4 m + 2 n, twice: the second half is for sorting */
    size_t n_events;
    segment *segments;
    size_t n_segments;
    size_t lost;       /* pending pops */
    uint64_t lost_at;  /* the first call of one, LIN_PENDING without */
    uint64_t close_at; /* close happened in [close_at, close_by], both LIN_PENDING without */
    uint64_t close_by;
} queue;

static uint64_t at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static const lin_op *push_of(const queue *q, const element *e)
{
    return &q->ops[e->push];
}

/* From when on the element may be gone. */
static uint64_t leaves_at(const queue *q, const element *e)
{
    return e->pop == NO_OP ? q->lost_at : q->ops[e->pop].call;
}

/* ---- who pushed what ------------------------------------------------------------------------- */

static bool queue_init(queue *q, const lin_history *h, size_t capacity)
{
    lin_history units = lin_queue_expand(h, capacity, LIN_BATCH_UNITS);
    size_t slots = 4;
    *q = (queue){.ops = units.ops, .n = units.n, .capacity = capacity, .lost_at = LIN_PENDING,
                 .close_at = LIN_PENDING, .close_by = LIN_PENDING};
    while (slots < 2 * q->n) slots *= 2;
    q->mask = slots - 1;
    q->elements = malloc((q->n + 1) * sizeof *q->elements);
    q->table = calloc(slots, sizeof *q->table);
    q->events = malloc((q->n + 1) * 8 * sizeof *q->events);
    q->segments = malloc((q->n + 1) * sizeof *q->segments);
    return q->ops && q->elements && q->table && q->events && q->segments && q->n < NO_OP;
}

static void queue_free(queue *q)
{
    free(q->ops);
    free(q->elements);
    free(q->table);
    free(q->events);
    free(q->segments);
}

/* Where the number of a value's element stands, or belongs. Neighbours stay neighbours: values are
 * mostly counted, and it is the memory that takes the time. */
static uint32_t *queue_slot(const queue *q, uint64_t value)
{
    size_t i = (size_t)(value + (value >> 20) * UINT64_C(0x9E3779B97F4A7C15)) & q->mask;
    while (q->table[i] && push_of(q, &q->elements[q->table[i] - 1])->arg != value) {
        i = (i + 1) & q->mask;
    }
    return &q->table[i];
}

static lin_verdict queue_take_push(queue *q, uint32_t i)
{
    lin_op *op = &q->ops[i];
    if (!lin_is_pending(op) && op->status == THETIS_FULL) return q->capacity ? LIN_YES : LIN_NO;
    if (!lin_is_pending(op) && op->status == THETIS_CLOSED) return LIN_YES;
    if (!lin_is_pending(op) && op->status != THETIS_OK) return LIN_NO;
    uint32_t *slot = queue_slot(q, op->arg);
    if (*slot) return LIN_UNKNOWN;
    op->status = THETIS_OK;
    op->arg2 = q->m;
    q->elements[q->m] = (element){i, NO_OP};
    *slot = (uint32_t)++q->m;
    return LIN_YES;
}

/* After all pushes: fresh and repeated elements show here. */
static lin_verdict queue_take_pop(queue *q, uint32_t i)
{
    lin_op *op = &q->ops[i];
    if (lin_is_pending(op)) {
        q->lost++;
        q->lost_at = at_most(q->lost_at, op->call);
        return LIN_YES;
    }
    if (op->status == THETIS_EMPTY || op->status == THETIS_CLOSED) return LIN_YES;
    uint32_t slot = *queue_slot(q, op->result);
    if (op->status != THETIS_OK || slot == 0) return LIN_NO;
    element *e = &q->elements[slot - 1];
    if (e->pop != NO_OP) return LIN_NO;
    op->arg2 = slot - 1;
    e->pop = i;
    return LIN_YES;
}

static lin_verdict queue_take(queue *q)
{
    lin_verdict verdict = LIN_YES;
    for (uint32_t i = 0; verdict == LIN_YES && i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        if (op->kind == LIN_PUSH) {
            verdict = queue_take_push(q, i);
        } else if (op->kind == LIN_CLOSE) {
            q->close_at = at_most(q->close_at, op->call);
            q->close_by = at_most(q->close_by, op->ret);
        } else if (op->kind != LIN_POP) {
            verdict = LIN_UNKNOWN;
        }
    }
    for (uint32_t i = 0; verdict == LIN_YES && i < q->n; i++) {
        if (q->ops[i].kind == LIN_POP) verdict = queue_take_pop(q, i);
    }
    return verdict;
}

/* The element that `op` has moved, or NULL. */
static const element *queue_moved(const queue *q, const lin_op *op)
{
    bool pushed = op->kind == LIN_PUSH && (lin_is_pending(op) || op->status == THETIS_OK);
    bool popped = op->kind == LIN_POP && !lin_is_pending(op) && op->status == THETIS_OK;
    return pushed || popped ? &q->elements[op->arg2] : NULL;
}

/* ---- intervals ------------------------------------------------------------------------------- */

/* Calls: not before those earlier in the thread; a pop's not before its push's. */
static bool tighten_calls(queue *q)
{
    uint64_t last[LIN_THREADS] = {0};
    bool changed = false;
    for (size_t i = 0; i < q->n; i++) {
        lin_op *op = &q->ops[i];
        uint64_t call = at_least(op->call, last[op->thread]);
        const element *e = op->kind == LIN_POP ? queue_moved(q, op) : NULL;
        if (e) call = at_least(call, push_of(q, e)->call);
        changed |= call != op->call;
        op->call = last[op->thread] = call;
    }
    return changed;
}

/* Returns: not after those later in the thread; a push's not after its pop's. A pending push keeps
 * its mark unless somebody has popped what it pushed. */
static bool tighten_returns(queue *q)
{
    uint64_t next[LIN_THREADS];
    bool changed = false;
    for (unsigned t = 0; t < LIN_THREADS; t++) next[t] = LIN_PENDING;
    for (size_t i = q->n; i-- > 0;) {
        lin_op *op = &q->ops[i];
        if (op->kind == LIN_POP && lin_is_pending(op)) continue;
        uint64_t ret = at_most(op->ret, next[op->thread]);
        const element *e = op->kind == LIN_PUSH ? queue_moved(q, op) : NULL;
        if (e && e->pop != NO_OP) ret = at_most(ret, q->ops[e->pop].ret);
        changed |= ret != op->ret;
        op->ret = next[op->thread] = ret;
    }
    return changed;
}

/* False if an interval is empty then. */
static bool queue_tighten(queue *q)
{
    for (int pass = 0; pass < TIGHTEN_PASSES; pass++) {
        bool calls = tighten_calls(q);
        if (!tighten_returns(q) && !calls) break;
    }
    for (size_t i = 0; i < q->n; i++) {
        if (q->ops[i].call > q->ops[i].ret) return false;
    }
    return true;
}

static void queue_event(queue *q, uint64_t time, uint32_t what, size_t id)
{
    q->events[q->n_events++] = (lin_event){time, what, (uint32_t)id};
}

static void queue_sort(queue *q)
{
    lin_events_sort(q->events, q->events + (q->n + 1) * 4, q->n_events);
}

/* ---- order ----------------------------------------------------------------------------------- */

enum { PUSH_CALL, PUSH_RET };

static void order_events(queue *q)
{
    q->n_events = 0;
    for (size_t i = 0; i < q->m; i++) {
        queue_event(q, push_of(q, &q->elements[i])->call, PUSH_CALL, i);
    }
    for (size_t i = 0; i < q->m; i++) {
        queue_event(q, push_of(q, &q->elements[i])->ret, PUSH_RET, i);
    }
    queue_sort(q);
}

/* Whether no element was gone before one that was in the queue earlier may have left it. */
static bool order_in_time(const queue *q)
{
    uint64_t latest = 0;
    if (lin_planted == LIN_FAULT_QUEUE_ORDER) return true;
    for (size_t i = 0; i < q->n_events; i++) {
        const element *e = &q->elements[q->events[i].id];
        if (q->events[i].what == PUSH_RET) {
            latest = at_least(latest, leaves_at(q, e));
        } else if (e->pop != NO_OP && latest > q->ops[e->pop].ret) {
            return false;
        }
    }
    return true;
}

/* The same where the order of pushes, of pops, or of both is that of one thread. */
static bool order_in_threads(const queue *q)
{
    uint64_t left[LIN_THREADS] = {0}, came[LIN_THREADS] = {0};
    uint32_t last[LIN_THREADS][LIN_THREADS] = {{0}};
    for (size_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        const element *e = queue_moved(q, op);
        if (!e) continue;
        unsigned t = op->thread;
        if (op->kind == LIN_PUSH) {
            if (e->pop != NO_OP && left[t] > q->ops[e->pop].ret) return false;
            left[t] = at_least(left[t], leaves_at(q, e));
        } else {
            const lin_op *push = push_of(q, e);
            if (came[t] > push->ret || last[push->thread][t] > e->push) return false;
            came[t] = at_least(came[t], push->call);
            last[push->thread][t] = e->push;
        }
    }
    return true;
}

/* Elements that were overtaken and never came out: each needs a pending pop. */
static bool order_of_lost(const queue *q)
{
    uint32_t last[LIN_THREADS] = {0};
    uint64_t latest = 0;
    size_t missing = 0;
    for (size_t i = 0; i < q->m; i++) {
        const lin_op *push = push_of(q, &q->elements[i]);
        if (q->elements[i].pop == NO_OP) continue;
        latest = at_least(latest, push->call);
        if (last[push->thread] < q->elements[i].push) last[push->thread] = q->elements[i].push;
    }
    for (size_t i = 0; i < q->m; i++) {
        const element *e = &q->elements[i];
        const lin_op *push = push_of(q, e);
        if (e->pop == NO_OP) missing += push->ret < latest || e->push < last[push->thread];
    }
    return missing <= q->lost;
}

/* ---- empty and closed ------------------------------------------------------------------------ */

/* From the events of order_events(). */
static void queue_find_segments(queue *q)
{
    q->n_segments = 0;
    for (size_t i = 0; i < q->n_events; i++) {
        const element *e = &q->elements[q->events[i].id];
        segment s = {q->events[i].time, leaves_at(q, e)};
        if (q->events[i].what != PUSH_RET || s.from >= s.to) continue;
        segment *last = q->n_segments ? &q->segments[q->n_segments - 1] : NULL;
        if (last && s.from < last->to) {
            last->to = at_least(last->to, s.to);
        } else {
            q->segments[q->n_segments++] = s;
        }
    }
}

/* The first moment from `t` on at which the queue may have been empty. */
static uint64_t queue_first_gap(const queue *q, uint64_t t)
{
    size_t low = 0, high = q->n_segments;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (q->segments[middle].from < t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (lin_planted == LIN_FAULT_QUEUE_EMPTY && low == 1) return t;
    return low && q->segments[low - 1].to > t ? q->segments[low - 1].to : t;
}

static bool queue_check_empty(const queue *q, uint64_t *closes_from)
{
    for (size_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        if (op->kind != LIN_POP || lin_is_pending(op) || op->status != THETIS_EMPTY) continue;
        uint64_t gap = queue_first_gap(q, op->call);
        if (gap > op->ret) return false;
        *closes_from = at_least(*closes_from, gap);
    }
    return true;
}

/* CLOSED: after close, which came after all that was pushed; of a pop: after all was popped. */
static bool queue_check_closed(const queue *q, uint64_t closes_from)
{
    uint64_t closed_by = q->close_by, drained = 0;
    for (size_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        const element *e = op->kind == LIN_PUSH ? queue_moved(q, op) : NULL;
        bool certain = e && !(lin_is_pending(op) && e->pop == NO_OP);
        bool full = op->kind == LIN_PUSH && !lin_is_pending(op) && op->status == THETIS_FULL;
        if (certain || full) closes_from = at_least(closes_from, op->call);
        if (certain) drained = at_least(drained, leaves_at(q, e));
        if (!e && !lin_is_pending(op) && op->status == THETIS_CLOSED) {
            closed_by = at_most(closed_by, op->ret);
        }
    }
    closes_from = at_least(closes_from, q->close_at);
    if (closed_by == LIN_PENDING) return true;
    if (closes_from > closed_by) return false;
    for (size_t i = 0; i < q->n; i++) {
        const lin_op *op = &q->ops[i];
        if (op->kind != LIN_POP || lin_is_pending(op) || op->status != THETIS_CLOSED) continue;
        if (drained > op->ret) return false;
    }
    return true;
}

/* ---- capacity -------------------------------------------------------------------------------- */

/* In the order in which those of one moment count: whoever may be there is there while a FULL may
 * see it, and who must be there is not yet, or no longer. */
enum { MAY_ENTER, FULL_RET, MAY_LEAVE, MUST_LEAVE, MUST_ENTER, ROOM_EVENTS };

static void room_add_element(queue *q, const element *e, uint32_t what)
{
    const lin_op *push = push_of(q, e);
    uint64_t leaves = leaves_at(q, e);
    bool sure = push->ret < leaves;
    size_t id = (size_t)(e - q->elements);
    if (what == MAY_ENTER) queue_event(q, push->call, what, id);
    if (what == MAY_LEAVE && e->pop != NO_OP) queue_event(q, q->ops[e->pop].ret, what, id);
    if (what == MUST_ENTER && sure) queue_event(q, push->ret, what, id);
    if (what == MUST_LEAVE && sure) queue_event(q, leaves, what, id);
}

static void room_events(queue *q)
{
    q->n_events = 0;
    for (uint32_t what = 0; what < ROOM_EVENTS; what++) {
        for (size_t i = 0; i < q->m; i++) room_add_element(q, &q->elements[i], what);
        for (size_t i = 0; what == FULL_RET && i < q->n; i++) {
            const lin_op *op = &q->ops[i];
            bool full = op->kind == LIN_PUSH && op->status == THETIS_FULL && !lin_is_pending(op);
            if (full) queue_event(q, op->ret, what, i);
        }
    }
    queue_sort(q);
}

static bool queue_check_room(queue *q)
{
    size_t may = 0, must = 0, capacity = q->capacity;
    uint64_t full_until = 0;
    bool was_full = false;
    if (lin_planted == LIN_FAULT_QUEUE_ROOM) capacity++;
    room_events(q);
    for (size_t i = 0; i < q->n_events; i++) {
        const lin_event *e = &q->events[i];
        if (may >= capacity) {
            full_until = e->time;
            was_full = true;
        }
        may += e->what == MAY_ENTER;
        may -= e->what == MAY_LEAVE;
        must += e->what == MUST_ENTER;
        must -= e->what == MUST_LEAVE;
        if (must > capacity) return false;
        if (e->what == FULL_RET && !(was_full && full_until >= q->ops[e->id].call)) return false;
    }
    return true;
}

static bool queue_is_sound(queue *q)
{
    uint64_t closes_from = 0;
    if (!queue_tighten(q)) return false;
    order_events(q);
    if (!order_in_time(q) || !order_in_threads(q) || !order_of_lost(q)) return false;
    queue_find_segments(q);
    if (!queue_check_empty(q, &closes_from)) return false;
    if (!queue_check_closed(q, closes_from)) return false;
    return q->capacity == 0 || queue_check_room(q);
}

lin_verdict lin_queue_check(const lin_history *h, size_t capacity)
{
    queue q;
    lin_verdict verdict = LIN_UNKNOWN;
    if (lin_history_fault(h)) return LIN_UNKNOWN;
    if (queue_init(&q, h, capacity)) verdict = queue_take(&q);
    if (verdict == LIN_YES && !queue_is_sound(&q)) verdict = LIN_NO;
    queue_free(&q);
    return verdict;
}
