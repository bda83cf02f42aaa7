/* SPDX-License-Identifier: MIT
 *
 * stress_lin_mpmc.c: threads record all that they do with the value form of thetis/mpmc.h, and the
 * monitor of queues judges the histories: more than a million operations, EMPTY, FULL and CLOSED
 * among them. THETIS_LIN=N in the environment makes it N times as many: 100 for 10^8.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <thetis/mpmc.h>

#include "lin/lin.h"

#if THETIS_CAP_MPMC && THETIS_CAP_WIDE_CAS

enum { WITNESS_THREADS = 4, WITNESS_OPS = 20000, WITNESS_ROUNDS = 16, WITNESS_END = 64 };

typedef struct witness_thread {
    lin_recorder recorder;
    lin_op ops[WITNESS_OPS];
    uint64_t rng, pushed;
    unsigned id;
} witness_thread;

static witness_thread witness[WITNESS_THREADS];
static lin_op witness_all[WITNESS_THREADS * WITNESS_OPS];
static thetis_mpmc_value *witness_ring;

static void witness_push(witness_thread *t, thetis_mpmc_value_end *me)
{
    lin_op *op = lin_begin(&t->recorder, LIN_PUSH);
    op->arg = t->pushed++ * WITNESS_THREADS + t->id + 1;
    lin_end(&t->recorder, op, thetis_mpmc_value_push(me, op->arg));
}

static thetis_status witness_pop(witness_thread *t, thetis_mpmc_value_end *me)
{
    uintptr_t value = 0;
    lin_op *op = lin_begin(&t->recorder, LIN_POP);
    thetis_status s = thetis_mpmc_value_pop(me, &value);
    op->result = value;
    lin_end(&t->recorder, op, s);
    return s;
}

/* Pushes and pops at random, one more than the other for a while; closes shortly before the record
 * is full, and drains. */
static void *witness_work(void *arg)
{
    witness_thread *t = arg;
    thetis_mpmc_value_end me;
    CHECK_EQ(thetis_mpmc_value_join(witness_ring, &me), THETIS_OK);
    while (lin_recorder_has_room(&t->recorder, WITNESS_END)) {
        uint64_t r = test_rand(&t->rng);
        if (r % 16 < 6 + t->recorder.n / 500 % 5) witness_push(t, &me);
        else (void)witness_pop(t, &me);
        if (r / 16 % 64 == 0) (void)sched_yield();
    }
    lin_op *op = lin_begin(&t->recorder, LIN_CLOSE);
    lin_end(&t->recorder, op, thetis_mpmc_value_close(&me));
    witness_push(t, &me);
    while (lin_recorder_has_room(&t->recorder, 1) && witness_pop(t, &me) != THETIS_CLOSED) continue;
    thetis_mpmc_value_leave(&me);
    return NULL;
}

/* Returns how many operations were judged. */
static size_t witness_round(size_t capacity, unsigned profile, uint64_t *seed)
{
    static char mem[THETIS_MPMC_VALUE_SIZE(64, WITNESS_THREADS)] THETIS_CACHE_ALIGNED;
    thetis_mpmc_cfg cfg = {0, capacity, WITNESS_THREADS, 0, profile};
    pthread_t threads[WITNESS_THREADS];
    lin_recorder recorders[WITNESS_THREADS];
    CHECK_EQ(thetis_mpmc_value_init(mem, sizeof mem, &cfg, &witness_ring), THETIS_OK);
    for (unsigned k = 0; k < WITNESS_THREADS; k++) {
        lin_recorder_init(&witness[k].recorder, k, lin_clock_real, NULL, witness[k].ops,
                          WITNESS_OPS);
        witness[k].id = k;
        witness[k].pushed = 0;
        witness[k].rng = test_rand(seed);
        CHECK_EQ(pthread_create(&threads[k], NULL, witness_work, &witness[k]), 0);
    }
    for (int k = 0; k < WITNESS_THREADS; k++) CHECK_EQ(pthread_join(threads[k], NULL), 0);
    for (int k = 0; k < WITNESS_THREADS; k++) recorders[k] = witness[k].recorder;
    lin_history h = lin_merge(recorders, WITNESS_THREADS, witness_all);
    CHECK_EQ(lin_queue_check(&h, capacity), LIN_YES);
    return h.n;
}

TEST(recorded_histories_are_linearizable)
{
    static const size_t capacities[] = {1, 2, 5, 64};
    const char *longer = getenv("THETIS_LIN");
    size_t rounds = test_scale(WITNESS_ROUNDS) * (longer ? (size_t)atoi(longer) : 1), ops = 0;
    uint64_t seed = test_seed();
    for (size_t k = 0; k < rounds; k++)
        ops += witness_round(capacities[k % 4], 1 + (unsigned)k / 4 % 2, &seed);
    CHECK(ops >= rounds * WITNESS_THREADS * (WITNESS_OPS - WITNESS_END));
}

/* The control: one value that is said to have come out twice. */
TEST(a_wrong_history_is_noticed)
{
    uint64_t seed = test_seed();
    (void)witness_round(5, THETIS_MPMC_REALTIME, &seed);
    lin_recorder recorders[WITNESS_THREADS];
    for (int k = 0; k < WITNESS_THREADS; k++) recorders[k] = witness[k].recorder;
    lin_history h = lin_merge(recorders, WITNESS_THREADS, witness_all);
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
    CHECK_EQ(lin_queue_check(&h, 5), LIN_NO);
}

TEST_MAIN(T(recorded_histories_are_linearizable, .timeout_s = 3600),
          T(a_wrong_history_is_noticed, .timeout_s = 120))

#else

TEST(mpmc_is_there)
{
    SKIP_UNSUPPORTED("mpmc");
}

TEST_MAIN(T(mpmc_is_there))

#endif
