/* SPDX-License-Identifier: MIT
 *
 * tcp_send.c: the send queue of a stream.
 *
 * Two circular lists of the user's operations: pending, in the order of submission, and done,
 * whose callbacks the dispatch phase runs. The flush phase hands as many pieces of as many pending
 * operations to the system as one call takes; a partial answer means the system is full, and the
 * rest waits for it to report room. The half close is an operation in the same queue.
 */
#include "../loop/ahead.h"
#include "tcp.h"

enum { SEND_IOV = 64, SEND_CALLS = 16 };

/* The call is a constant: the way of readiness pays nothing for the other. */
#define SEND_ALWAYS __attribute__((always_inline))

/* ---- circular lists: *last is the newest, (*last)->next_ the oldest -------------------------- */

static void sends_append(thetis_send **last, thetis_send *send)
{
    if (*last) {
        send->next_ = (*last)->next_;
        (*last)->next_ = send;
    } else {
        send->next_ = send;
    }
    *last = send;
}

static thetis_send *sends_take(thetis_send **last)
{
    thetis_send *oldest = (*last)->next_;
    if (oldest == *last) *last = NULL;
    else (*last)->next_ = oldest->next_;
    return oldest;
}

/* The operation before `send` on the circle, or NULL if it is not there. */
static thetis_send *sends_before(thetis_send *last, const thetis_send *send)
{
    thetis_send *s = last;
    if (last == NULL) return NULL;
    do {
        if (s->next_ == send) return s;
        s = s->next_;
    } while (s != last);
    return NULL;
}

/* ---- completion ------------------------------------------------------------------------------ */

/* Keeps the back-pressure marks; the callbacks come from the dispatch phase. */
static void sends_count(thetis_tcp *tcp, size_t queued)
{
    thetis_handle *h = &tcp->handle_;
    tcp->queued_ = queued;
    if (tcp->mark_ == NULL) return;
    if (!(h->tx_ & THT_TX_FULL) && queued >= tcp->high_) {
        h->tx_ |= THT_TX_FULL;
        if (h->tx_ & THT_TX_TELL_LOW) h->tx_ &= (uint8_t)~THT_TX_TELL_LOW; /* was not told yet */
        else h->tx_ |= THT_TX_TELL_FULL;
        tht_handle_due(h);
    } else if (h->tx_ & THT_TX_FULL && queued <= tcp->low_) {
        h->tx_ &= (uint8_t)~THT_TX_FULL;
        h->tx_ |= THT_TX_TELL_LOW;
        tht_handle_due(h);
    }
}

static void send_done(thetis_tcp *tcp, thetis_send *send, tht_ret how)
{
    send->status = how.status;
    send->os = how.os;
    sends_append(&tcp->done_, send);
    tht_handle_due(&tcp->handle_);
}

/* What a failed send tells the user, and the receive direction: some systems report a reset to
 * whichever call comes first, and EOF to the next. */
static tht_ret send_fault(thetis_tcp *tcp, tht_ret r)
{
    if (r.status == THETIS_CLOSED || r.status == THETIS_ENOTCONN) {
        r.status = THETIS_ERESET; /* no news: the receive will find out itself */
    } else if (tcp->rx_end_ == 0) {
        tcp->rx_cause_ = (int8_t)r.status;
        tcp->rx_os_ = r.os;
    }
    return r;
}

void tht_tcp_send_end(thetis_tcp *tcp, tht_ret why)
{
    if (tcp->tx_end_ == 0) {
        tcp->tx_end_ = (int8_t)why.status;
        tcp->tx_os_ = why.os;
    }
    while (tcp->pending_) send_done(tcp, sends_take(&tcp->pending_), why);
    tcp->handle_.tx_ &= (uint8_t)~THT_TX_BLOCKED;
    sends_count(tcp, 0);
    tht_handle_dirty(&tcp->handle_);
}

static void due_marks(thetis_tcp *tcp)
{
    unsigned tell = tcp->handle_.tx_ & (THT_TX_TELL_FULL | THT_TX_TELL_LOW);
    tcp->handle_.tx_ &= (uint8_t)~tell;
    if (tell & THT_TX_TELL_FULL) tcp->mark_(tcp, 1);
    if (tell & THT_TX_TELL_LOW) tcp->mark_(tcp, 0);
}

void tht_tcp_send_due(thetis_tcp *tcp)
{
    thetis_send *done = tcp->done_;
    tcp->done_ = NULL; /* what the callbacks complete is for the next round */
    while (done) {
        thetis_send *send = sends_take(&done);
        send->done_(tcp, send);
    }
    if (tcp->handle_.tx_ & (THT_TX_TELL_FULL | THT_TX_TELL_LOW)) due_marks(tcp);
}

/* ---- to the system --------------------------------------------------------------------------- */

/* Collects the pieces of the oldest operations, up to a half close; returns their number. */
static uint32_t sends_gather(const thetis_tcp *tcp, thetis_iov *out, size_t *bytes)
{
    uint32_t most = tcp->handle_.loop_->sys->max_iov, cap = most < SEND_IOV ? most : SEND_IOV;
    const thetis_send *first = tcp->pending_->next_, *send = first;
    uint32_t n = 0;
    *bytes = 0;
    for (;; send = send->next_) {
        size_t offset = send->offset_;
        /* Its descriptors go with its first byte. */
        if (send != first && send->kind_ == THT_SEND_FDS) return n;
        for (uint32_t i = 0; i < send->iovs_ && n < cap; i++) {
            const thetis_iov *from = &send->iov_[i];
            if (from->len > offset) {
                out[n].data = (const unsigned char *)from->data + offset;
                out[n].len = from->len - offset;
                *bytes += out[n++].len;
            }
            offset = 0;
        }
        if (send->kind_ || n == cap || send == tcp->pending_) return n;
    }
}

/* Accounts `bytes` to one operation; returns what is left for the next. */
static size_t send_advance(thetis_send *send, size_t bytes)
{
    size_t taken = bytes < send->left_ ? bytes : send->left_;
    send->sent += taken;
    send->left_ -= taken;
    bytes -= taken;
    while (send->iovs_ && taken >= send->iov_->len - send->offset_) {
        taken -= send->iov_->len - send->offset_;
        send->offset_ = 0;
        send->iov_++;
        send->iovs_--;
    }
    send->offset_ += taken;
    return bytes;
}

/* Accounts accepted bytes to the oldest operations and completes those that are whole. */
static void sends_advance(thetis_tcp *tcp, size_t bytes)
{
    sends_count(tcp, tcp->queued_ - bytes);
    while (tcp->pending_) {
        thetis_send *send = tcp->pending_->next_;
        if (send->kind_ == THT_SEND_END) return;
        bytes = send_advance(send, bytes);
        if (send->left_) return;
        send_done(tcp, sends_take(&tcp->pending_), (tht_ret){0});
    }
}

/* A half close has come to the head of the queue. */
static void send_shutdown(thetis_tcp *tcp)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    tht_ret r = sys->shutdown(sys, tcp->handle_.fd_);
    if (r.status == THETIS_EINTR) return; /* the caller's loop tries again */
    if (r.status == THETIS_OK) send_done(tcp, sends_take(&tcp->pending_), r);
    else tht_tcp_send_end(tcp, send_fault(tcp, r));
}

/* Takes a pending operation, that `before` leads to, off the queue. */
static void send_take_back(thetis_tcp *tcp, thetis_send *before, thetis_send *send)
{
    static const tht_ret canceled = {.status = THETIS_ECANCELED};
    if (before == send) tcp->pending_ = NULL;
    else before->next_ = send->next_;
    if (tcp->pending_ == send) tcp->pending_ = before;
    if (tcp->pending_ == NULL) tcp->handle_.tx_ &= (uint8_t)~THT_TX_BLOCKED;
    sends_count(tcp, tcp->queued_ - send->left_);
    if (send->kind_ == THT_SEND_END) tcp->handle_.flags_ &= (uint8_t)~THT_TCP_SHUT;
    send_done(tcp, send, canceled);
    if (send->sent) tht_tcp_send_end(tcp, canceled); /* the stream has a hole now */
    tht_handle_dirty(&tcp->handle_);
}

/* A call that failed: 1 if it is to be made again now. */
static int sends_failed(thetis_tcp *tcp, tht_ret r)
{
    if (r.status == THETIS_EINTR) return 1;
    if (r.status == THETIS_ENOBUFS || r.status == THETIS_ENOMEM) {
        tht_handle_park(&tcp->handle_, THT_F_BACKOFF);
    } else {
        tht_tcp_send_end(tcp, send_fault(tcp, r));
    }
    return 0;
}

/* True if the oldest operation has descriptors that are not on their way yet. */
static int send_has_fds(const thetis_tcp *tcp)
{
    const thetis_send *send = tcp->pending_->next_;
    return send->kind_ == THT_SEND_FDS && send->sent == 0;
}

static tht_ret send_with_fds(const thetis_tcp *tcp, const thetis_iov *iov, uint32_t n)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    const thetis_unix_send *op = (const thetis_unix_send *)(const void *)tcp->pending_->next_;
    return sys->send_fds(sys, tcp->handle_.fd_, iov, n, op->fds_, op->count_);
}

/* Those that were taken back while the system had them; it has none now. */
static void sends_drop_unwanted(thetis_tcp *tcp)
{
    thetis_send *send = tcp->pending_ ? tcp->pending_->next_ : NULL;
    while (send) {
        thetis_send *next = send == tcp->pending_ ? NULL : send->next_;
        if (send->kind_ == THT_SEND_UNWANTED) {
            send_take_back(tcp, sends_before(tcp->pending_, send), send);
            if (tcp->pending_ == NULL) return;
        }
        send = next;
    }
}

/* The first call of two submits, the second tells what came of it; 0 while there is nothing to
 * tell. A stream that was told how much was taken goes on with the next at once. */
static int sends_push_ahead(thetis_tcp *tcp)
{
    thetis_iov iov[SEND_IOV];
    tht_ret r = {0};
    if (!tht_ahead_sent(&tcp->handle_, &r)) {
        size_t bytes;
        uint32_t n = sends_gather(tcp, iov, &bytes);
        if (n) r = tht_ahead_send(&tcp->handle_, iov, n);
    }
    if (r.status == THETIS_AGAIN) {
        tcp->handle_.tx_ |= THT_TX_BLOCKED;
        return 0;
    }
    if (r.status == THETIS_OK) sends_advance(tcp, (size_t)r.n);
    sends_drop_unwanted(tcp);
    return r.status == THETIS_OK || sends_failed(tcp, r);
}

/* One call; 0 when no other makes sense now. */
static int sends_push(thetis_tcp *tcp)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    thetis_iov iov[SEND_IOV];
    size_t bytes;
    uint32_t n = sends_gather(tcp, iov, &bytes);
    tht_ret r = {0};
    if (send_has_fds(tcp)) r = send_with_fds(tcp, iov, n);
    else if (n == 1) r = sys->send_one(sys, tcp->handle_.fd_, iov->data, iov->len);
    else if (n) r = sys->send(sys, tcp->handle_.fd_, iov, n);
    if (r.status == THETIS_AGAIN || (r.status == THETIS_OK && (size_t)r.n < bytes)) {
        tcp->handle_.tx_ |= THT_TX_BLOCKED;
    } else if (r.status != THETIS_OK) {
        return sends_failed(tcp, r);
    }
    if (r.status == THETIS_OK) sends_advance(tcp, (size_t)r.n);
    return !(tcp->handle_.tx_ & THT_TX_BLOCKED);
}

static inline SEND_ALWAYS void sends_flush(thetis_tcp *tcp, int (*push)(thetis_tcp *tcp))
{
    thetis_handle *h = &tcp->handle_;
    int calls = SEND_CALLS;
    if (h->tx_ & THT_TX_BLOCKED || h->flags_ & THT_F_BACKOFF) return;
    while (tcp->pending_) {
        if (calls-- == 0) {
            h->budget_ = 0;
            tht_handle_ready(h, THT_OUT);
            return;
        }
        if (tcp->pending_->next_->kind_ == THT_SEND_END) send_shutdown(tcp);
        else if (!push(tcp)) return;
    }
}

void tht_tcp_send_flush(thetis_tcp *tcp)
{
    sends_flush(tcp, sends_push);
}

void tht_tcp_send_flush_ahead(thetis_tcp *tcp)
{
    sends_flush(tcp, sends_push_ahead);
}

/* ---- interface ------------------------------------------------------------------------------- */

/* Why nothing is sent at this moment; OK if there is nothing to send. */
static thetis_status send_refusal(const thetis_tcp *tcp, size_t len)
{
    const thetis_handle *h = &tcp->handle_;
    if (h->state_ >= THT_CLOSING) return THETIS_EBUSY;
    if (h->flags_ & THT_TCP_SHUT) return THETIS_CLOSED;
    if (tcp->tx_end_) return (thetis_status)tcp->tx_end_;
    return len ? THETIS_AGAIN : THETIS_OK;
}

/* Not all was taken: tells a lack that passes from a fault that ends the direction. */
static thetis_status send_try_failed(thetis_tcp *tcp, tht_ret r)
{
    if (r.status == THETIS_OK || r.status == THETIS_AGAIN || r.status == THETIS_EINTR ||
        r.status == THETIS_ENOBUFS || r.status == THETIS_ENOMEM) {
        return THETIS_AGAIN;
    }
    r = send_fault(tcp, r);
    tcp->tx_end_ = (int8_t)r.status;
    tcp->tx_os_ = r.os;
    return r.status;
}

thetis_status thetis_tcp_send_try(thetis_tcp *tcp, const void *data, size_t len, size_t *sent)
{
    const thetis_handle *h = &tcp->handle_;
    const tht_sys *sys = h->loop_->sys;
    tht_ret r;
    THT_ASSERT_OWNER(h->loop_);
    *sent = 0;
    if (h->state_ || tcp->pending_ || tcp->tx_end_ || h->flags_ & THT_TCP_SHUT || len == 0) {
        return send_refusal(tcp, len);
    }
    r = sys->send_one(sys, h->fd_, data, len);
    *sent = (size_t)r.n;
    return THETIS_LIKELY((size_t)r.n == len) ? THETIS_OK : send_try_failed(tcp, r);
}

static thetis_status send_queue(thetis_tcp *tcp, thetis_send *send, thetis_sent_fn *done)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    THETIS_ASSERT1(done != NULL);
    if (h->state_ >= THT_CLOSING) return THETIS_EBUSY;
    if (h->flags_ & THT_TCP_SHUT) return THETIS_CLOSED;
    send->done_ = done;
    send->sent = 0;
    send->os = 0;
    send->offset_ = 0;
    if (tcp->tx_end_) {
        send_done(tcp, send, (tht_ret){.status = tcp->tx_end_, .os = tcp->tx_os_});
        return THETIS_OK;
    }
    sends_append(&tcp->pending_, send);
    sends_count(tcp, tcp->queued_ + send->left_);
    tht_handle_dirty(h);
    return THETIS_OK;
}

thetis_status thetis_tcp_send_v(thetis_tcp *tcp, thetis_send *send, const thetis_iov *iov,
                                uint32_t iovs, thetis_sent_fn *done)
{
    send->iov_ = iov;
    send->iovs_ = iovs;
    send->kind_ = THT_SEND_DATA;
    send->left_ = 0;
    for (uint32_t i = 0; i < iovs; i++) send->left_ += iov[i].len;
    return send_queue(tcp, send, done);
}

thetis_status thetis_tcp_send(thetis_tcp *tcp, thetis_send *send, const void *data, size_t len,
                              thetis_sent_fn *done)
{
    send->one_.data = data;
    send->one_.len = len;
    return thetis_tcp_send_v(tcp, send, &send->one_, 1, done);
}

thetis_status thetis_unix_send_fds(thetis_unix *un, thetis_unix_send *op, const void *data,
                                   size_t len, const int *fds, uint32_t count,
                                   thetis_sent_fn *done)
{
    thetis_send *send = &op->send;
    if (len == 0 || count == 0 || count > THETIS_UNIX_FDS_MAX) return THETIS_EINVAL;
    op->fds_ = fds;
    op->count_ = count;
    send->one_.data = data;
    send->one_.len = send->left_ = len;
    send->iov_ = &send->one_;
    send->iovs_ = 1;
    send->kind_ = THT_SEND_FDS;
    return send_queue(&un->stream_, send, done);
}

thetis_status thetis_tcp_shutdown(thetis_tcp *tcp, thetis_send *send, thetis_sent_fn *done)
{
    thetis_status s;
    send->iovs_ = 0;
    send->left_ = 0;
    send->kind_ = THT_SEND_END;
    s = send_queue(tcp, send, done);
    if (s == THETIS_OK) tcp->handle_.flags_ |= THT_TCP_SHUT;
    return s;
}

thetis_status thetis_tcp_send_cancel(thetis_tcp *tcp, thetis_send *send)
{
    thetis_send *before;
    THT_ASSERT_OWNER(tcp->handle_.loop_);
    before = sends_before(tcp->pending_, send);
    if (before == NULL || send->kind_ == THT_SEND_UNWANTED) return THETIS_ABSENT;
    if (send->kind_ == THT_SEND_DATA && tcp->handle_.loop_->ahead &&
        tht_ahead_send_stop(&tcp->handle_)) {
        send->kind_ = THT_SEND_UNWANTED; /* it ends when the system has let go of its memory */
    } else {
        send_take_back(tcp, before, send);
    }
    return THETIS_OK;
}

thetis_status thetis_tcp_set_marks(thetis_tcp *tcp, uint32_t high, uint32_t low,
                                   thetis_mark_fn *on_mark)
{
    THT_ASSERT_OWNER(tcp->handle_.loop_);
    THETIS_ASSERT1(on_mark != NULL);
    if (high == 0 || low >= high) return THETIS_EINVAL;
    tcp->high_ = high;
    tcp->low_ = low;
    tcp->mark_ = on_mark;
    return THETIS_OK;
}
