/* SPDX-License-Identifier: MIT
 *
 * model_thread.c: scenarios of thetis/thread.h: places are held by one thread at a time, a place
 * is found whenever one must be free, and what the last holder did is visible to the next.
 */
#include <thetis/check.h>
#include <thetis/thread.h>

static char memory[THETIS_THREAD_SIZE(4)] THETIS_CACHE_ALIGNED;
static thetis_thread_table *table;
static uint64_t used[4];    /* plain: how often a place was held, told by its holders */
static unsigned joins[THETIS_CHECK_THREADS];

static void make(size_t places)
{
    THETIS_CHECK(thetis_thread_init(memory, sizeof memory, places, &table) == THETIS_OK);
    for (size_t k = 0; k < 4; k++) used[k] = 0;
    for (size_t k = 0; k < THETIS_CHECK_THREADS; k++) joins[k] = 0;
}

static void make_1(void)
{
    make(1);
}

static void make_2(void)
{
    make(2);
}

static void make_3(void)
{
    make(3);
}

static thetis_status join(size_t *id)
{
    thetis_check_begin("thread.join", thetis_thread_bound(table, THETIS_THREAD_JOIN));
    thetis_status s = thetis_thread_join(table, id);
    thetis_check_end();
    return s;
}

static void leave(size_t id)
{
    thetis_check_begin("thread.leave", thetis_thread_bound(table, THETIS_THREAD_LEAVE));
    thetis_thread_leave(table, id);
    thetis_check_end();
}

static void hold(unsigned thread)
{
    size_t id;
    if (join(&id) != THETIS_OK) return;
    used[id]++; /* a race, if two hold it or the last holder's count is not visible */
    joins[thread]++;
    leave(id);
}

static void churn_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) hold(thread);
}

static void all_counted(void)
{
    uint64_t sum = 0;
    unsigned expected = 0;
    size_t id;
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) {
        if (thetis_check_stopped(k)) return;
        expected += joins[k];
    }
    for (size_t k = 0; k < 4; k++) sum += used[k];
    THETIS_CHECK(sum == expected);
    THETIS_CHECK(thetis_thread_join(table, &id) == THETIS_OK); /* a refusal takes no place */
}

const thetis_check_scenario thread_churn_2 = {
    .name = "thread-churn-2", .threads = 2, .rounds = 2, .setup = make_2, .body = churn_body,
    .done = all_counted};

const thetis_check_scenario thread_churn_3 = {
    .name = "thread-churn-3", .threads = 3, .rounds = 2, .setup = make_3, .body = churn_body,
    .done = all_counted};

/* More threads than places: some are refused, nobody is given what another holds. */
const thetis_check_scenario thread_refuse = {
    .name = "thread-refuse", .threads = 3, .rounds = 2, .setup = make_2, .body = churn_body,
    .done = all_counted};

const thetis_check_scenario thread_single = {
    .name = "thread-single-place", .threads = 2, .rounds = 3, .setup = make_1,
    .body = churn_body, .done = all_counted};

/* With a place for each there is always one, even if one thread keeps its own for ever. */
static void keep_body(unsigned thread)
{
    size_t id;
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        THETIS_CHECK(join(&id) == THETIS_OK);
        used[id]++;
        if (thread == 0) return;
        leave(id);
    }
}

const thetis_check_scenario thread_keep = {
    .name = "thread-keep", .threads = 3, .rounds = 2, .setup = make_3, .body = keep_body};
