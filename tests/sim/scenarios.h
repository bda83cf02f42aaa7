/* SPDX-License-Identifier: MIT
 *
 * scenarios.h: the declarations of scenarios.def.
 */
#ifndef TESTS_SIM_SCENARIOS_H
#define TESTS_SIM_SCENARIOS_H

#include <thetis/sim.h>

#define SCENARIO(id) extern const thetis_sim_scenario scenario_##id;
#include "sim/scenarios.def"
#undef SCENARIO

#endif
