/* SPDX-License-Identifier: MIT
 *
 * bmap_keys.h: `thetis-bench bmap` is `thetis-bench map` with bytes: what a key and a value of a
 * number are, the same for every subject. Keys have 16 to 64 bytes, values 32. For C and C++.
 */
#ifndef BENCH_BMAP_KEYS_H
#define BENCH_BMAP_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BMAP_KEY = 64, BMAP_VALUE = 32 };

/* Writes the key of that number, and returns its length. */
static inline size_t bmap_key(char *room, uint64_t number)
{
    uint64_t word = number;
    for (size_t k = 0; k < BMAP_KEY; k += sizeof word, word = word * 5 + 1)
        memcpy(room + k, &word, sizeof word);
    return 16 + (size_t)(number % 49);
}

static inline void bmap_value(char *room, uint64_t value)
{
    memset(room, 0, BMAP_VALUE);
    memcpy(room, &value, sizeof value);
}

static inline uint64_t bmap_number(const char *value)
{
    uint64_t number;
    memcpy(&number, value, sizeof number);
    return number;
}

#endif
