/* SPDX-License-Identifier: MIT
 *
 * model_mpsc.h: rings and operations for the scenarios of thetis/mpsc.h. Thread 0 consumes; thread
 * p produces p * BY + 1, p * BY + 2, ... The rings are tiny and mostly without lag: slots come
 * round at once, so that holes and spare slots are the rule.
 */
#ifndef THETIS_TESTS_MODEL_MPSC_H
#define THETIS_TESTS_MODEL_MPSC_H

#include <string.h>
#include <thetis/check.h>

#include "ring/mpsc.h"

enum { CONSUMER, BY = 1 << 20, MOST = 4, MEMORY = 4096 };

static char memory[MEMORY] THETIS_CACHE_ALIGNED;
static thetis_mpsc *shared;
static thetis_mpsc_producer handle[THETIS_CHECK_THREADS];
static uint64_t pushed[THETIS_CHECK_THREADS]; /* plain: by each producer, and by done */
static uint64_t popped[THETIS_CHECK_THREADS]; /* plain: by the consumer, and by done */
static uint64_t told[THETIS_CHECK_THREADS];   /* plain: written before something, read after it */
static uint64_t sum[THETIS_CHECK_THREADS];    /* of the numbers popped; as popped */
static uint64_t flag;
static int reordered;

THETIS_MPSC(words, uint64_t);

/* ---- rings ----------------------------------------------------------------------------------- */

typedef struct size {
    size_t producers, batch, open, homes, window, spares;
    uintptr_t start;
} size;

static inline void make(size of)
{
    thetis_mpsc_shape_ shape = {.homes = of.homes,
                                .spares = of.spares,
                                .lap = 4 * of.homes,
                                .window = 4 * of.window,
                                .over = 4 * (of.producers - 1) * of.batch,
                                .age = UINTPTR_MAX / 4 + 1, /* test_mpsc_edges.c reaches it */
                                .producers = of.producers,
                                .batch = of.batch,
                                .open = of.open,
                                .elem_size = sizeof(uint64_t),
                                .stride = THETIS_MPSC_STRIDE_(sizeof(uint64_t))};
    size_t bytes = tht_mpsc_bytes(&shape);
    THETIS_CHECK(bytes > 0 && bytes <= sizeof memory);
    shared = tht_mpsc_build(memory, &shape, of.start);
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    memset(sum, 0, sizeof sum);
    memset(told, 0, sizeof told);
    flag = 0;
    reordered = 0;
    for (size_t p = 1; p <= of.producers; p++)
        THETIS_CHECK(thetis_mpsc_join(shared, &handle[p]) == THETIS_OK);
}

/* One element fits; the second ticket already comes back to the first slot. */
static inline void make_2(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 2, .window = 2, .spares = 2});
}

/* More room than open tickets, so that a walk is long. */
static inline void make_4(void)
{
    make((size){.producers = 2, .batch = 1, .open = 1, .homes = 4, .window = 4, .spares = 2});
}

static inline void make_batch(void)
{
    make((size){.producers = 2, .batch = 2, .open = 2, .homes = 4, .window = 4, .spares = 4});
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline thetis_status push(unsigned p)
{
    uint64_t next = p * BY + pushed[p] + 1;
    thetis_check_begin("mpsc.push", thetis_mpsc_bound(shared, THETIS_MPSC_PUSH, 1));
    thetis_status s = thetis_mpsc_push(&handle[p], &next);
    thetis_check_end();
    if (s == THETIS_OK) pushed[p]++;
    return s;
}

static inline thetis_status push_n(unsigned p, size_t n)
{
    uint64_t items[MOST];
    thetis_status why;
    for (size_t k = 0; k < n; k++) items[k] = p * BY + pushed[p] + 1 + k;
    thetis_check_begin("mpsc.push_n", thetis_mpsc_bound(shared, THETIS_MPSC_PUSH, n));
    size_t done = thetis_mpsc_push_n(&handle[p], items, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    pushed[p] += done;
    return why;
}

/* The elements of each producer come in its order, unless they were finished out of order; none is
 * lost, none comes twice. */
static inline void expect(uint64_t value)
{
    uint64_t p = value / BY;
    THETIS_CHECK(p >= 1 && p < THETIS_CHECK_THREADS);
    THETIS_CHECK(reordered || value % BY == popped[p] + 1);
    popped[p]++;
    sum[p] += value % BY;
}

/* May pass over `aborts` reservations that were given back. */
static inline thetis_status pop_over(size_t aborts)
{
    uint64_t value = 0;
    thetis_check_begin("mpsc.pop", thetis_mpsc_bound(shared, THETIS_MPSC_POP, 1 + aborts));
    thetis_status s = thetis_mpsc_pop(shared, &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(value);
    return s;
}

static inline thetis_status pop(void)
{
    return pop_over(0);
}

static inline thetis_status pop_n(size_t n)
{
    uint64_t items[MOST];
    thetis_status why;
    thetis_check_begin("mpsc.pop_n", thetis_mpsc_bound(shared, THETIS_MPSC_POP, n));
    size_t done = thetis_mpsc_pop_n(shared, items, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    for (size_t k = 0; k < done; k++) expect(items[k]);
    return why;
}

static inline size_t reserve(unsigned p, void **at)
{
    thetis_check_begin("mpsc.reserve", thetis_mpsc_bound(shared, THETIS_MPSC_RESERVE, 1));
    thetis_status s = thetis_mpsc_reserve(&handle[p], at);
    thetis_check_end();
    return s == THETIS_OK;
}

static inline size_t reserve_n(unsigned p, void **at, size_t n)
{
    thetis_check_begin("mpsc.reserve_n", thetis_mpsc_bound(shared, THETIS_MPSC_RESERVE, n));
    size_t got = thetis_mpsc_reserve_n(&handle[p], at, n, NULL);
    thetis_check_end();
    return got;
}

static inline void commit(unsigned p, void *at)
{
    thetis_check_begin("mpsc.commit", thetis_mpsc_bound(shared, THETIS_MPSC_COMMIT, 1));
    thetis_mpsc_commit(&handle[p], at);
    thetis_check_end();
}

static inline void give_back(unsigned p, void *at)
{
    thetis_check_begin("mpsc.abort", thetis_mpsc_bound(shared, THETIS_MPSC_ABORT, 1));
    thetis_mpsc_abort(&handle[p], at);
    thetis_check_end();
}

static inline thetis_status close_ring(void)
{
    thetis_check_begin("mpsc.close", thetis_mpsc_bound(shared, THETIS_MPSC_CLOSE, 1));
    thetis_status s = thetis_mpsc_close(shared);
    thetis_check_end();
    return s;
}

static inline thetis_status cancel(void)
{
    thetis_check_begin("mpsc.cancel", thetis_mpsc_bound(shared, THETIS_MPSC_CANCEL, 1));
    thetis_status s = thetis_mpsc_cancel(shared);
    thetis_check_end();
    return s;
}

static inline thetis_status join(unsigned p)
{
    thetis_check_begin("mpsc.join", thetis_mpsc_bound(shared, THETIS_MPSC_JOIN, 1));
    thetis_status s = thetis_mpsc_join(shared, &handle[p]);
    thetis_check_end();
    return s;
}

static inline void leave(unsigned p)
{
    thetis_check_begin("mpsc.leave", thetis_mpsc_bound(shared, THETIS_MPSC_LEAVE, 1));
    thetis_mpsc_leave(&handle[p]);
    thetis_check_end();
}

static inline int anybody_stopped(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++)
        if (thetis_check_stopped(k)) return 1;
    return 0;
}

static inline void all_arrived(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) {
        THETIS_CHECK(popped[k] == pushed[k]);
        THETIS_CHECK(sum[k] == pushed[k] * (pushed[k] + 1) / 2);
    }
}

/* What was pushed and not popped is still there, in order; then a lap of pushes must fit. */
static inline void drain(void)
{
    uint64_t value;
    if (thetis_check_stopped(CONSUMER)) return; /* perhaps in the middle of its own words */
    while (words_pop(shared, &value) == THETIS_OK) expect(value);
    THETIS_CHECK(thetis_mpsc_check(shared) == THETIS_OK);
    if (anybody_stopped()) return;
    all_arrived();
    for (unsigned k = 0; k < 9; k++) {
        THETIS_CHECK(words_push(&handle[1], 1) == THETIS_OK);
        THETIS_CHECK(words_pop(shared, &value) == THETIS_OK && value == 1);
        THETIS_CHECK(words_pop(shared, &value) == THETIS_EMPTY);
    }
}

/* A batch, finished in either order. */
static inline void finish_batch(unsigned p, int backwards)
{
    void *at[2];
    size_t got = reserve_n(p, at, 2);
    for (size_t k = 0; k < got; k++) *(uint64_t *)at[k] = p * BY + pushed[p] + 1 + k;
    pushed[p] += got;
    for (size_t k = 0; k < got; k++) commit(p, at[backwards ? got - 1 - k : k]);
}

#endif
