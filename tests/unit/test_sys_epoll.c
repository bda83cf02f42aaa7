/* SPDX-License-Identifier: MIT
 *
 * test_sys_epoll.c: readiness, time-outs and wake-ups of the Linux table of system calls.
 */
#include "unit/sys_host.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

/* ---- readiness ------------------------------------------------------------------------------- */

/* Exactly one event, with this token and these directions. */
static void wait_is(int set, uint64_t token, uint32_t ready)
{
    tht_event ev[2];
    EXPECT_OK(1, host->epoll_wait(host, set, ev, 2, 0));
    CHECK_EQ(ev[0].token, token);
    CHECK_EQ(ev[0].ready, ready);
}

static void wait_is_silent(int set)
{
    tht_event ev;
    EXPECT_OK(0, host->epoll_wait(host, set, &ev, 1, 0));
}

TEST(interest_is_level_triggered_and_changes)
{
    uint64_t token = 0xFEDCBA9876543210;
    int set = made(host->epoll_open(host)), ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], token, 0, 0));
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], token, 0, THT_IN));
    wait_is_silent(set);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    for (int again = 0; again < 3; again++) wait_is(set, token, THT_IN);
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], token, THT_IN, THT_IN | THT_OUT));
    wait_is(set, token, THT_IN | THT_OUT);
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], ~token, THT_IN | THT_OUT, THT_OUT));
    wait_is(set, ~token, THT_OUT);
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], ~token, THT_OUT, 0));
    wait_is_silent(set);
}

/* A caller that is wrong about what is registered, once in each way. */
TEST(registrations_heal)
{
    int set = made(host->epoll_open(host)), fd = eventfd(0, EFD_NONBLOCK);
    EXPECT_OK(0, host->epoll_set(host, set, fd, 1, THT_IN, THT_OUT)); /* MOD: not there */
    wait_is(set, 1, THT_OUT);
    /* ADD: there, so it is another's */
    EXPECT(THETIS_EBUSY, EEXIST, host->epoll_set(host, set, fd, 2, 0, THT_OUT));
    wait_is(set, 1, THT_OUT);
    EXPECT_OK(0, host->epoll_set(host, set, fd, 1, THT_OUT, 0));
    EXPECT_OK(0, host->epoll_set(host, set, fd, 1, THT_OUT, 0)); /* DEL: not there */
    wait_is_silent(set);
}

TEST(what_cannot_be_polled_is_refused)
{
    int set = made(host->epoll_open(host)), file = open("/proc/self/exe", O_RDONLY);
    EXPECT(THETIS_EINVAL, EPERM, host->epoll_set(host, set, file, 1, 0, THT_IN));
    EXPECT(THETIS_EINVAL, EINVAL, host->epoll_set(host, set, set, 1, 0, THT_IN));
    EXPECT(THETIS_EINVAL, EBADF, host->epoll_set(host, set, 1 << 20, 1, 0, THT_IN));
    EXPECT(THETIS_EINVAL, EBADF, host->wake_open(host, 1 << 20, 1));
    tht_event ev;
    EXPECT(THETIS_EINVAL, EBADF, host->epoll_wait(host, -1, &ev, 1, 0));
}

TEST(hang_up_is_both_directions)
{
    int ends[2], set = made(host->epoll_open(host));
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_OK(0, host->epoll_set(host, set, ends[0], 5, 0, THT_IN));
    wait_is_silent(set);
    EXPECT_OK(0, host->close(host, ends[1]));
    wait_is(set, 5, THT_IN | THT_OUT);
}

enum { MANY = 300 };

/* The events are converted in the caller's array: none may be overwritten before it is read, and
 * nothing behind the array may be touched. */
TEST(many_events_keep_their_tokens)
{
    static tht_event ev[MANY + 1];
    int set = made(host->epoll_open(host));
    uint64_t seen = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        int fd = eventfd(i % 3 != 0, EFD_NONBLOCK); /* empty ones can be written only */
        EXPECT_OK(0, host->epoll_set(host, set, fd, i << 32 | ~i << 48, 0, THT_IN | THT_OUT));
    }
    memset(ev, 0xAB, sizeof ev);
    EXPECT_OK(MANY, host->epoll_wait(host, set, ev, MANY, UINT64_MAX));
    for (size_t k = 0; k < MANY; k++) {
        uint64_t i = ev[k].token >> 32 & 0xFFFF;
        CHECK_EQ(ev[k].token, i << 32 | ~i << 48);
        CHECK_EQ(ev[k].ready, i % 3 ? THT_IN | THT_OUT : THT_OUT);
        seen += i;
    }
    CHECK_EQ(seen, MANY * (MANY - 1) / 2); /* each once */
    CHECK_EQ(ev[MANY].token, 0xABABABABABABABAB);
    EXPECT_OK(7, host->epoll_wait(host, set, ev, 7, 1));
}

/* ---- time-outs ------------------------------------------------------------------------------- */

TEST(milliseconds_are_rounded_up_and_capped)
{
    CHECK_EQ(tht_sys_ms(1), 1);
    CHECK_EQ(tht_sys_ms(1000000), 1);
    CHECK_EQ(tht_sys_ms(1000001), 2);
    CHECK_EQ(tht_sys_ms(3599999999999), 3600000);
    CHECK_EQ(tht_sys_ms(3600000000001), 3600000);
    CHECK_EQ(tht_sys_ms(UINT64_MAX - 1), 3600000);
}

static void never_early(void)
{
    static const uint64_t ns[] = {1, 999, 50000, 999999, 1000000, 1000001, 3141592};
    int set = made(host->epoll_open(host));
    tht_event ev;
    for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
        uint64_t start = host->now(host);
        EXPECT_OK(0, host->epoll_wait(host, set, &ev, 1, ns[i]));
        CHECK(host->now(host) - start >= ns[i]);
    }
    EXPECT_OK(0, host->epoll_wait(host, set, &ev, 1, 0));
}

TEST(a_timeout_is_never_early)
{
    never_early();
}

TEST(a_timeout_in_milliseconds_is_never_early)
{
    thetis_atomic_store_relaxed(&sys_ms_only, 1);
    never_early();
}

/* From now on the kernel answers epoll_pwait2 like one that has never heard of it. */
static void refuse_pwait2(unsigned os)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | os),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &program))
        SKIP_ENVIRONMENT("no seccomp filters");
}

TEST(a_kernel_without_pwait2_is_noticed_once)
{
    refuse_pwait2(ENOSYS);
    never_early();
    CHECK_EQ(thetis_atomic_load_relaxed(&sys_ms_only), 1);
}

TEST(a_sandbox_without_pwait2_is_noticed_once)
{
    refuse_pwait2(EPERM);
    never_early();
    CHECK_EQ(thetis_atomic_load_relaxed(&sys_ms_only), 1);
}

static void ignore_signal(int number)
{
    (void)number;
}

/* The timer comes again and again, so the wait is met even if the first comes before it. */
TEST(a_signal_interrupts_a_wait)
{
    struct sigaction action = {.sa_handler = ignore_signal};
    struct itimerspec often = {{0, 2000000}, {0, 2000000}};
    int set = made(host->epoll_open(host));
    tht_event ev;
    timer_t timer;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &often, NULL), 0);
    EXPECT(THETIS_EINTR, EINTR, host->epoll_wait(host, set, &ev, 1, UINT64_MAX));
    EXPECT(THETIS_EINTR, EINTR, host->epoll_wait(host, set, &ev, 1, UINT64_MAX - 1));
}

/* ---- wake ------------------------------------------------------------------------------------ */

TEST(each_wake_is_reported_once)
{
    int set = made(host->epoll_open(host));
    int wake = made(host->wake_open(host, set, 99));
    wait_is_silent(set);
    for (int i = 0; i < 3; i++) {
        errno = 12345;
        EXPECT_OK(0, host->wake_send(host, wake));
        EXPECT_OK(0, host->wake_send(host, wake));
        CHECK_EQ(errno, 12345);
        wait_is(set, 99, THT_IN);
        wait_is_silent(set); /* though nobody has read the counter */
    }
}

TEST(a_full_counter_still_wakes)
{
    int set = made(host->epoll_open(host));
    int wake = made(host->wake_open(host, set, 99));
    uint64_t most = UINT64_MAX - 1;
    CHECK_EQ(write(wake, &most, sizeof most), sizeof most);
    wait_is(set, 99, THT_IN);
    errno = 12345;
    EXPECT_OK(0, host->wake_send(host, wake));
    CHECK_EQ(errno, 12345);
    wait_is(set, 99, THT_IN);
}

TEST(a_wake_that_cannot_be_sent_says_so)
{
    errno = 12345;
    EXPECT(THETIS_EINVAL, EBADF, host->wake_send(host, -1));
    CHECK_EQ(errno, 12345);
}

static void *wake_body(void *wake)
{
    EXPECT_OK(0, host->wake_send(host, *(int *)wake));
    return NULL;
}

TEST(another_thread_ends_a_sleep)
{
    int set = made(host->epoll_open(host));
    int wake = made(host->wake_open(host, set, 7));
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        tht_event ev;
        CHECK_EQ(pthread_create(&thread, NULL, wake_body, &wake), 0);
        EXPECT_OK(1, host->epoll_wait(host, set, &ev, 1, UINT64_MAX));
        CHECK_EQ(ev.token, 7);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

TEST_MAIN(T(interest_is_level_triggered_and_changes), T(registrations_heal),
          T(what_cannot_be_polled_is_refused), T(hang_up_is_both_directions),
          T(many_events_keep_their_tokens), T(milliseconds_are_rounded_up_and_capped),
          T(a_timeout_is_never_early), T(a_timeout_in_milliseconds_is_never_early),
          T(a_kernel_without_pwait2_is_noticed_once), T(a_sandbox_without_pwait2_is_noticed_once),
          T(a_signal_interrupts_a_wait), T(each_wake_is_reported_once),
          T(a_full_counter_still_wakes), T(a_wake_that_cannot_be_sent_says_so),
          T(another_thread_ends_a_sleep))
