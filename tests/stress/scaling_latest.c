/* SPDX-License-Identifier: MIT
 *
 * scaling_latest.c: the latest value under one writer and 1 to 31 readers.
 */
#include "scaling.h"

#include <thetis/latest.h>

THETIS_LATEST(words, uint64_t);

static void *words_open(size_t capacity, unsigned writers, unsigned readers)
{
    thetis_latest_cfg cfg = {sizeof(uint64_t), readers};
    size_t size = thetis_latest_size(&cfg);
    void *mem = aligned_alloc(THETIS_CACHE_LINE, size);
    thetis_latest *latest;
    CHECK(capacity == 1 && writers == 1);
    CHECK_EQ(thetis_latest_init(mem, size, &cfg, &latest), THETIS_OK);
    return latest;
}

/* The writer needs no handle. */
static void *words_join(void *latest, int writes)
{
    if (writes) return latest;
    thetis_latest_reader *reader = malloc(sizeof *reader);
    CHECK(reader != NULL);
    CHECK_EQ(thetis_latest_join(latest, reader), THETIS_OK);
    return reader;
}

static void words_leave(void *handle, int writes)
{
    if (writes) return;
    thetis_latest_leave(handle);
    free(handle);
}

static int words_store_one(void *latest, uint64_t element)
{
    CHECK_EQ(words_store(latest, &element), THETIS_OK);
    return 1;
}

static int words_load_one(void *reader, uint64_t *element)
{
    return words_load(reader, element) == THETIS_OK;
}

static void words_close(void *latest)
{
    CHECK_EQ(thetis_latest_check(latest), THETIS_OK);
    free(latest);
}

static const scaling_subject words = {
    .producers = 1, .consumers = SCALING_THREADS - 1, .promise = SCALING_NEWEST, .smallest = 1,
    .largest = 1, .open = words_open, .join = words_join, .leave = words_leave,
    .push = words_store_one, .pop = words_load_one, .close = words_close};

TEST(every_number_of_readers)
{
    scaling_run(&words);
}

TEST_MAIN(T(every_number_of_readers, .timeout_s = 120))
