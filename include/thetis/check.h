/* SPDX-License-Identifier: MIT
 *
 * thetis/check.h: the deterministic concurrency tester, for this library's code and for yours.
 *
 *     static int word;
 *     static void setup(void) { word = 0; }
 *     static void body(unsigned thread)
 *     {
 *         thetis_check_begin("add", 1);                     at most one step of its own
 *         __atomic_fetch_add(&word, 1, __ATOMIC_RELAXED);
 *         thetis_check_end();
 *     }
 *     static void done(void) { THETIS_CHECK(word == 2); }
 *     static const thetis_check_scenario add = {
 *         .name = "add", .threads = 2, .setup = setup, .body = body, .done = done};
 *     THETIS_CHECK_MAIN(&add)
 *
 * The code under test is compiled with the compiler's thread-sanitizer instrumentation, unmodified,
 * and linked with this tester instead of the sanitizer's run-time (docs/check.md has the flags).
 * The threads are then fibres of one system thread, and the tester decides before each access to
 * shared memory who goes on, and, in the weak model, which of the values that C11 allows a load
 * returns. A schedule is one such list of decisions; the same decisions give the same run.
 *
 * Verdicts: data race, use after free, leak, assertion, history (not linearizable), bound (more own
 * steps than declared), growth (steps that grow with the others' operations), garbage (more
 * retired memory than declared), deadlock, spin, crash (a signal). The first failing schedule is
 * shrunk, printed with a column per thread, and named by one line that replays it.
 *
 * Steps: accesses to locations that at least two threads use and one of them writes after setup;
 * a plain range counts one step for each aligned word it touches. What only one thread uses, and
 * what never changes after setup, counts nothing and is no place to switch.
 *
 * What may be used in a scenario: the code under test, memory from malloc, thread-local variables,
 * the functions below. No input, output, real threads or signals. State is built in `setup` anew
 * for each schedule: static variables keep their values from one schedule to the next.
 *
 * Fences and pauses are no steps, but places to switch.
 * A heap block that takes the place of another one in a different schedule counts as the same
 * memory: what is done to blocks of one's own inside an operation may therefore count as steps.
 * A thread may be stopped for ever: `done` asks thetis_check_stopped() before it counts on it.
 *
 * Accesses of different sizes to the same atomic bytes work on the widest of them as a whole, which
 * couples what C11 leaves undefined.
 *
 * Not covered: load buffering (a load never sees a store that is executed later). A search that is
 * bounded says so.
 */
#ifndef THETIS_CHECK_H
#define THETIS_CHECK_H

#include <thetis/config.h>

/** The most threads of a scenario. */
#define THETIS_CHECK_THREADS 8

/** The bound of an operation of which only the steps shall be counted. */
#define THETIS_CHECK_UNBOUNDED (~THETIS_CAST(uint64_t, 0))

typedef struct thetis_check_scenario {
    const char *name;  /* stem first: "spsc-wrap"; negative controls "control-..." */
    unsigned threads;  /* 1 .. THETIS_CHECK_THREADS */
    unsigned rounds;   /* what thetis_check_rounds() answers; 0: 1 */
    void (*setup)(void);           /* builds the state; not scheduled */
    void (*body)(unsigned thread); /* what thread 0 .. threads-1 does */
    void (*done)(void);            /* after all have ended; not scheduled; may be NULL */
    const char *expect; /* a negative control: the verdict that must be found; else NULL */
    const char *finders; /* a negative control: the strategies that must each find it within the
                          * default number of schedules, with spaces between; NULL: any */
    uint64_t garbage;   /* most blocks retired and not yet freed; 0: retiring is not used */
    unsigned slow;      /* of a long scenario: only 1/slow of the schedules; 0: 1 */
    unsigned flags;     /* THETIS_CHECK_... */
} thetis_check_scenario;

/* Flags of a scenario. */
#define THETIS_CHECK_BLOCKING 1u /* operations wait for each other: nobody is stopped for ever */
#define THETIS_CHECK_LOCKFREE 2u /* steps may grow with the others' operations; it is reported */
#define THETIS_CHECK_LEAKS 4u    /* memory still allocated at the end is no fault */
#define THETIS_CHECK_SC 8u       /* only under sequential consistency */
#define THETIS_CHECK_WEAK 16u    /* only under the weak model */
#define THETIS_CHECK_ALLOC 32u   /* also with the threads' k-th allocation failing, for every k */

/** Fails the schedule unless `cond` holds. */
#define THETIS_CHECK(cond)                                                                      \
    ((cond) ? (void)0 : thetis_check_fail("assertion", #cond, __FILE__, __LINE__))

/** main() of a program that runs the listed scenarios; see thetis_check_run(). */
#define THETIS_CHECK_MAIN(...)                                                                  \
    int main(int argc, char **argv)                                                             \
    {                                                                                           \
        static const thetis_check_scenario *const scenarios[] = {__VA_ARGS__};                  \
        return thetis_check_run(argc, argv, scenarios, sizeof scenarios / sizeof scenarios[0]); \
    }

THETIS_BEGIN_DECLS

/** Runs scenarios as the command line says (--help lists it) and prints one line, or JSON, for
 *  each. Returns the exit status: 0 if every verdict is as it should be, 1 if not, 2 for a wrong
 *  command line.
 *  @progress blocking */
THETIS_API int thetis_check_run(int argc, char **argv,
                                const thetis_check_scenario *const scenarios[], size_t count);

/** Begins an operation of the calling thread: its steps are counted from here. Operations do not
 *  nest. `name` is
 *  "<stem>.<operation>" and a literal; `bound` is the most steps that it may take.
 *  @progress owner */
THETIS_API void thetis_check_begin(const char *name, uint64_t bound);

/** Ends it; fails the schedule if it took more steps than its bound.
 *  @progress owner */
THETIS_API void thetis_check_end(void);

/** How often the body should repeat its operations: the scenario's `rounds`, or more under the
 *  growing adversary, where the others must be able to outnumber the victim.
 *  @progress owner */
THETIS_API unsigned thetis_check_rounds(void);

/** The step clock: grows with every access of any thread. Never the same value twice. For the
 *  intervals of operations in a history; see thetis_check_moment().
 *  @progress owner */
THETIS_API uint64_t thetis_check_clock(void);

/** A place where the others may go on, without an access: no step. Needed before the call of each
 *  operation of a history. Without it an operation begins right behind the last access of the one
 *  before, so the two overlap whatever the others do, and an answer that is out of date passes.
 *  @progress owner */
THETIS_API void thetis_check_moment(void);

/** 1 if `thread` was stopped for ever in this schedule; for done().
 *  @progress owner */
THETIS_API int thetis_check_stopped(unsigned thread);

/** The calling thread's number; `threads` of the scenario in setup and done.
 *  @progress owner */
THETIS_API unsigned thetis_check_self(void);

/** One of 0 .. n-1, chosen by the strategy: exhaustive search tries them all.
 *  @progress owner */
THETIS_API unsigned thetis_check_choose(unsigned n);

/** Waits until ready(arg) is not 0, as a system call would: no step, no access counted. If no
 *  other thread can make it so the verdict is deadlock. Synchronises with nothing.
 *  @progress blocking */
THETIS_API void thetis_check_wait(int (*ready)(void *arg), void *arg);

/** For a loop that spins: the others go first.
 *  @progress blocking */
THETIS_API void thetis_check_pause(void);

/** Says that `block`, from malloc, is out of reach for new operations and waits to be freed: it
 *  counts as garbage until then. More than the scenario's `garbage` fail the schedule.
 *  @progress owner */
THETIS_API void thetis_check_retire(const void *block);

/** In setup: says that `bytes` from `second` on are the same memory as those from `first` on (a
 *  mapping made twice). Both and the size are multiples of 4096.
 *  @progress owner */
THETIS_API void thetis_check_alias(const void *second, const void *first, size_t bytes);

/** Ends the schedule with a verdict ("assertion", "history" or a word of your own) and a text.
 *  Does not return inside a scenario.
 *  @progress owner */
THETIS_API void thetis_check_fail(const char *verdict, const char *text, const char *file,
                                  int line);

THETIS_END_DECLS

#endif
