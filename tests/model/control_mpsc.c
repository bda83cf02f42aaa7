/* SPDX-License-Identifier: MIT
 *
 * control_mpsc.c: a control that the scenarios of thetis/mpsc.h go where they should: in a ring as
 * small as theirs, spare slots are really given out and written while a producer is late.
 */
#include <thetis/check.h>

#include "ring/mpsc.h"

static char memory[4096] THETIS_CACHE_ALIGNED;
static thetis_mpsc *shared;
static thetis_mpsc_producer handle[3];

static void make(void)
{
    static const thetis_mpsc_shape_ shape = {
        .homes = 2, .spares = 2, .lap = 8, .window = 8, .over = 4, .age = UINTPTR_MAX / 4,
        .producers = 2, .batch = 1, .open = 1, .elem_size = sizeof(uint64_t),
        .stride = THETIS_MPSC_STRIDE_(sizeof(uint64_t))};
    THETIS_CHECK(tht_mpsc_bytes(&shape) <= sizeof memory);
    shared = tht_mpsc_build(memory, &shape, 0);
    for (int p = 1; p <= 2; p++)
        THETIS_CHECK(thetis_mpsc_join(shared, &handle[p]) == THETIS_OK);
}

static void body(unsigned thread)
{
    for (unsigned k = 0; k < (thread ? 2 : 3); k++) {
        uint64_t value = k;
        thetis_status s = thread ? thetis_mpsc_push(&handle[thread], &value)
                                 : thetis_mpsc_pop(shared, &value);
        THETIS_CHECK(s >= THETIS_OK);
    }
}

/* The sequence word of a spare says that it holds an element, or held one last. */
static void no_spare_is_written(void)
{
    for (size_t k = 0; k < shared->shape_.spares; k++) {
        thetis_atomic *seq =
            thetis_mpsc_seq_(shared, shared->shape_.homes + k, shared->shape_.stride);
        uintptr_t word = thetis_atomic_load_relaxed(seq);
        THETIS_CHECK(word == THETIS_MPSC_FREE_ ||
                     (word & THETIS_MPSC_FLAGS_) != THETIS_MPSC_COMMITTED_);
    }
}

const thetis_check_scenario control_mpsc_spares = {
    .name = "control-mpsc-spares", .threads = 3, .setup = make, .body = body,
    .done = no_spare_is_written, .expect = "assertion"};
