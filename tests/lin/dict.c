/* SPDX-License-Identifier: MIT
 *
 * dict.c: the monitors of maps and ordered dicts, see dict.h.
 *
 * Operations are sorted by key; each key's are searched for themselves. For scans, each key gets
 * two lists: for each value, when it may have been there; and when the key must have been there.
 * A scan then needs a moment that suits all its keys.
 */
#include "lin/dict.h"

#include <stdlib.h>

#include "lin/events.h"
#include "lin/fault.h"
#include "lin/specs.h"

/* A value of a key: both ends belong to its time. */
typedef struct shown {
    uint64_t value;
    uint64_t from;
    uint64_t to;
} shown;

/* The key is there; the ends do not belong to the time. */
typedef struct present {
    uint64_t from;
    uint64_t to;
} present;

/* A key: its operations are sorted[first .. end - 1]; its lists begin at `first`, too. */
typedef struct dict_key {
    uint64_t key;
    size_t first;
    size_t end;
    size_t n_shown;   /* by value */
    size_t n_present; /* by time, apart */
} dict_key;

typedef struct dict {
    const lin_op *ops;
    size_t n;
    lin_event *sorted; /* by key; twice n */
    size_t n_sorted;
    dict_key *keys;
    size_t n_keys;
    lin_op *group; /* one key's operations */
    lin_event *events;
    uint64_t *best; /* of a list's rest */
    shown *shown;
    present *present;
} dict;

static bool dict_init(dict *d, const lin_history *h)
{
    size_t room = h->n + 1;
    *d = (dict){.ops = h->ops, .n = h->n};
    d->sorted = malloc(2 * room * sizeof *d->sorted);
    d->keys = malloc(room * sizeof *d->keys);
    d->group = malloc(room * sizeof *d->group);
    d->events = malloc(2 * room * sizeof *d->events);
    d->best = malloc(room * sizeof *d->best);
    d->shown = malloc(room * sizeof *d->shown);
    d->present = malloc(room * sizeof *d->present);
    return d->sorted && d->keys && d->group && d->events && d->best && d->shown && d->present;
}

static void dict_free(dict *d)
{
    free(d->sorted);
    free(d->keys);
    free(d->group);
    free(d->events);
    free(d->best);
    free(d->shown);
    free(d->present);
}

/* ---- each key for itself --------------------------------------------------------------------- */

static bool dict_is_point(const lin_op *op)
{
    return op->kind == LIN_FIND || op->kind == LIN_INSERT || op->kind == LIN_PUT ||
           op->kind == LIN_REPLACE || op->kind == LIN_CAS || op->kind == LIN_ERASE;
}

static void dict_sort(dict *d)
{
    for (size_t i = 0; i < d->n; i++) {
        uint64_t key = d->ops[i].key;
        if (lin_planted == LIN_FAULT_MAP_SPLIT) key /= 2;
        if (dict_is_point(&d->ops[i])) d->sorted[d->n_sorted++] = (lin_event){key, 0, (uint32_t)i};
    }
    lin_events_sort(d->sorted, d->sorted + d->n, d->n_sorted);
    for (size_t i = 0; i < d->n_sorted; i++) {
        dict_key *last = d->n_keys ? &d->keys[d->n_keys - 1] : NULL;
        if (last && last->key == d->sorted[i].time) {
            last->end++;
        } else {
            d->keys[d->n_keys++] = (dict_key){d->sorted[i].time, i, i + 1, 0, 0};
        }
    }
}

/* Operation `i` of a key. */
static const lin_op *dict_op(const dict *d, const dict_key *k, size_t i)
{
    return &d->ops[d->sorted[k->first + i].id];
}

static lin_verdict dict_check_keys(dict *d, lin_wgl *w)
{
    lin_spec spec = lin_spec_map(1);
    lin_verdict verdict = LIN_YES;
    for (size_t i = 0; verdict == LIN_YES && i < d->n_keys; i++) {
        lin_history h = {d->group, d->keys[i].end - d->keys[i].first};
        for (size_t k = 0; k < h.n; k++) {
            d->group[k] = *dict_op(d, &d->keys[i], k);
            d->group[k].key = 0;
        }
        verdict = lin_wgl_check(w, &h, &spec);
    }
    return verdict;
}

/* ---- when a value may have been there -------------------------------------------------------- */

static bool dict_writes(const lin_op *op)
{
    return op->kind != LIN_FIND && op->kind != LIN_ERASE &&
           (lin_is_pending(op) || op->status == THETIS_OK);
}

static bool dict_replaces(const lin_op *op)
{
    return op->kind != LIN_FIND && !lin_is_pending(op) && op->status == THETIS_OK;
}

static bool dict_removes(const lin_op *op)
{
    return op->kind == LIN_ERASE && (lin_is_pending(op) || op->status == THETIS_OK);
}

/* Collects those operations of a key that `which` wants, by call or by return, and for each one
 * the least return, or call, from it on to the last. */
static size_t dict_collect(dict *d, const dict_key *k, bool (*which)(const lin_op *), bool by_call)
{
    size_t n = 0;
    uint64_t best = LIN_PENDING;
    for (size_t i = 0; i < k->end - k->first; i++) {
        const lin_op *op = dict_op(d, k, i);
        if (which(op)) d->events[n++] = (lin_event){by_call ? op->call : op->ret, 0, (uint32_t)i};
    }
    lin_events_sort(d->events, d->events + n, n);
    for (size_t i = n; i-- > 0;) {
        const lin_op *op = dict_op(d, k, d->events[i].id);
        uint64_t other = by_call ? op->ret : op->call;
        d->best[i] = best = other < best ? other : best;
    }
    return n;
}

/* The best of those of `n` collected operations whose time is at least `t`. */
static uint64_t dict_best_from(const dict *d, size_t n, uint64_t t)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->events[middle].time < t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n ? d->best[low] : LIN_PENDING;
}

static int shown_compare(const void *a, const void *b)
{
    uint64_t x = ((const shown *)a)->value, y = ((const shown *)b)->value;
    return (x > y) - (x < y);
}

/* A value is there from the call that wrote it to, at most, the first return of another one called
 * after that had returned. */
static void dict_list_shown(dict *d, dict_key *k)
{
    size_t n = dict_collect(d, k, dict_replaces, true);
    for (size_t i = 0; i < k->end - k->first; i++) {
        const lin_op *op = dict_op(d, k, i);
        if (!dict_writes(op)) continue;
        uint64_t to = lin_is_pending(op) ? LIN_PENDING : dict_best_from(d, n, op->ret + 1);
        d->shown[k->first + k->n_shown++] = (shown){op->arg, op->call, to};
    }
    qsort(d->shown + k->first, k->n_shown, sizeof *d->shown, shown_compare);
}

/* After a write has returned the key is there until the first call of an erase that may have come
 * after the write. */
static void dict_list_present(dict *d, dict_key *k)
{
    size_t n = dict_collect(d, k, dict_removes, false), writes = 0;
    present *list = d->present + k->first;
    for (size_t i = 0; i < k->end - k->first; i++) {
        const lin_op *op = dict_op(d, k, i);
        present p = {op->ret, dict_best_from(d, n, op->call)};
        if (dict_writes(op) && p.from < p.to) list[writes++] = p;
    }
    for (size_t i = 0; i < writes; i++) d->events[i] = (lin_event){list[i].from, 0, (uint32_t)i};
    lin_events_sort(d->events, d->events + writes, writes);
    for (size_t i = 0; i < writes; i++) d->best[i] = list[d->events[i].id].to;
    for (size_t i = 0; i < writes; i++) {
        present p = {d->events[i].time, d->best[i]};
        present *last = k->n_present ? &list[k->n_present - 1] : NULL;
        if (last && p.from < last->to) {
            if (p.to > last->to) last->to = p.to;
        } else {
            list[k->n_present++] = p;
        }
    }
}

/* ---- scans ----------------------------------------------------------------------------------- */

static const shown *dict_find_shown(const dict *d, const dict_key *k, uint64_t value)
{
    shown want = {.value = value};
    return bsearch(&want, d->shown + k->first, k->n_shown, sizeof want, shown_compare);
}

/* The first moment from `t` on at which the key may have been absent. */
static uint64_t dict_absent_from(const dict *d, const dict_key *k, uint64_t t)
{
    const present *list = d->present + k->first;
    size_t low = 0, high = k->n_present;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].from < t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low && list[low - 1].to > t ? list[low - 1].to : t;
}

/* The first key from `key` on. */
static size_t dict_key_from(const dict *d, uint64_t key)
{
    size_t low = 0, high = d->n_keys;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->keys[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Narrows [*from, *to] to when all that the scan shows may have been there. */
static bool scan_narrow(const dict *d, const lin_op *scan, uint64_t *from, uint64_t *to)
{
    uint64_t least = scan->key;
    for (unsigned i = 0; i < scan->n_items; i++) {
        const lin_item *item = &scan->items[i];
        size_t k = dict_key_from(d, item->key);
        if (item->key < least || item->key > scan->arg) return false;
        if (k == d->n_keys || d->keys[k].key != item->key) return false;
        least = item->key + 1;
        const shown *s = dict_find_shown(d, &d->keys[k], item->value);
        if (!s) return false;
        if (*from < s->from) *from = s->from;
        if (*to > s->to) *to = s->to;
    }
    return *from <= *to;
}

/* The first moment from `t` on at which one key after the other that the scan does not show may
 * have been absent; all of them if it is `t` itself. */
static uint64_t scan_all_absent(const dict *d, const lin_op *scan, uint64_t t)
{
    unsigned i = 0;
    if (lin_planted == LIN_FAULT_DICT_SCAN) return t;
    for (size_t k = dict_key_from(d, scan->key); k < d->n_keys; k++) {
        uint64_t key = d->keys[k].key;
        if (key > scan->arg) break;
        if (i < scan->n_items && scan->items[i].key == key) {
            i++;
        } else {
            t = dict_absent_from(d, &d->keys[k], t);
        }
    }
    return t;
}

static bool dict_check_scan(const dict *d, const lin_op *scan)
{
    uint64_t from = scan->call, to = scan->ret;
    if (lin_is_pending(scan)) return true;
    if (!scan_narrow(d, scan, &from, &to)) return false;
    while (from <= to) {
        uint64_t t = scan_all_absent(d, scan, from);
        if (t == from) return true;
        from = t;
    }
    return false;
}

static bool dict_check_scans(dict *d)
{
    for (size_t i = 0; i < d->n_keys; i++) {
        dict_list_shown(d, &d->keys[i]);
        dict_list_present(d, &d->keys[i]);
    }
    for (size_t i = 0; i < d->n; i++) {
        if (d->ops[i].kind == LIN_SCAN && !dict_check_scan(d, &d->ops[i])) return false;
    }
    return true;
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static lin_verdict dict_check(lin_wgl *w, const lin_history *h, bool scans)
{
    dict d;
    lin_verdict verdict = LIN_UNKNOWN;
    if (lin_history_fault(h) || h->n > UINT32_MAX) return LIN_UNKNOWN;
    for (size_t i = 0; i < h->n; i++) {
        bool scan = scans && h->ops[i].kind == LIN_SCAN;
        if (!scan && !dict_is_point(&h->ops[i])) return LIN_UNKNOWN;
    }
    if (dict_init(&d, h)) {
        dict_sort(&d);
        verdict = dict_check_keys(&d, w);
        if (verdict == LIN_YES && scans && !dict_check_scans(&d)) verdict = LIN_NO;
    }
    dict_free(&d);
    return verdict;
}

lin_verdict lin_map_check(lin_wgl *w, const lin_history *h)
{
    return dict_check(w, h, false);
}

lin_verdict lin_dict_check(lin_wgl *w, const lin_history *h)
{
    return dict_check(w, h, true);
}
