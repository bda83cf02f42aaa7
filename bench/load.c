/* SPDX-License-Identifier: MIT
 *
 * load.c: the load generator: starts a server and measures its CPU time per operation.
 *
 * Usage: bench-load echo CONNECTIONS ROUNDS SERVER [ARGUMENT...]
 *        bench-load close CONNECTIONS ROUNDS SERVER [ARGUMENT...]
 *
 * echo: closed loop, every connection sends 64 bytes, waits for them, and again, ROUNDS times.
 * close: CONNECTIONS connect, send EOF, wait for the server's EOF; ROUNDS times.
 * The server runs on the first CPU we may use, this program on the second. Its CPU time is read
 * from the kernel's clock of that process, in nanoseconds: no server has to cooperate. It holds
 * what the kernel did on its behalf, also the softirq work of its sends.
 * Speaks the protocol of window.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "client.h"
#include "window.h"

enum { EVENTS = 256, WARM_ROUNDS = 2 };

typedef struct conn {
    int fd;
    uint32_t got;   /* bytes of the echo received */
    uint64_t round; /* echoes completed, ever */
    unsigned char echo[MESSAGE];
} conn;

typedef struct load {
    server server;
    clockid_t clock;
    int set;
    uint64_t conns, rounds;
    conn *conn;
    void (*pass)(struct load *load, uint64_t rounds);
} load;

/* Pins the calling process to the k-th CPU it may use, if there are two. */
static void pin(unsigned k)
{
    cpu_set_t may, one;
    if (sched_getaffinity(0, sizeof may, &may) || CPU_COUNT(&may) < 2) return;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &may) || k-- > 0) continue;
        CPU_SET(cpu, &one);
        break;
    }
    if (sched_setaffinity(0, sizeof one, &one)) client_die("sched_setaffinity");
}

static void prepare_server(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0);
}

static uint64_t server_cpu_ns(const load *l)
{
    struct timespec t;
    if (clock_gettime(l->clock, &t)) client_die("the server's clock");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes what has come for this connection; non-zero when its echo is complete. */
static int receive(conn *c, uint64_t id)
{
    ssize_t n = recv(c->fd, c->echo + c->got, MESSAGE - c->got, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) client_die("recv");
    c->got += (uint32_t)n;
    if (c->got < MESSAGE) return 0;
    client_check(c->echo, id, c->round);
    c->got = 0;
    c->round++;
    return 1;
}

/* Every connection completes `rounds` echoes, each at its own pace. */
static void echo_pass(load *l, uint64_t rounds)
{
    struct epoll_event events[EVENTS];
    const uint64_t goal = l->conn[0].round + rounds;
    uint64_t done = 0;
    for (uint64_t i = 0; i < l->conns; i++)
        client_send(l->conn[i].fd, i, l->conn[i].round);
    while (done < l->conns) {
        int n = epoll_wait(l->set, events, EVENTS, -1);
        for (int k = 0; k < n; k++) {
            uint64_t id = events[k].data.u64;
            conn *c = &l->conn[id];
            if (!receive(c, id)) continue;
            if (c->round < goal) client_send(c->fd, id, c->round);
            else done++;
        }
    }
}

static void echo_connect(load *l)
{
    l->set = epoll_create1(EPOLL_CLOEXEC);
    for (uint64_t i = 0; i < l->conns; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = i};
        l->conn[i].fd = client_connect(&l->server);
        if (epoll_ctl(l->set, EPOLL_CTL_ADD, l->conn[i].fd, &ev)) client_die("epoll_ctl");
    }
}

static void close_pass(load *l, uint64_t rounds)
{
    char byte;
    while (rounds-- > 0) {
        for (uint64_t i = 0; i < l->conns; i++)
            l->conn[i].fd = client_connect(&l->server);
        for (uint64_t i = 0; i < l->conns; i++)
            if (shutdown(l->conn[i].fd, SHUT_WR)) client_die("shutdown");
        for (uint64_t i = 0; i < l->conns; i++) {
            if (recv(l->conn[i].fd, &byte, 1, 0) != 0) client_die("no EOF from the server");
            close(l->conn[i].fd);
        }
    }
}

static double load_window(void *arg)
{
    load *l = arg;
    l->pass(l, WARM_ROUNDS);
    uint64_t t = server_cpu_ns(l);
    l->pass(l, l->rounds);
    return (double)(server_cpu_ns(l) - t) / (double)(l->conns * l->rounds);
}

int main(int argc, char **argv)
{
    load l = {.conns = 0};
    int echo = argc > 4 && !strcmp(argv[1], "echo");
    if (argc < 5 || (!echo && strcmp(argv[1], "close")))
        bench_die("usage: echo|close CONNECTIONS ROUNDS SERVER [ARGUMENT...]");
    l.conns = strtoul(argv[2], NULL, 10);
    l.rounds = strtoul(argv[3], NULL, 10);
    l.conn = calloc(l.conns, sizeof *l.conn);
    l.pass = echo ? echo_pass : close_pass;
    if (!l.conn || l.rounds == 0) bench_die("bad number");
    client_raise_limit();
    client_spawn(&l.server, argv + 4, prepare_server);
    client_read_announcement(&l.server);
    if (clock_getcpuclockid(l.server.pid, &l.clock)) bench_die("no clock of the server");
    pin(1);
    if (echo) echo_connect(&l);
    bench_serve(l.server.variant, load_window, &l);
    kill(l.server.pid, SIGKILL);
    return 0;
}
