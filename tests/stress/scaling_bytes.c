/* SPDX-License-Identifier: MIT
 *
 * scaling_bytes.c: byte rings, plain and mirrored, under 1 to 16 pairs of threads at once. An
 * element is a record of 8 to 16 bytes, made and read in place.
 */
#include "scaling.h"

#include <string.h>
#include <thetis/bytes.h>

enum { RECORDS_MOST = 16 };

static size_t records_size(uint64_t element)
{
    return sizeof element + element % (RECORDS_MOST - sizeof element + 1);
}

/* A ring of 64 bytes, the smallest, holds two records at least. */
static void *records_open(size_t capacity, unsigned producers, unsigned consumers)
{
    thetis_bytes_cfg cfg = {64 * capacity, RECORDS_MOST, 0};
    thetis_bytes *ring;
    CHECK(producers == 1 && consumers == 1);
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), THETIS_OK);
    return ring;
}

static int records_push(void *ring, uint64_t element)
{
    void *record;
    if (thetis_bytes_reserve(ring, RECORDS_MOST, &record) != THETIS_OK) return 0;
    memset(record, (int)(element % 256), RECORDS_MOST);
    memcpy(record, &element, sizeof element);
    thetis_bytes_commit(ring, records_size(element));
    return 1;
}

static int records_pop(void *ring, uint64_t *element)
{
    void *record;
    size_t size;
    if (thetis_bytes_peek(ring, &record, &size) != THETIS_OK) return 0;
    memcpy(element, record, sizeof *element);
    CHECK_EQ(size, records_size(*element));
    for (size_t k = sizeof *element; k < size; k++)
        CHECK_EQ(((const unsigned char *)record)[k], *element % 256);
    thetis_bytes_release(ring);
    return 1;
}

static void records_close(void *ring)
{
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
    thetis_bytes_destroy(ring);
}

/* Of one page and more the ring is mirrored, if the system can do that. */
static const scaling_subject records = {
    .producers = 1, .consumers = 1, .smallest = 1, .largest = 4096, .open = records_open,
    .push = records_push, .pop = records_pop, .close = records_close};

TEST(every_number_of_threads_at_every_capacity)
{
    scaling_run(&records);
}

TEST_MAIN(T(every_number_of_threads_at_every_capacity, .timeout_s = 120))
