/* SPDX-License-Identifier: MIT
 *
 * model_mpsc_history.c: pushes and pops of thetis/mpsc.h as histories: in every explored schedule
 * the elements leave in an order that respects real time, across producers, and EMPTY is true.
 *
 * Under sequential consistency only: a push that has returned may not be visible yet to a thread
 * that nothing has told of it. Refused pushes are left out: FULL counts elements that are being
 * pushed. So is close(): a push is two operations then, see thetis/mpsc.h.
 */
#include <thetis/check.h>

#include "lin/lin.h"
#include "ring/mpsc.h"

enum { CONSUMER, THREADS = 3, OPS = 8 };

static char memory[4096] THETIS_CACHE_ALIGNED;
static thetis_mpsc *shared;
static thetis_mpsc_producer handle[THREADS];
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void make(size_t homes)
{
    thetis_mpsc_shape_ shape = {.homes = homes, .spares = 4, .lap = 4 * homes,
                                .window = 4 * homes, .over = 4, .age = UINTPTR_MAX / 4 + 1,
                                .producers = 2, .batch = 1, .open = 1,
                                .elem_size = sizeof(uint64_t),
                                .stride = THETIS_MPSC_STRIDE_(sizeof(uint64_t))};
    THETIS_CHECK(tht_mpsc_bytes(&shape) <= sizeof memory);
    shared = tht_mpsc_build(memory, &shape, 0);
    for (unsigned t = 0; t < THREADS; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
        THETIS_CHECK(t == CONSUMER || thetis_mpsc_join(shared, &handle[t]) == THETIS_OK);
    }
}

static void make_2(void)
{
    make(2);
}

static void make_4(void)
{
    make(4);
}

static void push(unsigned thread, uint64_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_PUSH);
    op->arg = value;
    thetis_status s = thetis_mpsc_push(&handle[thread], &value);
    lin_end(&recorder[thread], op, s);
    if (s == THETIS_FULL) recorder[thread].n--;
}

static void pop(void)
{
    uint64_t value = 0;
    lin_op *op = lin_begin(&recorder[CONSUMER], LIN_POP);
    thetis_status s = thetis_mpsc_pop(shared, &value);
    op->result = value;
    lin_end(&recorder[CONSUMER], op, s);
}

static void body(unsigned thread)
{
    for (unsigned k = 0; k < (thread == CONSUMER ? 4 : 3); k++) {
        if (thread == CONSUMER) pop();
        else push(thread, thread * 10 + k);
    }
}

static void judge(void)
{
    lin_history h = lin_merge(recorder, THREADS, all);
    lin_verdict verdict = lin_queue_check(&h, 0);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

const thetis_check_scenario mpsc_history = {
    .name = "mpsc-history", .threads = THREADS, .setup = make_2, .body = body, .done = judge,
    .flags = THETIS_CHECK_SC};

const thetis_check_scenario mpsc_history_roomy = {
    .name = "mpsc-history-roomy", .threads = THREADS, .setup = make_4, .body = body,
    .done = judge, .flags = THETIS_CHECK_SC};
