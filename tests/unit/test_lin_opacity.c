/* SPDX-License-Identifier: MIT
 *
 * test_lin_opacity.c: the monitor of transactional memory, by hand and against a search over all
 * serial orders of random histories.
 */
#include <string.h>

#include "harness/test.h"
#include "lin/fault.h"
#include "lin/opacity.h"
#include "lin/specs.h"
#include "unit/lin_histories.h"

enum { HISTORIES = 120000, FAULT_HISTORIES = 20000, KEYS = 3 };

/* The search knows only what has happened: each pending transaction has either committed or
 * aborted, in its own good time. All ways are tried. */
static lin_verdict opacity_search(lin_wgl *w, const lin_history *h)
{
    lin_op ops[RANDOM_OPS];
    lin_history all = {ops, h->n};
    lin_spec spec = lin_spec_txn(KEYS);
    size_t pending = 0, which[RANDOM_OPS];
    for (size_t i = 0; i < h->n; i++) {
        ops[i] = h->ops[i];
        if (lin_is_pending(&ops[i])) which[pending++] = i;
    }
    for (unsigned way = 0; way < 1u << pending; way++) {
        for (size_t k = 0; k < pending; k++) {
            ops[which[k]].ret = LIN_PENDING - 1;
            ops[which[k]].status = way >> k & 1 ? THETIS_OK : THETIS_AGAIN;
        }
        lin_verdict verdict = lin_wgl_check(w, &all, &spec);
        if (verdict != LIN_NO) return verdict;
    }
    return LIN_NO;
}

/* ---- by hand --------------------------------------------------------------------------------- */

#define READ(k, v) {.key = k, .value = v}
#define WRITE(k, v) {.key = k, .value = v, .write = true}
#define TXN_(t, s, from, to, ...)                                                               \
    OP(t, TXN, from, to, .status = s, .items = (const lin_item[]){__VA_ARGS__},                 \
       .n_items = sizeof((const lin_item[]){__VA_ARGS__}) / sizeof(lin_item))
#define COMMITTED(t, from, to, ...) TXN_(t, THETIS_OK, from, to, __VA_ARGS__)
#define ABORTED(t, from, to, ...) TXN_(t, THETIS_AGAIN, from, to, __VA_ARGS__)
#define JUDGE(...) judge(HISTORY(__VA_ARGS__))

static lin_verdict judge(const lin_history *h)
{
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_verdict slow = opacity_search(w, h);
    lin_wgl_destroy(w);
    CHECK_EQ(lin_opacity_check(h), slow);
    return slow;
}

TEST(a_read_shows_the_last_commit)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 0), WRITE(0, 5)), COMMITTED(1, 3, 4, READ(0, 5))),
             LIN_YES);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 0), WRITE(0, 5)), COMMITTED(1, 3, 4, READ(0, 0))),
             LIN_NO);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 3, READ(0, 0), WRITE(0, 5)), COMMITTED(1, 2, 4, READ(0, 0))),
             LIN_YES);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 7))), LIN_NO);
}

TEST(a_transaction_sees_its_own_writes)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 0), WRITE(0, 5), READ(0, 5))), LIN_YES);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 0), WRITE(0, 5), READ(0, 0))), LIN_NO);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, READ(0, 5), WRITE(0, 5))), LIN_NO);
}

TEST(what_was_overwritten_within_a_transaction_is_never_seen)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 3, READ(0, 0), WRITE(0, 5), WRITE(0, 6)),
                   COMMITTED(1, 2, 4, READ(0, 5))),
             LIN_NO);
}

TEST(what_an_aborted_transaction_wrote_is_never_seen)
{
    CHECK_EQ(JUDGE(ABORTED(0, 1, 2, READ(0, 0), WRITE(0, 5)), COMMITTED(1, 3, 4, READ(0, 5))),
             LIN_NO);
    CHECK_EQ(JUDGE(ABORTED(0, 1, 2, READ(0, 0), WRITE(0, 5)), COMMITTED(1, 3, 4, READ(0, 0))),
             LIN_YES);
}

/* Serializable, for the aborted transaction leaves nothing; yet it saw a state that never was. */
TEST(aborted_transactions_see_one_state)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 2, 3, READ(0, 0), WRITE(0, 5), READ(1, 0), WRITE(1, 6)),
                   ABORTED(1, 1, 4, READ(0, 0), READ(1, 6))),
             LIN_NO);
    CHECK_EQ(JUDGE(COMMITTED(0, 2, 3, READ(0, 0), WRITE(0, 5), READ(1, 0), WRITE(1, 6)),
                   ABORTED(1, 1, 4, READ(0, 5), READ(1, 6))),
             LIN_YES);
}

TEST(an_update_is_not_lost)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 3, READ(0, 0), WRITE(0, 5)),
                   COMMITTED(1, 2, 4, READ(0, 0), WRITE(0, 6))),
             LIN_NO);
}

TEST(two_writers_do_not_cross)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 3, READ(0, 0), READ(1, 0), WRITE(0, 5)),
                   COMMITTED(1, 2, 4, READ(0, 0), READ(1, 0), WRITE(1, 6))),
             LIN_NO);
}

TEST(pending_transactions_may_have_committed)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, LIN_PENDING, READ(0, 0), WRITE(0, 5)),
                   COMMITTED(1, 2, 4, READ(0, 5))),
             LIN_YES);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, LIN_PENDING, READ(0, 0), WRITE(0, 5)),
                   COMMITTED(1, 2, 4, READ(0, 0))),
             LIN_YES);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, LIN_PENDING, READ(0, 0), WRITE(0, 5)),
                   COMMITTED(1, 2, 3, READ(0, 5)), COMMITTED(1, 4, 5, READ(0, 0))),
             LIN_NO);
}

TEST(blind_writes_are_ordered_as_far_as_is_known)
{
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, WRITE(0, 5)), COMMITTED(1, 3, 4, READ(0, 0))), LIN_NO);
    CHECK_EQ(JUDGE(COMMITTED(0, 1, 2, WRITE(0, 5)), COMMITTED(1, 3, 4, WRITE(0, 6)),
                   COMMITTED(0, 5, 6, READ(0, 6))),
             LIN_YES);
}

TEST(a_value_left_twice_is_refused)
{
    lin_op ops[] = {COMMITTED(0, 1, 2, WRITE(0, 5)), COMMITTED(1, 3, 4, WRITE(0, 5))};
    lin_op retried[] = {ABORTED(0, 1, 2, READ(0, 0), WRITE(0, 5)),
                        COMMITTED(0, 3, 4, READ(0, 0), WRITE(0, 5))};
    CHECK_EQ(lin_opacity_check(&(lin_history){ops, 2}), LIN_UNKNOWN);
    CHECK_EQ(lin_opacity_check(&(lin_history){retried, 2}), LIN_YES);
}

/* Each transaction moves two keys on, and every third one aborts. */
TEST(large_histories)
{
    enum { LARGE = 20000, WIDE = 16 };
    static lin_op ops[LARGE];
    static lin_item moves[LARGE][4];
    uint64_t rng = test_seed(), values[WIDE] = {0};
    lin_history h = {ops, test_scale(LARGE)};
    for (size_t i = 0; i < h.n; i++) {
        uint64_t a = test_rand(&rng) % WIDE, b = (a + 1 + test_rand(&rng) % (WIDE - 1)) % WIDE;
        lin_item items[] = {READ(a, values[a]), READ(b, values[b]), WRITE(a, i + 1),
                            WRITE(b, i + 1)};
        memcpy(moves[i], items, sizeof items);
        ops[i] = (lin_op){.kind = LIN_TXN, .items = moves[i], .n_items = 4};
        ops[i].status = i % 3 ? THETIS_OK : THETIS_AGAIN;
        if (i % 3) values[a] = values[b] = i + 1;
        random_place(&ops[i], i);
    }
    CHECK_EQ(lin_opacity_check(&h), LIN_YES);
    moves[(h.n - 1) / 3 * 3][0].value = 0; /* one that aborted: long since replaced */
    CHECK_EQ(lin_opacity_check(&h), LIN_NO);
}

/* ---- random ---------------------------------------------------------------------------------- */

typedef struct stm_model {
    bool blind; /* some write what they have not read */
    uint64_t values[KEYS];
    uint64_t made; /* values are key + 1 plus a multiple of KEYS */
} stm_model;

static void stm_choose(lin_random *r, lin_op *op)
{
    (void)r;
    op->kind = LIN_TXN;
}

static void stm_add(lin_op *op, lin_item *items, uint64_t key, uint64_t value, bool write)
{
    items[op->n_items++] = (lin_item){key, value, write};
}

static void stm_access(lin_random *r, lin_op *op, uint64_t *view)
{
    stm_model *m = r->model;
    lin_item *items = random_items(r, op);
    uint64_t key = random_below(r, KEYS);
    bool write = random_below(r, 2);
    if (!(m->blind && write && random_below(r, 2))) stm_add(op, items, key, view[key], false);
    if (!write) return;
    view[key] = ++m->made * KEYS + key;
    stm_add(op, items, key, view[key], true);
}

static void stm_apply(lin_random *r, lin_op *op)
{
    stm_model *m = r->model;
    uint64_t view[KEYS];
    memcpy(view, m->values, sizeof view);
    op->items = random_items(r, op);
    for (uint64_t n = 1 + random_below(r, 3); n > 0; n--) stm_access(r, op, view);
    op->status = random_below(r, 4) ? THETIS_OK : THETIS_AGAIN;
    if (op->status == THETIS_OK) memcpy(m->values, view, sizeof view);
}

/* A read shows what another transaction has read or written, or the outcome is another. */
static void stm_damage(lin_random *r, lin_op *op)
{
    lin_op *other = &r->ops[random_below(r, r->n)];
    if (random_below(r, 4) == 0) {
        op->status = op->status == THETIS_OK ? THETIS_AGAIN : THETIS_OK;
        return;
    }
    for (unsigned i = 0; i < op->n_items; i++) {
        for (unsigned k = 0; k < other->n_items && !op->items[i].write; k++) {
            if (op->items[i].key != other->items[k].key) continue;
            ((lin_item *)op->items)[i].value = other->items[k].value;
        }
    }
}

static random_tally opacity_compare(bool blind, bool may_pend, size_t histories)
{
    static lin_random r;
    random_tally tally = {0};
    stm_model m;
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    r = (lin_random){.rng = test_seed(), .spoil = true, .may_pend = may_pend, .model = &m};
    r.choose = stm_choose, r.apply = stm_apply, r.damage = stm_damage;
    for (size_t i = 0; i < histories; i++) {
        m = (stm_model){.blind = blind};
        r.n = 3 + (unsigned)random_below(&r, 7);
        r.threads = 2 + (unsigned)random_below(&r, 3);
        lin_history h = random_history(&r);
        lin_verdict fast = lin_opacity_check(&h);
        random_count(&tally, &r, opacity_search(w, &h), fast);
    }
    lin_wgl_destroy(w);
    random_print(&tally);
    return tally;
}

static void opacity_agrees(bool blind, bool may_pend)
{
    random_tally tally = opacity_compare(blind, may_pend, test_scale(HISTORIES));
    CHECK_EQ(tally.false_alarms, 0);
    CHECK(tally.missed <= (blind ? tally.no / 10 : 0));
    random_check_mix(&tally);
}

TEST(transactions_agree_with_the_search)
{
    opacity_agrees(false, false);
}

TEST(pending_transactions_agree_with_the_search)
{
    opacity_agrees(false, true);
}

TEST(blind_writes_raise_no_false_alarm)
{
    opacity_agrees(true, false);
}

TEST(planted_faults_are_noticed)
{
    static const lin_fault faults[] = {LIN_FAULT_OPACITY_ABORTED, LIN_FAULT_OPACITY_ANTI,
                                       LIN_FAULT_OPACITY_TIME};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        lin_planted = faults[i];
        random_tally tally = opacity_compare(false, false, FAULT_HISTORIES);
        lin_planted = LIN_FAULT_NONE;
        CHECK(tally.missed + tally.false_alarms > 0);
    }
}

TEST_MAIN(T(a_read_shows_the_last_commit), T(a_transaction_sees_its_own_writes),
          T(what_was_overwritten_within_a_transaction_is_never_seen),
          T(what_an_aborted_transaction_wrote_is_never_seen),
          T(aborted_transactions_see_one_state), T(an_update_is_not_lost),
          T(two_writers_do_not_cross), T(pending_transactions_may_have_committed),
          T(blind_writes_are_ordered_as_far_as_is_known), T(a_value_left_twice_is_refused),
          T(large_histories),
          T(transactions_agree_with_the_search), T(pending_transactions_agree_with_the_search),
          T(blind_writes_raise_no_false_alarm), T(planted_faults_are_noticed))
