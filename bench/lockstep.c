/* SPDX-License-Identifier: MIT
 *
 * lockstep.c: makes a server do the same work in every run, and counts its system calls, exactly.
 *
 * Usage: bench-lockstep count|gate|close CONNECTIONS ROUNDS SERVER [ARGUMENT...]
 *        bench-lockstep idle 0 MILLISECONDS PROGRAM [ARGUMENT...]
 *        bench-lockstep all 0 0 PROGRAM [ARGUMENT...]
 *
 * The server runs under ptrace. Whenever it is about to sleep it is held at the gate of that system
 * call; one message is put on every connection; then it may go on. So it finds all messages at
 * once, in every round and on every machine, and a perfect server does one poll, CONNECTIONS recv
 * and CONNECTIONS send per round (more polls if it takes fewer events at once). Polls that cannot
 * sleep are counted and not held. epoll and io_uring are known here. A call of io_uring that waits
 * is held before it hands over what was submitted: until then there is more to do.
 *
 * count: counts all system calls in the rounds.
 * gate:  only holds the server, by a seccomp filter, at full speed otherwise: for valgrind, whose
 *        own system calls nobody wants to count.
 * close: counts all system calls in rounds of another kind: as many connect, and are accepted; then
 *        all send EOF, and the server closes.
 * idle:  from the first sleep on, how many system calls come in that time.
 * all:   every system call until the program, which is no server, ends by itself.
 *
 * Prints one JSON line: variant, calls in each round, calls by name over all rounds.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "client.h"

enum { CALLS = 512, WARM_ROUNDS = 2, AT_ONCE = 8, LIMIT_S = 120 };

typedef struct tracee {
    server server;
    enum __ptrace_request go; /* how it goes on: to the next call, or to the next gate */
    int set;                  /* our copy of its poller's descriptor, which can be polled itself */
    bool holds;               /* the call it is held at has something to hand over */
    uint64_t total;
    uint64_t calls[CALLS];
} tracee;

static const struct {
    long nr;
    const char *name;
} names[] = {
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_epoll_pwait2, "epoll_pwait2"},
    {SYS_epoll_ctl, "epoll_ctl"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_read, "read"},
    {SYS_readv, "readv"},
    {SYS_sendto, "sendto"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_recvmmsg, "recvmmsg"},
    {SYS_sendmmsg, "sendmmsg"},
    {SYS_write, "write"},
    {SYS_writev, "writev"},
    {SYS_clock_gettime, "clock_gettime"},
    {SYS_accept4, "accept4"},
    {SYS_close, "close"},
    {SYS_io_uring_enter, "io_uring_enter"},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait"},
#endif
};

static bool null_or_positive(pid_t pid, uint64_t address)
{
    if (address == 0) return true;
    long s = ptrace(PTRACE_PEEKDATA, pid, address, 0);
    long ns = ptrace(PTRACE_PEEKDATA, pid, address + sizeof s, 0);
    return s != 0 || ns != 0;
}

/* True if this call may put the tracee to sleep until a descriptor is ready. */
static bool may_sleep(pid_t pid, uint64_t nr, const uint64_t *args)
{
    switch (nr) {
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
        return (int)args[3] != 0;
    case SYS_epoll_pwait2:
        return null_or_positive(pid, args[3]);
    case SYS_io_uring_enter:
        return args[2] != 0; /* completions to wait for */
    default:
        return false;
    }
}

/* Of a call that may sleep. */
static bool hands_over(uint64_t nr, const uint64_t *args)
{
    return nr == SYS_io_uring_enter && args[1] != 0;
}

/* Counts the call the tracee has stopped at; true if it is a sleep. */
static bool count(tracee *t)
{
    struct __ptrace_syscall_info info;
    pid_t pid = t->server.pid;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) client_die("syscall info");
    if (info.op == PTRACE_SYSCALL_INFO_SECCOMP) {
        t->holds = hands_over(info.seccomp.nr, info.seccomp.args);
        return may_sleep(pid, info.seccomp.nr, info.seccomp.args);
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
    t->holds = hands_over(info.entry.nr, info.entry.args);
    t->total++;
    if (info.entry.nr < CALLS) t->calls[info.entry.nr]++;
    return may_sleep(pid, info.entry.nr, info.entry.args);
}

static void resume(const tracee *t, int signal)
{
    if (ptrace(t->go, t->server.pid, 0, signal)) client_die("ptrace");
}

/* What a stop of the tracee means: true if it is held at a sleep, else it was sent on. */
static bool handle_stop(tracee *t, int status)
{
    int signal = WSTOPSIG(status);
    if (!WIFSTOPPED(status)) {
        fprintf(stderr, "bench-lockstep: the server ended\n");
        exit(1);
    }
    if (signal == (SIGTRAP | 0x80) || status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
        if (count(t)) return true;
        signal = 0;
    } else if (signal == SIGTRAP) {
        signal = 0; /* exec */
    }
    resume(t, signal);
    return false;
}

/* Lets the tracee go on until it is held at its next sleep. */
static void next_sleep(tracee *t)
{
    int status;
    do {
        if (waitpid(t->server.pid, &status, 0) < 0) client_die("waitpid");
    } while (!handle_stop(t, status));
}

static void prepare_tracee(void)
{
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) client_die("PTRACE_TRACEME");
}

/* Stops the tracee at calls that may sleep and at no others. */
static void prepare_gated(void)
{
    enum { NR = offsetof(struct seccomp_data, nr) };
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
#ifdef SYS_epoll_wait
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_wait, 4, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    prepare_tracee();
    raise(SIGSTOP); /* the tracer sets its options before the first gate */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        client_die("seccomp");
}

/* Our copy of the descriptor that the tracee is about to sleep on. */
static int copy_set(pid_t pid)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) client_die("syscall info");
    uint64_t fd = info.op == PTRACE_SYSCALL_INFO_SECCOMP ? info.seccomp.args[0]
                                                         : info.entry.args[0];
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int copy = (int)syscall(SYS_pidfd_getfd, pidfd, (int)fd, 0);
    if (copy < 0) client_die("pidfd_getfd");
    close(pidfd);
    return copy;
}

/* Starts the program and holds it at the first sleep after its announcement. */
static void start(tracee *t, char **argv)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    int status;
    struct pollfd announced;
    client_spawn(&t->server, argv, t->go == PTRACE_CONT ? prepare_gated : prepare_tracee);
    announced = (struct pollfd){.fd = fileno(t->server.out), .events = POLLIN};
    if (waitpid(t->server.pid, &status, 0) < 0 || !WIFSTOPPED(status)) client_die(argv[0]);
    if (ptrace(PTRACE_SETOPTIONS, t->server.pid, 0, options)) client_die("PTRACE_SETOPTIONS");
    do {
        resume(t, 0);
        next_sleep(t);
    } while (poll(&announced, 1, 0) != 1);
    client_read_announcement(&t->server);
    t->set = copy_set(t->server.pid);
}

/* The server takes SIGTERM when it goes on; valgrind writes its results then. */
static void stop(tracee *t)
{
    int status;
    kill(t->server.pid, SIGTERM);
    ptrace(PTRACE_DETACH, t->server.pid, 0, 0);
    waitpid(t->server.pid, &status, 0);
}

/* Takes replies in order. True when there are all; false when the server has more to do. One of
 * the two will be, if not at once (the network may deliver after the return of send). */
static bool all_replied(const tracee *t, const int *fds, uint64_t conns, uint64_t *replied,
                        uint64_t round)
{
    unsigned char echo[MESSAGE];
    for (; *replied < conns; ++*replied) {
        struct pollfd p[] = {{.fd = fds[*replied], .events = POLLIN},
                             {.fd = t->set, .events = POLLIN}};
        if (poll(p, 2, t->holds ? 0 : -1) < 0) client_die("poll");
        if (!p[0].revents) return false;
        if (recv(p[0].fd, echo, MESSAGE, MSG_WAITALL) != MESSAGE) client_die("recv");
        client_check(echo, *replied, round);
    }
    return true;
}

typedef void play_fn(tracee *t, int *fds, uint64_t conns, uint64_t round);

static void play_round(tracee *t, int *fds, uint64_t conns, uint64_t round)
{
    uint64_t replied = 0;
    for (uint64_t i = 0; i < conns; i++)
        client_send(fds[i], i, round);
    do {
        resume(t, 0);
        next_sleep(t);
    } while (!all_replied(t, fds, conns, &replied, round));
}

static void connect_all(tracee *t, int *fds, uint64_t conns)
{
    for (uint64_t i = 0; i < conns; i++) {
        fds[i] = client_connect(&t->server);
        if (i % AT_ONCE == AT_ONCE - 1) {
            resume(t, 0);
            next_sleep(t);
        }
    }
}

static void print_calls(const tracee *t)
{
    uint64_t named = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t n = t->calls[names[i].nr];
        named += n;
        if (n) printf("\"%s\":%llu,", names[i].name, (unsigned long long)n);
    }
    printf("\"other\":%llu", (unsigned long long)(t->total - named));
}

/* Lets the server do all that there is to do. */
static void run_dry(tracee *t)
{
    struct pollfd p = {.fd = t->set, .events = POLLIN};
    do {
        resume(t, 0);
        next_sleep(t);
    } while (t->holds || poll(&p, 1, 0) != 0);
}

static void play_close(tracee *t, int *fds, uint64_t conns, uint64_t round)
{
    char byte;
    (void)round;
    for (uint64_t i = 0; i < conns; i++) fds[i] = client_connect(&t->server);
    run_dry(t);
    for (uint64_t i = 0; i < conns; i++)
        if (shutdown(fds[i], SHUT_WR)) client_die("shutdown");
    run_dry(t);
    for (uint64_t i = 0; i < conns; i++) {
        if (recv(fds[i], &byte, 1, 0) != 0) client_die("no EOF from the server");
        close(fds[i]);
    }
}

static void count_rounds(tracee *t, uint64_t conns, uint64_t rounds, play_fn *play)
{
    int *fds = calloc(conns, sizeof *fds);
    if (!fds) client_die("calloc");
    if (play == play_round) connect_all(t, fds, conns);
    for (uint64_t r = 0; r < WARM_ROUNDS; r++)
        play(t, fds, conns, r);
    t->total = 0;
    memset(t->calls, 0, sizeof t->calls);
    printf("{\"variant\":\"%s\",\"rounds\":[", t->server.variant);
    for (uint64_t r = 0; r < rounds; r++) {
        uint64_t before = t->total;
        play(t, fds, conns, WARM_ROUNDS + r);
        printf("%s%llu", r ? "," : "", (unsigned long long)(t->total - before));
    }
    printf("],\"calls\":{");
    print_calls(t);
    printf("}}\n");
}

static void count_idle(tracee *t, uint64_t ms)
{
    const struct timespec tick = {.tv_nsec = 1000000};
    int status;
    t->total = 0;
    memset(t->calls, 0, sizeof t->calls);
    resume(t, 0);
    for (uint64_t i = 0; i < ms; i++) {
        while (waitpid(t->server.pid, &status, WNOHANG) > 0)
            if (handle_stop(t, status)) resume(t, 0);
        nanosleep(&tick, NULL);
    }
    printf("{\"variant\":\"%s\",\"idle_calls\":%llu}\n", t->server.variant,
           (unsigned long long)t->total);
}

static void count_all(tracee *t, char **argv)
{
    int status;
    client_spawn(&t->server, argv, prepare_tracee);
    if (waitpid(t->server.pid, &status, 0) < 0 || !WIFSTOPPED(status)) client_die(argv[0]);
    if (ptrace(PTRACE_SETOPTIONS, t->server.pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
        client_die("PTRACE_SETOPTIONS");
    resume(t, 0);
    while (waitpid(t->server.pid, &status, 0) == t->server.pid && WIFSTOPPED(status))
        if (handle_stop(t, status)) resume(t, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) client_die("the program failed");
    printf("{\"total\":%llu,\"calls\":{", (unsigned long long)t->total);
    print_calls(t);
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static tracee t = {.go = PTRACE_SYSCALL};
    if (argc < 5) {
        fprintf(stderr, "usage: bench-lockstep count|gate|close|idle|all CONNS ROUNDS PROGRAM\n");
        return 2;
    }
    uint64_t conns = strtoul(argv[2], NULL, 10), rounds = strtoul(argv[3], NULL, 10);
    alarm(LIMIT_S);
    client_raise_limit();
    if (!strcmp(argv[1], "all")) {
        count_all(&t, argv + 4);
        return 0;
    }
    if (!strcmp(argv[1], "gate")) t.go = PTRACE_CONT;
    start(&t, argv + 4);
    if (!strcmp(argv[1], "idle")) count_idle(&t, rounds);
    else count_rounds(&t, conns, rounds, strcmp(argv[1], "close") ? play_round : play_close);
    stop(&t);
    return 0;
}
