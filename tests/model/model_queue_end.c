/* SPDX-License-Identifier: MIT
 *
 * model_queue_end.c: scenarios of thetis/queue.h: close, members that come and go, pools that are
 * used up, and the order that threads see who know of each other.
 */
#include "model/model_queue.h"

/* ---- close ----------------------------------------------------------------------------------- */

static void make_3_2(void)
{
    make((size){.threads = 3, .cells = 2});
}

static void make_2_1(void)
{
    make((size){.threads = 2, .cells = 1});
}

/* CLOSED comes after all elements, stays, and shows what the closer had written. */
static void all_before_closed(void)
{
    unsigned t = 0;
    uint64_t value = 0;
    if (stopped()) return;
    for (unsigned of = 0; of < MOST_THREADS; of++) newest[t][of] = 0;
    while (thetis_queue_pop(&member[t], &value) == THETIS_OK) expect(t, value);
    THETIS_CHECK(thetis_queue_pop(&member[t], &value) == THETIS_CLOSED);
    THETIS_CHECK(thetis_queue_push(&member[t], &value) == THETIS_CLOSED);
    all_arrived();
}

static void pop_to_the_end(unsigned t, unsigned closer)
{
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < 4 * thetis_check_rounds(); k++) {
        thetis_status now = k % 2 ? ask(t) : pop(t);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[closer] == 1);
}

static void close_body(unsigned thread)
{
    if (thread == 0) {
        pop_to_the_end(0, 1);
    } else if (thread == 1) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)push(1);
        told[1] = 1;
        THETIS_CHECK(close_queue(1) == THETIS_OK);
        THETIS_CHECK(push(1) == THETIS_CLOSED && close_queue(1) == THETIS_CLOSED);
    } else {
        thetis_status s = THETIS_OK;
        for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
            s = k % 2 ? announce(2) : push(2);
            if (s == THETIS_CLOSED) THETIS_CHECK(told[1] == 1);
        }
    }
}

const thetis_check_scenario queue_close = {
    .name = "queue-close", .threads = 3, .setup = make_3_2, .body = close_body,
    .done = all_before_closed, .slow = 4};

/* Against one who links a segment with each push: the closer gets its turn. */
static void close_links_body(unsigned thread)
{
    if (thread == 0) {
        THETIS_CHECK(close_queue(0) == THETIS_OK);
        return;
    }
    for (unsigned k = 0; k < 4 * thetis_check_rounds(); k++) (void)push(1);
}

const thetis_check_scenario queue_close_links = {
    .name = "queue-close-links", .threads = 2, .setup = make_2_1, .body = close_links_body,
    .done = all_before_closed,
    .slow = 2};

/* Both close: one is told that it did. */
static thetis_status closed_by[THETIS_CHECK_THREADS];

static void close_twice_body(unsigned thread)
{
    closed_by[thread] = close_queue(thread);
    THETIS_CHECK(push(thread) == THETIS_CLOSED);
}

static void close_twice_done(void)
{
    if (stopped()) return;
    THETIS_CHECK((closed_by[0] == THETIS_OK) + (closed_by[1] == THETIS_OK) == 1);
}

const thetis_check_scenario queue_close_twice = {
    .name = "queue-close-twice", .threads = 2, .setup = make_2_1, .body = close_twice_body,
    .done = close_twice_done,
    .flags = THETIS_CHECK_SC, .slow = 2};

/* ---- members --------------------------------------------------------------------------------- */

/* Three threads for two places, of which thread 2 keeps one. */
static void make_join(void)
{
    make((size){.threads = 2, .cells = 1});
    member[2] = member[1];
    thetis_queue_leave(&member[0]);
}

static int join(unsigned t)
{
    thetis_check_begin("queue.join", thetis_queue_bound(shared, THETIS_QUEUE_JOIN));
    thetis_status s = thetis_queue_join(shared, &member[t]);
    thetis_check_end();
    return s == THETIS_OK;
}

/* Who joins finds what the last owner of the place has left. To the tester that is shared with it,
 * so steps of operations on it are counted elsewhere. */
static void join_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == 2) {
            (void)push(2);
            (void)pop(2);
        } else if (join(thread)) {
            uint64_t value, next = thread * BY + pushed[thread] + 1;
            if (thetis_queue_push(&member[thread], &next) == THETIS_OK) pushed[thread]++;
            if (thetis_queue_pop(&member[thread], &value) == THETIS_OK) expect(thread, value);
            thetis_queue_leave(&member[thread]);
        }
    }
}

static void join_done(void)
{
    if (stopped()) return;
    THETIS_CHECK(thetis_queue_join(shared, &member[0]) == THETIS_OK);
    drain();
}

const thetis_check_scenario queue_join = {
    .name = "queue-join", .threads = 3, .setup = make_join, .body = join_body, .done = join_done,
    .flags = THETIS_CHECK_SC, .slow = 4};

/* All leave at once: each with a segment that it did not need, and a magazine without room, so that
 * it goes to the store, which is half full from below. */
enum { LEAVE_BLOCKS = 24, LEAVE_FIRST = 1 };

static void *take_block(unsigned t)
{
    void *block = NULL;
    (void)!thetis_pool_take(pool, member[t].thread_, &block);
    return block;
}

static void make_leave(void)
{
    void *block[LEAVE_BLOCKS];
    size_t n = 0;
    make((size){.threads = 3, .cells = 1, .blocks = LEAVE_BLOCKS, .batch = 1});
    for (unsigned t = 3; t-- > 0;) {
        n = 0;
        while ((t == 0 || n < 3) && (block[n] = take_block(t)) != NULL) n++;
        member[t].spare_ = block[--n];
        while (n > 0) thetis_pool_give(pool, member[t].thread_, block[--n]);
    }
}

static void leave_body(unsigned thread)
{
    thetis_check_begin("queue.leave", thetis_queue_bound(shared, THETIS_QUEUE_LEAVE));
    thetis_queue_leave(&member[thread]);
    thetis_check_end();
}

/* No segment is lost. */
static void leave_done(void)
{
    size_t n = 0;
    if (stopped()) return;
    for (unsigned t = 0; t < 3; t++) {
        THETIS_CHECK(thetis_queue_join(shared, &member[t]) == THETIS_OK);
        while (take_block(t)) n++;
    }
    THETIS_CHECK(n == LEAVE_BLOCKS - LEAVE_FIRST);
}

const thetis_check_scenario queue_leave = {
    .name = "queue-leave", .threads = 3, .setup = make_leave, .body = leave_body,
    .done = leave_done, .slow = 2};

/* A second queue is made of the same pool, whose store is half empty from below, while others use
 * it. */
static char second_memory[2048] THETIS_CACHE_ALIGNED;
static thetis_queue *second;

static void make_init(void)
{
    make((size){.threads = 3, .cells = 1, .blocks = LEAVE_BLOCKS, .batch = 1});
    for (int k = 0; k < LEAVE_BLOCKS / 2; k++) THETIS_CHECK(take_block(1));
    thetis_queue_leave(&member[2]);
}

/* Join, take a block, clear its words, leave. */
static uint64_t init_bound(void)
{
    return thetis_domain_bound(domain, THETIS_DOMAIN_JOIN, 0) +
           thetis_pool_bound(pool, THETIS_POOL_TAKE, 1) + 5 + shared->cells_ +
           thetis_domain_bound(domain, THETIS_DOMAIN_LEAVE, 0);
}

static void init_body(unsigned thread)
{
    if (thread == 1) {
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) (void)(push(1), pop(1));
        return;
    }
    thetis_queue_cfg cfg = {.pool = pool, .elem_size = sizeof(uint64_t), .segment = 1};
    thetis_check_begin("queue.init", init_bound());
    thetis_status s = thetis_queue_init(second_memory, sizeof second_memory, &cfg, &second);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

/* Both are queues, and the place is free again. */
static void init_done(void)
{
    uint64_t value = 5;
    drain();
    if (stopped()) return;
    THETIS_CHECK(thetis_queue_join(second, &member[2]) == THETIS_OK);
    THETIS_CHECK(thetis_queue_push(&member[2], &value) == THETIS_OK);
    THETIS_CHECK(thetis_queue_pop(&member[2], &value) == THETIS_OK && value == 5);
}

const thetis_check_scenario queue_init = {
    .name = "queue-init", .threads = 2, .setup = make_init, .body = init_body, .done = init_done,
    .slow = 2};

/* ---- a pool that is used up ------------------------------------------------------------------ */

static void make_poor(void)
{
    make((size){.threads = 2, .cells = 1, .blocks = 3, .batch = 1});
}

static void poor_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == 1) (void)pop(1);
        else (void)(push(0), k % 2 ? announce(0) : push(0));
    }
}

/* What was refused is not there, what was not is; and there is room again. */
static void poor_done(void)
{
    uint64_t value, room = 0;
    if (stopped()) return;
    for (unsigned of = 0; of < MOST_THREADS; of++) newest[1][of] = 0;
    while (thetis_queue_pop(&member[1], &value) == THETIS_OK) expect(1, value);
    all_arrived();
    while (thetis_queue_push(&member[1], &room) == THETIS_OK) room++;
    for (uint64_t k = 0; k < room; k++)
        THETIS_CHECK(thetis_queue_pop(&member[1], &value) == THETIS_OK && value == k);
    THETIS_CHECK(thetis_queue_pop(&member[1], &value) == THETIS_EMPTY);
}

const thetis_check_scenario queue_poor = {
    .name = "queue-poor", .threads = 2, .setup = make_poor, .body = poor_body,
    .done = poor_done,
    .flags = THETIS_CHECK_SC, .slow = 2};

/* ---- order that others can see --------------------------------------------------------------- */

static uint64_t flag;

static void make_flag(void)
{
    make_3_2();
    flag = 0;
}

/* An element that was pushed before the flag was set is not missed by who has seen the flag: a
 * request's fence acquires. */
static void empty_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == 0) {
        (void)pop(0);
        uint64_t there = __atomic_load_n(&flag, __ATOMIC_RELAXED);
        thetis_status s = ask(0);
        THETIS_CHECK(!there || s == THETIS_OK || popped[0][1] == 1);
    } else {
        (void)push(2);
    }
}

const thetis_check_scenario queue_empty = {
    .name = "queue-empty", .threads = 3, .setup = make_flag, .body = empty_body, .done = drain,
    .slow = 2};

/* What was pushed after the flag was seen leaves after what was pushed before it was set, even if
 * the flag orders nothing. */
static void across_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
        return;
    }
    if (thread == 2) {
        if (__atomic_load_n(&flag, __ATOMIC_RELAXED) && push(2) == THETIS_OK) (void)push(2);
        return;
    }
    for (int k = 0; k < 3; k++) {
        (void)(k % 2 ? pop(0) : ask(0));
        THETIS_CHECK(popped[0][2] == 0 || popped[0][1] == 1);
    }
}

const thetis_check_scenario queue_across = {
    .name = "queue-across", .threads = 3, .setup = make_flag, .body = across_body,
    .done = drain,
    .slow = 2};
