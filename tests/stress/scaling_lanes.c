/* SPDX-License-Identifier: MIT
 *
 * scaling_lanes.c: lanes with 1 to 31 producers and one consumer.
 */
#include "scaling.h"

#include <thetis/lanes.h>

enum { EACH = 32 /* bytes that an element takes in its lane */ };

typedef struct many_lanes {
    thetis_lanes lanes;
    thetis_lanes_consumer *out;
    void *memory, *own;
} many_lanes;

static void *lanes_memory(size_t size)
{
    void *memory = aligned_alloc(THETIS_CACHE_LINE, (size + 4095) / 4096 * 4096);
    CHECK(memory != NULL);
    return memory;
}

/* `capacity` elements in each lane. */
static void *lanes_start(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_lanes_cfg cfg = {producers, EACH * 2 * capacity, sizeof(uint64_t)};
    size_t size = thetis_lanes_size(&cfg), own_size = thetis_lanes_consumer_size(&cfg);
    many_lanes *many = malloc(sizeof *many);
    CHECK(consumers == 1 && many && size);
    many->memory = lanes_memory(size);
    many->own = lanes_memory(own_size);
    CHECK_EQ(thetis_lanes_init(many->memory, size, &cfg, &many->lanes), THETIS_OK);
    CHECK_EQ(thetis_lanes_open(&many->lanes, many->own, own_size, &many->out), THETIS_OK);
    return many;
}

static void *lanes_join(void *ring, int produces)
{
    many_lanes *many = ring;
    thetis_lanes_producer *me;
    if (!produces) return many->out;
    me = lanes_memory(sizeof *me);
    CHECK_EQ(thetis_lanes_join(&many->lanes, 1, me), THETIS_OK);
    return me;
}

static void lanes_leave(void *handle, int produces)
{
    if (!produces) return;
    thetis_lanes_leave(handle);
    free(handle);
}

static int lanes_push_one(void *handle, uint64_t element)
{
    return thetis_lanes_push(handle, &element, sizeof element) == THETIS_OK;
}

static int lanes_pop_one(void *handle, uint64_t *element)
{
    size_t size;
    return thetis_lanes_pop(handle, element, sizeof *element, &size) == THETIS_OK;
}

static void lanes_stop(void *ring)
{
    many_lanes *many = ring;
    free(many->memory);
    free(many->own);
    free(many);
}

static const scaling_subject lanes = {.producers = SCALING_THREADS - 1,
                                      .consumers = 1,
                                      .smallest = 1,
                                      .largest = 256,
                                      .open = lanes_start,
                                      .join = lanes_join,
                                      .leave = lanes_leave,
                                      .push = lanes_push_one,
                                      .pop = lanes_pop_one,
                                      .close = lanes_stop};

TEST(every_number_of_producers_at_every_capacity)
{
    scaling_run(&lanes);
}

TEST_MAIN(T(every_number_of_producers_at_every_capacity, .timeout_s = 120))
