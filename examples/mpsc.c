/* SPDX-License-Identifier: MIT
 *
 * mpsc.c: workers send their results to one collector through a ring: copied, or made in place.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/mpsc.h>

enum { WORKERS = 3, RESULTS = 20000, CAPACITY = 64 };

typedef struct result {
    int worker;
    unsigned value;
} result;

THETIS_MPSC(result_ring, result);

static char memory[THETIS_MPSC_SIZE(sizeof(result), CAPACITY, WORKERS, 1, 1)] THETIS_CACHE_ALIGNED;
static thetis_mpsc *ring;
static thetis_atomic finished;

/* Each worker has a handle of its own; the ring was made for so many at once. */
static int send_copies(thetis_mpsc_producer *me, int worker)
{
    for (unsigned k = 0; k < RESULTS / 2; k++) {
        thetis_status s;
        while ((s = result_ring_push(me, (result){worker, k})) == THETIS_FULL) sched_yield();
        if (s != THETIS_OK) return -1;
    }
    return 0;
}

/* The result is made in the ring. Nobody waits for a worker that takes its time between reserve
 * and commit: results of others that come after it are collected first. */
static int send_in_place(thetis_mpsc_producer *me, int worker)
{
    for (unsigned k = RESULTS / 2; k < RESULTS; k++) {
        thetis_status s;
        void *at;
        while ((s = thetis_mpsc_reserve(me, &at)) == THETIS_FULL) sched_yield();
        if (s != THETIS_OK) return -1;
        result *made = at;
        made->worker = worker;
        made->value = k;
        if (k % 10 == 9) thetis_mpsc_abort(me, at); /* there is none, after all */
        else thetis_mpsc_commit(me, at);
    }
    return 0;
}

static void *work(void *number)
{
    int worker = *(int *)number;
    thetis_mpsc_producer me;
    if (thetis_mpsc_join(ring, &me) != THETIS_OK) return number;
    int failed = send_copies(&me, worker) || send_in_place(&me, worker);
    thetis_mpsc_leave(&me);
    if (thetis_atomic_fetch_add_acq_rel(&finished, 1) == WORKERS - 1) {
        (void)thetis_mpsc_close(ring); /* after all that the others have pushed */
    }
    return failed ? number : NULL;
}

/* Until the last worker has closed the ring and it is drained. */
static unsigned collect(unsigned count[WORKERS])
{
    unsigned all = 0;
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        result got;
        s = result_ring_pop(ring, &got);
        if (s == THETIS_OK) count[got.worker]++, all++;
        if (s == THETIS_EMPTY) sched_yield();
    }
    return all;
}

int main(void)
{
    thetis_mpsc_cfg cfg = {
        .elem_size = sizeof(result), .capacity = CAPACITY, .producers = WORKERS};
    pthread_t thread[WORKERS];
    int number[WORKERS];
    unsigned count[WORKERS] = {0}, want = WORKERS * (RESULTS - RESULTS / 20);
    if (thetis_mpsc_init(memory, sizeof memory, &cfg, &ring) != THETIS_OK) return 1;
    for (int k = 0; k < WORKERS; k++) {
        number[k] = k;
        if (pthread_create(&thread[k], NULL, work, &number[k]) != 0) return 1;
    }
    unsigned all = collect(count);
    for (int k = 0; k < WORKERS; k++) {
        void *failed;
        pthread_join(thread[k], &failed);
        if (failed) return 1;
    }
    printf("%u results, expected %u\n", all, want);
    return all == want ? 0 : 1;
}
