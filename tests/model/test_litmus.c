/* SPDX-License-Identifier: MIT
 *
 * test_litmus.c: the memory model against a table of what C11 allows, by complete search; and that
 * the table notices a memory model with a wrong rule.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/campaign.h"
#include "model/litmus.h"
#include "check/search.h"

enum { OUTCOMES = 128, DIGITS = 16, MOST = 4000000 };

typedef struct row {
    const char *name, *program, *finals, *allowed, *hidden, *extra;
} row;

static const row rows[] = {
#define X(...) {__VA_ARGS__},
#include "model/litmus.def"
#undef X
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- a program from its text ----------------------------------------------------------------- */

static void malformed(const char *token)
{
    printf("Bail out! litmus.def: %s\n", token);
    exit(1);
}

static int order_of(const char *token)
{
    static const struct {
        const char *name;
        int order;
    } names[] = {{".acq", __ATOMIC_ACQUIRE}, {".rel", __ATOMIC_RELEASE},
                 {".ar", __ATOMIC_ACQ_REL}, {".sc", __ATOMIC_SEQ_CST}};
    const char *dot = strchr(token, '.');
    if (!dot) return __ATOMIC_RELAXED;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strcmp(dot, names[k].name) == 0) return names[k].order;
    malformed(token);
    return 0;
}

static unsigned word_of(char c)
{
    return c == 'p' ? LITMUS_PLAIN : (unsigned)(c - 'x');
}

static uint64_t digit(char c)
{
    return (uint64_t)(c - '0');
}

/* token[0] is a register. */
static litmus_step into_register(const char *token)
{
    litmus_step step = {.reg = (unsigned)(token[0] - 'a'), .order = order_of(token)};
    if (token[2] == '=') {
        step.kind = LITMUS_IF;
        step.value = digit(token[3]);
        return step;
    }
    step.word = word_of(token[2]);
    step.kind = token[3] == '+' ? LITMUS_ADD : token[3] == '?' ? LITMUS_CAS : LITMUS_LOAD;
    if (step.kind == LITMUS_ADD) step.value = digit(token[4]);
    if (step.kind == LITMUS_CAS) {
        step.want = digit(token[4]);
        step.value = digit(token[6]);
    }
    return step;
}

static litmus_step step_of(const char *token)
{
    char c = token[0];
    if (c == 'F') return (litmus_step){.kind = LITMUS_FENCE, .order = order_of(token)};
    if (c >= 'a' && c < 'a' + LITMUS_REGISTERS) return into_register(token);
    if (!strchr("xyzp", c) || token[1] != '=' || !isdigit((unsigned char)token[2])) {
        malformed(token);
    }
    return (litmus_step){.kind = LITMUS_STORE, .word = word_of(c), .value = digit(token[2]),
                         .order = order_of(token)};
}

static unsigned registers; /* of the program: a .. */

static void parse(const char *text)
{
    char copy[256], *rest = copy;
    unsigned n = 0;
    (void)snprintf(copy, sizeof copy, "%s", text);
    litmus = (litmus_program){.threads = 1};
    registers = 0;
    for (char *token = strtok_r(rest, " ", &rest); token; token = strtok_r(NULL, " ", &rest)) {
        if (token[0] == '|') {
            litmus.threads++;
            n = 0;
            continue;
        }
        if (litmus.threads > LITMUS_THREADS || n == LITMUS_STEPS) malformed(text);
        litmus_step step = step_of(token);
        bool uses = step.kind != LITMUS_FENCE && step.kind != LITMUS_STORE;
        if (uses && step.reg >= registers) registers = step.reg + 1;
        litmus.steps[litmus.threads - 1][n++] = step;
    }
}

/* ---- the outcomes that are seen -------------------------------------------------------------- */

static const row *current;
static char seen[OUTCOMES][DIGITS];
static size_t seen_count;

static void record(void)
{
    char outcome[DIGITS];
    unsigned n = 0;
    for (; n < registers; n++) outcome[n] = (char)('0' + litmus_registers[n]);
    for (const char *f = current->finals; *f; f++)
        outcome[n++] = (char)('0' + litmus_words[word_of(*f)]);
    outcome[n] = 0;
    for (size_t k = 0; k < seen_count; k++)
        if (strcmp(seen[k], outcome) == 0) return;
    if (seen_count < OUTCOMES) memcpy(seen[seen_count++], outcome, sizeof outcome);
}

static bool lists(const char *list, const char *outcome)
{
    size_t length = strlen(outcome);
    for (const char *at = list; (at = strstr(at, outcome)) != NULL; at += length) {
        bool starts = at == list || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == 0)) return true;
    }
    return false;
}

static bool was_seen(const char *outcome)
{
    for (size_t k = 0; k < seen_count; k++)
        if (strcmp(seen[k], outcome) == 0) return true;
    return false;
}

/* The first difference to the table goes to `why`. */
static bool as_listed(char *why, size_t room)
{
    const char *lists_of_seen[] = {current->allowed, current->extra};
    for (size_t k = 0; k < seen_count; k++) {
        if (lists(current->allowed, seen[k]) || lists(current->extra, seen[k])) continue;
        (void)snprintf(why, room, "%s was seen", seen[k]);
        return false;
    }
    for (size_t l = 0; l < 2; l++) {
        for (const char *at = lists_of_seen[l]; *at; at += strspn(at, " ")) {
            char outcome[DIGITS];
            size_t length = strcspn(at, " ");
            (void)snprintf(outcome, sizeof outcome, "%.*s", (int)length, at);
            at += length;
            if (was_seen(outcome)) continue;
            (void)snprintf(why, room, "%s was not seen", outcome);
            return false;
        }
    }
    return true;
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool agrees(const row *r, char *why, size_t room, uint64_t *schedules)
{
    thetis_check_scenario scenario = {.name = r->name, .setup = litmus_setup,
                                      .body = litmus_body, .done = record};
    tst_phase phase = {.strategy = &tst_strategy_dfs, .weak = true, .most = MOST};
    current = r;
    seen_count = 0;
    parse(r->program);
    scenario.threads = litmus.threads;
    tst_campaign_open(&scenario);
    tst_phase_run(&scenario, &phase, 1, NULL);
    *schedules = phase.schedules;
    const char *found = phase.verdict ? phase.verdict : "";
    const char *wanted = strcmp(r->allowed, "race") == 0 ? "race" : "";
    (void)snprintf(why, room, "verdict '%s', not '%s'", found, wanted);
    if (strcmp(found, wanted) != 0) return false;
    (void)snprintf(why, room, "the search is not complete after %d schedules", (int)MOST);
    return *wanted || (phase.complete && as_listed(why, room));
}

static const struct {
    enum tst_fault fault;
    const char *name;
} faults[] = {
    {TST_FAULT_SC_JOIN, "seq_cst joins a global view"},
    {TST_FAULT_SC_WEAK, "seq_cst is acq_rel"},
    {TST_FAULT_COHERENCE, "what was read is forgotten"},
    {TST_FAULT_SEQUENCE, "a read-modify-write ends a release sequence"},
    {TST_FAULT_NO_READ_CLOCKS, "reads make no race"},
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

/* The rows that notice a fault. */
static unsigned noticed(enum tst_fault fault, const char **first)
{
    char why[128];
    uint64_t schedules;
    unsigned n = 0;
    tst_fault = fault;
    for (size_t k = 0; k < ROWS; k++) {
        if (agrees(&rows[k], why, sizeof why, &schedules)) continue;
        if (n++ == 0) *first = rows[k].name;
    }
    tst_fault = TST_FAULT_NONE;
    return n;
}

/* The rows in which the tester shows less, or more, than C++20 allows. */
static void print_differences(void)
{
    for (size_t k = 0; k < ROWS; k++) {
        if (*rows[k].hidden) printf("# not covered: %s %s\n", rows[k].name, rows[k].hidden);
        if (*rows[k].extra) printf("# too weak: %s %s\n", rows[k].name, rows[k].extra);
    }
}

int main(void)
{
    char why[128] = "";
    uint64_t schedules, failed = 0;
    tst_dfs_bound = TST_DFS_NO_BOUND;
    printf("1..%d\n", (int)(ROWS + FAULTS));
    for (size_t k = 0; k < ROWS; k++) {
        bool ok = agrees(&rows[k], why, sizeof why, &schedules);
        printf("%sok %zu - litmus %s: %llu schedules%s%s\n", ok ? "" : "not ", k + 1,
               rows[k].name, (unsigned long long)schedules, ok ? "" : ": ", ok ? "" : why);
        failed += !ok;
    }
    for (size_t k = 0; k < FAULTS; k++) {
        const char *first = "none";
        unsigned n = noticed(faults[k].fault, &first);
        printf("%sok %zu - fault: %s: %u rows differ, the first is %s\n", n ? "" : "not ",
               ROWS + k + 1, faults[k].name, n, first);
        failed += n == 0;
    }
    print_differences();
    return failed ? 1 : 0;
}
