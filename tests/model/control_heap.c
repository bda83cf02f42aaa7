/* SPDX-License-Identifier: MIT
 *
 * control_heap.c: faults of memory that is allocated and freed.
 */
#include <stdlib.h>
#include <thetis/check.h>

#include "orders.h"

enum { SC = __ATOMIC_SEQ_CST };

static uint64_t shared; /* address of a block of one word, or 0 */
static uint64_t active, price;
static uint64_t *limbo[4];
static unsigned waiting;

static uint64_t new_block(void)
{
    uint64_t *block = malloc(sizeof *block);
    if (block) *block = 1;
    return (uint64_t)(uintptr_t)block;
}

static void free_block(uint64_t block)
{
    free((void *)(uintptr_t)block);
}

static void setup(void)
{
    shared = new_block();
    active = waiting = 0;
    price = 1;
}

static void free_shared(void)
{
    free_block(shared);
}

/* ---- use after free -------------------------------------------------------------------------- */

static void use_body(unsigned thread)
{
    if (thread == 0) {
        free_block(order_add(&shared, -order_load(&shared, SC), SC));
    } else {
        const uint64_t *block = (uint64_t *)(uintptr_t)order_load(&shared, SC);
        if (block) THETIS_CHECK(order_load(block, SC) == 1);
    }
}

static void twice_body(unsigned thread)
{
    (void)thread;
    uint64_t block = order_load(&shared, SC);
    order_store(&shared, 0, SC);
    free_block(block);
}

const thetis_check_scenario control_use_after_free = {
    .name = "control-use-after-free", .threads = 2, .setup = setup, .body = use_body,
    .done = free_shared, .expect = "use after free"};

const thetis_check_scenario control_double_free = {
    .name = "control-double-free", .threads = 2, .setup = setup, .body = twice_body,
    .done = free_shared, .expect = "use after free"};

/* ---- leak: two put a block in the same place ------------------------------------------------- */

static void leak_body(unsigned thread)
{
    (void)thread;
    uint64_t old = order_load(&shared, SC);
    uint64_t mine = new_block();
    if (order_cas(&shared, &old, mine, SC, SC)) free_block(old);
    /* else `mine` is forgotten */
}

const thetis_check_scenario control_leak = {
    .name = "control-leak", .threads = 2, .setup = setup, .body = leak_body,
    .done = free_shared, .expect = "leak"};

/* ---- garbage: nothing is freed while somebody reads ------------------------------------------ */

static void reclaim(void)
{
    if (order_load(&active, SC)) return;
    while (waiting > 0) free(limbo[--waiting]);
}

static void garbage_body(unsigned thread)
{
    if (thread == 0) {
        order_store(&active, 1, SC);
        (void)order_load(&shared, SC);
        order_store(&active, 0, SC);
        return;
    }
    for (int k = 0; k < 3; k++) {
        uint64_t old = order_load(&shared, SC);
        order_store(&shared, new_block(), SC);
        limbo[waiting++] = (uint64_t *)(uintptr_t)old;
        thetis_check_retire((void *)(uintptr_t)old);
        reclaim();
    }
}

static void free_all(void)
{
    while (waiting > 0) free(limbo[--waiting]);
    free_shared();
}

const thetis_check_scenario control_garbage = {
    .name = "control-garbage", .threads = 2, .setup = setup, .body = garbage_body,
    .done = free_all, .expect = "garbage", .garbage = 2};

const thetis_check_scenario control_garbage_enough = {
    .name = "control-garbage-enough", .threads = 2, .setup = setup, .body = garbage_body,
    .done = free_all, .garbage = 3};

/* ---- ABA: the same address is not the same block --------------------------------------------- */

/* Thread 0 buys the block at the price that it saw; thread 1 takes it, frees it and offers another
 * one at another price. Without reuse of memory the addresses differ, and nothing goes wrong. */
static void aba_body(unsigned thread)
{
    uint64_t seen = order_load(&shared, SC);
    uint64_t asked = order_load(&price, SC);
    if (!seen || !order_cas(&shared, &seen, 0, SC, SC)) return;
    if (thread == 0) THETIS_CHECK(order_load(&price, SC) == asked);
    free_block(seen);
    if (thread == 1) {
        order_store(&price, 2, SC);
        order_store(&shared, new_block(), SC);
    }
}

const thetis_check_scenario control_aba = {
    .name = "control-aba", .threads = 2, .setup = setup, .body = aba_body,
    .done = free_shared, .expect = "assertion"};

/* ---- an allocation that fails ---------------------------------------------------------------- */

static void careless_body(unsigned thread)
{
    (void)thread;
    uint64_t *block = malloc(sizeof *block);
    *block = 1;
    free(block);
}

static void careful_body(unsigned thread)
{
    (void)thread;
    uint64_t *block = malloc(sizeof *block);
    if (block) *block = 1;
    free(block);
}

const thetis_check_scenario control_alloc = {
    .name = "control-alloc", .threads = 2, .body = careless_body,
    .expect = "crash", .flags = THETIS_CHECK_ALLOC};

const thetis_check_scenario control_alloc_checked = {
    .name = "control-alloc-checked", .threads = 2, .body = careful_body,
    .flags = THETIS_CHECK_ALLOC};
