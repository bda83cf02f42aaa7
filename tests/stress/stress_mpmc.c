/* SPDX-License-Identifier: MIT
 *
 * stress_mpmc.c: several threads, each of which pushes and pops, in every form; participants that
 * come and go, that dawdle with slots in their hands, and the race of close. Each element carries
 * a checksum: what is torn, lost, doubled or out of a producer's order shows. Half of the runs are
 * without patience, so that asking and helping happen on real processors, too.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/mpmc.h>
#include <time.h>

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

enum { CROWD_ELEMENTS = 20000, CROWD_BATCH = 4, CROWD_THREADS = 4, CROWD_RACES = 150 };

typedef struct crowd_item {
    uint64_t by;
    uint64_t number;
    uint64_t seal;
} crowd_item;

static crowd_item crowd_sealed(uint64_t by, uint64_t number)
{
    uint64_t state = number * 64 + by;
    return (crowd_item){by, number, test_rand(&state)};
}

typedef struct crowd_run {
    thetis_mpmc *ring;
    thetis_mpmc_value *values;
    uint64_t elements; /* of each thread */
    uint64_t closing;  /* thread 0 closes after so many of its own; 0: whoever is last does */
    thetis_atomic ended;
    thetis_atomic pushed, popped;
} crowd_run;

typedef struct crowd_thread {
    crowd_run *run;
    uint64_t by, pushed, popped, rng;
    uint64_t last[CROWD_THREADS]; /* number + 1 of the last one seen, of each */
    bool closed;
    thetis_mpmc_end me;
    thetis_mpmc_value_end value_me;
} crowd_thread;

/* ---- what came out --------------------------------------------------------------------------- */

static void crowd_expect(crowd_thread *t, const crowd_item *item)
{
    CHECK(item->by < CROWD_THREADS);
    crowd_item want = crowd_sealed(item->by, item->number);
    CHECK_EQ(item->seal, want.seal);
    CHECK(item->number >= t->last[item->by]);
    t->last[item->by] = item->number + 1;
    t->popped++;
}

/* A value is 60 bits: who, and which. */
static void crowd_expect_value(crowd_thread *t, uintptr_t value)
{
    uint64_t by = value % CROWD_THREADS, number = value / CROWD_THREADS;
    CHECK(number >= t->last[by]);
    t->last[by] = number + 1;
    t->popped++;
}

/* ---- the forms ------------------------------------------------------------------------------- */

static thetis_status crowd_push(crowd_thread *t, uint64_t left, uint64_t r)
{
    crowd_item items[CROWD_BATCH];
    size_t n = 1 + r / 4 % CROWD_BATCH;
    thetis_status s;
    void *at;
    if (n > left) n = (size_t)left;
    for (size_t k = 0; k < n; k++) items[k] = crowd_sealed(t->by, t->pushed + k);
    if (r % 3 == 0) {
        t->pushed += thetis_mpmc_push_n(&t->me, items, n, &s);
        return s;
    }
    if (r % 3 == 1) {
        s = thetis_mpmc_push(&t->me, items);
        t->pushed += s == THETIS_OK;
        return s;
    }
    s = thetis_mpmc_reserve(&t->me, &at);
    if (s != THETIS_OK) return s;
    if (r % 16 == 5) (void)sched_yield();
    if (r % 7 == 0) {
        thetis_mpmc_abort(&t->me, at);
        return s;
    }
    memcpy(at, items, sizeof items[0]);
    s = thetis_mpmc_commit(&t->me, at);
    t->pushed += s == THETIS_OK;
    return s;
}

static thetis_status crowd_pop(crowd_thread *t, uint64_t r)
{
    crowd_item items[CROWD_BATCH];
    thetis_status s;
    size_t n = 1;
    void *at;
    if (r % 3 == 0) {
        n = thetis_mpmc_pop_n(&t->me, items, 1 + r / 4 % CROWD_BATCH, &s);
    } else if (r % 3 == 1) {
        s = thetis_mpmc_pop(&t->me, items);
        n = s == THETIS_OK;
    } else {
        s = thetis_mpmc_peek(&t->me, &at);
        n = s == THETIS_OK;
        if (n) memcpy(items, at, sizeof items[0]);
        if (n && r % 16 == 5) (void)sched_yield();
        if (n) thetis_mpmc_release(&t->me, at);
    }
    for (size_t k = 0; k < n; k++) crowd_expect(t, &items[k]);
    return s;
}

static thetis_status crowd_push_value(crowd_thread *t, uint64_t left, uint64_t r)
{
    uintptr_t values[CROWD_BATCH];
    size_t n = 1 + r / 4 % CROWD_BATCH;
    thetis_status s;
    if (n > left) n = (size_t)left;
    for (size_t k = 0; k < n; k++) values[k] = (t->pushed + k) * CROWD_THREADS + t->by;
    if (r % 2) {
        t->pushed += thetis_mpmc_value_push_n(&t->value_me, values, n, &s);
    } else {
        s = thetis_mpmc_value_push(&t->value_me, values[0]);
        t->pushed += s == THETIS_OK;
    }
    return s;
}

static thetis_status crowd_pop_value(crowd_thread *t, uint64_t r)
{
    uintptr_t values[CROWD_BATCH];
    thetis_status s;
    size_t n = thetis_mpmc_value_pop_n(&t->value_me, values, 1 + r / 4 % CROWD_BATCH, &s);
    for (size_t k = 0; k < n; k++) crowd_expect_value(t, values[k]);
    return s;
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Where there is a place less than threads, one waits until another comes and goes. */
static void crowd_join(crowd_thread *t)
{
    const struct timespec moment = {.tv_nsec = 20000};
    crowd_run *run = t->run;
    while ((run->ring ? thetis_mpmc_join(run->ring, &t->me)
                      : thetis_mpmc_value_join(run->values, &t->value_me)) != THETIS_OK)
        (void)nanosleep(&moment, NULL);
}

static void crowd_leave(crowd_thread *t)
{
    if (t->run->ring) thetis_mpmc_leave(&t->me);
    else thetis_mpmc_value_leave(&t->value_me);
}

static thetis_status crowd_close(crowd_thread *t)
{
    return t->run->ring ? thetis_mpmc_close(&t->me) : thetis_mpmc_value_close(&t->value_me);
}

/* Closes when it is time, by its own count or because all have pushed all. */
static void crowd_end(crowd_thread *t)
{
    crowd_run *run = t->run;
    if (run->closing && t->by == 0 && t->pushed >= run->closing) {
        (void)crowd_close(t);
        t->closed = true;
    }
    if (!run->closing && t->pushed == run->elements && !t->closed) {
        uintptr_t others = thetis_atomic_fetch_add_acq_rel(&run->ended, 1);
        if (others == CROWD_THREADS - 1) CHECK_EQ(crowd_close(t), THETIS_OK);
        t->closed = true;
    }
}

static void *crowd_work(void *argument)
{
    crowd_thread *t = argument;
    thetis_status push = THETIS_OK, pop = THETIS_OK;
    crowd_join(t);
    while (pop != THETIS_CLOSED) {
        uint64_t r = test_rand(&t->rng), left = t->run->elements - t->pushed;
        if (r % 2 && left > 0 && push != THETIS_CLOSED) {
            push = t->run->ring ? crowd_push(t, left, r / 2) : crowd_push_value(t, left, r / 2);
        } else {
            pop = t->run->ring ? crowd_pop(t, r / 2) : crowd_pop_value(t, r / 2);
            if (pop == THETIS_EMPTY && r % 16 == 0) (void)sched_yield();
        }
        crowd_end(t);
        if (r % 1024 == 0) {
            crowd_leave(t);
            crowd_join(t);
        }
    }
    crowd_leave(t);
    (void)thetis_atomic_fetch_add_acq_rel(&t->run->pushed, t->pushed);
    (void)thetis_atomic_fetch_add_acq_rel(&t->run->popped, t->popped);
    return NULL;
}

static void *crowd_make(crowd_run *run, size_t capacity, size_t places, bool values, bool asks)
{
    unsigned profile = asks ? THETIS_MPMC_HELPED : THETIS_MPMC_REALTIME;
    thetis_mpmc_cfg cfg = {sizeof(crowd_item), capacity, places, 1, profile};
    size_t size = values ? thetis_mpmc_value_size(&cfg) : thetis_mpmc_size(&cfg);
    void *memory = aligned_alloc(THETIS_CACHE_LINE,
                                 (size + THETIS_CACHE_LINE - 1) & ~(size_t)(THETIS_CACHE_LINE - 1));
    if (values) CHECK_EQ(thetis_mpmc_value_init(memory, size, &cfg, &run->values), THETIS_OK);
    else CHECK_EQ(thetis_mpmc_init(memory, size, &cfg, &run->ring), THETIS_OK);
    return memory;
}

static void crowd_go(crowd_run run, size_t capacity, size_t places, bool values, bool asks)
{
    void *memory = crowd_make(&run, capacity, places, values, asks);
    pthread_t threads[CROWD_THREADS];
    crowd_thread args[CROWD_THREADS] = {{0}};
    for (uint64_t k = 0; k < CROWD_THREADS; k++) {
        args[k].run = &run;
        args[k].by = k;
        args[k].rng = test_seed() + k;
        CHECK_EQ(pthread_create(&threads[k], NULL, crowd_work, &args[k]), 0);
    }
    for (int k = 0; k < CROWD_THREADS; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    uint64_t pushed = thetis_atomic_load_acquire(&run.pushed);
    CHECK_EQ(pushed, thetis_atomic_load_acquire(&run.popped));
    if (!run.closing) CHECK_EQ(pushed, run.elements * CROWD_THREADS);
    CHECK_EQ(run.ring ? thetis_mpmc_check(run.ring) : thetis_mpmc_value_check(run.values),
             THETIS_OK);
    free(memory);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void crowd_all_arrive(bool values, bool asks)
{
    static const size_t capacities[] = {1, 7, 200};
    for (size_t k = 0; k < sizeof capacities / sizeof capacities[0]; k++) {
        crowd_run run = {.elements = test_scale(asks ? CROWD_ELEMENTS / 4 : CROWD_ELEMENTS)};
        crowd_go(run, capacities[k], CROWD_THREADS - k % 2, values, asks);
    }
}

TEST(all_elements_arrive)
{
    crowd_all_arrive(false, false);
}

TEST(all_elements_arrive_with_help)
{
    crowd_all_arrive(false, true);
}

TEST(all_values_arrive)
{
    crowd_all_arrive(true, false);
}

TEST(all_values_arrive_with_help)
{
    crowd_all_arrive(true, true);
}

/* What was pushed before CLOSED was said comes out, the rest was refused. */
TEST(close_races_with_push_and_pop)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(CROWD_RACES); race > 0; race--) {
        crowd_run run = {.elements = 10000, .closing = 1 + test_rand(&rng) % 40};
        crowd_go(run, 1 + race % 9, CROWD_THREADS, race % 2, race / 2 % 2);
    }
}

TEST_MAIN(T(all_elements_arrive, .timeout_s = 120),
          T(all_elements_arrive_with_help, .timeout_s = 120),
          T(all_values_arrive, .timeout_s = 120),
          T(all_values_arrive_with_help, .timeout_s = 120),
          T(close_races_with_push_and_pop, .timeout_s = 120))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
