/* SPDX-License-Identifier: MIT
 *
 * records.h: records that show whether they are whole and in order, and the ways of moving them
 * through a byte ring, each as one operation of a freezer's thread.
 */
#ifndef TEST_RECORDS_H
#define TEST_RECORDS_H

#include "freezer.h"
#include "harness/test.h"

#include <thetis/bytes.h>

/* Sizes repeat after RECORDS_PLACES records, and so do the places where they wrap, or nearly. */
enum { RECORDS_CAPACITY = 64, RECORDS_MOST = 24, RECORDS_PLACES = 5 };

static inline size_t records_size(uint64_t number)
{
    static const size_t size[RECORDS_PLACES] = {24, 0, 17, 1, 9};
    return size[number % RECORDS_PLACES];
}

static inline unsigned char records_byte(uint64_t number, size_t k)
{
    return (unsigned char)(number * 29 + k * 3);
}

static inline void records_fill(unsigned char *at, uint64_t number, size_t size)
{
    for (size_t k = 0; k < size; k++) at[k] = records_byte(number, k);
}

static inline void records_check(const unsigned char *at, uint64_t number, size_t size)
{
    CHECK_EQ(size, records_size(number));
    for (size_t k = 0; k < size; k++) CHECK_EQ(at[k], records_byte(number, k));
}

/* The ring lies at the beginning of the shared memory. */
static inline void records_make(void *shared, size_t max_record)
{
    thetis_bytes_cfg cfg = {RECORDS_CAPACITY, max_record, 0};
    thetis_bytes *ring;
    CHECK_EQ(thetis_bytes_init(shared, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    CHECK((void *)ring == shared);
}

static inline void records_setup(void *shared)
{
    records_make(shared, RECORDS_MOST);
}

static inline void records_setup_stream(void *shared)
{
    records_make(shared, 0);
}

/* ---- producer: seat->next is the number of the next record, or byte -------------------------- */

static inline void records_push(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    size_t size = records_size(seat->next);
    records_fill(data, seat->next, size);
    freezer_begin(seat);
    thetis_status s = thetis_bytes_push(ring, data, size);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

/* Reserves twice and gives the second back; commits less than it reserved. */
static inline void records_reserve(freezer_seat *seat, void *ring)
{
    size_t size = records_size(seat->next);
    void *record, *second;
    freezer_begin(seat);
    thetis_status s = thetis_bytes_reserve(ring, RECORDS_MOST, &record);
    if (s == THETIS_OK) {
        if (thetis_bytes_reserve(ring, 8, &second) == THETIS_OK) thetis_bytes_abort(ring);
        records_fill(record, seat->next, size);
        thetis_bytes_commit(ring, size);
    }
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static inline void records_push_n(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    for (size_t k = 0; k < RECORDS_MOST; k++) data[k] = records_byte(seat->next + k, 0);
    freezer_begin(seat);
    size_t n = thetis_bytes_push_n(ring, data, RECORDS_MOST, NULL);
    freezer_end(seat);
    seat->next += n;
}

static inline void records_close(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    thetis_bytes_close(ring);
    freezer_end(seat);
}

/* ---- consumer -------------------------------------------------------------------------------- */

static inline void records_pop(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    size_t size = 0;
    freezer_begin(seat);
    thetis_status s = thetis_bytes_pop(ring, data, sizeof data, &size);
    freezer_end(seat);
    if (s == THETIS_OK) records_check(data, seat->next++, size);
}

static inline void records_release(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    void *record;
    size_t size = 0;
    freezer_begin(seat);
    thetis_status s = thetis_bytes_peek(ring, &record, &size);
    if (s == THETIS_OK) {
        memcpy(data, record, size);
        thetis_bytes_release(ring);
    }
    freezer_end(seat);
    if (s == THETIS_OK) records_check(data, seat->next++, size);
}

/* Takes nothing. */
static inline void records_peek(freezer_seat *seat, void *ring)
{
    void *record;
    size_t size = 0;
    freezer_begin(seat);
    thetis_status s = thetis_bytes_peek(ring, &record, &size);
    freezer_end(seat);
    if (s == THETIS_OK) records_check(record, seat->next, size);
}

static inline void records_pop_n(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    freezer_begin(seat);
    size_t n = thetis_bytes_pop_n(ring, data, RECORDS_MOST, NULL);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) CHECK_EQ(data[k], records_byte(seat->next++, 0));
}

static inline void records_cancel(freezer_seat *seat, void *ring)
{
    freezer_begin(seat);
    thetis_bytes_cancel(ring);
    freezer_end(seat);
}

#endif
