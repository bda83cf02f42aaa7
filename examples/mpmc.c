/* SPDX-License-Identifier: MIT
 *
 * mpmc.c: a few workers share jobs, in both directions: whoever has nothing to do takes one, and a
 * job may make others. The jobs are written where they lie. The ring is closed when all is done.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/mpmc.h>

#if THETIS_CAP_MPMC

enum { WORKERS = 3, CAPACITY = 64, SPLIT = 8 };

/* Sum up the numbers from .. to - 1. */
typedef struct job {
    uint64_t from, to;
} job;

static char mem[THETIS_MPMC_SIZE(sizeof(job), CAPACITY, WORKERS + 1, 1)] THETIS_CACHE_ALIGNED;
static thetis_mpmc *ring;
static thetis_atomic sum, left; /* numbers not yet summed up */

static void add(const job *j)
{
    uint64_t s = 0;
    for (uint64_t k = j->from; k < j->to; k++)
        s += k;
    (void)thetis_atomic_fetch_add_relaxed(&sum, s);
}

/* The upper half becomes a job of its own, if there is room. */
static void work_on(thetis_mpmc_end *me, job j)
{
    while (j.to - j.from > SPLIT) {
        uint64_t middle = j.from + (j.to - j.from) / 2;
        void *at;
        if (thetis_mpmc_reserve(me, &at) != THETIS_OK)
            break;
        *(job *)at = (job){middle, j.to};
        if (thetis_mpmc_commit(me, at) != THETIS_OK)
            break;
        j.to = middle;
    }
    add(&j);
    if (thetis_atomic_fetch_sub_release(&left, j.to - j.from) == j.to - j.from)
        (void)thetis_mpmc_close(me);
}

static void *worker(void *unused)
{
    thetis_mpmc_end me;
    job j;
    (void)unused;
    if (thetis_mpmc_join(ring, &me) != THETIS_OK)
        return NULL;
    for (;;) {
        thetis_status s = thetis_mpmc_pop(&me, &j);
        if (s == THETIS_CLOSED)
            break;
        if (s == THETIS_OK)
            work_on(&me, j);
        else
            (void)sched_yield();
    }
    thetis_mpmc_leave(&me);
    return NULL;
}

int main(void)
{
    thetis_mpmc_cfg cfg = {
        .elem_size = sizeof(job), .capacity = CAPACITY, .participants = WORKERS + 1};
    job all = {0, 100000};
    thetis_mpmc_end me;
    pthread_t threads[WORKERS];
    thetis_atomic_store_relaxed(&left, all.to);
    if (thetis_mpmc_init(mem, sizeof mem, &cfg, &ring) != THETIS_OK ||
        thetis_mpmc_join(ring, &me) != THETIS_OK || thetis_mpmc_push(&me, &all) != THETIS_OK)
        return 1;
    for (int k = 0; k < WORKERS; k++)
        if (pthread_create(&threads[k], NULL, worker, NULL))
            return 1;
    for (int k = 0; k < WORKERS; k++)
        (void)pthread_join(threads[k], NULL);
    thetis_mpmc_leave(&me);
    printf("sum of 0 .. 99999: %" PRIuPTR "\n", thetis_atomic_load_relaxed(&sum));
    return thetis_atomic_load_relaxed(&sum) == 4999950000u ? 0 : 1;
}

#else

int main(void)
{
    return 0; /* there are no words of 64 bits */
}

#endif
