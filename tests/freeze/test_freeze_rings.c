/* SPDX-License-Identifier: MIT
 *
 * test_freeze_rings.c: the same of the rings: whoever stops, in whichever role, the other side's
 * calls return. See test_freeze.c for the controls.
 */
#include "mpmc_items.h"
#include "mpsc_items.h" /* first: other headers have an `item`, which hides parameters of mpsc.h */

#include "feeds.h"
#include "freezer.h"
#include "harness/test.h"
#include "items.h"
#include "records.h"
#include "sweep.h"
#include "values.h"

enum { FREEZE_TIMEOUT_S = 600 };

/* ---- cases: the ring ------------------------------------------------------------------------- */

static void freeze_ring(const char *name, freezer_op *produce, freezer_op *consume)
{
    const sweep_subject s = {.name = name,
                             .plan = {2, items_setup, produce, consume},
                             .tries = ITEMS_CAPACITY}; /* of all places to wrap at */
    (void)sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
}

/* Close and cancel act when they are called first. */
static void freeze_end(const char *name, freezer_op *produce, freezer_op *consume, unsigned ender)
{
    sweep_subject s = {.name = name, .plan = {2, items_setup, produce, consume}, .tries = 1};
    (void)sweep_one(&s, !ender);
    s.once = true;
    (void)sweep_one(&s, ender);
}

TEST(spsc_push_pop)
{
    freeze_ring("spsc push, pop", items_push, items_pop);
}

TEST(spsc_push_pop_many)
{
    freeze_ring("spsc push_n, pop_n", items_push_n, items_pop_n);
}

TEST(spsc_in_place)
{
    freeze_ring("spsc reserve and commit, peek and release", items_reserve, items_release);
}

TEST(spsc_full)
{
    freeze_ring("spsc push to a full ring, peek", items_push, items_peek);
}

TEST(spsc_empty)
{
    freeze_ring("spsc reserve and abort, pop from an empty ring", items_abort, items_pop);
}

TEST(spsc_close)
{
    freeze_end("spsc close, pop", items_close, items_pop, 0);
}

TEST(spsc_cancel)
{
    freeze_end("spsc push, cancel", items_push, items_cancel, 1);
}

/* ---- cases: the byte ring -------------------------------------------------------------------- */

static void freeze_bytes(const char *name, void (*setup)(void *shared), freezer_op *produce,
                         freezer_op *consume)
{
    const sweep_subject s = {
        .name = name, .plan = {2, setup, produce, consume}, .tries = RECORDS_PLACES};
    (void)sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
}

TEST(bytes_push_pop)
{
    freeze_bytes("bytes push, pop", records_setup, records_push, records_pop);
}

TEST(bytes_in_place)
{
    freeze_bytes("bytes reserve, abort and commit, peek and release", records_setup,
                 records_reserve, records_release);
}

TEST(bytes_full)
{
    freeze_bytes("bytes push to a full ring, peek", records_setup, records_push, records_peek);
}

TEST(bytes_stream)
{
    freeze_bytes("bytes push_n, pop_n", records_setup_stream, records_push_n, records_pop_n);
}

static void freeze_bytes_end(const char *name, freezer_op *produce, freezer_op *consume,
                             unsigned ender)
{
    sweep_subject s = {
        .name = name, .plan = {2, records_setup, produce, consume}, .tries = 1};
    (void)sweep_one(&s, !ender);
    s.once = true;
    (void)sweep_one(&s, ender);
}

TEST(bytes_close)
{
    freeze_bytes_end("bytes close, pop", records_close, records_pop, 0);
}

TEST(bytes_cancel)
{
    freeze_bytes_end("bytes push, cancel", records_push, records_cancel, 1);
}

/* ---- cases: broadcast ------------------------------------------------------------------------ */

/* A push that is refused counts as completed: it has returned. */
static void freeze_bcast(const char *name, void (*setup)(void *), freezer_op *read)
{
    const sweep_subject s = {
        .name = name, .plan = {4, setup, feeds_push, read}, .tries = FEEDS_CAPACITY + 1};
    sweep_tally w = sweep_one(&s, 0);
    sweep_tally r = sweep_one(&s, 1);
    sweep_but_one(&s, w.length > r.length ? w.length : r.length);
}

TEST(bcast_refuse)
{
    freeze_bcast("bcast push, pop", feeds_setup_refuse, feeds_pop);
}

TEST(bcast_evict)
{
    freeze_bcast("bcast push, pop, evicting", feeds_setup_evict, feeds_pop);
}

TEST(bcast_lossy)
{
    freeze_bcast("bcast push, pop, lossy", feeds_setup_lossy, feeds_pop);
}

TEST(bcast_churn)
{
    freeze_bcast("bcast push, join pop leave", feeds_setup_refuse, feeds_visit);
}

TEST(bcast_churn_evict)
{
    freeze_bcast("bcast push, join pop leave, evicting", feeds_setup_evict, feeds_visit);
}

TEST(bcast_close)
{
    static const sweep_subject s = {.name = "bcast close, pop",
                                    .plan = {4, feeds_setup_refuse, feeds_close, feeds_pop},
                                    .tries = 1,
                                    .once = true};
    (void)sweep_one(&s, 0);
}

/* ---- cases: the latest value ----------------------------------------------------------------- */

/* The writer, then a reader, stops; then all but one. */
static void freeze_latest(const char *name, freezer_op *write, freezer_op *read)
{
    const sweep_subject s = {
        .name = name, .plan = {4, values_setup, write, read}, .tries = VALUES_READERS + 2};
    sweep_tally w = sweep_one(&s, 0);
    sweep_tally r = sweep_one(&s, 1);
    sweep_but_one(&s, w.length > r.length ? w.length : r.length);
}

TEST(latest_store_load)
{
    freeze_latest("latest store, load", values_store, values_load);
}

TEST(latest_in_place)
{
    freeze_latest("latest reserve and commit, peek", values_reserve, values_peek);
}

TEST(latest_churn)
{
    freeze_latest("latest store, join load leave", values_store, values_visit);
}

TEST(latest_close)
{
    sweep_subject s = {.name = "latest close, load",
                       .plan = {4, values_setup, values_close, values_load},
                       .tries = 1,
                       .once = true};
    (void)sweep_one(&s, 0);
    s.once = false;
    (void)sweep_one(&s, 1);
}

/* ---- cases: the ring of many producers ------------------------------------------------------ */

/* The consumer stops, then one of three producers, then all but one. */
static void freeze_many(const char *name, freezer_op *consume, freezer_op *produce)
{
    const sweep_subject s = {.name = name,
                             .plan = {4, mpsc_items_setup, consume, produce},
                             .tries = 2};
    sweep_tally t = sweep_one(&s, 0);
    sweep_but_one(&s, t.length);
    (void)sweep_one(&s, 1);
}

TEST(mpsc_push_pop)
{
    freeze_many("mpsc push, pop", mpsc_items_pop, mpsc_items_push);
}

TEST(mpsc_push_pop_many)
{
    freeze_many("mpsc push_n, pop_n", mpsc_items_pop_n, mpsc_items_push_n);
}

TEST(mpsc_in_place)
{
    freeze_many("mpsc reserve, abort and commit, pop", mpsc_items_pop, mpsc_items_reserve);
}

TEST(mpsc_join)
{
    freeze_many("mpsc join and leave, pop", mpsc_items_pop, mpsc_items_visit);
}

TEST(mpsc_close)
{
    const sweep_subject s = {.name = "mpsc close, push",
                             .plan = {3, mpsc_items_setup, mpsc_items_close, mpsc_items_push},
                             .tries = 1};
    (void)sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
}

TEST(mpsc_cancel)
{
    const sweep_subject s = {.name = "mpsc cancel, push",
                             .plan = {3, mpsc_items_setup, mpsc_items_cancel, mpsc_items_push},
                             .tries = 1};
    (void)sweep_one(&s, 0);
    (void)sweep_one(&s, 1);
}

/* ---- cases: the rings of many producers and many consumers ----------------------------------- */

/* One of three stops at every twelfth instruction of a few operations, which get long as the others
 * are in the way; then all but one. */
static void freeze_crowd(const char *name, void (*setup)(void *), freezer_op *op,
                         freezer_op *others)
{
    const sweep_subject s = {
        .name = name, .plan = {3, setup, op, others}, .tries = 3, .stride = 12};
    sweep_tally t = sweep_one(&s, 0);
    sweep_but_one(&s, t.length);
}

TEST(mpmc_push_pop)
{
    freeze_crowd("mpmc push and pop", mpmc_items_setup, mpmc_items_pair, mpmc_items_pair);
}

TEST(mpmc_in_place)
{
    freeze_crowd("mpmc reserve to commit, peek to release; push and pop", mpmc_items_setup,
                 mpmc_items_in_place, mpmc_items_pair);
}

TEST(mpmc_value)
{
    freeze_crowd("mpmc value push and pop", mpmc_items_setup_values, mpmc_items_value_pair,
                 mpmc_items_value_pair);
}

TEST(mpmc_join)
{
    freeze_crowd("mpmc join push leave; push and pop", mpmc_items_setup, mpmc_items_visit,
                 mpmc_items_pair);
}

TEST(mpmc_close)
{
    const sweep_subject s = {.name = "mpmc close; push and pop",
                             .plan = {3, mpmc_items_setup, mpmc_items_close, mpmc_items_pair},
                             .tries = 1,
                             .stride = 4};
    (void)sweep_one(&s, 0);
}

TEST_MAIN(T(spsc_push_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_push_pop_many, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_full, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_empty, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(spsc_cancel, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_push_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_full, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_stream, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(bytes_cancel, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_refuse, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_evict, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_lossy, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_churn, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_churn_evict, .timeout_s = FREEZE_TIMEOUT_S),
          T(bcast_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(latest_store_load, .timeout_s = FREEZE_TIMEOUT_S),
          T(latest_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(latest_churn, .timeout_s = FREEZE_TIMEOUT_S),
          T(latest_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpmc_push_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpmc_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpmc_value, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpmc_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpmc_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_push_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_push_pop_many, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(mpsc_cancel, .timeout_s = FREEZE_TIMEOUT_S))
