/* SPDX-License-Identifier: MIT
 *
 * test_replay.c: the tester's crash and adversary strategies, replay, shrinking and its report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/test.h"
#include "check/log.h"
#include "check/progress.h"
#include "check/replay.h"
#include "model/replay_scenarios.h"
#include "check/report.h"

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

static char *log_text(const tst_log *log)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    tst_log_print(out, log);
    (void)fclose(out);
    return text;
}

/* The log as text and back; the caller frees it. */
static tst_log through_text(const tst_log *log)
{
    tst_log again = {0};
    char *text = log_text(log);
    CHECK(tst_log_parse(&again, text));
    free(text);
    return again;
}

/* Values for places where none is read: they must be passed over. */
static tst_log with_stale_values(const tst_log *log)
{
    tst_log more = {0};
    for (uint8_t t = 0; t < tst.scenario->threads; t++)
        tst_log_add(&more, (tst_decision){0, t, TST_VALUE, 1});
    for (size_t k = 0; k < log->count; k++) tst_log_add(&more, log->at[k]);
    return more;
}

/* Both runs make the same steps and decide the same. */
static void same_again(void)
{
    uint64_t hash = tst.hash, points = tst.points;
    const char *verdict = tst.verdict;
    unsigned stopped = tst.stopped;
    tst_log before = through_text(&tst_decisions), log = with_stale_values(&before);
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
        use(n % 2 ? &scenario_lost : &scenario_strict, &tst_strategy_random, false);
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
    for (uint64_t n = 0; tst.rounds < 512; n++) one(n);
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
    const char *verdict = tst.verdict, *from = strstr(text, "--schedule \"");
    CHECK(from != NULL);
    from = strchr(from, '"') + 1;
    char *schedule = strndup(from, strcspn(from, "\""));
    tst_replay replay = {.schedule = schedule, .victim = tst.victim, .rounds = tst.rounds};
    use(scenario, &tst_strategy_random, weak);
    FILE *out = fopen("/dev/null", "w");
    CHECK_EQ(tst_replay_run(&replay, out), 1);
    CHECK_STR(tst.verdict, verdict);
    (void)fclose(out);
    free(schedule);
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
    CHECK(strstr(text, "   3  write slot = 1") != NULL);
    CHECK(strstr(text, "load rlx tail -> 1 [4]") != NULL);
    CHECK(strstr(text, "read slot -> 1 [3]") != NULL);
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

TEST(replay_learns_first)
{
    use(&scenario_hidden, &tst_strategy_random, true);
    (void)search(1000);
    CHECK_STR(tst.verdict, "bound");
    char *text = report_text();
    CHECK(strstr(text, "load rlx second_word  <-- bound") != NULL);
    replay_last_line(&scenario_hidden, true, text);
    free(text);
}

/* The log as the program would print it when it is given its text. */
static char *replay_text(const char *schedule)
{
    tst_replay replay = {.schedule = schedule, .victim = TST_THREADS};
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    CHECK_EQ(tst_replay_run(&replay, out), 0);
    (void)fclose(out);
    return text;
}

TEST(replay_shows_a_pass)
{
    static const char *const parts[] = {
        "write block#1 = 7", "choice 0", "store rel block = block#1", "begin replay.take", "wait",
        "load acq block -> block#1 [", "fence sc", "rmw acq_rel word 1 -> 9 [", "end replay.take: ",
        "replay-mixed: passes"};
    use(&scenario_mixed, &tst_strategy_random, true);
    char *text = replay_text("");
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
        if (!strstr(text, parts[k])) FAIL("no \"%s\" in\n%s", parts[k], text);
    check_width(text);
    free(text);
}

TEST(trace_tells_old_values)
{
    bool old = false;
    for (uint64_t n = 0; n < 100 && !old; n++) {
        use(&scenario_mixed, &tst_strategy_random, true);
        one(n);
        char *schedule = log_text(&tst_decisions), *text = replay_text(schedule);
        old = strstr(text, " newer]") != NULL;
        check_width(text);
        free(schedule);
        free(text);
    }
    CHECK(old);
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
          T(report_replays), T(report_of_three_threads), T(replay_learns_first),
          T(replay_shows_a_pass), T(trace_tells_old_values),
          T(crash_covers_every_index), T(crash_finds_a_lock), T(adversary_grows_a_cas_loop),
          T(adversary_leaves_an_addition_flat))
