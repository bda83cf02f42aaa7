/* SPDX-License-Identifier: MIT
 *
 * model_map_grow.c: the map while its size changes (src/map/grow.c): bounds asserted, histories
 * that must be linearizable key by key, sums. From one bucket to two or four, and back.
 */
#include "lin/lin.h"
#include "model_map.h"

/* ---- making ---------------------------------------------------------------------------------- */

static void fill(uintptr_t pairs)
{
    for (uintptr_t key = 0; key < pairs; key++)
        insert(0, shared, key, key);
}

/* Both new buckets get a version of their own: it is divided. */
static void make_divided(void)
{
    make(2, 1, 2, 1);
    fill(2);
}

/* The version moves as it is, with records or without. */
static void make_moved(void)
{
    make(2, 1, 2, 1);
    fill(1);
}

/* A resize that is under way when the threads begin. */
static void make_moving(void)
{
    make_divided();
    tht_map_begin(shared, tht_map_state(shared), THT_MAP_GROW);
}

static void make_3(void)
{
    make(3, 1, 4, 1);
    fill(2);
}

static void make_4(void)
{
    make(4, 1, 2, 1);
    fill(2);
}

/* With the old cell frozen by somebody who is not there any more. */
static void make_frozen(void)
{
    make(3, 1, 2, 1);
    fill(2);
    tht_map_begin(shared, tht_map_state(shared), THT_MAP_GROW);
    thetis_atomic *cell = tht_map_cell(shared, 1);
    tht_cell_op none = {.cell = cell, .place = cell};
    uintptr_t head;
    THETIS_CHECK(thetis_domain_protect(me[0], THT_CELL_HAZARD, cell, &head) == THETIS_OK);
    THETIS_CHECK(tht_cell_freeze(&shared->cells, me[0], &none, head) == THETIS_OK);
}

/* How an operation finds the cell of a key, which has not changed since the state is what it is. An
 * announced one drains its unit, and no other one. */
static void reach(unsigned thread, uintptr_t key, uintptr_t request)
{
    const uintptr_t args[THETIS_MAP_ARGS] = {shared->cells.self, 0, key};
    tht_cell_op op = {.args = args, .request = request};
    uintptr_t head;
    THETIS_CHECK(tht_map_reach(&shared->cells, me[thread], &op, &head) == THETIS_OK);
}

/* Two units: what one thread has moved others learn from a third one. */
static void make_units(void)
{
    make(3, 2, 4, 1);
    fill(2);
    tht_map_begin(shared, tht_map_state(shared), THT_MAP_GROW);
}

/* Two units of which the second one is drained. */
static void make_drained(size_t threads)
{
    make(threads, 2, 4, 1);
    fill(2);
    tht_map_begin(shared, tht_map_state(shared), THT_MAP_GROW);
    reach(0, 1, 1);
}

static void make_drained_3(void)
{
    make_drained(3);
}

static void make_drained_4(void)
{
    make_drained(4);
}

/* Two buckets that become one. */
static void make_merged(void)
{
    make_moving();
    put(0, shared, 0, 0);
    tht_map_help(shared, me[0], 0);
}

/* About to become one. */
static void make_merging(void)
{
    make_merged();
    tht_map_begin(shared, tht_map_state(shared), THT_MAP_SHRINK);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Ends a resize of which all is moved, at first. */
static void begin(unsigned thread, enum tht_map_way way)
{
    thetis_check_moment();
    tht_map_help(shared, me[thread], 0);
    tht_map_begin(shared, tht_map_state(shared), way);
}

/* Grows, and shrinks when that is done. */
static void resize(unsigned thread, uintptr_t key)
{
    begin(thread, THT_MAP_GROW);
    put(thread, shared, key, 20 + thread);
    begin(thread, THT_MAP_SHRINK);
    put(thread, shared, key, 30 + thread);
}

/* Each operation on its own against both directions. */
static void inserting(unsigned thread)
{
    if (thread == 1) {
        resize(thread, 0);
    } else {
        insert(thread, shared, 2, 12);
        erase(thread, shared, 1);
        find(thread, 0);
    }
}

static void putting(unsigned thread)
{
    if (thread == 1) {
        resize(thread, 0);
    } else {
        put(thread, &slow, 0, 12);
        cas(thread, shared, 0, 12, 13);
        find(thread, 1);
    }
}

static void replacing(unsigned thread)
{
    if (thread == 1) {
        resize(thread, 1);
    } else {
        replace(thread, &slow, 0, 12);
        erase(thread, &slow, 0);
        find(thread, 1);
    }
}

static void finding(unsigned thread)
{
    if (thread == 1) {
        resize(thread, 0);
    } else {
        find(thread, 0);
        find(thread, 0);
        find(thread, 1);
    }
}

/* One of two old buckets may be given up before the other one. */
static void shrinking(unsigned thread)
{
    put(thread, shared, thread, 20 + thread);
    find(thread, thread);
}

static void finding_slow(unsigned thread)
{
    if (thread == 1) {
        resize(thread, 0);
    } else {
        find_by(thread, &slow, 0);
        find_by(thread, &slow, 0);
    }
}

/* The last pair goes while the bucket moves. */
static void emptying(unsigned thread)
{
    if (thread == 1) {
        begin(thread, THT_MAP_GROW);
        erase(thread, shared, 0);
        begin(thread, THT_MAP_SHRINK);
        insert(thread, shared, 0, 7);
    } else {
        erase(thread, &slow, 0);
        insert(thread, shared, 0, 8);
        find(thread, 0);
    }
}

/* One grows, one operates, one looks. */
static void three(unsigned thread)
{
    if (thread == 0) {
        begin(thread, THT_MAP_GROW);
        put(thread, shared, 2, 5);
        begin(thread, THT_MAP_GROW);
        put(thread, shared, 2, 6);
    } else if (thread == 1) {
        put(thread, &slow, 0, 7);
        erase(thread, &slow, 1);
    } else {
        find(thread, 0);
        find(thread, 2);
    }
}

static void four(unsigned thread)
{
    if (thread == 0) {
        begin(thread, THT_MAP_GROW);
        put(thread, shared, 1, 5);
    } else if (thread == 3) {
        find(thread, 0);
        find(thread, 1);
    } else {
        put(thread, thread == 1 ? &slow : shared, 0, thread);
    }
}

/* ---- trimming -------------------------------------------------------------------------------- */

static void zero(void *memory, size_t bytes)
{
    thetis_atomic *cell = memory;
    for (size_t k = 0; k < bytes / sizeof *cell; k++) thetis_atomic_store_relaxed(&cell[k], 0);
}

static void trim(void)
{
    thetis_check_moment();
    (void)tht_map_trim(shared, sizeof(thetis_atomic), zero);
}

/* Somebody may be late by two resizes, and the memory that it works in given back. */
static void trimming(unsigned thread)
{
    if (thread == 0) {
        put(thread, shared, 0, 5);
        find(thread, 0);
        return;
    }
    put(thread, shared, 0, 6);
    begin(thread, THT_MAP_SHRINK);
    trim();
    put(thread, shared, 0, 7);
    trim();
    begin(thread, THT_MAP_GROW);
    put(thread, shared, 0, 8);
}

/* A thread that works late, and nothing else; a table that is not in use must stay empty. */
static void helping(unsigned thread)
{
    if (thread == 2) {
        trim();
        return;
    }
    tht_map_help(shared, me[thread], 0);
    if (thread == 0) return;
    begin(thread, THT_MAP_SHRINK);
    tht_map_help(shared, me[thread], 0);
    tht_map_help(shared, me[thread], 0);
}

/* One trims while the other one would like to grow. */
static void growing_or_trimming(unsigned thread)
{
    if (thread == 0) {
        begin(thread, THT_MAP_GROW);
        put(thread, shared, 0, 5);
    } else {
        trim();
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void expect_sums(void)
{
    uintptr_t sum = 0, value;
    size_t pairs;
    for (unsigned t = 0; t < domain->threads_; t++) {
        if (thetis_check_stopped(t)) return;
        sum += added[t];
    }
    for (uintptr_t key = 0; key < 2; key++) {
        if (thetis_map_find(shared, me[0], key, &value) == THETIS_OK) sum -= value - key;
    }
    THETIS_CHECK(sum == 0);
    THETIS_CHECK(thetis_map_check(shared, &pairs) == THETIS_OK);
}

/* Both directions, and each once more: somebody may be late by a whole resize. */
static void adding(unsigned thread)
{
    if (thread == 1) {
        for (unsigned k = 0; k < 2; k++) {
            begin(thread, THT_MAP_GROW);
            add(thread, shared, 0);
            begin(thread, THT_MAP_SHRINK);
            add(thread, shared, 0);
        }
    } else {
        add(thread, shared, 0);
        add(thread, &slow, 0);
    }
}

/* An announcement that follows another one goes to another bucket. */
static void adding_both(unsigned thread)
{
    if (thread == 1) {
        begin(thread, THT_MAP_GROW);
        add(thread, shared, 0);
        begin(thread, THT_MAP_SHRINK);
        add(thread, &slow, 1);
    } else {
        add(thread, &slow, 0);
        add(thread, &slow, 1);
    }
}

static void adding_3(unsigned thread)
{
    if (thread == 2) {
        begin(thread, THT_MAP_GROW);
        add(thread, shared, 1);
        begin(thread, THT_MAP_SHRINK);
        add(thread, shared, 1);
    } else {
        add(thread, thread == 1 ? &slow : shared, 0);
    }
}

static void adding_chain(unsigned thread)
{
    if (thread == 2) {
        add(thread, shared, 1);
        add(thread, shared, 0);
    } else {
        add(thread, shared, thread);
        begin(thread, THT_MAP_SHRINK);
        tht_map_help(shared, me[thread], thread);
    }
}

/* What the first one has moved the others learn in turn, and without looking at it. */
static void told_3(unsigned thread)
{
    if (thread == 0) {
        reach(thread, 0, 1);
        return;
    }
    tht_map_help(shared, me[thread], 0);
    if (tht_map_way(tht_map_state(shared)) == THT_MAP_STAY) reach(thread, 0, 0);
}

static void told_4(unsigned thread)
{
    if (thread < 3) told_3(thread);
    else if (tht_map_way(tht_map_state(shared)) == THT_MAP_STAY) reach(thread, 0, 0);
}

/* As trimming(). */
static void adding_trimmed(unsigned thread)
{
    if (thread == 0) {
        add(thread, shared, 0);
        return;
    }
    add(thread, shared, 0);
    begin(thread, THT_MAP_SHRINK);
    add(thread, shared, 0);
    trim();
    begin(thread, THT_MAP_GROW);
    add(thread, shared, 0);
}

/* The growing adversary: the others resize for as long as it wants. */
static void endless(unsigned thread)
{
    if (thread == 0) {
        add(thread, shared, 0);
        find(thread, 1);
        return;
    }
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        begin(thread, k % 2 ? THT_MAP_SHRINK : THT_MAP_GROW);
        add(thread, shared, 0);
    }
}

static void endless_slow(unsigned thread)
{
    if (thread == 0) {
        add(thread, shared, 0);
        find(thread, 1);
        return;
    }
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        begin(thread, k % 2 ? THT_MAP_SHRINK : THT_MAP_GROW);
        add(thread, &slow, 0);
    }
}

#define HISTORY(text, n, make_it, body_)                                                        \
    {.name = text, .threads = n, .slow = 8, .setup = make_it, .body = body_, .done = judge,     \
     .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS}
#define SUM(text, n, make_it, body_)                                                            \
    {.name = text, .threads = n, .rounds = 3, .slow = 8, .setup = make_it, .body = body_,       \
     .done = expect_sums}

const thetis_check_scenario map_grow_insert =
    HISTORY("map-grow-insert", 2, make_divided, inserting);
const thetis_check_scenario map_grow_put = HISTORY("map-grow-put", 2, make_divided, putting);
const thetis_check_scenario map_grow_replace =
    HISTORY("map-grow-replace", 2, make_moved, replacing);
const thetis_check_scenario map_grow_find = HISTORY("map-grow-find", 2, make_divided, finding);
const thetis_check_scenario map_grow_find_slow =
    HISTORY("map-grow-find-slow", 2, make_moving, finding_slow);
const thetis_check_scenario map_grow_shrink =
    HISTORY("map-grow-shrink", 2, make_merging, shrinking);
const thetis_check_scenario map_grow_empty = HISTORY("map-grow-empty", 2, make_moved, emptying);
const thetis_check_scenario map_grow_trim = HISTORY("map-grow-trim", 2, make_moving, trimming);
const thetis_check_scenario map_grow_or_trim =
    HISTORY("map-grow-or-trim", 2, make_divided, growing_or_trimming);
const thetis_check_scenario map_grow_three = HISTORY("map-grow-three", 3, make_3, three);
const thetis_check_scenario map_grow_four = HISTORY("map-grow-four", 4, make_4, four);
const thetis_check_scenario map_grow_add = SUM("map-grow-add", 2, make_moved, adding);
const thetis_check_scenario map_grow_add_both =
    SUM("map-grow-add-both", 2, make_divided, adding_both);
const thetis_check_scenario map_grow_add_3 = SUM("map-grow-add-3", 3, make_3, adding_3);
const thetis_check_scenario map_grow_help = SUM("map-grow-help", 3, make_frozen, helping);
const thetis_check_scenario map_grow_chain = SUM("map-grow-chain", 3, make_units, adding_chain);
const thetis_check_scenario map_grow_told_3 = SUM("map-grow-told-3", 3, make_drained_3, told_3);
const thetis_check_scenario map_grow_told_4 = SUM("map-grow-told-4", 4, make_drained_4, told_4);
const thetis_check_scenario map_grow_add_trimmed =
    SUM("map-grow-add-trimmed", 2, make_moving, adding_trimmed);
const thetis_check_scenario map_grow_merge = SUM("map-grow-merge", 2, make_merged, adding_both);
const thetis_check_scenario map_grow_endless =
    SUM("map-grow-endless", 2, make_divided, endless);
const thetis_check_scenario map_grow_endless_slow =
    SUM("map-grow-endless-slow", 2, make_divided, endless_slow);
