/* SPDX-License-Identifier: MIT
 *
 * model_queue.c: scenarios of thetis/queue.h: elements, segments, announcements, threads that stop.
 */
#include "model/model_queue.h"

/* ---- pushes and pops ------------------------------------------------------------------------- */

static void make_2_2(void)
{
    make((size){.threads = 2, .cells = 2});
}

static void make_3_2(void)
{
    make((size){.threads = 3, .cells = 2});
}

static void make_3_1(void)
{
    make((size){.threads = 3, .cells = 1});
}

static void pair_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? pop(0) : push(thread));
}

const thetis_check_scenario queue_pair = {
    .name = "queue-pair", .threads = 2, .setup = make_2_2, .body = pair_body, .done = drain,
    .slow = 2};

const thetis_check_scenario queue_pushes = {
    .name = "queue-pushes", .threads = 3, .setup = make_3_2, .body = pair_body, .done = drain,
    .slow = 2};

const thetis_check_scenario queue_pushes_1 = {
    .name = "queue-pushes-one", .threads = 3, .setup = make_3_1, .body = pair_body,
    .done = drain,
    .slow = 2};

static void pops_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? push(0) : pop(thread));
}

const thetis_check_scenario queue_pops = {
    .name = "queue-pops", .threads = 3, .setup = make_3_2, .body = pops_body, .done = drain,
    .slow = 2};

static void both_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)push(thread);
        (void)pop(thread);
    }
}

const thetis_check_scenario queue_both = {
    .name = "queue-both", .threads = 3, .setup = make_3_2, .body = both_body, .done = drain,
    .slow = 4};

static void make_2_1(void)
{
    make((size){.threads = 2, .cells = 1});
}

static void both_1_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        (void)push(thread);
        (void)pop(thread);
    }
}

const thetis_check_scenario queue_both_1 = {
    .name = "queue-both-one", .threads = 2, .setup = make_2_1, .body = both_1_body,
    .done = drain, .slow = 4};

/* Segments are used again as soon as nobody protects them. */
static void reclaim_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 0) {
            (void)pop(0);
            (void)thetis_pool_reclaim(pool, member[0].thread_);
        }
        (void)push(thread);
    }
}

const thetis_check_scenario queue_reclaim = {
    .name = "queue-reclaim", .threads = 3, .setup = make_3_1, .body = reclaim_body,
    .done = drain, .slow = 2};

/* The same in batches. */
static void batch_1_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        (void)push_n(thread);
        (void)pop_n(thread);
    }
}

const thetis_check_scenario queue_batch_1 = {
    .name = "queue-batch-one", .threads = 2, .setup = make_2_1, .body = batch_1_body,
    .done = drain, .slow = 4};

static void batch_pushes_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? pop_n(0) : push_n(thread));
}

const thetis_check_scenario queue_batch_pushes = {
    .name = "queue-batch-pushes", .threads = 3, .setup = make_3_1, .body = batch_pushes_body,
    .done = drain, .slow = 4};

/* ---- announced ------------------------------------------------------------------------------- */

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

static void announce_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 0) (void)(push(0), pop(0));
        else (void)announce(thread);
    }
}

const thetis_check_scenario queue_announce = {
    .name = "queue-announce", .threads = 3, .setup = make_3_2, .body = announce_body,
    .done = drain, .slow = 4};

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
    thetis_queue_segment_ *first = (void *)thetis_atomic_load_relaxed(&shared->head_);
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
    .done = left_done};
