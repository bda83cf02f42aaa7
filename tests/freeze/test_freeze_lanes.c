/* SPDX-License-Identifier: MIT
 *
 * test_freeze_lanes.c: lanes: whoever stops, at whichever instruction, the others' calls return.
 * See test_freeze.c for the controls.
 */
#include "lanes_items.h"

#include "sweep.h"

enum { FREEZE_TIMEOUT_S = 600 };

/* The consumer stops. */
TEST(lanes_pop)
{
    const sweep_subject s = {.name = "lanes push, pop",
                             .plan = {3, lanes_items_setup, lanes_items_pop, lanes_items_push},
                             .tries = 1};
    (void)sweep_one(&s, 0);
}

/* One of two producers stops, then all but one thread. */
TEST(lanes_in_place)
{
    const sweep_subject s = {
        .name = "lanes reserve, abort and commit, peek and release",
        .plan = {3, lanes_items_setup, lanes_items_release, lanes_items_reserve},
        .tries = 1};
    sweep_tally t = sweep_one(&s, 1);
    sweep_but_one(&s, t.length);
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

TEST_MAIN(T(lanes_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_in_place, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_close, .timeout_s = FREEZE_TIMEOUT_S),
          T(lanes_cancel, .timeout_s = FREEZE_TIMEOUT_S))
