/* SPDX-License-Identifier: MIT
 *
 * model_mpmc.h: tracks and operations for the scenarios of thetis/mpmc.h. A value is who put it
 * in, and its number. The tracks are tiny and mostly without patience, so that asking and helping
 * is the rule.
 */
#ifndef THETIS_TESTS_MODEL_MPMC_H
#define THETIS_TESTS_MODEL_MPMC_H

#include <string.h>
#include <thetis/check.h>

#include "ring/mpmc_cell.h"

enum { BY = 1 << 12, MEMORY = 8192, ANYBODY = THETIS_CHECK_THREADS };

static char memory[MEMORY] THETIS_CACHE_ALIGNED;
static tht_mpmc_track track;
static thetis_mpmc_view_ view[THETIS_CHECK_THREADS + 1];
static uint64_t put_in[THETIS_CHECK_THREADS]; /* plain: by each thread, and by done */
static uint64_t taken[THETIS_CHECK_THREADS + 1];  /* plain: how many, by each taker */
static uint64_t told[THETIS_CHECK_THREADS];       /* plain: written before something, read after */
static uint64_t last[THETIS_CHECK_THREADS + 1][THETIS_CHECK_THREADS]; /* by a taker, of a putter */
static uint64_t flag;

static inline void make(tht_mpmc_shape shape, size_t fill)
{
    THETIS_CHECK(tht_mpmc_bytes(&shape) <= sizeof memory);
    tht_mpmc_build(&track, memory, &shape, fill);
    memset(put_in, 0, sizeof put_in);
    memset(taken, 0, sizeof taken);
    memset(told, 0, sizeof told);
    memset(last, 0, sizeof last);
    flag = 0;
    for (unsigned k = 0; k <= ANYBODY; k++) tht_mpmc_arrive(&track, &view[k]);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static inline thetis_status put(unsigned thread)
{
    thetis_check_begin("mpmc.put", tht_mpmc_bound(&track, THT_MPMC_PUSH));
    thetis_status s = tht_mpmc_put(&track, &view[thread], thread,
                                   thread * BY + put_in[thread] + 1);
    thetis_check_end();
    if (s == THETIS_OK) put_in[thread]++;
    return s;
}

/* What one taker sees of one putter comes in order. */
static inline void expect(unsigned thread, uint64_t value)
{
    uint64_t by = value / BY, number = value % BY;
    THETIS_CHECK(by < THETIS_CHECK_THREADS && number > last[thread][by]);
    last[thread][by] = number;
    taken[thread]++;
}

static inline thetis_status take(unsigned thread)
{
    uintptr_t value = 0;
    thetis_check_begin("mpmc.take", tht_mpmc_bound(&track, THT_MPMC_POP));
    thetis_status s = tht_mpmc_take(&track, &view[thread], thread, &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(thread, value);
    return s;
}

static inline thetis_status end(unsigned thread)
{
    thetis_check_begin("mpmc.put", tht_mpmc_bound(&track, THT_MPMC_CLOSE));
    thetis_status s = tht_mpmc_end(&track, &view[thread], thread);
    thetis_check_end();
    return s;
}

static inline int anybody_stopped(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++)
        if (thetis_check_stopped(k)) return 1;
    return 0;
}

/* A thread that is left takes out what is there, then goes a few rounds: nobody who stopped has
 * taken anything away from the track. */
static inline void rounds_of(unsigned thread)
{
    uintptr_t value;
    while (tht_mpmc_take(&track, &view[thread], thread, &value) == THETIS_OK)
        expect(thread, value);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned k = 0; k < track.capacity; k++)
            THETIS_CHECK(tht_mpmc_put(&track, &view[thread], thread, k) == THETIS_OK);
        THETIS_CHECK(tht_mpmc_put(&track, &view[thread], thread, 0) == THETIS_FULL);
        for (unsigned k = 0; k < track.capacity; k++) {
            THETIS_CHECK(tht_mpmc_take(&track, &view[thread], thread, &value) == THETIS_OK);
            THETIS_CHECK(value == k);
        }
        THETIS_CHECK(tht_mpmc_take(&track, &view[thread], thread, &value) == THETIS_EMPTY);
    }
}

static inline unsigned survivor(void)
{
    unsigned thread = 0;
    while (thetis_check_stopped(thread)) thread++;
    return thread;
}

static inline void all_arrived(void)
{
    uint64_t in = 0, out = 0;
    size_t filled;
    if (anybody_stopped()) return;
    THETIS_CHECK(tht_mpmc_sound(&track, &filled) && filled == 0);
    for (unsigned k = 0; k < ANYBODY; k++) {
        in += put_in[k];
        out += taken[k];
    }
    THETIS_CHECK(in == out);
}

/* The words tail and head are as near to the true ones as the bounds take them to be. */
static inline void not_far_behind(void)
{
    uintptr_t most = (uintptr_t)track.stride + 3 * (track.users - 1);
    uintptr_t tail = thetis_atomic_load_relaxed(&track.tail), at = tail;
    for (unsigned state = THT_CELL_PASSED; state != THT_CELL_EMPTY; at++) {
        state = tht_cell_state(&track, tht_cell_load(&track, tht_cell_at(&track, at)), at);
        if (state == THT_CELL_PUTTING || state == THT_CELL_WANTING) break;
        if (state != THT_CELL_EMPTY) THETIS_CHECK(at - tail < most);
    }
    uintptr_t head = thetis_atomic_load_relaxed(&track.head);
    for (at = head;; at++) {
        tht_cell c = tht_cell_load(&track, tht_cell_at(&track, at));
        if (tht_cell_state(&track, c, at) != THT_CELL_PASSED) break;
        THETIS_CHECK(at - head < most);
    }
}

static inline void drain(void)
{
    not_far_behind();
    rounds_of(survivor());
    all_arrived();
}

#endif
