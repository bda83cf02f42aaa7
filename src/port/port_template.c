/* SPDX-License-Identifier: MIT
 *
 * port_template.c: a complete port to nothing in particular. Copy it to port_<name>.c, replace the
 * bodies, and name the copy in the build (THETIS_PORT).
 *
 * As it stands it fits a board with one core, without an operating system, whose interrupt handlers
 * do not use the library: rings, histogram, addresses and thread numbers work. What such a board
 * lacks is answered honestly: the clock stands at 0, there is no memory to map, no entropy, no
 * settings. It needs no C library.
 *
 * A port that can carry a loop also defines the table tht_sys_host of port/sys.h, in
 * sys_<name>.c; sys_bsd.c is the model, and sys_posix*.c what POSIX systems share.
 */
#include "port.h"

#include <thetis/config.h>

/* RISC-V: mtime, 64 bits wide; on 32-bit cores read high, low, high until both highs agree.
 * Cortex-M: the DWT cycle counter has 32 bits and wraps every few seconds. Keep the last value and
 * the sum of wraps in two words, update them here with interrupts masked, and call this from a
 * tick more often than the counter wraps. Counting wraps in the tick alone is wrong: a handler that
 * runs between a wrap and its tick would see time go back. */
uint64_t tht_port_now(void)
{
    return 0; /* no clock: without one there are no timers */
}

/* An RTOS heap will do if it aligns to THETIS_CACHE_LINE; clear the memory. */
void *tht_port_map(size_t bytes)
{
    (void)bytes;
    return NULL; /* the application gives its memory to the init functions */
}

void tht_port_unmap(void *memory, size_t bytes)
{
    THETIS_ASSERT1(!memory); /* tht_port_map gave none away */
    (void)memory;
    (void)bytes;
}

void tht_port_discard(void *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

size_t tht_port_page(void)
{
    return 0;
}

void *tht_port_mirror(size_t before, size_t bytes)
{
    (void)before;
    (void)bytes;
    return NULL;
}

/* Cortex-M3 and up: read BASEPRI, then raise it to the highest priority that uses the library;
 * Cortex-M0: PRIMASK. RISC-V: csrrci mstatus, 8 and keep bit 3. Both need a "memory" clobber. */
uintptr_t tht_port_mask(void)
{
    return 0;
}

/* Restores what tht_port_mask returned, so that sections nest. */
void tht_port_unmask(uintptr_t state)
{
    (void)state;
}

/* The board's random number generator, after its own health test has passed. */
int tht_port_entropy(void *out, size_t bytes)
{
    (void)out;
    (void)bytes;
    return -1;
}

/* An RTOS: the handle of the current task. Several cores without one: the core number plus 1. */
uintptr_t tht_port_self(void)
{
    return 1; /* the only thread */
}

/* An RTOS: taskYIELD or the like. */
void tht_port_yield(void)
{
}

unsigned tht_port_cpus(void)
{
    return 1;
}

/* Here the waiter spins and an interrupt handler wakes it. Better: WFI or WFE behind a comparison
 * with interrupts masked (a pending interrupt ends either), with a timer for `until`. An RTOS: a
 * binary semaphore or task notification for each sleeper, found by the address. */
int tht_port_wait(const thetis_atomic *word, uintptr_t value, uint64_t until)
{
    if (thetis_atomic_load_relaxed(word) == value) tht_port_yield();
    return tht_port_now() >= until;
}

void tht_port_wake(const thetis_atomic *word)
{
    (void)word; /* who spins looks for himself */
}

/* Only for systems with a poll() of their own. */
int tht_port_signal_open(thetis_status *status)
{
    *status = THETIS_ENOTSUP;
    return -1;
}

void tht_port_signal_send(int fd)
{
    (void)fd;
}

uint64_t tht_port_signal_take(int fd)
{
    (void)fd;
    return 0;
}

void tht_port_signal_close(int fd)
{
    (void)fd;
}

/* A board may keep settings in flash; the memory must stay valid. */
const char *tht_port_setting(const char *name)
{
    (void)name;
    return NULL;
}

/* Show the message (serial line, semihosting), then stop as the product demands: a watchdog that
 * expires here restarts the board. */
void tht_port_panic(const char *message)
{
    static const char *volatile last_words; /* for the debugger */
    last_words = message;
    (void)last_words;
    for (;;) {
    }
}

const char *tht_port_name(void)
{
    return "template";
}
