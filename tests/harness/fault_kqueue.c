/* SPDX-License-Identifier: MIT
 *
 * fault_kqueue.c: the fault shim over kqueue: the same modes, by way of the events that the other
 * pollers have.
 */
#include "harness/fault_inside.h"

/* kqueue's events in the form of the others; each tells one direction. */
tht_ret fault_wait_queue(fault *f, int queue, tht_event *out, uint32_t cap, uint64_t ns)
{
    tht_kevent *events = f->seen;
    uint32_t most = cap < FAULT_REGS ? cap : FAULT_REGS;
    tht_ret ret = f->under->kevent(f->under, queue, NULL, 0, events, most, ns);
    f->seen_count = (size_t)ret.n;
    for (ptrdiff_t i = 0; i < ret.n; i++) {
        uint32_t ready = events[i].filter == THT_KQ_WRITE  ? THT_OUT
                         : events[i].filter == THT_KQ_READ ? THT_IN
                                                           : 0; /* a wake-up */
        out[i] = (tht_event){events[i].token, ready};
    }
    return ret;
}

tht_ret fault_kqueue_open(const tht_sys *sys)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_EPOLL_OPEN, &ret)) ret = f->under->kqueue_open(f->under);
    return fault_leave(f, FAULT_EPOLL_OPEN, -1, 0, ret);
}

/* The directions that the descriptor is registered for after this change. */
static uint32_t fault_kevent_mask(fault *f, const tht_kevent *change)
{
    const fault_reg *reg = fault_reg_find(f, change->fd);
    uint32_t bit = change->filter == THT_KQ_WRITE ? THT_OUT : THT_IN, was = reg ? reg->mask : 0;
    return change->flags & THT_KQ_ADD ? was | bit : was & ~bit;
}

static tht_ret fault_kevent_change(fault *f, int queue, const tht_kevent *changes, uint32_t n,
                                   tht_kevent *out, uint32_t cap)
{
    tht_ret ret;
    uint32_t mask = changes->filter == THT_KQ_USER ? 0 : fault_kevent_mask(f, changes);
    if (changes->flags & THT_KQ_TRIGGER) { /* a wake-up: from any thread */
        thetis_atomic_fetch_add_relaxed(&f->wake_sends, 1);
        return f->under->kevent(f->under, queue, changes, n, out, cap, 0);
    }
    if (!fault_enter(f, FAULT_EPOLL_SET, &ret)) {
        ret = f->under->kevent(f->under, queue, changes, n, out, cap, 0);
        if (changes->filter != THT_KQ_USER)
            fault_reg_note(f, changes->fd, changes->token, mask, ret);
    }
    return fault_leave(f, FAULT_EPOLL_SET, changes->fd, mask, ret);
}

/* As the system gave it, if it did. */
static tht_kevent fault_kevent_of(const fault *f, uint64_t token, uint16_t filter)
{
    for (size_t i = 0; i < f->seen_count; i++)
        if (f->seen[i].token == token && f->seen[i].filter == filter) return f->seen[i];
    return (tht_kevent){.token = token, .filter = filter};
}

/* Back into kqueue's form; what has no room comes again. */
static uint32_t fault_to_kevents(const fault *f, const tht_event *events, size_t n,
                                 tht_kevent *out, uint32_t cap)
{
    uint32_t made = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t token = events[i].token;
        uint32_t ready = events[i].ready;
        if (ready == 0 && made < cap) out[made++] = fault_kevent_of(f, token, THT_KQ_USER);
        if (ready & THT_IN && made < cap) out[made++] = fault_kevent_of(f, token, THT_KQ_READ);
        if (ready & THT_OUT && made < cap) out[made++] = fault_kevent_of(f, token, THT_KQ_WRITE);
    }
    return made;
}

/* A start-up test and its room for one event are no wait of a loop. */
tht_ret fault_kevent(const tht_sys *sys, int queue, const tht_kevent *changes, uint32_t n,
                            tht_kevent *out, uint32_t cap, uint64_t timeout_ns)
{
    fault *f = fault_of(sys);
    tht_event events[FAULT_REGS];
    uint32_t most = cap < FAULT_REGS ? cap : FAULT_REGS;
    tht_ret ret;
    if (n) return fault_kevent_change(f, queue, changes, n, out, cap);
    if (cap == 1) return f->under->kevent(f->under, queue, NULL, 0, out, cap, timeout_ns);
    f->seen_count = 0;
    ret = fault_wait(f, &(fault_set){.set = queue, .is_queue = 1}, events, most, timeout_ns);
    ret.n = (ptrdiff_t)fault_to_kevents(f, events, (size_t)ret.n, out, cap);
    return ret;
}
