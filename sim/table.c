/* SPDX-License-Identifier: MIT
 *
 * table.c: tht_sys on the fake. Every call enters here: it is counted, may fail by plan or by
 * choice, is written to the trace and judged by the detectors.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define CALL_NS 200u /* of virtual time; a loop that never sleeps must see its timers expire */

typedef struct call {
    sim_view *view;
    thetis_sim *sim;
    sim_file *file;
    sim_call_id id;
    int fd;
    int answered; /* with `ret`, instead of being made */
    tht_ret ret;
} call;

static const struct {
    const char *name;
    sim_error error;
} call_infos[] = {
#define SIM_CALL(name, error) {#name, SIM_E_##error},
#include "calls.def"
#undef SIM_CALL
};

/* ---- entering and leaving -------------------------------------------------------------------- */

static int interruptible(sim_call_id id)
{
    return id == SIM_CALL_accept || id == SIM_CALL_poller_wait ||
           (id >= SIM_CALL_recv && id <= SIM_CALL_send_msgs);
}

/* True if the plan says that this call is to fail. */
static int planned(const thetis_sim *sim, sim_call_id id)
{
    uint64_t k = sim->cfg.fail_call == SIM_CALLS ? sim->calls : sim->calls_of[id];
    if (sim->cfg.fail_at == 0 || k != sim->cfg.fail_at) return 0;
    return sim->cfg.fail_call == SIM_CALLS || sim->cfg.fail_call == id;
}

static void call_inject(call *c)
{
    thetis_sim *sim = c->sim;
    sim_error e = SIM_E_NONE, own = call_infos[c->id].error;
    if (own == SIM_E_NONE) return;
    if (planned(sim, c->id)) e = own;
    else if (interruptible(c->id) && tsm_chance(sim, sim->cfg.interrupts)) e = SIM_E_INTR;
    else if (tsm_chance(sim, sim->cfg.faults)) e = own;
    if (e == SIM_E_NONE) return;
    sim->injected++;
    sim->progress = 1; /* the system's, not the program's */
    c->answered = 1;
    c->ret = tsm_error(sim, e);
}

/* fd -1: the call has none. */
static call call_enter(const tht_sys *sys, sim_call_id id, int fd)
{
    sim_view *view = (sim_view *)(uintptr_t)sys;
    call c = {.view = view, .sim = view->sim, .id = id, .fd = fd};
    thetis_sim *sim = view->sim;
    c.file = fd >= 0 ? tsm_fd_file(sim, fd) : NULL;
    sim->watched = view->watched;
    if (c.file) c.file->ignored = 0;
    if (!view->watched) return c;
    sim->calls++;
    sim->calls_of[id]++;
    tsm_run_until(sim, sim->now + CALL_NS);
    if (fd >= 0 && c.file == NULL)
        tsm_fail(sim, "descriptor", "%s of descriptor %d, which is not open",
                 call_infos[id].name, fd);
    call_inject(&c);
    return c;
}

static void call_trace(const call *c, uint64_t arg)
{
    FILE *out = c->sim->cfg.trace;
    (void)fprintf(out, "%12.3f %s%s", (double)c->sim->now / 1000, c->view->watched ? "" : "peer: ",
                  call_infos[c->id].name);
    if (c->fd >= 0) (void)fprintf(out, " %d", c->fd);
    if (c->file) (void)fprintf(out, " #%u", c->file->serial);
    (void)fprintf(out, " (%llu) = %td %s%s\n", (unsigned long long)arg, c->ret.n,
                  thetis_status_name((thetis_status)c->ret.status),
                  c->answered ? ", injected" : "");
}

/* `arg` is for the trace. */
static tht_ret call_leave(call *c, uint64_t arg)
{
    thetis_sim *sim = c->sim;
    if (sim->cfg.trace && !sim->cfg.plain) call_trace(c, arg);
    if (!c->view->watched) sim->progress = 0;
    else tsm_watch_call(sim);
    return c->ret;
}

/* The text of a call: its parameters are in scope; *c->ret is what it answers. */
#define ENTER(id, fd)                                                                           \
    call c = call_enter(sys, SIM_CALL_##id, fd);                                                \
    thetis_sim *sim = c.sim;                                                                    \
    (void)sim

/* ---- sockets --------------------------------------------------------------------------------- */

static uint64_t table_now(const tht_sys *sys)
{
    ENTER(now, -1);
    c.ret = tsm_done((ptrdiff_t)sim->now);
    sim->progress = 1; /* a look at the clock is no try */
    (void)call_leave(&c, 0);
    return sim->now;
}

static tht_ret table_socket(const tht_sys *sys, thetis_addr_family family, tht_type type)
{
    ENTER(socket, -1);
    if (c.answered) return call_leave(&c, family);
    sim->progress = 1;
    if (family == THETIS_ADDR_NONE ||
        (family == THETIS_ADDR_UNIX && !sim->person->unix_sockets)) {
        c.ret = tsm_error(sim, SIM_E_AFNOSUPPORT);
    } else {
        sim_file *f = tsm_file_new(sim, type == THT_DGRAM ? SIM_DGRAM : SIM_STREAM);
        f->family = (uint8_t)family;
        c.ret = tsm_fd_open(sim, f);
    }
    return call_leave(&c, family);
}

static tht_ret table_bind(const tht_sys *sys, int fd, const thetis_addr *addr)
{
    ENTER(bind, fd);
    sim->progress = 1;
    if (!c.answered) c.ret = tsm_bind(sim, c.file, addr);
    return call_leave(&c, addr->port);
}

static tht_ret table_listen(const tht_sys *sys, int fd, int backlog)
{
    ENTER(listen, fd);
    sim->progress = 1;
    if (!c.answered) c.ret = tsm_listen(sim, c.file, backlog);
    return call_leave(&c, (uint64_t)backlog);
}

static tht_ret table_accept(const tht_sys *sys, int fd, thetis_addr *peer)
{
    ENTER(accept, fd);
    if (!c.answered) c.ret = tsm_accept(sim, c.file, peer);
    return call_leave(&c, 0);
}

static tht_ret table_connect(const tht_sys *sys, int fd, const thetis_addr *to)
{
    ENTER(connect, fd);
    if (!c.answered) c.ret = tsm_connect(sim, c.file, to);
    return call_leave(&c, to->port);
}

static tht_ret table_shutdown(const tht_sys *sys, int fd)
{
    ENTER(shutdown, fd);
    if (c.file->kind != SIM_STREAM)
        tsm_fail(sim, "shutdown", "of what is no stream: systems differ in what follows");
    if (!c.answered) c.ret = tsm_stream_shutdown(sim, c.file);
    return call_leave(&c, 0);
}

/* Also when it fails it has closed. */
static tht_ret table_close(const tht_sys *sys, int fd)
{
    ENTER(close, fd);
    tht_ret r = tsm_fd_close(sim, fd);
    c.file = NULL;
    sim->progress = 1;
    if (!c.answered) c.ret = r;
    return call_leave(&c, 0);
}

/* Some systems tell nothing of a failed connect here, and leave it to the next read. */
static sim_error error_told(thetis_sim *sim, sim_file *f)
{
    sim_error e = f->error;
    if (f->kind == SIM_STREAM && e && !f->u.s.was_connected)
        f->u.s.mute |= tsm_chance(sim, sim->person->so_error_lies) != 0;
    if (f->kind == SIM_STREAM && f->u.s.mute) return SIM_E_NONE;
    f->error = SIM_E_NONE;
    return e;
}

static tht_ret table_so_error(const tht_sys *sys, int fd)
{
    ENTER(so_error, fd);
    if (!c.answered) {
        sim_error e = error_told(sim, c.file);
        sim->progress |= e != SIM_E_NONE;
        c.ret = e ? tsm_error(sim, e) : tsm_done(0);
    }
    return call_leave(&c, 0);
}

static tht_ret table_name(const tht_sys *sys, int fd, tht_end end, thetis_addr *out)
{
    ENTER(name, fd);
    sim_file *f = c.file;
    int there = f->kind == SIM_STREAM ? f->u.s.state == SIM_CONNECTED : (int)f->connected;
    if (c.answered) return call_leave(&c, end);
    if (end == THT_PEER && !there) {
        c.ret = tsm_error(sim, SIM_E_NOTCONN);
    } else {
        *out = end == THT_PEER ? f->remote : f->local;
        if (end == THT_LOCAL && !f->bound && f->family != THETIS_ADDR_UNIX) out->family = f->family;
    }
    return call_leave(&c, end);
}

/* ---- options --------------------------------------------------------------------------------- */

static sim_error set_dgram(const thetis_sim *sim, sim_file *f, tht_opt opt, int value)
{
    const sim_personality *p = sim->person;
    switch (opt) {
    case THT_OPT_UDP_SEGMENT:
        return p->segments ? SIM_E_NONE : SIM_E_NOPROTOOPT;
    case THT_OPT_UDP_GRO:
        if (!p->segments) return SIM_E_NOPROTOOPT;
        f->u.d.gro = value != 0;
        return SIM_E_NONE;
    case THT_OPT_STAMP:
        f->u.d.stamp = value != 0;
        return p->stamps ? SIM_E_NONE : SIM_E_NOPROTOOPT;
    case THT_OPT_COUNT_DROPS:
        f->u.d.drops = value != 0;
        return p->drops ? SIM_E_NONE : SIM_E_NOPROTOOPT;
    case THT_OPT_BROADCAST:
        f->u.d.broadcast = value != 0;
        return SIM_E_NONE;
    case THT_OPT_RECV_SPACE:
        f->u.d.recv_space = (uint32_t)value;
        return SIM_E_NONE;
    case THT_OPT_SEND_SPACE:
        f->u.d.send_space = (uint32_t)value;
        return SIM_E_NONE;
    default:
        return SIM_E_NOPROTOOPT;
    }
}

static sim_error set_stream(sim_file *f, tht_opt opt, int value)
{
    if (f->kind == SIM_LISTENER) return opt == THT_OPT_NODELAY ? SIM_E_NONE : SIM_E_INVAL;
    switch (opt) {
    case THT_OPT_NODELAY:
        return f->family == THETIS_ADDR_UNIX ? SIM_E_NOTSUP : SIM_E_NONE;
    case THT_OPT_ABORT_ON_CLOSE:
        if (f->family != THETIS_ADDR_UNIX) f->u.s.abort = value != 0; /* as if it were not there */
        return SIM_E_NONE;
    case THT_OPT_RECV_SPACE:
        f->u.s.recv_space = (uint32_t)value;
        return SIM_E_NONE;
    case THT_OPT_SEND_SPACE:
        f->u.s.send_space = (uint32_t)value;
        return SIM_E_NONE;
    default:
        return SIM_E_NOPROTOOPT;
    }
}

static sim_error set_any(const thetis_sim *sim, sim_file *f, tht_opt opt, int value)
{
    switch (opt) {
    case THT_OPT_REUSE_ADDR:
        f->reuse_addr = value != 0;
        return SIM_E_NONE;
    case THT_OPT_REUSE_PORT:
        f->reuse_port = value != 0;
        f->balance = f->reuse_port && sim->person->reuse_balances;
        return SIM_E_NONE;
    case THT_OPT_BALANCE:
        if (!sim->person->balance) return SIM_E_NOPROTOOPT;
        f->balance = value != 0;
        f->reuse_port = f->balance && sim->person->reuse_balances;
        return SIM_E_NONE;
    case THT_OPT_V6_ONLY:
        return f->family == THETIS_ADDR_V6 ? SIM_E_NONE : SIM_E_NOPROTOOPT;
    default:
        return f->kind == SIM_DGRAM ? set_dgram(sim, f, opt, value) : set_stream(f, opt, value);
    }
}

static tht_ret table_setopt(const tht_sys *sys, int fd, tht_opt opt, int value)
{
    ENTER(setopt, fd);
    sim->progress = 1;
    if (!c.answered) {
        sim_error e = set_any(sim, c.file, opt, value);
        c.ret = e ? tsm_error(sim, e) : tsm_done(0);
    }
    return call_leave(&c, opt);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static tht_ret table_recv(const tht_sys *sys, int fd, void *into, size_t len)
{
    sim_rights *rights = NULL;
    ENTER(recv, fd);
    if (!c.answered) c.ret = tsm_stream_recv(sim, c.file, into, len, &rights);
    if (rights) rights->next = NULL;
    tsm_rights_free(sim, rights);
    return call_leave(&c, len);
}

static tht_ret table_peek(const tht_sys *sys, int fd)
{
    ENTER(recv, fd);
    if (!c.answered) c.ret = tsm_stream_peek(sim, c.file);
    return call_leave(&c, 1);
}

static tht_ret table_send(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs)
{
    ENTER(send, fd);
    if (!c.answered) c.ret = tsm_stream_send(sim, c.file, iov, iovs, NULL);
    return call_leave(&c, iovs);
}

static tht_ret table_send_one(const tht_sys *sys, int fd, const void *data, size_t len)
{
    ENTER(send_one, fd);
    if (!c.answered) c.ret = tsm_stream_send(sim, c.file, &(thetis_iov){data, len}, 1, NULL);
    return call_leave(&c, len);
}

static void rights_install(thetis_sim *sim, sim_rights *r, int *fds, uint32_t *count)
{
    if (r == NULL) return;
    for (uint32_t i = 0; i < r->count; i++) {
        tht_ret fd = tsm_fd_open(sim, r->files[i]);
        if (fd.status == THETIS_OK) fds[(*count)++] = (int)fd.n;
    }
    free(r);
}

static tht_ret table_recv_fds(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                              uint32_t *count)
{
    sim_rights *rights = NULL;
    ENTER(recv_fds, fd);
    *count = 0;
    if (!c.answered) c.ret = tsm_stream_recv(sim, c.file, into, len, &rights);
    rights_install(sim, rights, fds, count);
    return call_leave(&c, len);
}

/* NULL: one of them is not open. */
static sim_rights *rights_of(thetis_sim *sim, const int *fds, uint32_t count)
{
    sim_rights *r = tsm_alloc(sizeof *r);
    for (; r->count < count; r->count++) {
        sim_file *f = tsm_fd_file(sim, fds[r->count]);
        if (f == NULL) {
            tsm_rights_free(sim, r);
            return NULL;
        }
        tsm_file_hold(f);
        r->files[r->count] = f;
    }
    return r;
}

static tht_ret table_send_fds(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                              const int *fds, uint32_t count)
{
    sim_rights *rights;
    ENTER(send_fds, fd);
    if (c.answered) return call_leave(&c, iovs);
    rights = rights_of(sim, fds, count);
    if (rights == NULL) {
        c.ret = tsm_error(sim, SIM_E_BADF);
        return call_leave(&c, iovs);
    }
    if (c.file->kind == SIM_DGRAM) {
        tht_out out = {.data = iov->data, .len = iov->len};
        c.ret = tsm_dgram_send(sim, c.file, &out, 1, rights);
    } else {
        c.ret = tsm_stream_send(sim, c.file, iov, iovs, rights);
    }
    if (c.ret.status != THETIS_OK) tsm_rights_free(sim, rights);
    return call_leave(&c, iovs);
}

static tht_ret table_recv_msgs(const tht_sys *sys, int fd, tht_in *in, uint32_t n)
{
    ENTER(recv_msgs, fd);
    if (!c.answered) c.ret = tsm_dgram_recv(sim, c.file, in, n);
    return call_leave(&c, n);
}

static tht_ret table_send_msgs(const tht_sys *sys, int fd, const tht_out *out, uint32_t n)
{
    ENTER(send_msgs, fd);
    if (!c.answered) c.ret = tsm_dgram_send(sim, c.file, out, n, NULL);
    return call_leave(&c, n);
}

static tht_ret table_group(const tht_sys *sys, int fd, const thetis_addr *group,
                           uint32_t interface, int join)
{
    ENTER(group, fd);
    (void)interface; /* there is one */
    sim->progress = 1;
    if (!c.answered) c.ret = tsm_dgram_group(sim, c.file, group, join);
    return call_leave(&c, (uint64_t)join);
}

/* ---- pollers --------------------------------------------------------------------------------- */

static tht_ret table_epoll_open(const tht_sys *sys)
{
    ENTER(poller_open, -1);
    sim->progress = 1;
    if (!c.answered) c.ret = tsm_fd_open(sim, tsm_file_new(sim, SIM_EPOLL));
    return call_leave(&c, 0);
}

static tht_ret table_epoll_set(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                               uint32_t mask)
{
    ENTER(poller_set, fd);
    if (!c.answered && (was | mask))
        c.ret = tsm_epoll_set(sim, tsm_fd_file(sim, set), fd, token, mask & (THT_IN | THT_OUT),
                              (mask & THT_EDGE) != 0);
    return call_leave(&c, mask);
}

static tht_ret table_epoll_wait(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                                uint64_t timeout_ns)
{
    ENTER(poller_wait, set);
    if (c.view->watched) tsm_watch_wait(sim);
    if (!c.answered) c.ret = tsm_epoll_wait(sim, c.file, out, cap, timeout_ns);
    if (c.ret.n == 0) sim->progress = 1; /* no event called for anything */
    return call_leave(&c, timeout_ns);
}

static tht_ret table_poll_set(const tht_sys *sys, int fd, uint64_t token, uint32_t was,
                              uint32_t mask)
{
    ENTER(poller_set, fd);
    (void)token;
    (void)was;
    if (!c.answered) c.ret = tsm_done(mask);
    return call_leave(&c, mask);
}

static tht_ret table_poll_wait(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens,
                               uint32_t n, uint32_t *first, tht_event *out, uint32_t cap,
                               uint64_t timeout_ns)
{
    ENTER(poller_wait, -1);
    if (c.view->watched) tsm_watch_wait(sim);
    if (!c.answered) c.ret = tsm_poll_wait(sim, fds, tokens, n, first, out, cap, timeout_ns);
    if (c.ret.n == 0) sim->progress = 1;
    return call_leave(&c, timeout_ns);
}

static tht_ret table_kqueue_open(const tht_sys *sys)
{
    ENTER(poller_open, -1);
    sim->progress = 1;
    if (!c.answered) c.ret = tsm_fd_open(sim, tsm_file_new(sim, SIM_KQUEUE));
    return call_leave(&c, 0);
}

/* Changes without a wait are one kind of call, waits another. */
static tht_ret table_kevent_change(const tht_sys *sys, int queue, const tht_kevent *changes,
                                   uint32_t n, tht_kevent *out, uint32_t cap)
{
    ENTER(poller_set, queue);
    if (!c.answered) c.ret = tsm_kevent_change(sim, c.file, changes, n, out, cap);
    if (c.ret.status == THETIS_OK && c.ret.n == 0 && cap)
        c.ret = tsm_kevent_wait(sim, c.file, out, cap, 0);
    sim->progress |= (changes->flags & THT_KQ_TRIGGER) != 0;
    return call_leave(&c, (uint64_t)changes->fd);
}

static tht_ret table_kevent(const tht_sys *sys, int queue, const tht_kevent *changes, uint32_t n,
                            tht_kevent *out, uint32_t cap, uint64_t timeout_ns)
{
    tht_ret done;
    if (n && (timeout_ns == 0 || cap == 0))
        return table_kevent_change(sys, queue, changes, n, out, cap);
    ENTER(poller_wait, queue);
    done = n ? tsm_kevent_change(sim, c.file, changes, n, out, cap) : tsm_done(0);
    if (c.view->watched) tsm_watch_wait(sim);
    if (!c.answered && (done.n || done.status != THETIS_OK)) c.ret = done;
    else if (!c.answered) c.ret = tsm_kevent_wait(sim, c.file, out, cap, timeout_ns);
    if (c.ret.n == 0) sim->progress = 1;
    return call_leave(&c, timeout_ns);
}

static tht_ret table_wake_open(const tht_sys *sys, int set, uint64_t token)
{
    ENTER(wake_open, -1);
    sim->progress = 1;
    if (c.answered) return call_leave(&c, 0);
    c.ret = tsm_fd_open(sim, tsm_file_new(sim, SIM_WAKE));
    if (c.ret.status == THETIS_OK && set >= 0)
        (void)tsm_epoll_set(sim, tsm_fd_file(sim, set), (int)c.ret.n, token, THT_IN, 1);
    return call_leave(&c, 0);
}

static void table_wake_take(const tht_sys *sys, int wake_fd)
{
    ENTER(wake_take, wake_fd);
    sim->progress = c.file->count != 0;
    c.file->count = 0;
    (void)call_leave(&c, 0);
}

static tht_ret table_wake_send(const tht_sys *sys, int wake_fd)
{
    ENTER(wake_send, wake_fd);
    c.file->count++;
    sim->progress = 1;
    tsm_poller_touch(c.file);
    return call_leave(&c, 0);
}

static uint64_t table_sleep_ns(const tht_sys *sys)
{
    uint64_t tick = ((const sim_view *)sys)->sim->person->tick_ns;
    return tick ? 2 * tick : 1;
}

static const tht_sys table = {
    .now = table_now,
    .socket = table_socket,
    .bind = table_bind,
    .listen = table_listen,
    .accept = table_accept,
    .connect = table_connect,
    .recv = table_recv,
    .peek = table_peek,
    .send = table_send,
    .send_one = table_send_one,
    .recv_fds = table_recv_fds,
    .send_fds = table_send_fds,
    .recv_msgs = table_recv_msgs,
    .send_msgs = table_send_msgs,
    .group = table_group,
    .shutdown = table_shutdown,
    .close = table_close,
    .so_error = table_so_error,
    .setopt = table_setopt,
    .name = table_name,
    .epoll_open = table_epoll_open,
    .epoll_set = table_epoll_set,
    .epoll_wait = table_epoll_wait,
    .poll_set = table_poll_set,
    .poll_wait = table_poll_wait,
    .kqueue_open = table_kqueue_open,
    .kevent = table_kevent,
    .wake_open = table_wake_open,
    .wake_take = table_wake_take,
    .wake_send = table_wake_send,
    .sleep_ns = table_sleep_ns,
    .max_iov = 64,
};

static uint32_t table_lacks(const sim_personality *p)
{
    uint32_t lacks = 0;
    if (!p->balance) lacks |= 1u << THETIS_CAP_LISTEN_BALANCE;
    if (!p->drops) lacks |= 1u << THETIS_CAP_UDP_DROPS;
    if (!p->stamps) lacks |= 1u << THETIS_CAP_UDP_STAMP;
    if (!p->icmp_errors) lacks |= 1u << THETIS_CAP_UDP_ICMP_ERR;
    if (!p->unix_sockets) lacks |= 1u << THETIS_CAP_UNIX;
    if (!p->fd_passing) lacks |= 1u << THETIS_CAP_UNIX_FD_PASS;
    return lacks;
}

void tsm_table_init(sim_view *view, thetis_sim *sim, int watched)
{
    view->sys = table;
    view->sys.lacks = table_lacks(sim->person);
    if (sim->person->operations) view->sys.io = &tsm_io_ops;
    view->sim = sim;
    view->watched = watched;
}
