/* SPDX-License-Identifier: MIT
 *
 * relay.c: a TCP relay that copies nothing.
 *
 * Every accepted connection becomes a pair of ends: the client, and our connection to the target.
 * What one end receives stays in its pool buffer until the other end has sent it from there.
 * A slow reader needs no code: an end that keeps THETIS_TCP_KEEP_MAX buffers receives no more until
 * one is released. EOF of one end becomes a shutdown of the other; a fault of either resets both.
 */
#define _DEFAULT_SOURCE /* errx, clock_gettime, sysconf */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/thetis.h>
#include <time.h>
#include <unistd.h>

typedef struct end {
    thetis_tcp tcp; /* first: its address is the end's */
    struct pair *pair;
    struct end *other;
    thetis_send eof;      /* the shutdown of the other end */
    struct chunk {        /* one received buffer on its way */
        thetis_send send; /* first: its address is the chunk's */
        uint64_t since;   /* when it was received, ns */
        uint32_t buffer;
    } chunks[THETIS_TCP_KEEP_MAX]; /* in turn: sends are done in the order of receives */
    unsigned next, open;
} end;

typedef struct pair {
    end client, target;
    int finished; /* directions that came to their EOF */
    struct pair *next_free;
} pair;

static const char use[] = "relay LISTEN_ADDR TARGET_ADDR [--backend B] [--max 1..100000] [--stats]";
static thetis_loop *loop;
static thetis_listener listener;
static thetis_addr target_addr;
static pair *pairs, *free_pairs;
static uint64_t accepted, resets, bytes;
static thetis_hist latency; /* from a chunk's receive callback to its sent callback, ns */

static void check(thetis_status status, const char *what)
{
    if (status != THETIS_OK) errx(1, "%s: %s", what, thetis_status_text(status));
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_closed(thetis_handle *handle)
{
    end *e = (end *)handle;
    e->open = 0;
    if (e->other->open) return;
    e->pair->next_free = free_pairs;
    free_pairs = e->pair;
    check(thetis_listener_resume(&listener), "cannot resume");
}

static void reset_pair(pair *p) /* not OK: that end is closing already */
{
    if (p->client.open && thetis_tcp_abort(&p->client.tcp, on_closed) == THETIS_OK) resets++;
    if (p->target.open && thetis_tcp_abort(&p->target.tcp, on_closed) == THETIS_OK) resets++;
}

static void on_shut(thetis_tcp *tcp, thetis_send *eof)
{
    pair *p = ((end *)tcp)->pair;
    if (eof->status != THETIS_OK) reset_pair(p);
    if (eof->status != THETIS_OK || ++p->finished < 2) return; /* the other direction goes on */
    thetis_tcp_close(&p->client.tcp, on_closed);
    thetis_tcp_close(&p->target.tcp, on_closed);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    struct chunk *c = (struct chunk *)send;
    thetis_loop_release(loop, c->buffer);
    bytes += send->sent;
    if (send->status == THETIS_OK) thetis_hist_record(&latency, now() - c->since);
    else reset_pair(((end *)tcp)->pair);
}

static thetis_status forward(end *e, const thetis_recv *r)
{
    struct chunk *c = &e->chunks[e->next++ % THETIS_TCP_KEEP_MAX];
    c->since = now();
    c->buffer = thetis_tcp_keep(&e->tcp, r);
    return thetis_tcp_send(&e->other->tcp, &c->send, r->data, r->len, on_sent);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    end *e = (end *)tcp;
    thetis_status s = r->status;
    if (s == THETIS_OK) s = forward(e, r);
    else if (s == THETIS_EOF) s = thetis_tcp_shutdown(&e->other->tcp, &e->eof, on_shut);
    if (s != THETIS_OK) reset_pair(e->pair);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    if (status != THETIS_OK) reset_pair(((end *)tcp)->pair); /* else the receives run already */
}

static void on_accept(thetis_listener *from, thetis_accepted *a)
{
    pair *p = free_pairs;
    if (a->status == THETIS_EMFILE || a->status == THETIS_ENOBUFS || a->status == THETIS_ENOMEM)
        return; /* it waits in the system's backlog */
    check(a->status, "cannot accept any more");
    if (thetis_tcp_connect(loop, &p->target.tcp, &target_addr, on_connect) != THETIS_OK) return;
    check(thetis_tcp_accept(a, &p->client.tcp), "cannot accept");
    check(thetis_tcp_recv_start(&p->client.tcp, on_recv), "cannot receive");
    check(thetis_tcp_recv_start(&p->target.tcp, on_recv), "cannot receive");
    p->client.open = p->target.open = 1;
    p->finished = 0;
    accepted++;
    free_pairs = p->next_free;
    if (!free_pairs) check(thetis_listener_pause(from), "cannot pause");
}

static void on_signal(int number)
{
    (void)number;
    thetis_loop_stop(loop);
}

static thetis_addr parse(const char *text)
{
    thetis_addr a;
    if (thetis_addr_parse(&a, text) != THETIS_OK || a.family == THETIS_ADDR_UNIX)
        errx(2, "bad address '%s', want 127.0.0.1:80 or [::1]:80", text);
    return a;
}

/* All memory: the pairs, and a pool in which no end can starve another (pages cost when used). */
static void setup(uint32_t max, const char *backend)
{
    const uint32_t buffers = max < 2048 ? 2 * max * THETIS_TCP_KEEP_MAX : 65535;
    thetis_loop_cfg cfg = {.max_handles = 2 * max + 1, .backend = backend, .buffers = buffers};
    pairs = calloc(max, sizeof *pairs);
    if (!pairs) errx(1, "no memory for %" PRIu32 " connections", max);
    for (pair *p = pairs; p < pairs + max; free_pairs = p++) {
        *p = (pair){.client = {.pair = p, .other = &p->target}, .next_free = free_pairs,
                    .target = {.pair = p, .other = &p->client}};
    }
    thetis_status s = thetis_loop_create(&cfg, &loop);
    if (s == THETIS_EINVAL) { /* all else in the configuration is ours */
        fprintf(stderr, "relay: no backend '%s'; this build has:", backend);
        for (size_t k = 0; thetis_backend_name(k); k++)
            fprintf(stderr, " %s", thetis_backend_name(k));
        fputc('\n', stderr);
        exit(2);
    }
    check(s, "cannot make a loop");
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"backend", 1, NULL, 'b'}, {"max", 1, NULL, 'm'},
                                          {"stats", 0, NULL, 's'}, {"help", 0, NULL, 'h'}, {0}};
    char *rest = "", *backend = getenv("THETIS_BACKEND");
    long max = 1024, stats = 0, files = sysconf(_SC_OPEN_MAX);
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == '?') return 2; /* getopt has said what is wrong */
        if (option == 'b') backend = optarg;
        if (option == 'h') return printf("use: %s\n", use) < 0;
        if (option == 'm') max = strtol(optarg, &rest, 10);
        if (option == 's') stats = 1;
    }
    if (argc - optind != 2 || *rest || max < 1 || max > 100000) errx(2, "use: %s", use);
    if (files > 18 && max > files / 2 - 8) max = files / 2 - 8; /* others wait in the backlog */
    const thetis_addr from = parse(argv[optind]);
    target_addr = parse(argv[optind + 1]);
    setup((uint32_t)max, backend);
    check(thetis_tcp_listen(loop, &listener, &from, NULL, on_accept), argv[optind]);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    check(thetis_loop_run(loop), "run");
    if (!stats) return 0; /* the system closes what is open */
    printf("{\"accepted\": %" PRIu64 ", \"resets\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"chunks\": %" PRIu64 ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64
           ", \"p999_ns\": %" PRIu64 ", \"max_ns\": %" PRIu64 "}\n",
           accepted, resets, bytes, thetis_hist_count(&latency),
           thetis_hist_quantile(&latency, 0.5), thetis_hist_quantile(&latency, 0.99),
           thetis_hist_quantile(&latency, 0.999), thetis_hist_quantile(&latency, 1));
    return 0;
}
