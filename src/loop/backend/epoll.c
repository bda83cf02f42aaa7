/* SPDX-License-Identifier: MIT
 *
 * epoll.c: the backend over Linux epoll, level-triggered.
 *
 * Level and not edge: what was not taken is reported again, so a handle may be left in the middle
 * (budget, pause, no buffer) without a list of our own to remember it. One registration per
 * descriptor, for both directions. Errors and hang-ups are reported even for an empty mask, so a
 * handle without interest is not registered at all; a paused stream therefore does not notice a
 * reset (PAUSED_RESET is ABSENT).
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

static tht_ret epoll_backend_set(thetis_loop *loop, thetis_handle *h, unsigned mask)
{
    return loop->sys->epoll_set(loop->sys, loop->set_fd, h->fd_, tht_token(h), h->mask_, mask);
}

static tht_ret epoll_backend_wait(thetis_loop *loop, uint64_t timeout_ns)
{
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
    .caps = {THT_CAPS_OF_SOCKETS, [THETIS_CAP_DETACH] = {THETIS_CAP_NATIVE, 0}},
};
