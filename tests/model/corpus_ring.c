/* SPDX-License-Identifier: MIT
 *
 * corpus_ring.c: rings whose indices and slots were not ordered: valkey 3878, jack2 886, zix 1,
 * liburing 1039, IREE 23707, ODP 636. See docs/corpus.md.
 */
#include "corpus.h"

enum { SLOTS = 2, ITEMS = 3, TRIES = 4, ONLY = 1 };

static struct {
    uint64_t head, tail; /* free-running: tail is the producers' end */
    uint64_t slot[SLOTS];
} ring;

/* What the consumers took: each has a row, so that recording orders nothing. */
static struct {
    unsigned count;
    uint64_t value[TRIES];
} took[2];

static void ring_setup(void)
{
    ring.head = ring.tail = 0;
    for (unsigned k = 0; k < SLOTS; k++) ring.slot[k] = 0;
    took[0].count = took[1].count = 0;
}

static void took_one(unsigned consumer, uint64_t value)
{
    took[consumer].value[took[consumer].count++] = value;
}

/* The single consumer took 1, 2, ... */
static void took_in_order(void)
{
    for (unsigned k = 0; k < took[0].count; k++) THETIS_CHECK(took[0].value[k] == k + 1);
}

/* ---- valkey 3878: the consumer clears the slot, then moves its index by a relaxed store ------ */

static bool valkey_push(uint64_t value)
{
    uint64_t tail = LOAD(&ring.tail, RELAXED);
    if (tail - LOAD(&ring.head, ACQUIRE) == SLOTS) return false;
    THETIS_CHECK(ring.slot[tail % SLOTS] == 0); /* a free slot is a cleared one */
    ring.slot[tail % SLOTS] = value;
    STORE(&ring.tail, tail + 1, RELEASE);
    return true;
}

static void valkey_pop(void)
{
    uint64_t head = LOAD(&ring.head, RELAXED);
    if (LOAD(&ring.tail, ACQUIRE) == head) return;
    took_one(0, ring.slot[head % SLOTS]);
    ring.slot[head % SLOTS] = 0;
    if (corpus_fixed) {
        STORE(&ring.head, head + 1, RELEASE);
    } else {
        STORE(&ring.head, head + 1, RELAXED);
    }
}

static void valkey_setup(void)
{
    ring_setup();
}

static void valkey_body(unsigned thread)
{
    uint64_t next = 1;
    for (unsigned k = 0; k < TRIES; k++) {
        if (thread == 1) {
            valkey_pop();
        } else if (next <= ITEMS && valkey_push(next)) {
            next++;
        }
    }
}

static void valkey_done(void)
{
    took_in_order();
}

CORPUS(valkey, "valkey-3878", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- jack2 886: no fences at all; zix 1: an acquire fence where the reader must release ------ */

/* Which of the fences of the ring below the faulty form gets wrong. */
static bool fences_missing, fence_swapped;

static bool fenced_push(uint64_t value)
{
    uint64_t tail = LOAD(&ring.tail, RELAXED);
    if (tail - LOAD(&ring.head, RELAXED) == SLOTS) return false;
    if (!fences_missing) FENCE(ACQUIRE);
    ring.slot[tail % SLOTS] = value;
    if (!fences_missing) FENCE(RELEASE);
    STORE(&ring.tail, tail + 1, RELAXED);
    return true;
}

static void fenced_pop(void)
{
    uint64_t head = LOAD(&ring.head, RELAXED);
    if (LOAD(&ring.tail, RELAXED) == head) return;
    if (!fences_missing) FENCE(ACQUIRE);
    took_one(0, ring.slot[head % SLOTS]);
    if (fence_swapped) {
        FENCE(ACQUIRE);
    } else if (!fences_missing) {
        FENCE(RELEASE);
    }
    STORE(&ring.head, head + 1, RELAXED);
}

static void fenced_body(unsigned thread)
{
    uint64_t next = 1;
    for (unsigned k = 0; k < TRIES; k++) {
        if (thread == 1) {
            fenced_pop();
        } else if (next <= ITEMS && fenced_push(next)) {
            next++;
        }
    }
}

static void jack2_setup(void)
{
    ring_setup();
    fences_missing = !corpus_fixed;
    fence_swapped = false;
}

static void zix_setup(void)
{
    ring_setup();
    fences_missing = false;
    fence_swapped = !corpus_fixed;
}

#define jack2_body fenced_body
#define jack2_done took_in_order
CORPUS(jack2, "jack2-886", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

#define zix_body fenced_body
#define zix_done took_in_order
CORPUS(zix, "zix-1", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- liburing 1039: entries are published by a plain tail and a release of another word ------ */

static uint64_t completions; /* the other ring's head, advanced by the same call */

static void liburing_1039_setup(void)
{
    ring_setup();
    completions = 0;
}

static void liburing_1039_add_and_advance(uint64_t value)
{
    uint64_t tail = LOAD(&ring.tail, RELAXED);
    ring.slot[tail % SLOTS] = value;
    if (corpus_fixed) {
        STORE(&ring.tail, tail + 1, RELEASE);
    } else {
        STORE(&ring.tail, tail + 1, RELAXED);
    }
    STORE(&completions, tail + 1, RELEASE);
}

static void liburing_1039_body(unsigned thread)
{
    for (unsigned k = 0; k < SLOTS; k++) {
        if (thread == 0) {
            liburing_1039_add_and_advance(k + 1);
        } else if (LOAD(&ring.tail, ACQUIRE) > k) {
            took_one(0, ring.slot[k]);
        }
    }
}

static void liburing_1039_done(void)
{
    for (unsigned k = 0; k < took[0].count; k++) THETIS_CHECK(took[0].value[k] != 0);
}

CORPUS(liburing_1039, "liburing-1039", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- IREE 23707: a new reserve index with an old read index: the free space wraps round ------ */

static void iree_setup(void)
{
    ring_setup();
    ring.tail = 1; /* one slot in use, and it is full */
}

static uint64_t iree_free(uint64_t reserved, uint64_t read)
{
    uint64_t used = reserved - read;
    return corpus_fixed && used > ONLY ? 0 : ONLY - used;
}

static bool iree_reserve(void)
{
    uint64_t read = corpus_fixed ? LOAD(&ring.head, ACQUIRE) : 0;
    uint64_t reserved = LOAD(&ring.tail, RELAXED);
    if (!corpus_fixed) read = LOAD(&ring.head, ACQUIRE);
    return iree_free(reserved, read) > 0 &&
           CAS(&ring.tail, &reserved, reserved + 1, RELAXED, RELAXED);
}

static void iree_body(unsigned thread)
{
    if (thread == 0) {
        took_one(0, ring.slot[0]);
        STORE(&ring.head, 1, RELEASE);
    } else if (iree_reserve()) {
        ring.slot[0] = thread;
    }
}

static void iree_done(void)
{
    THETIS_CHECK(ring.tail - ring.head <= ONLY);
}

CORPUS(iree, "iree-23707", 3, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- ODP 636: a new head with an old tail: fewer than none, which is very many --------------- */

static void odp_pop(unsigned consumer)
{
    uint64_t head = corpus_fixed ? LOAD(&ring.head, ACQUIRE) : LOAD(&ring.head, RELAXED);
    uint64_t tail = LOAD(&ring.tail, ACQUIRE);
    if (tail - head == 0) return;
    if (CAS(&ring.head, &head, head + 1, ACQ_REL, RELAXED)) {
        took_one(consumer, ring.slot[head % SLOTS]);
    }
}

static void odp_setup(void)
{
    ring_setup();
}

static void odp_body(unsigned thread)
{
    if (thread == 2) {
        ring.slot[0] = 1;
        STORE(&ring.tail, 1, RELEASE);
    } else {
        odp_pop(thread);
    }
}

static void odp_done(void)
{
    THETIS_CHECK(took[0].count + took[1].count <= 1);
}

CORPUS(odp, "odp-636", 3, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);
