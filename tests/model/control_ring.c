/* SPDX-License-Identifier: MIT
 *
 * control_ring.c: a ring of 2 slots between two threads, with its four orders weakened one at a
 * time. Under sequential consistency no schedule shows it; under the weak model one must.
 */
#include <thetis/check.h>

#include "orders.h"

enum { SLOTS = 2, PUSHES = 3 };

/* Who sees an index of the other side with acquire may use the slots that its release freed. */
typedef struct ring_orders {
    int push_head, push_tail, pop_tail, pop_head;
} ring_orders;

static const ring_orders *orders;
static uint64_t head, tail, slots[SLOTS];
static uint64_t popped[PUSHES];
static unsigned pops;

static bool push(uint64_t value)
{
    uint64_t at = order_load(&tail, __ATOMIC_RELAXED);
    if (at - order_load(&head, orders->push_head) == SLOTS) return false;
    slots[at % SLOTS] = value;
    order_store(&tail, at + 1, orders->push_tail);
    return true;
}

static bool pop(uint64_t *value)
{
    uint64_t at = order_load(&head, __ATOMIC_RELAXED);
    if (order_load(&tail, orders->pop_tail) == at) return false;
    *value = slots[at % SLOTS];
    order_store(&head, at + 1, orders->pop_head);
    return true;
}

static void make(const ring_orders *with)
{
    orders = with;
    head = tail = 0;
    pops = 0;
}

static void body(unsigned thread)
{
    uint64_t next = 1, value;
    for (int k = 0; k < PUSHES; k++) {
        thetis_check_begin(thread == 0 ? "ring.push" : "ring.pop", 4);
        bool done = thread == 0 ? push(next) : pop(&value);
        thetis_check_end();
        if (!done) continue;
        if (thread == 0) next++;
        else popped[pops++] = value;
    }
}

static void in_order(void)
{
    for (unsigned k = 0; k < pops; k++) THETIS_CHECK(popped[k] == k + 1);
}

#define RING(name_, text, flags_, expect_, finders_, ...)                                       \
    static void setup_##name_(void)                                                             \
    {                                                                                           \
        static const ring_orders with = {__VA_ARGS__};                                          \
        make(&with);                                                                            \
    }                                                                                           \
    const thetis_check_scenario control_ring_##name_ = {                                        \
        .name = "control-ring-" text, .threads = 2, .setup = setup_##name_, .body = body,       \
        .done = in_order, .expect = expect_, .finders = finders_, .flags = flags_};

#define PAIR(name, text, ...)                                                                   \
    RING(name##_weak, text "-weak", THETIS_CHECK_WEAK, "race", "random pct dfs", __VA_ARGS__)   \
    RING(name##_sc, text "-sc", THETIS_CHECK_SC, NULL, NULL, __VA_ARGS__)

#define ACQ __ATOMIC_ACQUIRE
#define REL __ATOMIC_RELEASE
#define RLX __ATOMIC_RELAXED

RING(good, "good", 0, NULL, NULL, ACQ, REL, ACQ, REL)
PAIR(push_head, "push-head", RLX, REL, ACQ, REL)
PAIR(push_tail, "push-tail", ACQ, RLX, ACQ, REL)
PAIR(pop_tail, "pop-tail", ACQ, REL, RLX, REL)
PAIR(pop_head, "pop-head", ACQ, REL, ACQ, RLX)
