/* SPDX-License-Identifier: MIT
 *
 * print.h: a recorded schedule as a table with a column for each thread.
 */
#ifndef CHECK_PRINT_H
#define CHECK_PRINT_H

#include <stdio.h>

/* What trace.c recorded of the schedule that ran last. */
void tst_print_trace(FILE *out);

#endif
