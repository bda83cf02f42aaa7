/* SPDX-License-Identifier: MIT
 *
 * test_bcast.c: the broadcast ring with all its ends in one thread, where every answer is exact.
 * Cases that move elements run on counters that begin at 0 and shortly before they wrap.
 */
#include "harness/test.h"

#include <string.h>
#include <thetis/bcast.h>

THETIS_BCAST(u32s, uint32_t);

enum { BCAST_READERS = 3, BCAST_CAPACITY = 8, BCAST_MEM = 8192 };

static char bcast_mem[BCAST_MEM] THETIS_CACHE_ALIGNED;

static thetis_bcast *bcast_make(size_t elem_size, size_t capacity, thetis_bcast_mode mode)
{
    thetis_bcast_cfg cfg = {elem_size, capacity, mode == THETIS_BCAST_LOSSY ? 0 : BCAST_READERS,
                            mode};
    thetis_bcast *ring = NULL;
    CHECK_EQ(thetis_bcast_init(bcast_mem, sizeof bcast_mem, &cfg, &ring), THETIS_OK);
    return ring;
}

/* An empty ring of 32-bit numbers as if `start` elements had passed through it. */
static thetis_bcast *bcast_make_at(size_t capacity, thetis_bcast_mode mode, uintptr_t start)
{
    thetis_bcast *ring = bcast_make(sizeof(uint32_t), capacity, mode);
    ring->shown_.tail_.word_ = ring->shown_.begun_.word_ = ring->producer_.at_ = start << 2;
    ring->producer_.limit_ = (start << 2) + ring->shape_.span_;
    return ring;
}

/* Runs `body` for each capacity, starting k elements before the counters wrap; k = 0: at 0. */
static void bcast_each(void (*body)(size_t capacity, uintptr_t start))
{
    for (size_t capacity = 1; capacity <= BCAST_CAPACITY; capacity *= 2) {
        for (uintptr_t k = 0; k <= 2 * capacity + 1; k++) body(capacity, (uintptr_t)0 - k);
    }
}

static thetis_bcast_reader bcast_reader(thetis_bcast *ring)
{
    thetis_bcast_reader reader;
    CHECK_EQ(thetis_bcast_join(ring, &reader), THETIS_OK);
    return reader;
}

static void bcast_push_ok(thetis_bcast *ring, uint32_t value)
{
    CHECK_EQ(u32s_push(ring, &value), THETIS_OK);
    CHECK_EQ(thetis_bcast_check(ring), THETIS_OK);
}

static void bcast_push_says(thetis_bcast *ring, thetis_status want)
{
    uint32_t item = 1;
    CHECK_EQ(u32s_push(ring, &item), want);
    CHECK_EQ(thetis_bcast_push(ring, &item), want);
}

static void bcast_pop_is(thetis_bcast_reader *reader, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(u32s_pop(reader, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static void bcast_pop_says(thetis_bcast_reader *reader, thetis_status want)
{
    uint32_t got;
    CHECK_EQ(u32s_pop(reader, &got), want);
    CHECK_EQ(thetis_bcast_pop(reader, &got), want);
}

/* ---- making ---------------------------------------------------------------------------------- */

TEST(size_refuses_what_the_header_says)
{
    static const thetis_bcast_cfg bad[] = {
        {0, 8, 1, THETIS_BCAST_REFUSE},
        {4, 0, 1, THETIS_BCAST_REFUSE},
        {4, 3, 1, THETIS_BCAST_EVICT},
        {4, 8, 0, THETIS_BCAST_REFUSE},
        {4, 8, 0, THETIS_BCAST_EVICT},
        {4, 8, 1, THETIS_BCAST_LOSSY},
        {4, 8, THETIS_THREAD_MAX + 1, THETIS_BCAST_REFUSE},
        {4, 8, SIZE_MAX, THETIS_BCAST_EVICT},
        {4, 8, 1, (thetis_bcast_mode)3},
        {1, THETIS_BCAST_CAPACITY_MAX * 2, 1, THETIS_BCAST_REFUSE},
        {16, THETIS_BCAST_CAPACITY_MAX, 1, THETIS_BCAST_REFUSE},
        {SIZE_MAX, 1, 1, THETIS_BCAST_REFUSE},
        {PTRDIFF_MAX, 1, 0, THETIS_BCAST_LOSSY},
        {5, THETIS_BCAST_CAPACITY_MAX, 0, THETIS_BCAST_LOSSY}, /* an element takes whole words */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_bcast *ring = NULL;
        CHECK_EQ(thetis_bcast_size(&bad[i]), 0);
        CHECK_EQ(thetis_bcast_init(bcast_mem, SIZE_MAX, &bad[i], &ring), THETIS_EINVAL);
        CHECK(ring == NULL);
    }
}

TEST(size_is_the_macro)
{
    for (size_t elem = 1; elem < 100; elem += 7) {
        for (size_t capacity = 1; capacity <= 256; capacity *= 4) {
            for (size_t readers = 1; readers < 20; readers += 6) {
                thetis_bcast_cfg cfg = {elem, capacity, readers, THETIS_BCAST_EVICT};
                CHECK_EQ(thetis_bcast_size(&cfg), THETIS_BCAST_SIZE(elem, capacity, readers));
            }
        }
    }
}

TEST(init_refuses_bad_memory)
{
    thetis_bcast_cfg cfg = {12, 8, BCAST_READERS, THETIS_BCAST_REFUSE};
    thetis_bcast *ring = NULL;
    size_t size = thetis_bcast_size(&cfg);
    CHECK_EQ(thetis_bcast_init(NULL, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_bcast_init(bcast_mem + 1, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_bcast_init(bcast_mem, size - 1, &cfg, &ring), THETIS_EINVAL);
    memset(bcast_mem, 0xFF, sizeof bcast_mem);
    CHECK_EQ(thetis_bcast_init(bcast_mem, size, &cfg, &ring), THETIS_OK);
    CHECK_EQ(thetis_bcast_check(ring), THETIS_OK);
    for (int k = 0; k < BCAST_READERS; k++) (void)bcast_reader(ring);
    CHECK_EQ((unsigned char)bcast_mem[size], 0xFF);
}

TEST(writers_are_a_cache_line_apart)
{
    CHECK_EQ(offsetof(thetis_bcast, producer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_bcast, shape_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(sizeof(thetis_bcast) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(sizeof(thetis_bcast_cursor_) % THETIS_CACHE_LINE, 0);
}

/* ---- REFUSE ---------------------------------------------------------------------------------- */

static void bcast_fill_and_drain(size_t capacity, uintptr_t start)
{
    thetis_bcast *ring = bcast_make_at(capacity, THETIS_BCAST_REFUSE, start);
    thetis_bcast_reader a = bcast_reader(ring), b = bcast_reader(ring);
    for (uint32_t round = 0; round < 300; round += 100) {
        bcast_pop_says(&a, THETIS_EMPTY);
        for (uint32_t i = 0; i < capacity; i++) bcast_push_ok(ring, round + i);
        bcast_push_says(ring, THETIS_FULL);
        for (uint32_t i = 0; i < capacity; i++) bcast_pop_is(&a, round + i);
        bcast_push_says(ring, THETIS_FULL); /* the slowest decides */
        for (uint32_t i = 0; i < capacity; i++) bcast_pop_is(&b, round + i);
    }
    bcast_pop_says(&b, THETIS_EMPTY);
}

TEST(every_reader_gets_every_element)
{
    bcast_each(bcast_fill_and_drain);
}

static void bcast_batches(size_t capacity, uintptr_t start)
{
    uint32_t in[2 * BCAST_CAPACITY], out[2 * BCAST_CAPACITY];
    for (int mode = THETIS_BCAST_REFUSE; mode <= THETIS_BCAST_LOSSY; mode++) {
        for (size_t n = 0; n <= capacity + 1; n++) {
            thetis_bcast *ring = bcast_make_at(capacity, (thetis_bcast_mode)mode, start);
            thetis_bcast_reader reader = bcast_reader(ring);
            size_t fit = n <= capacity ? n : capacity;
            thetis_status why = THETIS_EOTHER;
            for (uint32_t i = 0; i < n; i++) in[i] = 1000 + i;
            memset(out, 0, sizeof out);
            CHECK_EQ(thetis_bcast_push_n(ring, in, n, &why), fit);
            CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_FULL);
            CHECK_EQ(thetis_bcast_pop_n(&reader, out, n, &why), fit);
            CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_EMPTY);
            CHECK_EQ(memcmp(in, out, fit * sizeof in[0]), 0);
            CHECK_EQ(thetis_bcast_pop_n(&reader, out, 1, NULL), 0);
        }
    }
}

TEST(batches_in_every_mode)
{
    bcast_each(bcast_batches);
}

TEST(any_element_size_in_every_mode)
{
    for (int mode = THETIS_BCAST_REFUSE; mode <= THETIS_BCAST_LOSSY; mode++) {
        for (size_t size = 1; size <= 40; size++) {
            thetis_bcast *ring = bcast_make(size, 4, (thetis_bcast_mode)mode);
            thetis_bcast_reader reader = bcast_reader(ring);
            for (int i = 0; i < 11; i++) {
                unsigned char in[40], out[41];
                memset(in, i + 1, size);
                memset(out, 0xEE, sizeof out);
                CHECK_EQ(thetis_bcast_push(ring, in), THETIS_OK);
                CHECK_EQ(thetis_bcast_pop(&reader, out), THETIS_OK);
                CHECK_EQ(memcmp(in, out, size), 0);
                CHECK_EQ(out[size], 0xEE);
            }
        }
    }
}

TEST(nobody_to_wait_for)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_REFUSE, 0);
    for (uint32_t i = 0; i < 20; i++) bcast_push_ok(ring, i);
}

/* ---- joining and leaving --------------------------------------------------------------------- */

static void bcast_late(size_t capacity, uintptr_t start)
{
    for (int mode = THETIS_BCAST_REFUSE; mode <= THETIS_BCAST_LOSSY; mode++) {
        thetis_bcast *ring = bcast_make_at(capacity, (thetis_bcast_mode)mode, start);
        thetis_bcast_reader first = bcast_reader(ring);
        for (uint32_t i = 0; i < 3 * capacity; i++) {
            bcast_push_ok(ring, i);
            bcast_pop_is(&first, i);
            thetis_bcast_reader late = bcast_reader(ring);
            bcast_pop_says(&late, THETIS_EMPTY);
            bcast_push_ok(ring, 100 + i);
            bcast_pop_is(&late, 100 + i);
            bcast_pop_says(&late, THETIS_EMPTY);
            thetis_bcast_leave(&late);
            bcast_pop_is(&first, 100 + i);
        }
    }
}

TEST(who_joins_late_gets_what_follows)
{
    bcast_each(bcast_late);
}

TEST(no_more_readers_than_places)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_REFUSE, 0);
    thetis_bcast_reader reader[BCAST_READERS], more;
    for (int k = 0; k < BCAST_READERS; k++) reader[k] = bcast_reader(ring);
    for (int k = 0; k < 3; k++) CHECK_EQ(thetis_bcast_join(ring, &more), THETIS_ENOSLOT);
    thetis_bcast_leave(&reader[1]);
    CHECK_EQ(thetis_bcast_join(ring, &more), THETIS_OK);
    CHECK_EQ(thetis_bcast_join(ring, &reader[1]), THETIS_ENOSLOT);
}

TEST(nobody_waits_for_who_has_left)
{
    thetis_bcast *ring = bcast_make_at(2, THETIS_BCAST_REFUSE, 0);
    thetis_bcast_reader slow = bcast_reader(ring), unborn;
    bcast_push_ok(ring, 1);
    bcast_push_ok(ring, 2);
    bcast_push_says(ring, THETIS_FULL);
    thetis_bcast_leave(&slow);
    bcast_push_ok(ring, 3);
    unborn = bcast_reader(ring); /* leaves before the producer has seen it */
    thetis_bcast_leave(&unborn);
    for (uint32_t i = 0; i < 5; i++) bcast_push_ok(ring, i);
}

/* ---- EVICT ----------------------------------------------------------------------------------- */

static void bcast_evict(size_t capacity, uintptr_t start)
{
    thetis_bcast *ring = bcast_make_at(capacity, THETIS_BCAST_EVICT, start);
    thetis_bcast_reader slow = bcast_reader(ring), good = bcast_reader(ring);
    for (uint32_t i = 0; i < 3 * capacity; i++) {
        bcast_push_ok(ring, i);
        if (i + 1 == capacity) bcast_pop_is(&slow, 0); /* the last moment */
        bcast_pop_is(&good, i);
    }
    bcast_pop_says(&slow, THETIS_LOST);
    bcast_pop_says(&slow, THETIS_LOST);
    thetis_bcast_leave(&slow);
    slow = bcast_reader(ring);
    bcast_push_ok(ring, 77);
    bcast_pop_is(&slow, 77);
    bcast_pop_is(&good, 77);
}

TEST(a_slow_reader_is_evicted)
{
    bcast_each(bcast_evict);
}

/* A batch evicts who leaves no room for all of it, no others. */
TEST(a_batch_evicts_who_is_in_its_way)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_EVICT, 0);
    thetis_bcast_reader slow = bcast_reader(ring), good = bcast_reader(ring);
    uint32_t items[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    thetis_status why;
    CHECK_EQ(thetis_bcast_push_n(ring, items, 3, &why), 3);
    bcast_pop_is(&good, 1);
    bcast_pop_is(&good, 2);
    bcast_pop_is(&slow, 1);
    CHECK_EQ(thetis_bcast_push_n(ring, items + 3, 3, &why), 3);
    CHECK_EQ(why, THETIS_OK);
    bcast_pop_says(&slow, THETIS_LOST);
    for (uint32_t i = 3; i <= 6; i++) bcast_pop_is(&good, i);
    CHECK_EQ(thetis_bcast_push_n(ring, items, 8, &why), 4); /* never more than the ring */
    CHECK_EQ(why, THETIS_FULL);
    CHECK_EQ(thetis_bcast_pop_n(&good, items, 4, &why), 4);
}

/* ---- LOSSY ----------------------------------------------------------------------------------- */

static void bcast_lossy(size_t capacity, uintptr_t start)
{
    thetis_bcast *ring = bcast_make_at(capacity, THETIS_BCAST_LOSSY, start);
    thetis_bcast_reader reader = bcast_reader(ring);
    uint32_t next = 0, keep = (uint32_t)(capacity - capacity / 2), total = 0;
    for (uint32_t n = 0; n <= 3 * capacity; n++) { /* n elements between two visits */
        for (uint32_t i = 0; i < n; i++) bcast_push_ok(ring, total++);
        if (total - next > capacity) {
            CHECK_EQ(thetis_bcast_pop_n(&reader, &(uint32_t){0}, 1, NULL), 0);
            next = total - keep;
        }
        while (next < total) bcast_pop_is(&reader, next++);
        bcast_pop_says(&reader, THETIS_EMPTY);
    }
    CHECK(thetis_bcast_missed(&reader) > 0);
}

TEST(what_is_lost_is_counted)
{
    bcast_each(bcast_lossy);
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_LOSSY, (uintptr_t)0 - 5);
    thetis_bcast_reader reader = bcast_reader(ring);
    uint32_t got;
    for (uint32_t i = 0; i < 10; i++) bcast_push_ok(ring, i);
    CHECK_EQ(thetis_bcast_pop(&reader, &got), THETIS_LOST);
    CHECK_EQ(thetis_bcast_missed(&reader), 8); /* 8 and 9 are left: the newer half */
    bcast_pop_is(&reader, 8);
    bcast_pop_is(&reader, 9);
    bcast_pop_says(&reader, THETIS_EMPTY);
}

/* The producer has begun to overwrite what the reader is about to copy. */
TEST(what_is_being_overwritten_is_lost)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_LOSSY, 0);
    thetis_bcast_reader reader = bcast_reader(ring);
    uint32_t got;
    for (uint32_t i = 0; i < 4; i++) bcast_push_ok(ring, i);
    ring->shown_.begun_.word_ += 4;
    CHECK_EQ(thetis_bcast_pop(&reader, &got), THETIS_LOST);
    CHECK_EQ(thetis_bcast_missed(&reader), 2);
    bcast_pop_is(&reader, 2);
    ring->shown_.begun_.word_ += 3 * 4; /* a batch of 4: only one element is published behind */
    CHECK_EQ(thetis_bcast_pop(&reader, &got), THETIS_LOST);
    CHECK_EQ(thetis_bcast_missed(&reader), 3);
    bcast_pop_says(&reader, THETIS_EMPTY);
}

TEST(as_many_lossy_readers_as_one_likes)
{
    thetis_bcast *ring = bcast_make_at(8, THETIS_BCAST_LOSSY, 0);
    thetis_bcast_reader reader[100];
    for (int k = 0; k < 100; k++) reader[k] = bcast_reader(ring);
    for (uint32_t i = 0; i < 8; i++) bcast_push_ok(ring, i);
    for (int k = 0; k < 100; k++) {
        for (uint32_t i = 0; i < 8; i++) bcast_pop_is(&reader[k], i);
        thetis_bcast_leave(&reader[k]);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

TEST(closed_after_the_last_element)
{
    for (int mode = THETIS_BCAST_REFUSE; mode <= THETIS_BCAST_LOSSY; mode++) {
        thetis_bcast *ring = bcast_make_at(4, (thetis_bcast_mode)mode, 0);
        thetis_bcast_reader reader = bcast_reader(ring), late;
        uint32_t items[4] = {1, 2, 3};
        thetis_status why;
        CHECK_EQ(thetis_bcast_push_n(ring, items, 3, &why), 3);
        thetis_bcast_close(ring);
        thetis_bcast_close(ring);
        bcast_push_says(ring, THETIS_CLOSED);
        CHECK_EQ(thetis_bcast_push_n(ring, items, 3, &why), 0);
        CHECK_EQ(why, THETIS_CLOSED);
        bcast_pop_is(&reader, 1);
        CHECK_EQ(thetis_bcast_pop_n(&reader, items, 4, &why), 2);
        CHECK_EQ(why, THETIS_CLOSED);
        bcast_pop_says(&reader, THETIS_CLOSED);
        late = bcast_reader(ring);
        bcast_pop_says(&late, THETIS_CLOSED);
        thetis_bcast_leave(&late);
        thetis_bcast_leave(&reader);
        CHECK_EQ(thetis_bcast_check(ring), THETIS_OK);
    }
}

/* ---- check, bound, contracts ----------------------------------------------------------------- */

TEST(check_finds_corruption)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_REFUSE, 0);
    thetis_bcast_reader reader = bcast_reader(ring);
    bcast_push_ok(ring, 1);
    thetis_bcast before = *ring;
    ring->shown_.tail_.word_ += 4;
    CHECK_EQ(thetis_bcast_check(ring), THETIS_ECORRUPT);
    *ring = before;
    ring->producer_.limit_ += 100;
    CHECK_EQ(thetis_bcast_check(ring), THETIS_ECORRUPT);
    *ring = before;
    ring->shape_.span_ = 12;
    CHECK_EQ(thetis_bcast_check(ring), THETIS_ECORRUPT);
    *ring = before;
    thetis_bcast_cursor_of_(ring, reader.place_)->word_ += 8; /* ahead of tail */
    CHECK_EQ(thetis_bcast_check(ring), THETIS_ECORRUPT);
}

TEST(bounds_are_those_of_the_header)
{
    static const unsigned per_reader[] = {2, 3, 0};
    for (int mode = THETIS_BCAST_REFUSE; mode <= THETIS_BCAST_LOSSY; mode++) {
        thetis_bcast *ring = bcast_make(12, 4, (thetis_bcast_mode)mode);
        uint64_t w = (12 + sizeof(uintptr_t) - 1) / sizeof(uintptr_t), gated = per_reader[mode] > 0;
        for (size_t n = 0; n < 4; n++) {
            CHECK_EQ(thetis_bcast_bound(ring, THETIS_BCAST_PUSH, n),
                     n * w + 2 + per_reader[mode] * BCAST_READERS);
            CHECK_EQ(thetis_bcast_bound(ring, THETIS_BCAST_POP, n), n * w + 3);
        }
        CHECK_EQ(thetis_bcast_bound(ring, THETIS_BCAST_CLOSE, 1), 1);
        CHECK_EQ(thetis_bcast_bound(ring, THETIS_BCAST_JOIN, 1), gated ? BCAST_READERS + 3 : 1);
        CHECK_EQ(thetis_bcast_bound(ring, THETIS_BCAST_LEAVE, 1), gated ? 3 : 0);
    }
}

TEST(leaving_twice_is_a_mistake)
{
    thetis_bcast *ring = bcast_make_at(4, THETIS_BCAST_REFUSE, 0);
    thetis_bcast_reader reader = bcast_reader(ring);
    thetis_bcast_leave(&reader);
    thetis_bcast_leave(&reader);
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(size_is_the_macro), T(init_refuses_bad_memory),
          T(writers_are_a_cache_line_apart), T(every_reader_gets_every_element),
          T(batches_in_every_mode), T(any_element_size_in_every_mode), T(nobody_to_wait_for),
          T(who_joins_late_gets_what_follows), T(no_more_readers_than_places),
          T(nobody_waits_for_who_has_left), T(a_slow_reader_is_evicted),
          T(a_batch_evicts_who_is_in_its_way), T(what_is_lost_is_counted),
          T(what_is_being_overwritten_is_lost), T(as_many_lossy_readers_as_one_likes),
          T(closed_after_the_last_element), T(check_finds_corruption),
          T(bounds_are_those_of_the_header), T(leaving_twice_is_a_mistake, .aborts = true))
