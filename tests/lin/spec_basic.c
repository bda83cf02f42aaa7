/* SPDX-License-Identifier: MIT
 *
 * spec_basic.c: registers, places and transactions, see specs.h.
 */
#include <string.h>

#include "lin/specs.h"

/* ---- registers ------------------------------------------------------------------------------- */

static bool register_cas(uint64_t *word, const lin_op *op)
{
    bool equal = *word == op->arg2;
    if (!lin_is_pending(op) && op->status != (equal ? THETIS_OK : THETIS_MISMATCH)) return false;
    if (equal) *word = op->arg;
    return true;
}

static bool register_step(const lin_spec *spec, void *state, const lin_op *op)
{
    uint64_t *word = (uint64_t *)state + op->key;
    if (op->key >= spec->param) return false;
    switch (op->kind) {
    case LIN_READ:
        return lin_is_pending(op) || op->result == *word;
    case LIN_WRITE:
        *word = op->arg;
        return true;
    case LIN_ADD:
        if (!lin_is_pending(op) && op->result != *word) return false;
        *word += op->arg;
        return true;
    case LIN_CAS:
        return register_cas(word, op);
    default:
        return false;
    }
}

lin_spec lin_spec_register(size_t registers)
{
    return (lin_spec){registers * sizeof(uint64_t), registers, NULL, register_step};
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool slots_step(const lin_spec *spec, void *state, const lin_op *op)
{
    uint64_t *held = state;
    uint64_t place = op->kind == LIN_JOIN ? op->result : op->arg;
    if (op->kind == LIN_JOIN && (lin_is_pending(op) || op->status == THETIS_ENOSLOT)) return true;
    if (place >= spec->param) return false;
    uint64_t bit = UINT64_C(1) << place;
    bool join = op->kind == LIN_JOIN && op->status == THETIS_OK;
    bool fits = join ? !(*held & bit) : op->kind == LIN_LEAVE && (*held & bit);
    *held ^= bit;
    return fits;
}

lin_spec lin_spec_slots(size_t places)
{
    return (lin_spec){sizeof(uint64_t), places, NULL, slots_step};
}

/* ---- transactions ---------------------------------------------------------------------------- */

static bool txn_step(const lin_spec *spec, void *state, const lin_op *op)
{
    uint64_t view[LIN_SPEC_KEYS];
    size_t size = spec->state_size;
    if (op->kind != LIN_TXN) return false;
    memcpy(view, state, size);
    for (unsigned i = 0; i < op->n_items; i++) {
        const lin_item *item = &op->items[i];
        if (item->key >= spec->param) return false;
        if (item->write) {
            view[item->key] = item->value;
        } else if (view[item->key] != item->value) {
            return false;
        }
    }
    if (lin_is_pending(op) || op->status == THETIS_OK) memcpy(state, view, size);
    return true;
}

lin_spec lin_spec_txn(size_t keys)
{
    if (keys > LIN_SPEC_KEYS) keys = LIN_SPEC_KEYS;
    return (lin_spec){keys * sizeof(uint64_t), keys, NULL, txn_step};
}
