/* SPDX-License-Identifier: MIT
 *
 * model_bytes_end.c: scenarios of thetis/bytes_end.h. Thread 0 has one end and produces, thread 1
 * has the other and consumes. Both are honest: tests/fuzz has the others. Records are numbered 1,
 * 2, 3, ...; the bytes of a stream are 1, 2, 3, ...
 */
#include <string.h>
#include <thetis/bytes_end.h>
#include <thetis/check.h>

enum { PRODUCER, CONSUMER, CAPACITY = 32, MOST = 8 };

static thetis_bytes_cfg cfg;
static char memory[THETIS_BYTES_SIZE(CAPACITY)] THETIS_CACHE_ALIGNED;
static thetis_bytes_end in, out;
static unsigned last_pushed, last_popped; /* each used by its side, and by done */

static thetis_status attach_as(thetis_shm_role role, thetis_bytes_end *end)
{
    return thetis_bytes_attach(memory, sizeof memory, &cfg, role, end);
}

static void attach(thetis_shm_role role, thetis_bytes_end *end)
{
    thetis_check_begin("bytes.attach", 2);
    thetis_status s = attach_as(role, end);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void make(size_t max_record, uintptr_t start)
{
    thetis_bytes *ring;
    cfg = (thetis_bytes_cfg){CAPACITY, max_record, 0};
    memset(memory, 0x55, sizeof memory);
    THETIS_CHECK(thetis_bytes_init(memory, sizeof memory, &cfg, &ring) == THETIS_OK);
    ring->spsc_.producer_.at_.word_ = ring->spsc_.consumer_.at_.word_ = 2 * start;
    THETIS_CHECK(attach_as(THETIS_SHM_PRODUCER, &in) == THETIS_OK);
    THETIS_CHECK(attach_as(THETIS_SHM_CONSUMER, &out) == THETIS_OK);
    last_pushed = last_popped = 0;
}

/* The second record is padded, and then two do not fit at once. */
static void make_records(void)
{
    make(MOST, 8);
}

static void make_stream(void)
{
    make(0, (uintptr_t)0 - 5);
}

/* ---- records, with their bounds -------------------------------------------------------------- */

static thetis_status push(void)
{
    const unsigned char data[MOST] = {(unsigned char)(last_pushed + 1)};
    thetis_check_begin("bytes.end_push", 1 + 7);
    thetis_status s = thetis_bytes_end_push(&in, data, sizeof data);
    thetis_check_end();
    if (s == THETIS_OK) last_pushed++;
    return s;
}

static void expect_next(const void *record, size_t size)
{
    THETIS_CHECK(size == MOST && *(const unsigned char *)record == ++last_popped);
}

static thetis_status pop(void)
{
    unsigned char data[MOST];
    size_t size = 0;
    thetis_check_begin("bytes.end_pop", 1 + 4);
    thetis_status s = thetis_bytes_end_pop(&out, data, sizeof data, &size);
    thetis_check_end();
    if (s == THETIS_OK) expect_next(data, size);
    return s;
}

static void *reserve(size_t max)
{
    void *record = NULL;
    thetis_check_begin("bytes.end_reserve", 3);
    thetis_status s = thetis_bytes_end_reserve(&in, max, &record);
    thetis_check_end();
    return s == THETIS_OK ? record : NULL;
}

static void drop(void)
{
    thetis_check_begin("bytes.end_abort", 2);
    thetis_status s = thetis_bytes_end_abort(&in);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void commit(void)
{
    thetis_check_begin("bytes.end_commit", 4);
    thetis_status s = thetis_bytes_end_commit(&in, MOST);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void peek_and_release(void)
{
    void *record;
    size_t size;
    thetis_check_begin("bytes.end_peek", 3);
    thetis_status s = thetis_bytes_end_peek(&out, &record, &size);
    thetis_check_end();
    if (s != THETIS_OK) return;
    expect_next(record, size);
    thetis_check_begin("bytes.end_release", 1);
    thetis_bytes_end_release(&out);
    thetis_check_end();
}

/* ---- a stream, with its bounds --------------------------------------------------------------- */

enum { PART = 9, PART_WORDS = (PART + 6) / 8 + 1 };

static void push_part(void)
{
    unsigned char data[PART];
    for (unsigned k = 0; k < PART; k++) data[k] = (unsigned char)(last_pushed + 1 + k);
    thetis_check_begin("bytes.end_push_n", PART_WORDS + 2);
    size_t n = thetis_bytes_end_push_n(&in, data, PART, NULL);
    thetis_check_end();
    last_pushed += (unsigned)n;
}

static void pop_part(void)
{
    unsigned char data[PART];
    thetis_check_begin("bytes.end_pop_n", PART_WORDS + 2);
    size_t n = thetis_bytes_end_pop_n(&out, data, PART, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++) THETIS_CHECK(data[k] == (unsigned char)++last_popped);
}

static unsigned char *byte_at(const thetis_bytes_span *span, size_t k)
{
    int second = k >= span->run[0].n;
    return (unsigned char *)span->run[second].at + (second ? k - span->run[0].n : k);
}

static void fill_part(void)
{
    thetis_bytes_span span;
    thetis_check_begin("bytes.end_reserve_n", 1);
    size_t n = thetis_bytes_end_reserve_n(&in, PART, &span, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++) *byte_at(&span, k) = (unsigned char)++last_pushed;
    thetis_check_begin("bytes.end_commit_n", 1);
    thetis_bytes_end_commit_n(&in, n);
    thetis_check_end();
}

static void look_at_part(void)
{
    thetis_bytes_span span;
    thetis_check_begin("bytes.end_peek_n", 1);
    size_t n = thetis_bytes_end_peek_n(&out, PART, &span, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++)
        THETIS_CHECK(*byte_at(&span, k) == (unsigned char)++last_popped);
    thetis_check_begin("bytes.end_release_n", 1);
    thetis_bytes_end_release_n(&out, n);
    thetis_check_end();
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void copies(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) (void)push();
        else (void)pop();
    }
}

const thetis_check_scenario bytes_end_copy = {
    .name = "bytes-end-copy", .threads = 2, .setup = make_records, .body = copies};

/* Drops one, behind a pad or without, and a second one. */
static void produce_in_place(void)
{
    if (reserve(MOST)) drop();
    unsigned char *record = reserve(MOST);
    if (!record) return;
    if (reserve(0)) drop();
    memset(record, (int)++last_pushed, MOST);
    commit();
}

static void in_place(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) produce_in_place();
        else peek_and_release();
    }
}

const thetis_check_scenario bytes_end_in_place = {
    .name = "bytes-end-in-place", .threads = 2, .setup = make_records, .body = in_place};

static void stream(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) push_part();
        else pop_part();
    }
}

const thetis_check_scenario bytes_end_stream = {
    .name = "bytes-end-stream", .threads = 2, .setup = make_stream, .body = stream};

static void stream_in_place(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) fill_part();
        else look_at_part();
    }
}

const thetis_check_scenario bytes_end_stream_in_place = {
    .name = "bytes-end-stream-in-place", .threads = 2, .setup = make_stream,
    .body = stream_in_place};

static void to_the_end(unsigned thread)
{
    thetis_status s = THETIS_OK;
    if (thread == PRODUCER) {
        if (push() == THETIS_OK) (void)push();
        thetis_check_begin("bytes.end_close", 1);
        thetis_bytes_end_close(&in);
        thetis_check_end();
        THETIS_CHECK(push() == THETIS_CLOSED);
    } else {
        for (unsigned k = 0; k < 2; k++) s = pop();
        thetis_check_begin("bytes.end_cancel", 1);
        thetis_bytes_end_cancel(&out);
        thetis_check_end();
        if (s == THETIS_CLOSED) THETIS_CHECK(last_popped > 0);
        THETIS_CHECK(pop() == THETIS_CLOSED);
    }
}

const thetis_check_scenario bytes_end_close = {
    .name = "bytes-end-close", .threads = 2, .setup = make_records, .body = to_the_end};

/* Each side is followed by a successor, which knows the memory only. */
static void successors(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == PRODUCER) {
            (void)push();
            (void)reserve(0);
            attach(THETIS_SHM_PRODUCER, &in);
        } else {
            (void)pop();
            attach(THETIS_SHM_CONSUMER, &out);
        }
    }
}

const thetis_check_scenario bytes_end_successors = {
    .name = "bytes-end-successors", .threads = 2, .setup = make_records, .body = successors};
