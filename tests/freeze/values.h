/* SPDX-License-Identifier: MIT
 *
 * values.h: a writer and readers of the latest value, each as one operation of a freezer's thread.
 * The values are the items of items.h; that they are whole is checked behind the operation.
 */
#ifndef TEST_VALUES_H
#define TEST_VALUES_H

#include <thetis/latest.h>

#include "items.h"

enum { VALUES_READERS = FREEZER_SEATS - 1 };

/* The register lies at the beginning of the shared memory. */
static inline void values_setup(void *shared)
{
    thetis_latest_cfg cfg = {sizeof(item), VALUES_READERS};
    thetis_latest *latest;
    CHECK_EQ(thetis_latest_init(shared, FREEZER_SHARED, &cfg, &latest), THETIS_OK);
    CHECK((void *)latest == shared);
}

/* ---- writer: seat->next is the number of the next value -------------------------------------- */

static inline void values_store(freezer_seat *seat, void *latest)
{
    item it = item_sealed(++seat->next);
    freezer_begin(seat);
    thetis_status s = thetis_latest_store(latest, &it);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

static inline void values_reserve(freezer_seat *seat, void *latest)
{
    item it = item_sealed(++seat->next);
    void *at;
    freezer_begin(seat);
    thetis_status s = thetis_latest_reserve(latest, &at);
    *(item *)at = it;
    thetis_latest_commit(latest);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
}

static inline void values_close(freezer_seat *seat, void *latest)
{
    freezer_begin(seat);
    thetis_latest_close(latest);
    freezer_end(seat);
}

/* ---- readers: seat->next is the number of the last value seen -------------------------------- */

/* The calling thread's end. */
static inline thetis_latest_reader *values_reader(void *latest)
{
    static _Thread_local thetis_latest_reader reader;
    if (!reader.of_) CHECK_EQ(thetis_latest_join(latest, &reader), THETIS_OK);
    return &reader;
}

static inline void values_check(freezer_seat *seat, const item *it)
{
    CHECK(it->number >= seat->next);
    item_check(it, it->number);
    seat->next = it->number;
}

static inline void values_load(freezer_seat *seat, void *latest)
{
    thetis_latest_reader *reader = values_reader(latest);
    item it;
    freezer_begin(seat);
    thetis_status s = thetis_latest_load(reader, &it);
    freezer_end(seat);
    if (s == THETIS_OK) values_check(seat, &it);
}

static inline void values_peek(freezer_seat *seat, void *latest)
{
    thetis_latest_reader *reader = values_reader(latest);
    const void *at;
    freezer_begin(seat);
    thetis_status s = thetis_latest_peek(reader, &at);
    freezer_end(seat);
    if (s == THETIS_OK || s == THETIS_AGAIN) values_check(seat, at);
}

/* There is a place for each. */
static inline void values_visit(freezer_seat *seat, void *latest)
{
    thetis_latest_reader reader;
    item it;
    freezer_begin(seat);
    thetis_status joined = thetis_latest_join(latest, &reader);
    thetis_status s = joined == THETIS_OK ? thetis_latest_load(&reader, &it) : joined;
    if (joined == THETIS_OK) thetis_latest_leave(&reader);
    freezer_end(seat);
    CHECK_EQ(joined, THETIS_OK);
    if (s == THETIS_OK) values_check(seat, &it);
}

#endif
