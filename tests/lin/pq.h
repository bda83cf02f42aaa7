/* SPDX-License-Identifier: MIT
 *
 * pq.h: the monitor of priority queues.
 */
#ifndef LIN_PQ_H
#define LIN_PQ_H

#include "lin/history.h"

/* PUSH and POP of (key, value) on an unbounded queue that pops the smallest key; keys are unique.
 * O(n log n). NO is always right; YES is right without pending pops.
 * UNKNOWN: malformed history, a key pushed twice, no memory. */
lin_verdict lin_pq_check(const lin_history *h);

#endif
