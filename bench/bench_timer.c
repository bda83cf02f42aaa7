/* SPDX-License-Identifier: MIT
 *
 * bench_timer.c: thetis_timer. By default with the time the loop has read (what libev and libuv
 * do, too); with BENCH_FRESH, thetis_timer_start(), which reads the clock.
 */
#include <thetis/loop.h>
#include <thetis/timer.h>
#include <thetis/version.h>

#include "window.h"

#ifdef BENCH_FRESH
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", thetis_timer_start (reads the clock)"
#else
#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", thetis_timer_start_at, cached time"
#endif

static thetis_loop *loop;
static thetis_timer *timers, trigger;
static void (*to_run)(void);

static void on_trigger(thetis_timer *timer)
{
    (void)timer;
    to_run();
}

static void subject_open(uint32_t live)
{
    thetis_loop_cfg cfg = {.max_timers = live + 1};
    timers = calloc(live, sizeof *timers);
    if (!timers || thetis_loop_create(&cfg, &loop) != THETIS_OK) bench_die("cannot open");
    for (uint32_t i = 0; i < live; i++)
        thetis_timer_init(loop, &timers[i], on_trigger);
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
#ifdef BENCH_FRESH
    thetis_status s = thetis_timer_start(&timers[i], ns, 0);
#else
    thetis_status s = thetis_timer_start_at(&timers[i], thetis_loop_now(loop) + ns, 0);
#endif
    if (s != THETIS_OK) bench_die(thetis_status_text(s));
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    if (thetis_timer_stop(&timers[i]) != THETIS_OK) bench_die("a timer was not armed");
    subject_rearm(i, ns);
}

static inline void subject_settle(void)
{
}

static void subject_run(void (*measure)(void))
{
    to_run = measure;
    thetis_timer_init(loop, &trigger, on_trigger);
    if (thetis_timer_start(&trigger, 0, 0) != THETIS_OK) bench_die("cannot arm");
    if (thetis_loop_run(loop) != THETIS_OK) bench_die("cannot run");
}

#include "timer.h"
