/* SPDX-License-Identifier: MIT
 *
 * bcast.c: a feed of prices for three subscribers. Two must see every one (REFUSE makes the feed
 * wait for them), a third only watches a second, LOSSY ring and is told how many it has missed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/bcast.h>

typedef struct tick {
    uint64_t number;
    double price;
} tick;

enum { READERS = 2, TICKS = 100000, CAPACITY = 64 };

THETIS_BCAST(ticks, tick);

static char all_memory[THETIS_BCAST_SIZE(sizeof(tick), CAPACITY, READERS)] THETIS_CACHE_ALIGNED;
static char some_memory[THETIS_BCAST_SIZE(sizeof(tick), CAPACITY, 0)] THETIS_CACHE_ALIGNED;

typedef struct subscriber {
    thetis_bcast_reader reader;
    pthread_t thread;
    uint64_t got;
} subscriber;

static void *subscribe(void *arg)
{
    subscriber *s = arg;
    thetis_status status = THETIS_EMPTY;
    while (status != THETIS_CLOSED) {
        tick t;
        status = ticks_pop(&s->reader, &t);
        if (status == THETIS_OK) s->got++;
        if (status == THETIS_EMPTY) sched_yield();
        /* LOST: goes on with what is newer; thetis_bcast_missed() tells how much was lost */
    }
    return NULL;
}

static int start(thetis_bcast *ring, subscriber *s)
{
    return thetis_bcast_join(ring, &s->reader) == THETIS_OK &&
           pthread_create(&s->thread, NULL, subscribe, s) == 0;
}

static int publish(thetis_bcast *all, thetis_bcast *some, const tick *t)
{
    thetis_status s;
    while ((s = ticks_push(all, t)) == THETIS_FULL) sched_yield();
    return s == THETIS_OK && ticks_push(some, t) == THETIS_OK;
}

int main(void)
{
    thetis_bcast_cfg cfg = {sizeof(tick), CAPACITY, READERS, THETIS_BCAST_REFUSE};
    thetis_bcast_cfg lossy = {sizeof(tick), CAPACITY, 0, THETIS_BCAST_LOSSY};
    thetis_bcast *all, *some;
    subscriber careful[READERS] = {0}, watcher = {0};
    int good = thetis_bcast_init(all_memory, sizeof all_memory, &cfg, &all) == THETIS_OK &&
               thetis_bcast_init(some_memory, sizeof some_memory, &lossy, &some) == THETIS_OK;
    for (int k = 0; good && k < READERS; k++) good = start(all, &careful[k]);
    good = good && start(some, &watcher);
    if (!good) return 1;
    for (uint64_t k = 1; k <= TICKS; k++) {
        good &= publish(all, some, &(tick){k, 100 + (double)(k % 7)});
    }
    thetis_bcast_close(all);
    thetis_bcast_close(some);
    for (int k = 0; k < READERS; k++) {
        pthread_join(careful[k].thread, NULL);
        printf("subscriber %d got %llu of %d\n", k, (unsigned long long)careful[k].got, TICKS);
        good &= careful[k].got == TICKS;
        thetis_bcast_leave(&careful[k].reader);
    }
    pthread_join(watcher.thread, NULL);
    uint64_t missed = thetis_bcast_missed(&watcher.reader);
    printf("watcher got %llu and missed %llu\n", (unsigned long long)watcher.got,
           (unsigned long long)missed);
    thetis_bcast_leave(&watcher.reader);
    return good && watcher.got + missed == TICKS ? 0 : 1;
}
