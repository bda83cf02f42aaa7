/* SPDX-License-Identifier: MIT
 *
 * control_help.c: a wait-free fetch-and-increment by helping, in exactly 2N + 7 own steps, and its
 * faults. (Herlihy, "A methodology for implementing highly concurrent data objects", 1993,
 * section 4; Fatourou and Kallimanis, "A highly-efficient wait-free universal construction", 2011.)
 *
 * A thread announces its request and then, at most twice, copies the state with every announced
 * request applied and tries to put the copy in place. Whoever fails twice was overtaken by a copy
 * that was begun after the announcement, and so holds the answer.
 *
 * For that the announcement must come before the first read of the state in an order that all
 * threads agree on: seq_cst. A record is written once and never again.
 *
 * Steps: the announcement, the first read of `state`; twice: the record, N - 1 announcements, the
 * new record, the compare-and-swap; the answer: 1 + 1 + 2 (N + 2) + 1 = 2N + 7.
 */
#include <stdlib.h>
#include <thetis/check.h>

#include "orders.h"

enum { MOST = 4, COUNT_BITS = 16, ANSWER_BITS = 11, LOG = 1 << 12, RECORDS = 2 * MOST * LOG };

typedef struct help_variant {
    unsigned threads;
    uint64_t slack; /* what is taken off the bound */
    int announce, load, scan, cas, failed;
    bool alone;  /* applies only its own request, until it succeeds */
    bool once;   /* one attempt */
} help_variant;

static const help_variant *variant;
static unsigned threads; /* of the variant */
static uint64_t state;   /* number of a record */
static uint64_t announced[MOST];

/* A record is one word: the count, then for each thread the parity of its last request that was
 * applied, and the answer to it. */
static uint64_t records[RECORDS + MOST];

/* Each used by its thread alone. */
static struct {
    uint64_t asked, used;
} own[MOST];

/* For done(). */
static struct {
    uint64_t from, to, answer;
} history[MOST][LOG];

/* ---- records --------------------------------------------------------------------------------- */

static unsigned shift_of(unsigned thread)
{
    return COUNT_BITS + thread * (ANSWER_BITS + 1);
}

static uint64_t parity(uint64_t record, unsigned thread)
{
    return record >> shift_of(thread) & 1;
}

static uint64_t answer(uint64_t record, unsigned thread)
{
    return record >> (shift_of(thread) + 1) & ((1u << ANSWER_BITS) - 1);
}

static uint64_t apply(uint64_t record, unsigned thread, uint64_t asked)
{
    uint64_t count = record & ((1u << COUNT_BITS) - 1);
    uint64_t field = (uint64_t)((1u << (ANSWER_BITS + 1)) - 1) << shift_of(thread);
    uint64_t reply = (count & ((1u << ANSWER_BITS) - 1)) << 1 | (asked & 1);
    if (parity(record, thread) == (asked & 1)) return record;
    return ((record & ~field) | reply << shift_of(thread)) - count + ((count + 1) & 0xFFFF);
}

/* ---- the operation --------------------------------------------------------------------------- */

static uint64_t everything_applied(uint64_t record, unsigned me)
{
    for (unsigned t = 0; t < threads; t++) {
        uint64_t asked = t == me ? own[me].asked : order_load(&announced[t], variant->scan);
        if (t == me || !variant->alone) record = apply(record, t, asked);
    }
    return record;
}

static uint64_t increment(unsigned me)
{
    order_store(&announced[me], ++own[me].asked, variant->announce);
    uint64_t seen = order_load(&state, variant->load);
    for (int attempt = 0; attempt < (variant->once ? 1 : 2) || variant->alone; attempt++) {
        uint64_t at = 1 + me + own[me].used++ * threads;
        uint64_t record = everything_applied(records[seen], me);
        records[at] = record;
        if (order_cas(&state, &seen, at, variant->cas, variant->failed)) return answer(record, me);
    }
    return answer(records[seen], me);
}

/* ---- the scenario ---------------------------------------------------------------------------- */

static void make(const help_variant *with)
{
    variant = with;
    threads = with->threads;
    state = records[0] = 0;
    for (unsigned t = 0; t < MOST; t++) announced[t] = own[t].asked = own[t].used = 0;
}

static void body(unsigned me)
{
    static const char *const names[] = {"help-2.increment", "help-3.increment",
                                        "help-4.increment"};
    unsigned operations = thetis_check_rounds();
    for (unsigned k = 0; k < operations && k < LOG; k++) {
        history[me][k].from = thetis_check_clock();
        thetis_check_begin(names[threads - 2], 2 * threads + 7 - variant->slack);
        history[me][k].answer = increment(me);
        thetis_check_end();
        history[me][k].to = thetis_check_clock();
    }
}

/* Every answer once; and who came before has the smaller one. */
static void linearizable(void)
{
    static uint64_t from[1 << ANSWER_BITS], to[1 << ANSWER_BITS];
    uint64_t total = 0, latest = 0;
    for (unsigned t = 0; t < threads; t++) {
        if (thetis_check_stopped(t)) return; /* its last request may have been applied */
        total += own[t].asked;
    }
    if (total >= 1 << ANSWER_BITS) return;
    for (uint64_t k = 0; k < total; k++) to[k] = 0;
    for (unsigned t = 0; t < threads; t++) {
        for (uint64_t k = 0; k < own[t].asked; k++) {
            uint64_t a = history[t][k].answer;
            if (a >= total || to[a]) {
                thetis_check_fail("history", "an answer twice or too large", __FILE__, __LINE__);
            }
            from[a] = history[t][k].from;
            to[a] = history[t][k].to;
        }
    }
    for (uint64_t a = 0; a < total; a++) {
        if (to[a] < latest) {
            thetis_check_fail("history", "answers against real time", __FILE__, __LINE__);
        }
        if (from[a] > latest) latest = from[a];
    }
}

#define HELP(name_, text, threads_, flags_, expect_, ...)                                       \
    static void setup_##name_(void)                                                             \
    {                                                                                           \
        static const help_variant with = {.threads = threads_, __VA_ARGS__};                    \
        make(&with);                                                                            \
    }                                                                                           \
    const thetis_check_scenario control_help_##name_ = {                                        \
        .name = "control-help-" text, .threads = threads_, .rounds = 2, .expect = expect_,      \
        .setup = setup_##name_, .body = body, .done = linearizable, .flags = flags_};

#define ORDERS(announce_, load_, scan_, cas_, failed_)                                          \
    .announce = announce_, .load = load_, .scan = scan_, .cas = cas_, .failed = failed_

#define WEAK THETIS_CHECK_WEAK
#define SC __ATOMIC_SEQ_CST
#define GOOD ORDERS(SC, SC, SC, SC, SC)

HELP(2, "2", 2, 0, NULL, GOOD)
HELP(3, "3", 3, 0, NULL, GOOD)
HELP(4, "4", 4, 0, NULL, GOOD)
HELP(2_tight, "2-tight", 2, 0, "bound", GOOD, .slack = 1)
HELP(3_tight, "3-tight", 3, 0, "bound", GOOD, .slack = 1)
HELP(4_tight, "4-tight", 4, 0, "bound", GOOD, .slack = 1)

HELP(alone, "alone", 2, 0, "bound", GOOD, .alone = true)
HELP(once, "once", 2, 0, "history", GOOD, .once = true)

HELP(announce, "announce", 2, WEAK, "history", ORDERS(__ATOMIC_RELEASE, SC, SC, SC, SC))
HELP(load, "load", 2, WEAK, "history", ORDERS(SC, __ATOMIC_ACQUIRE, SC, SC, SC))
HELP(scan, "scan", 2, WEAK, "history", ORDERS(SC, SC, __ATOMIC_ACQUIRE, SC, SC))
HELP(cas, "cas", 2, WEAK, "history", ORDERS(SC, SC, SC, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
HELP(publish, "publish", 2, WEAK, "race", ORDERS(SC, SC, SC, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
HELP(failed, "failed", 2, WEAK, "race", ORDERS(SC, SC, SC, SC, __ATOMIC_RELAXED))
