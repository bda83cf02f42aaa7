/* SPDX-License-Identifier: MIT
 *
 * stress_lin.c: threads record all that they do with the ring and with thread numbers, and the
 * monitors judge the histories.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <thetis/spsc.h>
#include <thetis/thread.h>

#include "lin/lin.h"

enum { RING_OPS = 50000, RING_CAPACITY = 64, RING_BATCH = 8, RING_RACES = 2000 };
enum { RING_END = 2 }; /* what is recorded after the last push or pop of a loop */
enum { SLOT_THREADS = 4, SLOT_ROUNDS = 10000 };

/* ---- the ring -------------------------------------------------------------------------------- */

typedef struct ring_side {
    lin_recorder recorder;
    lin_op ops[RING_OPS];
    lin_item items[RING_OPS * RING_BATCH];
    size_t n_items;
    uint64_t rng;
} ring_side;

typedef struct ring_run {
    thetis_spsc *ring;
    bool batches;
    uint64_t pushed;
    ring_side producer;
    ring_side consumer;
    lin_op merged[2 * RING_OPS];
} ring_run;

static ring_run ring;

static thetis_status ring_push(ring_side *side, uint64_t value)
{
    lin_op *op = lin_begin(&side->recorder, LIN_PUSH);
    op->arg = value;
    thetis_status s = thetis_spsc_push(ring.ring, &value);
    lin_end(&side->recorder, op, s);
    ring.pushed += s == THETIS_OK;
    return s;
}

static thetis_status ring_push_n(ring_side *side, uint64_t value, size_t n)
{
    uint64_t values[RING_BATCH];
    thetis_status s;
    lin_item *items = side->items + side->n_items;
    for (size_t i = 0; i < n; i++) {
        values[i] = value + i;
        items[i] = (lin_item){.value = value + i};
    }
    lin_op *op = lin_begin(&side->recorder, LIN_PUSH_N);
    op->arg = n;
    op->items = items;
    op->n_items = (uint16_t)n;
    size_t moved = thetis_spsc_push_n(ring.ring, values, n, &s);
    lin_end(&side->recorder, op, s);
    op->n_items = (uint16_t)moved;
    side->n_items += moved;
    ring.pushed += moved;
    return s;
}

static thetis_status ring_pop(ring_side *side)
{
    lin_op *op = lin_begin(&side->recorder, LIN_POP);
    thetis_status s = thetis_spsc_pop(ring.ring, &op->result);
    lin_end(&side->recorder, op, s);
    return s;
}

static thetis_status ring_pop_n(ring_side *side, size_t n)
{
    uint64_t values[RING_BATCH];
    thetis_status s;
    lin_op *op = lin_begin(&side->recorder, LIN_POP_N);
    op->arg = n;
    size_t moved = thetis_spsc_pop_n(ring.ring, values, n, &s);
    lin_end(&side->recorder, op, s);
    op->items = side->items + side->n_items;
    op->n_items = (uint16_t)moved;
    for (size_t i = 0; i < moved; i++) {
        side->items[side->n_items++] = (lin_item){.value = values[i]};
    }
    return moved && s == THETIS_CLOSED ? THETIS_OK : s;
}

/* Pushes until the record is nearly full or the consumer has had enough, then closes. */
static void *ring_produce(void *arg)
{
    ring_side *side = &ring.producer;
    thetis_status s = THETIS_OK;
    (void)arg;
    while (s != THETIS_CLOSED && lin_recorder_has_room(&side->recorder, RING_END + 1)) {
        uint64_t r = test_rand(&side->rng), next = ring.pushed + 1;
        bool batch = ring.batches && r % 2;
        s = batch ? ring_push_n(side, next, 1 + r / 2 % RING_BATCH) : ring_push(side, next);
        if (s == THETIS_FULL && r % 4 == 0) sched_yield();
    }
    lin_op *op = lin_begin(&side->recorder, LIN_CLOSE);
    thetis_spsc_close(ring.ring);
    lin_end(&side->recorder, op, THETIS_OK);
    return NULL;
}

/* Pops until the producer has closed; cancels when the record is nearly full. */
static void ring_consume(void)
{
    ring_side *side = &ring.consumer;
    thetis_status s = THETIS_OK;
    while (s != THETIS_CLOSED && lin_recorder_has_room(&side->recorder, RING_END + 1)) {
        uint64_t r = test_rand(&side->rng);
        bool batch = ring.batches && r % 2;
        s = batch ? ring_pop_n(side, 1 + r / 2 % RING_BATCH) : ring_pop(side);
        if (s == THETIS_EMPTY && r % 4 == 0) sched_yield();
    }
    if (s == THETIS_CLOSED) return;
    lin_op *op = lin_begin(&side->recorder, LIN_CANCEL);
    thetis_spsc_cancel(ring.ring);
    lin_end(&side->recorder, op, THETIS_OK);
    CHECK_EQ(ring_pop(side), THETIS_CLOSED);
}

static void side_init(ring_side *side, unsigned thread, size_t room, uint64_t seed)
{
    lin_recorder_init(&side->recorder, thread, lin_clock_real, NULL, side->ops, room);
    side->n_items = 0;
    side->rng = seed;
}

/* A new ring, and room for so many operations on each side. */
static void ring_init(size_t capacity, bool batches, size_t pushes, size_t pops, uint64_t *seed)
{
    static char mem[THETIS_SPSC_SIZE(sizeof(uint64_t), RING_CAPACITY)] THETIS_CACHE_ALIGNED;
    thetis_spsc_cfg cfg = {sizeof(uint64_t), capacity};
    CHECK_EQ(thetis_spsc_init(mem, sizeof mem, &cfg, &ring.ring), THETIS_OK);
    ring.batches = batches;
    ring.pushed = 0;
    side_init(&ring.producer, 0, pushes, test_rand(seed));
    side_init(&ring.consumer, 1, pops, test_rand(seed));
}

static lin_history ring_merge(void)
{
    lin_recorder both[] = {ring.producer.recorder, ring.consumer.recorder};
    return lin_merge(both, 2, ring.merged);
}

static lin_history ring_go(size_t capacity, bool batches, size_t pushes, size_t pops,
                           uint64_t *seed)
{
    pthread_t thread;
    ring_init(capacity, batches, pushes, pops, seed);
    CHECK_EQ(pthread_create(&thread, NULL, ring_produce, NULL), 0);
    ring_consume();
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return ring_merge();
}

TEST(recorded_pushes_and_pops_are_linearizable)
{
    uint64_t seed = test_seed();
    size_t room = test_scale(RING_OPS - RING_END) + RING_END;
    for (size_t capacity = 1; capacity <= RING_CAPACITY; capacity *= 2) {
        lin_history h = ring_go(capacity, false, room, room, &seed);
        CHECK_EQ(lin_spsc_check(&h, capacity), LIN_YES);
        if (h.ops[h.n - 2].kind == LIN_CANCEL) continue; /* the other monitor knows no cancel */
        CHECK_EQ(lin_queue_check(&h, capacity), LIN_YES);
    }
}

TEST(recorded_batches_are_linearizable)
{
    uint64_t seed = test_seed();
    size_t room = test_scale(RING_OPS - RING_END) + RING_END;
    for (size_t capacity = 1; capacity <= RING_CAPACITY; capacity *= 2) {
        lin_history h = ring_go(capacity, true, room, room, &seed);
        CHECK_EQ(lin_spsc_check(&h, capacity), LIN_YES);
    }
}

/* Short runs, most of which end while both sides are at work. */
TEST(recorded_ends_are_linearizable)
{
    uint64_t seed = test_seed();
    for (size_t race = test_scale(RING_RACES); race > 0; race--) {
        size_t pushes = RING_END + test_rand(&seed) % 30, pops = RING_END + test_rand(&seed) % 60;
        size_t capacity = (size_t)1 << race % 6;
        lin_history h = ring_go(capacity, race % 2, pushes, pops, &seed);
        CHECK_EQ(lin_spsc_check(&h, capacity), LIN_YES);
    }
}

TEST(a_record_that_was_tampered_with_is_not_linearizable)
{
    uint64_t seed = test_seed();
    ring_init(2, false, RING_OPS, RING_OPS, &seed);
    for (uint64_t i = 1; i <= 2; i++) CHECK_EQ(ring_push(&ring.producer, i), THETIS_OK);
    for (int i = 0; i < 2; i++) CHECK_EQ(ring_pop(&ring.consumer), THETIS_OK);
    lin_history h = ring_merge();
    lin_op *a = &h.ops[2], *b = &h.ops[3];
    CHECK_EQ(lin_spsc_check(&h, 2), LIN_YES);
    a->result = 2, b->result = 1;
    CHECK_EQ(lin_spsc_check(&h, 2), LIN_NO);
    a->result = 1, b->status = THETIS_EMPTY;
    CHECK_EQ(lin_spsc_check(&h, 2), LIN_NO);
}

/* ---- thread numbers -------------------------------------------------------------------------- */

typedef struct slot_thread {
    thetis_thread_table *table;
    lin_recorder recorder;
    lin_op ops[2 * SLOT_ROUNDS];
} slot_thread;

static slot_thread slot_threads[SLOT_THREADS];

static void *slot_body(void *arg)
{
    slot_thread *me = arg;
    for (size_t i = test_scale(SLOT_ROUNDS); i > 0; i--) {
        size_t id;
        lin_op *op = lin_begin(&me->recorder, LIN_JOIN);
        thetis_status s = thetis_thread_join(me->table, &id);
        lin_end(&me->recorder, op, s);
        if (s != THETIS_OK) continue;
        op->result = id;
        op = lin_begin(&me->recorder, LIN_LEAVE);
        op->arg = id;
        thetis_thread_leave(me->table, id);
        lin_end(&me->recorder, op, THETIS_OK);
    }
    return NULL;
}

static lin_history slot_go(size_t places)
{
    static thetis_atomic mem[THETIS_THREAD_SIZE(SLOT_THREADS) / sizeof(thetis_atomic)];
    static lin_op merged[SLOT_THREADS * 2 * SLOT_ROUNDS];
    lin_recorder recorders[SLOT_THREADS];
    pthread_t threads[SLOT_THREADS];
    thetis_thread_table *table;
    CHECK_EQ(thetis_thread_init(mem, sizeof mem, places, &table), THETIS_OK);
    for (unsigned i = 0; i < SLOT_THREADS; i++) {
        slot_thread *t = &slot_threads[i];
        t->table = table;
        lin_recorder_init(&t->recorder, i, lin_clock_real, NULL, t->ops, 2 * SLOT_ROUNDS);
        CHECK_EQ(pthread_create(&threads[i], NULL, slot_body, t), 0);
    }
    for (unsigned i = 0; i < SLOT_THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        recorders[i] = slot_threads[i].recorder;
    }
    return lin_merge(recorders, SLOT_THREADS, merged);
}

/* A place is a key: who joins inserts it, who leaves erases it, and both succeed. */
static void slot_to_map(lin_history *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++) {
        lin_op *op = &h->ops[i];
        bool join = op->kind == LIN_JOIN;
        if (op->status != THETIS_OK) continue; /* a refusal says nothing about any place */
        op->key = join ? op->result : op->arg;
        op->kind = join ? LIN_INSERT : LIN_ERASE;
        op->arg = i;
        h->ops[n++] = *op;
    }
    h->n = n;
}

TEST(recorded_places_have_one_holder)
{
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    for (size_t places = 1; places <= SLOT_THREADS; places++) {
        lin_history h = slot_go(places);
        slot_to_map(&h);
        CHECK(h.n > 0);
        CHECK_EQ(lin_map_check(w, &h), LIN_YES);
        h.ops[h.n - 1].key = (h.ops[h.n - 1].key + 1) % SLOT_THREADS; /* a place nobody holds */
        CHECK_EQ(lin_map_check(w, &h), LIN_NO);
    }
    lin_wgl_destroy(w);
}

TEST_MAIN(T(recorded_pushes_and_pops_are_linearizable, .timeout_s = 60),
          T(recorded_batches_are_linearizable, .timeout_s = 60),
          T(recorded_ends_are_linearizable, .timeout_s = 60),
          T(a_record_that_was_tampered_with_is_not_linearizable),
          T(recorded_places_have_one_holder, .timeout_s = 60))
