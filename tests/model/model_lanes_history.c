/* SPDX-License-Identifier: MIT
 *
 * model_lanes_history.c: pushes and pops of thetis/lanes.h as histories: in every explored schedule
 * the records leave in an order that respects real time, across producers, and EMPTY is true.
 *
 * Under sequential consistency only: a push that has returned may not be visible yet to a thread
 * that nothing has told of it. Refused pushes are left out: FULL is of one lane. So is close(): a
 * push is two operations then, see thetis/lanes.h.
 */
#include <thetis/check.h>
#include <thetis/lanes.h>

#include "lin/lin.h"

enum { CONSUMER, THREADS = 4, OPS = 8, LANE = 64 };

static char memory[THETIS_LANES_SIZE(THREADS - 1, LANE)] THETIS_CACHE_ALIGNED;
static char own[THETIS_LANES_CONSUMER_SIZE(THREADS - 1)] THETIS_CACHE_ALIGNED;
static thetis_lanes shared;
static thetis_lanes_consumer *consumer;
static thetis_lanes_producer handle[THREADS];
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];
static unsigned threads;

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void make(unsigned producers)
{
    thetis_lanes_cfg cfg = {producers, LANE, sizeof(uint64_t)};
    THETIS_CHECK(thetis_lanes_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    THETIS_CHECK(thetis_lanes_open(&shared, own, sizeof own, &consumer) == THETIS_OK);
    threads = producers + 1;
    for (unsigned t = 0; t < threads; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
        THETIS_CHECK(t == CONSUMER || thetis_lanes_join(&shared, t, &handle[t]) == THETIS_OK);
    }
}

static void make_2(void)
{
    make(2);
}

static void make_3(void)
{
    make(3);
}

/* Other operations may come between this one and the one before. */
static lin_op *call(unsigned thread, lin_kind kind)
{
    thetis_check_moment();
    return lin_begin(&recorder[thread], kind);
}

static void push(unsigned thread, uint64_t value)
{
    lin_op *op = call(thread, LIN_PUSH);
    op->arg = value;
    thetis_status s = thetis_lanes_push(&handle[thread], &value, sizeof value);
    lin_end(&recorder[thread], op, s);
    if (s == THETIS_FULL) recorder[thread].n--;
}

static void pop(void)
{
    uint64_t value = 0;
    size_t size;
    lin_op *op = call(CONSUMER, LIN_POP);
    thetis_status s = thetis_lanes_pop(consumer, &value, sizeof value, &size);
    op->result = value;
    lin_end(&recorder[CONSUMER], op, s);
}

static void two_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread == CONSUMER ? 4 : 2); k++) {
        if (thread == CONSUMER) pop();
        else push(thread, thread * 10 + k);
    }
}

/* One record of each: enough for an order between three. */
static void three_body(unsigned thread)
{
    if (thread == CONSUMER) pop(), pop(), pop();
    else push(thread, thread * 10);
}

static void judge(void)
{
    lin_history h = lin_merge(recorder, threads, all);
    lin_verdict verdict = lin_queue_check(&h, 0);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

const thetis_check_scenario lanes_history = {
    .name = "lanes-history", .threads = 3, .setup = make_2, .body = two_body, .done = judge,
    .flags = THETIS_CHECK_SC};

const thetis_check_scenario lanes_history_three = {
    .name = "lanes-history-three", .threads = 4, .slow = 2, .setup = make_3, .body = three_body,
    .done = judge, .flags = THETIS_CHECK_SC};
