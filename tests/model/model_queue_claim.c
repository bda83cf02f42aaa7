/* SPDX-License-Identifier: MIT
 *
 * model_queue_claim.c: scenarios of thetis/queue.h: requests, and the claims made for them.
 */
#include "model/model_queue.h"

/* ---- requests -------------------------------------------------------------------------------- */

static void make_filled(void)
{
    make((size){.threads = 3, .cells = 2});
    for (int k = 0; k < 3; k++) THETIS_CHECK(push(0) == THETIS_OK);
}

static void ask_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 0) (void)push(0);
        else (void)ask(thread);
    }
}

const thetis_check_scenario queue_ask = {
    .name = "queue-ask", .threads = 3, .setup = make_filled, .body = ask_body, .done = drain,
    .slow = 4};

static void mixed_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 0) (void)(push(0), ask(0));
        else (void)(thread == 1 ? pop(1) : ask(2));
    }
}

const thetis_check_scenario queue_mixed = {
    .name = "queue-mixed", .threads = 3, .setup = make_filled, .body = mixed_body, .done = drain,
    .slow = 4};

/* ---- a segment that is passed over while others leave it ------------------------------------- */

/* Member 0 has a request, and stopped for ever. Pops draw the elements of the first two segments
 * and stop, too. Who passes over the first may answer the request with its element, but not when
 * the segment is about to be used again: the look for hazards is made at the second retire. */
static void make_left(void)
{
    make((size){.threads = 3, .cells = 1});
    for (int k = 0; k < 3; k++) THETIS_CHECK(push(0) == THETIS_OK);
    (void)thetis_domain_announce(member[0].thread_, NULL, 0);
    (void)thetis_atomic_fetch_add_relaxed(shared->asking_, 1);
}

static thetis_queue_segment_ *first; /* that there was */

static void draw_and_stop(thetis_queue_segment_ *segment)
{
    (void)thetis_atomic_fetch_add_relaxed(&segment->head, 1);
}

static void left_body(unsigned thread)
{
    if (thread == 0) {
        (void)ask(1);
        return;
    }
    first = (void *)thetis_atomic_load_relaxed(&shared->head_);
    draw_and_stop(first);
    draw_and_stop((void *)thetis_atomic_load_relaxed(&first->next));
    (void)ask(2);
    for (int k = 0; k < 3; k++) (void)push(2);
}

static void left_done(void)
{
    uintptr_t answer = thetis_domain_answer(member[0].thread_);
    if (answer % 2 || answer <= THT_QUEUE_FINISHED) return;
    uint64_t value, *element = (uint64_t *)((thetis_atomic *)answer + 1);
    memcpy(&value, element, sizeof value);
    THETIS_CHECK(value >= 1 && value <= 3);
}

const thetis_check_scenario queue_left = {
    .name = "queue-left", .threads = 2, .setup = make_left, .body = left_body,
    .done = left_done, .slow = 2};

/* The same if nobody passed over the segment before it was left, so that it was not sealed: who
 * comes then must not either, however old the tickets are that it sees. Member 2 leaves it without
 * a hazard, as if it looked for those of others one retire later. */
static void make_behind(void)
{
    make_left();
    first = (void *)thetis_atomic_load_relaxed(&shared->head_);
    member[2].head_ = first;
}

static void behind_body(unsigned thread)
{
    if (thread == 0) {
        (void)ask(1);
    } else {
        draw_and_stop(first);
        tht_queue_leave_segment(&member[2], thetis_atomic_load_relaxed(&first->next));
        (void)push(2);
    }
}

const thetis_check_scenario queue_behind = {
    .name = "queue-behind", .threads = 2, .setup = make_behind, .body = behind_body,
    .done = left_done, .flags = THETIS_CHECK_WEAK};

/* ---- claims that one is late to know of ------------------------------------------------------ */

/* A pop that has its ticket already draws the cell and goes on. */
static void draw(unsigned t, thetis_queue_segment_ *segment)
{
    uint64_t value = 0;
    thetis_atomic *cell = thetis_queue_cell_(segment, 0, shared->stride_);
    uintptr_t was = thetis_queue_draw_(cell);
    if (thetis_queue_pop_slow_(&member[t], &value, cell, was) == THETIS_OK) expect(t, value);
}

static void drain_if_all_went_on(void)
{
    if (!stopped()) drain();
}

/* Members 1 and 2 protect the first segment, whose one element will be asked for. */
static void make_sealed(void)
{
    make((size){.threads = 3, .cells = 1});
    THETIS_CHECK(pop(1) == THETIS_EMPTY && pop(2) == THETIS_EMPTY);
    for (int k = 0; k < 2; k++) THETIS_CHECK(push(0) == THETIS_OK);
}

/* Member 1 has a ticket, 2 leaves the segment and seals it, then 1 draws. */
static void sealed_body(unsigned thread)
{
    if (thread == 0) {
        (void)ask(0);
        return;
    }
    first = (void *)thetis_atomic_load_relaxed(&shared->head_);
    draw_and_stop(first);
    (void)pop(2);
    draw(1, first);
}

const thetis_check_scenario queue_sealed = {
    .name = "queue-sealed", .threads = 2, .setup = make_sealed, .body = sealed_body,
    .done = drain_if_all_went_on, .slow = 4};

/* Who has found a segment left goes on, and does not enter it again and again: 4 steps each. */
enum { ENTERED_STEPS = 10 };

static void make_entered(void)
{
    make((size){.threads = 2, .cells = 2, .limbo = 4}); /* no look, no fence */
    for (int k = 0; k < 3; k++) THETIS_CHECK(push(0) == THETIS_OK);
    for (int k = 0; k < 2; k++) THETIS_CHECK(pop(1) == THETIS_OK);
    first = (void *)thetis_atomic_load_relaxed(&shared->head_);
    draw_and_stop((void *)thetis_atomic_load_relaxed(&shared->tail_));
}

static void entered_body(unsigned thread)
{
    if (thread == 1)
        tht_queue_leave_segment(&member[1], thetis_atomic_load_relaxed(&shared->tail_));
    else
        THETIS_CHECK(ask_within(0, "queue.ask", ENTERED_STEPS) == THETIS_EMPTY);
}

const thetis_check_scenario queue_entered = {
    .name = "queue-entered", .threads = 2, .setup = make_entered, .body = entered_body,
    .slow = 4};

/* The element has a claim already: of member 2, whose request has ended another way. */
static void make_void(void)
{
    make((size){.threads = 3, .cells = 2});
    THETIS_CHECK(pop(0) == THETIS_EMPTY && push(0) == THETIS_OK);
    first = (void *)thetis_atomic_load_relaxed(&shared->head_);
    uintptr_t claim = tht_queue_claim(2, thetis_domain_announce(member[2].thread_, NULL, 0));
    thetis_domain_withdraw(member[2].thread_);
    (void)thetis_atomic_fetch_add_relaxed(thetis_queue_cell_(first, 0, shared->stride_), claim);
}

static void void_body(unsigned thread)
{
    (void)(thread == 0 ? pop(0) : ask(1));
}

const thetis_check_scenario queue_void = {
    .name = "queue-void", .threads = 2, .setup = make_void, .body = void_body, .done = drain,
    .slow = 4};

/* ---- what the bound rests on ----------------------------------------------------------------- */

static uint64_t flag;

/* Member 0 has asked, says so, and does nothing more: whoever asks then helps. Saying so orders
 * nothing, as time itself does not. */
static void make_asked(void)
{
    make((size){.threads = 2, .cells = 2});
    THETIS_CHECK(push(0) == THETIS_OK);
    flag = 0;
}

static void asked_body(unsigned thread)
{
    if (thread == 0) {
        tht_queue_request(&member[0]);
        __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
        return;
    }
    uint64_t asked = __atomic_load_n(&flag, __ATOMIC_RELAXED);
    (void)ask(1);
    if (asked) THETIS_CHECK(!thetis_domain_is_request_(thetis_domain_answer(member[0].thread_)));
}

const thetis_check_scenario queue_asked = {
    .name = "queue-asked", .threads = 2, .setup = make_asked, .body = asked_body};

/* Both ask at once, and look for the other's request. */
static uint64_t sees[2];

static void make_asking(void)
{
    make((size){.threads = 2, .cells = 2});
    sees[0] = sees[1] = 0;
}

static void asking_body(unsigned thread)
{
    unsigned other = 1 - thread;
    tht_queue_request(&member[thread]);
    uintptr_t asking = thetis_atomic_load_relaxed(shared->asking_);
    sees[thread] = asking >> other & 1 && thetis_domain_pending(domain, other, NULL, 0);
}

static void one_sees(void)
{
    if (!stopped()) THETIS_CHECK(sees[0] || sees[1]);
}

const thetis_check_scenario queue_asking = {
    .name = "queue-asking", .threads = 2, .setup = make_asking, .body = asking_body,
    .done = one_sees};
