/* SPDX-License-Identifier: MIT
 *
 * test_bcast_shm.c: a broadcast ring to which producer and readers attach, each through a mapping
 * of its own, and what they do with words that a peer has written.
 */
#include "harness/test.h"
#include "port/port_posix.h"

#include <string.h>
#include <sys/mman.h>
#include <thetis/bcast.h>
#include <unistd.h>

enum { CAST_CAPACITY = 4, CAST_READERS = 2, CAST_MAP = 8192 };

static thetis_bcast_cfg cast_cfg;
static thetis_bcast *shared; /* as a third process sees it */
static void *in_mem, *out_mem;
static thetis_bcast in, out;

static void *map_shared(int fd)
{
    void *mem = mmap(NULL, CAST_MAP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mem != MAP_FAILED);
    return mem;
}

static void attach(thetis_status want)
{
    CHECK_EQ(thetis_bcast_attach(in_mem, CAST_MAP, &cast_cfg, THETIS_SHM_PRODUCER, &in), want);
    if (want != THETIS_OK) return;
    CHECK_EQ(thetis_bcast_attach(out_mem, CAST_MAP, &cast_cfg, THETIS_SHM_CONSUMER, &out), want);
}

static void start(thetis_bcast_mode mode)
{
    int fd = tht_port_file();
    size_t readers = mode == THETIS_BCAST_LOSSY ? 0 : CAST_READERS;
    cast_cfg = (thetis_bcast_cfg){sizeof(uint64_t), CAST_CAPACITY, readers, mode};
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, CAST_MAP), 0);
    CHECK_EQ(thetis_bcast_init(map_shared(fd), CAST_MAP, &cast_cfg, &shared), THETIS_OK);
    in_mem = map_shared(fd);
    out_mem = map_shared(fd);
    CHECK_EQ(close(fd), 0);
    attach(THETIS_OK);
}

static thetis_bcast_reader joined(void)
{
    thetis_bcast_reader reader;
    CHECK_EQ(thetis_bcast_join(&out, &reader), THETIS_OK);
    return reader;
}

static thetis_status push(uint64_t value)
{
    return thetis_bcast_push(&in, &value);
}

static void pop_is(thetis_bcast_reader *reader, uint64_t want)
{
    uint64_t got = ~want;
    CHECK_EQ(thetis_bcast_pop(reader, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static thetis_status pop_says(thetis_bcast_reader *reader)
{
    uint64_t got;
    return thetis_bcast_pop(reader, &got);
}

static void each_mode(void (*body)(thetis_bcast_mode mode))
{
    const thetis_bcast_mode modes[] = {THETIS_BCAST_REFUSE, THETIS_BCAST_EVICT, THETIS_BCAST_LOSSY};
    for (size_t k = 0; k < 3; k++) {
        start(modes[k]);
        body(modes[k]);
    }
}

/* ---- as a ring ------------------------------------------------------------------------------- */

static void go_through(thetis_bcast_mode mode)
{
    thetis_bcast_reader one = joined(), two = joined();
    for (uint64_t value = 1; value <= 40; value++) {
        if (value % 7 == 0) attach(THETIS_OK); /* successors */
        CHECK_EQ(push(value), THETIS_OK);
        pop_is(&one, value);
        pop_is(&two, value);
    }
    CHECK_EQ(pop_says(&one), THETIS_EMPTY);
    CHECK_EQ(thetis_bcast_check(&in), THETIS_OK);
    thetis_bcast_reader three;
    CHECK_EQ(thetis_bcast_join(&out, &three),
             mode == THETIS_BCAST_LOSSY ? THETIS_OK : THETIS_ENOSLOT);
    thetis_bcast_leave(&two);
    thetis_bcast_close(&in);
    attach(THETIS_OK);
    CHECK_EQ(push(1), THETIS_CLOSED);
    CHECK_EQ(pop_says(&one), THETIS_CLOSED);
}

TEST(elements_through_two_mappings_and_successors)
{
    each_mode(go_through);
}

/* Room is what the cursors say, not what the dead producer knew. */
TEST(a_successor_waits_for_the_readers_in_refuse)
{
    start(THETIS_BCAST_REFUSE);
    thetis_bcast_reader reader = joined();
    for (uint64_t value = 1; value <= CAST_CAPACITY; value++) CHECK_EQ(push(value), THETIS_OK);
    attach(THETIS_OK);
    CHECK_EQ(push(9), THETIS_FULL);
    pop_is(&reader, 1);
    CHECK_EQ(push(5), THETIS_OK);
}

/* The dead one had begun to overwrite the two oldest. */
TEST(a_successor_keeps_what_was_begun_in_lossy)
{
    start(THETIS_BCAST_LOSSY);
    thetis_bcast_reader reader = joined();
    const uintptr_t from = shared->shown_.begun_.word_;
    for (uint64_t value = 1; value <= CAST_CAPACITY; value++) CHECK_EQ(push(value), THETIS_OK);
    shared->shown_.begun_.word_ += 2 * 4;
    attach(THETIS_OK);
    CHECK_EQ(push(5), THETIS_OK);
    CHECK_EQ(shared->shown_.begun_.word_ - from, (CAST_CAPACITY + 2) * 4);
    CHECK_EQ(pop_says(&reader), THETIS_LOST);
    CHECK_EQ(push(6), THETIS_OK);
    CHECK_EQ(push(7), THETIS_OK);
    CHECK_EQ(shared->shown_.begun_.word_ - from, (CAST_CAPACITY + 3) * 4);
}

/* ---- a hostile peer -------------------------------------------------------------------------- */

TEST(attach_refuses_a_beginning_that_cannot_be)
{
    start(THETIS_BCAST_LOSSY);
    shared->shown_.begun_.word_ += 4 * CAST_CAPACITY + 4;
    attach(THETIS_ECORRUPT);
    shared->shown_.begun_.word_ -= 4 * CAST_CAPACITY + 2;
    attach(THETIS_ECORRUPT);
}

/* The memory but for tail, cursors and slots, rewritten before each call. */
static void survive_noise(thetis_bcast_mode mode)
{
    thetis_bcast_reader reader = joined();
    for (uint64_t value = 1; value <= 40; value++) {
        uintptr_t tail = shared->shown_.tail_.word_;
        memset(&shared->about_, 0xA5, sizeof shared->about_);
        memset(&shared->producer_, 0xA5, sizeof shared->producer_);
        memset(&shared->shape_, 0xA5, sizeof shared->shape_);
        CHECK_EQ(push(value), THETIS_OK);
        CHECK_EQ(shared->shown_.tail_.word_, tail + 4);
        memset(&shared->shape_, 0x5A, sizeof shared->shape_);
        pop_is(&reader, value);
    }
    if (mode == THETIS_BCAST_LOSSY) CHECK_EQ(thetis_bcast_missed(&reader), 0);
}

TEST(the_configuration_is_not_read_again)
{
    each_mode(survive_noise);
}

static void survive_tails(thetis_bcast_mode mode)
{
    thetis_bcast_reader reader = joined();
    uint64_t got[2 * CAST_CAPACITY];
    thetis_status why;
    CHECK_EQ(push(1), THETIS_OK);
    pop_is(&reader, 1);
    for (unsigned shift = 0; shift < THETIS_CAP_WORD_BITS; shift++) {
        shared->shown_.tail_.word_ = (uintptr_t)11 << shift;
        size_t n = thetis_bcast_pop_n(&reader, got, 2 * CAST_CAPACITY, &why);
        CHECK(n <= CAST_CAPACITY);
        CHECK(why == THETIS_EMPTY || why == THETIS_CLOSED || why == THETIS_LOST ||
              (why == THETIS_ECORRUPT && mode == THETIS_BCAST_REFUSE));
    }
}

TEST(tails_that_cannot_be_show_at_most_a_capacity)
{
    each_mode(survive_tails);
}

/* Cursors that cannot be: as far behind as can be. */
TEST(cursors_that_cannot_be_leave_no_room)
{
    for (unsigned shift = 4; shift < THETIS_CAP_WORD_BITS; shift++) {
        start(THETIS_BCAST_REFUSE);
        thetis_bcast_reader reader = joined();
        uint64_t items[2 * CAST_CAPACITY] = {0};
        thetis_status why;
        CHECK_EQ(push(1), THETIS_OK);
        thetis_atomic *cursor = thetis_bcast_cursor_of_(&in, reader.place_);
        cursor->word_ = (uintptr_t)1 << shift | THETIS_BCAST_ACTIVE_;
        attach(THETIS_OK);
        CHECK_EQ(thetis_bcast_push_n(&in, items, 2 * CAST_CAPACITY, &why), 0);
        CHECK_EQ(why, THETIS_FULL);
        CHECK_EQ(thetis_bcast_check(&in), THETIS_ECORRUPT);
        start(THETIS_BCAST_EVICT);
        reader = joined();
        CHECK_EQ(push(1), THETIS_OK);
        cursor = thetis_bcast_cursor_of_(&in, reader.place_);
        cursor->word_ = (uintptr_t)1 << shift | THETIS_BCAST_ACTIVE_;
        attach(THETIS_OK);
        CHECK_EQ(push(2), THETIS_OK); /* it is evicted */
        CHECK_EQ(cursor->word_, THETIS_BCAST_EVICTED_);
    }
}

/* Every place is marked as taken, and the counts are wrong. */
TEST(a_table_of_places_that_lies)
{
    start(THETIS_BCAST_EVICT);
    thetis_bcast_reader reader = joined();
    unsigned char *end = (unsigned char *)shared + thetis_bcast_size(&cast_cfg);
    size_t table = THETIS_THREAD_SIZE(CAST_READERS);
    thetis_bcast_reader other;
    memset(end - table, 0xFF, table);
    CHECK_EQ(thetis_bcast_join(&out, &other), THETIS_ENOSLOT);
    memset(end - table, 0, sizeof(uintptr_t)); /* admitted: nobody */
    CHECK_EQ(thetis_bcast_join(&out, &other), THETIS_ECORRUPT);
    thetis_bcast_leave(&reader);
}

TEST_MAIN(T(elements_through_two_mappings_and_successors),
          T(a_successor_waits_for_the_readers_in_refuse),
          T(a_successor_keeps_what_was_begun_in_lossy),
          T(attach_refuses_a_beginning_that_cannot_be), T(the_configuration_is_not_read_again),
          T(tails_that_cannot_be_show_at_most_a_capacity),
          T(cursors_that_cannot_be_leave_no_room), T(a_table_of_places_that_lies))
