/* SPDX-License-Identifier: MIT
 *
 * bench_bcast.c: thetis_bcast, typed form, in the mode BENCH_MODE.
 */
#include <thetis/bcast.h>
#include <thetis/version.h>

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_BCAST, 64 bytes"

enum { MOST_READERS = 64, CAPACITY = 1024, SUBJECT_WAITS = BENCH_MODE == THETIS_BCAST_REFUSE };

typedef struct value {
    uint64_t word[8];
} value;

THETIS_BCAST(values, value);

static thetis_bcast *ring;
static thetis_bcast_reader reader[MOST_READERS];

static inline int subject_store(const value *v)
{
    return values_push(ring, v) == THETIS_OK;
}

/* Who was evicted comes back. */
static __attribute__((noinline, cold)) void subject_again(thetis_bcast_reader *r)
{
    thetis_bcast_leave(r);
    if (thetis_bcast_join(ring, r) != THETIS_OK) __builtin_trap();
}

static inline int subject_load(unsigned r, value *v)
{
    thetis_status s = values_pop(&reader[r], v);
    if (BENCH_MODE == THETIS_BCAST_EVICT && s == THETIS_LOST) subject_again(&reader[r]);
    return s == THETIS_OK;
}

static void subject_open(unsigned readers)
{
    static char mem[THETIS_BCAST_SIZE(sizeof(value), CAPACITY, MOST_READERS)] THETIS_CACHE_ALIGNED;
    thetis_bcast_cfg cfg = {sizeof(value), CAPACITY, MOST_READERS, BENCH_MODE};
    if (cfg.mode == THETIS_BCAST_LOSSY) cfg.readers = 0;
    if (thetis_bcast_init(mem, sizeof mem, &cfg, &ring) != THETIS_OK) __builtin_trap();
    for (unsigned r = 0; r < readers; r++) {
        if (thetis_bcast_join(ring, &reader[r]) != THETIS_OK) __builtin_trap();
    }
}

#include "fan.h"
