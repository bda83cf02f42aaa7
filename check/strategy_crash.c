/* SPDX-License-Identifier: MIT
 *
 * strategy_crash.c: stops every proper subset of the threads for ever, at every step index.
 *
 * A crash point is a set of victims and for each an index: how many steps of its own it makes
 * before it is stopped. Everything else is random. The first schedules measure how many steps the
 * threads make. Then come passes without end; a pass tries each crash point of one victim, then of
 * two, and so on, once, with other random choices in each pass. Of a set with more than POINTS
 * crash points a pass draws DRAWN at random. When a pass comes to a set it uses what is known of
 * the lengths by then, so that longer runs seen later are tried by the next pass.
 */
#include <string.h>

#include "progress.h"
#include "strategy.h"

enum { MEASURED = 32 /* schedules */, POINTS = 4096, DRAWN = 256 };

uint64_t tst_crash_points;

static struct {
    uint64_t schedules;  /* begun, of different numbers */
    uint64_t number;     /* of the last one */
    bool again;          /* the first pass is over */
    unsigned set;        /* victims, as bits */
    uint64_t points, at; /* of the set; the one that is tried, or how many were drawn */
    uint64_t index[TST_THREADS];  /* of each victim */
    uint64_t length[TST_THREADS]; /* the most steps seen */
} crash;

static void crash_open(void)
{
    memset(&crash, 0, sizeof crash);
    tst_crash_points = 0;
}

/* ---- which crash point ----------------------------------------------------------------------- */

/* The next set of as many victims, else the first of one more; after the last the first again. */
static unsigned set_after(unsigned set)
{
    unsigned everybody = (1u << tst.scenario->threads) - 1;
    int size = __builtin_popcount(set);
    do {
        if (++set < everybody) continue;
        set = 1;
        size = size + 1 < (int)tst.scenario->threads ? size + 1 : 1;
    } while (__builtin_popcount(set) != size);
    return set;
}

static void use_set(unsigned set)
{
    crash.again = crash.again || (crash.set && set == 1);
    crash.set = set;
    crash.at = 0;
    crash.points = 1;
    for (unsigned rest = set; rest && crash.points <= POINTS; rest &= rest - 1)
        crash.points *= crash.length[__builtin_ctz(rest)] + 1;
}

static bool drawn(void)
{
    return crash.points > POINTS;
}

static void next_point(void)
{
    if (!crash.set) use_set(1);
    else if (++crash.at == (drawn() ? DRAWN : crash.points)) use_set(set_after(crash.set));
}

/* The point's number is the indexes as digits. */
static void find_indexes(void)
{
    uint64_t digits = crash.at;
    for (unsigned rest = crash.set; rest; rest &= rest - 1) {
        unsigned t = (unsigned)__builtin_ctz(rest);
        uint64_t choices = crash.length[t] + 1;
        crash.index[t] = (drawn() ? tst_random() : digits) % choices;
        digits /= choices;
    }
}

static void crash_begin(uint64_t n)
{
    bool another = crash.schedules == 0 || n != crash.number;
    crash.number = n;
    if (another && ++crash.schedules > MEASURED && tst.scenario->threads > 1) next_point();
    find_indexes();
}

/* ---- one schedule ---------------------------------------------------------------------------- */

static void stop_victims(void)
{
    for (unsigned rest = crash.set & ~tst.stopped; rest; rest &= rest - 1) {
        unsigned t = (unsigned)__builtin_ctz(rest);
        const tst_thread *thread = &tst.threads[t];
        if (thread->state != TST_DONE && thread->points >= crash.index[t]) tst_stop(t);
    }
}

static unsigned crash_thread(unsigned self, unsigned able)
{
    (void)self;
    stop_victims();
    able &= ~tst.stopped;
    return able ? tst_nth(able, tst_random_below((unsigned)__builtin_popcount(able))) : TST_THREADS;
}

static unsigned crash_value(unsigned n)
{
    return tst_random_below(n);
}

static bool crash_more(void)
{
    for (unsigned t = 0; t < tst.scenario->threads; t++) {
        const tst_thread *thread = &tst.threads[t];
        if (thread->points > crash.length[t]) crash.length[t] = thread->points;
    }
    if (crash.set && tst.stopped == crash.set && !crash.again) tst_crash_points++;
    return tst.scenario->threads > 1 || crash.schedules < MEASURED;
}

const tst_strategy tst_strategy_crash = {
    .name = "crash",
    .about = "each set of threads stopped for ever, at each step; else random",
    .open = crash_open,
    .begin = crash_begin,
    .thread = crash_thread,
    .value = crash_value,
    .more = crash_more,
};
