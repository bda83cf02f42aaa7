/* SPDX-License-Identifier: MIT
 *
 * wgl.c: the search for a linearization, see wgl.h.
 *
 * A configuration is a pair that the search has visited: how far each thread has come, and the
 * state. All of them stand one after the other in one block; a hash table holds their numbers
 * plus 1, so that an empty slot is not a configuration.
 */
#include "lin/wgl.h"

#include <stdlib.h>
#include <string.h>

#include "lin/fault.h"

enum { FIRST_SLOTS = 256, NOBODY = -1 };

typedef struct config {
    uint64_t hash;
    int64_t parent; /* the configuration it was reached from, NOBODY for the first */
    int64_t next;   /* in the list of those still to be expanded */
    uint32_t last;  /* the operation that led here */
    uint32_t done;  /* operations that have taken effect */
    uint64_t body[];  /* a position of each thread, then the state */
} config;

struct lin_wgl {
    size_t limit;
    unsigned char *configs;
    size_t room; /* bytes of it */
    size_t stride;
    size_t n;
    uint32_t *table;
    size_t slots; /* of the table; a power of two, at least twice n */
    size_t table_room;
    int64_t todo;
    int64_t best; /* the configuration with the most operations done */
    /* the history, by thread: its operations are order[first[t]] .. order[first[t + 1] - 1] */
    uint32_t *order;
    size_t order_room;
    uint32_t first[LIN_THREADS + 1];
    unsigned threads;
    size_t body_words;
};

lin_wgl *lin_wgl_create(size_t limit)
{
    lin_wgl *w = calloc(1, sizeof *w);
    if (w) w->limit = limit;
    return w;
}

void lin_wgl_destroy(lin_wgl *w)
{
    if (!w) return;
    free(w->configs);
    free(w->table);
    free(w->order);
    free(w);
}

size_t lin_wgl_visited(const lin_wgl *w)
{
    return w->n;
}

static config *config_at(const lin_wgl *w, int64_t i)
{
    return (config *)(void *)(w->configs + (size_t)i * w->stride);
}

/* ---- the history by thread ------------------------------------------------------------------- */

static bool wgl_sort(lin_wgl *w, const lin_history *h)
{
    uint32_t at[LIN_THREADS] = {0};
    if (w->order_room < h->n) {
        uint32_t *order = realloc(w->order, h->n * sizeof *order);
        if (!order) return false;
        w->order = order;
        w->order_room = h->n;
    }
    memset(w->first, 0, sizeof w->first);
    w->threads = 0;
    for (size_t i = 0; i < h->n; i++) {
        unsigned thread = h->ops[i].thread;
        w->first[thread + 1]++;
        if (thread >= w->threads) w->threads = thread + 1;
    }
    for (unsigned t = 0; t < LIN_THREADS; t++) {
        w->first[t + 1] += w->first[t];
        at[t] = w->first[t];
    }
    for (size_t i = 0; i < h->n; i++) w->order[at[h->ops[i].thread]++] = (uint32_t)i;
    return true;
}

/* The operation of thread `t` that comes next in configuration `c`, or NULL. */
static const lin_op *wgl_next(const lin_wgl *w, const lin_history *h, const config *c, unsigned t)
{
    uint32_t at = w->first[t] + (uint32_t)c->body[t];
    return at < w->first[t + 1] ? &h->ops[w->order[at]] : NULL;
}

/* ---- configurations -------------------------------------------------------------------------- */

static uint64_t config_hash(const lin_wgl *w, const config *c)
{
    size_t words = lin_planted == LIN_FAULT_WGL_MEMO ? w->threads : w->body_words;
    uint64_t h = 0;
    for (size_t i = 0; i < words; i++) {
        h = (h ^ c->body[i]) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    return h;
}

static bool config_equal(const lin_wgl *w, const config *a, const config *b)
{
    size_t words = lin_planted == LIN_FAULT_WGL_MEMO ? w->threads : w->body_words;
    return a->hash == b->hash && memcmp(a->body, b->body, words * sizeof a->body[0]) == 0;
}

/* The slot where `c` is, or where it belongs. */
static uint32_t *wgl_slot(lin_wgl *w, const config *c)
{
    size_t i = (size_t)c->hash & (w->slots - 1);
    while (w->table[i] && !config_equal(w, config_at(w, w->table[i] - 1), c)) {
        i = (i + 1) & (w->slots - 1);
    }
    return &w->table[i];
}

/* An empty table of `slots`, with all configurations put back. */
static bool wgl_rehash(lin_wgl *w, size_t slots)
{
    if (w->table_room < slots) {
        uint32_t *table = realloc(w->table, slots * sizeof *table);
        if (!table) return false;
        w->table = table;
        w->table_room = slots;
    }
    w->slots = slots;
    memset(w->table, 0, slots * sizeof *w->table);
    for (size_t i = 0; i < w->n; i++) {
        *wgl_slot(w, config_at(w, (int64_t)i)) = (uint32_t)i + 1;
    }
    return true;
}

/* Room for one more configuration behind the last, within the limit. */
static bool wgl_reserve(lin_wgl *w)
{
    size_t need = (w->n + 1) * w->stride;
    if (w->n >= w->limit) return false;
    if (need > w->room) {
        unsigned char *configs = realloc(w->configs, need * 2);
        if (!configs) return false;
        w->configs = configs;
        w->room = need * 2;
    }
    return 2 * (w->n + 1) <= w->slots || wgl_rehash(w, w->slots * 2);
}

/* Keeps the configuration that has been built behind the last, if it is a new one. */
static void wgl_keep(lin_wgl *w)
{
    config *c = config_at(w, (int64_t)w->n);
    c->hash = config_hash(w, c);
    uint32_t *slot = wgl_slot(w, c);
    if (*slot) return;
    c->next = w->todo;
    w->todo = (int64_t)w->n;
    if (c->done > config_at(w, w->best)->done) w->best = w->todo;
    *slot = (uint32_t)++w->n;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* The first configuration. */
static bool wgl_begin(lin_wgl *w, const lin_history *h, const lin_spec *spec)
{
    w->n = 0;
    w->todo = NOBODY;
    w->best = 0;
    if (!wgl_sort(w, h)) return false;
    w->body_words = w->threads + spec->state_size / sizeof(uint64_t);
    w->stride = sizeof(config) + w->body_words * sizeof(uint64_t);
    if (!wgl_rehash(w, FIRST_SLOTS) || !wgl_reserve(w)) return false;
    config *c = config_at(w, 0);
    memset(c, 0, w->stride);
    c->parent = NOBODY;
    if (spec->init) spec->init(spec, c->body + w->threads);
    wgl_keep(w);
    return true;
}

/* The moment by which some operation must have taken effect; LIN_PENDING: none has to. */
static uint64_t wgl_deadline(const lin_wgl *w, const lin_history *h, const config *c)
{
    uint64_t deadline = LIN_PENDING;
    for (unsigned t = 0; t < w->threads; t++) {
        const lin_op *op = wgl_next(w, h, c, t);
        if (op && op->ret < deadline) deadline = op->ret;
        if (op && lin_planted == LIN_FAULT_WGL_PENDING && lin_is_pending(op)) deadline--;
    }
    return deadline;
}

/* Lets the next operation of thread `t` take effect after configuration `from`, if it can. */
static void wgl_try(lin_wgl *w, const lin_spec *spec, int64_t from, unsigned t, const lin_op *op,
                    size_t op_index)
{
    config *c = config_at(w, (int64_t)w->n);
    memcpy(c, config_at(w, from), w->stride);
    if (!spec->step(spec, c->body + w->threads, op)) return;
    c->parent = from;
    c->last = (uint32_t)op_index;
    c->done++;
    c->body[t]++;
    wgl_keep(w);
}

/* Visits all that follows from `from`. */
static lin_verdict wgl_expand(lin_wgl *w, const lin_history *h, const lin_spec *spec, int64_t from)
{
    uint64_t deadline = wgl_deadline(w, h, config_at(w, from));
    if (deadline == LIN_PENDING) return LIN_YES;
    if (lin_planted == LIN_FAULT_WGL_ORDER) deadline += 3;
    for (unsigned t = 0; t < w->threads; t++) {
        if (!wgl_reserve(w)) return LIN_UNKNOWN;
        const lin_op *op = wgl_next(w, h, config_at(w, from), t);
        if (op && op->call <= deadline) wgl_try(w, spec, from, t, op, (size_t)(op - h->ops));
    }
    return LIN_NO;
}

lin_verdict lin_wgl_check(lin_wgl *w, const lin_history *h, const lin_spec *spec)
{
    if (lin_history_fault(h) || h->n > UINT32_MAX) return LIN_UNKNOWN;
    if (!wgl_begin(w, h, spec)) return LIN_UNKNOWN;
    while (w->todo != NOBODY) {
        int64_t from = w->todo;
        w->todo = config_at(w, from)->next;
        lin_verdict verdict = wgl_expand(w, h, spec, from);
        if (verdict != LIN_NO) return verdict;
    }
    return LIN_NO;
}

/* ---- explaining ------------------------------------------------------------------------------ */

/* The operations that led to configuration `i`, the first one first. */
static void wgl_print_path(const lin_wgl *w, FILE *out, const lin_history *h, int64_t i)
{
    uint32_t n = config_at(w, i)->done;
    uint32_t *path = calloc((size_t)n + 1, sizeof *path);
    if (!path) return;
    for (uint32_t k = n; k > 0; k--) {
        path[k - 1] = config_at(w, i)->last;
        i = config_at(w, i)->parent;
    }
    for (uint32_t k = 0; k < n; k++) lin_op_print(out, &h->ops[path[k]]);
    free(path);
}

void lin_wgl_explain(const lin_wgl *w, FILE *out, const lin_history *h)
{
    if (w->n == 0) return;
    const config *best = config_at(w, w->best);
    fprintf(out, "these %u of %zu operations can take effect, in this order:\n", best->done, h->n);
    wgl_print_path(w, out, h, w->best);
    fprintf(out, "then one of these would have to:\n");
    for (unsigned t = 0; t < w->threads; t++) {
        const lin_op *op = wgl_next(w, h, best, t);
        if (op) lin_op_print(out, op);
    }
}
