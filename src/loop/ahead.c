/* SPDX-License-Identifier: MIT
 *
 * ahead.c: the calls that handles make on a system of operations, see ahead.h.
 */
#include "ahead.h"

#include <string.h>

/* ---- lists ----------------------------------------------------------------------------------- */

void tht_ahead_append(tht_ahead *a, uint32_t slot, unsigned flag)
{
    tht_ahead_slot *s = &a->slots[slot];
    tht_list *list = flag == THT_AHEAD_RIPE ? &a->ripe : &a->sync;
    unsigned link = flag == THT_AHEAD_RIPE;
    s->flags |= (uint8_t)flag;
    s->next[link] = UINT32_MAX;
    if (list->head == UINT32_MAX) list->head = slot;
    else a->slots[list->tail].next[link] = slot;
    list->tail = slot;
}

/* ---- items ----------------------------------------------------------------------------------- */

static void ahead_append(tht_ahead *a, tht_ahead_slot *s, uint32_t item)
{
    a->items[item].next = 0;
    if (s->first) a->items[s->last - 1].next = item + 1;
    else s->first = item + 1;
    s->last = item + 1;
}

/* A buffer goes back to the system, an entry of an accepted descriptor to the free ones. */
static void ahead_pop(tht_ahead *a, thetis_loop *loop, tht_ahead_slot *s)
{
    uint32_t item = s->first - 1;
    s->first = a->items[item].next;
    if (item < a->buffers) {
        a->io->ops->lend(a->io, item, tht_buffer_at(loop, a->items[item].what));
        a->lent++;
    } else {
        a->items[item].next = a->item_free;
        a->item_free = item + 1;
    }
}

/* All that nobody will ask for. Bytes that are lost make the close a reset, as everywhere. */
static void ahead_drop(thetis_loop *loop, tht_ahead_slot *s, int fd)
{
    tht_ahead *a = loop->ahead;
    while (s->first) {
        uint32_t item = s->first - 1;
        if (item >= a->buffers) (void)loop->sys->close(loop->sys, (int)a->items[item].what);
        else if (fd >= 0) (void)loop->sys->setopt(loop->sys, fd, THT_OPT_ABORT_ON_CLOSE, 1);
        ahead_pop(a, loop, s);
    }
}

/* ---- who has a descriptor -------------------------------------------------------------------- */

/* Numbers of descriptors are dense: there is hardly ever more than one in a place. */
static uint32_t *ahead_place(tht_ahead *a, int fd)
{
    return &a->watched[(uint32_t)fd & (a->places - 1)];
}

thetis_status tht_ahead_watch(thetis_handle *h)
{
    thetis_loop *loop = h->loop_;
    tht_ahead *a = loop->ahead;
    uint32_t *place = ahead_place(a, h->fd_);
    for (uint32_t slot = *place; slot != THT_NONE; slot = a->others[slot]) {
        const thetis_handle *other = loop->slots[slot].handle;
        if (other != h && other->fd_ == h->fd_ && other->mask_) return THETIS_EBUSY;
    }
    if (a->others[h->slot_] != THT_AHEAD_UNWATCHED) return THETIS_OK;
    a->others[h->slot_] = *place;
    *place = h->slot_;
    return THETIS_OK;
}

static void ahead_unwatch(thetis_handle *h)
{
    tht_ahead *a = h->loop_->ahead;
    uint32_t *at = ahead_place(a, h->fd_);
    if (a->others[h->slot_] == THT_AHEAD_UNWATCHED) return;
    while (*at != h->slot_) at = &a->others[*at];
    *at = a->others[h->slot_];
    a->others[h->slot_] = THT_AHEAD_UNWATCHED;
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* Nothing waits: how the operation ended, or that it has not; 0: the call is to be made. */
static int ahead_nothing(thetis_handle *h, tht_ret *r)
{
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    if (s->flags & THT_AHEAD_ENDED) {
        s->flags &= (uint8_t)~THT_AHEAD_ENDED;
        tht_ahead_push(h->loop_->ahead, h->slot_, THT_AHEAD_LISTED);
        *r = s->end;
        return 1;
    }
    *r = (tht_ret){.status = THETIS_AGAIN};
    return s->in > THT_IO_POLL;
}

/* The oldest item is used up. */
static void ahead_taken(thetis_handle *h, tht_ahead_slot *s)
{
    tht_ahead *a = h->loop_->ahead;
    ahead_pop(a, h->loop_, s);
    if (s->first == 0 && s->in == THT_IO_NONE) tht_ahead_push(a, h->slot_, THT_AHEAD_LISTED);
}

tht_ret tht_ahead_accept(thetis_handle *h, thetis_addr *peer)
{
    const tht_sys *sys = h->loop_->sys;
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    tht_ret r;
    if (s->first) {
        int fd = (int)h->loop_->ahead->items[s->first - 1].what;
        ahead_taken(h, s);
        if (sys->name(sys, fd, THT_PEER, peer).status != THETIS_OK) *peer = (thetis_addr){0};
        return (tht_ret){.n = fd};
    }
    return ahead_nothing(h, &r) ? r : sys->accept(sys, h->fd_, peer);
}

/* The buffer in hand and the full one change places, unless its first bytes are gone. */
tht_ret tht_ahead_recv(thetis_handle *h)
{
    thetis_loop *loop = h->loop_;
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    tht_ahead_item *item;
    tht_ret r;
    if (s->first == 0) {
        if (ahead_nothing(h, &r)) return r;
        return loop->sys->recv(loop->sys, h->fd_, loop->hand_memory, loop->buffer_size);
    }
    item = &loop->ahead->items[s->first - 1];
    r = (tht_ret){.n = (ptrdiff_t)(item->end - item->at)};
    if (item->at == 0) {
        uint32_t full = item->what;
        item->what = loop->hand;
        loop->hand = full;
        loop->hand_memory = tht_buffer_at(loop, full);
    } else {
        memcpy(loop->hand_memory, tht_buffer_at(loop, item->what) + item->at, (size_t)r.n);
    }
    ahead_taken(h, s);
    return r;
}

tht_ret tht_ahead_recv_into(thetis_handle *h, void *into, size_t len)
{
    thetis_loop *loop = h->loop_;
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    tht_ahead_item *item;
    tht_ret r;
    size_t n;
    if (s->first == 0) {
        return ahead_nothing(h, &r) ? r : loop->sys->recv(loop->sys, h->fd_, into, len);
    }
    item = &loop->ahead->items[s->first - 1];
    n = item->end - item->at;
    if (n > len) n = len;
    memcpy(into, tht_buffer_at(loop, item->what) + item->at, n);
    item->at += (uint32_t)n;
    if (item->at == item->end) ahead_taken(h, s);
    return (tht_ret){.n = (ptrdiff_t)n};
}

int tht_ahead_sent(thetis_handle *h, tht_ret *r)
{
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    if (!(s->flags & THT_AHEAD_SENT)) return 0;
    s->flags &= (uint8_t)~THT_AHEAD_SENT;
    *r = s->sent;
    return 1;
}

tht_ret tht_ahead_send(thetis_handle *h, const thetis_iov *iov, uint32_t iovs)
{
    tht_io *io = h->loop_->ahead->io;
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    const tht_io_op op = {.token = (uint64_t)h->slot_ << 1 | 1, .iov = iov, .iovs = iovs,
                          .fd = h->fd_, .kind = THT_IO_SEND};
    tht_ret r = {.status = THETIS_AGAIN};
    if (!(io->offers & THT_IO_BIT(THT_IO_SEND))) {
        return h->loop_->sys->send(h->loop_->sys, h->fd_, iov, iovs);
    }
    if (s->out != THT_IO_NONE) return r; /* under way; or full, and will tell */
    r.status = io->ops->submit(io, &op);
    if (r.status != THETIS_OK) return (tht_ret){.status = THETIS_ENOBUFS};
    s->out = THT_IO_SEND;
    return (tht_ret){.status = THETIS_AGAIN};
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Asks for the end of what is in flight in a direction. */
static void ahead_stop(tht_ahead *a, uint32_t slot, unsigned out)
{
    tht_ahead_slot *s = &a->slots[slot];
    unsigned flag = out ? THT_AHEAD_STOP_OUT : THT_AHEAD_STOP_IN;
    const tht_io_op op = {.token = (uint64_t)slot << 1 | out, .kind = out ? s->out : s->in};
    if (s->flags & flag || op.kind == THT_IO_NONE) return;
    if (a->io->ops->cancel(a->io, &op) == THETIS_OK) s->flags |= (uint8_t)flag;
    else tht_ahead_push(a, slot, THT_AHEAD_LISTED); /* again at the next wait */
}

int tht_ahead_send_stop(thetis_handle *h)
{
    const tht_ahead_slot *s = tht_ahead_slot_of(h);
    if (s->out != THT_IO_SEND && !(s->flags & THT_AHEAD_SENT)) return 0;
    if (s->out == THT_IO_SEND) ahead_stop(h->loop_->ahead, h->slot_, 1);
    return 1;
}

static void leaving_serve(thetis_handle *h, unsigned ready)
{
    (void)h;
    (void)ready;
}

static void leaving_wait(thetis_handle *h)
{
    (void)h;
}

static thetis_status leaving_cut(thetis_handle *h, thetis_closed_fn *closed)
{
    (void)h;
    (void)closed;
    return THETIS_EBUSY;
}

/* Of a handle whose operations have not all ended: it tells nothing, its memory is the system's. */
static const tht_kind ahead_leaving_kind = {
    .serve = leaving_serve,
    .due = leaving_wait,
    .flush = leaving_wait,
    .cut = leaving_cut,
};

static void ahead_close(thetis_loop *loop, tht_ahead_slot *s)
{
    if (s->fd >= 0) (void)loop->sys->close(loop->sys, s->fd);
    s->flags &= THT_AHEAD_LISTED | THT_AHEAD_RIPE;
    s->polled = 0;
}

void tht_ahead_shut(thetis_handle *h, int fd)
{
    thetis_loop *loop = h->loop_;
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    ahead_unwatch(h);
    s->fd = fd;
    ahead_drop(loop, s, s->fd);
    if (s->in == THT_IO_NONE && s->out == THT_IO_NONE) {
        ahead_close(loop, s);
        return;
    }
    ahead_stop(loop->ahead, h->slot_, 0);
    ahead_stop(loop->ahead, h->slot_, 1);
    s->flags |= THT_AHEAD_LEAVING;
    s->kind = h->kind_;
    h->kind_ = &ahead_leaving_kind;
}

int tht_ahead_leaves(thetis_handle *h)
{
    return tht_ahead_slot_of(h)->flags & THT_AHEAD_LEAVING;
}

/* An operation of a leaving handle has ended, or brought something that nobody wants. */
static void ahead_leave(thetis_loop *loop, uint32_t slot)
{
    tht_ahead_slot *s = &loop->ahead->slots[slot];
    thetis_handle *h = loop->slots[slot].handle;
    ahead_drop(loop, s, s->fd);
    if (s->in != THT_IO_NONE || s->out != THT_IO_NONE) return;
    ahead_close(loop, s);
    h->kind_ = s->kind;
    tht_handle_due(h);
}

/* ---- completions ----------------------------------------------------------------------------- */

/* A fault of a poll: the handle goes on as if its interest could not be registered. */
static void ahead_broken(thetis_loop *loop, uint32_t slot, tht_ret why)
{
    thetis_handle *h = loop->slots[slot].handle;
    tht_ahead_slot *s = &loop->ahead->slots[slot];
    if (why.status == THETIS_ECANCELED || why.status == THETIS_EINTR) return;
    if (s->flags & THT_AHEAD_LEAVING || h == NULL) return;
    if (h->kind_->broken == NULL || s->out == THT_IO_SEND) {
        s->polled |= THT_IN | THT_OUT; /* what it tries next will tell */
        return;
    }
    h->mask_ = 0;
    h->kind_->broken(h, why);
}

static void ahead_accepted(thetis_loop *loop, tht_ahead_slot *s, tht_ret r)
{
    tht_ahead *a = loop->ahead;
    uint32_t item = a->item_free;
    if (item == 0) { /* more than there are handles: nobody could take it */
        (void)loop->sys->close(loop->sys, (int)r.n);
        return;
    }
    a->item_free = a->items[item - 1].next;
    a->items[item - 1].what = (uint32_t)r.n;
    ahead_append(a, s, item - 1);
}

static void ahead_received(tht_ahead *a, tht_ahead_slot *s, const tht_io_done *done)
{
    a->lent--;
    a->items[done->buffer].at = 0;
    a->items[done->buffer].end = (uint32_t)done->ret.n;
    ahead_append(a, s, done->buffer);
}

/* What an accept or a receive brought. */
static void ahead_came(thetis_loop *loop, tht_ahead_slot *s, int kind, const tht_io_done *done)
{
    if (kind == THT_IO_ACCEPT && done->ret.status == THETIS_OK) {
        ahead_accepted(loop, s, done->ret);
    } else if (kind == THT_IO_RECV && done->ret.n > 0) {
        ahead_received(loop->ahead, s, done);
    } else if (done->ret.status == THETIS_AGAIN) {
        s->flags |= THT_AHEAD_PLAIN; /* it will not wait */
    } else if (done->ret.status != THETIS_ECANCELED && done->ret.status != THETIS_EINTR &&
               (done->ret.status != THETIS_ENOBUFS || kind == THT_IO_ACCEPT)) {
        s->flags |= THT_AHEAD_ENDED;
        s->end = done->ret;
    }
}

static void ahead_sent(tht_ahead_slot *s, tht_ret r)
{
    if (r.status == THETIS_ECANCELED) r.status = THETIS_EINTR; /* nothing was done */
    s->sent = r;
    s->flags |= THT_AHEAD_SENT;
}

void tht_ahead_done(thetis_loop *loop, const tht_io_done *done)
{
    tht_ahead *a = loop->ahead;
    uint32_t slot = (uint32_t)(done->token >> 1);
    tht_ahead_slot *s = &a->slots[slot];
    int out = done->token & 1, kind = out ? s->out : s->in;
    if (!done->more) {
        if (out) s->out = THT_IO_NONE;
        else s->in = THT_IO_NONE;
        s->flags &= (uint8_t)~(out ? THT_AHEAD_STOP_OUT : THT_AHEAD_STOP_IN);
        tht_ahead_push(a, slot, THT_AHEAD_LISTED);
    }
    if (kind == THT_IO_SEND) ahead_sent(s, done->ret);
    else if (kind != THT_IO_POLL) ahead_came(loop, s, kind, done);
    else if (done->ret.status == THETIS_OK) s->polled |= out ? THT_OUT : THT_IN;
    else ahead_broken(loop, slot, done->ret);
    if (s->flags & THT_AHEAD_LEAVING) ahead_leave(loop, slot);
    else tht_ahead_push(a, slot, THT_AHEAD_RIPE);
}

/* ---- what is in flight ----------------------------------------------------------------------- */

/* Whether the next operation for input is the one of the handle's kind. */
static int ahead_kind_in(const tht_ahead *a, const tht_ahead_slot *s, const thetis_handle *h)
{
    int kind = h->kind_->ahead;
    if (!(a->io->offers & THT_IO_BIT(kind)) || s->flags & THT_AHEAD_PLAIN) return THT_IO_POLL;
    return kind == THT_IO_RECV && a->lent == 0 ? THT_IO_POLL : kind;
}

static int ahead_begin(tht_ahead *a, thetis_handle *h, int kind, unsigned out)
{
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    tht_io_op op = {.token = (uint64_t)h->slot_ << 1 | out, .fd = h->fd_, .kind = (uint8_t)kind,
                    .mask = out ? THT_OUT : THT_IN, .many = kind != THT_IO_POLL};
    if (a->io->ops->submit(a->io, &op) != THETIS_OK) return 0;
    if (out) s->out = (uint8_t)kind;
    else s->in = (uint8_t)kind;
    return 1;
}

/* Makes what is in flight what the handle's interest asks for. */
static int ahead_sync_one(tht_ahead *a, thetis_handle *h)
{
    tht_ahead_slot *s = tht_ahead_slot_of(h);
    int ok = 1;
    if (!(h->mask_ & THT_IN)) {
        ahead_stop(a, h->slot_, 0);
    } else if (s->in == THT_IO_NONE && !tht_ahead_more(h)) {
        ok = ahead_begin(a, h, ahead_kind_in(a, s, h), 0);
        if (ok) s->flags &= (uint8_t)~THT_AHEAD_PLAIN;
    }
    if (!(h->mask_ & THT_OUT)) {
        if (s->out == THT_IO_POLL) ahead_stop(a, h->slot_, 1);
    } else if (s->out == THT_IO_NONE && !(s->flags & THT_AHEAD_SENT)) {
        ok &= ahead_begin(a, h, THT_IO_POLL, 1);
    }
    return ok;
}

int tht_ahead_sync(thetis_loop *loop)
{
    tht_ahead *a = loop->ahead;
    uint32_t slot = a->sync.head;
    a->sync.head = UINT32_MAX;
    while (slot != UINT32_MAX) {
        tht_ahead_slot *s = &a->slots[slot];
        thetis_handle *h = loop->slots[slot].handle;
        uint32_t next = s->next[0];
        s->flags &= (uint8_t)~THT_AHEAD_LISTED;
        if (s->flags & THT_AHEAD_LEAVING) {
            ahead_stop(a, slot, 0);
            ahead_stop(a, slot, 1);
        } else if (h && h->fd_ >= 0 && !ahead_sync_one(a, h)) {
            tht_ahead_push(a, slot, THT_AHEAD_LISTED);
        }
        slot = next;
    }
    return a->sync.head == UINT32_MAX;
}

/* ---- reports --------------------------------------------------------------------------------- */

/* What the handle of this slot could be told now. */
static unsigned ahead_ready(thetis_loop *loop, uint32_t slot)
{
    const tht_ahead_slot *s = &loop->ahead->slots[slot];
    const thetis_handle *h = loop->slots[slot].handle;
    unsigned ready = s->polled;
    if (slot == THT_NONE) return ready;
    if (h == NULL || s->flags & THT_AHEAD_LEAVING) return 0;
    if (s->first || s->flags & THT_AHEAD_ENDED) ready |= THT_IN;
    if (s->flags & THT_AHEAD_SENT) ready |= THT_OUT;
    return ready & h->mask_;
}

int tht_ahead_any(thetis_loop *loop)
{
    tht_ahead *a = loop->ahead;
    while (a->ripe.head != UINT32_MAX && !ahead_ready(loop, a->ripe.head)) {
        tht_ahead_slot *s = &a->slots[a->ripe.head];
        s->flags &= (uint8_t)~THT_AHEAD_RIPE;
        a->ripe.head = s->next[1];
    }
    return a->ripe.head != UINT32_MAX;
}

/* One event for each handle; one that is reported stays on the list, at its end. */
uint32_t tht_ahead_report(thetis_loop *loop)
{
    tht_ahead *a = loop->ahead;
    tht_list list = a->ripe;
    uint32_t n = 0;
    a->ripe.head = UINT32_MAX;
    while (list.head != UINT32_MAX && n < loop->max_events) {
        uint32_t slot = list.head;
        tht_ahead_slot *s = &a->slots[slot];
        unsigned ready = ahead_ready(loop, slot);
        list.head = s->next[1];
        s->flags &= (uint8_t)~THT_AHEAD_RIPE;
        if (ready == 0) continue;
        s->polled = 0;
        loop->events[n] = (tht_event){THT_NONE, ready};
        if (slot != THT_NONE) {
            loop->events[n].token = tht_token(loop->slots[slot].handle);
            tht_ahead_push(a, slot, THT_AHEAD_RIPE);
        }
        n++;
    }
    if (list.head == UINT32_MAX) return n;
    if (a->ripe.head != UINT32_MAX) { /* those without room come first next time */
        a->slots[list.tail].next[1] = a->ripe.head;
        list.tail = a->ripe.tail;
    }
    a->ripe = list;
    return n;
}
