/* SPDX-License-Identifier: MIT
 *
 * spsc_check.c: a user's scenarios of code that is built on the library's structures: a ring in
 * which one thread hands over buffers to another. The control breaks the contract of the ring.
 */
#include <thetis/check.h>
#include <thetis/spsc.h>

enum { GIVER, TAKER, BUFFERS = 3 };

THETIS_SPSC(buffers, int *);

static char memory[THETIS_SPSC_SIZE(sizeof(int *), 2)] THETIS_CACHE_ALIGNED;
static thetis_spsc *shared;
static int buffer[BUFFERS];

static void setup(void)
{
    thetis_spsc_cfg cfg = {sizeof(int *), 2};
    THETIS_CHECK(thetis_spsc_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    for (int k = 0; k < BUFFERS; k++) buffer[k] = 0;
}

static void give(int *filled)
{
    thetis_check_begin("buffers.push", thetis_spsc_bound(shared, THETIS_SPSC_PUSH, 1));
    thetis_status status = buffers_push(shared, filled);
    thetis_check_end();
    THETIS_CHECK(status == THETIS_OK || status == THETIS_FULL);
}

static void take(void)
{
    int *filled;
    thetis_check_begin("buffers.pop", thetis_spsc_bound(shared, THETIS_SPSC_POP, 1));
    thetis_status status = buffers_pop(shared, &filled);
    thetis_check_end();
    if (status == THETIS_OK) THETIS_CHECK(*filled == 1);
}

static void body(unsigned thread)
{
    for (int k = 0; k < BUFFERS; k++) {
        if (thread == TAKER) {
            take();
        } else {
            buffer[k] = 1;
            give(&buffer[k]);
        }
    }
}

/* thetis_spsc_check() is no inline function: its two steps are the installed library's. */
static void checking_body(unsigned thread)
{
    body(thread);
    thetis_check_begin("buffers.check", 2);
    THETIS_CHECK(thetis_spsc_check(shared) == THETIS_OK);
    thetis_check_end();
}

static void wrong_body(unsigned thread)
{
    if (thread == TAKER) thetis_spsc_release(shared, 1); /* of nothing */
    else give(&buffer[0]);
}

static const thetis_check_scenario hand_over = {
    .name = "buffers", .threads = 2, .setup = setup, .body = body};
static const thetis_check_scenario checked = {
    .name = "buffers-checked", .threads = 2, .setup = setup, .body = checking_body};
static const thetis_check_scenario contract = {
    .name = "control-contract", .threads = 2, .setup = setup, .body = wrong_body,
    .expect = "assertion"};

THETIS_CHECK_MAIN(&hand_over, &checked, &contract)
