/* SPDX-License-Identifier: MIT
 *
 * search.h: the two exhaustive searches: what they can be told, and what they can say.
 *
 * `dfs` tries all decisions with at most 0, 1, 2, ... preemptions, under both memory models; `dpor`
 * tries one of each class of schedules that differ only in the order of independent steps, under
 * sequential consistency.
 */
#ifndef CHECK_SEARCH_H
#define CHECK_SEARCH_H

#include "engine.h"

typedef struct tst_search {
    uint64_t schedules; /* different ones */
    uint64_t repeated;  /* dfs: seen with a smaller bound; dpor: equivalent to one seen */
    bool all;           /* there are no others: complete without a bound */
    const char *refused; /* why nothing is searched; NULL: it is */
} tst_search;

/* What was found since open(); both searches start again when something is learned. */
extern tst_search tst_dfs, tst_dpor;

/* The most preemptions that dfs allows: switches away from a thread that has come to an access and
 * could go on. Those where a thread ends, waits or pauses are free. Without a bound all schedules
 * are searched at once, not by rising bounds. */
extern unsigned tst_dfs_bound;
#define TST_DFS_NO_BOUND UINT32_MAX

/* All schedules with at most so many preemptions were seen; -1: not even those with none. If these
 * are all there are, no schedule has more. */
extern int tst_dfs_complete;

/* A fault for tests: dpor does not reverse a read and a write. */
extern bool tst_dpor_fault;

/* ---- for the searches themselves ------------------------------------------------------------- */

/* What a thread did between two accesses, or before its first, that no step shows. */
enum {
    TST_TIMED = 1,     /* asked for the time */
    TST_ALLOCATED = 2,
    TST_FREED = 4      /* freed a block, or an allocation failed */
};

void tst_local_begin(void);
unsigned tst_local(void); /* since then */

/* Is the thread at a wait or a pause, or before its first access: at none that has effects? */
static inline bool tst_at_none(unsigned thread)
{
    const tst_step *next = &tst.threads[thread].next;
    return !next->cell && next->kind < TST_FENCE;
}

/* Room for one more of `count` elements; `room` is how many there is room for. */
void *tst_one_more(void *at, size_t count, size_t *room, size_t bytes);

/* The same decisions gave another run: fails the schedule. */
void tst_diverged(void);

#endif
