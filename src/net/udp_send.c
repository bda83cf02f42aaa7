/* SPDX-License-Identifier: MIT
 *
 * udp_send.c: sending datagrams, and waiting for room.
 *
 * An array of datagrams becomes messages, at most THT_MSGS for one system call. A train is cut into
 * messages that the system accepts: at most GSO_PIECES datagrams, GSO_BYTES bytes. On a path
 * that cannot segment, each of its datagrams is a message.
 *
 * What a path is: destination and size of the segments, as a hash. The table of those that cannot
 * is small and the oldest entry is overwritten: a path that was forgotten costs one refused call, a
 * collision of hashes some plain sends.
 */
#include "udp.h"

enum {
    GSO_PIECES = 64,   /* UDP_MAX_SEGMENTS of older kernels */
    GSO_BYTES = 65507, /* of one IPv4 datagram without its headers */
    SEND_TRIES = 8,
    SEND_PATHS = sizeof((thetis_udp *)0)->paths_ / sizeof(uint32_t)
};

/* ---- paths ----------------------------------------------------------------------------------- */

/* Never 0. FNV-1a over address and size, which is made for short keys. */
static uint32_t path_of(const thetis_dgram *d)
{
    uint32_t hash = 2166136261u ^ d->segment;
    size_t n = d->to == NULL ? 0 : d->to->family == THETIS_ADDR_V4 ? 4 : 16;
    for (size_t i = 0; i < n; i++) hash = (hash ^ d->to->u.v6[i]) * 16777619u;
    return hash ? hash : 1;
}

static int path_is_plain(const thetis_udp *udp, const thetis_dgram *d)
{
    uint32_t path;
    if (!(udp->handle_.flags_ & THT_UDP_GSO)) return 1;
    if (udp->path_next_ == 0) return 0; /* none is known */
    path = path_of(d);
    for (size_t i = 0; i < SEND_PATHS; i++) {
        if (udp->paths_[i] == path) return 1;
    }
    return 0;
}

static void path_remember(thetis_udp *udp, const thetis_dgram *d)
{
    udp->paths_[udp->path_next_++ % SEND_PATHS] = path_of(d);
    if (udp->path_next_ == 0) udp->path_next_ = SEND_PATHS; /* 0 would mean: none */
}

/* ---- from datagrams to messages -------------------------------------------------------------- */

/* Bytes of the message that begins at `at`, and its segment (0: one datagram). */
static size_t dgram_piece(const thetis_dgram *d, size_t at, int plain, tht_out *out)
{
    size_t left = d->len - at, most = d->segment;
    out->segment = 0;
    if (most == 0 || left <= most) return left;
    if (plain) return most;
    most *= GSO_BYTES / most < GSO_PIECES ? GSO_BYTES / most : GSO_PIECES;
    if (most <= d->segment) return d->segment; /* too long for a train of two, or for anything */
    out->segment = d->segment;
    return left < most ? left : most;
}

/* The next messages of the array, from where the first entry stands; returns their number. */
static uint32_t batch_gather(const thetis_udp *udp, const thetis_dgram *d, const thetis_dgram *end,
                            tht_out *out)
{
    uint32_t n = 0;
    size_t at = d->sent;
    for (; d != end; d++, at = 0) {
        int plain = d->segment && d->len > d->segment && path_is_plain(udp, d);
        do {
            size_t len = dgram_piece(d, at, plain, &out[n]);
            out[n].data = at ? (const unsigned char *)d->data + at : d->data; /* may be NULL */
            out[n].len = len;
            out[n].to = d->to;
            at += len;
            if (++n == THT_MSGS) return n;
        } while (at < d->len);
    }
    return n;
}

/* Accounts `n` messages; returns the first datagram that is not sent yet. */
static thetis_dgram *batch_advance(thetis_dgram *d, const thetis_dgram *end, const tht_out *out,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        d->sent += out[i].len;
        if (d->sent < d->len) continue;
        if (++d != end) d->sent = 0;
    }
    return d;
}

/* Why this datagram cannot be sent at all; OK if it can. */
static thetis_status dgram_objection(const thetis_udp *udp, const thetis_dgram *d)
{
    int connected = (udp->handle_.flags_ & THT_UDP_CONNECTED) != 0;
    if (d->to == NULL) return connected ? THETIS_OK : THETIS_ENOTCONN;
    return connected || d->to->family != udp->family_ ? THETIS_EINVAL : THETIS_OK;
}

/* The end of those that can be sent; `*why` is the objection to the next. */
static const thetis_dgram *batch_check(const thetis_udp *udp, const thetis_dgram *d, size_t n,
                                      thetis_status *why)
{
    const thetis_dgram *end = d + n;
    *why = THETIS_OK;
    if (udp->handle_.state_ == THT_CLOSED) *why = THETIS_EBUSY;
    for (; d != end && *why == THETIS_OK; d++) *why = dgram_objection(udp, d);
    return *why == THETIS_OK ? end : d - (*why != THETIS_EBUSY);
}

/* ---- to the system --------------------------------------------------------------------------- */

/* The socket, or the system, is full. Whether it will tell of room: not if it did in vain. */
static void batch_full(thetis_udp *udp, thetis_status status)
{
    thetis_handle *h = &udp->handle_;
    if (status != THETIS_AGAIN || h->tx_ & THT_UDP_TOLD) h->tx_ |= THT_UDP_BLIND;
}

/* One call, interrupted or not. */
static tht_ret batch_try(const thetis_udp *udp, const tht_out *out, uint32_t n)
{
    const tht_sys *sys = udp->handle_.loop_->sys;
    tht_ret r = sys->send_msgs(sys, udp->handle_.fd_, out, n);
    for (int left = SEND_TRIES; r.status == THETIS_EINTR && left > 0; left--) {
        r = sys->send_msgs(sys, udp->handle_.fd_, out, n);
    }
    return r;
}

/* A fault may belong to an earlier datagram: then the same messages go through when they are tried
 * again, and the fault is news for the receiver. */
static tht_ret batch_call(thetis_udp *udp, const tht_out *out, uint32_t n)
{
    tht_ret again, r = batch_try(udp, out, n);
    if (r.status == THETIS_OK || r.status == THETIS_AGAIN || r.status == THETIS_ENOBUFS ||
        r.status == THETIS_ENOMEM || r.status == THETIS_ENOTSUP || r.status == THETIS_EINTR) {
        return r;
    }
    again = batch_try(udp, out, n);
    if (again.status != r.status) tht_udp_recv_news(udp, r);
    return again;
}

size_t thetis_udp_send_n(thetis_udp *udp, thetis_dgram *batch, size_t n, thetis_status *why)
{
    thetis_handle *h = &udp->handle_;
    const thetis_dgram *end = batch_check(udp, batch, n, why);
    thetis_dgram *next = batch;
    tht_out out[THT_MSGS];
    THT_ASSERT_OWNER(h->loop_);
    if (n) batch->sent = 0;
    while (next != end) {
        tht_ret r = batch_call(udp, out, batch_gather(udp, next, end, out));
        if (r.status == THETIS_OK) {
            h->tx_ &= (uint8_t)~(THT_UDP_BLIND | THT_UDP_TOLD);
            next = batch_advance(next, end, out, (size_t)r.n);
        } else if (r.status == THETIS_ENOTSUP && out[0].segment) {
            path_remember(udp, next);
        } else {
            *why = r.status;
            if (r.status == THETIS_AGAIN || r.status == THETIS_ENOMEM) *why = THETIS_ENOBUFS;
            if (*why == THETIS_ENOBUFS) batch_full(udp, r.status);
            break;
        }
    }
    if (next == end && next != batch + n) next->sent = 0;
    return (size_t)(next - batch);
}

thetis_status thetis_udp_send(thetis_udp *udp, const thetis_addr *to, const void *data, size_t len)
{
    thetis_dgram one = {.data = data, .len = len, .to = to};
    thetis_status why;
    (void)thetis_udp_send_n(udp, &one, 1, &why);
    return why;
}

/* ---- waiting for room ------------------------------------------------------------------------ */

void tht_udp_send_serve(thetis_udp *udp)
{
    thetis_handle *h = &udp->handle_;
    h->tx_ = THT_UDP_TOLD;
    tht_handle_dirty(h);
    udp->writable_(udp, THETIS_OK);
}

void tht_udp_send_due(thetis_udp *udp)
{
    thetis_handle *h = &udp->handle_;
    if (!(h->tx_ & THT_UDP_WAIT_CANCELED)) return;
    h->tx_ = 0;
    udp->writable_(udp, THETIS_ECANCELED);
}

thetis_status thetis_udp_wait_writable(thetis_udp *udp, thetis_writable_fn *on_writable)
{
    thetis_handle *h = &udp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    THETIS_ASSERT1(on_writable != NULL);
    if (h->state_ == THT_CLOSED || h->tx_ & THT_UDP_WAITING) return THETIS_EBUSY;
    udp->writable_ = on_writable;
    h->tx_ |= THT_UDP_WAITING;
    if (h->tx_ & THT_UDP_BLIND) tht_udp_back_off(h, THT_UDP_VAIN);
    else tht_handle_dirty(h);
    return THETIS_OK;
}
