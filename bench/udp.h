/* SPDX-License-Identifier: MIT
 *
 * udp.h: what every program of `thetis-bench udp` does; include it last.
 *
 * Usage: bench-udp-SUBJECT tx|rx gso|plain
 *
 * Rounds of datagrams of 200 bytes go over loopback from one socket to another, in one thread. The
 * subject is one of the two, the other is raw and not measured. Nanoseconds of CPU time for each
 * datagram. Loopback delivers inside the send, so tx contains what the kernel does up to the
 * receiver's queue. A round fits into that queue: a lost datagram would end the program.
 *
 * gso: trains of 32 datagrams, one call each, cut and put together by the kernel.
 * plain: batches of 32 datagrams, none of them in a train.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                              library, version, form
 *   void subject_sender(int gso, unsigned port)  will send to this port of 127.0.0.1
 *   void subject_send(void)                      UDP_BATCH datagrams of udp_payload
 *   unsigned subject_receiver(int gso)           will receive; its port
 *   unsigned subject_receive(void)               what is there; each datagram passes udp_check()
 */
#ifndef BENCH_UDP_H
#define BENCH_UDP_H

#include "udp_raw.h"

typedef struct udp_run {
    udp_raw other;
    unsigned batches, rounds; /* of UDP_BATCH in a round; in a window */
} udp_run;

static double udp_tx(void *arg)
{
    udp_run *run = arg;
    uint64_t spent = 0;
    for (unsigned round = 0; round < run->rounds; round++) {
        uint64_t begun = bench_cpu_ns();
        for (unsigned k = 0; k < run->batches; k++) subject_send();
        spent += bench_cpu_ns() - begun;
        for (unsigned got = 0; got < run->batches * UDP_BATCH;) got += udp_raw_receive(&run->other);
    }
    return (double)spent / (run->rounds * run->batches * UDP_BATCH);
}

static double udp_rx(void *arg)
{
    udp_run *run = arg;
    uint64_t spent = 0;
    for (unsigned round = 0; round < run->rounds; round++) {
        for (unsigned k = 0; k < run->batches; k++) udp_raw_send(&run->other);
        uint64_t begun = bench_cpu_ns();
        for (unsigned got = 0; got < run->batches * UDP_BATCH;) got += subject_receive();
        spent += bench_cpu_ns() - begun;
    }
    return (double)spent / (run->rounds * run->batches * UDP_BATCH);
}

int main(int argc, char **argv)
{
    static udp_run run;
    int sends, gso;
    if (argc != 3) bench_die("usage: tx|rx gso|plain");
    sends = !strcmp(argv[1], "tx");
    gso = !strcmp(argv[2], "gso");
    run.batches = gso ? 16 : 4;
    run.rounds = gso ? 400 : 40;
    memset(udp_payload, 'u', sizeof udp_payload);
    udp_raw_open(&run.other, gso);
    if (sends) {
        udp_raw_from(&run.other);
        subject_sender(gso, ntohs(run.other.name.sin_port));
    } else {
        udp_raw_to(&run.other, subject_receiver(gso));
    }
    bench_serve(SUBJECT_VARIANT, sends ? udp_tx : udp_rx, &run);
    return 0;
}

#endif
