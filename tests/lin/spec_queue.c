/* SPDX-License-Identifier: MIT
 *
 * spec_queue.c: the queue, bounded or not, that can be closed and canceled, see specs.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lin/specs.h"

typedef struct queue_state {
    uint64_t n;
    uint32_t closed; /* pushes answer CLOSED */
    uint32_t canceled;
    uint64_t values[]; /* the oldest first, zeroes behind the last */
} queue_state;

static size_t queue_capacity(const lin_spec *spec)
{
    return spec->param ? spec->param : LIN_SPEC_UNBOUNDED;
}

static bool queue_append(const lin_spec *spec, queue_state *q, const uint64_t *value)
{
    if (q->n == queue_capacity(spec)) {
        if (spec->param == 0) abort();
        return false;
    }
    q->values[q->n++] = *value;
    return true;
}

static bool queue_take(queue_state *q, const uint64_t *want)
{
    if (q->n == 0 || (want && q->values[0] != *want)) return false;
    memmove(q->values, q->values + 1, (size_t)--q->n * sizeof q->values[0]);
    q->values[q->n] = 0;
    return true;
}

static bool queue_push(const lin_spec *spec, queue_state *q, const lin_op *op)
{
    if (lin_is_pending(op)) return !q->closed && queue_append(spec, q, &op->arg);
    switch (op->status) {
    case THETIS_OK:
        return !q->closed && queue_append(spec, q, &op->arg);
    case THETIS_FULL:
        return !q->closed && !q->canceled && spec->param && q->n == spec->param;
    case THETIS_CLOSED:
        if (q->canceled) q->closed = 1;
        return q->closed;
    default:
        return false;
    }
}

static bool queue_pop(queue_state *q, const lin_op *op)
{
    if (lin_is_pending(op)) return !q->canceled && queue_take(q, NULL);
    switch (op->status) {
    case THETIS_OK:
        return !q->canceled && queue_take(q, &op->result);
    case THETIS_EMPTY:
        return !q->canceled && !q->closed && q->n == 0;
    case THETIS_CLOSED:
        return q->canceled || (q->closed && q->n == 0);
    default:
        return false;
    }
}

static bool queue_push_all(const lin_spec *spec, queue_state *q, const lin_op *op)
{
    bool fits = !q->closed;
    for (unsigned i = 0; fits && i < op->n_items; i++) {
        fits = queue_append(spec, q, &op->items[i].value);
    }
    return fits;
}

static bool queue_pop_all(queue_state *q, const lin_op *op)
{
    bool fits = !q->canceled;
    for (unsigned i = 0; fits && i < op->n_items; i++) fits = queue_take(q, &op->items[i].value);
    return fits;
}

/* What a batch that was not completed has seen. */
static bool queue_size(const queue_state *q, const lin_op *op)
{
    bool closed = op->status == THETIS_CLOSED;
    return q->n == op->arg && !q->canceled && (q->closed != 0) == closed;
}

static bool queue_step(const lin_spec *spec, void *state, const lin_op *op)
{
    queue_state *q = state;
    switch (op->kind) {
    case LIN_PUSH:
        return queue_push(spec, q, op);
    case LIN_POP:
        return queue_pop(q, op);
    case LIN_PUSH_N:
        return queue_push_all(spec, q, op);
    case LIN_POP_N:
        return queue_pop_all(q, op);
    case LIN_SIZE:
        return queue_size(q, op);
    case LIN_CLOSE:
        q->closed = 1;
        return true;
    case LIN_CANCEL:
        q->canceled = 1;
        return true;
    default:
        return false;
    }
}

lin_spec lin_spec_queue(size_t capacity)
{
    size_t room = capacity ? capacity : LIN_SPEC_UNBOUNDED;
    return (lin_spec){sizeof(queue_state) + room * sizeof(uint64_t), capacity, NULL, queue_step};
}
