/* SPDX-License-Identifier: MIT
 *
 * stalled.h: what one suspended thread of a ring does to the others. For C and C++.
 *
 * Usage: bench-STEM-SUBJECT stalled WINDOWS
 *
 * The threads of one ring move elements as fast as they can. In each window one of them, all in
 * turn, is suspended for 25 ms: a signal meets it at a random time, it does a random number of
 * single steps more where the processor can do that, and if it is inside an operation then, the
 * handler does not return before the end of the window. A thread that is met between operations
 * goes on, and is tried again. A window is one without progress,
 *   if others share the victim's role: when they moved no element that was both pushed and popped
 *     within the window;
 *   if the victim is alone in its role, or the ring's contract makes that role wait for it: when
 *     another thread does not return from the call that it is in after these 25 ms.
 * On a busy machine a thread may get no processor for 25 ms. So before a window counts, the victim
 * stays suspended until each of the others has been seen running, or asleep, in 25 milliseconds
 * more; what happens meanwhile is progress, too. Who waits for a processor only proves nothing.
 *
 * Prints, for each line of the protocol (window.h), how many windows were without progress, and at
 * how many different instructions victims of this process have been suspended so far.
 *
 * Whoever includes this defines before:
 *   int stalled_push(unsigned producer, uint64_t element)     non-zero when done
 *   int stalled_pop(unsigned consumer, uint64_t *element)     non-zero when done
 */
#ifndef BENCH_STALLED_H
#define BENCH_STALLED_H

#include "window.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <thetis/atomic.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    STALLED_SEATS = 4,
    STALLED_MS = 25,
    STALLED_PLACES = 1000, /* instructions that are told apart */
    STALLED_VAIN = 256,    /* vain attempts until a thread yields: victims are met in operations */
    STALLED_BURST = 64     /* elements until a thread yields, if producers do not wait: readers on
                            * their processor would all be evicted */
};

/* A thread, its role, and what it shows the others. */
typedef struct stalled_seat {
    int produces;
    unsigned number; /* among those of its role */
    pthread_t thread;
    volatile sig_atomic_t inside; /* an operation */
    thetis_atomic returned;       /* operations */
    thetis_atomic elements;       /* moved */
    thetis_atomic tid;
    uint64_t used; /* processor time, when the tester last looked */
} __attribute__((aligned(128))) stalled_seat;

static struct {
    stalled_seat seat[STALLED_SEATS];
    unsigned producers, consumers;
    int consumers_wait;  /* for each other, by contract */
    int producers_yield; /* now and then, since nothing makes them wait */
    int between;         /* victims are suspended between two operations, not inside of one */
    uintptr_t ahead;     /* elements that producers of an unbounded queue go ahead; 0: bounded */
    int found[2];       /* a pipe: the handler tells whether it met its thread inside */
    int go_on[2];       /* a pipe: what the handler waits for */
    uint64_t random;
    int steps; /* that the victim goes on yet */
    uintptr_t windows;
    uintptr_t at; /* the instruction of the last victim */
    uintptr_t place[STALLED_PLACES];
    unsigned places;
    /* what the threads look at all the time */
    thetis_atomic open __attribute__((aligned(128))); /* number of the open window; 0: none */
    thetis_atomic moved; /* the last window in which an element was pushed and popped */
    thetis_atomic stop;
} stalled;

static __thread stalled_seat *stalled_me;

/* ---- the threads ----------------------------------------------------------------------------- */

/* An operation lies between the two values: the compiler moves nothing out. */
static inline void stalled_inside(stalled_seat *me, int inside)
{
    BENCH_TOUCH(me);
    me->inside = inside;
    BENCH_TOUCH(me);
}

static inline int stalled_push_one(stalled_seat *me)
{
    uint64_t element = thetis_atomic_load_relaxed(&stalled.open);
    stalled_inside(me, 1);
    int done = stalled_push(me->number, element);
    stalled_inside(me, 0);
    return done;
}

static inline int stalled_pop_one(stalled_seat *me)
{
    uint64_t element = 0;
    stalled_inside(me, 1);
    int done = stalled_pop(me->number, &element);
    stalled_inside(me, 0);
    if (done && element && element == thetis_atomic_load_relaxed(&stalled.open))
        thetis_atomic_store_relaxed(&stalled.moved, element);
    return done;
}

/* Whether so many elements are in an unbounded queue that one more would take long to come out. */
static int stalled_is_ahead(void)
{
    uintptr_t in = 0, out = 0;
    for (unsigned k = 0; k < stalled.producers + stalled.consumers; k++) {
        uintptr_t n = thetis_atomic_load_relaxed(&stalled.seat[k].elements);
        if (stalled.seat[k].produces) in += n;
        else out += n;
    }
    return (intptr_t)(in - out) >= (intptr_t)stalled.ahead;
}

static void *stalled_body(void *arg)
{
    stalled_seat *me = (stalled_seat *)arg;
    unsigned vain = 0, moved = 0;
    uintptr_t returned = thetis_atomic_load_relaxed(&me->returned);
    uintptr_t elements = thetis_atomic_load_relaxed(&me->elements);
    stalled_me = me;
    thetis_atomic_store_relaxed(&me->tid, (uintptr_t)gettid());
    while (!thetis_atomic_load_relaxed(&stalled.stop)) {
        if (stalled.ahead && me->produces && stalled_is_ahead()) {
            (void)sched_yield();
            continue;
        }
        int done = me->produces ? stalled_push_one(me) : stalled_pop_one(me);
        thetis_atomic_store_relaxed(&me->returned, ++returned);
        elements += (uintptr_t)(done != 0);
        thetis_atomic_store_relaxed(&me->elements, elements);
        if (done ? stalled.producers_yield && ++moved % STALLED_BURST == 0
                 : ++vain % STALLED_VAIN == 0)
            (void)sched_yield();
    }
    return NULL;
}

/* ---- suspending ------------------------------------------------------------------------------ */

#ifdef REG_RIP /* x86-64 */
enum { STALLED_STEPS = 64 };

static inline uintptr_t stalled_instruction(const ucontext_t *c)
{
    return (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
}

/* Whether the thread traps after its next instruction. */
static inline void stalled_trace(ucontext_t *c, int on)
{
    const greg_t trap_flag = 0x100;
    greg_t flags = c->uc_mcontext.gregs[REG_EFL];
    c->uc_mcontext.gregs[REG_EFL] = on ? flags | trap_flag : flags & ~trap_flag;
}
#else /* as the signal meets it, and nobody can tell where */
enum { STALLED_STEPS = 1 };

static inline uintptr_t stalled_instruction(const ucontext_t *c)
{
    return 0 * (uintptr_t)c;
}

static inline void stalled_trace(ucontext_t *c, int on)
{
    (void)c;
    (void)on;
}
#endif

/* Opens a window, unless the thread is between two operations, and keeps the thread until its end.
 */
static void stalled_keep(ucontext_t *c)
{
    char kept = stalled_me && stalled_me->inside != stalled.between, go;
    if (kept) {
        stalled.at = stalled_instruction(c);
        thetis_atomic_store_relaxed(&stalled.open, ++stalled.windows);
    }
    if (write(stalled.found[1], &kept, 1) != 1) _exit(1);
    if (kept && (read(stalled.go_on[0], &go, 1) != 1 || write(stalled.found[1], &go, 1) != 1))
        _exit(1);
}

/* SIGUSR1, and then SIGTRAP after each of a random number of instructions: a signal alone mostly
 * meets a thread behind its slowest ones. */
static void stalled_handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *c = (ucontext_t *)context;
    int saved = errno;
    (void)info;
    if (number == SIGUSR1) stalled.steps = (int)(bench_rand(&stalled.random) % STALLED_STEPS);
    else stalled.steps--;
    stalled_trace(c, stalled.steps > 0);
    if (stalled.steps <= 0) stalled_keep(c);
    errno = saved;
}

static void stalled_sleep_us(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    (void)nanosleep(&t, NULL);
}

static void stalled_suspend(stalled_seat *victim)
{
    char kept = 0;
    while (!kept) {
        stalled_sleep_us(200 + bench_rand(&stalled.random) % 1000);
        if (pthread_kill(victim->thread, SIGUSR1)) bench_die("cannot signal");
        if (read(stalled.found[0], &kept, 1) != 1) bench_die("no answer");
    }
    for (unsigned k = 0; k < stalled.places; k++)
        if (stalled.place[k] == stalled.at) return;
    if (stalled.places < STALLED_PLACES) stalled.place[stalled.places++] = stalled.at;
}

/* ---- windows --------------------------------------------------------------------------------- */

static uintptr_t stalled_returned(unsigned k)
{
    return thetis_atomic_load_relaxed(&stalled.seat[k].returned);
}

/* `before`: what the others had returned from at the end of the 25 ms. */
static int stalled_progress(const stalled_seat *victim, const uintptr_t *before)
{
    int alone = (victim->produces ? stalled.producers : stalled.consumers) == 1;
    if (!alone && (victim->produces || !stalled.consumers_wait))
        return thetis_atomic_load_relaxed(&stalled.moved) == stalled.windows;
    for (unsigned k = 0; k < stalled.producers + stalled.consumers; k++)
        if (&stalled.seat[k] != victim && stalled_returned(k) == before[k]) return 0;
    return 1;
}

/* Whether a thread sleeps in the kernel. */
static int stalled_asleep(stalled_seat *seat)
{
    char text[256] = "", *state;
    FILE *f;
    snprintf(text, sizeof text, "/proc/self/task/%lu/stat",
             (unsigned long)thetis_atomic_load_relaxed(&seat->tid));
    f = fopen(text, "r");
    if (!f) return 1; /* nobody can tell */
    state = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
    (void)fclose(f);
    return state && state[2] == 'S';
}

/* Whether a thread has run since the last look, or is asleep. */
static int stalled_had_time(stalled_seat *seat)
{
    struct timespec t = {0, 0};
    clockid_t clock;
    if (pthread_getcpuclockid(seat->thread, &clock) == 0) (void)clock_gettime(clock, &t);
    uint64_t used = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    int ran = used != seat->used;
    seat->used = used;
    return ran || stalled_asleep(seat);
}

/* Waits for progress until all others have had their time. */
static int stalled_await(const stalled_seat *victim)
{
    unsigned seats = stalled.producers + stalled.consumers, had[STALLED_SEATS] = {0}, least = 0;
    uintptr_t before[STALLED_SEATS];
    for (unsigned k = 0; k < seats; k++) before[k] = stalled_returned(k);
    while (!stalled_progress(victim, before)) {
        if (least >= STALLED_MS) return 0;
        stalled_sleep_us(1000);
        least = STALLED_MS;
        for (unsigned k = 0; k < seats; k++) {
            if (&stalled.seat[k] == victim) continue;
            had[k] += (unsigned)stalled_had_time(&stalled.seat[k]);
            if (had[k] < least) least = had[k];
        }
    }
    return 1;
}

/* Whether there was progress while `victim` was suspended. */
static int stalled_window(stalled_seat *victim)
{
    char goes;
    stalled_suspend(victim);
    stalled_sleep_us(STALLED_MS * 1000);
    int progress = stalled_await(victim);
    thetis_atomic_store_relaxed(&stalled.open, 0);
    if (write(stalled.go_on[1], "", 1) != 1 || read(stalled.found[0], &goes, 1) != 1)
        bench_die("cannot resume");
    return progress;
}

static void stalled_start(unsigned seats)
{
    thetis_atomic_store_relaxed(&stalled.stop, 0);
    for (unsigned k = 0; k < seats; k++) {
        thetis_atomic_store_relaxed(&stalled.seat[k].tid, 0);
        if (pthread_create(&stalled.seat[k].thread, NULL, stalled_body, &stalled.seat[k]))
            bench_die("cannot start a thread");
    }
    for (unsigned k = 0; k < seats; k++)
        while (!thetis_atomic_load_relaxed(&stalled.seat[k].tid)) stalled_sleep_us(1000);
}

static void stalled_end(unsigned seats)
{
    thetis_atomic_store_relaxed(&stalled.stop, 1);
    for (unsigned k = 0; k < seats; k++) (void)pthread_join(stalled.seat[k].thread, NULL);
}

/* Starts the threads, has `windows` windows, ends the threads; how many were without progress. */
static unsigned stalled_round(unsigned windows)
{
    unsigned seats = stalled.producers + stalled.consumers, without = 0;
    stalled_start(seats);
    for (unsigned w = 0; w < windows; w++) without += !stalled_window(&stalled.seat[w % seats]);
    stalled_end(seats);
    return without;
}

static void stalled_set_up(unsigned producers, unsigned consumers, int consumers_wait)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = stalled_handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    (void)sigfillset(&action.sa_mask);
    if (pipe(stalled.found) || pipe(stalled.go_on) || sigaction(SIGUSR1, &action, NULL) ||
        sigaction(SIGTRAP, &action, NULL))
        bench_die("cannot set up");
    stalled.producers = producers;
    stalled.consumers = consumers;
    stalled.consumers_wait = consumers_wait;
    stalled.random = bench_cpu_ns() ^ (uint64_t)getpid() << 32;
    for (unsigned k = 0; k < producers + consumers; k++) {
        stalled.seat[k].produces = k < producers;
        stalled.seat[k].number = k < producers ? k : k - producers;
    }
}

/* Speaks the protocol until the end of the input. */
static inline void stalled_serve(const char *variant, const char *windows)
{
    char line[16];
    printf("%s\n", variant);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        unsigned without = stalled_round((unsigned)atoi(windows));
        printf("%u %u\n", without, stalled.places);
        fflush(stdout);
    }
}

#endif
