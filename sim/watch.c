/* SPDX-License-Identifier: MIT
 *
 * watch.c: the detectors.
 *
 * A spin is many calls in a row that bring nothing: no byte, no connection, no sleep, no state that
 * changed. The limit grows with the number of descriptors, each of which may fail once for nothing.
 *
 * What a loop ought to do is looked up in the loop itself: which lists stand for work, and which
 * interest the state of a handle asks for.
 */
#include "sim.h"

#include <string.h>

enum { SPIN_LIMIT = 64, IGNORED_LIMIT = 64 };

/* ---- calls ----------------------------------------------------------------------------------- */

void tsm_watch_call(thetis_sim *sim)
{
    sim->useless = sim->progress ? 0 : sim->useless + 1;
    sim->progress = 0;
    if (sim->useless > SPIN_LIMIT + 4 * sim->fd_count)
        tsm_fail(sim, "spin", "%llu calls in a row without progress",
                 (unsigned long long)sim->useless);
    if (sim->cfg.max_calls && sim->calls > sim->cfg.max_calls)
        tsm_fail(sim, "spin", "more than %llu calls", (unsigned long long)sim->cfg.max_calls);
}

void tsm_watch_report(thetis_sim *sim, sim_file *f)
{
    if (sim->watched && ++f->ignored > IGNORED_LIMIT + sim->fd_count)
        tsm_fail(sim, "starvation", "file %u was reported %u times and never served", f->serial,
                 f->ignored);
}

/* ---- the loop's state ------------------------------------------------------------------------ */

static int stands_on(const tht_slot *s, tht_list_id id)
{
    return (s->on & 1u << tht_link(id)) != 0;
}

/* Handles without `interest` set theirs at once. */
static void check_handle(thetis_sim *sim, const tht_slot *s)
{
    const thetis_handle *h = s->handle;
    unsigned wanted;
    if (h->state_ == THT_CLOSED || h->kind_->interest == NULL) return;
    wanted = h->fd_ < 0 ? 0 : h->kind_->interest(h);
    if (h->mask_ != wanted)
        tsm_fail(sim, "interest", "descriptor %d is registered for %u, its state asks for %u",
                 h->fd_, h->mask_, wanted);
}

static void check_loop(thetis_sim *sim, const thetis_loop *loop, int sleeps)
{
    static const tht_list_id work[] = {THT_READY, THT_LATER, THT_DUE, THT_DIRTY};
    if (!loop->running) return;
    for (size_t i = 0; sleeps && i < sizeof work / sizeof work[0]; i++)
        if (!tht_list_empty(loop, work[i])) tsm_fail(sim, "sleep", "with work at hand");
    for (uint32_t i = 1; i <= loop->max_handles && i < 4096; i++) {
        const tht_slot *s = &loop->slots[i];
        if (s->handle && !stands_on(s, THT_DIRTY)) check_handle(sim, s);
    }
}

void thetis_sim_watch(thetis_sim *sim, thetis_loop *loop)
{
    if (loop == NULL) memset(sim->loops, 0, sizeof sim->loops);
    for (int i = 0; loop && i < SIM_LOOPS; i++) {
        if (sim->loops[i]) continue;
        sim->loops[i] = loop;
        return;
    }
}

/* ---- operations ------------------------------------------------------------------------------ */

/* FNV-1a over eight bytes at a time: a change is to be seen, nobody attacks. */
static uint64_t sum_of(const unsigned char *memory, size_t len)
{
    uint64_t sum = 0xCBF29CE484222325u, word = 0;
    for (size_t i = 0; i < len; i += 8) {
        memcpy(&word, memory + i, len - i < 8 ? len - i : 8);
        sum = (sum ^ word) * 0x100000001B3u;
    }
    return sum;
}

static void check_op(thetis_sim *sim, const sim_op *o)
{
    if (o->sum != sum_of(o->memory, o->len))
        tsm_fail(sim, "touched", "the %zu bytes of an operation changed before its end", o->len);
}

void tsm_watch_write(thetis_sim *sim, const void *at, size_t len)
{
    for (size_t i = 0; i < sim->op_count; i++) {
        sim_op *o = &sim->ops[i];
        const unsigned char *from = at;
        if (o->len && from < o->memory + o->len && o->memory < from + len)
            o->sum = sum_of(o->memory, o->len);
    }
}

void thetis_sim_begin(thetis_sim *sim, const void *op, const void *memory, size_t len)
{
    for (size_t i = 0; i < sim->op_count; i++)
        if (sim->ops[i].op == op) tsm_fail(sim, "twice", "an operation begins before its end");
    tsm_grow(&sim->ops, &sim->op_room, sim->op_count + 1, sizeof *sim->ops);
    sim->ops[sim->op_count++] = (sim_op){op, memory, len, sum_of(memory, len)};
}

void thetis_sim_end(thetis_sim *sim, const void *op)
{
    size_t i = 0;
    while (i < sim->op_count && sim->ops[i].op != op) i++;
    if (i == sim->op_count) tsm_fail(sim, "twice", "an operation ends that had ended");
    check_op(sim, &sim->ops[i]);
    sim->ops[i] = sim->ops[--sim->op_count];
}

/* ---- waits, and the end ---------------------------------------------------------------------- */

/* Of the operations one at a time: all of them at every wait would be most of the work. */
void tsm_watch_wait(thetis_sim *sim)
{
    sim->waits++;
    if (sim->op_count) check_op(sim, &sim->ops[sim->waits % sim->op_count]);
    for (int i = 0; i < SIM_LOOPS && sim->loops[i]; i++) check_loop(sim, sim->loops[i], 0);
}

void tsm_watch_sleep(thetis_sim *sim)
{
    sim->progress = 1;
    for (int i = 0; i < SIM_LOOPS && sim->loops[i]; i++) check_loop(sim, sim->loops[i], 1);
}

void thetis_sim_note(thetis_sim *sim, unsigned who, const char *text, uint64_t number)
{
    uint64_t *sum = &sim->notes[who % SIM_WHO];
    if (sim->cfg.trace)
        (void)fprintf(sim->cfg.trace, "note %u: %s %llu\n", who, text, (unsigned long long)number);
    *sum = (*sum ^ sum_of((const unsigned char *)text, strlen(text))) * 0x100000001B3u;
    *sum = (*sum ^ number) * 0x100000001B3u + 1;
}

void thetis_sim_lack(thetis_sim *sim, unsigned who, const char *capability)
{
    size_t len = strlen(sim->lacks);
    sim->lacking |= 1u << who % SIM_WHO;
    if (strstr(sim->lacks, capability)) return;
    (void)snprintf(sim->lacks + len, sizeof sim->lacks - len, "%s%s", len ? " " : "", capability);
}

void tsm_watch_end(thetis_sim *sim)
{
    if (sim->op_count) tsm_fail(sim, "never", "%zu operations have not ended", sim->op_count);
    if (sim->fd_count) tsm_fail(sim, "leak", "%zu descriptors are open", sim->fd_count);
}
