/* SPDX-License-Identifier: MIT
 *
 * model_latest.c: scenarios of thetis/latest.h. Thread 0 stores 1, 2, 3, ..., each with its
 * complement behind it; the others read. That the writer finds a buffer is asserted by the library.
 */
#include <thetis/check.h>
#include <thetis/latest.h>

enum { WRITER, READERS = 3 };

typedef struct pair {
    uint64_t number;
    uint64_t inverse;
} pair;

THETIS_LATEST(pairs, pair);

static char memory[THETIS_LATEST_SIZE(sizeof(pair), READERS)] THETIS_CACHE_ALIGNED;
static thetis_latest *shared;
static uint64_t stored;                        /* used by the writer, and by done */
static uint64_t seen[THETIS_CHECK_THREADS];    /* each used by one reader, and by done */
static thetis_latest_reader ends[THETIS_CHECK_THREADS];

static void make(size_t readers)
{
    thetis_latest_cfg cfg = {sizeof(pair), readers};
    THETIS_CHECK(thetis_latest_init(memory, sizeof memory, &cfg, &shared) == THETIS_OK);
    stored = 0;
    for (unsigned t = 0; t < THETIS_CHECK_THREADS; t++) seen[t] = 0;
}

/* ---- operations, with their bounds ----------------------------------------------------------- */

static thetis_status join(unsigned thread)
{
    thetis_check_begin("latest.join", thetis_latest_bound(shared, THETIS_LATEST_JOIN));
    thetis_status s = thetis_latest_join(shared, &ends[thread]);
    thetis_check_end();
    return s;
}

static void leave(unsigned thread)
{
    thetis_check_begin("latest.leave", thetis_latest_bound(shared, THETIS_LATEST_LEAVE));
    thetis_latest_leave(&ends[thread]);
    thetis_check_end();
}

static void store(void)
{
    pair value = {stored + 1, ~(stored + 1)};
    thetis_check_begin("latest.store", thetis_latest_bound(shared, THETIS_LATEST_STORE));
    thetis_status s = thetis_latest_store(shared, &value);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    stored++;
}

static void store_in_place(void)
{
    void *at, *again;
    thetis_check_begin("latest.reserve", thetis_latest_bound(shared, THETIS_LATEST_RESERVE));
    thetis_status s = thetis_latest_reserve(shared, &at);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK && thetis_latest_reserve(shared, &again) == s && again == at);
    *(pair *)at = (pair){stored + 1, ~(stored + 1)};
    thetis_check_begin("latest.commit", thetis_latest_bound(shared, THETIS_LATEST_COMMIT));
    thetis_latest_commit(shared);
    thetis_check_end();
    stored++;
}

static void close_it(void)
{
    thetis_check_begin("latest.close", thetis_latest_bound(shared, THETIS_LATEST_CLOSE));
    thetis_latest_close(shared);
    thetis_check_end();
}

static void check(void)
{
    thetis_check_begin("latest.check", 3 + READERS);
    thetis_status s = thetis_latest_check(shared);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void expect_newer(unsigned thread, const pair *value)
{
    THETIS_CHECK(value->inverse == ~value->number);
    THETIS_CHECK(value->number > seen[thread]);
    seen[thread] = value->number;
}

static thetis_status load(unsigned thread)
{
    pair value = {0, 0};
    thetis_check_begin("latest.load", thetis_latest_bound(shared, THETIS_LATEST_LOAD));
    thetis_status s = thetis_latest_load(&ends[thread], &value);
    thetis_check_end();
    if (s == THETIS_OK) expect_newer(thread, &value);
    else THETIS_CHECK(value.number == 0 && (s != THETIS_AGAIN || seen[thread] > 0));
    return s;
}

static const pair *peek(unsigned thread)
{
    const void *at;
    thetis_check_begin("latest.peek", thetis_latest_bound(shared, THETIS_LATEST_PEEK));
    thetis_status s = thetis_latest_peek(&ends[thread], &at);
    thetis_check_end();
    if (s == THETIS_OK) expect_newer(thread, at);
    THETIS_CHECK((at == NULL) == (s == THETIS_EMPTY));
    return at;
}

/* ---- everybody has joined -------------------------------------------------------------------- */

static void join_all(size_t readers)
{
    make(readers);
    for (unsigned t = 1; t <= readers; t++) {
        THETIS_CHECK(thetis_latest_join(shared, &ends[t]) == THETIS_OK);
    }
}

static void join_1(void)
{
    join_all(1);
}

static void join_2(void)
{
    join_all(2);
}

static void join_3(void)
{
    join_all(3);
}

static void copy_body(unsigned thread)
{
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == WRITER) store();
        else (void)load(thread);
    }
}

/* The last value is there for all who were not stopped. */
static void all_get_the_last(void)
{
    if (thetis_check_stopped(WRITER)) return;
    THETIS_CHECK(thetis_latest_check(shared) == THETIS_OK);
    for (unsigned t = 1; t <= shared->shape_.places_; t++) {
        pair value = {seen[t], 0};
        if (thetis_check_stopped(t)) continue;
        thetis_status s = pairs_load(&ends[t], &value);
        THETIS_CHECK(s == THETIS_OK || s == THETIS_AGAIN);
        THETIS_CHECK(value.number == stored);
    }
}

const thetis_check_scenario latest_one = {
    .name = "latest-one", .threads = 2, .setup = join_1, .body = copy_body,
    .done = all_get_the_last};

/* A reader must not be seen in two buffers at once: none would be free for the fourth value. */
static void room_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread == WRITER ? 4 : 2) * thetis_check_rounds(); k++) {
        if (thread == WRITER) store();
        else (void)load(thread);
    }
}

const thetis_check_scenario latest_room = {
    .name = "latest-room", .threads = 2, .setup = join_1, .body = room_body,
    .done = all_get_the_last};

const thetis_check_scenario latest_two = {
    .name = "latest-two", .threads = 3, .setup = join_2, .body = copy_body,
    .done = all_get_the_last};

/* ---- in place: what was shown stays, whatever the writer does -------------------------------- */

static void place_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == WRITER) {
            store_in_place();
            check();
            continue;
        }
        const pair *at = peek(thread);
        if (at) THETIS_CHECK(at->number == seen[thread] && at->inverse == ~seen[thread]);
    }
}

const thetis_check_scenario latest_in_place = {
    .name = "latest-in-place", .threads = 3, .setup = join_2, .body = place_body,
    .done = all_get_the_last};

const thetis_check_scenario latest_three = {
    .name = "latest-three", .threads = 4, .setup = join_3, .body = place_body,
    .done = all_get_the_last};

/* ---- the end --------------------------------------------------------------------------------- */

static uint64_t written; /* plain: close() must order it */

static void close_setup(void)
{
    join_all(1);
    written = 0;
}

static void close_body(unsigned thread)
{
    pair value = {9, 9};
    if (thread == WRITER) {
        store();
        store();
        written = 1;
        close_it();
        THETIS_CHECK(thetis_latest_store(shared, &value) == THETIS_CLOSED);
        return;
    }
    for (int k = 0; k < 3; k++) {
        if (load(thread) == THETIS_CLOSED) {
            THETIS_CHECK(seen[thread] == 2 && written == 1);
            THETIS_CHECK(load(thread) == THETIS_CLOSED);
        }
    }
}

const thetis_check_scenario latest_close = {
    .name = "latest-close", .threads = 2, .setup = close_setup, .body = close_body};

/* ---- joining and leaving --------------------------------------------------------------------- */

static void make_1(void)
{
    make(1);
}

static void make_2(void)
{
    make(2);
}

static void visit(unsigned thread)
{
    if (join(thread) != THETIS_OK) return;
    seen[thread] = 0; /* to an end that has just joined, what is there is new */
    (void)load(thread);
    leave(thread);
}

static void churn_body(unsigned thread)
{
    unsigned times = thread == WRITER ? 4 : 1; /* enough for the writer to come round */
    for (unsigned k = 0; k < times * thetis_check_rounds(); k++) {
        if (thread == WRITER) store();
        else visit(thread);
    }
}

static void place_is_free(void)
{
    for (unsigned t = 0; t < 3; t++) {
        if (thetis_check_stopped(t)) return;
    }
    THETIS_CHECK(thetis_latest_join(shared, &ends[1]) == THETIS_OK);
    THETIS_CHECK(thetis_latest_check(shared) == THETIS_OK);
    seen[1] = 0;
    (void)load(1);
    THETIS_CHECK(seen[1] == stored);
}

/* One place: who takes it must know that the pin of the last holder is given back. */
const thetis_check_scenario latest_churn = {
    .name = "latest-churn", .threads = 3, .setup = make_1, .body = churn_body,
    .done = place_is_free};

const thetis_check_scenario latest_churn_2 = {
    .name = "latest-churn-2", .threads = 3, .setup = make_2, .body = churn_body,
    .done = place_is_free};

/* ---- what is known to be stored is read ------------------------------------------------------ */

static thetis_atomic flag;

static void known_setup(void)
{
    join_all(1);
    thetis_atomic_store_relaxed(&flag, 0);
}

static void known_body(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == WRITER) {
            store();
            thetis_atomic_store_release(&flag, stored); /* pair: test */
        } else {
            uintptr_t known = thetis_atomic_load_acquire(&flag); /* pair: test */
            (void)load(thread);
            THETIS_CHECK(seen[thread] >= known);
        }
    }
}

const thetis_check_scenario latest_known = {
    .name = "latest-known", .threads = 2, .setup = known_setup, .body = known_body};
