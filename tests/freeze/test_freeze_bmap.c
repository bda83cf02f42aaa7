/* SPDX-License-Identifier: MIT
 *
 * test_freeze_bmap.c: threads of a map of bytes stop between any two instructions, with a record in
 * their hands or one half read; the others put, erase and find as before, with the same few blocks.
 * See test_freeze.c for the controls.
 */
#include "harness/test.h"
#include "sweep.h"

#include <string.h>
#include <thetis/bmap.h>

enum { FORD_TIMEOUT_S = 600, FORD_STRIDE = 61, FORD_KEYS = 16, FORD_LEN = 40 };

/* In the shared memory; the map has memory of its own, in the child. */
typedef struct ford {
    thetis_domain *domain;
    thetis_bmap *map;
    thetis_domain_thread *record[FREEZER_SEATS];
    thetis_atomic joined;
} ford;

static _Thread_local thetis_domain_thread *ford_me;
static _Thread_local uintptr_t ford_base;

/* Blocks for the records that there are, and no more. */
static void ford_setup(void *shared)
{
    ford *all = shared;
    char *mem = (char *)shared + THETIS_DOMAIN_LINES_(sizeof *all);
    const thetis_domain_cfg of = {FREEZER_SEATS + 1, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};
    const thetis_bmap_cfg cfg = {.capacity = 1, .capacity_max = FREEZER_SEATS * FORD_KEYS + 1,
                                 .key_max = 16, .value_max = FORD_LEN};
    size_t len = FREEZER_SHARED - THETIS_DOMAIN_LINES_(sizeof *all);
    CHECK_EQ(thetis_domain_init(mem, len, &of, &all->domain), THETIS_OK);
    CHECK_EQ(thetis_bmap_create(all->domain, &cfg, &all->map), THETIS_OK);
    for (size_t k = 0; k < FREEZER_SEATS; k++)
        CHECK_EQ(thetis_domain_join(all->domain, &all->record[k]), THETIS_OK);
}

static void ford_join(ford *all)
{
    if (ford_me) return;
    uintptr_t seat = thetis_atomic_fetch_add_relaxed(&all->joined, 1);
    ford_me = all->record[seat];
    ford_base = seat * FORD_KEYS;
}

static thetis_bmap_bytes ford_value(unsigned char *room, uintptr_t key)
{
    memset(room, (int)key, FORD_LEN);
    return (thetis_bmap_bytes){room, FORD_LEN};
}

static void ford_expect(const thetis_bmap_value *got, uintptr_t key)
{
    unsigned char room[FORD_LEN];
    CHECK_EQ(got->len, FORD_LEN);
    CHECK(memcmp(got->data, ford_value(room, key).data, FORD_LEN) == 0);
}

/* All keys of this thread, one by one, in; with another record; out. */
static void ford_flow(freezer_seat *seat, void *shared)
{
    ford *all = shared;
    ford_join(all);
    uintptr_t key = ford_base + seat->next % FORD_KEYS, turn = seat->next++ / FORD_KEYS % 3;
    unsigned char fresh[FORD_LEN], room[FORD_LEN];
    thetis_bmap_bytes name = {&key, sizeof key}, value = ford_value(fresh, key);
    thetis_bmap_value old = {.data = room, .room = sizeof room};
    freezer_begin(seat);
    thetis_status s = turn == 2 ? thetis_bmap_erase(all->map, ford_me, name, &old)
                                : thetis_bmap_put(all->map, ford_me, name, value, &old);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    if (turn > 0) ford_expect(&old, key);
    else CHECK_EQ(old.version, 0);
}

/* A key that is there, while others change its bucket; it gets another record now and then. */
static void ford_find(freezer_seat *seat, void *shared)
{
    ford *all = shared;
    uintptr_t key = ~(uintptr_t)0;
    unsigned char fresh[FORD_LEN], room[FORD_LEN];
    thetis_bmap_bytes name = {&key, sizeof key};
    thetis_bmap_value found = {.data = room, .room = sizeof room};
    ford_join(all);
    if (seat->next++ % 4 == 0)
        CHECK_EQ(thetis_bmap_put(all->map, ford_me, name, ford_value(fresh, key), NULL),
                 THETIS_OK);
    freezer_begin(seat);
    thetis_status s = thetis_bmap_find(all->map, ford_me, name, &found);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    ford_expect(&found, key);
}

TEST(bmap_update)
{
    const sweep_subject s = {.name = "bmap put, erase",
                             .plan = {4, ford_setup, ford_flow, ford_flow},
                             .tries = 1, .stride = FORD_STRIDE};
    sweep_but_one(&s, sweep_one(&s, 0).length);
}

TEST(bmap_find)
{
    const sweep_subject s = {.name = "bmap find", .plan = {4, ford_setup, ford_find, ford_flow},
                             .tries = 1, .stride = 7};
    (void)sweep_one(&s, 0);
}

TEST_MAIN(T(bmap_update, .timeout_s = FORD_TIMEOUT_S), T(bmap_find, .timeout_s = FORD_TIMEOUT_S))
