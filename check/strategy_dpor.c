/* SPDX-License-Identifier: MIT
 *
 * strategy_dpor.c: all schedules under sequential consistency, but of those that differ only in the
 * order of independent steps at least one (Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic
 * partial order reduction", POPL 2014, algorithm 1: source sets and sleep sets; Flanagan and
 * Godefroid, POPL 2005, for the happens-before clocks).
 *
 * An event is an access together with what its thread does until its next one. Two events of
 * different threads that are dependent and that nothing orders otherwise are a race in the sense of
 * that paper: the other order is tried, too, by asking for a thread that begins it in the state
 * before the first of them. A thread whose event was tried sleeps until a dependent event wakes it.
 *
 * Dependent are
 *   - accesses to the same unit of memory, if one of them writes (a failing compare-and-swap, too);
 *   - events that ask for the time, among themselves: histories depend on their order;
 *   - events that allocate, among themselves, if freed memory is used again or an allocation fails;
 *   - an event that frees, that comes to a wait or a pause or that leaves it, and every other: no
 *     step shows whom it can disturb, and whom it can let go on. While a thread is at a wait or a
 *     pause all able threads are tried.
 * Fences and what comes before a thread's first access are independent of all else. Choices are
 * part of the event in which they are made, and are all tried.
 *
 * A schedule in which all able threads sleep is equivalent to one that was seen; it is run to its
 * end for no more than that the scenario's last check sees a complete run.
 */
#include "search.h"
#include "strategy.h"

typedef struct event {
    uintptr_t place; /* the unit of memory; 0: none */
    bool write, ordered, global;
    uint8_t thread;
    uint32_t number;            /* of the thread's events, from 1 */
    uint32_t past[TST_THREADS]; /* the last event of each thread that comes before, or is, this */
} event;

/* A state and the event that is tried from it; sets of threads are bits. */
typedef struct state {
    uint8_t able, asked; /* asked: to be tried */
    uint8_t asleep;      /* tried, or not worth it */
    uint8_t ordered, global; /* of those asleep: what their events are known to be */
    size_t values;           /* choices before the event */
    event event;
} state;

typedef struct choice {
    unsigned taken, of;
} choice;

tst_search tst_dpor;
bool tst_dpor_fault;

static state *path;
static size_t depth, path_room, at; /* at: states passed in this schedule */
static size_t known;                /* events whose races were looked for */
static choice *choices;
static size_t choice_count, choice_room, choice_at;
static unsigned started; /* threads */
static bool aside;       /* the rest of the schedule is equivalent to what was seen */

static void restart(void)
{
    tst_dpor = (tst_search){0};
    if (tst.weak) tst_dpor.refused = "only under sequential consistency";
    depth = known = choice_count = 0;
}

static void dpor_begin(uint64_t n)
{
    (void)n;
    at = choice_at = 0;
    started = 0;
    aside = tst_dpor.refused != NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Locations of 16 bytes span two cells. */
static uintptr_t place_of(const tst_cell *cell)
{
    if (!cell) return 0;
    return cell->addr & ~(uintptr_t)(cell->unit[0] > TST_WORD ? cell->unit[0] - 1 : 0);
}

static bool halts(unsigned thread)
{
    return started >> thread & 1 && tst.threads[thread].state != TST_DONE && tst_at_none(thread);
}

/* What is known of a thread's next event before it is tried. */
static event coming(unsigned thread)
{
    const tst_step *next = &tst.threads[thread].next;
    return (event){.place = place_of(next->cell), .write = tst_writes(next->kind),
                   .global = halts(thread), .thread = (uint8_t)thread};
}

static bool dependent(const event *a, const event *b)
{
    if (a->global || b->global || (a->ordered && b->ordered)) return true;
    return a->place && a->place == b->place && (a->write || b->write);
}

static bool before(const event *a, const event *b)
{
    return b->past[a->thread] >= a->number;
}

/* ---- races ----------------------------------------------------------------------------------- */

/* Of the events after `first` that do not come after it, and `second`: the threads whose event
 * could be the first of them all. */
static unsigned initials(size_t first, size_t second)
{
    event head[TST_THREADS];
    unsigned heads = 0, found = 0;
    for (size_t k = first + 1; k <= second; k++) {
        const event *e = &path[k].event;
        unsigned bit = 1u << e->thread;
        bool free = true;
        if ((heads & bit) || (k < second && before(&path[first].event, e))) continue;
        for (unsigned rest = heads; rest; rest &= rest - 1)
            if (before(&head[__builtin_ctz(rest)], e)) free = false;
        head[e->thread] = *e;
        heads |= bit;
        if (free) found |= bit;
    }
    return found;
}

/* Asks for a schedule in which `second` comes before `first`. */
static void reverse(size_t first, size_t second)
{
    state *s = &path[first];
    unsigned could = initials(first, second) & s->able;
    if (could & (s->asked | s->asleep)) return;
    s->asked = (uint8_t)(s->asked | (could & -could));
}

/* From the last event back: what is dependent and not yet known to come before is a race. */
static void races(size_t last)
{
    event *e = &path[last].event;
    size_t race[TST_THREADS];
    unsigned found = 0;
    for (size_t k = last; k-- > 0;) {
        const event *o = &path[k].event;
        bool same = o->thread == e->thread;
        if (before(o, e) || !(same || dependent(o, e))) continue;
        if (!same && !(tst_dpor_fault && o->write != e->write)) race[found++] = k;
        for (unsigned t = 0; t < TST_THREADS; t++)
            if (e->past[t] < o->past[t]) e->past[t] = o->past[t];
    }
    e->number = ++e->past[e->thread];
    for (unsigned k = 0; k < found; k++) reverse(race[k], last);
}

/* The last event is over: its thread has come to its next access, or has ended. */
static void finish(void)
{
    if (at <= known) return;
    known = at;
    state *s = &path[at - 1];
    event *e = &s->event;
    unsigned did = tst_local(), bit = 1u << e->thread;
    if (halts(e->thread) || (did & TST_FREED)) e->global = true;
    if (did & TST_TIMED) e->ordered = true;
    if ((did & TST_ALLOCATED) && (tst.reuse || tst.fail_alloc)) e->ordered = true;
    if (e->ordered) s->ordered = (uint8_t)(s->ordered | bit);
    if (e->global) s->global = (uint8_t)(s->global | bit);
    races(at - 1);
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Who still sleeps after the event of `from`. */
static void sleepers(const state *from, state *to)
{
    unsigned rest = from->asleep & ~(1u << from->event.thread);
    to->ordered = from->ordered & (uint8_t)rest;
    to->global = from->global & (uint8_t)rest;
    for (; rest; rest &= rest - 1) {
        unsigned thread = (unsigned)__builtin_ctz(rest);
        event e = coming(thread);
        e.ordered = to->ordered >> thread & 1;
        e.global |= to->global >> thread & 1;
        if (!dependent(&e, &from->event)) to->asleep |= (uint8_t)(1u << thread);
    }
}

static bool someone_halts(void)
{
    for (unsigned t = 0; t < tst.scenario->threads; t++)
        if (halts(t)) return true;
    return false;
}

static unsigned straight_on(unsigned self, unsigned able)
{
    return self < TST_THREADS && able >> self & 1 ? self : (unsigned)__builtin_ctz(able);
}

/* A new state; false if all that could be tried in it was seen elsewhere. */
static bool extend(unsigned self, unsigned able)
{
    state s = {.able = (uint8_t)able, .values = choice_at};
    if (at > 0) sleepers(&path[at - 1], &s);
    unsigned awake = able & ~(unsigned)s.asleep;
    if (!awake) return false;
    unsigned go = straight_on(self, awake);
    s.asked = (uint8_t)(someone_halts() ? able : 1u << go);
    s.event.thread = (uint8_t)go;
    path = tst_one_more(path, depth, &path_room, sizeof *path);
    path[depth++] = s;
    return true;
}

static unsigned dpor_thread(unsigned self, unsigned able)
{
    if (!aside) {
        finish();
        aside = at == depth && !extend(self, able);
    }
    if (aside) return straight_on(self, able);
    state *s = &path[at];
    unsigned go = s->event.thread;
    if (s->able != able) tst_diverged();
    if (at++ >= known) s->event = coming(go);
    started |= 1u << go;
    tst_local_begin();
    return go;
}

/* The engine has counted the step: only what follows is local. */
static void dpor_step(unsigned thread, const tst_step *step)
{
    (void)thread;
    (void)step;
    tst_local_begin();
}

static unsigned dpor_value(unsigned n)
{
    if (aside) return 0;
    if (choice_at == choice_count) {
        choices = tst_one_more(choices, choice_count, &choice_room, sizeof *choices);
        choices[choice_count++] = (choice){0, n};
    }
    const choice *c = &choices[choice_at++];
    if (c->of != n) tst_diverged();
    return c->taken;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* Another choice in the last event. */
static bool choose_again(size_t from)
{
    for (; choice_count > from; choice_count--) {
        choice *c = &choices[choice_count - 1];
        if (++c->taken < c->of) return true;
    }
    return false;
}

/* Another event in the last state that has one. */
static bool backtrack(void)
{
    for (; depth > 0; depth--) {
        state *s = &path[depth - 1];
        known = depth - 1;
        if (choose_again(s->values)) return true;
        s->asleep |= (uint8_t)(1u << s->event.thread);
        unsigned rest = s->asked & ~(unsigned)s->asleep;
        if (rest) {
            s->event.thread = (uint8_t)__builtin_ctz(rest);
            return true;
        }
    }
    return false;
}

static bool dpor_more(void)
{
    if (tst_dpor.refused) return false;
    if (!aside) finish();
    if (aside) tst_dpor.repeated++;
    else tst_dpor.schedules++;
    if (backtrack()) return true;
    tst_dpor.all = true;
    return false;
}

const tst_strategy tst_strategy_dpor = {
    .name = "dpor",
    .about = "all schedules but for the order of independent steps; sequential consistency",
    .open = restart,
    .begin = dpor_begin,
    .thread = dpor_thread,
    .value = dpor_value,
    .step = dpor_step,
    .more = dpor_more,
    .learned = restart,
};
