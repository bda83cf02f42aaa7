/* SPDX-License-Identifier: MIT
 *
 * test_freeze_lanes.c: the same of lanes: whoever stops, at whichever instruction, the others'
 * calls return. See test_freeze.c for the controls.
 */
#include "lanes_items.h"

#include "sweep.h"

enum { FREEZE_TIMEOUT_S = 600 };

/* The consumer stops, then one of two producers, then all but one. */
static void freeze_lanes(const char *name, freezer_op *consume, freezer_op *produce)
{
    const sweep_subject s = {
        .name = name, .plan = {3, lanes_items_setup, consume, produce}, .tries = 1};
    sweep_tally t = sweep_one(&s, 0);
    sweep_but_one(&s, t.length);
    (void)sweep_one(&s, 1);
}

TEST(lanes_push_pop)
{
    freeze_lanes("lanes push, pop", lanes_items_pop, lanes_items_push);
}

TEST(lanes_in_place)
{
    freeze_lanes("lanes reserve, abort and commit, peek and release", lanes_items_release,
                 lanes_items_reserve);
}

/* At each eighth instruction: a handle is filled, word by word. */
TEST(lanes_join)
{
    const sweep_subject s = {.name = "lanes join and leave, pop",
                             .plan = {3, lanes_items_setup, lanes_items_pop, lanes_items_visit},
                             .tries = 1,
                             .stride = 8};
    (void)sweep_one(&s, 1);
}

TEST(lanes_close)
{
    const sweep_subject s = {.name = "lanes close, push",
                             .plan = {3, lanes_items_setup, lanes_items_close, lanes_items_push},
                             .tries = 1};
    (void)sweep_one(&s, 0);
}

TEST(lanes_cancel)
{
    const sweep_subject s = {.name = "lanes cancel, push",
                             .plan = {3, lanes_items_setup, lanes_items_cancel, lanes_items_push},
                             .tries = 1};
    (void)sweep_one(&s, 0);
}

TEST_MAIN(T(lanes_push_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_cancel, .timeout_s = FREEZE_TIMEOUT_S))
