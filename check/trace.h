/* SPDX-License-Identifier: MIT
 *
 * trace.h: what happened in one schedule, for people. The calls are made while tst.tracing is set.
 */
#ifndef CHECK_TRACE_H
#define CHECK_TRACE_H

#include "engine.h"

typedef enum tst_event_kind {
    TST_EVENT_STEP,
    TST_EVENT_BEGIN, /* of operation `name` */
    TST_EVENT_END,   /* of it, after `number` steps */
    TST_EVENT_CHOICE, /* `number` */
    TST_EVENT_WAIT,
    TST_EVENT_STOP
} tst_event_kind;

typedef struct tst_event {
    tst_event_kind kind;
    unsigned thread;
    const char *name;
    uint64_t number; /* of a step: counted over all threads, from 1 */

    /* of a step */
    tst_step step;
    uint32_t clock; /* of its thread: names the step */
    uintptr_t addr;
    unsigned bytes;
    bool made; /* the access; else the schedule failed before it */
    uint64_t seen[2], left[2]; /* the value that was read; that is there afterwards */
    bool wrote;
    bool has_from; /* it read the message of thread `from` and its clock (0: setup's) ... */
    unsigned from;
    uint32_t from_clock, newer; /* ... after which there are so many newer ones */
} tst_event;

/* A piece of memory, such as a block of the heap. */
typedef struct tst_block {
    uintptr_t addr;
    size_t bytes;
} tst_block;

typedef struct tst_trace {
    tst_event *events;
    size_t count, room;
    tst_block *blocks; /* of the heap, in the order of allocation */
    size_t block_count, block_room;
} tst_trace;

extern tst_trace tst_traced;

void tst_trace_begin(void);
void tst_trace_note(unsigned thread, tst_event_kind kind, const char *name, uint64_t number);

/* What the running thread's next step will access, if it is an access; then the step; then, if it
 * does not fail, what came of it. */
void tst_trace_next(uintptr_t addr, size_t bytes);
void tst_trace_step(unsigned thread, const tst_step *step);
void tst_trace_plain(bool write);
void tst_trace_from(const tst_message *message, uint32_t newer);
void tst_trace_atomic(const void *seen, bool wrote);

/* The running thread has made the access of the last step. */
void tst_trace_settle(void);

void tst_trace_block(uintptr_t addr, size_t bytes);

#endif
