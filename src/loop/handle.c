/* SPDX-License-Identifier: MIT
 *
 * handle.c: slots, the lists they stand on, and the life of a handle.
 */
#include "loop.h"

void tht_list_push(thetis_loop *loop, tht_list_id id, uint32_t slot)
{
    unsigned link = tht_link(id);
    tht_list *list = &loop->lists[id];
    tht_slot *s = &loop->slots[slot];
    if (s->on & 1u << link) return;
    s->on |= (1u << link) & 0xFF;
    s->next[link] = THT_NONE;
    if (list->head == THT_NONE) list->head = slot;
    else loop->slots[list->tail].next[link] = slot;
    list->tail = slot;
}

thetis_handle *tht_list_take(thetis_loop *loop, tht_list *list, tht_list_id id)
{
    unsigned link = tht_link(id);
    while (list->head != THT_NONE) {
        tht_slot *s = &loop->slots[list->head];
        list->head = s->next[link];
        s->on &= ~(1u << link) & 0xFF;
        if (s->handle) return s->handle;
    }
    return NULL;
}

tht_list tht_list_detach(thetis_loop *loop, tht_list_id id)
{
    tht_list list = loop->lists[id];
    loop->lists[id].head = THT_NONE;
    return list;
}

thetis_status tht_handle_open(thetis_loop *loop, thetis_handle *h, const tht_kind *kind, int fd)
{
    uint32_t slot = loop->slot_free;
    THT_ASSERT_OWNER(loop);
    if (slot == THT_NONE) return THETIS_ENOSLOT;
    loop->slot_free = loop->slots[slot].turn;
    loop->slots[slot].turn = (loop->stat.turns - 1) & THT_SLOT_MASK; /* not served in this one */
    loop->slots[slot].handle = h;
    loop->open++;
    *h = (thetis_handle){.loop_ = loop, .kind_ = kind, .slot_ = slot, .fd_ = fd};
    return THETIS_OK;
}

void tht_handle_due(thetis_handle *h)
{
    tht_list_push(h->loop_, THT_DUE, h->slot_);
}

void tht_handle_dirty(thetis_handle *h)
{
    tht_list_push(h->loop_, THT_DIRTY, h->slot_);
}

void tht_handle_ready(thetis_handle *h, unsigned ready)
{
    h->ready_ |= (uint8_t)ready;
    tht_list_push(h->loop_, h->budget_ ? THT_READY : THT_LATER, h->slot_);
}

void tht_handle_park(thetis_handle *h, unsigned flag)
{
    thetis_loop *loop = h->loop_;
    h->flags_ |= (uint8_t)flag;
    tht_list_push(loop, THT_PARKED, h->slot_);
    tht_handle_dirty(h);
    if (flag != THT_F_BACKOFF || loop->retry_at != THT_NEVER) return;
    /* A second lack in the turn of a retry: the retry was in vain, wait longer. */
    loop->retry_ns = loop->retry_turn == loop->stat.turns && loop->retry_ns
                         ? loop->retry_ns * 2
                         : THT_RETRY_MIN_NS;
    if (loop->retry_ns > THT_RETRY_MAX_NS) loop->retry_ns = THT_RETRY_MAX_NS;
    loop->retry_at = tht_turn_clock(loop) + loop->retry_ns;
}

/* Whether the descriptor leaves the poller by being closed. */
static int handle_is_forgotten(const thetis_handle *h)
{
    const thetis_loop *loop = h->loop_;
    return loop->poller->forgets && !loop->copied && h->kind_->owns_fd;
}

void tht_handle_shut(thetis_handle *h)
{
    thetis_loop *loop = h->loop_;
    if (h->fd_ < 0) return;
    if (h->mask_ && !handle_is_forgotten(h)) (void)loop->poller->set(loop, h, 0);
    h->mask_ = 0;
    if (loop->ahead) tht_ahead_shut(h, h->kind_->owns_fd ? h->fd_ : -1);
    else if (h->kind_->owns_fd) (void)loop->sys->close(loop->sys, h->fd_);
    h->fd_ = -1;
}

void tht_handle_end(thetis_handle *h)
{
    thetis_loop *loop = h->loop_;
    tht_slot *s = tht_slot_of(h);
    THETIS_ASSERT1(h->fd_ < 0 && s->handle == h);
    if (loop->ahead && tht_ahead_leaves(h)) return; /* closed by a callback of its own; to be due */
    s->handle = NULL;
    s->gen++;
    s->turn = loop->slot_free & THT_SLOT_MASK;
    loop->slot_free = h->slot_;
    loop->open--;
    if (h->closed_) h->closed_(h);
}

thetis_status thetis_handle_close(thetis_handle *handle, thetis_closed_fn *closed)
{
    THT_ASSERT_OWNER(handle->loop_);
    return handle->kind_->cut(handle, closed);
}
