/* SPDX-License-Identifier: MIT
 *
 * turn.c: one pass of the loop through its seven phases, and the sleep/wake word.
 *
 * Sleep and wake: read-modify-writes on one word only, hence no fence and no sequentially
 * consistent access. The sleeper changes RUNNING to SLEEPING, the waker exchanges NOTIFIED in. All
 * are totally ordered on the word. Either the sleeper finds NOTIFIED and does not sleep, or the
 * waker finds SLEEPING and makes the one system call. Leaving SLEEPING must be an exchange, too: a
 * plain store of RUNNING could overwrite a NOTIFIED nobody has seen. (Rejected: an exchange to
 * SLEEPING. It is as safe, but shows SLEEPING for a moment although NOTIFIED was there, and a
 * second waker makes a system call for a loop that does not sleep.)
 *
 * Orders:
 *   loop.wake   the waker's exchange releases, the loop's acquire: whatever the waker wrote before
 *               (a stop) is seen by the phase that follows. The change to SLEEPING need not
 *               acquire: if it succeeds it reads what the loop itself wrote, else an exchange
 *               follows.
 *   loop.stop   stop() releases, the end of run() acquires: what was written before a stop is seen
 *               after the run that it ended.
 *   loop.note   thetis_loop_wake() releases, the loop's exchange before on_wake acquires: on_wake
 *               sees what was written before each of the calls that it answers.
 */
#include "loop.h"

uint64_t tht_turn_clock(thetis_loop *loop)
{
    if (!loop->now_fresh) {
        uint64_t now = loop->sys->now(loop->sys);
        if (now > loop->now) loop->now = now; /* never backwards, whatever the system says */
        loop->now_fresh = 1;
    }
    return loop->now;
}

/* ---- the wake word --------------------------------------------------------------------------- */

void tht_loop_notify(thetis_loop *loop)
{
    uintptr_t was = thetis_atomic_exchange_release(&loop->wake, THT_NOTIFIED); /* pair: loop.wake */
    if (was == THT_SLEEPING) loop->poller->wake(loop);
}

void thetis_loop_wake(thetis_loop *loop)
{
    /* A read-modify-write continues the release sequence of other wakers; a store would end it. */
    (void)thetis_atomic_fetch_or_release(&loop->note, 1); /* pair: loop.note */
    tht_loop_notify(loop);
}

void thetis_loop_stop(thetis_loop *loop)
{
    thetis_atomic_store_release(&loop->stop, 1); /* pair: loop.stop */
    tht_loop_notify(loop);
}

/* Leaves SLEEPING or NOTIFIED; notes that somebody may want something. */
static void wake_take(thetis_loop *loop)
{
    uintptr_t was = thetis_atomic_exchange_acquire(&loop->wake, THT_RUNNING); /* pair: loop.wake */
    if (was == THT_NOTIFIED) loop->woken = 1;
}

/* Announces a sleep; 0 if a notification came first. */
static int wake_sleep(thetis_loop *loop)
{
    int slept = thetis_atomic_cas_relaxed(&loop->wake, THT_RUNNING, THT_SLEEPING);
    if (!slept) wake_take(loop);
    return slept;
}

/* ---- phases ---------------------------------------------------------------------------------- */

/* Makes parked handles that wait for `flag` ready; the others stay parked. */
static void unpark(thetis_loop *loop, unsigned flag)
{
    tht_list list = tht_list_detach(loop, THT_PARKED);
    thetis_handle *h;
    while ((h = tht_list_take(loop, &list, THT_PARKED)) != NULL) {
        if (h->state_ == THT_CLOSED) continue;
        if (h->flags_ & flag) {
            h->flags_ &= (uint8_t)~flag;
            h->budget_ = THT_TURN_BUDGET;
            tht_handle_ready(h, THT_IN | THT_OUT);
            tht_handle_dirty(h);
        }
        if (h->flags_ & (THT_F_STARVED | THT_F_BACKOFF)) {
            tht_list_push(loop, THT_PARKED, h->slot_);
        }
    }
}

/* Phases 1 and 2; 1: a timer has expired. The clock is read only if something depends on it. */
static int phase_timers(thetis_loop *loop)
{
    uint64_t before = loop->stat.expired;
    loop->now_fresh = 0;
    if (loop->timers == 0 && loop->retry_at == THT_NEVER) return 0;
    (void)tht_turn_clock(loop);
    if (loop->retry_at <= loop->now) {
        loop->retry_at = THT_NEVER;
        loop->retry_turn = loop->stat.turns;
        unpark(loop, THT_F_BACKOFF);
    }
    tht_timer_expire(loop);
    return loop->stat.expired != before;
}

/* Messages, then on_wake if it is wanted. */
static void wake_deliver(thetis_loop *loop)
{
    loop->woken = 0;
    if (loop->inboxes) tht_inbox_drain_all(loop);
    if (!thetis_atomic_exchange_acquire(&loop->note, 0)) return; /* pair: loop.note */
    loop->stat.wakes++;
    if (loop->on_wake) loop->on_wake(loop, loop->user);
}

/* Phase 3; 1: there was something. */
static int phase_wake(thetis_loop *loop)
{
    uint64_t before = loop->stat.wakes + loop->stat.mail;
    if (thetis_atomic_load_relaxed(&loop->wake) == THT_NOTIFIED) wake_take(loop);
    if (!loop->woken) return 0;
    wake_deliver(loop);
    return loop->stat.wakes + loop->stat.mail != before;
}

/* Phase 7: one pass over the handles whose sends or interest changed. */
static void phase_flush(thetis_loop *loop)
{
    tht_list list = tht_list_detach(loop, THT_DIRTY);
    thetis_handle *h;
    while ((h = tht_list_take(loop, &list, THT_DIRTY)) != NULL) {
        unsigned mask;
        if (h->state_ == THT_CLOSED) continue;
        h->kind_->flush(h);
        if (h->fd_ < 0) continue;
        mask = h->kind_->interest(h);
        if (mask != h->mask_) {
            tht_ret r = loop->poller->set(loop, h, mask);
            if (r.status == THETIS_OK) h->mask_ = (uint8_t)mask;
            else h->kind_->broken(h, r);
        }
    }
}

/* True if a later phase or turn has something to do without an event. */
static int work_at_hand(const thetis_loop *loop)
{
    const tht_list *lists = loop->lists;
    _Static_assert(THT_NONE == 0, "one look at all of them");
    return (lists[THT_READY].head | lists[THT_LATER].head | lists[THT_DUE].head |
            lists[THT_DIRTY].head | loop->woken | loop->recheck) != 0 ||
           thetis_atomic_load_relaxed(&loop->stop);
}

/* How long phase 4 may sleep: not at all if a timer has just ended the last thing to wait for. */
static uint64_t sleep_limit(thetis_loop *loop, uint64_t timeout_ns)
{
    uint64_t until = tht_timer_next(loop);
    if (work_at_hand(loop) || !tht_loop_alive(loop)) return 0;
    if (loop->retry_at < until) until = loop->retry_at;
    if (until != THT_NEVER && timeout_ns != 0) {
        uint64_t now;
        loop->now_fresh = 0;
        now = tht_turn_clock(loop);
        until = until > now ? until - now : 0;
        if (until < timeout_ns) timeout_ns = until;
    }
    return timeout_ns;
}

/* Phase 4. What timers and wake-ups submitted is brought to the system first; what ended a sleep is
 * delivered at once, as phase 3 would in a turn of its own. */
static void phase_poll(thetis_loop *loop, uint64_t timeout_ns)
{
    tht_ret r;
    int slept;
    if (!tht_list_empty(loop, THT_DIRTY)) phase_flush(loop);
    timeout_ns = sleep_limit(loop, timeout_ns);
    slept = timeout_ns != 0 && wake_sleep(loop);
    if (!slept) timeout_ns = 0;
    loop->stat.polls++;
    loop->stat.sleeps += (unsigned)slept;
    r = loop->poller->wait(loop, timeout_ns);
    loop->now_fresh = 0;
    loop->n_events = (size_t)r.n;
    loop->fault = r.status;
    if (THETIS_UNLIKELY(r.status == THETIS_EINTR || r.status == THETIS_ENOMEM))
        loop->fault = THETIS_OK;
    if (!slept) return;
    wake_take(loop);
    if (loop->woken) wake_deliver(loop);
}

/* Those that had used up their budget go on. */
static void resume_later(thetis_loop *loop)
{
    tht_list list = tht_list_detach(loop, THT_LATER);
    thetis_handle *h;
    while ((h = tht_list_take(loop, &list, THT_LATER)) != NULL) {
        tht_list_push(loop, THT_READY, h->slot_);
    }
}

/* The handles the system reported. A callback may close any of them: each event is checked when
 * its turn comes. */
static void serve_events(thetis_loop *loop)
{
    const tht_event *e = loop->events;
    const tht_event *end = e + loop->n_events;
    const tht_slot *slots = loop->slots;
    loop->stat.events += loop->n_events;
    for (; e != end; e++) {
        const tht_slot *s = &slots[(uint32_t)e->token];
        if (THETIS_LIKELY(s->gen == (uint32_t)(e->token >> 32))) {
            /* One that stands in the round already must not get two tries in it. */
            if (THETIS_UNLIKELY(s->on & 1u << THT_READY)) s->handle->ready_ |= (uint8_t)e->ready;
            else s->handle->kind_->serve(s->handle, e->ready);
        } else if ((uint32_t)e->token != THT_NONE) { /* NONE: the wake descriptor */
            loop->stat.stale++;
        }
    }
}

/* Phase 5: first what the system reported, then round robin, one try per handle and round, until
 * all are served or out of budget. */
static void phase_serve(thetis_loop *loop)
{
    thetis_handle *h;
    if (!tht_list_empty(loop, THT_LATER)) resume_later(loop);
    if (THETIS_UNLIKELY(loop->recheck)) {
        loop->recheck = 0;
        unpark(loop, THT_F_STARVED);
    }
    serve_events(loop);
    while (!tht_list_empty(loop, THT_READY)) {
        unsigned ready;
        if ((h = tht_list_take(loop, &loop->lists[THT_READY], THT_READY)) == NULL) break;
        ready = h->ready_;
        h->ready_ = 0;
        h->kind_->serve(h, ready);
    }
}

/* Phase 6: the completions that are due now; new ones wait for the next round. */
static void phase_dispatch(thetis_loop *loop)
{
    tht_list list = tht_list_detach(loop, THT_DUE);
    thetis_handle *h;
    while ((h = tht_list_take(loop, &list, THT_DUE)) != NULL) h->kind_->due(h);
}

thetis_status tht_turn(thetis_loop *loop, uint64_t timeout_ns, int once)
{
    int early;
    loop->stat.turns++;
    early = phase_timers(loop);
    early |= phase_wake(loop);
    /* A caller that takes single turns wants to look after each in which something happened. */
    if (early && once) timeout_ns = 0;
    phase_poll(loop, timeout_ns);
    phase_serve(loop);
    for (int round = 0; round < THT_TURN_ROUNDS; round++) {
        if (!tht_list_empty(loop, THT_DUE)) phase_dispatch(loop);
        if (!tht_list_empty(loop, THT_DIRTY)) phase_flush(loop);
        if (tht_list_empty(loop, THT_DUE) || thetis_atomic_load_relaxed(&loop->stop)) break;
    }
    return loop->fault;
}
