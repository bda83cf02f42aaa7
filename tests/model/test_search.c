/* SPDX-License-Identifier: MIT
 *
 * test_search.c: the strategies pct, dfs and dpor, on programs of a few steps.
 *
 * What a schedule did is remembered as a trace: for each operation what it answered and how many
 * writes to its word came before it. Two schedules have the same trace if and only if they differ
 * in the order of independent steps alone, so that dpor must see each of dfs's traces exactly once.
 * Numbers of schedules are those counted by hand or by formula.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/campaign.h"
#include "check/search.h"
#include "model/search_programs.h"

/* ---- results --------------------------------------------------------------------------------- */

static unsigned failures;

#define CHECK(cond, ...)                                                                        \
    do {                                                                                        \
        if (cond) break;                                                                        \
        printf("# %s:%d: %s: ", __FILE__, __LINE__, #cond);                                     \
        printf(__VA_ARGS__);                                                                    \
        printf("\n");                                                                           \
        failures++;                                                                             \
    } while (0)

/* ---- traces ---------------------------------------------------------------------------------- */

static uint64_t trace[PROGRAM_THREADS]; /* of this schedule */
static uint64_t written[PROGRAM_WORDS + 1]; /* writes so far; the last one is the clock */

static uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ b) * 0x9E3779B97F4A7C15u + 0x165667B19E3779F9u;
    z = (z ^ z >> 29) * 0xBF58476D1CE4E5B9u;
    return z ^ z >> 32;
}

void program_note(unsigned thread, const program_op *op, bool writes, uint64_t value)
{
    uint64_t before = 0;
    if (op->kind == OP_CLOCK) before = written[PROGRAM_WORDS]++;
    else if (op->kind < OP_FENCE || op->kind == OP_WAIT || op->kind == OP_PAUSE) {
        before = written[op->word];
    }
    if (writes) written[op->word]++;
    trace[thread] = mixed(mixed(trace[thread], before), value);
}

static uint64_t trace_now(void)
{
    uint64_t all = 1;
    for (unsigned t = 0; t < PROGRAM_THREADS; t++) all = mixed(all, trace[t]);
    return all ? all : 1;
}

typedef struct trace_set {
    uint64_t *at; /* open addressing; 0: free */
    size_t count, room;
} trace_set;

static void set_add(trace_set *set, uint64_t value);

static void set_grow(trace_set *set)
{
    trace_set more = {.room = set->room ? set->room * 2 : 64};
    more.at = calloc(more.room, sizeof *more.at);
    if (!more.at) exit(2);
    for (size_t k = 0; k < set->room; k++)
        if (set->at[k]) set_add(&more, set->at[k]);
    free(set->at);
    *set = more;
}

static void set_add(trace_set *set, uint64_t value)
{
    if (set->count * 2 >= set->room) set_grow(set);
    size_t k = value % set->room;
    while (set->at[k] && set->at[k] != value) k = (k + 1) % set->room;
    if (!set->at[k]) set->count++;
    set->at[k] = value;
}

static bool set_has(const trace_set *set, uint64_t value)
{
    size_t k = value % set->room;
    while (set->at[k] && set->at[k] != value) k = (k + 1) % set->room;
    return set->at[k] != 0;
}

static bool set_equal(const trace_set *a, const trace_set *b)
{
    if (a->count != b->count) return false;
    for (size_t k = 0; k < a->room; k++)
        if (a->at[k] && !set_has(b, a->at[k])) return false;
    return true;
}

/* ---- searches -------------------------------------------------------------------------------- */

typedef struct search_result {
    uint64_t schedules;
    trace_set traces;
    bool failed; /* with a verdict; the search ends there */
} search_result;

static void one_schedule(const tst_strategy *s, uint64_t n)
{
    do {
        memset(trace, 0, sizeof trace);
        memset(written, 0, sizeof written);
        tst_random_seed(1, n);
        if (s->begin) s->begin(n);
        tst_run_schedule();
        if (tst.grew && s->learned) s->learned();
    } while (tst.grew);
}

static search_result search(const tst_strategy *s, const thetis_check_scenario *scenario,
                            bool weak, uint64_t most)
{
    search_result r = {0};
    tst_campaign_open(scenario);
    tst.strategy = s;
    tst.weak = weak;
    tst.rounds = 1;
    tst.victim = TST_THREADS;
    tst.limit = 1000;
    if (s->open) s->open();
    for (uint64_t n = 0; n < most && !r.failed; n++) {
        one_schedule(s, n);
        r.schedules++;
        r.failed = tst.verdict != NULL;
        uint64_t repeated = tst_dpor.repeated;
        bool more = !r.failed && (!s->more || s->more());
        if (!r.failed && tst_dpor.repeated == repeated) set_add(&r.traces, trace_now());
        if (!more) break;
    }
    return r;
}

static uint64_t count(const tst_strategy *s, const thetis_check_scenario *scenario, bool weak,
                      unsigned bound)
{
    tst_dfs_bound = bound;
    search_result r = search(s, scenario, weak, UINT64_MAX);
    CHECK(!r.failed, "%s: %s: %s", scenario->name, tst.verdict, tst.text);
    free(r.traces.at);
    return r.schedules;
}

/* ---- programs -------------------------------------------------------------------------------- */

static const thetis_check_scenario *program_of(unsigned threads, int order)
{
    program_now = (program){.threads = threads, .order = order};
    return &program_scenarios[threads];
}

static void add_op(unsigned thread, program_op op)
{
    program_now.op[thread][program_now.count[thread]++] = op;
}

/* `count[t]` additions to one word in thread t. */
static const thetis_check_scenario *additions(unsigned threads, const unsigned *counts)
{
    const thetis_check_scenario *s = program_of(threads, __ATOMIC_SEQ_CST);
    for (unsigned t = 0; t < threads; t++)
        for (unsigned k = 0; k < counts[t]; k++)
            add_op(t, (program_op){.kind = OP_ADD, .value = 1});
    return s;
}

/* ---- dfs ------------------------------------------------------------------------------------- */

static uint64_t over(uint64_t n, uint64_t k)
{
    uint64_t ways = 1;
    for (uint64_t j = 1; j <= k; j++) ways = ways * (n - k + j) / j;
    return ways;
}

/* The scenario without the flag that makes starts of threads decisions. */
static uint64_t count_lazily(const thetis_check_scenario *s, unsigned bound)
{
    thetis_check_scenario lazy = *s;
    lazy.flags = THETIS_CHECK_LEAKS;
    return count(&tst_strategy_dfs, &lazy, false, bound);
}

/* All interleavings of m and n steps; with one preemption m + n; with two, one in each thread. */
static void dfs_counts_two(void)
{
    for (unsigned m = 1; m <= 5; m++)
        for (unsigned n = 1; n <= 5; n++) {
            const thetis_check_scenario *s = additions(2, (unsigned[]){m, n});
            uint64_t all = count_lazily(s, TST_DFS_NO_BOUND);
            CHECK(all == over(m + n, m), "%u, %u: %" PRIu64, m, n, all);
            CHECK(tst_dfs.all && tst_dfs.repeated == 0, "%u, %u", m, n);
            (void)count_lazily(s, 0);
            CHECK(tst_dfs.schedules == 2 && tst_dfs_complete == 0, "%u, %u", m, n);
        }
}

/* How many schedules of `left` further steps use exactly `preemptions`, if `self` runs. */
static uint64_t ways(unsigned *left, unsigned threads, unsigned self, unsigned preemptions)
{
    uint64_t sum = 0;
    bool some = false;
    for (unsigned t = 0; t < threads; t++) {
        unsigned cost = t != self && self < threads && left[self] > 0;
        if (left[t] == 0) continue;
        some = true;
        if (cost > preemptions) continue;
        left[t]--;
        sum += ways(left, threads, t, preemptions - cost);
        left[t]++;
    }
    return some ? sum : preemptions == 0;
}

/* Each bound counts as different what uses it up; together they are all interleavings. */
static void dfs_counts_bounds(void)
{
    unsigned counts[3] = {3, 2, 2};
    const thetis_check_scenario *s = additions(3, counts);
    uint64_t sum = 0;
    for (unsigned bound = 0; bound < 6; bound++) {
        sum += ways(counts, 3, 3, bound);
        (void)count_lazily(s, bound);
        CHECK(tst_dfs.schedules == sum, "bound %u: %" PRIu64 " for %" PRIu64, bound,
              tst_dfs.schedules, sum);
    }
    CHECK(sum == over(7, 3) * over(4, 2), "%" PRIu64, sum);
    CHECK(tst_dfs.all && tst_dfs_complete == 4, "%d", tst_dfs_complete);
    (void)count_lazily(s, 2);
    CHECK(!tst_dfs.all && tst_dfs_complete == 2, "%d", tst_dfs_complete);
}

static void dfs_counts_choices(void)
{
    const thetis_check_scenario *s = program_of(1, __ATOMIC_SEQ_CST);
    add_op(0, (program_op){.kind = OP_CHOOSE, .value = 3});
    add_op(0, (program_op){.kind = OP_CHOOSE, .value = 2});
    CHECK(count(&tst_strategy_dfs, s, false, 0) == 6, "choices in dfs");
    CHECK(tst_dfs.all, "no thread was left out");
    CHECK(count(&tst_strategy_dpor, s, false, 0) == 6, "choices in dpor");
}

/* One store between two loads: 3 + 2 + 1 ways to read, three different results. */
static void dfs_counts_values(void)
{
    thetis_check_scenario s = *program_of(2, __ATOMIC_RELAXED);
    s.flags = THETIS_CHECK_LEAKS;
    add_op(0, (program_op){.kind = OP_STORE, .value = 1});
    add_op(1, (program_op){.kind = OP_LOAD});
    add_op(1, (program_op){.kind = OP_LOAD});
    CHECK(count(&tst_strategy_dfs, &s, true, TST_DFS_NO_BOUND) == 6, "weak");
    CHECK(count(&tst_strategy_dfs, &s, false, TST_DFS_NO_BOUND) == 3, "sc");
    CHECK(count(&tst_strategy_dfs, &s, true, 0) == 4, "weak, no preemption");
}

/* Counted by dynamic programming over the states of a model of the ring. */
static void dfs_counts_ring(void)
{
    const tst_strategy *dfs = &tst_strategy_dfs;
    uint64_t sc = count(dfs, &program_ring_hidden, false, TST_DFS_NO_BOUND);
    uint64_t weak = count(dfs, &program_ring_hidden, true, TST_DFS_NO_BOUND);
    CHECK(sc == 63754, "%" PRIu64, sc);
    CHECK(weak == 463385, "%" PRIu64, weak);
    sc = count(dfs, &program_ring, false, TST_DFS_NO_BOUND);
    CHECK(sc == 310815, "%" PRIu64, sc);
}

/* ---- dpor ------------------------------------------------------------------------------------ */

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % n);
}

typedef struct recipe {
    const char *name;
    const op_kind *kinds;
    unsigned kind_count;
    unsigned most[2]; /* operations of a thread: of two threads, of three */
    bool exact;       /* dpor's traces are those noted: as many schedules as traces */
    bool starts;      /* what a thread does before its first access is a step of dfs */
} recipe;

static thetis_check_scenario random_program(const recipe *r, uint64_t seed)
{
    state = seed * 0x9E3779B97F4A7C15u + 1;
    unsigned threads = 2 + below(2), words = 1 + below(PROGRAM_WORDS);
    thetis_check_scenario s = *program_of(threads, __ATOMIC_SEQ_CST);
    if (!r->starts) s.flags = THETIS_CHECK_LEAKS;
    for (unsigned t = 0; t < threads; t++)
        for (unsigned left = 1 + below(r->most[threads - 2]); left > 0; left--) {
            program_op op = {r->kinds[below(r->kind_count)], below(words), below(3), below(2)};
            if (op.kind == OP_CHOOSE) op.value = 2;
            add_op(t, op);
        }
    return s;
}

typedef struct comparison {
    unsigned programs, different, failing;
    uint64_t dfs, dpor, repeated;
} comparison;

static void compare_one(const recipe *r, uint64_t seed, comparison *c)
{
    const thetis_check_scenario s = random_program(r, seed);
    tst_dfs_bound = TST_DFS_NO_BOUND;
    search_result all = search(&tst_strategy_dfs, &s, false, UINT64_MAX);
    search_result some = search(&tst_strategy_dpor, &s, false, UINT64_MAX);
    bool same = all.failed == some.failed;
    if (!all.failed && same) {
        same = set_equal(&all.traces, &some.traces) && tst_dpor.all;
        if (r->exact) same = same && tst_dpor.schedules == some.traces.count;
        c->dfs += all.schedules;
        c->dpor += some.schedules;
        c->repeated += tst_dpor.repeated;
    }
    c->programs++;
    c->failing += all.failed;
    c->different += !same;
    free(all.traces.at);
    free(some.traces.at);
}

static comparison compare(const recipe *r, unsigned programs)
{
    comparison c = {0};
    for (unsigned k = 0; k < programs; k++) compare_one(r, k, &c);
    printf("# %s: %u programs, %u with a verdict, %u differ; %" PRIu64 " schedules of dfs, "
           "%" PRIu64 " of dpor, %" PRIu64 " of them repeated\n",
           r->name, c.programs, c.failing, c.different, c.dfs, c.dpor, c.repeated);
    return c;
}

#define KINDS(...)                                                                              \
    .kinds = (const op_kind[]){__VA_ARGS__},                                                    \
    .kind_count = sizeof((const op_kind[]){__VA_ARGS__}) / sizeof(op_kind)

static const recipe recipes[] = {
    {"atomics", KINDS(OP_LOAD, OP_STORE, OP_ADD, OP_SWAP, OP_COMPARE, OP_LOAD), {4, 3},
     true, false},
    {"choices", KINDS(OP_LOAD, OP_STORE, OP_CHOOSE, OP_COMPARE_WEAK, OP_FENCE), {4, 2},
     true, false},
    {"time", KINDS(OP_LOAD, OP_STORE, OP_ADD, OP_CLOCK), {4, 3}, true, true},
    {"plain", KINDS(OP_READ, OP_WRITE, OP_ADD, OP_LOAD, OP_LOAD), {3, 2}, true, false},
    {"wait", KINDS(OP_LOAD, OP_STORE, OP_STORE, OP_WAIT), {4, 2}, false, true},
    {"pause", KINDS(OP_LOAD, OP_STORE, OP_STORE, OP_PAUSE), {2, 1}, false, true},
    {"free", KINDS(OP_LOAD, OP_STORE, OP_USE, OP_FREE), {3, 2}, false, false},
};

enum { RECIPES = sizeof recipes / sizeof recipes[0], PROGRAMS = 1000 };

static void dpor_sees_all(void)
{
    for (size_t k = 0; k < RECIPES; k++) {
        comparison c = compare(&recipes[k], PROGRAMS);
        CHECK(c.different == 0, "%s", recipes[k].name);
        CHECK(c.failing < c.programs, "%s: no program was compared", recipes[k].name);
    }
}

/* A block that is free comes back: no step shows it, and the fences are independent. */
static void dpor_sees_frees(void)
{
    const thetis_check_scenario *s = program_of(2, __ATOMIC_SEQ_CST);
    for (unsigned t = 0; t < 2; t++) {
        add_op(t, (program_op){.kind = OP_FENCE});
        add_op(t, (program_op){.kind = t == 0 ? OP_FREE : OP_ALLOC});
    }
    tst.reuse = true;
    search_result r = search(&tst_strategy_dpor, s, false, UINT64_MAX);
    tst.reuse = false;
    CHECK(!r.failed && r.traces.count == 2, "%zu", r.traces.count);
    free(r.traces.at);
}

/* A word that is set, cleared and set again. Who waits for it goes on after the first store, and
 * then loads the word after any of the three; or after the last. */
static void dpor_sees_waits(void)
{
    for (unsigned first = 0; first < 2; first++) {
        const thetis_check_scenario *s = program_of(2, __ATOMIC_SEQ_CST);
        if (first) add_op(0, (program_op){.kind = OP_WAIT, .word = 1});
        for (uint64_t k = 0; k < 3; k++)
            add_op(0, (program_op){.kind = OP_STORE, .value = 1 - k % 2});
        if (first) add_op(1, (program_op){.kind = OP_STORE, .word = 1, .value = 1});
        else add_op(1, (program_op){.kind = OP_FENCE});
        add_op(1, (program_op){.kind = OP_WAIT});
        add_op(1, (program_op){.kind = OP_LOAD});
        search_result r = search(&tst_strategy_dpor, s, false, UINT64_MAX);
        CHECK(!r.failed && r.traces.count == 4, "%u: %zu", first, r.traces.count);
        free(r.traces.at);
    }
}

static void dpor_fault_is_seen(void)
{
    tst_dpor_fault = true;
    comparison c = compare(&recipes[0], PROGRAMS);
    tst_dpor_fault = false;
    CHECK(c.different > 0, "a search without read-write races passes");
}

static void dpor_reduces(void)
{
    uint64_t ring = count(&tst_strategy_dpor, &program_ring, false, 0);
    CHECK(ring == 44 && tst_dpor.all, "%" PRIu64, ring);
    (void)count(&tst_strategy_dpor, &program_ring, true, 0);
    CHECK(tst_dpor.refused && !tst_dpor.all, "the weak model");
}

/* ---- pct ------------------------------------------------------------------------------------- */

static unsigned preemptions;

static unsigned counting_thread(unsigned self, unsigned able)
{
    unsigned go = tst_strategy_pct.thread(self, able);
    if (self < TST_THREADS && go != self && (able >> self & 1)) preemptions++;
    return go;
}

/* At most depth - 1 changes, which only a change of priorities makes. */
static void pct_changes_seldom(void)
{
    tst_strategy counting = tst_strategy_pct;
    unsigned most[5] = {0};
    counting.thread = counting_thread;
    const thetis_check_scenario *s = additions(3, (unsigned[]){6, 6, 6});
    search_result r = search(&counting, s, false, 1);
    free(r.traces.at);
    for (uint64_t n = 0; n < 5000; n++) {
        preemptions = 0;
        one_schedule(&counting, n);
        if (preemptions > most[n % 5]) most[n % 5] = preemptions;
    }
    for (unsigned k = 0; k < 5; k++) CHECK(most[k] == k + 2, "depth %u: %u", k + 3, most[k]);
}

static void pct_reaches_all(void)
{
    const thetis_check_scenario *s = additions(2, (unsigned[]){3, 3});
    search_result r = search(&tst_strategy_pct, s, false, 5000);
    CHECK(r.traces.count == over(6, 3), "%zu interleavings", r.traces.count);
    free(r.traces.at);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"dfs counts two threads", dfs_counts_two},
    {"dfs counts each bound", dfs_counts_bounds},
    {"dfs counts choices", dfs_counts_choices},
    {"dfs counts values", dfs_counts_values},
    {"dfs counts the ring", dfs_counts_ring},
    {"dpor sees all", dpor_sees_all},
    {"dpor sees frees", dpor_sees_frees},
    {"dpor sees waits", dpor_sees_waits},
    {"dpor's fault is seen", dpor_fault_is_seen},
    {"dpor reduces", dpor_reduces},
    {"pct changes seldom", pct_changes_seldom},
    {"pct reaches all", pct_reaches_all},
};

int main(void)
{
    unsigned total = sizeof tests / sizeof tests[0], failed = 0;
    printf("TAP version 13\n1..%u\n", total);
    for (unsigned k = 0; k < total; k++) {
        failures = 0;
        tests[k].run();
        printf("%s %u - %s\n", failures ? "not ok" : "ok", k + 1, tests[k].name);
        failed += failures != 0;
    }
    return failed ? 1 : 0;
}
