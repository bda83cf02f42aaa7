/* SPDX-License-Identifier: MIT
 *
 * scaling_spsc.c: spsc rings under 1 to 16 pairs of threads at once.
 */
#include "scaling.h"

#include <thetis/spsc.h>

THETIS_SPSC(words, uint64_t);

static void *words_open(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_spsc_cfg cfg = {sizeof(uint64_t), capacity};
    size_t size = (thetis_spsc_size(&cfg) + THETIS_CACHE_LINE - 1) & ~(THETIS_CACHE_LINE - 1ul);
    void *mem = aligned_alloc(THETIS_CACHE_LINE, size);
    thetis_spsc *ring;
    CHECK(producers == 1 && consumers == 1);
    CHECK_EQ(thetis_spsc_init(mem, size, &cfg, &ring), THETIS_OK);
    return ring;
}

static int words_push_one(void *ring, uint64_t element)
{
    return words_push(ring, element) == THETIS_OK;
}

static int words_pop_one(void *ring, uint64_t *element)
{
    return words_pop(ring, element) == THETIS_OK;
}

static void words_close(void *ring)
{
    CHECK_EQ(thetis_spsc_check(ring), THETIS_OK);
    free(ring);
}

static const scaling_subject words = {
    .producers = 1, .consumers = 1, .smallest = 1, .largest = 4096, .open = words_open,
    .push = words_push_one, .pop = words_pop_one, .close = words_close};

TEST(every_number_of_threads_at_every_capacity)
{
    scaling_run(&words);
}

TEST_MAIN(T(every_number_of_threads_at_every_capacity, .timeout_s = 120))
