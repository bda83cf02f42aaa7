/* SPDX-License-Identifier: MIT
 *
 * thetis/atomic.h: atomic machine words.
 *
 * The only door to the compiler's atomics. A wrapper struct over a plain word, so that the header
 * is the same type in C and C++ and an atomic word cannot be read by accident. The order is part
 * of the name, hence visible at each use:
 *
 *     thetis_atomic_store_release(&r->tail, t);             pairs with      [a tag, see below]
 *     t = thetis_atomic_load_acquire(&r->tail);
 *
 * Words only: a 64-bit word on a 32-bit machine, or a byte, becomes a library call with a lock on
 * some targets, which would silently destroy wait-freedom. There are no fences, which
 * ThreadSanitizer cannot see, but for the full one of the last two functions.
 *
 * Every use that is not relaxed carries `pair: tag` in a comment on its line. A tag names one
 * release side and one acquire side; tools/pairs.py checks that both exist. Full fences pair with
 * full fences: the comment beside one says with which.
 *
 * Progress: loads and stores are wait-free. A read-modify-write is one instruction on x86-64,
 * AArch64 with LSE and RISC-V with A; elsewhere (LL/SC) its retries are bounded by the core's
 * forward progress guarantee, and one counts as one step.
 */
#ifndef THETIS_ATOMIC_H
#define THETIS_ATOMIC_H

#include <thetis/config.h>

/** One machine word shared between threads. Zero-filled memory is a valid word of value 0. */
typedef struct thetis_atomic {
    uintptr_t word_;
} thetis_atomic;

static inline uintptr_t thetis_atomic_load_relaxed(const thetis_atomic *a)
{
    return __atomic_load_n(&a->word_, __ATOMIC_RELAXED);
}

static inline uintptr_t thetis_atomic_load_acquire(const thetis_atomic *a)
{
    return __atomic_load_n(&a->word_, __ATOMIC_ACQUIRE);
}

static inline void thetis_atomic_store_relaxed(thetis_atomic *a, uintptr_t value)
{
    __atomic_store_n(&a->word_, value, __ATOMIC_RELAXED);
}

static inline void thetis_atomic_store_release(thetis_atomic *a, uintptr_t value)
{
    __atomic_store_n(&a->word_, value, __ATOMIC_RELEASE);
}

static inline uintptr_t thetis_atomic_exchange_acquire(thetis_atomic *a, uintptr_t value)
{
    return __atomic_exchange_n(&a->word_, value, __ATOMIC_ACQUIRE);
}

static inline uintptr_t thetis_atomic_exchange_release(thetis_atomic *a, uintptr_t value)
{
    return __atomic_exchange_n(&a->word_, value, __ATOMIC_RELEASE);
}

static inline uintptr_t thetis_atomic_exchange_acq_rel(thetis_atomic *a, uintptr_t value)
{
    return __atomic_exchange_n(&a->word_, value, __ATOMIC_ACQ_REL);
}

/* 1 if the word was `expected` and is now `value`; else 0, unchanged. Never fails spuriously. */
static inline int thetis_atomic_cas_relaxed(thetis_atomic *a, uintptr_t expected, uintptr_t value)
{
    return __atomic_compare_exchange_n(&a->word_, &expected, value, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* The same; one that fails orders nothing. */
static inline int thetis_atomic_cas_acquire(thetis_atomic *a, uintptr_t expected, uintptr_t value)
{
    return __atomic_compare_exchange_n(&a->word_, &expected, value, 0, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline int thetis_atomic_cas_release(thetis_atomic *a, uintptr_t expected, uintptr_t value)
{
    return __atomic_compare_exchange_n(&a->word_, &expected, value, 0, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
}

static inline uintptr_t thetis_atomic_fetch_add_relaxed(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_add(&a->word_, value, __ATOMIC_RELAXED);
}

static inline uintptr_t thetis_atomic_fetch_add_acquire(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_add(&a->word_, value, __ATOMIC_ACQUIRE);
}

static inline uintptr_t thetis_atomic_fetch_add_release(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_add(&a->word_, value, __ATOMIC_RELEASE);
}

static inline uintptr_t thetis_atomic_fetch_add_acq_rel(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_add(&a->word_, value, __ATOMIC_ACQ_REL);
}

/* Returns what the word was. To set a flag that others set too: an exchange whose result is not
 * used becomes a store in clang, and a store ends the release sequences of the others. */
static inline uintptr_t thetis_atomic_fetch_or_release(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_RELEASE);
}

static inline uintptr_t thetis_atomic_fetch_or_acq_rel(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_ACQ_REL);
}

static inline uintptr_t thetis_atomic_fetch_sub_relaxed(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_sub(&a->word_, value, __ATOMIC_RELAXED);
}

static inline uintptr_t thetis_atomic_fetch_sub_release(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_sub(&a->word_, value, __ATOMIC_RELEASE);
}

/* THETIS_FENCE_IS_EXCHANGE_: where an exchange is a full fence, whatever C11 says of it. The
 * tester, which judges C11, is shown the fence. */
#if (defined(__x86_64__) || defined(__i386__)) && !defined(__SANITIZE_THREAD__)
#define THETIS_FENCE_IS_EXCHANGE_ 1
#else
#define THETIS_FENCE_IS_EXCHANGE_ 0
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef THETIS_FENCE_IS_EXCHANGE_
#define THETIS_FENCE_IS_EXCHANGE_ 0
#endif
#endif

/* A full fence. What the thread loads from now on is not older than what others had stored before
 * such a fence that came before this one: of two threads that each store a word, pass a fence and
 * load the other's word, one at least sees what the other stored. gcc warns that ThreadSanitizer
 * does not know it: no structure here needs it to be known. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__) && __GNUC__ >= 11
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void thetis_atomic_fence_seq_cst(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#if defined(__SANITIZE_THREAD__) && !defined(__clang__) && __GNUC__ >= 11
#pragma GCC diagnostic pop
#endif

/* Stores with release, then a full fence. */
static inline void thetis_atomic_publish_seq_cst(thetis_atomic *a, uintptr_t value)
{
#if THETIS_FENCE_IS_EXCHANGE_
    (void)__atomic_exchange_n(&a->word_, value, __ATOMIC_SEQ_CST);
#else
    __atomic_store_n(&a->word_, value, __ATOMIC_RELEASE);
    thetis_atomic_fence_seq_cst();
#endif
}

#endif
