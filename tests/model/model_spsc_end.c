/* SPDX-License-Identifier: MIT
 *
 * model_spsc_end.c: scenarios of thetis/spsc_end.h. Thread 0 has one end and produces 1, 2, 3, ...;
 * thread 1 has the other and consumes. Both are honest: tests/fuzz has the others.
 */
#include <thetis/check.h>
#include <thetis/spsc_end.h>

enum { PRODUCER, CONSUMER };

static const thetis_spsc_cfg cfg = {sizeof(uint64_t), 2};
static char memory[THETIS_SPSC_SIZE(sizeof(uint64_t), 2)] THETIS_CACHE_ALIGNED;
static thetis_spsc_end in, out;
static uint64_t last_pushed, last_popped; /* each used by its side, and by done */

static void attach(thetis_shm_role role, thetis_spsc_end *end)
{
    thetis_check_begin("spsc.attach", 2);
    thetis_status s = thetis_spsc_attach(memory, sizeof memory, &cfg, role, end);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

/* Three elements have gone through: the next is not in the first slot. */
static void make(void)
{
    thetis_spsc *ring;
    THETIS_CHECK(thetis_spsc_init(memory, sizeof memory, &cfg, &ring) == THETIS_OK);
    ring->producer_.at_.word_ = ring->consumer_.at_.word_ = 6;
    THETIS_CHECK(thetis_spsc_attach(memory, sizeof memory, &cfg, THETIS_SHM_PRODUCER, &in) ==
                 THETIS_OK);
    THETIS_CHECK(thetis_spsc_attach(memory, sizeof memory, &cfg, THETIS_SHM_CONSUMER, &out) ==
                 THETIS_OK);
    last_pushed = last_popped = 0;
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static thetis_status push(void)
{
    uint64_t next = last_pushed + 1;
    thetis_check_begin("spsc.end_push", 3);
    thetis_status s = thetis_spsc_end_push(&in, &next);
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
    thetis_check_begin("spsc.end_pop", 3);
    thetis_status s = thetis_spsc_end_pop(&out, &value);
    thetis_check_end();
    if (s == THETIS_OK) expect_next(value);
    return s;
}

static void push_2(void)
{
    const uint64_t items[2] = {last_pushed + 1, last_pushed + 2};
    thetis_check_begin("spsc.end_push_n", 2 + 2);
    size_t n = thetis_spsc_end_push_n(&in, items, 2, NULL);
    thetis_check_end();
    last_pushed += n;
}

static void pop_2(void)
{
    uint64_t items[2];
    thetis_check_begin("spsc.end_pop_n", 2 + 2);
    size_t n = thetis_spsc_end_pop_n(&out, items, 2, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++) expect_next(items[k]);
}

static uint64_t *place(const thetis_spsc_span *span, size_t k)
{
    return (uint64_t *)span->at[k >= span->n[0]] + (k >= span->n[0] ? k - span->n[0] : k);
}

static void fill_2(void)
{
    thetis_spsc_span span;
    thetis_check_begin("spsc.end_reserve", 1);
    size_t n = thetis_spsc_end_reserve(&in, 2, &span, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++) *place(&span, k) = ++last_pushed;
    thetis_check_begin("spsc.end_commit", 1);
    thetis_spsc_end_commit(&in, n);
    thetis_check_end();
}

static void look_at_2(void)
{
    thetis_spsc_span span;
    thetis_check_begin("spsc.end_peek", 1);
    size_t n = thetis_spsc_end_peek(&out, 2, &span, NULL);
    thetis_check_end();
    for (size_t k = 0; k < n; k++) expect_next(*place(&span, k));
    thetis_check_begin("spsc.end_release", 1);
    thetis_spsc_end_release(&out, n);
    thetis_check_end();
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void one_by_one(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        thetis_check_moment();
        if (thread == PRODUCER) (void)push();
        else (void)pop();
    }
}

const thetis_check_scenario spsc_end_single = {
    .name = "spsc-end-single", .threads = 2, .setup = make, .body = one_by_one};

static void by_two(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) push_2();
        else pop_2();
    }
}

const thetis_check_scenario spsc_end_batch = {
    .name = "spsc-end-batch", .threads = 2, .setup = make, .body = by_two};

static void in_place(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) fill_2();
        else look_at_2();
    }
}

const thetis_check_scenario spsc_end_in_place = {
    .name = "spsc-end-in-place", .threads = 2, .setup = make, .body = in_place};

/* Two elements and the end arrive, in this order; or the consumer wants no more. */
static void to_the_end(unsigned thread)
{
    if (thread == PRODUCER) {
        (void)push();
        (void)push();
        thetis_check_begin("spsc.end_close", 1);
        thetis_spsc_end_close(&in);
        thetis_check_end();
        THETIS_CHECK(push() == THETIS_CLOSED);
    } else {
        thetis_status s = THETIS_OK;
        for (unsigned k = 0; k < 3; k++) s = pop();
        if (s == THETIS_CLOSED) THETIS_CHECK(last_popped == 2);
    }
}

const thetis_check_scenario spsc_end_close = {
    .name = "spsc-end-close", .threads = 2, .setup = make, .body = to_the_end};

static void canceled(unsigned thread)
{
    if (thread == PRODUCER) {
        for (unsigned k = 0; k < 3; k++) (void)push();
    } else {
        (void)pop();
        thetis_check_begin("spsc.end_cancel", 1);
        thetis_spsc_end_cancel(&out);
        thetis_check_end();
        THETIS_CHECK(pop() == THETIS_CLOSED);
    }
}

const thetis_check_scenario spsc_end_cancel = {
    .name = "spsc-end-cancel", .threads = 2, .setup = make, .body = canceled};

/* Each side is followed by a successor, which knows the memory only. */
static void successors(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == PRODUCER) {
            (void)push();
            attach(THETIS_SHM_PRODUCER, &in);
            (void)push();
        } else {
            (void)pop();
            attach(THETIS_SHM_CONSUMER, &out);
            (void)pop();
        }
    }
}

const thetis_check_scenario spsc_end_successors = {
    .name = "spsc-end-successors", .threads = 2, .setup = make, .body = successors};
