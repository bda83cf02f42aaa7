/* SPDX-License-Identifier: MIT
 *
 * test_wait.c: the eventcount, mostly one thread at a time; stress_wait.c has the races.
 */
#include "harness/test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thetis/wait.h>
#include <unistd.h>

#include "port/port.h"

enum { WAIT_PLACES = 3, WAIT_SLEEP_NS = 20000000 };

static char wait_mem[THETIS_WAIT_SIZE(WAIT_PLACES)] THETIS_CACHE_ALIGNED;

/* Stands before that of the C library: counts. */
static thetis_atomic wait_syscalls;

long syscall(long number, ...)
{
    long (*real)(long, ...);
    long a[6];
    va_list args;
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    va_start(args, number);
    for (int k = 0; k < 6; k++) a[k] = va_arg(args, long);
    va_end(args);
    (void)thetis_atomic_fetch_add_relaxed(&wait_syscalls, 1);
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static uintptr_t calls(void)
{
    return thetis_atomic_load_relaxed(&wait_syscalls);
}

static thetis_wait *made(void)
{
    thetis_wait *wait = NULL;
    memset(wait_mem, 0xA5, sizeof wait_mem); /* whatever the memory held before */
    CHECK_EQ(thetis_wait_init(wait_mem, sizeof wait_mem, WAIT_PLACES, &wait), THETIS_OK);
    return wait;
}

static thetis_waiter *joined(thetis_wait *wait)
{
    thetis_waiter *me = NULL;
    CHECK_EQ(thetis_wait_join(wait, &me), THETIS_OK);
    return me;
}

/* ---- memory and places ----------------------------------------------------------------------- */

TEST(size_is_known_to_the_compiler)
{
    CHECK_EQ(thetis_wait_size(0), 0);
    CHECK_EQ(thetis_wait_size(1), THETIS_WAIT_SIZE(1));
    CHECK_EQ(thetis_wait_size(THETIS_WAIT_MAX), THETIS_WAIT_SIZE(THETIS_WAIT_MAX));
    CHECK_EQ(thetis_wait_size(THETIS_WAIT_MAX + 1), 0);
    CHECK_EQ(thetis_wait_size(SIZE_MAX), 0);
    CHECK_EQ(sizeof(thetis_waiter) % THETIS_CACHE_LINE, 0);
    CHECK_EQ(sizeof(thetis_wait) % THETIS_CACHE_LINE, 0);
}

TEST(init_refuses_what_the_header_says)
{
    thetis_wait *wait = NULL;
    size_t len = sizeof wait_mem;
    CHECK_EQ(thetis_wait_init(NULL, len, 1, &wait), THETIS_EINVAL);
    CHECK_EQ(thetis_wait_init(wait_mem + 1, len - 1, 1, &wait), THETIS_EINVAL);
    CHECK_EQ(thetis_wait_init(wait_mem, len - 1, WAIT_PLACES, &wait), THETIS_EINVAL);
    CHECK_EQ(thetis_wait_init(wait_mem, len, 0, &wait), THETIS_EINVAL);
    CHECK_EQ(thetis_wait_init(wait_mem, SIZE_MAX, THETIS_WAIT_MAX + 1, &wait), THETIS_EINVAL);
    CHECK(wait == NULL);
}

TEST(places_run_out_and_come_back)
{
    thetis_wait *wait = made();
    thetis_waiter *all[WAIT_PLACES], *more = NULL;
    for (int k = 0; k < WAIT_PLACES; k++) all[k] = joined(wait);
    CHECK_EQ(thetis_wait_join(wait, &more), THETIS_ENOSLOT);
    CHECK(more == NULL);
    thetis_wait_leave(all[1]);
    CHECK(joined(wait) == all[1]);
}

TEST(bounds_are_as_in_the_table)
{
    thetis_wait *wait = made();
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_WAKE), 2 * WAIT_PLACES + 1);
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_CLOSE), 3 * WAIT_PLACES + 2);
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_JOIN), WAIT_PLACES + 3);
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_LEAVE), 4);
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_START), 4);
    CHECK_EQ(thetis_wait_bound(wait, THETIS_WAIT_CANCEL), 1);
}

/* ---- sleep and wake -------------------------------------------------------------------------- */

TEST(a_wake_that_nobody_waits_for_is_no_system_call)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    for (int k = 0; k < 100; k++) thetis_wait_wake(wait);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_cancel(me);
    thetis_wait_wake(wait);
    CHECK_EQ(calls(), 0);
}

TEST(a_wake_after_start_ends_the_sleep)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    for (int k = 0; k < 3; k++) {
        CHECK_EQ(thetis_wait_start(me), THETIS_OK);
        thetis_wait_wake(wait);
        thetis_wait_wake(wait);
        CHECK_EQ(thetis_wait_sleep(me, THETIS_WAIT_FOREVER), THETIS_OK);
    }
    CHECK_EQ(calls(), 6); /* one to wake and one to sleep */
}

TEST(a_wake_before_start_does_not_count)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    thetis_wait_wake(wait);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    CHECK_EQ(thetis_wait_sleep(me, 1), THETIS_ETIMEDOUT);
}

TEST(a_sleep_never_ends_early)
{
    thetis_waiter *me = joined(made());
    for (uint64_t ns = 0; ns <= WAIT_SLEEP_NS; ns = ns * 20 + 1) {
        uint64_t begun = tht_port_now();
        CHECK_EQ(thetis_wait_start(me), THETIS_OK);
        CHECK_EQ(thetis_wait_sleep(me, ns), THETIS_ETIMEDOUT);
        CHECK(tht_port_now() - begun >= ns);
    }
}

/* Also when the notification is older than the time-out. */
TEST(a_woken_sleep_is_not_timed_out)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_wake(wait);
    CHECK_EQ(thetis_wait_sleep(me, 0), THETIS_OK);
}

TEST(cancel_without_start_does_nothing)
{
    thetis_waiter *me = joined(made());
    thetis_wait_cancel(me);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_cancel(me);
    thetis_wait_cancel(me);
    thetis_wait_leave(me);
}

TEST(starting_twice_aborts)
{
    thetis_waiter *me = joined(made());
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    (void)!thetis_wait_start(me);
}

TEST(sleeping_unannounced_aborts)
{
    (void)!thetis_wait_sleep(joined(made()), 0);
}

TEST(leaving_while_announced_aborts)
{
    thetis_waiter *me = joined(made());
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_leave(me);
}

TEST(leaving_twice_aborts)
{
    thetis_waiter *me = joined(made());
    thetis_wait_leave(me);
    thetis_wait_leave(me);
}

/* ---- other threads --------------------------------------------------------------------------- */

static void *wait_wake_later(void *wait)
{
    CHECK_EQ(usleep(WAIT_SLEEP_NS / 1000), 0);
    thetis_wait_wake(wait);
    return NULL;
}

static void *wait_close_later(void *wait)
{
    CHECK_EQ(usleep(WAIT_SLEEP_NS / 1000), 0);
    thetis_wait_close(wait);
    return NULL;
}

static thetis_status sleep_beside(void *(*body)(void *), uint64_t timeout_ns)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    pthread_t thread;
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    CHECK_EQ(pthread_create(&thread, NULL, body, wait), 0);
    thetis_status s = thetis_wait_sleep(me, timeout_ns);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return s;
}

TEST(another_thread_wakes)
{
    CHECK_EQ(sleep_beside(wait_wake_later, THETIS_WAIT_FOREVER), THETIS_OK);
}

/* The end of such a sleep lies beyond what the clock can count. */
TEST(a_very_long_sleep_is_a_sleep)
{
    CHECK_EQ(sleep_beside(wait_wake_later, THETIS_WAIT_FOREVER - 1), THETIS_OK);
    CHECK_EQ(sleep_beside(wait_wake_later, THETIS_WAIT_FOREVER / 2), THETIS_OK);
}

TEST(another_thread_closes)
{
    CHECK_EQ(sleep_beside(wait_close_later, THETIS_WAIT_FOREVER), THETIS_CLOSED);
}

/* ---- close ----------------------------------------------------------------------------------- */

TEST(closed_is_for_good)
{
    thetis_wait *wait = made();
    thetis_waiter *early = joined(wait), *late = joined(wait);
    CHECK_EQ(thetis_wait_start(early), THETIS_OK);
    for (int k = 0; k < 2; k++) { /* once is enough */
        thetis_wait_close(wait);
        CHECK_EQ(thetis_wait_start(late), THETIS_CLOSED);
    }
    thetis_wait_wake(wait);
    CHECK_EQ(thetis_wait_sleep(early, THETIS_WAIT_FOREVER), THETIS_CLOSED);
    CHECK_EQ(thetis_wait_start(early), THETIS_CLOSED);
    thetis_wait_leave(early); /* nothing is announced */
    CHECK(joined(wait) == early);
}

/* A wake that took the announcement and was stopped before its system call. */
TEST(close_reaches_those_whose_wake_was_lost)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    int fd;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_atomic_store_relaxed(&me->state_, 0);
    thetis_wait_close(wait);
    CHECK_EQ(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0), 1);
}

/* ---- run ------------------------------------------------------------------------------------- */

typedef struct tries {
    thetis_wait *wait;
    int vain; /* so many answers are `no` */
    int made;
    thetis_status no;
    thetis_status yes;
} tries;

/* Wakes itself, as another thread would. */
static thetis_status try_it(void *arg)
{
    tries *t = arg;
    t->made++;
    if (t->wait) thetis_wait_wake(t->wait);
    return t->vain-- > 0 ? t->no : t->yes;
}

TEST(run_repeats_what_is_vain)
{
    const thetis_status no[] = {THETIS_EMPTY, THETIS_FULL, THETIS_AGAIN};
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    for (int vain = 0; vain < 6; vain++) {
        tries t = {wait, vain, 0, no[vain % 3], vain % 2 ? THETIS_OK : THETIS_EINVAL};
        CHECK_EQ(thetis_wait_run(me, try_it, &t, THETIS_WAIT_FOREVER), t.yes);
        CHECK_EQ(t.made, vain + 1);
    }
    thetis_wait_leave(me); /* nothing is announced */
}

TEST(run_ends_in_time)
{
    thetis_waiter *me = joined(made());
    tries t = {NULL, 1000000, 0, THETIS_EMPTY, THETIS_OK};
    uint64_t begun = tht_port_now();
    CHECK_EQ(thetis_wait_run(me, try_it, &t, WAIT_SLEEP_NS), THETIS_ETIMEDOUT);
    CHECK(tht_port_now() - begun >= WAIT_SLEEP_NS);
    CHECK(t.made >= 3); /* before, after the announcement, and a last one */
}

TEST(run_ends_in_time_whoever_wakes_in_vain)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    tries t = {wait, INT_MAX, 0, THETIS_EMPTY, THETIS_OK};
    CHECK_EQ(thetis_wait_run(me, try_it, &t, WAIT_SLEEP_NS), THETIS_ETIMEDOUT);
    CHECK(t.made >= 3);
}

TEST(run_ends_when_closed_after_a_last_try)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    thetis_wait_close(wait);
    tries never = {NULL, 1000, 0, THETIS_EMPTY, THETIS_OK};
    CHECK_EQ(thetis_wait_run(me, try_it, &never, THETIS_WAIT_FOREVER), THETIS_CLOSED);
    CHECK_EQ(never.made, 2);
    tries last = {NULL, 1, 0, THETIS_EMPTY, THETIS_OK};
    CHECK_EQ(thetis_wait_run(me, try_it, &last, THETIS_WAIT_FOREVER), THETIS_OK);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static int readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, 0);
    CHECK(n >= 0);
    return n;
}

TEST(a_descriptor_is_readable_after_a_wake)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    int fd = -1, again = -1;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    CHECK_EQ(thetis_wait_fd(me, &again), THETIS_OK);
    CHECK_EQ(again, fd);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    thetis_wait_wake(wait);
    CHECK(!readable(fd)); /* nothing was announced */
    for (int k = 0; k < 3; k++) {
        CHECK_EQ(thetis_wait_start(me), THETIS_OK);
        CHECK(!readable(fd));
        thetis_wait_wake(wait);
        thetis_wait_wake(wait);
        CHECK(readable(fd));
        thetis_wait_cancel(me);
        CHECK(!readable(fd));
    }
    thetis_wait_fini(wait);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

/* A signal that comes after cancel() ends one more poll, not all that follow. */
TEST(a_late_signal_is_taken_later)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    int fd;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_atomic_store_relaxed(&me->state_, 0); /* taken by a wake that has not sent yet */
    thetis_wait_cancel(me);
    tht_port_signal_send(fd);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    CHECK(readable(fd));
    thetis_wait_cancel(me);
    CHECK(!readable(fd));
}

TEST(the_place_keeps_its_descriptor)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    int fd, again;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    thetis_wait_leave(me);
    CHECK(joined(wait) == me); /* the next holder sleeps in the port */
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_wake(wait);
    CHECK(!readable(fd));
    CHECK_EQ(thetis_wait_sleep(me, THETIS_WAIT_FOREVER), THETIS_OK);
    CHECK_EQ(thetis_wait_fd(me, &again), THETIS_OK);
    CHECK_EQ(again, fd);
}

TEST(a_closed_descriptor_is_readable_once)
{
    thetis_wait *wait = made();
    thetis_waiter *me = joined(wait);
    int fd;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    thetis_wait_close(wait);
    CHECK(readable(fd));
    thetis_wait_cancel(me);
    thetis_wait_close(wait);
    CHECK(readable(fd));
    CHECK_EQ(thetis_wait_start(me), THETIS_CLOSED);
    CHECK(!readable(fd));
}

TEST(no_descriptor_is_said)
{
    thetis_waiter *me = joined(made());
    struct rlimit many, none;
    int fd = -1;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &many), 0);
    none = (struct rlimit){0, many.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &many), 0); /* a sanitizer's exit needs some */
    CHECK_EQ(fd, -1);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK); /* it still sleeps in the port */
    CHECK_EQ(thetis_wait_sleep(me, 0), THETIS_ETIMEDOUT);
}

TEST(sleeping_with_a_descriptor_aborts)
{
    thetis_waiter *me = joined(made());
    int fd;
    CHECK_EQ(thetis_wait_fd(me, &fd), THETIS_OK);
    CHECK_EQ(thetis_wait_start(me), THETIS_OK);
    (void)!thetis_wait_sleep(me, 0);
}

TEST_MAIN(T(size_is_known_to_the_compiler), T(init_refuses_what_the_header_says),
          T(places_run_out_and_come_back), T(bounds_are_as_in_the_table),
          T(a_wake_that_nobody_waits_for_is_no_system_call),
          T(a_wake_after_start_ends_the_sleep), T(a_wake_before_start_does_not_count),
          T(a_sleep_never_ends_early), T(a_woken_sleep_is_not_timed_out),
          T(cancel_without_start_does_nothing), T(starting_twice_aborts, .aborts = true),
          T(sleeping_unannounced_aborts, .aborts = true),
          T(leaving_while_announced_aborts, .aborts = true),
          T(leaving_twice_aborts, .aborts = true), T(another_thread_wakes),
          T(a_very_long_sleep_is_a_sleep), T(another_thread_closes), T(closed_is_for_good),
          T(close_reaches_those_whose_wake_was_lost), T(run_repeats_what_is_vain),
          T(run_ends_in_time), T(run_ends_in_time_whoever_wakes_in_vain),
          T(run_ends_when_closed_after_a_last_try),
          T(a_descriptor_is_readable_after_a_wake), T(a_late_signal_is_taken_later),
          T(the_place_keeps_its_descriptor), T(a_closed_descriptor_is_readable_once),
          T(no_descriptor_is_said), T(sleeping_with_a_descriptor_aborts, .aborts = true))
