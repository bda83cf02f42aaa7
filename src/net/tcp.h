/* SPDX-License-Identifier: MIT
 *
 * tcp.h: the inside of a stream, shared by tcp.c, tcp_recv.c, tcp_send.c, unix.c and
 * conn.c.
 *
 * A direction that ended keeps the status that ended it (rx_end_, tx_end_): later operations on it
 * complete with that status, and the system is not asked again. A stream whose connect failed has
 * both ends set and no descriptor.
 */
#ifndef THT_TCP_H
#define THT_TCP_H

#include <thetis/tcp.h>
#include <thetis/unix.h>

#include "../loop/loop.h"

/* handle->flags_ */
enum {
    THT_TCP_SHUT = THT_F_KIND,
    THT_TCP_CONNECT_DUE = THT_F_KIND << 1,
    THT_TCP_DIAL = THT_F_KIND << 2 /* connect is to be called again, after a retry */
};

/* send->kind_. UNWANTED: data, taken back while the system had it. */
enum {
    THT_SEND_DATA,
    THT_SEND_END /* the half close */,
    THT_SEND_FDS /* a thetis_unix_send */,
    THT_SEND_UNWANTED
};

/* handle->rx_: the receive slot; from RX_DUE on a completion waits for the dispatch phase. */
typedef enum tht_rx { THT_RX_IDLE, THT_RX_ARMED, THT_RX_DUE, THT_RX_DUE_CANCELED, THT_RX_DUE_END }
    tht_rx;

/* handle->tx_, bits: FULL and TELL_* drive the back-pressure marks. */
enum { THT_TX_BLOCKED = 1, THT_TX_FULL = 2, THT_TX_TELL_FULL = 4, THT_TX_TELL_LOW = 8 };

static inline thetis_tcp *tht_tcp_of(thetis_handle *h)
{
    return (thetis_tcp *)(void *)h; /* the handle is its first member */
}

/* True while the system should be asked for data. */
static inline int tht_tcp_wants_recv(const thetis_tcp *tcp)
{
    const thetis_handle *h = &tcp->handle_;
    return h->rx_ == THT_RX_ARMED && !(h->flags_ & (THT_F_PAUSED | THT_F_STARVED | THT_F_LADEN));
}

/* tcp.c */
extern const tht_kind tht_unix_kind; /* TCP's, but for serve */
thetis_status tht_tcp_open(thetis_loop *loop, thetis_tcp *tcp, int fd); /* a fresh one */
void tht_tcp_serve_any(thetis_tcp *tcp, unsigned ready);
void tht_tcp_connect_result(thetis_tcp *tcp, tht_ret r); /* what connect() answered */

/* listener.c */
thetis_status tht_listener_open(thetis_loop *loop, thetis_listener *listener,
                                const thetis_addr *addr, const thetis_listen_cfg *cfg,
                                thetis_accept_fn *on_accept);

/* unix.c */
void tht_unix_serve(thetis_handle *h, unsigned ready);
thetis_status tht_unix_begin(thetis_loop *loop, thetis_unix *un, int fd);

/* tcp_recv.c */
void tht_tcp_recv_serve(thetis_tcp *tcp);
void tht_tcp_recv_serve_fds(thetis_tcp *tcp);   /* of a thetis_unix */
void tht_tcp_recv_serve_ahead(thetis_tcp *tcp); /* on a system of operations */
void tht_tcp_recv_due(thetis_tcp *tcp);
void tht_tcp_recv_end(thetis_tcp *tcp, tht_ret why); /* ends the direction; a receive completes */

/* tcp_send.c */
void tht_tcp_send_flush(thetis_tcp *tcp);
void tht_tcp_send_flush_ahead(thetis_tcp *tcp); /* on a system of operations */
void tht_tcp_send_due(thetis_tcp *tcp);
void tht_tcp_send_end(thetis_tcp *tcp, tht_ret why); /* ends the direction; all sends fail */

#endif
