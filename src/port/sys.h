/* SPDX-License-Identifier: MIT
 *
 * sys.h: every system call that a loop makes, as one table.
 *
 * The table is the only door between the loop and the system: the fault shim of the tests is
 * another table. Each function takes the table itself first, so that such a table
 * can be the head of a bigger object.
 *
 * A result is {n, status, os}: status THETIS_OK and n >= 0; or n 0, a status that says why not,
 * and the system's own code. Would-block is THETIS_AGAIN; an interrupted call THETIS_EINTR, and
 * nothing was done then; a connection in progress THETIS_AGAIN. No function blocks, but `wait`.
 * Descriptors made here are non-blocking and not inherited by programs this one starts.
 */
#ifndef THT_SYS_H
#define THT_SYS_H

#include <thetis/addr.h>
#include <thetis/loop.h>

typedef struct tht_ret {
    ptrdiff_t n;
    thetis_status status;
    int32_t os;
} tht_ret;

/* One ready descriptor: the token it was registered with and the directions to try. */
typedef struct tht_event {
    uint64_t token;
    uint32_t ready; /* THT_IN | THT_OUT; errors and hang-ups are both */
} tht_event;

#define THT_IN 1u
#define THT_OUT 2u

/* Options of tht_sys.setopt; the value is an int. */
typedef enum tht_opt {
    THT_OPT_REUSE_ADDR,
    THT_OPT_REUSE_PORT,
    THT_OPT_NODELAY,
    THT_OPT_ABORT_ON_CLOSE, /* close sends a reset */
    THT_OPT_V6_ONLY
} tht_opt;

/* tht_sys.name: which end */
typedef enum tht_end { THT_LOCAL, THT_PEER } tht_end;

typedef struct tht_sys tht_sys;

struct tht_sys {
    /* The clock of deadlines and sleeps: nanoseconds, monotonic. */
    uint64_t (*now)(const tht_sys *sys);

    /* n: a stream socket for this address family. */
    tht_ret (*socket)(const tht_sys *sys, thetis_addr_family family);
    tht_ret (*bind)(const tht_sys *sys, int fd, const thetis_addr *addr);
    tht_ret (*listen)(const tht_sys *sys, int fd, int backlog);

    /* n: the new descriptor; *peer as far as known, else family NONE. EMFILE, ENOBUFS, ENOMEM: a
     * lack that passes; ERESET: that connection is gone, go on; other faults end the listener. */
    tht_ret (*accept)(const tht_sys *sys, int fd, thetis_addr *peer);

    /* OK: connected at once. AGAIN: in progress, also after an interruption. */
    tht_ret (*connect)(const tht_sys *sys, int fd, const thetis_addr *to);

    /* n: bytes; 0 is the end of the stream. */
    tht_ret (*recv)(const tht_sys *sys, int fd, void *into, size_t len);

    /* n: bytes accepted, at least 1 if any were given. Never raises a signal. iovs <= max_iov.
     * CLOSED: the direction had ended before. Any other fault is news that the system tells only
     * once: recv will not report it again. */
    tht_ret (*send)(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs);

    /* The same for one piece: a cheaper system call. */
    tht_ret (*send_one)(const tht_sys *sys, int fd, const void *data, size_t len);

    /* Ends the sending direction. */
    tht_ret (*shutdown)(const tht_sys *sys, int fd);

    /* The descriptor is gone afterwards, whatever the result. */
    tht_ret (*close)(const tht_sys *sys, int fd);

    /* The pending error of a socket, read and cleared: OK if there is none. */
    tht_ret (*so_error)(const tht_sys *sys, int fd);
    tht_ret (*setopt)(const tht_sys *sys, int fd, tht_opt opt, int value);

    /* ENOTCONN: there is no such end now. */
    tht_ret (*name)(const tht_sys *sys, int fd, tht_end end, thetis_addr *out);

    /* epoll: n is the descriptor of the set. */
    tht_ret (*epoll_open)(const tht_sys *sys);

    /* Changes interest from `was` to `mask` (THT_IN | THT_OUT); 0 is not registered. */
    tht_ret (*epoll_set)(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                         uint32_t mask);

    /* Sleeps at most `timeout_ns` (UINT64_MAX: for ever), never wakes too early on a timeout.
     * n: events written. EINTR: none. */
    tht_ret (*epoll_wait)(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                          uint64_t timeout_ns);

    /* n: a descriptor that wakes the poller it is added to. */
    tht_ret (*wake_open)(const tht_sys *sys, int set, uint64_t token);

    /* Wakes the sleeper; any thread, any signal handler; keeps errno. */
    tht_ret (*wake_send)(const tht_sys *sys, int wake_fd);

    /* The resolution of the sleeps of epoll_wait in nanoseconds; known once a set was opened. */
    uint64_t (*sleep_ns)(const tht_sys *sys);

    uint32_t max_iov;
};

/* This system's own calls. */
extern const tht_sys tht_sys_host;

#endif
