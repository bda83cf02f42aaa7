/* SPDX-License-Identifier: MIT
 *
 * test_bytes_more.c: making byte rings, streams, what check() finds, bounds, broken contracts.
 */
#include "bytes_rings.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- making ---------------------------------------------------------------------------------- */

typedef struct bytes_row {
    thetis_bytes_cfg cfg;
    thetis_status want;
} bytes_row;

TEST(size_refuses_what_the_header_says)
{
    const size_t big = THETIS_SPSC_CAPACITY_MAX, least = sizeof(thetis_bytes);
    const bytes_row rows[] = {
        {{0, 0, 0}, THETIS_EINVAL},
        {{8, 0, 0}, THETIS_EINVAL},
        {{48, 0, 0}, THETIS_EINVAL},
        {{64, 25, 0}, THETIS_E2BIG},
        {{16, 1, 0}, THETIS_E2BIG},
        {{64, SIZE_MAX, 0}, THETIS_E2BIG},
        {{64, 57, least}, THETIS_E2BIG},
        {{2 * big, 0, 0}, THETIS_EINVAL},
        {{SIZE_MAX, 0, 0}, THETIS_EINVAL},
        {{2 * THETIS_BYTES_CAPACITY_MAX, 1, 0}, THETIS_EINVAL},
        {{64, 1, least - THETIS_CACHE_LINE}, THETIS_EINVAL},
        {{64, 1, least + 1}, THETIS_EINVAL},
        {{64, 1, (size_t)0 - THETIS_CACHE_LINE}, THETIS_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        thetis_bytes *ring = NULL;
        CHECK_EQ(thetis_bytes_size(&rows[i].cfg), 0);
        CHECK_EQ(thetis_bytes_init(bytes_mem, SIZE_MAX, &rows[i].cfg, &ring), rows[i].want);
        CHECK(ring == NULL);
    }
}

TEST(size_is_the_macro_or_both_views)
{
    for (size_t capacity = 32; capacity <= THETIS_BYTES_CAPACITY_MAX / 2; capacity *= 2) {
        thetis_bytes_cfg cfg = {capacity, THETIS_BYTES_RECORD_MAX(capacity), 0};
        CHECK_EQ(thetis_bytes_size(&cfg), THETIS_BYTES_SIZE(capacity));
        cfg.max_record = THETIS_BYTES_RECORD_MAX_MIRRORED(capacity);
        cfg.mirror_at = 8192;
        CHECK_EQ(thetis_bytes_size(&cfg), 8192 + 2 * capacity);
    }
}

TEST(init_refuses_bad_memory)
{
    thetis_bytes_cfg cfg = {64, 0, 0};
    thetis_bytes *ring = NULL;
    size_t size = thetis_bytes_size(&cfg);
    CHECK_EQ(thetis_bytes_init(NULL, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_bytes_init(bytes_mem + 1, size, &cfg, &ring), THETIS_EINVAL);
    CHECK_EQ(thetis_bytes_init(bytes_mem, size - 1, &cfg, &ring), THETIS_EINVAL);
    memset(bytes_mem, 0xFF, sizeof bytes_mem);
    CHECK_EQ(thetis_bytes_init(bytes_mem, size, &cfg, &ring), THETIS_OK);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
    CHECK_EQ((unsigned char)bytes_mem[size], 0xFF);
}

TEST(init_refuses_a_mirror_that_is_none)
{
    static char one[THETIS_BYTES_SIZE(256)] THETIS_CACHE_ALIGNED;
    thetis_bytes_cfg cfg = {64, 0, sizeof(thetis_bytes)};
    thetis_bytes *ring = NULL;
    for (int fill = 0; fill < 2; fill++) {
        memset(one, fill, sizeof one);
        CHECK_EQ(thetis_bytes_init(one, sizeof one, &cfg, &ring), THETIS_EINVAL);
    }
    CHECK(ring == NULL);
}

/* Two writers never share a line. */
TEST(sides_are_a_cache_line_apart)
{
    CHECK_EQ(offsetof(thetis_bytes, producer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_bytes, consumer_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(offsetof(thetis_bytes, spsc_) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(sizeof(thetis_bytes) % THETIS_CACHE_LINE, 0);
}

/* ---- create ---------------------------------------------------------------------------------- */

static int bytes_no_files;

/* Stands before that of the C library: can be a system without it. */
int memfd_create(const char *name, unsigned flags)
{
    if (!bytes_no_files) return (int)syscall(SYS_memfd_create, name, flags);
    errno = ENOSYS;
    return -1;
}

static thetis_bytes *bytes_created(size_t capacity, size_t max_record)
{
    thetis_bytes_cfg cfg = {capacity, max_record, 0};
    thetis_bytes *ring = NULL;
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), THETIS_OK);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
    return ring;
}

static void bytes_create_says(size_t capacity, size_t max_record, thetis_status want)
{
    thetis_bytes_cfg cfg = {capacity, max_record, 0};
    thetis_bytes *ring = NULL;
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), want);
    CHECK(ring == NULL);
}

static void bytes_use(thetis_bytes *ring, size_t most)
{
    for (uint64_t k = 0; k < 5; k++) {
        bytes_push_ok(ring, k, most - k);
        bytes_take_is(ring, k, most - k);
    }
    thetis_bytes_destroy(ring);
}

TEST(create_mirrors_where_it_can)
{
    if (tht_port_page() == 0 || tht_port_page() > 16384) SKIP_ENVIRONMENT("large pages");
    size_t most = THETIS_BYTES_RECORD_MAX_MIRRORED(16384);
    bytes_use(bytes_created(16384, most), most);
    bytes_use(bytes_created(64, 24), 24); /* less than a page: plain */
    thetis_bytes_destroy(NULL);
}

/* More often than a process may have mappings, or descriptors. */
TEST(destroy_gives_everything_back)
{
    if (tht_port_page() == 0 || tht_port_page() > 16384) SKIP_ENVIRONMENT("large pages");
    for (size_t k = test_scale(70000); k > 0; k--)
        thetis_bytes_destroy(bytes_created(16384, THETIS_BYTES_RECORD_MAX_MIRRORED(16384)));
}

TEST(create_falls_back_to_plain_memory)
{
    bytes_no_files = 1;
    size_t most = THETIS_BYTES_RECORD_MAX(16384);
    bytes_use(bytes_created(16384, most), most);
    bytes_create_says(16384, most + 1, THETIS_ENOTSUP);
}

TEST(create_refuses)
{
    thetis_bytes_cfg cfg = {16384, 0, 16384};
    thetis_bytes *ring = NULL;
    CHECK_EQ(thetis_bytes_create(&cfg, &ring), THETIS_EINVAL);
    CHECK(ring == NULL);
    bytes_create_says(0, 0, THETIS_EINVAL);
    bytes_create_says(100, 0, THETIS_EINVAL);
    bytes_create_says(16384, 16384 - 7, THETIS_E2BIG);
    bytes_create_says(64, 25, THETIS_ENOTSUP);
    bytes_create_says(64, 57, THETIS_E2BIG);
    if (THETIS_CAP_WORD_BITS == 64) bytes_create_says(THETIS_SPSC_CAPACITY_MAX, 0, THETIS_ENOMEM);
}

/* ---- streams --------------------------------------------------------------------------------- */

static unsigned char *bytes_in(const thetis_bytes_span *span, size_t k)
{
    size_t first = span->run[0].n;
    return k < first ? (unsigned char *)span->run[0].at + k
                     : (unsigned char *)span->run[1].at + (k - first);
}

/* Each batch size at each place; number 0 continues from byte to byte. */
static void bytes_batches(thetis_bytes *ring, size_t capacity)
{
    static unsigned char in[1 << 17], out[1 << 17];
    size_t sent = 0;
    CHECK(capacity < sizeof in / 2);
    for (size_t n = 0; n <= 70; n++) {
        size_t fit = n <= capacity ? n : capacity;
        thetis_status why = THETIS_EOTHER;
        bytes_fill(in, sent, n);
        out[fit] = 0xEE;
        CHECK_EQ(thetis_bytes_push_n(ring, in, n, &why), fit);
        CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_FULL);
        CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
        CHECK_EQ(thetis_bytes_pop_n(ring, out, n, &why), fit);
        CHECK_EQ(why, n <= capacity ? THETIS_OK : THETIS_EMPTY);
        bytes_expect(out, sent, fit);
        CHECK_EQ(out[fit], 0xEE);
        sent += fit;
    }
}

TEST(batches_wrap_and_are_cut_to_what_fits)
{
    for (uintptr_t at = 0; at <= 40; at++) {
        bytes_batches(bytes_make(16, 0, (uintptr_t)0 - at), 16);
        bytes_batches(bytes_make(64, 0, (uintptr_t)0 - at), 64);
        bytes_batches(bytes_make_mirrored(0, (uintptr_t)0 - at), tht_port_page());
    }
}

TEST(spans_have_two_runs_where_a_plain_ring_wraps)
{
    thetis_bytes_span span;
    thetis_status why;
    for (uintptr_t at = 0; at < 16; at++) {
        thetis_bytes *ring = bytes_make(16, 0, at);
        CHECK_EQ(thetis_bytes_reserve_n(ring, 20, &span, &why), 16);
        CHECK_EQ(why, THETIS_FULL);
        CHECK_EQ(span.run[0].n, 16 - at);
        CHECK_EQ(span.run[1].n, at);
        CHECK(span.run[0].at == bytes_mem + sizeof(thetis_bytes) + at);
        CHECK(span.run[1].at == bytes_mem + sizeof(thetis_bytes));
    }
}

TEST(spans_have_one_run_in_a_mirrored_ring)
{
    size_t page = tht_port_page();
    thetis_bytes_span span;
    thetis_bytes *ring = bytes_make_mirrored(0, (uintptr_t)0 - 1);
    CHECK_EQ(thetis_bytes_reserve_n(ring, page, &span, NULL), page);
    CHECK_EQ(span.run[0].n, page);
    CHECK_EQ(span.run[1].n, 0);
    bytes_fill(span.run[0].at, 9, page);
    thetis_bytes_commit_n(ring, page);
    CHECK_EQ(thetis_bytes_peek_n(ring, page, &span, NULL), page);
    CHECK_EQ(span.run[0].n, page);
    bytes_expect(span.run[0].at, 9, page);
}

/* Several reservations, published across their borders, the newest bytes given back. */
static void bytes_stream_in_place(thetis_bytes *ring)
{
    for (uint64_t round = 0; round < 20; round++) {
        thetis_bytes_span one, two, shown;
        thetis_status why = THETIS_EOTHER;
        CHECK_EQ(thetis_bytes_reserve_n(ring, 5, &one, NULL), 5);
        CHECK_EQ(thetis_bytes_reserve_n(ring, 6, &two, &why), 6);
        CHECK_EQ(why, THETIS_OK);
        for (size_t k = 0; k < 5; k++) *bytes_in(&one, k) = bytes_of(round, k);
        for (size_t k = 0; k < 6; k++) *bytes_in(&two, k) = bytes_of(round, 5 + k);
        thetis_bytes_abort_n(ring, 3);
        CHECK_EQ(thetis_bytes_peek_n(ring, 1, &shown, &why), 0);
        CHECK_EQ(why, THETIS_EMPTY);
        thetis_bytes_commit_n(ring, 2);
        thetis_bytes_commit_n(ring, 6);
        CHECK_EQ(thetis_bytes_peek_n(ring, 9, &shown, &why), 8);
        CHECK_EQ(why, THETIS_EMPTY);
        for (size_t k = 0; k < 8; k++) CHECK_EQ(*bytes_in(&shown, k), bytes_of(round, k));
        thetis_bytes_release_n(ring, 3);
        CHECK_EQ(thetis_bytes_peek_n(ring, 5, &shown, &why), 5);
        CHECK_EQ(*bytes_in(&shown, 0), bytes_of(round, 3));
        thetis_bytes_release_n(ring, 5);
    }
}

TEST(streams_in_place)
{
    for (uintptr_t at = 0; at <= 40; at++) {
        bytes_stream_in_place(bytes_make(16, 0, (uintptr_t)0 - at));
        bytes_stream_in_place(bytes_make_mirrored(0, (uintptr_t)0 - at));
    }
}

TEST(a_stream_ends)
{
    thetis_bytes_span span;
    thetis_status why;
    char out[8];
    thetis_bytes *ring = bytes_make(16, 0, 0);
    CHECK_EQ(thetis_bytes_push_n(ring, "abc", 3, NULL), 3);
    thetis_bytes_close(ring);
    CHECK_EQ(thetis_bytes_reserve_n(ring, 1, &span, &why), 0);
    CHECK_EQ(why, THETIS_CLOSED);
    CHECK_EQ(thetis_bytes_push_n(ring, "d", 1, &why), 0);
    CHECK_EQ(why, THETIS_CLOSED);
    CHECK_EQ(thetis_bytes_pop_n(ring, out, 8, &why), 3);
    CHECK_EQ(why, THETIS_CLOSED);
    ring = bytes_make(16, 0, 0);
    CHECK_EQ(thetis_bytes_push_n(ring, "0123456789abcdef", 16, NULL), 16);
    thetis_bytes_cancel(ring);
    CHECK_EQ(thetis_bytes_push_n(ring, "d", 1, &why), 0);
    CHECK_EQ(why, THETIS_CLOSED);
    CHECK_EQ(thetis_bytes_peek_n(ring, 1, &span, &why), 0);
    CHECK_EQ(why, THETIS_CLOSED);
}

TEST(a_run_has_the_form_of_an_iovec)
{
    CHECK_EQ(sizeof(thetis_bytes_run), sizeof(struct iovec));
    CHECK_EQ(offsetof(thetis_bytes_run, at), offsetof(struct iovec, iov_base));
    CHECK_EQ(offsetof(thetis_bytes_run, n), offsetof(struct iovec, iov_len));
}

/* ---- check and bound ------------------------------------------------------------------------- */

/* Each field that never changes, in its turn. */
TEST(check_finds_corruption)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    thetis_shm_about_ *about = &ring->spsc_.about_;
    uintptr_t *word[] = {&about->config_[0], &about->config_[1], &about->config_[2],
                         &about->config_[3], &about->size_, &about->line_,
                         &ring->producer_.data_, &ring->producer_.mask_, &ring->producer_.wrap_,
                         &ring->producer_.most_, &ring->consumer_.data_, &ring->consumer_.mask_,
                         &ring->consumer_.wrap_, &ring->consumer_.most_,
                         &ring->spsc_.consumer_.mask_};
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
        *word[i] += 8;
        CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
        *word[i] -= 8;
    }
    CHECK_EQ(thetis_bytes_check(ring), THETIS_OK);
    about->magic_++;
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
    about->magic_--;
    about->version_++;
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
    about->version_--;
    about->word_++;
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
}

/* Both sides of the ring below, each sound in itself. */
TEST(check_compares_with_the_ring_below)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    ring->spsc_.producer_.span_ = ring->spsc_.consumer_.span_ = 64;
    ring->spsc_.producer_.mask_ = ring->spsc_.consumer_.mask_ = 62;
    CHECK_EQ(thetis_spsc_check(&ring->spsc_), THETIS_OK);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
    ring = bytes_make(64, 24, 0);
    ring->spsc_.producer_.elem_size_ = ring->spsc_.consumer_.elem_size_ = 8;
    CHECK_EQ(thetis_spsc_check(&ring->spsc_), THETIS_OK);
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
    ring = bytes_make(64, 24, 0);
    ring->spsc_.producer_.at_.word_ = 130;
    CHECK_EQ(thetis_bytes_check(ring), THETIS_ECORRUPT);
}

TEST(bounds_are_those_of_the_header)
{
    static const struct {
        thetis_bytes_op op;
        uint64_t bound;
    } rows[] = {
        {THETIS_BYTES_RESERVE, 4},   {THETIS_BYTES_COMMIT, 5},   {THETIS_BYTES_ABORT, 3},
        {THETIS_BYTES_PEEK, 4},      {THETIS_BYTES_RELEASE, 2},  {THETIS_BYTES_CLOSE, 2},
        {THETIS_BYTES_CANCEL, 2},    {THETIS_BYTES_ABORT_N, 0},  {THETIS_BYTES_RESERVE_N, 2},
        {THETIS_BYTES_COMMIT_N, 2},  {THETIS_BYTES_PEEK_N, 2},   {THETIS_BYTES_RELEASE_N, 2},
    };
    const size_t w = sizeof(uintptr_t);
    thetis_bytes *ring = bytes_make(64, 24, 0);
    for (size_t n = 0; n < 40; n++) {
        uint64_t within = (n + w - 1) / w, across = n ? (n + w - 2) / w + 1 : 0;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            CHECK_EQ(thetis_bytes_bound(ring, rows[i].op, n), rows[i].bound);
        CHECK_EQ(thetis_bytes_bound(ring, THETIS_BYTES_PUSH, n), within + 9);
        CHECK_EQ(thetis_bytes_bound(ring, THETIS_BYTES_POP, n), within + 6);
        CHECK_EQ(thetis_bytes_bound(ring, THETIS_BYTES_PUSH_N, n), across + 4);
        CHECK_EQ(thetis_bytes_bound(ring, THETIS_BYTES_POP_N, n), across + 4);
    }
}

/* ---- broken contracts ------------------------------------------------------------------------ */

TEST(committing_what_is_not_reserved_aborts)
{
    thetis_bytes_commit(bytes_make(64, 24, 0), 0);
}

TEST(committing_more_than_was_reserved_aborts)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    (void)bytes_reserve_ok(ring, 8);
    thetis_bytes_commit(ring, 9);
}

TEST(committing_into_the_padding_aborts)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    (void)bytes_reserve_ok(ring, 5);
    thetis_bytes_commit(ring, 6);
}

TEST(aborting_what_is_not_reserved_aborts)
{
    thetis_bytes_abort(bytes_make(64, 24, 0));
}

TEST(releasing_what_was_not_shown_aborts)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    bytes_push_ok(ring, 1, 8);
    thetis_bytes_release(ring);
}

TEST(releasing_twice_aborts)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    bytes_push_ok(ring, 1, 8);
    bytes_push_ok(ring, 1, 8);
    bytes_take_is(ring, 1, 8);
    thetis_bytes_release(ring);
}

TEST(releasing_after_cancel_aborts)
{
    thetis_bytes *ring = bytes_make(64, 24, 0);
    bytes_push_ok(ring, 1, 8);
    bytes_peek_is(ring, 1, 8);
    thetis_bytes_cancel(ring);
    thetis_bytes_release(ring);
}

TEST(destroying_what_was_not_created_aborts)
{
    thetis_bytes_destroy(bytes_make(64, 24, 0));
}

TEST_MAIN(T(size_refuses_what_the_header_says), T(size_is_the_macro_or_both_views),
          T(init_refuses_bad_memory), T(init_refuses_a_mirror_that_is_none),
          T(sides_are_a_cache_line_apart), T(create_mirrors_where_it_can),
          T(destroy_gives_everything_back), T(create_falls_back_to_plain_memory),
          T(create_refuses),
          T(batches_wrap_and_are_cut_to_what_fits),
          T(spans_have_two_runs_where_a_plain_ring_wraps),
          T(spans_have_one_run_in_a_mirrored_ring), T(streams_in_place), T(a_stream_ends),
          T(a_run_has_the_form_of_an_iovec), T(check_finds_corruption),
          T(check_compares_with_the_ring_below), T(bounds_are_those_of_the_header),
          T(committing_what_is_not_reserved_aborts, .aborts = true),
          T(committing_more_than_was_reserved_aborts, .aborts = true),
          T(committing_into_the_padding_aborts, .aborts = true),
          T(aborting_what_is_not_reserved_aborts, .aborts = true),
          T(releasing_what_was_not_shown_aborts, .aborts = true),
          T(releasing_twice_aborts, .aborts = true),
          T(releasing_after_cancel_aborts, .aborts = true),
          T(destroying_what_was_not_created_aborts, .aborts = true))
