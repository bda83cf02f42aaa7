/* SPDX-License-Identifier: MIT
 *
 * probe.h: questions to a system, and the table through which they are asked.
 *
 * The same questions go to a real system (host.c, a program by itself) and to a personality of the
 * fake kernel (sim/ask.c). Both answer as JSON, which compare.py puts side by side:
 *
 *     cc -std=c17 -O -o probe sim/probe/facts*.c sim/probe/host.c && ./probe >this-system.json
 *     python3 sim/probe/compare.py this-system.json build/host/bin/thetis-sim linux
 *
 * An answer is one of three kinds. Text must be the same. A number is a size, which is configured:
 * it may be up to twice as large or half as large. "k of n" says how often something happened.
 */
#ifndef SIM_PROBE_PROBE_H
#define SIM_PROBE_PROBE_H

#include <stddef.h>
#include <stdio.h>

/* PROBE_ERRORS(X): the errors with a name of their own: X(of sim/errors.def, of POSIX). */
#define PROBE_ERRORS(X)                                                                         \
    X(AGAIN, EAGAIN) X(PROGRESS, EINPROGRESS) X(INTR, EINTR) X(REFUSED, ECONNREFUSED)           \
    X(NOENT, ENOENT) X(RESET, ECONNRESET) X(ABORTED, ECONNABORTED) X(PIPE, EPIPE)               \
    X(NOBUFS, ENOBUFS) X(NOMEM, ENOMEM) X(MFILE, EMFILE) X(ADDRINUSE, EADDRINUSE)               \
    X(ADDRNOTAVAIL, EADDRNOTAVAIL) X(ACCES, EACCES) X(NETUNREACH, ENETUNREACH)                  \
    X(TIMEDOUT, ETIMEDOUT) X(NOTCONN, ENOTCONN) X(DESTADDR, EDESTADDRREQ)                       \
    X(MSGSIZE, EMSGSIZE) X(INVAL, EINVAL) X(BADF, EBADF) X(EXIST, EEXIST)                       \
    X(NOTSUP, EOPNOTSUPP) X(NOPROTOOPT, ENOPROTOOPT) X(AFNOSUPPORT, EAFNOSUPPORT) X(IO, EIO)

typedef struct probe_error {
    const char *name;
    int number;
} probe_error;

typedef enum probe_kind { PROBE_TCP, PROBE_UDP, PROBE_UNIX, PROBE_UNIX_DGRAM } probe_kind;

typedef enum probe_option {
    PROBE_ABORT,   /* close resets */
    PROBE_SEGMENT, /* one call sends several datagrams */
    PROBE_GRO,     /* one call receives several */
    PROBE_STAMP,
    PROBE_DROPS
} probe_option;

/* As poll() reports them. */
enum { PROBE_IN = 1, PROBE_OUT = 2, PROBE_ERR = 4, PROBE_HUP = 8 };

/* Of a registration. */
enum { PROBE_CLEAR = 1, PROBE_ONESHOT = 2, PROBE_ADD = 4, PROBE_EOF = 8 };

/* What a poller reported: `ready` is IN or OUT; the rest only kqueue knows. */
typedef struct probe_event {
    int fd;
    unsigned ready;
    unsigned flags;
    long data;
    int error;
} probe_event;

/* The calls. Results are n >= 0, or minus the system's number of the error. All descriptors do not
 * block. An address is a port of 127.0.0.1, or the number of a path of the probe; 0: any. */
typedef struct probe_sys probe_sys;
struct probe_sys {
    const char *name;
    const probe_error *errors;
    size_t error_count;

    int (*socket)(const probe_sys *sys, probe_kind kind);
    int (*bind)(const probe_sys *sys, probe_kind kind, int fd, int at);
    int (*bind_abstract)(const probe_sys *sys, int fd); /* a unix name outside of the file system */
    int (*port)(const probe_sys *sys, int fd);
    int (*listen)(const probe_sys *sys, int fd, int backlog);
    int (*accept)(const probe_sys *sys, int fd);
    int (*connect)(const probe_sys *sys, probe_kind kind, int fd, int at);
    long (*send)(const probe_sys *sys, int fd, const void *bytes, size_t n);
    long (*send_to)(const probe_sys *sys, probe_kind kind, int fd, int at, const void *bytes,
                    size_t n);
    long (*recv)(const probe_sys *sys, int fd, void *bytes, size_t n);
    int (*send_fd)(const probe_sys *sys, int fd, int passed); /* with one byte */
    int (*recv_fd)(const probe_sys *sys, int fd);
    int (*shutdown)(const probe_sys *sys, int fd);
    int (*close)(const probe_sys *sys, int fd);
    int (*dup)(const probe_sys *sys, int fd);
    int (*so_error)(const probe_sys *sys, int fd); /* the pending error's number, or 0 */
    int (*setopt)(const probe_sys *sys, int fd, probe_option option);

    /* What is ready of `mask`, errors and hang-ups; waits for some of it. */
    unsigned (*ready)(const probe_sys *sys, int fd, unsigned mask, int ms);
    void (*pause)(const probe_sys *sys, int ms);

    /* epoll; NULL: there is none. `ready` is one direction or both. */
    int (*epoll_open)(const probe_sys *sys);
    int (*epoll_add)(const probe_sys *sys, int set, int fd, unsigned ready, unsigned flags);
    int (*epoll_wait)(const probe_sys *sys, int set, probe_event *out, int cap, int ms);

    /* kqueue; NULL: there is none. `ready` is one direction, or 0: EVFILT_USER. */
    int (*kqueue_open)(const probe_sys *sys);
    int (*kqueue_add)(const probe_sys *sys, int queue, int fd, unsigned ready, unsigned flags);
    int (*kqueue_delete)(const probe_sys *sys, int queue, int fd, unsigned ready);
    int (*kqueue_trigger)(const probe_sys *sys, int queue, int fd);
    int (*kqueue_wait)(const probe_sys *sys, int queue, probe_event *out, int cap, int ms);
};

typedef struct probe {
    const probe_sys *sys;
    FILE *out;
    int facts;  /* written so far */
    char *much; /* PROBE_MUCH bytes to send, or to receive into */
} probe;

enum { PROBE_MUCH = 8 << 20, PROBE_MS = 2000 };

/* Asks everything and writes the answers. */
void tsm_probe_ask(const probe_sys *sys, FILE *out);

/* ---- for the files of questions -------------------------------------------------------------- */

void tsm_probe_ask_tcp(probe *p);
void tsm_probe_ask_unix(probe *p);
void tsm_probe_ask_udp(probe *p);
void tsm_probe_ask_epoll(probe *p);
void tsm_probe_ask_kqueue(probe *p);

__attribute__((format(printf, 3, 4))) void tsm_probe_text(probe *p, const char *fact,
                                                          const char *format, ...);
void tsm_probe_size(probe *p, const char *fact, long size);
void tsm_probe_often(probe *p, const char *fact, int times, int of);

/* "ECONNREFUSED", or the number. `result` is minus a number of the system; else "ok". */
const char *tsm_probe_name(const probe *p, long result);
const char *tsm_probe_bits(unsigned ready); /* "in+out" */

/* A socket bound to a new address, in *at; it listens if backlog > 0. */
int tsm_probe_open(probe *p, probe_kind kind, int *at, int backlog);

/* Two streams that are connected with each other. */
void tsm_probe_pair(probe *p, probe_kind kind, int ends[2]);

void tsm_probe_close(probe *p, int fd);
void tsm_probe_drop(probe *p, int fd); /* with a reset */

/* "3 ECONNRESET 0": the results of so many calls of recv for at most `n` bytes. */
const char *tsm_probe_reads(probe *p, int fd, size_t n, int calls);

#endif
