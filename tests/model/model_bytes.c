/* SPDX-License-Identifier: MIT
 *
 * model_bytes.c: scenarios of thetis/bytes.h. Thread 0 produces, thread 1 consumes. Records are
 * numbered 1, 2, 3, ...; number, place and size decide each byte. The bytes of a stream are 1, 2,
 * 3, ... The rings are so small that most records are padded, or stand where two views meet.
 */
#include <string.h>
#include <thetis/bytes.h>
#include <thetis/check.h>

#include "port/port.h"

enum { PRODUCER, CONSUMER, MOST = 24, FENCE = 8, PAGE = 4096 };

/* The fence shows what is written beyond the ring. */
static char memory[THETIS_BYTES_SIZE(64) + FENCE] THETIS_CACHE_ALIGNED;
static thetis_bytes *shared;
static unsigned last_pushed, last_popped; /* records, or bytes of a stream; each of its side */

/* An empty ring as if `start` bytes had passed through it. */
static void start_at(uintptr_t start)
{
    thetis_spsc *spsc = &shared->spsc_;
    spsc->producer_.at_.word_ = spsc->consumer_.at_.word_ = spsc->consumer_.known_ = 2 * start;
    spsc->producer_.known_ = 2 * start + spsc->producer_.span_;
    last_pushed = last_popped = 0;
}

static void make(size_t capacity, size_t max_record, uintptr_t start)
{
    thetis_bytes_cfg cfg = {capacity, max_record, 0};
    memset(memory, 0x55, sizeof memory);
    THETIS_CHECK(thetis_bytes_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    start_at(start);
}

/* The second record is padded, and then two do not fit at once. */
static void make_32(void)
{
    make(32, 8, 8);
}

static void make_32_even(void)
{
    make(32, 8, 0);
}

static void make_64(void)
{
    make(64, MOST, 64 - 16);
}

/* The counters wrap, too. */
static void make_stream(void)
{
    make(16, 0, (uintptr_t)0 - 5);
}

static void make_mirrored(size_t max_record, uintptr_t start)
{
    static char *mirror;
    thetis_bytes_cfg cfg = {PAGE, max_record, PAGE};
    if (!mirror) mirror = tht_port_mirror(PAGE, PAGE);
    THETIS_CHECK(mirror != NULL);
    thetis_check_alias(mirror + 2 * PAGE, mirror + PAGE, PAGE);
    memset(mirror, 0, 2 * PAGE);
    THETIS_CHECK(thetis_bytes_init(mirror, 3 * PAGE, &cfg, &shared) == THETIS_OK);
    start_at(start);
}

static void make_mirror(void)
{
    make_mirrored(THETIS_BYTES_RECORD_MAX_MIRRORED(PAGE), PAGE - 16);
}

static void make_mirror_stream(void)
{
    make_mirrored(0, PAGE - 3);
}

/* ---- contents -------------------------------------------------------------------------------- */

static unsigned char byte_of(unsigned number, size_t k, size_t size)
{
    return (unsigned char)(number * 16 + k + size * 3);
}

static void fill(unsigned char *at, unsigned number, size_t size)
{
    for (size_t k = 0; k < size; k++) at[k] = byte_of(number, k, size);
}

/* Numbers must come in order; what the scenario aborted is not missed. */
static void expect(const unsigned char *at, size_t size)
{
    last_popped++;
    for (size_t k = 0; k < size; k++) THETIS_CHECK(at[k] == byte_of(last_popped, k, size));
}

/* Records of this number have this size: both padded and not, none, odd. */
static size_t size_of(unsigned number)
{
    return number * 5 % 9;
}

/* ---- records, with their bounds -------------------------------------------------------------- */

static thetis_status push(void)
{
    unsigned char data[MOST];
    size_t size = size_of(last_pushed + 1);
    fill(data, last_pushed + 1, size);
    thetis_check_begin("bytes.push", thetis_bytes_bound(shared, THETIS_BYTES_PUSH, size));
    thetis_status s = thetis_bytes_push(shared, data, size);
    thetis_check_end();
    last_pushed += s == THETIS_OK;
    return s;
}

static thetis_status pop(void)
{
    unsigned char data[MOST];
    size_t size = 0;
    thetis_check_begin("bytes.pop", thetis_bytes_bound(shared, THETIS_BYTES_POP, MOST));
    thetis_status s = thetis_bytes_pop(shared, data, MOST, &size);
    thetis_check_end();
    if (s != THETIS_OK) return s;
    THETIS_CHECK(size == size_of(last_popped + 1));
    expect(data, size);
    return s;
}

static unsigned char *reserve(size_t max)
{
    void *record = NULL;
    thetis_check_begin("bytes.reserve", thetis_bytes_bound(shared, THETIS_BYTES_RESERVE, max));
    thetis_status s = thetis_bytes_reserve(shared, max, &record);
    thetis_check_end();
    return s == THETIS_OK ? record : NULL;
}

static void commit(size_t size)
{
    thetis_check_begin("bytes.commit", thetis_bytes_bound(shared, THETIS_BYTES_COMMIT, size));
    thetis_bytes_commit(shared, size);
    thetis_check_end();
    last_pushed++;
}

static void abort_newest(void)
{
    thetis_check_begin("bytes.abort", thetis_bytes_bound(shared, THETIS_BYTES_ABORT, 0));
    thetis_bytes_abort(shared);
    thetis_check_end();
}

static unsigned char *peek(size_t *size)
{
    void *record = NULL;
    thetis_check_begin("bytes.peek", thetis_bytes_bound(shared, THETIS_BYTES_PEEK, 0));
    thetis_status s = thetis_bytes_peek(shared, &record, size);
    thetis_check_end();
    return s == THETIS_OK ? record : NULL;
}

static void release(void)
{
    thetis_check_begin("bytes.release", thetis_bytes_bound(shared, THETIS_BYTES_RELEASE, 0));
    thetis_bytes_release(shared);
    thetis_check_end();
}

/* In place. Overwrites what it takes: that must not reach the producer's next record. */
static size_t take(void)
{
    size_t size = 0;
    unsigned char *record = peek(&size);
    if (!record) return 0;
    expect(record, size);
    memset(record, 0, size);
    release();
    return size;
}

static void close_ring(void)
{
    thetis_check_begin("bytes.close", thetis_bytes_bound(shared, THETIS_BYTES_CLOSE, 0));
    thetis_bytes_close(shared);
    thetis_check_end();
}

static void cancel(void)
{
    thetis_check_begin("bytes.cancel", thetis_bytes_bound(shared, THETIS_BYTES_CANCEL, 0));
    thetis_bytes_cancel(shared);
    thetis_check_end();
}

static void check(void)
{
    thetis_check_begin("bytes.check", 2);
    thetis_status s = thetis_bytes_check(shared);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

/* After all: the fence stands; what was committed is there, unless the consumer was stopped
 * between a record and its count. */
static void intact(void)
{
    THETIS_CHECK(thetis_bytes_check(shared) == THETIS_OK);
    if (shared->spsc_.about_.config_[2]) return;
    char *end = (char *)shared + shared->spsc_.about_.size_;
    for (size_t k = 0; k < FENCE; k++) THETIS_CHECK(end[k] == 0x55);
}

static void drain(void)
{
    void *record;
    size_t size;
    intact();
    if (thetis_check_stopped(PRODUCER) || thetis_check_stopped(CONSUMER)) return;
    while (thetis_bytes_peek(shared, &record, &size) == THETIS_OK) {
        expect(record, size);
        thetis_bytes_release(shared);
    }
    THETIS_CHECK(last_popped == last_pushed);
}

/* ---- by copy --------------------------------------------------------------------------------- */

static void copy_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        (void)(thread == PRODUCER ? push() : pop());
    }
}

const thetis_check_scenario bytes_copy = {
    .name = "bytes-copy", .threads = 2, .setup = make_32, .body = copy_body, .done = drain};

const thetis_check_scenario bytes_copy_even = {.name = "bytes-copy-even",
                                               .threads = 2,
                                               .setup = make_32_even,
                                               .body = copy_body,
                                               .done = drain};

const thetis_check_scenario bytes_mirror = {
    .name = "bytes-mirror", .threads = 2, .setup = make_mirror, .body = copy_body, .done = drain};

/* ---- in place -------------------------------------------------------------------------------- */

/* One reservation, of which a part is used. */
static void produce_less(void)
{
    size_t size = size_of(last_pushed + 1);
    unsigned char *record = reserve(MOST);
    if (!record) return;
    fill(record, last_pushed + 1, size);
    commit(size);
}

static void less_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) produce_less();
        else (void)take();
    }
}

const thetis_check_scenario bytes_less = {
    .name = "bytes-less", .threads = 2, .setup = make_64, .body = less_body, .done = drain};

/* Several at once: the oldest is committed with less while the next is open; the newest is given
 * back, and its place, which needed a pad, used anew. */
static void produce_several(void)
{
    unsigned char *one = reserve(12), *two = one ? reserve(3) : NULL;
    if (two && reserve(0)) abort_newest();
    if (two) fill(two, last_pushed + 2, 3);
    if (one) {
        fill(one, last_pushed + 1, 2);
        commit(2);
    }
    if (two) commit(3);
}

static void several_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) {
            produce_several();
        } else {
            (void)take();
            (void)take();
        }
    }
}

const thetis_check_scenario bytes_several = {
    .name = "bytes-several", .threads = 2, .setup = make_64, .body = several_body, .done = drain};

/* A pad before the newest, given back with it: the next record stands where it was. */
static void abort_body(unsigned thread)
{
    if (thread == CONSUMER) {
        (void)take();
        (void)take();
        (void)take();
        return;
    }
    unsigned char *one = reserve(0);
    if (!one) return;
    if (reserve(8)) {
        if (reserve(0)) abort_newest();
        abort_newest();
    }
    unsigned char *next = reserve(0);
    THETIS_CHECK(!next || next == one + 8);
    commit(0);
    if (next) commit(0);
    (void)push();
}

const thetis_check_scenario bytes_abort = {
    .name = "bytes-abort", .threads = 2, .setup = make_64, .body = abort_body, .done = drain};

/* The largest record of all, over both views; the others wait for its room. */
static void whole_body(unsigned thread)
{
    if (thread == CONSUMER) {
        for (int k = 0; k < 3; k++) (void)take();
        return;
    }
    for (int k = 0; k < 3; k++) {
        unsigned char *record = reserve(THETIS_BYTES_RECORD_MAX_MIRRORED(PAGE));
        if (!record) continue;
        fill(record, last_pushed + 1, 12);
        commit(12);
    }
}

const thetis_check_scenario bytes_mirror_whole = {.name = "bytes-mirror-whole",
                                                  .threads = 2,
                                                  .setup = make_mirror,
                                                  .body = whole_body,
                                                  .done = drain};

/* ---- the end --------------------------------------------------------------------------------- */

static void close_body(unsigned thread)
{
    thetis_status s = THETIS_OK;
    if (thread == PRODUCER) {
        (void)push();
        (void)push();
        (void)reserve(0); /* dropped */
        close_ring();
        THETIS_CHECK(push() == THETIS_CLOSED);
        return;
    }
    for (int k = 0; k < 4; k++) {
        thetis_status now = pop();
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED); /* it stays closed */
        s = now;
    }
    THETIS_CHECK(s != THETIS_CLOSED || last_popped == 2); /* and comes last */
}

const thetis_check_scenario bytes_close = {
    .name = "bytes-close", .threads = 2, .setup = make_64, .body = close_body, .done = intact};

/* What the consumer did before cancel() happened before the CLOSED of the producer. */
static void cancel_body(unsigned thread)
{
    thetis_status s = THETIS_OK;
    if (thread == CONSUMER) {
        (void)pop();
        last_popped++;
        cancel();
        THETIS_CHECK(pop() == THETIS_CLOSED);
        return;
    }
    for (int k = 0; k < 4; k++) {
        thetis_status now = push();
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(last_popped > 0);
}

const thetis_check_scenario bytes_cancel = {
    .name = "bytes-cancel", .threads = 2, .setup = make_32, .body = cancel_body, .done = intact};

/* What is given back, by commit or by abort, makes no room in a canceled ring. */
static void cancel_open_body(unsigned thread)
{
    void *record;
    if (thread == CONSUMER) {
        cancel();
        return;
    }
    unsigned char *one = reserve(8), *two = reserve(8);
    thetis_status s = thetis_bytes_reserve(shared, 0, &record); /* for this there is no room */
    THETIS_CHECK(one && two && s != THETIS_OK);
    abort_newest();
    commit(0);
    THETIS_CHECK(s != THETIS_CLOSED || !reserve(0));
}

const thetis_check_scenario bytes_cancel_open = {.name = "bytes-cancel-open",
                                                 .threads = 2,
                                                 .setup = make_32_even,
                                                 .body = cancel_open_body,
                                                 .done = intact};

static void check_body(unsigned thread)
{
    for (int k = 0; k < 2; k++) {
        (void)(thread == PRODUCER ? push() : pop());
        check();
    }
}

const thetis_check_scenario bytes_check = {
    .name = "bytes-check", .threads = 2, .setup = make_32, .body = check_body, .done = drain};

/* ---- streams --------------------------------------------------------------------------------- */

static size_t push_n(size_t n)
{
    unsigned char data[16];
    thetis_status why;
    for (size_t k = 0; k < n; k++) data[k] = (unsigned char)(last_pushed + 1 + k);
    thetis_check_begin("bytes.push_n", thetis_bytes_bound(shared, THETIS_BYTES_PUSH_N, n));
    size_t done = thetis_bytes_push_n(shared, data, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    last_pushed += (unsigned)done;
    return done;
}

static size_t pop_n(size_t n)
{
    unsigned char data[16];
    thetis_status why;
    thetis_check_begin("bytes.pop_n", thetis_bytes_bound(shared, THETIS_BYTES_POP_N, n));
    size_t done = thetis_bytes_pop_n(shared, data, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    for (size_t k = 0; k < done; k++) THETIS_CHECK(data[k] == (unsigned char)++last_popped);
    return done;
}

static void stream_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) {
            (void)push_n(7);
            (void)push_n(10);
        } else {
            (void)pop_n(10);
            (void)pop_n(7);
        }
    }
}

static void drain_stream(void)
{
    intact();
    if (thetis_check_stopped(PRODUCER) || thetis_check_stopped(CONSUMER)) return;
    while (pop_n(16) > 0) continue;
    THETIS_CHECK(last_popped == last_pushed);
}

const thetis_check_scenario bytes_stream = {.name = "bytes-stream",
                                            .threads = 2,
                                            .setup = make_stream,
                                            .body = stream_body,
                                            .done = drain_stream};

const thetis_check_scenario bytes_mirror_stream = {.name = "bytes-mirror-stream",
                                                   .threads = 2,
                                                   .setup = make_mirror_stream,
                                                   .body = stream_body,
                                                   .done = drain_stream};

static unsigned char *in(const thetis_bytes_span *span, size_t k)
{
    size_t first = span->run[0].n;
    return k < first ? (unsigned char *)span->run[0].at + k
                     : (unsigned char *)span->run[1].at + (k - first);
}

static void produce_stream(void)
{
    thetis_bytes_span span;
    thetis_check_begin("bytes.reserve_n", thetis_bytes_bound(shared, THETIS_BYTES_RESERVE_N, 9));
    size_t got = thetis_bytes_reserve_n(shared, 9, &span, NULL);
    thetis_check_end();
    for (size_t k = 0; k < got; k++) *in(&span, k) = (unsigned char)(last_pushed + 1 + k);
    size_t back = got / 3;
    thetis_check_begin("bytes.abort_n", thetis_bytes_bound(shared, THETIS_BYTES_ABORT_N, back));
    thetis_bytes_abort_n(shared, back);
    thetis_check_end();
    got -= back;
    thetis_check_begin("bytes.commit_n", thetis_bytes_bound(shared, THETIS_BYTES_COMMIT_N, got));
    thetis_bytes_commit_n(shared, got);
    thetis_check_end();
    last_pushed += (unsigned)got;
}

static void consume_stream(void)
{
    thetis_bytes_span span;
    thetis_check_begin("bytes.peek_n", thetis_bytes_bound(shared, THETIS_BYTES_PEEK_N, 9));
    size_t got = thetis_bytes_peek_n(shared, 9, &span, NULL);
    thetis_check_end();
    size_t taken = got - got / 4;
    for (size_t k = 0; k < taken; k++) {
        THETIS_CHECK(*in(&span, k) == (unsigned char)++last_popped);
        *in(&span, k) = 0;
    }
    thetis_check_begin("bytes.release_n", thetis_bytes_bound(shared, THETIS_BYTES_RELEASE_N, got));
    thetis_bytes_release_n(shared, taken);
    thetis_check_end();
}

static void place_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) produce_stream();
        else consume_stream();
    }
}

const thetis_check_scenario bytes_stream_in_place = {.name = "bytes-stream-in-place",
                                                     .threads = 2,
                                                     .setup = make_stream,
                                                     .body = place_body,
                                                     .done = drain_stream};
