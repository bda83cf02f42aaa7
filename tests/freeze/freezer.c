/* SPDX-License-Identifier: MIT
 *
 * freezer.c: the tracing of freezer.h. The child is a copy of the tester, so that an address in it
 * means the same function here.
 */
#include "freezer.h"

#include "harness/run.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FREEZER_LEAD_IN = 10000, FREEZER_LIMIT_MS = 10000 };

struct freezer_area {
    freezer_seat seats[FREEZER_SEATS];
    thetis_atomic go; /* the threads are traced: they may begin */
    char note[FREEZER_NOTE];
    _Alignas(4096) unsigned char shared[FREEZER_SHARED];
};

static freezer_area *map(const freezer *f)
{
    const int rights = PROT_READ | PROT_WRITE;
    void *at = mmap(NULL, sizeof(freezer_area), rights, MAP_SHARED, f->memory, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

/* ---- what is told of a stop ------------------------------------------------------------------ */

static pid_t tid_of(const freezer *f, unsigned seat)
{
    return (pid_t)thetis_atomic_load_acquire(&f->seats[seat].tid);
}

const char *freezer_where(const freezer *f, unsigned seat, char text[FREEZER_WHERE])
{
    struct __ptrace_syscall_info info;
    Dl_info at;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid_of(f, seat), sizeof info, &info) <= 0) {
        return "an unknown instruction";
    }
    uintptr_t pc = (uintptr_t)info.instruction_pointer;
    if (dladdr((void *)pc, &at) == 0) {
        (void)snprintf(text, FREEZER_WHERE, "0x%" PRIxPTR, pc);
    } else {
        const char *name = at.dli_sname ? at.dli_sname : at.dli_fname;
        uintptr_t base = (uintptr_t)(at.dli_sname ? at.dli_saddr : at.dli_fbase);
        (void)snprintf(text, FREEZER_WHERE, "0x%" PRIxPTR " (%s+0x%" PRIxPTR ")", pc, name,
                       pc - base);
    }
    return text;
}

static freezer_area *noted; /* as this process maps it */
static __attribute__((noreturn)) void (*end_plainly)(test_verdict verdict, const char *text);

/* Wraps the harness's own: adds the note to the text of a failure. */
static __attribute__((noreturn)) void end_noted(test_verdict verdict, const char *text)
{
    char both[TEST_TEXT_MAX];
    const char *note = verdict == TEST_FAILED && noted ? noted->note : "";
    (void)snprintf(both, sizeof both, "%s%s%s", text, *note ? "\n" : "", note);
    end_plainly(verdict, both);
}

void freezer_note(freezer *f, const char *text, unsigned seat, unsigned k)
{
    char at[FREEZER_WHERE];
    (void)snprintf(f->area->note, FREEZER_NOTE,
                   "%s: thread %u before instruction %u of its operation, at %s", text, seat, k,
                   freezer_where(f, seat, at));
}

static void note_in(freezer_area *area)
{
    noted = area;
    if (test_run.end != end_noted) {
        end_plainly = test_run.end;
        test_run.end = end_noted;
    }
}

/* ---- the child ------------------------------------------------------------------------------- */

typedef struct freezer_worker {
    freezer_area *area;
    freezer_op *op;
    unsigned seat;
} freezer_worker;

void freezer_gate(void)
{
    (void)syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGTRAP);
}

void freezer_rest(void)
{
    const struct timespec least = {.tv_nsec = 1}; /* what the system adds makes it 50 us or so */
    (void)nanosleep(&least, NULL);
}

static void *worker_run(void *arg)
{
    freezer_worker *w = arg;
    freezer_seat *seat = &w->area->seats[w->seat];
    thetis_atomic_store_release(&seat->tid, (uintptr_t)syscall(SYS_gettid));
    while (!thetis_atomic_load_acquire(&w->area->go)) (void)sched_yield();
    for (;;) w->op(seat, w->area->shared);
    return NULL;
}

/* A second mapping elsewhere, in place of the inherited one. */
static freezer_area *map_again(const freezer *f)
{
    freezer_area *again = map(f);
    note_in(again);
    CHECK_EQ(munmap(f->area, sizeof *f->area), 0);
    return again;
}

/* The main thread of several takes no seat: the system tells of its end only after that of all
 * others, for which nobody waits. */
static void child_run(const freezer *f)
{
    static freezer_worker workers[FREEZER_SEATS];
    const freezer_plan *p = f->plan;
    freezer_area *area = map_again(f);
    pthread_t thread;
    if (p->setup) p->setup(area->shared);
    for (unsigned i = 0; i < p->threads; i++)
        workers[i] = (freezer_worker){area, i == 0 ? p->first : p->rest, i};
    if (p->threads == 1) (void)worker_run(&workers[0]);
    for (unsigned i = 0; i < p->threads; i++)
        CHECK_EQ(pthread_create(&thread, NULL, worker_run, &workers[i]), 0);
    for (;;) (void)pause();
}

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void freezer_open(freezer *f, const freezer_plan *plan)
{
    *f = (freezer){.plan = plan, .memory = memfd_create("thetis-freezer", MFD_CLOEXEC)};
    CHECK(f->memory >= 0);
    CHECK_EQ(ftruncate(f->memory, sizeof *f->area), 0);
    f->area = map(f);
    note_in(f->area);
    f->seats = f->area->seats;
    f->shared = f->area->shared;
}

void freezer_close(freezer *f)
{
    noted = NULL;
    CHECK_EQ(munmap(f->area, sizeof *f->area), 0);
    CHECK_EQ(close(f->memory), 0);
}

static void seize(const freezer *f, unsigned seat)
{
    while (tid_of(f, seat) == 0) {
        CHECK_EQ(waitpid(f->pid, NULL, WNOHANG), 0); /* the child has not ended */
        (void)sched_yield();
    }
    if (ptrace(PTRACE_SEIZE, tid_of(f, seat), 0, PTRACE_O_EXITKILL) == 0) return;
    if (errno == EPERM || errno == ENOSYS || errno == EIO)
        SKIP_ENVIRONMENT("ptrace is not permitted");
    FAIL("PTRACE_SEIZE: %s", strerror(errno));
}

void freezer_start(freezer *f, uintptr_t hold)
{
    memset(f->seats, 0, sizeof f->area->seats);
    thetis_atomic_store_relaxed(&f->area->go, 0);
    f->area->note[0] = 0;
    for (unsigned i = 0; i < f->plan->threads; i++)
        thetis_atomic_store_relaxed(&f->seats[i].hold, hold);
    for (unsigned i = 0; i < f->plan->threads; i++)
        thetis_atomic_store_relaxed(&f->seats[i].calm, FREEZER_NEVER);
    f->pid = fork();
    CHECK(f->pid >= 0);
    if (f->pid == 0) child_run(f);
    for (unsigned i = 0; i < f->plan->threads; i++) seize(f, i);
    thetis_atomic_store_release(&f->area->go, 1);
}

void freezer_calm(freezer *f, unsigned who)
{
    for (unsigned i = 0; i < f->plan->threads; i++)
        if (who >> i & 1) thetis_atomic_store_relaxed(&f->seats[i].calm, 0);
}

void freezer_kill(freezer *f)
{
    CHECK_EQ(kill(f->pid, SIGKILL), 0);
    while (waitpid(-1, NULL, __WALL) > 0) {} /* the process is gone when all its threads are */
    CHECK_EQ(errno, ECHILD);
    f->pid = 0;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static void check_stop(const freezer *f, unsigned seat, int status)
{
    char at[FREEZER_WHERE];
    if (!WIFSTOPPED(status)) {
        FAIL("thread %u ended: %s %d", seat, WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    } else if (WSTOPSIG(status) != SIGTRAP) {
        FAIL("thread %u: signal %d at %s", seat, WSTOPSIG(status), freezer_where(f, seat, at));
    }
}

bool freezer_held(freezer *f, unsigned seat)
{
    int status;
    pid_t tid = tid_of(f, seat);
    pid_t got = waitpid(tid, &status, WNOHANG | __WALL);
    if (got == 0) return false;
    CHECK_EQ(got, tid);
    check_stop(f, seat, status);
    return true;
}

/* Waits for a thread that is on its way to the gate. */
static void await_gate(freezer *f, unsigned seat)
{
    uint64_t deadline = now_ms() + FREEZER_LIMIT_MS;
    while (!freezer_held(f, seat)) {
        if (now_ms() > deadline) FAIL("thread %u does not end its operation", seat);
        (void)sched_yield();
    }
}

void freezer_hold(freezer *f, unsigned seat)
{
    thetis_atomic_store_relaxed(&f->seats[seat].hold, 0);
    await_gate(f, seat);
}

bool freezer_step(freezer *f, unsigned seat)
{
    int status;
    pid_t tid = tid_of(f, seat);
    CHECK_EQ(ptrace(PTRACE_SINGLESTEP, tid, 0, 0), 0);
    CHECK_EQ(waitpid(tid, &status, __WALL), tid);
    check_stop(f, seat, status);
    return thetis_atomic_load_acquire(&f->seats[seat].inside) == 1;
}

void freezer_enter(freezer *f, unsigned seat)
{
    unsigned steps = 0;
    while (!freezer_step(f, seat)) CHECK(++steps < FREEZER_LEAD_IN);
}

void freezer_go(freezer *f, unsigned seat)
{
    bool held = thetis_atomic_load_relaxed(&f->seats[seat].hold) != FREEZER_NEVER;
    CHECK_EQ(ptrace(PTRACE_CONT, tid_of(f, seat), 0, 0), 0);
    if (held) await_gate(f, seat);
}

/* ---- progress -------------------------------------------------------------------------------- */

/* The threads of `who` that have not done as many operations as `goal` says. */
static unsigned behind(const freezer *f, unsigned who, const uintptr_t *goal)
{
    unsigned late = 0;
    for (unsigned i = 0; i < f->plan->threads; i++) {
        bool done = thetis_atomic_load_relaxed(&f->seats[i].done) >= goal[i];
        if (who >> i & 1 && !done) late |= 1u << i;
    }
    return late;
}

/* Those that rest between operations do so again when they are there. */
static void hurry(const freezer *f, unsigned who, const uintptr_t *goal)
{
    for (unsigned i = 0; i < f->plan->threads; i++) {
        thetis_atomic *calm = &f->seats[i].calm;
        bool rests = thetis_atomic_load_relaxed(calm) != FREEZER_NEVER;
        if (who >> i & 1 && rests) thetis_atomic_store_relaxed(calm, goal[i]);
    }
}

unsigned freezer_stuck(freezer *f, unsigned who, uintptr_t ops, unsigned limit_ms)
{
    const struct timespec nap = {.tv_nsec = 20000}; /* leaves all cores to them */
    uint64_t deadline = now_ms() + limit_ms;
    uintptr_t goal[FREEZER_SEATS];
    for (unsigned i = 0; i < f->plan->threads; i++)
        goal[i] = thetis_atomic_load_relaxed(&f->seats[i].done) + ops;
    hurry(f, who, goal);
    while ((who = behind(f, who, goal)) != 0 && now_ms() <= deadline) (void)nanosleep(&nap, NULL);
    return who;
}
