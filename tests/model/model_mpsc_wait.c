/* SPDX-License-Identifier: MIT
 *
 * model_mpsc_wait.c: both ends of a thetis/mpsc.h sleep (thetis/wait.h), as its header says; and,
 * as negative controls, with one of the wakes left out that other rings do not need.
 */
#include <thetis/wait.h>

#include "model/model_mpsc.h"
#include "model/system_wait.h"

typedef enum omitted { NOTHING, AFTER_CLOSED, AFTER_ABORT, AFTER_FULL, AFTER_EMPTY } omitted;

static struct {
    char bytes[THETIS_WAIT_SIZE(1)] THETIS_CACHE_ALIGNED;
} wait_memory[2];
static thetis_wait *items, *room;
static thetis_waiter *consumer, *producer;
static omitted without;

static thetis_wait *make_wait(unsigned which, thetis_waiter **me)
{
    thetis_wait *made;
    size_t len = sizeof wait_memory[which].bytes;
    THETIS_CHECK(thetis_wait_init(wait_memory[which].bytes, len, 1, &made) == THETIS_OK);
    THETIS_CHECK(thetis_wait_join(made, me) == THETIS_OK);
    return made;
}

static void make_sleepy(omitted what)
{
    thetis_mpsc_cfg cfg = {.elem_size = sizeof(uint64_t), .capacity = 1, .producers = 2};
    THETIS_CHECK(thetis_mpsc_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    for (unsigned p = 1; p <= 2; p++)
        THETIS_CHECK(thetis_mpsc_join(shared, &handle[p]) == THETIS_OK);
    system_wait_begin();
    items = make_wait(0, &consumer);
    room = make_wait(1, &producer);
    without = what;
}

/* ---- each end wakes the other, whatever the answer ------------------------------------------- */

static thetis_status try_pop(void *value)
{
    thetis_status s = thetis_mpsc_pop(shared, value);
    if (s != THETIS_EMPTY || without != AFTER_EMPTY) thetis_wait_wake(room);
    return s;
}

static thetis_status try_push(void *by)
{
    thetis_status s = thetis_mpsc_push(by, &(uint64_t){1});
    if (s == THETIS_FULL && without == AFTER_FULL) return s;
    if (s == THETIS_CLOSED && without == AFTER_CLOSED) return s;
    thetis_wait_wake(items);
    return s;
}

static void abort_it(unsigned p, void *at)
{
    thetis_mpsc_abort(&handle[p], at);
    if (without != AFTER_ABORT) thetis_wait_wake(items);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Producer 1 knows of room, so that a push may draw a ticket of the closed ring. Producer 2 may
 * hold a reservation when it is closed. */
static void make_end(omitted what)
{
    uint64_t value = 1;
    make_sleepy(what);
    THETIS_CHECK(thetis_mpsc_push(&handle[1], &value) == THETIS_OK);
    THETIS_CHECK(thetis_mpsc_pop(shared, &value) == THETIS_OK);
}

static void end_body(unsigned thread)
{
    uint64_t value;
    void *at;
    if (thread == CONSUMER) {
        while (thetis_wait_run(consumer, try_pop, &value, THETIS_WAIT_FOREVER) == THETIS_OK) {}
    } else if (thread == 1) {
        (void)try_push(&handle[1]);
    } else {
        thetis_status s = thetis_mpsc_reserve(&handle[2], &at);
        (void)thetis_mpsc_close(shared);
        thetis_wait_wake(items);
        if (s == THETIS_OK) abort_it(2, at);
    }
}

static void end_right(void)
{
    make_end(NOTHING);
}

static void end_closed(void)
{
    make_end(AFTER_CLOSED);
}

static void end_abort(void)
{
    make_end(AFTER_ABORT);
}

const thetis_check_scenario mpsc_wait_end = {
    .name = "mpsc-wait-end", .threads = 3, .setup = end_right, .body = end_body,
    .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_mpsc_wait_closed = {
    .name = "control-mpsc-wait-closed", .threads = 3, .setup = end_closed, .body = end_body,
    .expect = "deadlock", .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_mpsc_wait_abort = {
    .name = "control-mpsc-wait-abort", .threads = 3, .setup = end_abort, .body = end_body,
    .expect = "deadlock", .flags = THETIS_CHECK_BLOCKING};

/* ---- room ------------------------------------------------------------------------------------ */

/* Producer 1 takes all the room, and gives it back or stops for ever: the consumer, who has nothing
 * to pop, makes room all the same, if somebody wakes it. */
static void room_body(unsigned thread)
{
    uint64_t value;
    void *at;
    if (thread == CONSUMER) {
        THETIS_CHECK(thetis_wait_run(consumer, try_pop, &value, THETIS_WAIT_FOREVER) ==
                     THETIS_OK);
    } else if (thread == 2) {
        THETIS_CHECK(thetis_wait_run(producer, try_push, &handle[2], THETIS_WAIT_FOREVER) ==
                     THETIS_OK);
    } else if (thetis_mpsc_reserve(&handle[1], &at) == THETIS_OK && thetis_check_choose(2)) {
        abort_it(1, at);
    }
}

static void room_right(void)
{
    make_sleepy(NOTHING);
}

static void room_full(void)
{
    make_sleepy(AFTER_FULL);
}

static void room_empty(void)
{
    make_sleepy(AFTER_EMPTY);
}

const thetis_check_scenario mpsc_wait_room = {
    .name = "mpsc-wait-room", .threads = 3, .setup = room_right, .body = room_body,
    .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_mpsc_wait_full = {
    .name = "control-mpsc-wait-full", .threads = 3, .setup = room_full, .body = room_body,
    .expect = "deadlock", .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_mpsc_wait_empty = {
    .name = "control-mpsc-wait-empty", .threads = 3, .setup = room_empty, .body = room_body,
    .expect = "deadlock", .flags = THETIS_CHECK_BLOCKING};
