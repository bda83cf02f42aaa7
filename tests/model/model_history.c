/* SPDX-License-Identifier: MIT
 *
 * model_history.c: scenarios whose operations are recorded and judged as histories: every
 * explored schedule must be linearizable. Intervals are exact: the clock counts steps.
 *
 * The rings under sequential consistency only. A release store may reach the other thread after
 * the push that made it has returned, so in the weak model an EMPTY by that clock is no fault:
 * there the order that counts is happens-before, which model_spsc.c looks at.
 */
#include <thetis/bytes.h>
#include <thetis/check.h>
#include <thetis/spsc.h>
#include <thetis/thread.h>

#include "lin/lin.h"

enum { THREADS = 3, OPS = 16, ITEMS = 4 };

static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];
static lin_item items[THREADS][OPS][ITEMS];

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static void begin_record(void)
{
    for (unsigned t = 0; t < THREADS; t++) {
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
    }
}

/* Other operations may come between this one and the one before: asked for ahead of the record, so
 * that a thread that is stopped here has not begun. */
static lin_op *call(unsigned thread, lin_kind kind)
{
    thetis_check_moment();
    return lin_begin(&recorder[thread], kind);
}

static void judge(lin_verdict verdict)
{
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
}

/* ---- spsc ------------------------------------------------------------------------------------ */

enum { PRODUCER, CONSUMER, CAPACITY = 2 };

static char memory[THETIS_SPSC_SIZE(sizeof(uint64_t), CAPACITY)] THETIS_CACHE_ALIGNED;
static thetis_spsc *ring;

static void make_ring(void)
{
    thetis_spsc_cfg cfg = {sizeof(uint64_t), CAPACITY};
    THETIS_CHECK(thetis_spsc_init(memory, sizeof memory, &cfg, &ring) == THETIS_OK);
    begin_record();
}

static void push(uint64_t value)
{
    lin_op *op = call(PRODUCER, LIN_PUSH);
    op->arg = value;
    lin_end(&recorder[PRODUCER], op, thetis_spsc_push(ring, &value));
}

static void pop(void)
{
    uint64_t value = 0;
    lin_op *op = call(CONSUMER, LIN_POP);
    thetis_status s = thetis_spsc_pop(ring, &value);
    op->result = value;
    lin_end(&recorder[CONSUMER], op, s);
}

/* The elements of a batch, in memory that outlives it. */
static void note_items(lin_op *op, unsigned thread, const uint64_t *values, size_t n)
{
    lin_item *to = items[thread][op - ops[thread]];
    for (size_t k = 0; k < n; k++) to[k] = (lin_item){.value = values[k]};
    op->items = to;
    op->n_items = (uint16_t)n;
}

static void push_2(uint64_t first)
{
    uint64_t values[2] = {first, first + 1};
    thetis_status why;
    lin_op *op = call(PRODUCER, LIN_PUSH_N);
    op->arg = 2;
    note_items(op, PRODUCER, values, 2); /* should it never return */
    size_t n = thetis_spsc_push_n(ring, values, 2, &why);
    op->n_items = (uint16_t)n;
    lin_end(&recorder[PRODUCER], op, why);
}

static void pop_2(void)
{
    uint64_t values[2] = {0, 0};
    thetis_status why;
    lin_op *op = call(CONSUMER, LIN_POP_N);
    op->arg = 2;
    size_t n = thetis_spsc_pop_n(ring, values, 2, &why);
    note_items(op, CONSUMER, values, n);
    lin_end(&recorder[CONSUMER], op, why);
}

static void end_stream(unsigned thread)
{
    lin_op *op = call(thread, thread == PRODUCER ? LIN_CLOSE : LIN_CANCEL);
    if (thread == PRODUCER) thetis_spsc_close(ring);
    else thetis_spsc_cancel(ring);
    lin_end(&recorder[thread], op, THETIS_OK);
}

static void single_body(unsigned thread)
{
    for (uint64_t k = 1; k <= 3; k++) {
        if (thread == PRODUCER) push(k);
        else pop();
    }
    if (thread == PRODUCER) end_stream(PRODUCER);
    else pop();
}

static void batch_body(unsigned thread)
{
    if (thread == PRODUCER) {
        push_2(1);
        push_2(3);
        end_stream(PRODUCER);
    } else {
        pop_2();
        pop();
        pop_2();
    }
}

static void cancel_body(unsigned thread)
{
    if (thread == PRODUCER) {
        push(1);
        push_2(2);
        push(4);
    } else {
        pop();
        end_stream(CONSUMER);
        pop();
    }
}

static void judge_ring(void)
{
    lin_history h = lin_merge(recorder, 2, all);
    judge(lin_spsc_check(&h, CAPACITY));
}

const thetis_check_scenario spsc_history = {
    .name = "spsc-history", .threads = 2, .setup = make_ring, .body = single_body,
    .done = judge_ring, .flags = THETIS_CHECK_SC};

const thetis_check_scenario spsc_history_batch = {
    .name = "spsc-history-batch", .threads = 2, .setup = make_ring, .body = batch_body,
    .done = judge_ring, .flags = THETIS_CHECK_SC};

const thetis_check_scenario spsc_history_cancel = {
    .name = "spsc-history-cancel", .threads = 2, .setup = make_ring, .body = cancel_body,
    .done = judge_ring, .flags = THETIS_CHECK_SC};

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Records of 8 bytes in a plain ring of 32: as a ring of two elements, none of them padded. */
static char bytes_memory[THETIS_BYTES_SIZE(32)] THETIS_CACHE_ALIGNED;
static thetis_bytes *bytes;

static void make_bytes(void)
{
    thetis_bytes_cfg cfg = {32, sizeof(uint64_t), 0};
    THETIS_CHECK(thetis_bytes_init(bytes_memory, sizeof bytes_memory, &cfg, &bytes) == THETIS_OK);
    begin_record();
}

static void push_record(uint64_t value)
{
    lin_op *op = lin_begin(&recorder[PRODUCER], LIN_PUSH);
    op->arg = value;
    lin_end(&recorder[PRODUCER], op, thetis_bytes_push(bytes, &value, sizeof value));
}

static void pop_record(void)
{
    uint64_t value = 0;
    size_t size;
    lin_op *op = lin_begin(&recorder[CONSUMER], LIN_POP);
    thetis_status s = thetis_bytes_pop(bytes, &value, sizeof value, &size);
    op->result = value;
    lin_end(&recorder[CONSUMER], op, s);
}

static void end_bytes(unsigned thread)
{
    lin_op *op = lin_begin(&recorder[thread], thread == PRODUCER ? LIN_CLOSE : LIN_CANCEL);
    if (thread == PRODUCER) thetis_bytes_close(bytes);
    else thetis_bytes_cancel(bytes);
    lin_end(&recorder[thread], op, THETIS_OK);
}

static void bytes_body(unsigned thread)
{
    for (uint64_t k = 1; k <= 3; k++) {
        if (thread == PRODUCER) push_record(k);
        else pop_record();
    }
    if (thread == PRODUCER) end_bytes(PRODUCER);
    else pop_record();
}

static void bytes_cancel_body(unsigned thread)
{
    if (thread == PRODUCER) {
        for (uint64_t k = 1; k <= 4; k++) push_record(k);
    } else {
        pop_record();
        end_bytes(CONSUMER);
        pop_record();
    }
}

const thetis_check_scenario bytes_history = {
    .name = "bytes-history", .threads = 2, .setup = make_bytes, .body = bytes_body,
    .done = judge_ring, .flags = THETIS_CHECK_SC};

const thetis_check_scenario bytes_history_cancel = {
    .name = "bytes-history-cancel", .threads = 2, .setup = make_bytes, .body = bytes_cancel_body,
    .done = judge_ring, .flags = THETIS_CHECK_SC};

/* ---- thread numbers -------------------------------------------------------------------------- */

enum { PLACES = 2 };

static char places[THETIS_THREAD_SIZE(PLACES)] THETIS_CACHE_ALIGNED;
static thetis_thread_table *table;

static void make_table(void)
{
    THETIS_CHECK(thetis_thread_init(places, sizeof places, PLACES, &table) == THETIS_OK);
    begin_record();
}

static void join_and_leave(unsigned thread)
{
    size_t id = 0;
    lin_op *op = call(thread, LIN_JOIN);
    thetis_status s = thetis_thread_join(table, &id);
    op->result = id;
    lin_end(&recorder[thread], op, s);
    if (s != THETIS_OK) return;
    op = call(thread, LIN_LEAVE);
    op->arg = id;
    thetis_thread_leave(table, id);
    lin_end(&recorder[thread], op, THETIS_OK);
}

static void table_body(unsigned thread)
{
    join_and_leave(thread);
    join_and_leave(thread);
}

static void judge_table(void)
{
    enum { SEARCH = 1 << 16 };
    lin_history h = lin_merge(recorder, THREADS, all);
    lin_spec spec = lin_spec_slots(PLACES);
    lin_wgl *wgl = lin_wgl_create(SEARCH);
    THETIS_CHECK(wgl != NULL);
    lin_verdict verdict = lin_wgl_check(wgl, &h, &spec);
    lin_wgl_destroy(wgl);
    judge(verdict);
}

const thetis_check_scenario thread_history = {
    .name = "thread-history", .threads = THREADS, .setup = make_table, .body = table_body,
    .done = judge_table};
