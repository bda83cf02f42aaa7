/* SPDX-License-Identifier: MIT
 *
 * mpsc_wait.c: workers and a collector that sleep while the ring between them is full or empty.
 *
 * With many producers a push that was refused and a pop that found nothing can be what the other
 * end waits for: each wakes the other after every call (thetis/mpsc.h, "Sleeping").
 */
#include <pthread.h>
#include <stdio.h>
#include <thetis/mpsc.h>
#include <thetis/wait.h>

enum { WORKERS = 3, RESULTS = 20000, CAPACITY = 8 };

THETIS_MPSC(numbers, uint64_t);

static char memory[THETIS_MPSC_SIZE(sizeof(uint64_t), CAPACITY, WORKERS, 1, 1)]
    THETIS_CACHE_ALIGNED;
static char items_memory[THETIS_WAIT_SIZE(1)] THETIS_CACHE_ALIGNED;
static char room_memory[THETIS_WAIT_SIZE(WORKERS)] THETIS_CACHE_ALIGNED;
static thetis_mpsc *ring;
static thetis_wait *items, *room;
static thetis_atomic finished;

typedef struct worker {
    thetis_mpsc_producer producer;
    thetis_waiter *me;
    uint64_t number;
} worker;

static thetis_status push(void *arg)
{
    worker *w = arg;
    thetis_status s = numbers_push(&w->producer, w->number);
    thetis_wait_wake(items); /* also after FULL and CLOSED */
    return s;
}

static thetis_status pop(void *number)
{
    thetis_status s = numbers_pop(ring, number);
    thetis_wait_wake(room); /* also after EMPTY */
    return s;
}

static void *work(void *arg)
{
    worker *w = arg;
    thetis_status s = THETIS_OK;
    for (w->number = 1; w->number <= RESULTS && s == THETIS_OK; w->number++) {
        s = thetis_wait_run(w->me, push, w, THETIS_WAIT_FOREVER);
    }
    thetis_mpsc_leave(&w->producer);
    if (thetis_atomic_fetch_add_acq_rel(&finished, 1) == WORKERS - 1) {
        (void)thetis_mpsc_close(ring);
        thetis_wait_wake(items);
    }
    return s == THETIS_OK ? NULL : arg;
}

static thetis_status build(worker workers[WORKERS], thetis_waiter **collector)
{
    thetis_mpsc_cfg cfg = {
        .elem_size = sizeof(uint64_t), .capacity = CAPACITY, .producers = WORKERS};
    thetis_status s = thetis_mpsc_init(memory, sizeof memory, &cfg, &ring);
    if (s == THETIS_OK) s = thetis_wait_init(items_memory, sizeof items_memory, 1, &items);
    if (s == THETIS_OK) s = thetis_wait_init(room_memory, sizeof room_memory, WORKERS, &room);
    if (s == THETIS_OK) s = thetis_wait_join(items, collector);
    for (int k = 0; k < WORKERS && s == THETIS_OK; k++) {
        s = thetis_mpsc_join(ring, &workers[k].producer);
        if (s == THETIS_OK) s = thetis_wait_join(room, &workers[k].me);
    }
    return s;
}

int main(void)
{
    worker workers[WORKERS];
    pthread_t thread[WORKERS];
    thetis_waiter *me;
    uint64_t number, sum = 0, want = (uint64_t)WORKERS * RESULTS * (RESULTS + 1) / 2;
    if (build(workers, &me) != THETIS_OK) return 1;
    for (int k = 0; k < WORKERS; k++) {
        if (pthread_create(&thread[k], NULL, work, &workers[k]) != 0) return 1;
    }
    while (thetis_wait_run(me, pop, &number, THETIS_WAIT_FOREVER) == THETIS_OK) sum += number;
    for (int k = 0; k < WORKERS; k++) (void)pthread_join(thread[k], NULL);
    printf("the sum is %llu, expected %llu\n", (unsigned long long)sum, (unsigned long long)want);
    return sum != want;
}
