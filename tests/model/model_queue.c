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
    .done = drain, .slow = 2};

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
    .slow = 8};

static void pops_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++)
        (void)(thread == 0 ? push(0) : pop(thread));
}

const thetis_check_scenario queue_pops = {
    .name = "queue-pops", .threads = 3, .setup = make_3_2, .body = pops_body, .done = drain,
    .flags = THETIS_CHECK_SC, .slow = 4};

static void both_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)push(thread);
        (void)pop(thread);
    }
}

const thetis_check_scenario queue_both = {
    .name = "queue-both", .threads = 3, .setup = make_3_2, .body = both_body, .done = drain,
    .flags = THETIS_CHECK_SC, .slow = 4};

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
    .done = drain, .slow = 8};

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

/* ---- a segment that one links, one leaves, and one finds ------------------------------------- */

static void make_turned(void)
{
    make_3_1();
    THETIS_CHECK(push(0) == THETIS_OK && pop(0) == THETIS_OK);
}

static void turned_body(unsigned thread)
{
    (void)(thread == 0 ? pop(0) : push(thread));
}

const thetis_check_scenario queue_turned = {
    .name = "queue-turned", .threads = 3, .setup = make_turned, .body = turned_body,
    .done = drain, .slow = 2};

/* ---- a segment that comes back --------------------------------------------------------------- */

/* The second thread's, outside its magazine; and all others, so that the pool's store is empty. */
static void *spare[5], *rest[64];
static unsigned rest_n;

/* The first thread has filled the first segment, and protects it. */
static void make_returned(void)
{
    make((size){.threads = 2, .cells = 1, .batch = 1});
    rest_n = 0;
    THETIS_CHECK(push(0) == THETIS_OK);
    THETIS_CHECK(thetis_pool_take_n(pool, member[1].thread_, spare, 5) == THETIS_OK);
    while (thetis_pool_take(pool, member[1].thread_, &rest[rest_n]) == THETIS_OK) rest_n++;
}

/* Three segments are linked; the first of them is emptied and goes, behind two spare ones, to the
 * store, from where the other thread may take it. The third one takes a hazard off the first. */
static void return_one(void)
{
    for (unsigned k = 0; k < 3; k++) {
        thetis_pool_give(pool, member[1].thread_, spare[k]);
        (void)push(1);
    }
    for (unsigned k = 0; k < 3; k++) (void)pop(1);
    (void)thetis_pool_reclaim(pool, member[1].thread_);
    for (unsigned k = 3; k < 5; k++) thetis_pool_give(pool, member[1].thread_, spare[k]);
}

static void returned_body(unsigned thread)
{
    if (thread == 0) (void)push(0);
    else return_one();
}

static void returned_done(void)
{
    unsigned t = thetis_check_stopped(0) ? 1 : 0;
    if (thetis_check_stopped(t)) return;
    while (rest_n > 0) thetis_pool_give(pool, member[t].thread_, rest[--rest_n]);
    drain();
}

const thetis_check_scenario queue_returned = {
    .name = "queue-returned", .threads = 2, .setup = make_returned, .body = returned_body,
    .done = returned_done, .slow = 2};
