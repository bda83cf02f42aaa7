/* SPDX-License-Identifier: MIT
 *
 * map_keys.h: the keys of `thetis-bench map`: key k of n is a scrambled number, the same for every
 * subject, never 0 and never all ones. Which one is drawn: all alike, or after Zipf's law with the
 * exponent 0.99, where the k-th most wanted key is drawn in proportion to 1 / k^0.99.
 */
#ifndef BENCH_MAP_KEYS_H
#define BENCH_MAP_KEYS_H

#include "window.h"

#include <math.h>

enum { KEYS_DRAWN = 1 << 20 }; /* draws after Zipf, which then come again */

typedef struct map_keys {
    uint64_t n;
    uint64_t random, next;
    uint32_t *drawn;
} map_keys;

/* A bijection: different numbers give different keys. */
static inline uint64_t keys_at(uint64_t k)
{
    uint64_t state = k * 0x9E3779B97F4A7C15u;
    return bench_rand(&state);
}

/* 1 + 1 / 2^s + .. + 1 / n^s: the first terms as they are, the others by their integral. */
static double keys_zeta(double n, double s)
{
    double sum = 0, exact = n < 1000 ? n : 1000;
    for (double k = 1; k <= exact; k++) sum += pow(k, -s);
    return sum + (pow(n + 0.5, 1 - s) - pow(exact + 0.5, 1 - s)) / (1 - s);
}

/* Gray et al., "Quickly generating billion-record synthetic databases", 1994, section 3. */
static void keys_draw_zipf(map_keys *keys)
{
    const double s = 0.99, n = (double)keys->n, zeta = keys_zeta(n, s);
    const double alpha = 1 / (1 - s), two = 1 + pow(0.5, s);
    const double eta = (1 - pow(2 / n, 1 - s)) / (1 - two / zeta);
    for (size_t k = 0; k < KEYS_DRAWN; k++) {
        double u = (double)(bench_rand(&keys->random) >> 11) * 0x1p-53, uz = u * zeta;
        double rank = uz < 1 ? 0 : uz < two ? 1 : n * pow(eta * u - eta + 1, alpha);
        keys->drawn[k] = rank < n ? (uint32_t)rank : (uint32_t)(n - 1);
    }
}

static void keys_open(map_keys *keys, uint64_t n, uint64_t seed)
{
    keys->n = n;
    keys->random = seed;
    keys->next = seed;
    keys->drawn = (uint32_t *)malloc(KEYS_DRAWN * sizeof *keys->drawn);
    if (!keys->drawn) bench_die("no memory");
    keys_draw_zipf(keys);
}

/* One of the n keys; `random` is a fresh number. */
static inline uint64_t keys_draw(map_keys *keys, uint64_t random, int zipf)
{
    if (zipf) return keys_at(keys->drawn[keys->next++ % KEYS_DRAWN]);
    return keys_at((random >> 32) * keys->n >> 32); /* n is below 2^32 */
}

#endif
