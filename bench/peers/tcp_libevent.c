/* SPDX-License-Identifier: MIT
 *
 * tcp_libevent.c: echo on libevent: one persistent event per connection, recv and send in its
 * callback; faster than bufferevents. A base without locks and with the epoll change list. What a
 * full send buffer would leave over is not kept: the connection is closed then.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "../server.h"

#define VARIANT "libevent " LIBEVENT_VERSION ", persistent events, no locks, change list"

enum { ACCEPTS = 16 };

static struct event_base *base;
static char buffer[BUFFER];

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct event *event = arg;
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    (void)events;
    if (n > 0 && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) == n) return;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    event_del_noblock(event);
    close(fd);
    free(event);
}

static void on_accept(evutil_socket_t listener, short events, void *arg)
{
    (void)events, (void)arg;
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        struct event *event = malloc(sizeof *event);
        if (!event) bench_die("malloc");
        event_assign(event, base, fd, EV_READ | EV_PERSIST, on_ready, event);
        event_add(event, NULL);
    }
}

int main(void)
{
    struct event_config *config = event_config_new();
    struct event listener;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    base = event_base_new_with_config(config);
    if (!base) bench_die("event_base_new");
    event_assign(&listener, base, bench_listen(VARIANT), EV_READ | EV_PERSIST, on_accept, NULL);
    event_add(&listener, NULL);
    event_base_loop(base, 0);
    return 1;
}
