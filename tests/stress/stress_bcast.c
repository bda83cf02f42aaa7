/* SPDX-License-Identifier: MIT
 *
 * stress_bcast.c: one producer and several readers in each mode; readers that come and go. Each
 * element is sealed by its number: one that is torn, lost without a count, doubled or out of order
 * shows at once.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <thetis/bcast.h>

enum { BCAST_READERS = 16, BCAST_ELEMENTS = 400000, BCAST_BATCH = 16, BCAST_CAPACITY = 256 };

/* 20 bytes: the last word of a slot is half full. */
typedef struct bcast_item {
    uint32_t number;
    uint32_t seal[4];
} bcast_item;

THETIS_BCAST(items, bcast_item);

typedef struct bcast_run {
    thetis_bcast *ring;
    thetis_bcast_mode mode;
    uint64_t elements;
    bool churn;
} bcast_run;

typedef struct bcast_seat {
    const bcast_run *run;
    thetis_bcast_reader reader;
    pthread_t thread;
    uint64_t rng;
    uint64_t next; /* the number that is due; 0: any */
} bcast_seat;

static char bcast_mem[THETIS_BCAST_SIZE(sizeof(bcast_item), BCAST_CAPACITY, BCAST_READERS)]
    THETIS_CACHE_ALIGNED;

static bcast_item bcast_sealed(uint64_t number)
{
    uint64_t state = number;
    bcast_item item = {.number = (uint32_t)number};
    for (int k = 0; k < 4; k++) item.seal[k] = (uint32_t)test_rand(&state);
    return item;
}

static void bcast_expect(bcast_seat *seat, const bcast_item *item)
{
    bcast_item want = bcast_sealed(item->number);
    for (int k = 0; k < 4; k++) CHECK_EQ(item->seal[k], want.seal[k]);
    if (seat->next) CHECK_EQ(item->number, seat->next);
    seat->next = item->number + 1;
}

/* ---- producer -------------------------------------------------------------------------------- */

static size_t bcast_push_some(thetis_bcast *ring, uint64_t number, size_t n)
{
    bcast_item batch[BCAST_BATCH];
    for (size_t k = 0; k < n; k++) batch[k] = bcast_sealed(number + k);
    if (n == 1) return items_push(ring, batch) == THETIS_OK;
    return thetis_bcast_push_n(ring, batch, n, NULL);
}

/* Pushes numbers 1 to `elements`, then closes. */
static void bcast_produce(bcast_run *run)
{
    uint64_t rng = test_seed(), pushed = 0;
    while (pushed < run->elements) {
        uint64_t left = run->elements - pushed;
        size_t n = 1 + test_rand(&rng) % BCAST_BATCH;
        size_t done = bcast_push_some(run->ring, pushed + 1, n < left ? n : (size_t)left);
        CHECK(done > 0 || run->mode != THETIS_BCAST_LOSSY);
        pushed += done;
        if (done == 0 || rng % 8 == 0) (void)sched_yield();
    }
    CHECK_EQ(thetis_bcast_check(run->ring), THETIS_OK);
    thetis_bcast_close(run->ring);
}

/* ---- readers --------------------------------------------------------------------------------- */

static thetis_status bcast_pop_some(bcast_seat *seat)
{
    bcast_item batch[BCAST_BATCH];
    thetis_status why;
    uintptr_t missed = thetis_bcast_missed(&seat->reader);
    size_t n = 1 + test_rand(&seat->rng) % BCAST_BATCH;
    if (n == 1) {
        why = items_pop(&seat->reader, batch);
        n = why == THETIS_OK;
    } else {
        n = thetis_bcast_pop_n(&seat->reader, batch, n, &why);
    }
    for (size_t k = 0; k < n; k++) bcast_expect(seat, &batch[k]);
    missed = thetis_bcast_missed(&seat->reader) - missed;
    CHECK_EQ(missed > 0, why == THETIS_LOST && seat->run->mode == THETIS_BCAST_LOSSY);
    if (seat->next) seat->next += missed;
    return n ? THETIS_OK : why;
}

static void bcast_rejoin(bcast_seat *seat)
{
    thetis_bcast_leave(&seat->reader);
    while (thetis_bcast_join(seat->run->ring, &seat->reader) != THETIS_OK) (void)sched_yield();
    seat->next = 0;
}

static void *bcast_consume(void *arg)
{
    bcast_seat *seat = arg;
    for (;;) {
        thetis_status s = bcast_pop_some(seat);
        bool evicted = s == THETIS_LOST && seat->run->mode == THETIS_BCAST_EVICT;
        if (s == THETIS_CLOSED) break;
        if (s == THETIS_EMPTY) (void)sched_yield();
        if (evicted || (seat->run->churn && seat->rng % 16 == 0)) bcast_rejoin(seat);
    }
    if (seat->next) CHECK_EQ(seat->next, seat->run->elements + 1);
    CHECK(seat->next || seat->run->churn || seat->run->mode != THETIS_BCAST_REFUSE);
    thetis_bcast_leave(&seat->reader);
    return NULL;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void bcast_run_with(unsigned readers, bcast_run run, size_t capacity)
{
    bcast_seat seats[BCAST_READERS];
    thetis_bcast_cfg cfg = {sizeof(bcast_item), capacity,
                            run.mode == THETIS_BCAST_LOSSY ? 0 : readers, run.mode};
    CHECK_EQ(thetis_bcast_init(bcast_mem, sizeof bcast_mem, &cfg, &run.ring), THETIS_OK);
    for (unsigned k = 0; k < readers; k++) {
        seats[k] = (bcast_seat){.run = &run, .rng = test_seed() + k, .next = !run.churn};
        CHECK_EQ(thetis_bcast_join(run.ring, &seats[k].reader), THETIS_OK);
        CHECK_EQ(pthread_create(&seats[k].thread, NULL, bcast_consume, &seats[k]), 0);
    }
    bcast_produce(&run);
    for (unsigned k = 0; k < readers; k++) CHECK_EQ(pthread_join(seats[k].thread, NULL), 0);
}

static void bcast_go(thetis_bcast_mode mode, size_t capacity, bool churn)
{
    bcast_run run = {.mode = mode, .elements = test_scale(BCAST_ELEMENTS), .churn = churn};
    bcast_run_with(4, run, capacity);
}

TEST(refuse_loses_nothing)
{
    bcast_go(THETIS_BCAST_REFUSE, BCAST_CAPACITY, false);
    bcast_go(THETIS_BCAST_REFUSE, 2, false);
}

TEST(refuse_with_readers_that_come_and_go)
{
    bcast_go(THETIS_BCAST_REFUSE, BCAST_CAPACITY, true);
    bcast_go(THETIS_BCAST_REFUSE, 4, true);
}

TEST(evicted_readers_come_back)
{
    bcast_go(THETIS_BCAST_EVICT, BCAST_CAPACITY, true);
    bcast_go(THETIS_BCAST_EVICT, 4, true);
}

TEST(lossy_counts_what_it_loses)
{
    bcast_go(THETIS_BCAST_LOSSY, BCAST_CAPACITY, false);
    bcast_go(THETIS_BCAST_LOSSY, 4, false);
}

TEST(lossy_with_readers_that_come_and_go)
{
    bcast_go(THETIS_BCAST_LOSSY, 32, true);
}

TEST(one_to_sixteen_readers)
{
    for (unsigned readers = 1; readers <= BCAST_READERS; readers *= 2) {
        bcast_run run = {.elements = test_scale(BCAST_ELEMENTS / 8)};
        bcast_run_with(readers, run, BCAST_CAPACITY);
        run.mode = THETIS_BCAST_LOSSY;
        bcast_run_with(readers, run, BCAST_CAPACITY);
        run.mode = THETIS_BCAST_EVICT;
        run.churn = true;
        bcast_run_with(readers, run, BCAST_CAPACITY);
    }
}

TEST_MAIN(T(refuse_loses_nothing, .timeout_s = 120),
          T(refuse_with_readers_that_come_and_go, .timeout_s = 120),
          T(evicted_readers_come_back, .timeout_s = 60),
          T(lossy_counts_what_it_loses, .timeout_s = 60),
          T(lossy_with_readers_that_come_and_go, .timeout_s = 60),
          T(one_to_sixteen_readers, .timeout_s = 120))
