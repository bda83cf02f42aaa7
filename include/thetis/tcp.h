/* SPDX-License-Identifier: MIT
 *
 * thetis/tcp.h: TCP streams and listeners.
 *
 *     static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
 *     {
 *         if (r->status == THETIS_OK) consume(r->data, r->len);
 *         else thetis_tcp_close(tcp, NULL);                        EOF or an error: the last one
 *     }
 *     static void on_accept(thetis_listener *l, thetis_accepted *a)
 *     {
 *         if (thetis_tcp_accept(a, next_free_tcp()) == THETIS_OK) ...recv_start...
 *     }
 *
 * One receive slot and one ordered send queue per stream. Handles and operations are the caller's
 * memory: `thetis_tcp` until its closed callback, `thetis_send` until its done callback. With
 * thousands of streams, align each to 128 bytes, its size on 64-bit machines.
 *
 * Completion of a send means: accepted by the stack. Only an answer of the peer means delivered.
 * SIGPIPE never arises.
 */
#ifndef THETIS_TCP_H
#define THETIS_TCP_H

#include <thetis/addr.h>
#include <thetis/loop.h>

typedef struct thetis_tcp thetis_tcp;
typedef struct thetis_listener thetis_listener;
typedef struct thetis_send thetis_send;

/** What a stream received. `data` is valid during the callback; thetis_tcp_keep() extends that. */
typedef struct thetis_recv {
    thetis_status status; /* OK; EOF or a fault: the last one of this stream */
    int32_t os;           /* the system's own code behind a fault, else 0 */
    void *data;
    size_t len;
    uint32_t buffer_; /* of the loop's pool; internal */
} thetis_recv;

typedef void thetis_recv_fn(thetis_tcp *tcp, const thetis_recv *recv);

/** OK; or why there is no connection: then only close is useful. `os`: the system's own code. */
typedef void thetis_connect_fn(thetis_tcp *tcp, thetis_status status, int32_t os);

/** `send` is the caller's again: status, os and sent tell how it ended. */
typedef void thetis_sent_fn(thetis_tcp *tcp, thetis_send *send);

/** Back-pressure: the bytes queued rose to `high` (full 1) or fell to `low` (full 0). */
typedef void thetis_mark_fn(thetis_tcp *tcp, int full);

/** One operation of the send queue; needs no preparation. Read the first four in the callback. */
struct thetis_send {
    void *user;           /* the caller's, never touched */
    thetis_status status; /* OK, ECANCELED, ERESET, ... */
    int32_t os;           /* the system's own code behind a fault, else 0 */
    size_t sent;          /* bytes accepted by the stack */
    thetis_send *next_;
    const thetis_iov *iov_;
    thetis_sent_fn *done_;
    size_t offset_; /* into iov_[0] */
    size_t left_;   /* bytes */
    thetis_iov one_;
    uint32_t iovs_; /* left */
    uint32_t kind_;
};

/** A stream. With its slot in the loop 160 bytes on 64-bit machines. Do not touch. */
struct thetis_tcp {
    thetis_handle handle_;
    thetis_recv_fn *recv_;
    unsigned char *into_; /* one-shot receive; NULL: from the pool */
    thetis_send *pending_; /* circular, the newest; its next_ is the oldest; NULL: none */
    thetis_send *done_;    /* likewise: complete, callback to come */
    size_t queued_;        /* bytes not yet accepted by the stack */
    thetis_connect_fn *connect_;
    thetis_mark_fn *mark_;
    uint32_t high_;
    uint32_t low_;
    uint32_t into_len_;
    int32_t rx_os_;
    int32_t tx_os_;
    int8_t rx_end_; /* status that ended the direction, or 0 */
    int8_t tx_end_;
    int8_t rx_cause_; /* fault that a send was told: an EOF that follows is none */
    int8_t spare_;
};

/** A connection that waits to be taken, in an accept callback. */
typedef struct thetis_accepted {
    thetis_status status; /* OK; EMFILE, ENOBUFS, ENOMEM: cannot accept now, will go on trying;
                             other faults: will accept no more, close it */
    int32_t os;           /* the system's own code behind a fault, else 0 */
    thetis_addr peer;
    thetis_loop *loop_; /* internal, like fd_ */
    int32_t fd_;
} thetis_accepted;

typedef void thetis_accept_fn(thetis_listener *listener, thetis_accepted *accepted);

struct thetis_listener {
    thetis_handle handle_;
    thetis_accept_fn *accept_;
};

/** Zero-filled means all defaults. */
typedef struct thetis_listen_cfg {
    uint32_t backlog; /* 0: 1024, or what the system allows */
    int nagle;        /* non-zero: leave Nagle's algorithm on for accepted streams */
    int reuse_port;   /* non-zero: listeners that all ask for it may have one address, and the
                         system deals its connections out among them; see thetis/conn.h */
} thetis_listen_cfg;

THETIS_BEGIN_DECLS

/* ---- listening ------------------------------------------------------------------------------- */

/** Opens a listener on `addr` (port 0: the system chooses, see thetis_listener_addr()). An IPv6
 *  one takes IPv6 only; an address that was in use a moment ago may be used again.
 *  `cfg` may be NULL. EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL: the address; ENOTSUP: reuse_port
 *  without THETIS_CAP_LISTEN_BALANCE; ENOSLOT: the loop's table is full; EMFILE, ...: the system.
 *  After a fault the memory is the caller's at once.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_listen(thetis_loop *loop,
                                                            thetis_listener *listener,
                                                            const thetis_addr *addr,
                                                            const thetis_listen_cfg *cfg,
                                                            thetis_accept_fn *on_accept);

/** The address it listens on.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_listener_addr(const thetis_listener *listener,
                                                               thetis_addr *out);

/** Stops accepting; connections wait in the system's backlog. OK, also when paused already.
 *  @progress owner */
THETIS_API thetis_status thetis_listener_pause(thetis_listener *listener);

/** Accepts again. OK, also when not paused.
 *  @progress owner */
THETIS_API thetis_status thetis_listener_resume(thetis_listener *listener);

/** No accept callback comes after this call; then `closed` (may be NULL). EBUSY: called twice.
 *  Connections that waited in the backlog are reset by the system.
 *  @progress owner */
THETIS_API thetis_status thetis_listener_close(thetis_listener *listener, thetis_closed_fn *closed);

/* ---- opening a stream ------------------------------------------------------------------------ */

/** In an accept callback: makes `tcp` the stream of this connection. A connection that is not
 *  taken is closed after the callback. EINVAL: already taken, or its status is not OK;
 *  ENOSLOT: the loop's table is full.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_accept(thetis_accepted *accepted,
                                                            thetis_tcp *tcp);

/** Opens `tcp` and begins to connect, without Nagle's algorithm. Sends and receives may be started
 *  at once: they wait.
 *  EINVAL: no IP address; ENOSLOT, EMFILE, ...: nothing was opened, no callback comes.
 *  Everything else, also an immediate refusal, goes to `on_connect`: EREFUSED, EUNREACH,
 *  ETIMEDOUT, EADDRNOTAVAIL, ...; ECANCELED when closed before the end.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_connect(thetis_loop *loop, thetis_tcp *tcp,
                                                             const thetis_addr *to,
                                                             thetis_connect_fn *on_connect);

/** Like connect, from a local address: bound first (EADDRINUSE, EADDRNOTAVAIL, EACCES at once).
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_connect_from(thetis_loop *loop,
                                                                  thetis_tcp *tcp,
                                                                  const thetis_addr *from,
                                                                  const thetis_addr *to,
                                                                  thetis_connect_fn *on_connect);

/** The local and the peer's address; either may be NULL. ENOTCONN before the connection stands.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_addr(const thetis_tcp *tcp,
                                                          thetis_addr *local, thetis_addr *peer);

/** The part that all handles share: for thetis_handle_user() and its sisters.
 *  @progress owner */
static inline thetis_handle *thetis_tcp_handle(thetis_tcp *tcp)
{
    return &tcp->handle_;
}

/** Likewise for a listener.
 *  @progress owner */
static inline thetis_handle *thetis_listener_handle(thetis_listener *listener)
{
    return &listener->handle_;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/** Receives once, what is there but at most 65536 bytes, into the caller's memory, which is the
 *  loop's until the callback. `len` 0 ends at once with OK and 0 bytes. EBUSY: a receive is in
 *  progress, or the stream is closing. After EOF or an error: the same end again.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_recv(thetis_tcp *tcp, void *into, size_t len,
                                                          thetis_recv_fn *on_recv);

/** Receives until EOF or an error, into buffers of the loop's pool: an idle stream holds none.
 *  EBUSY: a receive is in progress, or the stream is closing.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_recv_start(thetis_tcp *tcp,
                                                                thetis_recv_fn *on_recv);

/** Ends the receive in progress: it completes with ECANCELED; no byte is lost, a later receive
 *  gets it. OK; ABSENT: none in progress.
 *  @progress owner */
THETIS_API thetis_status thetis_tcp_recv_cancel(thetis_tcp *tcp);

/** Holds a receive back: the peer's sends will block. OK; ABSENT: no receive in progress.
 *  Inside the callback it takes effect at once. EOF and errors are reported after resume.
 *  @progress owner */
THETIS_API thetis_status thetis_tcp_pause(thetis_tcp *tcp);

/** Goes on after a pause. OK; ABSENT: not paused.
 *  @progress owner */
THETIS_API thetis_status thetis_tcp_resume(thetis_tcp *tcp);

/** In a callback of recv_start: keeps the buffer beyond it and returns its number. A stream that
 *  keeps THETIS_TCP_KEEP_MAX buffers receives nothing until thetis_loop_release() returns one.
 *  @progress owner */
THETIS_API uint32_t thetis_tcp_keep(thetis_tcp *tcp, const thetis_recv *recv);

#define THETIS_TCP_KEEP_MAX 16u

/* ---- sending --------------------------------------------------------------------------------- */

/** Sends at once what the stack takes, if nothing is queued: `*sent` bytes (up to all).
 *  OK: all; AGAIN: not all (also: something is queued before it); CLOSED: after shutdown;
 *  EBUSY: closing; a fault: the stream cannot send any more.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_send_try(thetis_tcp *tcp, const void *data,
                                                              size_t len, size_t *sent);

/** Queues `len` bytes behind all earlier sends; they go out at the end of the turn, several sends
 *  in one system call. `send` and `data` are the loop's until `done`.
 *  CLOSED: after shutdown; EBUSY: closing. Other faults, also old ones, go to `done`.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_send(thetis_tcp *tcp, thetis_send *send,
                                                          const void *data, size_t len,
                                                          thetis_sent_fn *done);

/** Like send, for several pieces; the array, too, is the loop's until `done`.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_send_v(thetis_tcp *tcp, thetis_send *send,
                                                            const thetis_iov *iov, uint32_t iovs,
                                                            thetis_sent_fn *done);

/** Takes a queued send back: it completes with ECANCELED and `sent` bytes. If that is not 0 the
 *  stream is broken in the middle: all later sends fail with ECANCELED, too.
 *  OK; ABSENT: not queued (complete already).
 *  @progress owner; O(queue) */
THETIS_API thetis_status thetis_tcp_send_cancel(thetis_tcp *tcp, thetis_send *send);

/** Half close: after all earlier sends the peer sees EOF; we may still receive. A send operation
 *  like any other; later sends answer CLOSED. CLOSED: called twice; EBUSY: closing.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_shutdown(thetis_tcp *tcp, thetis_send *send,
                                                              thetis_sent_fn *done);

/** Calls `on_mark` at the edges: queued bytes >= high, and then <= low.
 *  EINVAL: low >= high, or high is 0.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_set_marks(thetis_tcp *tcp, uint32_t high,
                                                               uint32_t low,
                                                               thetis_mark_fn *on_mark);

/** Bytes queued and not yet accepted by the stack.
 *  @progress owner */
static inline size_t thetis_tcp_queued(const thetis_tcp *tcp)
{
    return tcp->queued_;
}

/* ---- closing --------------------------------------------------------------------------------- */

/** Ends a receive (its callback comes once more, with ECANCELED), sends what is queued, then
 *  closes; then `closed` (may be NULL).
 *  A peer that does not read can hold it up: thetis_tcp_abort() ends that.
 *  Bytes that arrived and were not received make the system send a reset instead of EOF.
 *  EBUSY: closing already.
 *  @progress owner */
THETIS_API thetis_status thetis_tcp_close(thetis_tcp *tcp, thetis_closed_fn *closed);

/** Ends everything at once (ECANCELED) and resets the connection; then `closed` (may be NULL).
 *  After close() it cuts the flush short, and close()'s callback still runs if `closed` is NULL.
 *  EBUSY: aborted already, or nothing is left to cut short.
 *  @progress owner; system calls */
THETIS_API thetis_status thetis_tcp_abort(thetis_tcp *tcp, thetis_closed_fn *closed);

THETIS_END_DECLS

#endif
