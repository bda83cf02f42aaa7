/* SPDX-License-Identifier: MIT
 *
 * trace.c: records the steps of a schedule.
 *
 * A plain write is made by the program itself after the tester has let it pass; what was written is
 * read when the next event comes, before anything else can have been written.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"

tst_trace tst_traced;

static tst_event *unsettled; /* a plain write that is not made yet */
static uint64_t steps;
static tst_block coming[TST_THREADS]; /* what each thread accesses next */

void tst_trace_begin(void)
{
    tst_traced.count = 0;
    tst_traced.block_count = 0;
    unsettled = NULL;
    steps = 0;
}

static void *grown(void *list, size_t count, size_t *room, size_t bytes)
{
    if (count < *room) return list;
    *room = *room ? *room * 2 : 256;
    list = realloc(list, *room * bytes);
    if (!list) tst_die("no memory for a trace");
    return list;
}

static void read_memory(uint64_t value[2], uintptr_t addr, unsigned bytes)
{
    value[0] = value[1] = 0;
    memcpy(value, (const void *)addr, bytes);
}

void tst_trace_settle(void)
{
    bool there = !tst.verdict || strcmp(tst.verdict, "crash") != 0;
    if (unsettled && there) read_memory(unsettled->left, unsettled->addr, unsettled->bytes);
    unsettled = NULL;
}

static tst_event *add(unsigned thread, tst_event_kind kind)
{
    tst_trace *t = &tst_traced;
    tst_trace_settle();
    t->events = grown(t->events, t->count, &t->room, sizeof *t->events);
    tst_event *e = &t->events[t->count++];
    *e = (tst_event){.kind = kind, .thread = thread};
    return e;
}

void tst_trace_note(unsigned thread, tst_event_kind kind, const char *name, uint64_t number)
{
    if (thread == TST_HARNESS) return;
    tst_event *e = add(thread, kind);
    e->name = name;
    e->number = number;
}

void tst_trace_next(uintptr_t addr, size_t bytes)
{
    coming[tst.self] = (tst_block){addr, bytes};
}

void tst_trace_step(unsigned thread, const tst_step *step)
{
    tst_event *e = add(thread, TST_EVENT_STEP);
    e->addr = coming[thread].addr;
    e->bytes = (unsigned)coming[thread].bytes;
    e->number = ++steps;
    e->step = *step;
    e->clock = tst.threads[thread].now[thread] + 1;
}

/* The step whose access is being made. */
static tst_event *last(void)
{
    return &tst_traced.events[tst_traced.count - 1];
}

void tst_trace_plain(bool write)
{
    tst_event *e = last();
    e->made = true;
    e->wrote = write;
    if (write) unsettled = e;
    else read_memory(e->seen, e->addr, e->bytes);
}

void tst_trace_from(const tst_message *message, uint32_t newer)
{
    tst_event *e = last();
    e->has_from = true;
    e->from = message->thread;
    e->from_clock = message->clock;
    e->newer = newer;
}

void tst_trace_atomic(const void *seen, bool wrote)
{
    tst_event *e = last();
    e->made = true;
    e->wrote = wrote;
    memcpy(e->seen, seen, e->bytes);
    read_memory(e->left, e->addr, e->bytes);
}

void tst_trace_block(uintptr_t addr, size_t bytes)
{
    tst_trace *t = &tst_traced;
    t->blocks = grown(t->blocks, t->block_count, &t->block_room, sizeof *t->blocks);
    t->blocks[t->block_count++] = (tst_block){addr, bytes};
}
