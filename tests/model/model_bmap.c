/* SPDX-License-Identifier: MIT
 *
 * model_bmap.c: the map of bytes of thetis/bmap.h with bounds asserted, and as histories that must
 * be linearizable key by key. Few buckets, so that operations meet, and blocks that are used anew
 * soon.
 */
#include "lin/lin.h"
#include "model_bmap.h"

static void make_2(void)
{
    make(2, 1, 1, 1);
}

static void make_3(void)
{
    make(3, 2, 2, 1);
}

static void put_first(uintptr_t key, uintptr_t value)
{
    put(0, shared, key, value);
}

/* ---- histories ------------------------------------------------------------------------------- */

/* Two threads on one key, and on another one of the same hash. */
static void two(unsigned thread)
{
    insert(thread, shared, 0, 10 + thread);
    if (thread == 0) put(thread, shared, 0, 15);
    else cas(thread, shared, 0, 20);
    put(thread, shared, 2, thread);
    find(thread, 0);
}

static void two_slow(unsigned thread)
{
    if (thread == 0) {
        put(thread, &slow, 0, 10);
        erase(thread, &slow, 0);
        find(thread, 2);
    } else {
        replace(thread, &slow, 0, 11);
        insert(thread, &slow, 2, 12);
        find(thread, 0);
    }
}

/* Announcements go to the buckets of their keys, and their answers are records. */
static void make_three(void)
{
    make_3();
    put_first(0, 1);
}

static void three(unsigned thread)
{
    if (thread == 0) {
        find_by(thread, &slow, 0);
        insert(thread, &slow, 0, 5);
    } else if (thread == 1) {
        put(thread, &slow, 0, 6);
        erase(thread, shared, 0);
    } else {
        put(thread, shared, 0, 7);
        discard(thread, shared, 0);
    }
}

/* ---- records that are used anew -------------------------------------------------------------- */

static void make_record(void)
{
    make_2();
    for (uintptr_t k = 0; k < 8; k++) put_first(0, 100 + k); /* blocks have been used */
    recorder[0].n = 0;
    put_first(0, 1);
}

/* Puts and erasures, until the block of the first record has had others. */
static void renew(unsigned thread)
{
    put(thread, shared, 0, 10);
    put(thread, shared, 2, 11);
    put(thread, shared, 0, 12);
    erase(thread, shared, 2);
    put(thread, shared, 0, 13);
}

static void reused(unsigned thread)
{
    if (thread == 1) renew(thread);
    else find(thread, 0);
}

static void reused_slow(unsigned thread)
{
    if (thread == 1) {
        renew(thread);
    } else {
        find_by(thread, &slow, 0);
        insert(thread, &slow, 0, 9);
    }
}

/* Who replaces the version is not who replaces the record, and retires the first one later than
 * that one the second. */
static void make_told(void)
{
    make(3, 1, 1, 1);
    put_first(0, 1);
}

static void told(unsigned thread)
{
    if (thread == 0) {
        find(thread, 0);
    } else if (thread == 1) {
        put(thread, &slow, 0, 20);
        put(thread, &slow, 0, 21);
    } else {
        put(thread, shared, 2, 30);
    }
}

/* The same, in its parts: and then the version's block comes to the same cell again, by who has
 * replaced it. The one who uses the record's anew does not know of that. */
enum { NOWHERE = 40 }; /* a value that is in no version */
static int replacing_it, rewritten;
static tht_record *first;
static uintptr_t first_head;

static int is_replacing(void *unused)
{
    (void)unused;
    return replacing_it;
}

static int is_rewritten(void *unused)
{
    (void)unused;
    return rewritten;
}

static void make_again(void)
{
    make_told();
    first_head = thetis_atomic_load_relaxed(tht_map_cell(shared->map, 1));
    const tht_cell_block *version = tht_cell_version(first_head);
    first = (tht_record *)tht_map_read(tht_map_at(version, tht_cell_fields(version), 0)).value;
    replacing_it = rewritten = 0;
}

static tht_record *record_of(unsigned thread, uintptr_t value)
{
    unsigned char name[KEY];
    uintptr_t words[2];
    return tht_record_take(&shared->records, me[thread], key_of(name, 0), value_of(words, value));
}

/* A version with nothing but a new record; the one before is not retired. */
static tht_record *replace_all(unsigned thread, uintptr_t value, uintptr_t *head)
{
    const tht_cells *cells = &shared->map->cells;
    thetis_atomic *cell = tht_map_cell(shared->map, 1);
    tht_record *record = record_of(thread, value);
    tht_cell_block *block = tht_cell_take(cells, me[thread], sizeof(tht_map_pair));
    tht_cell_start(block, 0, 0);
    uintptr_t fields = tht_cell_fields(block);
    tht_map_write(tht_map_at(block, fields, 0), (tht_map_pair){0, (uintptr_t)record});
    tht_cell_set_items(block, fields, 1);
    THETIS_CHECK(thetis_domain_protect(me[thread], THT_CELL_HAZARD, cell, head) == THETIS_OK);
    THETIS_CHECK(thetis_domain_cas(cell, *head, (uintptr_t)block));
    return record;
}

static void replace_twice(unsigned thread)
{
    uintptr_t head;
    tht_record *record = replace_all(thread, 30, &head);
    replacing_it = 1;
    thetis_check_wait(is_rewritten, NULL);
    tht_cell_retire(&shared->map->cells, me[thread], head);
    (void)thetis_pool_reclaim(shared->map->sizes[0].pool, me[thread]);
    (void)replace_all(thread, 31, &head);
    tht_cell_retire(&shared->map->cells, me[thread], head);
    tht_record_retire(&shared->records, me[thread], record);
}

/* Once it is known that the record is in no version any more. */
static void reuse_first(unsigned thread)
{
    const thetis_atomic *cell = tht_map_cell(shared->map, 1);
    uintptr_t head = first_head;
    while (head == first_head)
        (void)!thetis_domain_protect(me[thread], THT_CELL_HAZARD, cell, &head);
    thetis_domain_clear(me[thread], THT_CELL_HAZARD);
    tht_record_retire(&shared->records, me[thread], first);
    tht_record_give(&shared->records, me[thread], record_of(thread, NOWHERE));
}

static void again(unsigned thread)
{
    uintptr_t value = 0, version;
    if (thread == 0) {
        THETIS_CHECK(look_up(thread, shared, 0, &value, &version) == THETIS_OK);
        THETIS_CHECK(value != NOWHERE);
    } else if (thread == 1) {
        thetis_check_wait(is_replacing, NULL);
        reuse_first(thread);
        rewritten = 1;
    } else {
        replace_twice(thread);
    }
}

/* An attempt whose keys are used anew meanwhile. */
static void reused_by(unsigned thread)
{
    if (thread == 1) {
        renew(thread);
    } else {
        put(thread, shared, 0, 20);
        erase(thread, shared, 0);
        insert(thread, shared, 0, 21);
    }
}

/* ---- growing --------------------------------------------------------------------------------- */

static void make_growing(void)
{
    make(2, 1, 2, 1);
    put_first(0, 1);
    put_first(1, 2);
    tht_map_begin(shared->map, tht_map_state(shared->map), THT_MAP_GROW);
}

static void growing(unsigned thread)
{
    if (thread == 0) {
        find(thread, 0);
        find_by(thread, &slow, 1);
        put(thread, &slow, 2, 30);
    } else {
        put(thread, shared, 0, 10);
        thetis_check_moment();
        tht_map_help(shared->map, me[thread], 0);
        tht_map_begin(shared->map, tht_map_state(shared->map), THT_MAP_SHRINK);
        put(thread, shared, 1, 11);
        erase(thread, shared, 0);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* A full bucket of keys that have one hash; the last one is the one looked for. */
static void make_bucket(uintptr_t records)
{
    make_2();
    alike = 1;
    for (uintptr_t key = 0; key < records; key++) put_first(key, key);
}

static void make_full(void)
{
    make_bucket(BUCKET);
}

static void make_roomy(void)
{
    make_bucket(BUCKET - 1);
}

/* The block of the version that is looked at comes with results before its pairs: where a hash was
 * is the number of a thread, and where an address was that of a request. */
static void shifted(unsigned thread)
{
    if (thread == 1) {
        find(thread, 2);
        return;
    }
    erase(thread, &slow, 0);
    erase(thread, &slow, 1);
    insert(thread, &slow, 1, 9);
    erase(thread, &slow, 1);
}

/* Operations that are not recorded, again and again, each with another value. */
static uintptr_t stored[THREADS];

static void store(unsigned thread, thetis_bmap *map, uintptr_t key)
{
    unsigned char name[KEY];
    uintptr_t words[2];
    thetis_bmap_bytes of = key_of(name, key), new = value_of(words, stored[thread]++);
    thetis_check_begin("bmap.put", most());
    thetis_status s = thetis_bmap_put(map, me[thread], of, new, NULL);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static int others(unsigned thread, thetis_bmap *map, uintptr_t key)
{
    for (unsigned k = 0; thread == 1 && k < thetis_check_rounds(); k++) store(thread, map, key);
    return thread == 1;
}

static void finding(unsigned thread)
{
    if (!others(thread, shared, 2)) find(thread, 2);
}

/* The bucket changes once while it is glanced at, perhaps, then whenever the one who looks for a
 * key has found it in a version that is protected: each time in vain. */
enum { IN_VAIN = 3 };
static unsigned met, replaced; /* so often; each written by one thread */

static int is_met(void *unused)
{
    (void)unused;
    return met > replaced;
}

static int is_replaced(void *unused)
{
    (void)unused;
    return replaced >= met;
}

static int meet(uintptr_t value, const uintptr_t *args)
{
    int is_same = tht_bmap_rule.same(value, args);
    if (is_same && args[THT_MAP_OP] == THT_MAP_FIND && thetis_check_self() == 0) {
        if (met < IN_VAIN) met++;
        thetis_check_wait(is_replaced, NULL);
    }
    return is_same;
}

static void make_met(void)
{
    static const tht_map_rule meeting = {meet, NULL};
    make_full();
    met = replaced = 0;
    shared->map->rule = slow_map.rule = &meeting;
}

static void finding_met(unsigned thread)
{
    if (thread == 0) {
        find(thread, 2);
        met = IN_VAIN;
        return;
    }
    store(thread, shared, 2);
    while (replaced < IN_VAIN) {
        thetis_check_wait(is_met, NULL);
        store(thread, shared, 2);
        replaced++;
    }
}

/* The answer to an announcement is a record, which is used anew after that as soon as it may be. */
static void make_handed(void)
{
    make_met();
    shared = &slow;
}

static void handed(unsigned thread)
{
    if (thread == 0) {
        find(thread, 2);
        met = IN_VAIN;
        return;
    }
    thetis_check_wait(is_met, NULL);
    store(thread, shared, 2);
    replaced = 1;
    for (unsigned k = 0; k < 3; k++) store(thread, shared, 2);
    replaced = IN_VAIN;
}

static void inserting(unsigned thread)
{
    if (!others(thread, &slow, 1)) insert(thread, shared, 2, 7);
}

static void putting(unsigned thread)
{
    if (!others(thread, &slow, 2)) put(thread, shared, 2, 7);
}

static void replacing(unsigned thread)
{
    if (!others(thread, &slow, 2)) replace(thread, shared, 2, 7);
}

static void comparing(unsigned thread)
{
    if (!others(thread, &slow, 2)) cas(thread, shared, 2, 7);
}

static void erasing(unsigned thread)
{
    if (!others(thread, &slow, 2)) erase(thread, shared, 2);
}

static void discarding(unsigned thread)
{
    if (!others(thread, &slow, 2)) discard(thread, shared, 2);
}

const thetis_check_scenario bmap_two = {.name = "bmap-two", .threads = 2, .setup = make_2,
    .body = two, .done = judge, .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario bmap_two_slow = {.name = "bmap-two-slow", .threads = 2,
    .setup = make_2, .body = two_slow, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario bmap_three = {.name = "bmap-three", .threads = 3, .slow = 4,
    .setup = make_three, .body = three, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario bmap_reused = {.name = "bmap-reused", .threads = 2, .slow = 4,
    .setup = make_record, .body = reused, .done = expect_sound};
const thetis_check_scenario bmap_reused_slow = {.name = "bmap-reused-slow", .threads = 2, .slow = 4,
    .setup = make_record, .body = reused_slow, .done = expect_sound};
const thetis_check_scenario bmap_reused_by = {.name = "bmap-reused-by", .threads = 2, .slow = 4,
    .setup = make_record, .body = reused_by, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario bmap_told = {.name = "bmap-told", .threads = 3, .slow = 4,
    .setup = make_told, .body = told, .done = expect_sound};
const thetis_check_scenario bmap_again = {.name = "bmap-again", .threads = 3, .slow = 4,
    .setup = make_again, .body = again, .done = expect_sound, .flags = THETIS_CHECK_BLOCKING};
const thetis_check_scenario bmap_shifted = {.name = "bmap-shifted", .threads = 2, .slow = 4,
    .setup = make_full, .body = shifted, .done = expect_sound};
const thetis_check_scenario bmap_growing = {.name = "bmap-growing", .threads = 2, .slow = 4,
    .setup = make_growing, .body = growing, .done = judge,
    .flags = THETIS_CHECK_SC | THETIS_CHECK_LEAKS};
const thetis_check_scenario bmap_find = {.name = "bmap-find", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = finding, .done = expect_sound};
const thetis_check_scenario bmap_find_met = {.name = "bmap-find-met", .threads = 2, .slow = 4,
    .setup = make_met, .body = finding_met, .done = expect_sound, .flags = THETIS_CHECK_BLOCKING};
const thetis_check_scenario bmap_handed = {.name = "bmap-handed", .threads = 2, .slow = 4,
    .setup = make_handed, .body = handed, .done = expect_sound, .flags = THETIS_CHECK_BLOCKING};
const thetis_check_scenario bmap_insert = {.name = "bmap-insert", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_roomy, .body = inserting, .done = expect_sound};
const thetis_check_scenario bmap_put = {.name = "bmap-put", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = putting, .done = expect_sound};
const thetis_check_scenario bmap_replace = {.name = "bmap-replace", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = replacing, .done = expect_sound};
const thetis_check_scenario bmap_cas = {.name = "bmap-cas", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = comparing, .done = expect_sound};
const thetis_check_scenario bmap_erase = {.name = "bmap-erase", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = erasing, .done = expect_sound};
const thetis_check_scenario bmap_discard = {.name = "bmap-discard", .threads = 2, .rounds = 3,
    .slow = 4, .setup = make_full, .body = discarding, .done = expect_sound};
