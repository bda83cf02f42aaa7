/* SPDX-License-Identifier: MIT
 *
 * main.c: thetis-sim, the library's own scenarios on the fake kernel.
 */
#include "sim/scenarios.h"

#define SCENARIO(id) &scenario_##id,
static const thetis_sim_scenario *const all[] = {
#include "sim/scenarios.def"
};
#undef SCENARIO

int main(int argc, char **argv)
{
    return thetis_sim_run(argc, argv, all, sizeof all / sizeof all[0]);
}
