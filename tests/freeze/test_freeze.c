/* SPDX-License-Identifier: MIT
 *
 * test_freeze.c: a thread that stops for ever, at any machine instruction of an operation, stops
 * nobody else.
 *
 * The controls: a counter behind a mutex gets stuck in a good share of the stops; a counter with a
 * compare-and-swap loop and one with an addition never do. (That the loop is not wait-free shows
 * only in the number of the victim's instructions, which the others drive up without a bound.)
 *
 * Each case prints its figures. A longer run: sweep.h.
 */
#include "freezer.h"
#include "harness/test.h"
#include "items.h"
#include "sweep.h"

#include <pthread.h>
#include <sched.h>
#include <thetis/hist.h>
#include <thetis/loop.h>
#include <thetis/thread.h>
#include <thetis/wait.h>

enum { FREEZE_TIMEOUT_S = 600 };

/* ---- counters: the controls ------------------------------------------------------------------ */

typedef struct locked {
    pthread_mutex_t mutex;
    uintptr_t count;
} locked;

static void locked_setup(void *shared)
{
    locked *l = shared;
    CHECK_EQ(pthread_mutex_init(&l->mutex, NULL), 0);
}

static void locked_op(freezer_seat *seat, void *shared)
{
    locked *l = shared;
    freezer_begin(seat);
    (void)pthread_mutex_lock(&l->mutex);
    l->count++;
    (void)pthread_mutex_unlock(&l->mutex);
    freezer_end(seat);
}

static void cas_op(freezer_seat *seat, void *shared)
{
    thetis_atomic *count = shared;
    uintptr_t was;
    freezer_begin(seat);
    do was = thetis_atomic_load_relaxed(count);
    while (!thetis_atomic_cas_relaxed(count, was, was + 1));
    freezer_end(seat);
}

static void add_op(freezer_seat *seat, void *shared)
{
    freezer_begin(seat);
    (void)thetis_atomic_fetch_add_relaxed(shared, 1);
    freezer_end(seat);
}

/* ---- thread numbers -------------------------------------------------------------------------- */

static void table_setup(void *shared, size_t places)
{
    thetis_thread_table *table;
    CHECK_EQ(thetis_thread_init(shared, FREEZER_SHARED, places, &table), THETIS_OK);
    CHECK((void *)table == shared);
}

static void table_setup_all(void *shared)
{
    table_setup(shared, FREEZER_SEATS);
}

static void table_setup_one(void *shared)
{
    table_setup(shared, 1);
}

static thetis_status table_visit(freezer_seat *seat, void *table)
{
    size_t id;
    freezer_begin(seat);
    thetis_status s = thetis_thread_join(table, &id);
    if (s == THETIS_OK) thetis_thread_leave(table, id);
    freezer_end(seat);
    return s;
}

/* There is a place for everybody. */
static void table_op(freezer_seat *seat, void *table)
{
    CHECK_EQ(table_visit(seat, table), THETIS_OK);
}

/* There is one place: the others are refused while it is held. */
static void table_op_scarce(freezer_seat *seat, void *table)
{
    thetis_status s = table_visit(seat, table);
    CHECK(s == THETIS_OK || s == THETIS_ENOSLOT);
}

/* ---- histogram ------------------------------------------------------------------------------- */

static void hist_record_op(freezer_seat *seat, void *hist)
{
    freezer_begin(seat);
    thetis_hist_record(hist, seat->next);
    freezer_end(seat);
    seat->next += 1000;
}

static void hist_merge_op(freezer_seat *seat, void *hist)
{
    static thetis_hist into;
    freezer_begin(seat);
    thetis_hist_merge(&into, hist);
    freezer_end(seat);
}

static void hist_quantile_op(freezer_seat *seat, void *hist)
{
    freezer_begin(seat);
    volatile uint64_t median = thetis_hist_quantile(hist, 0.5);
    freezer_end(seat);
    (void)median;
}

/* ---- wake-ups of a loop ---------------------------------------------------------------------- */

static thetis_loop *the_loop;

static void wake_setup(void *shared)
{
    thetis_loop_cfg cfg = {.stay = 1};
    (void)shared;
    CHECK_EQ(thetis_loop_create(&cfg, &the_loop), THETIS_OK);
}

/* A turn, which sleeps until somebody wakes it. */
static void wake_turn_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_loop_run_once(the_loop, UINT64_MAX);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

/* Gives the loop time to fall asleep in between, so that some calls find it so. */
static void wake_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    for (int i = 0; i < 10; i++) (void)sched_yield();
    freezer_begin(seat);
    thetis_loop_wake(the_loop);
    freezer_end(seat);
}

/* ---- the eventcount -------------------------------------------------------------------------- */

static thetis_wait *the_wait;
static thetis_waiter *the_waiter;

static void wait_setup(void *shared)
{
    CHECK_EQ(thetis_wait_init(shared, FREEZER_SHARED, 2, &the_wait), THETIS_OK);
    CHECK_EQ(thetis_wait_join(the_wait, &the_waiter), THETIS_OK);
}

/* Sleeps until somebody wakes it. */
static void wait_sleep_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_wait_start(the_waiter);
    if (s == THETIS_OK) s = thetis_wait_sleep(the_waiter, THETIS_WAIT_FOREVER);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

static void wait_cancel_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_wait_start(the_waiter);
    thetis_wait_cancel(the_waiter);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

static void wait_place_op(freezer_seat *seat, void *shared)
{
    thetis_waiter *place;
    (void)shared;
    freezer_begin(seat);
    thetis_status s = thetis_wait_join(the_wait, &place);
    if (s == THETIS_OK) thetis_wait_leave(place);
    freezer_end(seat);
}

static void wait_wake_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    for (int i = 0; i < 10; i++) (void)sched_yield();
    freezer_begin(seat);
    thetis_wait_wake(the_wait);
    freezer_end(seat);
}

static void wait_close_op(freezer_seat *seat, void *shared)
{
    (void)shared;
    freezer_begin(seat);
    thetis_wait_close(the_wait);
    freezer_end(seat);
}

/* ---- cases: controls ------------------------------------------------------------------------- */

/* Threads that all do the same: one stops, then all but one. */
static void freeze_alike(const sweep_subject *s)
{
    sweep_tally t = sweep_one(s, 0);
    sweep_but_one(s, t.length);
}

TEST(control_mutex_gets_stuck)
{
    static const sweep_subject s = {.name = "mutex (control)",
                                    .plan = {4, locked_setup, locked_op, locked_op},
                                    .tries = 1,
                                    .sticks = true};
    sweep_tally t = sweep_one(&s, 0);
    CHECK(t.stuck >= t.stops / 4);
    CHECK(t.stuck < t.stops); /* before the lock and behind the unlock it is not held */
}

TEST(control_cas_loop)
{
    static const sweep_subject s = {
        .name = "CAS loop (control)", .plan = {4, NULL, cas_op, cas_op}, .tries = 1, .most = 60,
        .busy = true};
    freeze_alike(&s);
}

TEST(control_fetch_add)
{
    static const sweep_subject s = {
        .name = "fetch-add (control)", .plan = {4, NULL, add_op, add_op}, .tries = 1};
    freeze_alike(&s);
}

/* ---- cases: the others ----------------------------------------------------------------------- */

TEST(thread_with_a_place_for_each)
{
    static const sweep_subject s = {.name = "thread join and leave",
                                    .plan = {4, table_setup_all, table_op, table_op},
                                    .tries = 4,
                                    .busy = true};
    freeze_alike(&s);
}

TEST(thread_with_one_place)
{
    static const sweep_subject s = {.name = "thread join and leave, one place",
                                    .plan = {4, table_setup_one, table_op_scarce, table_op_scarce},
                                    .tries = 4,
                                    .busy = true};
    freeze_alike(&s);
}

TEST(hist_record)
{
    static const sweep_subject s = {
        .name = "hist record", .plan = {4, NULL, hist_record_op, hist_record_op}, .tries = 4};
    freeze_alike(&s);
}

TEST(hist_merge)
{
    static const sweep_subject s = {.name = "hist merge",
                                    .plan = {3, NULL, hist_merge_op, hist_record_op},
                                    .tries = 1,
                                    .stride = 16};
    (void)sweep_one(&s, 0);
}

TEST(hist_quantile)
{
    static const sweep_subject s = {.name = "hist quantile",
                                    .plan = {3, NULL, hist_quantile_op, hist_record_op},
                                    .tries = 1,
                                    .stride = 32};
    (void)sweep_one(&s, 0);
}

/* A waker that stops after it has announced a wake-up and before its system call leaves the loop
 * asleep: the others' calls return, what they ask for comes later. So the loop is not demanded. */
TEST(loop_wake)
{
    static const sweep_subject s = {.name = "loop wake",
                                    .plan = {4, wake_setup, wake_turn_op, wake_op},
                                    .tries = 4,
                                    .sleepers = 1};
    sweep_tally t = sweep_one(&s, 1);
    sweep_but_one(&s, t.length);
}

TEST(loop_turn)
{
    static const sweep_subject s = {.name = "loop turn",
                                    .plan = {4, wake_setup, wake_turn_op, wake_op},
                                    .tries = 1,
                                    .stride = 1};
    (void)sweep_one(&s, 0);
}

/* What the comment above says of a waker holds here, too. */
TEST(wait_wake)
{
    static const sweep_subject s = {.name = "wait wake",
                                    .plan = {4, wait_setup, wait_sleep_op, wait_wake_op},
                                    .tries = 4,
                                    .sleepers = 1};
    sweep_tally t = sweep_one(&s, 1);
    sweep_but_one(&s, t.length);
}

TEST(wait_sleep)
{
    static const sweep_subject s = {
        .name = "wait sleep", .plan = {4, wait_setup, wait_sleep_op, wait_wake_op}, .tries = 1};
    (void)sweep_one(&s, 0);
}

/* Where nobody sleeps everybody goes on, whoever stops. */
TEST(wait_start_cancel)
{
    static const sweep_subject s = {
        .name = "wait start and cancel", .plan = {4, wait_setup, wait_cancel_op, wait_wake_op},
        .tries = 2,
        .busy = true};
    sweep_tally t = sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
    sweep_but_one(&s, t.length);
}

TEST(wait_join_leave)
{
    static const sweep_subject s = {
        .name = "wait join and leave", .plan = {4, wait_setup, wait_wake_op, wait_place_op},
        .tries = 2,
        .busy = true};
    (void)sweep_one(&s, 1);
}

TEST(wait_close)
{
    static const sweep_subject s = {.name = "wait close",
                                    .plan = {3, wait_setup, wait_close_op, wait_wake_op},
                                    .tries = 1};
    (void)sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
}

TEST_MAIN(T(control_mutex_gets_stuck, .timeout_s = FREEZE_TIMEOUT_S),
          T(control_cas_loop, .timeout_s = FREEZE_TIMEOUT_S),
          T(control_fetch_add, .timeout_s = FREEZE_TIMEOUT_S),
          T(thread_with_a_place_for_each, .timeout_s = FREEZE_TIMEOUT_S),
          T(thread_with_one_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(hist_record, .timeout_s = FREEZE_TIMEOUT_S),
          T(hist_merge, .timeout_s = FREEZE_TIMEOUT_S),
          T(hist_quantile, .timeout_s = FREEZE_TIMEOUT_S),
          T(loop_wake, .timeout_s = FREEZE_TIMEOUT_S),
          T(loop_turn, .timeout_s = FREEZE_TIMEOUT_S),
          T(wait_wake, .timeout_s = FREEZE_TIMEOUT_S),
          T(wait_sleep, .timeout_s = FREEZE_TIMEOUT_S),
          T(wait_start_cancel, .timeout_s = FREEZE_TIMEOUT_S),
          T(wait_join_leave, .timeout_s = FREEZE_TIMEOUT_S),
          T(wait_close, .timeout_s = FREEZE_TIMEOUT_S))
