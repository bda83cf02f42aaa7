/* SPDX-License-Identifier: MIT
 *
 * thetis/wait.h: sleeping until a ring, or anything else, has changed. The part of the library
 * that waits: not wait-free for who sleeps, and nobody needs it who may spin or has a loop.
 *
 *     consumer: thetis_wait_join(w, &me);
 *               told = THETIS_OK;
 *               while ((s = thetis_spsc_pop(ring, &v)) == THETIS_EMPTY && told == THETIS_OK) {
 *                   told = thetis_wait_start(me);                            announce, then
 *                   if (told != THETIS_OK) continue;                         (closed: a last look)
 *                   if ((s = thetis_spsc_pop(ring, &v)) != THETIS_EMPTY) {   look once more
 *                       thetis_wait_cancel(me);
 *                       break;
 *                   }
 *                   told = thetis_wait_sleep(me, timeout_ns);                OK: look again
 *               }
 *     producer: s = thetis_spsc_push(ring, &v);
 *               thetis_wait_wake(w);                                         after each change
 *
 * thetis_wait_run() is that loop for any structure; two objects let both ends of a full ring sleep.
 * What changes for others is not always an answer OK: thetis/mpsc.h ("Sleeping") and thetis/bcast.h
 * (leave) say when else to wake.
 *
 * Algorithm: an eventcount (Reed and Kanodia, "Synchronization with eventcounts and sequencers",
 * 1979) without the count: a common word, the gate, says whether any sleep was announced since the
 * last wake; a word for each waiter says where it sleeps. Announcing and waking are
 * read-modify-writes of the gate, hence totally ordered, and no sequentially consistent access is
 * needed: if the wake comes first the waiter's second look sees the change, if the announcement
 * comes first the wake (or the one before it, which took the announcement) sees the waiter.
 * tests/model/spin/wait.pml is this protocol.
 *
 * Invariants: state SLEEPING is set by the waiter only, and taken by exactly one: a wake, which
 * then makes the one system call that this sleep can cost, or the waiter itself. A waiter that is
 * SLEEPING with the gate shut has been, or is being, scanned by the wake that shut it.
 *
 * A wake wakes all that sleep: each looks again, and sleeps again if another one was faster. A
 * sleep may end without a reason. What was written before a wake is seen after the sleep that it
 * ended, and by the second look after any later start().
 *
 * System calls: none while no sleep is announced; one for each announced sleep at most, be it that
 * the waiter has not fallen asleep yet; close() alone makes one or two for every place.
 *
 * A wake that is stopped for ever between taking an announcement and its system call (a thread that
 * was killed) takes that wake-up with it, and those of waiters that it had not come to: they sleep
 * until their time is over, until close(), which relies on nobody else, or, those not taken yet,
 * until the next wake after another announcement. No other operation is held up by it.
 *
 * Memory: THETIS_WAIT_SIZE bytes, given by the caller; descriptors belong to places, and are kept
 * until fini(), since a late wake may still use them.
 *
 * Orders (each end names the other):
 *   wait.gate    start's or and wake's exchange release and acquire both: the wake brings what was
 *                written before it, the start its waiter's state.
 *   wait.state   the compare-and-swap of wake and close releases, the waiter's exchange acquires:
 *                what was written before the wake that ended the sleep.
 *   wait.closed  close stores release, start and sleep load acquire: what was written before.
 *
 * n: places. System calls are no steps.
 *
 * | operation | thread     | progress  | bound  | ISR-safe | shm-safe |
 * |-----------|------------|-----------|--------|----------|----------|
 * | wake      | any        | wait-free | 2n + 1 | yes      | no       |
 * | close     | any        | wait-free | 3n + 2 | yes      | no       |
 * | join      | any        | wait-free | n + 3  | yes      | no       |
 * | leave     | its waiter | wait-free | 4      | yes      | no       |
 * | start     | its waiter | wait-free | 4      | yes      | no       |
 * | cancel    | its waiter | wait-free | 1      | no       | no       |
 * | sleep     | its waiter | blocking  |        | no       | no       |
 *
 * "ISR-safe": also in signal handlers, as far as the port's wake is (Linux: yes).
 */
#ifndef THETIS_WAIT_H
#define THETIS_WAIT_H

#include <thetis/atomic.h>
#include <thetis/status.h>
#include <thetis/thread.h>

typedef struct thetis_waiter thetis_waiter;

/** What sleepers sleep on; its places follow. Public only so that wake() is inline. */
typedef struct thetis_wait {
    thetis_atomic gate_ THETIS_CACHE_ALIGNED;   /* 1: a sleep was announced since the last wake */
    thetis_atomic closed_ THETIS_CACHE_ALIGNED; /* 1: for good */
    uintptr_t places_;
    thetis_thread_table *table_; /* behind the places */
} thetis_wait;

/** One thread's place, from join() to leave(); a line of its own. Use the functions. */
struct thetis_waiter {
    thetis_atomic state_;  /* idle, or how it sleeps: see src/wait/wait.c */
    thetis_atomic signal_; /* the place's descriptor as such a state; 0: none yet */
    thetis_wait *wait_;
    uintptr_t how_;  /* the state that start() announces */
    uint64_t owed_;  /* signals that were sent or will be, and are not taken yet */
    int started_;    /* a sleep is announced; 2: nobody has the place */
} THETIS_CACHE_ALIGNED;

typedef enum thetis_wait_op {
    THETIS_WAIT_WAKE,
    THETIS_WAIT_CLOSE,
    THETIS_WAIT_JOIN,
    THETIS_WAIT_LEAVE,
    THETIS_WAIT_START,
    THETIS_WAIT_CANCEL
} thetis_wait_op;

/** What thetis_wait_run() repeats while it answers EMPTY, FULL or AGAIN. */
typedef thetis_status thetis_wait_fn(void *arg);

/** The timeout that never comes. */
#define THETIS_WAIT_FOREVER UINT64_MAX

/** The most places an object can have. */
#define THETIS_WAIT_MAX THETIS_THREAD_MAX

/** thetis_wait_size() as a constant expression, for static memory. */
#define THETIS_WAIT_SIZE(places)                                                                \
    (sizeof(thetis_wait) + THETIS_CAST(size_t, places) * sizeof(thetis_waiter) +                \
     THETIS_THREAD_SIZE(places))

THETIS_BEGIN_DECLS

/** Bytes for `places` waiters at a time; 0 if places is 0 or above THETIS_WAIT_MAX.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_wait_size(size_t places);

/** Builds an object in `mem`, aligned to THETIS_CACHE_LINE, `len` >= thetis_wait_size(places).
 *  EINVAL: mem is NULL or misaligned, len too small, places out of range.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_init(void *mem, size_t len, size_t places,
                                                           thetis_wait **out);

/** Closes the descriptors. Nobody may use the object any more, also no wake() that has begun.
 *  @progress owner, one system call for each descriptor */
THETIS_API void thetis_wait_fini(thetis_wait *wait);

/** Takes a place, for one thread. ENOSLOT: none is free, as thetis_thread_join() says it.
 *  @progress wait-free, at most places + 3 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_join(thetis_wait *wait, thetis_waiter **out);

/** Gives the place back, once (asserted while nobody else has it). No sleep may be announced
 *  (asserted).
 *  @progress wait-free, 4 steps */
THETIS_API void thetis_wait_leave(thetis_waiter *me);

/** Announces a sleep: OK, and then look again at what you wait for, before sleep() or cancel().
 *  CLOSED: the object is closed, nothing was announced. Twice in a row is asserted.
 *  @progress wait-free, at most 4 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_start(thetis_waiter *me);

/** Takes an announcement back; without one it does nothing. With a descriptor, takes its signal.
 *  @progress wait-free, 1 step; with a descriptor that was signaled one system call */
THETIS_API void thetis_wait_cancel(thetis_waiter *me);

/** Sleeps as announced (asserted): OK after a wake or for no reason, CLOSED, or ETIMEDOUT after
 *  `timeout_ns` nanoseconds, never early. The announcement is used up. Not for a waiter with a
 *  descriptor (asserted).
 *  @progress blocking */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_sleep(thetis_waiter *me,
                                                            uint64_t timeout_ns);

/** Calls attempt(arg) until it answers something else than EMPTY, FULL or AGAIN, and returns that;
 *  sleeps in between. CLOSED or ETIMEDOUT: the object was closed, or `timeout_ns` since the call
 *  were over, however often it was woken meanwhile, and a last attempt was in vain.
 *  @progress blocking */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_run(thetis_waiter *me,
                                                          thetis_wait_fn *attempt, void *arg,
                                                          uint64_t timeout_ns);

/** For another loop: a descriptor that is readable after a wake, and from now on the way this
 *  waiter is woken. Each time before that loop sleeps: start(), look again, let it poll; whatever
 *  ended the poll, cancel(). Do not read or close it. The same one each time, until leave().
 *  ENOTSUP: this port has none; EMFILE, ENOMEM: the system has none left.
 *  @progress owner, one system call the first time */
THETIS_API THETIS_NODISCARD thetis_status thetis_wait_fd(thetis_waiter *me, int *fd);

/** What wake() does once it knows that a sleep was announced.
 *  @progress wait-free up to one system call for each announced sleep, 2 * places steps */
THETIS_API void thetis_wait_scan(thetis_wait *wait);

/** Ends all sleeps, announced or yet to come, for good; then start() and sleep() say CLOSED.
 *  Reaches also those whose wake was stopped for ever. Once is enough; each time makes descriptors
 *  readable again, until the next start().
 *  @progress wait-free up to two system calls for each place, at most 3 * places + 2 steps */
THETIS_API void thetis_wait_close(thetis_wait *wait);

/** The most steps one call of `op` can take.
 *  Derivation: wake exchanges the gate, and if it was open loads each state and takes it by one
 *  compare-and-swap. close writes closed and the gate, and at each place does the same and loads
 *  the descriptor. join and leave: thetis/thread.h, and two accesses to the place, which may have
 *  been another's. start writes state and gate, loads
 *  closed, and takes the state back if it is. cancel is one exchange.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_wait_bound(const thetis_wait *wait, thetis_wait_op op);

THETIS_END_DECLS

/** Wakes whoever sleeps or has announced it; call it after each change that waiters wait for.
 *  @progress wait-free up to one system call for each announced sleep, at most
 *  2 * places + 1 steps; 1 step if nothing was announced */
THETIS_INLINE void thetis_wait_wake(thetis_wait *wait)
{
    uintptr_t open = thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */
    if (THETIS_UNLIKELY(open)) thetis_wait_scan(wait);
}

#endif
