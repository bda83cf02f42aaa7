/* SPDX-License-Identifier: MIT
 *
 * opacity.c: the monitor of transactional memory, see opacity.h.
 *
 * Nodes are transactions, plus one per return (a line of time, which keeps real time to a few
 * edges per transaction) and one per value that somebody may have read before it was replaced.
 * Edges say who comes before whom. A cycle is a proof that there is no order; if the order of each
 * key's values is known, no cycle is a proof that there is one.
 */
#include "lin/opacity.h"

#include <stdlib.h>

#include "lin/events.h"
#include "lin/fault.h"
#include "lin/graph.h"

#define NOBODY UINT32_MAX

/* A value that a transaction leaves in a key, or the key's first value. */
typedef struct version {
    uint64_t key;
    uint64_t value;
    uint32_t writer; /* NOBODY: the first value */
    uint32_t next;   /* who read and replaced it, NOBODY: unknown */
    bool read;       /* by another transaction */
} version;

typedef struct opacity {
    const lin_op *ops;
    size_t n;
    version *versions;
    size_t n_versions;
    uint32_t *table; /* version numbers plus 1 */
    size_t mask;
    lin_event *events; /* 2 n, twice */
    lin_graph graph;
} opacity;

static bool opacity_init(opacity *o, const lin_history *h)
{
    size_t items = 0, slots = 4;
    *o = (opacity){.ops = h->ops, .n = h->n};
    for (size_t i = 0; i < o->n; i++) items += o->ops[i].n_items;
    while (slots < 4 * items) slots *= 2;
    o->mask = slots - 1;
    o->versions = malloc((2 * items + 1) * sizeof *o->versions);
    o->table = calloc(slots, sizeof *o->table);
    o->events = malloc((4 * o->n + 1) * sizeof *o->events);
    return o->versions && o->table && o->events && slots < NOBODY / 4;
}

static void opacity_free(opacity *o)
{
    free(o->versions);
    free(o->table);
    free(o->events);
    lin_graph_free(&o->graph);
}

/* ---- one transaction ------------------------------------------------------------------------- */

/* The last access to the key of item `i` before it, NULL if it is the first. */
static const lin_item *earlier_access(const lin_op *op, unsigned i)
{
    for (unsigned k = i; k-- > 0;) {
        if (op->items[k].key == op->items[i].key) return &op->items[k];
    }
    return NULL;
}

/* Whether item `i` shows what others have left in the key. */
static bool reads_others(const lin_op *op, unsigned i)
{
    return !op->items[i].write && !earlier_access(op, i);
}

/* Whether item `i` is what the transaction leaves in the key. */
static bool leaves_value(const lin_op *op, unsigned i)
{
    if (!op->items[i].write) return false;
    for (unsigned k = i + 1; k < op->n_items; k++) {
        if (op->items[k].write && op->items[k].key == op->items[i].key) return false;
    }
    return true;
}

/* Whether a key keeps its value within a transaction until that writes it. */
static bool agrees_with_itself(const lin_op *op)
{
    for (unsigned i = 0; i < op->n_items; i++) {
        const lin_item *before = earlier_access(op, i);
        if (!op->items[i].write && before && before->value != op->items[i].value) return false;
    }
    return true;
}

/* ---- versions -------------------------------------------------------------------------------- */

static uint32_t *opacity_slot(const opacity *o, const lin_item *item)
{
    uint64_t hash = (item->key * 31 + item->value) * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(hash >> 20) & o->mask;
    for (; o->table[i]; i = (i + 1) & o->mask) {
        const version *v = &o->versions[o->table[i] - 1];
        if (v->key == item->key && v->value == item->value) break;
    }
    return &o->table[i];
}

static version *opacity_find(const opacity *o, const lin_item *item)
{
    uint32_t slot = *opacity_slot(o, item);
    return slot ? &o->versions[slot - 1] : NULL;
}

static void opacity_add(opacity *o, const lin_item *item, uint32_t writer)
{
    *opacity_slot(o, item) = (uint32_t)o->n_versions + 1;
    o->versions[o->n_versions++] = (version){item->key, item->value, writer, NOBODY, false};
}

static bool has_committed(const lin_op *op)
{
    return !lin_is_pending(op) && op->status == THETIS_OK;
}

static bool opacity_is_committed(const opacity *o, const version *v)
{
    return v->writer != NOBODY && has_committed(&o->ops[v->writer]);
}

/* Adds what the committed (or else the pending) transactions leave. False: a value twice. Where
 * somebody who has committed left the same value, a pending transaction is not asked. */
static bool opacity_add_versions(opacity *o, bool pending)
{
    for (uint32_t t = 0; t < o->n; t++) {
        const lin_op *op = &o->ops[t];
        if (pending ? !lin_is_pending(op) : !has_committed(op)) continue;
        for (unsigned i = 0; i < op->n_items; i++) {
            if (!leaves_value(op, i)) continue;
            const version *other = opacity_find(o, &op->items[i]);
            if (!other) {
                opacity_add(o, &op->items[i], t);
            } else if (!pending || !opacity_is_committed(o, other)) {
                return false;
            }
        }
    }
    return true;
}

/* The keys' first values. */
static void opacity_add_zeroes(opacity *o)
{
    for (size_t t = 0; t < o->n; t++) {
        for (unsigned i = 0; i < o->ops[t].n_items; i++) {
            lin_item zero = {.key = o->ops[t].items[i].key};
            if (!opacity_find(o, &zero)) opacity_add(o, &zero, NOBODY);
        }
    }
}

/* A pending transaction counts as committed if and only if somebody has read from it. */
static bool opacity_counts(const opacity *o, uint32_t t)
{
    const lin_op *op = &o->ops[t];
    if (!lin_is_pending(op)) return op->status == THETIS_OK;
    for (unsigned i = 0; i < op->n_items; i++) {
        const version *v = leaves_value(op, i) ? opacity_find(o, &op->items[i]) : NULL;
        if (v && v->writer == t && v->read) return true;
    }
    return false;
}

static bool opacity_is_reader(const opacity *o, uint32_t t)
{
    return lin_planted != LIN_FAULT_OPACITY_ABORTED || opacity_counts(o, t);
}

/* Marks what was read by others than its writer. False: somebody read what nobody has left. */
static bool opacity_mark_reads(opacity *o)
{
    for (uint32_t t = 0; t < o->n; t++) {
        const lin_op *op = &o->ops[t];
        bool skip = lin_planted == LIN_FAULT_OPACITY_ABORTED && !has_committed(op);
        for (unsigned i = 0; !skip && i < op->n_items; i++) {
            if (!reads_others(op, i)) continue;
            version *v = opacity_find(o, &op->items[i]);
            if (!v || v->writer == t) return false;
            v->read = true;
        }
    }
    return true;
}

static bool writes_key(const lin_op *op, uint64_t key)
{
    for (unsigned i = 0; i < op->n_items; i++) {
        if (op->items[i].write && op->items[i].key == key) return true;
    }
    return false;
}

/* Finds who replaced what. False: two transactions have replaced the same value. */
static bool opacity_chain(opacity *o)
{
    for (uint32_t t = 0; t < o->n; t++) {
        const lin_op *op = &o->ops[t];
        if (!opacity_counts(o, t)) continue;
        for (unsigned i = 0; i < op->n_items; i++) {
            if (!reads_others(op, i) || !writes_key(op, op->items[i].key)) continue;
            version *v = opacity_find(o, &op->items[i]);
            if (v->next != NOBODY) return false;
            v->next = t;
        }
    }
    return true;
}

/* ---- edges ----------------------------------------------------------------------------------- */

/* Transactions are nodes 0 .. n - 1; then come the returns, then the versions. */
static size_t node_of_return(const opacity *o, size_t i)
{
    return o->n + i;
}

static size_t node_of_version(const opacity *o, const version *v)
{
    return 2 * o->n + (size_t)(v - o->versions);
}

/* Writer before reader; reader before who replaced the value; reader of a first value before all
 * who wrote the key. */
static void opacity_add_read(opacity *o, uint32_t t, const lin_item *item)
{
    const version *v = opacity_find(o, item);
    if (v->writer != NOBODY) lin_graph_add(&o->graph, v->writer, t);
    if (lin_planted == LIN_FAULT_OPACITY_ANTI) return;
    if (v->next != NOBODY && v->next != t) lin_graph_add(&o->graph, t, v->next);
    bool replaces = v->next == t;
    if (v->writer == NOBODY && !replaces) lin_graph_add(&o->graph, t, node_of_version(o, v));
}

/* Whoever left a value comes after all who have read the key's first one. */
static void opacity_add_write(opacity *o, uint32_t t, const lin_item *item)
{
    lin_item zero = {.key = item->key};
    const version *v = opacity_find(o, &zero);
    lin_graph_add(&o->graph, node_of_version(o, v), t);
    if (v->next != NOBODY && v->next != t) lin_graph_add(&o->graph, v->next, t);
}

static void opacity_add_accesses(opacity *o)
{
    for (uint32_t t = 0; t < o->n; t++) {
        const lin_op *op = &o->ops[t];
        bool reader = opacity_is_reader(o, t), counts = opacity_counts(o, t);
        for (unsigned i = 0; i < op->n_items; i++) {
            if (reader && reads_others(op, i)) opacity_add_read(o, t, &op->items[i]);
            if (counts && leaves_value(op, i)) opacity_add_write(o, t, &op->items[i]);
        }
    }
}

/* Each return before the next one, and before the calls after it. */
static void opacity_add_time(opacity *o)
{
    size_t n = 2 * o->n, returns = 0;
    for (size_t i = 0; i < n; i++) { /* calls first: those of one moment are concurrent */
        const lin_op *op = &o->ops[i % o->n];
        o->events[i] = (lin_event){i < o->n ? op->call : op->ret, i >= o->n, (uint32_t)(i % o->n)};
    }
    lin_events_sort(o->events, o->events + n, n);
    for (size_t i = 0; i < n; i++) {
        if (!o->events[i].what) {
            if (returns) lin_graph_add(&o->graph, node_of_return(o, returns - 1), o->events[i].id);
            continue;
        }
        if (returns) {
            lin_graph_add(&o->graph, node_of_return(o, returns - 1), node_of_return(o, returns));
        }
        lin_graph_add(&o->graph, o->events[i].id, node_of_return(o, returns++));
    }
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static lin_verdict opacity_judge(opacity *o)
{
    for (size_t t = 0; t < o->n; t++) {
        if (o->ops[t].kind != LIN_TXN) return LIN_UNKNOWN;
    }
    opacity_add_zeroes(o);
    if (!opacity_add_versions(o, false) || !opacity_add_versions(o, true)) return LIN_UNKNOWN;
    for (size_t t = 0; t < o->n; t++) {
        if (!agrees_with_itself(&o->ops[t])) return LIN_NO;
    }
    if (!opacity_mark_reads(o) || !opacity_chain(o)) return LIN_NO;
    opacity_add_accesses(o);
    if (lin_planted != LIN_FAULT_OPACITY_TIME) opacity_add_time(o);
    bool acyclic = lin_graph_is_acyclic(&o->graph, 2 * o->n + o->n_versions);
    if (o->graph.failed) return LIN_UNKNOWN;
    return acyclic ? LIN_YES : LIN_NO;
}

lin_verdict lin_opacity_check(const lin_history *h)
{
    opacity o;
    lin_verdict verdict = LIN_UNKNOWN;
    if (lin_history_fault(h)) return LIN_UNKNOWN;
    if (opacity_init(&o, h)) verdict = opacity_judge(&o);
    opacity_free(&o);
    return verdict;
}
