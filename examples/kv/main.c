/* SPDX-License-Identifier: MIT
 *
 * main.c: thetis-kv, a server of keys and values for clients of Redis.
 *
 *     $ thetis-kv --port 6379 --loops 4
 *     $ redis-cli set answer 42
 */
#define _GNU_SOURCE /* getopt_long, sigaction */
#include "kv.h"

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char use[] =
    "thetis-kv [--addr A] [--port P] [--loops 1..64] [--backend B] [--store thetis|mutex]\n"
    "          [--deal] [--connections N] [--keys N] [--value-max BYTES] [--memory BYTES]";

static const kv_store_ops *const stores[] = {&kv_store_thetis, &kv_store_mutex};

static kv_server *server;

static void on_signal(int number)
{
    (void)number;
    kv_server_stop(server);
}

static int64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t number(const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || end == text || n < least || n > most) {
        errx(2, "'%s' is no number from %zu to %zu", text, least, most);
    }
    return (size_t)n;
}

static const kv_store_ops *store_named(const char *name)
{
    for (size_t k = 0; k < sizeof stores / sizeof stores[0]; k++) {
        if (strcmp(stores[k]->name, name) == 0) return stores[k];
    }
    errx(2, "there is no store '%s'", name);
}

enum { ADDR = 1, PORT, LOOPS, BACKEND, STORE, DEAL, CONNECTIONS, KEYS, VALUE_MAX, MEMORY };

static const struct option options[] = {
    {"addr", 1, NULL, ADDR}, {"port", 1, NULL, PORT}, {"loops", 1, NULL, LOOPS},
    {"backend", 1, NULL, BACKEND}, {"store", 1, NULL, STORE}, {"deal", 0, NULL, DEAL},
    {"connections", 1, NULL, CONNECTIONS}, {"keys", 1, NULL, KEYS},
    {"value-max", 1, NULL, VALUE_MAX}, {"memory", 1, NULL, MEMORY}, {0},
};

static void parse(kv_config *cfg, const char **addr, unsigned *port, int option)
{
    const size_t mega = 1 << 20;
    switch (option) {
    case ADDR: *addr = optarg; break;
    case PORT: *port = (unsigned)number(optarg, 0, 65535); break;
    case LOOPS: cfg->loops = (unsigned)number(optarg, 1, KV_LOOPS_MAX); break;
    case BACKEND: cfg->backend = optarg; break;
    case STORE: cfg->store = store_named(optarg); break;
    case DEAL: cfg->deal = true; break;
    case CONNECTIONS: cfg->connections = number(optarg, 1, 100000); break;
    case KEYS: cfg->table.keys = number(optarg, 64, KV_KEYS_MAX); break;
    case VALUE_MAX: cfg->table.value_max = number(optarg, 8192, 64 * mega); break;
    case MEMORY: cfg->table.memory = number(optarg, mega, SIZE_MAX / 2); break;
    default: errx(2, "%s", use);
    }
}

/* As many descriptors as connections may need, if the system lets us. */
static void raise_limit(const kv_config *cfg)
{
    struct rlimit r;
    rlim_t want = (rlim_t)((cfg->connections + KV_REFUSALS + 16) * cfg->loops + 16);
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want) return;
    r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

int main(int argc, char **argv)
{
    kv_config cfg = {.loops = 1, .store = stores[0], .connections = 1000, .subscriptions = 4096,
                     .now = now,
                     .table = {.keys = 1 << 18, .value_max = 1 << 16, .memory = (size_t)1 << 30}};
    const char *addr = "127.0.0.1", *why;
    unsigned port = 6379;
    char text[THETIS_ADDR_TEXT_MAX];
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        parse(&cfg, &addr, &port, o);
    }
    (void)snprintf(text, sizeof text, strchr(addr, ':') ? "[%s]:%u" : "%s:%u", addr, port);
    if (optind < argc || thetis_addr_parse(&cfg.addr, text) != THETIS_OK) errx(2, "%s", use);
    cfg.output = 8 * cfg.table.value_max + (1 << 19);
    raise_limit(&cfg);
    server = kv_server_create(&cfg, &why);
    if (!server) errx(1, "%s: %s", text, why);
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    bool ok = kv_server_run(server);
    kv_server_destroy(server);
    return ok ? 0 : 1;
}
