/* SPDX-License-Identifier: MIT
 *
 * scaling_bcast.c: broadcast rings in each mode under one producer and 1 to 31 readers.
 */
#include "scaling.h"

#include <thetis/bcast.h>

THETIS_BCAST(words, uint64_t);

static void *words_open(thetis_bcast_mode mode, size_t capacity, unsigned readers)
{
    thetis_bcast_cfg cfg = {sizeof(uint64_t), capacity, mode == THETIS_BCAST_LOSSY ? 0 : readers,
                            mode};
    size_t size = (thetis_bcast_size(&cfg) + THETIS_CACHE_LINE - 1) & ~(THETIS_CACHE_LINE - 1ul);
    void *mem = aligned_alloc(THETIS_CACHE_LINE, size);
    thetis_bcast *ring;
    CHECK_EQ(thetis_bcast_init(mem, size, &cfg, &ring), THETIS_OK);
    return ring;
}

static void *words_open_refuse(size_t capacity, unsigned producers, unsigned readers)
{
    CHECK_EQ(producers, 1);
    return words_open(THETIS_BCAST_REFUSE, capacity, readers);
}

static void *words_open_evict(size_t capacity, unsigned producers, unsigned readers)
{
    CHECK_EQ(producers, 1);
    return words_open(THETIS_BCAST_EVICT, capacity, readers);
}

static void *words_open_lossy(size_t capacity, unsigned producers, unsigned readers)
{
    CHECK_EQ(producers, 1);
    return words_open(THETIS_BCAST_LOSSY, capacity, readers);
}

/* The producer needs no handle. */
static void *words_join(void *ring, int produces)
{
    if (produces) return ring;
    thetis_bcast_reader *reader = malloc(sizeof *reader);
    CHECK(reader != NULL);
    CHECK_EQ(thetis_bcast_join(ring, reader), THETIS_OK);
    return reader;
}

static void words_leave(void *handle, int produces)
{
    if (produces) return;
    thetis_bcast_leave(handle);
    free(handle);
}

static int words_push_one(void *ring, uint64_t element)
{
    return words_push(ring, &element) == THETIS_OK;
}

/* Who was evicted comes back, into its own place or another's; who has lost elements goes on. */
static int words_pop_one(void *handle, uint64_t *element)
{
    thetis_bcast_reader *reader = handle;
    thetis_bcast *ring = reader->of_;
    uintptr_t missed = thetis_bcast_missed(reader);
    thetis_status s = words_pop(reader, element);
    if (s != THETIS_LOST) return s == THETIS_OK;
    if (thetis_bcast_missed(reader) != missed) return words_pop_one(handle, element);
    thetis_bcast_leave(reader);
    CHECK_EQ(thetis_bcast_join(ring, reader), THETIS_OK);
    return 0;
}

static void words_close(void *ring)
{
    CHECK_EQ(thetis_bcast_check(ring), THETIS_OK);
    free(ring);
}

static void words_run(scaling_promise promise,
                      void *(*open)(size_t capacity, unsigned producers, unsigned readers))
{
    const scaling_subject words = {
        .producers = 1, .consumers = SCALING_THREADS - 1, .promise = promise, .smallest = 1,
        .largest = 256, .open = open, .join = words_join, .leave = words_leave,
        .push = words_push_one, .pop = words_pop_one, .close = words_close};
    scaling_run(&words);
}

TEST(every_number_of_readers_that_are_waited_for)
{
    words_run(SCALING_ALL, words_open_refuse);
}

TEST(every_number_of_readers_that_are_evicted)
{
    words_run(SCALING_SOME, words_open_evict);
}

TEST(every_number_of_readers_that_lose)
{
    words_run(SCALING_NEWEST, words_open_lossy);
}

TEST_MAIN(T(every_number_of_readers_that_are_waited_for, .timeout_s = 120),
          T(every_number_of_readers_that_are_evicted, .timeout_s = 120),
          T(every_number_of_readers_that_lose, .timeout_s = 120))
