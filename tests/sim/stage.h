/* SPDX-License-Identifier: MIT
 *
 * stage.h: what the scenarios on the fake kernel are written with: links, which are streams of the
 * library with a foreign end, and ports, which are datagram sockets.
 *
 * A link knows what was sent on both of its ends, so each of its callbacks is checked against what
 * the peers did: the bytes are those that were sent, in order; an end that was not caused does not
 * come; what was sent before an orderly end arrives before it; every operation ends once.
 */
#ifndef TESTS_SIM_STAGE_H
#define TESTS_SIM_STAGE_H

#include <thetis/sim.h>
#include <thetis/tcp.h>
#include <thetis/timer.h>
#include <thetis/udp.h>
#include <thetis/unix.h>

#include "port/sys.h"

enum { LINKS = 6, SENDS = 5, PORTS = 3, SEND_MAX = 70000, MARKS = 32, COPIES = 4 };

typedef struct stage stage;
typedef struct link link;

/* Offsets of a stream whose bytes carry a descriptor. */
typedef struct marks {
    uint64_t at[MARKS];
    int count;
} marks;

typedef struct packet { /* a send operation */
    union {             /* first */
        thetis_send send;
        thetis_unix_send with_fd;
    };
    link *x;
    unsigned char *bytes;
    size_t len;
    int busy, is_end, fd;
    uint64_t order; /* of submission */
} packet;

struct link {
    union { /* first */
        thetis_tcp tcp;
        thetis_unix un;
    };
    stage *s;
    int open;        /* the handle is the loop's */
    int is_unix;
    int peer;        /* its descriptor; -1: it is gone, or not there yet */
    unsigned serial; /* of the link: its bytes differ from every other's */
    uint64_t offered, taken; /* ours: bytes that sends had, that the peer has read */
    uint64_t accepted;       /* of sends that ended */
    uint64_t peer_sent, got;
    unsigned connecting : 1, connected : 1, nobody : 1, closing : 1, aborted : 1, shut : 1;
    unsigned peer_shut : 1, peer_reset : 1, peer_left : 1; /* left: closed with bytes unread */
    unsigned receiving : 1, oneshot : 1, ended : 1, paused : 1, broken : 1, canceled : 1;
    unsigned recv_canceled : 1;
    thetis_status end;
    packet sends[SENDS];
    uint64_t order, done_order;
    marks ours, theirs; /* descriptors that were sent, of a unix stream */
    unsigned char into[512];
};

typedef struct port {
    thetis_udp udp; /* first */
    stage *s;
    thetis_addr at;
    int open, receiving, waiting, closing, connected, is_unix, joined;
    uint64_t life; /* sockets that the port has had: what an old one sent may come late */
    uint64_t sent; /* datagrams of this one */
    uint64_t from[PORTS + 1], last[PORTS + 1]; /* life and number of the last from each */
} port;

struct stage {
    thetis_sim *sim;
    thetis_loop *loop;
    const tht_sys *peers;
    int faulty;   /* calls may fail without a cause */
    int in_turn, depth;
    int has_unix;
    int listeners[2]; /* the peers': TCP, unix */
    thetis_addr there[2];
    thetis_listener gates[2];
    thetis_addr here[2];
    int gates_open[2];
    unsigned links_made;
    link links[LINKS];
    port ports[PORTS];
    int peer_ports[2]; /* datagram sockets of the peers: UDP, unix */
    thetis_addr peer_at[2];
    uint64_t peer_dgrams;
    int copies[COPIES]; /* of descriptors of ours, -1: none */
    thetis_timer timer;
    uint64_t timer_at;
    unsigned wakes;
    void (*improvise)(link *x); /* may do anything, inside a callback */
};

#define MUST(s, cond) THETIS_SIM_CHECK((s)->sim, cond)

/* Opens the loop, on a backend chosen by the oracle, and all that stays open to the end. */
void stage_open(stage *s, thetis_sim *sim, int faulty);

/* Closes everything, on both sides, and waits for the last callback. */
void stage_close(stage *s);

void stage_turn(stage *s, uint64_t timeout_ns);

/* 127.0.0.1, or a path with this number. */
thetis_addr stage_place(int is_unix, uint64_t number);

/* 1 if the system has unix sockets, and this is to be one. */
int stage_choose_unix(stage *s);

static inline uint64_t stage_choose(stage *s, uint64_t n)
{
    return thetis_sim_choose(s->sim, n);
}

/* ---- link.c ---------------------------------------------------------------------------------- */

void link_connect(link *x, int is_unix, int somebody); /* to the peers' listener, or to nobody */
int link_dial(stage *s, int is_unix); /* a peer connects to our listener: its descriptor */
int link_meets(const link *x, int fd); /* 1: that descriptor is the foreign end */
void link_take(link *x, int is_unix, thetis_accepted *a);
void link_send(link *x, size_t len, int with_fd);
void link_shutdown(link *x);
void link_receive(link *x);
void link_cancel(link *x);
void link_pause(link *x);
void link_close(link *x, int abort);
void link_copy(link *x); /* somebody gets a copy of its descriptor, for some time */

/* The foreign end. */
void link_peer_accept(stage *s);
void link_peer_send(link *x, size_t len, int with_fd);
int link_peer_read(link *x, size_t len); /* 0: nothing more, ever or now */
void link_peer_shut(link *x);
void link_peer_close(link *x, int reset);

/* ---- ports.c --------------------------------------------------------------------------------- */

void port_open(port *p, int is_unix);
void port_send(port *p);
void port_group(port *p); /* joins or leaves one */
void port_close(port *p);
void port_peer_send(stage *s);
void port_peer_read(stage *s, int is_unix);

#endif
