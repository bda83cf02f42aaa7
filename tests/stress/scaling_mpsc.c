/* SPDX-License-Identifier: MIT
 *
 * scaling_mpsc.c: a ring of many producers under 1 to 31 of them and one consumer.
 */
#include "scaling.h"

#include <thetis/mpsc.h>

THETIS_MPSC(words, uint64_t);

static void *words_open(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_mpsc_cfg cfg = {
        .elem_size = sizeof(uint64_t), .capacity = capacity, .producers = producers};
    size_t size = (thetis_mpsc_size(&cfg) + THETIS_CACHE_LINE - 1) & ~(THETIS_CACHE_LINE - 1ul);
    void *mem = aligned_alloc(THETIS_CACHE_LINE, size);
    thetis_mpsc *ring;
    CHECK_EQ(consumers, 1);
    CHECK_EQ(thetis_mpsc_init(mem, size, &cfg, &ring), THETIS_OK);
    return ring;
}

/* The consumer needs no handle. */
static void *words_join(void *ring, int produces)
{
    if (!produces) return ring;
    thetis_mpsc_producer *producer = malloc(sizeof *producer);
    CHECK(producer != NULL);
    CHECK_EQ(thetis_mpsc_join(ring, producer), THETIS_OK);
    return producer;
}

static void words_leave(void *handle, int produces)
{
    if (!produces) return;
    thetis_mpsc_leave(handle);
    free(handle);
}

static int words_push_one(void *producer, uint64_t element)
{
    return words_push(producer, element) == THETIS_OK;
}

static int words_pop_one(void *ring, uint64_t *element)
{
    return words_pop(ring, element) == THETIS_OK;
}

static void words_close(void *ring)
{
    CHECK_EQ(thetis_mpsc_check(ring), THETIS_OK);
    free(ring);
}

static const scaling_subject words = {
    .producers = SCALING_THREADS - 1, .consumers = 1, .smallest = 1, .largest = 4096,
    .open = words_open, .join = words_join, .leave = words_leave, .push = words_push_one,
    .pop = words_pop_one, .close = words_close};

TEST(every_number_of_producers_at_every_capacity)
{
    scaling_run(&words);
}

TEST_MAIN(T(every_number_of_producers_at_every_capacity, .timeout_s = 120))
