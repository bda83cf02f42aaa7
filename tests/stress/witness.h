/* SPDX-License-Identifier: MIT
 *
 * witness.h: threads record all that they do with a queue, and the monitor of queues judges the
 * histories: EMPTY, FULL and CLOSED among them. THETIS_LIN=N in the environment makes it N times as
 * many: 100 for 10^8 operations.
 *
 *     static const witness_subject words = {.open = words_open, ...};
 *     TEST(recorded_histories_are_linearizable) { witness_run(&words); }
 *     TEST(a_wrong_history_is_noticed) { witness_control(&words); }
 */
#ifndef TEST_WITNESS_H
#define TEST_WITNESS_H

#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/status.h>

#include "lin/lin.h"

enum { WITNESS_THREADS = 4, WITNESS_OPS = 20000, WITNESS_ROUNDS = 16, WITNESS_END = 64 };

/* A kind of queue of words. */
typedef struct witness_subject {
    int bounded; /* else FULL is no answer */
    /* An empty one, `round` says which of its variants. */
    void (*open)(size_t capacity, unsigned round);
    void *(*join)(unsigned thread); /* a thread's handle */
    void (*leave)(void *handle);
    thetis_status (*push)(void *handle, uint64_t value);
    thetis_status (*pop)(void *handle, uint64_t *value);
    thetis_status (*close)(void *handle);
    void (*fini)(void); /* NULL: nothing to do */
} witness_subject;

typedef struct witness_thread {
    lin_recorder recorder;
    lin_op ops[WITNESS_OPS];
    uint64_t rng, pushed;
    unsigned id;
    const witness_subject *subject;
} witness_thread;

static witness_thread witness[WITNESS_THREADS];
static lin_op witness_all[WITNESS_THREADS * WITNESS_OPS];

static inline void witness_push(witness_thread *t, void *me)
{
    lin_op *op = lin_begin(&t->recorder, LIN_PUSH);
    op->arg = t->pushed++ * WITNESS_THREADS + t->id + 1;
    lin_end(&t->recorder, op, t->subject->push(me, op->arg));
}

static inline thetis_status witness_pop(witness_thread *t, void *me)
{
    uint64_t value = 0;
    lin_op *op = lin_begin(&t->recorder, LIN_POP);
    thetis_status s = t->subject->pop(me, &value);
    op->result = value;
    lin_end(&t->recorder, op, s);
    return s;
}

/* Pushes and pops at random, one more than the other for a while; closes shortly before the record
 * is full, and drains. */
static inline void *witness_work(void *arg)
{
    witness_thread *t = (witness_thread *)arg;
    void *me = t->subject->join(t->id);
    while (lin_recorder_has_room(&t->recorder, WITNESS_END)) {
        uint64_t r = test_rand(&t->rng);
        if (r % 16 < 6 + t->recorder.n / 500 % 5) witness_push(t, me);
        else (void)witness_pop(t, me);
        if (r / 16 % 64 == 0) (void)sched_yield();
    }
    lin_op *op = lin_begin(&t->recorder, LIN_CLOSE);
    lin_end(&t->recorder, op, t->subject->close(me));
    witness_push(t, me);
    while (lin_recorder_has_room(&t->recorder, 1) && witness_pop(t, me) != THETIS_CLOSED) continue;
    t->subject->leave(me);
    return NULL;
}

static inline lin_history witness_history(void)
{
    lin_recorder recorders[WITNESS_THREADS];
    for (int k = 0; k < WITNESS_THREADS; k++) recorders[k] = witness[k].recorder;
    return lin_merge(recorders, WITNESS_THREADS, witness_all);
}

/* Returns how many operations were judged. */
static inline size_t witness_round(const witness_subject *subject, size_t capacity,
                                   unsigned round, uint64_t *seed)
{
    pthread_t threads[WITNESS_THREADS];
    subject->open(capacity, round);
    for (unsigned k = 0; k < WITNESS_THREADS; k++) {
        lin_recorder_init(&witness[k].recorder, k, lin_clock_real, NULL, witness[k].ops,
                          WITNESS_OPS);
        witness[k].id = k;
        witness[k].pushed = 0;
        witness[k].rng = test_rand(seed);
        witness[k].subject = subject;
        CHECK_EQ(pthread_create(&threads[k], NULL, witness_work, &witness[k]), 0);
    }
    for (int k = 0; k < WITNESS_THREADS; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    if (subject->fini) subject->fini();
    lin_history h = witness_history();
    CHECK_EQ(lin_queue_check(&h, subject->bounded ? capacity : 0), LIN_YES);
    return h.n;
}

static inline void witness_run(const witness_subject *subject)
{
    static const size_t capacities[] = {1, 2, 5, 64};
    const char *longer = getenv("THETIS_LIN");
    size_t rounds = test_scale(WITNESS_ROUNDS) * (longer ? (size_t)atoi(longer) : 1), ops = 0;
    uint64_t seed = test_seed();
    for (size_t k = 0; k < rounds; k++)
        ops += witness_round(subject, capacities[k % 4], (unsigned)k, &seed);
    CHECK(ops >= rounds * WITNESS_THREADS * (WITNESS_OPS - WITNESS_END));
    if (longer) printf("%zu operations\n", ops);
}

/* The control: one value that is said to have come out twice. */
static inline void witness_control(const witness_subject *subject)
{
    uint64_t seed = test_seed();
    (void)witness_round(subject, 5, 0, &seed);
    lin_history h = witness_history();
    lin_op *first = NULL;
    for (size_t k = 0; k < h.n; k++) {
        lin_op *op = &witness_all[k];
        if (op->kind != LIN_POP || op->status != THETIS_OK) continue;
        if (first) {
            op->result = first->result;
            break;
        }
        first = op;
    }
    CHECK_EQ(lin_queue_check(&h, subject->bounded ? 5 : 0), LIN_NO);
}

#endif
