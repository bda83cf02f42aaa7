/* SPDX-License-Identifier: MIT
 *
 * spec_pq.c: the priority queue, see specs.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lin/specs.h"

typedef struct pq_entry {
    uint64_t key;
    uint64_t value;
} pq_entry;

typedef struct pq_state {
    uint64_t n;
    pq_entry entries[]; /* ascending by key and value, zeroes behind the last */
} pq_state;

static bool pq_before(const pq_entry *a, const pq_entry *b)
{
    return a->key < b->key || (a->key == b->key && a->value < b->value);
}

static void pq_insert(pq_state *q, pq_entry entry)
{
    size_t i = (size_t)q->n++;
    for (; i > 0 && pq_before(&entry, &q->entries[i - 1]); i--) q->entries[i] = q->entries[i - 1];
    q->entries[i] = entry;
}

static void pq_remove(pq_state *q, size_t i)
{
    memmove(&q->entries[i], &q->entries[i + 1], ((size_t)--q->n - i) * sizeof q->entries[0]);
    q->entries[q->n] = (pq_entry){0, 0};
}

static bool pq_push(const lin_spec *spec, pq_state *q, const lin_op *op)
{
    size_t room = spec->param ? spec->param : LIN_SPEC_UNBOUNDED;
    bool full = q->n == room;
    if (full && spec->param == 0) abort();
    thetis_status want = lin_is_pending(op) ? THETIS_OK : (thetis_status)op->status;
    if (want != (full ? THETIS_FULL : THETIS_OK)) return false;
    if (!full) pq_insert(q, (pq_entry){op->key, op->arg});
    return true;
}

/* A pending pop takes the smallest value of the smallest key: values of one key are not told apart
 * by anything but pops, so this is exact where keys are unique. */
static bool pq_pop(pq_state *q, const lin_op *op)
{
    if (q->n == 0) return !lin_is_pending(op) && op->status == THETIS_EMPTY;
    if (lin_is_pending(op)) {
        pq_remove(q, 0);
        return true;
    }
    if (op->status != THETIS_OK || op->key != q->entries[0].key) return false;
    for (size_t i = 0; i < q->n && q->entries[i].key == op->key; i++) {
        if (q->entries[i].value != op->result) continue;
        pq_remove(q, i);
        return true;
    }
    return false;
}

static bool pq_step(const lin_spec *spec, void *state, const lin_op *op)
{
    switch (op->kind) {
    case LIN_PUSH:
        return pq_push(spec, state, op);
    case LIN_POP:
        return pq_pop(state, op);
    default:
        return false;
    }
}

lin_spec lin_spec_pq(size_t capacity)
{
    size_t room = capacity ? capacity : LIN_SPEC_UNBOUNDED;
    return (lin_spec){sizeof(pq_state) + room * sizeof(pq_entry), capacity, NULL, pq_step};
}
