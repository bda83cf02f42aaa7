/* SPDX-License-Identifier: MIT
 *
 * sweep.h: stops threads at every instruction of an operation in turn and demands that the others
 * go on.
 *
 * THETIS_FREEZE=N in the environment makes a longer run of it: N times as many stops where they are
 * chosen at random or by stride, and N times as many kills in test_kill.c. Unset: 1.
 */
#ifndef TEST_SWEEP_H
#define TEST_SWEEP_H

#include "freezer.h"

/* What is to be frozen. */
typedef struct sweep_subject {
    const char *name;
    freezer_plan plan;
    unsigned tries;    /* operations in a row to stop at the same k; they differ with this period */
    unsigned stride;   /* not 0: stop at each stride-th instruction of one long operation */
    unsigned sleepers; /* set of threads whose operation may wait for the others: not demanded */
    unsigned most;     /* not 0: so many instructions; an operation without a bound */
    bool once;         /* only the first operation of a thread is of interest */
    bool busy;         /* the others never rest: a short operation whose long ways are rare */
    bool sticks;       /* a control that gets stuck */
} sweep_subject;

typedef struct sweep_tally {
    unsigned stops;  /* freeze points: a thread stood still and the others were asked to go on */
    unsigned stuck;  /* of these: others did not */
    unsigned asleep; /* of these: a sleeper did not */
    unsigned length; /* instructions of the longest operation */
} sweep_tally;

/* N of THETIS_FREEZE. */
unsigned sweep_factor(void);

/* One thread, the victim: for k = 0, 1, 2, ... it is stopped before instruction k of an operation,
 * until no operation is that long. Each time all others must complete 100 more operations. */
sweep_tally sweep_one(const sweep_subject *s, unsigned victim);

/* All threads but one: each stands at a random one of `length` instructions. The last one must
 * complete 100 more operations. */
void sweep_but_one(const sweep_subject *s, unsigned length);

#endif
