/* SPDX-License-Identifier: MIT
 *
 * history.c: recording, merging and printing, see history.h.
 */
#include "lin/history.h"

#include <inttypes.h>
#include <stdlib.h>

void lin_recorder_init(lin_recorder *r, unsigned thread, lin_clock *clock, void *context,
                       lin_op *ops, size_t room)
{
    *r = (lin_recorder){.ops = ops, .room = room, .clock = clock, .context = context};
    if (thread >= LIN_THREADS) abort();
    r->thread = (uint16_t)thread;
}

bool lin_recorder_has_room(const lin_recorder *r, size_t n)
{
    return n <= r->room - r->n;
}

lin_op *lin_begin(lin_recorder *r, lin_kind kind)
{
    lin_op *op = &r->ops[r->n];
    if (!lin_recorder_has_room(r, 1)) abort();
    r->n++;
    *op = (lin_op){.thread = r->thread, .kind = (uint16_t)kind, .ret = LIN_PENDING};
    uint64_t now = r->clock(r->context);
    op->call = now > r->slack ? now - r->slack : 0;
    return op;
}

void lin_end(lin_recorder *r, lin_op *op, thetis_status status)
{
    op->ret = r->clock(r->context) + r->slack;
    op->status = (int16_t)status;
}

lin_history lin_merge(const lin_recorder *recorders, size_t n, lin_op *ops)
{
    lin_history h = {ops, 0};
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < recorders[r].n; i++) ops[h.n++] = recorders[r].ops[i];
    }
    return h;
}

const char *lin_history_fault(const lin_history *h)
{
    const lin_op *last[LIN_THREADS] = {NULL};
    for (size_t i = 0; i < h->n; i++) {
        const lin_op *op = &h->ops[i];
        if (op->thread >= LIN_THREADS) return "thread number too large";
        if (op->kind >= LIN_KINDS) return "unknown kind";
        if (op->call > op->ret) return "returned before it was called";
        const lin_op *before = last[op->thread];
        if (before && (before->call > op->call || before->ret > op->ret)) {
            return "a thread's operations are not in its order";
        }
        last[op->thread] = op;
    }
    return NULL;
}

/* ---- printing -------------------------------------------------------------------------------- */

#define KIND_NAME(name) #name,
static const char *const kind_names[] = {LIN_KIND_MAP(KIND_NAME)};

static void print_items(FILE *out, const lin_op *op)
{
    for (unsigned i = 0; i < op->n_items; i++) {
        const lin_item *item = &op->items[i];
        fprintf(out, " %s%" PRIu64 ":%" PRIu64, item->write ? "w" : "", item->key, item->value);
    }
}

void lin_op_print(FILE *out, const lin_op *op)
{
    const char *kind = op->kind < LIN_KINDS ? kind_names[op->kind] : "?";
    fprintf(out, "thread %u  [%" PRIu64 ", ", op->thread, op->call);
    if (lin_is_pending(op)) {
        fprintf(out, "-]");
    } else {
        fprintf(out, "%" PRIu64 "]", op->ret);
    }
    fprintf(out, "  %s key %" PRIu64 " arg %" PRIu64 " arg2 %" PRIu64, kind, op->key, op->arg,
            op->arg2);
    if (!lin_is_pending(op)) fprintf(out, " -> %d, %" PRIu64, op->status, op->result);
    print_items(out, op);
    fputc('\n', out);
}

void lin_history_print(FILE *out, const lin_history *h)
{
    for (size_t i = 0; i < h->n; i++) lin_op_print(out, &h->ops[i]);
}
