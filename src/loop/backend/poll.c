/* SPDX-License-Identifier: MIT
 *
 * poll.c: the backend over poll(), for systems and descriptors that have nothing better.
 *
 * The set is ours: an array that is handed to the system with every wait, so a wait costs time in
 * proportion to the handles that are registered. It has no holes: the last entry moves into the
 * place of one that is removed. Events beyond the caller's room wait: the next look begins behind
 * the last one reported, so that none starves.
 *
 * What epoll refuses is refused here, too: a second handle for one descriptor, and files, which
 * poll() would call ready for ever.
 */
#include "../loop.h"

/* For each handle and the wake descriptor, in this order in the loop's memory. */
typedef struct poll_set {
    uint64_t *tokens;
    tht_pollfd *fds;
    uint32_t *places; /* of a slot: its index in the other two */
    uint32_t count;
    uint32_t first; /* where the next look begins */
} poll_set;

static poll_set *poll_set_of(thetis_loop *loop)
{
    return loop->poller_memory;
}

static size_t poll_backend_memory(const thetis_loop_cfg *cfg, const tht_sys *sys)
{
    size_t n = (size_t)cfg->max_handles + 1;
    (void)sys;
    return sizeof(poll_set) + n * (sizeof(uint64_t) + sizeof(tht_pollfd) + sizeof(uint32_t));
}

static void poll_set_add(poll_set *set, uint32_t slot, int fd, uint64_t token, ptrdiff_t events)
{
    set->places[slot] = set->count;
    set->tokens[set->count] = token;
    set->fds[set->count++] = (tht_pollfd){.fd = fd, .events = (int16_t)events};
}

static void poll_set_remove(poll_set *set, uint32_t slot)
{
    uint32_t place = set->places[slot], last = --set->count;
    set->fds[place] = set->fds[last];
    set->tokens[place] = set->tokens[last];
    set->places[(uint32_t)set->tokens[last]] = place;
}

static int poll_set_has(const poll_set *set, int fd)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->fds[i].fd == fd) return 1;
    }
    return 0;
}

static tht_ret poll_backend_open(thetis_loop *loop)
{
    const tht_sys *sys = loop->sys;
    poll_set *set = poll_set_of(loop);
    size_t n = (size_t)loop->max_handles + 1;
    tht_ret r = sys->wake_open(sys, -1, THT_NONE), events;
    if (r.status != THETIS_OK) return r;
    set->tokens = (uint64_t *)(void *)(set + 1);
    set->fds = (tht_pollfd *)(void *)(set->tokens + n);
    set->places = (uint32_t *)(void *)(set->fds + n);
    loop->wake_fd = (int)r.n;
    loop->set_fd = -1;
    events = sys->poll_set(sys, loop->wake_fd, THT_NONE, 0, THT_IN);
    if (events.status == THETIS_OK) poll_set_add(set, THT_NONE, loop->wake_fd, 0, events.n);
    else (void)sys->close(sys, loop->wake_fd);
    return events;
}

static void poll_backend_close(thetis_loop *loop)
{
    (void)loop->sys->close(loop->sys, loop->wake_fd);
}

static tht_ret poll_backend_set(thetis_loop *loop, thetis_handle *h, unsigned mask)
{
    poll_set *set = poll_set_of(loop);
    tht_ret r;
    if (h->mask_ == 0 && mask == 0) return (tht_ret){0};
    if (h->mask_ == 0 && poll_set_has(set, h->fd_)) return (tht_ret){.status = THETIS_EBUSY};
    r = loop->sys->poll_set(loop->sys, h->fd_, tht_token(h), h->mask_, mask);
    if (mask == 0) {
        poll_set_remove(set, h->slot_);
        return (tht_ret){0}; /* that needs nothing from the system */
    }
    if (r.status != THETIS_OK) return r;
    if (h->mask_) set->fds[set->places[h->slot_]].events = (int16_t)r.n;
    else poll_set_add(set, h->slot_, h->fd_, tht_token(h), r.n);
    return r;
}

static tht_ret poll_backend_wait(thetis_loop *loop, uint64_t timeout_ns)
{
    poll_set *set = poll_set_of(loop);
    tht_ret r = loop->sys->poll_wait(loop->sys, set->fds, set->tokens, set->count, &set->first,
                                     loop->events, loop->max_events, timeout_ns);
    for (ptrdiff_t i = 0; i < r.n; i++) {
        if (loop->events[i].token == THT_NONE) loop->sys->wake_take(loop->sys, loop->wake_fd);
    }
    return r;
}

const tht_poller tht_poller_poll = {
    .name = "poll",
    .memory = poll_backend_memory,
    .open = poll_backend_open,
    .set = poll_backend_set,
    .wait = poll_backend_wait,
    .wake = tht_backend_wake,
    .close = poll_backend_close,
    .caps = {THT_CAPS_OF_SOCKETS, [THETIS_CAP_DETACH] = {THETIS_CAP_NATIVE, 0}},
};
