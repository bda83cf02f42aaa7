/* SPDX-License-Identifier: MIT
 *
 * json.c: one line for each result.
 */
#include "json.h"

#include <string.h>

#include "progress.h"

void tst_json_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putc('\\', out);
        if ((unsigned char)*text >= ' ') putc(*text, out);
    }
    putc('"', out);
}

static uint64_t total(const tst_result *r)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < r->count; k++) sum += r->phases[k].schedules;
    return sum;
}

static void json_ops(const tst_result *r)
{
    (void)r;
    printf(",\"ops\":[");
    for (unsigned k = 0; k < tst.op_count; k++) {
        const tst_op *op = &tst.ops[k];
        printf("%s{\"op\":", k ? "," : "");
        tst_json_text(stdout, op->name);
        if (op->bound > 0) printf(",\"bound\":%llu", (unsigned long long)op->bound);
        printf(",\"max\":%llu,\"ratio\":%.3f}", (unsigned long long)op->max, op->ratio);
    }
    printf("]");
}

static void json_growth(void)
{
    tst_growth g;
    printf(",\"growth\":[");
    for (size_t k = 0; tst_growth_at(k, &g); k++) {
        printf("%s{\"op\":", k ? "," : "");
        tst_json_text(stdout, tst.ops[g.op].name);
        printf(",\"rounds\":%u,\"steps\":%llu}", g.rounds, (unsigned long long)g.steps);
    }
    printf("]");
}

/* The strategies' own figures are those of their last phase, if it was run. */
static void json_progress(const tst_result *r, size_t at)
{
    const tst_strategy *s = r->phases[at].strategy;
    if (r->phases[at].schedules == 0) return;
    for (size_t k = at + 1; k < r->count; k++)
        if (r->phases[k].strategy == s && r->phases[k].schedules > 0) return;
    if (s == &tst_strategy_adversary) json_growth();
    if (s == &tst_strategy_crash) {
        printf(",\"crash_points\":%llu", (unsigned long long)tst_crash_points);
    }
}

static void json_phase(const tst_result *r, size_t at)
{
    const tst_phase *p = &r->phases[at];
    printf("{\"strategy\":\"%s\",\"model\":\"%s\",\"memory\":\"%s\",\"schedules\":%llu,"
           "\"points\":%llu,\"seconds\":%.3f,\"complete\":%s",
           p->strategy->name, p->weak ? "weak" : "sc",
           p->allocs ? "failing" : p->reuse ? "reused" : "quarantined",
           (unsigned long long)p->schedules, (unsigned long long)p->points, p->seconds,
           p->complete ? "true" : "false");
    if (p->preemptions >= 0) printf(",\"preemptions\":%d", p->preemptions);
    if (p->verdict) {
        printf(",\"found\":");
        tst_json_text(stdout, p->verdict);
        printf(",\"at\":%llu", (unsigned long long)p->failing);
    }
    json_progress(r, at);
    printf("}");
}

static void json_result(const tst_result *r, const tst_options *o)
{
    printf("{\"scenario\":");
    tst_json_text(stdout, r->scenario->name);
    printf(",\"threads\":%u,\"schedules\":%llu,\"verdict\":\"%s\",\"seed\":%llu",
           r->scenario->threads, (unsigned long long)total(r), r->verdict,
           (unsigned long long)o->seed);
    if (r->found) {
        printf(",\"found\":");
        tst_json_text(stdout, r->found);
    }
    if (r->scenario->garbage > 0) {
        printf(",\"garbage\":%llu,\"garbage_max\":%llu",
               (unsigned long long)r->scenario->garbage, (unsigned long long)tst.garbage_max);
    }
    json_ops(r);
    printf(",\"phases\":[");
    for (size_t k = 0; k < r->count; k++) {
        if (k) putchar(',');
        json_phase(r, k);
    }
    printf("]}\n");
}

static void plain_result(const tst_result *r)
{
    printf("%-8s %-40s %9llu schedules", r->verdict, r->scenario->name,
           (unsigned long long)total(r));
    if (r->found) printf("  %s by", r->found);
    for (size_t k = 0; k < r->count; k++) {
        const tst_phase *p = &r->phases[k];
        if (p->verdict) printf(" %s/%s", p->strategy->name, p->weak ? "weak" : "sc");
    }
    printf("\n");
}

void tst_print_result(const tst_result *result, const tst_options *options)
{
    if (options->json) json_result(result, options);
    else plain_result(result);
    (void)fflush(stdout); /* whoever waits for a verdict need not wait for the next one */
}

void tst_print_bound(const tst_op *op, bool tight, const tst_options *options)
{
    const char *verdict = tight ? "tight" : "loose";
    if (options->json) {
        printf("{\"op\":");
        tst_json_text(stdout, op->name);
        printf(",\"bound\":%llu,\"max\":%llu,\"ratio\":%.3f,\"verdict\":\"%s\"}\n",
               (unsigned long long)op->bound, (unsigned long long)op->max, op->ratio, verdict);
    } else {
        printf("%-8s %-40s %llu of %llu steps\n", verdict, op->name,
               (unsigned long long)op->max, (unsigned long long)op->bound);
    }
}
