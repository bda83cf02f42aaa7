/* SPDX-License-Identifier: MIT
 *
 * stress_loop.c: a loop under load: 10,000 connections, wake-ups and stops from many threads and
 * from signal handlers.
 */
#include <thetis/tcp.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/barrier.h"
#include "harness/fault.h"
#include "harness/test.h"

/* ---- 10,000 connections ---------------------------------------------------------------------- */

enum { CROWD = 10000, SPARE_FDS = 64, MESSAGE = 64, ROUNDS = 3 };

typedef struct server {
    thetis_loop *loop;
    thetis_listener listener;
    thetis_tcp *streams;
    unsigned accepted, closed, most;
    uint64_t echoed;
} server;

static server the_server;

static void on_stream_closed(thetis_handle *handle)
{
    (void)handle;
    the_server.closed++;
}

static void on_stream_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    size_t sent;
    if (recv->status != THETIS_OK) {
        CHECK_EQ(recv->status, THETIS_EOF);
        CHECK_EQ(thetis_tcp_close(tcp, on_stream_closed), THETIS_OK);
        return;
    }
    CHECK_EQ(thetis_tcp_send_try(tcp, recv->data, recv->len, &sent), THETIS_OK);
    the_server.echoed += sent;
}

static void on_stream_accept(thetis_listener *listener, thetis_accepted *a)
{
    server *s = &the_server;
    thetis_tcp *tcp = &s->streams[s->accepted];
    CHECK_EQ(a->status, THETIS_OK);
    CHECK_EQ(thetis_tcp_accept(a, tcp), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(tcp, on_stream_recv), THETIS_OK);
    s->accepted++;
    if (s->accepted - s->closed > s->most) s->most = s->accepted - s->closed;
    if (s->accepted == CROWD) CHECK_EQ(thetis_listener_close(listener, NULL), THETIS_OK);
}

static void serve(uint16_t *port)
{
    server *s = &the_server;
    thetis_loop_cfg cfg = {.max_handles = CROWD + 1};
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    s->streams = calloc(CROWD, sizeof s->streams[0]);
    CHECK(s->streams != NULL);
    CHECK_EQ(thetis_loop_create(&cfg, &s->loop), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(s->loop, &s->listener, &at, NULL, on_stream_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&s->listener, &at), THETIS_OK);
    *port = at.port;
}

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
    return fd;
}

/* One message to everybody, then one answer from everybody. */
static int talk(const int *fds, char letter)
{
    char out[MESSAGE], in[MESSAGE];
    memset(out, letter, sizeof out);
    for (int i = 0; i < CROWD; i++)
        if (send(fds[i], out, sizeof out, MSG_NOSIGNAL) != MESSAGE) return 0;
    for (int i = 0; i < CROWD; i++)
        if (recv(fds[i], in, sizeof in, MSG_WAITALL) != MESSAGE || memcmp(in, out, MESSAGE))
            return 0;
    return 1;
}

/* The crowd: a process of its own, with plain sockets. */
static int crowd(uint16_t port)
{
    static int fds[CROWD];
    for (int i = 0; i < CROWD; i++)
        if ((fds[i] = dial(port)) < 0) return 1;
    for (int round = 0; round < ROUNDS; round++)
        if (!talk(fds, (char)('a' + round))) return 2;
    for (int i = 0; i < CROWD; i++) (void)close(fds[i]);
    return 0;
}

static void need_descriptors(rlim_t n)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_cur < n || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        SKIP_ENVIRONMENT("the descriptor limit is too low for 10,000 connections");
}

TEST(ten_thousand_connections)
{
    uint16_t port;
    int status;
    need_descriptors(CROWD + SPARE_FDS);
    serve(&port);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        thetis_loop_discard(the_server.loop);
        _exit(crowd(port));
    }
    CHECK_EQ(thetis_loop_run(the_server.loop), THETIS_OK); /* until all have gone */
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(the_server.accepted, CROWD);
    CHECK_EQ(the_server.most, CROWD); /* all at once */
    CHECK_EQ(the_server.closed, CROWD);
    CHECK_EQ(the_server.echoed, (uint64_t)CROWD * ROUNDS * MESSAGE);
    CHECK_EQ(thetis_loop_destroy(the_server.loop), THETIS_OK);
    free(the_server.streams);
}

/* ---- wake-ups from threads ------------------------------------------------------------------- */

enum { WAKERS = 4 };

typedef struct waking {
    fault fault;
    thetis_loop *loop;
    size_t each;
    thetis_atomic told[WAKERS]; /* how often each waker has asked */
} waking;

static waking the_waking;

/* Ends the run when everything that the wakers announced before their wake-ups has been seen. */
static void on_wake(thetis_loop *loop, void *user)
{
    waking *w = user;
    for (int i = 0; i < WAKERS; i++)
        if (thetis_atomic_load_relaxed(&w->told[i]) < w->each) return;
    thetis_loop_stop(loop);
}

static void *waker(void *told)
{
    for (size_t k = 0; k < the_waking.each; k++) {
        thetis_atomic_fetch_add_relaxed(told, 1);
        thetis_loop_wake(the_waking.loop);
    }
    return NULL;
}

/* A wake-up that got lost leaves the loop asleep for ever. */
TEST(wakes_from_many_threads)
{
    waking *w = &the_waking;
    pthread_t threads[WAKERS];
    thetis_loop_stat stat;
    thetis_loop_cfg cfg = {.stay = 1, .on_wake = on_wake, .user = w, .sys = &w->fault.sys};
    fault_init(&w->fault, &tht_sys_host, test_seed());
    w->each = test_scale(200000);
    CHECK_EQ(thetis_loop_create(&cfg, &w->loop), THETIS_OK);
    for (int i = 0; i < WAKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, waker, &w->told[i]), 0);
    CHECK_EQ(thetis_loop_run(w->loop), THETIS_OK);
    for (int i = 0; i < WAKERS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    thetis_loop_stat_read(w->loop, &stat);
    CHECK(fault_calls(&w->fault, FAULT_WAKE_SEND) <= stat.sleeps); /* at most one per sleep */
    CHECK_EQ(thetis_loop_destroy(w->loop), THETIS_OK);
}

/* ---- stops from a thread --------------------------------------------------------------------- */

typedef struct stopping {
    thetis_loop *loop;
    pthread_barrier_t start;
    size_t times;
    size_t written; /* plain: seen after the run that the stop ended */
} stopping;

static void *stopper(void *arg)
{
    stopping *s = arg;
    for (size_t k = 0; k < s->times; k++) {
        (void)pthread_barrier_wait(&s->start);
        s->written = k + 1;
        thetis_loop_stop(s->loop);
    }
    return NULL;
}

/* Each run meets its stop before, while or after it falls asleep. */
TEST(stops_from_another_thread)
{
    stopping s = {.times = test_scale(20000)};
    pthread_t thread;
    thetis_loop_cfg cfg = {.stay = 1};
    CHECK_EQ(thetis_loop_create(&cfg, &s.loop), THETIS_OK);
    CHECK_EQ(pthread_barrier_init(&s.start, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, stopper, &s), 0);
    for (size_t k = 0; k < s.times; k++) {
        (void)pthread_barrier_wait(&s.start);
        CHECK_EQ(thetis_loop_run(s.loop), THETIS_OK);
        CHECK_EQ(s.written, k + 1);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(thetis_loop_destroy(s.loop), THETIS_OK);
}

/* ---- wake-ups from a signal handler ---------------------------------------------------------- */

static thetis_loop *signaled;
static thetis_atomic signals;
static size_t signals_wanted;

static void on_signal(int number)
{
    (void)number;
    thetis_atomic_fetch_add_relaxed(&signals, 1);
    thetis_loop_wake(signaled);
}

static void on_signal_wake(thetis_loop *loop, void *user)
{
    (void)user;
    if (thetis_atomic_load_relaxed(&signals) >= signals_wanted) thetis_loop_stop(loop);
}

/* One signal at a time, so that none is merged by the system. */
static void *signaler(void *arg)
{
    const pthread_t *victim = arg;
    for (size_t k = 0; k < signals_wanted; k++) {
        CHECK_EQ(pthread_kill(*victim, SIGUSR1), 0);
        while (thetis_atomic_load_relaxed(&signals) == k) (void)sched_yield();
    }
    return NULL;
}

TEST(wakes_from_a_signal_handler)
{
    pthread_t self = pthread_self(), thread;
    thetis_loop_cfg cfg = {.stay = 1, .on_wake = on_signal_wake};
    CHECK_EQ(thetis_loop_create(&cfg, &signaled), THETIS_OK);
    if (thetis_loop_cap(signaled, THETIS_CAP_SIGNAL_WAKE).level == THETIS_CAP_ABSENT)
        SKIP_UNSUPPORTED("SIGNAL_WAKE");
    signals_wanted = test_scale(20000);
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    CHECK_EQ(pthread_create(&thread, NULL, signaler, &self), 0);
    CHECK_EQ(thetis_loop_run(signaled), THETIS_OK);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(thetis_loop_destroy(signaled), THETIS_OK);
}

TEST_MAIN(T(ten_thousand_connections, .timeout_s = 60), T(wakes_from_many_threads),
          T(stops_from_another_thread), T(wakes_from_a_signal_handler))
