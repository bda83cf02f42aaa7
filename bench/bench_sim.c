/* SPDX-License-Identifier: MIT
 *
 * bench_sim.c: what the library itself takes for a completion, with the fake kernel as the system.
 *
 * Usage: bench-sim-thetis completion
 *
 * Two sets of streams on one fake kernel echo messages of 64 bytes: one through a loop, which is
 * told of each receive and each send, the other by the same system calls without the library. They
 * take turns, A B B A; the difference of their CPU time is the library's, and half of it, since an
 * echo has two completions, the figure. The second figure is the whole, the system included. Both
 * sets make the same calls, or the program ends.
 *
 * The system's calls are those of sim/, so this is the one benchmark that opens internals.
 */
#include <thetis/loop.h>
#include <thetis/tcp.h>
#include <thetis/version.h>

#include <string.h>

#include "sim/sim.h"
#include "window.h"

enum { STREAMS = 16, BYTES = 64, ROUNDS = 1000 };

typedef struct echo {
    thetis_tcp tcp; /* first */
    thetis_send send;
    int busy;
} echo;

typedef struct set {
    int peers[STREAMS]; /* foreign ends */
    int fds[STREAMS];   /* of the set that has no loop */
    int epoll;
} set;

static thetis_sim *sim;
static const tht_sys *sys, *peers_sys;
static thetis_loop *loop;
static echo echoes[STREAMS];
static set with, without;
static unsigned completions;
static unsigned char bytes[BYTES];

static void must(int good, const char *what)
{
    if (!good) bench_die(what);
}

/* ---- with the library ------------------------------------------------------------------------ */

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    ((echo *)tcp)->busy = 0;
    completions += send->status == THETIS_OK;
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    echo *e = (echo *)tcp;
    must(r->status == THETIS_OK && !e->busy, "recv");
    completions++;
    e->busy = 1;
    must(thetis_tcp_send(tcp, &e->send, r->data, r->len, on_sent) == THETIS_OK, "send");
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    must(status == THETIS_OK && thetis_tcp_recv_start(tcp, on_recv) == THETIS_OK, "connect");
}

static void echo_with(void)
{
    completions = 0;
    while (completions < 2 * STREAMS)
        must(thetis_loop_run_once(loop, 0) == THETIS_OK, "turn");
}

/* ---- without it ------------------------------------------------------------------------------ */

static void echo_without(void)
{
    unsigned char into[4096];
    tht_event events[STREAMS];
    for (int done = 0; done < STREAMS;) {
        tht_ret n = sys->epoll_wait(sys, without.epoll, events, STREAMS, 0);
        for (ptrdiff_t i = 0; i < n.n; i++) {
            int fd = without.fds[events[i].token];
            tht_ret r = sys->recv(sys, fd, into, sizeof into);
            must(r.n == BYTES && sys->send_one(sys, fd, into, (size_t)r.n).n == BYTES, "echo");
            done++;
        }
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

static int listen_at(thetis_addr *at)
{
    int fd = (int)peers_sys->socket(peers_sys, THETIS_ADDR_V4, THT_STREAM).n;
    *at = (thetis_addr){.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    must(peers_sys->bind(peers_sys, fd, at).status == THETIS_OK, "bind");
    must(peers_sys->listen(peers_sys, fd, STREAMS).status == THETIS_OK, "listen");
    (void)peers_sys->name(peers_sys, fd, THT_LOCAL, at);
    return fd;
}

static void open_with(int listener, const thetis_addr *at)
{
    thetis_loop_cfg cfg = {.sys = sys};
    must(thetis_loop_create(&cfg, &loop) == THETIS_OK, "loop");
    for (int i = 0; i < STREAMS; i++) {
        must(thetis_tcp_connect(loop, &echoes[i].tcp, at, on_connect) == THETIS_OK, "connect");
        must(thetis_loop_run_once(loop, 0) == THETIS_OK, "turn");
        with.peers[i] = (int)peers_sys->accept(peers_sys, listener, NULL).n;
    }
}

static void open_without(int listener, const thetis_addr *at)
{
    without.epoll = (int)sys->epoll_open(sys).n;
    for (int i = 0; i < STREAMS; i++) {
        int fd = (int)sys->socket(sys, THETIS_ADDR_V4, THT_STREAM).n;
        (void)sys->connect(sys, fd, at);
        (void)sys->epoll_set(sys, without.epoll, fd, (uint64_t)i, 0, THT_IN);
        without.fds[i] = fd;
        without.peers[i] = (int)peers_sys->accept(peers_sys, listener, NULL).n;
    }
}

static uint64_t calls_of_echo(void)
{
    return sim->calls_of[SIM_CALL_recv] + sim->calls_of[SIM_CALL_send] +
           sim->calls_of[SIM_CALL_poller_wait] + sim->calls_of[SIM_CALL_poller_set];
}

/* The CPU time of an echo on all streams of a set; its calls are added to *calls. */
static uint64_t round_of(const set *s, void (*echo_all)(void), uint64_t *calls)
{
    uint64_t begun, calls_before;
    for (int i = 0; i < STREAMS; i++)
        must(peers_sys->send_one(peers_sys, s->peers[i], bytes, BYTES).n == BYTES, "peer");
    calls_before = calls_of_echo();
    begun = bench_cpu_ns();
    echo_all();
    begun = bench_cpu_ns() - begun;
    *calls += calls_of_echo() - calls_before;
    for (int i = 0; i < STREAMS; i++)
        must(peers_sys->recv(peers_sys, s->peers[i], bytes, BYTES).n == BYTES, "peer");
    return begun;
}

static void window(double *own, double *whole)
{
    uint64_t ours = 0, raw = 0, our_calls = 0, raw_calls = 0;
    for (int i = 0; i < ROUNDS; i++) {
        ours += round_of(&with, echo_with, &our_calls);
        raw += round_of(&without, echo_without, &raw_calls);
        raw += round_of(&without, echo_without, &raw_calls);
        ours += round_of(&with, echo_with, &our_calls);
    }
    must(our_calls == raw_calls, "the calls are not the same");
    *own = ((double)ours - (double)raw) / (2.0 * ROUNDS * STREAMS * 2);
    *whole = (double)ours / (2.0 * ROUNDS * STREAMS * 2);
}

int main(int argc, char **argv)
{
    sim_cfg cfg = {.personality = tsm_personality("linux")};
    thetis_addr at;
    char line[16];
    int listener;
    if (argc != 2 || strcmp(argv[1], "completion") != 0) bench_die("usage: completion");
    sim = tsm_create(&cfg);
    sys = thetis_sim_sys(sim);
    peers_sys = tsm_peers(sim);
    listener = listen_at(&at);
    open_with(listener, &at);
    open_without(listener, &at);
    printf("thetis %s, epoll backend on the fake kernel\n", THETIS_VERSION_STRING);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double own, whole;
        window(&own, &whole);
        printf("%.4f %.4f\n", own, whole);
        fflush(stdout);
    }
    return 0;
}
