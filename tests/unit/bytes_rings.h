/* SPDX-License-Identifier: MIT
 *
 * bytes_rings.h: byte rings in chosen states, and calls with their expected answers, for
 * test_bytes*.c.
 */
#ifndef TEST_BYTES_RINGS_H
#define TEST_BYTES_RINGS_H

#include "harness/test.h"

#include "port/port.h"

#include <string.h>
#include <thetis/bytes.h>

enum { BYTES_HEADER = 8, BYTES_PLAIN = 64, BYTES_PLAIN_MOST = BYTES_PLAIN / 2 - BYTES_HEADER };

static char bytes_mem[THETIS_BYTES_SIZE(4096)] THETIS_CACHE_ALIGNED;

/* As if `start` bytes had passed through the empty ring. */
static inline thetis_bytes *bytes_started(thetis_bytes *ring, uintptr_t start)
{
    thetis_spsc *spsc = &ring->spsc_;
    spsc->producer_.at_.word_ = spsc->consumer_.at_.word_ = spsc->consumer_.known_ = start * 2;
    spsc->producer_.known_ = start * 2 + spsc->producer_.span_;
    return ring;
}

static inline thetis_bytes *bytes_make(size_t capacity, size_t max_record, uintptr_t start)
{
    thetis_bytes_cfg cfg = {.capacity = capacity, .max_record = max_record};
    thetis_bytes *ring = NULL;
    CHECK_EQ(thetis_bytes_init(bytes_mem, sizeof bytes_mem, &cfg, &ring), THETIS_OK);
    return bytes_started(ring, start);
}

/* The smallest ring that can be mirrored, with the largest records or as a stream. */
static inline thetis_bytes *bytes_make_mirrored(int records, uintptr_t start)
{
    static char *memory;
    size_t page = tht_port_page();
    thetis_bytes_cfg cfg = {.capacity = page, .mirror_at = page};
    thetis_bytes *ring = NULL;
    if (!memory) memory = tht_port_mirror(page, page);
    if (!memory) SKIP_ENVIRONMENT("no mirrored memory");
    if (records) cfg.max_record = THETIS_BYTES_RECORD_MAX_MIRRORED(page);
    CHECK_EQ(thetis_bytes_init(memory, 3 * page, &cfg, &ring), THETIS_OK);
    return bytes_started(ring, start);
}

/* Runs `body` for rings of records of both kinds, at every place and as the counters wrap. */
static inline void bytes_each(void (*body)(thetis_bytes *ring))
{
    for (uintptr_t at = 0; at <= 2 * BYTES_PLAIN; at += 8) {
        body(bytes_make(BYTES_PLAIN, BYTES_PLAIN_MOST, (uintptr_t)0 - at));
        body(bytes_make_mirrored(1, (uintptr_t)0 - at));
    }
}

/* The k-th byte of a record, or of a stream, that differs from its neighbours' . */
static inline unsigned char bytes_of(uint64_t number, size_t k)
{
    return (unsigned char)(number * 37 + k * 11 + 5);
}

static inline void bytes_fill(void *at, uint64_t number, size_t n)
{
    for (size_t k = 0; k < n; k++) ((unsigned char *)at)[k] = bytes_of(number, k);
}

static inline void bytes_expect(const void *at, uint64_t number, size_t n)
{
    for (size_t k = 0; k < n; k++) CHECK_EQ(((const unsigned char *)at)[k], bytes_of(number, k));
}

static inline void *bytes_reserve_ok(thetis_bytes *ring, size_t max)
{
    void *record = NULL;
    CHECK_EQ(thetis_bytes_reserve(ring, max, &record), THETIS_OK);
    CHECK(record != NULL);
    CHECK_EQ((uintptr_t)record % 8, 0);
    return record;
}

static inline void bytes_reserve_says(thetis_bytes *ring, size_t max, thetis_status want)
{
    void *record = ring;
    CHECK_EQ(thetis_bytes_reserve(ring, max, &record), want);
    CHECK(record == (void *)ring);
}

static inline thetis_status bytes_push(thetis_bytes *ring, uint64_t number, size_t size)
{
    static unsigned char data[1 << 16];
    bytes_fill(data, number, size);
    thetis_status s = thetis_bytes_push(ring, data, size);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
    return s;
}

static inline void bytes_push_ok(thetis_bytes *ring, uint64_t number, size_t size)
{
    CHECK_EQ(bytes_push(ring, number, size), THETIS_OK);
}

static inline void bytes_peek_is(thetis_bytes *ring, uint64_t number, size_t size)
{
    void *record = NULL;
    size_t got = ~(size_t)0;
    CHECK_EQ(thetis_bytes_peek(ring, &record, &got), THETIS_OK);
    CHECK_EQ(got, size);
    CHECK_EQ((uintptr_t)record % 8, 0);
    bytes_expect(record, number, size);
}

static inline void bytes_take_is(thetis_bytes *ring, uint64_t number, size_t size)
{
    bytes_peek_is(ring, number, size);
    thetis_bytes_release(ring);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
}

static inline void bytes_pop_is(thetis_bytes *ring, uint64_t number, size_t size)
{
    static unsigned char data[1 << 16];
    size_t got = ~(size_t)0;
    data[size] = 0xEE;
    CHECK_EQ(thetis_bytes_pop(ring, data, size, &got), THETIS_OK);
    CHECK_EQ(got, size);
    bytes_expect(data, number, size);
    CHECK_EQ(data[size], 0xEE);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
}

static inline void bytes_pop_says(thetis_bytes *ring, thetis_status want)
{
    unsigned char data[8];
    void *record = ring;
    size_t got = 4711;
    CHECK_EQ(thetis_bytes_pop(ring, data, sizeof data, &got), want);
    CHECK_EQ(thetis_bytes_peek(ring, &record, &got), want);
    CHECK(record == (void *)ring);
    CHECK_EQ(got, 4711);
}

#endif
