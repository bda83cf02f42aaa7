/* SPDX-License-Identifier: MIT
 *
 * kv_server.h: a server of examples/kv in this process, and clients of it.
 */
#ifndef UNIT_KV_SERVER_H
#define UNIT_KV_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/kv/cmd.h"
#include "harness/test.h"

static thetis_atomic clock_ms; /* of all servers */

static inline int64_t now(void)
{
    return (int64_t)thetis_atomic_load_relaxed(&clock_ms);
}

typedef struct running {
    kv_server *server;
    pthread_t thread;
} running;

static inline void *serve(void *arg)
{
    return kv_server_run(arg) ? arg : NULL;
}

static const kv_store_ops *const stores[] = {&kv_store_thetis, &kv_store_mutex};

enum { CONNECTIONS = 50 };

static inline running start(const kv_store_ops *store, unsigned loops, size_t connections)
{
    running r;
    const char *why;
    kv_config cfg = {.loops = loops, .store = store, .connections = connections, .deal = true,
                     .subscriptions = 100, .output = 1 << 18, .now = now,
                     .table = {.keys = 1 << 17, .value_max = 1 << 14, .memory = 1 << 27}};
    thetis_atomic_store_relaxed(&clock_ms, 1000000);
    CHECK_EQ(thetis_addr_parse(&cfg.addr, "127.0.0.1:0"), THETIS_OK);
    r.server = kv_server_create(&cfg, &why);
    if (!r.server) FAIL("%s", why);
    CHECK_EQ(pthread_create(&r.thread, NULL, serve, r.server), 0);
    return r;
}

static inline void stop(running r)
{
    void *done;
    kv_server_stop(r.server);
    CHECK_EQ(pthread_join(r.thread, &done), 0);
    CHECK(done != NULL);
    kv_server_destroy(r.server);
}

/* ---- clients --------------------------------------------------------------------------------- */

static inline int connect_to(running r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(r.server->cfg.addr.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static inline void tell(int fd, const char *text)
{
    size_t len = strlen(text);
    CHECK_EQ(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* These bytes come next. */
static inline void hear(int fd, const char *expected)
{
    static char got[1 << 16];
    size_t want = strlen(expected), n = 0;
    while (n < want) {
        ssize_t more = recv(fd, got + n, want - n, 0);
        if (more <= 0) break;
        n += (size_t)more;
    }
    got[n] = '\0';
    CHECK_STR(got, expected);
}

static inline void ask(int fd, const char *text, const char *expected)
{
    tell(fd, text);
    hear(fd, expected);
}

#endif
