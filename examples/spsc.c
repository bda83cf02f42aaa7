/* SPDX-License-Identifier: MIT
 *
 * spsc.c: one thread sends numbers to another through a ring, singly, in batches and in place.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/spsc.h>

#define COUNT 30000u /* numbers in each of the three ways */

THETIS_SPSC(number_ring, uint32_t);

static char memory[THETIS_SPSC_SIZE(sizeof(uint32_t), 64)] THETIS_CACHE_ALIGNED;

static void send_singly(thetis_spsc *ring)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        while (number_ring_push(ring, i) == THETIS_FULL) sched_yield();
    }
}

static size_t batch_size(uint32_t next)
{
    return COUNT - next < 10 ? COUNT - next : 10;
}

static void send_batches(thetis_spsc *ring)
{
    uint32_t batch[10];
    for (uint32_t next = 0; next < COUNT;) {
        for (uint32_t k = 0; k < 10; k++) batch[k] = next + k;
        size_t sent = thetis_spsc_push_n(ring, batch, batch_size(next), NULL);
        if (sent == 0) sched_yield();
        next += (uint32_t)sent; /* the rest of the batch goes out again with the next one */
    }
}

/* No copy: the numbers are made in the ring. */
static void send_in_place(thetis_spsc *ring)
{
    for (uint32_t next = 0; next < COUNT;) {
        thetis_spsc_span span;
        size_t got = thetis_spsc_reserve(ring, batch_size(next), &span, NULL);
        for (int run = 0; run < 2; run++) {
            uint32_t *slots = span.at[run];
            for (size_t k = 0; k < span.n[run]; k++) slots[k] = next++;
        }
        thetis_spsc_commit(ring, got);
        if (got == 0) sched_yield();
    }
}

static void *produce(void *ring)
{
    send_singly(ring);
    send_batches(ring);
    send_in_place(ring);
    thetis_spsc_close(ring);
    return NULL;
}

int main(void)
{
    thetis_spsc_cfg cfg = {sizeof(uint32_t), 64};
    thetis_spsc *ring;
    pthread_t producer;
    uint64_t sum = 0, want = 3ull * COUNT * (COUNT - 1) / 2;
    thetis_status s = thetis_spsc_init(memory, sizeof memory, &cfg, &ring);
    if (s != THETIS_OK || pthread_create(&producer, NULL, produce, ring) != 0) return 1;
    while (s != THETIS_CLOSED) {
        uint32_t number;
        s = number_ring_pop(ring, &number);
        if (s == THETIS_OK) sum += number;
        if (s == THETIS_EMPTY) sched_yield();
    }
    pthread_join(producer, NULL);
    printf("sum %llu, expected %llu\n", (unsigned long long)sum, (unsigned long long)want);
    return sum == want ? 0 : 1;
}
