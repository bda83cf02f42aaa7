/* SPDX-License-Identifier: MIT
 *
 * bench_latest.c: thetis_latest, typed form.
 */
#include <thetis/latest.h>
#include <thetis/version.h>

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", THETIS_LATEST, 64 bytes"

enum { MOST_READERS = 64, SUBJECT_WAITS = 0 };

typedef struct value {
    uint64_t word[8];
} value;

THETIS_LATEST(values, value);

static thetis_latest *latest;
static thetis_latest_reader reader[MOST_READERS];

static inline int subject_store(const value *v)
{
    return values_store(latest, v) == THETIS_OK;
}

static inline int subject_load(unsigned r, value *v)
{
    return values_load(&reader[r], v) == THETIS_OK;
}

static void subject_open(unsigned readers)
{
    static char mem[THETIS_LATEST_SIZE(sizeof(value), MOST_READERS)] THETIS_CACHE_ALIGNED;
    thetis_latest_cfg cfg = {sizeof(value), readers ? readers : 1};
    if (thetis_latest_init(mem, sizeof mem, &cfg, &latest) != THETIS_OK) __builtin_trap();
    for (unsigned r = 0; r < readers; r++) {
        if (thetis_latest_join(latest, &reader[r]) != THETIS_OK) __builtin_trap();
    }
}

#include "fan.h"
