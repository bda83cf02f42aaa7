/* SPDX-License-Identifier: MIT
 *
 * orders.h: atomic accesses whose order is chosen at run time, for the controls and the litmus
 * shapes: one body of code, many variants. The compilers do not do that by themselves: gcc takes
 * an order that is no constant for seq_cst. Also accesses of widths that atomic.h has not.
 *
 * A read-modify-write with an order that only loads or only stores can have is seq_cst.
 */
#ifndef THETIS_TESTS_MODEL_ORDERS_H
#define THETIS_TESTS_MODEL_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t order_load(const uint64_t *at, int order)
{
    switch (order) {
    case __ATOMIC_RELAXED: return __atomic_load_n(at, __ATOMIC_RELAXED);
    case __ATOMIC_ACQUIRE: return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    default: return __atomic_load_n(at, __ATOMIC_SEQ_CST);
    }
}

static inline void order_store(uint64_t *at, uint64_t value, int order)
{
    switch (order) {
    case __ATOMIC_RELAXED: __atomic_store_n(at, value, __ATOMIC_RELAXED); break;
    case __ATOMIC_RELEASE: __atomic_store_n(at, value, __ATOMIC_RELEASE); break;
    default: __atomic_store_n(at, value, __ATOMIC_SEQ_CST); break;
    }
}

static inline uint64_t order_add(uint64_t *at, uint64_t value, int order)
{
    switch (order) {
    case __ATOMIC_RELAXED: return __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
    case __ATOMIC_ACQUIRE: return __atomic_fetch_add(at, value, __ATOMIC_ACQUIRE);
    case __ATOMIC_RELEASE: return __atomic_fetch_add(at, value, __ATOMIC_RELEASE);
    case __ATOMIC_ACQ_REL: return __atomic_fetch_add(at, value, __ATOMIC_ACQ_REL);
    default: return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
    }
}

/* `failed`: relaxed, or the strongest that may go with `order`. */
static inline bool order_cas(uint64_t *at, uint64_t *expected, uint64_t to, int order, int failed)
{
#define CAS(o, f) __atomic_compare_exchange_n(at, expected, to, 0, __ATOMIC_##o, __ATOMIC_##f)
    bool weak = failed == __ATOMIC_RELAXED;
    switch (order) {
    case __ATOMIC_RELAXED: return CAS(RELAXED, RELAXED);
    case __ATOMIC_RELEASE: return CAS(RELEASE, RELAXED);
    case __ATOMIC_ACQUIRE: return weak ? CAS(ACQUIRE, RELAXED) : CAS(ACQUIRE, ACQUIRE);
    case __ATOMIC_ACQ_REL: return weak ? CAS(ACQ_REL, RELAXED) : CAS(ACQ_REL, ACQUIRE);
    default: return weak ? CAS(SEQ_CST, RELAXED) : CAS(SEQ_CST, SEQ_CST);
    }
#undef CAS
}

/* gcc says that its own run-time does not see fences; the tester does. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wtsan"
static inline void order_fence(int order)
{
    switch (order) {
    case __ATOMIC_ACQUIRE: __atomic_thread_fence(__ATOMIC_ACQUIRE); break;
    case __ATOMIC_RELEASE: __atomic_thread_fence(__ATOMIC_RELEASE); break;
    case __ATOMIC_ACQ_REL: __atomic_thread_fence(__ATOMIC_ACQ_REL); break;
    default: __atomic_thread_fence(__ATOMIC_SEQ_CST); break;
    }
}
#pragma GCC diagnostic pop

/* Half of a word. */
static inline void narrow_store(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static inline uint32_t narrow_load(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/* An eighth. */
static inline void byte_store(uint8_t *at, uint8_t value, int order)
{
    if (order == __ATOMIC_RELAXED) __atomic_store_n(at, value, __ATOMIC_RELAXED);
    else __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static inline uint8_t byte_load(const uint8_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline bool byte_cas(uint8_t *at, uint8_t *expected, uint8_t to)
{
    return __atomic_compare_exchange_n(at, expected, to, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

__extension__ typedef unsigned __int128 wide_value;

/* Two words as one value, by the processor's compare-and-swap of 16 bytes. */
static inline bool wide_cas(wide_value *at, wide_value *expected, wide_value to)
{
    return __atomic_compare_exchange_n(at, expected, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

#endif
