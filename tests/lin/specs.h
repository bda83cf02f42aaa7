/* SPDX-License-Identifier: MIT
 *
 * specs.h: sequential specifications, for lin_wgl_check(). Which kinds of operation each one knows
 * is said below, which fields and statuses they have in history.h; it refuses all others.
 *
 * A pending operation takes effect as its arguments say; where the object would refuse it (no room,
 * nothing there) it takes no effect.
 */
#ifndef LIN_SPECS_H
#define LIN_SPECS_H

#include "lin/wgl.h"

/* What fits into the state of an unbounded object. */
enum { LIN_SPEC_UNBOUNDED = 64, LIN_SPEC_KEYS = 64 };

/* READ WRITE ADD CAS on `registers` words, numbered by key; all 0 at first. */
lin_spec lin_spec_register(size_t registers);

/* PUSH POP PUSH_N POP_N SIZE CLOSE CANCEL: first in, first out. A batch takes effect as a whole,
 * and must be complete: see lin_queue_expand(). FULL says there was no room, EMPTY and CLOSED (of
 * a pop) that nothing was left. After CANCEL pops answer CLOSED, and pushes OK while there is room
 * until the first CLOSED, from then on CLOSED.
 * `capacity` 0: unbounded; aborts when it holds more than LIN_SPEC_UNBOUNDED. */
lin_spec lin_spec_queue(size_t capacity);

/* FIND INSERT PUT REPLACE CAS ERASE SCAN on keys below `keys` (at most LIN_SPEC_KEYS). */
lin_spec lin_spec_map(size_t keys);

/* PUSH and POP of (key, value): a pop takes the smallest key that is there, any value of it.
 * At most `capacity` elements; 0: as for the queue. */
lin_spec lin_spec_pq(size_t capacity);

/* JOIN and LEAVE: a place below `places` (at most 64) has one holder. ENOSLOT is always allowed. */
lin_spec lin_spec_slots(size_t places);

/* TXN on keys below `keys`, all 0 at first: every transaction sees the state that those before it
 * have left, overlaid with its own writes; it leaves these only if its status is OK. So a history
 * is linearizable if and only if it is opaque, real time included. */
lin_spec lin_spec_txn(size_t keys);

#endif
