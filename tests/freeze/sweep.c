/* SPDX-License-Identifier: MIT
 *
 * sweep.c: which threads stop where, and what is demanded of the others: sweep.h.
 */
#include "sweep.h"

#include "harness/test.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SWEEP_OPS = 100,
    SWEEP_SETTLE_OPS = 3,
    SWEEP_LIMIT_MS = 10000, /* only ends what would hang */
    SWEEP_CONTROL_MS = 50,  /* where threads are expected to hang */
    SWEEP_SLEEP_MS = 10,    /* where they may */
    SWEEP_PATIENCE = 8,
    SWEEP_ROUNDS = 40
};

/* One subject under test, with one thread that is stopped. */
typedef struct trial {
    const sweep_subject *s;
    freezer f;
    unsigned victim;
    sweep_tally t;
} trial;

unsigned sweep_factor(void)
{
    const char *text = getenv("THETIS_FREEZE");
    int n = text ? atoi(text) : 1;
    return n > 0 ? (unsigned)n : 1;
}

/* Sleepers rest enough. */
static void start(const sweep_subject *s, freezer *f)
{
    freezer_start(f, FREEZER_NEVER);
    if (!s->busy) freezer_calm(f, ~s->sleepers);
}

/* ---- one thread stops ------------------------------------------------------------------------ */

static unsigned others_of(const trial *r)
{
    return ((1u << r->s->plan.threads) - 1) & ~(1u << r->victim);
}

/* The victim stands before instruction k: can all others go on? */
static void demand(trial *r, unsigned k)
{
    const sweep_subject *s = r->s;
    unsigned limit = s->sticks ? SWEEP_CONTROL_MS : SWEEP_LIMIT_MS;
    freezer_note(&r->f, s->name, r->victim, k);
    unsigned stuck = freezer_stuck(&r->f, others_of(r) & ~s->sleepers, SWEEP_OPS, limit);
    if (stuck && !s->sticks)
        FAIL("threads 0x%x (a set) did not complete %d operations", stuck, SWEEP_OPS);
    r->t.stops++;
    r->t.stuck += stuck != 0;
    if (freezer_stuck(&r->f, others_of(r) & s->sleepers, 1, SWEEP_SLEEP_MS)) r->t.asleep++;
}

/* The victim ends its operation. Then nobody stands still because of it, not even a sleeper; and
 * its next operation finds the structure as the others leave it. */
static void resume(trial *r)
{
    freezer_go(&r->f, r->victim);
    unsigned stuck = freezer_stuck(&r->f, others_of(r), SWEEP_SETTLE_OPS, SWEEP_LIMIT_MS);
    if (stuck) FAIL("threads 0x%x (a set) did not go on after thread %u", stuck, r->victim);
}

static void trial_start(trial *r)
{
    start(r->s, &r->f);
    freezer_hold(&r->f, r->victim);
}

/* Stops the victim's next operation before instruction k; false if it has no such instruction. */
static bool stop_once(trial *r, unsigned k)
{
    bool inside = true;
    freezer_enter(&r->f, r->victim);
    for (unsigned at = 0; inside && at < k; at++) inside = freezer_step(&r->f, r->victim);
    if (inside) demand(r, k);
    resume(r);
    return inside;
}

/* False if no operation was long enough: not all take the longest path. */
static bool stop_at(trial *r, unsigned k)
{
    bool inside = false;
    for (unsigned i = 0; i < r->s->tries || (!inside && i < SWEEP_PATIENCE * r->s->tries); i++) {
        if (r->s->once) {
            freezer_kill(&r->f);
            trial_start(r);
        }
        inside |= stop_once(r, k);
    }
    return inside;
}

/* Stops at many instructions of one operation. */
static void walk(trial *r)
{
    uint64_t rng = test_seed();
    unsigned stride = 1 + (r->s->stride - 1) / sweep_factor();
    unsigned skip = (unsigned)(test_rand(&rng) % stride), k = 0;
    freezer_enter(&r->f, r->victim);
    do {
        if (k % stride == skip) demand(r, k);
        k++;
    } while (freezer_step(&r->f, r->victim));
    if (k > r->t.length) r->t.length = k;
    resume(r);
}

sweep_tally sweep_one(const sweep_subject *s, unsigned victim)
{
    trial r = {.s = s, .victim = victim};
    freezer_open(&r.f, &s->plan);
    trial_start(&r);
    if (s->stride) {
        for (unsigned i = 0; i < s->tries; i++) walk(&r);
    } else {
        unsigned most = s->most ? s->most : UINT_MAX;
        while (r.t.length < most && stop_at(&r, r.t.length)) r.t.length++;
    }
    freezer_kill(&r.f);
    freezer_close(&r.f);
    printf("%s, thread %u: %u instructions, %u stops, %u stuck", s->name, victim, r.t.length,
           r.t.stops, r.t.stuck);
    printf(s->sleepers ? ", %u asleep\n" : "\n", r.t.asleep);
    return r.t;
}

/* ---- all threads but one stop ---------------------------------------------------------------- */

/* Stops a thread at a random instruction of an operation, or just behind it. */
static void stop_at_random(freezer *f, unsigned seat, unsigned length, uint64_t *rng)
{
    unsigned k = (unsigned)(test_rand(rng) % length);
    freezer_hold(f, seat);
    freezer_enter(f, seat);
    while (k > 0 && freezer_step(f, seat)) k--;
}

static void let_go(freezer *f, unsigned seat)
{
    thetis_atomic_store_relaxed(&f->seats[seat].hold, FREEZER_NEVER);
    freezer_go(f, seat);
}

static void fail_lonely(const sweep_subject *s, freezer *f, unsigned last)
{
    char text[FREEZER_SEATS * (FREEZER_WHERE + 16)] = "", at[FREEZER_WHERE];
    size_t used = 0;
    for (unsigned i = 0; i < s->plan.threads; i++) {
        if (i == last) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "\nthread %u: %s", i,
                                 freezer_where(f, i, at));
    }
    FAIL("%s: thread %u did not complete %d operations while all others stood still:%s", s->name,
         last, SWEEP_OPS, text);
}

/* Sleepers are stopped, like the others, but never the one that runs. */
void sweep_but_one(const sweep_subject *s, unsigned length)
{
    uint64_t rng = test_seed();
    unsigned rounds = SWEEP_ROUNDS * sweep_factor(), stops = 0;
    freezer f;
    freezer_open(&f, &s->plan);
    start(s, &f);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned last = round % s->plan.threads;
        if (s->sleepers >> last & 1) continue;
        for (unsigned i = 0; i < s->plan.threads; i++)
            if (i != last) stop_at_random(&f, i, length, &rng);
        if (freezer_stuck(&f, 1u << last, SWEEP_OPS, SWEEP_LIMIT_MS)) fail_lonely(s, &f, last);
        stops++;
        for (unsigned i = 0; i < s->plan.threads; i++)
            if (i != last) let_go(&f, i);
    }
    freezer_kill(&f);
    freezer_close(&f);
    printf("%s: %u times all but one stopped, 0 stuck\n", s->name, stops);
}
