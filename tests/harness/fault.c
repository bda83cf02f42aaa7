/* SPDX-License-Identifier: MIT
 *
 * fault.c: the fault shim, see fault.h.
 */
#include "harness/fault_inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

fault *fault_of(const tht_sys *sys)
{
    return (fault *)(uintptr_t)sys;
}

/* ---- choices --------------------------------------------------------------------------------- */

uint64_t fault_rand(fault *f, uint64_t below)
{
    f->rng += 0x9E3779B97F4A7C15u;
    uint64_t z = f->rng;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

int fault_chance(fault *f, unsigned of_1000)
{
    return of_1000 && fault_rand(f, 1000) < of_1000;
}

/* The calls that a signal can interrupt. */
static int fault_interruptible(fault_fn fn)
{
    return fn == FAULT_ACCEPT || fn == FAULT_RECV || fn == FAULT_SEND || fn == FAULT_EPOLL_WAIT ||
           fn == FAULT_RECV_MSGS || fn == FAULT_SEND_MSGS;
}

/* ---- before and after a call ----------------------------------------------------------------- */

static int fault_planned(fault *f, fault_fn fn)
{
    if (f->fail_in == 0 || (f->fail_fn != FAULT_ANY && f->fail_fn != fn)) return 0;
    return --f->fail_in == 0;
}

/* Counts the call; 1: it is to be answered with *ret instead of being made. */
int fault_enter(fault *f, fault_fn fn, tht_ret *ret)
{
    fault_answer answer = f->hold[fn];
    f->calls[fn]++;
    f->total++;
    if (fault_planned(f, fn)) answer = f->fail;
    if (answer.status == THETIS_OK && f->eintr_each && fault_interruptible(fn) &&
        ++f->eintr_count % f->eintr_each == 0)
        answer = (fault_answer){THETIS_EINTR, EINTR};
    if (answer.status == THETIS_OK) return 0;
    f->injected++;
    *ret = (tht_ret){0, answer.status, answer.os};
    return 1;
}

tht_ret fault_leave(fault *f, fault_fn fn, int fd, uint64_t arg, tht_ret ret)
{
    f->log[f->logged++ % FAULT_LOG] = (fault_call){fn, fd, ret, arg};
    return ret;
}

/* ---- registrations --------------------------------------------------------------------------- */

fault_reg *fault_reg_find(fault *f, int fd)
{
    for (size_t i = 0; i < f->reg_count; i++)
        if (f->regs[i].fd == fd) return &f->regs[i];
    return NULL;
}

static void fault_reg_drop(fault *f, int fd)
{
    fault_reg *reg = fault_reg_find(f, fd);
    if (!reg) return;
    f->dead[f->dead_count++ % FAULT_REGS] = reg->token;
    *reg = f->regs[--f->reg_count];
}

static void fault_reg_put(fault *f, int fd, uint64_t token, uint32_t mask)
{
    fault_reg *reg = fault_reg_find(f, fd);
    if (!reg && f->reg_count == FAULT_REGS) return; /* this one gets no spurious events */
    if (!reg) reg = &f->regs[f->reg_count++];
    *reg = (fault_reg){fd, mask, token};
}

/* ---- events ---------------------------------------------------------------------------------- */

static size_t fault_suppress_events(fault *f, tht_event *out, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (f->suppress == 0 || out[i].token == f->wake_token) {
            out[kept++] = out[i];
            continue;
        }
        f->suppress--;
        f->injected++;
    }
    return kept;
}

static size_t fault_add_event(fault *f, tht_event *out, size_t n, tht_event event)
{
    f->injected++;
    out[n] = event;
    return n + 1;
}

static size_t fault_duplicate_events(fault *f, tht_event *out, size_t n, size_t cap)
{
    for (size_t i = 0, end = n; i < end && n < cap; i++)
        if (fault_chance(f, f->duplicate)) n = fault_add_event(f, out, n, out[i]);
    return n;
}

/* A registered descriptor that is not ready, half of the time with an error flag's directions. */
static size_t fault_spurious_event(fault *f, tht_event *out, size_t n, size_t cap)
{
    if (n == cap || f->reg_count == 0) return n;
    const fault_reg *reg = &f->regs[fault_rand(f, f->reg_count)];
    uint32_t ready = fault_rand(f, 2) ? reg->mask : THT_IN | THT_OUT;
    return fault_add_event(f, out, n, (tht_event){reg->token, ready});
}

/* An event of a descriptor that was removed: another process may still hold a copy of it. */
static size_t fault_ghost_event(fault *f, tht_event *out, size_t n, size_t cap)
{
    if (n == cap || f->dead_count == 0) return n;
    uint64_t last = f->dead_count < FAULT_REGS ? f->dead_count : FAULT_REGS;
    tht_event event = {f->dead[fault_rand(f, last)], THT_IN | THT_OUT};
    return fault_add_event(f, out, n, event);
}

static tht_ret fault_wait_real(fault *f, const fault_set *s, tht_event *out, uint32_t cap,
                               uint64_t ns)
{
    if (s->is_queue) return fault_wait_queue(f, s->set, out, cap, ns);
    if (s->set >= 0) return f->under->epoll_wait(f->under, s->set, out, cap, ns);
    return f->under->poll_wait(f->under, s->fds, s->tokens, s->n, s->first, out, cap, ns);
}

static tht_ret fault_wait_below(fault *f, const fault_set *s, tht_event *out, uint32_t cap,
                                uint64_t ns)
{
    if (!f->clock_on) return fault_wait_real(f, s, out, cap, ns);
    uint64_t real = ns == UINT64_MAX ? FAULT_NAP_NS : 0;
    tht_ret ret = fault_wait_real(f, s, out, cap, real);
    if (ret.status == THETIS_OK && ret.n == 0 && ns != UINT64_MAX) f->clock += ns;
    return ret;
}

tht_ret fault_wait(fault *f, const fault_set *s, tht_event *out, uint32_t cap,
                          uint64_t timeout_ns)
{
    tht_ret ret;
    if (fault_enter(f, FAULT_EPOLL_WAIT, &ret))
        return fault_leave(f, FAULT_EPOLL_WAIT, s->set, timeout_ns, ret);
    int spurious = fault_chance(f, f->spurious) && f->reg_count;
    int ghost = fault_chance(f, f->ghosts) && f->dead_count;
    ret = fault_wait_below(f, s, out, cap, spurious || ghost ? 0 : timeout_ns);
    if (ret.status == THETIS_OK) {
        size_t seen = (size_t)ret.n;
        size_t n = fault_duplicate_events(f, out, fault_suppress_events(f, out, seen), cap);
        if (spurious) n = fault_spurious_event(f, out, n, cap);
        if (ghost) n = fault_ghost_event(f, out, n, cap);
        ret.n = (ptrdiff_t)n;
        if (n == 0 && seen > 0) ret = (tht_ret){0, THETIS_EINTR, EINTR}; /* not a time-out */
    }
    return fault_leave(f, FAULT_EPOLL_WAIT, s->set, timeout_ns, ret);
}

static tht_ret fault_epoll_wait(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                                uint64_t timeout_ns)
{
    return fault_wait(fault_of(sys), &(fault_set){.set = set}, out, cap, timeout_ns);
}

static tht_ret fault_poll_wait(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens,
                               uint32_t n, uint32_t *first, tht_event *out, uint32_t cap,
                               uint64_t timeout_ns)
{
    fault_set set = {.set = -1, .fds = fds, .tokens = tokens, .n = n, .first = first};
    return fault_wait(fault_of(sys), &set, out, cap, timeout_ns);
}

void fault_reg_note(fault *f, int fd, uint64_t token, uint32_t mask, tht_ret ret)
{
    if (mask == 0) fault_reg_drop(f, fd);
    else if (ret.status == THETIS_OK && token != f->wake_token) fault_reg_put(f, fd, token, mask);
}

static tht_ret fault_epoll_set(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                               uint32_t mask)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_EPOLL_SET, &ret)) {
        ret = f->under->epoll_set(f->under, set, fd, token, was, mask);
        fault_reg_note(f, fd, token, mask, ret);
    }
    return fault_leave(f, FAULT_EPOLL_SET, fd, mask, ret);
}

static tht_ret fault_poll_set(const tht_sys *sys, int fd, uint64_t token, uint32_t was,
                              uint32_t mask)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_EPOLL_SET, &ret)) {
        ret = f->under->poll_set(f->under, fd, token, was, mask);
        fault_reg_note(f, fd, token, mask, ret);
    }
    return fault_leave(f, FAULT_EPOLL_SET, fd, mask, ret);
}

static void fault_wake_take(const tht_sys *sys, int wake_fd)
{
    fault *f = fault_of(sys);
    f->under->wake_take(f->under, wake_fd);
}

static tht_ret fault_epoll_open(const tht_sys *sys)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_EPOLL_OPEN, &ret)) ret = f->under->epoll_open(f->under);
    return fault_leave(f, FAULT_EPOLL_OPEN, -1, 0, ret);
}

static tht_ret fault_wake_open(const tht_sys *sys, int set, uint64_t token)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    f->wake_token = token;
    if (!fault_enter(f, FAULT_WAKE_OPEN, &ret)) ret = f->under->wake_open(f->under, set, token);
    return fault_leave(f, FAULT_WAKE_OPEN, -1, token, ret);
}

static uint64_t fault_sleep_ns(const tht_sys *sys)
{
    fault *f = fault_of(sys);
    return f->under->sleep_ns(f->under);
}

static tht_ret fault_wake_send(const tht_sys *sys, int wake_fd)
{
    fault *f = fault_of(sys);
    thetis_atomic_fetch_add_relaxed(&f->wake_sends, 1);
    return f->under->wake_send(f->under, wake_fd);
}

/* ---- clock ----------------------------------------------------------------------------------- */

static uint64_t fault_now(const tht_sys *sys)
{
    fault *f = fault_of(sys);
    f->calls[FAULT_NOW]++;
    return f->clock_on ? f->clock : f->under->now(f->under);
}

void fault_clock_start(fault *f, uint64_t at)
{
    f->clock_on = 1;
    f->clock = at;
}

void fault_clock_step(fault *f, int64_t by)
{
    f->clock += (uint64_t)by;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static tht_ret fault_socket(const tht_sys *sys, thetis_addr_family family, tht_type type)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SOCKET, &ret)) ret = f->under->socket(f->under, family, type);
    return fault_leave(f, FAULT_SOCKET, -1, family, ret);
}

static tht_ret fault_bind(const tht_sys *sys, int fd, const thetis_addr *addr)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_BIND, &ret)) ret = f->under->bind(f->under, fd, addr);
    return fault_leave(f, FAULT_BIND, fd, addr->port, ret);
}

static tht_ret fault_listen(const tht_sys *sys, int fd, int backlog)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_LISTEN, &ret)) ret = f->under->listen(f->under, fd, backlog);
    return fault_leave(f, FAULT_LISTEN, fd, (uint64_t)backlog, ret);
}

static tht_ret fault_accept(const tht_sys *sys, int fd, thetis_addr *peer)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_ACCEPT, &ret)) ret = f->under->accept(f->under, fd, peer);
    return fault_leave(f, FAULT_ACCEPT, fd, 0, ret);
}

/* What a system says that finishes connections on loopback inside the call. */
static tht_ret fault_connect_result(fault *f, int fd)
{
    tht_pollfd p = {.fd = fd};
    uint32_t first = 0;
    tht_event event;
    p.events = (int16_t)f->under->poll_set(f->under, fd, 0, 0, THT_OUT).n;
    if (f->under->poll_wait(f->under, &p, &(uint64_t){0}, 1, &first, &event, 1, 1000000000).n == 0)
        return (tht_ret){0, THETIS_AGAIN, EINPROGRESS};
    f->injected++;
    return f->under->so_error(f->under, fd);
}

static tht_ret fault_connect(const tht_sys *sys, int fd, const thetis_addr *to)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_CONNECT, &ret)) {
        ret = f->under->connect(f->under, fd, to);
        if (f->connect_now && ret.status == THETIS_AGAIN) ret = fault_connect_result(f, fd);
    }
    return fault_leave(f, FAULT_CONNECT, fd, to->port, ret);
}

size_t fault_shorten(fault *f, size_t len)
{
    if (f->short_max == 0 || len <= 1) return len;
    size_t most = f->short_max < len ? f->short_max : len;
    return 1 + (size_t)fault_rand(f, most);
}

static tht_ret fault_recv(const tht_sys *sys, int fd, void *into, size_t len)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_RECV, &ret))
        ret = f->under->recv(f->under, fd, into, fault_shorten(f, len));
    return fault_leave(f, FAULT_RECV, fd, len, ret);
}

static tht_ret fault_peek(const tht_sys *sys, int fd)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_RECV, &ret)) ret = f->under->peek(f->under, fd);
    return fault_leave(f, FAULT_RECV, fd, 1, ret);
}

static tht_ret fault_recv_fds(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                              uint32_t *count)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    *count = 0;
    if (!fault_enter(f, FAULT_RECV, &ret))
        ret = f->under->recv_fds(f->under, fd, into, fault_shorten(f, len), fds, count);
    return fault_leave(f, FAULT_RECV, fd, len, ret);
}

static size_t fault_bytes(const thetis_iov *iov, uint32_t iovs)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < iovs; i++) sum += iov[i].len;
    return sum;
}

/* The first piece that has bytes, shortened. */
static tht_ret fault_send_short(fault *f, int fd, const thetis_iov *iov, uint32_t iovs)
{
    uint32_t i = 0;
    while (i + 1 < iovs && iov[i].len == 0) i++;
    return f->under->send_one(f->under, fd, iov[i].data, fault_shorten(f, iov[i].len));
}

static tht_ret fault_send(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SEND, &ret))
        ret = f->short_max ? fault_send_short(f, fd, iov, iovs)
                           : f->under->send(f->under, fd, iov, iovs);
    return fault_leave(f, FAULT_SEND, fd, fault_bytes(iov, iovs), ret);
}

static tht_ret fault_send_fds(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                              const int *fds, uint32_t count)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SEND, &ret)) {
        thetis_iov first = {iov->data, fault_shorten(f, iov->len)};
        int cut = f->short_max != 0;
        ret = f->under->send_fds(f->under, fd, cut ? &first : iov, cut ? 1 : iovs, fds, count);
    }
    return fault_leave(f, FAULT_SEND, fd, fault_bytes(iov, iovs), ret);
}

static tht_ret fault_send_one(const tht_sys *sys, int fd, const void *data, size_t len)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SEND, &ret))
        ret = f->under->send_one(f->under, fd, data, fault_shorten(f, len));
    return fault_leave(f, FAULT_SEND, fd, len, ret);
}

static tht_ret fault_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_RECV_MSGS, &ret))
        ret = f->under->recv_msgs(f->under, fd, in, (uint32_t)fault_shorten(f, n));
    return fault_leave(f, FAULT_RECV_MSGS, fd, n, ret);
}

static tht_ret fault_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (fault_enter(f, FAULT_SEND_MSGS, &ret)) {
        /* as planned */
    } else if (f->no_cut && out->segment) {
        f->no_cut--;
        f->injected++;
        ret = (tht_ret){0, THETIS_ENOTSUP, EIO};
    } else {
        ret = f->under->send_msgs(f->under, fd, out, (uint32_t)fault_shorten(f, n));
    }
    return fault_leave(f, FAULT_SEND_MSGS, fd, n, ret);
}

static tht_ret fault_group(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                           int join)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_GROUP, &ret))
        ret = f->under->group(f->under, fd, group, interface, join);
    return fault_leave(f, FAULT_GROUP, fd, interface, ret);
}

static tht_ret fault_shutdown(const tht_sys *sys, int fd)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SHUTDOWN, &ret)) ret = f->under->shutdown(f->under, fd);
    return fault_leave(f, FAULT_SHUTDOWN, fd, 0, ret);
}

static tht_ret fault_close(const tht_sys *sys, int fd)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    tht_ret below = f->under->close(f->under, fd);
    fault_reg_drop(f, fd);
    if (!fault_enter(f, FAULT_CLOSE, &ret)) ret = below;
    return fault_leave(f, FAULT_CLOSE, fd, 0, ret);
}

static tht_ret fault_so_error(const tht_sys *sys, int fd)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SO_ERROR, &ret)) ret = f->under->so_error(f->under, fd);
    return fault_leave(f, FAULT_SO_ERROR, fd, 0, ret);
}

static tht_ret fault_setopt(const tht_sys *sys, int fd, tht_opt opt, int value)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_SETOPT, &ret)) ret = f->under->setopt(f->under, fd, opt, value);
    return fault_leave(f, FAULT_SETOPT, fd, opt, ret);
}

static tht_ret fault_name(const tht_sys *sys, int fd, tht_end end, thetis_addr *out)
{
    fault *f = fault_of(sys);
    tht_ret ret;
    if (!fault_enter(f, FAULT_NAME, &ret)) ret = f->under->name(f->under, fd, end, out);
    return fault_leave(f, FAULT_NAME, fd, end, ret);
}

/* ---- control --------------------------------------------------------------------------------- */

static const tht_sys fault_table = {
    .now = fault_now,
    .socket = fault_socket,
    .bind = fault_bind,
    .listen = fault_listen,
    .accept = fault_accept,
    .connect = fault_connect,
    .recv = fault_recv,
    .peek = fault_peek,
    .send = fault_send,
    .send_one = fault_send_one,
    .recv_fds = fault_recv_fds,
    .send_fds = fault_send_fds,
    .recv_msgs = fault_recv_msgs,
    .send_msgs = fault_send_msgs,
    .group = fault_group,
    .shutdown = fault_shutdown,
    .close = fault_close,
    .so_error = fault_so_error,
    .setopt = fault_setopt,
    .name = fault_name,
    .epoll_open = fault_epoll_open,
    .epoll_set = fault_epoll_set,
    .epoll_wait = fault_epoll_wait,
    .poll_set = fault_poll_set,
    .poll_wait = fault_poll_wait,
    .kqueue_open = fault_kqueue_open,
    .kevent = fault_kevent,
    .wake_open = fault_wake_open,
    .wake_take = fault_wake_take,
    .wake_send = fault_wake_send,
    .sleep_ns = fault_sleep_ns,
};

void fault_init(fault *f, const tht_sys *under, uint64_t seed)
{
    memset(f, 0, sizeof *f);
    f->sys = fault_table;
    f->sys.max_iov = under->max_iov;
    f->sys.lacks = under->lacks;
    if (under->io) f->sys.io = &fault_io_ops;
    f->under = under;
    f->rng = seed;
}

void fault_calm(fault *f)
{
    f->fail_in = 0;
    memset(f->hold, 0, sizeof f->hold);
    f->short_max = 0;
    f->eintr_each = 0;
    f->spurious = f->ghosts = f->duplicate = f->suppress = 0;
    f->connect_now = 0;
    f->no_cut = 0;
}

void fault_fail(fault *f, fault_fn fn, uint64_t k, thetis_status status, int os)
{
    f->fail_fn = fn;
    f->fail_in = status == THETIS_OK ? 0 : k;
    f->fail = (fault_answer){status, os};
}

int fault_fired(const fault *f)
{
    return f->fail_in == 0 && f->fail.status != THETIS_OK;
}

void fault_hold(fault *f, fault_fn fn, thetis_status status, int os)
{
    f->hold[fn] = (fault_answer){status, os};
}

uint64_t fault_calls(const fault *f, fault_fn fn)
{
    return fn == FAULT_WAKE_SEND ? thetis_atomic_load_relaxed(&f->wake_sends) : f->calls[fn];
}

size_t fault_logged(const fault *f, uint64_t from, fault_fn fn, int fd)
{
    uint64_t first = f->logged > FAULT_LOG ? f->logged - FAULT_LOG : 0;
    size_t count = 0;
    for (uint64_t k = from > first ? from : first; k < f->logged; k++) {
        const fault_call *call = &f->log[k % FAULT_LOG];
        count += call->fn == fn && (fd < 0 || call->fd == fd);
    }
    return count;
}
