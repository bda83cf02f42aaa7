/* SPDX-License-Identifier: MIT
 *
 * timer_libev.c: libev's ev_timer_again, which moves an armed timer in its heap; cached time.
 */
#include <ev.h>

#include "../window.h"

#define SUBJECT_VARIANT \
    "libev " BENCH_STR(EV_VERSION_MAJOR) "." BENCH_STR(EV_VERSION_MINOR) \
    ", ev_timer_again, cached time"

static struct ev_loop *loop;
static ev_timer *timers, trigger;
static void (*to_run)(void);

static void on_trigger(struct ev_loop *l, ev_timer *timer, int events)
{
    (void)l, (void)timer, (void)events;
    to_run();
}

static void subject_open(uint32_t live)
{
    loop = ev_loop_new(EVBACKEND_EPOLL);
    timers = calloc(live, sizeof *timers);
    if (!loop || !timers) bench_die("cannot open");
    for (uint32_t i = 0; i < live; i++)
        ev_timer_init(&timers[i], on_trigger, 0., 0.);
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
    timers[i].repeat = (double)ns * 1e-9;
    ev_timer_again(loop, &timers[i]);
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    ev_timer_stop(loop, &timers[i]);
    ev_timer_set(&timers[i], (double)ns * 1e-9, 0.);
    ev_timer_start(loop, &timers[i]);
}

static inline void subject_settle(void)
{
}

static void subject_run(void (*measure)(void))
{
    to_run = measure;
    ev_timer_init(&trigger, on_trigger, 0., 0.);
    ev_timer_start(loop, &trigger);
    ev_run(loop, 0);
}

#include "../timer.h"
