/* SPDX-License-Identifier: MIT
 *
 * run.h: what the files that run scenarios share.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "oracle.h"
#include "sim.h"

/* One run: what is asked, and in memory shared with its process what came of it. */
typedef struct sim_record {
    struct sim_oracle oracle;
    char lacks[64]; /* capabilities, of the last run */
    uint64_t most; /* calls of one run */
    uint64_t calls, calls_of[SIM_CALLS], injected;
    uint64_t now;
    char verdict[32]; /* "": passed */
    char text[512];
    uint64_t run; /* number in its batch */
} sim_record;

typedef struct sim_job {
    const thetis_sim_scenario *scenario;
    const sim_personality *person;
    sim_record *record;
    sim_call_id fail_call;
    uint64_t fail_at;
    int trace, here, quiet;
} sim_job;

/* Runs once in a process of its own with the oracle of job->record. 1: it failed. */
int tsm_run_apart(const sim_job *job);

/* Runs the seeds from `seed` on, in one process until one fails; returns how many passed. */
uint64_t tsm_run_batch(const sim_job *job, uint64_t seed, uint64_t runs);

/* The answers of a personality to the questions of probe/, as JSON. */
void tsm_ask(const sim_personality *person, FILE *out);

/* Makes the failing list of job->record shorter and smaller, as long as the verdict stays. */
void tsm_shrink(const sim_job *job);

#endif
