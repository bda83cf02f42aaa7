/* SPDX-License-Identifier: MIT
 *
 * io_linux.c: operations by io_uring, through liburing (2.2 or later), if the build has it.
 *
 * What works is found by trying at open, not by versions: each operation is made once on a pair of
 * sockets, and must end as io_ops.h says. The setting THETIS_URING_OFF, a list of names with
 * commas, turns off: accept, recv, send; many: no operation goes on after a completion; task: no
 * flags about when the kernel does its part; all: io_uring is refused.
 *
 * What io_uring does that the contract hides:
 *   - A full submission queue is handed over at once. What refers to the caller's stack or array
 *     (the parts of a message) is kept here until then: the kernel has copied it afterwards.
 *   - The answers to cancels are dropped: only the completion of their operation counts.
 *   - Completions may come in a queue of the kernel's own when ours is full; liburing gets them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <liburing.h>

#include "io_ops.h"
#include "port.h"
#include "sys_posix.h"

#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { URING_QUEUE = 1024, URING_MESSAGES = 16, URING_IOVS = 64, URING_GROUP = 0 };
#define URING_CANCEL UINT64_MAX /* token of cancels */

typedef struct iou_message {
    struct msghdr header;
    struct iovec iov[URING_IOVS];
} iou_message;

typedef struct uring {
    tht_io io; /* first */
    struct io_uring ring;
    struct io_uring_buf_ring *lent;
    void **memory; /* of each buffer */
    uint32_t buffers, buffer_size;
    size_t mapped;
    uint32_t messages; /* in use until the next submission */
    iou_message message[URING_MESSAGES];
} uring;

static uring *iou_of(tht_io *io)
{
    return (uring *)(void *)io;
}

static size_t iou_size(const tht_sys *sys, const tht_io_cfg *cfg)
{
    (void)sys;
    (void)cfg;
    return sizeof(uring);
}

static int iou_is_off(const char *name)
{
    const char *list = tht_port_setting("THETIS_URING_OFF");
    size_t len = strlen(name);
    for (; list && *list; list += *list == ',') {
        size_t n = strcspn(list, ",");
        if (n == len && strncmp(list, name, n) == 0) return 1;
        list += n;
    }
    return 0;
}

/* ---- submitting ------------------------------------------------------------------------------ */

static void iou_hand_over(uring *u)
{
    if (io_uring_submit(&u->ring) >= 0) u->messages = 0;
}

/* NULL: the queue is full, and the kernel takes nothing now. */
static struct io_uring_sqe *iou_entry(uring *u)
{
    struct io_uring_sqe *e = io_uring_get_sqe(&u->ring);
    if (e) return e;
    iou_hand_over(u);
    return io_uring_get_sqe(&u->ring);
}

static void iou_prepare_send(uring *u, struct io_uring_sqe *e, const tht_io_op *op)
{
    iou_message *m;
    if (op->iovs == 1) {
        io_uring_prep_send(e, op->fd, op->iov->data, op->iov->len, MSG_NOSIGNAL);
        return;
    }
    m = &u->message[u->messages++];
    memcpy(m->iov, op->iov, op->iovs * sizeof *m->iov);
    m->header = (struct msghdr){.msg_iov = m->iov, .msg_iovlen = op->iovs};
    io_uring_prep_sendmsg(e, op->fd, &m->header, MSG_NOSIGNAL);
}

static void iou_prepare_recv(const uring *u, struct io_uring_sqe *e, const tht_io_op *op)
{
    int many = op->many && u->io.many & THT_IO_BIT(THT_IO_RECV);
    if (many) io_uring_prep_recv_multishot(e, op->fd, NULL, 0, 0);
    else io_uring_prep_recv(e, op->fd, NULL, op->most ? op->most : u->buffer_size, 0);
    e->flags |= IOSQE_BUFFER_SELECT;
    e->buf_group = URING_GROUP;
}

static void iou_prepare(uring *u, struct io_uring_sqe *e, const tht_io_op *op)
{
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    int many = op->many && u->io.many & THT_IO_BIT(op->kind);
    unsigned events = (op->mask & THT_IN ? POLLIN : 0u) | (op->mask & THT_OUT ? POLLOUT : 0u);
    switch ((tht_io_kind)op->kind) {
    case THT_IO_ACCEPT:
        if (many) io_uring_prep_multishot_accept(e, op->fd, NULL, NULL, flags);
        else io_uring_prep_accept(e, op->fd, NULL, NULL, flags);
        break;
    case THT_IO_RECV: iou_prepare_recv(u, e, op); break;
    case THT_IO_SEND: iou_prepare_send(u, e, op); break;
    default:
        if (many) io_uring_prep_poll_multishot(e, op->fd, events);
        else io_uring_prep_poll_add(e, op->fd, events);
    }
    /* The low bits say what it is: completions are translated by that. */
    io_uring_sqe_set_data64(e, op->token << 2 | (op->kind & 3u));
}

_Static_assert((THT_IO_SEND & 3) == 0 && THT_IO_RECV == 3, "two bits tell the kinds apart");

static thetis_status iou_submit(tht_io *io, const tht_io_op *op)
{
    uring *u = iou_of(io);
    struct io_uring_sqe *e;
    if (u->messages == URING_MESSAGES) iou_hand_over(u);
    if (u->messages == URING_MESSAGES) return THETIS_ENOBUFS;
    e = iou_entry(u);
    if (e == NULL) return THETIS_ENOBUFS;
    iou_prepare(u, e, op);
    return THETIS_OK;
}

static thetis_status iou_cancel(tht_io *io, const tht_io_op *op)
{
    struct io_uring_sqe *e = iou_entry(iou_of(io));
    if (e == NULL) return THETIS_ENOBUFS;
    io_uring_prep_cancel64(e, op->token << 2 | (op->kind & 3u), 0);
    io_uring_sqe_set_data64(e, URING_CANCEL);
    return THETIS_OK;
}

/* ---- completions ----------------------------------------------------------------------------- */

static void iou_lend(tht_io *io, uint32_t number, void *memory)
{
    uring *u = iou_of(io);
    int mask = io_uring_buf_ring_mask(u->buffers);
    u->memory[number] = memory;
    io_uring_buf_ring_add(u->lent, memory, u->buffer_size, (unsigned short)number, mask, 0);
    io_uring_buf_ring_advance(u->lent, 1);
}

static tht_ret iou_result(unsigned kind, int res)
{
    if (res >= 0) return tht_sys_done(kind == THT_IO_POLL ? 0 : res);
    if (res == -ECANCELED) return (tht_ret){0, THETIS_ECANCELED, ECANCELED};
    return kind == THT_IO_ACCEPT ? tht_sys_accept_fault(-res) : tht_sys_fault(-res);
}

/* 0: it is nobody's. */
static int iou_complete(uring *u, const struct io_uring_cqe *c, tht_io_done *out)
{
    if (c->user_data == URING_CANCEL) return 0;
    out->token = c->user_data >> 2;
    out->ret = iou_result(c->user_data & 3, c->res);
    out->more = (c->flags & IORING_CQE_F_MORE) != 0;
    out->buffer = THT_IO_NO_BUFFER;
    if (c->flags & IORING_CQE_F_BUFFER) {
        uint32_t number = c->flags >> IORING_CQE_BUFFER_SHIFT;
        if (c->res > 0) out->buffer = number;
        else iou_lend(&u->io, number, u->memory[number]); /* it came back unused */
    }
    return 1;
}

static uint32_t iou_collect(uring *u, tht_io_done *out, uint32_t cap)
{
    struct io_uring_cqe *c[64];
    unsigned n = io_uring_peek_batch_cqe(&u->ring, c, cap < 64 ? cap : 64);
    uint32_t found = 0;
    for (unsigned i = 0; i < n; i++) found += (uint32_t)iou_complete(u, c[i], &out[found]);
    io_uring_cq_advance(&u->ring, n);
    return found;
}

/* Hands over, and waits if there is a time-out. */
static int iou_enter(uring *u, uint64_t timeout_ns)
{
    struct __kernel_timespec limit = {(long long)(timeout_ns / 1000000000u),
                                      (long long)(timeout_ns % 1000000000u)};
    struct io_uring_cqe *c;
    int r;
    if (timeout_ns == 0) r = io_uring_submit_and_get_events(&u->ring);
    else if (timeout_ns == UINT64_MAX) r = io_uring_submit_and_wait(&u->ring, 1);
    else r = io_uring_submit_and_wait_timeout(&u->ring, &c, 1, &limit, NULL);
    if (io_uring_sq_ready(&u->ring) == 0) u->messages = 0;
    /* EBUSY, EAGAIN: completions have to be taken first. ETIME: nothing came. */
    return r >= 0 || r == -ETIME || r == -EBUSY || r == -EAGAIN ? 0 : -r;
}

static tht_ret iou_reap(tht_io *io, tht_io_done *out, uint32_t cap, uint64_t timeout_ns)
{
    uring *u = iou_of(io);
    int os = 0;
    uint32_t n;
    if (io_uring_cq_ready(&u->ring) == 0 || io_uring_sq_ready(&u->ring)) {
        os = iou_enter(u, timeout_ns);
    }
    n = iou_collect(u, out, cap);
    return os && n == 0 ? tht_sys_fault(os) : tht_sys_done((ptrdiff_t)n);
}

/* ---- trying ---------------------------------------------------------------------------------- */

/* The next completion of our own; 0: none in time. */
static int iou_next(uring *u, tht_io_done *done)
{
    for (int tries = 0; tries < 4; tries++) {
        tht_ret r = iou_reap(&u->io, done, 1, 20000000);
        if (r.n == 1) return 1;
    }
    return 0;
}

/* Two bytes and the end must come as two completions, the last one without `more`. */
static unsigned iou_try_recv(uring *u, const int pair[2])
{
    const tht_io_op op = {.token = 1, .fd = pair[0], .kind = THT_IO_RECV, .many = 1};
    char byte[2] = {0};
    tht_io_done done[2];
    unsigned works = 0;
    for (int i = 0; i < 2; i++) iou_lend(&u->io, (uint32_t)i, &byte[i]);
    if (iou_submit(&u->io, &op) != THETIS_OK || send(pair[1], "x", 1, MSG_NOSIGNAL) != 1) {
        return 0;
    }
    if (iou_next(u, &done[0]) && done[0].buffer < 2 && byte[done[0].buffer] == 'x') works = 1;
    if (works && !done[0].more) return 1;
    (void)shutdown(pair[1], SHUT_WR);
    if (!works || !iou_next(u, &done[1]) || done[1].ret.status != THETIS_OK || done[1].ret.n ||
        done[1].more) {
        return 0;
    }
    return 3;
}

static unsigned iou_try_send(uring *u, const int pair[2])
{
    const thetis_iov iov[2] = {{"y", 1}, {"z", 1}};
    const tht_io_op op = {.token = 1, .fd = pair[0], .kind = THT_IO_SEND, .iov = iov, .iovs = 2};
    tht_io_done done;
    char got[2];
    return iou_submit(&u->io, &op) == THETIS_OK && iou_next(u, &done) && done.ret.n == 2 &&
           !done.more && recv(pair[1], got, 2, MSG_DONTWAIT) == 2 && got[0] == 'y' && got[1] == 'z';
}

/* A connection to a unix socket without a name of ours; then the end by cancel. */
static unsigned iou_try_accept(uring *u)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int from = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const tht_io_op op = {.token = 1, .fd = listener, .kind = THT_IO_ACCEPT, .many = 1};
    tht_io_done done = {0};
    unsigned works = 0;
    if (listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at.sun_family) == 0 &&
        listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
        iou_submit(&u->io, &op) == THETIS_OK && connect(from, (struct sockaddr *)&at, len) == 0 &&
        iou_next(u, &done) && done.ret.status == THETIS_OK) {
        (void)close((int)done.ret.n);
        works = done.more ? 3 : 1;
    }
    if (works == 3 && (iou_cancel(&u->io, &op) != THETIS_OK || !iou_next(u, &done) ||
                       done.ret.status != THETIS_ECANCELED || done.more)) {
        works = 0;
    }
    if (listener >= 0) (void)close(listener);
    if (from >= 0) (void)close(from);
    return works;
}

/* `works`: 1 once, 3 also many times. */
static void iou_offer(uring *u, tht_io_kind kind, const char *name, unsigned works)
{
    u->io.offers &= ~THT_IO_BIT(kind);
    if ((works & 1) == 0 || iou_is_off(name)) return;
    u->io.offers |= THT_IO_BIT(kind);
    if ((works & 2) == 0 || iou_is_off("many")) u->io.many &= ~THT_IO_BIT(kind);
}

static int iou_map_buffers(uring *u, const tht_io_cfg *cfg);

/* In a ring of its own, so that nothing of it is left in flight. */
static void iou_try(uring *u)
{
    static const tht_io_cfg cfg = {.handles = 2, .buffers = 2, .buffer_size = 1};
    int pair[2];
    unsigned recv_works = 0, send_works = 0, accept_works;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return;
    u->io.many = ~0u;
    accept_works = iou_try_accept(u);
    send_works = iou_try_send(u, pair);
    if (iou_map_buffers(u, &cfg)) recv_works = iou_try_recv(u, pair);
    iou_offer(u, THT_IO_ACCEPT, "accept", accept_works);
    iou_offer(u, THT_IO_SEND, "send", send_works);
    iou_offer(u, THT_IO_RECV, "recv", recv_works);
    if (iou_is_off("many")) u->io.many = 0;
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int iou_init(uring *u, const tht_io_cfg *cfg)
{
    struct io_uring_params p = {0};
    uint32_t most = cfg->handles < 16384 ? cfg->handles : 16384;
    unsigned queue = most < URING_QUEUE / 2 ? 64 : URING_QUEUE;
    int r = -EINVAL;
    uint32_t entries = most * 4 < 512 ? 512 : most * 4;
    if (!iou_is_off("task")) {
        p.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
                  IORING_SETUP_TASKRUN_FLAG;
        p.cq_entries = entries;
        r = io_uring_queue_init_params(queue, &u->ring, &p);
    }
    if (r == -EINVAL) { /* an older kernel does not know the flags */
        p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = entries};
        r = io_uring_queue_init_params(queue, &u->ring, &p);
    }
    if (r == 0 && !(p.features & IORING_FEAT_EXT_ARG && p.features & IORING_FEAT_NODROP &&
                    p.features & IORING_FEAT_SUBMIT_STABLE)) {
        io_uring_queue_exit(&u->ring);
        r = -ENOSYS;
    }
    return r;
}

/* The ring of buffers, and where each of them is; 0: not to be had. */
static int iou_map_buffers(uring *u, const tht_io_cfg *cfg)
{
    struct io_uring_buf_reg reg = {.ring_entries = cfg->buffers, .bgid = URING_GROUP};
    size_t ring = cfg->buffers * sizeof(struct io_uring_buf);
    u->mapped = ring + cfg->buffers * sizeof *u->memory;
    u->lent = tht_port_map(u->mapped);
    if (u->lent == NULL) return 0;
    u->memory = (void **)(void *)((char *)u->lent + ring);
    u->buffers = cfg->buffers;
    u->buffer_size = cfg->buffer_size;
    reg.ring_addr = (uintptr_t)u->lent;
    io_uring_buf_ring_init(u->lent);
    return io_uring_register_buf_ring(&u->ring, &reg, 0) == 0;
}

static void iou_close(tht_io *io)
{
    uring *u = iou_of(io);
    io_uring_queue_exit(&u->ring);
    if (u->lent) tht_port_unmap(u->lent, u->mapped);
    u->lent = NULL;
}

static tht_ret iou_open(const tht_sys *sys, tht_io *io, const tht_io_cfg *cfg)
{
    static const tht_io_cfg trial = {.handles = 2, .buffers = 2, .buffer_size = 1};
    uring *u = iou_of(io);
    uint32_t offers, many;
    (void)sys;
    int r = iou_is_off("all") ? -EPERM : iou_init(u, &trial);
    if (r == 0) {
        iou_try(u);
        iou_close(io);
        offers = io->offers;
        many = io->many;
        memset(u, 0, sizeof *u);
        io->offers = offers;
        io->many = many;
        r = iou_init(u, cfg);
    }
    if (r != 0) {
        return (tht_ret){0, r == -EMFILE || r == -ENFILE || r == -ENOMEM ? tht_sys_fault(-r).status
                                                                        : THETIS_ENOTSUP, -r};
    }
    io->ops = &tht_io_linux;
    if (cfg->buffers == 0 || !iou_map_buffers(u, cfg)) io->offers &= ~THT_IO_BIT(THT_IO_RECV);
    return tht_sys_done(0);
}

const tht_io_ops tht_io_linux = {
    .size = iou_size,
    .open = iou_open,
    .close = iou_close,
    .submit = iou_submit,
    .cancel = iou_cancel,
    .reap = iou_reap,
    .lend = iou_lend,
};
