/* SPDX-License-Identifier: MIT
 *
 * test_loop.c: every documented status of thetis/loop.h, on this system's own calls.
 * What must be the same on all backends is in tests/conform.
 */
#include <thetis/tcp.h>
#include <thetis/timer.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/fault.h"
#include "harness/test.h"

static thetis_loop *make_loop(thetis_loop_cfg cfg)
{
    thetis_loop *loop;
    thetis_status s = thetis_loop_create(&cfg, &loop);
    if (s != THETIS_OK) FAIL("no loop: %s", thetis_status_text(s));
    return loop;
}

static void end_loop(thetis_loop *loop)
{
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

static thetis_loop_stat stat_of(const thetis_loop *loop)
{
    thetis_loop_stat stat;
    thetis_loop_stat_read(loop, &stat);
    return stat;
}

/* ---- life ------------------------------------------------------------------------------------ */

TEST(size_of_a_configuration)
{
    static const thetis_loop_cfg bad[] = {{.max_handles = (1u << 24) - 1},
                                          {.max_handles = UINT32_MAX},
                                          {.max_timers = UINT32_MAX},
                                          {.buffers = 65536},
                                          {.buffer_size = UINT32_MAX},
                                          {.events = UINT32_MAX}};
    thetis_loop_cfg most = {.max_handles = (1u << 24) - 2, .buffers = 65535};
    thetis_loop_cfg few = {.max_handles = 1, .max_timers = 1, .buffers = 1, .buffer_size = 1};
    CHECK(thetis_loop_size(NULL) > 64 * 16384);
    CHECK_EQ(thetis_loop_size(NULL), thetis_loop_size(&(thetis_loop_cfg){0}));
    CHECK(thetis_loop_size(&few) < thetis_loop_size(NULL));
    CHECK(thetis_loop_size(&most) > thetis_loop_size(NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        thetis_loop *loop;
        CHECK_EQ(thetis_loop_size(&bad[i]), 0);
        CHECK_EQ(thetis_loop_create(&bad[i], &loop), THETIS_EINVAL);
    }
}

TEST(init_in_the_callers_memory)
{
    thetis_loop_cfg cfg = {.buffers = 1, .buffer_size = 64};
    size_t len = thetis_loop_size(&cfg);
    size_t room = (len + 2 * THETIS_CACHE_LINE) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
    unsigned char *mem = aligned_alloc(THETIS_CACHE_LINE, room);
    thetis_loop *loop;
    CHECK(mem != NULL);
    memset(mem, 0xA5, room);
    CHECK_EQ(thetis_loop_init(NULL, len, &cfg, &loop), THETIS_EINVAL);
    CHECK_EQ(thetis_loop_init(mem + 8, len, &cfg, &loop), THETIS_EINVAL);
    CHECK_EQ(thetis_loop_init(mem, len - 1, &cfg, &loop), THETIS_EINVAL);
    CHECK_EQ(thetis_loop_init(mem, len, &cfg, &loop), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_fini(loop), THETIS_OK);
    for (size_t i = len; i < room; i++) CHECK_EQ(mem[i], 0xA5);
    CHECK_EQ(thetis_loop_init(mem, len, &cfg, &loop), THETIS_OK); /* the memory is reusable */
    CHECK_EQ(thetis_loop_fini(loop), THETIS_OK);
    free(mem);
}

TEST(backends_by_name)
{
    thetis_loop_cfg cfg = {.backend = "no such backend"};
    thetis_loop *loop;
    size_t count = 0;
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_EINVAL);
    for (; (cfg.backend = thetis_backend_name(count)) != NULL; count++) {
        loop = make_loop(cfg);
        CHECK_STR(thetis_loop_backend(loop), cfg.backend);
        end_loop(loop);
        CHECK_EQ(setenv("THETIS_BACKEND", cfg.backend, 1), 0);
        loop = make_loop((thetis_loop_cfg){0});
        CHECK_STR(thetis_loop_backend(loop), cfg.backend);
        end_loop(loop);
    }
    CHECK(count > 0);
    CHECK_EQ(setenv("THETIS_BACKEND", "no such backend", 1), 0);
    CHECK_EQ(thetis_loop_create(NULL, &loop), THETIS_EINVAL);
    loop = make_loop((thetis_loop_cfg){.backend = thetis_backend_name(0)}); /* outranks it */
    end_loop(loop);
    CHECK_EQ(unsetenv("THETIS_BACKEND"), 0);
    loop = make_loop((thetis_loop_cfg){0});
    CHECK_STR(thetis_loop_backend(loop), thetis_backend_name(0));
    end_loop(loop);
}

TEST(what_the_system_refuses)
{
    static fault f;
    static const fault_answer answers[] = {
        {THETIS_EMFILE, EMFILE}, {THETIS_ENOMEM, ENOMEM}, {THETIS_ENOTSUP, ENOSYS}};
    static const fault_fn fns[] = {FAULT_EPOLL_OPEN, FAULT_WAKE_OPEN};
    thetis_loop_cfg cfg = {.backend = "epoll", .sys = &f.sys};
    thetis_loop *loop;
    fault_init(&f, &tht_sys_host, test_seed());
    for (size_t i = 0; i < 6; i++) {
        fault_answer answer = answers[i / 2];
        uint64_t opened = fault_calls(&f, FAULT_EPOLL_OPEN), closed = fault_calls(&f, FAULT_CLOSE);
        fault_hold(&f, fns[i % 2], (thetis_status)answer.status, answer.os);
        CHECK_EQ(thetis_loop_create(&cfg, &loop), answer.status);
        fault_calm(&f);
        CHECK_EQ(fault_calls(&f, FAULT_EPOLL_OPEN) - opened, 1);
        CHECK_EQ(fault_calls(&f, FAULT_CLOSE) - closed, i % 2); /* the set, once it was open */
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

TEST(capabilities)
{
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    for (int cap = 0; cap < THETIS_CAP_COUNT_; cap++) {
        thetis_cap_info info = thetis_loop_cap(loop, (thetis_cap)cap);
        CHECK(thetis_cap_name((thetis_cap)cap) != NULL);
        CHECK(info.level <= THETIS_CAP_NATIVE);
        for (int other = 0; other < cap; other++)
            CHECK(strcmp(thetis_cap_name((thetis_cap)cap), thetis_cap_name((thetis_cap)other)));
    }
    CHECK_STR(thetis_cap_name(THETIS_CAP_HALF_CLOSE), "HALF_CLOSE");
    CHECK_STR(thetis_cap_name(THETIS_CAP_COUNT_), NULL);
    CHECK_EQ(thetis_loop_cap(loop, THETIS_CAP_COUNT_).level, THETIS_CAP_UNKNOWN);
    CHECK(thetis_loop_cap(loop, THETIS_CAP_TIMER_NS).number >= 1);
    CHECK(thetis_loop_cap(loop, THETIS_CAP_MAX_IOV).number >= 1);
    end_loop(loop);
}

TEST(the_clock_moves_forward)
{
    thetis_loop *loop = make_loop((thetis_loop_cfg){.stay = 1});
    uint64_t last = thetis_loop_now(loop);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(thetis_loop_run_once(loop, 1000000), THETIS_OK);
        uint64_t now = thetis_loop_now(loop);
        CHECK(now >= last);
        last = now;
    }
    end_loop(loop);
}

TEST(counters)
{
    thetis_loop *loop = make_loop((thetis_loop_cfg){.stay = 1});
    thetis_loop_stat stat = stat_of(loop);
    CHECK_EQ(stat.turns + stat.polls + stat.sleeps + stat.events + stat.wakes, 0);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(loop, 1000), THETIS_OK);
    stat = stat_of(loop);
    CHECK_EQ(stat.turns, 2);
    CHECK_EQ(stat.polls, 2);
    CHECK_EQ(stat.sleeps, 1);
    CHECK_EQ(stat.events + stat.stale + stat.expired + stat.wakes, 0);
    CHECK_EQ(stat.handles + stat.timers + stat.buffers, 0);
    end_loop(loop);
}

/* ---- waking ---------------------------------------------------------------------------------- */

typedef struct waker {
    unsigned wakes;
    int written; /* before the wake, read after it: a plain word on purpose */
    int read;
    int stops; /* a wake-up ends the run */
} waker;

static void on_wake(thetis_loop *loop, void *user)
{
    waker *w = user;
    w->wakes++;
    w->read = w->written;
    if (w->stops) thetis_loop_stop(loop);
}

TEST(wakes_are_merged_and_not_lost)
{
    waker w = {0};
    thetis_loop *loop = make_loop((thetis_loop_cfg){.stay = 1, .on_wake = on_wake, .user = &w});
    for (int i = 0; i < 5; i++) thetis_loop_wake(loop); /* before any run */
    CHECK_EQ(w.wakes, 0);
    for (int turns = 0; turns < 3; turns++) {
        CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
        CHECK_EQ(w.wakes, 1);
    }
    CHECK_EQ(stat_of(loop).wakes, 1);
    end_loop(loop);
}

static void *write_and_wake(void *arg)
{
    void **loop_and_waker = arg;
    ((waker *)loop_and_waker[1])->written = 42;
    thetis_loop_wake(loop_and_waker[0]);
    return NULL;
}

TEST(what_was_written_before_a_wake_is_seen)
{
    waker w = {.stops = 1};
    thetis_loop *loop = make_loop((thetis_loop_cfg){.stay = 1, .on_wake = on_wake, .user = &w});
    void *arg[] = {loop, &w};
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, write_and_wake, arg), 0);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(w.read, 42);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    end_loop(loop);
}

static void wake_inside(thetis_timer *timer)
{
    for (int i = 0; i < 100; i++) thetis_loop_wake(thetis_timer_loop(timer));
}

TEST(no_system_call_for_a_wake_while_running)
{
    static fault f;
    waker w = {0};
    thetis_timer timer;
    fault_init(&f, &tht_sys_host, test_seed());
    thetis_loop *loop =
        make_loop((thetis_loop_cfg){.on_wake = on_wake, .user = &w, .sys = &f.sys});
    thetis_timer_init(loop, &timer, wake_inside);
    CHECK_EQ(thetis_timer_start(&timer, 0, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK); /* ends: nothing is armed any more */
    CHECK_EQ(w.wakes, 1);
    CHECK_EQ(fault_calls(&f, FAULT_WAKE_SEND), 0);
    end_loop(loop);
}

static void no_accept(thetis_listener *listener, thetis_accepted *a)
{
    (void)listener, (void)a;
    FAIL("nobody has connected");
}

typedef struct late_waker {
    fault fault; /* first */
    waker waker;
    thetis_loop *loop;
    thetis_listener listener;
} late_waker;

static late_waker late;

/* The last call before the sleep: the loop has looked for wake-ups already. */
static tht_ret wake_then_set(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                             uint32_t mask)
{
    thetis_loop_wake(late.loop);
    return tht_sys_host.epoll_set(sys, set, fd, token, was, mask);
}

TEST(a_wake_just_before_the_sleep)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    fault_init(&late.fault, &tht_sys_host, test_seed());
    late.fault.sys.epoll_set = wake_then_set;
    late.loop = make_loop((thetis_loop_cfg){
        .on_wake = on_wake, .user = &late.waker, .sys = &late.fault.sys});
    CHECK_EQ(thetis_tcp_listen(late.loop, &late.listener, &at, NULL, no_accept), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(late.loop, UINT64_MAX), THETIS_OK); /* must not sleep */
    CHECK_EQ(thetis_loop_run_once(late.loop, 0), THETIS_OK);
    CHECK_EQ(late.waker.wakes, 1);
    CHECK_EQ(fault_calls(&late.fault, FAULT_WAKE_SEND), 0);
    CHECK_EQ(thetis_listener_close(&late.listener, NULL), THETIS_OK);
    CHECK_EQ(thetis_loop_run(late.loop), THETIS_OK);
    end_loop(late.loop);
}

static thetis_loop *signaled;

static void on_signal(int number)
{
    (void)number;
    thetis_loop_wake(signaled);
}

static void raise_it(thetis_timer *timer)
{
    (void)timer;
    CHECK_EQ(raise(SIGUSR1), 0);
}

TEST(a_wake_from_a_signal_handler)
{
    waker w = {.stops = 1};
    thetis_timer timer;
    signaled = make_loop((thetis_loop_cfg){.stay = 1, .on_wake = on_wake, .user = &w});
    if (thetis_loop_cap(signaled, THETIS_CAP_SIGNAL_WAKE).level == THETIS_CAP_ABSENT)
        SKIP_UNSUPPORTED("SIGNAL_WAKE");
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    thetis_timer_init(signaled, &timer, raise_it);
    CHECK_EQ(thetis_timer_start(&timer, 0, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run(signaled), THETIS_OK);
    CHECK(w.wakes >= 1);
    end_loop(signaled);
}

/* ---- foreign descriptors --------------------------------------------------------------------- */

typedef struct watch {
    thetis_poll_fd poll; /* first */
    unsigned calls, ready, closes;
    int close_inside;
} watch;

static void on_watch_closed(thetis_handle *handle)
{
    ((watch *)handle)->closes++;
}

static void on_ready(thetis_poll_fd *poll, unsigned ready)
{
    watch *w = (watch *)poll;
    w->calls++;
    w->ready = ready;
    if (w->close_inside) CHECK_EQ(thetis_poll_fd_close(poll, on_watch_closed), THETIS_OK);
}

static void turn(thetis_loop *loop)
{
    thetis_status s = thetis_loop_run_once(loop, 1000000);
    CHECK(s == THETIS_OK || s == THETIS_CLOSED);
}

TEST(poll_fd_refusals)
{
    static watch w, other;
    thetis_loop *loop = make_loop((thetis_loop_cfg){.max_handles = 1});
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, -1, on_ready), THETIS_EINVAL);
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fds[0], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_open(loop, &other.poll, fds[1], on_ready), THETIS_ENOSLOT);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, 4), THETIS_EINVAL);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_EBUSY);
    CHECK_EQ(thetis_poll_fd_close(&w.poll, on_watch_closed), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_close(&w.poll, on_watch_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_IN), THETIS_EBUSY);
    CHECK_EQ(w.closes, 0);
    turn(loop);
    CHECK_EQ(w.closes, 1);
    CHECK(fcntl(fds[0], F_GETFD) >= 0); /* the descriptor stays the caller's */
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_CLOSED);
    end_loop(loop);
}

/* What a free slot held must not look like the turn in which its next handle was served. */
TEST(a_new_handle_is_served_in_any_turn)
{
    for (int first = 1; first <= 8; first++) {
        static watch w;
        thetis_loop *loop = make_loop((thetis_loop_cfg){0});
        int fds[2];
        w.calls = 0;
        CHECK_EQ(pipe(fds), 0);
        CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fds[0], on_ready), THETIS_OK);
        CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_IN), THETIS_OK);
        for (int k = 1; k < first; k++) turn(loop);
        CHECK_EQ(write(fds[1], "x", 1), 1);
        turn(loop);
        CHECK_EQ(w.calls, 1);
        CHECK_EQ(thetis_poll_fd_close(&w.poll, NULL), THETIS_OK);
        turn(loop);
        end_loop(loop);
        CHECK_EQ(close(fds[0]), 0);
        CHECK_EQ(close(fds[1]), 0);
    }
}

TEST(one_poll_fd_per_descriptor)
{
    static watch w, other;
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fds[0], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_open(loop, &other.poll, fds[0], on_ready), THETIS_OK);
    CHECK(thetis_handle_loop(thetis_poll_fd_handle(&w.poll)) == loop);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_IN), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&other.poll, THETIS_POLL_IN), THETIS_EBUSY);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    turn(loop);
    CHECK_EQ(w.calls, 1);
    CHECK_EQ(other.calls, 0);
    CHECK_EQ(thetis_poll_fd_close(&w.poll, on_watch_closed), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_close(&other.poll, on_watch_closed), THETIS_OK);
    turn(loop);
    end_loop(loop);
}

TEST(poll_fd_of_a_file_is_refused)
{
    static watch w;
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    FILE *file = tmpfile();
    if (!file) SKIP_ENVIRONMENT("no place for a temporary file");
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fileno(file), on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_IN), THETIS_EINVAL);
    CHECK_EQ(thetis_poll_fd_close(&w.poll, NULL), THETIS_OK);
    turn(loop);
    end_loop(loop);
    (void)fclose(file);
}

TEST(poll_fd_reports_once_a_turn_while_ready)
{
    static watch in, out;
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    char byte;
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(thetis_poll_fd_open(loop, &in.poll, fds[0], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_open(loop, &out.poll, fds[1], on_ready), THETIS_OK);
    turn(loop);
    CHECK_EQ(in.calls + out.calls, 0); /* watches nothing yet */
    CHECK_EQ(thetis_poll_fd_start(&in.poll, THETIS_POLL_IN), THETIS_OK);
    turn(loop);
    CHECK_EQ(in.calls, 0); /* nothing to read */
    CHECK_EQ(write(fds[1], "x", 1), 1);
    for (unsigned i = 1; i <= 5; i++) {
        turn(loop);
        CHECK_EQ(in.calls, i);
        CHECK_EQ(in.ready, THETIS_POLL_IN);
    }
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    turn(loop);
    CHECK_EQ(in.calls, 5);
    CHECK_EQ(thetis_poll_fd_start(&out.poll, THETIS_POLL_OUT), THETIS_OK);
    turn(loop);
    CHECK_EQ(out.calls, 1);
    CHECK_EQ(out.ready, THETIS_POLL_OUT);
    CHECK_EQ(thetis_poll_fd_start(&out.poll, 0), THETIS_OK);
    turn(loop);
    CHECK_EQ(out.calls, 1);
    in.close_inside = 1;
    close(fds[1]); /* the reader's end hangs up */
    CHECK_EQ(thetis_poll_fd_close(&out.poll, NULL), THETIS_OK);
    turn(loop);
    turn(loop);
    CHECK_EQ(in.calls, 6);
    CHECK_EQ(in.ready, THETIS_POLL_IN);
    CHECK_EQ(in.closes, 1);
    end_loop(loop);
}

TEST(poll_fd_reports_once_a_turn_however_often_the_system_does)
{
    static fault f;
    static watch w;
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    fault_init(&f, &tht_sys_host, test_seed());
    thetis_loop *loop = make_loop((thetis_loop_cfg){.sys = &f.sys});
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fds[1], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_OUT), THETIS_OK);
    f.duplicate = 1000;
    turn(loop);
    CHECK_EQ(stat_of(loop).events, 2);
    CHECK_EQ(w.calls, 1);
    CHECK_EQ(thetis_poll_fd_close(&w.poll, NULL), THETIS_OK);
    turn(loop);
    end_loop(loop);
}

/* ---- handles in general ---------------------------------------------------------------------- */

static void close_each(thetis_handle *handle, void *user)
{
    ++*(unsigned *)user;
    CHECK_EQ(thetis_handle_close(handle, on_watch_closed), THETIS_OK);
    CHECK_EQ(thetis_handle_close(handle, on_watch_closed), THETIS_EBUSY);
}

TEST(scan_and_close)
{
    static watch watches[5];
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    unsigned seen = 0;
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    for (int i = 0; i < 5; i++) {
        thetis_handle *handle = &watches[i].poll.handle_;
        CHECK_EQ(thetis_poll_fd_open(loop, &watches[i].poll, fds[0], on_ready), THETIS_OK);
        CHECK(thetis_handle_user(handle) == NULL);
        CHECK(thetis_handle_loop(handle) == loop);
        thetis_handle_set_user(handle, &watches[i]);
        CHECK(thetis_handle_user(handle) == &watches[i]);
    }
    CHECK_EQ(stat_of(loop).handles, 5);
    thetis_loop_scan(loop, close_each, &seen);
    CHECK_EQ(seen, 5);
    turn(loop);
    for (int i = 0; i < 5; i++) CHECK_EQ(watches[i].closes, 1);
    CHECK_EQ(stat_of(loop).handles, 0);
    end_loop(loop);
}

/* What row 12 shows across fork(), without the fork: which descriptors it closes. */
TEST(discard_closes_what_the_loop_owns)
{
    static watch w;
    static thetis_listener listener;
    static fault f;
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    fault_init(&f, &tht_sys_host, test_seed());
    thetis_loop *loop = make_loop((thetis_loop_cfg){.sys = &f.sys});
    CHECK_EQ(thetis_poll_fd_open(loop, &w.poll, fds[0], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&w.poll, THETIS_POLL_IN), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(loop, &listener, &at, NULL, no_accept), THETIS_OK);
    turn(loop);
    uint64_t sets = fault_calls(&f, FAULT_EPOLL_SET);
    thetis_loop_discard(loop);
    CHECK_EQ(fault_calls(&f, FAULT_CLOSE), 3); /* the listener, the poller, its wake descriptor */
    CHECK_EQ(fault_calls(&f, FAULT_EPOLL_SET), sets); /* the parent's set is shared: no change */
    CHECK(fcntl(fds[0], F_GETFD) >= 0);
    CHECK_EQ(w.calls + w.closes, 0);
}

/* ---- contracts ------------------------------------------------------------------------------- */

static void *start_elsewhere(void *arg)
{
    (void)!thetis_timer_start(arg, 1000, 0);
    return NULL;
}

static void nothing(thetis_timer *timer)
{
    (void)timer;
}

TEST(another_thread_breaks_the_contract)
{
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    thetis_timer timer;
    pthread_t thread;
    thetis_timer_init(loop, &timer, nothing);
    CHECK_EQ(pthread_create(&thread, NULL, start_elsewhere, &timer), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(a_second_release_breaks_the_contract)
{
    thetis_loop *loop = make_loop((thetis_loop_cfg){0});
    thetis_loop_release(loop, 0);
}

TEST_MAIN(T(size_of_a_configuration), T(init_in_the_callers_memory), T(backends_by_name),
          T(what_the_system_refuses), T(capabilities), T(the_clock_moves_forward), T(counters),
          T(wakes_are_merged_and_not_lost), T(what_was_written_before_a_wake_is_seen),
          T(no_system_call_for_a_wake_while_running), T(a_wake_just_before_the_sleep),
          T(a_wake_from_a_signal_handler), T(poll_fd_refusals), T(one_poll_fd_per_descriptor),
          T(a_new_handle_is_served_in_any_turn),
          T(poll_fd_of_a_file_is_refused),
          T(poll_fd_reports_once_a_turn_while_ready),
          T(poll_fd_reports_once_a_turn_however_often_the_system_does), T(scan_and_close),
          T(discard_closes_what_the_loop_owns),
          T(another_thread_breaks_the_contract, .aborts = true),
          T(a_second_release_breaks_the_contract, .aborts = true))
