/* SPDX-License-Identifier: MIT
 *
 * fuzz_sim.c: the random programs on the fake kernel, where the input is the list of choices: of
 * the program, of its peers and of the system. The first byte chooses the system and the scenario.
 * The detectors of the fake kernel and the checks of the scenarios are the verdict; what fails is
 * printed as a line for thetis-sim, too, which makes it smaller.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/run.h"
#include "tests/sim/scenarios.h"

static const thetis_sim_scenario *const programs[] = {&scenario_script, &scenario_script_faults};

static size_t systems(void)
{
    size_t n = 0;
    while (tsm_personality_at(n)) n++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static sim_record record;
    sim_job job = {.record = &record, .here = 1};
    if (size == 0) return 0;
    job.person = tsm_personality_at(bytes[0] % systems());
    job.scenario = programs[bytes[0] / systems() % 2];
    record.oracle.seed = 0;
    tsm_oracle_bytes(&record.oracle, bytes + 1, size - 1);
    (void)tsm_run_apart(&job);
    return 0;
}
