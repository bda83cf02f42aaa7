/* SPDX-License-Identifier: MIT
 *
 * test_engine.c: the tester on code of which every answer is known: what is a step, what is a
 * race, what the heap gives, that runs repeat, what only one way of looking finds; and that its
 * checks notice a broken tester.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/campaign.h"
#include "model/engine_code.h"

static unsigned tests, failures;

static void result(bool ok, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void result(bool ok, const char *format, ...)
{
    va_list args;
    printf("%sok %u - ", ok ? "" : "not ", ++tests);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
    failures += !ok;
}

/* The first verdict of up to `most` random schedules, "" if all passed. */
static const char *verdict_of(const thetis_check_scenario *scenario, bool weak, uint64_t most)
{
    tst_phase phase = {.strategy = &tst_strategy_random, .weak = weak, .most = most};
    tst_campaign_open(scenario);
    tst_phase_run(scenario, &phase, 1, NULL);
    return phase.verdict ? phase.verdict : "";
}

static bool has(const thetis_check_scenario *scenario, const char *verdict)
{
    return strcmp(verdict_of(scenario, true, 100), verdict) == 0;
}

/* ---- steps and races ------------------------------------------------------------------------- */

static void test_case(const engine_case *c)
{
    engine_current = c;
    const char *verdict = verdict_of(&engine_in_order, true, 100);
    result(*verdict == 0, "%s: in order: %s", c->name, *verdict ? verdict : "no verdict");
    result(tst.ops[0].max == c->steps, "%s: %llu steps of %llu", c->name,
           (unsigned long long)tst.ops[0].max, (unsigned long long)c->steps);
    tst.tracing = true;
    verdict = verdict_of(&engine_in_order, true, 100);
    tst.tracing = false;
    result(*verdict == 0 && tst.ops[0].max == c->steps, "%s: traced, the same", c->name);
    verdict = verdict_of(&engine_unordered, true, 100);
    result(strcmp(verdict, c->races ? "race" : "") == 0, "%s: unordered: %s", c->name,
           *verdict ? verdict : "no verdict");
}

static void test_sizes(void)
{
    result(has(&engine_byte_compare, ""), "a byte is compared without its neighbour");
    result(has(&engine_byte_order, "assertion"), "its stores have no order with the next one's");
    result(has(&engine_byte_release, "race"), "nor do they release what the next one's do");
    result(has(&engine_byte_many, ""), "each may be accessed by all threads, in all ways");
    result(has(&engine_half, ""), "a half that is written plainly is a part of the whole");
}

/* ---- the same seed, the same run ------------------------------------------------------------- */

static uint64_t hash;
static uint64_t hashed;

static void take_hash(void)
{
    hash = (hash ^ tst.hash) * 0x100000001B3u;
    hashed++;
}

static uint64_t hash_of(const tst_strategy *strategy, bool weak, uint64_t seed)
{
    thetis_check_scenario scenario = engine_mixture;
    tst_phase phase = {.strategy = strategy, .weak = weak, .most = 200};
    scenario.done = take_hash;
    hash = hashed = 0;
    tst_campaign_open(&scenario);
    tst_phase_run(&scenario, &phase, seed, NULL);
    return phase.verdict ? 0 : hash;
}

static void test_repeats(const tst_strategy *s, bool weak)
{
    uint64_t one = hash_of(s, weak, 1), runs = hashed;
    result(runs > 1 && one == hash_of(s, weak, 1), "%s, %s: %llu runs, hash %016llx", s->name,
           weak ? "weak" : "sc", (unsigned long long)runs, (unsigned long long)one);
}

static void test_all_repeat(void)
{
#define X(name)                                                                                 \
    test_repeats(&tst_strategy_##name, true);                                                   \
    test_repeats(&tst_strategy_##name, false);
#include "check/strategies.def"
#undef X
    result(hash_of(&tst_strategy_random, true, 1) != hash_of(&tst_strategy_random, true, 2),
           "another seed: another run");
}

/* ---- the heap -------------------------------------------------------------------------------- */

/* One schedule, in which the k-th allocation fails. */
static void run_once(const thetis_check_scenario *scenario, bool reuse, uint64_t k)
{
    tst_campaign_open(scenario);
    tst.strategy = &tst_strategy_random;
    tst.weak = true;
    tst.reuse = reuse;
    tst.fail_alloc = k;
    tst_random_seed(1, 0);
    tst_run_schedule();
    tst.reuse = false;
    tst.fail_alloc = 0;
}

static void test_allocation(void)
{
    for (uint64_t k = 0; k <= ENGINE_BLOCKS; k++) {
        unsigned missing = 0;
        run_once(&engine_keeps, false, k);
        for (unsigned b = 0; b < ENGINE_BLOCKS; b++) missing |= (unsigned)!engine_blocks[b] << b;
        result(!tst.verdict && missing == (k ? 1u << (k - 1) : 0), "allocation %llu fails",
               (unsigned long long)k);
    }
    run_once(&engine_keeps, false, 0);
    result(engine_seen == 0xCDCDCDCDCDCDCDCD, "new memory is filled");
    run_once(&engine_frees, false, 0);
    result(engine_blocks[0] != engine_blocks[1], "freed memory does not come back");
    run_once(&engine_frees, true, 0);
    result(engine_blocks[0] == engine_blocks[1], "unless reuse is wanted");
    result(has(&engine_family, ""), "calloc, realloc, aligned_alloc, posix_memalign");
    result(has(&engine_stale, "use after free"), "freed memory is not read");
    result(has(&engine_beyond, "use after free"), "nor what is behind a block");
    result(has(&engine_beyond_wide, "use after free"), "not even half of it");
    result(has(&engine_inside, "use after free"), "what is no block is not freed");
    result(has(&engine_publish, ""), "memory has nothing from an earlier schedule");
    run_once(&engine_given, false, 1);
    result(!tst.verdict && !engine_blocks[0], "allocations of setup do not fail");
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_time(void)
{
    run_once(&engine_clock, false, 0);
    int64_t first[2] = {engine_times[0], engine_times[1]};
    run_once(&engine_clock, false, 0);
    result(first[0] == engine_times[0] && first[1] == engine_times[1], "time repeats");
    result(first[0] < first[1] && first[1] < 1000, "time passes with the steps");
}

/* ---- what only one way of looking finds ------------------------------------------------------ */

extern const thetis_check_scenario control_aba, control_casloop;

static const char *found_by(const thetis_check_scenario *scenario, const tst_strategy *strategy,
                            bool reuse)
{
    tst_phase phase = {.strategy = strategy, .weak = true, .reuse = reuse, .most = 3000};
    tst_campaign_open(scenario);
    tst_phase_run(scenario, &phase, 1, NULL);
    return phase.verdict ? phase.verdict : "";
}

static void test_finders(void)
{
    const char *quarantined = found_by(&control_aba, &tst_strategy_random, false);
    result(*quarantined == 0, "ABA: not without reuse");
    const char *reused = found_by(&control_aba, &tst_strategy_random, true);
    result(strcmp(reused, "assertion") == 0, "ABA: with reuse");
#define X(name)                                                                                 \
    if (&tst_strategy_##name != &tst_strategy_adversary) {                                      \
        const char *verdict = found_by(&control_casloop, &tst_strategy_##name, false);          \
        result(*verdict == 0, "a loop of compare-and-swaps: not by " #name);                    \
    }
#include "check/strategies.def"
#undef X
    const char *growth = found_by(&control_casloop, &tst_strategy_adversary, false);
    result(strcmp(growth, "growth") == 0, "a loop of compare-and-swaps: by the adversary");
}

/* ---- faults of the tester -------------------------------------------------------------------- */

static void test_fault(enum tst_fault fault, const char *name,
                       const thetis_check_scenario *scenario, const char *verdict)
{
    bool found = has(scenario, verdict);
    tst_fault = fault;
    bool still = has(scenario, verdict);
    tst_fault = TST_FAULT_NONE;
    result(found && !still, "fault: %s: '%s' is missed", name, verdict);
}

int main(void)
{
    for (size_t k = 0; k < engine_case_count; k++) test_case(&engine_cases[k]);
    test_sizes();
    test_all_repeat();
    test_allocation();
    test_time();
    test_finders();
    result(has(&engine_over, "bound"), "a step too many");
    result(has(&engine_nested, "assertion"), "an operation in an operation, which hides it");
    result(strcmp(verdict_of(&engine_turns, true, 200), "") == 0, "loops are no spin together");
    test_fault(TST_FAULT_NO_QUARANTINE, "no quarantine", &engine_stale, "use after free");
    test_fault(TST_FAULT_NO_BOUND, "bounds are not checked", &engine_over, "bound");
    printf("1..%u\n", tests);
    return failures ? 1 : 0;
}
