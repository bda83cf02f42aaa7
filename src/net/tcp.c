/* SPDX-License-Identifier: MIT
 *
 * tcp.c: opening and closing streams; connect.
 *
 * Whether connect() answers at once or later makes no difference to the user: an immediate result
 * is noted and delivered by the dispatch phase; a later one by the service phase. Both pass
 * connect_check(), which asks the system for the pending error once, and for the peer's name: a
 * report of readiness alone does not prove a connection. Where neither is told, a look at what
 * there is to read tells.
 */
#include "../loop/ahead.h"
#include "tcp.h"

/* ---- connect --------------------------------------------------------------------------------- */

/* There will be no connection: both directions end, the descriptor is closed. */
static void connect_fail(thetis_tcp *tcp, tht_ret why)
{
    if (why.status == THETIS_ERESET) why.status = THETIS_EREFUSED; /* so some systems call it */
    tcp->rx_end_ = tcp->tx_end_ = (int8_t)why.status;
    tcp->rx_os_ = why.os;
    tht_handle_shut(&tcp->handle_);
}

/* Tells the user how the connect ended; then what was queued behind it goes on or fails. */
static void connect_deliver(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    tht_ret end = {.status = tcp->rx_end_, .os = tcp->rx_os_};
    if (h->state_ == THT_CONNECTING) h->state_ = THT_OPEN;
    h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE;
    tht_handle_dirty(h);
    tcp->connect_(tcp, end.status, end.os);
    if (end.status == THETIS_OK) return;
    tht_tcp_send_end(tcp, end);
    tht_tcp_recv_end(tcp, end);
}

static int connected_to_itself(const thetis_addr *peer, thetis_tcp *tcp)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    thetis_addr local;
    tht_ret r = sys->name(sys, tcp->handle_.fd_, THT_LOCAL, &local);
    return r.status == THETIS_OK && thetis_addr_equal(&local, peer);
}

/* No error and no peer: the connection is under way, or it failed and this system tells a read
 * only. AGAIN: the former. */
static tht_ret connect_ask(thetis_tcp *tcp)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    tht_ret r;
    do {
        r = sys->peek(sys, tcp->handle_.fd_);
    } while (r.status == THETIS_EINTR);
    if (r.n > 0) r.status = THETIS_AGAIN; /* it will have a peer */
    else if (r.status == THETIS_OK || r.status == THETIS_ENOTCONN) r.status = THETIS_EREFUSED;
    return r;
}

/* How the connect ended; AGAIN: not yet. */
static tht_ret connect_end(thetis_tcp *tcp)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    thetis_addr peer;
    tht_ret r = sys->so_error(sys, tcp->handle_.fd_);
    if (r.status == THETIS_OK) {
        r = sys->name(sys, tcp->handle_.fd_, THT_PEER, &peer);
        if (r.status == THETIS_ENOTCONN) r = connect_ask(tcp);
        if (r.status == THETIS_OK && connected_to_itself(&peer, tcp)) r.status = THETIS_EREFUSED;
    }
    if (r.status == THETIS_EINTR) r.status = THETIS_AGAIN;
    return r;
}

/* Finds out whether the connection stands; 0 if that is still open. */
static int connect_check(thetis_tcp *tcp)
{
    tht_ret r = connect_end(tcp);
    if (r.status == THETIS_AGAIN) return 0;
    if (r.status != THETIS_OK) connect_fail(tcp, r);
    return 1;
}

void tht_tcp_connect_result(thetis_tcp *tcp, tht_ret r)
{
    thetis_handle *h = &tcp->handle_;
    if (r.status == THETIS_AGAIN) {
        tht_handle_dirty(h);
        return;
    }
    h->flags_ |= THT_TCP_CONNECT_DUE;
    tht_handle_due(h);
    if (r.status != THETIS_OK) connect_fail(tcp, r);
}

/* An immediate result of connect(), or a cancelation. */
static void connect_due(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    if (tcp->rx_end_ || connect_check(tcp)) {
        connect_deliver(tcp);
    } else {
        h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE; /* from now on the system reports */
        tht_handle_dirty(h);
    }
}

/* ---- the handle as the loop sees it ---------------------------------------------------------- */

void tht_tcp_serve_any(thetis_tcp *tcp, unsigned ready)
{
    thetis_handle *h = &tcp->handle_;
    if (h->state_ == THT_CONNECTING) {
        if (!(h->flags_ & THT_TCP_CONNECT_DUE) && connect_check(tcp)) connect_deliver(tcp);
        return;
    }
    if (ready & THT_IN) tht_tcp_recv_serve(tcp);
    if (ready & THT_OUT && tcp->pending_) {
        h->tx_ &= (uint8_t)~THT_TX_BLOCKED;
        tht_handle_dirty(h); /* the flush phase of this turn sends */
    }
}

static void tcp_serve(thetis_handle *h, unsigned ready)
{
    if (THETIS_LIKELY(ready == THT_IN && h->state_ == THT_OPEN)) tht_tcp_recv_serve(tht_tcp_of(h));
    else tht_tcp_serve_any(tht_tcp_of(h), ready);
}

/* On a system of operations. A send comes before a receive: if both ended by one fault only the
 * first was told which, and bytes may be the answer to what was sent. */
static void tcp_serve_ahead(thetis_handle *h, unsigned ready)
{
    thetis_tcp *tcp = tht_tcp_of(h);
    if (h->state_ == THT_CONNECTING) {
        tht_tcp_serve_any(tcp, ready);
        return;
    }
    if (ready & THT_OUT && tcp->pending_) {
        h->tx_ &= (uint8_t)~THT_TX_BLOCKED;
        tht_tcp_send_flush_ahead(tcp);
        tht_handle_dirty(h);
        tht_tcp_send_due(tcp);
    }
    if (ready & THT_IN && h->state_ == THT_OPEN) tht_tcp_recv_serve_ahead(tcp);
}

/* Everything is sent that will be: the end of a graceful close. */
static void close_finish(thetis_tcp *tcp)
{
    tht_handle_shut(&tcp->handle_);
    tcp->handle_.state_ = THT_CLOSED;
    tht_handle_due(&tcp->handle_);
}

static inline void tcp_flush_by(thetis_handle *h, void (*flush)(thetis_tcp *tcp))
{
    thetis_tcp *tcp = tht_tcp_of(h);
    if (h->state_ == THT_CONNECTING) return;
    if (tcp->pending_) flush(tcp);
    if (h->state_ == THT_CLOSING && tcp->pending_ == NULL) close_finish(tcp);
}

static void tcp_flush(thetis_handle *h)
{
    tcp_flush_by(h, tht_tcp_send_flush);
}

static void tcp_flush_ahead(thetis_handle *h)
{
    tcp_flush_by(h, tht_tcp_send_flush_ahead);
}

static void tcp_due(thetis_handle *h)
{
    thetis_tcp *tcp = tht_tcp_of(h);
    if (h->flags_ & THT_TCP_CONNECT_DUE) connect_due(tcp);
    if (tcp->done_ || h->tx_ & (THT_TX_TELL_FULL | THT_TX_TELL_LOW)) tht_tcp_send_due(tcp);
    tht_tcp_recv_due(tcp);
    if (h->state_ != THT_CLOSED) return;
    /* A callback above may have closed the stream and so queued completions behind itself. */
    if (tcp->done_ || h->rx_ != THT_RX_IDLE || h->flags_ & THT_TCP_CONNECT_DUE) tht_handle_due(h);
    else tht_handle_end(h);
}

static unsigned tcp_interest(const thetis_handle *h)
{
    const thetis_tcp *tcp = (const thetis_tcp *)(const void *)h;
    if (h->state_ == THT_CONNECTING) {
        return h->flags_ & (THT_TCP_CONNECT_DUE | THT_TCP_DIAL) ? 0 : THT_OUT;
    }
    return (tht_tcp_wants_recv(tcp) ? THT_IN : 0) | (h->tx_ & THT_TX_BLOCKED ? THT_OUT : 0);
}

/* The system refuses to watch the descriptor: no event would ever come. */
static void tcp_broken(thetis_handle *h, tht_ret why)
{
    thetis_tcp *tcp = tht_tcp_of(h);
    if (h->state_ == THT_CONNECTING) {
        connect_fail(tcp, why);
        h->flags_ |= THT_TCP_CONNECT_DUE;
        tht_handle_due(h);
        return;
    }
    tht_tcp_recv_end(tcp, why);
    tht_tcp_send_end(tcp, why);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* Ends all operations and the descriptor; completions and `closed` come from the dispatch. */
static void tcp_cut(thetis_tcp *tcp)
{
    static const tht_ret canceled = {.status = THETIS_ECANCELED};
    thetis_handle *h = &tcp->handle_;
    if (h->state_ == THT_CONNECTING) {
        h->flags_ |= THT_TCP_CONNECT_DUE;
        if (tcp->rx_end_ == 0) connect_fail(tcp, canceled);
    }
    h->state_ = THT_CLOSED;
    tht_tcp_send_end(tcp, canceled);
    if (h->rx_ == THT_RX_ARMED) h->rx_ = THT_RX_DUE_CANCELED;
    tht_handle_shut(h);
    tht_handle_due(h);
}

thetis_status thetis_tcp_abort(thetis_tcp *tcp, thetis_closed_fn *closed)
{
    thetis_handle *h = &tcp->handle_;
    const tht_sys *sys = h->loop_->sys;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    if (closed) h->closed_ = closed;
    if (h->fd_ >= 0) (void)sys->setopt(sys, h->fd_, THT_OPT_ABORT_ON_CLOSE, 1);
    tcp_cut(tcp);
    return THETIS_OK;
}

thetis_status thetis_tcp_close(thetis_tcp *tcp, thetis_closed_fn *closed)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ >= THT_CLOSING) return THETIS_EBUSY;
    h->closed_ = closed;
    if (h->state_ == THT_CONNECTING) {
        tcp_cut(tcp);
        return THETIS_OK;
    }
    h->state_ = THT_CLOSING;
    if (h->rx_ == THT_RX_ARMED) {
        h->rx_ = THT_RX_DUE_CANCELED;
        tht_handle_due(h);
    }
    if (tcp->pending_ == NULL) close_finish(tcp);
    else tht_handle_dirty(h);
    return THETIS_OK;
}

static thetis_status tcp_kind_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    return thetis_tcp_abort(tht_tcp_of(h), closed);
}

#define TCP_KIND(how, send, io)                                                                 \
    {                                                                                           \
        .serve = how, .due = tcp_due, .flush = send, .interest = tcp_interest,                  \
        .broken = tcp_broken, .cut = tcp_kind_cut, .owns_fd = 1, .ahead = io,                   \
    }

static const tht_kind tcp_kind = TCP_KIND(tcp_serve, tcp_flush, THT_IO_NONE);
static const tht_kind tcp_kind_ahead = TCP_KIND(tcp_serve_ahead, tcp_flush_ahead, THT_IO_RECV);
const tht_kind tht_unix_kind = TCP_KIND(tht_unix_serve, tcp_flush, THT_IO_NONE);

/* ---- opening --------------------------------------------------------------------------------- */

thetis_status tht_tcp_open(thetis_loop *loop, thetis_tcp *tcp, int fd)
{
    const tht_kind *kind = loop->ahead && !loop->movable ? &tcp_kind_ahead : &tcp_kind;
    *tcp = (thetis_tcp){0};
    return tht_handle_open(loop, &tcp->handle_, kind, fd);
}

thetis_status thetis_tcp_accept(thetis_accepted *accepted, thetis_tcp *tcp)
{
    thetis_status s;
    if (accepted->status != THETIS_OK || accepted->fd_ < 0) return THETIS_EINVAL;
    s = tht_tcp_open(accepted->loop_, tcp, accepted->fd_);
    if (s == THETIS_OK) accepted->fd_ = -1;
    return s;
}

/* A socket with our options, bound if `from` is given. n: the descriptor. */
static tht_ret connect_socket(const tht_sys *sys, const thetis_addr *from, const thetis_addr *to)
{
    tht_ret fd = sys->socket(sys, (thetis_addr_family)to->family, THT_STREAM);
    tht_ret r = {0};
    if (fd.status != THETIS_OK) return fd;
    (void)sys->setopt(sys, (int)fd.n, THT_OPT_NODELAY, 1);
    if (from) r = sys->bind(sys, (int)fd.n, from);
    if (r.status == THETIS_OK) return fd;
    (void)sys->close(sys, (int)fd.n);
    return r;
}

static void connect_begin(thetis_tcp *tcp, const thetis_addr *to, thetis_connect_fn *on_connect)
{
    thetis_handle *h = &tcp->handle_;
    tcp->connect_ = on_connect;
    h->state_ = THT_CONNECTING;
    tht_tcp_connect_result(tcp, h->loop_->sys->connect(h->loop_->sys, h->fd_, to));
}

thetis_status thetis_tcp_connect_from(thetis_loop *loop, thetis_tcp *tcp, const thetis_addr *from,
                                      const thetis_addr *to, thetis_connect_fn *on_connect)
{
    tht_ret fd;
    thetis_status s;
    THETIS_ASSERT1(on_connect != NULL);
    if (to->family != THETIS_ADDR_V4 && to->family != THETIS_ADDR_V6) return THETIS_EINVAL;
    if (from && from->family != to->family) return THETIS_EINVAL;
    if (loop->slot_free == THT_NONE) return THETIS_ENOSLOT;
    fd = connect_socket(loop->sys, from, to);
    if (fd.status != THETIS_OK) return fd.status;
    s = tht_tcp_open(loop, tcp, (int)fd.n);
    THETIS_ASSERT1(s == THETIS_OK);
    connect_begin(tcp, to, on_connect);
    return s;
}

thetis_status thetis_tcp_connect(thetis_loop *loop, thetis_tcp *tcp, const thetis_addr *to,
                                 thetis_connect_fn *on_connect)
{
    return thetis_tcp_connect_from(loop, tcp, NULL, to, on_connect);
}

thetis_status thetis_tcp_addr(const thetis_tcp *tcp, thetis_addr *local, thetis_addr *peer)
{
    const thetis_handle *h = &tcp->handle_;
    const tht_sys *sys = h->loop_->sys;
    tht_ret r = {0};
    if (h->fd_ < 0 || h->state_ == THT_CONNECTING) return THETIS_ENOTCONN;
    if (local) r = sys->name(sys, h->fd_, THT_LOCAL, local);
    if (peer && r.status == THETIS_OK) r = sys->name(sys, h->fd_, THT_PEER, peer);
    return r.status;
}
