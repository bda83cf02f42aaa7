/* SPDX-License-Identifier: MIT
 *
 * test_thread.c: thread numbers, one thread at a time; stress_thread.c has the races.
 */
#include "harness/test.h"

#include <thetis/thread.h>

enum { THREAD_PLACES = 5 };

static thetis_atomic thread_mem[THETIS_THREAD_SIZE(THREAD_PLACES) / sizeof(thetis_atomic)];

static thetis_thread_table *thread_table(size_t places)
{
    thetis_thread_table *table = NULL;
    CHECK_EQ(thetis_thread_init(thread_mem, sizeof thread_mem, places, &table), THETIS_OK);
    return table;
}

TEST(size_is_two_words_more_than_places)
{
    CHECK_EQ(thetis_thread_size(0), 0);
    CHECK_EQ(thetis_thread_size(1), 3 * sizeof(uintptr_t));
    CHECK_EQ(thetis_thread_size(THETIS_THREAD_MAX), THETIS_THREAD_SIZE(THETIS_THREAD_MAX));
    CHECK_EQ(thetis_thread_size(THETIS_THREAD_MAX + 1), 0);
    CHECK_EQ(thetis_thread_size(SIZE_MAX), 0);
}

TEST(init_refuses_what_the_header_says)
{
    thetis_thread_table *table = NULL;
    char *odd = (char *)thread_mem + 1;
    size_t len = sizeof thread_mem;
    CHECK_EQ(thetis_thread_init(NULL, len, 2, &table), THETIS_EINVAL);
    CHECK_EQ(thetis_thread_init(odd, len - 1, 2, &table), THETIS_EINVAL);
    CHECK_EQ(thetis_thread_init(thread_mem, len, 0, &table), THETIS_EINVAL);
    CHECK_EQ(thetis_thread_init(thread_mem, SIZE_MAX, THETIS_THREAD_MAX + 1, &table),
             THETIS_EINVAL);
    CHECK_EQ(thetis_thread_init(thread_mem, len - 1, THREAD_PLACES, &table), THETIS_EINVAL);
    CHECK(table == NULL);
    CHECK_EQ(thetis_thread_init(thread_mem, len, THREAD_PLACES, &table), THETIS_OK);
    CHECK(table != NULL);
}

/* Whatever the memory held before. */
TEST(init_cleans_the_memory)
{
    for (size_t i = 0; i < THREAD_PLACES + 2; i++) thread_mem[i].word_ = UINTPTR_MAX;
    thetis_thread_table *table = thread_table(THREAD_PLACES);
    for (size_t want = 0; want < THREAD_PLACES; want++) {
        size_t id = 99;
        CHECK_EQ(thetis_thread_join(table, &id), THETIS_OK);
        CHECK_EQ(id, want);
    }
}

TEST(a_full_table_refuses_until_one_leaves)
{
    thetis_thread_table *table = thread_table(3);
    size_t id[3], more = 77;
    for (int i = 0; i < 3; i++) CHECK_EQ(thetis_thread_join(table, &id[i]), THETIS_OK);
    for (int i = 0; i < 10; i++) CHECK_EQ(thetis_thread_join(table, &more), THETIS_ENOSLOT);
    CHECK_EQ(more, 77); /* untouched by a refusal */
    thetis_thread_leave(table, 1);
    CHECK_EQ(thetis_thread_join(table, &more), THETIS_OK);
    CHECK_EQ(more, 1);
}

/* Random joins and leaves against a plain set: numbers are unique, in range and the lowest. */
TEST(the_lowest_free_number_is_given)
{
    thetis_thread_table *table = thread_table(THREAD_PLACES);
    uint64_t rng = test_seed();
    unsigned held = 0;
    for (size_t step = test_scale(100000); step > 0; step--) {
        size_t id = test_rand(&rng) % THREAD_PLACES;
        if (held >> id & 1) {
            thetis_thread_leave(table, id);
            held &= ~(1u << id);
        } else {
            CHECK_EQ(thetis_thread_join(table, &id), THETIS_OK);
            CHECK_EQ(id, __builtin_ctz(~held));
            held |= 1u << id;
        }
    }
}

TEST(bounds_are_those_of_the_header)
{
    for (size_t n = 1; n <= THREAD_PLACES; n++) {
        thetis_thread_table *table = thread_table(n);
        CHECK_EQ(thetis_thread_bound(table, THETIS_THREAD_JOIN), n + 1);
        CHECK_EQ(thetis_thread_bound(table, THETIS_THREAD_LEAVE), 2);
    }
}

TEST(leaving_a_place_that_is_not_there_aborts)
{
    thetis_thread_leave(thread_table(2), 2);
}

/* Level 1 catches a table that someone wrote into: the proof says this cannot happen. */
TEST(a_pass_that_finds_no_place_aborts)
{
    thetis_thread_table *table = thread_table(1);
    size_t id;
    thread_mem[2].word_ = 1; /* place 0 is held, but nobody was admitted */
    CHECK_EQ(thetis_thread_join(table, &id), THETIS_OK);
}

TEST_MAIN(T(size_is_two_words_more_than_places), T(init_refuses_what_the_header_says),
          T(init_cleans_the_memory), T(a_full_table_refuses_until_one_leaves),
          T(the_lowest_free_number_is_given), T(bounds_are_those_of_the_header),
          T(leaving_a_place_that_is_not_there_aborts, .aborts = true),
          T(a_pass_that_finds_no_place_aborts, .aborts = true))
