/* SPDX-License-Identifier: MIT
 *
 * test_lin_map.c: the monitors of maps, ordered dicts and priority queues, by hand and against the
 * search on random histories.
 */
#include "harness/test.h"
#include "lin/dict.h"
#include "lin/fault.h"
#include "lin/pq.h"
#include "lin/specs.h"
#include "unit/lin_histories.h"

enum {
    HISTORIES = 120000,
    FAULT_HISTORIES = 20000,
    FEW_HISTORIES = 24000, /* fewer are too few for a rate */
    KEYS = 4,
    PQ_ROOM = 16,
    DICT_PART = 40 /* of the wrong histories of dicts, one in so many may be missed */
};

/* ---- maps and dicts by hand ------------------------------------------------------------------ */

static lin_verdict dict_judge(const lin_history *h)
{
    lin_spec spec = lin_spec_map(KEYS);
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict slow = lin_wgl_check(w, h, &spec);
    CHECK_EQ(lin_dict_check(w, h), slow);
    lin_wgl_destroy(w);
    return slow;
}

TEST(a_key_has_the_value_last_put)
{
    CHECK_EQ(dict_judge(HISTORY(OP(0, PUT, 1, 2, .key = 1, .arg = 5),
                                OP(0, FIND, 3, 4, .key = 1, .result = 5))),
             LIN_YES);
    CHECK_EQ(dict_judge(HISTORY(OP(0, PUT, 1, 2, .key = 1, .arg = 5),
                                OP(0, PUT, 3, 4, .key = 1, .arg = 6),
                                OP(0, FIND, 5, 6, .key = 1, .result = 5))),
             LIN_NO);
    CHECK_EQ(dict_judge(HISTORY(OP(0, PUT, 1, 2, .key = 1, .arg = 5),
                                OP(0, FIND, 3, 4, .key = 2, .result = 5))),
             LIN_NO);
}

TEST(each_kind_answers_by_what_is_there)
{
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 1, 2, .key = 1, .arg = 5),
                                OP(0, INSERT, 3, 4, .key = 1, .status = THETIS_EXISTS),
                                OP(0, CAS, 5, 6, .key = 1, .arg2 = 5, .arg = 6),
                                OP(0, CAS, 7, 8, .key = 1, .arg2 = 5, .status = THETIS_MISMATCH),
                                OP(0, REPLACE, 9, 10, .key = 1, .arg = 7),
                                OP(0, FIND, 11, 12, .key = 1, .result = 7),
                                OP(0, ERASE, 13, 14, .key = 1),
                                OP(0, ERASE, 15, 16, .key = 1, .status = THETIS_ABSENT),
                                OP(0, REPLACE, 17, 18, .key = 1, .status = THETIS_ABSENT),
                                OP(0, CAS, 19, 20, .key = 1, .status = THETIS_ABSENT))),
             LIN_YES);
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 1, 2, .key = 1, .status = THETIS_EXISTS))), LIN_NO);
    CHECK_EQ(dict_judge(HISTORY(OP(0, REPLACE, 1, 2, .key = 1))), LIN_NO);
    CHECK_EQ(dict_judge(HISTORY(OP(0, ERASE, 1, 2, .key = 1))), LIN_NO);
    CHECK_EQ(dict_judge(HISTORY(OP(0, CAS, 1, 2, .key = 1))), LIN_NO);
}

TEST(two_inserts_of_a_key_cannot_both_succeed)
{
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 1, 4, .key = 1, .arg = 5),
                                OP(1, INSERT, 2, 3, .key = 1, .arg = 6))),
             LIN_NO);
}

static const lin_item items_1_and_2[] = {{1, 11, false}, {2, 12, false}};

TEST(a_scan_shows_one_moment)
{
    const lin_item *both = items_1_and_2;
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 1, 2, .key = 1, .arg = 11),
                                OP(0, INSERT, 3, 4, .key = 2, .arg = 12),
                                OP(1, SCAN, 5, 6, .key = 0, .arg = 3, .items = both,
                                   .n_items = 2))),
             LIN_YES);
    /* one of the two was never seen, though it came first */
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 2, 3, .key = 1, .arg = 11),
                                OP(0, INSERT, 4, 5, .key = 2, .arg = 12),
                                OP(1, SCAN, 1, 6, .key = 0, .arg = 3, .items = both + 1,
                                   .n_items = 1))),
             LIN_NO);
    /* both are seen, though one had gone when the other came */
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 2, 3, .key = 1, .arg = 11),
                                OP(0, ERASE, 4, 5, .key = 1),
                                OP(0, INSERT, 6, 7, .key = 2, .arg = 12),
                                OP(1, SCAN, 1, 8, .key = 0, .arg = 3, .items = both,
                                   .n_items = 2))),
             LIN_NO);
    /* out of its range */
    CHECK_EQ(dict_judge(HISTORY(OP(0, INSERT, 1, 2, .key = 1, .arg = 11),
                                OP(1, SCAN, 3, 4, .key = 2, .arg = 3, .items = both,
                                   .n_items = 1))),
             LIN_NO);
}

TEST(large_histories_are_checked_key_by_key)
{
    enum { LARGE = 40000 };
    static lin_op ops[LARGE];
    uint64_t rng = test_seed(), values[KEYS] = {0};
    lin_history h = {ops, test_scale(LARGE)};
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    for (size_t i = 0; i < h.n; i++) {
        uint64_t key = test_rand(&rng) % KEYS;
        bool find = values[key] && test_rand(&rng) % 2;
        ops[i] = (lin_op){.kind = find ? LIN_FIND : LIN_PUT, .key = key};
        random_place(&ops[i], i);
        if (!find) ops[i].arg = values[key] = i + 1;
        ops[i].result = find ? values[key] : 0;
    }
    CHECK_EQ(lin_map_check(w, &h), LIN_YES);
    ops[h.n - 1] = (lin_op){.kind = LIN_FIND, .call = 20 * h.n, .ret = 20 * h.n, .result = h.n + 7};
    CHECK_EQ(lin_map_check(w, &h), LIN_NO);
    lin_wgl_destroy(w);
}

/* Even operations put, odd ones scan all keys. */
TEST(large_histories_with_scans)
{
    enum { LARGE = 20000 };
    static lin_op ops[LARGE];
    static lin_item shown[LARGE][KEYS];
    uint64_t rng = test_seed(), values[KEYS] = {0};
    lin_history h = {ops, test_scale(LARGE)};
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    for (size_t i = 0; i < h.n; i++) {
        uint64_t key = i % 2 ? 0 : test_rand(&rng) % KEYS;
        ops[i] = (lin_op){.kind = i % 2 ? LIN_SCAN : LIN_PUT, .key = key, .items = shown[i]};
        random_place(&ops[i], i);
        ops[i].arg = i % 2 ? KEYS : (values[key] = i + 1);
        for (key = 0; i % 2 && key < KEYS; key++) {
            if (values[key]) shown[i][ops[i].n_items++] = (lin_item){key, values[key], false};
        }
    }
    CHECK_EQ(lin_dict_check(w, &h), LIN_YES);
    shown[h.n / 2 | 1][0].value = shown[1][0].value; /* long since replaced */
    CHECK_EQ(lin_dict_check(w, &h), LIN_NO);
    lin_wgl_destroy(w);
}

/* ---- priority queues by hand ----------------------------------------------------------------- */

static lin_verdict pq_judge(const lin_history *h)
{
    lin_spec spec = lin_spec_pq(0);
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict slow = lin_wgl_check(w, h, &spec);
    lin_wgl_destroy(w);
    CHECK_EQ(lin_pq_check(h), slow);
    return slow;
}

TEST(the_smallest_key_is_popped)
{
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5), OP(0, PUSH, 3, 4, .key = 3),
                              OP(1, POP, 5, 6, .key = 3), OP(1, POP, 7, 8, .key = 5))),
             LIN_YES);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5), OP(0, PUSH, 3, 4, .key = 3),
                              OP(1, POP, 5, 6, .key = 5))),
             LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5), OP(0, PUSH, 3, 6, .key = 3),
                              OP(1, POP, 4, 5, .key = 5))),
             LIN_YES);
}

TEST(pops_need_a_push_each)
{
    CHECK_EQ(pq_judge(HISTORY(OP(0, POP, 1, 2, .key = 5))), LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, POP, 1, 2, .key = 5), OP(0, PUSH, 3, 4, .key = 5))), LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5), OP(0, POP, 3, 4, .key = 5),
                              OP(0, POP, 5, 6, .key = 5))),
             LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5, .arg = 1),
                              OP(0, POP, 3, 4, .key = 5, .result = 2))),
             LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, LIN_PENDING, .key = 5), OP(1, POP, 3, 4, .key = 5))),
             LIN_YES);
}

/* The pop of 3 cannot come before that of 2 returns, so 3 is still there when 5 is popped. */
TEST(a_pop_that_is_held_up_holds_up_others)
{
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 2), OP(0, PUSH, 3, 4, .key = 3),
                              OP(0, PUSH, 5, 6, .key = 5), OP(1, POP, 7, 20, .key = 3),
                              OP(2, POP, 8, 12, .key = 5), OP(0, POP, 13, 14, .key = 2))),
             LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 2), OP(0, PUSH, 3, 4, .key = 3),
                              OP(0, PUSH, 5, 6, .key = 5), OP(1, POP, 7, 20, .key = 3),
                              OP(2, POP, 8, 15, .key = 5), OP(0, POP, 13, 14, .key = 2))),
             LIN_YES);
}

TEST(nothing_may_be_there_when_a_pop_finds_nothing)
{
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 2, .key = 5),
                              OP(1, POP, 3, 4, .status = THETIS_EMPTY))),
             LIN_NO);
    CHECK_EQ(pq_judge(HISTORY(OP(0, PUSH, 1, 4, .key = 5),
                              OP(1, POP, 3, 5, .status = THETIS_EMPTY))),
             LIN_YES);
}

/* Two elements at a time; the keys come in no order. */
TEST(large_histories_of_a_priority_queue)
{
    enum { LARGE = 40000 };
    static lin_op ops[LARGE];
    lin_history h = {ops, test_scale(LARGE) / 4 * 4};
    for (size_t i = 0; i < h.n; i++) {
        uint64_t a = (i / 4 * 977 % LARGE + 1) * 2, b = a + 1; /* 977 and LARGE: no common factor */
        bool push = i % 4 < 2;
        ops[i] = (lin_op){.kind = push ? LIN_PUSH : LIN_POP, .key = i % 2 == push ? a : b};
        random_place(&ops[i], i);
        ops[i].ret = ops[i].call + 5;
    }
    CHECK_EQ(lin_pq_check(&h), LIN_YES);
    ops[h.n - 1].key = ops[h.n - 2].key;
    CHECK_EQ(lin_pq_check(&h), LIN_NO);
}

/* ---- models ---------------------------------------------------------------------------------- */

typedef struct dict_model {
    bool scans;
    uint64_t values[KEYS]; /* 0: absent */
    uint64_t made;
} dict_model;

static void dict_choose(lin_random *r, lin_op *op)
{
    static const lin_kind kinds[] = {LIN_FIND, LIN_FIND,    LIN_INSERT, LIN_ERASE,
                                     LIN_PUT,  LIN_REPLACE, LIN_CAS,    LIN_INSERT};
    dict_model *m = r->model;
    op->kind = (uint16_t)kinds[random_below(r, 8)];
    op->key = random_below(r, KEYS);
    if (m->scans && random_below(r, 3) == 0) op->kind = LIN_SCAN;
    if (op->kind == LIN_SCAN) {
        op->arg = op->key + random_below(r, KEYS);
        op->items = random_items(r, op);
    } else if (op->kind != LIN_FIND && op->kind != LIN_ERASE) {
        op->arg = ++m->made;
    }
    if (op->kind == LIN_CAS) op->arg2 = m->values[op->key] ? m->values[op->key] : 1;
}

static void dict_scan(lin_random *r, lin_op *op)
{
    dict_model *m = r->model;
    for (uint64_t key = op->key; key <= op->arg && key < KEYS; key++) {
        if (m->values[key]) random_items(r, op)[op->n_items++] = (lin_item){key, m->values[key], 0};
    }
}

static void dict_apply(lin_random *r, lin_op *op)
{
    dict_model *m = r->model;
    uint64_t *value = &m->values[op->key];
    bool there = *value != 0;
    thetis_status s = there ? THETIS_OK : THETIS_ABSENT;
    if (op->kind == LIN_SCAN) {
        dict_scan(r, op);
        return;
    }
    if (op->kind == LIN_FIND) op->result = *value;
    if (op->kind == LIN_INSERT) s = there ? THETIS_EXISTS : THETIS_OK;
    if (op->kind == LIN_PUT) s = THETIS_OK;
    if (op->kind == LIN_CAS && there && *value != op->arg2) s = THETIS_MISMATCH;
    if (s == THETIS_OK && op->kind != LIN_FIND) *value = op->arg; /* 0 of an erase */
    op->status = (int16_t)s;
}

static void dict_damage(lin_random *r, lin_op *op)
{
    dict_model *m = r->model;
    lin_item *items = random_items(r, op);
    if (op->kind == LIN_SCAN && op->n_items) {
        if (random_below(r, 2)) {
            op->n_items--;
        } else {
            items[random_below(r, op->n_items)].value = random_below(r, m->made) + 1;
        }
    } else if (op->kind == LIN_FIND && random_below(r, 2)) {
        op->status = THETIS_OK;
        op->result = random_below(r, m->made + 1) + 1;
    } else if (op->kind == LIN_INSERT) {
        op->status = op->status == THETIS_OK ? THETIS_EXISTS : THETIS_OK;
    } else if (op->kind != LIN_PUT && op->kind != LIN_SCAN) {
        op->status = op->status == THETIS_OK ? THETIS_ABSENT : THETIS_OK;
    }
}

typedef struct pq_model {
    uint64_t keys[RANDOM_OPS]; /* 0: none */
    uint64_t made;
} pq_model;

static void pq_choose(lin_random *r, lin_op *op)
{
    pq_model *m = r->model;
    op->kind = random_below(r, 2) ? LIN_PUSH : LIN_POP;
    if (op->kind == LIN_PUSH) op->key = random_below(r, 8) * RANDOM_OPS + ++m->made;
    op->arg = op->key * 2;
}

static void pq_apply(lin_random *r, lin_op *op)
{
    pq_model *m = r->model;
    size_t least = RANDOM_OPS;
    for (size_t i = 0; i < RANDOM_OPS; i++) {
        if (op->kind == LIN_PUSH && m->keys[i] == 0) {
            m->keys[i] = op->key;
            return;
        }
        if (m->keys[i] && (least == RANDOM_OPS || m->keys[i] < m->keys[least])) least = i;
    }
    op->status = least == RANDOM_OPS ? THETIS_EMPTY : THETIS_OK;
    if (least == RANDOM_OPS) return;
    op->key = m->keys[least];
    op->result = op->key * 2;
    m->keys[least] = 0;
}

static void pq_damage(lin_random *r, lin_op *op)
{
    const lin_op *other = &r->ops[random_below(r, r->n)];
    if (op->kind != LIN_POP) return;
    op->status = other->kind == LIN_PUSH ? THETIS_OK : THETIS_EMPTY;
    op->key = other->kind == LIN_PUSH ? other->key : 0;
    op->result = op->key * 2;
}

/* ---- against the search ---------------------------------------------------------------------- */

typedef enum subject { MAP, DICT, PQ } subject;

static lin_history subject_history(lin_random *r, subject s, dict_model *d, pq_model *q)
{
    *d = (dict_model){.scans = s == DICT};
    *q = (pq_model){.made = 0};
    r->model = s == PQ ? (void *)q : (void *)d;
    r->choose = s == PQ ? pq_choose : dict_choose;
    r->apply = s == PQ ? pq_apply : dict_apply;
    r->damage = s == PQ ? pq_damage : dict_damage;
    r->n = 4 + (unsigned)random_below(r, 11);
    r->threads = 2 + (unsigned)random_below(r, 3);
    return random_history(r);
}

static lin_verdict subject_check(lin_wgl *w, subject s, const lin_history *h)
{
    if (s == PQ) return lin_pq_check(h);
    return s == DICT ? lin_dict_check(w, h) : lin_map_check(w, h);
}

static random_tally subject_compare(subject s, bool may_pend, size_t histories)
{
    static lin_random r;
    random_tally tally = {0};
    dict_model d;
    pq_model q;
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_spec spec = s == PQ ? lin_spec_pq(PQ_ROOM) : lin_spec_map(KEYS);
    r = (lin_random){.rng = test_seed(), .spoil = true, .may_pend = may_pend};
    for (size_t i = 0; i < histories; i++) {
        lin_history h = subject_history(&r, s, &d, &q);
        lin_verdict fast = subject_check(w, s, &h);
        random_count(&tally, &r, lin_wgl_check(w, &h, &spec), fast);
    }
    lin_wgl_destroy(w);
    random_print(&tally);
    return tally;
}

/* No false alarm, and at most one in `part` of what is wrong is missed (0: nothing). */
static void subject_agrees(subject s, bool may_pend, size_t part)
{
    size_t scaled = test_scale(HISTORIES);
    size_t enough = part && scaled < FEW_HISTORIES ? FEW_HISTORIES : scaled;
    random_tally tally = subject_compare(s, may_pend, enough);
    CHECK_EQ(tally.false_alarms, 0);
    CHECK(tally.missed <= (part ? tally.no / part : 0));
    random_check_mix(&tally);
}

TEST(maps_agree_with_the_search)
{
    subject_agrees(MAP, false, 0);
    subject_agrees(MAP, true, 0);
}

TEST(dicts_raise_no_false_alarm)
{
    subject_agrees(DICT, false, DICT_PART);
    subject_agrees(DICT, true, DICT_PART);
}

TEST(priority_queues_agree_with_the_search)
{
    subject_agrees(PQ, false, 0);
}

TEST(priority_queues_with_pending_operations_raise_no_false_alarm)
{
    subject_agrees(PQ, true, 50);
}

TEST(planted_faults_are_noticed)
{
    static const struct {
        lin_fault fault;
        subject subject;
    } faults[] = {{LIN_FAULT_MAP_SPLIT, MAP},
                  {LIN_FAULT_DICT_SCAN, DICT},
                  {LIN_FAULT_PQ_ORDER, PQ},
                  {LIN_FAULT_PQ_EMPTY, PQ}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        lin_planted = faults[i].fault;
        random_tally tally = subject_compare(faults[i].subject, false, FAULT_HISTORIES);
        lin_planted = LIN_FAULT_NONE;
        size_t usual = faults[i].subject == DICT ? tally.no / DICT_PART : 0;
        CHECK(tally.missed > usual || tally.false_alarms > 0);
    }
}

TEST_MAIN(T(a_key_has_the_value_last_put), T(each_kind_answers_by_what_is_there),
          T(two_inserts_of_a_key_cannot_both_succeed), T(a_scan_shows_one_moment),
          T(large_histories_are_checked_key_by_key), T(large_histories_with_scans),
          T(large_histories_of_a_priority_queue), T(the_smallest_key_is_popped),
          T(pops_need_a_push_each), T(a_pop_that_is_held_up_holds_up_others),
          T(nothing_may_be_there_when_a_pop_finds_nothing), T(maps_agree_with_the_search),
          T(dicts_raise_no_false_alarm), T(priority_queues_agree_with_the_search),
          T(priority_queues_with_pending_operations_raise_no_false_alarm),
          T(planted_faults_are_noticed))
