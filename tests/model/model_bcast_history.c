/* SPDX-License-Identifier: MIT
 *
 * model_bcast_history.c: a broadcast ring in mode REFUSE with one reader, as a history: every
 * explored schedule must be that of a bounded queue. Sequential consistency only: see
 * model_history.c.
 */
#include <thetis/bcast.h>
#include <thetis/check.h>

#include "lin/lin.h"

enum { PRODUCER, READER, CAPACITY = 2, OPS = 8 };

static char memory[THETIS_BCAST_SIZE(sizeof(uint64_t), CAPACITY, 1)] THETIS_CACHE_ALIGNED;
static thetis_bcast *ring;
static thetis_bcast_reader reader;
static lin_op ops[2][OPS], all[2 * OPS];
static lin_recorder recorder[2];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void make(void)
{
    thetis_bcast_cfg cfg = {sizeof(uint64_t), CAPACITY, 1, THETIS_BCAST_REFUSE};
    THETIS_CHECK(thetis_bcast_init(memory, sizeof memory, &cfg, &ring) == THETIS_OK);
    THETIS_CHECK(thetis_bcast_join(ring, &reader) == THETIS_OK);
    for (unsigned t = 0; t < 2; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
    }
}

/* On counters that wrap, and with the reader already at work. */
static void make_late(void)
{
    make();
    ring->shown_.tail_.word_ = ring->producer_.at_ = (uintptr_t)0 - 4;
    ring->producer_.limit_ = ring->producer_.at_ + ring->shape_.span_;
    thetis_bcast_survey_(ring, 1);
    ring->producer_.joins_ = 1;
}

static void push(uint64_t value)
{
    lin_op *op = lin_begin(&recorder[PRODUCER], LIN_PUSH);
    op->arg = value;
    lin_end(&recorder[PRODUCER], op, thetis_bcast_push(ring, &value));
}

static void pop(void)
{
    uint64_t value = 0;
    lin_op *op = lin_begin(&recorder[READER], LIN_POP);
    thetis_status s = thetis_bcast_pop(&reader, &value);
    op->result = value;
    lin_end(&recorder[READER], op, s);
}

static void body(unsigned thread)
{
    for (uint64_t k = 1; k <= 4; k++) {
        if (thread == PRODUCER) push(k);
        else pop();
    }
    if (thread == PRODUCER) {
        lin_op *op = lin_begin(&recorder[PRODUCER], LIN_CLOSE);
        thetis_bcast_close(ring);
        lin_end(&recorder[PRODUCER], op, THETIS_OK);
    } else {
        pop();
    }
}

static void judge(void)
{
    lin_history h = lin_merge(recorder, 2, all);
    lin_verdict verdict = lin_spsc_check(&h, CAPACITY);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

const thetis_check_scenario bcast_history = {
    .name = "bcast-history", .threads = 2, .setup = make, .body = body, .done = judge,
    .flags = THETIS_CHECK_SC};

const thetis_check_scenario bcast_history_late = {
    .name = "bcast-history-late", .threads = 2, .setup = make_late, .body = body, .done = judge,
    .flags = THETIS_CHECK_SC};
