/* SPDX-License-Identifier: MIT
 *
 * thetis/hist.h: latency histogram of fixed size.
 *
 *     static thetis_hist h;                      zero-filled memory is an empty histogram
 *     thetis_hist_record(&h, nanoseconds);       any thread, any interrupt
 *     uint64_t p99 = thetis_hist_quantile(&h, 0.99);
 *
 * Log-linear buckets: every power of two is divided into THETIS_HIST_SUB equal parts, so a value
 * is known to 1/THETIS_HIST_SUB (3.1 %) of itself over the whole range of 64 bits; values below
 * 2 * THETIS_HIST_SUB are exact. Recording is one relaxed addition: a reader sees a recent state
 * of each bucket, not one instant of all. Counts are machine words and wrap like them.
 *
 * Memory: sizeof(thetis_hist), 15 KiB with 64-bit words. Orders: all relaxed.
 *
 * | operation | thread | progress   | bound | ISR-safe | shm-safe |
 * |-----------|--------|------------|-------|----------|----------|
 * | record    | any    | wait-free  | 1     | yes      | yes      |
 * | merge     | any    | wait-free  | 2 * B | yes      | yes      |
 * | count     | any    | wait-free  | B     | yes      | yes      |
 * | quantile  | any    | wait-free  | 2 * B | yes      | yes      |
 * | print     | any    | as `write` |       | no       | yes      |
 *
 * with B = THETIS_HIST_BUCKETS.
 */
#ifndef THETIS_HIST_H
#define THETIS_HIST_H

#include <thetis/atomic.h>
#include <thetis/status.h>

#define THETIS_HIST_SUB_BITS 5
#define THETIS_HIST_SUB (1u << THETIS_HIST_SUB_BITS)
#define THETIS_HIST_BUCKETS ((64u - THETIS_HIST_SUB_BITS + 1u) * THETIS_HIST_SUB)

/** A histogram of 64-bit values. Zero-filled memory is an empty one. */
typedef struct thetis_hist {
    thetis_atomic count_[THETIS_HIST_BUCKETS];
} thetis_hist;

/** Receives one line of thetis_hist_print(), without newline. */
typedef void thetis_hist_line_fn(void *user, const char *line);

THETIS_BEGIN_DECLS

/** The bucket of a value.
 *  @progress wait-free, 0 steps */
static inline size_t thetis_hist_bucket(uint64_t value)
{
    unsigned shift;
    if (value < 2 * THETIS_HIST_SUB) return THETIS_CAST(size_t, value);
    shift = 63u - THETIS_CAST(unsigned, __builtin_clzll(value)) - THETIS_HIST_SUB_BITS;
    return THETIS_CAST(size_t, shift) * THETIS_HIST_SUB + THETIS_CAST(size_t, value >> shift);
}

/** The largest value that falls into a bucket; asserts bucket < THETIS_HIST_BUCKETS.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_hist_bucket_max(size_t bucket);

/** Counts one value.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_hist_record(thetis_hist *hist, uint64_t value)
{
    (void)thetis_atomic_fetch_add_relaxed(&hist->count_[thetis_hist_bucket(value)], 1);
}

/** Adds all counts of `from` to `into`. Values recorded meanwhile are added or not.
 *  @progress wait-free, at most 2 * THETIS_HIST_BUCKETS steps */
THETIS_API void thetis_hist_merge(thetis_hist *into, const thetis_hist *from);

/** How many values were counted.
 *  @progress wait-free, THETIS_HIST_BUCKETS steps */
THETIS_API uint64_t thetis_hist_count(const thetis_hist *hist);

/** The smallest value v such that at least the fraction `q` of all values is <= v, rounded up to
 *  its bucket's largest value; q is clamped to [0, 1], and 0 means the smallest value recorded;
 *  0 for an empty histogram.
 *  @progress wait-free, at most 2 * THETIS_HIST_BUCKETS steps */
THETIS_API uint64_t thetis_hist_quantile(const thetis_hist *hist, double q);

/** Writes the percentile distribution line by line, in the text form that HdrHistogram's plotters
 *  read: value, fraction, count so far, 1/(1-fraction); values are divided by `unit` (0 means 1;
 *  at most UINT64_MAX / 10).
 *  @progress as `write` */
THETIS_API void thetis_hist_print(const thetis_hist *hist, uint64_t unit,
                                  thetis_hist_line_fn *write, void *user);

THETIS_END_DECLS

#endif
