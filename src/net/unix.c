/* SPDX-License-Identifier: MIT
 *
 * unix.c: unix streams. All but opening and descriptors is the stream of tcp.h.
 *
 * A connect answers at once, with one exception: while the listener's backlog is full nothing is in
 * progress, and nothing tells when there is room. The socket reports readiness all the same, so it
 * is not registered, and the connect is made again by time.
 */
#include "tcp.h"

_Static_assert(THETIS_UNIX_FDS_MAX == THT_FDS, "what the header promises");

static thetis_unix *unix_of(thetis_handle *h)
{
    return (thetis_unix *)(void *)h; /* the stream's handle is its first member */
}

static void unix_dial(thetis_unix *un)
{
    thetis_handle *h = &un->stream_.handle_;
    tht_ret r = h->loop_->sys->connect(h->loop_->sys, h->fd_, &un->to_);
    if (r.status == THETIS_ENOBUFS) {
        h->flags_ |= THT_TCP_DIAL;
        tht_handle_park(h, THT_F_BACKOFF);
        return;
    }
    h->flags_ &= (uint8_t)~THT_TCP_DIAL;
    tht_tcp_connect_result(&un->stream_, r);
}

static void unix_close_fds(thetis_unix *un)
{
    thetis_loop *loop = un->stream_.handle_.loop_;
    for (; un->next_ < un->count_; un->next_++) {
        (void)loop->sys->close(loop->sys, un->fds_[un->next_]);
    }
}

void tht_unix_serve(thetis_handle *h, unsigned ready)
{
    thetis_unix *un = unix_of(h);
    if (h->state_ == THT_CONNECTING && h->flags_ & THT_TCP_DIAL) {
        unix_dial(un); /* not registered, so only the retry comes here */
    } else if (h->state_ == THT_CONNECTING) {
        tht_tcp_serve_any(&un->stream_, ready);
    } else {
        if (ready & THT_IN) tht_tcp_recv_serve_fds(&un->stream_);
        unix_close_fds(un); /* what the callback has not taken */
        tht_tcp_serve_any(&un->stream_, ready & THT_OUT);
    }
}

thetis_status tht_unix_begin(thetis_loop *loop, thetis_unix *un, int fd)
{
    *un = (thetis_unix){0};
    return tht_handle_open(loop, &un->stream_.handle_, &tht_unix_kind, fd);
}

thetis_status thetis_unix_listen(thetis_loop *loop, thetis_listener *listener,
                                 const thetis_addr *addr, const thetis_listen_cfg *cfg,
                                 thetis_accept_fn *on_accept)
{
    if (addr->family != THETIS_ADDR_UNIX) return THETIS_EINVAL;
    return tht_listener_open(loop, listener, addr, cfg, on_accept);
}

thetis_status thetis_unix_accept(thetis_accepted *accepted, thetis_unix *un)
{
    thetis_status s;
    if (accepted->status != THETIS_OK || accepted->fd_ < 0) return THETIS_EINVAL;
    s = tht_unix_begin(accepted->loop_, un, accepted->fd_);
    if (s == THETIS_OK) accepted->fd_ = -1;
    return s;
}

thetis_status thetis_unix_connect(thetis_loop *loop, thetis_unix *un, const thetis_addr *to,
                                  thetis_connect_fn *on_connect)
{
    tht_ret fd;
    thetis_status s;
    THETIS_ASSERT1(on_connect != NULL);
    if (to->family != THETIS_ADDR_UNIX) return THETIS_EINVAL;
    if (loop->slot_free == THT_NONE) return THETIS_ENOSLOT;
    fd = loop->sys->socket(loop->sys, THETIS_ADDR_UNIX, THT_STREAM);
    if (fd.status != THETIS_OK) return fd.status;
    s = tht_unix_begin(loop, un, (int)fd.n);
    THETIS_ASSERT1(s == THETIS_OK);
    un->to_ = *to;
    un->stream_.connect_ = on_connect;
    un->stream_.handle_.state_ = THT_CONNECTING;
    unix_dial(un);
    return s;
}

thetis_status thetis_unix_recv_fd(thetis_unix *un, int *fd)
{
    if (un->next_ == un->count_) return THETIS_ABSENT;
    *fd = un->fds_[un->next_++];
    return THETIS_OK;
}
