/* SPDX-License-Identifier: MIT
 *
 * model_map.c: the map of thetis/map.h with bounds asserted, and as histories that must be
 * linearizable key by key. One bucket or two, so that operations meet.
 */
#include "lin/lin.h"
#include "model_map.h"

static void make_2(void)
{
    make(2, 1, 1, 1);
}

static void make_3(void)
{
    make(3, 2, 2, 1);
}

/* ---- histories ------------------------------------------------------------------------------- */

/* Two threads on one key, and on another one of the same bucket. */
static void two(unsigned thread)
{
    insert(thread, shared, 1, 10 + thread);
    if (thread == 0) erase(thread, shared, 1);
    else cas(thread, shared, 1, 10, 20);
    put(thread, shared, 2, thread);
    find(thread, 1);
}

static void two_slow(unsigned thread)
{
    if (thread == 0) {
        put(thread, &slow, 1, 10);
        erase(thread, &slow, 1);
        find(thread, 2);
    } else {
        replace(thread, &slow, 1, 11);
        insert(thread, &slow, 2, 12);
        find(thread, 1);
    }
}

/* A helper of the first insertion may come late, when the bucket is empty once more. */
static void emptied(unsigned thread)
{
    if (thread == 0) {
        put(thread, &slow, 1, 10);
        erase(thread, shared, 1);
    } else {
        insert(thread, shared, 2, 12);
    }
    find(thread, 1);
}

/* The same; the bucket was emptied by one thread, and is then by another one, which waits for the
 * insertion: so that few schedules are enough. */
static int inserted;

static int is_inserted(void *unused)
{
    (void)unused;
    return inserted;
}

static void make_emptied(void)
{
    make(3, 1, 1, 1);
    inserted = 0;
    THETIS_CHECK(thetis_map_insert(shared, me[0], 1, 1, NULL) == THETIS_OK);
    THETIS_CHECK(thetis_map_erase(shared, me[0], 1, NULL) == THETIS_OK);
}

static void emptied_by_two(unsigned thread)
{
    if (thread == 0) {
        put(thread, &slow, 1, 10);
        inserted = 1;
    } else if (thread == 1) {
        insert(thread, shared, 2, 12);
    } else {
        thetis_check_wait(is_inserted, NULL);
        erase(thread, shared, 1);
    }
}

/* Announcements go to the buckets of their keys. */
static void three(unsigned thread)
{
    uintptr_t key = thread & 1;
    insert(thread, &slow, key, 5 + thread);
    if (thread == 1) erase(thread, &slow, key);
    else find(thread, key);
}

/* ---- what only counts ------------------------------------------------------------------------ */

/* Two or three pairs, the last one is the one looked for. */
static void make_sums(uintptr_t pairs)
{
    make(2, 1, 1, 1);
    for (uintptr_t key = 0; key < pairs; key++)
        THETIS_CHECK(thetis_map_insert(shared, me[0], key, 0, NULL) == THETIS_OK);
}

static void make_full(void)
{
    make_sums(3);
}

static void make_roomy(void)
{
    make_sums(2);
}

static void sum(unsigned thread)
{
    if (thread == 0) {
        add(thread, shared, 1);
        find(thread, 2);
        return;
    }
    for (unsigned k = 0; k < thetis_check_rounds(); k++) add(thread, shared, 1);
}

/* What others announce, again and again, must be carried out, too. */
static int others_add(unsigned thread)
{
    for (unsigned k = 0; thread == 1 && k < thetis_check_rounds(); k++) add(thread, &slow, 1);
    return thread == 1;
}

static void sum_slow(unsigned thread)
{
    if (!others_add(thread)) add(thread, shared, 1);
}

static void inserting(unsigned thread)
{
    if (!others_add(thread)) insert(thread, shared, 2, 7);
}

static void putting(unsigned thread)
{
    if (!others_add(thread)) put(thread, shared, 2, 7);
}

static void replacing(unsigned thread)
{
    if (!others_add(thread)) replace(thread, shared, 2, 7);
}

static void comparing(unsigned thread)
{
    if (!others_add(thread)) cas(thread, shared, 2, 0, 7);
}

static void erasing(unsigned thread)
{
    if (!others_add(thread)) erase(thread, shared, 2);
}

static void expect_sum(void)
{
    uintptr_t value;
    if (thetis_check_stopped(0) || thetis_check_stopped(1)) return;
    THETIS_CHECK(thetis_map_find(shared, me[0], 1, &value) == THETIS_OK);
    THETIS_CHECK(value == added[0] + added[1]);
}

const thetis_check_scenario map_two = {.name = "map-two", .threads = 2, .setup = make_2,
    .body = two, .done = judge, .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario map_two_slow = {.name = "map-two-slow", .threads = 2,
    .setup = make_2, .body = two_slow, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario map_emptied = {.name = "map-emptied", .threads = 2,
    .setup = make_2, .body = emptied, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario map_emptied_by_two = {.name = "map-emptied-by-two", .threads = 3,
    .setup = make_emptied, .body = emptied_by_two, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS | THETIS_CHECK_BLOCKING};
const thetis_check_scenario map_three = {.name = "map-three", .threads = 3, .setup = make_3,
    .body = three, .done = judge, .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario map_sum = {.name = "map-sum", .threads = 2, .rounds = 3,
    .setup = make_full, .body = sum, .done = expect_sum};
const thetis_check_scenario map_sum_slow = {.name = "map-sum-slow", .threads = 2, .rounds = 3,
    .setup = make_full, .body = sum_slow, .done = expect_sum};
const thetis_check_scenario map_insert = {.name = "map-insert", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_roomy, .body = inserting, .done = expect_sum};
const thetis_check_scenario map_put = {.name = "map-put", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = putting, .done = expect_sum};
const thetis_check_scenario map_replace = {.name = "map-replace", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = replacing, .done = expect_sum};
const thetis_check_scenario map_cas = {.name = "map-cas", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = comparing, .done = expect_sum};
const thetis_check_scenario map_erase = {.name = "map-erase", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = erasing, .done = expect_sum};
