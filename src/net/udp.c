/* SPDX-License-Identifier: MIT
 *
 * udp.c: opening and closing datagram sockets, of UDP and unix.
 *
 * What the system can is asked once per socket, by setting the option: a kernel that does not know
 * UDP_SEGMENT would send a train as one long datagram without a word.
 */
#include <thetis/unix.h>

#include "udp.h"

/* ---- the handle as the loop sees it ---------------------------------------------------------- */

static void udp_serve(thetis_handle *h, unsigned ready)
{
    thetis_udp *udp = tht_udp_of(h);
    if (h->flags_ & (THT_UDP_DEAF | THT_UDP_VAIN) && !(h->flags_ & THT_F_BACKOFF)) {
        h->flags_ &= (uint8_t)~(THT_UDP_DEAF | THT_UDP_VAIN);
        tht_handle_dirty(h);
    }
    if (ready & THT_IN && tht_udp_wants_recv(udp)) tht_udp_recv_serve(udp);
    if (ready & THT_OUT && tht_udp_wants_room(udp)) tht_udp_send_serve(udp);
}

static void udp_due(thetis_handle *h)
{
    thetis_udp *udp = tht_udp_of(h);
    tht_udp_recv_due(udp);
    tht_udp_send_due(udp);
    if (h->state_ != THT_CLOSED) return;
    /* A callback above may have closed the socket and so queued completions behind itself. */
    if (h->rx_ != THT_UDP_RX_IDLE || h->tx_ & THT_UDP_WAIT_CANCELED) tht_handle_due(h);
    else tht_handle_end(h);
}

static void udp_flush(thetis_handle *h)
{
    (void)h; /* nothing is queued */
}

static unsigned udp_interest(const thetis_handle *h)
{
    const thetis_udp *udp = (const thetis_udp *)(const void *)h;
    return (tht_udp_wants_recv(udp) ? THT_IN : 0) | (tht_udp_wants_room(udp) ? THT_OUT : 0);
}

/* The system refuses to watch the descriptor now: both directions are tried again by time. */
static void udp_broken(thetis_handle *h, tht_ret why)
{
    tht_udp_back_off(h, THT_UDP_DEAF | THT_UDP_VAIN);
    tht_udp_recv_news(tht_udp_of(h), why);
}

thetis_status thetis_udp_close(thetis_udp *udp, thetis_closed_fn *closed)
{
    thetis_handle *h = &udp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    h->state_ = THT_CLOSED;
    h->closed_ = closed;
    if (h->rx_ == THT_UDP_RX_ARMED) h->rx_ = THT_UDP_RX_CANCELED;
    if (h->tx_ & THT_UDP_WAITING) h->tx_ = THT_UDP_WAIT_CANCELED;
    tht_handle_shut(h);
    tht_handle_due(h);
    return THETIS_OK;
}

static thetis_status udp_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    return thetis_udp_close(tht_udp_of(h), closed);
}

static const tht_kind udp_kind = {
    .serve = udp_serve,
    .due = udp_due,
    .flush = udp_flush,
    .interest = udp_interest,
    .broken = udp_broken,
    .cut = udp_cut,
    .owns_fd = 1,
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Options that the user asked for; the first fault ends it. */
static tht_ret udp_options(const tht_sys *sys, int fd, const thetis_udp_cfg *cfg)
{
    const struct {
        tht_opt opt;
        int value;
    } wanted[] = {
        {THT_OPT_REUSE_ADDR, cfg->reuse_addr},     {THT_OPT_REUSE_PORT, cfg->reuse_port},
        {THT_OPT_BROADCAST, cfg->broadcast},       {THT_OPT_STAMP, cfg->stamp},
        {THT_OPT_COUNT_DROPS, cfg->drops},         {THT_OPT_RECV_SPACE, (int)cfg->recv_space},
        {THT_OPT_SEND_SPACE, (int)cfg->send_space},
    };
    tht_ret r = {0};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && r.status == THETIS_OK; i++) {
        if (wanted[i].value) r = sys->setopt(sys, fd, wanted[i].opt, wanted[i].value);
    }
    return r;
}

static tht_ret udp_prepare(const tht_sys *sys, int fd, const thetis_addr *local,
                           const thetis_udp_cfg *cfg)
{
    tht_ret r = {0};
    if (local->family == THETIS_ADDR_V6) r = sys->setopt(sys, fd, THT_OPT_V6_ONLY, 1);
    if (r.status == THETIS_OK) r = udp_options(sys, fd, cfg);
    if (r.status == THETIS_OK && local->family != THETIS_ADDR_NONE) r = sys->bind(sys, fd, local);
    return r;
}

/* Whether the socket takes an option; the loop remembers the answer as a capability. */
static int udp_learn(thetis_udp *udp, tht_opt opt, int value, thetis_cap cap, int otherwise)
{
    thetis_loop *loop = udp->handle_.loop_;
    tht_ret r = loop->sys->setopt(loop->sys, udp->handle_.fd_, opt, value);
    if (r.status == THETIS_OK) loop->learned[cap] = THETIS_CAP_NATIVE;
    if (r.status == THETIS_ENOTSUP) loop->learned[cap] = (uint8_t)otherwise;
    return r.status == THETIS_OK;
}

/* Trains are of UDP only. */
static void udp_learn_trains(thetis_udp *udp, const thetis_udp_cfg *cfg)
{
    if (udp_learn(udp, THT_OPT_UDP_SEGMENT, 0, THETIS_CAP_UDP_GSO, THETIS_CAP_EMULATED)) {
        udp->handle_.flags_ |= THT_UDP_GSO;
    }
    if (!cfg->single && udp->handle_.loop_->buffer_size >= THETIS_UDP_TRAIN_MAX) {
        (void)udp_learn(udp, THT_OPT_UDP_GRO, 1, THETIS_CAP_UDP_GRO, THETIS_CAP_ABSENT);
    }
}

/* `local` of family NONE: without a name. */
static thetis_status udp_open(thetis_loop *loop, thetis_udp *udp, thetis_addr_family family,
                              const thetis_addr *local, const thetis_udp_cfg *cfg)
{
    const tht_sys *sys = loop->sys;
    tht_ret fd, r;
    THT_ASSERT_OWNER(loop);
    if (cfg->recv_space > INT32_MAX || cfg->send_space > INT32_MAX) return THETIS_EINVAL;
    if (loop->slot_free == THT_NONE) return THETIS_ENOSLOT;
    fd = sys->socket(sys, family, THT_DGRAM);
    if (fd.status != THETIS_OK) return fd.status;
    r = udp_prepare(sys, (int)fd.n, local, cfg);
    if (r.status != THETIS_OK) {
        (void)sys->close(sys, (int)fd.n);
        return r.status;
    }
    *udp = (thetis_udp){.family_ = (uint8_t)family};
    r.status = tht_handle_open(loop, &udp->handle_, &udp_kind, (int)fd.n);
    THETIS_ASSERT1(r.status == THETIS_OK);
    if (family != THETIS_ADDR_UNIX) udp_learn_trains(udp, cfg);
    return THETIS_OK;
}

thetis_status thetis_udp_open(thetis_loop *loop, thetis_udp *udp, const thetis_addr *local,
                              const thetis_udp_cfg *cfg)
{
    static const thetis_udp_cfg defaults;
    if (local->family != THETIS_ADDR_V4 && local->family != THETIS_ADDR_V6) return THETIS_EINVAL;
    return udp_open(loop, udp, (thetis_addr_family)local->family, local, cfg ? cfg : &defaults);
}

thetis_status thetis_unix_open(thetis_loop *loop, thetis_udp *udp, const thetis_addr *local,
                                     uint32_t send_space)
{
    static const thetis_addr unnamed;
    const thetis_udp_cfg cfg = {.send_space = send_space};
    if (local == NULL) local = &unnamed;
    else if (local->family != THETIS_ADDR_UNIX) return THETIS_EINVAL;
    return udp_open(loop, udp, THETIS_ADDR_UNIX, local, &cfg);
}

thetis_status thetis_udp_connect(thetis_udp *udp, const thetis_addr *peer)
{
    thetis_handle *h = &udp->handle_;
    tht_ret r;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    if (peer->family != udp->family_) return THETIS_EINVAL;
    r = h->loop_->sys->connect(h->loop_->sys, h->fd_, peer);
    if (r.status == THETIS_OK) h->flags_ |= THT_UDP_CONNECTED;
    return r.status;
}

static thetis_status udp_group(thetis_udp *udp, const thetis_addr *group, uint32_t interface,
                               int join)
{
    thetis_handle *h = &udp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    if (group->family != udp->family_ || group->family == THETIS_ADDR_UNIX) return THETIS_EINVAL;
    return h->loop_->sys->group(h->loop_->sys, h->fd_, group, interface, join).status;
}

thetis_status thetis_udp_join(thetis_udp *udp, const thetis_addr *group, uint32_t interface)
{
    return udp_group(udp, group, interface, 1);
}

thetis_status thetis_udp_leave(thetis_udp *udp, const thetis_addr *group, uint32_t interface)
{
    return udp_group(udp, group, interface, 0);
}

thetis_status thetis_udp_addr(const thetis_udp *udp, thetis_addr *local, thetis_addr *peer)
{
    const thetis_handle *h = &udp->handle_;
    const tht_sys *sys = h->loop_->sys;
    tht_ret r = {0};
    if (h->fd_ < 0) return THETIS_ENOTCONN;
    if (local) r = sys->name(sys, h->fd_, THT_LOCAL, local);
    if (peer && r.status == THETIS_OK) r = sys->name(sys, h->fd_, THT_PEER, peer);
    return r.status;
}
