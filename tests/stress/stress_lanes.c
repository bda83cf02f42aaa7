/* SPDX-License-Identifier: MIT
 *
 * stress_lanes.c: several producers, every form of push against both forms of pop, producers that
 * come and go and that dawdle with open reservations, and the races of close and cancel. Each
 * record carries its number and bytes that follow from it: what is torn, lost, doubled or out of
 * its producer's order shows. The order across producers is the matter of tests/model: on a real
 * machine the moment in which it could go wrong is too short to be met.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/lanes.h>

enum {
    MIX_RECORDS = 100000,
    MIX_BATCH = 4,
    MIX_PRODUCERS = 4,
    MIX_RACES = 1000,
    MIX_MOST = 100
};

typedef struct mix_run {
    thetis_lanes lanes;
    uint64_t records; /* of each producer */
    uint64_t pushed[MIX_PRODUCERS];
    uint64_t popped[MIX_PRODUCERS];
    uint64_t closing; /* producer 0 closes after so many; 0: whoever is last does */
    thetis_atomic ended;
} mix_run;

typedef struct mix_arg {
    mix_run *run;
    uint64_t by;
} mix_arg;

/* ---- records --------------------------------------------------------------------------------- */

static size_t mix_fill(unsigned char *at, uint64_t by, uint64_t number)
{
    uint64_t state = number * 64 + by, r = test_rand(&state);
    size_t size = 2 * sizeof by + r % (MIX_MOST - 2 * sizeof by + 1);
    memcpy(at, &by, sizeof by);
    memcpy(at + sizeof by, &number, sizeof number);
    for (size_t k = 2 * sizeof by; k < size; k++) at[k] = (unsigned char)(r >> 8 * (k % 8));
    return size;
}

static void mix_expect(mix_run *run, const unsigned char *at, size_t size)
{
    unsigned char want[MIX_MOST];
    uint64_t by, number;
    CHECK(size >= 2 * sizeof by);
    memcpy(&by, at, sizeof by);
    memcpy(&number, at + sizeof by, sizeof number);
    CHECK(by < MIX_PRODUCERS);
    CHECK_EQ(number, run->popped[by]);
    run->popped[by]++;
    CHECK_EQ(size, mix_fill(want, by, number));
    CHECK(memcmp(at, want, size) == 0);
}

/* ---- the forms ------------------------------------------------------------------------------- */

/* Pushes at most `n` records from number `at` on. */
typedef size_t mix_push(thetis_lanes_producer *me, uint64_t by, uint64_t at, size_t n,
                        thetis_status *why);

static size_t mix_push_one(thetis_lanes_producer *me, uint64_t by, uint64_t at, size_t n,
                           thetis_status *why)
{
    unsigned char data[MIX_MOST];
    (void)n;
    *why = thetis_lanes_push(me, data, mix_fill(data, by, at));
    return *why == THETIS_OK;
}

static size_t mix_push_batch(thetis_lanes_producer *me, uint64_t by, uint64_t at, size_t n,
                             thetis_status *why)
{
    unsigned char data[MIX_BATCH][MIX_MOST];
    thetis_bytes_run runs[MIX_BATCH];
    for (size_t k = 0; k < n; k++)
        runs[k] = (thetis_bytes_run){data[k], mix_fill(data[k], by, at + k)};
    return thetis_lanes_push_n(me, runs, n, why);
}

/* Reserves two, dawdles, gives the second one back. */
static size_t mix_push_reserve(thetis_lanes_producer *me, uint64_t by, uint64_t at, size_t n,
                               thetis_status *why)
{
    void *record, *second;
    *why = thetis_lanes_reserve(me, MIX_MOST, &record);
    if (*why != THETIS_OK) return 0;
    int two = n % 2 && thetis_lanes_reserve(me, 8, &second) == THETIS_OK;
    size_t size = mix_fill(record, by, at);
    if (at % 16 == 0) (void)sched_yield();
    if (two) CHECK_EQ(thetis_lanes_abort(me), THETIS_OK);
    *why = thetis_lanes_commit(me, size);
    return *why == THETIS_OK;
}

static mix_push *const mix_pushes[] = {mix_push_one, mix_push_batch, mix_push_reserve};

/* ---- threads --------------------------------------------------------------------------------- */

static thetis_status mix_join(mix_run *run, uint64_t by, thetis_lanes_producer *me)
{
    thetis_status s;
    while ((s = thetis_lanes_join(&run->lanes, by + 1, me)) == THETIS_ENOSLOT) (void)sched_yield();
    return s;
}

static void *mix_produce(void *argument)
{
    const mix_arg *arg = argument;
    mix_run *run = arg->run;
    uint64_t by = arg->by, rng = test_seed() + by, *pushed = &run->pushed[by];
    thetis_lanes_producer me;
    thetis_status why = mix_join(run, by, &me);
    int in = why == THETIS_OK;
    while (in && *pushed < run->records && why != THETIS_CLOSED) {
        uint64_t r = test_rand(&rng), left = run->records - *pushed;
        size_t n = 1 + r / 4 % MIX_BATCH;
        *pushed += mix_pushes[r % 3](&me, by, *pushed, n < left ? n : (size_t)left, &why);
        if (why == THETIS_FULL) (void)sched_yield();
        if (r % 512 == 0) {
            thetis_lanes_leave(&me);
            in = mix_join(run, by, &me) == THETIS_OK;
        }
        if (by == 0 && run->closing && *pushed >= run->closing)
            (void)thetis_lanes_close(&run->lanes);
    }
    if (thetis_atomic_fetch_add_acq_rel(&run->ended, 1) == MIX_PRODUCERS - 1 && run->closing == 0)
        CHECK_EQ(thetis_lanes_close(&run->lanes), THETIS_OK);
    if (in) thetis_lanes_leave(&me);
    return NULL;
}

static void mix_consume(mix_run *run, thetis_lanes_consumer *out, size_t places, uint64_t limit)
{
    uint64_t rng = ~test_seed(), all = 0;
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        unsigned char data[MIX_MOST];
        void *record = data;
        size_t size;
        int copy = test_rand(&rng) % 2;
        s = copy ? thetis_lanes_pop(out, data, sizeof data, &size)
                 : thetis_lanes_peek(out, &record, &size);
        if (s == THETIS_OK) mix_expect(run, record, size);
        if (s == THETIS_OK && !copy) thetis_lanes_release(out);
        for (size_t k = 0; k < places; k++) CHECK_EQ(thetis_lanes_check(out, k), THETIS_OK);
        CHECK(s >= THETIS_OK);
        if (s == THETIS_EMPTY) (void)sched_yield();
        all += s == THETIS_OK;
        if (all >= limit) (void)thetis_lanes_cancel(out);
    }
}

static void *mix_memory(size_t size)
{
    size_t lines = (size + THETIS_CACHE_LINE - 1) & ~(size_t)(THETIS_CACHE_LINE - 1);
    void *memory = aligned_alloc(THETIS_CACHE_LINE, lines);
    CHECK(memory != NULL);
    return memory;
}

static void mix_go(mix_run *run, size_t capacity, size_t places, uint64_t limit)
{
    thetis_lanes_cfg cfg = {places, capacity, MIX_MOST};
    size_t size = thetis_lanes_size(&cfg), own_size = thetis_lanes_consumer_size(&cfg);
    void *memory = mix_memory(size), *own = mix_memory(own_size);
    thetis_lanes_consumer *out;
    pthread_t threads[MIX_PRODUCERS];
    mix_arg args[MIX_PRODUCERS];
    CHECK_EQ(thetis_lanes_init(memory, size, &cfg, &run->lanes), THETIS_OK);
    CHECK_EQ(thetis_lanes_open(&run->lanes, own, own_size, &out), THETIS_OK);
    for (uint64_t p = 0; p < MIX_PRODUCERS; p++) {
        args[p] = (mix_arg){run, p};
        CHECK_EQ(pthread_create(&threads[p], NULL, mix_produce, &args[p]), 0);
    }
    mix_consume(run, out, places, limit);
    for (int p = 0; p < MIX_PRODUCERS; p++) CHECK_EQ(pthread_join(threads[p], NULL), 0);
    free(memory);
    free(own);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void mix_all_arrive(size_t capacity, size_t places, size_t records)
{
    mix_run run = {.records = test_scale(records)};
    mix_go(&run, capacity, places, UINT64_MAX);
    for (int p = 0; p < MIX_PRODUCERS; p++) {
        CHECK_EQ(run.pushed[p], run.records);
        CHECK_EQ(run.popped[p], run.records);
    }
}

TEST(all_arrive_through_large_lanes)
{
    mix_all_arrive(1 << 16, MIX_PRODUCERS, MIX_RECORDS);
}

TEST(all_arrive_through_small_lanes)
{
    for (size_t capacity = 256; capacity <= 1024; capacity *= 2)
        mix_all_arrive(capacity, MIX_PRODUCERS, MIX_RECORDS / 4);
}

/* More than there are lanes: they hand theirs over. */
TEST(all_arrive_through_fewer_lanes)
{
    mix_all_arrive(1024, MIX_PRODUCERS - 2, MIX_RECORDS / 4);
}

/* What was pushed before CLOSED was said comes out, the rest was refused. */
TEST(close_races_with_push_and_pop)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(MIX_RACES); race > 0; race--) {
        mix_run run = {.records = 10000, .closing = 1 + test_rand(&rng) % 40};
        mix_go(&run, 256, MIX_PRODUCERS, UINT64_MAX);
        for (int p = 0; p < MIX_PRODUCERS; p++) CHECK_EQ(run.pushed[p], run.popped[p]);
    }
}

TEST(cancel_races_with_push)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(MIX_RACES); race > 0; race--) {
        mix_run run = {.records = UINT64_MAX, .closing = UINT64_MAX};
        mix_go(&run, 256, MIX_PRODUCERS, test_rand(&rng) % 40);
        for (int p = 0; p < MIX_PRODUCERS; p++) CHECK(run.pushed[p] >= run.popped[p]);
    }
}

TEST_MAIN(T(all_arrive_through_large_lanes, .timeout_s = 120),
          T(all_arrive_through_small_lanes, .timeout_s = 120),
          T(all_arrive_through_fewer_lanes, .timeout_s = 120),
          T(close_races_with_push_and_pop, .timeout_s = 120),
          T(cancel_races_with_push, .timeout_s = 120))
