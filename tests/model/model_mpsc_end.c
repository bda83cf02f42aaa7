/* SPDX-License-Identifier: MIT
 *
 * model_mpsc_end.c: scenarios of thetis/mpsc.h: close and cancel, places of producers, and the
 * order that threads see who know of each other.
 */
#include "model/model_mpsc.h"

/* ---- the end of the stream ------------------------------------------------------------------- */

static void all_before_closed(void)
{
    if (anybody_stopped()) return;
    for (;;) {
        uint64_t value;
        thetis_status s = words_pop(shared, &value);
        if (s == THETIS_CLOSED) break;
        THETIS_CHECK(s == THETIS_OK);
        expect(value);
    }
    all_arrived();
}

/* CLOSED comes after all elements, stays, and shows what the closer had written. At most `late`
 * tickets are drawn after the close. */
static void pop_to_the_end(unsigned pops, unsigned closer, size_t late)
{
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < pops * thetis_check_rounds(); k++) {
        thetis_status now = pop_over(late);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[closer] == 1);
}

static void close_body(unsigned thread)
{
    if (thread == CONSUMER) {
        pop_to_the_end(4, 1, 1);
    } else if (thread == 1) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)push(1);
        told[1] = 1;
        THETIS_CHECK(close_ring() == THETIS_OK);
        THETIS_CHECK(push(1) == THETIS_CLOSED);
        THETIS_CHECK(close_ring() == THETIS_CLOSED);
    } else {
        thetis_status s = THETIS_OK;
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
            s = push(2);
            if (s == THETIS_CLOSED) THETIS_CHECK(told[1] == 1);
        }
    }
}

const thetis_check_scenario mpsc_close = {
    .name = "mpsc-close", .threads = 3, .setup = make_2, .body = close_body,
    .done = all_before_closed};

/* Producers that fail late draw tickets behind the end: the consumer does not look at them. */
static void close_late_body(unsigned thread)
{
    if (thread == CONSUMER) {
        pop_to_the_end(3, 1, 2);
    } else if (thread == 1) {
        for (unsigned k = 1; k < thetis_check_rounds(); k++) (void)push(1);
        told[1] = 1;
        (void)close_ring();
    } else {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) finish_batch(2, 0);
        (void)push_n(2, 2);
    }
}

const thetis_check_scenario mpsc_close_late = {
    .name = "mpsc-close-late", .threads = 3, .setup = make_batch, .body = close_late_body,
    .done = all_before_closed};

/* What the consumer did before cancel() is seen by whoever is told CLOSED. */
static void cancel_body(unsigned thread)
{
    thetis_status s = THETIS_OK;
    if (thread == CONSUMER) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)pop();
        told[CONSUMER] = 1;
        (void)cancel();
        THETIS_CHECK(pop() == THETIS_CLOSED && cancel() == THETIS_CLOSED);
        return;
    }
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        thetis_status now = push(thread);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[CONSUMER] == 1);
}

const thetis_check_scenario mpsc_cancel = {
    .name = "mpsc-cancel", .threads = 3, .setup = make_2, .body = cancel_body};

/* ---- places ---------------------------------------------------------------------------------- */

/* Three threads for two places, of which thread 2 keeps one: the others hand theirs over, with all
 * that they know of tail, and with a plain word. */
static void make_join(void)
{
    make_2();
    thetis_mpsc_leave(&handle[1]);
}

static void join_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == CONSUMER) {
            (void)pop();
        } else if (thread == 2) {
            (void)push(2);
        } else if (join(thread) == THETIS_OK) {
            told[0]++;
            (void)push(thread);
            leave(thread);
        }
    }
}

static void join_done(void)
{
    if (anybody_stopped()) return;
    THETIS_CHECK(join(1) == THETIS_OK); /* a refusal takes no place */
    drain();
}

const thetis_check_scenario mpsc_join = {
    .name = "mpsc-join", .threads = 4, .slow = 2, .setup = make_join, .body = join_body,
    .done = join_done};

/* ---- order that others can see --------------------------------------------------------------- */

/* An element that was pushed before the flag was set is not missed by who has seen the flag. */
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

const thetis_check_scenario mpsc_empty = {
    .name = "mpsc-empty", .threads = 3, .setup = make_4, .body = empty_body, .done = drain};

/* What was pushed after the flag was seen leaves after what was pushed before it was set. */
static void across_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
        return;
    }
    if (thread == 2) {
        if (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) && push(2) == THETIS_OK) (void)push(2);
        return;
    }
    for (int k = 0; k < 3; k++) {
        (void)pop();
        THETIS_CHECK(popped[2] == 0 || popped[1] == 1);
    }
}

const thetis_check_scenario mpsc_across = {
    .name = "mpsc-across", .threads = 3, .setup = make_4, .body = across_body, .done = drain};
