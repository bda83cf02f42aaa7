/* SPDX-License-Identifier: MIT
 *
 * test_lin_queue.c: the monitors of queues, against each pattern by hand and against the search on
 * random histories.
 */
#include <stdlib.h>

#include "harness/test.h"
#include "lin/fault.h"
#include "lin/queue.h"
#include "lin/specs.h"
#include "lin/wgl.h"
#include "unit/lin_histories.h"

enum { HISTORIES = 120000, FAULT_HISTORIES = 20000, CAPACITY_MAX = 4 };

/* The search's verdict, on batches as the fast monitor understands them. */
static lin_verdict queue_search(lin_wgl *w, const lin_history *h, size_t capacity, lin_batch batch)
{
    lin_history units = lin_queue_expand(h, capacity, batch);
    lin_spec spec = lin_spec_queue(capacity);
    lin_verdict verdict = lin_wgl_check(w, &units, &spec);
    free(units.ops);
    return verdict;
}

/* ---- by hand --------------------------------------------------------------------------------- */

#define PUSHED(t, v, from, to) OP(t, PUSH, from, to, .arg = v)
#define POPPED(t, v, from, to) OP(t, POP, from, to, .result = v)
#define ANSWER(t, k, s, from, to) OP(t, k, from, to, .status = s)
#define JUDGE(capacity, ...) queue_judge(HISTORY(__VA_ARGS__), capacity)

/* What the search and the fast monitor both say. */
static lin_verdict queue_judge(const lin_history *h, size_t capacity)
{
    lin_spec spec = lin_spec_queue(capacity);
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict slow = lin_wgl_check(w, h, &spec);
    lin_wgl_destroy(w);
    CHECK_EQ(lin_queue_check(h, capacity), slow);
    return slow;
}

TEST(an_element_nobody_pushed)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), POPPED(1, 1, 3, 4)), LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), POPPED(1, 2, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(0, POPPED(1, 1, 1, 3), PUSHED(0, 1, 2, 4)), LIN_YES);
    CHECK_EQ(JUDGE(0, POPPED(1, 1, 1, 2), PUSHED(0, 1, 3, 4)), LIN_NO);
}

TEST(an_element_popped_twice)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), POPPED(1, 1, 3, 4), POPPED(0, 1, 5, 6)), LIN_NO);
}

TEST(elements_popped_against_their_order)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(1, 2, 5, 6),
                   POPPED(1, 1, 7, 8)),
             LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 4), PUSHED(2, 2, 3, 6), POPPED(1, 2, 7, 8),
                   POPPED(1, 1, 9, 10)),
             LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(1, 2, 5, 8),
                   POPPED(2, 1, 7, 10)),
             LIN_YES);
}

TEST(an_element_left_behind)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(1, 2, 5, 6)), LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(1, 1, 5, 6)), LIN_YES);
}

TEST(empty_although_something_was_there)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), ANSWER(1, POP, THETIS_EMPTY, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 3), ANSWER(1, POP, THETIS_EMPTY, 2, 4)), LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), POPPED(1, 1, 4, 5),
                   ANSWER(2, POP, THETIS_EMPTY, 3, 6)),
             LIN_YES);
    /* two elements that are never both gone, and neither is there for the whole of the call */
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 4, 5), POPPED(1, 1, 6, 7),
                   POPPED(1, 2, 9, 10), ANSWER(2, POP, THETIS_EMPTY, 3, 8)),
             LIN_NO);
}

TEST(full_although_there_was_room)
{
    CHECK_EQ(JUDGE(1, PUSHED(0, 1, 1, 2), ANSWER(0, PUSH, THETIS_FULL, 3, 4)), LIN_YES);
    CHECK_EQ(JUDGE(2, PUSHED(0, 1, 1, 2), ANSWER(0, PUSH, THETIS_FULL, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), ANSWER(0, PUSH, THETIS_FULL, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(1, PUSHED(0, 1, 1, 2), POPPED(1, 1, 3, 4),
                   ANSWER(0, PUSH, THETIS_FULL, 5, 6)),
             LIN_NO);
    CHECK_EQ(JUDGE(1, PUSHED(0, 1, 1, 2), POPPED(1, 1, 3, 5),
                   ANSWER(0, PUSH, THETIS_FULL, 4, 6)),
             LIN_YES);
}

TEST(more_elements_than_there_is_room)
{
    CHECK_EQ(JUDGE(1, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(2, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4)), LIN_YES);
    CHECK_EQ(JUDGE(1, PUSHED(0, 1, 1, 2), POPPED(1, 1, 3, 5), PUSHED(0, 2, 4, 6)), LIN_YES);
}

TEST(closed_before_all_was_taken)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), ANSWER(0, CLOSE, 0, 3, 4),
                   ANSWER(1, POP, THETIS_CLOSED, 5, 6)),
             LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), ANSWER(0, CLOSE, 0, 3, 4), POPPED(1, 1, 5, 6),
                   ANSWER(1, POP, THETIS_CLOSED, 7, 8)),
             LIN_YES);
    CHECK_EQ(JUDGE(0, ANSWER(0, CLOSE, 0, 1, 2), ANSWER(1, POP, THETIS_EMPTY, 3, 4)),
             LIN_NO);
    CHECK_EQ(JUDGE(0, ANSWER(0, CLOSE, 0, 1, 2), PUSHED(0, 1, 3, 4)), LIN_NO);
    CHECK_EQ(JUDGE(0, ANSWER(0, PUSH, THETIS_CLOSED, 1, 2), ANSWER(0, CLOSE, 0, 3, 4)),
             LIN_NO);
}

TEST(pending_operations_may_have_happened)
{
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, LIN_PENDING), POPPED(1, 1, 3, 4)), LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, LIN_PENDING), ANSWER(1, POP, THETIS_EMPTY, 3, 4)),
             LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(2, 0, 5, LIN_PENDING),
                   POPPED(1, 2, 7, 8)),
             LIN_YES);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), POPPED(1, 2, 5, 6),
                   POPPED(2, 0, 7, LIN_PENDING)),
             LIN_NO);
    CHECK_EQ(JUDGE(0, PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), PUSHED(0, 3, 5, 6),
                   POPPED(2, 0, 7, LIN_PENDING), POPPED(1, 3, 8, 9)),
             LIN_NO);
}

TEST(elements_that_are_not_unique_are_refused)
{
    const lin_history *h = HISTORY(PUSHED(0, 1, 1, 2), PUSHED(0, 1, 3, 4));
    CHECK_EQ(lin_queue_check(h, 0), LIN_UNKNOWN);
    CHECK_EQ(lin_spsc_check(h, 2), LIN_YES);
}

/* ---- one producer and one consumer, by hand -------------------------------------------------- */

static const lin_item items[] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};

#define BATCH(t, k, s, offered, first, n, from, to)                                             \
    OP(t, k, from, to, .status = s, .arg = offered, .items = items + (first), .n_items = n)
#define JUDGE_SPSC(...) spsc_judge(HISTORY(__VA_ARGS__))

/* The same for a ring of two, whose batches move all at once. */
static lin_verdict spsc_judge(const lin_history *h)
{
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict slow = queue_search(w, h, 2, LIN_BATCH_WHOLE);
    lin_wgl_destroy(w);
    CHECK_EQ(lin_spsc_check(h, 2), slow);
    return slow;
}

TEST(a_batch_appears_all_at_once)
{
    CHECK_EQ(JUDGE_SPSC(BATCH(0, PUSH_N, THETIS_OK, 2, 0, 2, 1, 9), POPPED(1, 1, 2, 3),
                        POPPED(1, 2, 4, 5)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(BATCH(0, PUSH_N, THETIS_OK, 2, 0, 2, 1, 9), POPPED(1, 1, 2, 3),
                        ANSWER(1, POP, THETIS_EMPTY, 4, 5)),
             LIN_NO);
}

/* The producer sees room for one; before its element is there, the consumer drains the ring. */
TEST(a_batch_may_move_less_than_there_is_room_for_by_then)
{
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), BATCH(0, PUSH_N, THETIS_FULL, 2, 1, 1, 3, 20),
                        POPPED(1, 1, 4, 5), ANSWER(1, POP, THETIS_EMPTY, 6, 7),
                        POPPED(1, 2, 8, 9)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(BATCH(0, PUSH_N, THETIS_FULL, 2, 0, 1, 1, 2)), LIN_NO);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), BATCH(1, POP_N, THETIS_EMPTY, 2, 0, 1, 3, 4)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4),
                        BATCH(1, POP_N, THETIS_EMPTY, 2, 0, 1, 5, 6)),
             LIN_NO);
}

TEST(a_batch_that_ends_the_stream_says_closed)
{
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), OP(0, CLOSE, 3, 4),
                        BATCH(1, POP_N, THETIS_CLOSED, 2, 0, 1, 5, 6)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), BATCH(1, POP_N, THETIS_CLOSED, 2, 0, 1, 5, 6)),
             LIN_NO);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), OP(0, CLOSE, 3, 4),
                        BATCH(1, POP_N, THETIS_EMPTY, 2, 0, 1, 5, 6)),
             LIN_NO);
}

TEST(a_canceled_ring_takes_no_more_than_it_has_room_for)
{
    CHECK_EQ(JUDGE_SPSC(OP(1, CANCEL, 1, 2), PUSHED(0, 1, 3, 4), PUSHED(0, 2, 5, 6),
                        ANSWER(0, PUSH, THETIS_CLOSED, 7, 8),
                        ANSWER(1, POP, THETIS_CLOSED, 9, 10)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(OP(1, CANCEL, 1, 2), PUSHED(0, 1, 3, 4), PUSHED(0, 2, 5, 6),
                        PUSHED(0, 3, 7, 8)),
             LIN_NO);
    CHECK_EQ(JUDGE_SPSC(OP(1, CANCEL, 1, 2), ANSWER(0, PUSH, THETIS_CLOSED, 3, 4),
                        PUSHED(0, 1, 5, 6)),
             LIN_NO);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), OP(1, CANCEL, 3, 4), POPPED(1, 1, 5, 6)), LIN_NO);
}

TEST(a_pending_batch_may_have_happened_in_part)
{
    CHECK_EQ(JUDGE_SPSC(BATCH(0, PUSH_N, 0, 2, 0, 2, 1, LIN_PENDING), POPPED(1, 1, 2, 3),
                        ANSWER(1, POP, THETIS_EMPTY, 4, 5)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), PUSHED(0, 3, 5, 6),
                        ANSWER(0, PUSH, THETIS_FULL, 7, 8),
                        OP(1, POP_N, 2, LIN_PENDING, .arg = 2)),
             LIN_YES);
    CHECK_EQ(JUDGE_SPSC(PUSHED(0, 1, 1, 2), PUSHED(0, 2, 3, 4), PUSHED(0, 3, 5, 6),
                        OP(1, POP_N, 7, LIN_PENDING, .arg = 2)),
             LIN_NO);
}

TEST(a_third_thread_is_refused)
{
    CHECK_EQ(lin_spsc_check(HISTORY(PUSHED(0, 1, 1, 2), PUSHED(1, 2, 1, 2)), 2), LIN_UNKNOWN);
    CHECK_EQ(lin_spsc_check(HISTORY(PUSHED(0, 1, 1, 2), POPPED(0, 1, 3, 4)), 2), LIN_UNKNOWN);
}

/* ---- random ---------------------------------------------------------------------------------- */

typedef struct queue_model {
    size_t capacity; /* 0: unbounded */
    unsigned max_batch; /* 0: no batches */
    bool closes;
    bool cancels;
    bool spsc; /* thread 0 pushes, thread 1 pops */
    uint64_t values[RANDOM_OPS * RANDOM_ITEMS];
    size_t from;
    size_t to;
    uint64_t made;
    bool closed;
    bool canceled;
} queue_model;

static void model_reset(queue_model *m)
{
    m->from = m->to = 0;
    m->made = 0;
    m->closed = m->canceled = false;
}

static bool model_full(const queue_model *m)
{
    return m->capacity && m->to - m->from == m->capacity;
}

static void model_choose(lin_random *r, lin_op *op)
{
    queue_model *m = r->model;
    bool push = m->spsc ? op->thread == 0 : random_below(r, 2) == 0;
    unsigned batch = m->max_batch && random_below(r, 2) ? m->max_batch : 0;
    op->kind = push ? (batch ? LIN_PUSH_N : LIN_PUSH) : batch ? LIN_POP_N : LIN_POP;
    if (push && m->closes && random_below(r, 8) == 0) op->kind = LIN_CLOSE;
    if (!push && m->cancels && random_below(r, 16) == 0) op->kind = LIN_CANCEL;
    if (op->kind == LIN_PUSH) op->arg = ++m->made;
    if (op->kind != LIN_PUSH_N && op->kind != LIN_POP_N) return;
    op->arg = 1 + random_below(r, batch);
    op->items = random_items(r, op);
    for (unsigned i = 0; push && i < op->arg; i++) {
        random_items(r, op)[i] = (lin_item){.value = ++m->made};
        op->n_items++;
    }
}

static thetis_status model_push(queue_model *m, uint64_t value)
{
    if (m->closed || m->canceled) return THETIS_CLOSED;
    if (model_full(m)) return THETIS_FULL;
    m->values[m->to++] = value;
    return THETIS_OK;
}

static thetis_status model_pop(queue_model *m, uint64_t *value)
{
    if (m->canceled) return THETIS_CLOSED;
    if (m->from == m->to) return m->closed ? THETIS_CLOSED : THETIS_EMPTY;
    *value = m->values[m->from++];
    return THETIS_OK;
}

static void model_batch(queue_model *m, lin_op *op, lin_item *moved)
{
    thetis_status s = THETIS_OK;
    uint16_t n = 0;
    while (n < op->arg && s == THETIS_OK) {
        s = op->kind == LIN_PUSH_N ? model_push(m, moved[n].value) : model_pop(m, &moved[n].value);
        if (s == THETIS_OK) n++;
    }
    op->n_items = n;
    op->status = (int16_t)s;
}

static void model_apply(lin_random *r, lin_op *op)
{
    queue_model *m = r->model;
    if (op->kind == LIN_PUSH) op->status = (int16_t)model_push(m, op->arg);
    if (op->kind == LIN_POP) op->status = (int16_t)model_pop(m, &op->result);
    if (op->kind == LIN_CLOSE) m->closed = true;
    if (op->kind == LIN_CANCEL) m->canceled = true;
    if (op->n_items || op->kind == LIN_POP_N) model_batch(m, op, random_items(r, op));
}

static void model_damage(lin_random *r, lin_op *op)
{
    queue_model *m = r->model;
    thetis_status refused = op->kind == LIN_PUSH && m->capacity ? THETIS_FULL : THETIS_EMPTY;
    if (m->closes && random_below(r, 3) == 0) refused = THETIS_CLOSED;
    if (op->kind == LIN_PUSH && refused != THETIS_EMPTY) op->status = (int16_t)refused;
    if (op->kind != LIN_POP) return;
    if (op->status != THETIS_OK) {
        op->status = THETIS_OK;
        op->result = 1 + random_below(r, m->made + 1);
    } else {
        op->status = (int16_t)refused;
    }
}

static void random_queue(lin_random *r, queue_model *m)
{
    model_reset(m);
    r->model = m;
    r->choose = model_choose;
    r->apply = model_apply;
    r->damage = model_damage;
    r->n = 4 + (unsigned)random_below(r, m->max_batch && !m->spsc ? 5 : 11);
    r->threads = m->spsc ? 2 : 2 + (unsigned)random_below(r, m->max_batch ? 2 : 4);
    if (m->capacity) m->capacity = 1 + (size_t)random_below(r, CAPACITY_MAX);
}

/* The fast monitor's verdict. */
static lin_verdict model_check(const queue_model *m, const lin_history *h)
{
    return m->spsc ? lin_spsc_check(h, m->capacity) : lin_queue_check(h, m->capacity);
}

static random_tally queue_compare(queue_model m, bool may_pend, size_t histories)
{
    static lin_random r;
    random_tally tally = {0};
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    r = (lin_random){.rng = test_seed(), .spoil = true, .may_pend = may_pend};
    for (size_t i = 0; i < histories; i++) {
        random_queue(&r, &m);
        lin_history h = random_history(&r);
        lin_verdict fast = model_check(&m, &h);
        lin_batch batch = m.spsc ? LIN_BATCH_WHOLE : LIN_BATCH_UNITS;
        lin_verdict slow = queue_search(w, &h, m.capacity, batch);
        random_count(&tally, &r, slow, fast);
    }
    lin_wgl_destroy(w);
    random_print(&tally);
    return tally;
}

/* The monitor agrees with the search on every history. */
static void queue_agrees(queue_model m, bool may_pend)
{
    random_tally tally = queue_compare(m, may_pend, test_scale(HISTORIES));
    CHECK_EQ(tally.false_alarms, 0);
    CHECK_EQ(tally.missed, 0);
    random_check_mix(&tally);
}

/* The monitor raises no false alarm, and misses at most one in `part` of what is wrong. */
static void queue_is_sound(queue_model m, bool may_pend, size_t part)
{
    random_tally tally = queue_compare(m, may_pend, test_scale(HISTORIES));
    CHECK_EQ(tally.false_alarms, 0);
    CHECK(tally.missed <= tally.no / part);
    random_check_mix(&tally);
}

TEST(unbounded_queues_agree_with_the_search)
{
    queue_agrees((queue_model){0}, false);
}

TEST(unbounded_queues_that_close_agree_with_the_search)
{
    queue_agrees((queue_model){.closes = true}, false);
}

TEST(queues_with_batches_raise_no_false_alarm)
{
    queue_is_sound((queue_model){.closes = true, .max_batch = 3}, false, 500);
}

TEST(one_producer_and_one_consumer_agree_with_the_search)
{
    queue_model m = {.capacity = 1, .spsc = true, .max_batch = 4, .closes = true, .cancels = true};
    queue_agrees(m, true);
    m.cancels = false;
    queue_agrees(m, false);
}

TEST(bounded_queues_raise_no_false_alarm)
{
    queue_is_sound((queue_model){.capacity = 1, .closes = true}, false, 50);
}

TEST(queues_with_pending_operations_raise_no_false_alarm)
{
    queue_is_sound((queue_model){.closes = true}, true, 50);
    queue_is_sound((queue_model){.capacity = 1, .max_batch = 3}, true, 10);
}

/* Times that are rounded make intervals longer: what was linearizable stays so. */
TEST(a_coarse_clock_raises_no_false_alarm)
{
    static lin_random r;
    queue_model m = {.closes = true, .max_batch = 2}, spsc = {.spsc = true, .max_batch = 3};
    r = (lin_random){.rng = test_seed(), .may_pend = true};
    for (size_t i = test_scale(HISTORIES); i > 0; i--) {
        queue_model *model = i % 2 ? &m : &spsc;
        model->capacity = i % 4 != 1; /* random_queue() chooses another if it is not 0 */
        random_queue(&r, model);
        lin_history h = random_history(&r);
        for (size_t k = 0; k < h.n; k++) {
            h.ops[k].call /= 5 * RANDOM_TICK;
            if (!lin_is_pending(&h.ops[k])) h.ops[k].ret /= 5 * RANDOM_TICK;
        }
        CHECK_EQ(model_check(model, &h), LIN_YES);
    }
}

TEST(planted_faults_are_noticed)
{
    static const struct {
        lin_fault fault;
        queue_model model;
        size_t part; /* as in queue_is_sound() */
    } faults[] = {{LIN_FAULT_QUEUE_ORDER, {.capacity = 0}, 0},
                  {LIN_FAULT_QUEUE_EMPTY, {.capacity = 0}, 0},
                  {LIN_FAULT_QUEUE_ROOM, {.capacity = 1}, 50},
                  {LIN_FAULT_SPSC_ROOM, {.capacity = 1, .spsc = true, .max_batch = 3}, 0},
                  {LIN_FAULT_SPSC_EMPTY, {.capacity = 1, .spsc = true, .max_batch = 3}, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        lin_planted = faults[i].fault;
        random_tally tally = queue_compare(faults[i].model, false, FAULT_HISTORIES);
        lin_planted = LIN_FAULT_NONE;
        size_t usual = faults[i].part ? tally.no / faults[i].part : 0;
        CHECK(tally.missed > usual || tally.false_alarms > 0);
    }
}

TEST_MAIN(T(an_element_nobody_pushed), T(an_element_popped_twice),
          T(elements_popped_against_their_order), T(an_element_left_behind),
          T(empty_although_something_was_there), T(full_although_there_was_room),
          T(more_elements_than_there_is_room), T(closed_before_all_was_taken),
          T(pending_operations_may_have_happened),
          T(elements_that_are_not_unique_are_refused), T(a_batch_appears_all_at_once),
          T(a_batch_may_move_less_than_there_is_room_for_by_then),
          T(a_batch_that_ends_the_stream_says_closed),
          T(a_canceled_ring_takes_no_more_than_it_has_room_for),
          T(a_pending_batch_may_have_happened_in_part), T(a_third_thread_is_refused),
          T(unbounded_queues_agree_with_the_search),
          T(unbounded_queues_that_close_agree_with_the_search),
          T(queues_with_batches_raise_no_false_alarm),
          T(one_producer_and_one_consumer_agree_with_the_search),
          T(bounded_queues_raise_no_false_alarm),
          T(queues_with_pending_operations_raise_no_false_alarm),
          T(a_coarse_clock_raises_no_false_alarm), T(planted_faults_are_noticed))
