/* SPDX-License-Identifier: MIT
 *
 * io.c: operations on the fake kernel, see src/port/io_ops.h: made of its other calls, and
 * completed in every order that the contract allows.
 *
 * A reap polls the descriptors of all that is in flight. Of those that are ready each may be passed
 * over (late), they are tried in any order, and what they bring is handed over now or at a later
 * reap. One that may go on ends after any completion, or without a cause; a receive finds no
 * buffer although there are some, takes any of the lent ones, and not all that it could; an
 * operation that is cancelled ends late, and has been done before or not. With plain choices
 * everything comes at once, in order, and goes on.
 *
 * The calls made here are the program's: they are counted, watched, interrupted and cut short.
 */
#include "sim.h"

#include <string.h>

#include "port/io_ops.h"

enum { IO_IOVS = 16, IO_AGAIN = 3, IO_MOST = 32 };

typedef struct io_op {
    tht_io_op op;
    thetis_iov iov[IO_IOVS];
    int used, canceled;
} io_op;

typedef struct io_buffer {
    uint32_t number;
    void *memory;
} io_buffer;

typedef struct sim_io {
    tht_io io; /* first */
    const tht_sys *sys;
    thetis_sim *sim;
    sim_often nasty;
    uint32_t room, lent, dones, buffer_size;
    io_op *ops; /* `room` of them, and as many of each of the next three */
    tht_pollfd *fds;
    uint64_t *tokens;
    tht_event *events;
    tht_io_done *done; /* 4 * room: completions that were not handed over yet */
    io_buffer *buffers;
} sim_io;

static sim_io *io_of(tht_io *io)
{
    return (sim_io *)(void *)io;
}

static uint32_t io_room(const tht_io_cfg *cfg)
{
    return cfg->handles * 2;
}

static size_t io_size(const tht_sys *sys, const tht_io_cfg *cfg)
{
    size_t n = io_room(cfg);
    (void)sys;
    return sizeof(sim_io) + n * (sizeof(io_op) + sizeof(tht_pollfd) + sizeof(uint64_t) +
                                 sizeof(tht_event) + 4 * sizeof(tht_io_done)) +
           cfg->buffers * sizeof(io_buffer) + 64;
}

static tht_ret io_open(const tht_sys *sys, tht_io *io, const tht_io_cfg *cfg)
{
    sim_io *x = io_of(io);
    thetis_sim *sim = ((const sim_view *)(const void *)sys)->sim;
    uint32_t n = io_room(cfg);
    x->sys = sys;
    x->sim = sim;
    x->nasty = sim->cfg.cuts;
    x->room = n;
    x->lent = x->dones = 0;
    x->buffer_size = cfg->buffer_size;
    x->ops = (io_op *)(void *)(x + 1);
    x->done = (tht_io_done *)(void *)(x->ops + n);
    x->tokens = (uint64_t *)(void *)(x->done + 4 * (size_t)n);
    x->events = (tht_event *)(void *)(x->tokens + n);
    x->buffers = (io_buffer *)(void *)(x->events + n);
    x->fds = (tht_pollfd *)(void *)(x->buffers + cfg->buffers);
    for (uint32_t i = 0; i < n; i++) x->ops[i].used = 0;
    io->ops = &tsm_io_ops;
    io->offers = THT_IO_BIT(THT_IO_ACCEPT) | THT_IO_BIT(THT_IO_RECV) | THT_IO_BIT(THT_IO_SEND);
    io->many = THT_IO_BIT(THT_IO_ACCEPT) | THT_IO_BIT(THT_IO_RECV);
    return tsm_done(0);
}

static void io_close(tht_io *io)
{
    (void)io;
}

static void io_lend(tht_io *io, uint32_t number, void *memory)
{
    sim_io *x = io_of(io);
    x->buffers[x->lent++] = (io_buffer){number, memory};
}

static io_op *io_find(sim_io *x, uint64_t token)
{
    for (uint32_t i = 0; i < x->room; i++)
        if (x->ops[i].used && x->ops[i].op.token == token) return &x->ops[i];
    return NULL;
}

static thetis_status io_submit(tht_io *io, const tht_io_op *op)
{
    sim_io *x = io_of(io);
    uint32_t i = 0;
    if (io_find(x, op->token)) tsm_fail(x->sim, "token", "of an operation that is in flight");
    if (tsm_chance(x->sim, x->nasty / 8)) return THETIS_ENOBUFS;
    while (x->ops[i].used) i++; /* two for each handle are enough */
    x->ops[i] = (io_op){.op = *op, .used = 1};
    if (op->kind != THT_IO_SEND) return THETIS_OK;
    if (op->iovs > IO_IOVS) x->ops[i].op.iovs = IO_IOVS; /* a short send */
    memcpy(x->ops[i].iov, op->iov, x->ops[i].op.iovs * sizeof *op->iov);
    return THETIS_OK;
}

static thetis_status io_cancel(tht_io *io, const tht_io_op *op)
{
    sim_io *x = io_of(io);
    io_op *o = io_find(x, op->token);
    if (o && o->op.kind != op->kind) tsm_fail(x->sim, "token", "a cancel of another operation");
    if (o) o->canceled = 1;
    return THETIS_OK;
}

/* ---- completions ----------------------------------------------------------------------------- */

static void io_done(sim_io *x, io_op *o, tht_ret ret, uint32_t buffer, int more)
{
    x->done[x->dones++] = (tht_io_done){o->op.token, ret, buffer, more != 0};
    if (!more) o->used = 0;
}

/* Whether it goes on after what it has just brought. */
static int io_goes_on(sim_io *x, const io_op *o)
{
    return o->op.many && x->io.many & THT_IO_BIT(o->op.kind) && !o->canceled &&
           !tsm_chance(x->sim, x->nasty);
}

static void io_recv(sim_io *x, io_op *o)
{
    size_t len = x->buffer_size;
    tht_ret r = {.status = THETIS_ENOBUFS};
    io_buffer b = {THT_IO_NO_BUFFER, NULL};
    uint64_t k = 0;
    if (x->lent && !tsm_chance(x->sim, x->nasty)) {
        if (tsm_chance(x->sim, x->nasty)) k = tsm_choose(x->sim, x->lent);
        b = x->buffers[k];
        if (o->op.most && o->op.most < len) len = o->op.most;
        r = x->sys->recv(x->sys, o->op.fd, b.memory, len);
    }
    if (r.n == 0) {
        if (r.status != THETIS_AGAIN) io_done(x, o, r, THT_IO_NO_BUFFER, 0);
        return;
    }
    x->lent--;
    memmove(&x->buffers[k], &x->buffers[k + 1], (x->lent - k) * sizeof b);
    io_done(x, o, r, b.number, io_goes_on(x, o));
}

/* It is ready: what its call answers, if that is not AGAIN. */
static void io_make(sim_io *x, io_op *o)
{
    thetis_addr peer;
    tht_ret r = {0};
    if (o->op.kind == THT_IO_RECV) {
        io_recv(x, o);
        return;
    }
    if (o->op.kind == THT_IO_ACCEPT) r = x->sys->accept(x->sys, o->op.fd, &peer);
    if (o->op.kind == THT_IO_SEND) r = x->sys->send(x->sys, o->op.fd, o->iov, o->op.iovs);
    if (r.status == THETIS_AGAIN && !tsm_chance(x->sim, x->nasty)) return;
    io_done(x, o, r, THT_IO_NO_BUFFER,
            r.status == THETIS_OK && o->op.kind == THT_IO_ACCEPT && io_goes_on(x, o));
}

/* One that goes on may bring several things at once. */
static void io_try(sim_io *x, io_op *o)
{
    uint64_t times = !o->op.many ? 1 : x->nasty ? 1 + tsm_choose(x->sim, IO_AGAIN) : IO_MOST;
    for (; times > 0 && o->used && x->dones < 3 * x->room; times--) {
        uint32_t before = x->dones;
        io_make(x, o);
        if (x->dones == before) return;
    }
}

/* Those that end though nothing is ready: cancelled, or without a cause. 1: some are still to. */
static int io_end_some(sim_io *x)
{
    int late = 0;
    for (uint32_t i = 0; i < x->room; i++) {
        io_op *o = &x->ops[i];
        if (!o->used) continue;
        if (o->canceled ? !tsm_chance(x->sim, x->nasty) : tsm_chance(x->sim, x->nasty / 8))
            io_done(x, o, (tht_ret){.status = THETIS_ECANCELED}, THT_IO_NO_BUFFER, 0);
        late |= o->used && o->canceled;
    }
    return late;
}

static uint32_t io_gather(sim_io *x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->room; i++) {
        const tht_io_op *op = &x->ops[i].op;
        uint32_t mask = op->kind == THT_IO_POLL ? op->mask : op->kind == THT_IO_SEND ? THT_OUT
                                                                                     : THT_IN;
        if (!x->ops[i].used) continue;
        x->tokens[n] = i;
        x->fds[n++] = (tht_pollfd){.fd = op->fd, .events = (int16_t)mask};
    }
    return n;
}

/* Polls, and tries those that are ready in any order. */
static tht_ret io_look(sim_io *x, uint64_t timeout_ns)
{
    uint32_t first = 0, n = io_gather(x);
    tht_ret r;
    if (x->dones) timeout_ns = 0;
    r = x->sys->poll_wait(x->sys, x->fds, x->tokens, n, &first, x->events, x->room, timeout_ns);
    for (uint64_t left = (uint64_t)r.n; left > 0; left--) {
        uint64_t k = tsm_chance(x->sim, x->nasty) ? tsm_choose(x->sim, left) : 0;
        io_op *o = &x->ops[x->events[k].token];
        memmove(&x->events[k], &x->events[k + 1], (left - 1 - k) * sizeof *x->events);
        if (o->used && !tsm_chance(x->sim, x->nasty)) io_try(x, o);
    }
    return r;
}

static tht_ret io_reap(tht_io *io, tht_io_done *out, uint32_t cap, uint64_t timeout_ns)
{
    sim_io *x = io_of(io);
    uint32_t n;
    tht_ret r;
    if (x->dones < x->room && io_end_some(x)) timeout_ns = 0;
    r = x->dones < x->room ? io_look(x, timeout_ns) : tsm_done(0);
    n = x->dones < cap ? x->dones : cap;
    if (n > 1 && tsm_chance(x->sim, x->nasty)) n = 1 + (uint32_t)tsm_choose(x->sim, n);
    memcpy(out, x->done, n * sizeof *out);
    memmove(x->done, x->done + n, (x->dones - n) * sizeof *out);
    x->dones -= n;
    return r.status != THETIS_OK && n == 0 ? r : tsm_done((ptrdiff_t)n);
}

const tht_io_ops tsm_io_ops = {
    .size = io_size,
    .open = io_open,
    .close = io_close,
    .submit = io_submit,
    .cancel = io_cancel,
    .reap = io_reap,
    .lend = io_lend,
};
