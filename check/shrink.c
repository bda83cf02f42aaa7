/* SPDX-License-Identifier: MIT
 *
 * shrink.c: a small schedule with the same verdict as a given one.
 *
 * Decisions are taken out of the log, many at a time, then fewer, as long as the replay of the rest
 * still gives the verdict (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
 * input", 2002). Whole threads are left out where that is harmless; older values are replaced by
 * newer ones; an adversary's victim gets fewer rounds against it.
 */
#include "replay.h"

#include <string.h>

/* What may be spent: schedules, steps of all of them; decisions of which all pairs are tried, and
 * places at which a single switch is. */
enum { RUNS = 5000, STEPS = 50000000, PAIRED = 32, PLACES = 500 };

static struct {
    const char *verdict;
    unsigned runs;
    uint64_t steps;
    tst_log best, candidate;
    size_t kept; /* decisions at the front of the best that stay: threads left out */
} shrink;

/* ---- trying ---------------------------------------------------------------------------------- */

static bool fails(const tst_log *log)
{
    if (shrink.runs == RUNS || shrink.steps > STEPS) return false;
    tst_follow(log);
    shrink.runs++;
    shrink.steps += tst.points;
    return tst.verdict && strcmp(tst.verdict, shrink.verdict) == 0;
}

static bool accept_candidate(void)
{
    if (!fails(&shrink.candidate)) return false;
    tst_log_copy(&shrink.best, &shrink.candidate);
    return true;
}

/* Takes `count` decisions out, from `at` on. */
static bool cut(size_t at, size_t count)
{
    shrink.candidate.count = 0;
    for (size_t k = 0; k < shrink.best.count; k++)
        if (k < at || k >= at + count) tst_log_add(&shrink.candidate, shrink.best.at[k]);
    return accept_candidate();
}

/* ---- fewer decisions ------------------------------------------------------------------------- */

static bool cut_all(size_t count)
{
    bool any = false;
    for (size_t at = shrink.kept; at < shrink.best.count;) {
        if (cut(at, count)) any = true;
        else at += count;
    }
    return any;
}

static void cut_chunks(void)
{
    size_t all = shrink.best.count - shrink.kept;
    for (size_t count = all; count > 1; count /= 2) (void)cut_all(count);
    while (cut_all(1)) {}
}

static bool cut_two(size_t a, size_t b)
{
    shrink.candidate.count = 0;
    for (size_t k = 0; k < shrink.best.count; k++)
        if (k != a && k != b) tst_log_add(&shrink.candidate, shrink.best.at[k]);
    return accept_candidate();
}

/* A switch away and the one back often go only together. */
static bool cut_a_pair(void)
{
    if (shrink.best.count > PAIRED) return false;
    for (size_t a = shrink.kept; a < shrink.best.count; a++)
        for (size_t b = a + 1; b < shrink.best.count; b++)
            if (cut_two(a, b)) return true;
    return false;
}

/* The candidate is the best with no switch but one. */
static bool single_switch(uint64_t at, unsigned from, unsigned to)
{
    shrink.candidate.count = 0;
    for (size_t k = 0; k < shrink.best.count; k++)
        if (shrink.best.at[k].what != TST_SWITCH) {
            tst_log_add(&shrink.candidate, shrink.best.at[k]);
        }
    tst_log_add(&shrink.candidate, (tst_decision){at, (uint8_t)from, TST_SWITCH, to});
    return accept_candidate();
}

/* Taking decisions out leads to a log that cannot be made smaller, not to the smallest: a search
 * finds that one where it has a single switch. */
static void find_single_switch(void)
{
    unsigned threads = tst.scenario->threads, switches = 0;
    uint64_t places[TST_THREADS], all = 0;
    for (size_t k = 0; k < shrink.best.count; k++)
        switches += shrink.best.at[k].what == TST_SWITCH;
    if (switches < 2 || !fails(&shrink.best)) return;
    for (unsigned t = 0; t < threads; t++) all += places[t] = tst.threads[t].accesses;
    if (all > PLACES) return;
    for (unsigned from = 0; from < threads; from++)
        for (uint64_t at = 1; at <= places[from]; at++)
            for (unsigned to = 0; to < threads; to++)
                if (to != from && single_switch(at, from, to)) return;
}

/* ---- simpler ones ---------------------------------------------------------------------------- */

static void newer_values(void)
{
    for (size_t k = 0; k < shrink.best.count; k++) {
        unsigned choice = shrink.best.at[k].choice;
        if (shrink.best.at[k].what != TST_VALUE) continue;
        for (unsigned newer = 1; newer < choice; newer++) {
            tst_log_copy(&shrink.candidate, &shrink.best);
            shrink.candidate.at[k].choice = newer;
            if (accept_candidate()) break;
        }
    }
}

static void fewer_rounds(void)
{
    while (tst.victim < TST_THREADS && tst.rounds > 1) {
        tst.rounds /= 2;
        if (fails(&shrink.best)) continue;
        tst.rounds *= 2;
        return;
    }
}

/* The candidate is the best without `thread`: who switched to it now switches to whom it did. */
static void leave_out(unsigned thread)
{
    tst_decision to_it = {0};
    shrink.candidate.count = 0;
    tst_log_add(&shrink.candidate, (tst_decision){0, (uint8_t)thread, TST_STOP, 0});
    for (size_t k = 0; k < shrink.best.count; k++) {
        tst_decision d = shrink.best.at[k];
        if (d.what != TST_SWITCH || (d.thread != thread && d.choice != thread)) {
            if (d.thread != thread) tst_log_add(&shrink.candidate, d);
        } else if (d.choice == thread) {
            to_it = d;
        } else if (d.choice != to_it.thread) {
            to_it.choice = d.choice;
            tst_log_add(&shrink.candidate, to_it);
        }
    }
}

static bool stopped_at_start(const tst_decision *d)
{
    return d->what == TST_STOP && d->at == 0;
}

/* Whether the threads that the candidate leaves out are what makes it fail. */
static bool absence_fails(void)
{
    tst_log absent = {0};
    for (size_t k = 0; k < shrink.candidate.count; k++)
        if (stopped_at_start(&shrink.candidate.at[k])) tst_log_add(&absent, shrink.candidate.at[k]);
    bool verdict = fails(&absent);
    tst_log_free(&absent);
    return verdict;
}

/* Where operations wait for each other, one thread that is missing is another failure. */
static void fewer_threads(void)
{
    if (tst.scenario->flags & THETIS_CHECK_BLOCKING) return;
    for (unsigned t = 0; t < tst.scenario->threads; t++) {
        leave_out(t);
        if (!absence_fails() && accept_candidate()) shrink.kept++;
    }
}

unsigned tst_shrink(tst_log *log)
{
    shrink.verdict = tst.verdict;
    shrink.runs = 0;
    shrink.steps = 0;
    shrink.kept = 0;
    tst_log_copy(&shrink.best, log);
    fewer_rounds();
    fewer_threads(); /* while the log still says all: its order is needed */
    do cut_chunks();
    while (cut_a_pair());
    find_single_switch();
    newer_values();
    tst_log_copy(log, &shrink.best);
    return shrink.runs;
}
