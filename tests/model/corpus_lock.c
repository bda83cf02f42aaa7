/* SPDX-License-Identifier: MIT
 *
 * corpus_lock.c: who may enter: ponyc 4083, Zephyr 32133, clio-core 1032. See docs/corpus.md.
 */
#include "corpus.h"

static unsigned inside; /* plain: two threads that are in at once race for it */

/* ---- ponyc 4083: the compare-and-swap that takes an actor is relaxed ------------------------- */

static unsigned running;

static void ponyc_4083_setup(void)
{
    running = inside = 0;
}

static bool take_actor(void)
{
    unsigned idle = 0;
    return corpus_fixed ? CAS(&running, &idle, 1, ACQ_REL, ACQUIRE)
                        : CAS(&running, &idle, 1, RELAXED, RELAXED);
}

static void ponyc_4083_body(unsigned thread)
{
    (void)thread;
    if (!take_actor()) return;
    inside++;
    STORE(&running, 0, RELEASE);
}

static void ponyc_4083_done(void)
{
    THETIS_CHECK(inside <= 2);
}

CORPUS(ponyc_4083, "ponyc-4083", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- Zephyr 32133: a read-modify-write taken for a full barrier ------------------------------ */

static unsigned wants[2];

static void zephyr_setup(void)
{
    wants[0] = wants[1] = inside = 0;
}

static void zephyr_body(unsigned thread)
{
    (void)ADD(&wants[thread], 1, SEQ_CST);
    if (corpus_fixed) FENCE(SEQ_CST);
    if (LOAD(&wants[1 - thread], RELAXED) == 0) inside++;
}

static void zephyr_done(void)
{
    THETIS_CHECK(inside <= 1);
}

CORPUS(zephyr, "zephyr-32133", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- clio-core 1032: admission reads one word, then swaps another ---------------------------- */

enum { FREE, READING, WRITING, CLAIMED = 8 };

static unsigned mode, writers;

static void clio_setup(void)
{
    mode = WRITING; /* left over: nobody writes now */
    writers = inside = 0;
}

/* The writer's claim must change the word that the reader swaps. */
static void clio_write(void)
{
    unsigned left = WRITING;
    (void)ADD(&writers, 1, SEQ_CST);
    if (corpus_fixed) {
        if (CAS(&mode, &left, WRITING | CLAIMED, SEQ_CST, SEQ_CST)) inside++;
    } else if (LOAD(&mode, SEQ_CST) == WRITING) {
        inside++;
    }
}

static void clio_read(void)
{
    unsigned left = LOAD(&mode, SEQ_CST);
    if (left != WRITING || LOAD(&writers, SEQ_CST) != 0) return;
    if (CAS(&mode, &left, READING, SEQ_CST, SEQ_CST)) inside++;
}

static void clio_body(unsigned thread)
{
    if (thread == 0) {
        clio_write();
    } else {
        clio_read();
    }
}

static void clio_done(void)
{
    THETIS_CHECK(inside <= 1);
}

CORPUS(clio, "clio-core-1032", 2, "race", "random pct dfs dpor", 0, 0);
