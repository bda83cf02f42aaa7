/* SPDX-License-Identifier: MIT
 *
 * tcp_libev.c: echo on libev: one ev_io per connection, recv and send in its callback. What a full
 * send buffer would leave over is not kept: the clients of these benches never let that happen,
 * and the connection is closed if they do.
 */
#include <errno.h>
#include <ev.h>

#include "../server.h"

#define VARIANT                                                                                 \
    "libev " BENCH_STR(EV_VERSION_MAJOR) "." BENCH_STR(EV_VERSION_MINOR) ", ev_io, epoll"

enum { ACCEPTS = 16 };

static char buffer[BUFFER];

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    ssize_t n = recv(io->fd, buffer, sizeof buffer, 0);
    (void)events;
    if (n > 0 && send(io->fd, buffer, (size_t)n, MSG_NOSIGNAL) == n) return;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    ev_io_stop(loop, io);
    close(io->fd);
    free(io);
}

static void on_accept(struct ev_loop *loop, ev_io *listener, int events)
{
    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        ev_io *io = malloc(sizeof *io);
        if (!io) bench_die("malloc");
        ev_io_init(io, on_ready, fd, EV_READ);
        ev_io_start(loop, io);
    }
}

int main(void)
{
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    ev_io listener;
    ev_io_init(&listener, on_accept, bench_listen(VARIANT), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return 1;
}
