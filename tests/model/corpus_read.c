/* SPDX-License-Identifier: MIT
 *
 * corpus_read.c: readers without locks: CPython 121388, stabby 139, thread_system 602. See
 * docs/corpus.md.
 */
#include "corpus.h"

#include <stdlib.h>

/* ---- CPython 121388: the second look at the counter comes before the reads it shall confirm -- */

static unsigned sequence, halves[2];
static bool torn;

static void cpython_setup(void)
{
    sequence = halves[0] = halves[1] = 0;
    torn = false;
}

static void cpython_write(void)
{
    STORE(&sequence, 1, RELAXED);
    if (corpus_fixed) FENCE(RELEASE);
    STORE(&halves[0], 1, RELAXED);
    STORE(&halves[1], 1, RELAXED);
    STORE(&sequence, 2, RELEASE);
}

static void cpython_read(void)
{
    unsigned before = LOAD(&sequence, ACQUIRE);
    unsigned first = LOAD(&halves[0], RELAXED), second = LOAD(&halves[1], RELAXED);
    if (corpus_fixed) FENCE(ACQUIRE);
    if (before % 2 == 0 && LOAD(&sequence, RELAXED) == before) torn = first != second;
}

static void cpython_body(unsigned thread)
{
    if (thread == 0) {
        cpython_write();
    } else {
        cpython_read();
    }
}

static void cpython_done(void)
{
    THETIS_CHECK(!torn);
}

CORPUS(cpython, "cpython-121388", 2, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- stabby 139: references are counted down without order, and the last one frees ----------- */

typedef struct counted {
    unsigned references, value;
} counted;

static counted *object;
static unsigned values[2];

static void stabby_setup(void)
{
    object = malloc(sizeof *object);
    *object = (counted){2, 7};
    values[0] = values[1] = 7;
}

static void stabby_drop(counted *c)
{
    if (corpus_fixed) {
        if (ADD(&c->references, -1u, RELEASE) != 1) return;
        FENCE(ACQUIRE);
    } else if (ADD(&c->references, -1u, RELAXED) != 1) {
        return;
    }
    free(c);
}

static void stabby_body(unsigned thread)
{
    values[thread] = object->value;
    stabby_drop(object);
}

static void stabby_done(void)
{
    THETIS_CHECK(values[0] == 7 && values[1] == 7);
}

CORPUS(stabby, "stabby-139", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- thread_system 602: the hazard's store and the second look are not kept in order --------- */

static unsigned *shared_value, *hazard;
static unsigned hazard_read;

static void hazard_setup(void)
{
    shared_value = malloc(sizeof *shared_value);
    *shared_value = 7;
    hazard = NULL;
    hazard_read = 7;
}

static void hazard_protect(void)
{
    unsigned *value = LOAD(&shared_value, ACQUIRE);
    STORE(&hazard, value, RELEASE);
    if (corpus_fixed) FENCE(SEQ_CST);
    if (value && LOAD(&shared_value, ACQUIRE) == value) hazard_read = *value;
}

/* What is protected stays allocated: no second try is needed here. */
static void hazard_replace(void)
{
    unsigned *value = SWAP(&shared_value, NULL, ACQ_REL);
    if (corpus_fixed) FENCE(SEQ_CST);
    if (LOAD(&hazard, ACQUIRE) != value) free(value);
}

static void hazard_body(unsigned thread)
{
    if (thread == 0) {
        hazard_replace();
    } else {
        hazard_protect();
    }
}

static void hazard_done(void)
{
    THETIS_CHECK(hazard_read == 7);
}

CORPUS(hazard, "thread_system-602", 2, "use after free", "random pct dfs", THETIS_CHECK_WEAK,
       THETIS_CHECK_LEAKS);
