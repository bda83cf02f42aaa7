/* SPDX-License-Identifier: MIT
 *
 * control_id.c: a thread number that is given back before what it stands for was cleared, so that
 * the next owner's protection is wiped out. One number, two readers in turn, one who reclaims.
 */
#include <stdlib.h>
#include <thetis/check.h>

#include "orders.h"

enum { SC = __ATOMIC_SEQ_CST, RECLAIMER = 2 };

static uint64_t taken, hazard, shared;

static void setup(void)
{
    uint64_t *block = malloc(sizeof *block);
    *block = 1;
    taken = hazard = 0;
    shared = (uint64_t)(uintptr_t)block;
}

static void read_protected(void)
{
    uint64_t block = order_load(&shared, SC);
    if (!block) return;
    order_store(&hazard, block, SC);
    if (order_load(&shared, SC) != block) return;
    THETIS_CHECK(order_load((const uint64_t *)(uintptr_t)block, SC) == 1);
}

/* What is protected at this moment stays for done() to free. */
static void reclaim(void)
{
    uint64_t block = order_load(&shared, SC);
    order_store(&shared, 0, SC);
    if (order_load(&hazard, SC) == block) order_store(&shared, block, SC);
    else free((void *)(uintptr_t)block);
}

static void body(unsigned thread, bool early)
{
    uint64_t none = 0;
    if (thread == RECLAIMER) {
        reclaim();
        return;
    }
    if (!order_cas(&taken, &none, 1, SC, SC)) return;
    read_protected();
    if (early) order_store(&taken, 0, SC);
    order_store(&hazard, 0, SC);
    if (!early) order_store(&taken, 0, SC);
}

static void early_body(unsigned thread)
{
    body(thread, true);
}

static void late_body(unsigned thread)
{
    body(thread, false);
}

static void done(void)
{
    free((void *)(uintptr_t)shared);
}

const thetis_check_scenario control_id_reuse = {
    .name = "control-id-reuse", .threads = 3, .setup = setup, .body = early_body, .done = done,
    .expect = "use after free"};

const thetis_check_scenario control_id_cleared = {
    .name = "control-id-cleared", .threads = 3, .setup = setup, .body = late_body, .done = done};
