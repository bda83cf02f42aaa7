/* SPDX-License-Identifier: MIT
 *
 * test_mpsc_bound.c: counts the steps of pops while producers act between any two of them, as
 * cleverly as we know and at random: no pop takes more than thetis_mpsc_bound(). The ring's source
 * is compiled in here, with atomic operations that count. All positions count, also those of slots
 * that nobody else touches in a case, which the concurrency tester takes for the consumer's own.
 */
#include <thetis/atomic.h>

static unsigned long bound_steps;
static void (*bound_others)(const thetis_atomic *next); /* what is done before each step */
static int bound_counts;           /* a pop is running, and nobody else just now */

static void bound_step(const thetis_atomic *next)
{
    if (!bound_counts) return;
    bound_counts = 0;
    if (bound_others) bound_others(next);
    bound_counts = 1;
    bound_steps++;
}

static uintptr_t counted_load_acquire(const thetis_atomic *a)
{
    bound_step(a);
    return thetis_atomic_load_acquire(a); /* pair: test.mpsc-bound */
}

static uintptr_t counted_load_relaxed(const thetis_atomic *a)
{
    bound_step(a);
    return thetis_atomic_load_relaxed(a);
}

static void counted_store_relaxed(thetis_atomic *a, uintptr_t value)
{
    bound_step(a);
    thetis_atomic_store_relaxed(a, value);
}

static void counted_store_release(thetis_atomic *a, uintptr_t value)
{
    bound_step(a);
    thetis_atomic_store_release(a, value); /* pair: test.mpsc-bound */
}

#define thetis_atomic_load_acquire counted_load_acquire
#define thetis_atomic_load_relaxed counted_load_relaxed
#define thetis_atomic_store_relaxed counted_store_relaxed
#define thetis_atomic_store_release counted_store_release
#include "ring/mpsc.c"

#include "mpsc_rings.h"

enum { BOUND_OPEN = 19 };

static thetis_mpsc *bound_ring;
static void *bound_open[BOUND_OPEN]; /* of producer 0, the oldest first */
static size_t bound_held;
static uint64_t bound_rng;

static void bound_reserve(void)
{
    bound_open[bound_held++] = mpsc_reserve_ok(&mpsc_by[0], 7);
}

static void bound_finish(size_t k)
{
    thetis_mpsc_commit(&mpsc_by[0], bound_open[k]);
    bound_held--;
    for (; k < bound_held; k++) bound_open[k] = bound_open[k + 1];
}

static unsigned long bound_pop(void)
{
    uint32_t got;
    thetis_status s;
    bound_steps = 0;
    bound_counts = 1;
    s = thetis_mpsc_pop(bound_ring, &got);
    bound_counts = 0;
    bound_steps += s == THETIS_OK; /* the element */
    CHECK(bound_steps <= thetis_mpsc_bound(bound_ring, THETIS_MPSC_POP, 1));
    CHECK_EQ(thetis_mpsc_check(bound_ring), THETIS_OK);
    return bound_steps;
}

/* ---- at random ------------------------------------------------------------------------------- */

/* Reserves, finishes, or does nothing. */
static void bound_act(const thetis_atomic *next)
{
    void *at;
    (void)next;
    if (test_rand(&bound_rng) % 3) return;
    for (uint64_t n = test_rand(&bound_rng) % 4; n > 0; n--) {
        if (bound_held > 0 && test_rand(&bound_rng) % 2)
            bound_finish(test_rand(&bound_rng) % bound_held);
        else if (bound_held < bound_ring->shape_.open &&
                 thetis_mpsc_reserve(&mpsc_by[0], &at) == THETIS_OK)
            bound_open[bound_held++] = at;
    }
}

/* As configured, or with slots that come round at once. */
static void bound_make(size_t capacity, size_t open, int tiny)
{
    thetis_mpsc_cfg cfg = {sizeof(uint32_t), capacity, 1, 1, open};
    bound_ring = mpsc_make_at(&cfg, 0);
    if (tiny) {
        thetis_mpsc_shape_ shape = bound_ring->shape_;
        shape.homes = mpsc_power_of_two(capacity);
        shape.lap = 4 * shape.homes;
        shape.spares = 4 * open;
        bound_ring = tht_mpsc_build(mpsc_mem, &shape, 0);
        CHECK_EQ(thetis_mpsc_join(bound_ring, &mpsc_by[0]), THETIS_OK);
    }
    bound_held = 0;
}

TEST(no_pop_takes_more_than_its_bound)
{
    unsigned long most = 0;
    bound_rng = test_seed();
    bound_others = bound_act;
    for (size_t round = 400; round > 0; round--) { /* fewer might miss the worst */
        size_t open = 1 + test_rand(&bound_rng) % 4, capacity = open + test_rand(&bound_rng) % 9;
        bound_make(capacity, open, round % 2);
        for (int k = 0; k < 200; k++) {
            unsigned long steps = bound_pop();
            if (open == 2 && steps > most) most = steps;
        }
    }
    CHECK(2 * most > 8 * 2 + 6);
}

/* ---- as cleverly as we know ------------------------------------------------------------------ */

static size_t bound_front(void)
{
    return bound_ring->consumer_.front >> 2;
}

static void bound_pass_one(void)
{
    mpsc_push_ok(&mpsc_by[0], 1);
    mpsc_pop_is(bound_ring, 1);
}

static void bound_take_oldest(void)
{
    bound_finish(0);
    mpsc_pop_is(bound_ring, 7);
}

/* When a pop has met what it knew and looks for more: all that it met is finished, and as much
 * is drawn. */
static void bound_exchange(const thetis_atomic *next)
{
    if (next != &bound_ring->tail_) return;
    while (bound_held > 0) bound_finish(0);
    while (bound_held < BOUND_OPEN) bound_reserve();
}

/* Holes that pin their homes, one place after the other, until the ring comes round to them: the
 * tickets there lie in spares, and are open when they are met. */
TEST(a_pop_can_come_near_its_bound)
{
    bound_others = NULL;
    bound_make(2 * BOUND_OPEN, BOUND_OPEN, 0);
    size_t homes = bound_ring->shape_.homes, lag = homes - (bound_ring->shape_.window >> 2);
    for (int k = 1; k < BOUND_OPEN; k++) bound_reserve();
    mpsc_pop_says(bound_ring, THETIS_EMPTY);
    while (bound_front() <= lag) bound_pass_one();
    for (int k = 1; k < BOUND_OPEN; k++) {
        bound_reserve();
        bound_take_oldest();
        mpsc_pop_says(bound_ring, THETIS_EMPTY);
    }
    while (bound_front() < homes - 1) bound_pass_one();
    while (bound_held > 1) bound_take_oldest();
    mpsc_push_ok(&mpsc_by[0], 1);
    for (int k = 1; k < BOUND_OPEN; k++) bound_reserve();
    mpsc_pop_is(bound_ring, 1);
    bound_others = bound_exchange;
    unsigned long steps = bound_pop();
    CHECK(10 * steps > 9 * thetis_mpsc_bound(bound_ring, THETIS_MPSC_POP, 1));
}

TEST_MAIN(T(no_pop_takes_more_than_its_bound), T(a_pop_can_come_near_its_bound))
