/* SPDX-License-Identifier: MIT
 *
 * ahead.h: calls that were made ahead: how handles run on operations instead of readiness.
 *
 * The interest of a handle is all that the system needs to know. On a system of operations it is
 * not "tell me when there is something" but "get it": interest in IN keeps an accept or a receive
 * in flight, or where that cannot be had a poll. What comes before it is asked for waits here, and
 * is reported, level-triggered, as long as there is interest. Then the handle asks for it by a
 * function that looks like a system call: it answers AGAIN while the operation is in flight. So
 * states, budgets, pauses and buffers of handles are those of readiness, and a kind differs in the
 * call it makes. A send is the same thing the other way round: the first call submits it, and the
 * call after the report tells how it ended.
 *
 * Rules. At most one operation is in flight per handle and direction: kernels complete several
 * receives in any order and mix the bytes of several sends. One that ends is begun again by the
 * next wait, if there still is interest. Where no buffer can be lent, the next operation is a poll,
 * and the call that follows is made as it is: nothing is parked, nothing spins, nobody is deaf. A
 * descriptor is closed when the last operation on it has ended; until then its handle is quiet
 * (ahead_leaving_kind) and its slot is not given away, so a token needs no generation.
 */
#ifndef THT_AHEAD_H
#define THT_AHEAD_H

#include "loop.h"

#include "../port/io_ops.h"

/* tht_ahead_slot.flags */
enum {
    THT_AHEAD_LISTED = 1,      /* stands on tht_ahead.sync */
    THT_AHEAD_RIPE = 2,        /* on tht_ahead.ripe */
    THT_AHEAD_STOP_IN = 4,     /* a cancel is under way */
    THT_AHEAD_STOP_OUT = 8,
    THT_AHEAD_ENDED = 16,      /* an accept or a receive ended, see `end` */
    THT_AHEAD_SENT = 32,       /* a send ended, see `sent` */
    THT_AHEAD_PLAIN = 64,      /* the next operation of IN is a poll */
    THT_AHEAD_LEAVING = 128
};

/* One for each slot of the loop; 0 is that of the wake descriptor. */
typedef struct tht_ahead_slot {
    const tht_kind *kind; /* of a handle that is leaving */
    tht_ret end, sent;
    uint32_t first, last; /* items that nobody has asked for yet, index + 1 */
    uint32_t next[2];     /* on `sync` and `ripe` */
    int32_t fd;           /* to be closed when a handle has left; -1: none */
    uint8_t in, out;      /* what is in flight */
    uint8_t flags;
    uint8_t polled; /* THT_IN, THT_OUT: polls have said so */
} tht_ahead_slot;

/* A lent buffer, of which the system has filled bytes at..end; or an accepted descriptor. */
typedef struct tht_ahead_item {
    uint32_t next; /* index + 1 */
    uint32_t what; /* number of the buffer in the loop's pool; descriptor */
    uint32_t at, end;
} tht_ahead_item;

typedef struct tht_ahead {
    tht_io *io;
    tht_ahead_slot *slots;
    uint32_t *watched;     /* by descriptor, modulo their number: the slot that was watched last */
    uint32_t *others;      /* of a slot: the one before it there; THT_AHEAD_UNWATCHED */
    uint32_t places;       /* of `watched`, a power of 2 */
    tht_ahead_item *items; /* those of buffers first */
    uint32_t buffers;      /* that may be lent */
    uint32_t lent;         /* that the system has */
    uint32_t item_free;    /* of accepted descriptors, index + 1 */
    tht_list sync;         /* what is in flight may have to change */
    tht_list ripe;         /* may have something to report */
} tht_ahead;

static inline tht_ahead_slot *tht_ahead_slot_of(const thetis_handle *h)
{
    return &h->loop_->ahead->slots[h->slot_];
}

/* To the end of `sync` (LISTED) or `ripe` (RIPE), on which it is not. */
void tht_ahead_append(tht_ahead *a, uint32_t slot, unsigned flag);

static inline void tht_ahead_push(tht_ahead *a, uint32_t slot, unsigned flag)
{
    if (!(a->slots[slot].flags & flag)) tht_ahead_append(a, slot, flag);
}

/* True if a call for input would not answer AGAIN. */
static inline int tht_ahead_more(const thetis_handle *h)
{
    const tht_ahead_slot *s = tht_ahead_slot_of(h);
    return s->first != 0 || s->flags & THT_AHEAD_ENDED;
}

/* As the system calls of these names. recv fills the buffer in the loop's hand, by taking a full
 * one in hand; recv_into copies. */
tht_ret tht_ahead_accept(thetis_handle *h, thetis_addr *peer);
tht_ret tht_ahead_recv(thetis_handle *h);
tht_ret tht_ahead_recv_into(thetis_handle *h, void *into, size_t len);
tht_ret tht_ahead_send(thetis_handle *h, const thetis_iov *iov, uint32_t iovs);

/* 1: the send that was under way has ended, as *r says; told once, before the next send. */
int tht_ahead_sent(thetis_handle *h, tht_ret *r);

/* Ends a send that is in flight; 0: there is none. */
int tht_ahead_send_stop(thetis_handle *h);

/* Ends what is in flight, then closes the descriptor `fd`; -1: it stays open. */
void tht_ahead_shut(thetis_handle *h, int fd);
int tht_ahead_leaves(thetis_handle *h); /* and that has not come to its end */

/* There is interest in the descriptor. EBUSY: another handle has it already. */
#define THT_AHEAD_UNWATCHED UINT32_MAX
thetis_status tht_ahead_watch(thetis_handle *h);

/* For the backend: what it learned, and what it has to do. */
void tht_ahead_done(thetis_loop *loop, const tht_io_done *done);
int tht_ahead_sync(thetis_loop *loop); /* 0: something could not be submitted */
uint32_t tht_ahead_report(thetis_loop *loop); /* events in loop->events */
int tht_ahead_any(thetis_loop *loop);  /* 1: there is something to report */

#endif
