/* SPDX-License-Identifier: MIT
 *
 * wake.c: another thread hands work to a loop through a ring and wakes it.
 *
 *     $ ./wake
 *     the loop got 1000 numbers, their sum is 499500
 */
#include <thetis/loop.h>
#include <thetis/spsc.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

THETIS_SPSC(numbers, uint32_t);

enum { COUNT = 1000, ROOM = 64 };

static char memory[THETIS_SPSC_SIZE(sizeof(uint32_t), ROOM)] THETIS_CACHE_ALIGNED;

typedef struct office {
    thetis_loop *loop;
    thetis_spsc *ring;
    uint32_t got;
    uint64_t sum;
} office;

/* The producer. A full ring means that the loop is behind. */
static void *produce(void *arg)
{
    office *o = arg;
    for (uint32_t i = 0; i < COUNT;) {
        if (numbers_push(o->ring, i) == THETIS_OK) i++;
        else (void)sched_yield();
        thetis_loop_wake(o->loop);
    }
    return NULL;
}

/* One call may stand for many wake-ups, so it takes all there is. */
static void on_wake(thetis_loop *loop, void *user)
{
    office *o = user;
    uint32_t number;
    while (numbers_pop(o->ring, &number) == THETIS_OK) {
        o->got++;
        o->sum += number;
    }
    if (o->got == COUNT) thetis_loop_stop(loop);
}

/* The loop has nothing open, so it must be told to stay. */
static thetis_status run(office *o)
{
    thetis_loop_cfg cfg = {.stay = 1, .on_wake = on_wake, .user = o};
    thetis_spsc_cfg ring = {.elem_size = sizeof(uint32_t), .capacity = ROOM};
    pthread_t thread;
    thetis_status s = thetis_spsc_init(memory, sizeof memory, &ring, &o->ring);
    if (s == THETIS_OK) s = thetis_loop_create(&cfg, &o->loop);
    if (s != THETIS_OK) return s;
    if (pthread_create(&thread, NULL, produce, o) != 0) return THETIS_ENOMEM;
    s = thetis_loop_run(o->loop);
    (void)pthread_join(thread, NULL);
    return s == THETIS_OK ? thetis_loop_destroy(o->loop) : s;
}

int main(void)
{
    static office o;
    thetis_status s = run(&o);
    if (s != THETIS_OK) fprintf(stderr, "wake: %s\n", thetis_status_text(s));
    else printf("the loop got %u numbers, their sum is %llu\n", o.got, (unsigned long long)o.sum);
    return s != THETIS_OK || o.sum != (uint64_t)COUNT * (COUNT - 1) / 2;
}
