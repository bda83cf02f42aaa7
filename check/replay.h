/* SPDX-License-Identifier: MIT
 *
 * replay.h: the strategy that follows a log, and a smaller log with the same verdict.
 */
#ifndef CHECK_REPLAY_H
#define CHECK_REPLAY_H

#include "log.h"
#include "strategy.h"

/* Not in the list of strategies: it needs a log. */
extern const tst_strategy tst_strategy_replay;

/* Runs the scenario as `log` says, until nothing new is learned; the result is in `tst`. `log` may
 * not be tst_decisions, which the run writes. */
void tst_follow(const tst_log *log);

/* shrink.c: takes out of `log` whatever tst.verdict, the verdict of the schedule that ran last and
 * that `log` describes, does not need. May lower tst.rounds of an adversary's schedule. Leaves
 * `tst` as another run left it. Returns how many schedules were run. */
unsigned tst_shrink(tst_log *log);

#endif
