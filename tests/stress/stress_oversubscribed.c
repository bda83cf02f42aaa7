/* SPDX-License-Identifier: MIT
 *
 * stress_oversubscribed.c: sixteen threads for each core, all at once on rings, one thread table
 * and one histogram. So threads lose their core in the middle of operations all the time, and for
 * long. Elements carry a checksum of their number: a slot that is read too early, torn, lost,
 * doubled or out of order shows at once.
 */
#include "harness/barrier.h"
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <thetis/hist.h>
#include <thetis/spsc.h>
#include <thetis/thread.h>
#include <unistd.h>

enum {
    OVER_FACTOR = 16,
    OVER_MIN = 32,
    OVER_MAX = 256, /* a multiple of OVER_ROLES */
    OVER_ROLES = 4, /* producer, consumer, two that come and go */
    OVER_GUESTS = OVER_MAX / OVER_ROLES * 2,
    OVER_BATCH = 5,
    OVER_CAPACITY = 8,
    OVER_ELEMENTS = 600000,
    OVER_VISITS = 300000
};

/* The pieces are far enough apart to tear. */
typedef struct over_item {
    uint64_t number;
    uint64_t seal;
    uint64_t again;
} over_item;

THETIS_SPSC(over_ring, over_item);

typedef struct over_pair {
    char mem[THETIS_SPSC_SIZE(sizeof(over_item), OVER_CAPACITY)] THETIS_CACHE_ALIGNED;
    thetis_spsc *ring;
} over_pair;

/* Plain words: only the holder of a place touches them, in an order that join and leave give. */
typedef struct over_place {
    pthread_t holder;
    uint64_t visits;
} over_place;

typedef struct over_run {
    pthread_barrier_t start;
    over_pair pairs[OVER_MAX / OVER_ROLES];
    thetis_thread_table *table;
    size_t places;
    over_place at[OVER_GUESTS];
    thetis_hist hist;
    thetis_atomic recorded;
    thetis_atomic visits;
} over_run;

typedef struct over_thread {
    pthread_t thread;
    over_run *run;
    unsigned number;
    uint64_t rng;
    uint64_t recorded;
} over_thread;

static size_t elements(void)
{
    return test_scale(OVER_ELEMENTS);
}

static void record(over_thread *t, uint64_t value)
{
    thetis_hist_record(&t->run->hist, value);
    t->recorded++;
}

/* ---- rings ----------------------------------------------------------------------------------- */

static over_item sealed(uint64_t number)
{
    uint64_t state = number;
    return (over_item){number, test_rand(&state), number};
}

static void check_item(const over_item *item, uint64_t number)
{
    over_item want = sealed(number);
    CHECK_EQ(item->number, number);
    CHECK_EQ(item->again, number);
    CHECK_EQ(item->seal, want.seal);
}

static size_t push(thetis_spsc *ring, uint64_t at, size_t n)
{
    over_item items[OVER_BATCH];
    if (n == 1) return over_ring_push(ring, sealed(at)) == THETIS_OK;
    for (size_t k = 0; k < n; k++) items[k] = sealed(at + k);
    return thetis_spsc_push_n(ring, items, n, NULL);
}

static size_t pop(thetis_spsc *ring, uint64_t at, size_t n)
{
    over_item items[OVER_BATCH];
    if (n == 1) n = over_ring_pop(ring, items) == THETIS_OK;
    else n = thetis_spsc_pop_n(ring, items, n, NULL);
    for (size_t k = 0; k < n; k++) check_item(&items[k], at + k);
    return n;
}

static void move(over_thread *t, thetis_spsc *ring,
                 size_t (*some)(thetis_spsc *ring, uint64_t at, size_t n))
{
    for (uint64_t at = 0; at < elements();) {
        size_t left = elements() - at, n = 1 + test_rand(&t->rng) % OVER_BATCH;
        size_t moved = some(ring, at, n < left ? n : left);
        at += moved;
        record(t, moved);
        if (moved == 0) (void)sched_yield();
    }
}

static void produce(over_thread *t, over_pair *pair)
{
    move(t, pair->ring, push);
    thetis_spsc_close(pair->ring);
}

static void consume(over_thread *t, over_pair *pair)
{
    over_item item;
    thetis_status s;
    move(t, pair->ring, pop);
    while ((s = thetis_spsc_pop(pair->ring, &item)) == THETIS_EMPTY) (void)sched_yield();
    CHECK_EQ(s, THETIS_CLOSED);
    CHECK_EQ(thetis_spsc_check(pair->ring), THETIS_OK);
}

/* ---- table ----------------------------------------------------------------------------------- */

/* A second holder would change the name, or lose one of two counts. */
static void visit(over_thread *t, size_t id)
{
    over_place *place = &t->run->at[id];
    CHECK(id < t->run->places);
    place->holder = pthread_self();
    place->visits++;
    if (test_rand(&t->rng) % 8 == 0) (void)sched_yield(); /* the others come meanwhile */
    CHECK(pthread_equal(place->holder, pthread_self()));
}

/* There are fewer places than guests: some are refused. */
static void come_and_go(over_thread *t)
{
    uintptr_t visits = 0;
    for (size_t i = test_scale(OVER_VISITS); i > 0; i--) {
        size_t id;
        thetis_status s = thetis_thread_join(t->run->table, &id);
        record(t, (uint64_t)s);
        if (s == THETIS_OK) {
            visit(t, id);
            thetis_thread_leave(t->run->table, id);
            visits++;
        } else {
            CHECK_EQ(s, THETIS_ENOSLOT);
        }
    }
    (void)thetis_atomic_fetch_add_relaxed(&t->run->visits, visits);
}

static void check_table(over_run *run)
{
    uint64_t visits = 0;
    for (size_t want = 0; want < run->places; want++) {
        size_t id;
        CHECK_EQ(thetis_thread_join(run->table, &id), THETIS_OK);
        CHECK_EQ(id, want);
        visits += run->at[id].visits;
    }
    CHECK_EQ(visits, thetis_atomic_load_relaxed(&run->visits));
    CHECK(visits > 0);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void *body(void *arg)
{
    over_thread *t = arg;
    over_pair *pair = &t->run->pairs[t->number / OVER_ROLES];
    (void)pthread_barrier_wait(&t->run->start);
    switch (t->number % OVER_ROLES) {
    case 0: produce(t, pair); break;
    case 1: consume(t, pair); break;
    default: come_and_go(t); break;
    }
    (void)thetis_atomic_fetch_add_relaxed(&t->run->recorded, t->recorded);
    return NULL;
}

static unsigned count_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = OVER_FACTOR * (cores > 0 && cores < OVER_MAX ? (unsigned)cores : 1);
    return n < OVER_MIN ? OVER_MIN : n > OVER_MAX ? OVER_MAX : n;
}

static void setup(over_run *run, unsigned threads)
{
    static thetis_atomic mem[THETIS_THREAD_SIZE(OVER_GUESTS) / sizeof(thetis_atomic)];
    thetis_spsc_cfg cfg = {sizeof(over_item), OVER_CAPACITY};
    for (unsigned i = 0; i < threads / OVER_ROLES; i++) {
        over_pair *p = &run->pairs[i];
        CHECK_EQ(thetis_spsc_init(p->mem, sizeof p->mem, &cfg, &p->ring), THETIS_OK);
    }
    run->places = threads / OVER_ROLES; /* for twice as many guests */
    CHECK_EQ(thetis_thread_init(mem, sizeof mem, run->places, &run->table), THETIS_OK);
    CHECK_EQ(pthread_barrier_init(&run->start, NULL, threads), 0);
}

TEST(all_structures_at_once)
{
    static over_run run;
    static over_thread threads[OVER_MAX];
    unsigned n = count_threads();
    uint64_t rng = test_seed();
    setup(&run, n);
    for (unsigned i = 0; i < n; i++) {
        threads[i] = (over_thread){.run = &run, .number = i, .rng = test_rand(&rng)};
        CHECK_EQ(pthread_create(&threads[i].thread, NULL, body, &threads[i]), 0);
    }
    for (unsigned i = 0; i < n; i++) CHECK_EQ(pthread_join(threads[i].thread, NULL), 0);
    check_table(&run);
    CHECK_EQ(thetis_hist_count(&run.hist), thetis_atomic_load_relaxed(&run.recorded));
}

TEST_MAIN(T(all_structures_at_once, .timeout_s = 120))
