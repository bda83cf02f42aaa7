/* SPDX-License-Identifier: MIT
 *
 * mutate.c: weakens one memory order at a time, at run time, and expects a scenario to fail.
 *
 * A mutant that no scenario notices is an order that is not needed, or not tested. Where it is
 * proven that the weaker order has the same behaviours, a file of proofs says so, one line each,
 * fields separated by tabs:
 *
 *     source file <tab> mutation <tab> fragment of the source line <tab> file with the proof
 *
 * Most mutants die in few schedules of the right scenario, and many scenarios reach them. So the
 * scenarios get growing effort in turn, and more of it those of which the line is a larger part:
 * until one fails, or all have had all their schedules.
 */
#include "mutate.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "search.h"
#include "site.h"

enum { LINES = 512, SCENARIOS = 1024 };

#define PROOFS "tests/model/equivalent.txt"

typedef struct mutant {
    const tst_line *line;
    int order;
    char words[64];               /* "rmw acq_rel to acquire" */
    const char *scenario, *found; /* who killed it, by which verdict; NULL: it survived */
    const tst_strategy *strategy;
    char proof[TST_TEXT];
} mutant;

static tst_line lines[LINES];
static size_t line_count;
static double share[LINES][SCENARIOS]; /* of a scenario's steps, those of the line; 0: none */
static double length[SCENARIOS];       /* steps of a schedule */

static bool chosen(const tst_options *o, const thetis_check_scenario *s)
{
    if (s->flags & THETIS_CHECK_SC) return false;
    if (o->scenario) return fnmatch(o->scenario, s->name, 0) == 0;
    return strncmp(s->name, "control-", 8) != 0;
}

/* ---- which lines there are, and who reaches them --------------------------------------------- */

/* Returns the steps of a schedule. */
static double observe(const thetis_check_scenario *s, const tst_options *o)
{
    enum { LOOKS = 2000 };
    uint64_t most = LOOKS / (s->slow ? s->slow : 1) + 1;
    tst_phase random = {.strategy = &tst_strategy_random, .weak = true, .most = most};
    tst_phase pct = {.strategy = &tst_strategy_pct, .weak = true, .most = most};
    tst_campaign_open(s);
    tst.pairing = true;
    tst_phase_run(s, &random, o->seed, NULL);
    tst_phase_run(s, &pct, o->seed, NULL);
    tst.pairing = false;
    return (double)(random.points + pct.points) / (double)(random.schedules + pct.schedules);
}

/* What a table leaves out nobody would miss. */
static void too_many(const char *what)
{
    fprintf(stderr, "thetis-check: too many %s to weaken\n", what);
    exit(1);
}

static size_t place_of(const tst_line *line)
{
    size_t k = 0;
    while (k < line_count && (strcmp(lines[k].text, line->text) != 0 ||
                              lines[k].kind != line->kind || lines[k].order != line->order)) {
        k++;
    }
    if (k == LINES) too_many("lines");
    if (k == line_count) lines[line_count++] = *line;
    return k;
}

static void survey(const tst_options *o, const thetis_check_scenario *const scenarios[],
                   size_t count)
{
    static tst_line seen[LINES];
    if (count > SCENARIOS) too_many("scenarios");
    for (size_t s = 0; s < count; s++) {
        if (!chosen(o, scenarios[s])) continue;
        tst_site_forget();
        length[s] = observe(scenarios[s], o);
        size_t n = tst_site_lines(seen, LINES);
        for (size_t k = 0; k < n; k++)
            share[place_of(&seen[k])][s] = (double)seen[k].hits / length[s];
    }
}

/* ---- one mutant ------------------------------------------------------------------------------ */

static bool kill(mutant *m, const thetis_check_scenario *s, const tst_strategy *strategy,
                 uint64_t schedules, uint64_t seed)
{
    tst_phase p = {.strategy = strategy, .weak = true, .most = schedules};
    tst_campaign_open(s);
    tst_site_weaken(m->line, m->order);
    tst_dfs_bound = 2;
    tst_phase_run(s, &p, seed, NULL);
    tst_site_weaken(NULL, 0);
    if (!p.verdict) return false;
    m->scenario = s->name;
    m->found = p.verdict;
    m->strategy = strategy;
    return true;
}

/* The scenarios that reach a line, that of which it is the largest part first. */
typedef struct rank {
    double share;
    size_t scenario;
} rank;

static int by_share(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->share != y->share) return x->share < y->share ? 1 : -1;
    return x->scenario < y->scenario ? -1 : 1;
}

static size_t candidates(const mutant *m, size_t count, rank *out)
{
    size_t n = 0;
    for (size_t s = 0; s < count; s++)
        if (share[m->line - lines][s] > 0) out[n++] = (rank){share[m->line - lines][s], s};
    qsort(out, n, sizeof *out, by_share);
    return n;
}

/* Each strategy makes so many steps in the first scenario, and in those that follow ever fewer.
 * *all: none was left a schedule. */
static bool assault(mutant *m, double effort, const tst_options *o, const rank *ranks, size_t n,
                    const thetis_check_scenario *const scenarios[], bool *all)
{
    enum { HALF = 4 /* the scenario that gets half */ };
    static const tst_strategy *const strategies[] = {&tst_strategy_random, &tst_strategy_pct,
                                                     &tst_strategy_dfs};
    *all = true;
    for (size_t k = 0; k < n; k++) {
        size_t s = ranks[k].scenario;
        double part = effort * HALF / (double)(HALF + k) / length[s];
        bool whole = part >= (double)o->schedules;
        uint64_t schedules = whole ? o->schedules : (uint64_t)part + 1;
        for (size_t t = 0; t < sizeof strategies / sizeof strategies[0]; t++)
            if (kill(m, scenarios[s], strategies[t], schedules, o->seed + (uint64_t)effort))
                return true;
        if (!whole) *all = false;
    }
    return false;
}

static void attack(mutant *m, const tst_options *o,
                   const thetis_check_scenario *const scenarios[], size_t count)
{
    enum { FIRST = 20000 /* steps */, TIMES = 4 };
    static rank ranks[SCENARIOS];
    size_t n = candidates(m, count, ranks);
    bool all = false;
    for (double effort = FIRST; !all; effort *= TIMES)
        if (assault(m, effort, o, ranks, n, scenarios, &all)) return;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

/* The text of a source line, from its file below the current folder; empty if there is none. */
static void source_text(const char *site, char *out, size_t room)
{
    char path[TST_SITE_TEXT];
    const char *colon = strrchr(site, ':');
    long line = colon ? strtol(colon + 1, NULL, 10) : 0;
    out[0] = 0;
    if (!colon) return;
    (void)snprintf(path, sizeof path, "%.*s", (int)(colon - site), site);
    FILE *file = fopen(path, "r");
    while (file && line-- > 0)
        if (!fgets(out, (int)room, file)) out[0] = 0;
    if (file) (void)fclose(file);
}

static bool proves(mutant *m, char *entry, const char *text)
{
    char *rest = NULL;
    const char *file = strtok_r(entry, "\t", &rest);
    const char *mutation = strtok_r(NULL, "\t", &rest);
    const char *fragment = strtok_r(NULL, "\t", &rest);
    const char *proof = strtok_r(NULL, "\t\n", &rest);
    if (!proof || strncmp(m->line->text, file, strlen(file)) != 0) return false;
    if (strcmp(m->words, mutation) != 0 || !strstr(text, fragment)) return false;
    (void)snprintf(m->proof, sizeof m->proof, "%s", proof);
    return true;
}

static void look_for_proof(mutant *m)
{
    char entry[1024], text[1024];
    FILE *file = fopen(PROOFS, "r");
    source_text(m->line->text, text, sizeof text);
    while (file && fgets(entry, sizeof entry, file))
        if (entry[0] != '#' && proves(m, entry, text)) break;
    if (file) (void)fclose(file);
}

/* ---- results --------------------------------------------------------------------------------- */

static void print(const mutant *m, const tst_options *o)
{
    const char *outcome = m->found ? "killed" : m->proof[0] ? "equivalent" : "survived";
    if (!o->json) {
        printf("%-10s %s: %s", outcome, m->line->text, m->words);
        if (m->found) printf("  (%s, %s: %s)", m->scenario, m->strategy->name, m->found);
        if (m->proof[0]) printf("  (%s)", m->proof);
        printf("\n");
        return;
    }
    printf("{\"site\":");
    tst_json_text(stdout, m->line->text);
    printf(",\"mutation\":\"%s\",\"outcome\":\"%s\"", m->words, outcome);
    if (m->found) {
        printf(",\"scenario\":\"%s\",\"strategy\":\"%s\",\"found\":\"%s\"", m->scenario,
               m->strategy->name, m->found);
    }
    if (m->proof[0]) {
        printf(",\"proof\":");
        tst_json_text(stdout, m->proof);
    }
    printf("}\n");
}

int tst_mutate_run(const tst_options *options, const thetis_check_scenario *const scenarios[],
                   size_t count)
{
    size_t killed = 0, equivalent = 0, survived = 0;
    survey(options, scenarios, count);
    for (size_t k = 0; k < line_count; k++) {
        const tst_line *line = &lines[k];
        for (int order = -1; (order = tst_site_weaker(line->kind, line->order, order)) >= 0;) {
            mutant m = {.line = line, .order = order};
            (void)snprintf(m.words, sizeof m.words, "%s %s to %s", tst_kind_name(line->kind),
                           tst_order_name(line->order), tst_order_name(order));
            attack(&m, options, scenarios, count);
            if (!m.found) look_for_proof(&m);
            print(&m, options);
            if (m.found) killed++;
            else if (m.proof[0]) equivalent++;
            else survived++;
        }
    }
    if (!options->json) {
        printf("%zu killed, %zu equivalent, %zu survived\n", killed, equivalent, survived);
    }
    return survived > 0 || killed == 0;
}

static void print_pair(void *user, const char *release, const char *acquire)
{
    const tst_options *o = user;
    if (o->json) printf("{\"release\":\"%s\",\"acquire\":\"%s\"}\n", release, acquire);
    else printf("%-40s -> %s\n", release, acquire);
}

void tst_pairs_observe(const tst_options *options, const thetis_check_scenario *const scenarios[],
                       size_t count)
{
    for (size_t s = 0; s < count; s++)
        if (chosen(options, scenarios[s])) (void)observe(scenarios[s], options);
}

void tst_pairs_print(const tst_options *options)
{
    tst_options o = *options;
    tst_site_pairs(print_pair, &o);
}
