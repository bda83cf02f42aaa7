/* SPDX-License-Identifier: MIT
 *
 * fault_io.c: the fault shim on a system of operations.
 *
 * A call is here the submission of an operation: FAULT_EPOLL_SET for a poll. What answers instead
 * of the system is its only completion, given by the next reap. While anything is asked for,
 * operations end after each completion, so that each has a submission. Spurious readiness is an
 * operation that ends at once for nothing. While the clock is the test's, an accept is a poll, and
 * the call that follows it is made here: so what is held meets also one that is in flight.
 */
#include "harness/fault_inside.h"

#include <errno.h>
#include <string.h>

#include "port/io_ops.h"

enum { OWED = 4096, ACCEPTS = 4 };

typedef struct fault_io {
    tht_io io; /* first */
    fault *f;
    tht_io *under;
    tht_io_done owed[OWED];
    uint32_t owes;
    tht_io_op accepts[ACCEPTS]; /* that are polls below */
} fault_io;

static fault_io *fault_io_of(tht_io *io)
{
    return (fault_io *)(void *)io;
}

static size_t fault_io_size(const tht_sys *sys, const tht_io_cfg *cfg)
{
    const fault *f = fault_of(sys);
    return (sizeof(fault_io) + 63) / 64 * 64 + f->under->io->size(f->under, cfg);
}

static tht_ret fault_io_open(const tht_sys *sys, tht_io *io, const tht_io_cfg *cfg)
{
    fault *f = fault_of(sys);
    fault_io *x = fault_io_of(io);
    tht_ret ret;
    x->f = f;
    x->owes = 0;
    memset(x->accepts, 0, sizeof x->accepts);
    x->under = (tht_io *)(void *)((char *)io + (sizeof *x + 63) / 64 * 64);
    if (!fault_enter(f, FAULT_EPOLL_OPEN, &ret)) ret = f->under->io->open(f->under, x->under, cfg);
    io->ops = &fault_io_ops;
    io->offers = x->under->offers;
    io->many = x->under->many;
    return fault_leave(f, FAULT_EPOLL_OPEN, -1, 0, ret);
}

static void fault_io_close(tht_io *io)
{
    fault_io *x = fault_io_of(io);
    x->under->ops->close(x->under);
}

static fault_fn fault_io_fn(const tht_io_op *op)
{
    static const fault_fn fns[] = {[THT_IO_POLL] = FAULT_EPOLL_SET, [THT_IO_ACCEPT] = FAULT_ACCEPT,
                                   [THT_IO_RECV] = FAULT_RECV, [THT_IO_SEND] = FAULT_SEND};
    return fns[op->kind];
}

static uint64_t fault_io_bytes(const tht_io_op *op)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < op->iovs; i++) sum += op->iov[i].len;
    return op->kind == THT_IO_POLL ? op->mask : sum;
}

static int fault_is_calm(const fault *f)
{
    for (int fn = 0; fn < FAULT_FNS; fn++)
        if (f->hold[fn].status != THETIS_OK) return 0;
    return !f->fail_in && !f->eintr_each && !f->short_max && !f->spurious && !f->suppress;
}

/* The operation as the modes want it. */
static thetis_status fault_io_pass(fault_io *x, tht_io_op op)
{
    fault *f = x->f;
    thetis_iov first;
    uint32_t i = 0;
    if (!fault_is_calm(f)) op.many = 0;
    if (f->short_max && op.kind == THT_IO_RECV)
        op.most = (uint32_t)fault_shorten(f, f->short_max + 1);
    if (f->short_max && op.kind == THT_IO_SEND) {
        while (i + 1 < op.iovs && op.iov[i].len == 0) i++;
        first = (thetis_iov){op.iov[i].data, fault_shorten(f, op.iov[i].len)};
        op.iov = &first;
        op.iovs = 1;
    }
    return x->under->ops->submit(x->under, &op);
}

/* The accept that is a poll below, by its token; of token 0: a free place. */
static tht_io_op *fault_io_accept(fault_io *x, uint64_t token)
{
    for (int i = 0; i < ACCEPTS; i++)
        if (x->accepts[i].token == token) return &x->accepts[i];
    return NULL;
}

static thetis_status fault_io_poll_accept(fault_io *x, const tht_io_op *op)
{
    tht_io_op *place = fault_io_accept(x, 0), poll = *op;
    poll.kind = THT_IO_POLL;
    poll.mask = THT_IN;
    poll.many = 0;
    if (place == NULL) return THETIS_ENOBUFS;
    *place = *op;
    return x->under->ops->submit(x->under, &poll);
}

/* The poll of an accept has ended. */
static void fault_io_accepted(fault_io *x, tht_io_done *done)
{
    const tht_sys *sys = &x->f->sys;
    tht_io_op *op = fault_io_accept(x, done->token);
    thetis_addr peer;
    if (op == NULL || done->token == 0) return;
    if (done->ret.status == THETIS_OK) done->ret = sys->accept(sys, op->fd, &peer);
    op->token = 0;
}

/* Ends at once for nothing: ready, or to be made again. More rarely than events are invented: each
 * costs the operation a turn or two, and rows give up after 40 quiet ones. */
static int fault_io_spurious(fault_io *x, const tht_io_op *op, tht_ret *ret)
{
    fault *f = x->f;
    if (!fault_chance(f, f->spurious / 3)) return 0;
    f->injected++;
    *ret = (tht_ret){.status = op->kind == THT_IO_POLL ? THETIS_OK : THETIS_AGAIN};
    if (ret->status) ret->os = EAGAIN;
    return 1;
}

static thetis_status fault_io_submit(tht_io *io, const tht_io_op *op)
{
    fault_io *x = fault_io_of(io);
    fault *f = x->f;
    fault_fn fn = fault_io_fn(op);
    tht_ret ret = {.status = THETIS_AGAIN};
    if (op->kind == THT_IO_ACCEPT && f->clock_on) return fault_io_poll_accept(x, op);
    if (op->token == f->wake_token) return x->under->ops->submit(x->under, op);
    if (x->owes == OWED) return THETIS_ENOBUFS;
    f->eintr_count += fault_rand(f, 2); /* or the same one of submit and reap always met it */
    if (!fault_enter(f, fn, &ret) && !fault_io_spurious(x, op, &ret)) {
        (void)fault_leave(f, fn, op->fd, fault_io_bytes(op), ret);
        return fault_io_pass(x, *op);
    }
    (void)fault_leave(f, fn, op->fd, fault_io_bytes(op), ret);
    x->owed[x->owes++] = (tht_io_done){op->token, ret, THT_IO_NO_BUFFER, 0};
    return THETIS_OK;
}

static thetis_status fault_io_cancel(tht_io *io, const tht_io_op *op)
{
    fault_io *x = fault_io_of(io);
    for (uint32_t i = 0; i < x->owes; i++)
        if (x->owed[i].token == op->token) return THETIS_OK; /* it has ended */
    tht_io_op below = *op;
    if (fault_io_accept(x, op->token)) below.kind = THT_IO_POLL;
    return x->under->ops->cancel(x->under, &below);
}

static void fault_io_lend(tht_io *io, uint32_t number, void *memory)
{
    fault_io *x = fault_io_of(io);
    x->under->ops->lend(x->under, number, memory);
}

static tht_ret fault_io_below(fault_io *x, tht_io_done *out, uint32_t cap, uint64_t ns)
{
    fault *f = x->f;
    uint64_t real = !f->clock_on ? ns : ns == UINT64_MAX ? FAULT_NAP_NS : 0;
    tht_ret ret = x->under->ops->reap(x->under, out, cap, real);
    if (f->clock_on && ret.status == THETIS_OK && ret.n == 0 && ns != UINT64_MAX) f->clock += ns;
    return ret;
}

static tht_ret fault_io_reap(tht_io *io, tht_io_done *out, uint32_t cap, uint64_t timeout_ns)
{
    fault_io *x = fault_io_of(io);
    fault *f = x->f;
    uint32_t n = x->owes < cap ? x->owes : cap;
    tht_ret ret;
    if (fault_enter(f, FAULT_EPOLL_WAIT, &ret))
        return fault_leave(f, FAULT_EPOLL_WAIT, -1, timeout_ns, ret);
    memcpy(out, x->owed, n * sizeof *out);
    memmove(x->owed, x->owed + n, (x->owes - n) * sizeof *out);
    x->owes -= n;
    ret = fault_io_below(x, out + n, cap - n, n ? 0 : timeout_ns);
    if (n && ret.status != THETIS_OK) ret = (tht_ret){0};
    for (ptrdiff_t i = 0; i < ret.n; i++) fault_io_accepted(x, &out[n + (size_t)i]);
    ret.n += (ptrdiff_t)n;
    return fault_leave(f, FAULT_EPOLL_WAIT, -1, timeout_ns, ret);
}

const tht_io_ops fault_io_ops = {
    .size = fault_io_size,
    .open = fault_io_open,
    .close = fault_io_close,
    .submit = fault_io_submit,
    .cancel = fault_io_cancel,
    .reap = fault_io_reap,
    .lend = fault_io_lend,
};
