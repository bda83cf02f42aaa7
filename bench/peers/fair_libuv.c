/* SPDX-License-Identifier: MIT
 *
 * fair_libuv.c: libuv, uv_read_start and uv_try_write.
 */
#include "../window.h"

#include <netinet/in.h>
#include <uv.h>

#define SUBJECT_VARIANT "libuv " PEER_VERSION ", uv_read_start + uv_try_write"

enum { STREAMS = 128 };

static uv_loop_t loop;
static uv_tcp_t listener, streams[STREAMS];
static size_t taken;

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
    static char buffer[65536];
    (void)h;
    (void)hint;
    *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    uv_buf_t out = uv_buf_init(b->base, (unsigned)(n > 0 ? n : 0));
    if (n > 0 && b->base[0] == 'p' && uv_try_write(s, &out, 1) != n) bench_die("write");
}

static void on_connection(uv_stream_t *from, int status)
{
    uv_tcp_t *t = &streams[taken++];
    if (status || uv_tcp_init(&loop, t) || uv_accept(from, (uv_stream_t *)t) ||
        uv_read_start((uv_stream_t *)t, on_alloc, on_read))
        bench_die("accept");
}

static unsigned subject_listen(void)
{
    struct sockaddr_in at;
    int len = sizeof at;
    if (uv_loop_init(&loop) || uv_ip4_addr("127.0.0.1", 0, &at) || uv_tcp_init(&loop, &listener) ||
        uv_tcp_bind(&listener, (struct sockaddr *)&at, 0) ||
        uv_listen((uv_stream_t *)&listener, 128, on_connection) ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&at, &len))
        bench_die("listen");
    return ntohs(at.sin_port);
}

static void subject_turn(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

#include "../fair.h"
