/* SPDX-License-Identifier: MIT
 *
 * queue.h: what the files of the queue share.
 */
#ifndef THT_QUEUE_H
#define THT_QUEUE_H

#include <thetis/queue.h>

/* Tickets that a push tries in one segment; segments that it lets others link, and unannounced
 * attempts of a pop, before it announces. */
enum { THT_QUEUE_TICKETS = 3, THT_QUEUE_LOST = 2, THT_QUEUE_TRIES = 3 };

#define THT_QUEUE_CLOSED ((uintptr_t)1 << (THETIS_CAP_WORD_BITS - 1)) /* in a segment's tail */
#define THT_QUEUE_END ((uintptr_t)1)                                  /* next: no more segments */

/* In a cell, beside WRITTEN and DRAWN; the owner lies above. */
#define THT_QUEUE_DEAD ((uintptr_t)4)
#define THT_QUEUE_SEALED ((uintptr_t)8)
#define THT_QUEUE_ADDED (THETIS_QUEUE_WRITTEN_ | THETIS_QUEUE_DRAWN_)
#define THT_QUEUE_OWNER_SHIFT 4

/* Answers to a request that are no cell. */
#define THT_QUEUE_EMPTY ((uintptr_t)2)
#define THT_QUEUE_FINISHED ((uintptr_t)4)

enum { THT_QUEUE_ID_BITS = THETIS_CAP_WORD_BITS / 4 + 1 };

/* A request as an owner, in its place in a cell. Requests are odd and count by 2. */
static inline uintptr_t tht_queue_claim(size_t id, uintptr_t request)
{
    return (request >> 1) << (THT_QUEUE_OWNER_SHIFT + THT_QUEUE_ID_BITS) |
           (id + 1) << THT_QUEUE_OWNER_SHIFT;
}

static inline int tht_queue_hold(thetis_queue_member *me, size_t hazard, const thetis_atomic *from,
                                 thetis_queue_segment_ **segment)
{
    uintptr_t word;
    thetis_status s = thetis_domain_protect(me->thread_, hazard, from, &word);
    *segment = s == THETIS_OK ? (thetis_queue_segment_ *)word : NULL;
    return s == THETIS_OK;
}

/* Tickets of pushes that can have been written, all of them once the segment is closed. */
static inline size_t tht_queue_written(const thetis_queue *queue, uintptr_t tail)
{
    tail &= ~THT_QUEUE_CLOSED;
    return tail < queue->cells_ ? tail : queue->cells_;
}

/* An empty segment in a block of the pool. */
void tht_queue_clear(const thetis_queue *queue, thetis_queue_segment_ *segment, size_t owner);

/* Leaves the first segment, whose cells are all drawn or decided, for the one behind it. */
void tht_queue_leave_segment(thetis_queue_member *me, uintptr_t next);

/* Announces a request, and nothing more. */
void tht_queue_request(thetis_queue_member *me);

/* A push that announces its segment, a pop that announces its request: as the last resort, and for
 * tests. */
thetis_status tht_queue_announce(thetis_queue_member *me, const void *item);
thetis_status tht_queue_ask(thetis_queue_member *me, void *item);

#endif
