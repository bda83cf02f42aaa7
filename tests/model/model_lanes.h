/* SPDX-License-Identifier: MIT
 *
 * model_lanes.h: lanes and operations for the scenarios of thetis/lanes.h. Thread 0 consumes;
 * thread p produces records that begin with p * BY + 1, p * BY + 2, ... The lanes are so small that
 * two records fill one, and most are padded.
 */
#ifndef THETIS_TESTS_MODEL_LANES_H
#define THETIS_TESTS_MODEL_LANES_H

#include <string.h>
#include <thetis/check.h>
#include <thetis/lanes.h>

enum { CONSUMER, BY = 1 << 20, LANE = 64, MOST = 16, LANES_MOST = 3 };

static char memory[THETIS_LANES_SIZE(LANES_MOST, LANE)] THETIS_CACHE_ALIGNED;
static char own[THETIS_LANES_CONSUMER_SIZE(LANES_MOST)] THETIS_CACHE_ALIGNED;
static thetis_lanes shared;
static thetis_lanes_consumer *consumer;
static thetis_lanes_producer handle[THETIS_CHECK_THREADS];
static uint64_t pushed[THETIS_CHECK_THREADS]; /* plain: by each producer, and by done */
static uint64_t popped[THETIS_CHECK_THREADS]; /* plain: by the consumer, and by done */
static uint64_t told[THETIS_CHECK_THREADS];   /* plain: written before something, read after it */
static uint64_t flag;

/* ---- lanes ----------------------------------------------------------------------------------- */

static inline thetis_lanes_lane_ *lane_of(size_t k)
{
    return (void *)(memory + sizeof(thetis_lanes_memory_) + k * shared.stride_);
}

static inline thetis_spsc *counters_of(size_t k)
{
    return &((thetis_bytes *)(lane_of(k) + 1))->spsc_;
}

/* Empty lanes, as if `tickets` had been drawn and `bytes` had passed through each lane. */
static inline void make(size_t lanes, uintptr_t tickets, uintptr_t bytes)
{
    thetis_lanes_cfg cfg = {lanes, LANE, MOST};
    memset(memory, 0x55, sizeof memory);
    THETIS_CHECK(thetis_lanes_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    shared.memory_->tail_.word_ = 2 * tickets;
    for (size_t k = 0; k < lanes; k++) {
        thetis_spsc *spsc = counters_of(k);
        lane_of(k)->promised_.word_ = 2 * bytes;
        spsc->producer_.at_.word_ = spsc->consumer_.at_.word_ = 2 * bytes;
    }
    THETIS_CHECK(thetis_lanes_open(&shared, own, sizeof own, &consumer) == THETIS_OK);
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    memset(told, 0, sizeof told);
    flag = 0;
    for (unsigned p = 1; p <= lanes; p++)
        THETIS_CHECK(thetis_lanes_join(&shared, p, &handle[p]) == THETIS_OK);
}

static inline void make_2(void)
{
    make(2, 0, 8);
}

/* Two records fit into each lane, without a pad. */
static inline void make_even(void)
{
    make(2, 0, 0);
}

static inline void make_3(void)
{
    make(3, 0, 8);
}

/* ---- contents -------------------------------------------------------------------------------- */

typedef struct record {
    uint64_t value;
    unsigned char more[MOST - sizeof(uint64_t)];
} record;

/* Records of this number have this size. */
static inline size_t size_of(uint64_t number)
{
    return sizeof(uint64_t) + number * 5 % (MOST - sizeof(uint64_t) + 1);
}

static inline size_t fill(record *to, unsigned p, uint64_t number)
{
    size_t size = size_of(number);
    to->value = p * BY + number;
    for (size_t k = sizeof to->value; k < size; k++)
        to->more[k - sizeof to->value] = (unsigned char)(to->value + k);
    return size;
}

/* Those of each producer come in its order, and whole. */
static inline void expect(const void *data, size_t size)
{
    record want = {0};
    uint64_t value;
    THETIS_CHECK(size >= sizeof value);
    memcpy(&value, data, sizeof value);
    unsigned p = (unsigned)(value / BY);
    THETIS_CHECK(p >= 1 && p < THETIS_CHECK_THREADS && value % BY == popped[p] + 1);
    popped[p]++;
    THETIS_CHECK(size == fill(&want, p, popped[p]));
    THETIS_CHECK(memcmp(data, &want, size) == 0);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline thetis_status push(unsigned p)
{
    record data;
    size_t size = fill(&data, p, pushed[p] + 1);
    thetis_check_begin("lanes.push", thetis_lanes_bound(&shared, THETIS_LANES_PUSH, size));
    thetis_status s = thetis_lanes_push(&handle[p], &data, size);
    thetis_check_end();
    pushed[p] += s == THETIS_OK;
    return s;
}

static inline thetis_status push_n(unsigned p, size_t n)
{
    enum { BATCH = 3 };
    record data[BATCH];
    thetis_bytes_run runs[BATCH];
    thetis_status why;
    for (size_t k = 0; k < n; k++)
        runs[k] = (thetis_bytes_run){&data[k], fill(&data[k], p, pushed[p] + 1 + k)};
    thetis_check_begin("lanes.push_n", thetis_lanes_bound(&shared, THETIS_LANES_PUSH_N, n));
    size_t done = thetis_lanes_push_n(&handle[p], runs, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    pushed[p] += done;
    return why;
}

static inline thetis_status reserve(unsigned p, size_t max, void **at)
{
    thetis_check_begin("lanes.reserve", thetis_lanes_bound(&shared, THETIS_LANES_RESERVE, max));
    thetis_status s = thetis_lanes_reserve(&handle[p], max, at);
    thetis_check_end();
    return s;
}

static inline thetis_status commit(unsigned p, size_t size)
{
    thetis_check_begin("lanes.commit", thetis_lanes_bound(&shared, THETIS_LANES_COMMIT, size));
    thetis_status s = thetis_lanes_commit(&handle[p], size);
    thetis_check_end();
    return s;
}

static inline void give_back(unsigned p)
{
    thetis_check_begin("lanes.abort", thetis_lanes_bound(&shared, THETIS_LANES_ABORT, 0));
    THETIS_CHECK(thetis_lanes_abort(&handle[p]) == THETIS_OK);
    thetis_check_end();
}

static inline thetis_status pop(void)
{
    record data;
    size_t size = 0;
    thetis_check_begin("lanes.pop", thetis_lanes_bound(&shared, THETIS_LANES_POP, sizeof data));
    thetis_status s = thetis_lanes_pop(consumer, &data, sizeof data, &size);
    thetis_check_end();
    if (s == THETIS_OK) expect(&data, size);
    return s;
}

static inline thetis_status peek(void **at, size_t *size)
{
    thetis_check_begin("lanes.peek", thetis_lanes_bound(&shared, THETIS_LANES_PEEK, 0));
    thetis_status s = thetis_lanes_peek(consumer, at, size);
    thetis_check_end();
    return s;
}

static inline void release(void)
{
    thetis_check_begin("lanes.release", thetis_lanes_bound(&shared, THETIS_LANES_RELEASE, 0));
    thetis_lanes_release(consumer);
    thetis_check_end();
}

static inline thetis_status close_lanes(void)
{
    thetis_check_begin("lanes.close", thetis_lanes_bound(&shared, THETIS_LANES_CLOSE, 0));
    thetis_status s = thetis_lanes_close(&shared);
    thetis_check_end();
    return s;
}

static inline int anybody_stopped(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++)
        if (thetis_check_stopped(k)) return 1;
    return 0;
}

/* What was pushed and not popped is still there, in order; then there is room again. */
static inline thetis_status drain(void)
{
    thetis_status s;
    if (thetis_check_stopped(CONSUMER)) return THETIS_OK; /* perhaps within its own words */
    do {
        record data;
        size_t size;
        s = thetis_lanes_pop(consumer, &data, sizeof data, &size);
        if (s == THETIS_OK) expect(&data, size);
    } while (s == THETIS_OK);
    for (size_t k = 0; k < shared.lanes_; k++)
        THETIS_CHECK(thetis_lanes_check(consumer, k) == THETIS_OK);
    for (unsigned k = 1; k < THETIS_CHECK_THREADS; k++)
        THETIS_CHECK(popped[k] == pushed[k] ||
                     (thetis_check_stopped(k) && popped[k] == pushed[k] + 1));
    return s;
}

#endif
