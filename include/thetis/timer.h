/* SPDX-License-Identifier: MIT
 *
 * thetis/timer.h: timers of a loop.
 *
 *     static thetis_timer t;
 *     thetis_timer_init(loop, &t, on_timer);
 *     if (thetis_timer_start(&t, 50 * 1000 * 1000, 0) != THETIS_OK) ...    once, 50 ms from now
 *
 * Nanoseconds, never early, equal deadlines in the order of arming. A 4-ary heap of 16-byte keys
 * in the loop's memory (Johnson, "Priority queues with update and finding minimum spanning trees",
 * 1975, for d-ary heaps): O(log n), no allocation, the same order on every system.
 * A timer armed inside a callback fires in a later turn, even with delay 0.
 */
#ifndef THETIS_TIMER_H
#define THETIS_TIMER_H

#include <thetis/loop.h>

typedef struct thetis_timer thetis_timer;

/** The timer is already disarmed (or armed again, if it repeats): it may be started, stopped,
 *  reused or freed here. */
typedef void thetis_timer_fn(thetis_timer *timer);

/** Caller's memory; must stay while armed. */
struct thetis_timer {
    thetis_loop *loop_; /* these four are all that arming touches */
    uint64_t period_;
    uint64_t seq_;    /* order of arming */
    uint32_t at_;     /* place in the heap; 0: not armed */
    uint32_t missed_; /* periods skipped before this expiry; stops at its largest value */
    thetis_timer_fn *fn_;
    void *user_;
};

THETIS_BEGIN_DECLS

/** Prepares a timer, which must not be armed; needs no counterpart.
 *  @progress owner */
THETIS_API void thetis_timer_init(thetis_loop *loop, thetis_timer *timer, thetis_timer_fn *fn);

/** Arms (or re-arms) the timer `delay_ns` after now; then every `period_ns`, without drift, if that
 *  is not 0. A deadline beyond 2^64 ns becomes 2^64 - 1.
 *  ENOSLOT: cfg.max_timers are armed.
 *  @progress owner; O(log timers); reads the clock */
THETIS_API THETIS_NODISCARD thetis_status thetis_timer_start(thetis_timer *timer,
                                                             uint64_t delay_ns,
                                                             uint64_t period_ns);

/** Like start, at an absolute time of thetis_loop_now(); a past one counts as now: it expires in
 *  the next turn, among others in the order of arming.
 *  @progress owner; O(log timers) */
THETIS_API THETIS_NODISCARD thetis_status thetis_timer_start_at(thetis_timer *timer,
                                                                uint64_t deadline_ns,
                                                                uint64_t period_ns);

/** Disarms: its callback will not run, even if its deadline has passed. OK; ABSENT: not armed.
 *  @progress owner; O(log timers) */
THETIS_API thetis_status thetis_timer_stop(thetis_timer *timer);

/** In the callback of a repeating timer: how many periods were skipped because the loop was late
 *  (at most 2^32 - 1).
 *  @progress owner */
static inline uint64_t thetis_timer_missed(const thetis_timer *timer)
{
    return timer->missed_;
}

/** 1 while armed.
 *  @progress owner */
static inline int thetis_timer_armed(const thetis_timer *timer)
{
    return timer->at_ != 0;
}

/** The pointer that thetis_timer_set_user() stored, NULL at first.
 *  @progress owner */
static inline void *thetis_timer_user(const thetis_timer *timer)
{
    return timer->user_;
}

/** Stores a pointer of the user's.
 *  @progress owner */
static inline void thetis_timer_set_user(thetis_timer *timer, void *user)
{
    timer->user_ = user;
}

/** The loop the timer was prepared for.
 *  @progress owner */
static inline thetis_loop *thetis_timer_loop(const thetis_timer *timer)
{
    return timer->loop_;
}

THETIS_END_DECLS

#endif
