/* SPDX-License-Identifier: MIT
 *
 * test_freeze_map.c: threads of a map stop between any two instructions, also in the middle of a
 * resize; the others insert, erase and find as before, and the size goes up and down. See
 * test_freeze.c for the controls.
 */
#include "harness/test.h"
#include "sweep.h"

#include <thetis/map.h>

enum { TIDE_TIMEOUT_S = 600, TIDE_STRIDE = 23, TIDE_KEYS = 128 };

/* In the shared memory; the map has memory of its own, in the child. */
typedef struct tide {
    thetis_domain *domain;
    thetis_map *map;
    thetis_domain_thread *record[FREEZER_SEATS];
    thetis_atomic joined;
} tide;

static _Thread_local thetis_domain_thread *tide_me;
static _Thread_local uintptr_t tide_base;

static void tide_setup(void *shared)
{
    tide *all = shared;
    char *mem = (char *)shared + THETIS_DOMAIN_LINES_(sizeof *all);
    const thetis_domain_cfg of = {FREEZER_SEATS + 1, 1, THETIS_MAP_ARGS};
    const thetis_map_cfg cfg = {.capacity = 1, .capacity_max = 2 * FREEZER_SEATS * TIDE_KEYS};
    size_t len = FREEZER_SHARED - THETIS_DOMAIN_LINES_(sizeof *all);
    CHECK_EQ(thetis_domain_init(mem, len, &of, &all->domain), THETIS_OK);
    CHECK_EQ(thetis_map_create(all->domain, &cfg, &all->map), THETIS_OK);
    for (size_t k = 0; k < FREEZER_SEATS; k++)
        CHECK_EQ(thetis_domain_join(all->domain, &all->record[k]), THETIS_OK);
}

static void tide_join(tide *all)
{
    if (tide_me) return;
    uintptr_t seat = thetis_atomic_fetch_add_relaxed(&all->joined, 1);
    tide_me = all->record[seat];
    tide_base = seat * TIDE_KEYS;
}

/* All keys of this thread, one by one, in; then out. */
static void tide_flow(freezer_seat *seat, void *shared)
{
    tide *all = shared;
    tide_join(all);
    uintptr_t key = tide_base + seat->next % TIDE_KEYS, v = 0;
    bool in = seat->next++ / TIDE_KEYS % 2 == 0;
    freezer_begin(seat);
    thetis_status s = in ? thetis_map_insert(all->map, tide_me, key, ~key, NULL)
                         : thetis_map_erase(all->map, tide_me, key, &v);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    if (!in) CHECK_EQ(v, ~key);
}

/* A key that is there, while others change its bucket. */
static void tide_find(freezer_seat *seat, void *shared)
{
    tide *all = shared;
    uintptr_t v = 0, key = ~(uintptr_t)0;
    tide_join(all);
    if (seat->next++ == 0)
        CHECK_EQ(thetis_map_put(all->map, tide_me, key, 5, NULL), THETIS_OK);
    freezer_begin(seat);
    thetis_status s = thetis_map_find(all->map, tide_me, key, &v);
    freezer_end(seat);
    CHECK(s == THETIS_OK && v == 5);
}

/* A step of a walk that begins anew behind its end. */
static void tide_scan(freezer_seat *seat, void *shared)
{
    static _Thread_local uintptr_t cursor;
    tide *all = shared;
    thetis_map_pair pairs[THETIS_MAP_SCAN_LEAST];
    size_t count;
    tide_join(all);
    freezer_begin(seat);
    cursor = thetis_map_scan(all->map, tide_me, cursor, pairs, THETIS_MAP_SCAN_LEAST, &count);
    freezer_end(seat);
    for (size_t k = 0; k < count; k++) CHECK_EQ(pairs[k].value, ~pairs[k].key);
}

TEST(map_update)
{
    const sweep_subject s = {.name = "map insert, erase",
                             .plan = {4, tide_setup, tide_flow, tide_flow},
                             .tries = 1, .stride = TIDE_STRIDE};
    sweep_but_one(&s, sweep_one(&s, 0).length);
}

TEST(map_find)
{
    const sweep_subject s = {.name = "map find", .plan = {4, tide_setup, tide_find, tide_flow},
                             .tries = 1, .stride = 1};
    (void)sweep_one(&s, 0);
}

TEST(map_scan)
{
    const sweep_subject s = {.name = "map scan", .plan = {4, tide_setup, tide_scan, tide_flow},
                             .tries = 1, .stride = 4 * TIDE_STRIDE};
    (void)sweep_one(&s, 0);
}

TEST_MAIN(T(map_update, .timeout_s = TIDE_TIMEOUT_S), T(map_find, .timeout_s = TIDE_TIMEOUT_S),
          T(map_scan, .timeout_s = TIDE_TIMEOUT_S))
