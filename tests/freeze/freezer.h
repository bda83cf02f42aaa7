/* SPDX-License-Identifier: MIT
 *
 * freezer.h: stops threads of a real program between any two machine instructions.
 *
 * A child process runs a few threads, each in its seat, each repeating one operation on a structure
 * in memory that the child shares with the tester. The tester traces the threads (ptrace): it holds
 * one before an operation, single-steps it to any instruction inside, leaves it there, sees whether
 * the others still complete operations, lets it go on, or kills the process. The code under test
 * needs no hooks: it is the release library, with its inline functions as this program compiled
 * them.
 *
 *     static void count_op(freezer_seat *seat, void *shared)
 *     {
 *         freezer_begin(seat);
 *         (void)thetis_atomic_fetch_add_relaxed(shared, 1);
 *         freezer_end(seat);
 *     }
 *     static const freezer_plan plan = {.threads = 3, .first = count_op, .rest = count_op};
 *
 * Child and tester map the shared memory at different addresses, so that a pointer inside it that
 * one of them left for the other would not work.
 *
 * Linux only. Where instructions that load and store under a reservation (LL/SC) are atomic, every
 * single step ends the reservation and such a loop never ends; x86-64 and AArch64 with LSE have
 * none.
 */
#ifndef TEST_FREEZER_H
#define TEST_FREEZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <thetis/atomic.h>

enum {
    FREEZER_SEATS = 4,
    FREEZER_SHARED = 1 << 16,
    FREEZER_WHERE = 160,
    FREEZER_NOTE = 320,
    FREEZER_BURST = 64
};

#define FREEZER_NEVER UINTPTR_MAX

/* What the tester and one thread tell each other. */
typedef struct freezer_seat {
    thetis_atomic hold;   /* stops at the gate before operation number `hold` and all later ones */
    thetis_atomic calm;   /* from operation number `calm` on it rests after each FREEZER_BURST */
    thetis_atomic inside; /* 1 from begin to end of an operation */
    thetis_atomic done;   /* operations that returned */
    thetis_atomic tid;
    uint64_t next; /* the operation's own */
} THETIS_CACHE_ALIGNED freezer_seat;

typedef void freezer_op(freezer_seat *seat, void *shared);

typedef struct freezer_plan {
    unsigned threads;            /* at most FREEZER_SEATS */
    void (*setup)(void *shared); /* runs in the child before its threads; may be NULL */
    freezer_op *first;           /* what seat 0 does */
    freezer_op *rest;            /* what all others do */
} freezer_plan;

typedef struct freezer_area freezer_area;

typedef struct freezer {
    const freezer_plan *plan;
    int memory; /* the descriptor that both processes map */
    freezer_area *area;
    freezer_seat *seats;
    void *shared; /* FREEZER_SHARED bytes, zero-filled when opened, aligned to a page */
    pid_t pid;    /* 0: no child */
} freezer;

/* Where the thread stops when it is held: sends itself the signal that the tester waits for. */
void freezer_gate(void);

/* Some microseconds, in which the thread needs no processor. */
void freezer_rest(void);

/* An operation is what runs between these two. Exchanges, so that the compiler moves nothing of the
 * operation out. */
static inline void freezer_begin(freezer_seat *seat)
{
    uintptr_t done = thetis_atomic_load_relaxed(&seat->done);
    if (done >= thetis_atomic_load_relaxed(&seat->hold)) freezer_gate();
    else if (done >= thetis_atomic_load_relaxed(&seat->calm) && done % FREEZER_BURST == 0)
        freezer_rest();
    (void)thetis_atomic_exchange_acq_rel(&seat->inside, 1);
}

static inline void freezer_end(freezer_seat *seat)
{
    (void)thetis_atomic_exchange_acq_rel(&seat->inside, 0);
    (void)thetis_atomic_fetch_add_relaxed(&seat->done, 1);
}

/* Maps the shared memory; unmaps it. */
void freezer_open(freezer *f, const freezer_plan *plan);
void freezer_close(freezer *f);

/* Starts the child. Skips the case if tracing is not permitted. `hold` is that of all seats. */
void freezer_start(freezer *f, uintptr_t hold);

/* From now on the threads of the set `who` rest between bursts of operations when nothing is asked
 * of them: one that is single-stepped finds a processor. They still get in its way. */
void freezer_calm(freezer *f, unsigned who);

/* Kills the child, wherever its threads are. */
void freezer_kill(freezer *f);

/* Brings a running thread to the gate, where it stands before its next operation. */
void freezer_hold(freezer *f, unsigned seat);

/* True, once, when a thread whose seat has a `hold` has come to the gate by itself. */
bool freezer_held(freezer *f, unsigned seat);

/* Steps a held thread to the first instruction of its operation. */
void freezer_enter(freezer *f, unsigned seat);

/* One instruction; true if the thread then stands inside an operation. */
bool freezer_step(freezer *f, unsigned seat);

/* A stopped thread goes on until it is held again, or, if `hold` of its seat says never, for
 * good. */
void freezer_go(freezer *f, unsigned seat);

/* Gives all threads of the set `who` (bit s: seat s) time to complete `ops` more operations; the
 * set of those who did not in `limit_ms`. */
unsigned freezer_stuck(freezer *f, unsigned who, uintptr_t ops, unsigned limit_ms);

/* The instruction a stopped thread stands at: address, and function or file with offset. */
const char *freezer_where(const freezer *f, unsigned seat, char text[FREEZER_WHERE]);

/* What a failure in either process tells, too, from now on: "<text>: thread 0 before instruction 7
 * of its operation, at ...". Of a stopped thread. */
void freezer_note(freezer *f, const char *text, unsigned seat, unsigned k);

#endif
