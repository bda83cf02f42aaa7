/* SPDX-License-Identifier: MIT
 *
 * progress.h: figures of the two strategies that look for lost progress.
 */
#ifndef CHECK_PROGRESS_H
#define CHECK_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* strategy_crash.c: how many different crash points (a set of threads, and for each the steps it
 * made before it was stopped for ever) were tried since the strategy was opened. */
extern uint64_t tst_crash_points;

/* strategy_adversary.c: the most steps that an operation (index in tst.ops) took as the victim of
 * the growing adversary while the others could make `rounds` rounds. */
typedef struct tst_growth {
    unsigned op, rounds;
    uint64_t steps;
} tst_growth;

/* Entry `at` of the table, by operation, then rounds; false: there are no more. */
bool tst_growth_at(size_t at, tst_growth *growth);

#endif
