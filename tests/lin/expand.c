/* SPDX-License-Identifier: MIT
 *
 * expand.c: taking batches apart, see lin_queue_expand() in queue.h.
 */
#include <stdlib.h>

#include "lin/queue.h"

static bool expand_is_batch(const lin_op *op)
{
    return op->kind == LIN_PUSH_N || op->kind == LIN_POP_N;
}

/* How many elements a batch has moved; if it is pending, how many it may have moved. */
static size_t expand_length(const lin_op *op)
{
    return op->kind == LIN_POP_N && lin_is_pending(op) ? (size_t)op->arg : op->n_items;
}

static lin_op expand_single(const lin_op *op, thetis_status status)
{
    lin_op one = *op;
    one.kind = op->kind == LIN_PUSH_N ? LIN_PUSH : LIN_POP;
    one.status = (int16_t)status;
    one.n_items = 0;
    one.items = NULL;
    one.arg = one.result = 0;
    return one;
}

static size_t expand_units(const lin_op *op, lin_op *out)
{
    size_t n = expand_length(op);
    for (size_t i = 0; i < n; i++) {
        out[i] = expand_single(op, THETIS_OK);
        if (i >= op->n_items) continue;
        *(op->kind == LIN_PUSH_N ? &out[i].arg : &out[i].result) = op->items[i].value;
    }
    if (op->status == THETIS_OK || lin_is_pending(op)) return n;
    out[n] = expand_single(op, (thetis_status)op->status);
    return n + 1;
}

static size_t expand_whole(const lin_op *op, size_t capacity, lin_op *out)
{
    if (op->n_items == 0 || lin_is_pending(op)) return expand_units(op, out);
    out[0] = out[1] = *op;
    if (op->status == THETIS_OK) return 1;
    out[0].kind = LIN_SIZE;
    out[0].arg = op->kind == LIN_PUSH_N ? capacity - op->n_items : op->n_items;
    out[0].n_items = 0;
    out[1].status = THETIS_OK;
    return 2;
}

/* At least 1, and enough for the operations in units as well as whole. */
static size_t expand_room(const lin_history *h)
{
    size_t room = 1;
    for (size_t i = 0; i < h->n; i++) {
        const lin_op *op = &h->ops[i];
        room += expand_is_batch(op) ? expand_length(op) + 2 : 1;
    }
    return room;
}

lin_history lin_queue_expand(const lin_history *h, size_t capacity, lin_batch batch)
{
    lin_history out = {malloc(expand_room(h) * sizeof *out.ops), 0};
    for (size_t i = 0; out.ops && i < h->n; i++) {
        const lin_op *op = &h->ops[i];
        lin_op *to = out.ops + out.n;
        if (!expand_is_batch(op)) {
            *to = *op;
            out.n++;
        } else if (batch == LIN_BATCH_UNITS) {
            out.n += expand_units(op, to);
        } else {
            out.n += expand_whole(op, capacity, to);
        }
    }
    return out;
}
