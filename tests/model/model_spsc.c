/* SPDX-License-Identifier: MIT
 *
 * model_spsc.c: scenarios of thetis/spsc.h. Thread 0 produces 1, 2, 3, ...; thread 1 consumes.
 */
#include <string.h>
#include <thetis/check.h>
#include <thetis/spsc.h>

enum { PRODUCER, CONSUMER, LOG = 64 };

static char memory[THETIS_SPSC_SIZE(sizeof(uint64_t), 4)] THETIS_CACHE_ALIGNED;
static thetis_spsc *shared;
static uint64_t last_pushed, last_popped; /* each used by its side, and by done */

THETIS_SPSC(words, uint64_t);

static void make(size_t capacity)
{
    thetis_spsc_cfg cfg = {sizeof(uint64_t), capacity};
    THETIS_CHECK(thetis_spsc_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    last_pushed = last_popped = 0;
}

static void make_1(void)
{
    make(1);
}

static void make_2(void)
{
    make(2);
}

static void make_4(void)
{
    make(4);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static thetis_status push(void)
{
    uint64_t next = last_pushed + 1;
    thetis_check_begin("spsc.push", thetis_spsc_bound(shared, THETIS_SPSC_PUSH, 1));
    thetis_status s = thetis_spsc_push(shared, &next);
    thetis_check_end();
    if (s == THETIS_OK) last_pushed = next;
    return s;
}

static void expect_next(uint64_t value)
{
    THETIS_CHECK(value == last_popped + 1);
    last_popped = value;
}

static thetis_status pop(void)
{
    uint64_t value = 0;
    thetis_check_begin("spsc.pop", thetis_spsc_bound(shared, THETIS_SPSC_POP, 1));
    thetis_status s = thetis_spsc_pop(shared, &value);
    thetis_check_end();
    if (s == THETIS_OK) expect_next(value);
    return s;
}

static thetis_status push_n(size_t n)
{
    uint64_t items[4];
    thetis_status why;
    for (size_t k = 0; k < n; k++) items[k] = last_pushed + 1 + k;
    thetis_check_begin("spsc.push_n", thetis_spsc_bound(shared, THETIS_SPSC_PUSH, n));
    size_t done = thetis_spsc_push_n(shared, items, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    last_pushed += done;
    return why;
}

static thetis_status pop_n(size_t n)
{
    uint64_t items[4];
    thetis_status why;
    thetis_check_begin("spsc.pop_n", thetis_spsc_bound(shared, THETIS_SPSC_POP, n));
    size_t done = thetis_spsc_pop_n(shared, items, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    for (size_t k = 0; k < done; k++) expect_next(items[k]);
    return why;
}

static size_t reserve(size_t n, thetis_spsc_span *span)
{
    thetis_check_begin("spsc.reserve", thetis_spsc_bound(shared, THETIS_SPSC_RESERVE, n));
    size_t got = thetis_spsc_reserve(shared, n, span, NULL);
    thetis_check_end();
    return got;
}

static void commit(size_t n)
{
    thetis_check_begin("spsc.commit", thetis_spsc_bound(shared, THETIS_SPSC_COMMIT, n));
    thetis_spsc_commit(shared, n);
    thetis_check_end();
}

static size_t peek(size_t n, thetis_spsc_span *span)
{
    thetis_check_begin("spsc.peek", thetis_spsc_bound(shared, THETIS_SPSC_PEEK, n));
    size_t got = thetis_spsc_peek(shared, n, span, NULL);
    thetis_check_end();
    return got;
}

static void release(size_t n)
{
    thetis_check_begin("spsc.release", thetis_spsc_bound(shared, THETIS_SPSC_RELEASE, n));
    thetis_spsc_release(shared, n);
    thetis_check_end();
}

static void close_ring(void)
{
    thetis_check_begin("spsc.close", thetis_spsc_bound(shared, THETIS_SPSC_CLOSE, 1));
    thetis_spsc_close(shared);
    thetis_check_end();
}

static void cancel(void)
{
    thetis_check_begin("spsc.cancel", thetis_spsc_bound(shared, THETIS_SPSC_CANCEL, 1));
    thetis_spsc_cancel(shared);
    thetis_check_end();
}

static void check(void)
{
    thetis_check_begin("spsc.check", 2);
    thetis_status s = thetis_spsc_check(shared);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static uint64_t *slot(thetis_spsc_span *span, size_t k)
{
    uint64_t *run = span->at[k >= span->n[0]];
    return k < span->n[0] ? run + k : run + (k - span->n[0]);
}

/* What was pushed and not popped is still there, in order. */
static void drain(void)
{
    uint64_t value;
    if (thetis_check_stopped(PRODUCER) || thetis_check_stopped(CONSUMER)) return;
    while (words_pop(shared, &value) == THETIS_OK) expect_next(value);
    THETIS_CHECK(last_popped == last_pushed);
    THETIS_CHECK(thetis_spsc_check(shared) == THETIS_OK);
}

/* ---- single elements ------------------------------------------------------------------------- */

static void single_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++)
        (void)(thread == PRODUCER ? push() : pop());
}

const thetis_check_scenario spsc_single = {
    .name = "spsc-single", .threads = 2, .setup = make_2, .body = single_body, .done = drain};

const thetis_check_scenario spsc_single_1 = {
    .name = "spsc-capacity-1", .threads = 2, .setup = make_1, .body = single_body, .done = drain};

/* ---- batches --------------------------------------------------------------------------------- */

static void batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) {
            (void)push_n(4);
            (void)push_n(3);
        } else {
            (void)pop_n(3);
            (void)pop_n(4);
        }
    }
}

const thetis_check_scenario spsc_batch = {
    .name = "spsc-batch", .threads = 2, .setup = make_4, .body = batch_body, .done = drain};

/* ---- in place -------------------------------------------------------------------------------- */

static void produce_in_place(void)
{
    thetis_spsc_span span;
    size_t got = reserve(2, &span);
    size_t more = 0;
    for (size_t k = 0; k < got; k++) *slot(&span, k) = last_pushed + 1 + k;
    commit(got > 0);
    last_pushed += got > 0;
    if (got == 2) {
        more = reserve(1, &span); /* a second one, while the first is open */
        thetis_check_begin("spsc.abort", 0);
        thetis_spsc_abort(shared, more);
        thetis_check_end();
        commit(1);
        last_pushed++;
    }
}

static void consume_in_place(void)
{
    thetis_spsc_span span;
    size_t got = peek(2, &span);
    for (size_t k = 0; k < got; k++) {
        expect_next(*slot(&span, k));
        *slot(&span, k) = 0; /* the slot is the consumer's until release */
    }
    release(got);
}

static void place_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) produce_in_place();
        else consume_in_place();
    }
}

const thetis_check_scenario spsc_in_place = {
    .name = "spsc-in-place", .threads = 2, .setup = make_2, .body = place_body, .done = drain};

/* ---- the end of the stream ------------------------------------------------------------------- */

static void close_body(unsigned thread)
{
    thetis_status s = THETIS_OK;
    if (thread == PRODUCER) {
        (void)push();
        (void)push();
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

const thetis_check_scenario spsc_close = {
    .name = "spsc-close", .threads = 2, .setup = make_2, .body = close_body};

/* What the consumer did before cancel() happened before the CLOSED of the producer, which may take
 * back the memory that it shares with the consumer. */
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

const thetis_check_scenario spsc_cancel = {
    .name = "spsc-cancel", .threads = 2, .setup = make_2, .body = cancel_body};

/* A reservation that is given back must not make room in a canceled ring. */
static void cancel_open_body(unsigned thread)
{
    thetis_spsc_span span;
    if (thread == CONSUMER) {
        cancel();
        return;
    }
    size_t got = reserve(1, &span);
    thetis_status s = THETIS_OK;
    if (thetis_spsc_reserve(shared, 2, &span, &s) > 0) thetis_spsc_abort(shared, 1);
    thetis_spsc_abort(shared, got);
    THETIS_CHECK(s != THETIS_CLOSED || push() == THETIS_CLOSED);
}

const thetis_check_scenario spsc_cancel_open = {
    .name = "spsc-cancel-open", .threads = 2, .setup = make_2, .body = cancel_open_body};

/* ---- whole-structure check beside the other side's work -------------------------------------- */

static void check_body(unsigned thread)
{
    for (int k = 0; k < 2; k++) {
        (void)(thread == PRODUCER ? push() : pop());
        check();
    }
}

const thetis_check_scenario spsc_check = {
    .name = "spsc-check", .threads = 2, .setup = make_2, .body = check_body, .done = drain};

/* ---- what elements point to ------------------------------------------------------------------ */

static uint64_t payload[3];

static void payload_setup(void)
{
    make(1);
    memset(payload, 0, sizeof payload);
}

/* The producer reuses its only buffer as soon as the ring takes another element. */
static void payload_body(unsigned thread)
{
    for (uint64_t k = 1; k <= 2; k++) {
        if (thread == CONSUMER) {
            uint64_t before = last_popped;
            if (pop() == THETIS_OK) {
                THETIS_CHECK(payload[before + 1] == before + 1);
            }
        } else {
            payload[last_pushed + 1] = last_pushed + 1;
            (void)push();
        }
    }
}

const thetis_check_scenario spsc_payload = {
    .name = "spsc-payload", .threads = 2, .setup = payload_setup, .body = payload_body};
