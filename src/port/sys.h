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
#define THT_EDGE 4u /* of epoll_set: reported once for each time that it becomes ready */

typedef enum tht_type { THT_STREAM, THT_DGRAM } tht_type;

enum { THT_FDS = 16 };

/* Messages that one call of recv_msgs or send_msgs may move. They cost about 450 bytes of stack
 * each while a call lasts; half as many cost 2.5 % more time per datagram. */
enum { THT_MSGS = 32 };

/* Where one received message goes: a datagram, or several of one size from one sender. */
typedef struct tht_in {
    void *into;        /* given, like room and from */
    size_t room;
    thetis_addr *from; /* family NONE: the sender has no address */
    size_t len;        /* at most room */
    uint32_t segment;  /* bytes of each of several datagrams, the last may have less; 0: one */
    uint32_t cut;      /* 1: there was more than room; the rest is lost */
    uint32_t drops;    /* with THT_OPT_COUNT_DROPS: datagrams the socket has had no room for */
    uint64_t stamp;    /* with THT_OPT_STAMP: arrival, ns since 1970; 0: unknown */
} tht_in;

/* One message to send. */
typedef struct tht_out {
    const void *data;
    size_t len;
    const thetis_addr *to; /* NULL: the connected peer */
    uint32_t segment;      /* the system cuts it into datagrams of this size; 0: it is one */
} tht_out;

/* An entry of a set that the caller keeps; like poll()'s. */
typedef struct tht_pollfd {
    int fd;
    int16_t events; /* what poll_set answered */
    int16_t revents;
} tht_pollfd;

/* kqueue: a change, or an event. The names are those of kevent(2), the numbers are not. */
typedef struct tht_kevent {
    uint64_t token;
    int64_t data;  /* of an event: bytes, connections, room, as the system counts; a hint */
    int32_t fd;    /* of THT_KQ_USER: any number */
    int32_t status; /* of THT_KQ_ERROR: why the change failed; OK: a receipt */
    int32_t os;     /* likewise; of THT_KQ_EOF: the pending error */
    uint16_t filter;
    uint16_t flags;
} tht_kevent;

enum { THT_CHANGES = 8 }; /* of one call */

enum { THT_KQ_READ = 1, THT_KQ_WRITE, THT_KQ_USER };

/* flags */
enum {
    THT_KQ_ADD = 1,
    THT_KQ_DELETE = 2,
    THT_KQ_CLEAR = 4, /* reported once for each time it becomes true */
    THT_KQ_ONESHOT = 8,
    THT_KQ_RECEIPT = 16, /* the change is answered by an event with THT_KQ_ERROR */
    THT_KQ_TRIGGER = 32, /* of THT_KQ_USER: makes it true; not in the change that adds it */
    THT_KQ_ERROR = 64,
    THT_KQ_EOF = 128 /* the direction has ended; there may be bytes all the same */
};

/* Options of tht_sys.setopt; the value is an int. */
typedef enum tht_opt {
    THT_OPT_REUSE_ADDR,
    THT_OPT_REUSE_PORT,
    THT_OPT_BALANCE, /* of listeners at one address: each connection goes to one of them, about
                        as many to each. ENOTSUP where there is no such thing. */
    THT_OPT_NODELAY,
    THT_OPT_ABORT_ON_CLOSE, /* close sends a reset */
    THT_OPT_V6_ONLY,
    THT_OPT_UDP_SEGMENT, /* 0: succeeds where tht_out.segment is understood */
    THT_OPT_UDP_GRO,     /* receives several datagrams as one message */
    THT_OPT_STAMP,
    THT_OPT_COUNT_DROPS,
    THT_OPT_BROADCAST,
    THT_OPT_RECV_SPACE, /* bytes; the system may round */
    THT_OPT_SEND_SPACE
} tht_opt;

/* tht_sys.name: which end */
typedef enum tht_end { THT_LOCAL, THT_PEER } tht_end;

struct tht_io_ops;
typedef struct tht_sys tht_sys;

struct tht_sys {
    /* The clock of deadlines and sleeps: nanoseconds, monotonic. */
    uint64_t (*now)(const tht_sys *sys);

    /* n: a socket for this address family. */
    tht_ret (*socket)(const tht_sys *sys, thetis_addr_family family, tht_type type);
    tht_ret (*bind)(const tht_sys *sys, int fd, const thetis_addr *addr);
    tht_ret (*listen)(const tht_sys *sys, int fd, int backlog);

    /* n: the new descriptor; *peer as far as known, else family NONE. EMFILE, ENOBUFS, ENOMEM: a
     * lack that passes; ERESET: that connection is gone, go on; other faults end the listener. */
    tht_ret (*accept)(const tht_sys *sys, int fd, thetis_addr *peer);

    /* OK: connected at once. AGAIN: in progress, also after an interruption; of a stream only. */
    tht_ret (*connect)(const tht_sys *sys, int fd, const thetis_addr *to);

    /* n: bytes; 0 is the end of the stream. */
    tht_ret (*recv)(const tht_sys *sys, int fd, void *into, size_t len);

    /* n: 1, a byte waits, and goes on waiting; 0, the end. Faults as of recv; AGAIN while the
     * stream connects. */
    tht_ret (*peek)(const tht_sys *sys, int fd);

    /* n: bytes accepted, at least 1 if any were given. Never raises a signal. iovs <= max_iov.
     * CLOSED: the direction had ended before. Any other fault is news that the system tells only
     * once: recv will not report it again. */
    tht_ret (*send)(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs);

    /* The same for one piece: a cheaper system call. */
    tht_ret (*send_one)(const tht_sys *sys, int fd, const void *data, size_t len);

    /* recv and send of a unix stream, with descriptors: at most THT_FDS, copies that are not
     * inherited, with the first byte they were sent with. *count: as many came. */
    tht_ret (*recv_fds)(const tht_sys *sys, int fd, void *into, size_t len, int *fds,
                        uint32_t *count);
    tht_ret (*send_fds)(const tht_sys *sys, int fd, const thetis_iov *iov, uint32_t iovs,
                        const int *fds, uint32_t count);

    /* Datagrams. n: messages received, at least 1, at most `n`. Fewer than asked for: there are no
     * more now, or the next call has a fault to tell. AGAIN: none. A fault that is no lack belongs
     * to a datagram that was sent earlier (EREFUSED: nobody there); it is told once. Descriptors
     * that came with one are closed. */
    tht_ret (*recv_msgs)(const tht_sys *sys, int fd, tht_in *in, uint32_t n);

    /* n: messages accepted, at least 1. A fault is that of the first message, or of a datagram that
     * was sent earlier. AGAIN: full, the poller tells when there is room. ENOBUFS, ENOMEM: full,
     * and nothing tells. E2BIG: can never be sent. ENOTSUP: the first message has a segment, and
     * cannot be cut on this path; sent one by one, its datagrams may pass. */
    tht_ret (*send_msgs)(const tht_sys *sys, int fd, const tht_out *out, uint32_t n);

    /* Joins (or leaves) a multicast group on an interface; 0: the system chooses. */
    tht_ret (*group)(const tht_sys *sys, int fd, const thetis_addr *group, uint32_t interface,
                     int join);

    /* Ends the sending direction. */
    tht_ret (*shutdown)(const tht_sys *sys, int fd);

    /* The descriptor is gone afterwards, whatever the result. */
    tht_ret (*close)(const tht_sys *sys, int fd);

    /* The pending error of a socket, read and cleared: OK if there is none. */
    tht_ret (*so_error)(const tht_sys *sys, int fd);
    tht_ret (*setopt)(const tht_sys *sys, int fd, tht_opt opt, int value);

    /* ENOTCONN: there is no such end now. */
    tht_ret (*name)(const tht_sys *sys, int fd, tht_end end, thetis_addr *out);

    /* epoll: n is the descriptor of the set. NULL, like the two below, where there is none. */
    tht_ret (*epoll_open)(const tht_sys *sys);

    /* Changes interest from `was` to `mask` (THT_IN | THT_OUT | THT_EDGE); 0 is not registered.
     * EBUSY: the descriptor's file is registered by this number, whoever closed that meanwhile. */
    tht_ret (*epoll_set)(const tht_sys *sys, int set, int fd, uint64_t token, uint32_t was,
                         uint32_t mask);

    /* Sleeps at most `timeout_ns` (UINT64_MAX: for ever), never wakes too early on a timeout.
     * n: events written. EINTR: none. */
    tht_ret (*epoll_wait)(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                          uint64_t timeout_ns);

    /* poll: n is the value of tht_pollfd.events for `mask`. EINVAL: it cannot be polled. */
    tht_ret (*poll_set)(const tht_sys *sys, int fd, uint64_t token, uint32_t was, uint32_t mask);

    /* As epoll_wait, for entries 0 to n - 1 and their tokens. Events are taken from entry *first
     * on, round the array; *first becomes the entry behind the last one looked at. */
    tht_ret (*poll_wait)(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                         uint32_t *first, tht_event *out, uint32_t cap, uint64_t timeout_ns);

    /* kqueue: n is the descriptor of the queue. NULL, like kevent, where there is none. */
    tht_ret (*kqueue_open)(const tht_sys *sys);

    /* Applies the changes, at most THT_CHANGES, then waits as epoll_wait does, not at all without
     * room for events. n: events written, those that answer changes first. There must be room for
     * them: otherwise the first failed change is the call's fault, and those behind it are not
     * applied. EINTR: no events, the changes are applied. Any thread may trigger. */
    tht_ret (*kevent)(const tht_sys *sys, int queue, const tht_kevent *changes, uint32_t n,
                      tht_kevent *out, uint32_t cap, uint64_t timeout_ns);

    /* n: a descriptor that wakes the poller. With `set` it is added there, and reported once for
     * each wake-up. With -1 the caller polls it, and takes the wake-ups. */
    tht_ret (*wake_open)(const tht_sys *sys, int set, uint64_t token);
    void (*wake_take)(const tht_sys *sys, int wake_fd);

    /* Wakes the sleeper; any thread, any signal handler; keeps errno. */
    tht_ret (*wake_send)(const tht_sys *sys, int wake_fd);

    /* The resolution of the sleeps of epoll_wait in nanoseconds; known once a set was opened. */
    uint64_t (*sleep_ns)(const tht_sys *sys);

    const struct tht_io_ops *io; /* see io_ops.h; NULL: there is none, */
    int32_t no_io;               /* and this is the system's code for that */
    uint32_t max_iov;
    uint32_t lacks; /* a bit for each thetis_cap that this system does not have */
};

/* This system's own calls. */
extern const tht_sys tht_sys_host;

#endif
