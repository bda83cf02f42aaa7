/* SPDX-License-Identifier: MIT
 *
 * port.h: the contract between the library and an operating system or board.
 *
 * A port is one file, src/port/port_<name>.c, which defines every function below; sources.cmake
 * names the one that is built. src/port/port_template.c is the file to copy. A port that can carry
 * a loop also defines tht_sys_host (sys.h). Nothing else in the library knows the platform.
 */
#ifndef THT_PORT_H
#define THT_PORT_H

#include <stddef.h>
#include <stdint.h>

/* ---- clock ----------------------------------------------------------------------------------- */

/* Nanoseconds since some fixed moment; monotonic in one thread, never wraps in practice.
 * May be called from any thread and from interrupt handlers. */
uint64_t tht_port_now(void);

/* ---- memory ---------------------------------------------------------------------------------- */

/* Zero-filled memory, aligned to a page (at least THETIS_CACHE_LINE), or NULL.
 * Only for create functions; boards without an allocator return NULL. */
void *tht_port_map(size_t bytes);

/* Gives back what tht_port_map returned for the same `bytes`. NULL is allowed. */
void tht_port_unmap(void *memory, size_t bytes);

/* ---- interrupts ------------------------------------------------------------------------------ */

/* Begins a section that no interrupt handler using the library can enter; returns the state to
 * restore. Hosted systems have no such handlers and do nothing. Nests. */
uintptr_t tht_port_mask(void);

/* Ends the section begun by the call that returned `state`. */
void tht_port_unmask(uintptr_t state);

/* ---- entropy --------------------------------------------------------------------------------- */

/* Fills `bytes` of unpredictable data and returns 0; -1 if the port has no source of it.
 * Seeds hashes; is not a key generator. */
int tht_port_entropy(void *out, size_t bytes);

/* ---- threads --------------------------------------------------------------------------------- */

/* A number that differs between threads that live at the same time; never 0. Cheap. */
uintptr_t tht_port_self(void);

/* Offers the processor to another thread. A no-op is allowed. */
void tht_port_yield(void);

/* Processors this program may run on, at least 1. */
unsigned tht_port_cpus(void);

/* ---- program --------------------------------------------------------------------------------- */

/* The value of a setting from outside the program (the environment), or NULL. */
const char *tht_port_setting(const char *name);

/* Shows a message that ends a program (no newline needed) and does not return. */
__attribute__((noreturn, cold)) void tht_port_panic(const char *message);

/* The name of the port, "linux". */
const char *tht_port_name(void);

#endif
