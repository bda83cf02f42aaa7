/* SPDX-License-Identifier: MIT
 *
 * model_queue_long.c: long operations of thetis/queue.h with 2, 3 and 4 members, of a pool whose
 * store takes long. The longest pop: while it serves one request after the other, the rest take
 * each element before it gets there. Thread 0 pops; thread 1 does, step by step, what all other
 * members could do: see queue_turns() in src/queue/queue.c.
 */
#include "model/model_queue.h"

enum { LONG_BLOCKS = 200, LONG_GIVEN = 3, FEW = 32 };

static thetis_queue_segment_ *awaited; /* to be the first one */
static uint64_t over;                  /* thread 0 has its element */
static void *in_hand[LONG_BLOCKS];

/* Member 1 has asked, and the first segment has ended. Each retire frees two blocks, the most, for
 * which there is no room but in the store, which is full from below. */
static void make_long(unsigned threads)
{
    size_t n = 0, turns = (threads - 1) * (2 * threads - 3) + 1, limbo = 2 * turns + 4;
    over = 0;
    make((size){.threads = threads, .cells = 1, .blocks = LONG_BLOCKS, .batch = 1,
                .limbo = limbo, .looks = 1, .frees = 2});
    for (size_t k = 0; k <= turns; k++) THETIS_CHECK(push(0) == THETIS_OK);
    while (thetis_pool_take(pool, member[0].thread_, &in_hand[n]) == THETIS_OK) n++;
    for (size_t k = 0; k < limbo + threads - 1; k++)
        thetis_pool_retire(pool, member[0].thread_, in_hand[--n]);
    while (n > LONG_GIVEN) thetis_pool_give(pool, member[0].thread_, in_hand[--n]);
    awaited = (void *)thetis_atomic_load_relaxed(&shared->head_);
    (void)thetis_atomic_fetch_add_relaxed(&awaited->head, 1);
    (void)thetis_queue_draw_(thetis_queue_cell_(awaited, 0, shared->stride_));
    tht_queue_request(&member[1]);
}

static void make_long_2(void)
{
    make_long(2);
}

static void make_long_3(void)
{
    make_long(3);
}

static void make_long_4(void)
{
    make_long(4);
}

/* ---- what the others do ---------------------------------------------------------------------- */

static int has_come(void *unused)
{
    (void)unused;
    return __atomic_load_n(&over, __ATOMIC_RELAXED) ||
           thetis_atomic_load_relaxed(&shared->head_) == (uintptr_t)awaited;
}

/* The cell of the segment behind, once thread 0 has moved on to it; NULL: it is over. */
static thetis_atomic *next_cell(void)
{
    awaited = (void *)thetis_atomic_load_relaxed(&awaited->next);
    thetis_check_wait(has_come, NULL);
    if (__atomic_load_n(&over, __ATOMIC_RELAXED)) return NULL;
    return thetis_queue_cell_(awaited, 0, shared->stride_);
}

/* A member that was not asked for help takes an element. */
static int long_draw(void)
{
    thetis_atomic *cell = next_cell();
    if (!cell) return 0;
    (void)thetis_atomic_fetch_add_relaxed(&awaited->head, 1);
    (void)thetis_queue_draw_(cell);
    return 1;
}

/* Somebody answers a member. */
static int long_answer(unsigned t)
{
    thetis_atomic *cell = next_cell();
    uintptr_t request = thetis_domain_pending(domain, t, NULL, 0);
    if (!cell || !request) return 0;
    uintptr_t to = THETIS_QUEUE_WRITTEN_ | tht_queue_claim(t, request);
    if (!thetis_atomic_cas_relaxed(cell, THETIS_QUEUE_WRITTEN_, to)) return 0;
    thetis_domain_finish(domain, t, request, (uintptr_t)cell);
    return 1;
}

/* A member that was answered goes. */
static void long_return(unsigned t)
{
    thetis_atomic *cell = (thetis_atomic *)thetis_domain_answer(member[t].thread_);
    (void)thetis_atomic_fetch_or_relaxed(cell, THT_QUEUE_DEAD);
    thetis_domain_withdraw(member[t].thread_);
    (void)thetis_atomic_fetch_sub_relaxed(shared->asking_, (uintptr_t)1 << t);
}

/* While member t waits: each other one takes an element, asks, and is answered; the first time
 * thread 0 is, too. */
static int long_phase(unsigned t)
{
    for (unsigned z = 1; z < members; z++)
        if (z != t && !long_draw()) return 0;
    if (t == 1 && members > 2 && !long_answer(0)) return 0;
    for (unsigned z = 1; z < members; z++) {
        if (z == t) continue;
        tht_queue_request(&member[z]);
        if (!long_answer(z)) return 0;
    }
    if (!long_answer(t)) return 0;
    for (unsigned z = 1; z < members; z++) long_return(z);
    return 1;
}

static void long_pop(void)
{
    static const char *const of[] = {"queue.pop-2", "queue.pop-3", "queue.pop-4"};
    uint64_t value = 0;
    thetis_check_begin(of[members - 2], thetis_queue_bound(shared, THETIS_QUEUE_POP));
    thetis_status s = thetis_queue_pop(&member[0], &value);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    expect(0, value);
}

static void long_others(void)
{
    for (unsigned k = 0; k < LONG_GIVEN; k++)
        thetis_pool_give(pool, member[1].thread_, in_hand[k]);
    for (unsigned t = 1; t < members && long_phase(t); t++)
        if (t + 1 < members) tht_queue_request(&member[t + 1]);
}

static void long_is_over(void)
{
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
}

static void long_body(unsigned thread)
{
    if (thread != 0) {
        long_others();
        return;
    }
    long_pop();
    long_is_over();
}

static void long_batch_body(unsigned thread)
{
    if (thread != 0) {
        long_others();
        return;
    }
    THETIS_CHECK(pop_n(0) == THETIS_OK);
    long_is_over();
}

const thetis_check_scenario queue_long_2 = {
    .name = "queue-long-2", .threads = 2, .setup = make_long_2, .body = long_body,
    .flags = THETIS_CHECK_BLOCKING, .slow = FEW};
const thetis_check_scenario queue_long_batch = {
    .name = "queue-long-batch", .threads = 2, .setup = make_long_2, .body = long_batch_body,
    .flags = THETIS_CHECK_BLOCKING, .slow = FEW};
const thetis_check_scenario queue_long_3 = {
    .name = "queue-long-3", .threads = 2, .setup = make_long_3, .body = long_body,
    .flags = THETIS_CHECK_BLOCKING, .slow = 2 * FEW};
const thetis_check_scenario queue_long_4 = {
    .name = "queue-long-4", .threads = 2, .setup = make_long_4, .body = long_body,
    .flags = THETIS_CHECK_BLOCKING, .slow = 4 * FEW};

/* ---- pushes that need a segment -------------------------------------------------------------- */

/* The store is empty from below. */
static void make_links(unsigned threads)
{
    void *block;
    make((size){.threads = threads, .cells = 1, .blocks = LONG_BLOCKS, .batch = 1});
    for (unsigned k = 0; k < LONG_BLOCKS * 3 / 4; k++)
        THETIS_CHECK(thetis_pool_take(pool, member[0].thread_, &block) == THETIS_OK);
}

static void make_links_2(void)
{
    make_links(2);
}

static void make_links_3(void)
{
    make_links(3);
}

static void make_links_4(void)
{
    make_links(4);
}

static void links_body(unsigned thread)
{
    static const char *const of[] = {"queue.push-2", "queue.push-3", "queue.push-4"};
    for (unsigned k = 0; k < 2; k++) {
        uint64_t next = thread * BY + pushed[thread] + 1;
        thetis_check_begin(of[members - 2], thetis_queue_bound(shared, THETIS_QUEUE_PUSH));
        thetis_status s = thetis_queue_push(&member[thread], &next);
        thetis_check_end();
        pushed[thread] += s == THETIS_OK;
    }
}

const thetis_check_scenario queue_links_2 = {
    .name = "queue-links-2", .threads = 2, .setup = make_links_2, .body = links_body,
    .done = drain, .slow = FEW};
const thetis_check_scenario queue_links_3 = {
    .name = "queue-links-3", .threads = 3, .setup = make_links_3, .body = links_body,
    .done = drain, .slow = FEW};
const thetis_check_scenario queue_links_4 = {
    .name = "queue-links-4", .threads = 4, .setup = make_links_4, .body = links_body,
    .done = drain, .slow = FEW};

/* All do all, four of them. */
static void make_four(void)
{
    make((size){.threads = 4, .cells = 1});
}

static void four_body(unsigned thread)
{
    (void)(thread % 2 ? announce(thread) : push(thread));
    (void)(thread < 2 ? ask(thread) : pop(thread));
}

const thetis_check_scenario queue_four = {
    .name = "queue-four", .threads = 4, .setup = make_four, .body = four_body, .done = drain,
    .slow = 8};
