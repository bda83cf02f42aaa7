/* SPDX-License-Identifier: MIT
 *
 * print.c: a recorded schedule as a table with a column for each thread.
 *
 * A row is one event of one thread, so its text may run on over the columns to its right.
 */
#include "print.h"

#include <inttypes.h>
#include <string.h>

#include "site.h"
#include "symbol.h"
#include "trace.h"

enum {
    NUMBER = 7, /* columns: the step's number, */
    WIDE = 36,  /* a thread's, of two */
    NARROW = 24, /* or of more, */
    PLACE = 21, /* a source line */
    SHORTEST = 12, /* what is left of a source line for a longer text */
    LINE = 512,
    FIRST = 40, LAST = 120 /* events that are printed of a long schedule */
};

/* ---- names and values ------------------------------------------------------------------------ */

static bool block_text(uintptr_t addr, char *out, size_t room)
{
    for (size_t k = tst_traced.block_count; k-- > 0;) {
        const tst_block *b = &tst_traced.blocks[k];
        if (addr - b->addr >= b->bytes) continue;
        if (addr == b->addr) (void)snprintf(out, room, "block#%zu", k + 1);
        else (void)snprintf(out, room, "block#%zu+%zu", k + 1, (size_t)(addr - b->addr));
        return true;
    }
    return false;
}

static const char *location(const tst_event *e, char *out, size_t room)
{
    if (block_text(e->addr, out, room) || tst_symbol_text(e->addr, out, room)) return out;
    (void)snprintf(out, room, "word#%" PRIu32 "+%u", e->step.cell->id,
                   (unsigned)(e->addr % TST_WORD));
    return out;
}

static void half_text(uint64_t value, char *out, size_t room)
{
    enum { DECIMAL = 1000000 };
    if (block_text(value, out, room)) return;
    (void)snprintf(out, room, value < DECIMAL ? "%" PRIu64 : "0x%" PRIx64, value);
}

static const char *value_text(const uint64_t value[2], unsigned bytes, char *out, size_t room)
{
    half_text(value[0], out, room);
    size_t used = strlen(out);
    if (bytes > sizeof *value && used + 1 < room) {
        out[used] = ':';
        half_text(value[1], out + used + 1, room - used - 1);
    }
    return out;
}

/* ---- where a value came from ----------------------------------------------------------------- */

static bool overlap(const tst_event *a, const tst_event *b)
{
    return a->addr < b->addr + b->bytes && b->addr < a->addr + a->bytes;
}

/* The step that wrote what `e` read; NULL: none of this schedule. */
static const tst_event *writer(const tst_event *e)
{
    for (const tst_event *w = e; w-- > tst_traced.events;) {
        if (!w->wrote) continue;
        if (!e->has_from && overlap(w, e)) return w;
        if (e->has_from && w->thread == e->from && w->clock == e->from_clock) return w;
    }
    return NULL;
}

static void add_writer(const tst_event *e, char *out, size_t room)
{
    const tst_event *w = writer(e);
    size_t used = strlen(out);
    if (w) (void)snprintf(out + used, room - used, " [%" PRIu64, w->number);
    else (void)snprintf(out + used, room - used, " [-");
    used = strlen(out);
    if (e->newer) (void)snprintf(out + used, room - used, ", %" PRIu32 " newer]", e->newer);
    else (void)snprintf(out + used, room - used, "]");
}

/* ---- events as text -------------------------------------------------------------------------- */

static const char *short_order(int order)
{
    switch (order) {
    case __ATOMIC_RELAXED: return "rlx";
    case __ATOMIC_ACQUIRE: return "acq";
    case __ATOMIC_RELEASE: return "rel";
    case __ATOMIC_SEQ_CST: return "sc";
    default: return tst_order_name(order);
    }
}

static void access_text(const tst_event *e, char *out, size_t room)
{
    enum { PART = 64 };
    char where[PART], seen[PART], left[PART];
    bool plain = e->step.kind == TST_READ || e->step.kind == TST_WRITE;
    int used = snprintf(out, room, "%s%s%s %s", tst_kind_name(e->step.kind), plain ? "" : " ",
                        plain ? "" : short_order(e->step.order),
                        location(e, where, sizeof where));
    if (!e->made || used < 0 || (size_t)used >= room) return;
    out += used;
    room -= (size_t)used;
    value_text(e->seen, e->bytes, seen, sizeof seen);
    value_text(e->left, e->bytes, left, sizeof left);
    if (!tst_writes(e->step.kind)) (void)snprintf(out, room, " -> %s", seen);
    else if (e->step.kind != TST_RMW) (void)snprintf(out, room, " = %s", left);
    else if (e->wrote) (void)snprintf(out, room, " %s -> %s", seen, left);
    else (void)snprintf(out, room, " fails on %s", seen);
    if (e->step.kind != TST_STORE && e->step.kind != TST_WRITE) add_writer(e, out, room);
}

static void event_text(const tst_event *e, char *out, size_t room)
{
    switch (e->kind) {
    case TST_EVENT_BEGIN: (void)snprintf(out, room, "begin %s", e->name); return;
    case TST_EVENT_END:
        (void)snprintf(out, room, "end %s: %" PRIu64 " step%s", e->name, e->number,
                       e->number == 1 ? "" : "s");
        return;
    case TST_EVENT_CHOICE: (void)snprintf(out, room, "choice %" PRIu64, e->number); return;
    case TST_EVENT_WAIT: (void)snprintf(out, room, "wait"); return;
    case TST_EVENT_STOP: (void)snprintf(out, room, "stopped for ever"); return;
    case TST_EVENT_STEP: break;
    }
    if (e->step.cell) access_text(e, out, room);
    else if (e->step.kind == TST_MOMENT) (void)snprintf(out, room, "moment");
    else if (e->step.kind != TST_FENCE) (void)snprintf(out, room, "pause");
    else (void)snprintf(out, room, "fence %s", short_order(e->step.order));
}

/* The source line without its folders; what comes first in it is cut for a long text. */
static const char *place_text(const tst_event *e, int space, char *out, size_t room)
{
    if (e->kind != TST_EVENT_STEP || !e->step.site) return "";
    const char *text = tst_site_text(e->step.site, out, room);
    const char *name = strrchr(text, '/');
    name = name ? name + 1 : text;
    int length = (int)strlen(name);
    if (space < SHORTEST) space = SHORTEST;
    return length > space ? name + length - space : name;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int column(void)
{
    return tst.scenario->threads > 2 ? NARROW : WIDE;
}

static int width(void)
{
    int columns = (int)tst.scenario->threads > 2 ? (int)tst.scenario->threads : 2;
    return NUMBER + columns * column() + PLACE;
}

/* Whether it is the access that failed: the last step of the thread that ran last. */
static bool failed(const tst_event *e)
{
    const tst_event *end = tst_traced.events + tst_traced.count;
    return tst.verdict && tst.site && e + 1 == end && e->kind == TST_EVENT_STEP &&
           e->step.site == tst.site && e->thread == tst.self;
}

static void print_event(FILE *out, const tst_event *e)
{
    char text[LINE], room[LINE], number[32] = "";
    int indent = NUMBER + (int)e->thread * column(), space = width() - indent;
    event_text(e, text, sizeof text);
    if (failed(e)) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "  <-- %s", tst.verdict);
    }
    const char *place = place_text(e, space - (int)strlen(text) - 1, room, sizeof room);
    if (*place) space -= (int)strlen(place) + 1;
    if (e->kind == TST_EVENT_STEP) (void)snprintf(number, sizeof number, "%" PRIu64, e->number);
    if (!*place) fprintf(out, "%5s%*s%.*s\n", number, indent - 5, "", space, text);
    else fprintf(out, "%5s%*s%-*.*s %s\n", number, indent - 5, "", space, space, text, place);
}

void tst_print_trace(FILE *out)
{
    size_t count = tst_traced.count;
    fprintf(out, "%5s  ", "step");
    for (unsigned t = 0; t < tst.scenario->threads; t++)
        fprintf(out, t + 1 < tst.scenario->threads ? "thread %-*u" : "thread %*u",
                t + 1 < tst.scenario->threads ? column() - 7 : 1, t);
    fprintf(out, "\n");
    for (size_t k = 0; k < count; k++) {
        if (count > FIRST + LAST && k == FIRST) {
            fprintf(out, "       ... %zu more ...\n", count - FIRST - LAST);
            k = count - LAST;
        }
        print_event(out, &tst_traced.events[k]);
    }
    fprintf(out, "       [n]: as step n wrote it; [-]: from before the threads\n");
}
