/* SPDX-License-Identifier: MIT
 *
 * model_wake.c: scenarios of thetis_loop_wake() and thetis_loop_stop(): the real loop, without
 * handles, on a system that only sleeps and wakes. Thread 0 runs the loop, the others wake it.
 */
#include <thetis/check.h>
#include <thetis/loop.h>

#include "model/system_wake.h"

static char memory[16384] THETIS_CACHE_ALIGNED;
static thetis_loop *loop;
static uint64_t written[THETIS_CHECK_THREADS]; /* plain: by each waker before it wakes */
static void build(thetis_loop_wake_fn *on_wake)
{
    thetis_loop_cfg cfg = {.max_handles = 1, .max_timers = 1, .buffers = 1, .buffer_size = 64,
                           .events = 1, .backend = "epoll", .on_wake = on_wake, .stay = 1,
                           .sys = &system_wake};
    system_wake_begin(NULL);
    THETIS_CHECK(thetis_loop_size(&cfg) <= sizeof memory);
    THETIS_CHECK(thetis_loop_init(memory, sizeof memory, &cfg, &loop) == THETIS_OK);
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) written[k] = 0;
}

static void wake(void)
{
    thetis_check_begin("loop.wake", 2);
    thetis_loop_wake(loop);
    thetis_check_end();
}

static void stop(void)
{
    thetis_check_begin("loop.stop", 2);
    thetis_loop_stop(loop);
    thetis_check_end();
}

/* At most one system call for each sleep. */
static void few_calls(void)
{
    THETIS_CHECK(system_wake_sends() <= system_wake_sleeps());
}

static void run(void)
{
    THETIS_CHECK(thetis_loop_run(loop) == THETIS_OK);
}

/* ---- stop ------------------------------------------------------------------------------------ */

static void make_stop(void)
{
    build(NULL);
}

static void stop_body(unsigned thread)
{
    if (thread == 0) {
        run();
        THETIS_CHECK(written[1] == 1); /* what was written before the stop is seen after the run */
        return;
    }
    written[1] = 1;
    stop();
}

const thetis_check_scenario wake_stop = {
    .name = "wake-stop", .threads = 2, .setup = make_stop, .body = stop_body, .done = few_calls,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- one waker: on_wake sees what was written before ----------------------------------------- */

static void on_wake_reads(thetis_loop *awake, void *user)
{
    (void)user;
    THETIS_CHECK(written[1] == 1);
    thetis_loop_stop(awake);
}

static void make_read(void)
{
    build(on_wake_reads);
}

static void read_body(unsigned thread)
{
    if (thread == 0) {
        run();
    } else {
        written[1] = 1;
        wake();
    }
}

const thetis_check_scenario wake_read = {
    .name = "wake-read", .threads = 2, .setup = make_read, .body = read_body, .done = few_calls,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- two wakers: one call of on_wake may answer both, none may be lost ----------------------- */

/* Atomic, since the other waker may be writing yet. A loop that has missed one never stops. */
static void on_wake_counts(thetis_loop *awake, void *user)
{
    (void)user;
    if (__atomic_load_n(&written[1], __ATOMIC_RELAXED) &&
        __atomic_load_n(&written[2], __ATOMIC_RELAXED)) {
        thetis_loop_stop(awake);
    }
}

static void make_two(void)
{
    build(on_wake_counts);
}

static void two_body(unsigned thread)
{
    if (thread == 0) {
        run();
    } else {
        __atomic_store_n(&written[thread], 1, __ATOMIC_RELAXED);
        wake();
    }
}

const thetis_check_scenario wake_two = {
    .name = "wake-two", .threads = 3, .setup = make_two, .body = two_body, .done = few_calls,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- a wake and a stop ----------------------------------------------------------------------- */

static void on_wake_notes(thetis_loop *awake, void *user)
{
    (void)awake;
    (void)user;
    THETIS_CHECK(written[1] == 1);
}

static void make_both(void)
{
    build(on_wake_notes);
}

static void both_body(unsigned thread)
{
    if (thread == 0) {
        run();
    } else if (thread == 1) {
        written[1] = 1;
        wake();
    } else {
        stop();
    }
}

const thetis_check_scenario wake_and_stop = {
    .name = "wake-and-stop", .threads = 3, .setup = make_both, .body = both_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};
