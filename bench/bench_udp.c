/* SPDX-License-Identifier: MIT
 *
 * bench_udp.c: thetis_udp_send_n, of one train or of 32 datagrams, and thetis_udp_recv_start.
 */
#include <thetis/loop.h>
#include <thetis/udp.h>
#include <thetis/version.h>

#include "udp_raw.h"

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", udp_send_n + udp_recv_start"

static thetis_loop *loop;
static thetis_udp udp;
static thetis_addr own, peer;
static thetis_dgram batch[UDP_BATCH];
static size_t entries;
static unsigned received;

static void must(thetis_status status)
{
    if (status != THETIS_OK) bench_die(thetis_status_text(status));
}

static void open_socket(int gso)
{
    const thetis_loop_cfg big = {.buffer_size = THETIS_UDP_TRAIN_MAX};
    const thetis_udp_cfg cfg = {.single = !gso};
    must(thetis_loop_create(&big, &loop));
    must(thetis_addr_parse(&own, "127.0.0.1:0"));
    must(thetis_udp_open(loop, &udp, &own, &cfg));
    must(thetis_udp_addr(&udp, &own, NULL));
}

static void subject_sender(int gso, unsigned port)
{
    open_socket(gso);
    peer = own;
    peer.port = (uint16_t)port;
    entries = gso ? 1 : UDP_BATCH;
    for (size_t i = 0; i < UDP_BATCH; i++)
        batch[i] =
            (thetis_dgram){.data = udp_payload + i * UDP_BYTES, .len = UDP_BYTES, .to = &peer};
    if (!gso) return;
    batch[0].len = sizeof udp_payload;
    batch[0].segment = UDP_BYTES;
}

static void subject_send(void)
{
    thetis_status why;
    if (thetis_udp_send_n(&udp, batch, entries, &why) != entries) bench_die("send");
}

static void on_train(thetis_udp *from, const thetis_train *train)
{
    thetis_iov d;
    size_t k = 0;
    (void)from;
    while (thetis_train_next(train, &k, &d)) udp_check(d.data, d.len);
    received += (unsigned)k;
}

static unsigned subject_receiver(int gso)
{
    open_socket(gso);
    must(thetis_udp_recv_start(&udp, on_train));
    must(thetis_loop_run_once(loop, 0)); /* registers it */
    return own.port;
}

static unsigned subject_receive(void)
{
    received = 0;
    must(thetis_loop_run_once(loop, 0));
    return received;
}

#include "udp.h"
