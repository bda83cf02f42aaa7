/* SPDX-License-Identifier: MIT
 *
 * scaling.h: a ring under every number of threads, from two to far more than there are cores.
 *
 *     static const scaling_subject words = {.producers = 1, ...};
 *     TEST(every_number_of_threads) { scaling_run(&words); }
 *
 * For each number of threads and each capacity, the threads share a ring as its roles allow: half
 * of them produce; or, if a ring has one producer or one consumer, all others are on its other
 * side; or, if it has one of both, there are as many rings as pairs. Checked: each element arrives
 * as the ring promises, and those of one producer come to each consumer in order. In the smallest
 * rings the ends run into each other all the time, which is asserted.
 *
 * Iterations are divided where the machine is slower (harness/scale.h), threads and capacities
 * never: a divided run takes the same contended paths, as there are at least SCALING_LAPS laps.
 */
#ifndef TEST_SCALING_H
#define TEST_SCALING_H

#include "harness/barrier.h"
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <thetis/atomic.h>

enum {
    SCALING_ELEMENTS = 100000, /* of one number of threads and one capacity, over all rings */
    SCALING_LAPS = 8,
    SCALING_LEAST = 1000,
    SCALING_THREADS = 32,
    SCALING_RUN = 16, /* elements at a time of a producer that nothing stops */
    SCALING_ORDERS = 20 /* an element: producer above, number of it below this bit */
};

/* What a ring promises of an element. */
typedef enum scaling_promise {
    SCALING_ONCE,   /* one consumer gets it */
    SCALING_ALL,    /* every consumer gets it */
    SCALING_NEWEST, /* consumers may miss it, but not the last one */
    SCALING_SOME    /* consumers may miss it */
} scaling_promise;

/* A kind of ring of 64-bit elements. Functions fail the test by themselves if something is wrong;
 * push and pop return 0 when the ring is full or empty. */
typedef struct scaling_subject {
    unsigned producers; /* the most that one ring allows */
    unsigned consumers;
    scaling_promise promise;
    size_t smallest; /* capacities: this one, then 16 times as many, up to the largest */
    size_t largest;
    void *(*open)(size_t capacity, unsigned producers, unsigned consumers);
    void *(*join)(void *ring, int produces); /* a thread's handle; NULL: the ring itself */
    void (*leave)(void *handle, int produces);
    int (*push)(void *handle, uint64_t element);
    int (*pop)(void *handle, uint64_t *element);
    void (*close)(void *ring);
} scaling_subject;

typedef struct scaling_ring {
    void *ring;
    unsigned producers, consumers;
    uint64_t each;           /* elements of one producer */
    thetis_atomic popped;    /* by all consumers */
    thetis_atomic ended;     /* producers */
    thetis_atomic contended; /* pushes that found it full, pops that found it empty */
    thetis_atomic *seen;     /* how often each element came out, producer by producer */
} scaling_ring;

typedef struct scaling_thread {
    const scaling_subject *subject;
    scaling_ring *on;
    pthread_barrier_t *start;
    pthread_t thread;
    unsigned number; /* among the ring's producers or consumers */
    int produces;
} scaling_thread;

static inline void scaling_refused(scaling_ring *on)
{
    (void)thetis_atomic_fetch_add_relaxed(&on->contended, 1);
    (void)sched_yield();
}

static inline void scaling_produce(const scaling_thread *t, void *handle)
{
    bool unstopped = t->subject->promise >= SCALING_NEWEST;
    for (uint64_t k = 0; k < t->on->each;) {
        if (t->subject->push(handle, (uint64_t)t->number << SCALING_ORDERS | k)) k++;
        else scaling_refused(t->on);
        if (unstopped && k % SCALING_RUN == 0) (void)sched_yield();
    }
    (void)thetis_atomic_fetch_add_release(&t->on->ended, 1);
}

/* Each consumer sees the elements of one producer in order, not necessarily all of them. */
static inline void scaling_take(scaling_ring *on, uint64_t element, uint64_t *next)
{
    uint64_t from = element >> SCALING_ORDERS;
    uint64_t k = element & ((UINT64_C(1) << SCALING_ORDERS) - 1);
    CHECK(from < on->producers && k < on->each);
    CHECK(k >= next[from]);
    next[from] = k + 1;
    (void)thetis_atomic_fetch_add_relaxed(&on->seen[from * on->each + k], 1);
    (void)thetis_atomic_fetch_add_relaxed(&on->popped, 1);
}

/* Whether a consumer that has taken `mine` is done, if it finds no more now. */
static inline bool scaling_over(const scaling_thread *t, uint64_t mine)
{
    scaling_ring *on = t->on;
    switch (t->subject->promise) {
    case SCALING_ONCE:
        return thetis_atomic_load_relaxed(&on->popped) == on->each * on->producers;
    case SCALING_ALL: return mine == on->each * on->producers;
    default: return thetis_atomic_load_acquire(&on->ended) == on->producers;
    }
}

static inline void scaling_consume(const scaling_thread *t, void *handle)
{
    uint64_t next[SCALING_THREADS] = {0}, mine = 0, element;
    for (;;) {
        bool over = scaling_over(t, mine);
        if (t->subject->pop(handle, &element)) {
            scaling_take(t->on, element, next);
            mine++;
        } else if (over) {
            return;
        } else {
            scaling_refused(t->on);
        }
    }
}

static inline void *scaling_body(void *arg)
{
    scaling_thread *t = (scaling_thread *)arg;
    const scaling_subject *s = t->subject;
    void *handle = s->join ? s->join(t->on->ring, t->produces) : t->on->ring;
    int waited = pthread_barrier_wait(t->start);
    CHECK(waited == 0 || waited == PTHREAD_BARRIER_SERIAL_THREAD);
    if (t->produces) scaling_produce(t, handle);
    else scaling_consume(t, handle);
    if (s->leave) s->leave(handle, t->produces);
    return NULL;
}

static inline void scaling_open(const scaling_subject *s, scaling_ring *on, size_t capacity,
                                uint64_t elements)
{
    on->each = elements / on->producers;
    on->popped = on->ended = on->contended = (thetis_atomic){0};
    on->seen = (thetis_atomic *)calloc(on->producers * on->each, sizeof *on->seen);
    on->ring = s->open(capacity, on->producers, on->consumers);
    CHECK(on->seen && on->ring);
}

/* How often an element arrived. */
static inline void scaling_check(const scaling_subject *s, const scaling_ring *on, uint64_t seen,
                                 bool last)
{
    if (s->promise == SCALING_ONCE) CHECK_EQ(seen, 1);
    else if (s->promise == SCALING_ALL || (s->promise == SCALING_NEWEST && last))
        CHECK_EQ(seen, on->consumers);
    else CHECK(seen <= on->consumers);
}

static inline void scaling_close(const scaling_subject *s, scaling_ring *on)
{
    uint64_t all = on->each * on->producers;
    for (uint64_t k = 0; k < all; k++) scaling_check(s, on, on->seen[k].word_, k + 1 == all);
    free(on->seen);
    s->close(on->ring);
}

/* Elements through one ring: fewer on a slow machine, or if they are copied to many, but enough for
 * its ends to meet. */
static inline uint64_t scaling_elements(const scaling_subject *s, const scaling_ring *on,
                                        unsigned rings, size_t capacity)
{
    uint64_t copies = s->promise == SCALING_ALL ? on->consumers : 1;
    uint64_t n = test_scale(SCALING_ELEMENTS) / rings / copies;
    uint64_t least = (uint64_t)SCALING_LAPS * capacity + SCALING_LEAST;
    return n < least ? least : n;
}

/* How `threads` threads share rings: as many on each as its roles allow. */
static inline unsigned scaling_share(const scaling_subject *s, unsigned threads, scaling_ring *on)
{
    unsigned producers = s->consumers == 1 ? threads - 1 : threads / 2;
    unsigned consumers = s->producers == 1 ? threads - 1 : threads / 2;
    on->producers = producers < s->producers ? producers : s->producers;
    on->consumers = consumers < s->consumers ? consumers : s->consumers;
    return threads / (on->producers + on->consumers);
}

static inline void scaling_go(const scaling_subject *s, scaling_ring *on, unsigned rings)
{
    scaling_thread threads[SCALING_THREADS], *t = threads;
    unsigned each = on->producers + on->consumers;
    pthread_barrier_t start;
    CHECK_EQ(pthread_barrier_init(&start, NULL, rings * each), 0);
    for (unsigned k = 0; k < rings * each; k++) {
        scaling_ring *mine = on + k / each;
        unsigned number = k % each;
        int produces = number < mine->producers;
        *t = (scaling_thread){s, mine, &start, 0, number, produces};
        CHECK_EQ(pthread_create(&t->thread, NULL, scaling_body, t), 0);
        t++;
    }
    while (t != threads) CHECK_EQ(pthread_join((--t)->thread, NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(&start), 0);
}

static inline void scaling_once(const scaling_subject *s, unsigned threads, size_t capacity)
{
    scaling_ring on[SCALING_THREADS / 2];
    unsigned rings = scaling_share(s, threads, on);
    uint64_t contended = 0;
    for (unsigned r = 0; r < rings; r++) {
        on[r] = on[0]; /* the same shares */
        scaling_open(s, &on[r], capacity, scaling_elements(s, &on[r], rings, capacity));
    }
    scaling_go(s, on, rings);
    for (unsigned r = 0; r < rings; r++) {
        contended += on[r].contended.word_;
        scaling_close(s, &on[r]);
    }
    /* An emulator may let the threads of a short run meet never. */
    if (capacity == s->smallest && !test_emulated()) CHECK(contended > 0);
}

/* All numbers of threads and all capacities. */
static inline void scaling_run(const scaling_subject *s)
{
    for (unsigned threads = 2; threads <= SCALING_THREADS; threads *= 2) {
        for (size_t capacity = s->smallest; capacity <= s->largest; capacity *= 16)
            scaling_once(s, threads, capacity);
    }
}

#endif
