/* SPDX-License-Identifier: MIT
 *
 * model_cell.c: scenarios of src/cell/cell.h, with a sum as the content. Each addition has a bit of
 * its own and returns the sum before it, so that what was lost, done twice, or given to another
 * one shows in sums: those that the additions of a cell saw must form a chain.
 */
#include <thetis/check.h>

#include "cell/cell.h"
#include "domain/pool.h"

enum { THREADS = 4, CELLS = 2, OPS = 4, BLOCK = 16 + THT_CELL_RECORDS * 32 };
enum { SLOW, FAST, HOARD = 128 };

/* Bits of additions that are made once; those of the growing adversary's rivals are above. */
#define ONCE (((uintptr_t)1 << THREADS * OPS) - 1)
#define NO_MEMORY UINTPTR_MAX

/* An operation that has ended. */
typedef struct did {
    unsigned cell;
    uintptr_t bit, saw;
} did;

static char domain_memory[THETIS_DOMAIN_SIZE(THREADS, 1, 3)] THETIS_CACHE_ALIGNED;
static char pool_memory[2][65536] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_domain_thread *me[THREADS];
static thetis_pool *pool[2];
static tht_cell_size sizes[2]; /* alike; the second one is needed only where blocks are scarce */
static thetis_atomic cell[CELLS], mask, announced[THREADS];
static tht_cells kinds[2];          /* of those who announce at once, and of those who try first */
static did done_by[THREADS][OPS]; /* each row used by one thread, and by done */
static size_t did_n[THREADS];
static uintptr_t seen[THREADS][CELLS];
static uintptr_t bits[THREADS][CELLS]; /* of additions that the thread begins */
static int scarce; /* blocks: an update may fail */

/* ---- the content ----------------------------------------------------------------------------- */

enum { STRUCTURE, CELL, AMOUNT, ARGS };

static int goes(const void *place, const uintptr_t *args)
{
    return (uintptr_t)place == args[CELL];
}

static thetis_atomic *sum_in(const tht_cell_block *version)
{
    return tht_cell_content(version, tht_cell_fields(version));
}

static uintptr_t sum_of(const tht_cell_block *version)
{
    return version ? tht_cell_read(sum_in(version)) : 0;
}

static int look(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result)
{
    if (args[AMOUNT] != 0) return 0;
    result[0] = sum_of(version);
    return 1;
}

static size_t bytes(const tht_cell_block *version)
{
    return version ? sizeof(uintptr_t) : 0;
}

static ptrdiff_t grows(const tht_cell_block *version, const uintptr_t *args)
{
    (void)args;
    return version ? 0 : sizeof(uintptr_t);
}

static void copy(tht_cell_block *to, const tht_cell_block *version)
{
    tht_cell_write(sum_in(to), sum_of(version));
}

static void apply(tht_cell_block *to, const uintptr_t *args, uintptr_t *result)
{
    thetis_atomic *sum = sum_in(to);
    result[0] = tht_cell_read(sum);
    result[1] = 0;
    tht_cell_write(sum, result[0] + args[AMOUNT]);
}

static void make_one(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                     uintptr_t *result)
{
    copy(to, version);
    apply(to, args, result);
}

static const tht_cell_kind sums = {NULL, NULL, goes, look, bytes, grows, make_one, copy, apply};
static const tht_cell_cost cost = {.look = 1, .copy = 2, .apply = 5};

/* ---- making ---------------------------------------------------------------------------------- */

/* With batches of one block each goes from thread to thread; large ones cost few steps. */
static void make_pools(const thetis_domain_cfg *of, size_t blocks, size_t batch)
{
    thetis_pool_cfg cfg = {.size = BLOCK, .blocks = blocks, .batch = batch, .limbo = 1};
    thetis_pool_shape_ shape = tht_pool_shape(of, &cfg);
    THETIS_CHECK(tht_pool_bytes(&shape) <= sizeof pool_memory[0]);
    for (unsigned k = 0; k < 2; k++) {
        pool[k] = tht_pool_build(pool_memory[k], domain, &shape);
        sizes[k] = (tht_cell_size){pool[k], BLOCK};
    }
}

static void make(size_t threads, size_t batch, size_t tries, size_t blocks)
{
    thetis_domain_cfg cfg = {threads, 1, ARGS};
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &cfg, &domain) ==
                 THETIS_OK);
    make_pools(&cfg, CELLS + 2 * threads, blocks);
    scarce = 0;
    for (size_t t = 0; t < threads; t++) {
        THETIS_CHECK(thetis_domain_join(domain, &me[t]) == THETIS_OK);
        did_n[t] = 0;
        thetis_atomic_store_relaxed(&announced[t], 0);
    }
    thetis_atomic_store_relaxed(&mask, 0);
    for (size_t c = 0; c < CELLS; c++) {
        thetis_atomic_store_relaxed(&cell[c], THT_CELL_EMPTY);
        for (size_t t = 0; t < threads; t++) seen[t][c] = bits[t][c] = 0;
    }
    kinds[FAST] = (tht_cells){.kind = &sums, .domain = domain, .sizes = sizes, .size_n = 1,
                              .self = (uintptr_t)&mask, .args = ARGS, .batch = batch,
                              .tries = tries, .mask = &mask, .announced = announced,
                              .stride = 1};
    kinds[SLOW] = kinds[FAST];
    kinds[SLOW].tries = 0;
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static void find_in(const tht_cells *cells, unsigned thread, tht_cell_op *op)
{
    tht_cell_glance glance;
    if (tht_cell_glance_begin(cells, op->cell, &glance)) {
        (void)look(glance.version, op->args, op->result);
        if (tht_cell_glance_end(&glance)) return;
    }
    tht_cell_find(cells, &sums, me[thread], op);
}

/* The sum that the operation saw, or NO_MEMORY. */
static uintptr_t operate(unsigned thread, unsigned how, unsigned c, uintptr_t amount)
{
    const tht_cells *cells = &kinds[how];
    uintptr_t args[ARGS] = {(uintptr_t)&mask, (uintptr_t)&cell[c], amount};
    uintptr_t result[THT_CELL_RESULT] = {~(uintptr_t)0};
    tht_cell_op op = {.cell = &cell[c], .place = &cell[c], .args = args, .result = result};
    if (amount) {
        thetis_check_begin("cell.update", tht_cell_update_bound(cells, &cost));
        thetis_status s = tht_cell_update(cells, &sums, me[thread], &op);
        thetis_check_end();
        if (s != THETIS_OK) return NO_MEMORY;
    } else {
        thetis_check_begin("cell.find", tht_cell_find_bound(cells, &cost));
        find_in(cells, thread, &op);
        thetis_check_end();
    }
    return result[0] & ONCE;
}

/* A thread sees what it saw before. */
static void expect_seen(unsigned thread, unsigned c, uintptr_t saw)
{
    THETIS_CHECK((saw & seen[thread][c]) == seen[thread][c]);
    seen[thread][c] = saw;
}

static void add(unsigned thread, unsigned how, unsigned c)
{
    did *d = &done_by[thread][did_n[thread]];
    uintptr_t bit = (uintptr_t)1 << (thread * OPS + did_n[thread]);
    bits[thread][c] |= bit;
    uintptr_t saw = operate(thread, how, c, bit);
    THETIS_CHECK(scarce || saw != NO_MEMORY);
    if (saw == NO_MEMORY) return;
    THETIS_CHECK(!(saw & bit));
    expect_seen(thread, c, saw | bit);
    *d = (did){c, bit, saw};
    did_n[thread]++;
}

static void find(unsigned thread, unsigned how, unsigned c)
{
    expect_seen(thread, c, operate(thread, how, c, 0));
}

/* ---- the end --------------------------------------------------------------------------------- */

static uintptr_t sum_in_cell(unsigned c)
{
    return sum_of(tht_cell_version(thetis_atomic_load_relaxed(&cell[c])));
}

/* Of two additions one was first, and the other one has seen it and all that it had seen. */
static void expect_chain(const did *a, const did *b)
{
    if (a->cell != b->cell) return;
    THETIS_CHECK(((a->saw | a->bit) & b->saw) == (a->saw | a->bit) ||
                 ((b->saw | b->bit) & a->saw) == (b->saw | b->bit));
}

static void expect_all(const did *d)
{
    uintptr_t sum = sum_in_cell(d->cell);
    THETIS_CHECK(((d->saw | d->bit) & sum) == (d->saw | d->bit));
    for (size_t t = 0; t < domain->threads_; t++) {
        for (size_t k = 0; k < did_n[t]; k++)
            if (&done_by[t][k] != d) expect_chain(d, &done_by[t][k]);
    }
}

/* What threads saw in a cell was added there. */
static void expect_own(unsigned c)
{
    uintptr_t own = 0;
    for (unsigned t = 0; t < domain->threads_; t++) own |= bits[t][c];
    for (unsigned t = 0; t < domain->threads_; t++) THETIS_CHECK(!(seen[t][c] & ~own));
}

/* Nothing else was added, but perhaps by those who were stopped. */
static void expect_no_more(unsigned c)
{
    uintptr_t sum = sum_in_cell(c) & ONCE;
    for (unsigned t = 0; t < domain->threads_; t++) {
        for (size_t k = 0; k < did_n[t]; k++)
            if (done_by[t][k].cell == c) sum &= ~done_by[t][k].bit;
        if (thetis_check_stopped(t)) sum &= ~((((uintptr_t)1 << OPS) - 1) << t * OPS);
    }
    THETIS_CHECK(sum == 0);
}

static void done(void)
{
    thetis_pool_levels levels;
    for (unsigned c = 0; c < CELLS; c++) {
        expect_no_more(c);
        expect_own(c);
    }
    for (size_t t = 0; t < domain->threads_; t++) {
        for (size_t k = 0; k < did_n[t]; k++) expect_all(&done_by[t][k]);
    }
    thetis_pool_stat(pool[0], &levels);
    THETIS_CHECK(levels.unreclaimed <= levels.unreclaimed_max);
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void make_2(void)
{
    make(2, 2, 1, 1);
}

static void make_2_large(void)
{
    make(2, 2, 1, 16);
}

static void make_3(void)
{
    make(3, 3, 2, 1);
}

static void make_4(void)
{
    make(4, 4, 1, 1);
}

static void make_3_capped(void)
{
    make(3, 1, 1, 1);
}

/* The second thread has three blocks of the first size, and there are no more. The first thread
 * lives on its reserve. */
static void make_scarce(void)
{
    static void *all[HOARD];
    size_t n = 0;
    make(2, 2, 1, 16);
    scarce = 1;
    kinds[FAST].size_n = kinds[SLOW].size_n = 2;
    while (n < HOARD && thetis_pool_take(pool[0], me[0], &all[n]) == THETIS_OK) n++;
    THETIS_CHECK(n >= 3 && n < HOARD);
    for (size_t k = 0; k < 3; k++) thetis_pool_give(pool[0], me[1], all[k]);
}

/* The first thread has none of either size. */
static void make_none(void)
{
    void *block;
    make_scarce();
    while (thetis_pool_take(pool[1], me[0], &block) == THETIS_OK) {}
}

static void make_3_unfair(void)
{
    make(3, 1, 0, 16);
}

/* All announce at once. */
static void slow(unsigned thread)
{
    add(thread, SLOW, 0);
}

/* The growing adversary lets the rivals make many: then they must not record. */
static void rival(unsigned thread, unsigned ops)
{
    for (unsigned k = 0; k < ops; k++) add(thread, FAST, 0);
}

static void one_slow(unsigned thread)
{
    if (thread == 0) add(thread, SLOW, 0);
    else rival(thread, 1);
}

static void one_slow_long(unsigned thread)
{
    if (thread == 0) add(thread, SLOW, 0);
    else rival(thread, 3);
}

/* An announcement follows another one, to another cell: a helper may mix them up. */
static void two_cells(unsigned thread)
{
    if (thread == 0) {
        add(thread, SLOW, 0);
        add(thread, SLOW, 1);
    } else {
        add(thread, FAST, 1);
        add(thread, FAST, 0);
    }
}

static void two_cells_slow(unsigned thread)
{
    add(thread, SLOW, thread);
    add(thread, SLOW, !thread);
}

static void lookups(unsigned thread)
{
    if (thread == 0) {
        find(thread, FAST, 0);
        find(thread, FAST, 0);
    } else {
        rival(thread, 3);
    }
}

static void lookups_slow(unsigned thread)
{
    if (thread == 0) {
        find(thread, SLOW, 0);
        find(thread, SLOW, 0);
    } else {
        rival(thread, 3);
    }
}

/* So many versions that their blocks are used again, also for the other cell. */
static void make_reused(void)
{
    make_2();
    for (unsigned k = 0; k < 6; k++) {
        uintptr_t args[ARGS] = {(uintptr_t)&mask, (uintptr_t)&cell[k & 1], ONCE + 1};
        uintptr_t result[THT_CELL_RESULT];
        tht_cell_op op = {.cell = &cell[k & 1], .place = &cell[k & 1], .args = args,
                          .result = result};
        THETIS_CHECK(tht_cell_update(&kinds[FAST], &sums, me[1], &op) == THETIS_OK);
    }
}

static void reused(unsigned thread)
{
    if (thread == 0) {
        find(thread, FAST, 0);
        return;
    }
    for (unsigned k = 0; k < OPS; k++) add(thread, FAST, k & 1);
}

/* A block goes from one cell, and the thread that has retired it, through the store to another
 * thread, which passes no fence, and another cell. */
static void *held[3]; /* the first thread's magazine, outside it */
static int handed;

static int is_handed(void *unused)
{
    (void)unused;
    return handed;
}

static void make_handed(void)
{
    void *all;
    make_3();
    handed = 0;
    THETIS_CHECK(thetis_pool_take_n(pool[0], me[1], held, 3) == THETIS_OK);
    add(1, FAST, 0);
    while (thetis_pool_take(pool[0], me[0], &all) == THETIS_OK) {}
    thetis_pool_give(pool[0], me[1], held[2]);
}

/* What is retired is free, and then, behind two others, in the store. */
static void hand_over(void)
{
    add(1, FAST, 0);
    (void)thetis_pool_reclaim(pool[0], me[1]);
    for (unsigned k = 0; k < 2; k++) thetis_pool_give(pool[0], me[1], held[k]);
    handed = 1;
}

/* As who moves content makes a version. */
static void make_first(unsigned thread, unsigned c)
{
    uintptr_t bit = (uintptr_t)1 << thread * OPS;
    tht_cell_block *block = tht_cell_take(&kinds[FAST], me[thread], sizeof bit);
    bits[thread][c] |= bit;
    if (!block) return;
    tht_cell_start(block, 0, 0);
    tht_cell_write(sum_in(block), bit);
    THETIS_CHECK(thetis_domain_cas(&cell[c], THT_CELL_EMPTY, (uintptr_t)block));
    done_by[thread][did_n[thread]++] = (did){c, bit, 0};
}

static void hand(unsigned thread)
{
    if (thread == 0) {
        find(thread, FAST, 0);
    } else if (thread == 1) {
        hand_over();
    } else {
        thetis_check_wait(is_handed, NULL);
        make_first(thread, 1);
    }
}

static void mixed(unsigned thread)
{
    if (thread == 0) find(thread, SLOW, 0);
    else add(thread, thread == 1 ? SLOW : FAST, 0);
}

/* Under the growing adversary the others go on for as many rounds as it wants. */
static void rounds(unsigned how)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++)
        (void)operate(1, how, 0, ONCE + 1);
}

static void endless(unsigned thread)
{
    if (thread == 1) {
        rounds(FAST);
    } else {
        add(thread, FAST, 0);
        find(thread, FAST, 0);
    }
}

/* There is a turn for everybody, though others come again and again. */
static void crowd(unsigned thread)
{
    if (thread == 0) {
        add(thread, SLOW, 0);
        return;
    }
    for (unsigned k = 0; k < thetis_check_rounds(); k++)
        (void)operate(thread, SLOW, 0, ONCE + 1);
}

/* One thread plays all: with a batch of one, the operations of two others are carried out in turn,
 * though the first of them always has a new one. */
static void make_turns(void)
{
    make(3, 1, 1, 16);
}

static void announce(unsigned thread)
{
    const uintptr_t args[ARGS] = {(uintptr_t)&mask, (uintptr_t)&cell[0], ONCE + 1};
    (void)thetis_domain_announce(me[thread], args, ARGS);
}

static void turns(unsigned thread)
{
    for (unsigned t = 1; t <= 2; t++) {
        announce(t);
        (void)thetis_atomic_fetch_add_relaxed(&mask, (uintptr_t)1 << t);
    }
    for (unsigned k = 0; k < 3; k++) {
        (void)operate(thread, FAST, 0, ONCE + 1);
        tht_cell_finish(&kinds[FAST], thetis_atomic_load_relaxed(&cell[0]));
        if (thetis_domain_is_request_(thetis_domain_answer(me[1]))) continue;
        thetis_domain_withdraw(me[1]);
        announce(1);
    }
    THETIS_CHECK(!thetis_domain_is_request_(thetis_domain_answer(me[2])));
}

static void endless_slow(unsigned thread)
{
    if (thread == 1) rounds(SLOW);
    else add(thread, FAST, 0);
}

const thetis_check_scenario cell_slow = {
    .name = "cell-slow", .threads = 2, .setup = make_2, .body = slow, .done = done};
const thetis_check_scenario cell_slow_3 = {
    .name = "cell-slow-3", .threads = 3, .setup = make_3, .body = slow, .done = done};
const thetis_check_scenario cell_slow_4 = {
    .name = "cell-slow-4", .threads = 4, .setup = make_4, .body = slow, .done = done};
const thetis_check_scenario cell_one_slow = {
    .name = "cell-one-slow", .threads = 3, .setup = make_3, .body = one_slow, .done = done};
const thetis_check_scenario cell_one_slow_long = {.name = "cell-one-slow-long", .threads = 2,
    .setup = make_2, .body = one_slow_long, .done = done};
const thetis_check_scenario cell_capped = {
    .name = "cell-capped", .threads = 3, .setup = make_3_capped, .body = slow, .done = done};
const thetis_check_scenario cell_two_cells = {
    .name = "cell-two-cells", .threads = 2, .setup = make_2, .body = two_cells, .done = done};
const thetis_check_scenario cell_two_cells_slow = {.name = "cell-two-cells-slow", .threads = 2,
    .setup = make_2, .body = two_cells_slow, .done = done};
const thetis_check_scenario cell_lookups = {
    .name = "cell-lookups", .threads = 2, .setup = make_2, .body = lookups, .done = done};
const thetis_check_scenario cell_lookups_slow = {.name = "cell-lookups-slow", .threads = 2,
    .setup = make_2, .body = lookups_slow, .done = done};
const thetis_check_scenario cell_reused = {
    .name = "cell-reused", .threads = 2, .setup = make_reused, .body = reused, .done = done};
const thetis_check_scenario cell_handed = {.name = "cell-handed", .threads = 3,
    .setup = make_handed, .body = hand, .done = done, .flags = THETIS_CHECK_BLOCKING};
const thetis_check_scenario cell_mixed = {
    .name = "cell-mixed", .threads = 3, .setup = make_3, .body = mixed, .done = done};
const thetis_check_scenario cell_endless = {.name = "cell-endless", .threads = 2, .rounds = 3,
    .setup = make_2_large, .body = endless, .done = done};
const thetis_check_scenario cell_endless_slow = {.name = "cell-endless-slow", .threads = 2,
    .rounds = 3, .setup = make_2_large, .body = endless_slow, .done = done};
const thetis_check_scenario cell_scarce = {.name = "cell-scarce", .threads = 2,
    .setup = make_scarce, .body = one_slow_long, .done = done};
const thetis_check_scenario cell_crowd = {.name = "cell-crowd", .threads = 3, .rounds = 4,
    .setup = make_3_unfair, .body = crowd, .done = done};
const thetis_check_scenario cell_none = {.name = "cell-none", .threads = 2,
    .setup = make_none, .body = one_slow_long, .done = done};
const thetis_check_scenario cell_turns = {.name = "cell-turns", .threads = 1,
    .setup = make_turns, .body = turns, .done = done};
