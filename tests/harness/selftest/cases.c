/* SPDX-License-Identifier: MIT
 *
 * cases.c: cases that end in every way a case can end; selftest.py says what each must become.
 */
#include "harness/test.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_thread(void *(*body)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    pthread_join(thread, NULL);
}

TEST(passes)
{
    CHECK(1 + 1 == 2);
    CHECK_EQ(sizeof(int) - sizeof(int), 0);
    CHECK_EQ((uint8_t)255, 255LL);
    CHECK_STR("same", "same");
    CHECK_STR(NULL, NULL);
    puts("ok 1 - what a case prints is not part of the report");
}

TEST(fails)
{
    CHECK(2 + 2 == 5);
}

TEST(fails_by_value)
{
    int got = 7;
    CHECK_EQ(got, 8u);
}

TEST(fails_by_sign)
{
    CHECK_EQ(UINT64_MAX, -1);
}

TEST(fails_by_string)
{
    CHECK_STR("left", NULL);
}

static void *fail_in_thread(void *unused)
{
    (void)unused;
    FAIL("two\nlines: %d", INT_MIN);
}

TEST(fails_in_thread)
{
    in_thread(fail_in_thread);
}

TEST(fails_in_forked_child)
{
    pid_t child = fork();
    if (child == 0) {
        FAIL("the child's own");
    }
    waitpid(child, NULL, 0);
}

TEST(returns_in_forked_child)
{
    pid_t child = fork();
    if (child != 0) {
        waitpid(child, NULL, 0);
    }
}

static void *sleep_in_thread(void *unused)
{
    for (;;) {
        sleep(1);
    }
    return unused;
}

TEST(hangs)
{
    in_thread(sleep_in_thread);
}

/* The process that it leaves behind prints its number for the self-test to look for. */
TEST(leaves_a_process)
{
    pid_t child = fork();
    if (child == 0) {
        sleep_in_thread(NULL);
    }
    printf("left %ld\n", (long)child);
    fflush(stdout);
}

TEST(crashes)
{
    raise(SIGSEGV);
}

TEST(exits)
{
    exit(0);
}

static void exit_badly(void)
{
    _exit(5);
}

TEST(exits_badly_after_the_end)
{
    atexit(exit_badly);
}

TEST(aborts_as_it_should)
{
    abort();
}

TEST(should_abort)
{
}

TEST(skips_unsupported)
{
    SKIP_UNSUPPORTED("wide_cas");
}

TEST(skips_emulator)
{
    SKIP_EMULATOR("clock jumps");
}

TEST(skips_environment)
{
    SKIP_ENVIRONMENT("no IPv6");
}

TEST(draws)
{
    uint64_t state = test_seed();
    FAIL("drew %llu", (unsigned long long)test_rand(&state));
}

/* For the sanitizer builds: only their reports fail these. */
TEST(scales)
{
    FAIL("scaled 1000 to %zu and 1 to %zu", test_scale(1000), test_scale(1));
}

TEST(leaks)
{
    static void *volatile leaked;
    leaked = malloc(100);
    CHECK(leaked != NULL);
    leaked = NULL;
}

static volatile int raced;

static void *race_in_thread(void *unused)
{
    raced++;
    return unused;
}

TEST(races)
{
    pthread_t thread;
    pthread_create(&thread, NULL, race_in_thread, NULL);
    raced++;
    pthread_join(thread, NULL);
}

TEST_MAIN(T(passes), T(fails), T(fails_by_value), T(fails_by_sign), T(fails_by_string),
          T(fails_in_thread), T(fails_in_forked_child), T(returns_in_forked_child),
          T(hangs, .timeout_s = 1), T(leaves_a_process), T(crashes), T(exits),
          T(exits_badly_after_the_end), T(aborts_as_it_should, .aborts = true),
          T(should_abort, .aborts = true), T(skips_unsupported), T(skips_emulator),
          T(skips_environment), T(draws), T(scales), T(leaks), T(races))
