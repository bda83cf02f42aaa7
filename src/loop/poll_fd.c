/* SPDX-License-Identifier: MIT
 *
 * poll_fd.c: readiness of descriptors that are not the library's.
 *
 * Interest is set at once in start(), which reports the system's refusal: such a handle is never
 * dirty.
 */
#include "loop.h"

static thetis_poll_fd *poll_fd_of(thetis_handle *h)
{
    return (thetis_poll_fd *)(void *)h; /* the handle is its first member */
}

static void poll_fd_serve(thetis_handle *h, unsigned ready)
{
    thetis_poll_fd *poll = poll_fd_of(h);
    unsigned now = ready & poll->want_;
    if (now && tht_handle_new_turn(h)) poll->on_ready_(poll, now);
}

static void poll_fd_due(thetis_handle *h)
{
    if (h->state_ == THT_CLOSED) tht_handle_end(h);
}

static thetis_status poll_fd_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    return thetis_poll_fd_close(poll_fd_of(h), closed);
}

static const tht_kind poll_fd_kind = {
    .serve = poll_fd_serve,
    .due = poll_fd_due,
    .cut = poll_fd_cut,
    .owns_fd = 0,
};

thetis_status thetis_poll_fd_open(thetis_loop *loop, thetis_poll_fd *poll, int fd,
                                  thetis_poll_fn *on_ready)
{
    THETIS_ASSERT1(on_ready != NULL);
    if (fd < 0) return THETIS_EINVAL;
    poll->on_ready_ = on_ready;
    poll->want_ = 0;
    return tht_handle_open(loop, &poll->handle_, &poll_fd_kind, fd);
}

thetis_status thetis_poll_fd_start(thetis_poll_fd *poll, unsigned interest)
{
    thetis_handle *h = &poll->handle_;
    tht_ret r = {0};
    THT_ASSERT_OWNER(h->loop_);
    if (interest & ~(THETIS_POLL_IN | THETIS_POLL_OUT)) return THETIS_EINVAL;
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    if (interest != h->mask_) r = h->loop_->poller->set(h->loop_, h, interest);
    if (r.status != THETIS_OK) return r.status;
    h->mask_ = poll->want_ = (uint8_t)interest;
    return THETIS_OK;
}

thetis_status thetis_poll_fd_close(thetis_poll_fd *poll, thetis_closed_fn *closed)
{
    thetis_handle *h = &poll->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ == THT_CLOSED) return THETIS_EBUSY;
    h->state_ = THT_CLOSED;
    h->closed_ = closed;
    poll->want_ = 0;
    tht_handle_shut(h);
    tht_handle_due(h);
    return THETIS_OK;
}
