/* SPDX-License-Identifier: MIT
 *
 * control_history.c: a register whose reader answers from a copy. Each answer was once right, so
 * only real time tells: the history of the faulty form is not linearizable, though its values come
 * in the right order.
 */
#include <thetis/check.h>

#include "lin/lin.h"
#include "model/orders.h"

enum { READS = 2 };

static uint64_t word;
static int cached; /* the fault: the second read does not look */
static lin_op ops[2][READS], all[2 * READS];
static lin_recorder recorder[2];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void setup(void)
{
    word = 0;
    for (unsigned t = 0; t < 2; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], READS);
    }
}

static void setup_fresh(void)
{
    cached = 0;
    setup();
}

static void setup_cached(void)
{
    cached = 1;
    setup();
}

static lin_op *call(unsigned thread, lin_kind kind)
{
    thetis_check_moment();
    return lin_begin(&recorder[thread], kind);
}

static void body(unsigned thread)
{
    uint64_t value = 0;
    if (thread == 0) {
        lin_op *op = call(0, LIN_WRITE);
        op->arg = 1;
        order_store(&word, 1, __ATOMIC_SEQ_CST);
        lin_end(&recorder[0], op, THETIS_OK);
        return;
    }
    for (int k = 0; k < READS; k++) {
        lin_op *op = call(1, LIN_READ);
        if (k == 0 || !cached) value = order_load(&word, __ATOMIC_SEQ_CST);
        op->result = value;
        lin_end(&recorder[1], op, THETIS_OK);
    }
}

static void done(void)
{
    enum { SEARCH = 1 << 12 };
    lin_history h = lin_merge(recorder, 2, all);
    lin_spec spec = lin_spec_register(1);
    lin_wgl *wgl = lin_wgl_create(SEARCH);
    THETIS_CHECK(wgl != NULL);
    lin_verdict verdict = lin_wgl_check(wgl, &h, &spec);
    lin_wgl_destroy(wgl);
    if (verdict == LIN_NO) thetis_check_fail("history", "an old answer", __FILE__, __LINE__);
}

const thetis_check_scenario control_history_fresh = {
    .name = "control-history-fresh", .threads = 2, .setup = setup_fresh, .body = body,
    .done = done, .flags = THETIS_CHECK_SC};

const thetis_check_scenario control_history_cached = {
    .name = "control-history-cached", .threads = 2, .setup = setup_cached, .body = body,
    .done = done, .expect = "history", .finders = "random pct dfs dpor crash",
    .flags = THETIS_CHECK_SC};
