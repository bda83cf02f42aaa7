/* SPDX-License-Identifier: MIT
 *
 * model_queue.h: queues and operations for the scenarios of thetis/queue.h. Thread t pushes
 * t * BY + 1, t * BY + 2, ... Segments are tiny and go round at once: the pool looks for hazards
 * at each retire.
 */
#ifndef THETIS_TESTS_MODEL_QUEUE_H
#define THETIS_TESTS_MODEL_QUEUE_H

#include <string.h>
#include <thetis/check.h>

#include "domain/pool.h"
#include "queue/queue.h"

enum { BY = 1 << 20, MOST_THREADS = 4, MOST_CELLS = 4 };

static char domain_memory[THETIS_DOMAIN_SIZE(MOST_THREADS, 2, 0)] THETIS_CACHE_ALIGNED;
static char pool_memory[1 << 17] THETIS_CACHE_ALIGNED;
static char queue_memory[2048] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_pool *pool;
static thetis_queue *shared;
static thetis_queue_member member[THETIS_CHECK_THREADS];
static unsigned members;
static uint64_t pushed[THETIS_CHECK_THREADS]; /* plain: by each thread, and by done */
static uint64_t popped[THETIS_CHECK_THREADS][THETIS_CHECK_THREADS]; /* by whom, of whom */
static uint64_t newest[THETIS_CHECK_THREADS][THETIS_CHECK_THREADS]; /* the last of these */
static uint64_t sum[THETIS_CHECK_THREADS][THETIS_CHECK_THREADS];    /* of these */
static uint64_t told[THETIS_CHECK_THREADS]; /* plain: written before something, read after it */

/* ---- queues ---------------------------------------------------------------------------------- */

typedef struct size {
    unsigned threads;
    size_t cells;
    size_t blocks; /* of the pool, all there are; 0: enough */
    size_t batch;  /* of the pool; 0: 4 */
    size_t limbo;  /* of the pool; 0: 1 */
    size_t looks, frees; /* of the pool; 0: as many as threads; 4 */
} size;

static inline void make_pool(size of, const thetis_queue_cfg *cfg)
{
    thetis_domain_cfg domain_cfg = {of.threads, 2, 0};
    size_t segment = THETIS_QUEUE_SEGMENT_SIZE(cfg->elem_size, cfg->segment);
    thetis_pool_cfg pool_cfg = {.size = segment, .blocks = 1,
                                .align = THETIS_CACHE_LINE, .batch = of.batch ? of.batch : 4};
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &domain_cfg, &domain) ==
                 THETIS_OK);
    thetis_pool_shape_ shape = tht_pool_shape(&domain_cfg, &pool_cfg);
    shape.limbo = of.limbo ? of.limbo : 1;
    shape.looks = of.looks ? of.looks : of.threads;
    shape.frees = of.frees ? of.frees : 4;
    shape.most = tht_pool_most(&shape);
    shape.batches = of.blocks ? of.blocks / shape.batch : 9;
    size_t bytes = tht_pool_bytes(&shape);
    THETIS_CHECK(bytes > 0 && bytes <= sizeof pool_memory);
    memset(pool_memory, 0, bytes);
    pool = tht_pool_build(pool_memory, domain, &shape);
}

static inline void make(size of)
{
    thetis_queue_cfg cfg = {.elem_size = sizeof(uint64_t), .segment = of.cells};
    make_pool(of, &cfg);
    cfg.pool = pool;
    THETIS_CHECK(thetis_queue_init(queue_memory, sizeof queue_memory, &cfg, &shared) ==
                 THETIS_OK);
    memset(member, 0, sizeof member);
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    memset(newest, 0, sizeof newest);
    memset(sum, 0, sizeof sum);
    memset(told, 0, sizeof told);
    members = of.threads;
    for (unsigned t = 0; t < of.threads; t++)
        THETIS_CHECK(thetis_queue_join(shared, &member[t]) == THETIS_OK);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

/* One element in a batch. */
static inline thetis_status push_n(unsigned t)
{
    uint64_t next = t * BY + pushed[t] + 1;
    thetis_status why;
    thetis_check_begin("queue.push_n", thetis_queue_bound(shared, THETIS_QUEUE_PUSH));
    size_t n = thetis_queue_push_n(&member[t], &next, 1, &why);
    thetis_check_end();
    pushed[t] += n;
    THETIS_CHECK((n == 1) == (why == THETIS_OK));
    return why;
}

/* By turns as one and as a batch of one: the bound is the same. */
static inline thetis_status push(unsigned t)
{
    uint64_t next = t * BY + pushed[t] + 1;
    if (pushed[t] % 2) return push_n(t);
    thetis_check_begin("queue.push", thetis_queue_bound(shared, THETIS_QUEUE_PUSH));
    thetis_status s = thetis_queue_push(&member[t], &next);
    thetis_check_end();
    if (s == THETIS_OK) pushed[t]++;
    return s;
}

/* The elements of each thread come in its order to each consumer. */
static inline void expect(unsigned t, uint64_t value)
{
    uint64_t of = value / BY, number = value % BY;
    THETIS_CHECK(of < MOST_THREADS && number > newest[t][of]);
    newest[t][of] = number;
    popped[t][of]++;
    sum[t][of] += number;
}

static inline thetis_status pop(unsigned t)
{
    uint64_t value = 0;
    thetis_check_begin("queue.pop", thetis_queue_bound(shared, THETIS_QUEUE_POP));
    thetis_status s = thetis_queue_pop(&member[t], &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(t, value);
    return s;
}

static inline thetis_status pop_n(unsigned t)
{
    uint64_t value = 0;
    thetis_status why;
    thetis_check_begin("queue.pop_n", thetis_queue_bound(shared, THETIS_QUEUE_POP));
    size_t n = thetis_queue_pop_n(&member[t], &value, 1, &why);
    thetis_check_end();
    if (n > 0) expect(t, value);
    THETIS_CHECK((n == 1) == (why == THETIS_OK));
    return why;
}

static inline thetis_status ask_within(unsigned t, const char *operation, uint64_t bound)
{
    uint64_t value = 0;
    thetis_check_begin(operation, bound);
    thetis_status s = tht_queue_ask(&member[t], &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(t, value);
    return s;
}

/* A pop that announces itself at once. */
static inline thetis_status ask(unsigned t)
{
    return ask_within(t, "queue.pop", thetis_queue_bound(shared, THETIS_QUEUE_POP));
}

/* A push that announces its segment at once. */
static inline thetis_status announce(unsigned t)
{
    uint64_t next = t * BY + pushed[t] + 1;
    thetis_check_begin("queue.push", thetis_queue_bound(shared, THETIS_QUEUE_PUSH));
    thetis_status s = tht_queue_announce(&member[t], &next);
    thetis_check_end();
    if (s == THETIS_OK) pushed[t]++;
    return s;
}

static inline thetis_status close_queue(unsigned t)
{
    thetis_check_begin("queue.close", thetis_queue_bound(shared, THETIS_QUEUE_CLOSE));
    thetis_status s = thetis_queue_close(&member[t]);
    thetis_check_end();
    return s;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static inline unsigned stopped(void)
{
    unsigned n = 0;
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) n += thetis_check_stopped(k) != 0;
    return n;
}

static inline void all_arrived(void)
{
    for (unsigned of = 0; of < MOST_THREADS; of++) {
        uint64_t n = 0, numbers = 0;
        for (unsigned t = 0; t < MOST_THREADS; t++) {
            n += popped[t][of];
            numbers += sum[t][of];
        }
        THETIS_CHECK(n == pushed[of] && numbers == pushed[of] * (pushed[of] + 1) / 2);
    }
}

/* What was pushed and not popped is there, and the queue goes on. Of a thread that stopped, a pop
 * may keep one element: that of the ticket it has drawn, also if it is pushed later; and a push may
 * still happen. */
static inline void drain(void)
{
    unsigned t = 0, kept = 0, late = 0;
    uint64_t value;
    while (t < members && thetis_check_stopped(t)) t++;
    if (t == members) return;
    for (unsigned of = 0; of < MOST_THREADS; of++) newest[t][of] = 0; /* others may know more */
    while (thetis_queue_pop(&member[t], &value) == THETIS_OK) expect(t, value);
    if (!stopped()) all_arrived();
    for (uint64_t k = MOST_THREADS * BY; k < MOST_THREADS * BY + 6; k++) {
        unsigned mine = 0;
        THETIS_CHECK(thetis_queue_push(&member[t], &k) == THETIS_OK);
        while (thetis_queue_pop(&member[t], &value) == THETIS_OK) {
            mine += value == k;
            late += value != k;
        }
        kept += !mine;
    }
    THETIS_CHECK(kept <= stopped() && late <= stopped());
}

#endif
