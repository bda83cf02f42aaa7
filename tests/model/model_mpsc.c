/* SPDX-License-Identifier: MIT
 *
 * model_mpsc.c: scenarios of thetis/mpsc.h: elements, batches, reservations, stalled producers.
 */
#include "model/model_mpsc.h"

/* ---- single elements ------------------------------------------------------------------------- */

static void single_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread ? 2 : 3) * thetis_check_rounds(); k++)
        (void)(thread == CONSUMER ? pop() : push(thread));
}

const thetis_check_scenario mpsc_two = {
    .name = "mpsc-two", .threads = 3, .setup = make_2, .body = single_body, .done = drain};

static void make_3(void)
{
    make((size){.producers = 3, .batch = 1, .open = 1, .homes = 4, .window = 4, .spares = 3});
}

const thetis_check_scenario mpsc_three = {
    .name = "mpsc-three", .threads = 4, .slow = 2, .setup = make_3, .body = single_body,
    .done = drain};

static void make_wrap(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 2, .window = 2, .spares = 2,
                .start = (uintptr_t)0 - 8});
}

const thetis_check_scenario mpsc_wrap = {
    .name = "mpsc-wrap", .threads = 3, .setup = make_wrap, .body = single_body, .done = drain};

/* Too few: FULL early, nothing else. */
static void make_few(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 2, .window = 2, .spares = 1});
}

const thetis_check_scenario mpsc_few_spares = {
    .name = "mpsc-few-spares", .threads = 3, .setup = make_few, .body = single_body,
    .done = drain};

/* FULL is true: with at most one element of producer 2 in the ring at a time, which thread 0 pushes
 * and pops, producer 1 finds room. */
static void make_room(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 8, .window = 3, .spares = 4});
}

static void room_body(unsigned thread)
{
    if (thread == 1) {
        THETIS_CHECK(push(1) == THETIS_OK);
        return;
    }
    for (int k = 0; k < 3; k++) {
        THETIS_CHECK(push(2) == THETIS_OK);
        for (int tries = 0; popped[2] < pushed[2]; tries++) {
            THETIS_CHECK(tries < 2); /* an element of producer 1 may come first */
            (void)pop();
        }
    }
}

const thetis_check_scenario mpsc_room = {
    .name = "mpsc-room", .threads = 2, .setup = make_room, .body = room_body, .done = drain};

/* ---- batches --------------------------------------------------------------------------------- */

static void batch_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == CONSUMER) {
            (void)pop_n(2);
            (void)pop_n(3);
        } else {
            (void)push_n(thread, 2);
            (void)push_n(thread, 3);
        }
    }
}

const thetis_check_scenario mpsc_batch = {
    .name = "mpsc-batch", .threads = 3, .setup = make_batch, .body = batch_body, .done = drain};

static void pop_n_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread ? 2 : 3) * thetis_check_rounds(); k++)
        (void)(thread == CONSUMER ? pop_n(k == 0 ? 2 : 1) : push(thread));
}

const thetis_check_scenario mpsc_pop_n = {
    .name = "mpsc-pop-n", .threads = 3, .setup = make_2, .body = pop_n_body, .done = drain};

/* ---- in place -------------------------------------------------------------------------------- */

enum { GIVEN_BACK = 1 };

/* Two reservations, finished the younger first; the older one is given back. */
static void finish_younger_first(unsigned p)
{
    void *at[2];
    size_t got = reserve(p, at);
    if (got == 1) got += reserve(p, at + 1);
    if (got == 2) {
        *(uint64_t *)at[1] = p * BY + pushed[p] + 1;
        commit(p, at[1]);
        pushed[p]++;
    }
    if (got > 0) give_back(p, at[0]);
}

static void in_place_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == CONSUMER) {
            for (int n = 0; n < 3; n++) (void)pop_over(2 * GIVEN_BACK * thetis_check_rounds());
        } else {
            finish_younger_first(thread);
        }
    }
}

static void make_open(void)
{
    make((size){.producers = 2, .batch = 1, .open = 2, .homes = 4, .window = 3, .spares = 4});
}

const thetis_check_scenario mpsc_in_place = {
    .name = "mpsc-in-place", .threads = 3, .setup = make_open, .body = in_place_body,
    .done = drain};

/* Three holes, of which the older two are finished: the oldest is given back. */
static void *three[3];

static void make_three(void)
{
    uint64_t value;
    make((size){.producers = 1, .batch = 1, .open = 3, .homes = 8, .window = 4, .spares = 3});
    for (int k = 0; k < 3; k++)
        THETIS_CHECK(thetis_mpsc_reserve(&handle[1], &three[k]) == THETIS_OK);
    THETIS_CHECK(thetis_mpsc_pop(shared, &value) == THETIS_EMPTY);
}

static void older_body(unsigned thread)
{
    if (thread == CONSUMER) {
        for (int k = 0; k < 3; k++) (void)pop_over(GIVEN_BACK);
        return;
    }
    for (int k = 1; k < 3; k++) {
        *(uint64_t *)three[k] = BY + ++pushed[1];
        commit(1, three[k]);
        if (k == 1) give_back(1, three[0]);
    }
}

const thetis_check_scenario mpsc_older = {
    .name = "mpsc-older-given-back", .threads = 2, .setup = make_three, .body = older_body,
    .done = drain};

static void in_order_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == CONSUMER) (void)pop_n(3);
        else finish_batch(thread, 0);
    }
}

static void reordered_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == CONSUMER) (void)pop_n(3);
        else finish_batch(thread, 1);
    }
}

const thetis_check_scenario mpsc_in_order = {
    .name = "mpsc-in-order", .threads = 3, .setup = make_batch, .body = in_order_body,
    .done = drain};

static void make_reordered(void)
{
    make_batch();
    reordered = 1;
}

const thetis_check_scenario mpsc_reordered = {
    .name = "mpsc-reordered", .threads = 3, .setup = make_reordered, .body = reordered_body,
    .done = drain};

/* Room for many tickets, of which a few are open whenever the consumer looks: the list of holes
 * must stay short all the same. One thread is two producers. */
static void make_8(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 8, .window = 8, .spares = 2});
}

static void holes_body(unsigned thread)
{
    for (unsigned k = 0; k < 4 * thetis_check_rounds(); k++) {
        void *at[3];
        size_t got[3];
        if (thread == CONSUMER) {
            (void)pop();
            continue;
        }
        for (unsigned p = 1; p <= 2; p++) {
            got[p] = reserve(p, &at[p]);
            if (got[p]) *(uint64_t *)at[p] = p * BY + pushed[p] + 1;
        }
        for (unsigned p = 1; p <= 2; p++) {
            pushed[p] += got[p];
            if (got[p]) commit(p, at[p]);
        }
    }
}

const thetis_check_scenario mpsc_holes = {
    .name = "mpsc-holes", .threads = 2, .setup = make_8, .body = holes_body, .done = drain};

/* ---- a producer that stops for ever: others find all room there is --------------------------- */

static void make_roomy(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 4, .window = 2, .spares = 3});
}

static void stalled_body(unsigned thread)
{
    void *at;
    if (thread == CONSUMER) (void)(pop(), pop());
    else if (thread == 1) (void)reserve(1, &at);
    else (void)(push(2), push(2));
}

/* Laps of the other one: each element is there at once. */
static void laps(void)
{
    if (thetis_check_stopped(CONSUMER) || thetis_check_stopped(2)) return;
    for (uint64_t value; words_pop(shared, &value) == THETIS_OK;) expect(value);
    for (int k = 0; k < 20; k++) {
        uint64_t value = 0;
        THETIS_CHECK(push(2) == THETIS_OK);
        THETIS_CHECK(words_pop(shared, &value) == THETIS_OK);
        expect(value);
        THETIS_CHECK(words_pop(shared, &value) == THETIS_EMPTY);
        THETIS_CHECK(thetis_mpsc_check(shared) == THETIS_OK);
    }
    THETIS_CHECK(popped[2] == pushed[2]);
}

const thetis_check_scenario mpsc_stalled = {
    .name = "mpsc-stalled", .threads = 3, .setup = make_roomy, .body = stalled_body,
    .done = laps};

/* Stopped anywhere in a push, by crash-stop; only thread 1 may be. */
static void stalled_open_body(unsigned thread)
{
    if (thread == CONSUMER) (void)(pop(), pop());
    else if (thread == 1) (void)push(1);
    else (void)(push(2), push(2));
}

const thetis_check_scenario mpsc_stalled_open = {
    .name = "mpsc-stalled-push", .threads = 3, .setup = make_roomy, .body = stalled_open_body,
    .done = laps};

/* ---- whole-structure check beside the producers ---------------------------------------------- */

static void check_body(unsigned thread)
{
    for (int k = 0; k < 2; k++) {
        if (thread != CONSUMER) {
            (void)push(thread);
            continue;
        }
        (void)pop();
        thetis_check_begin("mpsc.check", 2);
        thetis_status s = thetis_mpsc_check(shared);
        thetis_check_end();
        THETIS_CHECK(s == THETIS_OK);
    }
}

const thetis_check_scenario mpsc_check = {
    .name = "mpsc-check", .threads = 3, .setup = make_2, .body = check_body, .done = drain};
