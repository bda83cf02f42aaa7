/* SPDX-License-Identifier: MIT
 *
 * wgl.h: whether a history is linearizable with respect to any sequential specification.
 *
 *     lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
 *     lin_spec spec = lin_spec_queue(8);
 *     if (lin_wgl_check(w, &history, &spec) != LIN_YES) lin_wgl_explain(w, stderr, &history);
 *     lin_wgl_destroy(w);
 *
 * The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the
 * memoisation of Lowe ("Testing for linearizability", 2017): no pair of (operations that have
 * taken effect, state they led to) is visited twice. Exact, within the caller's limit on memory.
 * As each thread's operations take effect in its order, how many of each thread have done so says
 * which: histories may be of any length, but the cost grows with the power of the operations that
 * overlap.
 */
#ifndef LIN_WGL_H
#define LIN_WGL_H

#include "lin/history.h"

/* A sequential object: its state is `state_size` bytes, a multiple of 8, without padding; equal
 * states have equal bytes. */
typedef struct lin_spec {
    size_t state_size;
    size_t param; /* of init and step: a capacity, a number of keys */
    /* Writes the first state into zeroed memory. NULL: zeroes are the first state. */
    void (*init)(const struct lin_spec *spec, void *state);
    /* Whether `op` may take effect in this state with the results it had (any results if it is
     * pending), and what the state is then. A refusal may leave the state spoilt. */
    bool (*step)(const struct lin_spec *spec, void *state, const lin_op *op);
} lin_spec;

/* The memory of a search, to be used for many. */
typedef struct lin_wgl lin_wgl;

/* A limit that suits small histories: what a search may visit. */
#define LIN_WGL_LIMIT ((size_t)1 << 20)

/* NULL without memory. `limit`: visited pairs after which a search gives up, below 2^31. */
lin_wgl *lin_wgl_create(size_t limit);
void lin_wgl_destroy(lin_wgl *w);

/* UNKNOWN: malformed history, the limit or the memory ran out. */
lin_verdict lin_wgl_check(lin_wgl *w, const lin_history *h, const lin_spec *spec);

/* Pairs that the last search has visited. */
size_t lin_wgl_visited(const lin_wgl *w);

/* Prints the longest order of effects that the last search, of this history, has found, and then
 * the next operation of each thread: after a NO, none of them fits. */
void lin_wgl_explain(const lin_wgl *w, FILE *out, const lin_history *h);

#endif
