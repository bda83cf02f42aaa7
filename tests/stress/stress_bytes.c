/* SPDX-License-Identifier: MIT
 *
 * stress_bytes.c: two threads, every way to push a record against every way to take it, on plain
 * and mirrored rings, streams, and the races of close and cancel. Number and length of a record
 * decide all its bytes: what is read too early, torn, lost, doubled or out of order shows at once.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <thetis/bytes.h>

enum { FLOW_RECORDS = 300000, FLOW_BYTES = 6000000, FLOW_RACES = 2000, FLOW_MOST = 200 };

typedef struct flow {
    thetis_bytes *ring;
    size_t most;         /* largest record */
    uint64_t amount;     /* records, or bytes of a stream, to push */
    uint64_t limit;      /* the consumer cancels after so many */
    uint64_t pushed;
    uint64_t popped;
    thetis_status pushed_end; /* what ended the producer's loop */
} flow;

static unsigned char flow_byte(uint64_t number, size_t k)
{
    return (unsigned char)(number * 31 + (number >> 8) + k * 7);
}

static size_t flow_size(const flow *f, uint64_t number)
{
    uint64_t state = number;
    uint64_t r = test_rand(&state);
    return (size_t)(r >> 8) % ((r % 8 ? f->most / 4 : f->most) + 1);
}

static void flow_fill(unsigned char *at, uint64_t number, size_t size)
{
    for (size_t k = 0; k < size; k++) at[k] = flow_byte(number, k);
}

static void flow_expect(flow *f, const unsigned char *at, size_t size)
{
    uint64_t number = f->popped++;
    CHECK_EQ(size, flow_size(f, number));
    for (size_t k = 0; k < size; k++) CHECK_EQ(at[k], flow_byte(number, k));
}

/* ---- records --------------------------------------------------------------------------------- */

static thetis_status flow_push(flow *f)
{
    unsigned char data[FLOW_MOST];
    size_t size = flow_size(f, f->pushed);
    flow_fill(data, f->pushed, size);
    thetis_status s = thetis_bytes_push(f->ring, data, size);
    f->pushed += s == THETIS_OK;
    return s;
}

/* As much as there may be, of which the record takes what it needs. */
static thetis_status flow_reserve(flow *f)
{
    void *record;
    size_t size = flow_size(f, f->pushed);
    thetis_status s = thetis_bytes_reserve(f->ring, f->most, &record);
    if (s != THETIS_OK) return s;
    flow_fill(record, f->pushed, size);
    thetis_bytes_commit(f->ring, size);
    f->pushed++;
    return s;
}

/* Up to three open at once, filled backwards; a fourth is given back. */
static thetis_status flow_several(flow *f)
{
    void *record[4];
    size_t size[4], n = 0;
    thetis_status s = THETIS_OK;
    while (n < 4 && f->pushed + n <= f->amount) {
        size[n] = flow_size(f, f->pushed + n);
        size_t more = n % 2 ? f->most - size[n] : 0;
        s = thetis_bytes_reserve(f->ring, size[n] + more / 2, &record[n]);
        if (s != THETIS_OK) break;
        n++;
    }
    if (n == 4 || f->pushed + n > f->amount) {
        thetis_bytes_abort(f->ring);
        n--;
    }
    for (size_t k = n; k-- > 0;) flow_fill(record[k], f->pushed + k, size[k]);
    for (size_t k = 0; k < n; k++) thetis_bytes_commit(f->ring, size[k]);
    f->pushed += n;
    return n ? THETIS_OK : s;
}

static thetis_status flow_pop(flow *f)
{
    unsigned char data[FLOW_MOST];
    size_t size;
    thetis_status s = thetis_bytes_pop(f->ring, data, sizeof data, &size);
    if (s == THETIS_OK) flow_expect(f, data, size);
    return s;
}

/* Overwrites what it takes: that must not reach the producer's next. */
static thetis_status flow_take(flow *f)
{
    void *record;
    size_t size;
    thetis_status s = thetis_bytes_peek(f->ring, &record, &size);
    if (s != THETIS_OK) return s;
    flow_expect(f, record, size);
    memset(record, 0xDD, size);
    thetis_bytes_release(f->ring);
    return s;
}

/* ---- a stream -------------------------------------------------------------------------------- */

static size_t flow_batch(const flow *f, uint64_t r)
{
    uint64_t left = f->amount - f->pushed;
    size_t n = 1 + (size_t)r % FLOW_MOST;
    return n < left ? n : (size_t)left;
}

static thetis_status flow_push_n(flow *f, uint64_t r)
{
    unsigned char data[FLOW_MOST];
    thetis_status why;
    size_t n = flow_batch(f, r);
    for (size_t k = 0; k < n; k++) data[k] = flow_byte(f->pushed + k, 0);
    n = thetis_bytes_push_n(f->ring, data, n, &why);
    f->pushed += n;
    return n ? THETIS_OK : why;
}

static unsigned char *flow_at(const thetis_bytes_span *span, size_t k)
{
    size_t first = span->run[0].n;
    return k < first ? (unsigned char *)span->run[0].at + k
                     : (unsigned char *)span->run[1].at + (k - first);
}

static thetis_status flow_reserve_n(flow *f, uint64_t r)
{
    thetis_bytes_span span;
    thetis_status why;
    size_t n = thetis_bytes_reserve_n(f->ring, flow_batch(f, r), &span, &why), back = n / 3;
    for (size_t k = n; k-- > 0;) *flow_at(&span, k) = flow_byte(f->pushed + k, 0);
    thetis_bytes_abort_n(f->ring, back);
    thetis_bytes_commit_n(f->ring, n - back);
    f->pushed += n - back;
    return n ? THETIS_OK : why;
}

static thetis_status flow_pop_n(flow *f, uint64_t r)
{
    unsigned char data[FLOW_MOST];
    thetis_status why;
    size_t n = thetis_bytes_pop_n(f->ring, data, 1 + r % FLOW_MOST, &why);
    for (size_t k = 0; k < n; k++) CHECK_EQ(data[k], flow_byte(f->popped++, 0));
    return n ? THETIS_OK : why;
}

static thetis_status flow_take_n(flow *f, uint64_t r)
{
    thetis_bytes_span span;
    thetis_status why;
    size_t n = thetis_bytes_peek_n(f->ring, 1 + r % FLOW_MOST, &span, &why);
    for (size_t k = 0; k < n; k++) {
        CHECK_EQ(*flow_at(&span, k), flow_byte(f->popped++, 0));
        *flow_at(&span, k) = 0xDD;
    }
    thetis_bytes_release_n(f->ring, n);
    return n ? THETIS_OK : why;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static thetis_status flow_produce_one(flow *f, uint64_t r)
{
    if (f->most == 0) return r % 2 ? flow_push_n(f, r >> 8) : flow_reserve_n(f, r >> 8);
    return r % 3 == 0 ? flow_push(f) : r % 3 == 1 ? flow_reserve(f) : flow_several(f);
}

static thetis_status flow_consume_one(flow *f, uint64_t r)
{
    if (f->most == 0) return r % 2 ? flow_pop_n(f, r >> 8) : flow_take_n(f, r >> 8);
    return r % 2 ? flow_pop(f) : flow_take(f);
}

static void *flow_produce(void *arg)
{
    flow *f = arg;
    uint64_t rng = test_seed();
    while (f->pushed < f->amount) {
        f->pushed_end = flow_produce_one(f, test_rand(&rng));
        if (f->pushed_end == THETIS_CLOSED) break;
        if (f->pushed_end == THETIS_FULL) sched_yield();
    }
    thetis_bytes_close(f->ring);
    return NULL;
}

static void flow_consume(flow *f)
{
    uint64_t rng = ~test_seed();
    for (;;) {
        thetis_status s = flow_consume_one(f, test_rand(&rng));
        CHECK_EQ(thetis_bytes_check(f->ring), THETIS_OK);
        if (f->popped >= f->limit) thetis_bytes_cancel(f->ring);
        if (s == THETIS_CLOSED) return;
        if (s == THETIS_EMPTY) sched_yield();
    }
}

static void flow_go(flow *f)
{
    pthread_t producer;
    CHECK_EQ(pthread_create(&producer, NULL, flow_produce, f), 0);
    flow_consume(f);
    CHECK_EQ(pthread_join(producer, NULL), 0);
    CHECK_EQ(thetis_bytes_check(f->ring), THETIS_OK);
}

static thetis_bytes *flow_plain(size_t capacity, size_t most)
{
    static char memory[THETIS_BYTES_SIZE(1 << 16)] THETIS_CACHE_ALIGNED;
    thetis_bytes_cfg cfg = {capacity, most, 0};
    thetis_bytes *ring;
    CHECK_EQ(thetis_bytes_init(memory, sizeof memory, &cfg, &ring), THETIS_OK);
    return ring;
}

static void flow_all_arrive(thetis_bytes *ring, size_t most, size_t amount)
{
    flow f = {.ring = ring, .most = most, .amount = test_scale(amount), .limit = UINT64_MAX};
    flow_go(&f);
    CHECK_EQ(f.pushed, f.amount);
    CHECK_EQ(f.popped, f.amount);
}

TEST(records_through_small_rings)
{
    flow_all_arrive(flow_plain(32, 8), 8, FLOW_RECORDS / 4);
    flow_all_arrive(flow_plain(64, 24), 24, FLOW_RECORDS / 2);
    flow_all_arrive(flow_plain(512, FLOW_MOST), FLOW_MOST, FLOW_RECORDS);
}

TEST(records_through_a_large_ring)
{
    flow_all_arrive(flow_plain(1 << 16, FLOW_MOST), FLOW_MOST, FLOW_RECORDS * 2);
}

TEST(records_through_a_mirrored_ring)
{
    thetis_bytes_cfg cfg = {1 << 16, FLOW_MOST, 0};
    thetis_bytes *ring;
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), THETIS_OK);
    flow_all_arrive(ring, FLOW_MOST, FLOW_RECORDS * 2);
    thetis_bytes_destroy(ring);
}

TEST(streams)
{
    flow_all_arrive(flow_plain(16, 0), 0, FLOW_BYTES / 10);
    flow_all_arrive(flow_plain(1024, 0), 0, FLOW_BYTES);
    thetis_bytes_cfg cfg = {1 << 16, 0, 0};
    thetis_bytes *ring;
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), THETIS_OK);
    flow_all_arrive(ring, 0, FLOW_BYTES);
    thetis_bytes_destroy(ring);
}

/* Closes after a random, often small number: whatever was pushed must come out before CLOSED. */
TEST(close_races_with_pop)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(FLOW_RACES); race > 0; race--) {
        size_t most = race % 3 ? 24 : 0;
        flow f = {.ring = flow_plain(64, most), .most = most, .limit = UINT64_MAX};
        f.amount = test_rand(&rng) % 40;
        flow_go(&f);
        CHECK_EQ(f.popped, f.amount);
    }
}

/* The consumer cancels in the middle: the producer stops, not much later than it must. */
TEST(cancel_races_with_push)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(FLOW_RACES); race > 0; race--) {
        size_t most = race % 3 ? 24 : 0;
        flow f = {.ring = flow_plain(64, most), .most = most, .amount = UINT64_MAX};
        f.limit = test_rand(&rng) % 40;
        flow_go(&f);
        CHECK_EQ(f.pushed_end, THETIS_CLOSED);
        CHECK(f.pushed >= f.popped);
        CHECK(f.pushed - f.popped <= 64);
        CHECK(f.popped >= f.limit);
    }
}

TEST_MAIN(T(records_through_small_rings, .timeout_s = 120),
          T(records_through_a_large_ring, .timeout_s = 60),
          T(records_through_a_mirrored_ring, .timeout_s = 60), T(streams, .timeout_s = 120),
          T(close_races_with_pop, .timeout_s = 60), T(cancel_races_with_push, .timeout_s = 60))
