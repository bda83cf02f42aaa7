/* SPDX-License-Identifier: MIT
 *
 * loop.c: the life of a loop, running it, asking it.
 */
#include "loop.h"

#include <string.h>

#include "../core/start.h"

enum {
    DEFAULT_HANDLES = 1024,
    DEFAULT_TIMERS = 1024,
    DEFAULT_BUFFERS = 64,
    DEFAULT_BUFFER_SIZE = 16384,
    DEFAULT_EVENTS = 256,
    MAX_HANDLES = (1 << 24) - 2,
    MAX_TIMERS = 1 << 28,
    MAX_BUFFERS = 65535,
    MAX_BUFFER_SIZE = 1 << 24,
    MAX_EVENTS = 65536
};

/* Where the parts lie in the memory of a loop. */
typedef struct loop_layout {
    thetis_loop_cfg cfg; /* defaults filled in */
    const tht_poller *poller;
    const tht_sys *sys;
    uint32_t lent;
    size_t slots, heap, buffers, events, poller_memory, memory;
    uint64_t total; /* 64 bits also where size_t has 32: too much must not look small */
} loop_layout;

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static size_t lay(uint64_t *total, uint64_t size, uint64_t count)
{
    uint64_t at = *total;
    *total = (at + size * count + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
    return (size_t)at;
}

static thetis_status loop_plan(const thetis_loop_cfg *cfg, loop_layout *l)
{
    thetis_loop_cfg *c = &l->cfg;
    memset(l, 0, sizeof *l);
    if (cfg) *c = *cfg;
    l->poller = tht_backend_find(c->backend);
    l->sys = c->sys ? c->sys : &tht_sys_host;
    c->max_handles = or_default(c->max_handles, DEFAULT_HANDLES);
    c->max_timers = or_default(c->max_timers, DEFAULT_TIMERS);
    c->buffers = or_default(c->buffers, DEFAULT_BUFFERS);
    c->buffer_size = or_default(c->buffer_size, DEFAULT_BUFFER_SIZE);
    c->events = or_default(c->events, DEFAULT_EVENTS);
    if (c->max_handles > MAX_HANDLES || c->max_timers > MAX_TIMERS || c->buffers > MAX_BUFFERS ||
        c->buffer_size > MAX_BUFFER_SIZE || c->events > MAX_EVENTS || l->poller == NULL) {
        return THETIS_EINVAL;
    }
    l->lent = l->poller->lends ? tht_lent(c->buffers) : 0;
    (void)lay(&l->total, sizeof(thetis_loop), 1);
    l->slots = lay(&l->total, sizeof(tht_slot), c->max_handles + 1);
    l->heap = lay(&l->total, sizeof(tht_timer_key), c->max_timers + THT_HEAP0);
    l->events = lay(&l->total, sizeof(tht_event), c->events);
    l->buffers = lay(&l->total, sizeof(tht_buffer), c->buffers + l->lent);
    l->poller_memory = lay(&l->total, l->poller->memory ? l->poller->memory(c, l->sys) : 0, 1);
    l->memory = lay(&l->total, c->buffer_size + 64u, c->buffers + l->lent);
    return l->total <= PTRDIFF_MAX ? THETIS_OK : THETIS_EINVAL;
}

size_t thetis_loop_size(const thetis_loop_cfg *cfg)
{
    loop_layout l;
    return loop_plan(cfg, &l) == THETIS_OK ? (size_t)l.total : 0;
}

/* Everything but the parts that the system must give. */
static void loop_build(thetis_loop *loop, const loop_layout *l)
{
    unsigned char *base = (unsigned char *)loop;
    const thetis_loop_cfg *c = &l->cfg;
    memset(loop, 0, l->memory); /* all but the buffers */
    loop->sys = l->sys;
    loop->slots = (tht_slot *)(void *)(base + l->slots);
    loop->heap = (tht_timer_key *)(void *)(base + l->heap);
    loop->events = (tht_event *)(void *)(base + l->events);
    loop->buffers = (tht_buffer *)(void *)(base + l->buffers);
    loop->buffer_memory = base + l->memory;
    loop->poller = l->poller;
    loop->poller_memory = base + l->poller_memory;
    loop->max_events = c->events;
    loop->max_handles = c->max_handles;
    loop->max_timers = c->max_timers;
    loop->buffer_size = c->buffer_size;
    loop->max_buffers = c->buffers + l->lent;
    loop->lent = l->lent;
    loop->retry_at = THT_NEVER;
    loop->on_wake = c->on_wake;
    loop->user = c->user;
    loop->stay = c->stay;
    loop->movable = c->movable != 0;
    loop->owner = tht_port_self();
    tht_buffer_init(loop, c->buffers);
    loop->slots[THT_NONE].gen = UINT32_MAX; /* no handle's token */
    for (uint32_t i = c->max_handles; i > 0; i--) {
        loop->slots[i].turn = loop->slot_free & THT_SLOT_MASK;
        loop->slots[i].gen = (uint32_t)THT_START;
        loop->slot_free = i;
    }
}

thetis_status thetis_loop_init(void *mem, size_t len, const thetis_loop_cfg *cfg,
                               thetis_loop **out)
{
    loop_layout l;
    thetis_loop *loop = mem;
    tht_ret r;
    if (mem == NULL || out == NULL || (uintptr_t)mem % THETIS_CACHE_LINE ||
        loop_plan(cfg, &l) != THETIS_OK || len < l.total) {
        return THETIS_EINVAL;
    }
    loop_build(loop, &l);
    r = loop->poller->open(loop);
    if (r.status == THETIS_ENOTSUP && loop->poller->otherwise) {
        loop->refused = r.os;
        loop->poller = loop->poller->otherwise;
        r = loop->poller->open(loop);
    }
    if (r.status != THETIS_OK) return r.status;
    *out = loop;
    return THETIS_OK;
}

thetis_status thetis_loop_fini(thetis_loop *loop)
{
    THETIS_ASSERT2(!loop->running || loop->owner == tht_port_self());
    if (loop->running || loop->open || loop->timers) return THETIS_EBUSY;
    loop->poller->close(loop);
    return THETIS_OK;
}

thetis_status thetis_loop_create(const thetis_loop_cfg *cfg, thetis_loop **out)
{
    size_t bytes = thetis_loop_size(cfg);
    void *mem = bytes ? tht_port_map(bytes) : NULL;
    thetis_status s;
    if (bytes == 0) return THETIS_EINVAL;
    if (mem == NULL) return THETIS_ENOMEM;
    s = thetis_loop_init(mem, bytes, cfg, out);
    if (s != THETIS_OK) tht_port_unmap(mem, bytes);
    else (*out)->mapped = bytes;
    return s;
}

thetis_status thetis_loop_destroy(thetis_loop *loop)
{
    size_t bytes = loop->mapped;
    thetis_status s = thetis_loop_fini(loop);
    if (s == THETIS_OK) tht_port_unmap(loop, bytes);
    return s;
}

void thetis_loop_discard(thetis_loop *loop)
{
    loop->poller->close(loop);
    for (uint32_t i = 1; i <= loop->max_handles; i++) {
        thetis_handle *h = loop->slots[i].handle;
        if (h && h->fd_ >= 0 && h->kind_->owns_fd) (void)loop->sys->close(loop->sys, h->fd_);
    }
    if (loop->mapped) tht_port_unmap(loop, loop->mapped);
}

/* ---- running --------------------------------------------------------------------------------- */

static int loop_may_run(const thetis_loop *loop)
{
    return tht_loop_alive(loop) && !thetis_atomic_load_relaxed(&loop->stop);
}

static void loop_begin(thetis_loop *loop)
{
    loop->running = 1;
    loop->owner = tht_port_self();
}

/* Uses up a stop that was asked for until now; a later one ends the next run. */
static thetis_status loop_end(thetis_loop *loop, thetis_status fault)
{
    (void)thetis_atomic_exchange_acquire(&loop->stop, 0); /* pair: loop.stop */
    loop->running = 0;
    return fault;
}

thetis_status thetis_loop_run(thetis_loop *loop)
{
    thetis_status fault = THETIS_OK;
    if (loop->running) return THETIS_EBUSY;
    loop_begin(loop);
    while (fault == THETIS_OK && loop_may_run(loop)) fault = tht_turn(loop, THT_NEVER, 0);
    return loop_end(loop, fault);
}

thetis_status thetis_loop_run_once(thetis_loop *loop, uint64_t timeout_ns)
{
    thetis_status fault = THETIS_OK;
    if (loop->running) return THETIS_EBUSY;
    if (!tht_loop_alive(loop)) return THETIS_CLOSED;
    loop_begin(loop);
    if (!thetis_atomic_load_relaxed(&loop->stop)) fault = tht_turn(loop, timeout_ns, 1);
    return loop_end(loop, fault);
}

/* ---- asking ---------------------------------------------------------------------------------- */

uint64_t thetis_loop_now(thetis_loop *loop)
{
    THT_ASSERT_OWNER(loop);
    if (!loop->running) loop->now_fresh = 0;
    return tht_turn_clock(loop);
}

const char *thetis_loop_backend(const thetis_loop *loop)
{
    return loop->poller->name;
}

thetis_cap_info thetis_loop_cap(const thetis_loop *loop, thetis_cap cap)
{
    thetis_cap_info info = {THETIS_CAP_UNKNOWN, 0};
    if ((unsigned)cap >= THETIS_CAP_COUNT_) return info;
    info = loop->poller->caps[cap];
    if (info.level == THETIS_CAP_UNKNOWN) info.level = (thetis_cap_level)loop->learned[cap];
    if (loop->sys->lacks >> cap & 1) info = (thetis_cap_info){THETIS_CAP_ABSENT, 0};
    if (cap == THETIS_CAP_TIMER_NS) info.number = loop->sys->sleep_ns(loop->sys);
    if (cap == THETIS_CAP_MAX_IOV) info.number = loop->sys->max_iov;
    return info;
}

void thetis_loop_stat_read(const thetis_loop *loop, thetis_loop_stat *out)
{
    *out = loop->stat;
    out->handles = loop->open;
    out->timers = loop->timers;
    out->buffers = loop->buffers_kept;
    out->refused = loop->refused;
}

void thetis_loop_scan(thetis_loop *loop, void (*each)(thetis_handle *handle, void *user),
                      void *user)
{
    THT_ASSERT_OWNER(loop);
    for (uint32_t i = 1; i <= loop->max_handles; i++) {
        if (loop->slots[i].handle) each(loop->slots[i].handle, user);
    }
}
