/* SPDX-License-Identifier: MIT
 *
 * plug.h: datagram sockets of ours with a record of their callbacks, and plain ones of peers; see
 * suite.h.
 *
 * Datagram number k of a sender has the suite's bytes from k on. A plug expects the numbers from
 * x->next on, in order, and their lengths if x->lens says which.
 */
#ifndef CONFORM_PLUG_H
#define CONFORM_PLUG_H

#include <thetis/udp.h>

#include "conform/suite.h"

/* SPACE: of both queues, for the longest datagram; some systems have less by default. */
enum { PLUG_BATCH = 64, PLUG_SPACE = 1 << 17 };

typedef struct plug plug;
struct plug {
    thetis_udp udp; /* first */
    suite *w;
    thetis_addr at;
    thetis_addr from; /* of the last datagram */
    uint64_t next;    /* number that the next datagram must have */
    const size_t *lens; /* of numbers 0, 1, ...; NULL: any */
    unsigned trains, datagrams, long_trains, cuts, news, ends, rooms, room_ends, closes;
    thetis_status told; /* by the last news */
    uint64_t stamp;
    uint32_t drops;
    int shut; /* only cancelations may come */
    int any;  /* neither numbers nor bytes are the suite's */
    void (*on_train)(plug *x, const thetis_train *train);
    void (*on_room)(plug *x);
};

/* Opens at an address, "127.0.0.1:0"; skips where the machine has no such address. */
void plug_open_at(suite *w, plug *x, const char *at, const thetis_udp_cfg *cfg);
void plug_open(suite *w, plug *x);

void plug_on_train(thetis_udp *udp, const thetis_train *train);
void plug_on_writable(thetis_udp *udp, thetis_status status);
void plug_on_closed(thetis_handle *handle);

void plug_recv(plug *x);

/* Sends numbers *k to *k + n - 1, `len` bytes each, one by one; all must be taken. */
void plug_send(plug *x, const thetis_addr *to, uint64_t *k, size_t n, size_t len);

/* An array of numbers k to k + n - 1, of lengths below 32. */
void plug_batch(thetis_dgram *batch, unsigned char (*bytes)[32], const thetis_addr *to, uint64_t k,
                size_t n);

static inline thetis_loop_cfg plug_buffers(uint32_t count, uint32_t size)
{
    return (thetis_loop_cfg){.buffers = count, .buffer_size = size};
}

/* Closes; and turns until `closed` came. */
void plug_shut(plug *x);
void plug_close(plug *x);

/* A peer's socket, bound; its address. */
int peer_udp(const char *at, thetis_addr *name);
void peer_udp_send(int fd, const thetis_addr *to, uint64_t k, size_t len);

/* What has arrived: its length, verified as number k; -1: nothing now. */
ptrdiff_t peer_udp_take(int fd, uint64_t k);

/* Fails unless datagrams of these lengths, numbers from 0, are what has arrived. */
void peer_udp_expect(int fd, const size_t *lens, size_t n);

#endif
