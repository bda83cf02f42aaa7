/* SPDX-License-Identifier: MIT
 *
 * conn.c: connections that go from one loop to another.
 *
 * The descriptor is all that the system knows of a connection, and it knows no loop once it is out
 * of the poller. So a stream can be left as soon as no operation holds it: what the loop keeps
 * beside the descriptor is how the directions have ended. A receive delivers what it takes from
 * the system within one step, so one that is not in progress has nothing.
 */
#include <thetis/conn.h>

#include "../loop/ahead.h"
#include "tcp.h"

thetis_status thetis_conn_accept(thetis_accepted *accepted, thetis_conn *conn)
{
    if (accepted->status != THETIS_OK || accepted->fd_ < 0) return THETIS_EINVAL;
    *conn = (thetis_conn){.sys_ = accepted->loop_->sys, .fd_ = accepted->fd_};
    accepted->fd_ = -1;
    return THETIS_OK;
}

/* Leaves the poller, but not the system; the handle then ends as a closed one does. On a system of
 * operations there are polls in flight at most, which take nothing and end soon. */
static void conn_leave(thetis_tcp *tcp, thetis_closed_fn *closed)
{
    thetis_handle *h = &tcp->handle_;
    if (h->mask_) (void)h->loop_->poller->set(h->loop_, h, 0);
    h->mask_ = 0;
    if (h->loop_->ahead) tht_ahead_shut(h, -1);
    h->fd_ = -1;
    h->state_ = THT_CLOSED;
    h->closed_ = closed;
    tht_handle_due(h);
}

thetis_status thetis_tcp_detach(thetis_tcp *tcp, thetis_conn *conn, thetis_closed_fn *closed)
{
    const thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (thetis_loop_cap(h->loop_, THETIS_CAP_DETACH).level != THETIS_CAP_NATIVE)
        return THETIS_ENOTSUP;
    if (h->state_ != THT_OPEN || h->rx_ != THT_RX_IDLE || tcp->pending_) return THETIS_EBUSY;
    if (h->fd_ < 0) return THETIS_ENOTCONN;
    *conn = (thetis_conn){.sys_ = h->loop_->sys, .fd_ = h->fd_,
                          .rx_end_ = tcp->rx_end_, .rx_os_ = tcp->rx_os_,
                          .tx_end_ = tcp->tx_end_, .tx_os_ = tcp->tx_os_,
                          .rx_cause_ = tcp->rx_cause_, .shut_ = (h->flags_ & THT_TCP_SHUT) != 0};
    conn_leave(tcp, closed);
    return THETIS_OK;
}

static void conn_arrive(thetis_tcp *tcp, thetis_conn *conn)
{
    tcp->rx_end_ = conn->rx_end_;
    tcp->rx_os_ = conn->rx_os_;
    tcp->tx_end_ = conn->tx_end_;
    tcp->tx_os_ = conn->tx_os_;
    tcp->rx_cause_ = conn->rx_cause_;
    if (conn->shut_) tcp->handle_.flags_ |= THT_TCP_SHUT;
    conn->fd_ = -1;
}

thetis_status thetis_tcp_attach(thetis_loop *loop, thetis_tcp *tcp, thetis_conn *conn)
{
    thetis_status s;
    if (conn->fd_ < 0) return THETIS_EINVAL;
    s = tht_tcp_open(loop, tcp, conn->fd_);
    if (s == THETIS_OK) conn_arrive(tcp, conn);
    return s;
}

thetis_status thetis_unix_attach(thetis_loop *loop, thetis_unix *un, thetis_conn *conn)
{
    thetis_status s;
    if (conn->fd_ < 0) return THETIS_EINVAL;
    s = tht_unix_begin(loop, un, conn->fd_);
    if (s == THETIS_OK) conn_arrive(&un->stream_, conn);
    return s;
}

thetis_status thetis_conn_close(thetis_conn *conn)
{
    if (conn->fd_ < 0) return THETIS_EINVAL;
    (void)conn->sys_->close(conn->sys_, conn->fd_);
    conn->fd_ = -1;
    return THETIS_OK;
}
