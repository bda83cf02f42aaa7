/* SPDX-License-Identifier: MIT
 *
 * fair_libev.c: libev, one ev_io for each stream, recv and send in its callback.
 */
#include "../window.h"

#include <ev.h>

#define SUBJECT_VARIANT                                                                         \
    "libev " BENCH_STR(EV_VERSION_MAJOR) "." BENCH_STR(EV_VERSION_MINOR) ", ev_io, epoll"

#include "fair_socket.h"

enum { STREAMS = 128 };

static struct ev_loop *loop;
static ev_io listener, streams[STREAMS];
static size_t taken;

static void on_ready(struct ev_loop *of, ev_io *io, int events)
{
    (void)of, (void)events;
    fair_echo(io->fd);
}

static void on_accept(struct ev_loop *of, ev_io *io, int events)
{
    (void)events;
    ev_io_init(&streams[taken], on_ready, fair_accept(io->fd), EV_READ);
    ev_io_start(of, &streams[taken++]);
}

static unsigned subject_listen(void)
{
    unsigned port;
    loop = ev_loop_new(EVBACKEND_EPOLL);
    if (!loop) bench_die("ev_loop_new");
    ev_io_init(&listener, on_accept, fair_listen(&port), EV_READ);
    ev_io_start(loop, &listener);
    return port;
}

static void subject_turn(void)
{
    (void)ev_run(loop, EVRUN_NOWAIT);
}

#include "../fair.h"
