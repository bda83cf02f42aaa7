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

#include <thetis/caps.h>
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

/* Not older than the newest value that a seq_cst operation on the word has written. */
static inline uintptr_t thetis_atomic_load_seq_cst(const thetis_atomic *a)
{
    return __atomic_load_n(&a->word_, __ATOMIC_SEQ_CST);
}

static inline void thetis_atomic_store_relaxed(thetis_atomic *a, uintptr_t value)
{
    __atomic_store_n(&a->word_, value, __ATOMIC_RELAXED);
}

static inline void thetis_atomic_store_release(thetis_atomic *a, uintptr_t value)
{
    __atomic_store_n(&a->word_, value, __ATOMIC_RELEASE);
}

/* THETIS_OTHERS_(was, value): the two have registers of their own. gcc 12 for s390x makes a loop of
 * an exchange, and may give the new value and the old one the same register if the caller has one
 * variable for both (`v = exchange(a, v)`): the value is then gone before it is stored. */
#if defined(__s390x__) && defined(__GNUC__) && !defined(__clang__)
#define THETIS_OTHERS_(was, value) __asm__("" : "+r"(was) : "r"(value))
#else
#define THETIS_OTHERS_(was, value) THETIS_CAST(void, 0)
#endif

static inline uintptr_t thetis_atomic_exchange_acquire(thetis_atomic *a, uintptr_t value)
{
    uintptr_t was = __atomic_exchange_n(&a->word_, value, __ATOMIC_ACQUIRE);
    THETIS_OTHERS_(was, value);
    return was;
}

static inline uintptr_t thetis_atomic_exchange_release(thetis_atomic *a, uintptr_t value)
{
    uintptr_t was = __atomic_exchange_n(&a->word_, value, __ATOMIC_RELEASE);
    THETIS_OTHERS_(was, value);
    return was;
}

static inline uintptr_t thetis_atomic_exchange_acq_rel(thetis_atomic *a, uintptr_t value)
{
    uintptr_t was = __atomic_exchange_n(&a->word_, value, __ATOMIC_ACQ_REL);
    THETIS_OTHERS_(was, value);
    return was;
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

static inline int thetis_atomic_cas_seq_cst(thetis_atomic *a, uintptr_t expected, uintptr_t value)
{
    return __atomic_compare_exchange_n(&a->word_, &expected, value, 0, __ATOMIC_SEQ_CST,
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
static inline uintptr_t thetis_atomic_fetch_or_relaxed(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_RELAXED);
}

static inline uintptr_t thetis_atomic_fetch_or_release(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_RELEASE);
}

static inline uintptr_t thetis_atomic_fetch_or_acquire(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_ACQUIRE);
}

static inline uintptr_t thetis_atomic_fetch_or_acq_rel(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_ACQ_REL);
}

static inline uintptr_t thetis_atomic_fetch_or_seq_cst(thetis_atomic *a, uintptr_t value)
{
    return __atomic_fetch_or(&a->word_, value, __ATOMIC_SEQ_CST);
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

#if THETIS_CAP_WIDE_CAS

/* What two neighbouring words hold. */
typedef struct thetis_wide {
    uintptr_t low, high;
} thetis_wide;

/** Two machine words that change together: read and written by these three functions only. */
typedef struct thetis_atomic_wide {
    thetis_wide words_;
} __attribute__((aligned(16))) thetis_atomic_wide;

/* Instrumentation sees no assembly: there the compiler's builtins do the same. */
#if defined(__SANITIZE_THREAD__)
#define THETIS_WIDE_BUILTIN_
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THETIS_WIDE_BUILTIN_
#endif
#endif

#if defined(THETIS_WIDE_BUILTIN_)

__extension__ typedef unsigned __int128 thetis_wide_int_ __attribute__((may_alias));

static inline thetis_wide_int_ *thetis_wide_at_(thetis_atomic_wide *a)
{
    void *at = a;
    return THETIS_CAST(thetis_wide_int_ *, at);
}

static inline int thetis_wide_swap_(thetis_atomic_wide *a, thetis_wide *old, thetis_wide value)
{
    thetis_wide_int_ was = THETIS_CAST(thetis_wide_int_, old->high) << 64 | old->low;
    thetis_wide_int_ is = THETIS_CAST(thetis_wide_int_, value.high) << 64 | value.low;
    return __atomic_compare_exchange_n(thetis_wide_at_(a), &was, is, 0, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
}

static inline thetis_wide thetis_wide_load_(thetis_atomic_wide *a)
{
    thetis_wide_int_ v = __atomic_load_n(thetis_wide_at_(a), __ATOMIC_ACQUIRE);
    thetis_wide w = {THETIS_CAST(uintptr_t, v), THETIS_CAST(uintptr_t, v >> 64)};
    return w;
}

static inline thetis_wide thetis_wide_peek_(thetis_atomic_wide *a)
{
    return thetis_wide_load_(a);
}

#else

static inline int thetis_wide_swap_(thetis_atomic_wide *a, thetis_wide *old, thetis_wide value)
{
#if defined(__x86_64__)
    int same;
    __asm__ __volatile__("lock cmpxchg16b %1"
                         : "=@cce"(same), "+m"(a->words_), "+a"(old->low), "+d"(old->high)
                         : "b"(value.low), "c"(value.high)
                         : "memory");
    return same;
#elif defined(__ARM_FEATURE_ATOMICS)
    /* One instruction, between pairs of neighbouring registers. */
    const thetis_wide was = *old;
    __asm__ __volatile__("mov x0, %3\n\t"
                         "mov x1, %4\n\t"
                         "mov x2, %5\n\t"
                         "mov x3, %6\n\t"
                         "caspal x0, x1, x2, x3, %2\n\t"
                         "mov %0, x0\n\t"
                         "mov %1, x1"
                         : "=r"(old->low), "=r"(old->high), "+Q"(a->words_)
                         : "r"(was.low), "r"(was.high), "r"(value.low), "r"(value.high)
                         : "x0", "x1", "x2", "x3", "memory");
    return old->low == was.low && old->high == was.high;
#else
    /* What was there is written back if it differs: only then were both words of one moment. */
    const thetis_wide was = *old;
    uint32_t failed;
    __asm__ __volatile__("1: ldaxp %0, %1, %3\n\t"
                         "cmp %0, %4\n\t"
                         "ccmp %1, %5, #0, eq\n\t"
                         "b.ne 2f\n\t"
                         "stlxp %w2, %6, %7, %3\n\t"
                         "cbnz %w2, 1b\n\t"
                         "b 3f\n"
                         "2: stlxp %w2, %0, %1, %3\n\t"
                         "cbnz %w2, 1b\n"
                         "3:"
                         : "=&r"(old->low), "=&r"(old->high), "=&r"(failed), "+Q"(a->words_)
                         : "r"(was.low), "r"(was.high), "r"(value.low), "r"(value.high)
                         : "cc", "memory");
    return old->low == was.low && old->high == was.high;
#endif
}

static inline thetis_wide thetis_wide_load_(thetis_atomic_wide *a)
{
    thetis_wide w = {0, 0};
    (void)thetis_wide_swap_(a, &w, w); /* writes back what is there */
    return w;
}

static inline thetis_wide thetis_wide_peek_(thetis_atomic_wide *a)
{
    thetis_wide w;
#if defined(__x86_64__)
    long long v __attribute__((vector_size(16)));
    __asm__ __volatile__("movdqa %1, %0" : "=x"(v) : "m"(a->words_) : "memory");
    w.low = THETIS_CAST(uintptr_t, v[0]);
    w.high = THETIS_CAST(uintptr_t, v[1]);
#else
    __asm__ __volatile__("ldp %0, %1, %2\n\tdmb ishld"
                         : "=&r"(w.low), "=&r"(w.high)
                         : "Q"(a->words_)
                         : "memory");
#endif
    return w;
}

#endif

static inline thetis_wide thetis_atomic_wide_load_acquire(thetis_atomic_wide *a)
{
    return thetis_wide_load_(a);
}

/* One access, but the two words may be of different moments: for who compares them afterwards. */
static inline thetis_wide thetis_atomic_wide_peek_acquire(thetis_atomic_wide *a)
{
    return thetis_wide_peek_(a);
}

/* 1 if the words were `expected` and are now `value`; else 0, unchanged; one that fails orders
 * nothing. Never fails spuriously. */
static inline int thetis_atomic_wide_cas_release(thetis_atomic_wide *a, thetis_wide expected,
                                                 thetis_wide value)
{
    return thetis_wide_swap_(a, &expected, value);
}

#endif

#endif
