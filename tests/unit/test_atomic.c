/* SPDX-License-Identifier: MIT
 *
 * test_atomic.c: each atomic operation does what its name says, alone and among threads. Memory
 * orders cannot be tested on one machine; that is the concurrency tester's work.
 */
#include "harness/test.h"

#include <pthread.h>
#include <thetis/atomic.h>

enum { ATOMIC_THREADS = 4, ATOMIC_ROUNDS = 100000 };

TEST(is_a_plain_word)
{
    static thetis_atomic zero;
    CHECK_EQ(sizeof(thetis_atomic), sizeof(uintptr_t));
    CHECK_EQ(_Alignof(thetis_atomic), _Alignof(uintptr_t));
    CHECK_EQ(thetis_atomic_load_relaxed(&zero), 0);
}

TEST(loads_see_stores)
{
    thetis_atomic a;
    thetis_atomic_store_relaxed(&a, UINTPTR_MAX);
    CHECK_EQ(thetis_atomic_load_relaxed(&a), UINTPTR_MAX);
    thetis_atomic_store_release(&a, 17);
    CHECK_EQ(thetis_atomic_load_acquire(&a), 17);
}

TEST(exchanges_return_the_old_value)
{
    thetis_atomic a = {1};
    CHECK_EQ(thetis_atomic_exchange_acquire(&a, 2), 1);
    CHECK_EQ(thetis_atomic_exchange_release(&a, 3), 2);
    CHECK_EQ(thetis_atomic_exchange_acq_rel(&a, UINTPTR_MAX), 3);
    CHECK_EQ(thetis_atomic_load_relaxed(&a), UINTPTR_MAX);
}

/* A chain of them: what each finds moves on to the next word. */
TEST(an_exchange_into_the_value_itself)
{
    thetis_atomic chain[4] = {{1}, {2}, {3}, {0}};
    uintptr_t value = 9;
    for (size_t k = 0; value; k++) value = thetis_atomic_exchange_acq_rel(&chain[k], value);
    CHECK_EQ(thetis_atomic_load_relaxed(&chain[0]), 9);
    for (size_t k = 1; k < 4; k++) CHECK_EQ(thetis_atomic_load_relaxed(&chain[k]), k);
}

TEST(a_release_exchange_on_condition_changes_what_it_expects)
{
    thetis_atomic a = {7};
    CHECK(!thetis_atomic_cas_release(&a, 8, 9));
    CHECK_EQ(thetis_atomic_load_relaxed(&a), 7);
    CHECK(thetis_atomic_cas_release(&a, 7, 9));
    CHECK_EQ(thetis_atomic_load_relaxed(&a), 9);
}

TEST(additions_return_the_old_value_and_wrap)
{
    thetis_atomic a = {UINTPTR_MAX - 1};
    CHECK_EQ(thetis_atomic_fetch_add_relaxed(&a, 2), UINTPTR_MAX - 1);
    CHECK_EQ(thetis_atomic_fetch_add_acquire(&a, 2), 0);
    CHECK_EQ(thetis_atomic_fetch_add_release(&a, 2), 2);
    CHECK_EQ(thetis_atomic_fetch_add_acq_rel(&a, 1), 4);
    CHECK_EQ(thetis_atomic_fetch_or_relaxed(&a, 4), 5);
    CHECK_EQ(thetis_atomic_fetch_or_release(&a, 4), 5);
    CHECK_EQ(thetis_atomic_fetch_or_acquire(&a, 4), 5);
    CHECK_EQ(thetis_atomic_fetch_or_acq_rel(&a, 1), 5);
    CHECK_EQ(thetis_atomic_fetch_sub_relaxed(&a, 1), 5);
    CHECK_EQ(thetis_atomic_fetch_sub_release(&a, 5), 4);
    CHECK_EQ(thetis_atomic_fetch_add_acq_rel(&a, 3), UINTPTR_MAX);
    CHECK_EQ(thetis_atomic_load_relaxed(&a), 2);
}

/* What seq_cst adds is the tester's to see. */
TEST(seq_cst_forms_do_as_the_others)
{
    thetis_atomic a = {5};
    CHECK_EQ(thetis_atomic_load_seq_cst(&a), 5);
    CHECK_EQ(thetis_atomic_cas_seq_cst(&a, 4, 7), 0);
    CHECK_EQ(thetis_atomic_cas_seq_cst(&a, 5, 6), 1);
    CHECK_EQ(thetis_atomic_fetch_or_seq_cst(&a, 1), 6);
    CHECK_EQ(thetis_atomic_load_relaxed(&a), 7);
}

TEST(two_words_change_together)
{
#if THETIS_CAP_WIDE_CAS
    thetis_atomic_wide a = {{1, UINTPTR_MAX}};
    const thetis_wide was = {1, UINTPTR_MAX}, low = {2, UINTPTR_MAX}, high = {1, 2}, to = {3, 4};
    CHECK_EQ((uintptr_t)&a % 16, 0);
    CHECK_EQ(thetis_atomic_wide_cas_release(&a, low, to), 0);
    CHECK_EQ(thetis_atomic_wide_cas_release(&a, high, to), 0);
    thetis_wide w = thetis_atomic_wide_load_acquire(&a);
    CHECK(w.low == was.low && w.high == was.high);
    CHECK_EQ(thetis_atomic_wide_cas_release(&a, was, to), 1);
    w = thetis_atomic_wide_peek_acquire(&a);
    CHECK(w.low == 3 && w.high == 4);
    w = thetis_atomic_wide_load_acquire(&a);
    CHECK(w.low == 3 && w.high == 4);
#else
    SKIP_UNSUPPORTED("THETIS_CAP_WIDE_CAS");
#endif
}

/* ---- among threads --------------------------------------------------------------------------- */

static void atomic_run_threads(void *(*body)(void *), void *shared)
{
    pthread_t threads[ATOMIC_THREADS];
    for (int i = 0; i < ATOMIC_THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, body, shared), 0);
    }
    for (int i = 0; i < ATOMIC_THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void *atomic_add_body(void *shared)
{
    for (size_t i = test_scale(ATOMIC_ROUNDS); i > 0; i--) {
        (void)thetis_atomic_fetch_add_relaxed(shared, 3);
        (void)thetis_atomic_fetch_sub_release(shared, 1);
        (void)thetis_atomic_fetch_add_acquire(shared, 1);
        (void)thetis_atomic_fetch_sub_relaxed(shared, 2);
    }
    return NULL;
}

TEST(no_addition_is_lost)
{
    thetis_atomic sum = {0};
    atomic_run_threads(atomic_add_body, &sum);
    CHECK_EQ(thetis_atomic_load_relaxed(&sum), ATOMIC_THREADS * test_scale(ATOMIC_ROUNDS));
}

typedef struct atomic_baton {
    thetis_atomic here; /* 1: free to take */
    uintptr_t guarded;  /* plain: a lost or doubled baton makes this a race and a wrong sum */
} atomic_baton;

static void *atomic_baton_body(void *shared)
{
    atomic_baton *b = shared;
    for (size_t left = test_scale(ATOMIC_ROUNDS); left > 0;) {
        if (thetis_atomic_exchange_acquire(&b->here, 0) == 0) continue;
        b->guarded++;
        left--;
        CHECK_EQ(thetis_atomic_exchange_release(&b->here, 1), 0);
    }
    return NULL;
}

#if THETIS_CAP_WIDE_CAS

static thetis_atomic_wide pair_word;

/* Both words are counted up, and are always equal. */
static void *count_pairs(void *arg)
{
    for (size_t n = test_scale(20000); n > 0;) {
        thetis_wide w = thetis_atomic_wide_load_acquire(&pair_word);
        thetis_wide next = {w.low + 1, w.high + 1};
        CHECK_EQ(w.low, w.high);
        n -= (size_t)thetis_atomic_wide_cas_release(&pair_word, w, next);
    }
    return arg;
}

#endif

TEST(no_pair_is_torn_or_lost)
{
#if THETIS_CAP_WIDE_CAS
    pthread_t threads[3];
    for (int k = 0; k < 3; k++)
        CHECK_EQ(pthread_create(&threads[k], NULL, count_pairs, NULL), 0);
    for (int k = 0; k < 3; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    CHECK_EQ(thetis_atomic_wide_load_acquire(&pair_word).low, 3 * test_scale(20000));
#else
    SKIP_UNSUPPORTED("THETIS_CAP_WIDE_CAS");
#endif
}

TEST(only_one_thread_gets_the_baton)
{
    atomic_baton b = {.here = {1}};
    atomic_run_threads(atomic_baton_body, &b);
    CHECK_EQ(b.guarded, ATOMIC_THREADS * test_scale(ATOMIC_ROUNDS));
}

TEST_MAIN(T(is_a_plain_word), T(loads_see_stores), T(exchanges_return_the_old_value),
          T(an_exchange_into_the_value_itself),
          T(a_release_exchange_on_condition_changes_what_it_expects),
          T(additions_return_the_old_value_and_wrap), T(seq_cst_forms_do_as_the_others),
          T(two_words_change_together), T(no_addition_is_lost),
          T(no_pair_is_torn_or_lost), T(only_one_thread_gets_the_baton))
