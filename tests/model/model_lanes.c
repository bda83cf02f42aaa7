/* SPDX-License-Identifier: MIT
 *
 * model_lanes.c: scenarios of thetis/lanes.h: records, batches, reservations, stalled producers,
 * and the order that threads see who know of each other.
 */
#include "model/model_lanes.h"

/* ---- single records -------------------------------------------------------------------------- */

static void single_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread ? 2 : 3) * thetis_check_rounds(); k++)
        (void)(thread == CONSUMER ? pop() : push(thread));
}

/* Laps of all that are left: each record is there at once. */
static void drain_and_go_on(void)
{
    thetis_status s = drain();
    if (thetis_check_stopped(CONSUMER)) return;
    THETIS_CHECK(s == THETIS_EMPTY);
    for (unsigned p = 1; p <= shared.lanes_; p++) {
        if (thetis_check_stopped(p)) continue;
        for (int k = 0; k < 9; k++) {
            THETIS_CHECK(push(p) == THETIS_OK);
            THETIS_CHECK(pop() == THETIS_OK);
            THETIS_CHECK(pop() == THETIS_EMPTY);
        }
    }
}

const thetis_check_scenario lanes_two = {
    .name = "lanes-two", .threads = 3, .setup = make_2, .body = single_body,
    .done = drain_and_go_on};

const thetis_check_scenario lanes_three = {
    .name = "lanes-three", .threads = 4, .slow = 4, .setup = make_3, .body = single_body,
    .done = drain_and_go_on};

/* Tickets and counters wrap. */
static void make_wrap(void)
{
    make(2, UINTPTR_MAX / 2, UINTPTR_MAX / 2 - 7);
}

const thetis_check_scenario lanes_wrap = {
    .name = "lanes-wrap", .threads = 3, .slow = 4, .setup = make_wrap, .body = single_body,
    .done = drain_and_go_on};

/* ---- batches --------------------------------------------------------------------------------- */

static void batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == CONSUMER) (void)(pop(), pop());
        else (void)push_n(thread, thread + 1);
    }
}

const thetis_check_scenario lanes_batch = {
    .name = "lanes-batch", .threads = 3, .slow = 2, .setup = make_2, .body = batch_body,
    .done = drain_and_go_on};

/* ---- in place -------------------------------------------------------------------------------- */

/* Two reservations of which one or the other is used, less than was asked for. */
static void make_one_in_place(unsigned p, int both)
{
    void *at[2];
    size_t got = reserve(p, MOST, &at[0]) == THETIS_OK;
    if (got == 1) got += reserve(p, sizeof(uint64_t), &at[1]) == THETIS_OK;
    if (got == 2 && (!both || size_of(pushed[p] + 2) > sizeof(uint64_t))) {
        give_back(p);
        got--;
    }
    for (size_t k = 0; k < got; k++) {
        record data;
        size_t size = fill(&data, p, pushed[p] + 1);
        memcpy(at[k], &data, size);
        pushed[p] += commit(p, size) == THETIS_OK;
    }
}

static void in_place_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        void *at;
        size_t size;
        if (thread != CONSUMER) {
            make_one_in_place(thread, thread == 1);
        } else if (peek(&at, &size) == THETIS_OK) {
            void *same;
            THETIS_CHECK(peek(&same, &size) == THETIS_OK && same == at);
            expect(at, size);
            release();
        }
    }
}

/* Of 8 records, the sizes are 13, 9, 14, 10, 15, 11, 16, 8, ... */
static void make_in_place(void)
{
    make_2();
    pushed[1] = popped[1] = 6; /* 16, then 8 */
}

const thetis_check_scenario lanes_in_place = {
    .name = "lanes-in-place", .threads = 3, .slow = 2, .setup = make_in_place,
    .body = in_place_body, .done = drain_and_go_on};

/* ---- a producer that stops for ever ---------------------------------------------------------- */

/* It has drawn its ticket: others find all room there is, and the consumer all that they push. */
static void stalled_body(unsigned thread)
{
    void *at;
    if (thread == CONSUMER) {
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) (void)pop();
    } else if (thread == 1) {
        THETIS_CHECK(thetis_lanes_reserve(&handle[1], MOST, &at) == THETIS_OK);
        (void)thetis_lanes_draw_(&handle[1], handle[1].end_.side_.own_, 1);
    } else {
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) (void)push(2);
    }
}

static void stalled_done(void)
{
    thetis_status s = drain();
    if (thetis_check_stopped(CONSUMER) || thetis_check_stopped(2)) return;
    THETIS_CHECK(s == THETIS_EMPTY);
    for (int k = 0; k < 9; k++) {
        THETIS_CHECK(push(2) == THETIS_OK);
        THETIS_CHECK(pop() == THETIS_OK);
        THETIS_CHECK(pop() == THETIS_EMPTY);
    }
}

const thetis_check_scenario lanes_stalled = {
    .name = "lanes-stalled", .threads = 3, .setup = make_2, .body = stalled_body,
    .done = stalled_done};

/* ---- order that others can see --------------------------------------------------------------- */

/* A record that was pushed before the flag was set is not missed by who has seen the flag. */
static void empty_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == CONSUMER) {
        (void)pop();
        uint64_t there = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
        thetis_status s = pop();
        THETIS_CHECK(!there || s == THETIS_OK || popped[1] == 1);
    } else {
        (void)push(2);
    }
}

static void drain_only(void)
{
    (void)drain();
}

const thetis_check_scenario lanes_empty = {
    .name = "lanes-empty", .threads = 3, .slow = 2, .setup = make_2, .body = empty_body,
    .done = drain_only};

/* What was pushed after the flag was seen leaves after what was pushed before it was set; `first`
 * sets the flag. */
static void across(unsigned thread, unsigned first)
{
    unsigned second = 3 - first;
    if (thread == first) {
        if (push(first) == THETIS_OK && push(first) == THETIS_OK)
            __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == second) {
        if (__atomic_load_n(&flag, __ATOMIC_ACQUIRE)) (void)push(second);
    } else {
        for (int k = 0; k < 3; k++) {
            (void)pop();
            THETIS_CHECK(popped[second] == 0 || popped[first] == 2);
        }
    }
}

static void across_body(unsigned thread)
{
    across(thread, 1);
}

static void across_back_body(unsigned thread)
{
    across(thread, 2);
}

const thetis_check_scenario lanes_across = {
    .name = "lanes-across", .threads = 3, .setup = make_even, .body = across_body,
    .done = drain_only};

const thetis_check_scenario lanes_across_back = {
    .name = "lanes-across-back", .threads = 3, .slow = 2, .setup = make_even,
    .body = across_back_body, .done = drain_only};

/* The same where a ticket of thread 1 may have been passed before: that thread 2 has the next one
 * does not mean that it is the next to leave. */
static void passed_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == 2) {
        (void)push(2);
        told[2] = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
        (void)push(2);
    } else {
        for (int k = 0; k < 3; k++) {
            (void)pop();
            THETIS_CHECK(popped[2] < 2 || popped[1] == 1 || !told[2]);
        }
    }
}

const thetis_check_scenario lanes_passed = {
    .name = "lanes-passed", .threads = 3, .setup = make_even, .body = passed_body,
    .done = drain_only};

/* ---- whole-structure check beside the producers ---------------------------------------------- */

static void check_body(unsigned thread)
{
    for (int k = 0; k < 2; k++) {
        if (thread != CONSUMER) {
            (void)push(thread);
            continue;
        }
        (void)pop();
        thetis_check_begin("lanes.check", 1);
        thetis_status s = thetis_lanes_check(consumer, (size_t)k);
        thetis_check_end();
        THETIS_CHECK(s == THETIS_OK);
    }
}

const thetis_check_scenario lanes_check = {
    .name = "lanes-check", .threads = 3, .slow = 4, .setup = make_2, .body = check_body,
    .done = drain_only};
