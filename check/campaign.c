/* SPDX-License-Identifier: MIT
 *
 * campaign.c: the plan of a scenario, its phases and its verdict.
 */
#include "campaign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "room.h"
#include "search.h"
#include "site.h"

enum { SPIN_LOOK = 20000, SPIN_TIMES = 20, SPIN_ADVERSARY = 400000, SHORT_RUN = 60 };

/* ---- one phase ------------------------------------------------------------------------------- */

void tst_campaign_open(const thetis_check_scenario *scenario)
{
    if (scenario->threads < 1 || scenario->threads > TST_THREADS || !scenario->body) {
        tst_die("a scenario has a body, and 1 to 8 threads");
    }
    tst_cells_forget();
    tst.scenario = scenario;
    tst.op_count = 0;
    tst.garbage_max = 0;
    tst.fences = false;
    tst.limit = SPIN_ADVERSARY;
}

static void one_schedule(const tst_phase *phase, uint64_t seed, uint64_t n)
{
    const tst_strategy *s = phase->strategy;
    do {
        tst_random_seed(seed, n);
        tst.rounds = tst.scenario->rounds ? tst.scenario->rounds : 1;
        tst.victim = TST_THREADS;
        if (s->begin) s->begin(n);
        tst_run_schedule();
        if (tst.grew && s->learned) s->learned();
    } while (tst.grew);
}

/* Whether the phase is over with this verdict. A negative control goes on to the one it wants. */
static bool over(tst_phase *phase, const char *expect)
{
    if (!tst.verdict) return false;
    if (expect && strcmp(tst.verdict, expect) != 0) return false;
    phase->verdict = tst.verdict;
    phase->failing = phase->schedules;
    return true;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The k-th allocation fails in schedules k, k + 1, ... until one makes fewer. */
static void fail_allocs(tst_phase *phase, uint64_t n)
{
    if (!phase->allocs) return;
    static uint64_t most;
    if (n == 0) most = 0;
    if (tst.allocs > most) most = tst.allocs;
    tst.fail_alloc = n % (most + 1) + 1;
}

void tst_phase_run(const thetis_check_scenario *scenario, tst_phase *phase, uint64_t seed,
                   const char *expect)
{
    const tst_strategy *s = phase->strategy;
    double began = now();
    tst.scenario = scenario;
    tst.strategy = s;
    tst.weak = phase->weak;
    tst.reuse = phase->reuse;
    tst.fail_alloc = 0;
    if (s->open) s->open();
    for (uint64_t n = 0; n < phase->most; n++) {
        fail_allocs(phase, n);
        one_schedule(phase, seed, n);
        phase->schedules++;
        phase->points += tst.points;
        if (over(phase, expect)) break;
        if (s->more && !s->more()) {
            phase->complete = true;
            (void)over(phase, expect);
            break;
        }
    }
    if (s == &tst_strategy_dfs) {
        phase->preemptions = tst_dfs_complete;
        phase->complete = tst_dfs.all && !expect;
    }
    if (s == &tst_strategy_dpor) phase->complete = tst_dpor.all && !expect;
    phase->seconds = now() - began;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static bool wanted(const tst_options *o, const thetis_check_scenario *s, const tst_phase *p)
{
    if (o->strategy && strcmp(o->strategy, p->strategy->name) != 0) return false;
    if (o->model && strcmp(o->model, p->weak ? "weak" : "sc") != 0) return false;
    return !(s->flags & (p->weak ? THETIS_CHECK_SC : THETIS_CHECK_WEAK));
}

static void add(tst_result *r, const tst_options *o, const tst_strategy *strategy, bool weak,
                uint64_t most)
{
    uint64_t slow = r->scenario->slow ? r->scenario->slow : 1;
    tst_phase p = {.strategy = strategy, .weak = weak, .preemptions = -1,
                   .most = (most + slow - 1) / slow};
    if (most > 0 && r->count < TST_PHASES && wanted(o, r->scenario, &p)) r->phases[r->count++] = p;
}

static void add_memory(tst_result *r, const tst_options *o, bool allocates)
{
    tst_phase p = {.strategy = &tst_strategy_random, .weak = true, .preemptions = -1,
                   .most = o->schedules / 2 + 1};
    p.weak = !(r->scenario->flags & THETIS_CHECK_SC);
    if (!wanted(o, r->scenario, &p)) return;
    p.reuse = true;
    if (allocates && r->count < TST_PHASES) r->phases[r->count++] = p;
    p.reuse = false;
    p.allocs = true;
    if ((r->scenario->flags & THETIS_CHECK_ALLOC) && r->count < TST_PHASES) {
        r->phases[r->count++] = p;
    }
}

/* A first look: is memory allocated, how long is a run? Also learns most of what is shared. */
static void look(const thetis_check_scenario *s, const tst_options *o, bool *allocates,
                 uint64_t *longest)
{
    enum { LOOKS = 200, LEAST = 20 };
    tst_phase p = {.strategy = &tst_strategy_random, .weak = !(s->flags & THETIS_CHECK_SC)};
    uint64_t most = (o->schedules < LOOKS ? o->schedules : LOOKS) / (s->slow ? s->slow : 1);
    if (most < LEAST) most = LEAST;
    *allocates = false;
    *longest = 0;
    tst.limit = SPIN_LOOK;
    tst.strategy = p.strategy;
    tst.weak = p.weak;
    tst.reuse = false;
    tst.fail_alloc = 0;
    for (uint64_t n = 0; n < most; n++) {
        one_schedule(&p, o->seed, n);
        if (tst.verdict) break;
        if (tst.allocs > 0) *allocates = true;
        if (tst.points > *longest) *longest = tst.points;
    }
}

static void plan(tst_result *r, const tst_options *o)
{
    const thetis_check_scenario *s = r->scenario;
    bool allocates, stops = !(s->flags & THETIS_CHECK_BLOCKING) && s->threads > 1;
    uint64_t longest, n = o->schedules;
    look(s, o, &allocates, &longest);
    r->longest = longest;
    tst_dfs_bound = longest <= SHORT_RUN ? 3 : 2;
    add(r, o, &tst_strategy_random, true, n);
    add(r, o, &tst_strategy_pct, true, n);
    add(r, o, &tst_strategy_random, false, n / 2);
    add(r, o, &tst_strategy_pct, false, n / 2);
    add_memory(r, o, allocates);
    add(r, o, &tst_strategy_dfs, false, o->most);
    add(r, o, &tst_strategy_dfs, true, o->most);
    add(r, o, &tst_strategy_dpor, false, o->most);
    if (!stops) return;
    add(r, o, &tst_strategy_crash, true, n);
    add(r, o, &tst_strategy_crash, false, n / 2);
    add(r, o, &tst_strategy_adversary, true, UINT32_MAX); /* its series has an end */
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* Whether a phase of that strategy found what a negative control wants. */
static bool found_by(const tst_result *r, const char *name, size_t length)
{
    for (size_t k = 0; k < r->count; k++) {
        const tst_phase *p = &r->phases[k];
        if (p->verdict && strlen(p->strategy->name) == length &&
            strncmp(p->strategy->name, name, length) == 0) {
            return true;
        }
    }
    return false;
}

/* All of `finders` found it; without `finders`, or in a run too short to judge them, any did. */
static bool found(const tst_result *r, const tst_options *o)
{
    const char *names = r->scenario->finders;
    bool judge_all = !o->strategy && !o->model && o->schedules >= TST_SCHEDULES;
    if (!names || !judge_all) return r->found != NULL;
    while (*names) {
        size_t length = strcspn(names, " ");
        if (!found_by(r, names, length)) return false;
        names += length + (names[length] == ' ');
    }
    return true;
}

/* A bound that no schedule came near says nothing: more than half must have been seen. */
static bool loose(void)
{
    for (unsigned k = 0; k < tst.op_count; k++)
        if (tst.ops[k].bound > 0 && tst.ops[k].ratio <= 0.5) return true;
    return false;
}

static void judge(tst_result *r, const tst_options *o)
{
    const char *expect = r->scenario->expect;
    if (expect && strcmp(expect, "loose") == 0 && !r->found && loose()) r->found = "loose";
    if (!expect) r->verdict = r->found ? "fail" : "pass";
    else r->verdict = found(r, o) ? "expected" : "fail";
}

/* Steps after which a run is said to have no end: many times what one takes; more for the
 * adversary, who lets 512 operations go by; less for dpor, whose cost grows with the square. */
static uint64_t limit_of(const tst_strategy *strategy, uint64_t longest)
{
    if (strategy == &tst_strategy_adversary) return SPIN_ADVERSARY;
    if (strategy == &tst_strategy_dpor) return SPIN_LOOK / 20 + 4 * longest;
    return SPIN_LOOK / 4 + SPIN_TIMES * longest;
}

void tst_campaign(const thetis_check_scenario *scenario, const tst_options *options,
                  tst_result *result)
{
    *result = (tst_result){.scenario = scenario};
    tst_campaign_open(scenario);
    plan(result, options);
    for (size_t k = 0; k < result->count; k++) {
        tst_phase *p = &result->phases[k];
        tst.limit = limit_of(p->strategy, result->longest);
        tst_phase_run(scenario, p, options->seed + k, scenario->expect);
        if (!p->verdict) continue;
        if (!result->found) result->found = p->verdict;
        if (!scenario->expect) {
            if (!options->quiet) tst_report_failure(stderr);
            break;
        }
    }
    judge(result, options);
}
