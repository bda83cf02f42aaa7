/* SPDX-License-Identifier: MIT
 *
 * stress_wait.c: threads that sleep on rings and are woken: a wake-up that is lost hangs the case
 * until its time is over. Rings are tiny, so that both ends sleep all the time.
 */
#include "harness/test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <thetis/spsc.h>
#include <thetis/wait.h>

enum { SLEEP_ELEMENTS = 60000, SLEEP_ROUNDS = 1500, SLEEP_CROWD = 6, SLEEP_RING = 4 };

THETIS_SPSC(numbers, uint64_t);

typedef struct sleepers {
    char mem[THETIS_WAIT_SIZE(SLEEP_CROWD)] THETIS_CACHE_ALIGNED;
    thetis_wait *wait;
} sleepers;

static void sleepers_init(sleepers *s)
{
    CHECK_EQ(thetis_wait_init(s->mem, sizeof s->mem, SLEEP_CROWD, &s->wait), THETIS_OK);
}

static thetis_waiter *sleepers_join(sleepers *s)
{
    thetis_waiter *me;
    CHECK_EQ(thetis_wait_join(s->wait, &me), THETIS_OK);
    return me;
}

/* ---- a ring whose both ends sleep ------------------------------------------------------------ */

typedef struct pipe_run {
    char mem[THETIS_SPSC_SIZE(sizeof(uint64_t), SLEEP_RING)] THETIS_CACHE_ALIGNED;
    thetis_spsc *ring;
    sleepers items, room;
    uint64_t timeout_ns;
} pipe_run;

typedef struct pipe_end {
    thetis_spsc *ring;
    uint64_t item;
    uint64_t rng;
} pipe_end;

/* In the moment between a vain attempt and what follows, a wake-up can get lost. So it is made
 * longer, now and then. */
static thetis_status pipe_pause(pipe_end *end, thetis_status s)
{
    if (s != THETIS_OK && test_rand(&end->rng) % 4 == 0) (void)sched_yield();
    return s;
}

static thetis_status pipe_push(void *arg)
{
    pipe_end *end = arg;
    return pipe_pause(end, numbers_push(end->ring, end->item));
}

static thetis_status pipe_pop(void *arg)
{
    pipe_end *end = arg;
    return pipe_pause(end, numbers_pop(end->ring, &end->item));
}

static void pipe_move(pipe_run *run, thetis_waiter *me, thetis_wait_fn *attempt, pipe_end *end)
{
    thetis_status s;
    do s = thetis_wait_run(me, attempt, end, run->timeout_ns);
    while (s == THETIS_ETIMEDOUT);
    CHECK_EQ(s, THETIS_OK);
}

static void *pipe_produce(void *arg)
{
    pipe_run *run = arg;
    thetis_waiter *me = sleepers_join(&run->room);
    pipe_end end = {run->ring, 0, test_seed()};
    for (; end.item < test_scale(SLEEP_ELEMENTS); end.item++) {
        pipe_move(run, me, pipe_push, &end);
        thetis_wait_wake(run->items.wait);
    }
    thetis_spsc_close(run->ring);
    thetis_wait_wake(run->items.wait);
    return NULL;
}

static void pipe_consume(pipe_run *run)
{
    thetis_waiter *me = sleepers_join(&run->items);
    pipe_end end = {run->ring, 0, ~test_seed()};
    for (uint64_t k = 0; k < test_scale(SLEEP_ELEMENTS); k++) {
        pipe_move(run, me, pipe_pop, &end);
        CHECK_EQ(end.item, k);
        thetis_wait_wake(run->room.wait);
    }
    CHECK_EQ(thetis_wait_run(me, pipe_pop, &end, THETIS_WAIT_FOREVER), THETIS_CLOSED);
}

static void pipe_go(size_t capacity, uint64_t timeout_ns)
{
    static pipe_run run;
    thetis_spsc_cfg cfg = {sizeof(uint64_t), capacity};
    pthread_t producer;
    CHECK_EQ(thetis_spsc_init(run.mem, sizeof run.mem, &cfg, &run.ring), THETIS_OK);
    sleepers_init(&run.items);
    sleepers_init(&run.room);
    run.timeout_ns = timeout_ns;
    CHECK_EQ(pthread_create(&producer, NULL, pipe_produce, &run), 0);
    pipe_consume(&run);
    CHECK_EQ(pthread_join(producer, NULL), 0);
}

TEST(both_ends_of_a_ring_sleep)
{
    pipe_go(1, THETIS_WAIT_FOREVER);
    pipe_go(SLEEP_RING, THETIS_WAIT_FOREVER);
}

TEST(both_ends_of_a_ring_sleep_and_time_out)
{
    pipe_go(1, 2000);
    pipe_go(SLEEP_RING, 20000);
}

/* ---- a crowd that meets ---------------------------------------------------------------------- */

/* In each round everybody adds one, wakes, and sleeps until all have: a barrier. Some sleep in the
 * port, some poll, some leave after each round and join again. */
typedef struct crowd {
    sleepers s;
    thetis_atomic arrived;
    uint64_t plain[SLEEP_CROWD]; /* what each wrote before it arrived */
} crowd;

typedef struct crowd_member {
    crowd *c;
    unsigned number;
    thetis_waiter *me;
    int fd;
} crowd_member;

/* Ends an announced sleep in the member's way. */
static void crowd_sleep(crowd_member *m)
{
    thetis_status s = THETIS_OK;
    if (m->fd >= 0) {
        struct pollfd p = {.fd = m->fd, .events = POLLIN};
        CHECK(poll(&p, 1, -1) >= 0);
        thetis_wait_cancel(m->me);
    } else {
        s = thetis_wait_sleep(m->me, m->number == 0 ? 30000 : THETIS_WAIT_FOREVER);
    }
    CHECK(s == THETIS_OK || s == THETIS_ETIMEDOUT);
}

static void crowd_meet(crowd_member *m, uintptr_t all)
{
    crowd *c = m->c;
    (void)thetis_atomic_fetch_sub_release(&c->arrived, (uintptr_t)-1);
    thetis_wait_wake(c->s.wait);
    for (;;) {
        CHECK_EQ(thetis_wait_start(m->me), THETIS_OK);
        if (thetis_atomic_load_acquire(&c->arrived) >= all) break;
        crowd_sleep(m);
    }
    thetis_wait_cancel(m->me);
}

static void *crowd_body(void *arg)
{
    crowd_member *m = arg;
    crowd *c = m->c;
    for (uintptr_t round = 1; round <= test_scale(SLEEP_ROUNDS); round++) {
        c->plain[m->number] = round;
        crowd_meet(m, (2 * round - 1) * SLEEP_CROWD);
        for (int k = 0; k < SLEEP_CROWD; k++) CHECK_EQ(c->plain[k], round);
        crowd_meet(m, 2 * round * SLEEP_CROWD);
        if (m->number == SLEEP_CROWD - 1) {
            thetis_wait_leave(m->me);
            m->me = sleepers_join(&c->s);
        }
    }
    return NULL;
}

TEST(a_crowd_meets_again_and_again)
{
    static crowd c;
    crowd_member members[SLEEP_CROWD];
    pthread_t threads[SLEEP_CROWD];
    sleepers_init(&c.s);
    for (unsigned k = 0; k < SLEEP_CROWD; k++) {
        members[k] = (crowd_member){&c, k, sleepers_join(&c.s), -1};
        if (k == 1 || k == 2) {
            CHECK_EQ(thetis_wait_fd(members[k].me, &members[k].fd), THETIS_OK);
        }
    }
    for (int k = 0; k < SLEEP_CROWD; k++)
        CHECK_EQ(pthread_create(&threads[k], NULL, crowd_body, &members[k]), 0);
    for (int k = 0; k < SLEEP_CROWD; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    thetis_wait_fini(c.s.wait);
}

/* ---- close ----------------------------------------------------------------------------------- */

typedef struct closing {
    sleepers s;
    int plain; /* not atomic: ThreadSanitizer sees whether close orders it */
} closing;

static void *closing_sleeper(void *arg)
{
    closing *c = arg;
    thetis_waiter *me = sleepers_join(&c->s);
    thetis_status s;
    do {
        s = thetis_wait_start(me);
        if (s == THETIS_OK) s = thetis_wait_sleep(me, THETIS_WAIT_FOREVER);
    } while (s == THETIS_OK);
    CHECK_EQ(s, THETIS_CLOSED);
    CHECK_EQ(c->plain, 7);
    return NULL;
}

TEST(close_races_with_sleep_and_wake)
{
    static closing c;
    uint64_t rng = test_seed();
    for (size_t round = test_scale(SLEEP_ROUNDS); round > 0; round--) {
        pthread_t threads[3];
        sleepers_init(&c.s);
        c.plain = 0;
        for (int k = 0; k < 3; k++)
            CHECK_EQ(pthread_create(&threads[k], NULL, closing_sleeper, &c), 0);
        for (uint64_t k = test_rand(&rng) % 200; k > 0; k--) thetis_wait_wake(c.s.wait);
        c.plain = 7;
        thetis_wait_close(c.s.wait);
        for (int k = 0; k < 3; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    }
}

TEST_MAIN(T(both_ends_of_a_ring_sleep, .timeout_s = 60),
          T(both_ends_of_a_ring_sleep_and_time_out, .timeout_s = 60),
          T(a_crowd_meets_again_and_again, .timeout_s = 60),
          T(close_races_with_sleep_and_wake, .timeout_s = 60))
