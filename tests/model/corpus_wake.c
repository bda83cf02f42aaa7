/* SPDX-License-Identifier: MIT
 *
 * corpus_wake.c: who is woken: liburing 541, folly b927c055, FEX 5161. See docs/corpus.md.
 */
#include "corpus.h"

enum { THREADS = 3 };

/* ---- liburing 541: the tail's store and the flag's load need a full barrier between them ----- */

static unsigned submitted, need_wakeup, woken;

static int is_woken(void *unused)
{
    (void)unused;
    return woken != 0;
}

static void liburing_541_setup(void)
{
    submitted = need_wakeup = woken = 0;
}

static void liburing_541_submit(void)
{
    STORE(&submitted, 1, RELEASE);
    if (corpus_fixed) FENCE(SEQ_CST);
    if (LOAD(&need_wakeup, RELAXED)) STORE(&woken, 1, RELEASE);
}

static void liburing_541_kernel(void)
{
    STORE(&need_wakeup, 1, RELAXED);
    FENCE(SEQ_CST);
    if (LOAD(&submitted, ACQUIRE) == 0) thetis_check_wait(is_woken, NULL);
}

static void liburing_541_body(unsigned thread)
{
    if (thread == 0) {
        liburing_541_submit();
    } else {
        liburing_541_kernel();
    }
}

static void liburing_541_done(void)
{
    THETIS_CHECK(submitted == 1);
}

CORPUS(liburing_541, "liburing-541", 2, "deadlock", "random pct dfs", THETIS_CHECK_WEAK,
       THETIS_CHECK_BLOCKING);

/* ---- a futex: compare and sleep are one step, as in a kernel --------------------------------- */

static unsigned state;
static unsigned asleep; /* threads, as bits; the kernel's own, so that it is no shared access */

#define KERNEL __attribute__((no_sanitize("thread"), noinline))

KERNEL static int is_awake(void *thread)
{
    return !(asleep >> (uintptr_t)thread & 1);
}

KERNEL static void fall_asleep(unsigned thread)
{
    asleep |= 1u << thread;
}

static void futex_wait(unsigned expected, unsigned mask)
{
    unsigned self = thetis_check_self();
    if ((ADD(&state, 0, SEQ_CST) & mask) != (expected & mask)) return;
    fall_asleep(self);
    thetis_check_wait(is_awake, (void *)(uintptr_t)self);
}

/* Wakes the sleeper with the highest number; returns how many. */
KERNEL static unsigned futex_wake_one(void)
{
    if (!asleep) return 0;
    asleep &= ~(1u << (31 - __builtin_clz(asleep)));
    return 1;
}

KERNEL static void futex_wake_all(void)
{
    asleep = 0;
}

static void futex_setup(void)
{
    state = asleep = 0;
}

/* ---- folly b927c055: a count of waiters that goes up, down and up again ---------------------- */

enum { HELD = 1, WAITER = 2, MOST = HELD + 2 * WAITER };

static void folly_lock(void)
{
    unsigned seen = 0;
    for (;;) {
        unsigned next = !(seen & HELD) ? seen + HELD : seen < MOST ? seen + WAITER : seen;
        if (!CAS(&state, &seen, next, ACQUIRE, RELAXED)) continue;
        if (!(seen & HELD)) return;
        futex_wait(next, ~0u);
        seen = 0;
    }
}

/* The faulty form takes one off the count, as if it knew that it wakes that one. */
static void folly_unlock_by_count(void)
{
    unsigned seen = HELD, next;
    do {
        next = seen - HELD - (seen > HELD ? WAITER : 0);
    } while (!CAS(&state, &seen, next, RELEASE, RELAXED));
    if (seen > HELD) (void)futex_wake_one();
}

/* The count only says that there may be some: it is cleared when nobody was woken. */
static void folly_unlock_by_hint(void)
{
    unsigned seen = AND(&state, ~(unsigned)HELD, RELEASE);
    if (seen == HELD || futex_wake_one()) return;
    (void)AND(&state, HELD, RELAXED);
    futex_wake_all();
}

static void folly_unlock(void)
{
    if (corpus_fixed) {
        folly_unlock_by_hint();
    } else {
        folly_unlock_by_count();
    }
}

static void folly_setup(void)
{
    futex_setup();
    state = HELD; /* by thread 0 */
}

static void folly_body(unsigned thread)
{
    if (thread == 0) folly_unlock();
    folly_lock();
    folly_unlock();
}

static void folly_done(void)
{
    THETIS_CHECK((state & HELD) == 0);
}

CORPUS(folly, "folly-b927c055", THREADS, "deadlock", "random pct dfs", 0,
       THETIS_CHECK_BLOCKING);

/* ---- FEX 5161: the bit that says "a reader waits" is not in the half that the reader watches - */

enum { READER_WAITS = 1 << 15, WRITER_HAS = 1 << 30, UPPER_HALF = (int)0x7FFF0000 };

static void fex_setup(void)
{
    futex_setup();
    state = WRITER_HAS; /* thread 0 has it */
}

static void fex_write_unlock(void)
{
    unsigned seen = SWAP(&state, 0, ACQ_REL);
    if (seen & READER_WAITS) futex_wake_all();
}

static void fex_write_once(void)
{
    unsigned seen = 0;
    if (CAS(&state, &seen, WRITER_HAS, ACQUIRE, RELAXED)) fex_write_unlock();
}

static void fex_read_lock(void)
{
    unsigned watched = UPPER_HALF | (corpus_fixed ? READER_WAITS : 0);
    unsigned seen = ADD(&state, 0, ACQUIRE);
    while (seen & WRITER_HAS) {
        if (CAS(&state, &seen, seen | READER_WAITS, RELAXED, RELAXED)) {
            futex_wait(WRITER_HAS | READER_WAITS, watched);
            seen = ADD(&state, 0, ACQUIRE);
        }
    }
}

static void fex_body(unsigned thread)
{
    if (thread == 0) {
        fex_write_unlock();
    } else if (thread == 1) {
        fex_write_once();
    } else {
        fex_read_lock();
    }
}

static void fex_done(void)
{
    THETIS_CHECK(state == 0);
}

CORPUS(fex, "fex-5161", THREADS, "deadlock", "random pct dfs dpor", 0, THETIS_CHECK_BLOCKING);
