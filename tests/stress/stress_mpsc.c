/* SPDX-License-Identifier: MIT
 *
 * stress_mpsc.c: several producers, every form of push against both forms of pop, producers that
 * come and go and that dawdle with open reservations, and the races of close and cancel. Each
 * element carries a checksum: what is torn, lost, doubled or out of a producer's order shows.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/mpsc.h>

enum { MANY_ELEMENTS = 200000, MANY_BATCH = 8, MANY_PRODUCERS = 4, MANY_RACES = 1500 };

typedef struct many_item {
    uint64_t by;
    uint64_t number;
    uint64_t seal;
} many_item;

THETIS_MPSC(item_ring, many_item);

static many_item many_sealed(uint64_t by, uint64_t number)
{
    uint64_t state = number * 64 + by;
    return (many_item){by, number, test_rand(&state)};
}

typedef struct many_run {
    thetis_mpsc *ring;
    uint64_t elements; /* of each producer */
    uint64_t pushed[MANY_PRODUCERS];
    uint64_t popped[MANY_PRODUCERS];
    uint64_t closing; /* producer 0 closes after so many; 0: whoever is last does */
    thetis_atomic ended;
} many_run;

typedef struct many_arg {
    many_run *run;
    uint64_t by;
} many_arg;

/* ---- the forms ------------------------------------------------------------------------------- */

/* Pushes at most `n` elements from number `at` on. */
typedef size_t many_push(thetis_mpsc_producer *me, uint64_t by, uint64_t at, size_t n,
                         thetis_status *why);

static size_t many_push_one(thetis_mpsc_producer *me, uint64_t by, uint64_t at, size_t n,
                            thetis_status *why)
{
    many_item item = many_sealed(by, at);
    *why = n % 2 ? item_ring_push(me, item) : thetis_mpsc_push(me, &item);
    return *why == THETIS_OK;
}

static size_t many_push_batch(thetis_mpsc_producer *me, uint64_t by, uint64_t at, size_t n,
                              thetis_status *why)
{
    many_item items[MANY_BATCH];
    for (size_t k = 0; k < n; k++) items[k] = many_sealed(by, at + k);
    return at % 2 ? item_ring_push_n(me, items, n, why) : thetis_mpsc_push_n(me, items, n, why);
}

/* Gives every third one back; commits in order, so that the order can be told; dawdles. */
static size_t many_push_reserve(thetis_mpsc_producer *me, uint64_t by, uint64_t at, size_t n,
                                thetis_status *why)
{
    void *slot[MANY_BATCH];
    size_t got = thetis_mpsc_reserve_n(me, slot, n, why), done = 0;
    for (size_t k = 0; k < got; k++) {
        if (k % 3 == 2) {
            thetis_mpsc_abort(me, slot[k]);
            continue;
        }
        many_item item = many_sealed(by, at + done++);
        memcpy(slot[k], &item, sizeof item);
        if (at % 16 == 0) (void)sched_yield();
        thetis_mpsc_commit(me, slot[k]);
    }
    return done;
}

static many_push *const many_pushes[] = {many_push_one, many_push_batch, many_push_reserve};

/* ---- threads --------------------------------------------------------------------------------- */

static void many_expect(many_run *run, const many_item *item)
{
    CHECK(item->by < MANY_PRODUCERS);
    many_item want = many_sealed(item->by, run->popped[item->by]++);
    CHECK_EQ(item->number, want.number);
    CHECK_EQ(item->seal, want.seal);
}

/* Leaves and joins again now and then; somebody else may have its place for a moment. */
static void many_again(many_run *run, thetis_mpsc_producer *me)
{
    thetis_mpsc_leave(me);
    while (thetis_mpsc_join(run->ring, me) != THETIS_OK) (void)sched_yield();
}

static void many_end(many_run *run, thetis_mpsc_producer *me)
{
    uintptr_t others = thetis_atomic_fetch_add_acq_rel(&run->ended, 1);
    if (others == MANY_PRODUCERS - 1 && run->closing == 0) {
        CHECK_EQ(thetis_mpsc_close(run->ring), THETIS_OK);
    }
    thetis_mpsc_leave(me);
}

static void *many_produce(void *argument)
{
    const many_arg *arg = argument;
    many_run *run = arg->run;
    uint64_t by = arg->by, rng = test_seed() + by, *pushed = &run->pushed[by];
    thetis_status why = THETIS_OK;
    thetis_mpsc_producer me;
    while (thetis_mpsc_join(run->ring, &me) != THETIS_OK) (void)sched_yield();
    while (*pushed < run->elements && why != THETIS_CLOSED) {
        uint64_t r = test_rand(&rng), left = run->elements - *pushed;
        size_t n = 1 + r / 4 % MANY_BATCH;
        *pushed += many_pushes[r % 3](&me, by, *pushed, n < left ? n : (size_t)left, &why);
        if (why == THETIS_FULL) (void)sched_yield();
        if (r % 512 == 0) many_again(run, &me);
        if (by == 0 && run->closing && *pushed >= run->closing) (void)thetis_mpsc_close(run->ring);
    }
    many_end(run, &me);
    return NULL;
}

static void many_consume(many_run *run, uint64_t limit)
{
    uint64_t rng = ~test_seed(), all = 0;
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        many_item items[MANY_BATCH];
        uint64_t r = test_rand(&rng);
        size_t n = 1;
        if (r % 4 == 0) s = item_ring_pop(run->ring, items);
        else if (r % 4 == 1) s = thetis_mpsc_pop(run->ring, items);
        else if (r % 4 == 2) n = item_ring_pop_n(run->ring, items, 1 + r / 4 % MANY_BATCH, &s);
        else n = thetis_mpsc_pop_n(run->ring, items, 1 + r / 4 % MANY_BATCH, &s);
        if (r % 4 < 2 && s != THETIS_OK) n = 0;
        for (size_t k = 0; k < n; k++) many_expect(run, &items[k]);
        CHECK_EQ(thetis_mpsc_check(run->ring), THETIS_OK);
        if (s == THETIS_EMPTY) (void)sched_yield();
        all += n;
        if (all >= limit) (void)thetis_mpsc_cancel(run->ring);
    }
}

static void many_go(many_run *run, size_t capacity, size_t places, uint64_t limit)
{
    thetis_mpsc_cfg cfg = {sizeof(many_item), capacity, places, 0, 0};
    cfg.batch = capacity < MANY_BATCH ? capacity : MANY_BATCH / 2;
    cfg.open = capacity < MANY_BATCH ? capacity : MANY_BATCH;
    size_t size = thetis_mpsc_size(&cfg);
    void *memory = aligned_alloc(THETIS_CACHE_LINE,
                                 (size + THETIS_CACHE_LINE - 1) & ~(size_t)(THETIS_CACHE_LINE - 1));
    pthread_t threads[MANY_PRODUCERS];
    many_arg args[MANY_PRODUCERS];
    CHECK_EQ(thetis_mpsc_init(memory, size, &cfg, &run->ring), THETIS_OK);
    for (uint64_t p = 0; p < MANY_PRODUCERS; p++) {
        args[p] = (many_arg){run, p};
        CHECK_EQ(pthread_create(&threads[p], NULL, many_produce, &args[p]), 0);
    }
    many_consume(run, limit);
    for (int p = 0; p < MANY_PRODUCERS; p++) CHECK_EQ(pthread_join(threads[p], NULL), 0);
    free(memory);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void many_all_arrive(size_t capacity, size_t places, size_t elements)
{
    many_run run = {.elements = test_scale(elements)};
    many_go(&run, capacity, places, UINT64_MAX);
    for (int p = 0; p < MANY_PRODUCERS; p++) {
        CHECK_EQ(run.pushed[p], run.elements);
        CHECK_EQ(run.popped[p], run.elements);
    }
}

TEST(all_arrive_through_a_large_ring)
{
    many_all_arrive(1024, MANY_PRODUCERS, MANY_ELEMENTS * 2);
}

TEST(all_arrive_through_small_rings)
{
    for (size_t capacity = 8; capacity <= 64; capacity += 7)
        many_all_arrive(capacity, MANY_PRODUCERS, MANY_ELEMENTS / 4);
}

/* One more than there are places: they hand theirs over. */
TEST(all_arrive_through_fewer_places)
{
    many_all_arrive(16, MANY_PRODUCERS - 1, MANY_ELEMENTS / 4);
}

/* What was pushed before CLOSED was said comes out, the rest was refused. */
TEST(close_races_with_push_and_pop)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(MANY_RACES); race > 0; race--) {
        many_run run = {.elements = 10000, .closing = 1 + test_rand(&rng) % 40};
        many_go(&run, 8 + race % 9, MANY_PRODUCERS, UINT64_MAX);
        for (int p = 0; p < MANY_PRODUCERS; p++) CHECK_EQ(run.pushed[p], run.popped[p]);
    }
}

TEST(cancel_races_with_push)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(MANY_RACES); race > 0; race--) {
        many_run run = {.elements = UINT64_MAX, .closing = UINT64_MAX};
        many_go(&run, 8 + race % 9, MANY_PRODUCERS, test_rand(&rng) % 40);
        for (int p = 0; p < MANY_PRODUCERS; p++) CHECK(run.pushed[p] >= run.popped[p]);
    }
}

TEST_MAIN(T(all_arrive_through_a_large_ring, .timeout_s = 120),
          T(all_arrive_through_small_rings, .timeout_s = 120),
          T(all_arrive_through_fewer_places, .timeout_s = 120),
          T(close_races_with_push_and_pop, .timeout_s = 120),
          T(cancel_races_with_push, .timeout_s = 120))
