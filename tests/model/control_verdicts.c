/* SPDX-License-Identifier: MIT
 *
 * control_verdicts.c: the smallest faults that have each verdict of their own.
 */
#include <stddef.h>
#include <thetis/check.h>

#include "orders.h"

enum { SC = __ATOMIC_SEQ_CST };

static uint64_t first, second;
static uint64_t *pointer;

static void setup(void)
{
    first = second = 0;
    pointer = &first;
}

/* ---- assertion: an update that is lost ------------------------------------------------------- */

static void lost_body(unsigned thread)
{
    (void)thread;
    order_store(&first, order_load(&first, SC) + 1, SC);
}

static void both_counted(void)
{
    if (!thetis_check_stopped(0) && !thetis_check_stopped(1)) THETIS_CHECK(first == 2);
}

const thetis_check_scenario control_assertion = {
    .name = "control-assertion", .threads = 2, .setup = setup, .body = lost_body,
    .done = both_counted, .expect = "assertion"};

/* ---- crash: checked, then read again --------------------------------------------------------- */

static void crash_body(unsigned thread)
{
    uint64_t *word = (uint64_t *)(uintptr_t)&pointer;
    if (thread == 0) {
        order_store(word, 0, SC);
    } else if (order_load(word, SC)) {
        *(volatile uint64_t *)(uintptr_t)order_load(word, SC) = 1;
    }
}

const thetis_check_scenario control_crash = {
    .name = "control-crash", .threads = 2, .setup = setup, .body = crash_body,
    .expect = "crash"};

/* ---- bound: wrong, and too loose ------------------------------------------------------------- */

static void two_steps(uint64_t bound)
{
    thetis_check_begin("verdicts.two_steps", bound);
    (void)order_add(&first, 1, SC);
    (void)order_add(&second, 1, SC);
    thetis_check_end();
}

static void bound_body(unsigned thread)
{
    (void)thread;
    two_steps(1);
}

static void loose_body(unsigned thread)
{
    (void)thread;
    two_steps(4); /* doubled: half of it at most is ever seen */
}

static void exact_body(unsigned thread)
{
    (void)thread;
    two_steps(2);
}

const thetis_check_scenario control_bound = {
    .name = "control-bound", .threads = 2, .setup = setup, .body = bound_body,
    .expect = "bound"};

const thetis_check_scenario control_loose_bound = {
    .name = "control-loose-bound", .threads = 2, .setup = setup, .body = loose_body,
    .expect = "loose"};

const thetis_check_scenario control_exact_bound = {
    .name = "control-exact-bound", .threads = 2, .setup = setup, .body = exact_body};

/* ---- history: a snapshot of two words, taken one after the other ----------------------------- */

static void history_body(unsigned thread)
{
    if (thread == 0) {
        (void)order_add(&first, 1, SC);
        (void)order_add(&second, 1, SC);
        return;
    }
    uint64_t one = order_load(&first, SC);
    uint64_t two = order_load(&second, SC);
    if (two > one) thetis_check_fail("history", "a state that never was", __FILE__, __LINE__);
}

const thetis_check_scenario control_history = {
    .name = "control-history", .threads = 2, .setup = setup, .body = history_body,
    .expect = "history"};

/* ---- deadlock: two locks, taken in both orders ----------------------------------------------- */

static int is_free(void *lock)
{
    return *(const uint64_t *)lock == 0;
}

static void take(uint64_t *lock)
{
    uint64_t seen = 0;
    while (!order_cas(lock, &seen, 1, SC, SC)) {
        thetis_check_wait(is_free, lock);
        seen = 0;
    }
}

static void take_both(uint64_t *one, uint64_t *two)
{
    take(one);
    take(two);
    order_store(two, 0, SC);
    order_store(one, 0, SC);
}

static void deadlock_body(unsigned thread)
{
    if (thread == 0) take_both(&first, &second);
    else take_both(&second, &first);
}

static void lock_body(unsigned thread)
{
    (void)thread;
    take_both(&first, &second);
}

const thetis_check_scenario control_deadlock = {
    .name = "control-deadlock", .threads = 2, .setup = setup, .body = deadlock_body,
    .expect = "deadlock", .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_lock = {
    .name = "control-lock", .threads = 2, .setup = setup, .body = lock_body,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- spin: for a word that is taken back, and for nothing shared ----------------------------- */

static void spin_body(unsigned thread)
{
    if (thread == 0) {
        while (order_load(&first, SC) == 0) thetis_check_pause();
    } else {
        order_store(&first, 1, SC);
        order_store(&first, 0, SC);
    }
}

static void local_body(unsigned thread)
{
    volatile uint64_t forever = thread;
    order_store(&first, thread, SC);
    while (forever) continue;
}

const thetis_check_scenario control_spin = {
    .name = "control-spin", .threads = 2, .setup = setup, .body = spin_body,
    .expect = "spin", .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario control_spin_local = {
    .name = "control-spin-local", .threads = 2, .setup = setup, .body = local_body,
    .expect = "spin"};
