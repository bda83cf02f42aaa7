/* SPDX-License-Identifier: MIT
 *
 * fibre.h: stacks, and the switch from one to another.
 */
#ifndef CHECK_FIBRE_H
#define CHECK_FIBRE_H

#include <stddef.h>

enum { TST_STACK = 256 * 1024 }; /* bytes; untouched pages cost nothing */

/* A stopped computation. */
typedef struct tst_fibre {
    void *context; /* where its registers are */
    char *stack;   /* TST_STACK bytes; NULL: the system thread's own stack */
} tst_fibre;

/* Gives a fibre its stack, for good. Ends the program if there is no memory. */
void tst_fibre_create(tst_fibre *fibre);

/* The next switch to `fibre` calls entry(), which must never return. */
void tst_fibre_start(tst_fibre *fibre, void (*entry)(void));

/* Saves the running computation in `from` and goes on with `to`. */
void tst_fibre_switch(tst_fibre *from, tst_fibre *to);

#endif
