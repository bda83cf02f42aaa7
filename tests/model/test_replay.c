/* SPDX-License-Identifier: MIT
 *
 * test_replay.c: the tester's crash and adversary strategies, replay, shrinking and its report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/test.h"
#include "log.h"
#include "progress.h"
#include "replay.h"
#include "replay_scenarios.h"
#include "report.h"

/* ---- running --------------------------------------------------------------------------------- */

static void use(const thetis_check_scenario *scenario, const tst_strategy *strategy, bool weak)
{
    tst_cells_forget();
    tst.scenario = scenario;
    tst.strategy = strategy;
    tst.weak = weak;
    tst.limit = 20000;
    tst.victim = TST_THREADS;
    tst.rounds = 1;
    tst.op_count = 0;
    tst.fences = false;
    if (strategy->open) strategy->open();
}

static void one(uint64_t n)
{
    do {
        tst_random_seed(1, n);
        if (tst.strategy->begin) tst.strategy->begin(n);
        tst_run_schedule();
        if (tst.grew && tst.strategy->learned) tst.strategy->learned();
    } while (tst.grew);
}

/* Runs schedules until one has a verdict or there are no more: how many. */
static uint64_t search(uint64_t most)
{
    for (uint64_t n = 0; n < most; n++) {
        one(n);
        if (tst.verdict || (tst.strategy->more && !tst.strategy->more())) return n + 1;
    }
    return most;
}

/* ---- replay ---------------------------------------------------------------------------------- */

/* The log as text and back; the caller frees it. */
static tst_log through_text(const tst_log *log)
{
    char *text = NULL;
    size_t bytes = 0;
    tst_log again = {0};
    FILE *out = open_memstream(&text, &bytes);
    tst_log_print(out, log);
    (void)fclose(out);
    CHECK(tst_log_parse(&again, text));
    free(text);
    return again;
}

/* Both runs make the same steps and decide the same. */
static void same_again(void)
{
    uint64_t hash = tst.hash, points = tst.points;
    const char *verdict = tst.verdict;
    unsigned stopped = tst.stopped;
    tst_log before = {0}, log = through_text(&tst_decisions);
    tst_log_copy(&before, &tst_decisions);
    tst_follow(&log);
    CHECK_EQ(tst.hash, hash);
    CHECK_EQ(tst.points, points);
    CHECK_EQ(tst.stopped, stopped);
    CHECK_STR(tst.verdict, verdict);
    CHECK_EQ(tst_decisions.count, before.count);
    tst_log_free(&before);
    tst_log_free(&log);
}

/* All is learned first: what a later schedule teaches may change what is a step of an earlier. */
static void replay_all(const thetis_check_scenario *scenario, const tst_strategy *strategy,
                       bool weak)
{
    use(scenario, strategy, weak);
    for (uint64_t n = 0; n < 200; n++) one(n);
    for (uint64_t n = 200; n < 200 + test_scale(3000); n++) {
        one(n);
        same_again();
        if (strategy->more) (void)strategy->more();
    }
}

TEST(replay_is_the_same_run)
{
    static const thetis_check_scenario *const scenarios[] = {
        &scenario_mixed, &scenario_ring, &scenario_lost, &scenario_lock};
    for (unsigned k = 0; k < 4; k++) {
        for (int weak = 0; weak < 2; weak++) {
            replay_all(scenarios[k], &tst_strategy_random, weak);
            if (scenarios[k] != &scenario_lock) {
                replay_all(scenarios[k], &tst_strategy_crash, weak);
            }
        }
    }
}

TEST(text_of_a_schedule)
{
    static const char *const wrong[] = {"1", "@3>1", "0@>1", "0@3>", "0@3>9", "9@3>1", "0@3?1",
                                        "0@3>1x", ">", "0@3!1", "0@99999999999999999999>1"};
    tst_log log = {0};
    CHECK(tst_log_parse(&log, " >1 0@17>1  1@12=2 2@5! "));
    CHECK_EQ(log.count, 4);
    CHECK_EQ(log.at[0].thread, TST_HARNESS);
    CHECK_EQ(log.at[1].at, 17);
    CHECK_EQ(log.at[2].choice, 2);
    CHECK_EQ(log.at[3].what, TST_STOP);
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        log.count = 0;
        if (tst_log_parse(&log, wrong[k])) FAIL("\"%s\" is taken for a schedule", wrong[k]);
    }
    tst_log_free(&log);
}

/* ---- shrinking ------------------------------------------------------------------------------- */

static size_t count_of(const tst_log *log, tst_decided what)
{
    size_t count = 0;
    for (size_t k = 0; k < log->count; k++) count += log->at[k].what == what;
    return count;
}

static tst_log shrunk(void)
{
    tst_log log = {0};
    const char *verdict = tst.verdict;
    CHECK(verdict != NULL);
    tst_log_copy(&log, &tst_decisions);
    (void)tst_shrink(&log);
    tst_follow(&log);
    CHECK_STR(tst.verdict, verdict);
    return log;
}

/* The producer must be interrupted once before its third push; nothing else. */
TEST(shrink_to_one_switch)
{
    for (uint64_t n = 0; n < test_scale(50); n++) {
        use(&scenario_ring, &tst_strategy_random, true);
        do one(n + 1000 * tst.id);
        while (!tst.verdict);
        CHECK_STR(tst.verdict, "race");
        tst_log log = shrunk();
        CHECK_EQ(log.count, 1);
        CHECK_EQ(count_of(&log, TST_SWITCH), 1);
        tst_log_free(&log);
    }
}

/* Thread 1 is left out; thread 0 or 2 is interrupted once, between a load and its store. */
TEST(shrink_leaves_a_thread_out)
{
    for (uint64_t n = 0; n < test_scale(50); n++) {
        use(&scenario_lost, &tst_strategy_random, false);
        do one(n + 1000 * tst.id);
        while (!tst.verdict);
        CHECK_STR(tst.verdict, "assertion");
        tst_log log = shrunk();
        CHECK_EQ(count_of(&log, TST_STOP), 1);
        CHECK(tst.stopped == 2);
        CHECK_EQ(count_of(&log, TST_SWITCH), 1);
        CHECK_EQ(log.count, 2);
        tst_log_free(&log);
    }
}

/* Under the adversary also the rounds: 20 steps need no more than 16 of two others. */
TEST(shrink_to_few_rounds)
{
    use(&scenario_cas_bound, &tst_strategy_adversary, false);
    (void)search(1000);
    CHECK_STR(tst.verdict, "bound");
    tst_log log = shrunk();
    CHECK(tst.rounds <= 16);
    tst_log_free(&log);
}

/* ---- the report ------------------------------------------------------------------------------ */

static char *report_text(void)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    tst_report_failure(out);
    (void)fclose(out);
    return text;
}

/* The table is that narrow; what follows it may have long names. */
static void check_width(const char *text)
{
    while (*text && !strstr("0123456789", (char[]){*text, 0})) {
        size_t length = strcspn(text, "\n");
        if (length > 100) FAIL("a line of %zu columns: %.*s", length, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* The schedule in the last line fails the same way in a tester that has learned nothing. */
static void replay_last_line(const thetis_check_scenario *scenario, bool weak, const char *text)
{
    static char schedule[65536];
    const char *from = strstr(text, "--schedule \"");
    CHECK(from != NULL);
    const char *verdict = tst.verdict;
    tst_replay replay = {.schedule = schedule, .victim = tst.victim, .rounds = tst.rounds};
    CHECK_EQ(sscanf(from, "--schedule \"%65535[^\"]", schedule), 1);
    use(scenario, &tst_strategy_random, weak);
    FILE *out = fopen("/dev/null", "w");
    CHECK_EQ(tst_replay_run(&replay, out), 1);
    CHECK_STR(tst.verdict, verdict);
    (void)fclose(out);
}

TEST(report_replays)
{
    use(&scenario_ring, &tst_strategy_random, true);
    (void)search(100000);
    char *text = report_text();
    fputs(text, stderr);
    check_width(text);
    CHECK(strstr(text, "<-- race") != NULL);
    CHECK(strstr(text, "begin ring.pop") != NULL);
    CHECK(strstr(text, "store rlx head = 1") != NULL);
    CHECK(strstr(text, "--scenario replay-ring --model weak --schedule \"0@") != NULL);
    replay_last_line(&scenario_ring, true, text);
    free(text);
}

TEST(report_of_three_threads)
{
    use(&scenario_lost, &tst_strategy_random, false);
    (void)search(100000);
    char *text = report_text();
    fputs(text, stderr);
    check_width(text);
    CHECK(strstr(text, "stopped for ever") != NULL);
    replay_last_line(&scenario_lost, false, text);
    free(text);
}

/* ---- crash ----------------------------------------------------------------------------------- */

enum { STEPS = 3 }; /* of scenario_straight: thread t makes t + 1 */

/* Which crash points there are: each victim at 0 .. its steps less one. */
static unsigned straight_points(unsigned set)
{
    unsigned points = 1;
    for (unsigned t = 0; t < 3; t++)
        if (set >> t & 1) points *= t + 1;
    return points;
}

TEST(crash_covers_every_index)
{
    static bool tried[8][STEPS][STEPS][STEPS];
    unsigned points[8] = {0}, all = 0;
    use(&scenario_straight, &tst_strategy_crash, true);
    for (uint64_t n = 0; n < 200; n++) {
        one(n);
        CHECK_STR(tst.verdict, NULL);
        CHECK(tst.strategy->more());
        const tst_thread *t = tst.threads;
        uint64_t at[3];
        for (unsigned k = 0; k < 3; k++) at[k] = tst.stopped >> k & 1 ? t[k].points : 0;
        for (unsigned k = 0; k < 3; k++) CHECK(tst.stopped >> k & 1 || t[k].state == TST_DONE);
        bool *now = &tried[tst.stopped][at[0]][at[1]][at[2]];
        points[tst.stopped] += !*now;
        *now = true;
    }
    for (unsigned set = 1; set < 7; set++) {
        CHECK_EQ(points[set], straight_points(set));
        all += points[set];
    }
    CHECK_EQ(points[7], 0);
    CHECK_EQ(tst_crash_points, all);
}

TEST(crash_finds_a_lock)
{
    use(&scenario_lock, &tst_strategy_random, false);
    CHECK_EQ(search(1000), 1000);
    use(&scenario_lock, &tst_strategy_crash, false);
    (void)search(1000);
    CHECK_STR(tst.verdict, "spin");
}

/* ---- adversary ------------------------------------------------------------------------------- */

static uint64_t steps_against(unsigned rounds)
{
    tst_growth g;
    for (size_t k = 0; tst_growth_at(k, &g); k++)
        if (g.rounds == rounds && g.op == 0) return g.steps;
    FAIL("no entry for %u rounds", rounds);
}

static void series(const thetis_check_scenario *scenario, bool weak)
{
    use(scenario, &tst_strategy_adversary, weak);
    CHECK_EQ(search(10000), 9 * 4 * scenario->threads);
    fprintf(stderr, "%s, %s:", scenario->name, weak ? "weak" : "sc");
    for (unsigned rounds = 2; rounds <= 512; rounds *= 2)
        fprintf(stderr, " %u: %llu", rounds, (unsigned long long)steps_against(rounds));
    fprintf(stderr, "\n");
}

TEST(adversary_grows_a_cas_loop)
{
    for (int weak = 0; weak < 2; weak++) {
        series(&scenario_cas, weak);
        CHECK_STR(tst.verdict, "growth");
        CHECK(steps_against(512) >= 100 * steps_against(2));
        char *text = report_text();
        CHECK(strstr(text, "--strategy adversary") != NULL);
        free(text);
        series(&scenario_cas_lockfree, weak);
        CHECK_STR(tst.verdict, NULL);
        CHECK(steps_against(512) >= 100 * steps_against(2));
    }
}

TEST(adversary_leaves_an_addition_flat)
{
    series(&scenario_add, true);
    CHECK_STR(tst.verdict, NULL);
    for (unsigned rounds = 2; rounds <= 512; rounds *= 2) CHECK_EQ(steps_against(rounds), 1);
}

TEST_MAIN(T(replay_is_the_same_run, .timeout_s = 120), T(text_of_a_schedule),
          T(shrink_to_one_switch), T(shrink_leaves_a_thread_out), T(shrink_to_few_rounds),
          T(report_replays), T(report_of_three_threads), T(crash_covers_every_index),
          T(crash_finds_a_lock), T(adversary_grows_a_cas_loop),
          T(adversary_leaves_an_addition_flat))
