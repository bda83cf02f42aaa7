/* SPDX-License-Identifier: MIT
 *
 * run.c: one run of a scenario, in a process of its own.
 */
#include "run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_SECONDS = 20 };

static void print_replay(const sim_job *job)
{
    char choices[4000];
    (void)tsm_oracle_text(&job->record->oracle, choices, sizeof choices);
    (void)fprintf(stderr, "thetis-sim --scenario '%s' --personality %s --choices %s\n",
                  job->scenario->name, job->person->name, choices);
}

static void on_fail(void *user, const char *verdict, const char *text)
{
    const sim_job *job = user;
    (void)snprintf(job->record->verdict, sizeof job->record->verdict, "%s", verdict);
    (void)snprintf(job->record->text, sizeof job->record->text, "%s", text);
    if (job->here) {
        (void)fprintf(stderr, "%s: %s\n", verdict, text);
        print_replay(job);
        abort(); /* for a debugger, or a fuzzer */
    }
    (void)fflush(stdout);
    _exit(1);
}

/* What may happen by chance; with a list of zeros nothing does. */
static sim_cfg run_cfg(const sim_job *job)
{
    int faults = (job->scenario->flags & THETIS_SIM_FAULTS) != 0;
    return (sim_cfg){
        .personality = job->person,
        .oracle = &job->record->oracle,
        .trace = job->trace ? stdout : NULL,
        .cuts = 150,
        .delays = 150,
        .interrupts = 30,
        .faults = faults ? 5 : 0,
        .fail_call = job->fail_call,
        .fail_at = job->fail_at,
        .on_fail = on_fail,
        .user = (void *)(uintptr_t)job,
    };
}

/* Runs to the end. */
static thetis_sim *run_body(const sim_job *job, const sim_cfg *cfg)
{
    struct sim_oracle *o = &job->record->oracle;
    thetis_sim *sim = tsm_create(cfg);
    o->taken = 0;
    o->state = o->seed;
    job->scenario->body(sim);
    tsm_watch_end(sim);
    return sim;
}

/* What this run is to show: the notes of the same draws where nothing else happens. */
static void run_plain(const sim_job *job, uint64_t notes[SIM_WHO])
{
    sim_cfg cfg = run_cfg(job);
    thetis_sim *sim;
    cfg.personality = tsm_personality_at(0);
    cfg.plain = 1;
    cfg.cuts = cfg.delays = cfg.interrupts = cfg.faults = 0;
    cfg.fail_at = 0;
    if (cfg.trace) (void)fprintf(cfg.trace, "on %s, plainly:\n", cfg.personality->name);
    sim = run_body(job, &cfg);
    if (cfg.trace) (void)fprintf(cfg.trace, "on %s:\n", job->person->name);
    memcpy(notes, sim->notes, sizeof sim->notes);
    tsm_destroy(sim);
}

static void compare(const thetis_sim *sim, const uint64_t notes[SIM_WHO])
{
    for (unsigned who = 0; who < SIM_WHO; who++)
        if (sim->notes[who] != notes[who] && (sim->lacking & 1u << who) == 0)
            tsm_fail((thetis_sim *)(uintptr_t)sim, "differs", "%u shows other notes than on %s",
                     who, tsm_personality_at(0)->name);
}

static void run_once(const sim_job *job)
{
    sim_record *r = job->record;
    sim_cfg cfg = run_cfg(job);
    uint64_t notes[SIM_WHO];
    thetis_sim *sim;
    int same = (job->scenario->flags & THETIS_SIM_SAME) != 0;
    if (same) run_plain(job, notes);
    sim = run_body(job, &cfg);
    if (same) compare(sim, notes);
    memcpy(r->lacks, sim->lacks, sizeof r->lacks);
    memcpy(r->calls_of, sim->calls_of, sizeof r->calls_of);
    r->calls += sim->calls;
    if (sim->calls > r->most) r->most = sim->calls;
    r->injected = sim->injected;
    r->now = sim->now;
    tsm_destroy(sim);
}

static void begin_process(const sim_job *job)
{
    (void)alarm(RUN_SECONDS);
    if (job->quiet) (void)!freopen("/dev/null", "w", stderr);
}

/* Waits for it; whatever ended it but an exit is a crash. 1: it failed. */
static int end_process(const sim_job *job, pid_t pid)
{
    int status = 0;
    sim_record *r = job->record;
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (r->verdict[0]) return 1;
    (void)snprintf(r->verdict, sizeof r->verdict, "%s",
                   WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "hang" : "crash");
    (void)snprintf(r->text, sizeof r->text, "the process ended with status %d", status);
    return 1;
}

int tsm_run_apart(const sim_job *job)
{
    pid_t pid;
    job->record->verdict[0] = 0;
    if (job->here) {
        run_once(job);
        return 0;
    }
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        begin_process(job);
        run_once(job);
        (void)fflush(stdout);
        _exit(0);
    }
    return end_process(job, pid);
}

uint64_t tsm_run_batch(const sim_job *job, uint64_t seed, uint64_t runs)
{
    sim_record *r = job->record;
    pid_t pid;
    r->verdict[0] = 0;
    r->run = 0;
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        begin_process(job);
        for (; r->run < runs; r->run++) {
            r->oracle.seed = seed + r->run;
            run_once(job);
            (void)alarm(RUN_SECONDS);
        }
        (void)fflush(stdout);
        _exit(0);
    }
    (void)end_process(job, pid);
    return r->run;
}
