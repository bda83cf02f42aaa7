/* SPDX-License-Identifier: MIT
 *
 * replay_scenarios.h: small scenarios with known schedules, for the tests of strategies and replay.
 */
#ifndef MODEL_REPLAY_SCENARIOS_H
#define MODEL_REPLAY_SCENARIOS_H

#include <thetis/check.h>

/* All that a schedule can decide: threads, values, spurious failures, choices, waits, pauses. */
extern const thetis_check_scenario scenario_mixed;

/* A ring of capacity 2 whose consumer gives slots back with a relaxed store: a race, but only if
 * the producer is interrupted once. */
extern const thetis_check_scenario scenario_ring;

/* Three threads, of which two lose an update if they are interrupted at the right place. */
extern const thetis_check_scenario scenario_lost;

/* The same, but without one of those two it fails too. */
extern const thetis_check_scenario scenario_strict;

/* An operation whose second step is one only once it is known what thread 1 writes in other
 * schedules than those in which it then takes more than its bound. */
extern const thetis_check_scenario scenario_hidden;

/* Three threads with 1, 2 and 3 steps, always. */
extern const thetis_check_scenario scenario_straight;

/* A lock: who stops inside it blocks the other, which spins. */
extern const thetis_check_scenario scenario_lock;

/* An addition by compare-and-swap, and the same declared to be only lock-free. */
extern const thetis_check_scenario scenario_cas, scenario_cas_lockfree;

/* The same with a bound of 20 steps. */
extern const thetis_check_scenario scenario_cas_bound;

/* An addition in one step. */
extern const thetis_check_scenario scenario_add;

#endif
