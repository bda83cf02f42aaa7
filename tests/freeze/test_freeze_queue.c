/* SPDX-License-Identifier: MIT
 *
 * test_freeze_queue.c: threads of a queue stop between any two instructions of a push or a pop, at
 * the end of a segment or in the middle; the others go on. See test_freeze.c for the controls.
 */
#include "queue_items.h"
#include "sweep.h"

enum { FREEZE_TIMEOUT_S = 600 };

static void freeze_queue(const char *name, freezer_op *first, freezer_op *rest)
{
    const sweep_subject s = {.name = name,
                             .plan = {3, queue_items_setup, first, rest},
                             .tries = QUEUE_ITEMS_SEGMENT,
                             .stride = 13};
    sweep_tally t = sweep_one(&s, 0);
    sweep_but_one(&s, t.length);
}

TEST(queue_push)
{
    freeze_queue("queue push, others pop", queue_items_push, queue_items_pop);
}

TEST(queue_pop)
{
    freeze_queue("queue pop, others push", queue_items_pop, queue_items_push);
}

TEST(queue_both)
{
    freeze_queue("queue push and pop", queue_items_both, queue_items_both);
}

TEST(queue_join)
{
    freeze_queue("queue join, pop, leave", queue_items_visit, queue_items_push);
}

TEST(queue_close)
{
    sweep_subject s = {.name = "queue close, others push and pop",
                       .plan = {3, queue_items_setup, queue_items_close, queue_items_both},
                       .tries = 1, .once = true};
    (void)sweep_one(&s, 0);
}

TEST_MAIN(T(queue_push, .timeout_s = FREEZE_TIMEOUT_S),
          T(queue_pop, .timeout_s = FREEZE_TIMEOUT_S),
          T(queue_both, .timeout_s = FREEZE_TIMEOUT_S),
          T(queue_join, .timeout_s = FREEZE_TIMEOUT_S),
          T(queue_close, .timeout_s = FREEZE_TIMEOUT_S))
