/* SPDX-License-Identifier: MIT
 *
 * main.c: thetis_sim_run(): options, what is run for them, and what is printed.
 */
#include "run.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { DEFAULT_RUNS = 100, TEXT_MAX = 4000, EXHAUST_MAX = 200000 };

typedef struct options {
    const char *program, *scenario, *personality, *choices, *replay, *bytes, *ask;
    uint64_t seed, runs, exhaust;
    int list, systems, json, trace, here, sweep;
    sim_call_id fail_call;
    uint64_t fail_at;
} options;

typedef struct result {
    uint64_t runs, calls, seed;
    double seconds;
    const char *verdict; /* "pass", "fail", "expected", "missed" */
    char swept[400];     /* calls that failed in a sweep */
    char replay[TEXT_MAX + 400];
} result;

static const char usage[] =
    "usage: %s [--list] [--systems] [--ask NAME]\n"
    "          [--scenario GLOB] [--personality NAME] [--seed N] [--runs N]\n"
    "          [--choices LIST] [--replay FILE] [--bytes FILE] [--exhaust DEPTH] [--sweep]\n"
    "          [--fail CALL:K] [--trace] [--here] [--json]\n"
    "  --systems      the personalities, and where the figures of each come from\n"
    "  --ask NAME     the answers of a personality to the questions of the probe, as JSON\n"
    "  --runs N       N seeds from the first one on (default 100)\n"
    "  --choices LIST one run with these choices; --replay: with those in a file; --bytes: with\n"
    "                 a file's bytes as choices\n"
    "  --exhaust D    all runs whose first D choices differ\n"
    "  --sweep        every call fails once, in turn (scenarios that bear it)\n"
    "  --fail CALL:K  the K-th call of this name fails, or with `any` the K-th of all\n"
    "  --trace        print every call;  --here: run in this process, for a debugger\n";

/* ---- options --------------------------------------------------------------------------------- */

static const char *const call_names[] = {
#define SIM_CALL(name, error) #name,
#include "calls.def"
#undef SIM_CALL
    "any"};

static const sim_error call_errors[] = {
#define SIM_CALL(name, error) SIM_E_##error,
#include "calls.def"
#undef SIM_CALL
};

static int parse_fail(options *o, const char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL) return 0;
    o->fail_at = strtoull(colon + 1, NULL, 10);
    for (int id = 0; id <= SIM_CALLS; id++) {
        size_t len = strlen(call_names[id]);
        if (len != (size_t)(colon - text) || strncmp(call_names[id], text, len) != 0) continue;
        o->fail_call = (sim_call_id)id;
        return o->fail_at != 0;
    }
    return 0;
}

static int parse_flag(options *o, const char *arg)
{
    if (!strcmp(arg, "--list")) o->list = 1;
    else if (!strcmp(arg, "--systems")) o->systems = 1;
    else if (!strcmp(arg, "--json")) o->json = 1;
    else if (!strcmp(arg, "--trace")) o->trace = 1;
    else if (!strcmp(arg, "--here")) o->here = 1;
    else if (!strcmp(arg, "--sweep")) o->sweep = 1;
    else return 0;
    return 1;
}

static int parse_value(options *o, const char *arg, const char *value)
{
    if (value == NULL) return 0;
    if (!strcmp(arg, "--scenario")) o->scenario = value;
    else if (!strcmp(arg, "--personality")) o->personality = value;
    else if (!strcmp(arg, "--ask")) o->ask = value;
    else if (!strcmp(arg, "--choices")) o->choices = value;
    else if (!strcmp(arg, "--replay")) o->replay = value;
    else if (!strcmp(arg, "--bytes")) o->bytes = value;
    else if (!strcmp(arg, "--seed")) o->seed = strtoull(value, NULL, 0);
    else if (!strcmp(arg, "--runs")) o->runs = strtoull(value, NULL, 0);
    else if (!strcmp(arg, "--exhaust")) o->exhaust = strtoull(value, NULL, 0);
    else if (!strcmp(arg, "--fail")) return parse_fail(o, value);
    else return 0;
    return 1;
}

static int parse(options *o, int argc, char **argv)
{
    o->program = argv[0];
    o->seed = 1;
    o->runs = DEFAULT_RUNS;
    for (int i = 1; i < argc; i++) {
        if (parse_flag(o, argv[i])) continue;
        if (!parse_value(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) return 0;
        i++;
    }
    return o->seed != 0 && (o->personality == NULL || tsm_personality(o->personality) != NULL) &&
           (o->ask == NULL || tsm_personality(o->ask) != NULL);
}

/* ---- one list of choices --------------------------------------------------------------------- */

static size_t read_file(const char *path, char *text, size_t room)
{
    FILE *in = fopen(path, "rb");
    size_t n = in ? fread(text, 1, room, in) : 0;
    if (in) (void)fclose(in);
    return n;
}

/* The list that was asked for; 0: it cannot be read. */
static int load_list(const options *o, struct sim_oracle *oracle)
{
    static char text[SIM_CHOICES * 8];
    size_t n;
    oracle->seed = 0;
    if (o->choices) return tsm_oracle_parse(oracle, o->choices);
    n = read_file(o->replay ? o->replay : o->bytes, text, sizeof text - 1);
    text[n] = 0;
    if (o->replay) return tsm_oracle_parse(oracle, text);
    tsm_oracle_bytes(oracle, (const unsigned char *)text, n);
    return 1;
}

/* ---- running --------------------------------------------------------------------------------- */

static void found(const options *o, const sim_job *job, result *r)
{
    static char list[TEXT_MAX];
    char fail[64] = "";
    size_t len;
    r->verdict = "fail";
    if (job->here) return;
    if (!o->choices && !o->replay) tsm_shrink(job);
    len = tsm_oracle_text(&job->record->oracle, list, sizeof list);
    if (job->fail_at)
        (void)snprintf(fail, sizeof fail, " --fail %s:%llu", call_names[job->fail_call],
                       (unsigned long long)job->fail_at);
    if (len < sizeof list)
        (void)snprintf(r->replay, sizeof r->replay,
                       "%s --scenario '%s' --personality %s%s --choices %s", o->program,
                       job->scenario->name, job->person->name, fail, list);
    else
        (void)snprintf(r->replay, sizeof r->replay,
                       "%s --scenario '%s' --personality %s%s --runs 1 --seed %llu", o->program,
                       job->scenario->name, job->person->name, fail,
                       (unsigned long long)r->seed);
}

static void run_seeds(const options *o, const sim_job *job, result *r)
{
    r->runs = tsm_run_batch(job, o->seed, o->runs);
    r->seed = o->seed + r->runs;
    if (job->record->verdict[0]) found(o, job, r);
}

static void run_exhaustive(const options *o, const sim_job *job, result *r)
{
    struct sim_oracle *oracle = &job->record->oracle;
    oracle->seed = 0;
    oracle->given = 0;
    do {
        if (tsm_run_apart(job)) {
            found(o, job, r);
            return;
        }
        r->runs++;
    } while (r->runs < EXHAUST_MAX && tsm_oracle_next(oracle, (size_t)o->exhaust));
}

static void name_swept(result *r, const char *name)
{
    size_t len = strlen(r->swept);
    (void)snprintf(r->swept + len, sizeof r->swept - len, "%s%s", len ? " " : "", name);
}

/* The k-th call of each name fails, for every k that a run has. */
static void run_sweep(const options *o, const sim_job *job, result *r)
{
    sim_job one = *job;
    if (!(job->scenario->flags & THETIS_SIM_FAULTS)) return;
    for (int id = 0; id < SIM_CALLS; id++) {
        for (one.fail_at = 1;; one.fail_at++) {
            one.fail_call = (sim_call_id)id;
            job->record->oracle.seed = o->seed;
            if (tsm_run_apart(&one)) {
                r->seed = o->seed;
                found(o, &one, r);
                return;
            }
            r->runs++;
            if (job->record->calls_of[id] < one.fail_at) break;
        }
        if (one.fail_at > 1 && call_errors[id]) name_swept(r, call_names[id]);
    }
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_text(const sim_job *job, const result *r)
{
    const sim_record *rec = job->record;
    (void)printf("%-8s %s on %s: %llu runs, %llu calls, %.0f calls/s\n", r->verdict,
                 job->scenario->name, job->person->name, (unsigned long long)r->runs,
                 (unsigned long long)r->calls, r->seconds > 0 ? (double)r->calls / r->seconds : 0);
    if (rec->verdict[0]) (void)printf("  %s: %s\n", rec->verdict, rec->text);
    if (r->replay[0]) (void)printf("  %s\n", r->replay);
}

static void print_json(const sim_job *job, const result *r)
{
    (void)printf("{\"scenario\": \"%s\", \"personality\": \"%s\", \"runs\": %llu, \"calls\": %llu, "
                 "\"most\": %llu, \"seconds\": %.3f, \"verdict\": \"%s\", \"found\": \"%s\", "
                 "\"lacks\": \"%s\", \"swept\": \"%s\", \"replay\": \"%s\"}\n",
                 job->scenario->name, job->person->name, (unsigned long long)r->runs,
                 (unsigned long long)r->calls, (unsigned long long)job->record->most, r->seconds,
                 r->verdict, job->record->verdict, job->record->lacks, r->swept, r->replay);
    (void)fflush(stdout);
}

/* 1: the verdict is as it should be. */
static int run_job(const options *o, sim_job *job)
{
    result r = {.verdict = "pass"};
    int control = (job->scenario->flags & THETIS_SIM_CONTROL) != 0;
    double from = seconds();
    job->record->calls = job->record->most = 0;
    job->record->verdict[0] = 0;
    if (o->choices || o->replay || o->bytes) {
        if (!load_list(o, &job->record->oracle)) return 0;
        r.runs = 1;
        if (tsm_run_apart(job)) found(o, job, &r);
    } else if (o->exhaust) {
        run_exhaustive(o, job, &r);
    } else if (o->sweep) {
        run_sweep(o, job, &r);
    } else {
        run_seeds(o, job, &r);
    }
    r.seconds = seconds() - from;
    r.calls = job->record->calls;
    if (control) r.verdict = job->record->verdict[0] ? "expected" : "missed";
    if (o->json) print_json(job, &r);
    else print_text(job, &r);
    return !strcmp(r.verdict, "pass") || !strcmp(r.verdict, "expected");
}

static void print_systems(void)
{
    const sim_personality *p;
    for (size_t k = 0; (p = tsm_personality_at(k)) != NULL; k++) {
        (void)printf("%-8s  ", p->name);
        for (size_t i = 0; i < sizeof p->backends / sizeof p->backends[0] && p->backends[i]; i++)
            (void)printf("%s%s", i ? ", " : "", p->backends[i]);
        (void)printf(": %s\n", p->note);
    }
}

static int run_all(const options *o, sim_record *record,
                   const thetis_sim_scenario *const scenarios[], size_t count)
{
    int good = 1;
    for (size_t i = 0; i < count; i++) {
        if (o->scenario && fnmatch(o->scenario, scenarios[i]->name, 0) != 0) continue;
        for (size_t k = 0; tsm_personality_at(k); k++) {
            sim_job job = {.scenario = scenarios[i], .person = tsm_personality_at(k),
                           .record = record, .trace = o->trace, .here = o->here,
                           .fail_call = o->fail_call, .fail_at = o->fail_at};
            if (o->personality && strcmp(o->personality, job.person->name) != 0) continue;
            good &= run_job(o, &job);
        }
    }
    return good;
}

int thetis_sim_run(int argc, char **argv, const thetis_sim_scenario *const scenarios[],
                   size_t count)
{
    options o = {0};
    sim_record *record;
    if (!parse(&o, argc, argv)) {
        (void)fprintf(stderr, usage, argv[0]);
        return 2;
    }
    if (o.list) {
        for (size_t i = 0; i < count; i++) (void)printf("%s\n", scenarios[i]->name);
        return 0;
    }
    if (o.systems) {
        print_systems();
        return 0;
    }
    if (o.ask) {
        tsm_ask(tsm_personality(o.ask), stdout);
        return 0;
    }
    record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (record == MAP_FAILED) return 2;
    return run_all(&o, record, scenarios, count) ? 0 : 1;
}
