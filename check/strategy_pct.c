/* SPDX-License-Identifier: MIT
 *
 * strategy_pct.c: threads with random priorities that change at few random places (Burckhardt,
 * Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of
 * finding bugs", ASPLOS 2010).
 *
 * The able thread of the highest priority runs. At d-1 places the one that is about to run falls
 * behind all others; which finds a bug of depth d, one that needs d orders to be met, with a
 * probability of at least 1 / (threads * length^(d-1)). Depth goes round from 3 to 7, for helping
 * code has bugs of depth 4 and more. The places are drawn from the length of the schedules so far:
 * their mean and, as often, their maximum, where retries are.
 *
 * Values: in one half of the schedules every load reads any value with equal probability, in the
 * other half only every second one does and the rest read the newest: some bugs need a run of old
 * values, some one old value amid new ones.
 */
#include "strategy.h"

enum { SHALLOW = 3, DEEP = 7, GUESS = 32 };

static unsigned priority[TST_THREADS]; /* different ones; the highest runs */
static uint64_t place[DEEP - 1];
static unsigned changes;   /* valid of `place` */
static uint64_t decisions; /* of this schedule */
static bool uniform;       /* all loads read any value */
static uint64_t longest, total, measured;

static void pct_open(void)
{
    decisions = longest = total = measured = 0;
}

static void measure(void)
{
    if (decisions == 0) return;
    if (decisions > longest) longest = decisions;
    total += decisions;
    measured++;
    decisions = 0;
}

static uint64_t length(uint64_t n)
{
    if (measured == 0) return GUESS;
    return n & 1 ? longest : total / measured;
}

/* Those from setup are above all that a change gives. */
static void shuffle(void)
{
    for (unsigned k = 0; k < tst.scenario->threads; k++) {
        unsigned other = tst_random_below(k + 1);
        priority[k] = priority[other];
        priority[other] = DEEP + k;
    }
}

static void pct_begin(uint64_t n)
{
    measure();
    shuffle();
    changes = SHALLOW - 1 + (unsigned)(n % (DEEP - SHALLOW + 1));
    for (unsigned k = 0; k < changes; k++) place[k] = 1 + tst_random() % length(n);
    uniform = tst_random_below(2) == 0;
}

static unsigned highest(unsigned able)
{
    unsigned best = (unsigned)__builtin_ctz(able);
    for (unsigned rest = able & (able - 1); rest; rest &= rest - 1) {
        unsigned other = (unsigned)__builtin_ctz(rest);
        if (priority[other] > priority[best]) best = other;
    }
    return best;
}

static unsigned pct_thread(unsigned self, unsigned able)
{
    (void)self;
    decisions++;
    for (unsigned k = 0; k < changes; k++)
        if (place[k] == decisions) priority[highest(able)] = k;
    return highest(able);
}

static unsigned pct_value(unsigned n)
{
    return uniform || tst_random_below(2) == 0 ? tst_random_below(n) : 0;
}

const tst_strategy tst_strategy_pct = {
    .name = "pct",
    .about = "random priorities that change at 2 to 6 places",
    .open = pct_open,
    .begin = pct_begin,
    .thread = pct_thread,
    .value = pct_value,
};
