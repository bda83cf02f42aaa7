/* SPDX-License-Identifier: MIT
 *
 * log.h: a schedule as the list of its decisions.
 *
 * A decision is named by the thread that had come to it and by how many accesses that thread had
 * made, shared or not (choices, waits, pauses, fences and its end are such places too): this stays
 * true when other decisions are taken out, and does not depend on what the tester has learned of
 * the memory. At one place a thread has at most one decision of each kind.
 */
#ifndef CHECK_LOG_H
#define CHECK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum tst_decided {
    TST_SWITCH, /* thread `choice` goes on */
    TST_VALUE,  /* value number `choice` is read; 0, the newest, is not listed */
    TST_STOP    /* the thread is stopped for ever */
} tst_decided;

typedef struct tst_decision {
    uint64_t at;    /* accesses of `thread`, the one it has come to included */
    uint8_t thread; /* TST_HARNESS: the first thread is chosen */
    tst_decided what;
    unsigned choice;
} tst_decision;

typedef struct tst_log {
    tst_decision *at;
    size_t count, room;
} tst_log;

/* Those of the schedule that runs or ran last. */
extern tst_log tst_decisions;

void tst_log_begin(void);
void tst_log_switch(unsigned from, unsigned to);
void tst_log_value(unsigned choice);
void tst_log_stop(unsigned thread);

/* Any log; a log that is all zero is empty. */
void tst_log_add(tst_log *log, tst_decision decision);
void tst_log_copy(tst_log *to, const tst_log *from);
void tst_log_free(tst_log *log);

/* As text, one word for each decision: ">1" thread 1 is the first; "0@17>1" thread 0 has come to
 * its 17th access and 1 goes on; "1@12=2" the 12th access of 1 reads value 2; "2@5!" thread 2 is
 * stopped at its 5th. */
void tst_log_print(FILE *out, const tst_log *log);

/* Fills an empty log; false if the text is none. */
bool tst_log_parse(tst_log *log, const char *text);

#endif
