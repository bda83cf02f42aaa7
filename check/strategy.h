/* SPDX-License-Identifier: MIT
 *
 * strategy.h: who goes next, and which of the possible values is read.
 *
 * A new strategy is one file and one line in strategies.def. It sees the run through `tst`: each
 * thread's next step, its counters, which threads are ready. All its decisions come from its own
 * state and tst_random(), so that the same seed gives the same schedules.
 */
#ifndef CHECK_STRATEGY_H
#define CHECK_STRATEGY_H

#include "engine.h"

typedef struct tst_strategy {
    const char *name;
    const char *about; /* one line */

    /* Before the first schedule of a scenario: forget all. */
    void (*open)(void);

    /* Before schedule number `n`. May set tst.rounds, tst.victim. The schedule that comes after one
     * in which something was learned has the same number. */
    void (*begin)(uint64_t n);

    /* Whose shared access is next: one of the bits of `able`, which is not 0. `self` is the running
     * thread, which may have ended or be waiting; TST_HARNESS before the first. A strategy that
     * calls tst_stop() returns a thread that is still able, or TST_THREADS if none is left. */
    unsigned (*thread)(unsigned self, unsigned able);

    /* One of 0 .. n-1, n > 1. For values read, 0 is the newest. */
    unsigned (*value)(unsigned n);

    /* A shared access that is now executed; NULL: not interested. */
    void (*step)(unsigned thread, const tst_step *step);

    /* An operation that has ended (index in tst.ops), with its steps; NULL: not interested. */
    void (*ended)(unsigned thread, unsigned op, uint64_t steps);

    /* After a schedule that counts and passed: false when there are no more. May give a verdict
     * about all schedules so far, by tst_fail(). NULL: there are always more. */
    bool (*more)(void);

    /* After a schedule in which something was learned: places in schedules have moved. NULL: no
     * matter. */
    void (*learned)(void);
} tst_strategy;

#define X(name) extern const tst_strategy tst_strategy_##name;
#include "strategies.def"
#undef X

/* A choice, recorded for replay. */
unsigned tst_choose(unsigned n);

/* The generator of the current schedule, seeded from the campaign's seed and `n`. */
uint64_t tst_random(void);
void tst_random_seed(uint64_t seed, uint64_t n);

/* Uniform in 0 .. n-1. */
static inline unsigned tst_random_below(unsigned n)
{
    return (unsigned)((tst_random() >> 32) * n >> 32);
}

/* The k-th set bit. */
static inline unsigned tst_nth(unsigned bits, unsigned k)
{
    while (k-- > 0) bits &= bits - 1;
    return (unsigned)__builtin_ctz(bits);
}

#endif
