/* SPDX-License-Identifier: MIT
 *
 * tls.h: thread-local variables of the program, one set for each fibre.
 *
 * The fibres share one system thread, hence its thread-local storage; its contents are exchanged
 * at each switch. Only the program's own block is: errno and the like stay common. An address in it
 * means another variable in each fibre: accesses to it are no steps, and a pointer to such a
 * variable is of use to its own thread only.
 */
#ifndef CHECK_TLS_H
#define CHECK_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern char *tst_tls_block; /* of the system thread; NULL: there are no such variables */
extern size_t tst_tls_bytes;

static inline bool tst_tls_owns(const volatile void *at)
{
    return (uintptr_t)at - (uintptr_t)tst_tls_block < tst_tls_bytes;
}

/* All sets begin with the initial values. */
void tst_tls_begin(void);

/* Keeps the variables of thread `from` and shows those of `to`. */
void tst_tls_switch(unsigned from, unsigned to);

#endif
