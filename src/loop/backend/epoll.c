/* SPDX-License-Identifier: MIT
 *
 * epoll.c: the backend over Linux epoll, level-triggered.
 *
 * Level and not edge: what was not taken is reported again, so a handle may be left in the middle
 * (budget, pause, no buffer) without a list of our own to remember it. One registration per
 * descriptor, for both directions. Errors and hang-ups are reported even for an empty mask, so a
 * handle without interest is not registered at all; a paused stream therefore does not notice a
 * reset (PAUSED_RESET is ABSENT).
 *
 * Copies. A descriptor that is closed leaves the set, unless a copy of it lives: in a child after
 * fork(), at another process that was sent one. Then its file is reported on, and nothing can take
 * it out: the number is not ours any more. To take each descriptor out before it is closed would be
 * one call more for each connection, so that is not done until a copy is seen. A slot gets its next
 * generation in phase 6, after the close, and what phase 5 serves was fetched after that. So a
 * report of a handle that is gone is of a copy. Then a new set is filled and takes over, and from
 * now on descriptors are taken out before they are closed: this happens once. Where there is
 * nothing to make a new set of, the old one stays, and the next report tries again; a wait that had
 * nothing but such reports is followed by a short sleep then.
 */
#include "../loop.h"

static tht_ret epoll_backend_open(thetis_loop *loop)
{
    const tht_sys *sys = loop->sys;
    tht_ret r = {.status = THETIS_ENOTSUP};
    if (sys->epoll_open == NULL) return r;
    r = sys->epoll_open(sys);
    if (r.status != THETIS_OK) return r;
    loop->set_fd = (int)r.n;
    r = sys->wake_open(sys, loop->set_fd, THT_NONE);
    if (r.status != THETIS_OK) (void)sys->close(sys, loop->set_fd);
    else loop->wake_fd = (int)r.n;
    return r;
}

static void epoll_backend_close(thetis_loop *loop)
{
    (void)loop->sys->close(loop->sys, loop->wake_fd);
    (void)loop->sys->close(loop->sys, loop->set_fd);
}

/* ---- copies of closed descriptors ------------------------------------------------------------ */

/* A descriptor of the user's that is none any more is left out. */
static tht_ret epoll_fill(thetis_loop *loop, int set)
{
    const tht_sys *sys = loop->sys;
    tht_ret r = sys->epoll_set(sys, set, loop->wake_fd, THT_NONE, 0, THT_IN | THT_EDGE);
    for (uint32_t i = 1; i <= loop->max_handles && r.status == THETIS_OK; i++) {
        thetis_handle *h = loop->slots[i].handle;
        if (h == NULL || h->mask_ == 0) continue;
        r = sys->epoll_set(sys, set, h->fd_, tht_token(h), 0, h->mask_);
        if (r.status == THETIS_EINVAL && !h->kind_->owns_fd) r.status = THETIS_OK;
    }
    return r;
}

/* A set without what is closed takes the place of the old one, or that stays. A wake-up meanwhile
 * is reported by the new one, since the counter of wake-ups is not 0 then. */
static tht_ret epoll_renew(thetis_loop *loop)
{
    tht_ret r = loop->sys->epoll_open(loop->sys);
    int set = (int)r.n;
    loop->copied = 1;
    if (r.status != THETIS_OK) return r;
    r = epoll_fill(loop, set);
    if (r.status == THETIS_OK) {
        int old = loop->set_fd;
        loop->set_fd = set;
        set = old;
    }
    (void)loop->sys->close(loop->sys, set);
    return r;
}

/* The last wait has reported handles that are gone. Returns the time-out that is left. */
__attribute__((cold, noinline)) static uint64_t epoll_answer(thetis_loop *loop, uint64_t timeout_ns)
{
    const tht_sys *sys = loop->sys;
    uint64_t reports = loop->stat.stale - loop->stale;
    uint64_t nap = timeout_ns < THT_RETRY_MIN_NS ? timeout_ns : THT_RETRY_MIN_NS;
    uint32_t first = 0;
    loop->stale = loop->stat.stale;
    if (epoll_renew(loop).status == THETIS_OK || reports < loop->n_events) return timeout_ns;
    if (nap) (void)sys->poll_wait(sys, NULL, NULL, 0, &first, loop->events, 1, nap);
    return timeout_ns == THT_NEVER ? THT_NEVER : timeout_ns - nap;
}

static int epoll_watches(const thetis_loop *loop, int fd)
{
    for (uint32_t i = 1; i <= loop->max_handles; i++) {
        const thetis_handle *h = loop->slots[i].handle;
        if (h && h->mask_ && h->fd_ == fd) return 1;
    }
    return 0;
}

/* ---- the poller ------------------------------------------------------------------------------ */

static tht_ret epoll_backend_set(thetis_loop *loop, thetis_handle *h, unsigned mask)
{
    const tht_sys *sys = loop->sys;
    tht_ret r = sys->epoll_set(sys, loop->set_fd, h->fd_, tht_token(h), h->mask_, mask);
    if (r.status != THETIS_EBUSY || epoll_watches(loop, h->fd_)) return r;
    /* The copy of one that was closed has come back to us, by the same number. */
    r = epoll_renew(loop);
    if (r.status != THETIS_OK) return r;
    return sys->epoll_set(sys, loop->set_fd, h->fd_, tht_token(h), h->mask_, mask);
}

static tht_ret epoll_backend_wait(thetis_loop *loop, uint64_t timeout_ns)
{
    if (THETIS_UNLIKELY(loop->stat.stale != loop->stale)) {
        timeout_ns = epoll_answer(loop, timeout_ns);
    }
    return loop->sys->epoll_wait(loop->sys, loop->set_fd, loop->events, loop->max_events,
                                 timeout_ns);
}

const tht_poller tht_poller_epoll = {
    .name = "epoll",
    .open = epoll_backend_open,
    .set = epoll_backend_set,
    .wait = epoll_backend_wait,
    .wake = tht_backend_wake,
    .close = epoll_backend_close,
    .forgets = 1,
    .caps = {THT_CAPS_OF_SOCKETS, [THETIS_CAP_DETACH] = {THETIS_CAP_NATIVE, 0}},
};
