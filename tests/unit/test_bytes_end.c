/* SPDX-License-Identifier: MIT
 *
 * test_bytes_end.c: both ends of a ring of bytes in memory that is mapped twice, and what they do
 * with counters and headers that a peer has written.
 */
#include "bytes_rings.h"

#include <thetis/bytes_end.h>

enum { ENDS_PLACES = 18 }; /* twice the ring, and once round */

static thetis_bytes *ring_of_ends;
static thetis_bytes_end in, out;

static void attach(thetis_status want)
{
    const uintptr_t *config = ring_of_ends->spsc_.about_.config_;
    const thetis_bytes_cfg cfg = {config[0], config[1], config[2]};
    size_t len = thetis_bytes_size(&cfg);
    CHECK_EQ(thetis_bytes_attach(ring_of_ends, len, &cfg, THETIS_SHM_PRODUCER, &in), want);
    CHECK_EQ(thetis_bytes_attach(ring_of_ends, len, &cfg, THETIS_SHM_CONSUMER, &out), want);
}

static void open_ends(thetis_bytes *ring)
{
    ring_of_ends = ring;
    attach(THETIS_OK);
}

static void ends_at(uintptr_t start)
{
    open_ends(bytes_make(BYTES_PLAIN, BYTES_PLAIN_MOST, start));
}

static thetis_status end_push(uint64_t number, size_t size)
{
    unsigned char data[4096];
    bytes_fill(data, number, size);
    return thetis_bytes_end_push(&in, data, size);
}

static void end_pop_is(uint64_t number, size_t size)
{
    unsigned char data[4096];
    size_t got = 0;
    CHECK_EQ(thetis_bytes_end_pop(&out, data, sizeof data, &got), THETIS_OK);
    CHECK_EQ(got, size);
    bytes_expect(data, number, size);
}

static thetis_status end_peek(void)
{
    void *record;
    size_t size;
    return thetis_bytes_end_peek(&out, &record, &size);
}

static void *end_reserve_ok(size_t max)
{
    void *record = NULL;
    CHECK_EQ(thetis_bytes_end_reserve(&in, max, &record), THETIS_OK);
    return record;
}

/* ---- as a ring ------------------------------------------------------------------------------- */

static void records_through(thetis_bytes *ring)
{
    size_t most = ring->spsc_.about_.config_[1];
    open_ends(ring);
    for (uint64_t k = 0; k < 12; k++) {
        size_t size = most * (k % 4) / 3;
        CHECK_EQ(end_peek(), THETIS_EMPTY);
        CHECK_EQ(end_push(k, size), THETIS_OK);
        end_pop_is(k, size);
    }
    CHECK_EQ(end_push(0, most + 1), THETIS_E2BIG);
    while (end_push(1, most) == THETIS_OK) {}
    CHECK_EQ(end_push(1, most), THETIS_FULL);
    thetis_bytes_end_close(&in);
    CHECK_EQ(end_push(1, 0), THETIS_CLOSED);
    while (end_peek() == THETIS_OK) thetis_bytes_end_release(&out);
    CHECK_EQ(end_peek(), THETIS_CLOSED);
}

TEST(records_of_both_kinds_at_every_place)
{
    bytes_each(records_through);
}

TEST(reservations_in_place)
{
    for (uintptr_t at = 0; at < ENDS_PLACES; at++) {
        ends_at(0 - 8 * at);
        bytes_fill(end_reserve_ok(9), 1, 9);
        bytes_fill(end_reserve_ok(3), 2, 3);
        (void)end_reserve_ok(0);
        CHECK_EQ(thetis_bytes_end_abort(&in), THETIS_OK);
        CHECK_EQ(thetis_bytes_end_commit(&in, 4), THETIS_OK);
        CHECK_EQ(thetis_bytes_end_commit(&in, 3), THETIS_OK);
        end_pop_is(1, 4);
        end_pop_is(2, 3);
        CHECK_EQ(end_peek(), THETIS_EMPTY);
    }
}

TEST(a_stream)
{
    unsigned char data[64], got[64];
    thetis_bytes_span span;
    thetis_status why;
    open_ends(bytes_make(BYTES_PLAIN, 0, 61));
    bytes_fill(data, 1, sizeof data);
    CHECK_EQ(thetis_bytes_end_push_n(&in, data, 60, &why), 60);
    CHECK_EQ(thetis_bytes_end_reserve_n(&in, 9, &span, &why), 4);
    CHECK_EQ(why, THETIS_FULL);
    thetis_bytes_end_abort_n(&in, 1);
    memcpy(span.run[0].at, data + 60, 3);
    thetis_bytes_end_commit_n(&in, 3);
    CHECK_EQ(thetis_bytes_end_pop_n(&out, got, 10, &why), 10);
    CHECK_EQ(thetis_bytes_end_peek_n(&out, 64, &span, &why), 53);
    CHECK_EQ(why, THETIS_EMPTY);
    CHECK_EQ(span.run[0].n + span.run[1].n, 53);
    thetis_bytes_end_release_n(&out, 53);
    bytes_expect(got, 1, 10);
    thetis_bytes_end_cancel(&out);
    CHECK_EQ(thetis_bytes_end_push_n(&in, data, 64, &why), 0);
    CHECK_EQ(why, THETIS_CLOSED);
}

TEST(a_successor_goes_on_where_the_last_has_published)
{
    for (uintptr_t at = 0; at < ENDS_PLACES; at++) {
        ends_at(0 - 8 * at);
        CHECK_EQ(end_push(1, 9), THETIS_OK);
        (void)end_reserve_ok(8);
        CHECK_EQ(end_peek(), THETIS_OK);
        attach(THETIS_OK);
        CHECK_EQ(end_push(2, 3), THETIS_OK);
        end_pop_is(1, 9);
        end_pop_is(2, 3);
        CHECK_EQ(end_peek(), THETIS_EMPTY);
    }
}

/* ---- a hostile peer -------------------------------------------------------------------------- */

TEST(attach_refuses_counters_inside_a_record)
{
    thetis_spsc *spsc;
    ends_at(0);
    spsc = &ring_of_ends->spsc_;
    spsc->producer_.at_.word_ = spsc->consumer_.at_.word_ = 4; /* possible for a stream */
    attach(THETIS_ECORRUPT);
    open_ends(bytes_make(BYTES_PLAIN, 0, 2));
}

static unsigned char *end_bytes(void)
{
    return (unsigned char *)ring_of_ends + sizeof *ring_of_ends;
}

/* Every header that the first record could get, near its own and at the limits. */
TEST(a_header_that_cannot_be_is_corruption)
{
    static const struct {
        uint32_t size, extent;
        thetis_status want;
    } rows[] = {
        {9, 24, THETIS_OK},        {0, 8, THETIS_OK},         {16, 24, THETIS_OK},
        {24, 32, THETIS_OK},       {17, 24, THETIS_ECORRUPT}, {9, 23, THETIS_ECORRUPT},
        {9, 20, THETIS_ECORRUPT},  {0, 0, THETIS_ECORRUPT},   {0, 7, THETIS_ECORRUPT},
        {25, 40, THETIS_ECORRUPT}, {9, 48, THETIS_ECORRUPT},  {9, 0xFFFFFFF8u, THETIS_ECORRUPT},
        {0xFFFFFFFEu, 24, THETIS_ECORRUPT},
        {THETIS_BYTES_PAD_, 64, THETIS_ECORRUPT}, /* a pad to the end, and no record */
        {THETIS_BYTES_PAD_, 8, THETIS_ECORRUPT},
        {THETIS_BYTES_PAD_, 0, THETIS_ECORRUPT},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        ends_at(0);
        CHECK_EQ(end_push(1, 9), THETIS_OK);
        CHECK_EQ(end_push(2, 8), THETIS_OK); /* 40 bytes in all */
        thetis_bytes_set_(end_bytes(), rows[k].size, rows[k].extent);
        CHECK_EQ(end_peek(), rows[k].want);
        CHECK_EQ(end_peek(), rows[k].want);
        thetis_bytes_set_(end_bytes(), 9, 24); /* the record has stayed */
        end_pop_is(1, 9);
        end_pop_is(2, 8);
    }
}

/* Behind a pad: the record's own header, and the pad's length. */
TEST(a_pad_that_cannot_be_is_corruption)
{
    static const uint32_t pad[] = {24, 16, 28, 40, 0, 8, 0xFFFFFFFFu};
    for (size_t k = 0; k < sizeof pad / sizeof pad[0]; k++) {
        ends_at(40);
        CHECK_EQ(end_push(1, 24), THETIS_OK);
        thetis_bytes_set_(end_bytes() + 40, THETIS_BYTES_PAD_, pad[k]);
        CHECK_EQ(end_peek(), k == 0 ? THETIS_OK : THETIS_ECORRUPT);
    }
    ends_at(40);
    CHECK_EQ(end_push(1, 24), THETIS_OK);
    thetis_bytes_set_(end_bytes(), 24, 40); /* more than there is behind the pad */
    CHECK_EQ(end_peek(), THETIS_ECORRUPT);
    thetis_bytes_set_(end_bytes(), THETIS_BYTES_PAD_, 24); /* a second pad */
    CHECK_EQ(end_peek(), THETIS_ECORRUPT);
}

/* A record that would go over the end of a plain ring. */
TEST(a_record_over_the_end_is_corruption)
{
    ends_at(48);
    CHECK_EQ(end_push(1, 8), THETIS_OK);
    CHECK_EQ(end_push(2, 8), THETIS_OK);
    thetis_bytes_set_(end_bytes() + 48, 16, 24);
    CHECK_EQ(end_peek(), THETIS_ECORRUPT);
}

/* Whatever is done to the headers of open reservations, and to their ways back. */
TEST(open_reservations_survive_any_header)
{
    uint64_t rng = test_seed();
    for (unsigned round = 0; round < 20000 / test_factor() + 100; round++) {
        ends_at(8 * (test_rand(&rng) % 8));
        unsigned open = 0;
        while (open < 6) {
            void *record;
            if (thetis_bytes_end_reserve(&in, test_rand(&rng) % 12, &record) != THETIS_OK) break;
            open++;
        }
        for (unsigned k = 0; k < 8; k++) {
            static const uint32_t size[] = {0, 8, 16, 24, 32, 48, THETIS_BYTES_PAD_, 5};
            unsigned char *at = end_bytes() + 8 * (test_rand(&rng) % 8);
            thetis_bytes_set_(at, size[test_rand(&rng) % 8], 8 * (test_rand(&rng) % 9));
            if (in.bytes_.side_.open_ == 0) break;
            thetis_status s = test_rand(&rng) % 2
                                  ? thetis_bytes_end_commit(&in, test_rand(&rng) % 12)
                                  : thetis_bytes_end_abort(&in);
            CHECK(s == THETIS_OK || s == THETIS_ECORRUPT);
            CHECK(in.bytes_.side_.open_ <= 2 * BYTES_PLAIN);
        }
    }
}

TEST(a_commit_of_more_than_the_header_says_is_corruption)
{
    ends_at(0);
    (void)end_reserve_ok(24);
    thetis_bytes_set_(end_bytes(), 0, 16);
    CHECK_EQ(thetis_bytes_end_commit(&in, 24), THETIS_ECORRUPT);
    CHECK_EQ(end_peek(), THETIS_EMPTY);
    CHECK_EQ(end_push(1, 24), THETIS_OK); /* nothing is reserved any more */
    end_pop_is(1, 24);
}

TEST_MAIN(T(records_of_both_kinds_at_every_place), T(reservations_in_place), T(a_stream),
          T(a_successor_goes_on_where_the_last_has_published),
          T(attach_refuses_counters_inside_a_record), T(a_header_that_cannot_be_is_corruption),
          T(a_pad_that_cannot_be_is_corruption), T(a_record_over_the_end_is_corruption),
          T(open_reservations_survive_any_header),
          T(a_commit_of_more_than_the_header_says_is_corruption))
