/* SPDX-License-Identifier: MIT
 *
 * bench_bytes.c: thetis_bytes; records of 64 bytes, made and read in place. One operation is
 * reserve, commit, peek and release; of the record the first and the last word are written and
 * read, or, with BENCH_FILLED, all 8: what that takes more is no cost of the ring. With BENCH_PLAIN
 * the memory is not mirrored.
 */
#include <thetis/bytes.h>
#include <thetis/version.h>

#define CAPACITY (1 << 16)
#if defined(BENCH_PLAIN)
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", plain, first and last word touched"
#elif defined(BENCH_FILLED)
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", mirrored, every word touched"
#else
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", mirrored, first and last word touched"
#endif

typedef thetis_bytes subject_ring;

#ifdef BENCH_FILLED
enum { WORDS = 8, STRIDE = 1 };
#else
enum { WORDS = 8, STRIDE = WORDS - 1 };
#endif

static subject_ring *subject_open(void)
{
    thetis_bytes_cfg cfg = {CAPACITY, WORDS * sizeof(uint64_t), 0};
    thetis_bytes *ring;
#ifdef BENCH_PLAIN
    static char mem[THETIS_BYTES_SIZE(CAPACITY)] THETIS_CACHE_ALIGNED;
    return thetis_bytes_init(mem, sizeof mem, &cfg, &ring) == THETIS_OK ? ring : NULL;
#else
    return thetis_bytes_create(&cfg, &ring) == THETIS_OK ? ring : NULL;
#endif
}

static inline __attribute__((always_inline)) int subject_push(subject_ring *ring, uint64_t v)
{
    void *record;
    if (thetis_bytes_reserve(ring, WORDS * sizeof v, &record) != THETIS_OK) return 0;
#pragma GCC unroll 8
    for (unsigned k = 0; k < WORDS; k += STRIDE) ((uint64_t *)record)[k] = v;
    thetis_bytes_commit(ring, WORDS * sizeof v);
    return 1;
}

/* All words must be the same. */
static inline __attribute__((always_inline)) int subject_pop(subject_ring *ring, uint64_t *v)
{
    void *record;
    size_t size;
    uint64_t differ = 0;
    if (thetis_bytes_peek(ring, &record, &size) != THETIS_OK) return 0;
    *v = *(const uint64_t *)record;
#pragma GCC unroll 8
    for (unsigned k = 0; k < WORDS; k += STRIDE) differ |= *v ^ ((const uint64_t *)record)[k];
    thetis_bytes_release(ring);
    return size == WORDS * sizeof *v && !differ;
}

#include "one_by_one.h"
