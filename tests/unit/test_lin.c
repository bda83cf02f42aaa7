/* SPDX-License-Identifier: MIT
 *
 * test_lin.c: recording, and the search for a linearization: against hand-made histories of each
 * specification, and against a search without memory on random histories.
 */
#include <string.h>

#include "harness/count_malloc.h"
#include "harness/test.h"
#include "lin/events.h"
#include "lin/fault.h"
#include "lin/lin.h"
#include "unit/lin_histories.h"

enum { HISTORIES = 120000, FAULT_HISTORIES = 60000, REGISTERS = 2, STATE_WORDS = 4 };

/* ---- recording ------------------------------------------------------------------------------- */

static uint64_t step_clock(void *context)
{
    return ++*(uint64_t *)context;
}

TEST(a_recorder_keeps_what_it_is_told)
{
    uint64_t now = 0;
    lin_op ops[2];
    lin_recorder r;
    lin_recorder_init(&r, 3, step_clock, &now, ops, 2);
    lin_op *op = lin_begin(&r, LIN_PUSH);
    op->arg = 7;
    CHECK(lin_is_pending(op));
    lin_end(&r, op, THETIS_FULL);
    CHECK_EQ(op->thread, 3);
    CHECK_EQ(op->kind, LIN_PUSH);
    CHECK_EQ(op->arg, 7);
    CHECK_EQ(op->status, THETIS_FULL);
    CHECK_EQ(op->call, 1);
    CHECK_EQ(op->ret, 2);
    CHECK(lin_recorder_has_room(&r, 1));
    CHECK(!lin_recorder_has_room(&r, 2));
}

TEST(a_full_recorder_aborts)
{
    uint64_t now = 0;
    lin_op ops[1];
    lin_recorder r;
    lin_recorder_init(&r, 0, step_clock, &now, ops, 1);
    (void)lin_begin(&r, LIN_PUSH);
    (void)lin_begin(&r, LIN_PUSH);
}

TEST(slack_makes_intervals_longer)
{
    uint64_t now = 0;
    lin_op ops[2];
    lin_recorder r;
    lin_recorder_init(&r, 0, step_clock, &now, ops, 2);
    r.slack = 10;
    lin_op *op = lin_begin(&r, LIN_PUSH);
    CHECK_EQ(op->call, 0);
    now = 100;
    lin_end(&r, op, THETIS_OK);
    CHECK_EQ(op->ret, 111);
    CHECK_EQ(lin_begin(&r, LIN_PUSH)->call, 92);
}

TEST(recording_allocates_nothing)
{
    lin_op ops[64];
    lin_recorder r;
    size_t before = count_malloc();
    lin_recorder_init(&r, 0, lin_clock_real, NULL, ops, 64);
    for (int i = 0; i < 64; i++) lin_end(&r, lin_begin(&r, LIN_PUSH), THETIS_OK);
    CHECK_EQ(count_malloc(), before);
}

TEST(the_real_clock_never_runs_backwards)
{
    uint64_t last = lin_clock_real(NULL);
    for (size_t i = test_scale(100000); i > 0; i--) {
        uint64_t now = lin_clock_real(NULL);
        CHECK(now >= last);
        last = now;
    }
}

TEST(merging_keeps_all_operations)
{
    uint64_t now = 0;
    lin_op a[2], b[2], all[4];
    lin_recorder r[2];
    lin_recorder_init(&r[0], 0, step_clock, &now, a, 2);
    lin_recorder_init(&r[1], 1, step_clock, &now, b, 2);
    for (int i = 0; i < 3; i++) lin_end(&r[i % 2], lin_begin(&r[i % 2], LIN_READ), THETIS_OK);
    lin_history h = lin_merge(r, 2, all);
    CHECK_EQ(h.n, 3);
    CHECK_EQ(h.ops[0].call, 1);
    CHECK_EQ(h.ops[1].call, 5);
    CHECK_EQ(h.ops[2].call, 3);
    CHECK(!lin_history_fault(&h));
}

TEST(malformed_histories_are_refused)
{
    const lin_history *bad[] = {HISTORY(OP(LIN_THREADS, READ, 1, 2)),
                                HISTORY(OP(0, KINDS, 1, 2)), HISTORY(OP(0, READ, 2, 1)),
                                HISTORY(OP(0, READ, 3, 4), OP(0, READ, 1, 2)),
                                HISTORY(OP(0, READ, 1, LIN_PENDING), OP(0, READ, 3, 4))};
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_spec spec = lin_spec_register(1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(lin_history_fault(bad[i]));
        CHECK_EQ(lin_wgl_check(w, bad[i], &spec), LIN_UNKNOWN);
        CHECK_EQ(lin_queue_check(bad[i], 0), LIN_UNKNOWN);
        CHECK_EQ(lin_spsc_check(bad[i], 1), LIN_UNKNOWN);
        CHECK_EQ(lin_dict_check(w, bad[i]), LIN_UNKNOWN);
        CHECK_EQ(lin_pq_check(bad[i]), LIN_UNKNOWN);
        CHECK_EQ(lin_opacity_check(bad[i]), LIN_UNKNOWN);
    }
    lin_wgl_destroy(w);
}

TEST(events_are_sorted_and_equal_ones_keep_their_order)
{
    enum { EVENTS = 3000 };
    static lin_event events[EVENTS], spare[EVENTS];
    uint64_t rng = test_seed();
    for (size_t n = 0; n < EVENTS; n = n * 2 + 1) {
        for (uint64_t range = 2; range; range <<= 21) {
            for (uint32_t i = 0; i < n; i++) events[i] = (lin_event){test_rand(&rng) % range, 0, i};
            lin_events_sort(events, spare, n);
            for (size_t i = 1; i < n; i++) {
                CHECK(events[i - 1].time <= events[i].time);
                if (events[i - 1].time == events[i].time) CHECK(events[i - 1].id < events[i].id);
            }
        }
    }
}

/* ---- the search, by hand --------------------------------------------------------------------- */

static lin_verdict search(lin_spec spec, const lin_history *h)
{
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict verdict = lin_wgl_check(w, h, &spec);
    lin_wgl_destroy(w);
    return verdict;
}

TEST(nothing_at_all_is_linearizable)
{
    lin_history h = {NULL, 0};
    CHECK_EQ(search(lin_spec_register(1), &h), LIN_YES);
    CHECK_EQ(lin_queue_check(&h, 0), LIN_YES);
    CHECK_EQ(lin_pq_check(&h), LIN_YES);
    CHECK_EQ(lin_opacity_check(&h), LIN_YES);
}

TEST(a_read_returns_the_last_write)
{
    lin_spec spec = lin_spec_register(1);
    CHECK_EQ(search(spec, HISTORY(OP(0, WRITE, 1, 2, .arg = 5), OP(1, READ, 3, 4, .result = 5))),
             LIN_YES);
    CHECK_EQ(search(spec, HISTORY(OP(0, WRITE, 1, 2, .arg = 5), OP(1, READ, 3, 4))), LIN_NO);
    CHECK_EQ(search(spec, HISTORY(OP(0, WRITE, 1, 3, .arg = 5), OP(1, READ, 2, 4))), LIN_YES);
}

TEST(moments_that_are_shared_are_concurrent)
{
    lin_spec spec = lin_spec_register(1);
    CHECK_EQ(search(spec, HISTORY(OP(0, WRITE, 1, 2, .arg = 5), OP(1, READ, 2, 3))), LIN_YES);
    CHECK_EQ(search(spec, HISTORY(OP(0, WRITE, 1, 2, .arg = 5), OP(0, READ, 2, 3))), LIN_NO);
}

/* Each of two readers sees the other's write first. */
TEST(readers_agree_on_the_order_of_writes)
{
    CHECK_EQ(search(lin_spec_register(1),
                    HISTORY(OP(0, WRITE, 1, 9, .arg = 5), OP(1, WRITE, 2, 9, .arg = 6),
                            OP(2, READ, 3, 4, .result = 5), OP(2, READ, 5, 6, .result = 6),
                            OP(3, READ, 3, 4, .result = 6), OP(3, READ, 5, 6, .result = 5))),
             LIN_NO);
}

TEST(sums_are_not_lost)
{
    lin_spec spec = lin_spec_register(1);
    CHECK_EQ(search(spec, HISTORY(OP(0, ADD, 1, 3, .arg = 1, .result = 0),
                                  OP(1, ADD, 2, 4, .arg = 1, .result = 1))),
             LIN_YES);
    CHECK_EQ(search(spec, HISTORY(OP(0, ADD, 1, 3, .arg = 1, .result = 0),
                                  OP(1, ADD, 2, 4, .arg = 1, .result = 0))),
             LIN_NO);
}

TEST(a_pending_operation_happens_once_or_never)
{
    lin_spec spec = lin_spec_register(1);
    lin_op ops[] = {OP(0, ADD, 1, LIN_PENDING, .arg = 1), OP(1, READ, 2, 3), OP(1, READ, 4, 5)};
    lin_history h = {ops, 3};
    for (uint64_t a = 0; a < 3; a++) {
        for (uint64_t b = 0; b < 3; b++) {
            ops[1].result = a, ops[2].result = b;
            CHECK_EQ(search(spec, &h), a <= b && b < 2 ? LIN_YES : LIN_NO);
        }
    }
}

TEST(a_place_has_one_holder)
{
    lin_spec spec = lin_spec_slots(2);
    CHECK_EQ(search(spec, HISTORY(OP(0, JOIN, 1, 2), OP(1, JOIN, 3, 4, .result = 1),
                                  OP(2, JOIN, 5, 6, .status = THETIS_ENOSLOT),
                                  OP(0, LEAVE, 7, 8), OP(2, JOIN, 9, 10))),
             LIN_YES);
    CHECK_EQ(search(spec, HISTORY(OP(0, JOIN, 1, 2), OP(1, JOIN, 3, 4))), LIN_NO);
    CHECK_EQ(search(spec, HISTORY(OP(0, JOIN, 1, 2, .result = 2))), LIN_NO);
    CHECK_EQ(search(spec, HISTORY(OP(0, LEAVE, 1, 2))), LIN_NO);
}

TEST(a_specification_refuses_kinds_it_does_not_know)
{
    lin_spec specs[] = {lin_spec_register(1), lin_spec_queue(1), lin_spec_map(1), lin_spec_pq(1),
                        lin_spec_slots(1), lin_spec_txn(1)};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        bool txn = specs[i].step == lin_spec_txn(1).step;
        lin_history *h = HISTORY(OP(0, TXN, 1, 2));
        if (txn) h->ops[0].kind = LIN_READ;
        CHECK_EQ(search(specs[i], h), LIN_NO);
    }
}

TEST(a_search_that_grows_too_large_gives_up)
{
    enum { WRITERS = 12 };
    lin_op ops[WRITERS + 1];
    lin_history h = {ops, WRITERS + 1};
    lin_wgl *w = lin_wgl_create(1000);
    lin_spec spec = lin_spec_register(1);
    for (unsigned i = 0; i < WRITERS; i++) ops[i] = (lin_op)OP((uint16_t)i, WRITE, 1, 9, .arg = i);
    ops[WRITERS] = (lin_op)OP(0, READ, 10, 11, .result = WRITERS);
    CHECK_EQ(lin_wgl_check(w, &h, &spec), LIN_UNKNOWN);
    CHECK_EQ(lin_wgl_visited(w), 1000);
    lin_wgl_destroy(w);
    CHECK_EQ(search(spec, &h), LIN_NO);
}

TEST(an_explanation_shows_where_it_ends)
{
    char text[1000] = "";
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_spec spec = lin_spec_register(1);
    lin_history *h = HISTORY(OP(0, WRITE, 1, 2, .arg = 5), OP(1, READ, 3, 4, .result = 6));
    FILE *out = fmemopen(text, sizeof text, "w");
    CHECK(out);
    CHECK_EQ(lin_wgl_check(w, h, &spec), LIN_NO);
    lin_wgl_explain(w, out, h);
    CHECK_EQ(fclose(out), 0);
    CHECK(strstr(text, "these 1 of 2 operations"));
    CHECK(strstr(text, "thread 0  [1, 2]  WRITE"));
    CHECK(strstr(text, "would have to:\nthread 1  [3, 4]  READ"));
    lin_wgl_destroy(w);
}

/* ---- the search, against one without memory -------------------------------------------------- */

/* Whether operation `i` has to wait for one that is not done. */
static bool naive_must_wait(const lin_history *h, size_t i, unsigned done)
{
    for (size_t k = 0; k < h->n; k++) {
        bool earlier = h->ops[k].thread == h->ops[i].thread && k < i;
        if (!(done >> k & 1) && (earlier || h->ops[k].ret < h->ops[i].call)) return true;
    }
    return false;
}

static bool naive_search(const lin_history *h, const lin_spec *spec, const uint64_t *state,
                         unsigned done)
{
    bool all = true;
    for (size_t i = 0; i < h->n; i++) {
        uint64_t next[STATE_WORDS];
        if (done >> i & 1) continue;
        all = all && lin_is_pending(&h->ops[i]);
        memcpy(next, state, sizeof next);
        if (naive_must_wait(h, i, done) || !spec->step(spec, next, &h->ops[i])) continue;
        if (naive_search(h, spec, next, done | 1u << i)) return true;
    }
    return all;
}

typedef struct register_model {
    uint64_t words[REGISTERS];
} register_model;

static void register_choose(lin_random *r, lin_op *op)
{
    static const lin_kind kinds[] = {LIN_READ, LIN_WRITE, LIN_ADD, LIN_CAS};
    op->kind = (uint16_t)kinds[random_below(r, 4)];
    op->key = random_below(r, REGISTERS);
    op->arg = random_below(r, 3);
    op->arg2 = random_below(r, 3);
}

static void register_apply(lin_random *r, lin_op *op)
{
    register_model *m = r->model;
    uint64_t *word = &m->words[op->key];
    op->result = *word;
    op->status = op->kind == LIN_CAS && *word != op->arg2 ? THETIS_MISMATCH : THETIS_OK;
    if (op->kind == LIN_ADD) *word += op->arg;
    if (op->kind == LIN_WRITE || (op->kind == LIN_CAS && op->status == THETIS_OK)) *word = op->arg;
}

static void register_damage(lin_random *r, lin_op *op)
{
    op->result = random_below(r, 4);
    if (op->kind == LIN_CAS) op->status = op->status ? THETIS_OK : THETIS_MISMATCH;
}

static random_tally search_compare(size_t histories)
{
    static lin_random r;
    static const uint64_t zeroes[STATE_WORDS];
    random_tally tally = {0};
    register_model m;
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_spec spec = lin_spec_register(REGISTERS);
    r = (lin_random){.rng = test_seed(), .spoil = true, .may_pend = true, .model = &m};
    r.choose = register_choose, r.apply = register_apply, r.damage = register_damage;
    for (size_t i = 0; i < histories; i++) {
        m = (register_model){{0}};
        r.n = 4 + (unsigned)random_below(&r, 5);
        r.threads = 2 + (unsigned)random_below(&r, 3);
        lin_history h = random_history(&r);
        lin_verdict naive = naive_search(&h, &spec, zeroes, 0) ? LIN_YES : LIN_NO;
        random_count(&tally, &r, naive, lin_wgl_check(w, &h, &spec));
    }
    lin_wgl_destroy(w);
    random_print(&tally);
    return tally;
}

TEST(the_search_agrees_with_one_without_memory)
{
    random_tally tally = search_compare(test_scale(HISTORIES));
    CHECK_EQ(tally.missed, 0);
    CHECK_EQ(tally.false_alarms, 0);
    random_check_mix(&tally);
}

TEST(planted_faults_are_noticed)
{
    static const lin_fault faults[] = {LIN_FAULT_WGL_MEMO, LIN_FAULT_WGL_ORDER,
                                       LIN_FAULT_WGL_PENDING};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        lin_planted = faults[i];
        random_tally tally = search_compare(FAULT_HISTORIES);
        lin_planted = LIN_FAULT_NONE;
        CHECK(tally.missed + tally.false_alarms > 0);
    }
}

TEST_MAIN(T(a_recorder_keeps_what_it_is_told), T(a_full_recorder_aborts, .aborts = true),
          T(slack_makes_intervals_longer), T(recording_allocates_nothing),
          T(the_real_clock_never_runs_backwards), T(merging_keeps_all_operations),
          T(malformed_histories_are_refused),
          T(events_are_sorted_and_equal_ones_keep_their_order), T(nothing_at_all_is_linearizable),
          T(a_read_returns_the_last_write), T(moments_that_are_shared_are_concurrent),
          T(readers_agree_on_the_order_of_writes), T(sums_are_not_lost),
          T(a_pending_operation_happens_once_or_never), T(a_place_has_one_holder),
          T(a_specification_refuses_kinds_it_does_not_know),
          T(a_search_that_grows_too_large_gives_up), T(an_explanation_shows_where_it_ends),
          T(the_search_agrees_with_one_without_memory), T(planted_faults_are_noticed))
