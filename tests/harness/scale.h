/* SPDX-License-Identifier: MIT
 *
 * scale.h: how much smaller a test runs where the machine is slower, in one place.
 *
 * A count of iterations that is right on a bare machine starves the scheduler of an emulator and
 * blows the deadline of a sanitizer build. So iterations are divided, and time-outs multiplied, by
 * the same factor. Only iterations: the number of threads, the capacities and the mix of operations
 * stay, so that a scaled test still takes the contended path. Where several reasons hold their
 * factors multiply.
 */
#ifndef TEST_SCALE_H
#define TEST_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEST_DIV_TSAN 10
#define TEST_DIV_SANITIZER 5
#define TEST_DIV_EMULATOR 20
#define TEST_DIV_BSD 4

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* No macro of the compiler tells of the undefined-behaviour sanitizer: its build sets
 * THETIS_SANITIZE. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define TEST_DIV_BUILD TEST_DIV_TSAN
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || defined(THETIS_SANITIZE)
#define TEST_DIV_BUILD TEST_DIV_SANITIZER
#else
#define TEST_DIV_BUILD 1
#endif

#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__APPLE__)
#define TEST_DIV_SYSTEM TEST_DIV_BSD
#else
#define TEST_DIV_SYSTEM 1
#endif

/* Whether an emulator runs this program: its build or its environment says so with THETIS_EMULATOR;
 * valgrind, which a program need not be told of, shows in what it preloads. */
static inline bool test_emulated(void)
{
#ifdef THETIS_EMULATOR
    return true;
#else
    const char *preload = getenv("LD_PRELOAD");
    return getenv("THETIS_EMULATOR") || (preload && strstr(preload, "vgpreload"));
#endif
}

/* The factor of this build, system and run. */
static inline unsigned test_factor(void)
{
    return TEST_DIV_BUILD * TEST_DIV_SYSTEM * (test_emulated() ? TEST_DIV_EMULATOR : 1u);
}

/* Iterations to run where a bare machine runs `n`; at least 1. */
static inline size_t test_scale(size_t n)
{
    size_t scaled = n / test_factor();
    return scaled ? scaled : 1;
}

#endif
