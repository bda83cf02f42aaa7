/* SPDX-License-Identifier: MIT
 *
 * test_domain.c: the domain with all threads in one, where everything is exact.
 */
#include "harness/test.h"

#include "domain/number.h"

#include <string.h>
#include <thetis/domain.h>

enum { DOMAIN_THREADS = 5, DOMAIN_HAZARDS = 3, DOMAIN_ARGS = 4 };

static char domain_mem[THETIS_DOMAIN_SIZE(DOMAIN_THREADS, DOMAIN_HAZARDS, DOMAIN_ARGS) +
                       2 * THETIS_CACHE_LINE] THETIS_CACHE_ALIGNED;

static thetis_domain *domain_of(size_t threads, size_t hazards, size_t args)
{
    thetis_domain_cfg cfg = {threads, hazards, args};
    thetis_domain *domain;
    memset(domain_mem, 0xA5, sizeof domain_mem);
    CHECK_EQ(thetis_domain_init(domain_mem, sizeof domain_mem, &cfg, &domain), THETIS_OK);
    return domain;
}

static thetis_domain_thread *domain_join(thetis_domain *domain)
{
    thetis_domain_thread *me;
    CHECK_EQ(thetis_domain_join(domain, &me), THETIS_OK);
    return me;
}

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_domain_cfg bad[] = {
        {0, 1, 1},
        {THETIS_DOMAIN_THREADS_MAX + 1, 1, 1},
        {SIZE_MAX, 1, 1},
        {1, 0, 1},
        {1, THETIS_DOMAIN_SLOTS_MAX + 1, 1},
        {1, SIZE_MAX, 1},
        {1, 1, THETIS_DOMAIN_SLOTS_MAX + 1},
        {1, 1, SIZE_MAX},
    };
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        thetis_domain *domain = NULL;
        CHECK_EQ(thetis_domain_size(&bad[k]), 0);
        CHECK_EQ(thetis_domain_init(domain_mem, SIZE_MAX, &bad[k], &domain), THETIS_EINVAL);
        CHECK(domain == NULL);
    }
}

TEST(init_refuses_bad_memory_and_keeps_to_its_size)
{
    thetis_domain_cfg cfg = {DOMAIN_THREADS, DOMAIN_HAZARDS, DOMAIN_ARGS};
    thetis_domain *domain = NULL;
    size_t size = thetis_domain_size(&cfg);
    CHECK_EQ(size, THETIS_DOMAIN_SIZE(DOMAIN_THREADS, DOMAIN_HAZARDS, DOMAIN_ARGS));
    CHECK_EQ(thetis_domain_init(NULL, size, &cfg, &domain), THETIS_EINVAL);
    CHECK_EQ(thetis_domain_init(domain_mem + sizeof(void *), size, &cfg, &domain), THETIS_EINVAL);
    CHECK_EQ(thetis_domain_init(domain_mem, size - 1, &cfg, &domain), THETIS_EINVAL);
    CHECK(domain == NULL);
    memset(domain_mem, 0x5A, sizeof domain_mem);
    CHECK_EQ(thetis_domain_init(domain_mem, size, &cfg, &domain), THETIS_OK);
    CHECK_EQ(domain_mem[size], 0x5A);
    CHECK_EQ(domain_mem[sizeof domain_mem - 1], 0x5A);
}

TEST(records_are_lines_apart)
{
    thetis_domain *domain = domain_of(2, 1, 0);
    uintptr_t a = (uintptr_t)domain_join(domain), b = (uintptr_t)domain_join(domain);
    CHECK_EQ(a % THETIS_CACHE_LINE, 0);
    CHECK_EQ((b - a) % THETIS_CACHE_LINE, 0);
    CHECK(b - a >= sizeof(thetis_domain_thread) + 2 * sizeof(thetis_atomic));
}

/* ---- joining and leaving --------------------------------------------------------------------- */

TEST(more_threads_than_records_are_refused)
{
    thetis_domain *domain = domain_of(DOMAIN_THREADS, 1, 1);
    thetis_domain_thread *me[DOMAIN_THREADS], *more = NULL;
    for (size_t k = 0; k < DOMAIN_THREADS; k++) {
        me[k] = domain_join(domain);
        CHECK_EQ(thetis_domain_self(me[k]), k);
    }
    for (int k = 0; k < 3; k++) CHECK_EQ(thetis_domain_join(domain, &more), THETIS_ENOSLOT);
    CHECK(more == NULL);
    thetis_domain_leave(me[2]);
    CHECK(domain_join(domain) == me[2]);
}

TEST(leave_clears_hazards)
{
    thetis_domain *domain = domain_of(1, 2, 1);
    thetis_domain_thread *me = domain_join(domain);
    thetis_atomic cell = {(uintptr_t)domain_mem};
    uintptr_t word;
    for (size_t k = 0; k < 2; k++) CHECK_EQ(thetis_domain_protect(me, k, &cell, &word), THETIS_OK);
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 1), 2);
    thetis_domain_leave(me);
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 1), 0);
}

/* The record of one that is gone without leave(): its requests go on counting. */
TEST(expel_makes_the_record_free)
{
    thetis_domain *domain = domain_of(2, 1, 1);
    thetis_domain_thread *dead = domain_join(domain), *me = domain_join(domain);
    thetis_atomic cell = {(uintptr_t)domain_mem};
    uintptr_t word, arg = 1;
    CHECK_EQ(thetis_domain_protect(dead, 0, &cell, &word), THETIS_OK);
    uintptr_t request = thetis_domain_announce(dead, &arg, 1);
    thetis_domain_expel(domain, thetis_domain_self(dead));
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 1), 0);
    CHECK_EQ(thetis_domain_pending(domain, 0, &arg, 1), 0);
    CHECK(domain_join(domain) == dead);
    CHECK_EQ(thetis_domain_announce(dead, &arg, 1), request + 2);
    CHECK_EQ(thetis_domain_self(me), 1);
}

TEST(leaving_with_an_announcement_aborts)
{
    thetis_domain_thread *me = domain_join(domain_of(1, 1, 1));
    (void)thetis_domain_announce(me, NULL, 0);
    thetis_domain_leave(me);
}

TEST(expelling_a_number_that_is_not_there_aborts)
{
    thetis_domain_expel(domain_of(2, 1, 1), 2);
}

TEST(a_hazard_that_is_not_there_aborts)
{
    thetis_domain_clear(domain_join(domain_of(2, 1, 1)), 1);
}

TEST(an_argument_that_is_not_there_aborts)
{
    uintptr_t args[2] = {0, 0};
    (void)thetis_domain_announce(domain_join(domain_of(2, 1, 1)), args, 2);
}

/* ---- hazards --------------------------------------------------------------------------------- */

TEST(protect_publishes_what_is_there)
{
    thetis_domain *domain = domain_of(2, 2, 0);
    thetis_domain_thread *me = domain_join(domain);
    char *at = domain_mem + 64;
    thetis_atomic cell = {(uintptr_t)at};
    uintptr_t word = 0;
    CHECK_EQ(thetis_domain_protect(me, 1, &cell, &word), THETIS_OK);
    CHECK_EQ(word, (uintptr_t)at);
    CHECK_EQ(thetis_domain_count(domain, at, 1), 1);
    CHECK_EQ(thetis_domain_count(domain, at - 1, 1), 0);
    CHECK_EQ(thetis_domain_count(domain, at - 1, 2), 1);
    CHECK_EQ(thetis_domain_count(domain, at + 1, 100), 0);
    thetis_domain_clear(me, 1);
    CHECK_EQ(thetis_domain_count(domain, at, 1), 0);
}

TEST(cas_replaces_only_what_is_expected)
{
    thetis_atomic cell = {8};
    CHECK_EQ(thetis_domain_cas(&cell, 16, 24), 0);
    CHECK_EQ(thetis_domain_cas(&cell, 8, 16), 1);
    CHECK_EQ(thetis_atomic_load_relaxed(&cell), 16);
}

/* ---- announcements --------------------------------------------------------------------------- */

TEST(a_request_is_seen_until_it_is_withdrawn)
{
    thetis_domain *domain = domain_of(2, 1, DOMAIN_ARGS);
    thetis_domain_thread *me = domain_join(domain);
    uintptr_t args[DOMAIN_ARGS] = {11, 22, 33, 44}, seen[DOMAIN_ARGS] = {0};
    CHECK_EQ(thetis_domain_pending(domain, 0, seen, DOMAIN_ARGS), 0);
    for (uintptr_t k = 0; k < 3; k++) {
        uintptr_t request = thetis_domain_announce(me, args, DOMAIN_ARGS);
        CHECK_EQ(request, 2 * k + 1);
        CHECK_EQ(thetis_domain_answer(me), request);
        CHECK_EQ(thetis_domain_pending(domain, 0, seen, DOMAIN_ARGS), request);
        CHECK(memcmp(seen, args, sizeof args) == 0);
        CHECK_EQ(thetis_domain_pending(domain, 1, seen, DOMAIN_ARGS), 0);
        thetis_domain_withdraw(me);
        CHECK_EQ(thetis_domain_answer(me), 0);
        CHECK_EQ(thetis_domain_pending(domain, 0, seen, DOMAIN_ARGS), 0);
    }
}

TEST(only_the_request_itself_is_finished)
{
    thetis_domain *domain = domain_of(1, 1, 1);
    thetis_domain_thread *me = domain_join(domain);
    uintptr_t arg = 5, first = thetis_domain_announce(me, &arg, 1);
    uintptr_t result = (uintptr_t)domain_mem;
    thetis_domain_withdraw(me);
    uintptr_t second = thetis_domain_announce(me, &arg, 1);
    thetis_domain_finish(domain, 0, first, result);
    CHECK_EQ(thetis_domain_answer(me), second);
    thetis_domain_finish(domain, 0, second, result);
    thetis_domain_finish(domain, 0, second, result + 8);
    CHECK_EQ(thetis_domain_answer(me), result);
    CHECK_EQ(thetis_domain_pending(domain, 0, &arg, 1), 0);
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 1), 1); /* as a hazard does */
    thetis_domain_withdraw(me);
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 1), 0);
}

/* The address of a request is none, whatever the range. */
TEST(a_request_protects_nothing)
{
    thetis_domain *domain = domain_of(1, 1, 1);
    thetis_domain_thread *me = domain_join(domain);
    uintptr_t arg = 5;
    me->request_ = (uintptr_t)domain_mem - 1;
    CHECK_EQ(thetis_domain_announce(me, &arg, 1), (uintptr_t)domain_mem + 1);
    CHECK_EQ(thetis_domain_count(domain, domain_mem, 8), 0);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

TEST(bounds_are_those_of_the_header)
{
    thetis_domain *domain = domain_of(4, 3, 2);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_JOIN, 0), 5);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_LEAVE, 0), 6);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_EXPEL, 0), 7);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_PROTECT, 0), 3);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_CLEAR, 0), 1);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_ANNOUNCE, 2), 3);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_ANSWER, 0), 1);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_WITHDRAW, 0), 1);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_PENDING, 2), 4);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_FINISH, 0), 1);
    CHECK_EQ(thetis_domain_bound(domain, THETIS_DOMAIN_COUNT, 0), 16);
}

/* Whatever the counts: the lowest bits say whose a number is, though the highest are cut off. */
TEST(numbers_of_threads_differ_though_counts_wrap)
{
    uint64_t rng = test_seed();
    for (size_t threads = 1; threads < 70; threads++) {
        size_t step = tht_number_step(threads);
        size_t id = test_rand(&rng) % threads;
        uintptr_t number = tht_number((uintptr_t)test_rand(&rng), step, id) << 3;
        CHECK(step > threads && step <= 2 * threads);
        CHECK_EQ(number >> 3 & (step - 1), id + 1);
    }
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(init_refuses_bad_memory_and_keeps_to_its_size),
          T(records_are_lines_apart),
          T(numbers_of_threads_differ_though_counts_wrap), T(more_threads_than_records_are_refused),
          T(leave_clears_hazards), T(expel_makes_the_record_free),
          T(leaving_with_an_announcement_aborts, .aborts = true),
          T(expelling_a_number_that_is_not_there_aborts, .aborts = true),
          T(a_hazard_that_is_not_there_aborts, .aborts = true),
          T(an_argument_that_is_not_there_aborts, .aborts = true),
          T(protect_publishes_what_is_there), T(cas_replaces_only_what_is_expected),
          T(a_request_is_seen_until_it_is_withdrawn), T(only_the_request_itself_is_finished),
          T(a_request_protects_nothing), T(bounds_are_those_of_the_header))
