/* SPDX-License-Identifier: MIT
 *
 * model_pool.c: scenarios of thetis/pool.h: a block has one holder at a time, none is lost, there
 * is always one when the sizing says so, whoever stops, and few wait for readers.
 */
#include "model/model_domain.h"

static void blocks_done(void)
{
    if (anybody_stopped()) return;
    all_blocks_are_there();
}

/* ---- from thread to thread ------------------------------------------------------------------- */

/* At most 3 are taken: one by each, one on the way. */
static void make_pass(void)
{
    enum { OUT = 3, HIDDEN = 3 }; /* (N - 1) (2b + 1) */
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = OUT + HIDDEN});
    all_join(2);
}

static void send(unsigned t)
{
    version *v = take(t);
    THETIS_CHECK(v);
    fill(v, 1);
    v = address(thetis_atomic_exchange_release(&cell[0], (uintptr_t)v)); /* its own, or none */
    if (v) give(t, v);
}

static void receive(unsigned t)
{
    version *v = address(thetis_atomic_exchange_acquire(&cell[0], 0));
    if (!v) return;
    (void)value_of(v);
    fill(v, 0);
    give(t, v);
}

static void pass_body(unsigned thread)
{
    for (unsigned k = 0; k < 7 * thetis_check_rounds(); k++) {
        if (thread == 0) send(0);
        else receive(1);
    }
}

const thetis_check_scenario pool_pass = {
    .name = "pool-pass", .threads = 2, .slow = 2, .setup = make_pass, .body = pass_body,
    .done = blocks_done};

static void make_pass_batch(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 2, .batches = 4}); /* 3 + 5 blocks */
    all_join(2);
}

static void pass_batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 6 * thetis_check_rounds(); k++) {
        if (thread == 0) send(0);
        else receive(1);
    }
}

const thetis_check_scenario pool_pass_batch = {
    .name = "pool-pass-batch", .threads = 2, .setup = make_pass_batch, .body = pass_batch_body,
    .done = blocks_done};

/* ---- the shared store: one that only gives, others that only take ---------------------------- */

enum { GIVEN = 5 };

static version *in_hand[GIVEN];

static void make_store(void)
{
    void *block;
    make((size){.threads = 3, .hazards = 1, .batch = 1, .batches = GIVEN});
    all_join(3);
    for (size_t k = 0; k < GIVEN; k++) {
        THETIS_CHECK(thetis_pool_take(pool, self[0], &block) == THETIS_OK);
        in_hand[k] = block;
    }
}

static void store_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        version *v[2];
        if (thread == 0) {
            for (size_t i = 0; i < GIVEN; i++) {
                if (!in_hand[i]) continue;
                in_hand[i]->value = i;
                give(0, in_hand[i]);
            }
            for (size_t i = 0; i < GIVEN; i++) in_hand[i] = take(0);
            continue;
        }
        for (size_t i = 0; i < 2; i++) {
            v[i] = take(thread);
            if (v[i]) v[i]->value = thread;
        }
        for (size_t i = 0; i < 2; i++)
            if (v[i]) give(thread, v[i]);
    }
}

static void store_done(void)
{
    if (anybody_stopped()) return;
    for (size_t i = 0; i < GIVEN; i++)
        if (in_hand[i]) thetis_pool_give(pool, self[0], in_hand[i]);
    all_blocks_are_there();
}

const thetis_check_scenario pool_store = {
    .name = "pool-store", .threads = 3, .slow = 2, .setup = make_store, .body = store_body,
    .done = store_done};

/* ENOMEM: thread 1 gives all that it has; thread 0 takes until there is none, and then others
 * withhold no more than (N - 1) (2b + 1). */
enum { MANY = 14 };

static version *mine[MANY];
static size_t mine_n;

static void make_exact_of(size_t batch)
{
    void *block;
    make((size){.threads = 2, .hazards = 1, .batch = batch, .batches = GIVEN / batch + 2});
    all_join(2);
    for (size_t k = 0; k < GIVEN; k++) {
        THETIS_CHECK(thetis_pool_take(pool, self[1], &block) == THETIS_OK);
        in_hand[k] = block;
    }
    mine_n = 0;
}

static void make_exact(void)
{
    make_exact_of(1);
}

static void make_exact_batch(void)
{
    make_exact_of(2);
}

static void exact_body(unsigned thread)
{
    size_t all = pool->shape_.batches * pool->shape_.batch, hidden = 2 * pool->shape_.batch + 1;
    if (thread == 1) {
        for (size_t k = 0; k < GIVEN; k++) {
            thetis_atomic_store_relaxed(&cell[0], k + 1); /* so many are not taken any more */
            give(1, in_hand[k]);
        }
        return;
    }
    for (;;) {
        uintptr_t given = thetis_atomic_load_relaxed(&cell[0]);
        version *v = take(0);
        if (!v) {
            THETIS_CHECK(mine_n + (GIVEN - given) + hidden >= all);
            break;
        }
        mine[mine_n++] = v;
    }
}

static void exact_done(void)
{
    if (anybody_stopped()) return;
    for (size_t k = 0; k < mine_n; k++) thetis_pool_give(pool, self[0], mine[k]);
    thetis_atomic_store_relaxed(&cell[0], 0);
    all_blocks_are_there();
}

const thetis_check_scenario pool_exact = {
    .name = "pool-exact", .threads = 2, .slow = 2, .setup = make_exact, .body = exact_body,
    .done = exact_done};
const thetis_check_scenario pool_exact_batch = {
    .name = "pool-exact-batch", .threads = 2, .slow = 2, .setup = make_exact_batch,
    .body = exact_body, .done = exact_done};

/* All give more than their magazines hold, and take it again. */
static void make_swing(void)
{
    enum { EACH = 3, HIDDEN = 6 };
    make((size){.threads = 3, .hazards = 1, .batch = 1, .batches = 3 * EACH + HIDDEN});
    all_join(3);
}

static void swing_body(unsigned thread)
{
    version *v[3];
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        for (size_t i = 0; i < 3; i++) {
            v[i] = take(thread);
            THETIS_CHECK(v[i]);
            fill(v[i], thread);
        }
        for (size_t i = 0; i < 3; i++) {
            THETIS_CHECK(value_of(v[i]) == thread);
            give(thread, v[i]);
        }
    }
}

const thetis_check_scenario pool_swing = {
    .name = "pool-swing", .threads = 3, .slow = 2, .setup = make_swing, .body = swing_body,
    .done = blocks_done};

/* Two of three or none. */
static void make_few(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 3});
    all_join(2);
}

static void few_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        void *v[2] = {NULL, NULL};
        thetis_check_begin("pool.take_n", thetis_pool_bound(pool, THETIS_POOL_TAKE, 2));
        thetis_status s = thetis_pool_take_n(pool, self[thread], v, 2);
        thetis_check_end();
        if (s != THETIS_OK) continue;
        fill(v[0], 1);
        fill(v[1], 1);
        give(thread, v[0]);
        give(thread, v[1]);
    }
}

const thetis_check_scenario pool_few = {
    .name = "pool-few", .threads = 2, .slow = 2, .setup = make_few, .body = few_body,
    .done = blocks_done};

/* ---- retired blocks -------------------------------------------------------------------------- */

/* As retire() goes on by itself: a record at each, two blocks at each; a reader may protect one
 * block. As few blocks as the sizing says, so that each wait that is too long shows. */
static void make_limbo(void)
{
    thetis_pool_shape_ shape = {.threads = 2, .words = 2, .limbo = 2, .looks = 1, .frees = 2};
    size_t blocks = 2 + tht_pool_most(&shape) + 3; /* in the cell and in hand; (N-1) (2b+1) */
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = blocks, .limbo = 2, .looks = 1,
                .frees = 2});
    all_join(2);
    begin_cell(0, 1);
}

static void limbo_body(unsigned thread)
{
    for (unsigned k = 0; k < 5 * thetis_check_rounds(); k++) {
        if (thread == 0) THETIS_CHECK(add_once(0, 0, 1));
        else if (k < 2) (void)read_once(1, 0);
    }
}

const thetis_check_scenario pool_limbo = {
    .name = "pool-limbo", .threads = 2, .slow = 2, .setup = make_limbo, .body = limbo_body,
    .done = blocks_done};

/* A reader that keeps what it protects for ever pins that, and nothing else. */
static void stopped_body(unsigned thread)
{
    uintptr_t word;
    if (thread == 1) {
        if (protect(1, 0, &cell[0], &word)) told[1] = value_of(address(word));
        return;
    }
    for (unsigned k = 0; k < 4 * thetis_check_rounds(); k++) THETIS_CHECK(add_once(0, 0, 1));
}

static void stopped_done(void)
{
    thetis_pool_levels levels;
    if (thetis_check_stopped(0)) return;
    for (unsigned k = 0; k < 40; k++) THETIS_CHECK(add_once(0, 0, 1));
    thetis_pool_stat(pool, &levels);
    THETIS_CHECK(levels.unreclaimed <= levels.unreclaimed_max);
    THETIS_CHECK(thetis_pool_reclaim(pool, self[0]) <= 1);
    if (thetis_check_stopped(1) || !told[1]) return;
    uintptr_t word = thetis_atomic_load_relaxed(thetis_domain_hazard_(self[1], 0));
    THETIS_CHECK(value_of(address(word)) == told[1]);
    all_blocks_are_there();
}

const thetis_check_scenario pool_stopped = {
    .name = "pool-stopped", .threads = 2, .slow = 4, .setup = make_limbo, .body = stopped_body,
    .done = stopped_done};

/* Four suspects at once, of which the other thread may protect some: the longest retire. */
static void make_long(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 4, .batches = 4, .limbo = 4, .looks = 1,
                .frees = 4});
    all_join(2);
    begin_cell(0, 1);
}

static void long_body(unsigned thread)
{
    for (unsigned k = 0; k < 6 * thetis_check_rounds(); k++) (void)add_once(thread, 0, 1);
}

const thetis_check_scenario pool_long = {
    .name = "pool-long", .threads = 2, .slow = 2, .setup = make_long, .body = long_body,
    .done = blocks_done};

/* Ten suspects, of which all are left when reclaim() comes. */
static void make_reclaim(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 12, .batches = 4, .limbo = 10, .looks = 1,
                .frees = 4});
    all_join(2);
    begin_cell(0, 1);
}

static void reclaim_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        for (unsigned i = 0; i < 10; i++) (void)add(thread, 0, 1, 1);
        THETIS_CHECK(reclaim(thread) <= 2); /* one is protected by each thread */
    }
}

const thetis_check_scenario pool_reclaim = {
    .name = "pool-reclaim", .threads = 2, .slow = 4, .setup = make_reclaim,
    .body = reclaim_body, .done = blocks_done};

/* ---- memory that is used again --------------------------------------------------------------- */

/* An older pool has left a header of a block that thread 0 had retired, and a hazard that names it;
 * in this pool nobody has taken it yet. Thread 1 does so while thread 0 looks at that hazard. */
static void make_reused(void)
{
    enum { BATCH = 2, FIRST = BATCH + 1, RETIRED = 3 };
    make((size){.threads = 2, .hazards = 1, .batch = BATCH, .batches = 8});
    all_join(2);
    unsigned char *block = pool->base_ + FIRST * pool->shape_.stride;
    thetis_atomic_store_relaxed((thetis_atomic *)(void *)block - 1, RETIRED);
    thetis_atomic_store_relaxed(thetis_domain_hazard_(self[1], 0), (uintptr_t)block);
    give(0, take(0)); /* of the first batch */
}

static void reused_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        version *v = take(thread);
        THETIS_CHECK(v);
        if (thread == 0) retire(0, v);
        else give(1, v);
    }
}

const thetis_check_scenario pool_reused = {
    .name = "pool-reused", .threads = 2, .slow = 2, .setup = make_reused, .body = reused_body,
    .done = blocks_done};

/* ---- those who have left --------------------------------------------------------------------- */

static void make_collect(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 10, .limbo = 4, .looks = 1,
                .frees = 4});
    handed_over = 1;
    all_join(1);
    begin_cell(0, 1);
    leave(0);
    self[0] = NULL;
}

static void collect_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 1) {
            (void)collect();
        } else if (join(0) == THETIS_OK) {
            (void)add_once(0, 0, 1);
            leave(0);
            self[0] = NULL;
        }
    }
}

const thetis_check_scenario pool_collect = {
    .name = "pool-collect", .threads = 2, .slow = 2, .setup = make_collect, .body = collect_body,
    .done = blocks_done};

/* The longest: both have left with as many retired blocks as wait before a look, and a magazine
 * without room; the store is full from below. */
enum { LEFT_BATCHES = 80, LEFT_LIMBO = 16 };

static void make_left(void)
{
    void *block[LEFT_BATCHES];
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = LEFT_BATCHES,
                .limbo = LEFT_LIMBO, .looks = 1, .frees = 4});
    handed_over = 1;
    all_join(2);
    for (unsigned t = 0; t < 2; t++) {
        size_t n = 0;
        while ((t == 1 || n < LEFT_LIMBO + 1) &&
               thetis_pool_take(pool, self[t], &block[n]) == THETIS_OK) n++;
        if (t == 1)
            for (size_t k = 0; k < GIVEN; k++) in_hand[k] = block[--n];
        for (size_t k = 0; k < LEFT_LIMBO - 1; k++)
            thetis_pool_retire(pool, self[t], block[--n]);
        while (n > 0) thetis_pool_give(pool, self[t], block[--n]);
    }
    for (unsigned t = 0; t < 2; t++) leave(t);
    self[0] = self[1] = NULL;
}

static void left_body(unsigned thread)
{
    if (thread == 0) {
        (void)collect();
    } else if (join(1) == THETIS_OK) {
        for (size_t k = 0; k < GIVEN; k++) {
            give(1, in_hand[k]);
            in_hand[k] = NULL;
        }
        leave(1);
        self[1] = NULL;
    }
}

static void left_done(void)
{
    if (anybody_stopped()) return;
    (void)join(0);
    for (size_t k = 0; k < GIVEN; k++)
        if (in_hand[k]) thetis_pool_give(pool, self[0], in_hand[k]);
    all_blocks_are_there();
}

const thetis_check_scenario pool_left = {
    .name = "pool-left", .threads = 2, .slow = 8, .setup = make_left, .body = left_body,
    .done = left_done};

/* ---- levels ---------------------------------------------------------------------------------- */

static void stat_body(unsigned thread)
{
    thetis_pool_levels levels;
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 2) {
            thetis_check_begin("pool.stat", thetis_pool_bound(pool, THETIS_POOL_STAT, 0));
            thetis_pool_stat(pool, &levels);
            thetis_check_end();
            THETIS_CHECK(levels.unreclaimed <= levels.unreclaimed_max);
            THETIS_CHECK(levels.stored <= levels.blocks && levels.pinned <= 2);
        } else {
            static const uintptr_t args[ARGS] = {0, 0};
            (void)announce(thread, args);
            withdraw(thread);
            (void)read_once(thread, 0);
            version *v = take(thread);
            THETIS_CHECK(v);
            retire(thread, v);
        }
    }
}

static void make_stat(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 30, .limbo = 1, .looks = 1,
                .frees = 4});
    all_join(2);
    begin_cell(0, 1);
}

const thetis_check_scenario pool_stat = {
    .name = "pool-stat", .threads = 3, .slow = 4, .setup = make_stat, .body = stat_body,
    .done = blocks_done};
