/* SPDX-License-Identifier: MIT
 *
 * apart.c: runs a case in its own process and process group, and judges how that ended.
 *
 * The one file of the harness that needs POSIX. A target without processes defines TEST_NO_FORK.
 */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include "run.h"

#ifdef TEST_NO_FORK

void test_apart_prepare(void)
{
}

void test_apart(void)
{
    test_here();
}

/* No source of entropy to rely on: every run is the same run. */
uint64_t test_random(void)
{
    return 1;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEST_TIMEOUT_S 30u

static int report_fd; /* in the child: where the verdict goes */
static volatile sig_atomic_t running; /* process group of the running case, or 0 */
static volatile sig_atomic_t expired;

/* Sends the verdict and ends the process of the case. Of several threads the first one counts; the
 * others stop here. A pass leaves through exit(), so that a sanitizer's last word counts, too. */
__attribute__((noreturn)) static void end_apart(test_verdict v, const char *text)
{
    static atomic_flag ended = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&ended)) {
        pause();
    }
    char message[TEST_TEXT_MAX + 1];
    int length = snprintf(message, sizeof message, "%c%s", (char)v, text);
    size_t bytes = (size_t)length < sizeof message ? (size_t)length + 1 : sizeof message;
    if (write(report_fd, message, bytes) != (ssize_t)bytes || v == TEST_FAILED) {
        _exit(1);
    }
    exit(0);
}

/* Between fork and the moment the case is known, a signal that ends the program must wait: it
 * would leave the case behind. */
static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

__attribute__((noreturn)) static void run_in_child(int report)
{
    setpgid(0, 0);
    signal(SIGALRM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    hold_signals(SIG_UNBLOCK);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    report_fd = report;
    test_run.end = end_apart;
    pid_t self = getpid();
    test_run.now->run();
    if (getpid() != self) {
        FAIL("a process that the case forked returned from it");
    }
    test_run.end(TEST_PASSED, "");
}

static void on_alarm(int number)
{
    (void)number;
    expired = 1;
}

/* A signal that ends the program ends the running case, which is in another process group. */
static void on_end(int number)
{
    if (running) {
        kill(-(pid_t)running, SIGKILL);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART: it ends the waiting */
    sigaction(number, &action, NULL);
}

/* The exit status of the case, after at most `seconds`; its whole process group is gone then. The
 * alarm repeats, lest the only one arrive just before the waiting begins. */
static int await_child(pid_t child, unsigned seconds)
{
    const struct itimerval off = {{0, 0}, {0, 0}};
    const struct itimerval limit = {{1, 0}, {(time_t)seconds, 0}};
    siginfo_t ignored;
    int status = 0;

    expired = 0;
    running = child;
    hold_signals(SIG_UNBLOCK);
    setitimer(ITIMER_REAL, &limit, NULL);
    while (waitid(P_PID, (id_t)child, &ignored, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
        if (expired) {
            kill(-child, SIGKILL);
        }
    }
    setitimer(ITIMER_REAL, &off, NULL);
    kill(-child, SIGKILL); /* the unreaped leader keeps the group's number from being reused */
    waitpid(child, &status, 0);
    running = 0;
    return status;
}

/* The worst of the verdicts sent: a case may have forked, and each process may have failed. */
static void read_report(int fd)
{
    char messages[4 * (TEST_TEXT_MAX + 1) + 1];
    ssize_t bytes = read(fd, messages, sizeof messages - 1);
    const char *end = messages + (bytes > 0 ? bytes : 0);
    messages[end - messages] = '\0';

    test_set(TEST_NONE, "%s", "");
    for (const char *m = messages; m < end; m += strlen(m) + 1) {
        if ((test_verdict)*m > test_run.verdict) {
            test_set((test_verdict)*m, "%s", m + 1);
        }
    }
}

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
                 {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},   {SIGKILL, "SIGKILL"},
                 {SIGTERM, "SIGTERM"}, {SIGPIPE, "SIGPIPE"}, {SIGTRAP, "SIGTRAP"}};
    static char other[24];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == number) {
            return names[i].name;
        }
    }
    snprintf(other, sizeof other, "signal %d", number);
    return other;
}

/* Corrects what the case said of itself by how its process ended. */
static void judge(int status, unsigned seconds)
{
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (test_run.verdict == TEST_FAILED) {
        return;
    }
    if (expired && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        test_set(TEST_FAILED, "timed out after %u s", seconds);
    } else if (test_run.now->aborts && aborted && test_run.verdict == TEST_NONE) {
        test_set(TEST_PASSED, "%s", "");
    } else if (WIFSIGNALED(status)) {
        test_set(TEST_FAILED, "crashed (%s)", signal_name(WTERMSIG(status)));
    } else if (test_run.verdict == TEST_NONE) {
        test_set(TEST_FAILED, "ended without a verdict (exit status %d)", WEXITSTATUS(status));
    } else if (WEXITSTATUS(status) != 0) {
        test_set(TEST_FAILED, "ended well, then exit status %d", WEXITSTATUS(status));
    } else if (test_run.now->aborts && test_run.verdict == TEST_PASSED) {
        test_set(TEST_FAILED, "did not abort");
    }
}

void test_apart(void)
{
    unsigned limit = test_run.now->timeout_s ? test_run.now->timeout_s : TEST_TIMEOUT_S;
    unsigned seconds = limit * test_factor();
    int report[2] = {-1, -1};
    pid_t child = -1;
    fflush(stdout);
    if (pipe(report) == 0 && fcntl(report[0], F_SETFL, O_NONBLOCK) == 0 &&
        fcntl(report[1], F_SETFD, FD_CLOEXEC) == 0) {
        hold_signals(SIG_BLOCK);
        child = fork();
    }
    if (child == 0) {
        run_in_child(report[1]);
    }
    if (child > 0) {
        setpgid(child, child); /* here as well: whichever process comes first */
        int status = await_child(child, seconds);
        read_report(report[0]);
        judge(status, seconds);
    } else {
        hold_signals(SIG_UNBLOCK);
        test_set(TEST_FAILED, "cannot start a process: %s", strerror(errno));
    }
    close(report[0]);
    close(report[1]);
}

void test_apart_prepare(void)
{
    signal(SIGCHLD, SIG_DFL); /* a parent's SIG_IGN would take the exit status from us */
    catch_signal(SIGALRM, on_alarm);
    catch_signal(SIGINT, on_end);
    catch_signal(SIGTERM, on_end);
    catch_signal(SIGHUP, on_end);
}

uint64_t test_random(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t state = (uint64_t)now.tv_sec ^ ((uint64_t)now.tv_nsec << 34) ^ (uint64_t)getpid();
    return test_rand(&state);
}

#endif
