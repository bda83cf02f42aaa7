/* SPDX-License-Identifier: MIT
 *
 * mpmc_ck.c: Concurrency Kit's ring in its form for many producers and many consumers.
 */
#include <ck_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define CAPACITY 4096
#define SUBJECT_VARIANT "ck " PEER_VERSION ", ck_ring_enqueue_mpmc/dequeue_mpmc"

typedef struct subject_ring {
    ck_ring_t ring;
    ck_ring_buffer_t slots[CAPACITY] __attribute__((aligned(128)));
} subject_ring;

static subject_ring *subject_open(void)
{
    static subject_ring ring __attribute__((aligned(128)));
    ck_ring_init(&ring.ring, CAPACITY);
    return &ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    return ck_ring_enqueue_mpmc(&ring->ring, ring->slots, (void *)(uintptr_t)v);
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    void *entry;
    bool done = ck_ring_dequeue_mpmc(&ring->ring, ring->slots, &entry);
    *v = (uint64_t)(uintptr_t)entry;
    return done;
}

#include "../one_by_one.h"
