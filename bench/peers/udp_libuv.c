/* SPDX-License-Identifier: MIT
 *
 * udp_libuv.c: libuv: uv_udp_try_send for each datagram, UV_UDP_RECVMMSG with room for 20 of them.
 * It has no trains, so it takes part in the plain forms only.
 */
#include <uv.h>

#include "../udp_raw.h"

#define SUBJECT_VARIANT "libuv " PEER_VERSION ", udp_try_send, UV_UDP_RECVMMSG"

enum { ROOM = 20 * 65536 }; /* what its documentation recommends; slices have 64 KiB */

static uv_loop_t loop;
static uv_udp_t udp;
static struct sockaddr_in peer;
static char room[ROOM];
static unsigned received;

static void must(int result)
{
    if (result < 0) bench_die(uv_strerror(result));
}

static void open_socket(void)
{
    struct sockaddr_in any;
    must(uv_loop_init(&loop));
    must(uv_udp_init_ex(&loop, &udp, AF_INET | UV_UDP_RECVMMSG));
    must(uv_ip4_addr("127.0.0.1", 0, &any));
    must(uv_udp_bind(&udp, (const struct sockaddr *)&any, 0));
}

static void subject_sender(int gso, unsigned port)
{
    if (gso) bench_die("no trains");
    open_socket();
    must(uv_ip4_addr("127.0.0.1", (int)port, &peer));
}

static void subject_send(void)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        uv_buf_t buf = uv_buf_init(udp_payload + i * UDP_BYTES, UDP_BYTES);
        must(uv_udp_try_send(&udp, &buf, 1, (const struct sockaddr *)&peer));
    }
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void)handle;
    (void)hint;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_recv(uv_udp_t *from, ssize_t n, const uv_buf_t *buf, const struct sockaddr *name,
                    unsigned flags)
{
    (void)from;
    (void)flags;
    if (n < 0) bench_die("receive");
    if (name == NULL) return; /* nothing more, or the memory is ours again */
    udp_check(buf->base, (size_t)n);
    received++;
}

static unsigned subject_receiver(int gso)
{
    struct sockaddr_in own;
    int len = sizeof own;
    if (gso) bench_die("no trains");
    open_socket();
    must(uv_udp_recv_start(&udp, on_alloc, on_recv));
    must(uv_udp_getsockname(&udp, (struct sockaddr *)&own, &len));
    return ntohs(own.sin_port);
}

static unsigned subject_receive(void)
{
    received = 0;
    must(uv_run(&loop, UV_RUN_NOWAIT));
    return received;
}

#include "../udp.h"
