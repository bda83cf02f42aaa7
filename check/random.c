/* SPDX-License-Identifier: MIT
 *
 * random.c: the generator of a schedule (Steele, Lea and Flood, "Fast splittable pseudorandom
 * number generators", 2014: SplitMix64).
 */
#include "strategy.h"

static uint64_t state;

uint64_t tst_random(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void tst_random_seed(uint64_t seed, uint64_t n)
{
    state = seed;
    state = tst_random() + n;
    state = tst_random();
}
