/* SPDX-License-Identifier: MIT
 *
 * campaign.h: many schedules of one scenario.
 *
 * A phase is one strategy in one memory model. A scenario's plan is a list of phases; what it finds
 * is compared with what the scenario expects.
 */
#ifndef CHECK_CAMPAIGN_H
#define CHECK_CAMPAIGN_H

#include "engine.h"
#include "strategy.h"

enum { TST_PHASES = 16, TST_SCHEDULES = 10000 /* of a random phase, by default */ };

typedef struct tst_options {
    const char *scenario; /* a glob; NULL: all */
    const char *strategy; /* NULL: the plan's */
    const char *model;    /* "sc", "weak"; NULL: both */
    uint64_t schedules;   /* of each random phase */
    uint64_t most;        /* schedules of a search that is not complete by then */
    uint64_t seed;
    bool json, quiet;
} tst_options;

typedef struct tst_phase {
    const tst_strategy *strategy;
    bool weak;
    bool reuse;  /* freed memory comes back at once */
    bool allocs; /* the k-th allocation fails, for each k */
    uint64_t most; /* schedules */
    /* results */
    uint64_t schedules, points;
    uint64_t failing;    /* number of the first schedule with the verdict below, from 1; or 0 */
    const char *verdict; /* the first one; NULL: all passed */
    bool complete;       /* there is no other schedule at all */
    int preemptions;     /* dfs: all with at most so many were seen; -1: not even those with 0 */
    double seconds;
} tst_phase;

typedef struct tst_result {
    const thetis_check_scenario *scenario;
    tst_phase phases[TST_PHASES];
    size_t count;
    uint64_t longest;    /* points of the longest of a few random runs */
    const char *verdict; /* "pass", "fail", "expected" */
    const char *found;   /* the failing verdict's word, or NULL */
} tst_result;

/* Runs the scenario's plan, reports the first failure to standard error, and judges. */
void tst_campaign(const thetis_check_scenario *scenario, const tst_options *options,
                  tst_result *result);

/* Runs one phase; stops at the first verdict, or, if `expect` is given, at the first such. */
void tst_phase_run(const thetis_check_scenario *scenario, tst_phase *phase, uint64_t seed,
                   const char *expect);

/* Opens a scenario: everything learned of another one is forgotten. */
void tst_campaign_open(const thetis_check_scenario *scenario);

#endif
