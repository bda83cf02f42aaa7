/* SPDX-License-Identifier: MIT
 *
 * thetis/inbox.h: messages to a loop, from any thread and from other loops.
 *
 *     thetis_inbox_cfg cfg = {.message_size = sizeof(job), .capacity = 256, .senders = 4,
 *                             .on_message = on_job};
 *     static char mem[THETIS_INBOX_SIZE(sizeof(job), 256, 4, 1)] THETIS_CACHE_ALIGNED;
 *     thetis_inbox inbox;
 *     s = thetis_inbox_open(loop, &inbox, mem, sizeof mem, &cfg);
 *     thetis_inbox_sender me;                         one for each sender, in its own memory
 *     s = thetis_inbox_join(&inbox, &me);             any thread: OK, ENOSLOT or CLOSED
 *     s = thetis_inbox_send(&me, &(job){...});        OK, FULL or CLOSED
 *     thetis_inbox_leave(&me);
 *     s = thetis_inbox_close(&inbox, closed);         the loop's thread
 *
 * The loop runs on_message once for each message whose send answered OK, in an order that respects
 * real time, and of one sender in the order it sent them: also those that a close() overtakes. A
 * turn delivers at most 256 of each inbox before it polls, and 256 after a sleep. There is no
 * hidden queue: who finds the inbox FULL keeps the message.
 *
 * Algorithm: the ring of thetis/mpsc.h, and the wake-up of thetis_loop_wake(): each send changes
 * the loop's wake word after its push, so that at most one sender makes a system call for each
 * sleep of the loop, and none while it runs. A sender that is stopped for ever delays no other one,
 * but for a wake-up that it has taken on; see thetis_loop_wake().
 *
 * The end: `closed` comes once no sender is joined and all is delivered. Then nobody touches the
 * inbox or its loop any more, so their memory may be given back. To make that so, leave() says that
 * it is leaving before it wakes the loop, and leaves as its last access:
 *
 * Invariant: users = 2 for each sender that is joined, LEAVING for each that is within leave(), and
 * the flag CLOSING. close() and leave() change this one word. If the close comes first, leave()
 * sees it and wakes the loop; if not, the loop sees who is leaving. A loop that finds one within
 * leave() looks again later, 10 ms at first, since who has woken it may not wake it once more. A
 * thread that never leaves keeps the inbox open for ever, as it may still use it.
 *
 * A loop may send to itself, and to others, in any callback.
 *
 * Linearization: send and delivery as push and pop of the ring; join and leave at their last change
 * of users; close at its change of the ring.
 * Memory: thetis_inbox_size() bytes and the handle, from the caller. After open() nothing is
 * allocated.
 *
 * Orders (each end names the other):
 *   inbox.users  leave releases, the loop's load before its last look acquires: all that was sent
 *                is found by that look, and uses of the memory have ended.
 * Those of thetis/mpsc.h; and loop.wake of thetis/loop.h: who sends releases, the loop acquires.
 *
 * S: spare slots of the ring, as in thetis/mpsc.h.
 *
 * | operation   | thread | progress  | bound                          | ISR-safe | shm |
 * |-------------|--------|-----------|--------------------------------|----------|-----|
 * | send        | sender | wait-free | S + 7                          | yes      | no  |
 * | send_n      | sender | wait-free | 3 ceil(n / k) + n (S + 3) + 1  | yes      | no  |
 * | join        | any    | wait-free | 6                              | yes      | no  |
 * | leave       | sender | wait-free | 4                              | yes      | no  |
 * | open, close | owner  | owner     |                                | no       | no  |
 *
 * send, leave and a refused join make at most one system call, if the loop sleeps.
 * "ISR-safe": also in signal handlers; each interrupt level that sends is a sender of its own.
 */
#ifndef THETIS_INBOX_H
#define THETIS_INBOX_H

#include <thetis/loop.h>
#include <thetis/mpsc.h>

typedef struct thetis_inbox thetis_inbox;

/** `message` is readable, and aligned to a word, until this returns. */
typedef void thetis_inbox_fn(thetis_inbox *inbox, const void *message);

struct thetis_inbox {
    thetis_handle handle_;
    thetis_mpsc *ring_;
    void *message_; /* the one that is being delivered */
    thetis_inbox_fn *on_message_;
    thetis_inbox *next_;  /* of the same loop */
    thetis_atomic users_; /* see above */
};

/** A sender's place, in memory of its own; written by join(). One thread at a time uses it. */
typedef struct thetis_inbox_sender {
    thetis_mpsc_producer producer_;
    thetis_inbox *inbox_;
} thetis_inbox_sender;

typedef struct thetis_inbox_cfg {
    size_t message_size;         /* bytes, >= 1 */
    size_t capacity;             /* messages that fit whatever other senders do; >= 1 */
    size_t senders;              /* at most this many at once, 1 .. THETIS_INBOX_SENDERS_MAX */
    size_t batch;                /* messages that send_n() reserves at once; 0: 1 */
    thetis_inbox_fn *on_message;
} thetis_inbox_cfg;

typedef enum thetis_inbox_op {
    THETIS_INBOX_SEND,
    THETIS_INBOX_JOIN,
    THETIS_INBOX_LEAVE
} thetis_inbox_op;

/** Two counts of senders share a word. */
#define THETIS_INBOX_SENDERS_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS / 2 - 2))

/** Enough static memory for such an inbox, as a constant expression; see THETIS_MPSC_SIZE. `batch`
 *  is not 0. */
#define THETIS_INBOX_SIZE(message_size, capacity, senders, batch)                               \
    (THETIS_MPSC_SIZE(message_size, capacity, senders, batch, batch) +                          \
     THETIS_MPSC_STRIDE_(message_size))

THETIS_BEGIN_DECLS

/** Bytes that an inbox of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_inbox_size(const thetis_inbox_cfg *cfg);

/** Opens an inbox of `loop` in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_inbox_size().
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small; ENOSLOT: the loop's table is
 *  full. An open inbox keeps run() from ending.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_inbox_open(thetis_loop *loop, thetis_inbox *inbox,
                                                            void *mem, size_t len,
                                                            const thetis_inbox_cfg *cfg);

/** No more sends: they answer CLOSED. What was sent is delivered, senders leave, then `closed` (may
 *  be NULL) is called. EBUSY: called twice.
 *  @progress owner */
THETIS_API thetis_status thetis_inbox_close(thetis_inbox *inbox, thetis_closed_fn *closed);

/** Makes the caller a sender, until leave(). By whoever knows that `closed` is not called
 *  meanwhile: on the loop's thread, or before anybody may close, or while it is joined already.
 *  ENOSLOT: there are as many as configured; not exact, one who is being refused counts for a
 *  moment, too. CLOSED: the inbox is closing.
 *  @progress wait-free, at most 6 steps, up to one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_inbox_join(thetis_inbox *inbox,
                                                            thetis_inbox_sender *sender);

/** Gives the place back; the last use of the inbox and its loop. Also for a thread that ended
 *  without it, outside of all calls on this inbox, by whoever knows that.
 *  @progress wait-free, 4 steps, up to one system call if the inbox is closing */
THETIS_API void thetis_inbox_leave(thetis_inbox_sender *sender);

/** Sends a copy of `message`: OK, and it will be delivered; FULL; CLOSED.
 *  @progress wait-free, at most S + 7 steps, up to one system call if the loop sleeps */
THETIS_API THETIS_NODISCARD thetis_status thetis_inbox_send(thetis_inbox_sender *sender,
                                                            const void *message);

/** Sends up to `n` messages and returns how many; fewer than n come back with `*why` FULL or
 *  CLOSED. The loop is woken once. `why` may be NULL.
 *  @progress wait-free, at most 3 ceil(n / k) + n (S + 3) + 1 steps, up to one system call */
THETIS_API size_t thetis_inbox_send_n(thetis_inbox_sender *sender, const void *messages, size_t n,
                                      thetis_status *why);

/** The most steps one call of `op` on `n` messages can take.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_inbox_bound(const thetis_inbox *inbox, thetis_inbox_op op, size_t n);

THETIS_END_DECLS

/** The part that all handles share: for thetis_handle_user() and its sisters.
 *  @progress owner */
static inline thetis_handle *thetis_inbox_handle(thetis_inbox *inbox)
{
    return &inbox->handle_;
}

#endif
