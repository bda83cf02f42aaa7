/* SPDX-License-Identifier: MIT
 *
 * replay_scenarios.c: small scenarios with known schedules; compiled with instrumentation.
 */
#include "replay_scenarios.h"

#include <stdlib.h>

#define LOAD(at, order) __atomic_load_n(&(at), __ATOMIC_##order)
#define STORE(at, value, order) __atomic_store_n(&(at), value, __ATOMIC_##order)
#define ADD(at, by, order) __atomic_fetch_add(&(at), by, __ATOMIC_##order)

/* ---- mixed ----------------------------------------------------------------------------------- */

static int word, flag, *block;
static uint64_t seen;

static void mixed_setup(void)
{
    word = flag = 0;
    block = NULL;
    seen = 0;
}

static int flag_is_up(void *arg)
{
    (void)arg;
    return flag != 0;
}

static void mixed_giver(void)
{
    int *mine = malloc(sizeof *mine);
    *mine = 7;
    unsigned first = thetis_check_choose(3), second = thetis_check_choose(3);
    STORE(word, 1 + (int)(first + 3 * second), RELAXED);
    STORE(block, mine, RELEASE);
    ADD(seen, thetis_check_choose(2), RELAXED);
    STORE(flag, 1, RELAXED);
}

static void mixed_taker(void)
{
    int *theirs, expected = 0;
    thetis_check_begin("replay.take", THETIS_CHECK_UNBOUNDED);
    while ((theirs = LOAD(block, ACQUIRE)) == NULL) thetis_check_pause();
    ADD(seen, (uint64_t)*theirs, RELAXED);
    while (!__atomic_compare_exchange_n(&word, &expected, 9, 1, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
    }
    thetis_check_end();
}

static void mixed_waiter(void)
{
    int before = LOAD(word, RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    thetis_check_wait(flag_is_up, NULL);
    ADD(seen, (uint64_t)(before + LOAD(word, RELAXED)), RELAXED);
}

static void mixed_body(unsigned thread)
{
    if (thread == 0) mixed_giver();
    else if (thread == 1) mixed_taker();
    else mixed_waiter();
}

const thetis_check_scenario scenario_mixed = {
    .name = "replay-mixed", .threads = 3, .setup = mixed_setup, .body = mixed_body,
    .flags = THETIS_CHECK_LEAKS};

/* ---- ring ------------------------------------------------------------------------------------ */

static uint64_t head, tail, slot[2];

static void ring_setup(void)
{
    head = tail = 0;
}

static void ring_push(uint64_t value)
{
    uint64_t at = LOAD(tail, RELAXED);
    if (at - LOAD(head, ACQUIRE) == 2) return;
    slot[at % 2] = value;
    STORE(tail, at + 1, RELEASE);
}

static void ring_pop(void)
{
    uint64_t at = LOAD(head, RELAXED);
    thetis_check_begin("ring.pop", 4);
    if (LOAD(tail, ACQUIRE) != at) {
        THETIS_CHECK(slot[at % 2] == at + 1);
        STORE(head, at + 1, RELAXED); /* the fault */
    }
    thetis_check_end();
}

static void ring_body(unsigned thread)
{
    for (uint64_t k = 1; k <= 3; k++) {
        if (thread == 0) ring_push(k);
        else ring_pop();
    }
}

const thetis_check_scenario scenario_ring = {
    .name = "replay-ring", .threads = 2, .setup = ring_setup, .body = ring_body};

/* ---- lost update ----------------------------------------------------------------------------- */

static int sum, other;

static void lost_setup(void)
{
    sum = other = 0;
}

static void lost_body(unsigned thread)
{
    for (int k = 0; k < 3; k++) {
        if (thread == 1) ADD(other, 1, RELAXED);
        else STORE(sum, LOAD(sum, SEQ_CST) + 1, SEQ_CST);
        (void)LOAD(other, RELAXED);
    }
}

static void lost_done(void)
{
    int complete = !thetis_check_stopped(0) && !thetis_check_stopped(2);
    THETIS_CHECK(!complete || sum == 6);
}

const thetis_check_scenario scenario_lost = {
    .name = "replay-lost", .threads = 3, .setup = lost_setup, .body = lost_body,
    .done = lost_done};

static void strict_done(void)
{
    THETIS_CHECK(sum == 6);
}

const thetis_check_scenario scenario_strict = {
    .name = "replay-strict", .threads = 3, .setup = lost_setup, .body = lost_body,
    .done = strict_done};

/* ---- hidden step ----------------------------------------------------------------------------- */

static uint64_t first_word, second_word;

static void hidden_setup(void)
{
    first_word = second_word = 0;
}

static void hidden_body(unsigned thread)
{
    if (thread == 1) {
        if (LOAD(first_word, RELAXED) == 0) STORE(second_word, 1, RELAXED);
        return;
    }
    thetis_check_begin("hidden.add", 1);
    ADD(first_word, 1, RELAXED);
    (void)LOAD(second_word, RELAXED);
    thetis_check_end();
}

const thetis_check_scenario scenario_hidden = {
    .name = "replay-hidden", .threads = 2, .setup = hidden_setup, .body = hidden_body};

/* ---- crash ----------------------------------------------------------------------------------- */

static void straight_body(unsigned thread)
{
    for (unsigned k = 0; k <= thread; k++) ADD(word, 1, RELAXED);
}

const thetis_check_scenario scenario_straight = {
    .name = "replay-straight", .threads = 3, .setup = mixed_setup, .body = straight_body};

static void lock_body(unsigned thread)
{
    (void)thread;
    while (__atomic_exchange_n(&flag, 1, __ATOMIC_ACQUIRE)) thetis_check_pause();
    word++;
    STORE(flag, 0, RELEASE);
}

const thetis_check_scenario scenario_lock = {
    .name = "replay-lock", .threads = 2, .setup = mixed_setup, .body = lock_body};

/* ---- adversary ------------------------------------------------------------------------------- */

static void cas_add(uint64_t bound)
{
    int old = LOAD(word, RELAXED);
    thetis_check_begin("cas.add", bound);
    while (!__atomic_compare_exchange_n(&word, &old, old + 1, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
    thetis_check_end();
}

static void cas_body(unsigned thread)
{
    (void)thread;
    for (unsigned k = 0; k < thetis_check_rounds(); k++) cas_add(THETIS_CHECK_UNBOUNDED);
}

static void bound_body(unsigned thread)
{
    (void)thread;
    for (unsigned k = 0; k < thetis_check_rounds(); k++) cas_add(20);
}

static void add_body(unsigned thread)
{
    (void)thread;
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        thetis_check_begin("one.add", 1);
        ADD(word, 1, RELAXED);
        thetis_check_end();
    }
}

const thetis_check_scenario scenario_cas = {
    .name = "replay-cas", .threads = 3, .setup = mixed_setup, .body = cas_body};
const thetis_check_scenario scenario_cas_lockfree = {
    .name = "replay-cas-lockfree", .threads = 3, .setup = mixed_setup, .body = cas_body,
    .flags = THETIS_CHECK_LOCKFREE};
const thetis_check_scenario scenario_cas_bound = {
    .name = "replay-cas-bound", .threads = 3, .setup = mixed_setup, .body = bound_body};
const thetis_check_scenario scenario_add = {
    .name = "replay-add", .threads = 3, .setup = mixed_setup, .body = add_body};
