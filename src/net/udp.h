/* SPDX-License-Identifier: MIT
 *
 * udp.h: the inside of a datagram socket, shared by udp.c, udp_recv.c and udp_send.c.
 *
 * Two things of a socket may wait for a retry by time (THT_F_BACKOFF): the receive, when the system
 * lacks memory or has nothing but faults to tell (DEAF), and the wait for room, when the system
 * cannot tell of room (VAIN). The service that follows the retry ends both.
 */
#ifndef THT_UDP_H
#define THT_UDP_H

#include <thetis/udp.h>

#include "../loop/loop.h"

/* handle->flags_ */
enum {
    THT_UDP_DEAF = THT_F_KIND,
    THT_UDP_VAIN = THT_F_KIND << 1,
    THT_UDP_GSO = THT_F_KIND << 2, /* the system can cut trains */
    THT_UDP_CONNECTED = THT_F_KIND << 3
};

/* handle->rx_: from DUE_CANCELED on the completion waits for the dispatch phase. */
enum { THT_UDP_RX_IDLE, THT_UDP_RX_ARMED, THT_UDP_RX_CANCELED };

/* handle->tx_, bits. BLIND: room will not be reported. TOLD: room was reported, and nothing was
 * taken since. */
enum { THT_UDP_WAITING = 1, THT_UDP_WAIT_CANCELED = 2, THT_UDP_BLIND = 4, THT_UDP_TOLD = 8 };

static inline thetis_udp *tht_udp_of(thetis_handle *h)
{
    return (thetis_udp *)(void *)h; /* the handle is its first member */
}

/* True while the system should be asked for datagrams. */
static inline int tht_udp_wants_recv(const thetis_udp *udp)
{
    const thetis_handle *h = &udp->handle_;
    return h->rx_ == THT_UDP_RX_ARMED &&
           !(h->flags_ & (THT_F_STARVED | THT_F_LADEN | THT_UDP_DEAF));
}

/* True while the system should report room. */
static inline int tht_udp_wants_room(const thetis_udp *udp)
{
    const thetis_handle *h = &udp->handle_;
    return h->tx_ & THT_UDP_WAITING && !(h->flags_ & THT_UDP_VAIN);
}

/* Waits for a retry with THT_UDP_DEAF or THT_UDP_VAIN. */
static inline void tht_udp_back_off(thetis_handle *h, unsigned flag)
{
    h->flags_ |= (uint8_t)flag;
    tht_handle_park(h, THT_F_BACKOFF);
}

/* udp_recv.c */
void tht_udp_recv_serve(thetis_udp *udp);
void tht_udp_recv_due(thetis_udp *udp);
void tht_udp_recv_news(thetis_udp *udp, tht_ret why); /* a fault of an earlier datagram */

/* udp_send.c */
void tht_udp_send_serve(thetis_udp *udp);
void tht_udp_send_due(thetis_udp *udp);

#endif
