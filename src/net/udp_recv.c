/* SPDX-License-Identifier: MIT
 *
 * udp_recv.c: receiving datagrams.
 *
 * Every message goes into a buffer of its own, so that none can be cut by another one's length and
 * each can be kept alone; a call asks for several. How many adapts to what came: twice as many
 * after each full answer, at least two. So one datagram is one call: the short answer says that
 * there is no other, and no further call asks. Buffers that nothing came for go back untouched.
 */
#include "udp.h"

enum {
    TRAIN_ASK_MIN = 2,
    TRAIN_FAULTS = 16,                          /* in a row, then wait */
    TRAIN_COST = THT_BUDGET_UNIT / 4,           /* of a datagram: 64 of them use up a turn */
    TRAIN_MUCH = THT_TURN_BUDGET * THT_BUDGET_UNIT /* bytes that use up a turn */
};

#define TRAIN_NO_BUFFER UINT32_MAX

/* The last callback, or one about a fault. */
static void train_tell(thetis_udp *udp, thetis_status status, int32_t os)
{
    thetis_train train = {.status = status, .os = os, .buffer_ = TRAIN_NO_BUFFER};
    udp->recv_(udp, &train);
}

/* Nothing came. */
static void train_failed(thetis_udp *udp, tht_ret r)
{
    thetis_handle *h = &udp->handle_;
    if (r.status == THETIS_AGAIN) return;
    tht_handle_spend(h, 0);
    if (r.status == THETIS_ENOBUFS || r.status == THETIS_ENOMEM) {
        tht_udp_back_off(h, THT_UDP_DEAF);
        return;
    }
    tht_handle_ready(h, THT_IN);
    if (r.status == THETIS_EINTR) return;
    if (++udp->faults_ >= TRAIN_FAULTS) {
        udp->faults_ = 0;
        tht_udp_back_off(h, THT_UDP_DEAF);
    }
    train_tell(udp, r.status, r.os);
}

static void train_deliver(thetis_udp *udp, const tht_in *in, uint32_t number)
{
    thetis_train train = {
        .data = in->into,
        .len = in->len,
        .segment = in->segment,
        .from = in->from,
        .stamp = in->stamp,
        .drops = in->drops,
        .cut = (uint16_t)in->cut,
        .buffer_ = number,
    };
    udp->recv_(udp, &train);
}

/* The messages of one call. A close inside a callback ends it: the rest is lost, like what waits in
 * the system. Each buffer goes back after its callback: a later one may release it otherwise. */
static size_t trains_deliver(thetis_udp *udp, const tht_in *in, const uint32_t *numbers,
                               uint32_t n)
{
    thetis_loop *loop = udp->handle_.loop_;
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        bytes += in[i].len;
        if (udp->handle_.state_ != THT_CLOSED) train_deliver(udp, &in[i], numbers[i]);
        tht_buffer_give(loop, numbers[i]);
    }
    return bytes;
}

/* After `got` of `asked`: how many to ask for next, and whether in this turn. */
static void train_more(thetis_udp *udp, uint32_t asked, uint32_t got, size_t bytes)
{
    size_t cost = (size_t)got * TRAIN_COST;
    uint32_t next = got * 2;
    if (next < TRAIN_ASK_MIN || bytes >= TRAIN_MUCH) next = TRAIN_ASK_MIN;
    udp->ask_ = (uint8_t)(next < THT_MSGS ? next : THT_MSGS);
    if (got < asked) return;
    tht_handle_spend(&udp->handle_, bytes > cost ? bytes : cost);
    if (tht_udp_wants_recv(udp)) tht_handle_ready(&udp->handle_, THT_IN);
}

void tht_udp_recv_serve(thetis_udp *udp)
{
    thetis_handle *h = &udp->handle_;
    thetis_loop *loop = h->loop_;
    uint32_t numbers[THT_MSGS];
    tht_in in[THT_MSGS];
    thetis_addr from[THT_MSGS];
    uint32_t room = THETIS_UDP_KEEP_MAX - h->kept_;
    uint32_t n = tht_buffer_take(loop, numbers, udp->ask_ < room ? udp->ask_ : room);
    tht_ret r;
    if (n == 0) {
        tht_handle_park(h, THT_F_STARVED);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        in[i].into = tht_buffer_at(loop, numbers[i]);
        in[i].room = loop->buffer_size;
        in[i].from = &from[i];
    }
    r = loop->sys->recv_msgs(loop->sys, h->fd_, in, n);
    for (uint32_t i = n; i > (uint32_t)r.n; i--) tht_buffer_give(loop, numbers[i - 1]);
    if (r.status == THETIS_OK) {
        udp->faults_ = 0;
        train_more(udp, n, (uint32_t)r.n, trains_deliver(udp, in, numbers, (uint32_t)r.n));
    } else {
        train_failed(udp, r);
    }
}

void tht_udp_recv_news(thetis_udp *udp, tht_ret why)
{
    udp->news_ = (int8_t)why.status;
    udp->news_os_ = why.os;
    if (udp->handle_.rx_ == THT_UDP_RX_ARMED) tht_handle_due(&udp->handle_);
}

void tht_udp_recv_due(thetis_udp *udp)
{
    thetis_handle *h = &udp->handle_;
    thetis_status news = (thetis_status)udp->news_;
    if (h->rx_ == THT_UDP_RX_CANCELED) {
        h->rx_ = THT_UDP_RX_IDLE;
        train_tell(udp, THETIS_ECANCELED, 0);
    } else if (h->rx_ == THT_UDP_RX_ARMED && news) {
        udp->news_ = 0;
        train_tell(udp, news, udp->news_os_);
    }
}

/* ---- interface ------------------------------------------------------------------------------- */

thetis_status thetis_udp_recv_start(thetis_udp *udp, thetis_train_fn *on_train)
{
    thetis_handle *h = &udp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    THETIS_ASSERT1(on_train != NULL);
    if (h->state_ == THT_CLOSED || h->rx_ != THT_UDP_RX_IDLE) return THETIS_EBUSY;
    udp->recv_ = on_train;
    udp->ask_ = TRAIN_ASK_MIN;
    h->flags_ &= (uint8_t)~THT_F_STARVED; /* of an earlier receive */
    h->rx_ = THT_UDP_RX_ARMED;
    tht_handle_dirty(h);
    if (udp->news_) tht_handle_due(h);
    return THETIS_OK;
}

thetis_status thetis_udp_recv_cancel(thetis_udp *udp)
{
    thetis_handle *h = &udp->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->rx_ != THT_UDP_RX_ARMED) return THETIS_ABSENT;
    h->rx_ = THT_UDP_RX_CANCELED;
    tht_handle_dirty(h);
    tht_handle_due(h);
    return THETIS_OK;
}

uint32_t thetis_udp_keep(thetis_udp *udp, const thetis_train *train)
{
    THETIS_ASSERT1(train->buffer_ != TRAIN_NO_BUFFER);
    tht_buffer_keep(&udp->handle_, train->buffer_, THETIS_UDP_KEEP_MAX);
    return train->buffer_;
}
