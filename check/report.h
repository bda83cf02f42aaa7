/* SPDX-License-Identifier: MIT
 *
 * report.h: a failing schedule for people, and its replay.
 */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What, beside the scenario and the model, determines a schedule. */
typedef struct tst_replay {
    const char *schedule; /* its decisions as text; see log.h */
    bool reuse;
    uint64_t fail_alloc;
    unsigned rounds, victim; /* 0, TST_THREADS: the scenario's own */
} tst_replay;

/* Shrinks the failing schedule that is now in `tst`, prints it with a column per thread, the
 * verdict, and the line that replays it. */
void tst_report_failure(FILE *out);

/* Replays a schedule of tst.scenario and prints it; 1 if it fails, 0 if it passes, 2 if the text is
 * no schedule. */
int tst_replay_run(const tst_replay *replay, FILE *out);

#endif
