/* SPDX-License-Identifier: MIT
 *
 * stress_queue.c: several producers and consumers through few segments: each element arrives once,
 * each producer's in its order at each consumer; every form of push against every form of pop,
 * members that come and go, close against both, and memory that stays as it is.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/queue.h>

enum { CROWD = 4, CROWD_THREADS = 2 * CROWD, CROWD_ELEMENTS = 300000, CROWD_BATCH = 8,
       CROWD_AHEAD = 512 };

typedef struct crowd_item {
    uint64_t by;
    uint64_t number;
    uint64_t seal;
} crowd_item;

THETIS_QUEUE(item_queue, crowd_item);

static crowd_item crowd_sealed(uint64_t by, uint64_t number)
{
    uint64_t state = number * 64 + by;
    return (crowd_item){by, number, test_rand(&state)};
}

typedef struct crowd_run {
    thetis_queue *queue;
    thetis_pool *pool;
    thetis_domain *domain;
    void *memory[3];
    uint64_t elements; /* of each producer */
    uint64_t closing;  /* producer 0 closes after so many; 0: whoever is last does */
    uint64_t pushed[CROWD];
    uint64_t popped[CROWD][CROWD]; /* by whom, of whom */
    uint64_t sum[CROWD][CROWD];
    thetis_atomic ended, in, out; /* in, out: to keep producers from running far ahead */
} crowd_run;

typedef struct crowd_arg {
    crowd_run *run;
    uint64_t by;
} crowd_arg;

/* ---- building -------------------------------------------------------------------------------- */

static void *crowd_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    void *memory = aligned_alloc(THETIS_CACHE_LINE, lines * THETIS_CACHE_LINE);
    CHECK(memory && size > 0);
    return memory;
}

static void crowd_open(crowd_run *run, size_t places, size_t segment, size_t blocks)
{
    thetis_domain_cfg domain = {.threads = places, .hazards = 2};
    thetis_queue_cfg cfg = {.elem_size = sizeof(crowd_item), .segment = segment};
    thetis_pool_cfg pool = {.size = THETIS_QUEUE_SEGMENT_SIZE(sizeof(crowd_item), segment),
                            .blocks = blocks, .align = THETIS_CACHE_LINE, .batch = 1, .limbo = 1};
    size_t size = thetis_domain_size(&domain);
    run->memory[0] = crowd_memory(size);
    CHECK_EQ(thetis_domain_init(run->memory[0], size, &domain, &run->domain), THETIS_OK);
    size = thetis_pool_size(&domain, &pool);
    run->memory[1] = crowd_memory(size);
    CHECK_EQ(thetis_pool_init(run->memory[1], size, run->domain, &pool, &run->pool), THETIS_OK);
    cfg.pool = run->pool;
    size = thetis_queue_size(&cfg);
    run->memory[2] = crowd_memory(size);
    CHECK_EQ(thetis_queue_init(run->memory[2], size, &cfg, &run->queue), THETIS_OK);
}

static void crowd_close(crowd_run *run)
{
    thetis_pool_levels levels;
    CHECK_EQ(thetis_queue_fini(run->queue), THETIS_OK);
    CHECK_EQ(thetis_pool_collect(run->pool), 0);
    thetis_pool_stat(run->pool, &levels);
    CHECK_EQ(levels.unreclaimed, 0);
    for (int k = 0; k < 3; k++) free(run->memory[k]);
}

static void crowd_join(crowd_run *run, thetis_queue_member *me)
{
    while (thetis_queue_join(run->queue, me) != THETIS_OK) (void)sched_yield();
}

/* ---- threads --------------------------------------------------------------------------------- */

static size_t crowd_push(thetis_queue_member *me, uint64_t by, uint64_t at, size_t n,
                         thetis_status *why)
{
    crowd_item items[CROWD_BATCH];
    for (size_t k = 0; k < n; k++) items[k] = crowd_sealed(by, at + k);
    if (n > 1) return thetis_queue_push_n(me, items, n, why);
    *why = at % 2 ? item_queue_push(me, items[0]) : thetis_queue_push(me, items);
    return *why == THETIS_OK;
}

static void *crowd_produce(void *argument)
{
    const crowd_arg *arg = argument;
    crowd_run *run = arg->run;
    uint64_t by = arg->by, rng = test_seed() + by, *pushed = &run->pushed[by];
    thetis_status why = THETIS_OK;
    thetis_queue_member me;
    crowd_join(run, &me);
    while (*pushed < run->elements && why != THETIS_CLOSED) {
        uint64_t r = test_rand(&rng), left = run->elements - *pushed;
        size_t n = r % 3 ? 1 : 1 + r / 4 % CROWD_BATCH;
        if (thetis_atomic_load_relaxed(&run->in) - thetis_atomic_load_relaxed(&run->out) >
            CROWD_AHEAD && run->closing == 0) {
            (void)sched_yield();
            continue;
        }
        n = crowd_push(&me, by, *pushed, n < left ? n : (size_t)left, &why);
        (void)thetis_atomic_fetch_add_relaxed(&run->in, n);
        *pushed += n;
        if (why == THETIS_ENOMEM) (void)sched_yield();
        if (r % 1024 == 0) {
            thetis_queue_leave(&me);
            crowd_join(run, &me);
        }
        if (by == 0 && run->closing && *pushed >= run->closing) (void)thetis_queue_close(&me);
    }
    if (thetis_atomic_fetch_add_acq_rel(&run->ended, 1) == CROWD - 1 && run->closing == 0)
        CHECK_EQ(thetis_queue_close(&me), THETIS_OK);
    thetis_queue_leave(&me);
    return NULL;
}

static void crowd_expect(crowd_run *run, uint64_t me, uint64_t next[CROWD], const crowd_item *item)
{
    CHECK(item->by < CROWD);
    crowd_item want = crowd_sealed(item->by, item->number);
    CHECK_EQ(item->seal, want.seal);
    CHECK(item->number >= next[item->by]);
    next[item->by] = item->number + 1;
    run->popped[me][item->by]++;
    run->sum[me][item->by] += item->number;
}

static void *crowd_consume(void *argument)
{
    const crowd_arg *arg = argument;
    crowd_run *run = arg->run;
    uint64_t rng = ~test_seed() - arg->by, next[CROWD] = {0};
    thetis_queue_member me;
    crowd_join(run, &me);
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        crowd_item items[CROWD_BATCH];
        uint64_t r = test_rand(&rng);
        size_t n = 1;
        if (r % 3 == 0) s = item_queue_pop(&me, items);
        else if (r % 3 == 1) s = thetis_queue_pop(&me, items);
        else n = thetis_queue_pop_n(&me, items, 1 + r / 4 % CROWD_BATCH, &s);
        if (r % 3 < 2 && s != THETIS_OK) n = 0;
        for (size_t k = 0; k < n; k++) crowd_expect(run, arg->by, next, &items[k]);
        (void)thetis_atomic_fetch_add_relaxed(&run->out, n);
        if (s == THETIS_EMPTY) (void)sched_yield();
        if (r % 1024 == 0) {
            thetis_queue_leave(&me);
            crowd_join(run, &me);
        }
    }
    thetis_queue_leave(&me);
    return NULL;
}

static void crowd_go(crowd_run *run)
{
    pthread_t threads[CROWD_THREADS];
    crowd_arg args[CROWD_THREADS];
    for (uint64_t t = 0; t < CROWD_THREADS; t++) {
        args[t] = (crowd_arg){run, t % CROWD};
        CHECK_EQ(pthread_create(&threads[t], NULL, t < CROWD ? crowd_produce : crowd_consume,
                                &args[t]), 0);
    }
    for (int t = 0; t < CROWD_THREADS; t++) CHECK_EQ(pthread_join(threads[t], NULL), 0);
    for (int of = 0; of < CROWD; of++) {
        uint64_t n = run->pushed[of], popped = 0, sum = 0;
        for (int t = 0; t < CROWD; t++) {
            popped += run->popped[t][of];
            sum += run->sum[t][of];
        }
        CHECK_EQ(popped, n);
        CHECK_EQ(sum, n ? n * (n - 1) / 2 : 0);
    }
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* Segments of the pool: enough for all that is ahead. More would not be noticed: the pool has no
 * others, and nobody is ever refused for long. */
static void crowd_all_arrive(size_t places, size_t segment, size_t elements)
{
    crowd_run run = {.elements = test_scale(elements)};
    crowd_open(&run, places, segment, 4 * CROWD_THREADS + 2 * CROWD_AHEAD / segment + 8);
    crowd_go(&run);
    for (int p = 0; p < CROWD; p++) CHECK_EQ(run.pushed[p], run.elements);
    crowd_close(&run);
}

TEST(all_arrive_through_large_segments)
{
    crowd_all_arrive(CROWD_THREADS, 256, CROWD_ELEMENTS);
}

TEST(all_arrive_through_tiny_segments)
{
    for (size_t segment = 1; segment <= 9; segment += 4)
        crowd_all_arrive(CROWD_THREADS, segment, CROWD_ELEMENTS / 16);
}

TEST(all_arrive_through_fewer_places)
{
    crowd_all_arrive(CROWD_THREADS - 1, 16, CROWD_ELEMENTS / 16);
}

TEST(close_races_with_everything)
{
    for (uint64_t k = 1; k <= test_scale(150); k++) {
        crowd_run run = {.elements = UINT64_MAX, .closing = k * 7 % 400 + 1};
        crowd_open(&run, CROWD_THREADS, 1 + (size_t)(k % 5), 64);
        crowd_go(&run);
        crowd_close(&run);
    }
}

TEST_MAIN(T(all_arrive_through_large_segments), T(all_arrive_through_tiny_segments),
          T(all_arrive_through_fewer_places), T(close_races_with_everything))
