/* SPDX-License-Identifier: MIT
 *
 * model_latest_history.c: the register of thetis/latest.h as a history: every explored schedule
 * must be that of a register that is read and written at one moment of each call. Sequential
 * consistency only: see model_history.c.
 */
#include <thetis/check.h>
#include <thetis/latest.h>

#include "lin/lin.h"

enum { WRITER, THREADS = 3, OPS = 4, SEARCH = 1 << 16 };

static char memory[THETIS_LATEST_SIZE(sizeof(uint64_t), THREADS - 1)] THETIS_CACHE_ALIGNED;
static thetis_latest *shared;
static thetis_latest_reader ends[THREADS];
static uint64_t held[THREADS]; /* what each reader was given last */
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void make(void)
{
    thetis_latest_cfg cfg = {sizeof(uint64_t), THREADS - 1};
    THETIS_CHECK(thetis_latest_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    for (unsigned t = 0; t < THREADS; t++) {
        held[t] = 0;
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
        if (t != WRITER) THETIS_CHECK(thetis_latest_join(shared, &ends[t]) == THETIS_OK);
    }
}

static void store(uint64_t value)
{
    lin_op *op = lin_begin(&recorder[WRITER], LIN_WRITE);
    op->arg = value;
    lin_end(&recorder[WRITER], op, thetis_latest_store(shared, &value));
}

/* Nothing new: what it has is the value. */
static void load(unsigned thread)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_READ);
    thetis_status s = thetis_latest_load(&ends[thread], &held[thread]);
    op->result = held[thread];
    lin_end(&recorder[thread], op, THETIS_OK);
    THETIS_CHECK((s == THETIS_EMPTY) == (held[thread] == 0));
}

static void body(unsigned thread)
{
    for (uint64_t k = 1; k <= 3; k++) {
        if (thread == WRITER) store(k);
        else load(thread);
    }
}

static void judge(void)
{
    lin_history h = lin_merge(recorder, THREADS, all);
    lin_spec spec = lin_spec_register(1);
    lin_wgl *wgl = lin_wgl_create(SEARCH);
    THETIS_CHECK(wgl != NULL);
    lin_verdict verdict = lin_wgl_check(wgl, &h, &spec);
    lin_wgl_destroy(wgl);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

const thetis_check_scenario latest_history = {
    .name = "latest-history", .threads = THREADS, .setup = make, .body = body, .done = judge,
    .flags = THETIS_CHECK_SC};
