/* SPDX-License-Identifier: MIT
 *
 * memory.c: the values that C11 allows, as messages and views.
 *
 * Each atomic location has the list of its stores in modification order. A thread's view has, for
 * each location, the oldest store that it may still read; a load takes any from there on. A new
 * store goes behind any of those, too, not only behind the newest: modification order need not be
 * the order of execution. But nothing comes between a read-modify-write and the store it read.
 * A releasing store carries its thread's view; who reads it with acquire joins it. Views also carry
 * the clocks of the threads, by which race.c tells what happens before what. (Kang, Hur, Lahav,
 * Vafeiadis and Dreyer, "A promising semantics for relaxed-memory concurrency", 2017, sections 2
 * and 3, without promises; Norris and Demsky, "CDSchecker", 2013.)
 *
 * Rules that are easily made too strong or too weak:
 *   - A seq_cst access may not use what is older than the last seq_cst store to its location, or
 *     than what the thread of an earlier seq_cst fence knew there; it does not learn what other
 *     seq_cst accesses knew. Only seq_cst fences exchange views, of the stores: not the clocks.
 *   - A release sequence goes on through read-modify-writes only (C++20 6.9.2.1; C17 also lets the
 *     same thread's later stores continue it, which no compiler or processor needs).
 *   - A compare-and-swap that fails is a load: it may read an older value, if that differs from
 *     the expected one.
 *
 * Under sequential consistency every access is seq_cst and reads the newest message.
 */
#include "engine.h"

#include <string.h>

#include "room.h"
#include "strategy.h"
#include "trace.h"

enum { STAMPS = 4096 }; /* between two stores: room for others to be put there */

/* For each location the oldest message that a seq_cst access may use: the last seq_cst store, or
 * what the thread of a seq_cst fence knew. The clocks in it are not used. */
static tst_view *world;

static inline bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

static inline bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static inline bool total(int order)
{
    return order == __ATOMIC_SEQ_CST && tst_fault != TST_FAULT_SC_WEAK;
}

static inline tst_thread *me(void)
{
    return &tst.threads[tst.self];
}

/* ---- views ----------------------------------------------------------------------------------- */

/* tst.width is a multiple of 4: vector instructions can do it. */
static inline void join(tst_view *restrict into, const tst_view *restrict from)
{
    for (const tst_view *end = into + tst.width; into < end; into += 4, from += 4)
        for (int k = 0; k < 4; k++)
            into[k] = into[k] < from[k] ? from[k] : into[k];
}

static tst_view *new_view(void)
{
    return tst_scratch(tst.width * sizeof(tst_view));
}

static tst_view *copy(const tst_view *of)
{
    return memcpy(new_view(), of, tst.width * sizeof(tst_view));
}

static tst_view *zero_view(void)
{
    return memset(new_view(), 0, tst.width * sizeof(tst_view));
}

void tst_memory_begin(void)
{
    uint32_t words = TST_THREADS + (tst.weak ? tst_atoms_shared() : 0);
    tst.width = (words + 3) & ~3u;
    world = zero_view();
    for (unsigned t = 0; t < tst.scenario->threads; t++) {
        tst.threads[t].now = zero_view();
        tst.threads[t].later = tst.fences ? zero_view() : NULL;
        tst.threads[t].released = NULL;
    }
}

/* The place of a location in `view`. Those that became shared in this very schedule have none. */
static inline tst_view *place_in(tst_view *view, const tst_atom *atom)
{
    uint32_t at = TST_THREADS + atom->slot;
    return tst.weak && atom->slot != TST_NO_SLOT && at < tst.width ? &view[at] : NULL;
}

/* The oldest message that the running thread may read. */
static inline tst_view *oldest(const tst_atom *atom)
{
    return place_in(me()->now, atom);
}

/* What was stored, not what happened before what: fences alone synchronise nobody. */
static void meet_world(void)
{
    tst_view *now = me()->now;
    for (uint32_t k = TST_THREADS; k < tst.width; k++)
        now[k] = world[k] = now[k] < world[k] ? world[k] : now[k];
}

/* ---- messages -------------------------------------------------------------------------------- */

static tst_value get(const tst_atom *atom)
{
    tst_value value = {{0, 0}};
    memcpy(&value, (const void *)atom->addr, atom->size);
    return value;
}

static void put(const tst_atom *atom, tst_value value)
{
    memcpy((void *)atom->addr, &value, atom->size);
}

static void make_room(tst_atom *atom)
{
    if (atom->count < atom->room) return;
    uint32_t room = atom->room ? atom->room * 2 : 8;
    tst_message *more = tst_room(room * sizeof *more);
    if (atom->count > 0) memcpy(more, atom->messages, atom->count * sizeof *more);
    atom->messages = more;
    atom->room = room;
}

/* A new message at place `at` of the modification order, which the running thread knows. */
static tst_message *insert(tst_atom *atom, uint32_t at)
{
    make_room(atom);
    tst_message *m = &atom->messages[at];
    uint32_t before = at > 0 ? m[-1].stamp : 0;
    uint32_t stamp = at < atom->count ? before + (m->stamp - before) / 2 : before + STAMPS;
    if (at < atom->count) memmove(m + 1, m, (atom->count - at) * sizeof *m);
    atom->count++;
    *m = (tst_message){.stamp = stamp, .clock = me()->now[tst.self],
                       .thread = (uint8_t)tst.self};
    tst_view *mine = oldest(atom);
    if (mine) *mine = stamp;
    return m;
}

/* In a new schedule a location begins with the value that setup left. */
static inline void refresh(tst_atom *atom)
{
    if (atom->run == tst.id) return;
    atom->run = tst.id;
    atom->count = 0;
    tst_message *m = insert(atom, 0);
    tst_value value = get(atom);
    memcpy(m->value, &value, sizeof value);
    m->clock = 0;
}

static tst_value value_of(const tst_atom *atom, tst_message *m)
{
    tst_value value;
    if (m->lazy) {
        value = get(atom);
        memcpy(m->value, &value, sizeof value);
        m->lazy = false;
    }
    memcpy(&value, m->value, sizeof value);
    return value;
}

void tst_plain_write(tst_atom *atom)
{
    refresh(atom);
    (void)value_of(atom, &atom->messages[atom->count - 1]); /* before it is overwritten */
    insert(atom, atom->count)->lazy = true;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The oldest message that an access of this order may read, or be put behind. */
static uint32_t oldest_for(const tst_atom *atom, int order)
{
    uint32_t newest = atom->count - 1;
    const tst_view *mine = oldest(atom);
    if (!mine) return newest;
    if (tst_fault == TST_FAULT_SC_JOIN && total(order)) meet_world();
    uint32_t floor = *mine;
    if (total(order) && floor < *place_in(world, atom)) floor = *place_in(world, atom);
    while (newest > 0 && atom->messages[newest - 1].stamp >= floor) newest--;
    return newest;
}

/* Who synchronised with whom: the heads of the release sequence that ends in message `at`. */
static void pair(const tst_atom *atom, uint32_t at, void *site)
{
    for (;;) {
        const tst_message *m = &atom->messages[at];
        if (m->site && m->thread != tst.self) tst_site_pair(m->site, site);
        if (!m->rmw || at == 0) return;
        at--;
    }
}

/* Whether the running thread knows all that a message carries: it knows of the storing thread at
 * that moment or later, and so what that thread knew. */
static bool is_known(const tst_message *m)
{
    return m->own && me()->now[m->thread] >= m->clock;
}

static void observe(tst_atom *atom, uint32_t at, int order, void *site)
{
    tst_message *m = &atom->messages[at];
    tst_view *mine = oldest(atom);
    if (mine && *mine < m->stamp && tst_fault != TST_FAULT_COHERENCE) *mine = m->stamp;
    if (tst.tracing) tst_trace_from(m, atom->count - 1 - at);
    if (!m->view) return;
    if (tst.pairing && acquires(order)) pair(atom, at, site);
    if (is_known(m)) return;
    if (acquires(order)) join(me()->now, m->view);
    else if (me()->later) join(me()->later, m->view);
}

tst_value tst_load(tst_atom *atom, int order, void *site)
{
    refresh(atom);
    uint32_t back = atom->count - 1 - oldest_for(atom, order);
    if (back > 0) back = tst_choose(back + 1);
    uint32_t at = atom->count - 1 - back;
    observe(atom, at, order, site);
    return value_of(atom, &atom->messages[at]);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* What a store of this order carries; `before`: the view that a release sequence hands on, which
 * the thread knows itself if it acquires. */
static const tst_view *carried(int order, const tst_view *before)
{
    const tst_view *mine = releases(order) ? copy(me()->now) : me()->released;
    if (!before || before == mine || (releases(order) && acquires(order))) return mine;
    if (!mine) return before;
    tst_view *both = releases(order) ? (tst_view *)mine : copy(mine);
    join(both, before);
    return both;
}

/* Whether a store may come directly behind message `at`. */
static bool has_gap(const tst_atom *atom, uint32_t at)
{
    const tst_message *m = &atom->messages[at];
    return at == atom->count - 1 || (!m[1].rmw && m[1].stamp - m->stamp > 1);
}

/* Behind which message a store goes: choice 0 is the newest. */
static uint32_t behind(tst_atom *atom, int order)
{
    uint32_t newest = atom->count - 1, from = oldest_for(atom, order), n = 0, choice;
    for (uint32_t at = from; at <= newest; at++) n += has_gap(atom, at);
    choice = n > 1 ? tst_choose(n) : 0;
    for (uint32_t at = newest; at > from; at--)
        if (has_gap(atom, at) && choice-- == 0) return at;
    return from;
}

/* A store behind message `at`. Memory holds what is last in modification order. */
static void write(tst_atom *atom, uint32_t at, tst_value value, int order, bool rmw, void *site)
{
    bool goes_on = rmw && tst_fault != TST_FAULT_SEQUENCE;
    const tst_view *before = goes_on ? atom->messages[at].view : NULL;
    tst_message *m = insert(atom, at + 1);
    memcpy(m->value, &value, sizeof value);
    m->rmw = rmw;
    m->site = releases(order) ? site : NULL;
    m->view = carried(order, before);
    m->own = !before || acquires(order);
    tst_view *everybodys = total(order) ? place_in(world, atom) : NULL;
    if (everybodys && *everybodys < m->stamp) *everybodys = m->stamp;
    if (at + 2 == atom->count) put(atom, value);
}

/* A plain write that nobody has read yet gets its value before memory is overwritten. */
static void settle(tst_atom *atom)
{
    (void)value_of(atom, &atom->messages[atom->count - 1]);
}

void tst_store(tst_atom *atom, tst_value value, int order, void *site)
{
    refresh(atom);
    settle(atom);
    write(atom, behind(atom, order), value, order, false, site);
}

tst_value tst_exchange(tst_atom *atom, tst_value (*apply)(tst_value old, tst_value by),
                       tst_value by, int order, void *site)
{
    refresh(atom);
    settle(atom);
    uint32_t at = behind(atom, order);
    observe(atom, at, order, site);
    tst_value old = value_of(atom, &atom->messages[at]);
    write(atom, at, apply(old, by), order, true, site);
    return old;
}

static bool same(const tst_atom *atom, tst_value a, tst_value b)
{
    return memcmp(&a, &b, atom->size) == 0;
}

/* What a compare-and-swap can do: succeed behind a message, or fail having read it. */
typedef struct outcome {
    uint32_t at;
    bool success;
} outcome;

enum { OUTCOMES = 64 };

/* All outcomes, that of the newest message first. A weak one fails without a reason once, but not
 * twice in a row: a search that tries everything would never leave the loop around it. */
static uint32_t outcomes(tst_atom *atom, tst_value expected, bool weak, int order, int failed,
                         outcome *out)
{
    uint32_t n = 0, fails_from = oldest_for(atom, failed), wins_from = oldest_for(atom, order);
    for (uint32_t at = atom->count; at-- > 0 && n < OUTCOMES - 1;) {
        bool equal = same(atom, value_of(atom, &atom->messages[at]), expected);
        if (at < fails_from && at < wins_from) break;
        if (equal && at >= wins_from && has_gap(atom, at)) out[n++] = (outcome){at, true};
        bool fails = !equal || (weak && !me()->spurious);
        if (fails && at >= fails_from) out[n++] = (outcome){at, false};
    }
    return n;
}

bool tst_compare(tst_atom *atom, tst_value *expected, tst_value value, bool weak, int order,
                 int failed, void *site)
{
    outcome out[OUTCOMES];
    refresh(atom);
    settle(atom);
    uint32_t n = outcomes(atom, *expected, weak, order, failed, out);
    outcome o = out[n > 1 ? tst_choose(n) : 0];
    observe(atom, o.at, o.success ? order : failed, site);
    me()->spurious = !o.success && same(atom, value_of(atom, &atom->messages[o.at]), *expected);
    if (o.success) write(atom, o.at, value, order, true, site);
    else *expected = value_of(atom, &atom->messages[o.at]);
    return o.success;
}

void tst_fence(int order)
{
    if (acquires(order)) join(me()->now, me()->later);
    if (total(order)) meet_world();
    if (releases(order)) me()->released = copy(me()->now);
}
