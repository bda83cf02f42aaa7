/* SPDX-License-Identifier: MIT
 *
 * thetis/config.h: what the compiler and the target decide, and the switches a user may set.
 *
 * Nothing here is generated: a copied header behaves like an installed one. Every switch has a
 * default; set it with -D on the command line, the same for the library and its users.
 *
 *   THETIS_ASSERT_LEVEL  0 none, 1 contracts on cold paths (default), 2 invariants on hot paths,
 *                        3 whole-structure checks
 *   THETIS_CACHE_LINE    bytes that two writers are kept apart; 128 where the prefetcher pairs
 *                        lines (x86, Apple), 64 on other 64-bit machines, one word on small ones.
 *                        It is part of the layout: nothing notices if users have another than the
 *                        library, and memory is then overwritten
 */
#ifndef THETIS_CONFIG_H
#define THETIS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#ifndef THETIS_ASSERT_LEVEL
#define THETIS_ASSERT_LEVEL 1
#endif

#ifndef THETIS_CACHE_LINE
#if defined(__x86_64__) || defined(__i386__) || defined(__APPLE__)
#define THETIS_CACHE_LINE 128
#elif UINTPTR_MAX > 0xFFFFFFFFu || defined(__linux__)
#define THETIS_CACHE_LINE 64
#else
#define THETIS_CACHE_LINE 8
#endif
#endif

/* THETIS_CAST: a cast that neither language's strict warnings mind. */
#ifdef __cplusplus
#define THETIS_BEGIN_DECLS extern "C" {
#define THETIS_END_DECLS }
#define THETIS_CAST(type, x) (static_cast<type>(x))
#define THETIS_ADDRESS_(type, x) (reinterpret_cast<type>(x))
#else
#define THETIS_BEGIN_DECLS
#define THETIS_END_DECLS
#define THETIS_CAST(type, x) ((type)(x))
#define THETIS_ADDRESS_(type, x) ((type)(x)) /* a pointer's number, or the pointer of one */
#endif

/* An exported function. Everything else in the shared library is hidden. */
#define THETIS_API __attribute__((visibility("default")))

/* A hot function: inline for C and C++ users, and a real symbol for bindings (src/ffi.c). */
#ifndef THETIS_INLINE
#define THETIS_INLINE static inline
#endif

/* Text that several inline functions share, each with its own constants folded in. */
#define THETIS_FOLDED_ static inline __attribute__((always_inline))

#define THETIS_NODISCARD __attribute__((warn_unused_result))
#define THETIS_UNUSED __attribute__((unused)) /* may stay unused without a warning */
#define THETIS_CACHE_ALIGNED __attribute__((aligned(THETIS_CACHE_LINE)))
#define THETIS_LIKELY(x) __builtin_expect(!!(x), 1)
#define THETIS_UNLIKELY(x) __builtin_expect(!!(x), 0)

THETIS_BEGIN_DECLS

/** Reports a broken contract on standard error (or the port's console) and aborts. */
THETIS_API __attribute__((noreturn, cold)) void thetis_assert_fail(const char *what,
                                                                   const char *file, int line);

THETIS_END_DECLS

#define THETIS_ASSERT_(cond)                                                                    \
    (THETIS_LIKELY(cond) ? (void)0 : thetis_assert_fail(#cond, __FILE__, __LINE__))

#if THETIS_ASSERT_LEVEL >= 1
#define THETIS_ASSERT1(cond) THETIS_ASSERT_(cond)
#else
#define THETIS_ASSERT1(cond) ((void)0)
#endif
#if THETIS_ASSERT_LEVEL >= 2
#define THETIS_ASSERT2(cond) THETIS_ASSERT_(cond)
#else
#define THETIS_ASSERT2(cond) ((void)0)
#endif
#if THETIS_ASSERT_LEVEL >= 3
#define THETIS_ASSERT3(cond) THETIS_ASSERT_(cond)
#else
#define THETIS_ASSERT3(cond) ((void)0)
#endif

#endif
