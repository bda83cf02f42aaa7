/* SPDX-License-Identifier: MIT
 *
 * test_kill.c: of two processes that share a structure one is killed (SIGKILL); the other goes on.
 *
 * The survivor is the tester itself. The victim runs beside it; then it is killed either before a
 * chosen instruction of an operation, all of them in turn (the survivor's operations run between
 * the steps to it), or at a random time without a stop. After that
 *   - each call of the survivor returns;
 *   - each element that arrives is whole and the next in order;
 *   - all elements arrive that the victim pushed, but those of its last call, and all that it did
 *     not take, but those of its last call;
 *   - a thread table has lost at most one place;
 *   - a histogram has lost at most the last value.
 *
 * Killed here are honest processes, of which no other takes the place: see test_kill_ends.c. What a
 * hostile one writes is the matter of tests/fuzz.
 *
 * Each case prints its figures. A longer run: sweep.h.
 */
#include "duel.h"
#include "items.h"
#include "records.h"

#include <thetis/hist.h>
#include <thetis/thread.h>

enum { KILL_PLACES = 3 };

/* ---- rings ----------------------------------------------------------------------------------- */

/* Has moved one element, so that the victim need not load the C library's functions first. */
static void ring_setup(void *ring)
{
    item it = {0};
    items_setup(ring);
    CHECK_EQ(thetis_spsc_push(ring, &it), THETIS_OK);
    CHECK_EQ(thetis_spsc_pop(ring, &it), THETIS_OK);
}

static void judge_producer(duel *d, uint64_t most)
{
    item it;
    move_all(d);
    count_last(d, d->survivor.next - d->f.seats[0].next, most);
    thetis_spsc_close(d->f.shared); /* somebody must, for the dead */
    CHECK_EQ(thetis_spsc_pop(d->f.shared, &it), THETIS_CLOSED);
}

static void judge_consumer(duel *d, uint64_t most)
{
    uint64_t next;
    item it;
    move_all(d);
    CHECK_EQ(thetis_spsc_pop(d->f.shared, &it), THETIS_OK); /* it is full: the heir sees */
    next = it.number;
    count_last(d, next - d->f.seats[0].next, most);
    do item_check(&it, next++);
    while (thetis_spsc_pop(d->f.shared, &it) == THETIS_OK);
    CHECK_EQ(next, d->survivor.next);
    thetis_spsc_cancel(d->f.shared);
    CHECK_EQ(thetis_spsc_push(d->f.shared, &it), THETIS_CLOSED);
}

static void judge_push(duel *d)
{
    judge_producer(d, 1);
}

static void judge_push_n(duel *d)
{
    judge_producer(d, ITEMS_BATCH);
}

static void judge_pop(duel *d)
{
    judge_consumer(d, 1);
}

static void judge_pop_n(duel *d)
{
    judge_consumer(d, ITEMS_BATCH);
}

TEST(spsc_producer)
{
    static const char *const taken = "elements arrived of last calls";
    fight(&(duel_plan){"spsc push", items_push, items_pop, ring_setup, judge_push, taken});
    fight(&(duel_plan){"spsc push_n", items_push_n, items_pop_n, ring_setup, judge_push_n, taken});
    fight(&(duel_plan){"spsc reserve and commit", items_reserve, items_release, ring_setup,
                       judge_push_n, taken});
}

TEST(spsc_consumer)
{
    static const char *const taken = "elements lost with last calls";
    fight(&(duel_plan){"spsc pop", items_pop, items_push, ring_setup, judge_pop, taken});
    fight(&(duel_plan){"spsc pop_n", items_pop_n, items_push_n, ring_setup, judge_pop_n, taken});
    fight(&(duel_plan){"spsc peek and release", items_release, items_reserve, ring_setup,
                       judge_pop_n, taken});
}

/* ---- byte rings ------------------------------------------------------------------------------ */

static void bytes_setup(void *ring)
{
    unsigned char data[RECORDS_MOST] = {0};
    size_t size;
    records_setup(ring);
    CHECK_EQ(thetis_bytes_push(ring, data, sizeof data), THETIS_OK);
    CHECK_EQ(thetis_bytes_pop(ring, data, sizeof data, &size), THETIS_OK);
}

static void judge_bytes_producer(duel *d)
{
    void *record;
    size_t size;
    move_all(d);
    count_last(d, d->survivor.next - d->f.seats[0].next, 1);
    thetis_bytes_close(d->f.shared); /* drops what the dead had reserved */
    CHECK_EQ(thetis_bytes_peek(d->f.shared, &record, &size), THETIS_CLOSED);
}

/* Neighbours differ in size: that of the first record says which one it is. */
static void judge_bytes_consumer(duel *d)
{
    uint64_t next = d->f.seats[0].next;
    void *record;
    size_t size;
    move_all(d);
    CHECK_EQ(thetis_bytes_peek(d->f.shared, &record, &size), THETIS_OK);
    next += size != records_size(next);
    count_last(d, next - d->f.seats[0].next, 1);
    while (thetis_bytes_peek(d->f.shared, &record, &size) == THETIS_OK) {
        records_check(record, next++, size);
        thetis_bytes_release(d->f.shared);
    }
    CHECK_EQ(next, d->survivor.next);
    thetis_bytes_cancel(d->f.shared);
    thetis_status s;
    do s = thetis_bytes_push(d->f.shared, "", 0); /* there may be room that it knows of */
    while (s == THETIS_OK);
    CHECK_EQ(s, THETIS_CLOSED);
}

TEST(bytes_producer)
{
    static const char *const taken = "records arrived of last calls";
    fight(&(duel_plan){"bytes push", records_push, records_pop, bytes_setup, judge_bytes_producer,
                       taken});
    fight(&(duel_plan){"bytes reserve, abort and commit", records_reserve, records_release,
                       bytes_setup, judge_bytes_producer, taken});
}

TEST(bytes_consumer)
{
    static const char *const taken = "records lost with last calls";
    fight(&(duel_plan){"bytes pop", records_pop, records_push, bytes_setup, judge_bytes_consumer,
                       taken});
    fight(&(duel_plan){"bytes peek and release", records_release, records_reserve, bytes_setup,
                       judge_bytes_consumer, taken});
}

/* ---- histogram ------------------------------------------------------------------------------- */

/* seat->next: values recorded. */
static void record_op(freezer_seat *seat, void *hist)
{
    freezer_begin(seat);
    thetis_hist_record(hist, seat->next * 1000);
    freezer_end(seat);
    seat->next++;
}

static void judge_record(duel *d)
{
    uint64_t sure = d->f.seats[0].next + d->survivor.next;
    count_last(d, thetis_hist_count(d->f.shared) - sure, 1);
}

TEST(hist_recorder)
{
    _Static_assert(sizeof(thetis_hist) <= FREEZER_SHARED, "it fits");
    fight(&(duel_plan){"hist record", record_op, record_op, NULL, judge_record,
                       "values counted of last calls"});
}

/* ---- thread numbers -------------------------------------------------------------------------- */

static void table_setup(void *shared)
{
    thetis_thread_table *table;
    CHECK_EQ(thetis_thread_init(shared, FREEZER_SHARED, KILL_PLACES, &table), THETIS_OK);
    CHECK((void *)table == shared);
}

static void holder_op(freezer_seat *seat, void *table)
{
    size_t id;
    freezer_begin(seat);
    if (thetis_thread_join(table, &id) == THETIS_OK) thetis_thread_leave(table, id);
    freezer_end(seat);
}

static void leave_all(freezer_seat *seat, void *table)
{
    for (size_t id = 0; id < KILL_PLACES; id++)
        if (seat->next >> id & 1) thetis_thread_leave(table, id);
    seat->next = 0;
}

static bool take_place(freezer_seat *seat, void *table)
{
    size_t id;
    if (thetis_thread_join(table, &id) != THETIS_OK) return false;
    CHECK(id < KILL_PLACES && !(seat->next >> id & 1));
    seat->next |= UINT64_C(1) << id;
    return true;
}

/* Takes one place more each time; leaves all when there are no more. seat->next: the set it has. */
static void crowd_op(freezer_seat *seat, void *table)
{
    if (!take_place(seat, table)) leave_all(seat, table);
}

static unsigned count_places(freezer_seat *seat, void *table)
{
    unsigned n = 0;
    leave_all(seat, table);
    while (take_place(seat, table)) n++;
    return n;
}

/* The dead may have kept one place, and no more each time the others come and go. */
static void judge_holder(duel *d)
{
    unsigned left = count_places(&d->survivor, d->f.shared);
    CHECK_EQ(count_places(&d->survivor, d->f.shared), left);
    count_last(d, KILL_PLACES - left, 1);
}

TEST(thread_holder)
{
    fight(&(duel_plan){"thread join and leave", holder_op, crowd_op, table_setup, judge_holder,
                       "places lost"});
}

TEST_MAIN(T(spsc_producer, .timeout_s = KILL_TIMEOUT_S),
          T(spsc_consumer, .timeout_s = KILL_TIMEOUT_S),
          T(bytes_producer, .timeout_s = KILL_TIMEOUT_S),
          T(bytes_consumer, .timeout_s = KILL_TIMEOUT_S),
          T(hist_recorder, .timeout_s = KILL_TIMEOUT_S),
          T(thread_holder, .timeout_s = KILL_TIMEOUT_S))
