/* SPDX-License-Identifier: MIT
 *
 * port.h: the contract between the library and an operating system or board.
 *
 * A port is one file, src/port/port_<name>.c, which defines every function below, or two: what is
 * under "waiting" may stand in wait_<name>.c, so that a test can put a system of its own in its
 * place. ThetisTarget.cmake names the files. src/port/port_template.c is the one to copy. A port
 * that can carry a loop also defines tht_sys_host (sys.h). Nothing else in the library knows the
 * platform.
 */
#ifndef THT_PORT_H
#define THT_PORT_H

#include <thetis/atomic.h>
#include <thetis/status.h>

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

/* Gives back what lies behind some whole pages of it; they are zero-filled when they are used next.
 * Never called where there are no pages. */
void tht_port_discard(void *memory, size_t bytes);

/* Bytes of a page, a power of two; 0 without memory management: then there is no mirror. */
size_t tht_port_page(void);

/* Zero-filled memory: `before` bytes, then `bytes`, then these once more: a second view of the same
 * memory. Both multiples of the page and not 0. NULL if that cannot be had. Unlike other memory a
 * child process shares it. Given back by tht_port_unmap(memory, before + 2 * bytes). */
void *tht_port_mirror(size_t before, size_t bytes);

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

/* ---- waiting --------------------------------------------------------------------------------- */

/* Sleeps while the low 32 bits of *word are those of `value`. Returns 1 when the clock has reached
 * `until`, a time of tht_port_now (UINT64_MAX: never), else 0: after a wake, or for no reason. The
 * comparison and the falling asleep are one step for tht_port_wake. Not for interrupt handlers. */
int tht_port_wait(const thetis_atomic *word, uintptr_t value, uint64_t until);

/* Ends the waits on *word, which need not exist any more. Any thread, any signal handler. */
void tht_port_wake(const thetis_atomic *word);

/* A descriptor that pollers of this system understand, not readable at first, not inherited; -1 if
 * there is none (*status says why). */
int tht_port_signal_open(thetis_status *status);

/* Makes it readable, keeps errno; any thread, any signal handler. */
void tht_port_signal_send(int fd);

/* Makes it unreadable; how often it was sent since the last time, 0 if not at all. A system that
 * merges what comes together may count that as one. */
uint64_t tht_port_signal_take(int fd);

void tht_port_signal_close(int fd);

/* ---- program --------------------------------------------------------------------------------- */

/* The value of a setting from outside the program (the environment), or NULL. */
const char *tht_port_setting(const char *name);

/* Shows a message that ends a program (no newline needed) and does not return. */
__attribute__((noreturn, cold)) void tht_port_panic(const char *message);

/* The name of the port, "linux". */
const char *tht_port_name(void);

#endif
