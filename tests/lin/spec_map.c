/* SPDX-License-Identifier: MIT
 *
 * spec_map.c: keys with a value each, in order, see specs.h.
 */
#include "lin/specs.h"

typedef struct map_state {
    uint64_t there;    /* bit k: key k is there */
    uint64_t values[]; /* 0 where it is not */
} map_state;

static void map_set(map_state *m, uint64_t key, uint64_t value)
{
    m->there |= UINT64_C(1) << key;
    m->values[key] = value;
}

static void map_unset(map_state *m, uint64_t key)
{
    m->there &= ~(UINT64_C(1) << key);
    m->values[key] = 0;
}

/* What an operation on a key answers in this state. */
static thetis_status map_answer(const map_state *m, const lin_op *op, bool there)
{
    switch (op->kind) {
    case LIN_PUT:
        return THETIS_OK;
    case LIN_INSERT:
        return there ? THETIS_EXISTS : THETIS_OK;
    case LIN_CAS:
        if (there && m->values[op->key] != op->arg2) return THETIS_MISMATCH;
        return there ? THETIS_OK : THETIS_ABSENT;
    default:
        return there ? THETIS_OK : THETIS_ABSENT;
    }
}

static bool map_point(map_state *m, const lin_op *op)
{
    bool there = (m->there >> op->key & 1) != 0;
    thetis_status answer = map_answer(m, op, there);
    if (!lin_is_pending(op)) {
        if (answer != op->status) return false;
        if (op->kind == LIN_FIND && there && m->values[op->key] != op->result) return false;
    }
    if (answer != THETIS_OK || op->kind == LIN_FIND) return true;
    if (op->kind == LIN_ERASE) {
        map_unset(m, op->key);
    } else {
        map_set(m, op->key, op->arg);
    }
    return true;
}

static bool map_scan(const lin_spec *spec, const map_state *m, const lin_op *op)
{
    unsigned i = 0;
    if (lin_is_pending(op)) return true;
    for (uint64_t key = op->key; key < spec->param && key <= op->arg; key++) {
        if (!(m->there >> key & 1)) continue;
        if (i == op->n_items || op->items[i].key != key) return false;
        if (op->items[i++].value != m->values[key]) return false;
    }
    return i == op->n_items;
}

static bool map_step(const lin_spec *spec, void *state, const lin_op *op)
{
    switch (op->kind) {
    case LIN_SCAN:
        return map_scan(spec, state, op);
    case LIN_FIND:
    case LIN_INSERT:
    case LIN_PUT:
    case LIN_REPLACE:
    case LIN_CAS:
    case LIN_ERASE:
        return op->key < spec->param && map_point(state, op);
    default:
        return false;
    }
}

lin_spec lin_spec_map(size_t keys)
{
    if (keys > LIN_SPEC_KEYS) keys = LIN_SPEC_KEYS;
    return (lin_spec){(1 + keys) * sizeof(uint64_t), keys, NULL, map_step};
}
