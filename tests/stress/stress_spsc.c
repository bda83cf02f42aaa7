/* SPDX-License-Identifier: MIT
 *
 * stress_spsc.c: two threads, every form of push against every form of pop, and the races of
 * close and cancel. Each element carries a checksum of its number: a slot that is read too early,
 * torn, lost, doubled or out of order shows at once.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <thetis/spsc.h>

enum { RING_ELEMENTS = 300000, RING_BATCH = 32, RING_CAPACITY = 1024, RING_RACES = 3000 };

/* Not a power of two in size; the pieces are far enough apart to tear. */
typedef struct ring_item {
    uint64_t number;
    uint64_t seal;
    uint64_t again;
} ring_item;

THETIS_SPSC(item_ring, ring_item);

static ring_item ring_sealed(uint64_t number)
{
    uint64_t state = number;
    return (ring_item){number, test_rand(&state), number};
}

static void ring_check_item(const ring_item *item, uint64_t number)
{
    ring_item want = ring_sealed(number);
    CHECK_EQ(item->number, number);
    CHECK_EQ(item->again, number);
    CHECK_EQ(item->seal, want.seal);
}

/* ---- the forms ------------------------------------------------------------------------------- */

/* Moves elements from number `at` on, at most `n`; returns how many and says why not all. */
typedef size_t ring_move(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why);

static ring_item *ring_at(const thetis_spsc_span *span, size_t k)
{
    return k < span->n[0] ? (ring_item *)span->at[0] + k
                          : (ring_item *)span->at[1] + (k - span->n[0]);
}

static size_t ring_push_generic(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    ring_item item = ring_sealed(at);
    (void)n;
    *why = thetis_spsc_push(ring, &item);
    return *why == THETIS_OK;
}

static size_t ring_push_typed(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    (void)n;
    *why = item_ring_push(ring, ring_sealed(at));
    return *why == THETIS_OK;
}

static size_t ring_push_batch(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    ring_item items[RING_BATCH];
    for (size_t k = 0; k < n; k++) items[k] = ring_sealed(at + k);
    return thetis_spsc_push_n(ring, items, n, why);
}

/* Three reservations, filled backwards, published in parts, the surplus given back. */
static size_t ring_push_reserve(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    thetis_spsc_span span[3];
    size_t got[3], sum = 0;
    for (int r = 0; r < 3; r++) {
        size_t want = r < 2 ? n / 3 : n - n / 3 * 2;
        got[r] = thetis_spsc_reserve(ring, want, &span[r], why);
        sum += got[r];
    }
    size_t used = sum > 1 ? sum - 1 : sum; /* reserves one too many on purpose */
    for (size_t end = sum, r = 3; r-- > 0;) {
        for (size_t k = got[r]; k-- > 0;) *ring_at(&span[r], k) = ring_sealed(at + --end);
    }
    thetis_spsc_abort(ring, sum - used);
    thetis_spsc_commit(ring, used / 2);
    thetis_spsc_commit(ring, used - used / 2);
    return used;
}

static size_t ring_pop_generic(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    ring_item item;
    (void)n;
    *why = thetis_spsc_pop(ring, &item);
    if (*why != THETIS_OK) return 0;
    ring_check_item(&item, at);
    return 1;
}

static size_t ring_pop_typed(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    ring_item item;
    (void)n;
    *why = item_ring_pop(ring, &item);
    if (*why != THETIS_OK) return 0;
    ring_check_item(&item, at);
    return 1;
}

static size_t ring_pop_batch(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    ring_item items[RING_BATCH];
    n = thetis_spsc_pop_n(ring, items, n, why);
    for (size_t k = 0; k < n; k++) ring_check_item(&items[k], at + k);
    return n;
}

/* Looks at all, takes some. Overwrites what it takes: that must not reach the producer's next. */
static size_t ring_pop_peek(thetis_spsc *ring, uint64_t at, size_t n, thetis_status *why)
{
    thetis_spsc_span span;
    n = thetis_spsc_peek(ring, n, &span, why);
    for (size_t k = 0; k < n; k++) ring_check_item(ring_at(&span, k), at + k);
    size_t taken = n - n / 3;
    for (size_t k = 0; k < taken; k++) memset(ring_at(&span, k), 0xDD, sizeof(ring_item));
    thetis_spsc_release(ring, taken);
    return taken;
}

static ring_move *const ring_pushes[] = {ring_push_generic, ring_push_typed, ring_push_batch,
                                         ring_push_reserve};
static ring_move *const ring_pops[] = {ring_pop_generic, ring_pop_typed, ring_pop_batch,
                                       ring_pop_peek};

/* ---- runs ------------------------------------------------------------------------------------ */

typedef struct ring_run {
    thetis_spsc *ring;
    ring_move *push; /* NULL: another form each time */
    ring_move *pop;
    uint64_t elements;
    uint64_t pushed;
    uint64_t popped;
    thetis_status push_end; /* why the producer stopped before `elements` */
    thetis_status pop_end;
    uint64_t seed;
} ring_run;

static char ring_mem[THETIS_SPSC_SIZE(sizeof(ring_item), RING_CAPACITY)] THETIS_CACHE_ALIGNED;

static void ring_init(ring_run *run, size_t capacity)
{
    thetis_spsc_cfg cfg = {sizeof(ring_item), capacity};
    CHECK_EQ(thetis_spsc_init(ring_mem, sizeof ring_mem, &cfg, &run->ring), THETIS_OK);
    run->seed = test_seed();
}

/* Pushes `elements` elements, then closes. */
static void *ring_produce(void *arg)
{
    ring_run *run = arg;
    uint64_t rng = run->seed;
    while (run->pushed < run->elements) {
        uint64_t r = test_rand(&rng), left = run->elements - run->pushed;
        ring_move *push = run->push ? run->push : ring_pushes[r % 4];
        size_t n = 1 + r / 4 % RING_BATCH;
        size_t moved = push(run->ring, run->pushed, n < left ? n : (size_t)left, &run->push_end);
        run->pushed += moved;
        if (run->push_end == THETIS_CLOSED) break;
        if (moved == 0) sched_yield();
    }
    thetis_spsc_close(run->ring);
    return NULL;
}

/* Pops until CLOSED; cancels after `limit` elements. */
static void ring_consume(ring_run *run, uint64_t limit)
{
    uint64_t rng = ~run->seed;
    for (;;) {
        uint64_t r = test_rand(&rng);
        ring_move *pop = run->pop ? run->pop : ring_pops[r % 4];
        size_t moved = pop(run->ring, run->popped, 1 + r / 4 % RING_BATCH, &run->pop_end);
        run->popped += moved;
        CHECK_EQ(thetis_spsc_check(run->ring), THETIS_OK);
        if (run->popped >= limit) thetis_spsc_cancel(run->ring);
        if (run->pop_end == THETIS_CLOSED && moved == 0) return;
        if (moved == 0) sched_yield();
    }
}

static void ring_go(ring_run *run, size_t capacity, uint64_t limit)
{
    pthread_t producer;
    ring_init(run, capacity);
    CHECK_EQ(pthread_create(&producer, NULL, ring_produce, run), 0);
    ring_consume(run, limit);
    CHECK_EQ(pthread_join(producer, NULL), 0);
}

static void ring_all_arrive(size_t capacity, ring_move *push, ring_move *pop, size_t elements)
{
    ring_run run = {.push = push, .pop = pop, .elements = test_scale(elements)};
    ring_go(&run, capacity, UINT64_MAX);
    CHECK_EQ(run.pushed, run.elements);
    CHECK_EQ(run.popped, run.elements);
    CHECK_EQ(thetis_spsc_check(run.ring), THETIS_OK);
}

TEST(every_push_form_meets_every_pop_form)
{
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            ring_all_arrive(64, ring_pushes[i], ring_pops[j], RING_ELEMENTS);
    }
}

TEST(small_rings_with_changing_forms)
{
    ring_all_arrive(1, NULL, NULL, RING_ELEMENTS / 10);
    ring_all_arrive(2, NULL, NULL, RING_ELEMENTS / 10);
    ring_all_arrive(4, NULL, NULL, RING_ELEMENTS / 4);
    ring_all_arrive(8, NULL, NULL, RING_ELEMENTS / 2);
}

TEST(a_large_ring_with_changing_forms)
{
    ring_all_arrive(RING_CAPACITY, NULL, NULL, RING_ELEMENTS * 4);
}

/* Closes after a random, often small number: whatever was pushed must come out before CLOSED. */
TEST(close_races_with_pop)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(RING_RACES); race > 0; race--) {
        ring_run run = {.elements = test_rand(&rng) % 40};
        ring_go(&run, (size_t)1 << race % 6, UINT64_MAX);
        CHECK_EQ(run.popped, run.elements);
    }
}

/* The consumer cancels in the middle: the producer stops, not much later than it must. */
TEST(cancel_races_with_push)
{
    uint64_t rng = test_seed();
    for (size_t race = test_scale(RING_RACES); race > 0; race--) {
        size_t capacity = (size_t)1 << race % 6;
        uint64_t limit = test_rand(&rng) % 40;
        ring_run run = {.elements = UINT64_MAX};
        ring_go(&run, capacity, limit);
        CHECK_EQ(run.push_end, THETIS_CLOSED);
        CHECK(run.pushed >= run.popped);
        CHECK(run.pushed - run.popped <= capacity);
        CHECK(run.popped >= limit && run.popped <= limit + RING_BATCH);
    }
}

/* ---- what was written before the end is seen after it ---------------------------------------- */

typedef struct ring_end {
    thetis_spsc *ring;
    int plain; /* not atomic: ThreadSanitizer sees whether close and cancel order it */
} ring_end;

static void *ring_write_and_close(void *arg)
{
    ring_end *end = arg;
    end->plain = 7;
    thetis_spsc_close(end->ring);
    return NULL;
}

static void *ring_write_and_cancel(void *arg)
{
    ring_end *end = arg;
    end->plain = 7;
    thetis_spsc_cancel(end->ring);
    return NULL;
}

static void ring_ends(void *(*body)(void *), int by_consumer)
{
    static char memory[THETIS_SPSC_SIZE(sizeof(int), 4)] THETIS_CACHE_ALIGNED;
    thetis_spsc_cfg cfg = {sizeof(int), 4};
    for (size_t round = test_scale(500); round > 0; round--) {
        ring_end end = {.plain = 0};
        pthread_t thread;
        int item = 0;
        CHECK_EQ(thetis_spsc_init(memory, sizeof memory, &cfg, &end.ring), THETIS_OK);
        CHECK_EQ(pthread_create(&thread, NULL, body, &end), 0);
        while ((by_consumer ? thetis_spsc_push(end.ring, &item)
                            : thetis_spsc_pop(end.ring, &item)) != THETIS_CLOSED) {
            sched_yield();
        }
        CHECK_EQ(end.plain, 7);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

TEST(closed_carries_what_the_producer_wrote)
{
    ring_ends(ring_write_and_close, 0);
}

TEST(closed_carries_what_the_consumer_wrote)
{
    ring_ends(ring_write_and_cancel, 1);
}

TEST_MAIN(T(closed_carries_what_the_producer_wrote, .timeout_s = 60),
          T(closed_carries_what_the_consumer_wrote, .timeout_s = 60),
          T(every_push_form_meets_every_pop_form, .timeout_s = 120),
          T(small_rings_with_changing_forms, .timeout_s = 120),
          T(a_large_ring_with_changing_forms, .timeout_s = 60),
          T(close_races_with_pop, .timeout_s = 60), T(cancel_races_with_push, .timeout_s = 60))
