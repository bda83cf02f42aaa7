/* SPDX-License-Identifier: MIT
 *
 * test_latest_shm.c: a register to which writer and readers attach, each through a mapping of its
 * own, and what they do with words that a peer has written.
 */
#include "harness/test.h"
#include "port/port_posix.h"

#include <string.h>
#include <sys/mman.h>
#include <thetis/latest.h>
#include <unistd.h>

enum { LATEST_READERS = 2, LATEST_MAP = 8192 };

static const thetis_latest_cfg latest_cfg = {sizeof(uint64_t), LATEST_READERS};
static thetis_latest *shared; /* as a third process sees it */
static void *in_mem, *out_mem;
static thetis_latest in, out;

static void *map_shared(int fd)
{
    void *mem = mmap(NULL, LATEST_MAP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mem != MAP_FAILED);
    return mem;
}

static void attach_in(thetis_status want)
{
    CHECK_EQ(thetis_latest_attach(in_mem, LATEST_MAP, &latest_cfg, THETIS_SHM_PRODUCER, &in), want);
}

static void start(void)
{
    int fd = tht_port_file();
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, LATEST_MAP), 0);
    CHECK_EQ(thetis_latest_init(map_shared(fd), LATEST_MAP, &latest_cfg, &shared), THETIS_OK);
    in_mem = map_shared(fd);
    out_mem = map_shared(fd);
    CHECK_EQ(close(fd), 0);
    attach_in(THETIS_OK);
    CHECK_EQ(thetis_latest_attach(out_mem, LATEST_MAP, &latest_cfg, THETIS_SHM_CONSUMER, &out),
             THETIS_OK);
}

static thetis_latest_reader joined(void)
{
    thetis_latest_reader reader;
    CHECK_EQ(thetis_latest_join(&out, &reader), THETIS_OK);
    return reader;
}

static thetis_status store(uint64_t value)
{
    return thetis_latest_store(&in, &value);
}

static void load_is(thetis_latest_reader *reader, uint64_t want)
{
    uint64_t got = ~want;
    CHECK_EQ(thetis_latest_load(reader, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static thetis_status load_says(thetis_latest_reader *reader)
{
    uint64_t got;
    return thetis_latest_load(reader, &got);
}

TEST(values_through_two_mappings_and_successors)
{
    start();
    thetis_latest_reader one = joined(), two = joined();
    CHECK_EQ(load_says(&one), THETIS_EMPTY);
    for (uint64_t value = 1; value <= 40; value++) {
        if (value % 3 == 0) attach_in(THETIS_OK); /* successors */
        CHECK_EQ(store(value), THETIS_OK);
        load_is(&one, value);
        if (value % 5 == 0) load_is(&two, value);
        CHECK_EQ(load_says(&one), THETIS_AGAIN);
        CHECK_EQ(thetis_latest_check(&in), THETIS_OK);
    }
    thetis_latest_reader three;
    CHECK_EQ(thetis_latest_join(&out, &three), THETIS_ENOSLOT);
    thetis_latest_leave(&two);
    thetis_latest_close(&in);
    attach_in(THETIS_OK);
    CHECK_EQ(store(1), THETIS_CLOSED);
    CHECK_EQ(load_says(&one), THETIS_CLOSED);
}

/* The last writer was killed behind the exchange: how often the buffer before was pinned is not
 * known, so that it is never written again, though a reader has it. */
TEST(a_buffer_whose_pins_are_not_known_is_lost)
{
    start();
    thetis_latest_reader one = joined();
    const void *seen;
    CHECK_EQ(store(1), THETIS_OK);
    CHECK_EQ(thetis_latest_peek(&one, &seen), THETIS_OK);
    uintptr_t first = in.writer_.latest_, other = first == 1 ? 2 : 1;
    *(uint64_t *)thetis_latest_value_(&in, other) = 2;
    shared->writer_.moving_.word_ = first;
    shared->current_.word_ = other << 1;
    attach_in(THETIS_OK);
    CHECK_EQ(shared->writer_.moving_.word_, 0);
    for (uint64_t value = 3; value < 20; value++) {
        CHECK_EQ(store(value), THETIS_OK);
        CHECK_EQ(*(const uint64_t *)seen, 1);
    }
    load_is(&one, 19);
}

/* Killed before the exchange: nothing has moved. */
TEST(a_writer_that_had_not_moved_loses_nothing)
{
    start();
    CHECK_EQ(store(1), THETIS_OK);
    shared->writer_.moving_.word_ = in.writer_.latest_;
    attach_in(THETIS_OK);
    for (uintptr_t number = 1; number <= LATEST_READERS + 2; number++)
        CHECK_EQ(thetis_latest_buffer_of_(&in, number)->lost_, 0);
}

/* ---- a hostile peer -------------------------------------------------------------------------- */

TEST(attach_refuses_buffers_that_there_are_not)
{
    start();
    shared->current_.word_ = (LATEST_READERS + 3) << 1;
    attach_in(THETIS_ECORRUPT);
    shared->current_.word_ = 1 << 1;
    shared->writer_.moving_.word_ = LATEST_READERS + 3;
    attach_in(THETIS_ECORRUPT);
}

TEST(a_word_that_names_no_buffer_is_corruption)
{
    start();
    for (uintptr_t number = 0; number < 1 << 15; number++) {
        if (number > 0 && number <= LATEST_READERS + 2) continue;
        CHECK_EQ(thetis_latest_init(shared, LATEST_MAP, &latest_cfg, &shared), THETIS_OK);
        attach_in(THETIS_OK);
        thetis_latest_reader reader = joined();
        CHECK_EQ(store(1), THETIS_OK);
        load_is(&reader, 1);
        shared->current_.word_ = number << 1;
        CHECK_EQ(load_says(&reader), THETIS_ECORRUPT);
        thetis_latest_leave(&reader);
        attach_in(number == 0 ? THETIS_OK : THETIS_ECORRUPT);
    }
}

/* All that is not read by others anew: rewritten before each call. */
TEST(the_configuration_is_not_read_again)
{
    start();
    thetis_latest_reader reader = joined();
    for (uint64_t value = 1; value <= 40; value++) {
        memset(&shared->about_, 0xA5, sizeof shared->about_);
        memset(&shared->writer_, 0xA5, sizeof shared->writer_);
        memset(&shared->shape_, 0xA5, sizeof shared->shape_);
        CHECK_EQ(store(value), THETIS_OK);
        load_is(&reader, value);
    }
}

/* By the counts no buffer is free: the search ends. */
TEST(counts_that_lie_end_the_search)
{
    void *value;
    start();
    for (uintptr_t number = 1; number <= LATEST_READERS + 2; number++)
        thetis_latest_buffer_of_(&in, number)->unpins_.word_ = 1;
    CHECK_EQ(store(1), THETIS_FULL);
    CHECK_EQ(thetis_latest_reserve(&in, &value), THETIS_FULL);
    CHECK(value == NULL);
}

TEST_MAIN(T(values_through_two_mappings_and_successors),
          T(a_buffer_whose_pins_are_not_known_is_lost),
          T(a_writer_that_had_not_moved_loses_nothing),
          T(attach_refuses_buffers_that_there_are_not),
          T(a_word_that_names_no_buffer_is_corruption), T(the_configuration_is_not_read_again),
          T(counts_that_lie_end_the_search))
