/* SPDX-License-Identifier: MIT
 *
 * corpus_list.c: stacks, free lists, bags and deques: Open MPI 13969, iceoryx 2196, scc 153,
 * MPL 212. See docs/corpus.md.
 */
#include "corpus.h"

/* ---- Open MPI 13969: the popper follows a pointer that it has read without acquire ----------- */

typedef struct link {
    struct link *next;
    unsigned value;
} link;

static link links[3];
static link *top;
static unsigned ompi_sum;

static void ompi_setup(void)
{
    for (unsigned k = 0; k < 3; k++) links[k] = (link){NULL, 0};
    top = NULL;
    ompi_sum = 0;
}

static void ompi_push(link *item, unsigned value)
{
    link *old = LOAD(&top, RELAXED);
    item->value = value;
    do {
        item->next = old;
        FENCE(RELEASE);
    } while (!CAS(&top, &old, item, RELAXED, RELAXED));
}

/* The only popper: what it reads as the top stays in the list until it takes it. */
static void ompi_pop(void)
{
    link *old = LOAD(&top, RELAXED);
    while (old) {
        if (corpus_fixed) FENCE(ACQUIRE);
        if (CAS(&top, &old, old->next, RELAXED, RELAXED)) {
            ompi_sum += old->value;
            return;
        }
    }
}

static void ompi_body(unsigned thread)
{
    if (thread == 0) {
        ompi_push(&links[0], 1);
        ompi_push(&links[1], 2);
    } else {
        ompi_pop();
        ompi_pop();
    }
}

static void ompi_done(void)
{
    THETIS_CHECK(ompi_sum <= 3);
}

CORPUS(ompi, "ompi-13969", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- iceoryx 2196: a release fence, copied, where the free list's push must acquire ---------- */

enum { INVALID = 99 };

static unsigned next_free[2], first_free;
static unsigned handed_over; /* 1 + the index that goes from one thread to the other */

static void iceoryx_setup(void)
{
    next_free[0] = 1;
    next_free[1] = INVALID;
    first_free = handed_over = 0;
}

static void iceoryx_pop(void)
{
    unsigned index = LOAD(&first_free, RELAXED);
    STORE(&first_free, next_free[index], RELAXED);
    next_free[index] = INVALID; /* in use */
    FENCE(RELEASE);
    STORE(&handed_over, index + 1, RELAXED);
}

static void iceoryx_push(unsigned index)
{
    if (corpus_fixed) {
        FENCE(ACQUIRE);
    } else {
        FENCE(RELEASE);
    }
    THETIS_CHECK(next_free[index] == INVALID);
    next_free[index] = LOAD(&first_free, RELAXED);
    STORE(&first_free, index, RELEASE);
}

static void iceoryx_body(unsigned thread)
{
    if (thread == 0) {
        iceoryx_pop();
        return;
    }
    unsigned handed = LOAD(&handed_over, RELAXED);
    if (handed) iceoryx_push(handed - 1);
}

static void iceoryx_done(void)
{
    THETIS_CHECK(first_free < 2);
}

CORPUS(iceoryx, "iceoryx-2196", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- scc 153: a pop that finds the bag empty although a push has returned -------------------- */

static uint64_t bag, pushed_at, asked_at;
static bool found_empty;

static void scc_setup(void)
{
    bag = 0;
    pushed_at = asked_at = 0;
    found_empty = false;
}

/* A load may answer with the past; a read-modify-write sees the last store. */
static bool scc_pop(void)
{
    uint64_t items = corpus_fixed ? OR(&bag, 0, ACQ_REL) : LOAD(&bag, ACQUIRE);
    return items && (AND(&bag, ~items, ACQ_REL) & items);
}

static void scc_body(unsigned thread)
{
    if (thread == 0) {
        (void)OR(&bag, 1, RELEASE);
        pushed_at = thetis_check_clock();
    } else {
        uint64_t now = thetis_check_clock();
        found_empty = !scc_pop();
        asked_at = now;
    }
}

static void scc_done(void)
{
    if (found_empty && pushed_at && pushed_at < asked_at) {
        thetis_check_fail("history", "empty after a completed push", __FILE__, __LINE__);
    }
}

CORPUS(scc, "scc-153", 2, "history", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- MPL 212: the thief's two loads are not ordered: a job is stolen that the owner has ------ */

enum { JOBS = 2, NOBODY = 9 };

static unsigned deque_top, deque_bottom; /* jobs top .. bottom - 1; job k is k */
static unsigned own_job, stolen[2];

static void mpl_setup(void)
{
    deque_top = 0;
    deque_bottom = JOBS;
    own_job = stolen[0] = stolen[1] = NOBODY;
}

/* The last job is left to the thief, so that the owner never competes for it. */
static void mpl_pop_bottom(void)
{
    unsigned bottom = LOAD(&deque_bottom, RELAXED) - 1;
    STORE(&deque_bottom, bottom, RELAXED);
    FENCE(SEQ_CST);
    if (LOAD(&deque_top, RELAXED) < bottom) own_job = bottom;
}

static unsigned mpl_pop_top(void)
{
    unsigned from = LOAD(&deque_top, RELAXED);
    if (corpus_fixed) FENCE(SEQ_CST);
    unsigned bottom = LOAD(&deque_bottom, RELAXED);
    if (from >= bottom) return NOBODY;
    return CAS(&deque_top, &from, from + 1, RELAXED, RELAXED) ? from : NOBODY;
}

static void mpl_body(unsigned thread)
{
    if (thread == 0) {
        mpl_pop_bottom();
    } else {
        stolen[0] = mpl_pop_top();
        stolen[1] = mpl_pop_top();
    }
}

static void mpl_done(void)
{
    THETIS_CHECK(own_job == NOBODY || (stolen[0] != own_job && stolen[1] != own_job));
}

CORPUS(mpl, "mpl-212", 2, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);
