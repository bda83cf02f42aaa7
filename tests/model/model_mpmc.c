/* SPDX-License-Identifier: MIT
 *
 * model_mpmc.c: scenarios of the tracks of thetis/mpmc.h: asking at once, asking late, positions
 * that wrap, close, and what one thread sees of another.
 */
#include "model/model_mpmc.h"

static void make_1(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 2, .bits = 16, .stride = 1}, 0);
}

static void make_3(void)
{
    make((tht_mpmc_shape){.capacity = 2, .users = 3, .bits = 16, .stride = 2}, 0);
}

static void make_4(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 4, .bits = 16, .patience = 1, .stride = 1}, 0);
}

/* Cells of two words. */
static void make_wide(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 2, .stride = 1}, 0);
}

static void make_wide_3(void)
{
    make((tht_mpmc_shape){.capacity = 3, .users = 3, .patience = 1, .stride = 2}, 0);
}

/* On one's own mostly: who loses once asks. */
static void make_patient(void)
{
    make((tht_mpmc_shape){.capacity = 2, .users = 3, .bits = 16, .patience = 2, .stride = 1}, 0);
}

/* Positions wrap after two values. */
static void make_wrap(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 2, .bits = 16, .patience = 1, .stride = 1,
                          .start = (uintptr_t)0 - 2}, 0);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Everybody puts one in, then takes one out. */
static void pair_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)put(thread);
        (void)take(thread);
    }
}

static void once_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        (void)put(thread);
        (void)take(thread);
    }
}

const thetis_check_scenario mpmc_ask = {
    .name = "mpmc-ask", .threads = 2, .setup = make_1, .body = pair_body, .done = drain};
const thetis_check_scenario mpmc_ask_3 = {
    .name = "mpmc-ask-3", .threads = 3, .slow = 2, .setup = make_3, .body = pair_body,
    .done = drain};
const thetis_check_scenario mpmc_ask_4 = {
    .name = "mpmc-ask-4", .threads = 4, .slow = 4, .setup = make_4, .body = once_body,
    .done = drain};
const thetis_check_scenario mpmc_wide = {
    .name = "mpmc-wide", .threads = 2, .slow = 2, .setup = make_wide, .body = pair_body,
    .done = drain};
const thetis_check_scenario mpmc_wide_3 = {
    .name = "mpmc-wide-3", .threads = 3, .slow = 2, .setup = make_wide_3, .body = pair_body,
    .done = drain};
const thetis_check_scenario mpmc_patient = {
    .name = "mpmc-patient", .threads = 3, .slow = 2, .setup = make_patient, .body = pair_body,
    .done = drain};
const thetis_check_scenario mpmc_wrap = {
    .name = "mpmc-wrap", .threads = 2, .setup = make_wrap, .body = pair_body, .done = drain};

/* Two put, one takes: FULL is decided, too. */
static void full_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? take(0) : put(thread));
}

/* One puts, two take: EMPTY is decided, too. */
static void empty_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? put(0) : take(thread));
}

static void make_1_of_3(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 3, .bits = 16, .stride = 1}, 0);
}

const thetis_check_scenario mpmc_full = {
    .name = "mpmc-full", .threads = 3, .slow = 2, .setup = make_1_of_3, .body = full_body,
    .done = drain};
const thetis_check_scenario mpmc_empty = {
    .name = "mpmc-empty", .threads = 3, .slow = 2, .setup = make_1_of_3, .body = empty_body,
    .done = drain};

/* ---- order that others can see --------------------------------------------------------------- */

static void make_roomy(void)
{
    make((tht_mpmc_shape){.capacity = 4, .users = 3, .bits = 16, .patience = 1, .stride = 2}, 0);
}

/* What was put in before the flag was set is not missed by who has seen it; what is put in after it
 * was seen leaves later, however it was seen. */
static void across_body(unsigned thread)
{
    if (thread == 1) {
        THETIS_CHECK(put(1) == THETIS_OK);
        __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == 2) {
        if (__atomic_load_n(&flag, __ATOMIC_RELAXED)) THETIS_CHECK(put(2) == THETIS_OK);
    } else {
        uint64_t there = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
        thetis_status s = take(0);
        THETIS_CHECK(!there || s == THETIS_OK);
        (void)take(0);
        THETIS_CHECK(last[0][2] == 0 || last[0][1] == 1);
    }
}

const thetis_check_scenario mpmc_across = {
    .name = "mpmc-across", .threads = 3, .setup = make_roomy, .body = across_body, .done = drain};

/* Room that was made before the flag was set is not missed by who has seen it, though the word head
 * does not show it. */
static void make_unshown(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 2, .bits = 16, .stride = 4}, 0);
}

static void room_body(unsigned thread)
{
    if (thread == 0) {
        int through = put(0) == THETIS_OK && take(0) == THETIS_OK;
        if (through) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else {
        uint64_t there = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
        thetis_status s = put(1);
        THETIS_CHECK(!there || s == THETIS_OK);
    }
}

const thetis_check_scenario mpmc_room = {
    .name = "mpmc-room", .threads = 2, .setup = make_unshown, .body = room_body, .done = drain};

/* Who comes begins at a position that another one has shown, and must not see the cell there as it
 * was a lap before: the word tail, which says how old the cells can be, may be behind head. */
static void make_arrive(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 3, .bits = 16, .patience = 1, .stride = 1}, 0);
}

static void arrive_body(unsigned thread)
{
    if (thread == 2) {
        tht_mpmc_arrive(&track, &view[2]);
        (void)put(2);
        return;
    }
    for (unsigned k = 0; k < 2; k++) (void)(thread == 0 ? put(0) : take(1));
}

const thetis_check_scenario mpmc_arrive = {
    .name = "mpmc-arrive", .threads = 3, .slow = 2, .setup = make_arrive, .body = arrive_body,
    .done = drain};

/* ---- what bounds rest on --------------------------------------------------------------------- */

/* Thread 0 asks, says so, and does nothing more: whoever begins an operation after that helps.
 * Saying so orders nothing, as time itself does not. */
static void asked_body(unsigned thread)
{
    if (thread == 0) {
        tht_mpmc_request(&track, 0, THT_MPMC_PUSH, 1);
        __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
        return;
    }
    uint64_t asked = __atomic_load_n(&flag, __ATOMIC_RELAXED);
    thetis_status s = take(1);
    if (asked) THETIS_CHECK(s == THETIS_OK);
}

const thetis_check_scenario mpmc_asked = {
    .name = "mpmc-asked", .threads = 2, .setup = make_1, .body = asked_body};

/* Thread 0 fills and empties a few; the words tail and head show it to whoever comes after that. */
static void shown_body(unsigned thread)
{
    enum { PAIRS = 3 };
    if (thread == 0) {
        for (unsigned k = 0; k < PAIRS; k++) (void)(put(0), take(0));
        __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
    } else if (__atomic_load_n(&flag, __ATOMIC_RELAXED)) {
        THETIS_CHECK(tht_mpmc_see_tail(&track, &view[1]) == PAIRS);
        THETIS_CHECK(tht_mpmc_see_head(&track, &view[1]) == PAIRS);
    }
}

const thetis_check_scenario mpmc_shown = {
    .name = "mpmc-shown", .threads = 2, .setup = make_1, .body = shown_body};

/* The ring is full, which the word tail does not show; thread 0 knows of a part of it from before,
 * and thread 1 has asked. All are refused. Nobody shows what it had not seen in that operation:
 * that would keep those from showing more who have. */
enum { STALE = 2, STALE_CAPACITY = 5 };

static void make_stale(void)
{
    make((tht_mpmc_shape){.capacity = STALE_CAPACITY, .users = 3, .bits = 16, .stride = 1}, 0);
    for (unsigned k = 0; k < STALE_CAPACITY; k++) THETIS_CHECK(put(2) == THETIS_OK);
    thetis_atomic_store_relaxed(&track.tail, 0);
    view[0].tail = STALE;
    tht_mpmc_request(&track, 1, THT_MPMC_PUSH, 1);
}

static void stale_body(unsigned thread)
{
    uintptr_t value = 1;
    if (thread == 1)
        THETIS_CHECK(tht_mpmc_answer(&track, &view[1], 1, &value) == THETIS_FULL);
    THETIS_CHECK(put(thread) == THETIS_FULL);
}

static void stale_done(void)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&track.tail);
    THETIS_CHECK(tail == 0 || tail == STALE_CAPACITY);
}

const thetis_check_scenario mpmc_stale = {
    .name = "mpmc-stale", .threads = 2, .setup = make_stale, .body = stale_body,
    .done = stale_done};

/* ---- the end --------------------------------------------------------------------------------- */

static void all_before_closed(void)
{
    unsigned thread = survivor();
    thetis_status s = THETIS_OK;
    while (s == THETIS_OK) s = take(thread);
    THETIS_CHECK(s == THETIS_CLOSED || anybody_stopped());
    if (s == THETIS_CLOSED) {
        THETIS_CHECK(put(thread) == THETIS_CLOSED && take(thread) == THETIS_CLOSED);
        THETIS_CHECK(end(thread) == THETIS_CLOSED);
    }
    all_arrived();
}

/* CLOSED is for ever, and shows what the closer had written. Of two closers one is told OK. */
static void close_body(unsigned thread)
{
    if (thread == 1) {
        (void)put(1);
        told[1] = 1;
        told[2] = end(1) == THETIS_OK;
        THETIS_CHECK(put(1) == THETIS_CLOSED);
        return;
    }
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        thetis_status now = thread == 0 ? take(0) : put(2);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[1] == 1);
}

const thetis_check_scenario mpmc_close = {
    .name = "mpmc-close", .threads = 3, .slow = 2, .setup = make_1_of_3, .body = close_body,
    .done = all_before_closed};

static void make_close_patient(void)
{
    make((tht_mpmc_shape){.capacity = 1, .users = 3, .patience = 1, .stride = 1}, 0);
}

const thetis_check_scenario mpmc_close_patient = {
    .name = "mpmc-close-patient", .threads = 3, .slow = 2, .setup = make_close_patient,
    .body = close_body, .done = all_before_closed};

static void closers_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)put(thread);
        (void)take(thread);
    }
    told[thread] = end(thread) == THETIS_OK;
}

static void one_closed(void)
{
    all_before_closed();
    if (!anybody_stopped()) THETIS_CHECK(told[0] + told[1] == 1);
}

const thetis_check_scenario mpmc_closers = {
    .name = "mpmc-closers", .threads = 2, .setup = make_1, .body = closers_body,
    .done = one_closed};
