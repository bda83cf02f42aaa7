/* SPDX-License-Identifier: MIT
 *
 * ask.c: the questions of probe/ to a personality of the fake kernel, so that its answers can be
 * compared with those of a real system. They go through the table of peers: nothing fails that the
 * personality does not make fail, and nobody watches.
 */
#include "oracle.h"
#include "probe/probe.h"
#include "run.h"
#include "sim.h"

#include <string.h>

enum { ASK_SEED = 1, ASK_FDS = 16384 };

typedef struct asked {
    probe_sys table; /* first */
    thetis_sim *sim;
    const tht_sys *sys;
} asked;

static const asked *asked_of(const probe_sys *p)
{
    return (const asked *)p;
}

static long answer(tht_ret r)
{
    return r.status == THETIS_OK ? (long)r.n : -(long)r.os;
}

/* Loopback, or a name in the file system. */
static thetis_addr place(probe_kind kind, int at)
{
    thetis_addr a = {.family = THETIS_ADDR_V4, .port = (uint16_t)at, .u.v4 = {127, 0, 0, 1}};
    if (kind == PROBE_TCP || kind == PROBE_UDP) return a;
    a = (thetis_addr){.family = THETIS_ADDR_UNIX};
    (void)snprintf(a.u.path, sizeof a.u.path, "/probe/%d", at);
    return a;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int ask_socket(const probe_sys *p, probe_kind kind)
{
    const asked *a = asked_of(p);
    int is_inet = kind == PROBE_TCP || kind == PROBE_UDP;
    int is_stream = kind == PROBE_TCP || kind == PROBE_UNIX;
    return (int)answer(a->sys->socket(a->sys, is_inet ? THETIS_ADDR_V4 : THETIS_ADDR_UNIX,
                                      is_stream ? THT_STREAM : THT_DGRAM));
}

static int ask_bind(const probe_sys *p, probe_kind kind, int fd, int at)
{
    const asked *a = asked_of(p);
    thetis_addr to = place(kind, at);
    return (int)answer(a->sys->bind(a->sys, fd, &to));
}

static int ask_bind_abstract(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    thetis_addr to = {.family = THETIS_ADDR_UNIX, .u.path = "\0abstract"};
    return (int)answer(a->sys->bind(a->sys, fd, &to));
}

static int ask_port(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    thetis_addr at;
    (void)a->sys->name(a->sys, fd, THT_LOCAL, &at);
    return at.port;
}

static int ask_listen(const probe_sys *p, int fd, int backlog)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->listen(a->sys, fd, backlog));
}

static int ask_accept(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->accept(a->sys, fd, NULL));
}

static int ask_connect(const probe_sys *p, probe_kind kind, int fd, int at)
{
    const asked *a = asked_of(p);
    thetis_addr to = place(kind, at);
    return (int)answer(a->sys->connect(a->sys, fd, &to));
}

static int ask_shutdown(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->shutdown(a->sys, fd));
}

static int ask_close(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->close(a->sys, fd));
}

static int ask_dup(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    sim_file *f = tsm_fd_file(a->sim, fd);
    tsm_file_hold(f);
    return (int)answer(tsm_fd_open(a->sim, f));
}

static int ask_so_error(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    return (int)-answer(a->sys->so_error(a->sys, fd));
}

static int ask_setopt(const probe_sys *p, int fd, probe_option option)
{
    static const tht_opt opts[] = {
        [PROBE_ABORT] = THT_OPT_ABORT_ON_CLOSE, [PROBE_SEGMENT] = THT_OPT_UDP_SEGMENT,
        [PROBE_GRO] = THT_OPT_UDP_GRO, [PROBE_STAMP] = THT_OPT_STAMP,
        [PROBE_DROPS] = THT_OPT_COUNT_DROPS};
    const asked *a = asked_of(p);
    return (int)answer(a->sys->setopt(a->sys, fd, opts[option], option != PROBE_SEGMENT));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static int is_dgram(const asked *a, int fd)
{
    return tsm_fd_file(a->sim, fd)->kind == SIM_DGRAM;
}

static long ask_send(const probe_sys *p, int fd, const void *bytes, size_t n)
{
    const asked *a = asked_of(p);
    tht_out out = {.data = bytes, .len = n};
    long r = answer(is_dgram(a, fd) ? a->sys->send_msgs(a->sys, fd, &out, 1)
                                    : a->sys->send_one(a->sys, fd, bytes, n));
    return r > 0 && is_dgram(a, fd) ? (long)n : r;
}

static long ask_send_to(const probe_sys *p, probe_kind kind, int fd, int at, const void *bytes,
                        size_t n)
{
    const asked *a = asked_of(p);
    thetis_addr to = place(kind, at);
    tht_out out = {.data = bytes, .len = n, .to = &to};
    long r = answer(a->sys->send_msgs(a->sys, fd, &out, 1));
    return r > 0 ? (long)n : r;
}

static long ask_recv(const probe_sys *p, int fd, void *bytes, size_t n)
{
    const asked *a = asked_of(p);
    thetis_addr from;
    tht_in in = {.into = bytes, .room = n, .from = &from};
    long r = answer(is_dgram(a, fd) ? a->sys->recv_msgs(a->sys, fd, &in, 1)
                                    : a->sys->recv(a->sys, fd, bytes, n));
    return r > 0 && is_dgram(a, fd) ? (long)in.len : r;
}

static int ask_send_fd(const probe_sys *p, int fd, int passed)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->send_fds(a->sys, fd, &(thetis_iov){"x", 1}, 1, &passed, 1));
}

static int ask_recv_fd(const probe_sys *p, int fd)
{
    const asked *a = asked_of(p);
    char byte;
    int fds[THT_FDS];
    uint32_t count;
    long r = answer(a->sys->recv_fds(a->sys, fd, &byte, 1, fds, &count));
    if (r >= 0 && count == 0) return -tsm_error(a->sim, SIM_E_INVAL).os;
    return r < 0 ? (int)r : fds[0];
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void ask_pause(const probe_sys *p, int ms)
{
    thetis_sim *sim = asked_of(p)->sim;
    tsm_run_until(sim, sim->now + (uint64_t)ms * 1000000u);
}

static unsigned ask_ready(const probe_sys *p, int fd, unsigned mask, int ms)
{
    thetis_sim *sim = asked_of(p)->sim;
    const sim_file *f = tsm_fd_file(sim, fd);
    uint64_t end = sim->now + (uint64_t)ms * 1000000u;
    unsigned ready;
    while ((ready = tsm_ready(sim, f) & (mask | SIM_ERR | SIM_HUP)) == 0) {
        uint64_t next = tsm_next_event(sim);
        if (sim->now >= end) return 0;
        tsm_run_until(sim, next < end ? next : end);
    }
    return ready;
}

static int ask_epoll_open(const probe_sys *p)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->epoll_open(a->sys));
}

/* With a token of its own each time, as two registrations of a program would have. */
static int ask_epoll_add(const probe_sys *p, int set, int fd, unsigned ready, unsigned flags)
{
    static uint64_t token;
    const asked *a = asked_of(p);
    return (int)answer(tsm_epoll_set(a->sim, tsm_fd_file(a->sim, set), fd, ++token, ready,
                                     (flags & PROBE_CLEAR) != 0));
}

static int ask_epoll_wait(const probe_sys *p, int set, probe_event *out, int cap, int ms)
{
    const asked *a = asked_of(p);
    tht_event events[16];
    uint32_t room = cap < 16 ? (uint32_t)cap : 16;
    tht_ret r = a->sys->epoll_wait(a->sys, set, events, room, (uint64_t)ms * 1000000u);
    for (ptrdiff_t i = 0; i < r.n; i++) out[i] = (probe_event){.ready = events[i].ready};
    return (int)answer(r);
}

static int ask_kqueue_open(const probe_sys *p)
{
    const asked *a = asked_of(p);
    return (int)answer(a->sys->kqueue_open(a->sys));
}

static int change(const probe_sys *p, int queue, int fd, unsigned ready, uint16_t flags)
{
    const asked *a = asked_of(p);
    tht_kevent k = {.fd = fd, .flags = flags, .filter = THT_KQ_USER};
    if (ready) k.filter = ready == PROBE_IN ? THT_KQ_READ : THT_KQ_WRITE;
    return (int)answer(a->sys->kevent(a->sys, queue, &k, 1, NULL, 0, 0));
}

static int ask_kqueue_add(const probe_sys *p, int queue, int fd, unsigned ready, unsigned flags)
{
    uint16_t all = THT_KQ_ADD;
    if (flags & PROBE_CLEAR) all |= THT_KQ_CLEAR;
    if (flags & PROBE_ONESHOT) all |= THT_KQ_ONESHOT;
    return change(p, queue, fd, ready, all);
}

static int ask_kqueue_delete(const probe_sys *p, int queue, int fd, unsigned ready)
{
    return change(p, queue, fd, ready, THT_KQ_DELETE);
}

static int ask_kqueue_trigger(const probe_sys *p, int queue, int fd)
{
    return change(p, queue, fd, 0, THT_KQ_TRIGGER);
}

/* Who is reported first is a choice of the fake; here all come in turn. */
static tht_ret wait_in_turn(const asked *a, int queue, tht_kevent *out, uint32_t cap, int ms)
{
    struct sim_oracle *oracle = a->sim->cfg.oracle;
    tht_ret r;
    a->sim->cfg.oracle = NULL;
    r = a->sys->kevent(a->sys, queue, NULL, 0, out, cap, (uint64_t)ms * 1000000u);
    a->sim->cfg.oracle = oracle;
    return r;
}

static int ask_kqueue_wait(const probe_sys *p, int queue, probe_event *out, int cap, int ms)
{
    const asked *a = asked_of(p);
    tht_kevent events[16];
    tht_ret r = wait_in_turn(a, queue, events, cap < 16 ? (uint32_t)cap : 16, ms);
    for (ptrdiff_t i = 0; i < r.n; i++) {
        const tht_kevent *k = &events[i];
        out[i] = (probe_event){.fd = k->fd, .data = (long)k->data};
        if (k->filter == THT_KQ_READ) out[i].ready = PROBE_IN;
        if (k->filter == THT_KQ_WRITE) out[i].ready = PROBE_OUT;
        if (k->flags & THT_KQ_ADD) out[i].flags |= PROBE_ADD;
        if (k->flags & THT_KQ_EOF) out[i].flags |= PROBE_EOF;
        if (k->flags & THT_KQ_EOF) out[i].error = k->os;
    }
    return (int)answer(r);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const probe_sys fake = {
    .socket = ask_socket,
    .bind = ask_bind,
    .bind_abstract = ask_bind_abstract,
    .port = ask_port,
    .listen = ask_listen,
    .accept = ask_accept,
    .connect = ask_connect,
    .send = ask_send,
    .send_to = ask_send_to,
    .recv = ask_recv,
    .send_fd = ask_send_fd,
    .recv_fd = ask_recv_fd,
    .shutdown = ask_shutdown,
    .close = ask_close,
    .dup = ask_dup,
    .so_error = ask_so_error,
    .setopt = ask_setopt,
    .ready = ask_ready,
    .pause = ask_pause,
    .epoll_open = ask_epoll_open,
    .epoll_add = ask_epoll_add,
    .epoll_wait = ask_epoll_wait,
    .kqueue_open = ask_kqueue_open,
    .kqueue_add = ask_kqueue_add,
    .kqueue_delete = ask_kqueue_delete,
    .kqueue_trigger = ask_kqueue_trigger,
    .kqueue_wait = ask_kqueue_wait,
};

static int offers(const sim_personality *p, const char *backend)
{
    for (size_t i = 0; i < sizeof p->backends / sizeof p->backends[0]; i++)
        if (p->backends[i] && strcmp(p->backends[i], backend) == 0) return 1;
    return 0;
}

void tsm_ask(const sim_personality *person, FILE *out)
{
    static struct sim_oracle oracle = {.seed = ASK_SEED};
    sim_cfg cfg = {.personality = person, .oracle = &oracle, .max_fds = ASK_FDS};
    thetis_sim *sim = tsm_create(&cfg);
    asked a = {.table = fake, .sim = sim, .sys = tsm_peers(sim)};
    probe_error errors[] = {
#define ERROR(ours, posix) {#posix, tsm_error(sim, SIM_E_##ours).os},
        PROBE_ERRORS(ERROR)
#undef ERROR
    };
    oracle.state = oracle.seed;
    oracle.taken = 0;
    a.table.name = person->name;
    a.table.errors = errors;
    a.table.error_count = sizeof errors / sizeof errors[0];
    if (!offers(person, "epoll")) a.table.epoll_open = NULL;
    if (!offers(person, "kqueue")) a.table.kqueue_open = NULL;
    tsm_probe_ask(&a.table, out);
    tsm_destroy(sim);
}
