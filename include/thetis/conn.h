/* SPDX-License-Identifier: MIT
 *
 * thetis/conn.h: connections that go from one loop to another.
 *
 *     static void on_accept(thetis_listener *l, thetis_accepted *a)          the loop that listens
 *     {
 *         thetis_conn conn;
 *         if (thetis_conn_accept(a, &conn) != THETIS_OK) return;
 *         if (thetis_inbox_send(&sender[next++ % loops], &conn) != THETIS_OK)
 *             thetis_conn_close(&conn);
 *     }
 *     static void on_message(thetis_inbox *inbox, const void *message)       the one that serves
 *     {
 *         thetis_conn conn = *(const thetis_conn *)message;
 *         if (thetis_tcp_attach(loop, next_free_tcp(), &conn) != THETIS_OK)
 *             thetis_conn_close(&conn);
 *     }
 *
 * Several loops serve one port in one of two ways. Where THETIS_CAP_LISTEN_BALANCE is NATIVE each
 * has a listener of its own with thetis_listen_cfg.reuse_port, and the system deals connections
 * out, by a hash of the peer's address; a listener that closes resets those that wait in its
 * backlog. Elsewhere, or where none may be lost when a loop stops, one loop listens and deals them
 * out as above: examples/conn_loops.c does both.
 *
 * A thetis_conn is a value that owns the socket while no loop does: it is attached or closed, once.
 * What makes it a stream of the next loop is a message (thetis/inbox.h), or whatever else orders
 * the memory of the two threads.
 *
 * Nothing is lost: what has arrived waits in the system and is received by the loop that attaches;
 * what an earlier loop has received was in its callbacks, and the message may carry it along. Ends
 * stay ends: a direction that has ended, or was shut down, is so on the next loop, too.
 */
#ifndef THETIS_CONN_H
#define THETIS_CONN_H

#include <thetis/tcp.h>
#include <thetis/unix.h>

/** Do not touch; to copy it is to pass the socket on. */
typedef struct thetis_conn {
    const struct tht_sys *sys_;
    int32_t fd_; /* -1: attached or closed */
    int32_t rx_os_;
    int32_t tx_os_;
    int8_t rx_end_; /* these as in thetis_tcp */
    int8_t tx_end_;
    int8_t rx_cause_;
    uint8_t shut_; /* the sending direction was shut down */
} thetis_conn;

THETIS_BEGIN_DECLS

/** In an accept callback: takes the connection without making it a stream of this loop.
 *  EINVAL: already taken, or its status is not OK.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_conn_accept(thetis_accepted *accepted,
                                                             thetis_conn *conn);

/** Takes the connection out of its stream, which ends as by a close: `closed` (may be NULL) comes
 *  later. The stream may be that of a thetis_unix. Callbacks of operations that have ended already
 *  still come before `closed`; buffers that were kept stay with this loop.
 *  EBUSY, and the stream stays as it is: it is connecting or closing; a receive is in progress
 *  (thetis_tcp_recv_cancel(), and its callback comes first; inside that callback it is over);
 *  something is queued to send. ENOTSUP: no THETIS_CAP_DETACH, which io_uring has with
 *  thetis_loop_cfg.movable only. ENOTCONN: there is no connection, its connect failed.
 *  @progress owner; one system call */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_detach(thetis_tcp *tcp, thetis_conn *conn,
                                                            thetis_closed_fn *closed);

/** Makes `tcp` the stream of this connection, on `loop`; marks and the user's pointer are as of a
 *  new one. EINVAL: attached or closed already; ENOSLOT: the loop's table is full, and `conn` has
 *  the connection still.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_tcp_attach(thetis_loop *loop, thetis_tcp *tcp,
                                                            thetis_conn *conn);

/** Likewise for a connection of unix sockets.
 *  @progress owner */
THETIS_API THETIS_NODISCARD thetis_status thetis_unix_attach(thetis_loop *loop, thetis_unix *un,
                                                             thetis_conn *conn);

/** Closes a connection that no loop will serve; of the caller's thread, whichever that is. Bytes
 *  that have arrived make the system send a reset instead of EOF. EINVAL: as of attach.
 *  @progress owner; one system call */
THETIS_API thetis_status thetis_conn_close(thetis_conn *conn);

THETIS_END_DECLS

#endif
