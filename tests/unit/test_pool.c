/* SPDX-License-Identifier: MIT
 *
 * test_pool.c: the pool with all threads in one: sizing, ENOMEM, what waits for readers, what is
 * left behind.
 */
#include "harness/test.h"

#include <stdlib.h>
#include <string.h>

#include "domain/pool.h"

enum { POOL_THREADS = 8 };

static thetis_domain *pool_domain;
static thetis_domain_thread *pool_self[POOL_THREADS];
static thetis_pool *the_pool;
static void *pool_mem, *pool_domain_mem;

static void *pool_memory(size_t size)
{
    size_t line = THETIS_CACHE_LINE;
    void *mem = aligned_alloc(line, (size + 2 * line - 1) / line * line);
    CHECK(mem);
    memset(mem, 0xA5, (size + 2 * line - 1) / line * line);
    return mem;
}

/* A domain with all threads joined, and a pool. */
static void pool_make(size_t threads, size_t hazards, thetis_pool_cfg cfg)
{
    thetis_domain_cfg of = {threads, hazards, 1};
    size_t size = thetis_pool_size(&of, &cfg);
    free(pool_mem);
    free(pool_domain_mem);
    pool_mem = pool_memory(size);
    pool_domain_mem = pool_memory(thetis_domain_size(&of));
    CHECK_EQ(thetis_domain_init(pool_domain_mem, thetis_domain_size(&of), &of, &pool_domain),
             THETIS_OK);
    CHECK_EQ(thetis_pool_init(pool_mem, size, pool_domain, &cfg, &the_pool), THETIS_OK);
    for (size_t k = 0; k < threads; k++)
        CHECK_EQ(thetis_domain_join(pool_domain, &pool_self[k]), THETIS_OK);
}

static void *pool_take(size_t t)
{
    void *block;
    return thetis_pool_take(the_pool, pool_self[t], &block) == THETIS_OK ? block : NULL;
}

static void *pool_must_take(size_t t)
{
    void *block = pool_take(t);
    CHECK(block);
    return block;
}

static void pool_protect(size_t t, size_t k, const void *block)
{
    thetis_atomic cell = {(uintptr_t)block};
    uintptr_t word;
    CHECK_EQ(thetis_domain_protect(pool_self[t], k, &cell, &word), THETIS_OK);
}

static thetis_pool_levels pool_levels(void)
{
    thetis_pool_levels levels;
    thetis_pool_stat(the_pool, &levels);
    return levels;
}

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_domain_cfg of = {4, 1, 0}, no = {0, 1, 0};
    static const thetis_pool_cfg good = {8, 10, 0, 0, 0}, bad[] = {
        {0, 10, 0, 0, 0},
        {8, 0, 0, 0, 0},
        {8, THETIS_POOL_BLOCKS_MAX + 1, 0, 0, 0},
        {8, THETIS_POOL_BLOCKS_MAX, 0, 0, 0}, /* with what is added to them */
        {8, SIZE_MAX, 0, 0, 0},
        {SIZE_MAX, 1, 0, 0, 0},
        {PTRDIFF_MAX, 1, 0, 0, 0},
        {PTRDIFF_MAX / 4, 4, 0, 0, 0},
        {8, 10, 3, 0, 0},
        {8, 10, 2 * THETIS_CACHE_LINE, 0, 0},
        {8, 10, 0, THETIS_POOL_BLOCKS_MAX, 0},
        {8, 10, 0, SIZE_MAX, 0},
        {8, 10, 0, 0, THETIS_POOL_BLOCKS_MAX},
        {8, 10, 0, 0, SIZE_MAX},
    };
    CHECK_EQ(thetis_pool_size(&no, &good), 0);
    pool_make(4, 1, good);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        thetis_pool *pool = NULL;
        CHECK_EQ(thetis_pool_size(&of, &bad[k]), 0);
        CHECK_EQ(thetis_pool_init(pool_mem, SIZE_MAX, pool_domain, &bad[k], &pool),
                 THETIS_EINVAL);
        CHECK(pool == NULL);
    }
}

TEST(the_macro_is_exact)
{
    static char mem[THETIS_POOL_SIZE(48, 1000, 8, 1)] THETIS_CACHE_ALIGNED;
    uint64_t rng = test_seed();
    CHECK_EQ(sizeof mem, thetis_pool_size(&(thetis_domain_cfg){8, 1, 3},
                                          &(thetis_pool_cfg){.size = 48, .blocks = 1000}));
    for (size_t n = test_scale(3000); n > 0; n--) {
        size_t size = 1 + test_rand(&rng) % 300, blocks = 1 + test_rand(&rng) % 5000;
        thetis_domain_cfg of = {1 + test_rand(&rng) % 70, 1 + test_rand(&rng) % 5, 0};
        thetis_pool_cfg cfg = {.size = size, .blocks = blocks};
        CHECK_EQ(THETIS_POOL_SIZE(size, blocks, of.threads, of.hazards),
                 thetis_pool_size(&of, &cfg));
    }
}

TEST(init_refuses_bad_memory_and_keeps_to_its_size)
{
    thetis_domain_cfg of = {3, 1, 0};
    thetis_pool_cfg cfg = {13, 10, 0, 0, 0};
    size_t size = thetis_pool_size(&of, &cfg);
    thetis_pool *pool = NULL;
    pool_make(3, 1, cfg);
    unsigned char *mem = pool_memory(size);
    CHECK_EQ(thetis_pool_init(NULL, size, pool_domain, &cfg, &pool), THETIS_EINVAL);
    CHECK_EQ(thetis_pool_init(mem + sizeof(void *), size, pool_domain, &cfg, &pool),
             THETIS_EINVAL);
    CHECK_EQ(thetis_pool_init(mem, size - 1, pool_domain, &cfg, &pool), THETIS_EINVAL);
    CHECK(pool == NULL);
    CHECK_EQ(thetis_pool_init(mem, size, pool_domain, &cfg, &pool), THETIS_OK);
    CHECK_EQ(mem[size], 0xA5);
    void *block;
    while (thetis_pool_take(pool, pool_self[0], &block) == THETIS_OK) {
        CHECK((unsigned char *)block >= mem && (unsigned char *)block + 13 <= mem + size);
        memset(block, 0x77, 13);
    }
    CHECK_EQ(mem[size], 0xA5);
    free(mem);
}

/* How many bytes of the blocks' memory differ from what was there before. */
static size_t pool_touched(size_t size)
{
    const unsigned char *byte = pool_mem, *first = (unsigned char *)&the_pool->slots_[0];
    size_t n = 0;
    first += the_pool->shape_.batches * sizeof(thetis_atomic);
    for (size_t k = (size_t)(first - byte); k < size; k++) n += byte[k] != 0xA5;
    return n;
}

TEST(blocks_are_written_when_they_are_taken)
{
    enum { BLOCKS = 1000, SIZE = 56 };
    const thetis_pool_cfg cfg = {.size = SIZE, .blocks = BLOCKS};
    size_t size = THETIS_POOL_SIZE(SIZE, BLOCKS, 2, 1);
    pool_make(2, 1, cfg);
    CHECK_EQ(pool_touched(size), 0);
    for (size_t k = 1; k <= BLOCKS; k++) {
        (void)pool_must_take(k % 2);
        CHECK(pool_touched(size) <= k * sizeof(thetis_atomic));
    }
}

TEST(blocks_are_aligned_and_apart)
{
    for (size_t align = 1; align <= THETIS_CACHE_LINE; align *= 2) {
        enum { BLOCKS = 20, BYTES = 24 };
        unsigned char *block[BLOCKS];
        size_t least = align > sizeof(void *) ? align : sizeof(void *);
        pool_make(2, 1, (thetis_pool_cfg){BYTES, BLOCKS, align, 0, 0});
        for (size_t k = 0; k < BLOCKS; k++) {
            block[k] = pool_must_take(k % 2);
            CHECK_EQ((uintptr_t)block[k] % least, 0);
            memset(block[k], (int)k, BYTES);
        }
        for (size_t k = 0; k < BLOCKS; k++) {
            for (size_t i = 0; i < BYTES; i++) CHECK_EQ(block[k][i], k);
            thetis_pool_give(the_pool, pool_self[k % 2], block[k]);
        }
    }
}

/* ---- how many there are ---------------------------------------------------------------------- */

/* All other threads hide as much as they can: full magazines, and as many retired blocks as may
 * wait. Still `blocks` can be taken; and not many more, so that nothing is wasted. */
static void pool_hide(size_t threads, thetis_pool_cfg cfg)
{
    pool_make(threads, 1, cfg);
    size_t all = pool_levels().blocks, hidden = 2 * the_pool->shape_.batch, taken = 0;
    void **block = calloc(all + 1, sizeof *block);
    CHECK(block);
    while ((block[taken] = pool_take(0)) != NULL) taken++;
    CHECK_EQ(taken, all);
    for (size_t t = 1; t < threads; t++) {
        for (size_t k = 0; k < hidden; k++)
            thetis_pool_give(the_pool, pool_self[t], block[--taken]);
    }
    CHECK(!pool_take(0));
    size_t waiting = threads * the_pool->shape_.most;
    CHECK(taken >= cfg.blocks + waiting);
    CHECK(taken < cfg.blocks + waiting + threads + the_pool->shape_.batch);
    free(block);
}

TEST(as_many_as_configured_can_be_taken)
{
    uint64_t rng = test_seed();
    for (size_t n = test_scale(300); n > 0; n--) {
        thetis_pool_cfg cfg = {8, 1 + test_rand(&rng) % 1000, 0, test_rand(&rng) % 9,
                               test_rand(&rng) % 20};
        pool_hide(1 + test_rand(&rng) % POOL_THREADS, cfg);
    }
}

TEST(an_empty_pool_says_enomem_and_no_more)
{
    pool_make(1, 1, (thetis_pool_cfg){8, 5, 0, 1, 1});
    size_t all = pool_levels().blocks;
    void *block[64], *more = block;
    CHECK(all < 64);
    for (size_t k = 0; k < all; k++) block[k] = pool_must_take(0);
    for (int k = 0; k < 3; k++) {
        CHECK_EQ(thetis_pool_take(the_pool, pool_self[0], &more), THETIS_ENOMEM);
        CHECK(more == block); /* untouched */
    }
    thetis_pool_give(the_pool, pool_self[0], block[2]);
    CHECK(pool_must_take(0) == block[2]);
    CHECK_EQ(pool_levels().stored, 0);
}

/* Of n, each number that is left over: none is lost when there are too few. */
TEST(take_n_takes_all_or_none)
{
    for (size_t batch = 1; batch <= 4; batch++) {
        pool_make(1, 1, (thetis_pool_cfg){8, 20, 0, batch, 1});
        size_t all = pool_levels().blocks;
        void *block[64];
        CHECK(all < 60);
        for (size_t n = 0; n <= all; n++) {
            CHECK_EQ(thetis_pool_take_n(the_pool, pool_self[0], block, n), THETIS_OK);
            void *rest[64];
            CHECK_EQ(thetis_pool_take_n(the_pool, pool_self[0], rest, all - n + 1), THETIS_ENOMEM);
            CHECK_EQ(thetis_pool_take_n(the_pool, pool_self[0], rest, all - n), THETIS_OK);
            for (size_t k = 0; k < n; k++) thetis_pool_give(the_pool, pool_self[0], block[k]);
            for (size_t k = 0; k < all - n; k++) thetis_pool_give(the_pool, pool_self[0], rest[k]);
        }
    }
}

/* What one thread gives another one can take, in any number. */
TEST(blocks_go_from_thread_to_thread)
{
    pool_make(2, 1, (thetis_pool_cfg){8, 100, 0, 4, 1});
    void *block[100];
    for (int round = 0; round < 50; round++) {
        for (size_t k = 0; k < 100; k++) block[k] = pool_must_take(0);
        for (size_t k = 0; k < 100; k++) thetis_pool_give(the_pool, pool_self[1], block[k]);
    }
}

/* ---- retired blocks -------------------------------------------------------------------------- */

TEST(a_protected_block_is_not_reused)
{
    pool_make(2, 2, (thetis_pool_cfg){8, 4, 0, 0, 1});
    char *kept = pool_must_take(0), *inside = kept + 3;
    pool_protect(1, 0, inside); /* any address in it */
    thetis_pool_retire(the_pool, pool_self[0], kept);
    for (size_t k = 0; k < 1000; k++) {
        void *block = pool_must_take(0);
        CHECK(block != kept);
        thetis_pool_retire(the_pool, pool_self[0], block);
    }
    CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[0]), 1);
    CHECK_EQ(pool_levels().unreclaimed, 1);
    CHECK_EQ(pool_levels().pinned, 1);
    thetis_domain_clear(pool_self[1], 0);
    CHECK_EQ(pool_levels().pinned, 0);
    CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[0]), 0);
    CHECK_EQ(pool_levels().unreclaimed, 0);
}

TEST(each_use_has_a_stamp_of_its_own)
{
    enum { USES = 100 };
    uintptr_t seen[USES];
    pool_make(2, 1, (thetis_pool_cfg){8, 4, 0, 0, 1});
    for (size_t k = 0; k < USES; k++) {
        void *block = pool_must_take(k % 2);
        seen[k] = thetis_pool_stamp_(block);
        CHECK(seen[k] != 0);
        for (size_t i = 0; i < k; i++) CHECK(seen[i] != seen[k]);
        CHECK_EQ(thetis_pool_stamp_(block), seen[k]);
        if (k & 2) thetis_pool_give(the_pool, pool_self[k % 2], block);
        else thetis_pool_retire(the_pool, pool_self[k % 2], block);
        CHECK_EQ(thetis_pool_stamp_(block), 0);
    }
}

/* A stride that is a power of two, an odd number of words, and of bytes that words round up. */
TEST(blocks_of_all_strides_are_known_by_their_addresses)
{
    for (size_t size = 1; size <= 200; size += 3) {
        void *blocks[8];
        pool_make(2, 1, (thetis_pool_cfg){size, 8, 0, 0, 1});
        for (size_t k = 0; k < 8; k++) blocks[k] = pool_must_take(0);
        for (size_t k = 0; k < 8; k++) thetis_pool_give(the_pool, pool_self[0], blocks[k]);
        for (size_t k = 0; k < 8; k++) (void)pool_must_take(0);
    }
}

TEST(a_result_is_not_reused)
{
    pool_make(2, 1, (thetis_pool_cfg){8, 4, 0, 0, 1});
    void *result = pool_must_take(0);
    uintptr_t request = thetis_domain_announce(pool_self[1], NULL, 0);
    thetis_domain_finish(pool_domain, 1, request, (uintptr_t)result);
    thetis_pool_retire(the_pool, pool_self[0], result);
    CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[0]), 1);
    thetis_domain_withdraw(pool_self[1]);
    CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[0]), 0);
}

/* Words that lie beside all blocks, or are no addresses. */
TEST(words_outside_of_the_pool_protect_nothing)
{
    pool_make(1, 1, (thetis_pool_cfg){8, 4, 0, 0, 1});
    void *block = pool_must_take(0);
    uintptr_t words[] = {1, UINTPTR_MAX, (uintptr_t)the_pool,
                         (uintptr_t)the_pool->base_ + the_pool->shape_.stride - 1,
                         (uintptr_t)the_pool->base_ +
                             (pool_levels().blocks + 1) * the_pool->shape_.stride};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        pool_protect(0, 0, (void *)words[k]);
        thetis_pool_retire(the_pool, pool_self[0], block);
        CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[0]), 0);
        block = pool_must_take(0);
    }
}

/* Each thread protects what the others have retired, and moves on: the lists stay as short as the
 * header says, and are now and then that long. */
TEST(few_blocks_wait)
{
    uint64_t rng = test_seed();
    for (size_t limbo = 1; limbo <= 33; limbo += 8) {
        size_t most = 0, n = POOL_THREADS;
        pool_make(n, 1, (thetis_pool_cfg){8, 4, 0, 0, limbo});
        for (size_t k = test_scale(100000); k > 0; k--) {
            size_t t = k / 50 % n;
            void *block = pool_must_take(t);
            if (test_rand(&rng) % 4 < 3) pool_protect(test_rand(&rng) % n, 0, block);
            thetis_pool_retire(the_pool, pool_self[t], block);
            size_t waiting = pool_levels().unreclaimed;
            most = waiting > most ? waiting : most;
        }
        CHECK(most <= pool_levels().unreclaimed_max);
        CHECK_EQ(pool_levels().unreclaimed_max, n * the_pool->shape_.most);
        CHECK(most > pool_levels().unreclaimed_max / 2);
    }
}

/* The longest list against all that an adversary could do, in numbers. */
static size_t pool_worst(const thetis_pool_shape_ *shape, uint64_t *rng)
{
    size_t retired = 0, suspects = 0, marked = 0, looked = 0, most = 0;
    size_t words = shape->threads * shape->words;
    for (size_t k = 0; k < 1000; k++) {
        retired++;
        if (suspects == 0 && retired >= shape->limbo) {
            suspects = retired;
            marked = test_rand(rng) % 4 ? words : test_rand(rng) % (words + 1);
            marked = marked < suspects ? marked : suspects;
            retired = looked = 0;
        }
        looked += shape->looks;
        for (size_t n = looked >= shape->threads ? shape->frees : 0; n > 0 && suspects > 0; n--) {
            retired += marked > 0;
            marked -= marked > 0;
            suspects--;
        }
        most = retired + suspects > most ? retired + suspects : most;
    }
    return most;
}

TEST(the_longest_list_is_that_of_the_shape)
{
    uint64_t rng = test_seed();
    for (size_t n = test_scale(3000); n > 0; n--) {
        thetis_pool_shape_ shape = {.threads = 1 + test_rand(&rng) % 12,
                                    .words = 2 + test_rand(&rng) % 4,
                                    .limbo = 1 + test_rand(&rng) % 100,
                                    .looks = 1 + test_rand(&rng) % 3,
                                    .frees = 2 + test_rand(&rng) % 5};
        size_t worst = pool_worst(&shape, &rng), most = tht_pool_most(&shape);
        CHECK(worst <= most);
        CHECK(worst * 3 >= most);
    }
}

/* ---- those who leave ------------------------------------------------------------------------- */

TEST(the_next_owner_has_what_was_left)
{
    pool_make(2, 1, (thetis_pool_cfg){8, 10, 0, 0, 100});
    size_t all = pool_levels().blocks;
    for (int k = 0; k < 5; k++)
        thetis_pool_retire(the_pool, pool_self[1], pool_must_take(1));
    thetis_domain_leave(pool_self[1]);
    CHECK_EQ(pool_levels().unreclaimed, 5);
    CHECK_EQ(thetis_domain_join(pool_domain, &pool_self[1]), THETIS_OK);
    CHECK_EQ(thetis_pool_reclaim(the_pool, pool_self[1]), 0);
    CHECK_EQ(pool_levels().unreclaimed, 0);
    size_t found = 0;
    for (size_t t = 0; t < 2; t++)
        while (pool_take(t)) found++;
    CHECK_EQ(found, all);
}

TEST(collect_frees_what_was_left_by_all)
{
    pool_make(4, 1, (thetis_pool_cfg){8, 40, 0, 0, 100});
    void *kept = pool_must_take(2);
    for (size_t t = 0; t < 4; t++)
        for (int k = 0; k < 5; k++) thetis_pool_retire(the_pool, pool_self[t], pool_must_take(t));
    pool_protect(0, 0, kept);
    thetis_pool_retire(the_pool, pool_self[2], kept);
    CHECK_EQ(thetis_pool_collect(the_pool), 0); /* all are there */
    CHECK_EQ(pool_levels().unreclaimed, 21);
    for (size_t t = 1; t < 4; t++) thetis_domain_leave(pool_self[t]);
    CHECK_EQ(thetis_pool_collect(the_pool), 1);
    CHECK_EQ(pool_levels().unreclaimed, 6);
    thetis_domain_clear(pool_self[0], 0);
    CHECK_EQ(thetis_pool_collect(the_pool), 0);
    CHECK_EQ(pool_levels().unreclaimed, 5);
    for (size_t t = 1; t < 4; t++)
        CHECK_EQ(thetis_domain_join(pool_domain, &pool_self[t]), THETIS_OK);
}

/* ---- broken contracts ------------------------------------------------------------------------ */

static void *pool_one(void)
{
    pool_make(2, 1, (thetis_pool_cfg){8, 10, 0, 0, 1});
    return pool_must_take(0);
}

TEST(giving_twice_aborts)
{
    void *block = pool_one();
    thetis_pool_give(the_pool, pool_self[0], block);
    thetis_pool_give(the_pool, pool_self[1], block);
}

TEST(retiring_twice_aborts)
{
    void *block = pool_one();
    pool_protect(1, 0, block);
    thetis_pool_retire(the_pool, pool_self[0], block);
    thetis_pool_retire(the_pool, pool_self[0], block);
}

TEST(giving_a_retired_block_aborts)
{
    void *block = pool_one();
    pool_protect(1, 0, block);
    thetis_pool_retire(the_pool, pool_self[0], block);
    thetis_pool_give(the_pool, pool_self[0], block);
}

TEST(giving_what_is_no_block_aborts)
{
    char *block = pool_one();
    memset(block, 0, 8);
    thetis_pool_give(the_pool, pool_self[0], block + 8);
}

TEST(a_block_of_another_pool_aborts)
{
    thetis_domain_cfg of = {2, 1, 1};
    thetis_pool_cfg cfg = {8, 10, 0, 0, 1};
    void *block = pool_one(), *mem = pool_memory(thetis_pool_size(&of, &cfg));
    thetis_pool *other;
    CHECK_EQ(thetis_pool_init(mem, thetis_pool_size(&of, &cfg), pool_domain, &cfg, &other),
             THETIS_OK);
    thetis_pool_give(other, pool_self[0], block);
}

/* The proof says that this cannot happen: a count that somebody wrote into. */
TEST(a_pass_that_finds_no_batch_aborts)
{
    pool_make(1, 1, (thetis_pool_cfg){8, 2, 0, 1, 1});
    while (pool_take(0)) {}
    thetis_atomic_store_relaxed(&the_pool->count_, 1);
    (void)pool_take(0);
}

TEST(a_pass_that_finds_no_slot_aborts)
{
    void *block = pool_one();
    the_pool->shape_.batches = 0;
    for (;;) {
        thetis_pool_give(the_pool, pool_self[1], block);
        block = pool_must_take(0);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

TEST(bounds_are_those_of_the_header)
{
    pool_make(2, 1, (thetis_pool_cfg){8, 10, 0, 2, 1});
    uint64_t store = the_pool->shape_.batches + 1, most = the_pool->shape_.most;
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_TAKE, 0), 0);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_TAKE, 1), 2 + store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_TAKE, 2), 4 + store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_TAKE, 8), 30 + 5 * store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_GIVE, 1), 2 + store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_RETIRE, 1), 17 + 2 * store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_RECLAIM, 1),
             33 + 2 * most + (most + 1) / 2 * store);
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_STAT, 0), 7);
    uint64_t each = thetis_pool_bound(the_pool, THETIS_POOL_RECLAIM, 1) + 20 * most + 138;
    CHECK_EQ(thetis_pool_bound(the_pool, THETIS_POOL_COLLECT, 1), 3 * 3 + 2 * each);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(the_macro_is_exact),
          T(init_refuses_bad_memory_and_keeps_to_its_size),
          T(blocks_are_written_when_they_are_taken), T(blocks_are_aligned_and_apart),
          T(as_many_as_configured_can_be_taken),
          T(an_empty_pool_says_enomem_and_no_more), T(take_n_takes_all_or_none),
          T(blocks_go_from_thread_to_thread), T(a_protected_block_is_not_reused),
          T(a_result_is_not_reused), T(each_use_has_a_stamp_of_its_own),
          T(blocks_of_all_strides_are_known_by_their_addresses),
          T(words_outside_of_the_pool_protect_nothing),
          T(few_blocks_wait), T(the_longest_list_is_that_of_the_shape),
          T(the_next_owner_has_what_was_left), T(collect_frees_what_was_left_by_all),
          T(giving_twice_aborts, .aborts = true), T(retiring_twice_aborts, .aborts = true),
          T(giving_a_retired_block_aborts, .aborts = true),
          T(giving_what_is_no_block_aborts, .aborts = true),
          T(a_block_of_another_pool_aborts, .aborts = true),
          T(a_pass_that_finds_no_batch_aborts, .aborts = true),
          T(a_pass_that_finds_no_slot_aborts, .aborts = true),
          T(bounds_are_those_of_the_header))
