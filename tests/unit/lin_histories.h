/* SPDX-License-Identifier: MIT
 *
 * lin_histories.h: histories for tests of the monitors, written by hand or random.
 *
 * Random ones: a few threads work on a sequential model: each operation is called, takes effect
 * and returns at random moments. That is linearizable by construction; half of the histories are
 * then spoilt in one to four places, which makes many of them wrong.
 */
#ifndef UNIT_LIN_HISTORIES_H
#define UNIT_LIN_HISTORIES_H

#include <stdio.h>

#include "harness/test.h"
#include "lin/fault.h"
#include "lin/history.h"

/* ---- by hand --------------------------------------------------------------------------------- */

/* OP(thread, KIND, call, ret, .field = value, ...); the empty last argument gives OP_ the "..."
 * that ISO C wants. */
#define OP(...) OP_(__VA_ARGS__, )
#define OP_(t, k, from, to, ...)                                                                \
    {                                                                                           \
        .thread = t, .kind = LIN_##k, .call = from, .ret = to, __VA_ARGS__                      \
    }

/* A pointer to a history of these operations, for the rest of the block. */
#define HISTORY(...)                                                                            \
    &(lin_history)                                                                              \
    {                                                                                           \
        (lin_op[]){__VA_ARGS__}, sizeof((lin_op[]){__VA_ARGS__}) / sizeof(lin_op)               \
    }

/* ---- random ---------------------------------------------------------------------------------- */

enum { RANDOM_OPS = 24, RANDOM_ITEMS = 8, RANDOM_TICK = 4 };

typedef struct lin_random {
    uint64_t rng;
    unsigned threads; /* 1 .. LIN_THREADS */
    unsigned n;       /* operations, at most RANDOM_OPS */
    bool may_pend;    /* some threads stop inside an operation */
    bool spoil;       /* half of the histories */
    void (*choose)(struct lin_random *r, lin_op *op); /* kind and arguments */
    void (*apply)(struct lin_random *r, lin_op *op);  /* takes effect: the results */
    void (*damage)(struct lin_random *r, lin_op *op); /* changes its results; may be NULL */
    void *model;
    /* the outcome */
    bool spoilt;
    uint64_t now;
    lin_op ops[RANDOM_OPS];
    lin_item items[RANDOM_OPS][RANDOM_ITEMS];
} lin_random;

static inline uint64_t random_below(lin_random *r, uint64_t n)
{
    return test_rand(&r->rng) % n;
}

/* The items of an operation of this history. */
static inline lin_item *random_items(lin_random *r, const lin_op *op)
{
    return r->items[op - r->ops];
}

/* What a thread does next. */
typedef struct random_thread {
    lin_op *op; /* NULL: idle */
    bool effective;
} random_thread;

static inline void random_call(lin_random *r, random_thread *t, unsigned thread, unsigned i)
{
    t->op = &r->ops[i];
    t->effective = false;
    *t->op = (lin_op){.thread = (uint16_t)thread, .ret = LIN_PENDING, .call = r->now};
    r->choose(r, t->op);
}

static inline void random_finish(lin_random *r, random_thread *t)
{
    if (!t->effective) {
        t->effective = true;
        r->apply(r, t->op);
    } else {
        t->op->ret = r->now;
        t->op = NULL;
    }
}

/* What is known of an operation that never returned. */
static inline void random_forget(lin_op *op)
{
    op->result = 0;
    op->status = THETIS_OK;
    if (op->kind == LIN_SCAN || op->kind == LIN_POP_N) op->n_items = 0;
    if (op->kind == LIN_POP) op->key = 0;
}

static inline void random_run(lin_random *r)
{
    random_thread threads[LIN_THREADS] = {{NULL, false}};
    unsigned busy = 0;
    for (unsigned i = 0; i < r->n || busy > 0;) {
        unsigned t = (unsigned)random_below(r, r->threads);
        r->now += RANDOM_TICK;
        if (threads[t].op) {
            random_finish(r, &threads[t]);
            busy -= !threads[t].op;
        } else if (i < r->n) {
            random_call(r, &threads[t], t, i++);
            busy++;
        } else if (r->may_pend && random_below(r, 3) == 0) {
            break;
        }
    }
    for (unsigned t = 0; t < r->threads; t++) {
        if (threads[t].op) random_forget(threads[t].op);
    }
}

/* The results of two operations change places. */
static inline void random_swap(lin_random *r)
{
    lin_op *a = &r->ops[random_below(r, r->n)], *b = &r->ops[random_below(r, r->n)];
    if (a->kind != b->kind || lin_is_pending(a) || lin_is_pending(b)) return;
    lin_op was = *a;
    a->result = b->result, a->status = b->status;
    b->result = was.result, b->status = was.status;
    if (a->kind == LIN_POP) a->key = b->key, b->key = was.key;
    if (a->kind == LIN_SCAN) return;
    a->items = b->items, a->n_items = b->n_items;
    b->items = was.items, b->n_items = was.n_items;
}

static inline void random_spoil(lin_random *r)
{
    lin_op *op = &r->ops[random_below(r, r->n)];
    uint64_t way = random_below(r, 4);
    if (lin_is_pending(op)) return;
    if (way == 0) {
        op->ret = op->call + 1;
    } else if (way == 1) {
        op->call = op->ret - 1;
    } else if (way == 2 || !r->damage) {
        random_swap(r);
    } else {
        r->damage(r, op);
    }
}

/* A new history. The model must be in its first state. */
static inline lin_history random_history(lin_random *r)
{
    r->now = 0;
    random_run(r);
    r->spoilt = r->spoil && random_below(r, 2);
    for (uint64_t k = 1 + random_below(r, 4); r->spoilt && k > 0; k--) random_spoil(r);
    return (lin_history){r->ops, r->n};
}

/* Places operation `i` of a large history: it takes effect after those before it, and overlaps with
 * the two on either side, which are of other threads. */
static inline void random_place(lin_op *op, size_t i)
{
    op->thread = (uint16_t)(i % 5);
    op->call = 10 * i;
    op->ret = 10 * i + 45;
}

/* ---- comparing two monitors ------------------------------------------------------------------ */

typedef struct random_tally {
    size_t yes; /* of the exact one */
    size_t no;
    size_t missed; /* the exact one says NO, the other YES */
    size_t false_alarms;
    size_t unknown;
} random_tally;

/* What was not spoilt is linearizable, or the model and the specification differ. */
static inline void random_count(random_tally *tally, const lin_random *r, lin_verdict exact,
                                lin_verdict other)
{
    if (!r->spoilt && lin_planted == LIN_FAULT_NONE) CHECK_EQ(exact, LIN_YES);
    tally->yes += exact == LIN_YES;
    tally->no += exact == LIN_NO;
    tally->missed += exact == LIN_NO && other == LIN_YES;
    tally->false_alarms += exact == LIN_YES && other == LIN_NO;
    tally->unknown += exact == LIN_UNKNOWN || other == LIN_UNKNOWN;
}

static inline void random_print(const random_tally *tally)
{
    fprintf(stderr, "# %zu linearizable, %zu not; %zu missed, %zu false alarms, %zu unknown\n",
            tally->yes, tally->no, tally->missed, tally->false_alarms, tally->unknown);
}

/* Both classes must have been there, and every history have been judged. */
static inline void random_check_mix(const random_tally *tally)
{
    size_t n = tally->yes + tally->no;
    CHECK_EQ(tally->unknown, 0);
    if (n < 1000) return; /* scaled down: too few to speak of shares */
    CHECK(tally->yes > n / 10);
    CHECK(tally->no > n / 10);
}

#endif
