/* SPDX-License-Identifier: MIT
 *
 * main.c: the command line of a program of scenarios.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"
#include "hooks.h"
#include "json.h"
#include "mutate.h"
#include "report.h"
#include "site.h"

static const char usage[] =
    "usage: %s [--list] [--scenario GLOB] [--strategy NAME] [--model sc|weak]\n"
    "          [--schedules N] [--search N] [--seed N] [--json] [--mutate] [--pairs]\n"
    "       %s --scenario NAME --model sc|weak --schedule DECISIONS [--reuse] [--fail-alloc K]\n"
    "          [--rounds M --victim V]\n"
    "\n"
    "  --schedules N  of each random phase (10000)\n"
    "  --search N     most schedules of an exhaustive search (as --schedules)\n"
    "  --seed N       of all random choices (1); a run with the same seed is the same run\n"
    "  --json         one JSON object in each line\n"
    "  --mutate       weakens each memory order of the code under test, one at a time\n"
    "  --pairs        prints which lines were seen to synchronise with which; also with --mutate\n"
    "  --schedule     replays one schedule, as a failure's last line has it\n"
    "strategies:";

typedef struct command {
    tst_options options;
    tst_replay replay;
    bool list, mutate, pairs, help;
} command;

/* ---- arguments ------------------------------------------------------------------------------- */

static bool flag(command *c, const char *name)
{
    if (strcmp(name, "--list") == 0) c->list = true;
    else if (strcmp(name, "--json") == 0) c->options.json = true;
    else if (strcmp(name, "--mutate") == 0) c->mutate = true;
    else if (strcmp(name, "--pairs") == 0) c->pairs = true;
    else if (strcmp(name, "--reuse") == 0) c->replay.reuse = true;
    else if (strcmp(name, "--help") == 0) c->help = true;
    else return false;
    return true;
}

static bool text_option(command *c, const char *name, const char *value)
{
    if (strcmp(name, "--scenario") == 0) c->options.scenario = value;
    else if (strcmp(name, "--strategy") == 0) c->options.strategy = value;
    else if (strcmp(name, "--model") == 0) c->options.model = value;
    else if (strcmp(name, "--schedule") == 0) c->replay.schedule = value;
    else return false;
    return true;
}

static bool number_option(command *c, const char *name, const char *value)
{
    char *end;
    uint64_t n = strtoull(value, &end, 10);
    if (*value == 0 || *end != 0) return false;
    if (strcmp(name, "--schedules") == 0) c->options.schedules = n;
    else if (strcmp(name, "--search") == 0) c->options.most = n;
    else if (strcmp(name, "--seed") == 0) c->options.seed = n;
    else if (strcmp(name, "--fail-alloc") == 0) c->replay.fail_alloc = n;
    else if (strcmp(name, "--rounds") == 0) c->replay.rounds = (unsigned)n;
    else if (strcmp(name, "--victim") == 0) c->replay.victim = (unsigned)n;
    else return false;
    return true;
}

static bool known(const tst_options *o)
{
    bool model = !o->model || strcmp(o->model, "sc") == 0 || strcmp(o->model, "weak") == 0;
    bool strategy = !o->strategy;
#define X(name) strategy = strategy || strcmp(o->strategy, #name) == 0;
#include "strategies.def"
#undef X
    return model && strategy && o->schedules > 0;
}

static bool parse(command *c, int argc, char **argv)
{
    *c = (command){.options = {.schedules = TST_SCHEDULES, .seed = 1},
                   .replay = {.victim = TST_THREADS}};
    for (int k = 1; k < argc; k++) {
        if (flag(c, argv[k])) continue;
        if (k + 1 == argc) return false;
        if (!text_option(c, argv[k], argv[k + 1]) && !number_option(c, argv[k], argv[k + 1])) {
            return false;
        }
        k++;
    }
    if (c->options.most == 0) c->options.most = c->options.schedules;
    return known(&c->options);
}

static int explain(const char *program, FILE *out)
{
    fprintf(out, usage, program, program);
#define X(name) fprintf(out, "\n  %-10s %s", #name, tst_strategy_##name.about);
#include "strategies.def"
#undef X
    fprintf(out, "\n");
    return out == stdout ? 0 : 2;
}

static bool chosen(const command *c, const thetis_check_scenario *s)
{
    return !c->options.scenario || fnmatch(c->options.scenario, s->name, 0) == 0;
}

/* ---- what can be asked ----------------------------------------------------------------------- */

static int list(const command *c, const thetis_check_scenario *const scenarios[], size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (chosen(c, scenarios[k])) puts(scenarios[k]->name);
    return 0;
}

static int replay(const command *c, const thetis_check_scenario *const scenarios[], size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (!chosen(c, scenarios[k])) continue;
        tst_campaign_open(scenarios[k]);
        tst.weak = c->options.model && strcmp(c->options.model, "weak") == 0;
        return tst_replay_run(&c->replay, stdout);
    }
    fprintf(stderr, "no scenario of that name\n");
    return 2;
}

/* The operations of all scenarios that are no controls, by name: one must take more than half of
 * its bound, or the bound says nothing. */
typedef struct bounds {
    tst_op ops[1024];
    size_t count;
} bounds;

static void collect(bounds *b, const thetis_check_scenario *s)
{
    if (strncmp(s->name, "control-", 8) == 0) return;
    for (unsigned k = 0; k < tst.op_count; k++) {
        const tst_op *op = &tst.ops[k];
        size_t at = 0;
        if (op->bound == 0) continue;
        while (at < b->count && strcmp(b->ops[at].name, op->name) != 0) at++;
        if (at == sizeof b->ops / sizeof b->ops[0]) continue;
        if (at == b->count) b->ops[b->count++] = *op;
        if (op->ratio > b->ops[at].ratio) b->ops[at] = *op;
    }
}

static int run(const command *c, const thetis_check_scenario *const scenarios[], size_t count)
{
    static bounds seen;
    static tst_result result;
    size_t failed = 0, passed = 0;
    for (size_t k = 0; k < count; k++) {
        if (!chosen(c, scenarios[k])) continue;
        tst_campaign(scenarios[k], &c->options, &result);
        tst_print_result(&result, &c->options);
        if (strcmp(result.verdict, "fail") == 0) failed++;
        else passed++;
        if (!result.found) collect(&seen, scenarios[k]);
    }
    for (size_t k = 0; k < seen.count; k++) {
        bool tight = seen.ops[k].ratio > 0.5;
        tst_print_bound(&seen.ops[k], tight, &c->options);
        if (!tight) failed++;
    }
    if (!c->options.json) printf("%zu passed, %zu failed\n", passed, failed);
    if (passed + failed == 0) fprintf(stderr, "no scenario of that name\n");
    return passed + failed == 0 ? 2 : failed > 0;
}

/* Orders weakened, pairs seen, or both of the same runs. */
static int weigh(const command *c, const thetis_check_scenario *const scenarios[], size_t count)
{
    int status = 0;
    if (c->mutate) status = tst_mutate_run(&c->options, scenarios, count);
    else tst_pairs_observe(&c->options, scenarios, count);
    if (c->pairs) tst_pairs_print(&c->options);
    return status;
}

/* The sanitizer's own run-time has this function, the tester has not. */
extern void __tsan_acquire(void *addr) __attribute__((weak));

static bool linked(void)
{
    if (__tsan_acquire) fprintf(stderr, "linked with -fsanitize=thread: see docs/check.md\n");
    else if (!tst_instrumented) fprintf(stderr, "nothing was compiled for it: see docs/check.md\n");
    return !__tsan_acquire && tst_instrumented;
}

int thetis_check_run(int argc, char **argv, const thetis_check_scenario *const scenarios[],
                     size_t count)
{
    command c;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!linked()) return 2;
    if (!parse(&c, argc, argv)) return explain(argv[0], stderr);
    if (c.help) return explain(argv[0], stdout);
    if (c.list) return list(&c, scenarios, count);
    if (c.replay.schedule) return replay(&c, scenarios, count);
    if (c.pairs || c.mutate) return weigh(&c, scenarios, count);
    return run(&c, scenarios, count);
}
