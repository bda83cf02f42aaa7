/* SPDX-License-Identifier: MIT
 *
 * model_pool_long.c: the longest operations of thetis/pool.h with 2, 3 and 4 threads, of which two
 * act at the same time: batches of one block, and a store that is empty but for its last slots, or
 * full but for these.
 */
#include "model/model_domain.h"

enum { LONG_BATCHES = 100, LONG_LIMBO = 40, LONG_FREES = 4, LONG_FEW = 100, MAGAZINE = 2 };

static size_t threads;
static void *held[LONG_BATCHES]; /* blocks that are taken */
static size_t held_n;

static void long_take(size_t left)
{
    while (held_n < LONG_BATCHES - left)
        THETIS_CHECK(thetis_pool_take(pool, self[1], &held[held_n++]) == THETIS_OK);
}

static void long_give(unsigned t, size_t n)
{
    for (; n > 0; n--) thetis_pool_give(pool, self[t], held[--held_n]);
}

/* All blocks but so many are taken, of which the ones in the last slots are left. */
static void make_long(size_t n, size_t left)
{
    threads = n;
    held_n = 0;
    make((size){.threads = n, .hazards = 1, .batch = 1, .batches = LONG_BATCHES,
                .limbo = LONG_LIMBO, .looks = 1, .frees = LONG_FREES});
    all_join(n);
    long_take(left);
}

/* Magazines are full, and the store is, from below, but for so many. */
static void long_fill(size_t but)
{
    long_give(0, MAGAZINE);
    long_give(1, MAGAZINE);
    long_give(0, held_n - but);
}

static const char *name_of(const char *const of[])
{
    return of[threads - 2];
}

#define LONG_NAMES(op) {"pool." op "-2", "pool." op "-3", "pool." op "-4"}

/* ---- taking and giving ----------------------------------------------------------------------- */

static void make_take(size_t n)
{
    make_long(n, 2);
}

static void take_body(unsigned thread)
{
    static const char *const of[] = LONG_NAMES("take");
    void *block;
    thetis_check_begin(name_of(of), pool_bound(THETIS_POOL_TAKE));
    THETIS_CHECK(thetis_pool_take(pool, self[thread], &block) == THETIS_OK);
    thetis_check_end();
}

static void make_give(size_t n)
{
    make_long(n, 0);
    long_fill(2);
}

static void give_body(unsigned thread)
{
    static const char *const of[] = LONG_NAMES("give");
    thetis_check_begin(name_of(of), pool_bound(THETIS_POOL_GIVE));
    thetis_pool_give(pool, self[thread], held[thread]);
    thetis_check_end();
}

/* ---- retiring -------------------------------------------------------------------------------- */

/* Thread 0 has retired as many as wait before a look, but one. */
static void make_retire(size_t n)
{
    make_long(n, 0);
    for (size_t k = 0; k < LONG_LIMBO - 1; k++)
        thetis_pool_retire(pool, self[0], held[--held_n]);
    long_fill(n + 3);
}

/* Those that look at all records, and one that frees. */
static void retire_body(unsigned thread)
{
    static const char *const of[] = LONG_NAMES("retire");
    if (thread == 1) {
        (void)read_once(1, 0);
        thetis_pool_give(pool, self[1], held[0]);
        return;
    }
    for (size_t k = 1; k <= threads + 2; k++) {
        thetis_check_begin(name_of(of), pool_bound(THETIS_POOL_RETIRE));
        thetis_pool_retire(pool, self[0], held[k]);
        thetis_check_end();
    }
}

static void reclaim_body(unsigned thread)
{
    static const char *const of[] = LONG_NAMES("reclaim");
    if (thread == 1) {
        for (size_t k = 0; k < threads + 3; k++) thetis_pool_give(pool, self[1], held[k]);
        return;
    }
    thetis_check_begin(name_of(of), pool_bound(THETIS_POOL_RECLAIM));
    THETIS_CHECK(thetis_pool_reclaim(pool, self[0]) == 0);
    thetis_check_end();
}

#define POOL_LONG(op, make_op, n)                                                               \
    static void make_##op##_##n(void)                                                           \
    {                                                                                           \
        make_op(n);                                                                             \
    }                                                                                           \
    const thetis_check_scenario pool_long_##op##_##n = {                                        \
        .name = "pool-long-" #op "-" #n, .threads = 2, .slow = LONG_FEW,                        \
        .setup = make_##op##_##n, .body = op##_body}

POOL_LONG(take, make_take, 2);
POOL_LONG(take, make_take, 3);
POOL_LONG(take, make_take, 4);
POOL_LONG(give, make_give, 2);
POOL_LONG(give, make_give, 3);
POOL_LONG(give, make_give, 4);
POOL_LONG(retire, make_retire, 2);
POOL_LONG(retire, make_retire, 3);
POOL_LONG(retire, make_retire, 4);
POOL_LONG(reclaim, make_retire, 2);
POOL_LONG(reclaim, make_retire, 3);
POOL_LONG(reclaim, make_retire, 4);
