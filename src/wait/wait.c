/* SPDX-License-Identifier: MIT
 *
 * wait.c: the eventcount of thetis/wait.h, which describes the protocol.
 *
 * A waiter's state says where it sleeps, so that who takes the state knows how to wake, and needs
 * no other word that might be older or newer.
 *
 * Rejected: one word for all waiters, with their number in it (a waiter that has been woken and has
 * not run yet counts as asleep, so wakes make system calls for nobody); exchanging every waiter's
 * state in every wake (n read-modify-writes where nobody sleeps); a load before the exchange of the
 * gate (Dekker's handshake: then the ring's own accesses would have to be sequentially consistent).
 */
#include <thetis/wait.h>

#include "../port/port.h"

enum {
    WAIT_IDLE,
    WAIT_IN_PORT, /* in tht_port_wait() on the state itself */
    WAIT_ON_FD    /* plus a descriptor: in a poller of the user's */
};

#define WAIT_NOBODY 2 /* started_ of a free place: neither announced nor not */

static thetis_waiter *wait_places(thetis_wait *wait)
{
    return (thetis_waiter *)(wait + 1);
}

static int wait_fd_of(uintptr_t state)
{
    return (int)(state - WAIT_ON_FD);
}

size_t thetis_wait_size(size_t places)
{
    return places >= 1 && places <= THETIS_WAIT_MAX ? THETIS_WAIT_SIZE(places) : 0;
}

thetis_status thetis_wait_init(void *mem, size_t len, size_t places, thetis_wait **out)
{
    size_t size = thetis_wait_size(places);
    thetis_wait *wait = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    thetis_waiter *waiter = wait_places(wait), *end = waiter + places;
    *wait = (thetis_wait){.places_ = places};
    for (; waiter != end; waiter++) {
        *waiter = (thetis_waiter){.wait_ = wait, .started_ = WAIT_NOBODY};
    }
    *out = wait;
    return thetis_thread_init(end, THETIS_THREAD_SIZE(places), places, &wait->table_);
}

void thetis_wait_fini(thetis_wait *wait)
{
    for (size_t i = 0; i < wait->places_; i++) {
        uintptr_t signal = thetis_atomic_load_relaxed(&wait_places(wait)[i].signal_);
        if (signal != WAIT_IDLE) tht_port_signal_close(wait_fd_of(signal));
    }
}

/* ---- those who sleep ------------------------------------------------------------------------- */

thetis_status thetis_wait_join(thetis_wait *wait, thetis_waiter **out)
{
    size_t place;
    thetis_status s = thetis_thread_join(wait->table_, &place);
    if (s != THETIS_OK) return s;
    *out = wait_places(wait) + place;
    (*out)->how_ = WAIT_IN_PORT; /* also if the last holder had a descriptor */
    (*out)->started_ = 0;
    return THETIS_OK;
}

void thetis_wait_leave(thetis_waiter *me)
{
    THETIS_ASSERT1(!me->started_);
    me->started_ = WAIT_NOBODY;
    thetis_thread_leave(me->wait_->table_, (size_t)(me - wait_places(me->wait_)));
}

static int wait_is_closed(const thetis_waiter *me)
{
    return thetis_atomic_load_acquire(&me->wait_->closed_) != 0; /* pair: wait.closed */
}

/* Ends the announcement; true if a wake has taken it. */
static int wait_withdraw(thetis_waiter *me)
{
    uintptr_t was = thetis_atomic_exchange_acquire(&me->state_, WAIT_IDLE); /* pair: wait.state */
    me->started_ = 0;
    return was == WAIT_IDLE;
}

/* A signal of a wake that has taken the announcement may be on its way yet: then it is taken after
 * a later sleep, which it ends for no reason. */
static void wait_take_signals(thetis_waiter *me)
{
    uint64_t n = tht_port_signal_take(wait_fd_of(me->how_));
    me->owed_ -= n < me->owed_ ? n : me->owed_;
}

thetis_status thetis_wait_start(thetis_waiter *me)
{
    THETIS_ASSERT1(!me->started_);
    thetis_atomic_store_relaxed(&me->state_, me->how_); /* before the gate */
    (void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1); /* pair: wait.gate */
    me->started_ = 1;
    if (THETIS_LIKELY(!wait_is_closed(me))) return THETIS_OK;
    (void)wait_withdraw(me);
    if (me->how_ != WAIT_IN_PORT) wait_take_signals(me); /* those of close, too */
    return THETIS_CLOSED;
}

void thetis_wait_cancel(thetis_waiter *me)
{
    if (!me->started_) return;
    if (wait_withdraw(me) && me->how_ != WAIT_IN_PORT) me->owed_++;
    if (me->owed_ && me->how_ != WAIT_IN_PORT) wait_take_signals(me);
}

static thetis_status wait_sleep(thetis_waiter *me, uint64_t until)
{
    int over, woken;
    THETIS_ASSERT1(me->started_ && me->how_ == WAIT_IN_PORT);
    over = tht_port_wait(&me->state_, WAIT_IN_PORT, until);
    woken = wait_withdraw(me);
    if (wait_is_closed(me)) return THETIS_CLOSED;
    return over && !woken ? THETIS_ETIMEDOUT : THETIS_OK;
}

/* The time of the port's clock at which a sleep ends. */
static uint64_t wait_end(uint64_t timeout_ns)
{
    uint64_t now = timeout_ns == THETIS_WAIT_FOREVER ? 0 : tht_port_now();
    return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

static int wait_is_over(uint64_t end)
{
    return end != UINT64_MAX && tht_port_now() >= end;
}

thetis_status thetis_wait_sleep(thetis_waiter *me, uint64_t timeout_ns)
{
    return wait_sleep(me, wait_end(timeout_ns));
}

static int wait_is_vain(thetis_status s)
{
    return s == THETIS_EMPTY || s == THETIS_FULL || s == THETIS_AGAIN;
}

thetis_status thetis_wait_run(thetis_waiter *me, thetis_wait_fn *attempt, void *arg,
                              uint64_t timeout_ns)
{
    uint64_t until = wait_end(timeout_ns);
    thetis_status s, told = THETIS_OK;
    while (wait_is_vain(s = attempt(arg))) {
        if (told != THETIS_OK) return told;
        told = thetis_wait_start(me);
        if (told != THETIS_OK) continue;
        s = attempt(arg);
        if (!wait_is_vain(s)) {
            thetis_wait_cancel(me);
            break;
        }
        told = wait_sleep(me, until);
        if (told == THETIS_OK && wait_is_over(until)) told = THETIS_ETIMEDOUT;
    }
    return s;
}

thetis_status thetis_wait_fd(thetis_waiter *me, int *fd)
{
    uintptr_t signal = thetis_atomic_load_relaxed(&me->signal_);
    THETIS_ASSERT1(!me->started_);
    if (signal == WAIT_IDLE) {
        thetis_status s = THETIS_OK;
        int opened = tht_port_signal_open(&s);
        if (opened < 0) return s;
        signal = (uintptr_t)opened + WAIT_ON_FD;
        thetis_atomic_store_relaxed(&me->signal_, signal);
    }
    me->how_ = signal;
    *fd = wait_fd_of(signal);
    return THETIS_OK;
}

/* ---- those who wake -------------------------------------------------------------------------- */

/* Takes an announcement; returns how the waiter sleeps, or WAIT_IDLE. A waiter whose announcement
 * was found at the gate is seen here, since it wrote its state first. For one that has come since,
 * or takes its announcement back, it makes no difference. */
static uintptr_t wait_take(thetis_waiter *waiter)
{
    uintptr_t how = thetis_atomic_load_relaxed(&waiter->state_);
    if (how == WAIT_IDLE) return WAIT_IDLE;
    if (!thetis_atomic_cas_release(&waiter->state_, how, WAIT_IDLE)) /* pair: wait.state */
        return WAIT_IDLE;
    return how;
}

void thetis_wait_scan(thetis_wait *wait)
{
    thetis_waiter *waiter = wait_places(wait), *end = waiter + wait->places_;
    for (; waiter != end; waiter++) {
        uintptr_t how = wait_take(waiter);
        if (how == WAIT_IN_PORT) tht_port_wake(&waiter->state_);
        else if (how != WAIT_IDLE) tht_port_signal_send(wait_fd_of(how));
    }
}

/* Whoever is idle may sleep all the same: a wake that took its state may never come to its system
 * call. So everybody is called. */
void thetis_wait_close(thetis_wait *wait)
{
    thetis_waiter *waiter = wait_places(wait), *end = waiter + wait->places_;
    thetis_atomic_store_release(&wait->closed_, 1); /* pair: wait.closed */
    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */
    for (; waiter != end; waiter++) {
        uintptr_t signal = thetis_atomic_load_relaxed(&waiter->signal_);
        (void)wait_take(waiter);
        tht_port_wake(&waiter->state_);
        if (signal != WAIT_IDLE) tht_port_signal_send(wait_fd_of(signal));
    }
}

uint64_t thetis_wait_bound(const thetis_wait *wait, thetis_wait_op op)
{
    uint64_t n = wait->places_;
    switch (op) {
    case THETIS_WAIT_WAKE: return 2 * n + 1;
    case THETIS_WAIT_CLOSE: return 3 * n + 2;
    case THETIS_WAIT_JOIN: return thetis_thread_bound(wait->table_, THETIS_THREAD_JOIN) + 2;
    case THETIS_WAIT_LEAVE: return thetis_thread_bound(wait->table_, THETIS_THREAD_LEAVE) + 2;
    case THETIS_WAIT_START: return 4;
    default: return 1; /* cancel */
    }
}
