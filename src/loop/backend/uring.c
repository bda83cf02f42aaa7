/* SPDX-License-Identifier: MIT
 *
 * uring.c: the backend over a system of operations: io_uring of Linux, or a fake one. What it adds
 * to ahead.c is the poller's face: memory, and a wait that submits, reaps and reports.
 *
 * A submission that the system has no room for is tried again by the next wait, which is not long
 * then. Where the system refuses operations altogether, epoll takes over.
 */
#include "../ahead.h"

enum { URING_REAP = 64 };

static tht_io_cfg uring_cfg(const thetis_loop_cfg *cfg)
{
    return (tht_io_cfg){cfg->max_handles + 1, tht_lent(cfg->buffers), cfg->buffer_size};
}

static uint32_t uring_places(uint32_t handles)
{
    uint32_t n = 1;
    while (n < handles) n *= 2;
    return n;
}

/* In this order in the loop's memory. */
static size_t uring_memory(const thetis_loop_cfg *cfg, const tht_sys *sys)
{
    const tht_io_cfg io = uring_cfg(cfg);
    if (sys->io == NULL) return 0;
    return sizeof(tht_ahead) + io.handles * sizeof(tht_ahead_slot) +
           (io.buffers + cfg->max_handles) * sizeof(tht_ahead_item) +
           (io.handles + (size_t)uring_places(io.handles)) * sizeof(uint32_t) +
           THETIS_CACHE_LINE + sys->io->size(sys, &io);
}

static tht_ahead *uring_build(thetis_loop *loop, const tht_io_cfg *cfg)
{
    tht_ahead *a = loop->poller_memory;
    uint32_t items = cfg->buffers + loop->max_handles;
    uintptr_t end;
    a->slots = (tht_ahead_slot *)(void *)(a + 1);
    a->items = (tht_ahead_item *)(void *)(a->slots + cfg->handles);
    a->others = (uint32_t *)(void *)(a->items + items);
    a->watched = a->others + cfg->handles;
    a->places = uring_places(cfg->handles);
    for (uint32_t i = 0; i < cfg->handles; i++) a->others[i] = THT_AHEAD_UNWATCHED;
    end = (uintptr_t)(a->watched + a->places);
    a->io = (tht_io *)((end + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE);
    a->buffers = cfg->buffers;
    a->sync.head = a->ripe.head = UINT32_MAX;
    for (uint32_t i = items; i-- > cfg->buffers;) {
        a->items[i].next = a->item_free;
        a->item_free = i + 1;
    }
    return a;
}

/* The buffers behind the pool's own are lent; they change places with those, by number. */
static void uring_lend(thetis_loop *loop, tht_ahead *a)
{
    if (!(a->io->offers & THT_IO_BIT(THT_IO_RECV))) return;
    for (uint32_t i = 0; i < a->buffers; i++) {
        a->items[i].what = loop->max_buffers - a->buffers + i;
        a->io->ops->lend(a->io, i, tht_buffer_at(loop, a->items[i].what));
    }
    a->lent = a->buffers;
}

static int uring_watch_wake(thetis_loop *loop, tht_ahead *a)
{
    const tht_io_op op = {.token = THT_NONE, .fd = loop->wake_fd, .kind = THT_IO_POLL,
                          .mask = THT_IN, .many = 1};
    if (a->slots[THT_NONE].in != THT_IO_NONE) return 1;
    if (a->io->ops->submit(a->io, &op) != THETIS_OK) return 0;
    a->slots[THT_NONE].in = THT_IO_POLL;
    return 1;
}

static void uring_close(thetis_loop *loop)
{
    tht_ahead *a = loop->ahead;
    a->io->ops->close(a->io);
    (void)loop->sys->close(loop->sys, loop->wake_fd);
    for (uint32_t i = 1; i <= loop->max_handles; i++) {
        const tht_ahead_slot *s = &a->slots[i];
        if (s->flags & THT_AHEAD_LEAVING && s->fd >= 0) (void)loop->sys->close(loop->sys, s->fd);
        for (uint32_t item = s->first; item; item = a->items[item - 1].next) {
            if (item <= a->buffers) continue;
            (void)loop->sys->close(loop->sys, (int)a->items[item - 1].what);
        }
    }
}

static tht_ret uring_open(thetis_loop *loop)
{
    const tht_sys *sys = loop->sys;
    const tht_io_cfg cfg = {loop->max_handles + 1, loop->lent, loop->buffer_size};
    tht_ahead *a;
    tht_ret r;
    if (sys->io == NULL) return (tht_ret){.status = THETIS_ENOTSUP, .os = sys->no_io};
    a = uring_build(loop, &cfg);
    r = sys->io->open(sys, a->io, &cfg);
    if (r.status != THETIS_OK) return r;
    r = sys->wake_open(sys, -1, THT_NONE);
    if (r.status != THETIS_OK) {
        a->io->ops->close(a->io);
        return r;
    }
    loop->wake_fd = (int)r.n;
    loop->set_fd = -1;
    loop->ahead = a;
    /* What was received ahead would stay with the loop. */
    loop->learned[THETIS_CAP_DETACH] = loop->movable ? THETIS_CAP_NATIVE : THETIS_CAP_ABSENT;
    uring_lend(loop, a);
    return r;
}

/* A descriptor of somebody else's is looked at first: files are refused as everywhere. */
static tht_ret uring_set(thetis_loop *loop, thetis_handle *h, unsigned mask)
{
    tht_ret r = {0};
    if (h->mask_ == 0 && mask) r.status = tht_ahead_watch(h);
    if (r.status == THETIS_OK && h->mask_ == 0 && mask && !h->kind_->owns_fd)
        r = loop->sys->poll_set(loop->sys, h->fd_, tht_token(h), 0, mask);
    if (r.status != THETIS_OK) return r;
    tht_ahead_push(loop->ahead, h->slot_, THT_AHEAD_LISTED);
    tht_ahead_push(loop->ahead, h->slot_, THT_AHEAD_RIPE);
    return (tht_ret){0};
}

/* The wake descriptor, whose wake-ups are taken if they are polled one by one. */
static void uring_woken(thetis_loop *loop, const tht_io_done *done)
{
    tht_ahead *a = loop->ahead;
    if (!done->more) a->slots[THT_NONE].in = THT_IO_NONE;
    if (done->ret.status != THETIS_OK) return;
    if (!done->more) loop->sys->wake_take(loop->sys, loop->wake_fd);
    a->slots[THT_NONE].polled = THT_IN;
    tht_ahead_push(a, THT_NONE, THT_AHEAD_RIPE);
}

static tht_ret uring_reap(thetis_loop *loop, uint64_t timeout_ns)
{
    tht_io *io = loop->ahead->io;
    tht_io_done done[URING_REAP];
    tht_ret r = io->ops->reap(io, done, URING_REAP, timeout_ns);
    for (ptrdiff_t i = 0; i < r.n; i++) {
        if (done[i].token == THT_NONE) uring_woken(loop, &done[i]);
        else tht_ahead_done(loop, &done[i]);
    }
    return r;
}

static tht_ret uring_wait(thetis_loop *loop, uint64_t timeout_ns)
{
    tht_ret r;
    int ok = tht_ahead_sync(loop) & uring_watch_wake(loop, loop->ahead);
    if (tht_ahead_any(loop)) timeout_ns = 0;
    else if (!ok && timeout_ns > THT_RETRY_MIN_NS) timeout_ns = THT_RETRY_MIN_NS;
    r = uring_reap(loop, timeout_ns);
    for (uint32_t seen = URING_REAP; r.n == URING_REAP && seen < loop->max_events;) {
        r = uring_reap(loop, 0);
        seen += URING_REAP;
    }
    if (r.status != THETIS_OK) return r;
    return (tht_ret){.n = tht_ahead_report(loop)};
}

const tht_poller tht_poller_uring = {
    .name = "uring",
    .memory = uring_memory,
    .open = uring_open,
    .set = uring_set,
    .wait = uring_wait,
    .wake = tht_backend_wake,
    .close = uring_close,
    .lends = 1,
    .otherwise = &tht_poller_epoll,
    .caps = {THT_CAPS_OF_SOCKETS, [THETIS_CAP_DETACH] = {THETIS_CAP_UNKNOWN, 0}},
};
