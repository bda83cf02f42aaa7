/* SPDX-License-Identifier: MIT
 *
 * model_mpmc_end.c: scenarios of thetis/mpmc.h as it is used: elements, in place too, places, the
 * end, and the value form. Nobody has patience, and nobody keeps free slots unless said, so that
 * each operation of the index form is two on its tracks.
 */
#include <string.h>
#include <thetis/check.h>

#include "ring/mpmc.h"

enum { BY = 1 << 12, MEMORY = 16384, THREADS = 3, MOST = 2 };

static char memory[MEMORY] THETIS_CACHE_ALIGNED;
static thetis_mpmc *shared;
static thetis_mpmc_end handle[THREADS];
static uint64_t pushed[THREADS], popped[THREADS];
static uint64_t last[THREADS][THREADS]; /* by a taker, of a pusher */
static uint64_t told[THREADS];          /* plain: written before the end */
static uint64_t closed[THREADS];

static void make(size_t places, size_t joined)
{
    thetis_mpmc_cfg cfg = {.elem_size = sizeof(uint64_t), .capacity = 1, .participants = places};
    THETIS_CHECK(thetis_mpmc_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    shared->full.patience = shared->free.patience = 0;
    shared->full.stride = shared->free.stride = 1;
    shared->keep = 0;
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    memset(last, 0, sizeof last);
    memset(told, 0, sizeof told);
    for (size_t k = 0; k < joined; k++)
        THETIS_CHECK(thetis_mpmc_join(shared, &handle[k]) == THETIS_OK);
}

static void make_2(void)
{
    make(2, 2);
}

static void make_keeping(void)
{
    make(2, 2);
    shared->keep = 1;
}

static uint64_t bound(thetis_mpmc_op op, size_t n)
{
    return thetis_mpmc_bound(shared, op, n);
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static void expect(unsigned thread, uint64_t value)
{
    uint64_t by = value / BY, number = value % BY;
    THETIS_CHECK(by < THREADS && number > last[thread][by]);
    last[thread][by] = number;
    popped[thread]++;
}

static thetis_status push(unsigned thread)
{
    uint64_t next = thread * BY + pushed[thread] + 1;
    thetis_check_begin("mpmc.push", bound(THETIS_MPMC_PUSH, 1));
    thetis_status s = thetis_mpmc_push(&handle[thread], &next);
    thetis_check_end();
    pushed[thread] += s == THETIS_OK;
    return s;
}

static thetis_status pop(unsigned thread)
{
    uint64_t value = 0;
    thetis_check_begin("mpmc.pop", bound(THETIS_MPMC_POP, 1));
    thetis_status s = thetis_mpmc_pop(&handle[thread], &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(thread, value);
    return s;
}

static void push_n(unsigned thread, size_t n)
{
    uint64_t items[MOST] = {thread * BY + pushed[thread] + 1, thread * BY + pushed[thread] + 2};
    thetis_check_begin("mpmc.push_n", bound(THETIS_MPMC_PUSH, n));
    pushed[thread] += thetis_mpmc_push_n(&handle[thread], items, n, NULL);
    thetis_check_end();
}

static void pop_n(unsigned thread, size_t n)
{
    uint64_t items[MOST];
    thetis_status why;
    thetis_check_begin("mpmc.pop_n", bound(THETIS_MPMC_POP, n));
    size_t got = thetis_mpmc_pop_n(&handle[thread], items, n, &why);
    thetis_check_end();
    THETIS_CHECK((got == n) == (why == THETIS_OK));
    for (size_t k = 0; k < got; k++) expect(thread, items[k]);
}

/* One reserved slot: committed, or given back. */
static void in_place(unsigned thread, int commits)
{
    void *at;
    thetis_check_begin("mpmc.reserve", bound(THETIS_MPMC_RESERVE, 1));
    thetis_status s = thetis_mpmc_reserve(&handle[thread], &at);
    thetis_check_end();
    if (s != THETIS_OK) return;
    *(uint64_t *)at = thread * BY + pushed[thread] + 1;
    if (commits) {
        thetis_check_begin("mpmc.commit", bound(THETIS_MPMC_COMMIT, 1));
        s = thetis_mpmc_commit(&handle[thread], at);
        thetis_check_end();
        pushed[thread] += s == THETIS_OK;
    } else {
        thetis_check_begin("mpmc.abort", bound(THETIS_MPMC_ABORT, 1));
        thetis_mpmc_abort(&handle[thread], at);
        thetis_check_end();
    }
}

static void take_in_place(unsigned thread)
{
    void *at;
    thetis_check_begin("mpmc.peek", bound(THETIS_MPMC_PEEK, 1));
    thetis_status s = thetis_mpmc_peek(&handle[thread], &at);
    thetis_check_end();
    if (s != THETIS_OK) return;
    expect(thread, *(uint64_t *)at);
    thetis_check_begin("mpmc.release", bound(THETIS_MPMC_RELEASE, 1));
    thetis_mpmc_release(&handle[thread], at);
    thetis_check_end();
}

static thetis_status end(unsigned thread)
{
    thetis_check_begin("mpmc.close", bound(THETIS_MPMC_CLOSE, 1));
    thetis_status s = thetis_mpmc_close(&handle[thread]);
    thetis_check_end();
    return s;
}

static thetis_status join(unsigned thread)
{
    thetis_check_begin("mpmc.join", bound(THETIS_MPMC_JOIN, 1));
    thetis_status s = thetis_mpmc_join(shared, &handle[thread]);
    thetis_check_end();
    return s;
}

static void leave(unsigned thread)
{
    thetis_check_begin("mpmc.leave", bound(THETIS_MPMC_LEAVE, 1));
    thetis_mpmc_leave(&handle[thread]);
    thetis_check_end();
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static int anybody_stopped(void)
{
    return thetis_check_stopped(0) || thetis_check_stopped(1) || thetis_check_stopped(2);
}

static void all_arrived(void)
{
    uint64_t in = 0, out = 0;
    for (unsigned k = 0; k < THREADS; k++) {
        in += pushed[k];
        out += popped[k];
    }
    THETIS_CHECK(in == out && thetis_mpmc_check(shared) == THETIS_OK);
}

/* Whoever is left: takes what there is, and capacity is there as promised, whoever stopped. */
static void drain(void)
{
    unsigned thread = thetis_check_stopped(0) ? 1 : 0;
    while (pop(thread) == THETIS_OK) continue;
    for (int k = 0; k < 3; k++) {
        THETIS_CHECK(push(thread) == THETIS_OK);
        THETIS_CHECK(pop(thread) == THETIS_OK);
        THETIS_CHECK(pop(thread) == THETIS_EMPTY);
    }
    if (!anybody_stopped()) all_arrived();
}

/* ---- the index form -------------------------------------------------------------------------- */

static void pair_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)push(thread);
        (void)pop(thread);
    }
}

const thetis_check_scenario mpmc_push_pop = {
    .name = "mpmc-push-pop", .threads = 2, .slow = 5, .setup = make_2, .body = pair_body,
    .done = drain};
const thetis_check_scenario mpmc_keeping = {
    .name = "mpmc-keeping", .threads = 2, .slow = 5, .setup = make_keeping, .body = pair_body,
    .done = drain};

static void batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        push_n(thread, 1 + k % MOST);
        pop_n(thread, 1 + k % MOST);
    }
}

const thetis_check_scenario mpmc_batch = {
    .name = "mpmc-batch", .threads = 2, .slow = 8, .setup = make_2, .body = batch_body,
    .done = drain};

static void in_place_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        in_place(thread, k % 2 == 0);
        take_in_place(thread);
    }
}

const thetis_check_scenario mpmc_in_place = {
    .name = "mpmc-in-place", .threads = 2, .slow = 5, .setup = make_2, .body = in_place_body,
    .done = drain};

/* Three threads for two places, handed over with what their owner kept. */
static void make_places(void)
{
    make(2, 0);
    shared->keep = 1;
}

static void join_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (join(thread) != THETIS_OK) continue;
        (void)push(thread);
        (void)pop(thread);
        leave(thread);
    }
}

static void join_done(void)
{
    if (anybody_stopped()) return;
    THETIS_CHECK(join(0) == THETIS_OK && join(1) == THETIS_OK); /* a refusal takes no place */
    drain();
}

const thetis_check_scenario mpmc_join = {
    .name = "mpmc-join", .threads = 3, .slow = 5, .setup = make_places, .body = join_body,
    .done = join_done};

/* ---- the end --------------------------------------------------------------------------------- */

/* Both close. CLOSED is for ever, and shows what the one who closed had written. */
static void close_body(unsigned thread)
{
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        thetis_status now = k % 2 ? pop(thread) : push(thread);
        if (k % 2 == 0) in_place(thread, 1);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED || k % 2);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[1 - thread] == 1);
    told[thread] = 1;
    s = end(thread);
    THETIS_CHECK(push(thread) == THETIS_CLOSED && end(thread) == THETIS_CLOSED);
    in_place(thread, 1);
    closed[thread] = s == THETIS_OK;
}

static void all_before_closed(void)
{
    thetis_status s = THETIS_OK;
    if (anybody_stopped()) return;
    while (s == THETIS_OK) s = pop(1);
    THETIS_CHECK(s == THETIS_CLOSED && push(1) == THETIS_CLOSED && pop(0) == THETIS_CLOSED);
    THETIS_CHECK(closed[0] + closed[1] == 1);
    all_arrived();
}

const thetis_check_scenario mpmc_end = {
    .name = "mpmc-end", .threads = 2, .slow = 5, .setup = make_2, .body = close_body,
    .done = all_before_closed};

/* ---- the value form -------------------------------------------------------------------------- */

static thetis_mpmc_value *values;
static thetis_mpmc_value_end value_handle[THREADS];

static uint64_t value_bound(thetis_mpmc_op op, size_t n)
{
    return thetis_mpmc_value_bound(values, op, n);
}

static void make_values(void)
{
    thetis_mpmc_cfg cfg = {.capacity = 1, .participants = 2};
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    memset(last, 0, sizeof last);
    THETIS_CHECK(thetis_mpmc_value_init(memory, sizeof memory, &cfg, &values) == THETIS_OK);
    values->track.patience = 0;
    values->track.stride = 1;
}

static void make_values_2(void)
{
    make_values();
    for (size_t k = 0; k < 2; k++)
        THETIS_CHECK(thetis_mpmc_value_join(values, &value_handle[k]) == THETIS_OK);
}

static thetis_status value_push(unsigned thread)
{
    thetis_check_begin("mpmc.value_push", value_bound(THETIS_MPMC_PUSH, 1));
    thetis_status s = thetis_mpmc_value_push(&value_handle[thread],
                                             thread * BY + pushed[thread] + 1);
    thetis_check_end();
    pushed[thread] += s == THETIS_OK;
    return s;
}

static thetis_status value_pop(unsigned thread)
{
    uintptr_t value = 0;
    thetis_check_begin("mpmc.value_pop", value_bound(THETIS_MPMC_POP, 1));
    thetis_status s = thetis_mpmc_value_pop(&value_handle[thread], &value);
    thetis_check_end();
    if (s == THETIS_OK) expect(thread, value);
    return s;
}

static void value_push_n(unsigned thread, size_t n)
{
    uintptr_t items[MOST] = {thread * BY + pushed[thread] + 1, thread * BY + pushed[thread] + 2};
    thetis_check_begin("mpmc.value_push_n", value_bound(THETIS_MPMC_PUSH, n));
    pushed[thread] += thetis_mpmc_value_push_n(&value_handle[thread], items, n, NULL);
    thetis_check_end();
}

static void value_pop_n(unsigned thread, size_t n)
{
    uintptr_t items[MOST];
    thetis_status why;
    thetis_check_begin("mpmc.value_pop_n", value_bound(THETIS_MPMC_POP, n));
    size_t got = thetis_mpmc_value_pop_n(&value_handle[thread], items, n, &why);
    thetis_check_end();
    THETIS_CHECK((got == n) == (why == THETIS_OK));
    for (size_t k = 0; k < got; k++) expect(thread, items[k]);
}

static thetis_status value_end(unsigned thread)
{
    thetis_check_begin("mpmc.value_close", value_bound(THETIS_MPMC_CLOSE, 1));
    thetis_status s = thetis_mpmc_value_close(&value_handle[thread]);
    thetis_check_end();
    return s;
}

static void value_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)value_push(thread);
        (void)value_pop(thread);
    }
    (void)value_end(thread);
}

/* Again and again at a closed ring: there each is told so by others. */
static void value_close_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        (void)value_push(thread);
        (void)value_end(thread);
        (void)value_pop(thread);
        (void)value_end(thread);
    }
}

static void value_batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        value_push_n(thread, 1);
        value_pop_n(thread, 1 + k % MOST);
    }
    (void)value_end(thread);
}

static void value_done(void)
{
    unsigned thread = thetis_check_stopped(0) ? 1 : 0;
    thetis_status s = THETIS_OK;
    while (s == THETIS_OK) s = value_pop(thread);
    THETIS_CHECK(s == THETIS_CLOSED || anybody_stopped());
    if (anybody_stopped()) return;
    THETIS_CHECK(value_push(0) == THETIS_CLOSED);
    THETIS_CHECK(pushed[0] + pushed[1] == popped[0] + popped[1]);
    THETIS_CHECK(thetis_mpmc_value_check(values) == THETIS_OK);
}

const thetis_check_scenario mpmc_value = {
    .name = "mpmc-value", .threads = 2, .slow = 5, .setup = make_values_2, .body = value_body,
    .done = value_done};
const thetis_check_scenario mpmc_value_close = {
    .name = "mpmc-value-close", .threads = 2, .slow = 2, .setup = make_values_2,
    .body = value_close_body, .done = value_done};
const thetis_check_scenario mpmc_value_batch = {
    .name = "mpmc-value-batch", .threads = 2, .slow = 5, .setup = make_values_2,
    .body = value_batch_body, .done = value_done};

static void value_join_body(unsigned thread)
{
    thetis_check_begin("mpmc.value_join", value_bound(THETIS_MPMC_JOIN, 1));
    thetis_status s = thetis_mpmc_value_join(values, &value_handle[thread]);
    thetis_check_end();
    if (s != THETIS_OK) return;
    (void)value_push(thread);
    (void)value_pop(thread);
    thetis_check_begin("mpmc.value_leave", value_bound(THETIS_MPMC_LEAVE, 1));
    thetis_mpmc_value_leave(&value_handle[thread]);
    thetis_check_end();
}

const thetis_check_scenario mpmc_value_join = {
    .name = "mpmc-value-join", .threads = 3, .slow = 5, .setup = make_values,
    .body = value_join_body};
