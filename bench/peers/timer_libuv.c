/* SPDX-License-Identifier: MIT
 *
 * timer_libuv.c: libuv's uv_timer_start, which stops an armed timer first; milliseconds; cached
 * time.
 */
#include <uv.h>

#include "../window.h"

#define SUBJECT_VARIANT "libuv " PEER_VERSION ", uv_timer_start, cached time"

static uv_loop_t loop;
static uv_timer_t *timers, trigger;
static void (*to_run)(void);

static void on_trigger(uv_timer_t *timer)
{
    (void)timer;
    to_run();
}

static void subject_open(uint32_t live)
{
    timers = calloc(live, sizeof *timers);
    if (!timers || uv_loop_init(&loop)) bench_die("cannot open");
    for (uint32_t i = 0; i < live; i++)
        uv_timer_init(&loop, &timers[i]);
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
    if (uv_timer_start(&timers[i], on_trigger, ns / 1000000, 0)) bench_die("uv_timer_start");
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    uv_timer_stop(&timers[i]);
    subject_rearm(i, ns);
}

static inline void subject_settle(void)
{
}

static void subject_run(void (*measure)(void))
{
    to_run = measure;
    uv_timer_init(&loop, &trigger);
    uv_timer_start(&trigger, on_trigger, 0, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
}

#include "../timer.h"
