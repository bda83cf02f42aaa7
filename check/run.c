/* SPDX-License-Identifier: MIT
 *
 * run.c: one schedule from setup to verdict.
 *
 * The running fibre itself asks the strategy who is next and switches directly to it. Home is the
 * system thread's stack: whoever ends the schedule switches there and is not resumed.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "log.h"
#include "room.h"
#include "strategy.h"
#include "tls.h"
#include "trace.h"

tst_run tst;
enum tst_fault tst_fault;

static bool in_schedule; /* a fibre runs: a failure can end the schedule */
static uint64_t most;    /* points of this schedule */

static tst_thread *me(void)
{
    return &tst.threads[tst.self];
}

static void switch_to(unsigned thread)
{
    tst_thread *from = me();
    tst_tls_switch(tst.self, thread);
    tst.self = thread;
    tst_fibre_switch(&from->fibre, &tst.threads[thread].fibre);
}

static void go_home(void)
{
    in_schedule = false;
    tst.inside = false;
    tst_fibre_switch(&me()->fibre, &tst.home);
}

void tst_fail(const char *verdict, void *site, const char *format, ...)
{
    va_list args;
    tst.inside = false;
    if (!tst.verdict) {
        tst.verdict = verdict;
        tst.site = site;
        va_start(args, format);
        (void)vsnprintf(tst.text, sizeof tst.text, format, args);
        va_end(args);
    }
    if (in_schedule) go_home();
}

/* ---- who goes next --------------------------------------------------------------------------- */

static unsigned able(void)
{
    unsigned ready = tst.ready;
    for (unsigned rest = tst.waiting; rest; rest &= rest - 1) {
        const tst_thread *t = &tst.threads[__builtin_ctz(rest)];
        if (t->ready(t->ready_arg)) ready |= rest & -rest;
    }
    if (!(ready & ~tst.paused)) tst.paused = 0;
    return ready & ~tst.paused;
}

void tst_stop(unsigned thread)
{
    unsigned bit = 1u << thread;
    tst.threads[thread].state = TST_STOPPED;
    tst.stopped |= bit;
    tst.ready &= ~bit;
    tst.waiting &= ~bit;
    tst_log_stop(thread);
    if (tst.tracing) tst_trace_note(thread, TST_EVENT_STOP, NULL, 0);
}

/* Nobody can go on: all have ended or were stopped, or those that wait will wait for ever. */
static void nobody(void)
{
    if (tst.waiting && !tst.stopped) {
        tst_fail("deadlock", NULL, "thread %d waits and nobody can end that",
                 __builtin_ctz(tst.waiting));
    }
    if (tst.waiting) tst_fail("deadlock", NULL, "thread %d waits for one that was stopped",
                              __builtin_ctz(tst.waiting));
    go_home();
}

/* Lets the strategy choose; returns when it is the caller's turn. */
static void next(void)
{
    unsigned to;
    do {
        unsigned bits = able();
        if (!bits) nobody();
        to = tst.strategy->thread(tst.self, bits);
    } while (to == TST_THREADS);
    if (to == tst.self) return;
    tst_log_switch(tst.self, to);
    switch_to(to);
}

static void count_step(tst_thread *t)
{
    t->points++;
    t->now[tst.self]++;
    tst.clock++;
    if (tst_writes(t->next.kind)) tst.paused = 0; /* there may be news for who spins */
    if (!t->next.cell || t->op < 0) return; /* a fence or a pause is no access */
    if (++t->op_steps > t->op_bound && tst_fault != TST_FAULT_NO_BOUND) {
        tst_fail("bound", t->next.site, "%s of thread %u takes more than %llu steps",
                 tst.ops[t->op].name, tst.self, (unsigned long long)t->op_bound);
    }
}

void tst_point(tst_cell *cell, tst_kind kind, int order, void *site)
{
    tst_thread *t = me();
    t->next = (tst_step){cell, kind, order, site};
    tst.blocks = 0;
    if (++tst.points > most) {
        tst_fail("spin", site, "no end after %llu steps", (unsigned long long)most);
    }
    next();
    if (tst.tracing) tst_trace_step(tst.self, &t->next);
    count_step(t);
    tst.hash = (tst.hash ^ (tst.self << 3 | kind)) * 0x100000001B3u;
    tst.hash = (tst.hash ^ (cell ? cell->id : 0)) * 0x100000001B3u;
    if (tst.strategy->step) tst.strategy->step(tst.self, &t->next);
}

unsigned tst_choose(unsigned n)
{
    unsigned choice = tst.strategy->value(n);
    tst.hash = (tst.hash ^ choice) * 0x100000001B3u;
    tst_log_value(choice);
    return choice;
}

/* ---- fibres ---------------------------------------------------------------------------------- */

static void thread_entry(void)
{
    unsigned self = tst.self;
    tst.inside = true;
    tst.scenario->body(self);
    tst.inside = false;
    tst.threads[self].accesses++; /* its end is a place too */
    tst.threads[self].state = TST_DONE;
    tst.ready &= ~(1u << self);
    next();
}

static void (*harness_call)(void);

static void harness_entry(void)
{
    tst.inside = true;
    harness_call();
    go_home();
}

static void start_at_home(unsigned thread)
{
    tst.self = thread;
    in_schedule = true;
    tst_fibre_switch(&tst.home, &tst.threads[thread].fibre);
}

/* Runs setup or done. */
static void harness(void (*call)(void))
{
    tst_thread *t = &tst.threads[TST_HARNESS];
    if (!call) return;
    if (!t->fibre.stack) tst_fibre_create(&t->fibre);
    tst_fibre_start(&t->fibre, harness_entry);
    harness_call = call;
    start_at_home(TST_HARNESS);
}

static void start_threads(void)
{
    for (unsigned k = 0; k < tst.scenario->threads; k++) {
        tst_thread *t = &tst.threads[k];
        tst_fibre fibre = t->fibre;
        tst_view *now = t->now, *later = t->later;
        if (!fibre.stack) tst_fibre_create(&fibre);
        tst_fibre_start(&fibre, thread_entry);
        *t = (tst_thread){.fibre = fibre, .now = now, .later = later, .op = -1};
    }
    tst.ready = (1u << tst.scenario->threads) - 1;
}

static void threads(void)
{
    unsigned first;
    tst.self = TST_HARNESS;
    do first = tst.strategy->thread(TST_HARNESS, tst.ready);
    while (first == TST_THREADS && tst.ready);
    if (first == TST_THREADS) return;
    tst_log_switch(TST_HARNESS, first);
    tst_tls_switch(TST_HARNESS, first);
    start_at_home(first);
    if (tst.tracing) tst_trace_settle();
    tst_tls_switch(tst.self, TST_HARNESS);
}

/* ---- the schedule ---------------------------------------------------------------------------- */

static void on_signal(int number)
{
    if (!in_schedule) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        return;
    }
    tst_fail("crash", NULL, "%s in thread %u", strsignal(number), tst.self);
}

/* The handler leaves by a switch of stacks, so its signal must not stay blocked. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static char stack[64 * 1024];
    static bool done;
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    if (done) return;
    done = true;
    if (sigaltstack(&alternative, NULL) != 0) tst_die("no stack for signals");
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
        (void)sigaction(numbers[k], &action, NULL);
}

/* Under the growing adversary the others' rounds make a run longer. */
static uint64_t most_points(void)
{
    enum { PART = 16 };
    return tst.victim < TST_THREADS ? tst.limit + tst.limit / PART * tst.rounds : tst.limit;
}

static void begin(void)
{
    static uint64_t last;
    tst.id = ++last;
    most = most_points();
    tst.points = tst.blocks = tst.clock = tst.allocs = tst.retired = tst.entropy = 0;
    tst.ready = tst.waiting = tst.paused = tst.stopped = 0;
    tst.hash = 0xCBF29CE484222325u;
    tst.grew = false;
    tst.verdict = NULL;
    tst_scratch_forget();
    tst_heap_begin();
    tst_log_begin();
    tst_tls_begin();
    if (tst.tracing) tst_trace_begin();
}

static void check_leaks(void)
{
    if (tst.verdict || tst.stopped || (tst.scenario->flags & THETIS_CHECK_LEAKS)) return;
    if (tst_heap_live() > 0) {
        tst_fail("leak", NULL, "%llu blocks are still allocated after done",
                 (unsigned long long)tst_heap_live());
    }
}

void tst_run_schedule(void)
{
    catch_signals();
    begin();
    harness(tst.scenario->setup);
    if (tst.verdict) return;
    tst_memory_begin();
    start_threads();
    threads();
    if (tst.verdict) return;
    harness(tst.scenario->done);
    check_leaks();
}

/* ---- what scenarios call --------------------------------------------------------------------- */

static int op_of(const char *name)
{
    for (unsigned k = 0; k < tst.op_count; k++)
        if (tst.ops[k].name == name || strcmp(tst.ops[k].name, name) == 0) return (int)k;
    if (tst.op_count == TST_OPS) tst_die("a scenario has too many operations");
    tst.ops[tst.op_count] = (tst_op){.name = name};
    return (int)tst.op_count++;
}

void thetis_check_begin(const char *name, uint64_t bound)
{
    tst_thread *t = me();
    if (tst.self == TST_HARNESS) return;
    tst.inside = false;
    if (t->op >= 0) tst_fail("assertion", NULL, "%s inside of %s", name, tst.ops[t->op].name);
    t->op = op_of(name);
    t->op_steps = 0;
    t->op_bound = bound;
    if (tst.tracing) tst_trace_note(tst.self, TST_EVENT_BEGIN, name, 0);
    tst.inside = true;
}

static void end_op(tst_thread *t)
{
    tst_op *op = &tst.ops[t->op];
    double ratio = t->op_bound ? (double)t->op_steps / (double)t->op_bound : 1;
    if (tst.strategy->ended) tst.strategy->ended(tst.self, (unsigned)t->op, t->op_steps);
    if (tst.tracing) tst_trace_note(tst.self, TST_EVENT_END, op->name, t->op_steps);
    op->count++;
    t->ended++;
    t->op = -1;
    if (t->op_steps > op->max) op->max = t->op_steps;
    if (t->op_bound == THETIS_CHECK_UNBOUNDED) return;
    if (t->op_bound > op->bound) op->bound = t->op_bound;
    if (ratio > op->ratio) op->ratio = ratio;
}

void thetis_check_end(void)
{
    if (tst.self == TST_HARNESS || me()->op < 0) return;
    tst.inside = false;
    end_op(me());
    tst.inside = true;
}

unsigned thetis_check_rounds(void)
{
    bool own = tst.victim == TST_THREADS || tst.self == tst.victim;
    unsigned own_rounds = tst.scenario->rounds ? tst.scenario->rounds : 1;
    return own ? own_rounds : tst.rounds;
}

uint64_t thetis_check_clock(void)
{
    return ++tst.clock;
}

int thetis_check_stopped(unsigned thread)
{
    return tst.stopped >> thread & 1;
}

unsigned thetis_check_self(void)
{
    return tst.self == TST_HARNESS ? tst.scenario->threads : tst.self;
}

unsigned thetis_check_choose(unsigned n)
{
    if (n < 2 || tst.self == TST_HARNESS) return 0;
    tst.inside = false;
    me()->accesses++;
    unsigned choice = tst_choose(n);
    if (tst.tracing) tst_trace_note(tst.self, TST_EVENT_CHOICE, NULL, choice);
    tst.inside = true;
    return choice;
}

void thetis_check_wait(int (*ready)(void *arg), void *arg)
{
    tst_thread *t = me();
    tst.inside = false;
    if (tst.tracing) tst_trace_note(tst.self, TST_EVENT_WAIT, NULL, 0);
    t->accesses++;
    t->next = (tst_step){0};
    t->ready = ready;
    t->ready_arg = arg;
    t->state = TST_WAITING;
    tst.ready &= ~(1u << tst.self);
    tst.waiting |= 1u << tst.self;
    if (tst.self != TST_HARNESS) next();
    t->state = TST_READY;
    tst.waiting &= ~(1u << tst.self);
    tst.ready |= 1u << tst.self;
    tst.inside = true;
}

void thetis_check_pause(void)
{
    if (tst.self == TST_HARNESS) return;
    tst.inside = false;
    me()->accesses++;
    tst.paused |= 1u << tst.self;
    tst_point(NULL, TST_READ, 0, NULL);
    tst.inside = true;
}

void thetis_check_moment(void)
{
    if (tst.self == TST_HARNESS) return;
    tst.inside = false;
    me()->accesses++; /* names the place for replay */
    tst_point(NULL, TST_MOMENT, 0, NULL);
    tst.inside = true;
}

void thetis_check_retire(const void *block)
{
    tst.inside = false;
    tst_heap_retire(block);
    tst.inside = true;
}

void thetis_check_alias(const void *second, const void *first, size_t bytes)
{
    tst.inside = false;
    tst_cell_alias((uintptr_t)second, (uintptr_t)first, bytes);
    tst.inside = true;
}

void thetis_check_fail(const char *verdict, const char *text, const char *file, int line)
{
    const char *name = strrchr(file, '/');
    tst_fail(verdict, NULL, "%s (%s:%d)", text, name ? name + 1 : file, line);
}
