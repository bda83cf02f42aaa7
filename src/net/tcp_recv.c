/* SPDX-License-Identifier: MIT
 *
 * tcp_recv.c: the receive slot of a stream.
 *
 * Readiness is a hint; what recv() returns is the truth: bytes, 0 for EOF, or an error that is
 * latched. Each service makes one call. A full read asks for another try in the same turn, as the
 * budget allows; a short one means the system had no more, and its level-triggered report comes
 * again if that changes.
 */
#include "../loop/ahead.h"
#include "tcp.h"

/* How bytes are asked for. */
enum { RECV_BYTES, RECV_FDS, RECV_AHEAD };

enum { TCP_RECV_MAX = THT_TURN_BUDGET * THT_BUDGET_UNIT };
#define RECV_NO_BUFFER UINT32_MAX

/* Delivers the last result of a receive; the slot is free before the callback runs. */
static void recv_finish(thetis_tcp *tcp, const thetis_recv *recv)
{
    tcp->handle_.rx_ = THT_RX_IDLE;
    tcp->handle_.flags_ &= (uint8_t)~THT_F_PAUSED;
    tht_handle_dirty(&tcp->handle_);
    tcp->recv_(tcp, recv);
}

/* A call that brought no data: the end, or nothing now. */
static void recv_nothing(thetis_tcp *tcp, tht_ret r)
{
    thetis_recv recv = {.status = THETIS_EOF, .buffer_ = RECV_NO_BUFFER};
    if (r.status == THETIS_AGAIN) return;
    if (r.status == THETIS_EINTR) {
        tht_handle_spend(&tcp->handle_, 0);
        tht_handle_ready(&tcp->handle_, THT_IN);
        return;
    }
    if (r.status == THETIS_OK && tcp->rx_cause_) {
        r = (tht_ret){.status = tcp->rx_cause_, .os = tcp->rx_os_};
    }
    if (r.status != THETIS_OK) {
        recv.status = r.status;
        recv.os = r.os;
    }
    tcp->rx_end_ = (int8_t)recv.status;
    tcp->rx_os_ = recv.os;
    recv_finish(tcp, &recv);
}

/* After a full read: another try, if it is still wanted. */
static void recv_more(thetis_tcp *tcp, size_t got)
{
    tht_handle_spend(&tcp->handle_, got);
    if (tht_tcp_wants_recv(tcp)) tht_handle_ready(&tcp->handle_, THT_IN);
}

/* All streams receive by the same text; `how` is a constant, and TCP pays nothing for the
 * descriptors that a unix stream may get, or for what a system of operations has got ahead. */
#define RECV_ALWAYS __attribute__((always_inline))

static inline RECV_ALWAYS tht_ret recv_call(thetis_tcp *tcp, void *into, size_t len, int how)
{
    const tht_sys *sys = tcp->handle_.loop_->sys;
    thetis_unix *un = (thetis_unix *)(void *)tcp; /* if it is one: the stream is its first member */
    if (how == RECV_BYTES) return sys->recv(sys, tcp->handle_.fd_, into, len);
    un->next_ = 0;
    return sys->recv_fds(sys, tcp->handle_.fd_, into, len, un->fds_, &un->count_);
}

/* True if another call in this turn may bring more. */
static inline RECV_ALWAYS int recv_has_more(const thetis_tcp *tcp, int full, int how)
{
    return how == RECV_AHEAD ? tht_ahead_more(&tcp->handle_) : full;
}

static inline RECV_ALWAYS void recv_into_user(thetis_tcp *tcp, int how)
{
    size_t len = tcp->into_len_;
    thetis_recv recv = {.status = THETIS_OK, .data = tcp->into_, .buffer_ = RECV_NO_BUFFER};
    tht_ret r;
    if (how == RECV_AHEAD) r = tht_ahead_recv_into(&tcp->handle_, tcp->into_, len);
    else r = recv_call(tcp, tcp->into_, len, how);
    if (r.n == 0) {
        recv_nothing(tcp, r);
        return;
    }
    recv.len = (size_t)r.n;
    recv_finish(tcp, &recv);
    if (recv_has_more(tcp, recv.len == len, how)) recv_more(tcp, recv.len);
}

/* The hot path: a stream that receives into the buffer in the loop's hand. */
static inline RECV_ALWAYS void recv_into_pool(thetis_tcp *tcp, int how)
{
    thetis_loop *loop = tcp->handle_.loop_;
    thetis_recv recv;
    tht_ret r;
    if (THETIS_UNLIKELY(loop->hand_memory == NULL) && !tht_buffer_pick(loop)) {
        tht_handle_park(&tcp->handle_, THT_F_STARVED);
        return;
    }
    recv.status = THETIS_OK;
    recv.os = 0;
    recv.data = loop->hand_memory;
    recv.buffer_ = loop->hand;
    if (how == RECV_AHEAD) {
        r = tht_ahead_recv(&tcp->handle_);
        recv.data = loop->hand_memory; /* it may be another one now */
        recv.buffer_ = loop->hand;
    } else {
        r = recv_call(tcp, recv.data, loop->buffer_size, how);
    }
    recv.len = (size_t)r.n;
    if (THETIS_UNLIKELY(r.n == 0)) {
        recv_nothing(tcp, r);
        return;
    }
    tcp->recv_(tcp, &recv);
    if (THETIS_UNLIKELY(recv_has_more(tcp, recv.len == tcp->handle_.loop_->buffer_size, how))) {
        recv_more(tcp, recv.len);
    }
}

void tht_tcp_recv_serve(thetis_tcp *tcp)
{
    if (!tht_tcp_wants_recv(tcp)) return;
    if (THETIS_UNLIKELY(tcp->into_ != NULL)) recv_into_user(tcp, RECV_BYTES);
    else recv_into_pool(tcp, RECV_BYTES);
}

void tht_tcp_recv_serve_ahead(thetis_tcp *tcp)
{
    if (!tht_tcp_wants_recv(tcp)) return;
    if (THETIS_UNLIKELY(tcp->into_ != NULL)) recv_into_user(tcp, RECV_AHEAD);
    else recv_into_pool(tcp, RECV_AHEAD);
}

void tht_tcp_recv_serve_fds(thetis_tcp *tcp)
{
    if (!tht_tcp_wants_recv(tcp)) return;
    if (tcp->into_) recv_into_user(tcp, RECV_FDS);
    else recv_into_pool(tcp, RECV_FDS);
}

void tht_tcp_recv_end(thetis_tcp *tcp, tht_ret why)
{
    if (tcp->rx_end_ == 0) {
        tcp->rx_end_ = (int8_t)why.status;
        tcp->rx_os_ = why.os;
    }
    if (tcp->handle_.rx_ != THT_RX_ARMED || tcp->handle_.flags_ & THT_F_PAUSED) return;
    tcp->handle_.rx_ = THT_RX_DUE_END;
    tht_handle_due(&tcp->handle_);
}

void tht_tcp_recv_due(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    thetis_recv recv = {.status = THETIS_OK, .data = tcp->into_, .buffer_ = RECV_NO_BUFFER};
    if (h->rx_ < THT_RX_DUE) return;
    if (h->rx_ == THT_RX_DUE_CANCELED) recv.status = THETIS_ECANCELED;
    if (h->rx_ == THT_RX_DUE_END) {
        recv.status = (thetis_status)tcp->rx_end_;
        recv.os = tcp->rx_os_;
    }
    recv_finish(tcp, &recv);
}

/* Arms the slot; what has ended already completes in the dispatch phase. */
static thetis_status recv_arm(thetis_tcp *tcp, void *into, size_t len, thetis_recv_fn *fn,
                              int at_once)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    THETIS_ASSERT1(fn != NULL);
    if (h->state_ >= THT_CLOSING || h->rx_ != THT_RX_IDLE) return THETIS_EBUSY;
    tcp->into_ = into;
    tcp->into_len_ = (uint32_t)(len < TCP_RECV_MAX ? len : TCP_RECV_MAX);
    tcp->recv_ = fn;
    h->flags_ &= (uint8_t)~THT_F_STARVED; /* of an earlier receive */
    h->rx_ = THT_RX_ARMED;
    if (tcp->rx_end_) h->rx_ = THT_RX_DUE_END;
    else if (at_once) h->rx_ = THT_RX_DUE;
    if (h->rx_ == THT_RX_ARMED) tht_handle_dirty(h);
    else tht_handle_due(h);
    return THETIS_OK;
}

thetis_status thetis_tcp_recv(thetis_tcp *tcp, void *into, size_t len, thetis_recv_fn *on_recv)
{
    THETIS_ASSERT1(into != NULL || len == 0);
    return recv_arm(tcp, into, len, on_recv, len == 0);
}

thetis_status thetis_tcp_recv_start(thetis_tcp *tcp, thetis_recv_fn *on_recv)
{
    return recv_arm(tcp, NULL, 0, on_recv, 0);
}

thetis_status thetis_tcp_recv_cancel(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->rx_ != THT_RX_ARMED) return THETIS_ABSENT;
    h->rx_ = THT_RX_DUE_CANCELED;
    tht_handle_dirty(h);
    tht_handle_due(h);
    return THETIS_OK;
}

thetis_status thetis_tcp_pause(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->rx_ != THT_RX_ARMED) return THETIS_ABSENT;
    h->flags_ |= THT_F_PAUSED;
    tht_handle_dirty(h);
    return THETIS_OK;
}

thetis_status thetis_tcp_resume(thetis_tcp *tcp)
{
    thetis_handle *h = &tcp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (!(h->flags_ & THT_F_PAUSED)) return THETIS_ABSENT;
    h->flags_ &= (uint8_t)~THT_F_PAUSED;
    tht_handle_dirty(h);
    if (tcp->rx_end_ && h->rx_ == THT_RX_ARMED) { /* ended while paused */
        h->rx_ = THT_RX_DUE_END;
        tht_handle_due(h);
    }
    return THETIS_OK;
}

uint32_t thetis_tcp_keep(thetis_tcp *tcp, const thetis_recv *recv)
{
    thetis_loop *loop = tcp->handle_.loop_;
    THETIS_ASSERT1(loop->hand_memory && loop->hand == recv->buffer_);
    loop->hand_memory = NULL;
    tht_buffer_keep(&tcp->handle_, recv->buffer_, THETIS_TCP_KEEP_MAX);
    return recv->buffer_;
}
