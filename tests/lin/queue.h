/* SPDX-License-Identifier: MIT
 *
 * queue.h: monitors of first-in-first-out queues whose elements are all different.
 *
 * A queue is wrong if and only if it shows one of the patterns of Henzinger, Sezgin and Vafeiadis
 * ("Aspect-oriented linearizability proofs", 2013): an element that nobody pushed, one popped
 * twice, two popped against their order, EMPTY although at no moment all may have been gone.
 */
#ifndef LIN_QUEUE_H
#define LIN_QUEUE_H

#include "lin/history.h"

/* Any number of producers and consumers, in O(n log n): PUSH POP PUSH_N POP_N CLOSE, a batch
 * being as many single operations, the last of which is refused if the batch says why it stopped.
 * `capacity` 0: unbounded, FULL is wrong.
 *
 * NO is always right. YES is right for unbounded queues without batches and pending pops. Of the
 * rest are checked: that more than `capacity` elements were never there for certain, that there
 * may have been as many at some moment of a FULL, that no more elements are missing than pops are
 * pending, and the order of any two elements of batches.
 * UNKNOWN: as WGL says, elements that are not unique, or CANCEL. */
lin_verdict lin_queue_check(const lin_history *h, size_t capacity);

/* One producer thread, one consumer thread, in O(n): all kinds and meanings of lin_spec_queue()
 * with `capacity` >= 1; a batch takes effect as a whole, a pending one element by element. Exact.
 * The values need not be unique. UNKNOWN: malformed, more threads than two, no memory. */
lin_verdict lin_spsc_check(const lin_history *h, size_t capacity);

/* What a batch means: it moves all its elements at one moment, after it has seen at another, if it
 * gives a reason, that there are no more (or no more room); or it is single operations, one after
 * the other, until one is refused. */
typedef enum lin_batch { LIN_BATCH_WHOLE, LIN_BATCH_UNITS } lin_batch;

/* The history without PUSH_N and POP_N that are incomplete (WHOLE: SIZE tells what they have seen)
 * or without any (UNITS). Pending batches become pending units. Free `ops` afterwards; NULL:
 * there was no memory. */
lin_history lin_queue_expand(const lin_history *h, size_t capacity, lin_batch batch);

#endif
