/* SPDX-License-Identifier: MIT
 *
 * thetis_check.c: thetis-check, the tester over all scenarios of this repository.
 */
#include <thetis/check.h>

#define X(name) extern const thetis_check_scenario name;
#include "model/scenarios.def"
#include "model/controls.def"
#include "model/corpus.def"
#undef X

#define X(name) &name,
static const thetis_check_scenario *const scenarios[] = {
#include "model/scenarios.def"
#include "model/controls.def"
#include "model/corpus.def"
};
#undef X

int main(int argc, char **argv)
{
    return thetis_check_run(argc, argv, scenarios, sizeof scenarios / sizeof scenarios[0]);
}
