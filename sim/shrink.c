/* SPDX-License-Identifier: MIT
 *
 * shrink.c: from a failing list of choices to a short one: delta debugging (Zeller, Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002). Any list is a run, so pieces may be
 * removed, and choices be made plainer, without regard to what they meant.
 */
#include "run.h"

#include <stdlib.h>
#include <string.h>

enum { SHRINK_TRIES = 3000 };

typedef struct shrink {
    const sim_job *job;
    uint32_t *best; /* the list that fails */
    size_t len;
    char verdict[32];
    int tries;
} shrink;

/* What a run has taken, without the zeros at its end. */
static size_t used(const struct sim_oracle *o)
{
    size_t n = o->taken;
    while (n > 0 && o->values[n - 1] == 0) n--;
    return n;
}

/* Shorter, or as long with smaller numbers. */
static int is_simpler(const shrink *s, const struct sim_oracle *o)
{
    uint64_t sum = 0, best = 0;
    if (used(o) != s->len) return used(o) < s->len;
    for (size_t i = 0; i < s->len; i++) {
        sum += o->values[i];
        best += s->best[i];
    }
    return sum < best;
}

/* Runs the list; keeps it, as the run took it, if it fails alike and is simpler. */
static int try_list(shrink *s, const uint32_t *list, size_t len)
{
    sim_record *r = s->job->record;
    if (s->tries-- <= 0) return 0;
    r->oracle.seed = 0;
    r->oracle.given = len;
    memcpy(r->oracle.values, list, len * sizeof *list);
    if (!tsm_run_apart(s->job) || strcmp(r->verdict, s->verdict) != 0) return 0;
    if (!is_simpler(s, &r->oracle)) return 0;
    s->len = used(&r->oracle);
    memcpy(s->best, r->oracle.values, s->len * sizeof *s->best);
    return 1;
}

/* Without `n` choices from `at` on. */
static int try_without(shrink *s, uint32_t *list, size_t at, size_t n)
{
    size_t tail = s->len - at - n;
    memcpy(list, s->best, at * sizeof *list);
    memcpy(list + at, s->best + at + n, tail * sizeof *list);
    return try_list(s, list, s->len - n);
}

/* With zeros there. */
static int try_plain(shrink *s, uint32_t *list, size_t at, size_t n)
{
    int any = 0;
    memcpy(list, s->best, s->len * sizeof *list);
    for (size_t i = at; i < at + n; i++) {
        any |= list[i] != 0;
        list[i] = 0;
    }
    return any && try_list(s, list, s->len);
}

/* One pass over the list in pieces of `n`; 1: it became simpler. */
static int pass(shrink *s, uint32_t *list, size_t n)
{
    int simpler = 0;
    for (size_t at = 0; at < s->len && s->tries > 0;) {
        size_t piece = s->len - at < n ? s->len - at : n;
        if (try_without(s, list, at, piece)) simpler = 1;
        else if (try_plain(s, list, at, piece)) simpler = 1;
        else at += piece;
        if (simpler && at >= s->len) break;
    }
    return simpler;
}

/* Half of each number, as long as it fails. */
static void lower(shrink *s, uint32_t *list)
{
    for (size_t at = 0; at < s->len && s->tries > 0; at++) {
        for (uint32_t value = s->best[at] / 2; at < s->len && value < s->best[at]; value /= 2) {
            memcpy(list, s->best, s->len * sizeof *list);
            list[at] = value;
            if (!try_list(s, list, s->len) || value == 0) break;
        }
    }
}

void tsm_shrink(const sim_job *job)
{
    sim_job quiet = *job;
    sim_record *r = job->record;
    shrink s = {.job = &quiet, .len = used(&r->oracle), .tries = SHRINK_TRIES};
    uint32_t *list = calloc(SIM_CHOICES, sizeof *list);
    s.best = calloc(SIM_CHOICES, sizeof *s.best);
    if (list == NULL || s.best == NULL) abort();
    quiet.quiet = 1;
    quiet.trace = 0;
    memcpy(s.best, r->oracle.values, s.len * sizeof *s.best);
    memcpy(s.verdict, r->verdict, sizeof s.verdict);
    for (size_t n = s.len / 2; n > 0; n /= 2)
        while (pass(&s, list, n)) continue;
    lower(&s, list);
    r->oracle.seed = 0; /* once more, for the text of the verdict */
    r->oracle.given = s.len;
    memcpy(r->oracle.values, s.best, s.len * sizeof *s.best);
    (void)tsm_run_apart(&quiet);
    free(list);
    free(s.best);
}
