/* SPDX-License-Identifier: MIT
 *
 * report.c: a failing schedule for people, and its replay.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "print.h"
#include "progress.h"
#include "replay.h"
#include "site.h"

/* ---- one schedule ---------------------------------------------------------------------------- */

static void follow_and_print(FILE *out, const tst_log *log)
{
    tst.tracing = true;
    tst_follow(log);
    tst.tracing = false;
    tst_print_trace(out);
}

static void print_verdict(FILE *out)
{
    char site[TST_SITE_TEXT];
    fprintf(out, "%s: ", tst.scenario->name);
    if (!tst.verdict) fprintf(out, "passes");
    else fprintf(out, "%s: %s", tst.verdict, tst.text);
    if (tst.verdict && tst.site) {
        fprintf(out, "\n    at %s", tst_site_text(tst.site, site, sizeof site));
    }
    fprintf(out, "\n");
}

/* The command that replays the log in the run's settings. */
static void print_command(FILE *out, const tst_log *log)
{
    fprintf(out, "replay: %s --scenario %s --model %s", program_invocation_name,
            tst.scenario->name, tst.weak ? "weak" : "sc");
    if (tst.reuse) fprintf(out, " --reuse");
    if (tst.fail_alloc) fprintf(out, " --fail-alloc %" PRIu64, tst.fail_alloc);
    if (tst.victim < TST_THREADS) {
        fprintf(out, " --rounds %u --victim %u", tst.rounds, tst.victim);
    }
    fprintf(out, " --schedule \"");
    tst_log_print(out, log);
    fprintf(out, "\"\n");
}

/* ---- growth: a verdict about many schedules -------------------------------------------------- */

static void print_growth(FILE *out)
{
    tst_growth g;
    print_verdict(out);
    for (size_t k = 0; tst_growth_at(k, &g); k++)
        fprintf(out, "  %-24s %4u rounds of the others: %" PRIu64 " steps\n",
                tst.ops[g.op].name, g.rounds, g.steps);
    fprintf(out, "replay: %s --scenario %s --model %s --strategy adversary\n",
            program_invocation_name, tst.scenario->name, tst.weak ? "weak" : "sc");
}

/* ---- what others call ------------------------------------------------------------------------ */

void tst_report_failure(FILE *out)
{
    tst_log log = {0};
    if (strcmp(tst.verdict, "growth") == 0) {
        print_growth(out);
        return;
    }
    tst_log_copy(&log, &tst_decisions);
    unsigned runs = tst_shrink(&log);
    follow_and_print(out, &log);
    fprintf(out, "%zu decision%s, after %u runs\n", log.count, log.count == 1 ? "" : "s", runs);
    print_verdict(out);
    print_command(out, &log);
    tst_log_free(&log);
}

/* What is a step depends on which words threads share: learned from schedules, as it was when the
 * log was made. */
static void learn(void)
{
    enum { SCHEDULES = 200 };
    tst.strategy = &tst_strategy_random;
    for (uint64_t n = 0; n < SCHEDULES; n++) {
        tst_random_seed(1, n);
        tst_run_schedule();
    }
}

int tst_replay_run(const tst_replay *replay, FILE *out)
{
    tst_log log = {0};
    int status = 2;
    tst.reuse = replay->reuse;
    tst.fail_alloc = replay->fail_alloc;
    tst.victim = replay->victim < TST_THREADS ? replay->victim : TST_THREADS;
    tst.rounds = replay->rounds ? replay->rounds : 1;
    if (tst_log_parse(&log, replay->schedule)) {
        learn();
        follow_and_print(out, &log);
        print_verdict(out);
        status = tst.verdict != NULL;
    }
    tst_log_free(&log);
    return status;
}
