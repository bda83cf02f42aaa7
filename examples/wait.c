/* SPDX-License-Identifier: MIT
 *
 * wait.c: a producer and a consumer that sleep while the ring between them is full or empty.
 *
 *     $ ./wait
 *     the consumer got 100000 numbers, their sum is 4999950000
 */
#include <thetis/spsc.h>
#include <thetis/wait.h>

#include <pthread.h>
#include <stdio.h>

THETIS_SPSC(numbers, uint64_t);

enum { COUNT = 100000, ROOM = 64 };

static char ring_memory[THETIS_SPSC_SIZE(sizeof(uint64_t), ROOM)] THETIS_CACHE_ALIGNED;
static char full_memory[THETIS_WAIT_SIZE(1)] THETIS_CACHE_ALIGNED;
static char empty_memory[THETIS_WAIT_SIZE(1)] THETIS_CACHE_ALIGNED;

/* One end of the ring: where it sleeps, and whom it wakes. */
typedef struct end {
    thetis_spsc *ring;
    thetis_waiter *me;
    thetis_wait *other;
    uint64_t number;
} end;

static thetis_status push(void *arg)
{
    end *e = arg;
    return numbers_push(e->ring, e->number);
}

static thetis_status pop(void *arg)
{
    end *e = arg;
    return numbers_pop(e->ring, &e->number);
}

/* Pushes or pops, sleeping as long as that takes. */
static int move(end *e, thetis_wait_fn *attempt)
{
    if (thetis_wait_run(e->me, attempt, e, THETIS_WAIT_FOREVER) != THETIS_OK) return 0;
    thetis_wait_wake(e->other);
    return 1;
}

static void *produce(void *arg)
{
    end *e = arg;
    while (e->number < COUNT && move(e, push)) e->number++;
    thetis_spsc_close(e->ring);
    thetis_wait_wake(e->other); /* the end is a change, too */
    return NULL;
}

static thetis_status build(end *producer, end *consumer)
{
    thetis_spsc_cfg cfg = {.elem_size = sizeof(uint64_t), .capacity = ROOM};
    thetis_wait *full, *empty;
    thetis_status s = thetis_spsc_init(ring_memory, sizeof ring_memory, &cfg, &producer->ring);
    consumer->ring = producer->ring;
    if (s == THETIS_OK) s = thetis_wait_init(full_memory, sizeof full_memory, 1, &full);
    if (s == THETIS_OK) s = thetis_wait_init(empty_memory, sizeof empty_memory, 1, &empty);
    if (s == THETIS_OK) s = thetis_wait_join(full, &producer->me);
    if (s == THETIS_OK) s = thetis_wait_join(empty, &consumer->me);
    if (s != THETIS_OK) return s;
    producer->other = empty;
    consumer->other = full;
    return THETIS_OK;
}

int main(void)
{
    end producer = {.number = 0}, consumer = {.number = 0};
    unsigned got = 0;
    uint64_t sum = 0;
    pthread_t thread;
    thetis_status s = build(&producer, &consumer);
    if (s != THETIS_OK || pthread_create(&thread, NULL, produce, &producer) != 0) {
        fprintf(stderr, "wait: %s\n", thetis_status_text(s));
        return 1;
    }
    for (; move(&consumer, pop); got++) sum += consumer.number;
    (void)pthread_join(thread, NULL);
    printf("the consumer got %u numbers, their sum is %llu\n", got, (unsigned long long)sum);
    return sum != (uint64_t)COUNT * (COUNT - 1) / 2;
}
