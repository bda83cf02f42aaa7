/* SPDX-License-Identifier: MIT
 *
 * tcp_libuv.c: echo on libuv: uv_read_start into one shared buffer, uv_try_write; uv_write with a
 * copy for what that leaves over.
 */
#include <uv.h>

#include "../server.h"

#define VARIANT "libuv " PEER_VERSION ", uv_read_start + uv_try_write"

typedef struct rest {
    uv_write_t req;
    char data[];
} rest;

static char buffer[BUFFER];

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *out)
{
    (void)handle, (void)hint;
    *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_rest_sent(uv_write_t *req, int status)
{
    (void)status;
    free(req);
}

static void send_rest(uv_stream_t *stream, const char *data, size_t len)
{
    rest *r = malloc(sizeof *r + len);
    uv_buf_t buf = uv_buf_init(r->data, (unsigned)len);
    if (!r) bench_die("malloc");
    memcpy(r->data, data, len);
    uv_write(&r->req, stream, &buf, 1, on_rest_sent);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    if (got < 0) {
        uv_close((uv_handle_t *)stream, on_close);
        return;
    }
    uv_buf_t out = uv_buf_init(buf->base, (unsigned)got);
    int sent = uv_try_write(stream, &out, 1);
    if (sent == got) return;
    if (sent < 0) sent = 0;
    send_rest(stream, buf->base + sent, (size_t)(got - sent));
}

static void on_accept(uv_stream_t *listener, int status)
{
    uv_tcp_t *tcp = malloc(sizeof *tcp);
    if (!tcp || status || uv_tcp_init(listener->loop, tcp)) bench_die("accept");
    if (uv_accept(listener, (uv_stream_t *)tcp)) bench_die("uv_accept");
    uv_read_start((uv_stream_t *)tcp, on_alloc, on_read);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    if (uv_tcp_open(&listener, bench_listen(VARIANT))) bench_die("uv_tcp_open");
    if (uv_listen((uv_stream_t *)&listener, BACKLOG, on_accept)) bench_die("uv_listen");
    uv_run(loop, UV_RUN_DEFAULT);
    return 1;
}
