/* SPDX-License-Identifier: MIT
 *
 * model_map.c: the map of thetis/map.h with bounds asserted, and as histories that must be
 * linearizable key by key. One bucket or two, so that operations meet.
 */
#include <thetis/check.h>

#include "lin/lin.h"
#include "map/map.h"

enum { THREADS = 3, KEYS = 3, OPS = 4 + KEYS };

static char domain_memory[THETIS_DOMAIN_SIZE(THREADS, 1, THETIS_MAP_ARGS)] THETIS_CACHE_ALIGNED;
static char map_memory[131072] THETIS_CACHE_ALIGNED;
static thetis_domain *domain;
static thetis_domain_thread *me[THREADS];
static thetis_map *shared;
static thetis_map slow; /* the same one, for operations that are announced at once */
static lin_op ops[THREADS][OPS], all[THREADS * OPS];
static lin_recorder recorder[THREADS];
static uintptr_t added[THREADS]; /* each used by one thread, and by done */

static uint64_t step_clock(void *unused)
{
    (void)unused;
    return thetis_check_clock();
}

static uintptr_t same(uintptr_t key)
{
    return key;
}

static uintptr_t plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

static void make(size_t threads, size_t buckets, size_t tries)
{
    const thetis_domain_cfg of = {threads, 1, THETIS_MAP_ARGS};
    const thetis_map_cfg cfg = {.capacity = 2, .hash = same};
    tht_map_shape shape = tht_map_shape_of(&of, &cfg);
    shape.buckets = buckets;
    shape.bucket = 3;
    shape.tries = tries;
    for (size_t k = 0; k < THT_MAP_SIZES; k++) {
        shape.pool[k].blocks = k < 4 ? 4 : 1;
        shape.pool[k].batch = 8;
        shape.pool[k].limbo = 1;
    }
    THETIS_CHECK(thetis_domain_init(domain_memory, sizeof domain_memory, &of, &domain) ==
                 THETIS_OK);
    THETIS_CHECK(tht_map_bytes(&of, &shape) <= sizeof map_memory);
    shared = tht_map_build(map_memory, domain, &shape, &cfg);
    slow = *shared;
    slow.cells.tries = 0;
    for (unsigned t = 0; t < threads; t++) {
        THETIS_CHECK(thetis_domain_join(domain, &me[t]) == THETIS_OK);
        lin_recorder_init(&recorder[t], t, step_clock, NULL, ops[t], OPS);
    }
}

static void make_2(void)
{
    make(2, 1, 1);
}

static void make_3(void)
{
    make(3, 2, 1);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static uint64_t most(void)
{
    return thetis_map_bound(shared, THETIS_MAP_UPDATE);
}

static void find(unsigned thread, uintptr_t key)
{
    uintptr_t value = 0;
    lin_op *op = lin_begin(&recorder[thread], LIN_FIND);
    op->key = key;
    thetis_check_begin("map.find", thetis_map_bound(shared, THETIS_MAP_FIND));
    thetis_status s = thetis_map_find(shared, me[thread], key, &value);
    thetis_check_end();
    op->result = value;
    lin_end(&recorder[thread], op, s);
}

static void insert(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_INSERT);
    op->key = key;
    op->arg = value;
    thetis_check_begin("map.insert", most());
    thetis_status s = thetis_map_insert(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static void put(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_PUT);
    op->key = key;
    op->arg = value;
    thetis_check_begin("map.put", most());
    thetis_status s = thetis_map_put(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static void replace(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_REPLACE);
    op->key = key;
    op->arg = value;
    thetis_check_begin("map.replace", most());
    thetis_status s = thetis_map_replace(map, me[thread], key, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static void cas(unsigned thread, thetis_map *map, uintptr_t key, uintptr_t expected,
                uintptr_t value)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_CAS);
    op->key = key;
    op->arg = value;
    op->arg2 = expected;
    thetis_check_begin("map.cas", most());
    thetis_status s = thetis_map_cas(map, me[thread], key, expected, value, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

static void erase(unsigned thread, thetis_map *map, uintptr_t key)
{
    lin_op *op = lin_begin(&recorder[thread], LIN_ERASE);
    op->key = key;
    thetis_check_begin("map.erase", most());
    thetis_status s = thetis_map_erase(map, me[thread], key, NULL);
    thetis_check_end();
    lin_end(&recorder[thread], op, s);
}

/* ---- histories ------------------------------------------------------------------------------- */

/* What is there in the end is part of the history. */
static void find_all(void)
{
    for (unsigned t = 0; t < domain->threads_; t++)
        if (thetis_check_stopped(t)) return;
    for (uintptr_t key = 0; key < KEYS; key++) {
        uintptr_t value = 0;
        lin_op *op = lin_begin(&recorder[0], LIN_FIND);
        op->key = key;
        thetis_status s = thetis_map_find(shared, me[0], key, &value);
        op->result = value;
        lin_end(&recorder[0], op, s);
    }
}

static void judge(void)
{
    size_t pairs;
    find_all();
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_history h = lin_merge(recorder, (unsigned)domain->threads_, all);
    lin_verdict verdict = lin_map_check(w, &h);
    lin_wgl_destroy(w);
    if (verdict == LIN_NO) thetis_check_fail("history", "not linearizable", __FILE__, __LINE__);
    THETIS_CHECK(verdict == LIN_YES);
    THETIS_CHECK(thetis_map_check(shared, &pairs) == THETIS_OK);
}

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
    make(3, 1, 1);
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

static void add(unsigned thread, thetis_map *map, uintptr_t key)
{
    uintptr_t old;
    thetis_check_begin("map.update", most());
    thetis_status s = thetis_map_update(map, me[thread], key, plus, 1, &old);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    added[thread]++;
}

/* Two or three pairs, the last one is the one looked for. */
static void make_sums(uintptr_t pairs)
{
    make(2, 1, 1);
    added[0] = added[1] = 0;
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
