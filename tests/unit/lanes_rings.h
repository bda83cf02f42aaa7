/* SPDX-License-Identifier: MIT
 *
 * lanes_rings.h: lanes in chosen states, and calls with their expected answers, for test_lanes*.c.
 */
#ifndef TEST_LANES_RINGS_H
#define TEST_LANES_RINGS_H

#include "harness/test.h"

#include <string.h>
#include <thetis/lanes.h>

enum { LANES_P = 3, LANES_CAPACITY = 128, LANES_MOST = 40 };

static char lanes_mem[THETIS_LANES_SIZE(LANES_P, LANES_CAPACITY)] THETIS_CACHE_ALIGNED;
static char lanes_own[THETIS_LANES_CONSUMER_SIZE(LANES_P)] THETIS_CACHE_ALIGNED;
static const thetis_lanes_cfg lanes_cfg = {LANES_P, LANES_CAPACITY, LANES_MOST};
static thetis_lanes lanes;
static thetis_lanes_consumer *out;
static thetis_lanes_producer by[LANES_P];

static inline thetis_lanes_lane_ *lanes_lane_of(size_t k)
{
    return (void *)(lanes_mem + sizeof(thetis_lanes_memory_) + k * lanes.stride_);
}

static inline thetis_spsc *lanes_counters_of(size_t k)
{
    return &((thetis_bytes *)(lanes_lane_of(k) + 1))->spsc_;
}

static inline void lanes_open_again(void)
{
    memset(lanes_own, 0xAA, sizeof lanes_own);
    CHECK_EQ(thetis_lanes_open(&lanes, lanes_own, sizeof lanes_own, &out), THETIS_OK);
}

/* Empty lanes, of which all are taken, as if `tickets` had been drawn and `bytes` had passed. */
static inline void lanes_make(uintptr_t tickets, uintptr_t bytes)
{
    memset(lanes_mem, 0xAA, sizeof lanes_mem);
    CHECK_EQ(thetis_lanes_init(lanes_mem, sizeof lanes_mem, &lanes_cfg, &lanes), THETIS_OK);
    lanes.memory_->tail_.word_ = 2 * tickets;
    for (size_t k = 0; k < LANES_P; k++) {
        lanes_lane_of(k)->promised_.word_ = 2 * bytes;
        lanes_counters_of(k)->producer_.at_.word_ = 2 * bytes;
        lanes_counters_of(k)->consumer_.at_.word_ = 2 * bytes;
    }
    lanes_open_again();
    for (size_t k = 0; k < LANES_P; k++)
        CHECK_EQ(thetis_lanes_join(&lanes, k + 1, &by[k]), THETIS_OK);
}

/* Runs `body` at tickets and bytes that wrap soon, and at the places of a lane. */
static inline void lanes_each(void (*body)(void))
{
    for (uintptr_t k = 0; k < 20; k++) {
        lanes_make((uintptr_t)0 - k, (uintptr_t)0 - 8 * k);
        body();
    }
}

/* ---- records: the number decides size and contents ------------------------------------------- */

static inline size_t lanes_size_of(uint32_t number)
{
    return number * 11 % (LANES_MOST + 1);
}

static inline unsigned char lanes_byte(uint32_t number, size_t k)
{
    return (unsigned char)(number * 31 + k * 7);
}

static inline void lanes_fill(unsigned char *at, uint32_t number)
{
    for (size_t k = 0; k < lanes_size_of(number); k++) at[k] = lanes_byte(number, k);
}

static inline void lanes_expect(const unsigned char *at, size_t size, uint32_t number)
{
    CHECK_EQ(size, lanes_size_of(number));
    for (size_t k = 0; k < size; k++) CHECK_EQ(at[k], lanes_byte(number, k));
}

static inline void lanes_are_sound(void)
{
    CHECK(out->top_ - out->taken_ <= UINTPTR_MAX / 2);
    for (size_t k = 0; k < LANES_P; k++) CHECK_EQ(thetis_lanes_check(out, k), THETIS_OK);
}

static inline thetis_status lanes_push(size_t p, uint32_t number)
{
    unsigned char data[LANES_MOST];
    lanes_fill(data, number);
    return thetis_lanes_push(&by[p], data, lanes_size_of(number));
}

static inline void lanes_push_ok(size_t p, uint32_t number)
{
    CHECK_EQ(lanes_push(p, number), THETIS_OK);
    lanes_are_sound();
}

static inline void lanes_take(uint32_t number)
{
    unsigned char data[LANES_MOST + 1];
    size_t size = 4711;
    data[LANES_MOST] = 0xEE;
    CHECK_EQ(thetis_lanes_pop(out, data, LANES_MOST, &size), THETIS_OK);
    lanes_expect(data, size, number);
    CHECK_EQ(data[LANES_MOST], 0xEE);
}

static inline void lanes_pop_is(uint32_t number)
{
    lanes_take(number);
    lanes_are_sound();
}

static inline void lanes_pop_says(thetis_status want)
{
    unsigned char data[LANES_MOST];
    void *record = data;
    size_t size = 4711;
    CHECK_EQ(thetis_lanes_pop(out, data, sizeof data, &size), want);
    CHECK_EQ(thetis_lanes_peek(out, &record, &size), want);
    CHECK_EQ(size, 4711);
    CHECK(record == data);
}

static inline void *lanes_reserve_ok(size_t p, size_t max)
{
    void *record = NULL;
    CHECK_EQ(thetis_lanes_reserve(&by[p], max, &record), THETIS_OK);
    CHECK_EQ((uintptr_t)record % 8, 0);
    return record;
}

/* As a producer that was stopped behind the drawing of its ticket. */
static inline uintptr_t lanes_draw_only(size_t p, size_t max)
{
    (void)lanes_reserve_ok(p, max);
    return thetis_lanes_draw_(&by[p], by[p].end_.side_.own_, 1);
}

#endif
