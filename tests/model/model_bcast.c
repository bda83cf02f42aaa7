/* SPDX-License-Identifier: MIT
 *
 * model_bcast.c: scenarios of thetis/bcast.h. Thread 0 pushes 1, 2, 3, ..., each with its
 * complement behind it; the others read.
 */
#include <thetis/bcast.h>
#include <thetis/check.h>

enum { PRODUCER, CAPACITY = 4, READERS = 2 };

typedef struct pair {
    uint64_t number;
    uint64_t inverse;
} pair;

THETIS_BCAST(pairs, pair);

static char memory[THETIS_BCAST_SIZE(sizeof(pair), CAPACITY, READERS)] THETIS_CACHE_ALIGNED;
static thetis_bcast *shared;
static uint64_t pushed;                     /* used by the producer, and by done */
static uint64_t last[THETIS_CHECK_THREADS]; /* popped or missed; each used by one reader */
static thetis_bcast_reader ends[THETIS_CHECK_THREADS];

static void make(size_t capacity, size_t readers, thetis_bcast_mode mode)
{
    thetis_bcast_cfg cfg = {sizeof(pair), capacity, readers, mode};
    THETIS_CHECK(thetis_bcast_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    pushed = 0;
    for (unsigned t = 0; t < THETIS_CHECK_THREADS; t++) last[t] = 0;
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static thetis_status join(unsigned thread)
{
    thetis_check_begin("bcast.join", thetis_bcast_bound(shared, THETIS_BCAST_JOIN, 1));
    thetis_status s = thetis_bcast_join(shared, &ends[thread]);
    thetis_check_end();
    return s;
}

static void leave(unsigned thread)
{
    thetis_check_begin("bcast.leave", thetis_bcast_bound(shared, THETIS_BCAST_LEAVE, 1));
    thetis_bcast_leave(&ends[thread]);
    thetis_check_end();
}

static thetis_status push(void)
{
    pair item = {pushed + 1, ~(pushed + 1)};
    thetis_check_begin("bcast.push", thetis_bcast_bound(shared, THETIS_BCAST_PUSH, 1));
    thetis_status s = thetis_bcast_push(shared, &item);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK || shared->shape_.mode_ == THETIS_BCAST_REFUSE);
    pushed += s == THETIS_OK;
    return s;
}

static size_t push_n(size_t n)
{
    pair items[CAPACITY];
    thetis_status why;
    for (size_t k = 0; k < n; k++) items[k] = (pair){pushed + 1 + k, ~(pushed + 1 + k)};
    thetis_check_begin("bcast.push_n", thetis_bcast_bound(shared, THETIS_BCAST_PUSH, n));
    size_t done = thetis_bcast_push_n(shared, items, n, &why);
    thetis_check_end();
    THETIS_CHECK(why == (done == n ? THETIS_OK : THETIS_FULL));
    pushed += done;
    return done;
}

static void close_ring(void)
{
    thetis_check_begin("bcast.close", thetis_bcast_bound(shared, THETIS_BCAST_CLOSE, 1));
    thetis_bcast_close(shared);
    thetis_check_end();
}

static void check(void)
{
    thetis_check_begin("bcast.check", READERS + 2);
    thetis_status s = thetis_bcast_check(shared);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

/* The first element after a join may be any; then they follow each other, but for what LOSSY
 * counts as missed. */
static void expect(unsigned thread, const pair *item)
{
    THETIS_CHECK(item->inverse == ~item->number);
    THETIS_CHECK(last[thread] == 0 || item->number == last[thread] + 1);
    last[thread] = item->number;
}

static void skip(unsigned thread, uintptr_t before)
{
    if (shared->shape_.mode_ != THETIS_BCAST_LOSSY) return;
    THETIS_CHECK(thetis_bcast_missed(&ends[thread]) > before);
    last[thread] += thetis_bcast_missed(&ends[thread]) - before;
}

static thetis_status pop(unsigned thread)
{
    pair item;
    uintptr_t before = thetis_bcast_missed(&ends[thread]);
    thetis_check_begin("bcast.pop", thetis_bcast_bound(shared, THETIS_BCAST_POP, 1));
    thetis_status s = thetis_bcast_pop(&ends[thread], &item);
    thetis_check_end();
    if (s == THETIS_OK) expect(thread, &item);
    if (s == THETIS_LOST) skip(thread, before);
    THETIS_CHECK(s != THETIS_LOST || shared->shape_.mode_ != THETIS_BCAST_REFUSE);
    return s;
}

static thetis_status pop_n(unsigned thread, size_t n)
{
    pair items[CAPACITY];
    thetis_status why;
    uintptr_t before = thetis_bcast_missed(&ends[thread]);
    thetis_check_begin("bcast.pop_n", thetis_bcast_bound(shared, THETIS_BCAST_POP, n));
    size_t done = thetis_bcast_pop_n(&ends[thread], items, n, &why);
    thetis_check_end();
    THETIS_CHECK((done == n) == (why == THETIS_OK));
    for (size_t k = 0; k < done; k++) expect(thread, &items[k]);
    if (why == THETIS_LOST) skip(thread, before);
    return why;
}

/* ---- readers that joined before the first push ----------------------------------------------- */

static void join_all(size_t capacity, size_t readers, thetis_bcast_mode mode)
{
    make(capacity, mode == THETIS_BCAST_LOSSY ? 0 : readers, mode);
    for (unsigned t = 1; t <= readers; t++) {
        THETIS_CHECK(thetis_bcast_join(shared, &ends[t]) == THETIS_OK);
    }
}

static void refuse_setup(void)
{
    join_all(2, 2, THETIS_BCAST_REFUSE);
}

static void refuse_1_setup(void)
{
    join_all(1, 1, THETIS_BCAST_REFUSE);
}

static void single_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        (void)(thread == PRODUCER ? push() : pop(thread));
    }
}

static int anybody_stopped(void)
{
    for (unsigned t = 0; t < THETIS_CHECK_THREADS; t++) {
        if (thetis_check_stopped(t)) return 1;
    }
    return 0;
}

/* Each reader gets the rest; LOSSY counts what is missing. */
static void drain(unsigned thread)
{
    thetis_status s;
    do s = pop(thread);
    while (s == THETIS_OK || (s == THETIS_LOST && shared->shape_.mode_ == THETIS_BCAST_LOSSY));
    THETIS_CHECK(last[thread] == pushed || s == THETIS_LOST);
}

static void drain_1(void)
{
    if (anybody_stopped()) return;
    THETIS_CHECK(thetis_bcast_check(shared) == THETIS_OK);
    drain(1);
}

static void drain_2(void)
{
    if (anybody_stopped()) return;
    drain_1();
    drain(2);
}

const thetis_check_scenario bcast_refuse = {
    .name = "bcast-refuse", .threads = 3, .setup = refuse_setup, .body = single_body,
    .done = drain_2};

const thetis_check_scenario bcast_refuse_1 = {
    .name = "bcast-refuse-capacity-1", .threads = 2, .setup = refuse_1_setup,
    .body = single_body, .done = drain_1};

static void batch_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) {
            (void)push_n(2);
            check();
        } else {
            (void)pop_n(thread, k % 2 ? 1 : 2);
        }
    }
}

const thetis_check_scenario bcast_refuse_batch = {
    .name = "bcast-refuse-batch", .threads = 3, .setup = refuse_setup, .body = batch_body,
    .done = drain_2};

/* What a push costs does not depend on the readers: within a lap it looks at none of them. */
static void lap_setup(void)
{
    pair item = {1, ~UINT64_C(1)};
    join_all(CAPACITY, READERS, THETIS_BCAST_REFUSE);
    THETIS_CHECK(thetis_bcast_push(shared, &item) == THETIS_OK);
    pushed = 1;
}

static void lap_body(unsigned thread)
{
    for (uint64_t k = 2; k <= CAPACITY; k++) {
        pair item = {k, ~k};
        if (thread != PRODUCER) {
            (void)pop(thread);
            continue;
        }
        thetis_check_begin("bcast.push_in_lap", 2 + sizeof(pair) / sizeof(uintptr_t));
        thetis_status s = thetis_bcast_push(shared, &item);
        thetis_check_end();
        THETIS_CHECK(s == THETIS_OK);
        pushed++;
    }
}

const thetis_check_scenario bcast_lap = {
    .name = "bcast-lap", .threads = 3, .setup = lap_setup, .body = lap_body, .done = drain_2};

/* ---- LOSSY ----------------------------------------------------------------------------------- */

static void lossy_setup(void)
{
    join_all(1, 2, THETIS_BCAST_LOSSY);
}

static void lossy_2_setup(void)
{
    join_all(2, 1, THETIS_BCAST_LOSSY);
}

const thetis_check_scenario bcast_lossy = {
    .name = "bcast-lossy", .threads = 3, .setup = lossy_setup, .body = single_body,
    .done = drain_2};

const thetis_check_scenario bcast_lossy_2 = {
    .name = "bcast-lossy-capacity-2", .threads = 2, .setup = lossy_2_setup,
    .body = single_body, .done = drain_1};

const thetis_check_scenario bcast_lossy_batch = {
    .name = "bcast-lossy-batch", .threads = 2, .setup = lossy_2_setup, .body = batch_body,
    .done = drain_1};

/* ---- EVICT: a single push is never refused (see push), batches seldom are -------------------- */

static void evict_setup(void)
{
    join_all(1, 2, THETIS_BCAST_EVICT);
}

static void evict_2_setup(void)
{
    join_all(2, 2, THETIS_BCAST_EVICT);
}

/* Who was evicted was behind by the whole ring. */
static void evict_done(void)
{
    drain_2();
    for (unsigned t = 1; t <= 2; t++) {
        if (anybody_stopped() || last[t] == pushed) continue;
        THETIS_CHECK(pushed > last[t] + (shared->shape_.span_ >> 2));
    }
}

const thetis_check_scenario bcast_evict = {
    .name = "bcast-evict", .threads = 3, .setup = evict_setup, .body = single_body,
    .done = evict_done};

const thetis_check_scenario bcast_evict_batch = {
    .name = "bcast-evict-batch", .threads = 3, .setup = evict_2_setup, .body = batch_body,
    .done = drain_2};

static void evict_1_setup(void)
{
    join_all(1, 1, THETIS_BCAST_EVICT);
}

/* Evicted readers stay so, until they leave and join again. */
static void return_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) {
            (void)push();
        } else if (pop(thread) == THETIS_LOST) {
            THETIS_CHECK(pop(thread) == THETIS_LOST);
            leave(thread);
            last[thread] = 0;
            THETIS_CHECK(join(thread) == THETIS_OK);
        }
    }
}

const thetis_check_scenario bcast_return = {
    .name = "bcast-return", .threads = 2, .setup = evict_1_setup, .body = return_body};

/* ---- joining --------------------------------------------------------------------------------- */

static thetis_atomic joined; /* by thread 1 */
static uint64_t owed;        /* the first element that was pushed when the producer knew of it */

static void late_setup(void)
{
    make(CAPACITY, READERS, THETIS_BCAST_REFUSE);
    thetis_atomic_store_relaxed(&joined, 0);
    owed = 0;
}

static void late_body(unsigned thread)
{
    if (thread == PRODUCER) {
        for (int k = 0; k < 3; k++) {
            uintptr_t known = thetis_atomic_load_acquire(&joined); /* pair: test */
            if (known && !owed) owed = pushed + 1;
            THETIS_CHECK(push() == THETIS_OK);
        }
    } else {
        THETIS_CHECK(join(thread) == THETIS_OK);
        thetis_atomic_store_release(&joined, 1); /* pair: test */
        (void)pop(thread);
    }
}

/* What was owed, and all that followed, is there. */
static void late_done(void)
{
    pair item;
    if (anybody_stopped() || !owed) return;
    if (last[1] == 0) {
        THETIS_CHECK(pairs_pop(&ends[1], &item) == THETIS_OK);
        expect(1, &item);
    }
    uint64_t first = last[1];
    drain(1);
    THETIS_CHECK(first <= owed && last[1] == pushed);
}

const thetis_check_scenario bcast_late = {
    .name = "bcast-late", .threads = 2, .setup = late_setup, .body = late_body,
    .done = late_done};

static void late_lossy_setup(void)
{
    late_setup();
    make(CAPACITY, 0, THETIS_BCAST_LOSSY);
}

const thetis_check_scenario bcast_late_lossy = {
    .name = "bcast-late-lossy", .threads = 2, .setup = late_lossy_setup, .body = late_body,
    .done = late_done};

/* Readers come and go in few places, beside a ring that wraps. */
static void churn_setup(void)
{
    make(1, 1, THETIS_BCAST_REFUSE);
}

static void churn_2_setup(void)
{
    make(1, 2, THETIS_BCAST_EVICT);
}

static void visit(unsigned thread)
{
    if (join(thread) != THETIS_OK) return;
    last[thread] = 0;
    (void)pop(thread);
    (void)pop(thread);
    leave(thread);
}

static void churn_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread == PRODUCER ? 3 : 1) * thetis_check_rounds(); k++) {
        if (thread == PRODUCER) (void)push();
        else visit(thread);
    }
}

/* Nobody is left whom the producer would wait for. */
static void churn_done(void)
{
    if (anybody_stopped()) return;
    THETIS_CHECK(push() == THETIS_OK);
    THETIS_CHECK(push() == THETIS_OK);
    THETIS_CHECK(thetis_bcast_check(shared) == THETIS_OK);
}

const thetis_check_scenario bcast_churn = {
    .name = "bcast-churn", .threads = 3, .setup = churn_setup, .body = churn_body,
    .done = churn_done};

const thetis_check_scenario bcast_churn_2 = {
    .name = "bcast-churn-2", .threads = 3, .setup = churn_2_setup, .body = churn_body,
    .done = churn_done};

/* A reader reads, leaves and takes its place again: a producer that sees it join must know that it
 * has finished reading, though it may never have seen it leave. */
static void again_setup(void)
{
    join_all(1, 1, THETIS_BCAST_REFUSE);
}

static void again_body(unsigned thread)
{
    if (thread == PRODUCER) {
        for (int k = 0; k < 3; k++) (void)push();
        return;
    }
    (void)pop(thread);
    leave(thread);
    THETIS_CHECK(join(thread) == THETIS_OK);
}

const thetis_check_scenario bcast_again = {
    .name = "bcast-again", .threads = 2, .setup = again_setup, .body = again_body};

/* ---- the end --------------------------------------------------------------------------------- */

static uint64_t written; /* plain: close() must order it */

static void close_body(unsigned thread)
{
    if (thread == PRODUCER) {
        thetis_status first = push();
        thetis_status second = push();
        THETIS_CHECK(first == THETIS_OK && second == THETIS_OK);
        written = 1;
        close_ring();
        pair item = {9, 9};
        THETIS_CHECK(thetis_bcast_push(shared, &item) == THETIS_CLOSED);
        return;
    }
    for (int k = 0; k < 4; k++) {
        if (pop(thread) == THETIS_CLOSED) {
            THETIS_CHECK(written == 1 && last[thread] == 2);
            THETIS_CHECK(pop(thread) == THETIS_CLOSED);
        }
    }
}

static void close_setup(void)
{
    join_all(2, 1, THETIS_BCAST_REFUSE);
    written = 0;
}

static void close_lossy_setup(void)
{
    join_all(2, 1, THETIS_BCAST_LOSSY);
    written = 0;
}

const thetis_check_scenario bcast_close = {
    .name = "bcast-close", .threads = 2, .setup = close_setup, .body = close_body};

const thetis_check_scenario bcast_close_lossy = {
    .name = "bcast-close-lossy", .threads = 2, .setup = close_lossy_setup, .body = close_body};
