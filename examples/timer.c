/* SPDX-License-Identifier: MIT
 *
 * timer.c: one timer that repeats and one that ends it.
 *
 *     $ ./timer
 *     tick 1
 *     ...
 *     the end
 */
#include <thetis/timer.h>

#include <stdio.h>

#define MS UINT64_C(1000000)

typedef struct clockwork {
    thetis_timer tick;
    thetis_timer end;
    unsigned ticks;
} clockwork;

static void on_tick(thetis_timer *timer)
{
    clockwork *c = thetis_timer_user(timer);
    c->ticks++;
    printf("tick %u\n", c->ticks);
}

static void on_end(thetis_timer *timer)
{
    clockwork *c = thetis_timer_user(timer);
    thetis_timer_stop(&c->tick);
    printf("the end\n");
}

/* Nothing is armed any more when the loop ends. */
static thetis_status run(thetis_loop *loop)
{
    static clockwork c;
    thetis_timer_init(loop, &c.tick, on_tick);
    thetis_timer_init(loop, &c.end, on_end);
    thetis_timer_set_user(&c.tick, &c);
    thetis_timer_set_user(&c.end, &c);
    thetis_status s = thetis_timer_start(&c.tick, 10 * MS, 10 * MS);
    if (s == THETIS_OK) s = thetis_timer_start(&c.end, 55 * MS, 0);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    return s;
}

int main(void)
{
    thetis_loop *loop;
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK) s = run(loop);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    if (s != THETIS_OK) fprintf(stderr, "timer: %s\n", thetis_status_text(s));
    return s != THETIS_OK;
}
