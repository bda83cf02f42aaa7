/* SPDX-License-Identifier: MIT
 *
 * spsc_control.c: no ring, only what the measuring loop itself costs.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define SUBJECT_VARIANT "control, the empty loop"

#ifdef BENCH_CROWD
#define SUBJECT_JOIN(ring) subject_join(ring)
#endif

typedef struct subject_ring {
    uint64_t last;
} __attribute__((aligned(128))) subject_ring;

static subject_ring *subject_open(void)
{
    static subject_ring ring;
    return &ring;
}

#ifdef BENCH_CROWD
/* Threads share nothing. */
static subject_ring *subject_join(const subject_ring *ring)
{
    (void)ring;
    return aligned_alloc(128, sizeof *ring);
}
#endif

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    ring->last = v;
    return 1;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    __asm__ volatile("" : : "r"(ring) : "memory");
    *v = ring->last;
    return 1;
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    ring->last = v[0];
    return n;
}

static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    subject_pop(ring, v);
    return n;
}

#include "../spsc.h"
