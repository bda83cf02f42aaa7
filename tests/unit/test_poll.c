/* SPDX-License-Identifier: MIT
 *
 * test_poll.c: poll() in the Linux table of system calls, and the backend over it. What both
 * backends have in common is in tests/conform, which runs on each.
 */
#include "unit/sys_host.h"

#include "port/sys_posix_msg.c"
#include "port/sys_posix_poll.c"

#include "port/sys_linux_msg.c"

#include <fcntl.h>
#include <stdlib.h>

#include "harness/fault.h"

/* ---- the system's calls ---------------------------------------------------------------------- */

TEST(what_can_be_polled)
{
    char name[] = "/tmp/thetis-poll-XXXXXX";
    int file = mkstemp(name), folder = open("/", O_RDONLY | O_CLOEXEC), ends[2];
    CHECK(file >= 0 && folder >= 0 && pipe(ends) == 0 && unlink(name) == 0);
    EXPECT(THETIS_EINVAL, EPERM, host->poll_set(host, file, 1, 0, THT_IN));
    EXPECT(THETIS_EINVAL, EPERM, host->poll_set(host, folder, 1, 0, THT_IN));
    EXPECT(THETIS_EINVAL, EBADF, host->poll_set(host, -1, 1, 0, THT_IN));
    EXPECT_OK(POLLIN, host->poll_set(host, ends[0], 1, 0, THT_IN));
    EXPECT_OK(POLLIN | POLLOUT, host->poll_set(host, ends[0], 1, THT_IN, THT_IN | THT_OUT));
    EXPECT_OK(POLLOUT, host->poll_set(host, ends[0], 1, THT_IN, THT_OUT));
    EXPECT_OK(0, host->poll_set(host, ends[0], 1, THT_IN, 0));
}

TEST(readiness)
{
    enum { N = 3 };
    const uint64_t tokens[N] = {7, 8, 9};
    tht_pollfd fds[N];
    tht_event out[N];
    uint32_t first = 0;
    int a[2], b[2];
    CHECK(pipe(a) == 0 && pipe(b) == 0);
    fds[0] = (tht_pollfd){.fd = a[0], .events = POLLIN};
    fds[1] = (tht_pollfd){.fd = b[0], .events = POLLIN};
    fds[2] = (tht_pollfd){.fd = b[1], .events = POLLOUT};
    EXPECT_OK(1, host->poll_wait(host, fds, tokens, N, &first, out, N, UINT64_MAX));
    CHECK(out[0].token == 9 && out[0].ready == THT_OUT);
    CHECK_EQ(write(a[1], "x", 1), 1);
    first = 1;
    EXPECT_OK(2, host->poll_wait(host, fds, tokens, N, &first, out, N, 0));
    CHECK(out[0].token == 9 && out[1].token == 7 && out[1].ready == THT_IN); /* round the array */
    CHECK_EQ(first, 1);
    CHECK_EQ(close(b[1]), 0);
    EXPECT_OK(2, host->poll_wait(host, fds, tokens, 2, &first, out, N, 0));
    CHECK(out[0].token == 8 && out[0].ready == (THT_IN | THT_OUT)); /* a hang-up is both */
    first = 77; /* of an array that has become shorter */
    EXPECT_OK(1, host->poll_wait(host, fds, tokens, 1, &first, out, N, 0));
    CHECK_EQ(out[0].token, 7);
}

/* With room for one event each gets its turn. */
TEST(no_entry_starves)
{
    enum { N = 5 };
    const uint64_t tokens[N] = {0, 1, 2, 3, 4};
    tht_pollfd fds[N];
    tht_event out[1];
    unsigned seen[N] = {0};
    uint32_t first = 0;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    for (int i = 0; i < N; i++) fds[i] = (tht_pollfd){.fd = ends[1], .events = POLLOUT};
    for (int i = 0; i < 4 * N; i++) {
        EXPECT_OK(1, host->poll_wait(host, fds, tokens, N, &first, out, 1, 0));
        seen[out[0].token]++;
    }
    for (int i = 0; i < N; i++) CHECK_EQ(seen[i], 4);
}

TEST(sleeps_are_never_early)
{
    tht_event out[1];
    uint32_t first = 0;
    for (uint64_t ns = 1; ns < 30000000; ns = ns * 3 + 7) {
        uint64_t begun = host->now(host);
        EXPECT_OK(0, host->poll_wait(host, NULL, NULL, 0, &first, out, 1, ns));
        CHECK(host->now(host) - begun >= ns);
    }
}

TEST(wake_ups)
{
    tht_event out[1];
    uint32_t first = 0;
    const uint64_t token = 5;
    int wake = made(host->wake_open(host, -1, 5));
    tht_pollfd fd = {.fd = wake, .events = POLLIN};
    EXPECT_OK(0, host->poll_wait(host, &fd, &token, 1, &first, out, 1, 0));
    EXPECT_OK(0, host->wake_send(host, wake));
    EXPECT_OK(0, host->wake_send(host, wake));
    EXPECT_OK(1, host->poll_wait(host, &fd, &token, 1, &first, out, 1, UINT64_MAX));
    host->wake_take(host, wake);
    host->wake_take(host, wake); /* nothing is there: does not block */
    EXPECT_OK(0, host->poll_wait(host, &fd, &token, 1, &first, out, 1, 0));
    EXPECT(THETIS_EOTHER, EFAULT,
           host->poll_wait(host, (void *)8, &token, 1, &first, out, 1, 0));
}

/* ---- the backend ----------------------------------------------------------------------------- */

enum { PIPES = 20 };

static thetis_poll_fd polls[PIPES];
static unsigned readies[PIPES];

static void on_ready(thetis_poll_fd *poll, unsigned ready)
{
    CHECK_EQ(ready, THETIS_POLL_OUT);
    readies[poll - polls]++;
}

static thetis_loop *make_loop(const tht_sys *sys)
{
    const thetis_loop_cfg cfg = {
        .backend = "poll", .events = 3, .max_handles = PIPES + 2, .sys = sys};
    thetis_loop *loop;
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    CHECK_STR(thetis_loop_backend(loop), "poll");
    return loop;
}

TEST(a_loop_that_cannot_open)
{
    static const fault_fn fns[] = {FAULT_WAKE_OPEN, FAULT_EPOLL_SET};
    static fault f;
    const thetis_loop_cfg cfg = {.backend = "poll", .sys = &f.sys};
    thetis_loop *loop;
    fault_init(&f, &tht_sys_host, test_seed());
    for (size_t i = 0; i < 2; i++) {
        fault_fail(&f, fns[i], 1, THETIS_EMFILE, EMFILE);
        CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_EMFILE);
        CHECK(fault_fired(&f));
        CHECK_EQ(fault_calls(&f, FAULT_CLOSE), i); /* what was open is closed */
    }
    CHECK_EQ(thetis_loop_size(&cfg) > thetis_loop_size(NULL), 1); /* the set */
    CHECK_EQ(thetis_loop_size(&(thetis_loop_cfg){.backend = "none"}), 0);
}

/* Interest comes and goes in any order; those who have it are served, by turns, and no others. */
TEST(handles_come_and_go)
{
    thetis_loop *loop = make_loop(NULL);
    uint64_t rng = test_seed();
    int ends[PIPES][2], wanted[PIPES] = {0};
    for (int i = 0; i < PIPES; i++) {
        CHECK_EQ(pipe(ends[i]), 0);
        CHECK_EQ(thetis_poll_fd_open(loop, &polls[i], ends[i][1], on_ready), THETIS_OK);
    }
    for (int round = 0; round < 300; round++) {
        for (int k = 0; k < 5; k++) {
            size_t i = (size_t)(test_rand(&rng) % PIPES);
            wanted[i] = !wanted[i];
            CHECK_EQ(thetis_poll_fd_start(&polls[i], wanted[i] ? THETIS_POLL_OUT : 0), THETIS_OK);
        }
        memset(readies, 0, sizeof readies);
        for (int k = 0; k < (PIPES + 2) / 3 + 1; k++)
            CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
        for (int i = 0; i < PIPES; i++) CHECK_EQ(readies[i] > 0, wanted[i]);
    }
    for (int i = 0; i < PIPES; i++) CHECK_EQ(thetis_poll_fd_close(&polls[i], NULL), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(what_epoll_refuses)
{
    static fault f;
    int ends[2], null = open("/tmp", O_RDONLY | O_CLOEXEC);
    fault_init(&f, &tht_sys_host, test_seed());
    thetis_loop *loop = make_loop(&f.sys);
    CHECK_EQ(pipe(ends), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(thetis_poll_fd_open(loop, &polls[i], ends[1], on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_open(loop, &polls[2], null, on_ready), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&polls[2], THETIS_POLL_IN), THETIS_EINVAL);
    CHECK_EQ(thetis_poll_fd_start(&polls[0], THETIS_POLL_OUT), THETIS_OK);
    CHECK_EQ(thetis_poll_fd_start(&polls[1], THETIS_POLL_OUT), THETIS_EBUSY);
    fault_fail(&f, FAULT_EPOLL_SET, 1, THETIS_ENOMEM, ENOMEM);
    CHECK_EQ(thetis_poll_fd_start(&polls[0], THETIS_POLL_IN), THETIS_ENOMEM);
    fault_fail(&f, FAULT_EPOLL_SET, 1, THETIS_ENOMEM, ENOMEM);
    CHECK_EQ(thetis_poll_fd_start(&polls[0], 0), THETIS_OK); /* needs nothing of the system */
    CHECK_EQ(thetis_poll_fd_start(&polls[1], THETIS_POLL_OUT), THETIS_OK);
    for (int i = 0; i < 3; i++) CHECK_EQ(thetis_poll_fd_close(&polls[i], NULL), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST_MAIN(T(what_can_be_polled), T(readiness), T(no_entry_starves), T(sleeps_are_never_early),
          T(wake_ups), T(a_loop_that_cannot_open), T(handles_come_and_go), T(what_epoll_refuses))
