/* SPDX-License-Identifier: MIT
 *
 * mutate.h: each memory order weakened, to see that a scenario notices.
 */
#ifndef CHECK_MUTATE_H
#define CHECK_MUTATE_H

#include "campaign.h"

/* Weakens every order of every line that the chosen scenarios reach, controls excepted, to every
 * weaker one, and runs the scenarios that reach it until one fails. Prints a line for each; returns
 * the exit status: 1 if one survives without a proof. */
int tst_mutate_run(const tst_options *options, const thetis_check_scenario *const scenarios[],
                   size_t count);

/* Prints the pairs of lines that were seen to synchronise, over the chosen scenarios. */
int tst_pairs_run(const tst_options *options, const thetis_check_scenario *const scenarios[],
                  size_t count);

#endif
