/* SPDX-License-Identifier: MIT
 *
 * thetis/caps.h: what this build can do, as constants for the preprocessor.
 *
 * What the running system can do is asked from a loop: thetis_loop_cap() (thetis/loop.h).
 * `thetis-doctor` prints both.
 */
#ifndef THETIS_CAPS_H
#define THETIS_CAPS_H

#include <thetis/config.h>

/** Bits in a machine word; the structures' counters and tokens have this width. */
#if UINTPTR_MAX > 0xFFFFFFFFu
#define THETIS_CAP_WORD_BITS 64
#else
#define THETIS_CAP_WORD_BITS 32
#endif

/** 1 where a word-size read-modify-write is compiled to instructions, not to a library call. */
#if THETIS_CAP_WORD_BITS == 64 ? defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8)                    \
                               : defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_4)
#define THETIS_CAP_WORD_RMW 1
#else
#define THETIS_CAP_WORD_RMW 0
#endif

/** 1 where two neighbouring words can be compared and swapped at once by instructions, which
 *  the value form of thetis/mpmc.h needs: x86-64 (but for the first ones of 2003) and AArch64. */
#if defined(__x86_64__) && !defined(__ILP32__) || defined(__aarch64__) && !defined(__ILP32__)
#define THETIS_CAP_WIDE_CAS 1
#else
#define THETIS_CAP_WIDE_CAS 0
#endif

/** 1 where thetis/mpmc.h is there: its cells hold a lap, a participant and an index in one word,
 *  for which 32 bits are too few. */
#define THETIS_CAP_MPMC (THETIS_CAP_WORD_BITS == 64)

/** 1 on little-endian machines. */
#define THETIS_CAP_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#endif
