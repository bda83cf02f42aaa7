/* SPDX-License-Identifier: MIT
 *
 * strategy_adversary.c: the growing adversary, which tells lock-free from wait-free.
 *
 * One thread is the victim. It makes a step; then one of the others completes an operation; and so
 * on, until the others have ended; then the victim runs on. The others can make 2, 4, ... 512
 * rounds. A wait-free operation takes at most its bound, however many there are; the steps of one
 * that is only lock-free grow with them.
 *
 * Another's operation that does not end within PATIENCE of its steps, perhaps as it waits for the
 * victim, is left for the next thread, and once all were tried the victim has its step.
 *
 * The verdict "growth": with the most rounds an operation of the victim took more than twice the
 * steps that it took with an eighth of them, or its steps rose with each of the last three
 * doublings. Slow growth, and growth with noise, are found so; steps that level off before, as
 * where a fast path is given up after a while, are none. It is not given to scenarios with
 * THETIS_CHECK_LOCKFREE, nor to operations with a bound: that is asserted at each step, and what
 * they take within it varies.
 */
#include <string.h>

#include "progress.h"
#include "strategy.h"

enum {
    DOUBLINGS = 9, /* 2 .. 512 rounds */
    SAMPLES = 4,   /* schedules for each victim and number of rounds */
    PATIENCE = 1000,
    OLDER = 4 /* one in so many reads, in every other schedule, is of any older value */
};

static struct {
    uint64_t schedules; /* begun, of different numbers */
    uint64_t number;    /* of the last one */
    unsigned doubling, victim, sample;
    uint64_t steps[TST_OPS][DOUBLINGS];

    /* of the schedule */
    unsigned other;   /* whose operation is under way; TST_THREADS: the victim's turn */
    unsigned tried;   /* others that did not end theirs in this turn, as bits */
    unsigned rotated; /* the one who had the last turn */
    uint64_t from_points, from_ended; /* of `other` or the victim, when its turn began */
} adversary;

static void adversary_open(void)
{
    memset(&adversary, 0, sizeof adversary);
}

/* ---- the series ------------------------------------------------------------------------------ */

/* Few rounds first: they fail with the shorter schedules. */
static void next_in_series(void)
{
    if (++adversary.sample < SAMPLES) return;
    adversary.sample = 0;
    if (++adversary.victim < tst.scenario->threads) return;
    adversary.victim = 0;
    adversary.doubling++;
}

static bool series_ends(void)
{
    return adversary.sample == SAMPLES - 1 && adversary.victim + 1 == tst.scenario->threads &&
           adversary.doubling == DOUBLINGS - 1;
}

static void victims_turn(void)
{
    adversary.other = TST_THREADS;
    adversary.tried = 0;
    adversary.from_points = tst.threads[adversary.victim].points;
}

static void adversary_begin(uint64_t n)
{
    if (adversary.schedules == 0) adversary.schedules = 1;
    else if (n != adversary.number) next_in_series();
    adversary.number = n;
    tst.victim = adversary.victim;
    tst.rounds = 2u << adversary.doubling;
    adversary.rotated = adversary.victim;
    adversary.other = TST_THREADS;
    adversary.tried = 0;
    adversary.from_points = 0; /* threads begin with none */
}

/* ---- one schedule ---------------------------------------------------------------------------- */

static bool victim_has_stepped(void)
{
    return tst.threads[adversary.victim].points > adversary.from_points;
}

static bool has_completed(unsigned thread)
{
    return tst.threads[thread].ended > adversary.from_ended;
}

static bool tires(unsigned thread)
{
    return tst.threads[thread].points - adversary.from_points >= PATIENCE;
}

/* The first sample takes the others in turn, the rest at random. */
static unsigned pick(unsigned others)
{
    if (adversary.sample > 0) {
        return tst_nth(others, tst_random_below((unsigned)__builtin_popcount(others)));
    }
    unsigned later = others & ~((2u << adversary.rotated) - 1);
    return (unsigned)__builtin_ctz(later ? later : others);
}

/* Another's turn begins, or the victim's if all others were tried. */
static unsigned give_turn(unsigned able)
{
    unsigned victim = 1u << adversary.victim;
    unsigned others = able & ~victim & ~adversary.tried;
    if (!others && (able & victim)) {
        victims_turn();
        return adversary.victim;
    }
    if (!others) others = able; /* the victim has ended or waits: whoever is left goes on */
    adversary.other = adversary.rotated = pick(others);
    adversary.from_points = tst.threads[adversary.other].points;
    adversary.from_ended = tst.threads[adversary.other].ended;
    return adversary.other;
}

static unsigned adversary_thread(unsigned self, unsigned able)
{
    unsigned victim = adversary.victim, other = adversary.other;
    (void)self;
    if (other == TST_THREADS) {
        if ((able >> victim & 1) && !victim_has_stepped()) return victim;
        return give_turn(able);
    }
    if (has_completed(other)) {
        victims_turn();
        return able >> victim & 1 ? victim : give_turn(able);
    }
    if ((able >> other & 1) && !tires(other)) return other;
    adversary.tried |= 1u << other;
    return give_turn(able);
}

static unsigned adversary_value(unsigned n)
{
    bool older = adversary.sample % 2 == 1 && tst_random_below(OLDER) == 0;
    return older ? tst_random_below(n) : 0;
}

static void adversary_ended(unsigned thread, unsigned op, uint64_t steps)
{
    uint64_t *most = &adversary.steps[op][adversary.doubling];
    if (thread == adversary.victim && steps > *most) *most = steps;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static bool grows(const uint64_t *steps)
{
    const uint64_t *last = &steps[DOUBLINGS - 1];
    if (last[-3] == 0) return false; /* hardly ever made: nothing to compare with */
    if (last[0] > 2 * last[-3]) return true;
    return last[0] > last[-1] && last[-1] > last[-2] && last[-2] > last[-3];
}

static bool adversary_more(void)
{
    if (!series_ends()) return true;
    if (tst.scenario->flags & THETIS_CHECK_LOCKFREE) return false;
    for (unsigned op = 0; op < tst.op_count; op++) {
        const uint64_t *steps = adversary.steps[op];
        if (tst.ops[op].bound > 0 || !grows(steps)) continue;
        tst_fail("growth", NULL, "%s takes %llu steps against %u rounds of the others, %llu "
                 "against 8", tst.ops[op].name, (unsigned long long)steps[DOUBLINGS - 1],
                 2u << (DOUBLINGS - 1), (unsigned long long)steps[2]);
        return false;
    }
    return false;
}

bool tst_growth_at(size_t at, tst_growth *growth)
{
    if (at / DOUBLINGS >= tst.op_count) return false;
    growth->op = (unsigned)(at / DOUBLINGS);
    growth->rounds = 2u << at % DOUBLINGS;
    growth->steps = adversary.steps[growth->op][at % DOUBLINGS];
    return true;
}

const tst_strategy tst_strategy_adversary = {
    .name = "adversary",
    .about = "one thread makes a step for each operation of the others, of which come ever more",
    .open = adversary_open,
    .begin = adversary_begin,
    .thread = adversary_thread,
    .value = adversary_value,
    .ended = adversary_ended,
    .more = adversary_more,
};
