/* SPDX-License-Identifier: MIT
 *
 * test_caps.c: the compile-time capabilities and layout rules say the truth about this build.
 */
#include "harness/test.h"

#include <limits.h>
#include <string.h>
#include <thetis/atomic.h>
#include <thetis/caps.h>

TEST(word_bits_are_those_of_a_word)
{
    CHECK_EQ(THETIS_CAP_WORD_BITS, sizeof(uintptr_t) * CHAR_BIT);
}

/* Refutable at run time: a build that claims no word-size RMW would need the library call. */
TEST(word_rmw_is_what_the_compiler_says)
{
    CHECK_EQ(THETIS_CAP_WORD_RMW, __atomic_always_lock_free(sizeof(uintptr_t), NULL));
}

TEST(mpmc_needs_words_of_64_bits)
{
    CHECK_EQ(THETIS_CAP_MPMC, THETIS_CAP_WORD_BITS == 64);
    CHECK(!THETIS_CAP_WIDE_CAS || THETIS_CAP_MPMC);
}

TEST(byte_order_is_that_of_memory)
{
    uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    CHECK_EQ(THETIS_CAP_LITTLE_ENDIAN, first);
}

TEST(cache_line_is_a_power_of_two_and_holds_a_word)
{
    CHECK(THETIS_CACHE_LINE >= sizeof(thetis_atomic));
    CHECK_EQ(THETIS_CACHE_LINE & (THETIS_CACHE_LINE - 1), 0);
}

TEST_MAIN(T(word_bits_are_those_of_a_word), T(word_rmw_is_what_the_compiler_says),
          T(mpmc_needs_words_of_64_bits),
          T(byte_order_is_that_of_memory), T(cache_line_is_a_power_of_two_and_holds_a_word))
