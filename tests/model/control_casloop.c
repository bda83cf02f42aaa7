/* SPDX-License-Identifier: MIT
 *
 * control_casloop.c: a fetch-and-add by a loop of compare-and-swaps. It is lock-free: an attempt
 * fails only if another one succeeded. No schedule of few operations tells it from a wait-free
 * one; its steps grow with the operations of the others, which only the growing adversary shows.
 */
#include <thetis/check.h>

#include "orders.h"

static uint64_t word;

static void setup(void)
{
    word = 0;
}

static void loop(void)
{
    uint64_t seen = order_load(&word, __ATOMIC_RELAXED);
    while (!order_cas(&word, &seen, seen + 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
}

static void loop_body(unsigned thread)
{
    (void)thread;
    for (unsigned k = thetis_check_rounds(); k > 0; k--) {
        thetis_check_begin("casloop.add", THETIS_CHECK_UNBOUNDED);
        loop();
        thetis_check_end();
    }
}

static void add_body(unsigned thread)
{
    (void)thread;
    for (unsigned k = thetis_check_rounds(); k > 0; k--) {
        thetis_check_begin("casloop.fetch_add", THETIS_CHECK_UNBOUNDED);
        (void)order_add(&word, 1, __ATOMIC_RELAXED);
        thetis_check_end();
    }
}

const thetis_check_scenario control_casloop = {
    .name = "control-casloop", .threads = 2, .setup = setup, .body = loop_body,
    .expect = "growth", .finders = "adversary"};

const thetis_check_scenario control_casloop_add = {
    .name = "control-casloop-add", .threads = 2, .setup = setup, .body = add_body};
