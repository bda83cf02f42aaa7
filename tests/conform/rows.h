/* SPDX-License-Identifier: MIT
 *
 * rows.h: makes a program of one group of rows.def. Included last, with CONFORM_GROUP defined.
 *
 *     program [--backend NAME] [--sim PERSONALITY] [what every test program takes]
 *
 * Every X row is three cases: row.plain; row.short, with interrupted calls and short counts; and
 * row.spurious, with spurious, stale and duplicated readiness. A ONCE row counts calls, moves the
 * clock or injects faults of its own and is one case, row.plain.
 */
#ifndef CONFORM_ROWS_H
#define CONFORM_ROWS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(number, function, sentence)                                                           \
    static void function##_plain(void) { suite_run(function, SUITE_PLAIN); }                    \
    static void function##_short(void) { suite_run(function, SUITE_SHORT); }                    \
    static void function##_spurious(void) { suite_run(function, SUITE_SPURIOUS); }
#define ONCE(number, function, sentence)                                                        \
    static void function##_plain(void) { suite_run(function, SUITE_PLAIN); }
#include "conform/rows.def"
#undef X
#undef ONCE

#define X(number, function, sentence)                                                           \
    {.name = #function ".plain", .run = function##_plain},                                      \
    {.name = #function ".short", .run = function##_short},                                      \
    {.name = #function ".spurious", .run = function##_spurious},
#define ONCE(number, function, sentence) {.name = #function ".plain", .run = function##_plain},
static const test_case rows[] = {
#include "conform/rows.def"
};
#undef X
#undef ONCE

TEST_SUITE_(rows)

TEST_WEAK int main(int argc, char **argv)
{
    static char program[512]; /* with its options: what replays a row */
    (void)snprintf(program, sizeof program, "%s", argv[0]);
    while (argc > 2 && (!strcmp(argv[1], "--backend") || !strcmp(argv[1], "--sim"))) {
        if (argv[1][2] == 's') the_world = world_sim(argv[2]);
        else if (setenv("THETIS_BACKEND", argv[2], 1) != 0) return 2;
        if (the_world == NULL) return 2;
        size_t len = strlen(program);
        (void)snprintf(program + len, sizeof program - len, " %s %s", argv[1], argv[2]);
        argv[2] = program;
        argv += 2;
        argc -= 2;
    }
    return test_main(argc, argv, rows, sizeof rows / sizeof rows[0]);
}

#endif
