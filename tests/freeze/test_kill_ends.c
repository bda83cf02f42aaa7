/* SPDX-License-Identifier: MIT
 *
 * test_kill_ends.c: of two processes with the ends of a ring, each with its own mapping of the
 * memory at its own address, one is killed (SIGKILL) at an instruction or at a random time; then a
 * successor attaches to its role. test_kill.c says how.
 *
 * After the kill each call of the survivor returns and elements are whole and in order, as there.
 * The successor goes on where the dead one has published: nothing comes twice, and nothing is lost
 * but what the last call of the dead had in flight.
 */
#include <thetis/bytes_end.h>

#include "duel.h"
#include "items.h"
#include "records.h"

enum { ENDS_MORE = 40 }; /* elements that go through after the successor has come */

/* One process's ends, and which process that is: the victim is a fork of the tester. */
static thetis_spsc_end in, out;
static thetis_bytes_end bytes_in, bytes_out;
static pid_t owner;

/* ---- rings of elements ----------------------------------------------------------------------- */

static void attach(void *ring, thetis_shm_role role)
{
    static const thetis_spsc_cfg cfg = {sizeof(item), ITEMS_CAPACITY};
    CHECK_EQ(thetis_spsc_attach(ring, FREEZER_SHARED, &cfg, role,
                                role == THETIS_SHM_PRODUCER ? &in : &out),
             THETIS_OK);
}

static void attach_both(void *ring)
{
    attach(ring, THETIS_SHM_PRODUCER);
    attach(ring, THETIS_SHM_CONSUMER);
    owner = getpid();
}

static void ends_setup(void *ring)
{
    items_setup(ring);
    attach_both(ring);
}

static void ends_push(freezer_seat *seat, void *ring)
{
    item it = item_sealed(seat->next);
    if (owner != getpid()) attach_both(ring);
    freezer_begin(seat);
    thetis_status s = thetis_spsc_end_push(&in, &it);
    freezer_end(seat);
    if (s == THETIS_OK) seat->next++;
}

static void ends_reserve(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    thetis_spsc_span span;
    for (size_t k = 0; k < ITEMS_BATCH; k++) it[k] = item_sealed(seat->next + k);
    if (owner != getpid()) attach_both(ring);
    freezer_begin(seat);
    size_t n = thetis_spsc_end_reserve(&in, ITEMS_BATCH, &span, NULL);
    for (size_t k = 0; k < n; k++) *items_at(&span, k) = it[k];
    thetis_spsc_end_commit(&in, n);
    freezer_end(seat);
    seat->next += n;
}

static void ends_pop(freezer_seat *seat, void *ring)
{
    item it;
    if (owner != getpid()) attach_both(ring);
    freezer_begin(seat);
    thetis_status s = thetis_spsc_end_pop(&out, &it);
    freezer_end(seat);
    if (s == THETIS_OK) item_check(&it, seat->next++);
}

static void ends_pop_n(freezer_seat *seat, void *ring)
{
    item it[ITEMS_BATCH];
    if (owner != getpid()) attach_both(ring);
    freezer_begin(seat);
    size_t n = thetis_spsc_end_pop_n(&out, it, ITEMS_BATCH, NULL);
    freezer_end(seat);
    for (size_t k = 0; k < n; k++) item_check(&it[k], seat->next++);
}

/* The tester is the dead one's successor, too, with a seat of its own. */
static void judge_producer(duel *d, uint64_t most)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}};
    move_all(d);
    count_last(d, d->survivor.next - d->f.seats[0].next, most);
    attach(d->f.shared, THETIS_SHM_PRODUCER);
    for (heir.next = d->survivor.next; heir.next < d->survivor.next + ITEMS_CAPACITY;)
        ends_push(&heir, d->f.shared);
    for (uint64_t last = heir.next + ENDS_MORE; heir.next < last; survive(d, 1))
        ends_push(&heir, d->f.shared);
    move_all(d);
    CHECK_EQ(d->survivor.next, heir.next);
}

static void judge_consumer(duel *d, uint64_t most)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}};
    item it;
    move_all(d);
    attach(d->f.shared, THETIS_SHM_CONSUMER);
    CHECK_EQ(thetis_spsc_end_pop(&out, &it), THETIS_OK);
    item_check(&it, it.number);
    count_last(d, it.number - d->f.seats[0].next, most);
    heir.next = it.number + 1;
    for (uint64_t last = heir.next + ENDS_MORE; heir.next < last; survive(d, 1))
        ends_pop(&heir, d->f.shared);
    while (heir.next < d->survivor.next) ends_pop(&heir, d->f.shared);
    CHECK_EQ(thetis_spsc_end_pop(&out, &it), THETIS_EMPTY);
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
    fight(&(duel_plan){"spsc_end push", ends_push, ends_pop, ends_setup, judge_push, taken});
    fight(&(duel_plan){"spsc_end reserve and commit", ends_reserve, ends_pop_n, ends_setup,
                       judge_push_n, taken});
}

TEST(spsc_consumer)
{
    static const char *const taken = "elements lost with last calls";
    fight(&(duel_plan){"spsc_end pop", ends_pop, ends_push, ends_setup, judge_pop, taken});
    fight(&(duel_plan){"spsc_end pop_n", ends_pop_n, ends_push, ends_setup, judge_pop_n, taken});
}

/* ---- byte rings ------------------------------------------------------------------------------ */

static void bytes_attach(void *ring, thetis_shm_role role)
{
    static const thetis_bytes_cfg cfg = {RECORDS_CAPACITY, RECORDS_MOST, 0};
    CHECK_EQ(thetis_bytes_attach(ring, FREEZER_SHARED, &cfg, role,
                                 role == THETIS_SHM_PRODUCER ? &bytes_in : &bytes_out),
             THETIS_OK);
}

static void bytes_attach_both(void *ring)
{
    bytes_attach(ring, THETIS_SHM_PRODUCER);
    bytes_attach(ring, THETIS_SHM_CONSUMER);
    owner = getpid();
}

static void bytes_setup(void *ring)
{
    records_setup(ring);
    bytes_attach_both(ring);
}

/* Reserves twice and gives the second back; commits less than it reserved. */
static void bytes_reserve(freezer_seat *seat, void *ring)
{
    size_t size = records_size(seat->next);
    void *record, *second;
    thetis_status dropped = THETIS_OK, put = THETIS_FULL;
    if (owner != getpid()) bytes_attach_both(ring);
    freezer_begin(seat);
    thetis_status s = thetis_bytes_end_reserve(&bytes_in, RECORDS_MOST, &record);
    if (s == THETIS_OK) {
        if (thetis_bytes_end_reserve(&bytes_in, 8, &second) == THETIS_OK)
            dropped = thetis_bytes_end_abort(&bytes_in);
        records_fill(record, seat->next, size);
        put = thetis_bytes_end_commit(&bytes_in, size);
    }
    freezer_end(seat);
    CHECK_EQ(dropped, THETIS_OK);
    CHECK(put == THETIS_OK || s == THETIS_FULL);
    if (put == THETIS_OK) seat->next++;
}

static void bytes_pop(freezer_seat *seat, void *ring)
{
    unsigned char data[RECORDS_MOST];
    size_t size = 0;
    if (owner != getpid()) bytes_attach_both(ring);
    freezer_begin(seat);
    thetis_status s = thetis_bytes_end_pop(&bytes_out, data, sizeof data, &size);
    freezer_end(seat);
    if (s == THETIS_OK) records_check(data, seat->next++, size);
}

static void judge_bytes_producer(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}};
    move_all(d);
    count_last(d, d->survivor.next - d->f.seats[0].next, 1);
    bytes_attach(d->f.shared, THETIS_SHM_PRODUCER);
    heir.next = d->survivor.next;
    for (uint64_t last = heir.next + ENDS_MORE; heir.next < last; survive(d, 1))
        bytes_reserve(&heir, d->f.shared);
    move_all(d);
    CHECK_EQ(d->survivor.next, heir.next);
}

/* Neighbours differ in size: that of the first record says which one it is. */
static void judge_bytes_consumer(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}, .next = d->f.seats[0].next};
    void *record;
    size_t size;
    move_all(d);
    bytes_attach(d->f.shared, THETIS_SHM_CONSUMER);
    CHECK_EQ(thetis_bytes_end_peek(&bytes_out, &record, &size), THETIS_OK);
    heir.next += size != records_size(heir.next);
    count_last(d, heir.next - d->f.seats[0].next, 1);
    for (uint64_t last = heir.next + ENDS_MORE; heir.next < last; survive(d, 1))
        bytes_pop(&heir, d->f.shared);
    while (heir.next < d->survivor.next) bytes_pop(&heir, d->f.shared);
    CHECK_EQ(thetis_bytes_end_peek(&bytes_out, &record, &size), THETIS_EMPTY);
}

TEST(bytes_producer)
{
    fight(&(duel_plan){"bytes_end reserve, abort and commit", bytes_reserve, bytes_pop,
                       bytes_setup, judge_bytes_producer, "records arrived of last calls"});
}

TEST(bytes_consumer)
{
    fight(&(duel_plan){"bytes_end pop", bytes_pop, bytes_reserve, bytes_setup,
                       judge_bytes_consumer, "records lost with last calls"});
}

TEST_MAIN(T(spsc_producer, .timeout_s = KILL_TIMEOUT_S),
          T(spsc_consumer, .timeout_s = KILL_TIMEOUT_S),
          T(bytes_producer, .timeout_s = KILL_TIMEOUT_S),
          T(bytes_consumer, .timeout_s = KILL_TIMEOUT_S))
