/* SPDX-License-Identifier: MIT
 *
 * kqueue.c: the backend over kqueue of the BSDs, level-triggered.
 *
 * The queue has one entry per descriptor and filter; reading and writing are two, and come as two
 * events, which are merged here: a handle is served once. The write filter is there only while the
 * state of a handle asks for it: for a datagram socket it would be true for ever.
 *
 * Changes are made at once, each with a receipt: the answers fill the event list, so no event of a
 * descriptor can come between, and a fault arrives in the list, in the order of the changes. What
 * EV_EOF, `data` and the pending error say is not used: the next call on the socket tells.
 * Timers are the loop's own: EVFILT_TIMER differs between systems in its units.
 *
 * Wake-ups are EVFILT_USER, which coalesces, or a descriptor where that is missing. It is added and
 * triggered in two changes: in one, FreeBSD 12 does not fire it. A start-up test shows whether it
 * arrives.
 *
 * What is closed leaves the queue, whoever has copies: entries belong to numbers, not to files.
 *
 * A kqueue is not inherited by fork(): thetis_loop_discard() in the child closes a number that is
 * free there, so it must come before anything else is opened.
 */
#include "../loop.h"

enum { KQUEUE_EVENTS = 256 };

typedef struct kqueue_set {
    tht_kevent events[KQUEUE_EVENTS];
    int user; /* wake-ups are EVFILT_USER */
    uint32_t waits;
    struct {
        uint32_t wait; /* in which the slot had an event */
        uint32_t at;   /* where that is */
    } seen[];          /* of each slot */
} kqueue_set;

static kqueue_set *kqueue_set_of(thetis_loop *loop)
{
    return loop->poller_memory;
}

static size_t kqueue_backend_memory(const thetis_loop_cfg *cfg, const tht_sys *sys)
{
    (void)sys;
    return sizeof(kqueue_set) + ((size_t)cfg->max_handles + 1) * sizeof(((kqueue_set *)0)->seen[0]);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* ENOENT or EBADF of a filter to delete: it is gone already. */
static int kqueue_is_gone(tht_ret r)
{
    return r.status == THETIS_EREFUSED || r.status == THETIS_EINVAL;
}

/* One change with a receipt; n is 0. */
static tht_ret kqueue_change(thetis_loop *loop, tht_kevent change)
{
    tht_kevent receipt;
    tht_ret r;
    int deletes = change.flags & THT_KQ_DELETE;
    change.flags |= THT_KQ_RECEIPT;
    do {
        r = loop->sys->kevent(loop->sys, loop->set_fd, &change, 1, &receipt, 1, 0);
    } while (r.status == THETIS_EINTR);
    if (r.status == THETIS_OK && r.n == 1) r = (tht_ret){0, receipt.status, receipt.os};
    return deletes && kqueue_is_gone(r) ? (tht_ret){0} : r;
}

static tht_ret kqueue_filter(thetis_loop *loop, thetis_handle *h, uint16_t filter, int add)
{
    tht_kevent change = {.token = tht_token(h), .fd = h->fd_, .filter = filter,
                         .flags = add ? THT_KQ_ADD : THT_KQ_DELETE};
    return kqueue_change(loop, change);
}

/* Both or none: if the second filter is refused, the first is as it was. */
static tht_ret kqueue_backend_set(thetis_loop *loop, thetis_handle *h, unsigned mask)
{
    unsigned differs = h->mask_ ^ mask;
    tht_ret r = {0};
    if (differs & THT_IN) r = kqueue_filter(loop, h, THT_KQ_READ, (mask & THT_IN) != 0);
    if (r.status != THETIS_OK || !(differs & THT_OUT)) return r;
    r = kqueue_filter(loop, h, THT_KQ_WRITE, (mask & THT_OUT) != 0);
    if (r.status != THETIS_OK && differs & THT_IN)
        (void)kqueue_filter(loop, h, THT_KQ_READ, (mask & THT_IN) == 0);
    return r;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* A filter that nobody asked for: it was to be deleted, and that failed, or to be taken back. */
static int kqueue_is_left(thetis_loop *loop, const tht_kevent *e)
{
    const tht_slot *s = &loop->slots[(uint32_t)e->token];
    unsigned bit = e->filter == THT_KQ_WRITE ? THT_OUT : THT_IN;
    if (!s->handle || s->gen != (uint32_t)(e->token >> 32) || s->handle->mask_ & bit) return 0;
    (void)kqueue_filter(loop, s->handle, e->filter, 0);
    return 1;
}

/* Adds the direction to the event that the handle has in this batch, or begins one. */
static uint32_t kqueue_merge(thetis_loop *loop, const tht_kevent *e, uint32_t n)
{
    kqueue_set *set = kqueue_set_of(loop);
    uint32_t slot = (uint32_t)e->token;
    uint32_t ready = e->flags & THT_KQ_ERROR ? THT_IN | THT_OUT
                     : e->filter == THT_KQ_WRITE ? THT_OUT : THT_IN;
    if (set->seen[slot].wait == set->waits && loop->events[set->seen[slot].at].token == e->token) {
        loop->events[set->seen[slot].at].ready |= ready;
        return n;
    }
    set->seen[slot].wait = set->waits;
    set->seen[slot].at = n;
    loop->events[n] = (tht_event){e->token, ready};
    return n + 1;
}

static tht_ret kqueue_backend_wait(thetis_loop *loop, uint64_t timeout_ns)
{
    kqueue_set *set = kqueue_set_of(loop);
    uint32_t cap = loop->max_events < KQUEUE_EVENTS ? loop->max_events : KQUEUE_EVENTS, n = 0;
    tht_ret r = loop->sys->kevent(loop->sys, loop->set_fd, NULL, 0, set->events, cap, timeout_ns);
    set->waits++;
    for (ptrdiff_t i = 0; i < r.n; i++) {
        if (set->events[i].token == THT_NONE && !set->user)
            loop->sys->wake_take(loop->sys, loop->wake_fd);
        if (kqueue_is_left(loop, &set->events[i])) continue;
        n = kqueue_merge(loop, &set->events[i], n);
    }
    r.n = (ptrdiff_t)n;
    return r;
}

/* ---- waking, life ---------------------------------------------------------------------------- */

static tht_ret kqueue_trigger(thetis_loop *loop)
{
    tht_kevent change = {.token = THT_NONE, .filter = THT_KQ_USER, .flags = THT_KQ_TRIGGER};
    return loop->sys->kevent(loop->sys, loop->set_fd, &change, 1, NULL, 0, 0);
}

static void kqueue_backend_wake(thetis_loop *loop)
{
    if (kqueue_set_of(loop)->user) (void)kqueue_trigger(loop);
    else tht_backend_wake(loop);
}

/* 1: EVFILT_USER exists here, and what is triggered arrives. */
static int kqueue_user_works(thetis_loop *loop)
{
    tht_kevent add = {.token = THT_NONE, .filter = THT_KQ_USER, .flags = THT_KQ_ADD | THT_KQ_CLEAR};
    tht_kevent event;
    tht_ret r;
    if (kqueue_change(loop, add).status != THETIS_OK) return 0;
    if (kqueue_trigger(loop).status != THETIS_OK) return 0;
    do {
        r = loop->sys->kevent(loop->sys, loop->set_fd, NULL, 0, &event, 1, 0);
    } while (r.status == THETIS_EINTR);
    return r.status == THETIS_OK && r.n == 1 && event.filter == THT_KQ_USER;
}

/* A descriptor to wake by. */
static tht_ret kqueue_wake_fd(thetis_loop *loop)
{
    const tht_sys *sys = loop->sys;
    tht_kevent add = {.token = THT_NONE, .filter = THT_KQ_READ, .flags = THT_KQ_ADD};
    tht_ret r = sys->wake_open(sys, -1, THT_NONE);
    if (r.status != THETIS_OK) return r;
    loop->wake_fd = (int)r.n;
    add.fd = loop->wake_fd;
    r = kqueue_change(loop, add);
    if (r.status != THETIS_OK) (void)sys->close(sys, loop->wake_fd);
    return r;
}

static tht_ret kqueue_backend_open(thetis_loop *loop)
{
    const tht_sys *sys = loop->sys;
    kqueue_set *set = kqueue_set_of(loop);
    tht_ret r = {.status = THETIS_ENOTSUP};
    if (sys->kqueue_open == NULL) return r;
    r = sys->kqueue_open(sys);
    if (r.status != THETIS_OK) return r;
    loop->set_fd = (int)r.n;
    loop->wake_fd = -1;
    set->user = kqueue_user_works(loop);
    r = set->user ? (tht_ret){0} : kqueue_wake_fd(loop);
    if (r.status != THETIS_OK) (void)sys->close(sys, loop->set_fd);
    return r;
}

static void kqueue_backend_close(thetis_loop *loop)
{
    if (loop->wake_fd >= 0) (void)loop->sys->close(loop->sys, loop->wake_fd);
    (void)loop->sys->close(loop->sys, loop->set_fd);
}

const tht_poller tht_poller_kqueue = {
    .name = "kqueue",
    .memory = kqueue_backend_memory,
    .open = kqueue_backend_open,
    .set = kqueue_backend_set,
    .wait = kqueue_backend_wait,
    .wake = kqueue_backend_wake,
    .close = kqueue_backend_close,
    .forgets = 1,
    .caps = {THT_CAPS_OF_SOCKETS, [THETIS_CAP_DETACH] = {THETIS_CAP_NATIVE, 0}},
};
