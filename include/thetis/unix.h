/* SPDX-License-Identifier: MIT
 *
 * thetis/unix.h: unix sockets: streams that can pass descriptors, and datagrams.
 *
 *     if (thetis_unix_listen(loop, &listener, &addr, NULL, on_accept) != THETIS_OK) ...
 *     ...in on_accept:  thetis_unix_accept(accepted, &un)
 *     ...at the peer:   thetis_unix_connect(loop, &un, &addr, on_connect)
 *     ...on both:       thetis_tcp_recv_start(thetis_unix_stream(&un), on_recv)
 *
 * A unix stream is a stream: receives, sends, marks and closing are those of thetis/tcp.h on
 * thetis_unix_stream(), at the same address as the thetis_unix. A unix datagram socket is used
 * through thetis/udp.h. What is here is how they are opened, and descriptors.
 *
 * Addresses are paths or, on Linux, abstract names (thetis/addr.h). A path that was bound stays in
 * the file system when its socket is closed: remove it before the next bind (EADDRINUSE).
 *
 * A peer that closes before it has read everything is a reset, after what it sent itself.
 *
 * Descriptors travel with the first byte of the send that carries them. Those that a receive
 * callback does not take are closed after it; copies here are not inherited by other programs.
 */
#ifndef THETIS_UNIX_H
#define THETIS_UNIX_H

#include <thetis/tcp.h>
#include <thetis/udp.h>

#define THETIS_UNIX_FDS_MAX 16u /* descriptors that one send can carry */

typedef struct thetis_unix thetis_unix;
typedef struct thetis_unix_send thetis_unix_send;

/** A stream. Do not touch. */
struct thetis_unix {
    thetis_tcp stream_; /* first */
    thetis_addr to_;
    uint32_t count_; /* of fds_ */
    uint32_t next_;  /* to be taken */
    int fds_[THETIS_UNIX_FDS_MAX];
};

/** A send with descriptors; read `send` in the callback. */
struct thetis_unix_send {
    thetis_send send; /* first */
    const int *fds_;
    uint32_t count_;
};

THETIS_BEGIN_DECLS

/** thetis_tcp_listen() at a unix address; of `cfg` only the backlog counts. ENOTSUP: there are no
 *  unix sockets here; the others as there.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_listen(thetis_loop *loop,
                                                             thetis_listener *listener,
                                                             const thetis_addr *addr,
                                                             const thetis_listen_cfg *cfg,
                                                             thetis_accept_fn *on_accept);

/** thetis_tcp_accept() for a unix stream: statuses as there.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_accept(thetis_accepted *accepted,
                                                             thetis_unix *un);

/** thetis_tcp_connect() to a unix address. EREFUSED: nobody listens, or there is no such path.
 *  While the listener's backlog is full it is tried again at growing intervals, until closed.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_connect(thetis_loop *loop, thetis_unix *un,
                                                              const thetis_addr *to,
                                                              thetis_connect_fn *on_connect);

/** The stream, for everything else.
 *  @progress owner */
static inline thetis_tcp *thetis_unix_stream(thetis_unix *un)
{
    return &un->stream_;
}

/** Like thetis_tcp_send(), and copies of `count` descriptors arrive with the first byte. The
 *  descriptors and the array are the loop's until `done`, then the caller's again: close them, if
 *  they are not needed here. EINVAL: no byte, no descriptor, or more than THETIS_UNIX_FDS_MAX;
 *  the others as there. A number that is no descriptor ends the direction with EINVAL.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_send_fds(thetis_unix *un,
                                                               thetis_unix_send *op,
                                                               const void *data, size_t len,
                                                               const int *fds, uint32_t count,
                                                               thetis_sent_fn *done);

/** In a receive callback: the next descriptor that came with these bytes; it is the caller's.
 *  ABSENT: there is no other.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_recv_fd(thetis_unix *un, int *fd);

/** A datagram socket at a unix address, or without one (`local` NULL; it cannot be answered then).
 *  `send_space`: as in thetis_udp_cfg. Faults as of thetis_udp_open().
 *  To send to a path that nobody has is EREFUSED; to a peer whose queue is full, ENOBUFS.
 *  @progress owner; system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_open(thetis_loop *loop, thetis_udp *udp,
                                                           const thetis_addr *local,
                                                           uint32_t send_space);

THETIS_END_DECLS

#endif
