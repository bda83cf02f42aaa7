/* SPDX-License-Identifier: MIT
 *
 * engine_sizes.c: atomic locations of several sizes in one word are several locations; two words
 * in one location are one.
 */
#include "engine_code.h"

#include <string.h>

#include "orders.h"

/* The word of the two bytes also has a location of four. */
static struct {
    uint32_t four;
    uint8_t first, second;
} mixed;
static volatile uint64_t plain;
static union {
    wide_value value;
    uint64_t half[2];
} wide;

static void setup(void)
{
    memset(&mixed, 0, sizeof mixed);
    plain = 0;
    wide.value = 0;
}

/* What happens to its neighbour is no reason for a compare-and-swap to fail. */
static void compare(unsigned thread)
{
    uint8_t seen = 0;
    narrow_store(&mixed.four, thread);
    if (thread == 0) byte_store(&mixed.second, 1, __ATOMIC_RELAXED);
    else THETIS_CHECK(byte_cas(&mixed.first, &seen, 1));
}

/* Two relaxed stores may be seen in the wrong order. */
static void order(unsigned thread)
{
    narrow_store(&mixed.four, thread);
    if (thread == 0) {
        byte_store(&mixed.first, 1, __ATOMIC_RELAXED);
        byte_store(&mixed.second, 1, __ATOMIC_RELAXED);
    } else if (byte_load(&mixed.second)) {
        THETIS_CHECK(byte_load(&mixed.first));
    }
}

/* A relaxed store does not hand on what its neighbour released. */
static void release(unsigned thread)
{
    narrow_store(&mixed.four, thread);
    if (thread == 0) {
        plain = 1;
        byte_store(&mixed.first, 1, __ATOMIC_RELEASE);
        byte_store(&mixed.second, 1, __ATOMIC_RELAXED);
    } else if (byte_load(&mixed.second)) {
        plain = 2;
    }
}

/* A plain write to the half that nobody else uses counts for the whole. */
static void half(unsigned thread)
{
    wide_value seen = 0;
    if (thread == 1) {
        (void)order_load(&wide.half[0], __ATOMIC_SEQ_CST);
        return;
    }
    (void)wide_cas(&wide.value, &seen, 5);
    wide.half[1] = 7;
    (void)wide_cas(&wide.value, &seen, 0);
    THETIS_CHECK(seen >> 64 == 7);
}

/* Many different accesses to one word. */
static _Alignas(8) volatile uint8_t bytes[8];
static uint32_t ready;

static void bytes_setup(void)
{
    for (int k = 0; k < 8; k++) bytes[k] = 0;
    ready = 0;
}

static int is_ready(void *unused)
{
    (void)unused;
    return ready != 0;
}

static void many(unsigned thread)
{
    if (thread > 0) thetis_check_wait(is_ready, NULL);
    if (thread == 0) {
        for (int k = 0; k < 8; k++) bytes[k] = 1;
        narrow_store(&ready, 1);
    } else if (narrow_load(&ready)) {
        for (int k = 0; k < 8; k++) THETIS_CHECK(bytes[k] == 1);
        for (int k = 0; k < 8; k++) THETIS_CHECK(byte_load((const uint8_t *)&bytes[k]) == 1);
    }
}

const thetis_check_scenario engine_byte_compare = {
    .name = "engine-byte-compare", .threads = 2, .setup = setup, .body = compare};
const thetis_check_scenario engine_byte_order = {
    .name = "engine-byte-order", .threads = 2, .setup = setup, .body = order};
const thetis_check_scenario engine_byte_release = {
    .name = "engine-byte-release", .threads = 2, .setup = setup, .body = release};
const thetis_check_scenario engine_byte_many = {
    .name = "engine-byte-many", .threads = 8, .setup = bytes_setup, .body = many};
const thetis_check_scenario engine_half = {
    .name = "engine-half", .threads = 2, .setup = setup, .body = half};
