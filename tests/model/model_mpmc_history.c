/* SPDX-License-Identifier: MIT
 *
 * model_mpmc_history.c: thetis/mpmc.h as histories: in every explored schedule values leave in an
 * order that respects real time, and EMPTY, FULL and CLOSED are true.
 *
 * Under sequential consistency only: a push that has returned may not be visible yet to a thread
 * that nothing has told of it. Of the index form FULL is left out: there it counts what others
 * have at hand.
 */
#include <thetis/check.h>

#include "lin/lin.h"
#include "ring/mpmc.h"

enum { THREADS = 3, OPS = 6, CAPACITY = 2, SEARCH = 1 << 12 };

static char memory[8192] THETIS_CACHE_ALIGNED;
static thetis_mpmc_value *values;
static thetis_mpmc_value_end handle[THREADS];
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void make(unsigned patience)
{
    thetis_mpmc_cfg cfg = {.capacity = CAPACITY, .participants = THREADS};
    THETIS_CHECK(thetis_mpmc_value_init(memory, sizeof memory, &cfg, &values) == THETIS_OK);
    values->track.patience = patience;
    values->track.stride = 1;
    for (unsigned t = 0; t < THREADS; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
        THETIS_CHECK(thetis_mpmc_value_join(values, &handle[t]) == THETIS_OK);
    }
}

static void make_asking(void)
{
    make(0);
}

static void make_patient(void)
{
    make(2);
}

static void push(unsigned thread, uint64_t value)
{
    thetis_check_moment();
    lin_op *op = lin_begin(&recorder[thread], LIN_PUSH);
    op->arg = value;
    lin_end(&recorder[thread], op, thetis_mpmc_value_push(&handle[thread], value));
}

static void pop(unsigned thread)
{
    uintptr_t value = 0;
    thetis_check_moment();
    lin_op *op = lin_begin(&recorder[thread], LIN_POP);
    thetis_status s = thetis_mpmc_value_pop(&handle[thread], &value);
    op->result = value;
    lin_end(&recorder[thread], op, s);
}

static void end(unsigned thread)
{
    thetis_check_moment();
    lin_op *op = lin_begin(&recorder[thread], LIN_CLOSE);
    lin_end(&recorder[thread], op, thetis_mpmc_value_close(&handle[thread]));
}

static void pair_body(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        push(thread, thread * 10 + k + 1);
        pop(thread);
    }
}

static void crowd_body(unsigned thread)
{
    for (unsigned k = 0; k < 3; k++) {
        if (thread == 0) pop(0);
        else push(thread, thread * 10 + k + 1);
    }
}

static void end_body(unsigned thread)
{
    for (unsigned k = 0; k < 3; k++) {
        if (thread == 0) push(0, k + 1);
        else if (thread == 1) pop(1);
        else if (k == 1) end(2);
    }
}

/* By search: it is exact with FULL, too. */
static void judge(void)
{
    lin_history h = lin_merge(recorder, THREADS, all);
    lin_spec spec = lin_spec_queue(CAPACITY);
    lin_wgl *wgl = lin_wgl_create(SEARCH);
    THETIS_CHECK(wgl != NULL && lin_queue_check(&h, CAPACITY) != LIN_NO);
    lin_verdict verdict = lin_wgl_check(wgl, &h, &spec);
    lin_wgl_destroy(wgl);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

const thetis_check_scenario mpmc_history = {
    .name = "mpmc-history", .threads = THREADS, .slow = 5, .setup = make_asking,
    .body = pair_body, .done = judge, .flags = THETIS_CHECK_SC};
const thetis_check_scenario mpmc_history_patient = {
    .name = "mpmc-history-patient", .threads = THREADS, .slow = 5, .setup = make_patient,
    .body = pair_body, .done = judge, .flags = THETIS_CHECK_SC};
const thetis_check_scenario mpmc_history_full = {
    .name = "mpmc-history-full", .threads = THREADS, .slow = 5, .setup = make_asking,
    .body = crowd_body, .done = judge, .flags = THETIS_CHECK_SC};
const thetis_check_scenario mpmc_history_end = {
    .name = "mpmc-history-end", .threads = THREADS, .slow = 5, .setup = make_asking,
    .body = end_body, .done = judge, .flags = THETIS_CHECK_SC};
