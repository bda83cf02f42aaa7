/* SPDX-License-Identifier: MIT
 *
 * thetis/udp.h: datagrams over UDP.
 *
 *     static void on_train(thetis_udp *udp, const thetis_train *train)
 *     {
 *         thetis_iov d;
 *         size_t k = 0;
 *         while (thetis_train_next(train, &k, &d)) consume(train->from, d.data, d.len);
 *     }
 *     if (thetis_udp_open(loop, &udp, &addr, NULL) != THETIS_OK) ...
 *     if (thetis_udp_recv_start(&udp, on_train) != THETIS_OK) ...
 *     if (thetis_udp_send(&udp, &peer, "hello", 5) == THETIS_ENOBUFS) ...drop it, or wait_writable
 *
 * Sending is direct: a datagram is given to the system inside the call or not at all, so there is
 * no queue that grows. A socket that is full says ENOBUFS; whoever does not want to drop the
 * datagram asks thetis_udp_wait_writable() to be told, once, when another try makes sense. Nothing
 * else ever watches a socket for writing: it is writable nearly always.
 *
 * Many datagrams of one size to one peer are one thetis_dgram with a `segment`: where the system
 * can (UDP_GSO) it cuts them itself, for a small part of the cost. A path that turns out not to
 * support that is remembered, and its datagrams are sent one by one.
 *
 * What arrives comes as trains: one datagram, or several of one size from one sender that the
 * system received as one (UDP_GRO). Trains need receive buffers of THETIS_UDP_TRAIN_MAX bytes
 * (thetis_loop_cfg.buffer_size); with smaller ones every train is one datagram, cut to the buffer.
 *
 * Faults are news, not ends: EREFUSED and its like mean that an earlier datagram did not arrive.
 * They cost no other datagram, and receiving goes on.
 *
 * Source: UDP_SEGMENT and UDP_GRO as in Linux 4.18 and 5.0 (de Bruijn, Dumazet, "Optimizing UDP for
 * content delivery: GSO, pacing and zerocopy", Linux Plumbers Conference 2018).
 */
#ifndef THETIS_UDP_H
#define THETIS_UDP_H

#include <thetis/addr.h>
#include <thetis/loop.h>

typedef struct thetis_udp thetis_udp;

#define THETIS_UDP_TRAIN_MAX 65536u /* bytes that no train exceeds */
#define THETIS_UDP_KEEP_MAX 32u     /* buffers that one socket may keep */

/** What arrived. All of it is valid during the callback; thetis_udp_keep() extends that of data. */
typedef struct thetis_train {
    thetis_status status; /* OK; ECANCELED: the last callback; else news of an earlier send */
    int32_t os;           /* the system's own code behind a fault, else 0 */
    void *data;
    size_t len;              /* bytes of all datagrams */
    size_t segment;          /* bytes of each datagram, the last may have less; 0: there is one */
    const thetis_addr *from; /* NULL if status is not OK */
    uint64_t stamp;          /* arrival, ns since 1970; 0: not asked for, or unknown */
    uint32_t drops;          /* datagrams the socket had no room for, so far, if asked for */
    uint16_t cut;            /* 1: the last datagram was longer than the buffer: its rest is lost */
    uint16_t spare_;
    uint32_t buffer_; /* internal */
} thetis_train;

typedef void thetis_train_fn(thetis_udp *udp, const thetis_train *train);

/** OK: another try to send makes sense; ECANCELED: the socket was closed. */
typedef void thetis_writable_fn(thetis_udp *udp, thetis_status status);

/** What to send: one datagram, or several of one size. */
typedef struct thetis_dgram {
    const void *data;
    size_t len;
    const thetis_addr *to; /* NULL: the connected peer */
    uint32_t segment;      /* 0: one datagram; else bytes of each, the last may have less */
    uint32_t spare_;
    size_t sent;           /* result: bytes of whole datagrams that were taken */
} thetis_dgram;

/** Zero-filled means all defaults. */
typedef struct thetis_udp_cfg {
    uint32_t recv_space; /* bytes the system may queue; 0: its default; it may round */
    uint32_t send_space; /* likewise */
    int reuse_addr;      /* non-zero: sockets that set it may share an address, for multicast */
    int reuse_port;      /* non-zero: likewise, and the system spreads peers over them */
    int broadcast;       /* non-zero: may send to broadcast addresses */
    int single;          /* non-zero: no trains, every datagram comes by itself */
    int stamp;           /* non-zero: tell when datagrams arrived */
    int drops;           /* non-zero: tell how many datagrams found no room */
} thetis_udp_cfg;

/** A socket. Do not touch. */
struct thetis_udp {
    thetis_handle handle_;
    thetis_train_fn *recv_;
    thetis_writable_fn *writable_;
    int32_t news_os_;
    int8_t news_; /* fault of an earlier datagram that a send was told; 0: none */
    uint8_t family_;
    uint8_t ask_;    /* messages to ask for in the next receive */
    uint8_t faults_; /* in a row */
    uint32_t path_next_;
    uint32_t paths_[7]; /* that cannot segment: hashes; 0: none */
};

THETIS_BEGIN_DECLS

/* ---- opening --------------------------------------------------------------------------------- */

/** Opens a socket bound to `local` (port 0: the system chooses, see thetis_udp_addr()). An IPv6 one
 *  takes IPv6 only. `cfg` may be NULL. EINVAL: no IP address; ENOTSUP: an option that this system
 *  lacks; EADDRINUSE, EADDRNOTAVAIL, EACCES: the address; ENOSLOT: the loop's table is full;
 *  EMFILE, ...: the system. After a fault the memory is the caller's at once.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_open(thetis_loop *loop, thetis_udp *udp,
                                                          const thetis_addr *local,
                                                          const thetis_udp_cfg *cfg);

/** Only this peer from now on: others are not received, sends name no other, and more faults of
 *  the peer become known. Datagrams that were queued before still come. EINVAL: another family;
 *  EBUSY: closing; else the system.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_connect(thetis_udp *udp,
                                                             const thetis_addr *peer);

/** Receives what is sent to a multicast group, on a network interface (0: the system chooses).
 *  EINVAL: no group of this socket's family; EADDRINUSE: joined already; EADDRNOTAVAIL: no such
 *  interface; EBUSY: closing; else the system.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_join(thetis_udp *udp, const thetis_addr *group,
                                                          uint32_t interface);

/** Ends that. EADDRNOTAVAIL: not joined there; EINVAL, EBUSY as join().
 *  @progress owner; one system call */
THETIS_API thetis_status thetis_udp_leave(thetis_udp *udp, const thetis_addr *group,
                                          uint32_t interface);

/** The local and the connected peer's address; either may be NULL. ENOTCONN: no such end.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_addr(const thetis_udp *udp,
                                                          thetis_addr *local, thetis_addr *peer);

/** The part that all handles share: for thetis_handle_user() and its sisters.
 *  @progress owner */
static inline thetis_handle *thetis_udp_handle(thetis_udp *udp)
{
    return &udp->handle_;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/** Receives into buffers of the loop's pool until canceled or closed. EBUSY: a receive is in
 *  progress, or the socket is closing.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_recv_start(thetis_udp *udp,
                                                                thetis_train_fn *on_train);

/** Ends the receive: its last callback has ECANCELED. Inside the callback the few datagrams that
 *  were taken from the system together with this one come before. OK; ABSENT: none in progress.
 *  @progress owner */
THETIS_API thetis_status thetis_udp_recv_cancel(thetis_udp *udp);

/** In a callback: keeps the buffer beyond it and returns its number, for thetis_loop_release(). A
 *  socket that keeps THETIS_UDP_KEEP_MAX buffers receives nothing until one is released; then the
 *  system's queue fills and drops.
 *  @progress owner */
THETIS_API uint32_t thetis_udp_keep(thetis_udp *udp, const thetis_train *train);

/** The datagrams of a train, in order: 1 and `*out`, or 0 after the last. Begin with `*k` 0.
 *  @progress wait-free, 0 steps */
THETIS_INLINE int thetis_train_next(const thetis_train *train, size_t *k, thetis_iov *out)
{
    size_t at = *k * train->segment, left = train->len - at;
    if (train->status != THETIS_OK || at > train->len || (*k && left == 0)) return 0;
    if (*k && train->segment == 0) return 0;
    out->data = THETIS_CAST(const unsigned char *, train->data) + at;
    out->len = train->segment && train->segment < left ? train->segment : left;
    ++*k;
    return 1;
}

/** How many datagrams a train has.
 *  @progress wait-free, 0 steps */
THETIS_INLINE size_t thetis_train_count(const thetis_train *train)
{
    if (train->status != THETIS_OK) return 0;
    if (train->segment == 0 || train->len == 0) return 1;
    return (train->len + train->segment - 1) / train->segment;
}

/* ---- sending --------------------------------------------------------------------------------- */

/** Gives an array of `n` to the system, in order, with few system calls; returns how many of them
 *  were taken whole. `*why`, which stopped the next one, is OK if that is all. `sent` of that one
 *  tells how far it came; it can be sent again from there.
 *  ENOBUFS: the socket or the system is full now; E2BIG: the datagram is longer than any may be;
 *  EREFUSED, EUNREACH, ...: there is no way to this peer; ENOTCONN: neither `to` nor a connected
 *  peer; EINVAL: `to` of another family, or although connected; EINTR: interrupted over and over;
 *  EBUSY: closing.
 *  A fault that belongs to an earlier datagram goes to the receive callback instead, and the
 *  datagram that met it is sent.
 *  @progress owner; at least one system call for every 32 */
THETIS_API size_t thetis_udp_send_n(thetis_udp *udp, thetis_dgram *batch, size_t n,
                                    thetis_status *why);

/** The same for one datagram.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_send(thetis_udp *udp, const thetis_addr *to,
                                                          const void *data, size_t len);

/** After ENOBUFS: calls `on_writable` once, when another try makes sense. The system's word is
 *  taken for that where it has one; where it has none (its own queues were full, not the socket's),
 *  or was wrong the last time, some time passes instead, 10 to 500 ms. EBUSY: waiting already, or
 *  closing.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_udp_wait_writable(thetis_udp *udp,
                                                                   thetis_writable_fn *on_writable);

/* ---- closing --------------------------------------------------------------------------------- */

/** Ends a receive and a wait (ECANCELED) and closes; then `closed` (may be NULL). What was sent is
 *  on its way. EBUSY: called twice.
 *  @progress owner; system calls */
THETIS_API thetis_status thetis_udp_close(thetis_udp *udp, thetis_closed_fn *closed);

THETIS_END_DECLS

#endif
