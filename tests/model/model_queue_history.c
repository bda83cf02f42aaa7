/* SPDX-License-Identifier: MIT
 *
 * model_queue_history.c: pushes and pops of thetis/queue.h as histories: in every explored
 * schedule the elements leave in an order that respects real time, and EMPTY and CLOSED are true.
 * Under sequential consistency only: see docs/check.md.
 */
#include "lin/lin.h"
#include "model/model_queue.h"

enum { THREADS = 3, OPS = 8 };

static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void record(size of)
{
    make(of);
    for (unsigned t = 0; t < THREADS; t++)
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
}

static void make_1(void)
{
    record((size){.threads = THREADS, .cells = 1});
}

static void make_2(void)
{
    record((size){.threads = THREADS, .cells = 2});
}

static void make_4(void)
{
    record((size){.threads = THREADS, .cells = 4});
}

static void put(unsigned t, uint64_t value, int announced)
{
    lin_op *op = lin_begin(&recorder[t], LIN_PUSH);
    op->arg = value;
    thetis_status s = announced ? tht_queue_announce(&member[t], &value)
                                : thetis_queue_push(&member[t], &value);
    lin_end(&recorder[t], op, s);
}

static void get(unsigned t, int asked)
{
    uint64_t value = 0;
    lin_op *op = lin_begin(&recorder[t], LIN_POP);
    thetis_status s =
        asked ? tht_queue_ask(&member[t], &value) : thetis_queue_pop(&member[t], &value);
    op->result = value;
    lin_end(&recorder[t], op, s);
}

static void end(unsigned t)
{
    lin_op *op = lin_begin(&recorder[t], LIN_CLOSE);
    lin_end(&recorder[t], op, thetis_queue_close(&member[t]));
}

static void judge(void)
{
    lin_history h = lin_merge(recorder, THREADS, all);
    lin_verdict verdict = lin_queue_check(&h, 0);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

/* One pushes, others pop. */
static void pops_body(unsigned thread)
{
    for (unsigned k = 0; k < 3; k++) {
        if (thread == 0) put(0, k + 1, 0);
        else get(thread, 0);
    }
}

const thetis_check_scenario queue_history_pops = {
    .name = "queue-history-pops", .threads = THREADS, .setup = make_2, .body = pops_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

/* Two push, and pop in between. */
static void both_body(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == 0) {
            get(0, 0);
            get(0, 0);
        } else {
            put(thread, thread * 10 + k, 0);
            get(thread, 0);
        }
    }
}

const thetis_check_scenario queue_history = {
    .name = "queue-history", .threads = THREADS, .setup = make_2, .body = both_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

const thetis_check_scenario queue_history_short = {
    .name = "queue-history-short", .threads = THREADS, .setup = make_1, .body = both_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

/* Requests against tickets. */
static void asked_body(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == 0) {
            put(0, 2 * k + 1, 0);
            put(0, 2 * k + 2, 0);
        } else {
            get(thread, thread == 1);
            get(thread, thread == 2);
        }
    }
}

const thetis_check_scenario queue_history_asked = {
    .name = "queue-history-asked", .threads = THREADS, .setup = make_4, .body = asked_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

const thetis_check_scenario queue_history_asked_2 = {
    .name = "queue-history-asked-two", .threads = THREADS, .setup = make_2, .body = asked_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

/* All ask. */
static void askers_body(unsigned thread)
{
    put(thread, thread + 1, 0);
    get(thread, 1);
    get(thread, thread != 2);
}

const thetis_check_scenario queue_history_askers = {
    .name = "queue-history-askers", .threads = THREADS, .setup = make_4, .body = askers_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

/* Announced segments. */
static void links_body(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == 0) get(0, k == 1);
        else put(thread, thread * 10 + k, k || thread == 2);
    }
    get(thread, 0);
}

const thetis_check_scenario queue_history_links = {
    .name = "queue-history-links", .threads = THREADS, .setup = make_2, .body = links_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};

/* With an end. */
static void close_body(unsigned thread)
{
    if (thread == 0) {
        put(0, 1, 0);
        end(0);
        get(0, 0);
    } else {
        get(thread, thread == 1);
        put(thread, thread * 10, thread == 2);
        get(thread, 0);
    }
}

const thetis_check_scenario queue_history_close = {
    .name = "queue-history-close", .threads = THREADS, .setup = make_2, .body = close_body,
    .done = judge, .flags = THETIS_CHECK_SC, .slow = 2};
