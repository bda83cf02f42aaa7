/* SPDX-License-Identifier: MIT
 *
 * inbox.c: the inbox of thetis/inbox.h: a handle without a descriptor.
 *
 * The loop keeps its inboxes in a list and looks at all of them after a notification: senders
 * share its wake word, which does not say who changed it.
 */
#include <thetis/inbox.h>

#include "loop.h"

/* inbox->users_ */
#define CLOSING ((uintptr_t)1)
#define JOINED ((uintptr_t)2)
#define LEAVING ((uintptr_t)1 << (THETIS_CAP_WORD_BITS / 2))

static thetis_inbox *inbox_of(thetis_handle *h)
{
    return (thetis_inbox *)(void *)h; /* the handle is its first member */
}

/* ---- life ------------------------------------------------------------------------------------ */

static size_t ring_size(const thetis_inbox_cfg *cfg, thetis_mpsc_cfg *ring)
{
    size_t size;
    *ring = (thetis_mpsc_cfg){.elem_size = cfg->message_size,
                              .capacity = cfg->capacity,
                              .producers = cfg->senders,
                              .batch = cfg->batch};
    if (cfg->senders > THETIS_INBOX_SENDERS_MAX) return 0;
    size = thetis_mpsc_size(ring);
    return (size + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) * sizeof(uintptr_t);
}

size_t thetis_inbox_size(const thetis_inbox_cfg *cfg)
{
    thetis_mpsc_cfg ring;
    size_t size = ring_size(cfg, &ring);
    return size ? size + cfg->message_size : 0;
}

static void inbox_drain(thetis_inbox *inbox);

/* After a pause: somebody was leaving. */
static void inbox_serve(thetis_handle *h, unsigned ready)
{
    (void)ready;
    if (h->state_ != THT_CLOSED) inbox_drain(inbox_of(h));
}

static void inbox_due(thetis_handle *h)
{
    thetis_inbox **at = &h->loop_->inboxes;
    if (h->state_ != THT_CLOSED) return;
    while (*at != inbox_of(h)) at = &(*at)->next_;
    *at = (*at)->next_;
    tht_handle_end(h);
}

static void inbox_flush(thetis_handle *h)
{
    (void)h; /* it is dirty when it parks, as all are */
}

static thetis_status inbox_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    return thetis_inbox_close(inbox_of(h), closed);
}

static const tht_kind inbox_kind = {
    .serve = inbox_serve,
    .due = inbox_due,
    .flush = inbox_flush,
    .cut = inbox_cut,
    .owns_fd = 0,
};

thetis_status thetis_inbox_open(thetis_loop *loop, thetis_inbox *inbox, void *mem, size_t len,
                                const thetis_inbox_cfg *cfg)
{
    thetis_mpsc_cfg ring;
    size_t size = ring_size(cfg, &ring);
    thetis_status s;
    THETIS_ASSERT1(cfg->on_message != NULL);
    if (size == 0 || len < size + cfg->message_size) return THETIS_EINVAL;
    s = thetis_mpsc_init(mem, size, &ring, &inbox->ring_);
    if (s == THETIS_OK) s = tht_handle_open(loop, &inbox->handle_, &inbox_kind, -1);
    if (s != THETIS_OK) return s;
    inbox->message_ = (unsigned char *)mem + size;
    inbox->on_message_ = cfg->on_message;
    thetis_atomic_store_relaxed(&inbox->users_, 0);
    inbox->next_ = loop->inboxes;
    loop->inboxes = inbox;
    return THETIS_OK;
}

thetis_status thetis_inbox_close(thetis_inbox *inbox, thetis_closed_fn *closed)
{
    thetis_handle *h = &inbox->handle_;
    THT_ASSERT_OWNER(h->loop_);
    if (h->state_ != THT_OPEN) return THETIS_EBUSY;
    h->state_ = THT_CLOSING;
    h->closed_ = closed;
    (void)thetis_mpsc_close(inbox->ring_);
    (void)thetis_atomic_fetch_or_relaxed(&inbox->users_, CLOSING);
    h->loop_->woken = 1; /* phase 3 of the next turn goes on */
    return THETIS_OK;
}

/* ---- delivery -------------------------------------------------------------------------------- */

/* Delivers up to a turn's share; 1: there may be more. */
static int inbox_deliver(thetis_inbox *inbox)
{
    for (unsigned k = 0; k < THT_TURN_MESSAGES; k++) {
        if (thetis_mpsc_pop(inbox->ring_, inbox->message_) != THETIS_OK) return 0;
        inbox->handle_.loop_->stat.mail++;
        inbox->on_message_(inbox, inbox->message_);
    }
    return 1;
}

/* Who is there now: by a change, since a load could answer for long what was true before. (An
 * addition of 0 would not do: compilers make a load of it.) */
static uintptr_t inbox_users(thetis_inbox *inbox)
{
    return thetis_atomic_fetch_or_acquire(&inbox->users_, CLOSING); /* pair: inbox.users */
}

/* The users as they were before the look at the ring: if there were none, it missed nothing. */
static void inbox_drain(thetis_inbox *inbox)
{
    thetis_handle *h = &inbox->handle_;
    uintptr_t users = h->state_ == THT_CLOSING ? inbox_users(inbox) : 0;
    if (inbox_deliver(inbox)) {
        h->loop_->woken = 1;
    } else if (THETIS_LIKELY(users == 0)) {
        return;
    } else if (users == CLOSING) {
        h->state_ = THT_CLOSED;
        tht_handle_due(h);
    } else if (users >= LEAVING) {
        tht_handle_park(h, THT_F_BACKOFF);
    }
}

void tht_inbox_drain_all(thetis_loop *loop)
{
    for (thetis_inbox *inbox = loop->inboxes; inbox; inbox = inbox->next_) {
        if (inbox->handle_.state_ != THT_CLOSED) inbox_drain(inbox);
    }
}

/* ---- senders --------------------------------------------------------------------------------- */

/* The caller is joined until the last line, so the inbox and its loop are there. */
static void inbox_leave(thetis_inbox *inbox)
{
    uintptr_t users = thetis_atomic_fetch_add_relaxed(&inbox->users_, LEAVING);
    if (users & CLOSING) tht_loop_notify(inbox->handle_.loop_);
    (void)thetis_atomic_fetch_sub_release(&inbox->users_,
                                          LEAVING + JOINED); /* pair: inbox.users */
}

thetis_status thetis_inbox_join(thetis_inbox *inbox, thetis_inbox_sender *sender)
{
    uintptr_t users = thetis_atomic_fetch_add_relaxed(&inbox->users_, JOINED);
    thetis_status s = THETIS_CLOSED;
    if (!(users & CLOSING)) s = thetis_mpsc_join(inbox->ring_, &sender->producer_);
    if (s != THETIS_OK) inbox_leave(inbox);
    sender->inbox_ = inbox;
    return s;
}

void thetis_inbox_leave(thetis_inbox_sender *sender)
{
    thetis_mpsc_leave(&sender->producer_);
    inbox_leave(sender->inbox_);
}

/* The loop is told whatever the answer is: see "Sleeping" in thetis/mpsc.h. */
thetis_status thetis_inbox_send(thetis_inbox_sender *sender, const void *message)
{
    thetis_status s = thetis_mpsc_push(&sender->producer_, message);
    tht_loop_notify(sender->inbox_->handle_.loop_);
    return s;
}

size_t thetis_inbox_send_n(thetis_inbox_sender *sender, const void *messages, size_t n,
                           thetis_status *why)
{
    size_t done = thetis_mpsc_push_n(&sender->producer_, messages, n, why);
    tht_loop_notify(sender->inbox_->handle_.loop_);
    return done;
}

uint64_t thetis_inbox_bound(const thetis_inbox *inbox, thetis_inbox_op op, size_t n)
{
    const thetis_mpsc *ring = inbox->ring_;
    switch (op) {
    case THETIS_INBOX_JOIN:
        return 4 + thetis_mpsc_bound(ring, THETIS_MPSC_JOIN, 1);
    case THETIS_INBOX_LEAVE:
        return 3 + thetis_mpsc_bound(ring, THETIS_MPSC_LEAVE, 1);
    default:
        return 1 + thetis_mpsc_bound(ring, THETIS_MPSC_PUSH, n);
    }
}
