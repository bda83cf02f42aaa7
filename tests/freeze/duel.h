/* SPDX-License-Identifier: MIT
 *
 * duel.h: a victim that is killed while it shares a structure with the tester, and what becomes of
 * the tester's calls. test_kill.c says what is asked.
 */
#ifndef TEST_DUEL_H
#define TEST_DUEL_H

#include "freezer.h"
#include "harness/test.h"
#include "sweep.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    KILL_ROUNDS = 400,
    KILL_FREE_OPS = 32,     /* at most so many before the one with the chosen instruction */
    KILL_SUDDEN_OPS = 1000, /* at most so many before a kill at a random time */
    KILL_LIMIT_S = 10,      /* only ends what would hang */
    KILL_TIMEOUT_S = 600
};

typedef struct duel {
    freezer f;
    freezer_op *survive;
    freezer_seat survivor;
    uint64_t rng;
    unsigned k;      /* the instruction to kill at */
    unsigned length; /* instructions of the victim's longest operation so far */
    unsigned inside; /* kills before an instruction of an operation */
    unsigned sudden; /* kills without a stop */
    uint64_t taken;  /* elements, values or places of last calls that had taken effect */
} duel;

/* ---- killing --------------------------------------------------------------------------------- */

static inline void survive(duel *d, uint64_t ops)
{
    for (; ops > 0; ops--) d->survive(&d->survivor, d->f.shared);
}

/* Lets both run; steps the victim to instruction k of an operation, or to its end if it is shorter;
 * kills it there. */
static inline void kill_at(duel *d)
{
    bool inside = true;
    freezer_start(&d->f, test_rand(&d->rng) % KILL_FREE_OPS);
    while (!freezer_held(&d->f, 0)) survive(d, 1);
    freezer_enter(&d->f, 0);
    for (unsigned at = 0; inside && at < d->k; at++) {
        survive(d, test_rand(&d->rng) % 8 == 0);
        inside = freezer_step(&d->f, 0);
    }
    freezer_note(&d->f, "killed", 0, d->k);
    freezer_kill(&d->f);
    d->inside += inside;
    if (inside && d->k >= d->length) d->length = d->k + 1;
    d->k = d->k < d->length ? d->k + 1 : 0;
}

static inline void kill_suddenly(duel *d)
{
    uintptr_t least = test_rand(&d->rng) % KILL_SUDDEN_OPS;
    freezer_start(&d->f, FREEZER_NEVER);
    while (thetis_atomic_load_relaxed(&d->f.seats[0].done) < least) survive(d, 1);
    freezer_kill(&d->f);
    d->sudden++;
}

/* One kind of structure, calls and victim. */
typedef struct duel_plan {
    const char *name;
    freezer_op *victim;
    freezer_op *survivor;
    void (*setup)(void *shared);
    void (*judge)(duel *d); /* after the kill */
    const char *taken;      /* what the last calls did, summed up */
} duel_plan;

static inline void on_alarm(int number)
{
    FAIL("a call of the survivor does not return (signal %d)", number);
}

static inline void fight(const duel_plan *p)
{
    const freezer_plan plan = {.threads = 1, .first = p->victim};
    duel d = {.survive = p->survivor, .rng = test_seed()};
    unsigned rounds = KILL_ROUNDS * sweep_factor();
    freezer_open(&d.f, &plan);
    CHECK(signal(SIGALRM, on_alarm) != SIG_ERR);
    for (unsigned round = 0; round < rounds; round++) {
        (void)alarm(KILL_LIMIT_S);
        d.survivor = (freezer_seat){.next = 0};
        thetis_atomic_store_relaxed(&d.survivor.hold, FREEZER_NEVER);
        memset(d.f.shared, 0, FREEZER_SHARED);
        if (p->setup) p->setup(d.f.shared);
        if (round % 4 == 0) kill_suddenly(&d);
        else kill_at(&d);
        p->judge(&d);
    }
    (void)alarm(0);
    freezer_close(&d.f);
    printf("%s: %u kills, %u of them inside an operation (of %u instructions), %u sudden; ",
           p->name, rounds, d.inside, d.length, d.sudden);
    printf("%llu %s\n", (unsigned long long)d.taken, p->taken);
}

/* The effect of the victim's last call, at most `most`. */
static inline void count_last(duel *d, uint64_t taken, uint64_t most)
{
    CHECK(taken <= most);
    d->taken += taken;
}

/* The survivor's calls until one moves nothing: the ring is empty, or full. */
static inline void move_all(duel *d)
{
    uint64_t before;
    do {
        before = d->survivor.next;
        survive(d, 1);
    } while (d->survivor.next != before);
}

#endif
