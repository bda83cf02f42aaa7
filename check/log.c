/* SPDX-License-Identifier: MIT
 *
 * log.c: the decisions of the current schedule, to replay and shrink it, and their text.
 */
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "room.h"

tst_log tst_decisions;

/* ---- a list ---------------------------------------------------------------------------------- */

void tst_log_add(tst_log *log, tst_decision decision)
{
    if (log->count == log->room) {
        log->room = log->room ? log->room * 2 : 256;
        log->at = realloc(log->at, log->room * sizeof *log->at);
        if (!log->at) tst_die("no memory for a schedule");
    }
    log->at[log->count++] = decision;
}

void tst_log_copy(tst_log *to, const tst_log *from)
{
    to->count = 0;
    for (size_t k = 0; k < from->count; k++) tst_log_add(to, from->at[k]);
}

void tst_log_free(tst_log *log)
{
    free(log->at);
    *log = (tst_log){0};
}

/* ---- what the current schedule decides ------------------------------------------------------- */

static void decide(uint64_t at, unsigned thread, tst_decided what, unsigned choice)
{
    tst_log_add(&tst_decisions, (tst_decision){at, (uint8_t)thread, what, choice});
}

void tst_log_begin(void)
{
    tst_decisions.count = 0;
}

void tst_log_switch(unsigned from, unsigned to)
{
    decide(from == TST_HARNESS ? 0 : tst.threads[from].accesses, from, TST_SWITCH, to);
}

void tst_log_value(unsigned choice)
{
    if (choice) decide(tst.threads[tst.self].accesses, tst.self, TST_VALUE, choice);
}

void tst_log_stop(unsigned thread)
{
    decide(tst.threads[thread].accesses, thread, TST_STOP, 0);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_decision(FILE *out, const tst_decision *d)
{
    if (d->thread == TST_HARNESS) fprintf(out, ">%u", d->choice);
    else fprintf(out, "%u@%" PRIu64, d->thread, d->at);
    if (d->thread == TST_HARNESS) return;
    if (d->what == TST_STOP) fprintf(out, "!");
    else fprintf(out, "%c%u", d->what == TST_SWITCH ? '>' : '=', d->choice);
}

void tst_log_print(FILE *out, const tst_log *log)
{
    for (size_t k = 0; k < log->count; k++) {
        if (k > 0) fputc(' ', out);
        print_decision(out, &log->at[k]);
    }
}

/* The number that *text begins with, which it is moved behind. */
static bool take_number(const char **text, uint64_t below, uint64_t *number)
{
    const char *c = *text;
    for (*number = 0; *c >= '0' && *c <= '9'; c++) {
        if (*number > UINT32_MAX) return false;
        *number = *number * 10 + (uint64_t)(*c - '0');
    }
    bool some = c != *text;
    *text = c;
    return some && *number < below;
}

static bool take_decision(const char **text, tst_decision *d)
{
    uint64_t thread = TST_HARNESS, choice = 0;
    *d = (tst_decision){0};
    if (**text != '>') {
        if (!take_number(text, TST_THREADS, &thread) || *(*text)++ != '@') return false;
        if (!take_number(text, UINT64_MAX, &d->at)) return false;
    }
    d->thread = (uint8_t)thread;
    switch (*(*text)++) {
    case '>': d->what = TST_SWITCH; break;
    case '=': d->what = TST_VALUE; break;
    case '!': d->what = TST_STOP; return true;
    default: return false;
    }
    if (!take_number(text, d->what == TST_SWITCH ? TST_THREADS : UINT32_MAX, &choice)) return false;
    d->choice = (unsigned)choice;
    return true;
}

bool tst_log_parse(tst_log *log, const char *text)
{
    tst_decision d;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        if (!take_decision(&text, &d) || !strchr(" ", *text)) return false;
        tst_log_add(log, d);
    }
    return true;
}
