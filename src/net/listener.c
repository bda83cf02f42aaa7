/* SPDX-License-Identifier: MIT
 *
 * listener.c: accepting connections.
 *
 * When descriptors or memory run out, connections stay in the system's backlog: the user is told
 * once, the listener is taken out of the poller (its readiness would spin) and tries again later,
 * at growing intervals. (Rejected: closing a spare descriptor in order to accept and drop the
 * client. It loses connections that could have been served a moment later.)
 */
#include "../loop/ahead.h"
#include "tcp.h"

enum { LISTENER_LACKING = THT_F_KIND, LISTENER_DEAD = THT_F_KIND << 1, DEFAULT_BACKLOG = 1024 };

static thetis_listener *listener_of(thetis_handle *h)
{
    return (thetis_listener *)(void *)h; /* the handle is its first member */
}

static void listener_deliver(thetis_listener *l, thetis_accepted *a)
{
    thetis_loop *loop = l->handle_.loop_;
    a->loop_ = loop;
    l->accept_(l, a);
    if (a->fd_ >= 0) (void)loop->sys->close(loop->sys, a->fd_); /* nobody took it */
}

static void listener_failed(thetis_listener *l, tht_ret r)
{
    thetis_accepted a = {.status = r.status, .os = r.os, .fd_ = -1};
    listener_deliver(l, &a);
}

static int listener_is_lack(int32_t status)
{
    return status == THETIS_EMFILE || status == THETIS_ENOBUFS || status == THETIS_ENOMEM;
}

/* It cannot accept now, or for ever: the user is told once per spell. Only close helps the dead. */
static void listener_broken(thetis_handle *h, tht_ret why)
{
    int told = h->flags_ & LISTENER_LACKING;
    if (listener_is_lack(why.status)) {
        h->flags_ |= LISTENER_LACKING;
        tht_handle_park(h, THT_F_BACKOFF);
    } else {
        h->flags_ |= LISTENER_DEAD;
        tht_handle_dirty(h);
        told = 0;
    }
    if (!told) listener_failed(listener_of(h), why);
}

static void listener_serve(thetis_handle *h, unsigned ready)
{
    const tht_sys *sys = h->loop_->sys;
    thetis_accepted a = {.status = THETIS_OK};
    tht_ret r;
    (void)ready;
    if (h->fd_ < 0 || h->kind_->interest(h) == 0) return;
    r = h->loop_->ahead ? tht_ahead_accept(h, &a.peer) : sys->accept(sys, h->fd_, &a.peer);
    tht_handle_spend(h, 0);
    if (r.status == THETIS_AGAIN) return;
    if (r.status == THETIS_OK) {
        h->flags_ &= (uint8_t)~LISTENER_LACKING;
        a.fd_ = (int32_t)r.n;
        listener_deliver(listener_of(h), &a);
    } else if (r.status != THETIS_EINTR && r.status != THETIS_ERESET) {
        listener_broken(h, r);
        return;
    }
    /* Interrupted, or that connection was gone already, or one of many: try again. When the budget
     * is used up the next poll tells if there are more. */
    if (h->budget_) tht_handle_ready(h, THT_IN);
}

static void listener_due(thetis_handle *h)
{
    if (h->state_ == THT_CLOSED) tht_handle_end(h);
}

static void listener_flush(thetis_handle *h)
{
    (void)h; /* nothing is queued */
}

static unsigned listener_interest(const thetis_handle *h)
{
    return h->flags_ & (THT_F_PAUSED | THT_F_BACKOFF | LISTENER_DEAD) ? 0 : THT_IN;
}

static thetis_status listener_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    return thetis_listener_close(listener_of(h), closed);
}

static const tht_kind listener_kind = {
    .serve = listener_serve,
    .due = listener_due,
    .flush = listener_flush,
    .interest = listener_interest,
    .broken = listener_broken,
    .cut = listener_cut,
    .owns_fd = 1,
    .ahead = THT_IO_ACCEPT,
};

/* What only sockets of IP have; the first fault ends it. */
static tht_ret listener_options(const tht_sys *sys, int fd, const thetis_addr *addr,
                                const thetis_listen_cfg *cfg)
{
    tht_ret r = sys->setopt(sys, fd, THT_OPT_REUSE_ADDR, 1);
    if (r.status == THETIS_OK && cfg && cfg->reuse_port) {
        r = sys->setopt(sys, fd, THT_OPT_BALANCE, 1);
    }
    if (r.status == THETIS_OK && addr->family == THETIS_ADDR_V6) {
        r = sys->setopt(sys, fd, THT_OPT_V6_ONLY, 1);
    }
    /* Accepted streams inherit it: one call for all of them. */
    if (r.status == THETIS_OK && !(cfg && cfg->nagle)) {
        r = sys->setopt(sys, fd, THT_OPT_NODELAY, 1);
    }
    return r;
}

static tht_ret listener_prepare(const tht_sys *sys, int fd, const thetis_addr *addr,
                                const thetis_listen_cfg *cfg)
{
    uint32_t backlog = cfg && cfg->backlog ? cfg->backlog : DEFAULT_BACKLOG;
    tht_ret r = {0};
    if (addr->family != THETIS_ADDR_UNIX) r = listener_options(sys, fd, addr, cfg);
    if (r.status == THETIS_OK) r = sys->bind(sys, fd, addr);
    if (r.status == THETIS_OK) r = sys->listen(sys, fd, backlog < 65535 ? (int)backlog : 65535);
    return r;
}

thetis_status tht_listener_open(thetis_loop *loop, thetis_listener *listener,
                                const thetis_addr *addr, const thetis_listen_cfg *cfg,
                                thetis_accept_fn *on_accept)
{
    const tht_sys *sys = loop->sys;
    thetis_status s;
    tht_ret fd, r;
    THT_ASSERT_OWNER(loop);
    THETIS_ASSERT1(on_accept != NULL);
    if (loop->slot_free == THT_NONE) return THETIS_ENOSLOT;
    fd = sys->socket(sys, (thetis_addr_family)addr->family, THT_STREAM);
    if (fd.status != THETIS_OK) return fd.status;
    r = listener_prepare(sys, (int)fd.n, addr, cfg);
    if (r.status != THETIS_OK) {
        (void)sys->close(sys, (int)fd.n);
        return r.status;
    }
    *listener = (thetis_listener){.accept_ = on_accept};
    s = tht_handle_open(loop, &listener->handle_, &listener_kind, (int)fd.n);
    THETIS_ASSERT1(s == THETIS_OK);
    tht_handle_dirty(&listener->handle_);
    return s;
}

thetis_status thetis_tcp_listen(thetis_loop *loop, thetis_listener *listener,
                                const thetis_addr *addr, const thetis_listen_cfg *cfg,
                                thetis_accept_fn *on_accept)
{
    if (addr->family != THETIS_ADDR_V4 && addr->family != THETIS_ADDR_V6) return THETIS_EINVAL;
    return tht_listener_open(loop, listener, addr, cfg, on_accept);
}

thetis_status thetis_listener_addr(const thetis_listener *listener, thetis_addr *out)
{
    const thetis_handle *h = &listener->handle_;
    if (h->fd_ < 0) return THETIS_ENOTCONN;
    return h->loop_->sys->name(h->loop_->sys, h->fd_, THT_LOCAL, out).status;
}

static thetis_status listener_set_paused(thetis_listener *listener, int paused)
{
    thetis_handle *h = &listener->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    if (paused) h->flags_ |= THT_F_PAUSED;
    else h->flags_ &= (uint8_t)~THT_F_PAUSED;
    tht_handle_dirty(h);
    return THETIS_OK;
}

thetis_status thetis_listener_pause(thetis_listener *listener)
{
    return listener_set_paused(listener, 1);
}

thetis_status thetis_listener_resume(thetis_listener *listener)
{
    return listener_set_paused(listener, 0);
}

thetis_status thetis_listener_close(thetis_listener *listener, thetis_closed_fn *closed)
{
    thetis_handle *h = &listener->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    h->state_ = THT_CLOSED;
    h->closed_ = closed;
    tht_handle_shut(h);
    tht_handle_due(h);
    return THETIS_OK;
}
