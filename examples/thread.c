/* SPDX-License-Identifier: MIT
 *
 * thread.c: short-lived threads take small numbers, and count in an array without sharing a word.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/thread.h>

enum { PLACES = 4, THREADS = 12, ROUNDS = 1000 };

static thetis_atomic memory[THETIS_THREAD_SIZE(PLACES) / sizeof(thetis_atomic)];
static thetis_thread_table *table;

/* Not atomic: only the holder of a place touches its counter, and join() shows it what the last
 * holder left there. */
static uint64_t counted[PLACES];

static void *work(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t id;
        while (thetis_thread_join(table, &id) == THETIS_ENOSLOT) sched_yield();
        counted[id]++;
        thetis_thread_leave(table, id);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    uint64_t sum = 0;
    if (thetis_thread_init(memory, sizeof memory, PLACES, &table) != THETIS_OK) return 1;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) return 1;
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (size_t id = 0; id < PLACES; id++) {
        printf("place %zu was used %llu times\n", id, (unsigned long long)counted[id]);
        sum += counted[id];
    }
    printf("%d threads, %llu rounds, each join at most %llu steps\n", THREADS,
           (unsigned long long)sum,
           (unsigned long long)thetis_thread_bound(table, THETIS_THREAD_JOIN));
    return sum == (uint64_t)THREADS * ROUNDS ? 0 : 1;
}
