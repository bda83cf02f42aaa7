/* SPDX-License-Identifier: MIT
 *
 * history.h: what concurrent operations did, and when: the input of every monitor.
 *
 *     lin_recorder r;                                   one per thread
 *     lin_recorder_init(&r, 0, lin_clock_real, NULL, ops, 1000);
 *     lin_op *op = lin_begin(&r, LIN_PUSH);             the call
 *     op->arg = 42;
 *     lin_end(&r, op, thetis_spsc_push(ring, &op->arg)); the return
 *
 *     lin_history h = lin_merge(recorders, n, memory);
 *
 * An operation takes effect at one moment in [call, ret], both included: two operations that share
 * a moment may take effect in either order. So a clock that is coarse, or an interval that is too
 * long, can hide a fault but never raise a false alarm. Operations of one thread take effect in
 * the order in which they stand in the history.
 */
#ifndef LIN_HISTORY_H
#define LIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <thetis/status.h>

/* `ret` of an operation that never returned, because its thread was stopped or has crashed. It may
 * have taken effect at any time since its call, or never; its results mean nothing. Only pending
 * operations may follow it in its thread. */
#define LIN_PENDING UINT64_MAX

/* Thread numbers are below this. */
enum { LIN_THREADS = 32 };

/* Fields are named after those of lin_op. */
#define LIN_KIND_MAP(X)                                                                         \
    X(READ)    /* result */                                                                     \
    X(WRITE)   /* arg */                                                                        \
    X(ADD)     /* arg; result: the value before */                                              \
    X(CAS)     /* key in a map; from arg2 to arg: OK, MISMATCH or ABSENT */                     \
    X(PUSH)    /* arg: OK, FULL or CLOSED; priority queue: with priority key */                 \
    X(POP)     /* result: OK, EMPTY or CLOSED; priority queue: with priority key */             \
    X(PUSH_N)  /* items: those pushed; arg: how many were offered; status: why not all */       \
    X(POP_N)   /* items: those popped; arg: how many were wanted; status: why not all */        \
    X(SIZE)    /* arg: what the queue holds at this moment; see lin_queue_expand() */           \
    X(CLOSE)   /* by the producer */                                                            \
    X(CANCEL)  /* by the consumer */                                                            \
    X(FIND)    /* key; result: OK or ABSENT */                                                  \
    X(INSERT)  /* key, arg: OK or EXISTS */                                                     \
    X(PUT)     /* key, arg: OK */                                                               \
    X(REPLACE) /* key, arg: OK or ABSENT */                                                     \
    X(ERASE)   /* key: OK or ABSENT */                                                          \
    X(SCAN)    /* key .. arg, both included; items: what is there, in ascending order */        \
    X(JOIN)    /* result: the place; OK or ENOSLOT */                                           \
    X(LEAVE)   /* arg: the place */                                                             \
    X(TXN)     /* items: accesses in program order; OK if it has committed */

#define LIN_KIND_ENUM_(name) LIN_##name,
typedef enum lin_kind { LIN_KIND_MAP(LIN_KIND_ENUM_) LIN_KINDS } lin_kind;
#undef LIN_KIND_ENUM_

/* An element of a batch (value only), a pair of a scan, or an access of a transaction. */
typedef struct lin_item {
    uint64_t key;
    uint64_t value;
    bool write;
} lin_item;

/* One operation; unused fields are 0. */
typedef struct lin_op {
    uint16_t thread;
    uint16_t kind;   /* lin_kind */
    int16_t status;  /* thetis_status */
    uint16_t n_items;
    uint64_t key;
    uint64_t arg;
    uint64_t arg2;
    uint64_t result;
    const lin_item *items; /* not owned; they outlive the history */
    uint64_t call;
    uint64_t ret;
} lin_op;

typedef struct lin_history {
    lin_op *ops;
    size_t n;
} lin_history;

/* What a monitor says. A monitor that is not exact states on which side it errs. */
typedef enum lin_verdict {
    LIN_NO,     /* not linearizable: proven */
    LIN_YES,    /* linearizable, or nothing wrong that this monitor can see */
    LIN_UNKNOWN /* malformed history, memory or the search limit ran out */
} lin_verdict;

/* ---- recording: allocates nothing, calls nothing but the clock ------------------------------- */

/* The time now; never runs backwards, also between threads. */
typedef uint64_t lin_clock(void *context);

typedef struct lin_recorder {
    lin_op *ops;
    size_t n;
    size_t room;
    lin_clock *clock;
    void *context;
    uint64_t slack; /* of the clock between threads: each interval grows by it at both ends */
    uint16_t thread;
} lin_recorder;

/* Begins an empty record of at most `room` operations in the caller's memory. */
void lin_recorder_init(lin_recorder *r, unsigned thread, lin_clock *clock, void *context,
                       lin_op *ops, size_t room);

/* Whether `n` more operations fit. */
bool lin_recorder_has_room(const lin_recorder *r, size_t n);

/* Records a call, pending so far; aborts if there is no room. The caller writes the arguments
 * before the operation starts, so that they are known should it never return. */
lin_op *lin_begin(lin_recorder *r, lin_kind kind);

/* Records the return; the caller writes the results, before or after. */
void lin_end(lin_recorder *r, lin_op *op, thetis_status status);

/* Nanoseconds for threads that run on real processors. What stands before the call in the program
 * has reached the other processors when the clock is read, and what stands after it has not begun:
 * by full barriers on x86-64; elsewhere give the recorder some slack. The barriers order the
 * operations recorded around them, so a fault that needs their absence has to be looked for
 * without a recorder. */
uint64_t lin_clock_real(void *context);

/* ---- histories ------------------------------------------------------------------------------- */

/* Copies the operations of `n` recorders to `ops`, which has room for all. Each thread number must
 * belong to one recorder. */
lin_history lin_merge(const lin_recorder *recorders, size_t n, lin_op *ops);

/* NULL, or what makes the history malformed. */
const char *lin_history_fault(const lin_history *h);

/* One line per operation, in the order of the history. */
void lin_history_print(FILE *out, const lin_history *h);
void lin_op_print(FILE *out, const lin_op *op);

static inline bool lin_is_pending(const lin_op *op)
{
    return op->ret == LIN_PENDING;
}

#endif
