/* SPDX-License-Identifier: MIT
 *
 * timer.c: the timer heap.
 *
 * A 4-ary min-heap of (deadline, timer) in the loop's memory; a timer knows its place, so that a
 * re-arm moves one key. The deadline is copied into the key: a sift reads timers only where
 * deadlines are equal. The root stands at index 3, so that the children of k, 4k-8 .. 4k-5, share
 * one cache line. (Rejected: places in an array of their own, indexed by a timer's number. Moving
 * keys then touches no timer, but finding the place is one more miss: 40 against 33 ns at 100,000
 * timers.)
 */
#include <thetis/timer.h>

#include "loop.h"

static int key_before(const tht_timer_key *a, const tht_timer_key *b)
{
    if (a->deadline != b->deadline) return a->deadline < b->deadline;
    return a->timer->seq_ < b->timer->seq_;
}

static void key_put(thetis_loop *loop, uint32_t at, tht_timer_key key)
{
    loop->heap[at] = key;
    key.timer->at_ = at;
}

static void sift_up(thetis_loop *loop, uint32_t at, tht_timer_key key)
{
    while (at > THT_HEAP0) {
        uint32_t parent = (at + 8) / 4;
        if (!key_before(&key, &loop->heap[parent])) break;
        key_put(loop, at, loop->heap[parent]);
        at = parent;
    }
    key_put(loop, at, key);
}

/* The earliest of the keys from `at` to `last`, which are fewer than five. */
static uint32_t earliest(const thetis_loop *loop, uint32_t at, uint32_t last)
{
    uint32_t best = at;
    for (uint32_t k = at + 1; k <= last; k++) {
        if (key_before(&loop->heap[k], &loop->heap[best])) best = k;
    }
    return best;
}

/* The earliest of four siblings. Which one it is cannot be predicted, so the common case, no equal
 * deadlines, is compiled to conditional moves. */
static uint32_t earliest_of_four(const thetis_loop *loop, uint32_t at)
{
    const tht_timer_key *k = &loop->heap[at];
    uint32_t low = k[1].deadline < k[0].deadline;
    uint32_t high = 2 + (k[3].deadline < k[2].deadline);
    uint64_t low_deadline = k[low].deadline, high_deadline = k[high].deadline;
    uint32_t best = high_deadline < low_deadline ? high : low;
    if (THETIS_UNLIKELY(low_deadline == high_deadline || k[0].deadline == k[1].deadline ||
                        k[2].deadline == k[3].deadline)) {
        return earliest(loop, at, at + 3);
    }
    return at + best;
}

static void sift_down(thetis_loop *loop, uint32_t at, tht_timer_key key)
{
    uint32_t last = THT_HEAP0 + loop->timers - 1;
    for (;;) {
        uint32_t child = 4 * at - 8;
        if (child > last) break;
        child = child + 3 <= last ? earliest_of_four(loop, child) : earliest(loop, child, last);
        if (!key_before(&loop->heap[child], &key)) break;
        key_put(loop, at, loop->heap[child]);
        at = child;
    }
    key_put(loop, at, key);
}

/* Puts the key where it belongs, beginning at a place that is free. */
static void sift(thetis_loop *loop, uint32_t at, tht_timer_key key)
{
    if (at > THT_HEAP0 && key_before(&key, &loop->heap[(at + 8) / 4])) sift_up(loop, at, key);
    else sift_down(loop, at, key);
}

static void heap_remove(thetis_loop *loop, uint32_t at)
{
    uint32_t last = THT_HEAP0 + loop->timers - 1;
    loop->heap[at].timer->at_ = 0;
    loop->timers--;
    if (at != last) sift(loop, at, loop->heap[last]);
}

void thetis_timer_init(thetis_loop *loop, thetis_timer *timer, thetis_timer_fn *fn)
{
    THETIS_ASSERT1(fn != NULL);
    *timer = (thetis_timer){.loop_ = loop, .fn_ = fn};
}

static void arm(thetis_loop *loop, tht_timer_key key)
{
    thetis_timer *timer = key.timer;
    /* Not before the current turn's clock: what is due in this turn sorts first. */
    if (key.deadline < loop->now) key.deadline = loop->now;
    timer->seq_ = loop->timer_seq++;
    if (timer->at_ == 0) sift_up(loop, THT_HEAP0 + loop->timers++, key);
    else sift(loop, timer->at_, key);
}

thetis_status thetis_timer_start_at(thetis_timer *timer, uint64_t deadline_ns, uint64_t period_ns)
{
    thetis_loop *loop = timer->loop_;
    THT_ASSERT_OWNER(loop);
    if (timer->at_ == 0 && loop->timers == loop->max_timers) return THETIS_ENOSLOT;
    timer->period_ = period_ns;
    arm(loop, (tht_timer_key){deadline_ns, timer});
    return THETIS_OK;
}

thetis_status thetis_timer_start(thetis_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    uint64_t now;
    timer->loop_->now_fresh = 0;
    now = tht_turn_clock(timer->loop_);
    return thetis_timer_start_at(timer, delay_ns > THT_NEVER - now ? THT_NEVER : now + delay_ns,
                                 period_ns);
}

thetis_status thetis_timer_stop(thetis_timer *timer)
{
    THT_ASSERT_OWNER(timer->loop_);
    if (timer->at_ == 0) return THETIS_ABSENT;
    heap_remove(timer->loop_, timer->at_);
    return THETIS_OK;
}

/* Re-arms a repeating timer on its grid, counting the periods that have passed already. */
static void rearm(thetis_loop *loop, tht_timer_key key)
{
    uint64_t missed = (loop->now - key.deadline) / key.timer->period_;
    uint64_t step = (missed + 1) * key.timer->period_;
    key.timer->missed_ = missed < UINT32_MAX ? (uint32_t)missed : UINT32_MAX;
    key.deadline = step > THT_NEVER - key.deadline ? THT_NEVER : key.deadline + step;
    arm(loop, key);
}

void tht_timer_expire(thetis_loop *loop)
{
    uint64_t first_new = loop->timer_seq; /* armed from now on: next turn */
    uint64_t now = loop->now;
    for (int budget = THT_TURN_TIMERS; budget > 0 && loop->timers != 0; budget--) {
        tht_timer_key key = loop->heap[THT_HEAP0];
        if (key.deadline > now || key.timer->seq_ >= first_new) break;
        heap_remove(loop, THT_HEAP0);
        key.timer->missed_ = 0;
        if (key.timer->period_) rearm(loop, key);
        loop->stat.expired++;
        key.timer->fn_(key.timer);
    }
}
