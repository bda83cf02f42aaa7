/* SPDX-License-Identifier: MIT
 *
 * mutate.h: each memory order weakened, to see that a scenario notices.
 */
#ifndef CHECK_MUTATE_H
#define CHECK_MUTATE_H

#include "campaign.h"

/* Weakens every order of every line that the chosen scenarios reach, controls excepted, to every
 * weaker one, and runs the scenarios that reach it until one fails or all have run all schedules.
 * Prints a line for each; returns the exit status: 1 if one survives without a proof. */
int tst_mutate_run(const tst_options *options, const thetis_check_scenario *const scenarios[],
                   size_t count);

/* Runs the chosen scenarios to see which lines synchronise with which; tst_mutate_run() does, too.
 * Prints what was seen. */
void tst_pairs_observe(const tst_options *options, const thetis_check_scenario *const scenarios[],
                       size_t count);
void tst_pairs_print(const tst_options *options);

#endif
