/* SPDX-License-Identifier: MIT
 *
 * thetis/loop.h: the event loop: one thread, its handles, their completions.
 *
 *     thetis_loop *loop;
 *     if (thetis_loop_create(NULL, &loop) != THETIS_OK) return 1;
 *     if (thetis_tcp_listen(loop, &listener, &addr, NULL, on_accept) != THETIS_OK) return 1;
 *     if (thetis_loop_run(loop) != THETIS_OK) return 1;
 *     return thetis_loop_destroy(loop) != THETIS_OK;
 *
 * run() ends when nothing is open and no timer is armed. To end earlier: thetis_loop_stop(); then
 * thetis_loop_scan() with thetis_handle_close() for all handles, stop the timers (they are yours),
 * run() once more for the last callbacks, destroy.
 *
 * Rules that hold on every system:
 *   - A call that starts an operation never runs a callback: results come from the loop, later.
 *     So callbacks never nest, and an operation that ended at once needs no special case.
 *   - Every operation that was accepted ends exactly once. Its memory belongs to the loop until
 *     then, and to the caller again before the callback runs.
 *   - Per direction a stream delivers data, then exactly one EOF or error, then nothing.
 *   - `closed` is the last callback of a handle; then its memory is the caller's.
 *   - Everything may be called inside any callback, but nested runs answer EBUSY.
 *   - A loop and its handles belong to the thread that runs it (asserted at level 2). Only
 *     thetis_loop_wake(), thetis_loop_stop() and a sender's calls (thetis/inbox.h) may be made
 *     elsewhere.
 *   - After init nothing is allocated.
 *
 * A turn has seven phases, each with a budget, so no handle starves another and timers never
 * starve: 1 read the clock, 2 expire timers, 3 deliver messages and wake-ups, 4 poll the system,
 * and deliver what ended the sleep, 5 serve ready handles, 6 dispatch completions of operations
 * that ended elsewhere, 7 flush sends and interest.
 *
 * The loop is not wait-free: it calls the system. "owner" below means: owner thread only, bounded
 * own work plus the named system calls.
 *
 * Orders: loop.wake, the sleep/wake word, see thetis_loop_wake().
 */
#ifndef THETIS_LOOP_H
#define THETIS_LOOP_H

#include <thetis/atomic.h>
#include <thetis/status.h>

typedef struct thetis_loop thetis_loop;
typedef struct thetis_handle thetis_handle;

/** The table of system calls below a loop; NULL in a configuration means this system's own. Tests
 *  put theirs here. */
struct tht_sys;

/** Runs on the loop's thread at least once after thetis_loop_wake(); calls may be merged. */
typedef void thetis_loop_wake_fn(thetis_loop *loop, void *user);

/** Zero-filled means all defaults. */
typedef struct thetis_loop_cfg {
    uint32_t max_handles;         /* 0: 1024; at most 2^24 - 2 */
    uint32_t max_timers;          /* 0: 1024; at most 2^28 */
    uint32_t buffers;             /* receive buffers shared by all handles; 0: 64; max 65535.
                                     "uring" has as many again, which the system fills */
    uint32_t buffer_size;         /* bytes of each; 0: 16384; at most 2^24 */
    uint32_t events;              /* events taken from the system at once; 0: 256; max 65536 */
    const char *backend;          /* "epoll", "poll"; NULL: what the variable THETIS_BACKEND of the
                                     environment says, else the best; "uring": where the system has
                                     or allows no io_uring, "epoll" takes over; "kqueue" needs a
                                     `sys` that has it, else ENOTSUP */
    thetis_loop_wake_fn *on_wake; /* may be NULL */
    void *user;                   /* for on_wake */
    int stay;                     /* non-zero: run() does not end while nothing is open */
    int movable;                  /* non-zero: streams may leave by thetis_tcp_detach() on every
                                     backend; on "uring" nothing is received ahead for it then */
    const struct tht_sys *sys;    /* NULL: the system's own calls */
} thetis_loop_cfg;

typedef enum thetis_cap {
    THETIS_CAP_TCP,            /* streams over IP */
    THETIS_CAP_LISTEN_BALANCE, /* listeners can share a port and its connections */
    THETIS_CAP_DETACH,         /* thetis_tcp_detach(); of "uring" with cfg.movable */
    THETIS_CAP_HALF_CLOSE,     /* shutdown of one direction */
    THETIS_CAP_ABORT,          /* thetis_tcp_abort() sends a reset */
    THETIS_CAP_POLL_FD,        /* thetis_poll_fd */
    THETIS_CAP_PAUSED_RESET,   /* a reset of a paused stream is noticed while paused */
    THETIS_CAP_SIGNAL_WAKE,    /* thetis_loop_wake() from a signal handler */
    THETIS_CAP_UDP,            /* datagrams over IP */
    THETIS_CAP_UDP_GSO,        /* the system cuts trains; on the paths that allow it */
    THETIS_CAP_UDP_GRO,        /* trains are received as such */
    THETIS_CAP_UDP_ICMP_ERR,   /* a connected socket learns that nobody is there */
    THETIS_CAP_UDP_MULTICAST,  /* thetis_udp_join() */
    THETIS_CAP_UDP_STAMP,      /* the time of arrival, by the system */
    THETIS_CAP_UDP_DROPS,      /* how many datagrams found no room */
    THETIS_CAP_UDP_BATCH,      /* number: datagrams that one system call can move */
    THETIS_CAP_UNIX,           /* unix sockets */
    THETIS_CAP_UNIX_FD_PASS,   /* number: descriptors that one send can carry */
    THETIS_CAP_TIMER_NS,       /* number: resolution of timers in nanoseconds */
    THETIS_CAP_MAX_IOV,        /* number: buffers one system call can send */
    THETIS_CAP_COUNT_
} thetis_cap;

typedef enum thetis_cap_level {
    THETIS_CAP_UNKNOWN,  /* known only after a first use */
    THETIS_CAP_ABSENT,   /* this backend cannot */
    THETIS_CAP_EMULATED, /* works, at a cost */
    THETIS_CAP_NATIVE    /* works as documented */
} thetis_cap_level;

typedef struct thetis_cap_info {
    thetis_cap_level level;
    uint64_t number; /* of those capabilities that are numbers */
} thetis_cap_info;

/** Counters since init; read between turns or in callbacks. */
typedef struct thetis_loop_stat {
    uint64_t turns;
    uint64_t polls;   /* calls that asked the system for events */
    uint64_t sleeps;  /* polls that were allowed to wait */
    uint64_t events;  /* events the system reported */
    uint64_t stale;   /* of these, for handles that were gone */
    uint64_t expired; /* timers */
    uint64_t wakes;   /* wake-ups delivered */
    uint64_t mail;    /* messages of inboxes, delivered */
    uint32_t handles; /* open now */
    uint32_t timers;  /* armed now */
    uint32_t buffers; /* receive buffers kept by the user now */
    int32_t refused;  /* the system's code, if it refused the backend that was asked for and another
                         took over; ENOSYS also if this build lacks it */
} thetis_loop_stat;

/** The last callback of a handle. */
typedef void thetis_closed_fn(thetis_handle *handle);

struct tht_kind; /* internal: what a loop does with handles of one kind */

/** The part that all handles share; embedded first in each. Do not touch. */
struct thetis_handle {
    thetis_loop *loop_;
    const struct tht_kind *kind_;
    void *user_;
    thetis_closed_fn *closed_;
    uint32_t slot_; /* its entry in the loop's table */
    int32_t fd_;
    uint8_t state_;
    uint8_t flags_;
    uint8_t mask_;   /* interest registered with the system */
    uint8_t ready_;  /* directions to try */
    uint8_t budget_; /* what it may still do in this turn */
    uint8_t rx_;
    uint8_t tx_;
    uint8_t kept_; /* receive buffers in the user's hands */
};

/** A piece of memory to send. */
typedef struct thetis_iov {
    const void *data;
    size_t len;
} thetis_iov;

THETIS_BEGIN_DECLS

/* ---- life ------------------------------------------------------------------------------------ */

/** Bytes a loop needs; 0 if the configuration is out of range, or names no backend of this build.
 *  `cfg` NULL means all defaults.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_loop_size(const thetis_loop_cfg *cfg);

/** Builds a loop in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_loop_size(cfg).
 *  EINVAL: a bad configuration, unknown backend, mem NULL or misaligned, len too small.
 *  EMFILE, ENOMEM, ENOTSUP: what the system answered; nothing is left open.
 *  @progress owner; opens the poller and the wake descriptor */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_init(void *mem, size_t len,
                                                           const thetis_loop_cfg *cfg,
                                                           thetis_loop **out);

/** Closes the loop. EBUSY while handles are open (thetis_loop_scan() shows them) or timers armed,
 *  and inside a callback of this loop. The memory is the caller's again after OK.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_fini(thetis_loop *loop);

/** thetis_loop_init() in memory of the system, for hosted programs.
 *  @progress owner; maps memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_create(const thetis_loop_cfg *cfg,
                                                             thetis_loop **out);

/** thetis_loop_fini() of a created loop, giving its memory back.
 *  @progress owner; unmaps memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_destroy(thetis_loop *loop);

/** In the child after fork(): closes the child's copies of all descriptors, without a change to
 *  what the parent's loop watches. No callback runs; the loop and its handles are dead.
 *  @progress owner */
THETIS_API void thetis_loop_discard(thetis_loop *loop);

/* ---- running --------------------------------------------------------------------------------- */

/** Turns until nothing is open and no timer armed (with `stay`: for ever), or stop. OK in both
 *  cases.
 *  EBUSY: called inside one of its own callbacks; other faults: the system cannot poll any more.
 *  @progress blocking: sleeps in the system */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_run(thetis_loop *loop);

/** One turn that sleeps at most `timeout_ns` (0: not at all; UINT64_MAX: as long as needed), and
 *  not at all if a timer or a wake-up ran first.
 *  OK; CLOSED: nothing is open; faults as run().
 *  @progress blocking: sleeps in the system */
THETIS_API THETIS_NODISCARD thetis_status thetis_loop_run_once(thetis_loop *loop,
                                                               uint64_t timeout_ns);

/** Makes run() return after the current round of callbacks; any thread, any signal handler.
 *  A stop without a run ends the next one at its start. on_wake is not called.
 *  @progress wait-free, 2 steps, up to one system call if the loop sleeps */
THETIS_API void thetis_loop_stop(thetis_loop *loop);

/** Makes the loop call on_wake soon; any thread, any signal handler. At most one system call per
 *  sleep of the loop, none while it runs. The call never waits, but the delivery may: of several
 *  wakers only the first makes the system call, so if that one is stopped just before it, the loop
 *  sleeps on until it goes on, or a timer or descriptor ends the sleep.
 *  All writes before the call are visible to on_wake (pair: loop.wake).
 *  @progress wait-free, 2 steps, up to one system call if the loop sleeps */
THETIS_API void thetis_loop_wake(thetis_loop *loop);

/* ---- asking ---------------------------------------------------------------------------------- */

/** The loop's clock: nanoseconds, never backwards; read once per phase, and at
 *  each call while the loop does not run.
 *  @progress owner */
THETIS_API uint64_t thetis_loop_now(thetis_loop *loop);

/** The name of the backend in use: "epoll", "poll", "uring".
 *  @progress owner */
THETIS_API const char *thetis_loop_backend(const thetis_loop *loop);

/** What this loop can do here.
 *  @progress owner */
THETIS_API thetis_cap_info thetis_loop_cap(const thetis_loop *loop, thetis_cap cap);

/** The name of a capability, "HALF_CLOSE"; NULL past the last.
 *  @progress wait-free, 0 steps */
THETIS_API const char *thetis_cap_name(thetis_cap cap);

/** The k-th backend of this build, best first; NULL past the last.
 *  @progress wait-free, 0 steps */
THETIS_API const char *thetis_backend_name(size_t k);

/** Copies the counters.
 *  @progress owner */
THETIS_API void thetis_loop_stat_read(const thetis_loop *loop, thetis_loop_stat *out);

/** Calls `each` for every open handle; it may close the handle it is given.
 *  @progress owner */
THETIS_API void thetis_loop_scan(thetis_loop *loop,
                                 void (*each)(thetis_handle *handle, void *user), void *user);

/** Gives back a receive buffer that thetis_tcp_keep() or thetis_udp_keep() kept; in any order, also
 *  after its handle was closed.
 *  @progress owner */
THETIS_API void thetis_loop_release(thetis_loop *loop, uint32_t buffer);

/* ---- handles in general ---------------------------------------------------------------------- */

/** The pointer that thetis_handle_set_user() stored, NULL at first.
 *  @progress owner */
static inline void *thetis_handle_user(const thetis_handle *handle)
{
    return handle->user_;
}

/** Stores a pointer of the user's; allowed from the open call of the handle on.
 *  @progress owner */
static inline void thetis_handle_set_user(thetis_handle *handle, void *user)
{
    handle->user_ = user;
}

/** Ends any handle at once: thetis_tcp_abort(), thetis_listener_close(), thetis_udp_close(),
 *  thetis_poll_fd_close() or thetis_inbox_close(), whatever it is. For thetis_loop_scan().
 *  EBUSY: ended already.
 *  @progress owner; system calls */
THETIS_API thetis_status thetis_handle_close(thetis_handle *handle, thetis_closed_fn *closed);

/** The loop the handle was opened on.
 *  @progress owner */
static inline thetis_loop *thetis_handle_loop(const thetis_handle *handle)
{
    return handle->loop_;
}

/* ---- foreign descriptors --------------------------------------------------------------------- */

#define THETIS_POLL_IN 1u
#define THETIS_POLL_OUT 2u

/** Readiness of a descriptor that is not ours: the only readiness interface of the library. */
typedef struct thetis_poll_fd thetis_poll_fd;

/** `ready` is a non-empty subset of the interest, and a hint: the next read or write tells. */
typedef void thetis_poll_fn(thetis_poll_fd *poll, unsigned ready);

struct thetis_poll_fd {
    thetis_handle handle_;
    thetis_poll_fn *on_ready_;
    uint8_t want_;
};

/** Watches nothing yet. The descriptor stays the caller's and must outlive the handle.
 *  ENOSLOT: the loop's table is full; EINVAL: fd is negative.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_poll_fd_open(thetis_loop *loop,
                                                              thetis_poll_fd *poll, int fd,
                                                              thetis_poll_fn *on_ready);

/** Sets the interest: THETIS_POLL_IN, _OUT, both or 0. While it is ready, `on_ready` runs once a
 *  turn. EINVAL: other bits, or the system cannot poll this descriptor; EBUSY: closing, or
 *  another handle of this loop watches the descriptor.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_poll_fd_start(thetis_poll_fd *poll,
                                                               unsigned interest);

/** The part that all handles share: for thetis_handle_user() and its sisters.
 *  @progress owner */
static inline thetis_handle *thetis_poll_fd_handle(thetis_poll_fd *poll)
{
    return &poll->handle_;
}

/** Forgets the descriptor without closing it; then `closed` (may be NULL). EBUSY: called twice.
 *  @progress owner */
THETIS_API thetis_status thetis_poll_fd_close(thetis_poll_fd *poll, thetis_closed_fn *closed);

THETIS_END_DECLS

#endif
