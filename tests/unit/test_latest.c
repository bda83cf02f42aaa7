/* SPDX-License-Identifier: MIT
 *
 * test_latest.c: the register with writer and readers in one thread, where every answer is exact.
 */
#include "harness/test.h"

#include <string.h>
#include <thetis/latest.h>

THETIS_LATEST(u64s, uint64_t);

enum { LATEST_READERS = 4, LATEST_MEM = 16384 };

static char latest_mem[LATEST_MEM] THETIS_CACHE_ALIGNED;

static thetis_latest *latest_make(size_t value_size, size_t readers)
{
    thetis_latest_cfg cfg = {value_size, readers};
    thetis_latest *latest = NULL;
    CHECK_EQ(thetis_latest_init(latest_mem, sizeof latest_mem, &cfg, &latest), THETIS_OK);
    return latest;
}

static thetis_latest_reader latest_reader(thetis_latest *latest)
{
    thetis_latest_reader reader;
    CHECK_EQ(thetis_latest_join(latest, &reader), THETIS_OK);
    return reader;
}

static void latest_put(thetis_latest *latest, uint64_t value)
{
    CHECK_EQ(thetis_latest_store(latest, &value), THETIS_OK);
    CHECK_EQ(thetis_latest_check(latest), THETIS_OK);
}

static void latest_is(thetis_latest_reader *reader, uint64_t want)
{
    uint64_t got = ~want;
    CHECK_EQ(thetis_latest_load(reader, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static void latest_says(thetis_latest_reader *reader, thetis_status want)
{
    uint64_t got = 4711;
    CHECK_EQ(thetis_latest_load(reader, &got), want);
    CHECK_EQ(u64s_load(reader, &got), want);
    CHECK_EQ(got, 4711);
}

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_latest_cfg bad[] = {
        {0, 1},
        {8, 0},
        {8, THETIS_LATEST_READERS_MAX + 1},
        {8, SIZE_MAX},
        {SIZE_MAX, 1},
        {PTRDIFF_MAX, 1},
        {PTRDIFF_MAX / 3, 1},
        {PTRDIFF_MAX / THETIS_LATEST_READERS_MAX, THETIS_LATEST_READERS_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_latest *latest = NULL;
        CHECK_EQ(thetis_latest_size(&bad[i]), 0);
        CHECK_EQ(thetis_latest_init(latest_mem, SIZE_MAX, &bad[i], &latest), THETIS_EINVAL);
        CHECK(latest == NULL);
    }
}

TEST(size_is_the_macro)
{
    for (size_t size = 1; size < 700; size += 13) {
        for (size_t readers = 1; readers < 40; readers += 3) {
            thetis_latest_cfg cfg = {size, readers};
            CHECK_EQ(thetis_latest_size(&cfg), THETIS_LATEST_SIZE(size, readers));
        }
    }
}

TEST(init_refuses_bad_memory)
{
    thetis_latest_cfg cfg = {24, LATEST_READERS};
    thetis_latest *latest = NULL;
    size_t size = thetis_latest_size(&cfg);
    CHECK_EQ(thetis_latest_init(NULL, size, &cfg, &latest), THETIS_EINVAL);
    CHECK_EQ(thetis_latest_init(latest_mem + 1, size, &cfg, &latest), THETIS_EINVAL);
    CHECK_EQ(thetis_latest_init(latest_mem, size - 1, &cfg, &latest), THETIS_EINVAL);
    memset(latest_mem, 0xFF, sizeof latest_mem);
    CHECK_EQ(thetis_latest_init(latest_mem, size, &cfg, &latest), THETIS_OK);
    CHECK_EQ(thetis_latest_check(latest), THETIS_OK);
    CHECK_EQ((unsigned char)latest_mem[size], 0xFF);
}

TEST(values_begin_at_cache_lines)
{
    thetis_latest *latest = latest_make(3, LATEST_READERS);
    for (uintptr_t k = 1; k <= LATEST_READERS + 2; k++) {
        CHECK_EQ((uintptr_t)thetis_latest_value_(latest, k) % THETIS_CACHE_LINE, 0);
    }
    CHECK_EQ(offsetof(thetis_latest, writer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_latest, shape_) % THETIS_CACHE_LINE, 0);
}

/* ---- one value ------------------------------------------------------------------------------- */

TEST(empty_until_the_first_value)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    thetis_latest_reader reader = latest_reader(latest);
    const void *at = latest_mem;
    latest_says(&reader, THETIS_EMPTY);
    CHECK_EQ(thetis_latest_peek(&reader, &at), THETIS_EMPTY);
    CHECK(at == NULL);
    latest_put(latest, 1);
    latest_is(&reader, 1);
}

TEST(a_value_is_new_once)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 2);
    thetis_latest_reader a = latest_reader(latest), b = latest_reader(latest);
    const void *at;
    for (uint64_t k = 1; k < 20; k++) {
        latest_put(latest, k);
        latest_is(&a, k);
        latest_says(&a, THETIS_AGAIN);
        CHECK_EQ(thetis_latest_peek(&a, &at), THETIS_AGAIN);
        CHECK_EQ(*(const uint64_t *)at, k);
        if (k % 3 == 0) latest_is(&b, k);
    }
}

TEST(only_the_last_of_several_is_seen)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    thetis_latest_reader reader = latest_reader(latest);
    for (uint64_t k = 1; k <= 10; k++) latest_put(latest, k);
    latest_is(&reader, 10);
    latest_says(&reader, THETIS_AGAIN);
}

TEST(any_value_size)
{
    for (size_t size = 1; size <= 300; size++) {
        unsigned char in[300], out[301];
        thetis_latest *latest = latest_make(size, 1);
        thetis_latest_reader reader = latest_reader(latest);
        for (int round = 1; round < 5; round++) {
            memset(in, round, size);
            memset(out, 0xEE, sizeof out);
            CHECK_EQ(thetis_latest_store(latest, in), THETIS_OK);
            CHECK_EQ(thetis_latest_load(&reader, out), THETIS_OK);
            CHECK_EQ(memcmp(in, out, size), 0);
            CHECK_EQ(out[size], 0xEE);
        }
    }
}

/* ---- in place -------------------------------------------------------------------------------- */

TEST(a_reserved_buffer_is_seen_after_commit)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    thetis_latest_reader reader = latest_reader(latest);
    void *at, *again;
    latest_put(latest, 1);
    CHECK_EQ(thetis_latest_reserve(latest, &at), THETIS_OK);
    *(uint64_t *)at = 2;
    latest_is(&reader, 1);
    CHECK_EQ(thetis_latest_reserve(latest, &again), THETIS_OK);
    CHECK(again == at);
    latest_says(&reader, THETIS_AGAIN);
    thetis_latest_commit(latest);
    latest_is(&reader, 2);
    CHECK_EQ(thetis_latest_reserve(latest, &again), THETIS_OK);
    CHECK(again != at);
}

/* Every reader stays with another value, as if it had stopped there: the writer goes on, and none
 * of the values changes. */
TEST(readers_that_stop_cost_nobody_a_value)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), LATEST_READERS);
    thetis_latest_reader reader[LATEST_READERS];
    const void *at[LATEST_READERS];
    for (uint64_t k = 0; k < LATEST_READERS; k++) {
        reader[k] = latest_reader(latest);
        latest_put(latest, k);
        CHECK_EQ(thetis_latest_peek(&reader[k], &at[k]), THETIS_OK);
    }
    for (uint64_t k = 100; k < 150; k++) {
        latest_put(latest, k);
        for (uint64_t r = 0; r < LATEST_READERS; r++) CHECK_EQ(*(const uint64_t *)at[r], r);
    }
    for (uint64_t k = 0; k < LATEST_READERS; k++) latest_is(&reader[k], 149);
}

/* ---- joining and leaving --------------------------------------------------------------------- */

TEST(no_more_readers_than_places)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), LATEST_READERS);
    thetis_latest_reader reader[LATEST_READERS], more;
    for (int k = 0; k < LATEST_READERS; k++) reader[k] = latest_reader(latest);
    for (int k = 0; k < 3; k++) CHECK_EQ(thetis_latest_join(latest, &more), THETIS_ENOSLOT);
    thetis_latest_leave(&reader[2]);
    CHECK_EQ(thetis_latest_join(latest, &more), THETIS_OK);
    CHECK_EQ(thetis_latest_join(latest, &reader[2]), THETIS_ENOSLOT);
}

TEST(who_joins_is_shown_the_latest)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    for (uint64_t k = 1; k < 20; k++) {
        latest_put(latest, k);
        for (int visit = 0; visit < 3; visit++) {
            thetis_latest_reader reader = latest_reader(latest);
            latest_is(&reader, k);
            thetis_latest_leave(&reader);
        }
    }
}

/* So many visits to one value that a count of 16 bits wraps: the number of the buffer, below the
 * count, must not change. */
TEST(pins_wrap)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 2);
    thetis_latest_reader other = latest_reader(latest);
    uint64_t k = 0;
    for (uintptr_t before = 0; before < 6; before++, k++) {
        uintptr_t pins = ((uintptr_t)0 - before) << THETIS_LATEST_PIN_SHIFT_;
        latest_put(latest, k);
        thetis_latest_buffer_ *now =
            thetis_latest_buffer_of_(latest, latest->writer_.latest_);
        latest->current_.word_ += pins; /* as if so many had come and gone */
        now->unpins_.word_ += pins >> THETIS_LATEST_PIN_SHIFT_;
        latest_is(&other, k);
        for (int visit = 0; visit < 4; visit++) {
            thetis_latest_reader reader = latest_reader(latest);
            latest_is(&reader, k);
            thetis_latest_leave(&reader);
        }
        CHECK_EQ(thetis_latest_number_(latest->current_.word_), latest->writer_.latest_);
        uintptr_t held = latest->writer_.latest_;
        for (int later = 0; later < 5; later++) {
            latest_put(latest, 1000);
            CHECK(latest->writer_.latest_ != held); /* `other` has it */
        }
    }
}

TEST(many_visits_to_one_value)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    latest_put(latest, 7);
    for (size_t visit = 0; visit < 70000; visit++) {
        thetis_latest_reader reader = latest_reader(latest);
        latest_is(&reader, 7);
        thetis_latest_leave(&reader);
    }
    for (uint64_t k = 0; k < 5; k++) latest_put(latest, k);
}

/* ---- the end --------------------------------------------------------------------------------- */

TEST(closed_after_the_last_value)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 2);
    thetis_latest_reader a = latest_reader(latest), b;
    const void *shown;
    uint64_t value = 8;
    void *at;
    latest_put(latest, 7);
    thetis_latest_close(latest);
    thetis_latest_close(latest);
    CHECK_EQ(thetis_latest_store(latest, &value), THETIS_CLOSED);
    CHECK_EQ(u64s_store(latest, &value), THETIS_CLOSED);
    CHECK_EQ(thetis_latest_reserve(latest, &at), THETIS_CLOSED);
    CHECK(at == NULL);
    latest_is(&a, 7);
    latest_says(&a, THETIS_CLOSED);
    CHECK_EQ(thetis_latest_peek(&a, &shown), THETIS_CLOSED);
    CHECK_EQ(*(const uint64_t *)shown, 7);
    b = latest_reader(latest); /* also to who comes late */
    latest_is(&b, 7);
    latest_says(&b, THETIS_CLOSED);
    CHECK_EQ(thetis_latest_check(latest), THETIS_OK);
}

TEST(closed_without_a_value)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    thetis_latest_reader reader = latest_reader(latest);
    const void *at = latest_mem;
    void *open;
    CHECK_EQ(thetis_latest_reserve(latest, &open), THETIS_OK);
    thetis_latest_close(latest);
    latest_says(&reader, THETIS_CLOSED);
    CHECK_EQ(thetis_latest_peek(&reader, &at), THETIS_CLOSED);
    CHECK(at == NULL);
}

/* ---- check, bound, contracts ----------------------------------------------------------------- */

TEST(check_finds_corruption)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 2);
    latest_put(latest, 1);
    latest_put(latest, 2);
    thetis_latest before = *latest;
    latest->writer_.latest_++;
    CHECK_EQ(thetis_latest_check(latest), THETIS_ECORRUPT);
    *latest = before;
    latest->shape_.stride_ -= THETIS_CACHE_LINE;
    CHECK_EQ(thetis_latest_check(latest), THETIS_ECORRUPT);
    *latest = before;
    latest->shape_.places_ = 0;
    CHECK_EQ(thetis_latest_check(latest), THETIS_ECORRUPT);
    *latest = before;
    latest->writer_.open_ = 5;
    CHECK_EQ(thetis_latest_check(latest), THETIS_ECORRUPT);
    *latest = before;
    thetis_latest_buffer_of_(latest, 1)->pins_.word_ += 3; /* more than there are readers */
    CHECK_EQ(thetis_latest_check(latest), THETIS_ECORRUPT);
}

TEST(bounds_are_those_of_the_header)
{
    for (size_t readers = 1; readers < 5; readers++) {
        for (size_t size = 1; size < 40; size++) {
            thetis_latest *latest = latest_make(size, readers);
            uint64_t w = (size + sizeof(uintptr_t) - 1) / sizeof(uintptr_t);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_STORE), readers + 2 + w);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_RESERVE), readers + 1);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_COMMIT), 1);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_CLOSE), 1);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_PEEK), 3);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_LOAD), 3 + w);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_JOIN), 2);
            CHECK_EQ(thetis_latest_bound(latest, THETIS_LATEST_LEAVE), 2);
        }
    }
}

TEST(leaving_twice_is_a_mistake)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    thetis_latest_reader reader = latest_reader(latest);
    thetis_latest_leave(&reader);
    thetis_latest_leave(&reader);
}

TEST(committing_nothing_is_a_mistake)
{
    thetis_latest_commit(latest_make(sizeof(uint64_t), 1));
}

TEST(committing_what_close_dropped_is_a_mistake)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    void *at;
    CHECK_EQ(thetis_latest_reserve(latest, &at), THETIS_OK);
    thetis_latest_close(latest);
    thetis_latest_commit(latest);
}

TEST(storing_beside_a_reservation_is_a_mistake)
{
    thetis_latest *latest = latest_make(sizeof(uint64_t), 1);
    uint64_t value = 1;
    void *at;
    CHECK_EQ(thetis_latest_reserve(latest, &at), THETIS_OK);
    CHECK_EQ(thetis_latest_store(latest, &value), THETIS_OK);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(size_is_the_macro), T(init_refuses_bad_memory),
          T(values_begin_at_cache_lines), T(empty_until_the_first_value), T(a_value_is_new_once),
          T(only_the_last_of_several_is_seen), T(any_value_size),
          T(a_reserved_buffer_is_seen_after_commit), T(readers_that_stop_cost_nobody_a_value),
          T(no_more_readers_than_places), T(who_joins_is_shown_the_latest), T(pins_wrap),
          T(many_visits_to_one_value), T(closed_after_the_last_value), T(closed_without_a_value),
          T(check_finds_corruption), T(bounds_are_those_of_the_header),
          T(leaving_twice_is_a_mistake, .aborts = true),
          T(committing_nothing_is_a_mistake, .aborts = true),
          T(committing_what_close_dropped_is_a_mistake, .aborts = true),
          T(storing_beside_a_reservation_is_a_mistake, .aborts = true))
