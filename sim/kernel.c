/* SPDX-License-Identifier: MIT
 *
 * kernel.c: the life of a simulation, descriptors and files, the clock.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_FD = 3, DEFAULT_FDS = 4096, FIRST_PORT = 32768, LATENCY_NS = 20000 };
#define SETTLE_NS 3000000000u /* packets take less */

/* ---- memory and results ---------------------------------------------------------------------- */

void *tsm_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) abort();
    return memory;
}

void tsm_grow(void *array, size_t *room, size_t need, size_t each)
{
    void *old, *grown;
    size_t more = *room ? *room * 2 : 16;
    if (need <= *room) return;
    while (more < need) more *= 2;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, more * each);
    if (grown == NULL) abort();
    memset((char *)grown + *room * each, 0, (more - *room) * each);
    memcpy(array, &grown, sizeof grown);
    *room = more;
}

tht_ret tsm_done(ptrdiff_t n)
{
    return (tht_ret){n, THETIS_OK, 0};
}

tht_ret tsm_error(const thetis_sim *sim, sim_error e)
{
    static const struct {
        int16_t status, numbers[2];
    } errors[] = {
#define SIM_ERROR(name, status, linux, bsd) {THETIS_##status, {linux, bsd}},
#include "errors.def"
#undef SIM_ERROR
    };
    return (tht_ret){0, errors[e].status, errors[e].numbers[sim->person->numbers]};
}

void tsm_fail(thetis_sim *sim, const char *verdict, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (sim->cfg.trace) (void)fprintf(sim->cfg.trace, "%s: %s\n", verdict, text);
    if (sim->cfg.on_fail) sim->cfg.on_fail(sim->cfg.user, verdict, text);
    (void)fprintf(stderr, "sim: %s: %s\n", verdict, text);
    abort();
}

void thetis_sim_fail(thetis_sim *sim, const char *verdict, const char *text, const char *file,
                     int line)
{
    tsm_fail(sim, verdict, "%s:%d: %s", file, line, text);
}

/* ---- files ----------------------------------------------------------------------------------- */

sim_file *tsm_file_new(thetis_sim *sim, sim_kind kind)
{
    sim_file *f = tsm_alloc(sizeof *f);
    f->kind = kind;
    f->refs = 1;
    f->edges = 1;
    f->serial = ++sim->serial;
    f->next = sim->files;
    if (f->next) f->next->prev = f;
    sim->files = f;
    return f;
}

void tsm_file_hold(sim_file *f)
{
    f->refs++;
}

static void file_close(thetis_sim *sim, sim_file *f)
{
    tsm_poller_forget(sim, f);
    switch (f->kind) {
    case SIM_STREAM:
        tsm_stream_close(sim, f);
        break;
    case SIM_LISTENER:
        tsm_listener_close(sim, f);
        break;
    case SIM_DGRAM:
        tsm_dgram_close(sim, f);
        break;
    case SIM_EPOLL:
    case SIM_KQUEUE:
        tsm_poller_close(sim, f);
        break;
    case SIM_PIPE:
        if (f->other) f->other->other = NULL;
        tsm_queue_free(&f->u.s.in);
        break;
    case SIM_WAKE:
        break;
    }
}

void tsm_file_drop(thetis_sim *sim, sim_file *f)
{
    if (--f->refs) return;
    f->refs++; /* it may be named while it closes */
    file_close(sim, f);
    f->refs--;
    tsm_file_free(sim, f);
}

/* A stream stays while its last bytes are under way: then it has a peer or bytes. */
void tsm_file_free(thetis_sim *sim, sim_file *f)
{
    if (f->refs || f->events || (f->kind == SIM_STREAM && f->u.s.peer)) return;
    if (f->prev) f->prev->next = f->next;
    else sim->files = f->next;
    if (f->next) f->next->prev = f->prev;
    if (f->kind == SIM_STREAM) tsm_queue_free(&f->u.s.out);
    free(f);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

sim_file *tsm_fd_file(const thetis_sim *sim, int fd)
{
    return fd >= 0 && (size_t)fd < sim->fd_room ? sim->fds[fd] : NULL;
}

/* The lowest free number, as systems do: numbers are reused at once. */
tht_ret tsm_fd_open(thetis_sim *sim, sim_file *f)
{
    size_t most = sim->cfg.max_fds ? (size_t)sim->cfg.max_fds : DEFAULT_FDS;
    size_t fd = sim->fd_low;
    while (fd < sim->fd_room && sim->fds[fd]) fd++;
    if (sim->fd_count >= most) {
        tsm_file_drop(sim, f);
        return tsm_error(sim, SIM_E_MFILE);
    }
    tsm_grow(&sim->fds, &sim->fd_room, fd + 1, sizeof *sim->fds);
    sim->fds[fd] = f;
    sim->fd_low = fd + 1;
    sim->fd_count++;
    return tsm_done((ptrdiff_t)fd);
}

tht_ret tsm_fd_close(thetis_sim *sim, int fd)
{
    sim_file *f = sim->fds[fd];
    sim->fds[fd] = NULL;
    sim->fd_count--;
    tsm_kqueue_forget(sim, fd);
    if ((size_t)fd < sim->fd_low) sim->fd_low = (size_t)fd;
    tsm_file_drop(sim, f);
    return tsm_done(0);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static int event_before(const sim_event *a, const sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void tsm_at(thetis_sim *sim, uint64_t delay, sim_event_fn *fn, sim_file *f)
{
    sim_event e = {sim->now + delay, sim->heap_order++, fn, f};
    size_t at = sim->heap_len++;
    tsm_grow(&sim->heap, &sim->heap_room, sim->heap_len, sizeof *sim->heap);
    for (; at > 0 && event_before(&e, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = e;
    f->events++;
}

static sim_event heap_take(thetis_sim *sim)
{
    sim_event first = sim->heap[0], last = sim->heap[--sim->heap_len];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sim->heap_len) break;
        if (child + 1 < sim->heap_len && event_before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!event_before(&sim->heap[child], &last)) break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return first;
}

uint64_t tsm_next_event(const thetis_sim *sim)
{
    return sim->heap_len ? sim->heap[0].at : UINT64_MAX;
}

void tsm_run_until(thetis_sim *sim, uint64_t now)
{
    while (sim->heap_len && sim->heap[0].at <= now) {
        sim_event e = heap_take(sim);
        if (e.at > sim->now) sim->now = e.at;
        e.fn(sim, e.file);
        e.file->events--;
        tsm_file_free(sim, e.file);
    }
    if (now > sim->now) sim->now = now;
}

void tsm_settle(thetis_sim *sim)
{
    uint64_t end = sim->now + SETTLE_NS;
    while (tsm_next_event(sim) <= end) tsm_run_until(sim, tsm_next_event(sim));
}

uint64_t tsm_delay(thetis_sim *sim)
{
    uint64_t slow = sim->person->slow_net ? LATENCY_NS : 0;
    if (!tsm_chance(sim, sim->cfg.delays)) return slow;
    return slow + (1 + tsm_choose(sim, 50)) * LATENCY_NS;
}

/* ---- life ------------------------------------------------------------------------------------ */

thetis_sim *tsm_create(const sim_cfg *cfg)
{
    thetis_sim *sim = tsm_alloc(sizeof *sim);
    sim->cfg = *cfg;
    sim->person = cfg->personality;
    sim->now = 1000000000u;
    sim->port = FIRST_PORT;
    sim->fd_low = FIRST_FD;
    tsm_table_init(&sim->program, sim, 1);
    tsm_table_init(&sim->peers, sim, 0);
    return sim;
}

void tsm_destroy(thetis_sim *sim)
{
    for (size_t fd = 0; fd < sim->fd_room; fd++)
        if (sim->fds[fd]) (void)tsm_fd_close(sim, (int)fd);
    while (sim->heap_len) tsm_run_until(sim, tsm_next_event(sim));
    free(sim->fds);
    free(sim->heap);
    free(sim->paths);
    free(sim->ops);
    free(sim);
}

const tht_sys *tsm_peers(thetis_sim *sim)
{
    return &sim->peers.sys;
}

const struct tht_sys *thetis_sim_sys(thetis_sim *sim)
{
    return &sim->program.sys;
}

uint64_t thetis_sim_now(const thetis_sim *sim)
{
    return sim->now;
}
