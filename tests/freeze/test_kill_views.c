/* SPDX-License-Identifier: MIT
 *
 * test_kill_views.c: of two processes that have attached to a broadcast ring or to the latest
 * value, each with its own mapping of the memory at its own address, one is killed (SIGKILL) at an
 * instruction or at a random time. test_kill.c says how.
 *
 * After the kill each call of the survivor returns and elements are whole and in order. Then a
 * successor goes on where the dead one has published; at most what its last call had in flight is
 * missing. A dead reader costs a place and nothing else, but in the refusing mode of the ring.
 */
#include <thetis/bcast.h>
#include <thetis/latest.h>

#include "duel.h"
#include "items.h"

enum { VIEWS_MORE = 40, VIEWS_READERS = 3, VIEWS_CAPACITY = 4 };

/* What one process has attached, and which process that is: the victim is a fork of the tester. */
static pid_t owner;
static thetis_bcast cast_in, cast_out;
static thetis_bcast_reader cast_reader;
static thetis_latest last_in, last_out;
static thetis_latest_reader last_reader;

/* ---- broadcast ring: element k has the number k ---------------------------------------------- */

static thetis_bcast_mode mode;

static void cast_attach(void *ring, thetis_shm_role role)
{
    const thetis_bcast_cfg cfg = {sizeof(item), VIEWS_CAPACITY,
                                  mode == THETIS_BCAST_LOSSY ? 0 : VIEWS_READERS, mode};
    CHECK_EQ(thetis_bcast_attach(ring, FREEZER_SHARED, &cfg, role,
                                 role == THETIS_SHM_PRODUCER ? &cast_in : &cast_out),
             THETIS_OK);
}

static void cast_attach_both(void *ring)
{
    cast_attach(ring, THETIS_SHM_PRODUCER);
    cast_attach(ring, THETIS_SHM_CONSUMER);
    cast_reader.of_ = NULL;
    owner = getpid();
}

static void cast_setup(void *memory)
{
    const thetis_bcast_cfg cfg = {sizeof(item), VIEWS_CAPACITY,
                                  mode == THETIS_BCAST_LOSSY ? 0 : VIEWS_READERS, mode};
    thetis_bcast *ring;
    CHECK_EQ(thetis_bcast_init(memory, FREEZER_SHARED, &cfg, &ring), THETIS_OK);
    cast_attach_both(memory);
    CHECK_EQ(thetis_bcast_join(&cast_out, &cast_reader), THETIS_OK);
}

static void cast_push(freezer_seat *seat, void *ring)
{
    item it = item_sealed(seat->next);
    if (owner != getpid()) cast_attach_both(ring);
    freezer_begin(seat);
    thetis_status s = thetis_bcast_push(&cast_in, &it);
    freezer_end(seat);
    CHECK(s == THETIS_OK || mode == THETIS_BCAST_REFUSE);
    if (s == THETIS_OK) seat->next++;
}

/* Who was evicted comes back. */
static void cast_pop(freezer_seat *seat, void *ring)
{
    item it;
    if (owner != getpid()) cast_attach_both(ring);
    if (!cast_reader.of_) CHECK_EQ(thetis_bcast_join(&cast_out, &cast_reader), THETIS_OK);
    freezer_begin(seat);
    thetis_status s = thetis_bcast_pop(&cast_reader, &it);
    freezer_end(seat);
    if (s == THETIS_OK) {
        CHECK(it.number == seat->next || (it.number > seat->next && mode != THETIS_BCAST_REFUSE));
        item_check(&it, it.number);
        seat->next = it.number + 1;
    }
    if (s == THETIS_LOST && mode == THETIS_BCAST_EVICT) thetis_bcast_leave(&cast_reader);
}

static uint64_t pushed_so_far(const duel *d)
{
    const thetis_bcast *ring = d->f.shared;
    return thetis_atomic_load_relaxed(&ring->shown_.tail_) >> 2;
}

static void judge_cast_producer(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}, .next = pushed_so_far(d)};
    move_all(d);
    count_last(d, heir.next - d->f.seats[0].next, 1);
    if (mode == THETIS_BCAST_REFUSE) CHECK_EQ(d->survivor.next, heir.next);
    cast_attach(d->f.shared, THETIS_SHM_PRODUCER);
    for (uint64_t last = heir.next + VIEWS_MORE; heir.next < last; survive(d, 1))
        cast_push(&heir, d->f.shared);
    move_all(d);
    CHECK_EQ(d->survivor.next, heir.next);
}

/* The producer goes on; a successor reads what is pushed after it has joined. */
static void judge_cast_reader(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}};
    for (unsigned k = 0; k < 3 * VIEWS_CAPACITY; k++) survive(d, 1);
    cast_attach(d->f.shared, THETIS_SHM_CONSUMER);
    CHECK_EQ(thetis_bcast_join(&cast_out, &cast_reader), THETIS_OK);
    heir.next = d->survivor.next;
    for (unsigned k = 0; k < VIEWS_MORE; k++) {
        survive(d, 1);
        cast_pop(&heir, d->f.shared);
        CHECK_EQ(heir.next, d->survivor.next);
    }
}

static void fight_producer(thetis_bcast_mode chosen, const char *name)
{
    mode = chosen;
    fight(&(duel_plan){name, cast_push, cast_pop, cast_setup, judge_cast_producer,
                       "elements arrived of last calls"});
}

TEST(bcast_refusing_producer)
{
    fight_producer(THETIS_BCAST_REFUSE, "bcast push, refusing");
}

TEST(bcast_evicting_producer)
{
    fight_producer(THETIS_BCAST_EVICT, "bcast push, evicting");
}

TEST(bcast_lossy_producer)
{
    fight_producer(THETIS_BCAST_LOSSY, "bcast push, lossy");
}

static void fight_reader(thetis_bcast_mode chosen, const char *name)
{
    mode = chosen;
    fight(&(duel_plan){name, cast_pop, cast_push, cast_setup, judge_cast_reader, "expected"});
}

TEST(bcast_evicting_reader)
{
    fight_reader(THETIS_BCAST_EVICT, "bcast pop, evicting");
}

TEST(bcast_lossy_reader)
{
    fight_reader(THETIS_BCAST_LOSSY, "bcast pop, lossy");
}

/* ---- the latest value: the k-th has the number k, from 1 on ---------------------------------- */

static void last_attach(void *latest, thetis_shm_role role)
{
    static const thetis_latest_cfg cfg = {sizeof(item), VIEWS_READERS};
    CHECK_EQ(thetis_latest_attach(latest, FREEZER_SHARED, &cfg, role,
                                  role == THETIS_SHM_PRODUCER ? &last_in : &last_out),
             THETIS_OK);
}

static void last_attach_both(void *latest)
{
    last_attach(latest, THETIS_SHM_PRODUCER);
    last_attach(latest, THETIS_SHM_CONSUMER);
    last_reader.of_ = NULL;
    owner = getpid();
}

static void last_setup(void *memory)
{
    static const thetis_latest_cfg cfg = {sizeof(item), VIEWS_READERS};
    thetis_latest *latest;
    CHECK_EQ(thetis_latest_init(memory, FREEZER_SHARED, &cfg, &latest), THETIS_OK);
    last_attach_both(memory);
}

static void last_store(freezer_seat *seat, void *latest)
{
    item it = item_sealed(seat->next + 1);
    if (owner != getpid()) last_attach_both(latest);
    freezer_begin(seat);
    thetis_status s = thetis_latest_store(&last_in, &it);
    freezer_end(seat);
    CHECK_EQ(s, THETIS_OK);
    seat->next++;
}

/* In place: what it holds from the call before is still whole. */
static void last_peek(freezer_seat *seat, void *latest)
{
    static const void *value;
    if (owner != getpid()) last_attach_both(latest);
    if (!last_reader.of_) {
        CHECK_EQ(thetis_latest_join(&last_out, &last_reader), THETIS_OK);
        value = NULL;
    }
    if (value) item_check(value, seat->next);
    freezer_begin(seat);
    thetis_status s = thetis_latest_peek(&last_reader, &value);
    freezer_end(seat);
    CHECK(s == THETIS_OK || s == THETIS_AGAIN || s == THETIS_EMPTY);
    if (s != THETIS_OK) return;
    const item *it = value;
    CHECK(it->number > seat->next);
    seat->next = it->number;
    item_check(it, seat->next);
}

/* The number of the value that the dead has published last. */
static uint64_t stored_so_far(void)
{
    thetis_latest_reader probe;
    item it = {0};
    CHECK_EQ(thetis_latest_join(&last_out, &probe), THETIS_OK);
    thetis_status s = thetis_latest_load(&probe, &it);
    CHECK(s == THETIS_OK || s == THETIS_EMPTY);
    thetis_latest_leave(&probe);
    return it.number;
}

/* The survivor stays where it is while the successor begins. */
static void judge_writer(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}, .next = stored_so_far()};
    count_last(d, heir.next - d->f.seats[0].next, 1);
    last_attach(d->f.shared, THETIS_SHM_PRODUCER);
    for (unsigned k = 0; k < VIEWS_MORE; k++) {
        last_store(&heir, d->f.shared);
        if (k % 4 == 3) survive(d, 1);
    }
    move_all(d);
    CHECK_EQ(d->survivor.next, heir.next);
}

static void judge_reader(duel *d)
{
    freezer_seat heir = {.hold = {FREEZER_NEVER}};
    for (unsigned k = 0; k < VIEWS_MORE; k++) {
        survive(d, 1);
        last_peek(&heir, d->f.shared);
        CHECK_EQ(heir.next, d->survivor.next);
    }
}

TEST(latest_writer)
{
    fight(&(duel_plan){"latest store", last_store, last_peek, last_setup, judge_writer,
                       "values arrived of last calls"});
}

TEST(latest_reader)
{
    fight(&(duel_plan){"latest peek", last_peek, last_store, last_setup, judge_reader, "expected"});
}

TEST_MAIN(T(bcast_refusing_producer, .timeout_s = KILL_TIMEOUT_S),
          T(bcast_evicting_producer, .timeout_s = KILL_TIMEOUT_S),
          T(bcast_lossy_producer, .timeout_s = KILL_TIMEOUT_S),
          T(bcast_evicting_reader, .timeout_s = KILL_TIMEOUT_S),
          T(bcast_lossy_reader, .timeout_s = KILL_TIMEOUT_S),
          T(latest_writer, .timeout_s = KILL_TIMEOUT_S),
          T(latest_reader, .timeout_s = KILL_TIMEOUT_S))
