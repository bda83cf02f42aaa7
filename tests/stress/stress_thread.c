/* SPDX-License-Identifier: MIT
 *
 * stress_thread.c: threads that join and leave a table as fast as they can. With as many places as
 * threads nobody may be refused and every pass must find a place; with fewer, those who hold one
 * are never more than there are places.
 */
#include "harness/test.h"

#include <pthread.h>
#include <thetis/thread.h>

enum { JOIN_THREADS = 4, JOIN_ROUNDS = 200000 };

typedef struct join_run {
    thetis_thread_table *table;
    size_t places;
    /* plain words: only the holder of a place touches them, in an order that join and leave give */
    pthread_t holder[JOIN_THREADS];
    uint64_t visits[JOIN_THREADS];
    thetis_atomic joined;
    thetis_atomic refused;
} join_run;

/* A second holder would change our name, or lose one of two counts. */
static void join_visit(join_run *run, size_t id)
{
    CHECK(id < run->places);
    run->holder[id] = pthread_self();
    run->visits[id]++;
    CHECK(pthread_equal(run->holder[id], pthread_self()));
}

static void *join_body(void *arg)
{
    join_run *run = arg;
    uintptr_t joined = 0, refused = 0;
    for (size_t i = test_scale(JOIN_ROUNDS); i > 0; i--) {
        size_t id;
        thetis_status s = thetis_thread_join(run->table, &id);
        if (s == THETIS_OK) {
            join_visit(run, id);
            thetis_thread_leave(run->table, id);
            joined++;
        } else {
            CHECK_EQ(s, THETIS_ENOSLOT);
            refused++;
        }
    }
    (void)thetis_atomic_fetch_add_relaxed(&run->joined, joined);
    (void)thetis_atomic_fetch_add_relaxed(&run->refused, refused);
    return NULL;
}

/* Runs all threads on a table of `places`; afterwards the table must be as good as new. */
static void join_all(join_run *run, size_t places)
{
    static thetis_atomic mem[THETIS_THREAD_SIZE(JOIN_THREADS) / sizeof(thetis_atomic)];
    pthread_t threads[JOIN_THREADS];
    uint64_t visits = 0;
    run->places = places;
    CHECK_EQ(thetis_thread_init(mem, sizeof mem, places, &run->table), THETIS_OK);
    for (int i = 0; i < JOIN_THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, join_body, run), 0);
    }
    for (int i = 0; i < JOIN_THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (size_t want = 0; want < places; want++) {
        size_t id;
        CHECK_EQ(thetis_thread_join(run->table, &id), THETIS_OK);
        CHECK_EQ(id, want);
        visits += run->visits[id];
    }
    CHECK_EQ(visits, thetis_atomic_load_relaxed(&run->joined));
}

TEST(nobody_is_refused_while_there_are_places)
{
    static join_run run;
    join_all(&run, JOIN_THREADS);
    CHECK_EQ(thetis_atomic_load_relaxed(&run.refused), 0);
}

TEST(a_place_has_one_holder_when_there_are_too_few)
{
    for (size_t places = 1; places < JOIN_THREADS; places++) {
        join_run run = {0};
        join_all(&run, places);
        CHECK(thetis_atomic_load_relaxed(&run.joined) > 0);
    }
}

TEST_MAIN(T(nobody_is_refused_while_there_are_places),
          T(a_place_has_one_holder_when_there_are_too_few, .timeout_s = 60))
