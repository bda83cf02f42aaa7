/* SPDX-License-Identifier: MIT
 *
 * timer_libevent.c: libevent's event_add, which moves an armed timer; a base without locks. Inside
 * a callback libevent uses cached time.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include "../window.h"

#define SUBJECT_VARIANT "libevent " LIBEVENT_VERSION ", event_add, no locks, cached time"

static struct event_base *base;
static struct event *timers, trigger;
static void (*to_run)(void);

static void on_trigger(evutil_socket_t fd, short events, void *arg)
{
    (void)fd, (void)events, (void)arg;
    to_run();
}

static void subject_open(uint32_t live)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    timers = calloc(live, sizeof *timers);
    if (!base || !timers) bench_die("cannot open");
    for (uint32_t i = 0; i < live; i++)
        evtimer_assign(&timers[i], base, on_trigger, NULL);
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
    struct timeval tv = {(time_t)(ns / 1000000000u), (suseconds_t)(ns % 1000000000u / 1000)};
    if (event_add(&timers[i], &tv)) bench_die("event_add failed");
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    event_del_noblock(&timers[i]);
    subject_rearm(i, ns);
}

static inline void subject_settle(void)
{
}

static void subject_run(void (*measure)(void))
{
    struct timeval now = {0, 0};
    to_run = measure;
    evtimer_assign(&trigger, base, on_trigger, NULL);
    event_add(&trigger, &now);
    event_base_loop(base, 0);
}

#include "../timer.h"
