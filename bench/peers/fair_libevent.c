/* SPDX-License-Identifier: MIT
 *
 * fair_libevent.c: libevent, one persistent event for each stream, recv and send in its callback.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "fair_socket.h"

#define SUBJECT_VARIANT "libevent " LIBEVENT_VERSION ", persistent events, no locks"

enum { STREAMS = 128 };

static struct event_base *base;
static struct event listener, streams[STREAMS];
static size_t taken;

static void watch(struct event *event, int fd, event_callback_fn on_event)
{
    if (event_assign(event, base, fd, EV_READ | EV_PERSIST, on_event, NULL) ||
        event_add(event, NULL)) {
        bench_die("event_add");
    }
}

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    (void)events, (void)arg;
    fair_echo(fd);
}

static void on_accept(evutil_socket_t fd, short events, void *arg)
{
    (void)events, (void)arg;
    watch(&streams[taken++], fair_accept(fd), on_ready);
}

static unsigned subject_listen(void)
{
    struct event_config *config = event_config_new();
    unsigned port;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    if (!base) bench_die("event_base_new");
    watch(&listener, fair_listen(&port), on_accept);
    return port;
}

static void subject_turn(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

#include "../fair.h"
