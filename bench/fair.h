/* SPDX-License-Identifier: MIT
 *
 * fair.h: what every program of `thetis-bench fair` does; include it last.
 *
 * Usage: bench-fair-SUBJECT pings
 *
 * 99 streams send 64 bytes each and wait for the echo, alone or beside one stream that always has
 * more to say than one turn of the subject can read. Everything is in one thread: the clients act
 * between the turns, and only the turns are timed. A line has three figures: the 99.9th percentile
 * of the CPU nanoseconds of the subject from a ping to its echo, with the firehose and alone; and
 * the one divided by the other.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                library, version, form
 *   unsigned subject_listen(void)  its port of 127.0.0.1
 *   void subject_turn(void)        one pass without sleep; echoes what begins with 'p', drops the
 *                                  rest
 */
#ifndef BENCH_FAIR_H
#define BENCH_FAIR_H

#include "window.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { FAIR_PINGS = 99, FAIR_BYTES = 64, FAIR_ROUNDS = 100, FAIR_HOSE = 65536 };

static int fair_pings[FAIR_PINGS], fair_hose;
static double fair_samples[FAIR_PINGS * FAIR_ROUNDS];

static int fair_dial(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) bench_die("connect");
    subject_turn();
    return fd;
}

static void fair_fill(void)
{
    static char hose[FAIR_HOSE];
    memset(hose, 'h', sizeof hose);
    while (send(fair_hose, hose, sizeof hose, MSG_DONTWAIT) > 0) continue;
}

/* One ping on each stream; their times are appended to the samples. */
static size_t fair_round(size_t n, int beside)
{
    char ping[FAIR_BYTES];
    int waiting[FAIR_PINGS], left = FAIR_PINGS;
    uint64_t spent = 0;
    memset(ping, 'p', sizeof ping);
    for (int i = 0; i < FAIR_PINGS; i++) {
        waiting[i] = fair_pings[i];
        if (send(waiting[i], ping, sizeof ping, 0) != FAIR_BYTES) bench_die("send");
    }
    while (left) {
        uint64_t begun;
        if (beside) fair_fill();
        begun = bench_cpu_ns();
        subject_turn();
        spent += bench_cpu_ns() - begun;
        for (int i = left; i-- > 0;) {
            if (recv(waiting[i], ping, sizeof ping, MSG_DONTWAIT) != FAIR_BYTES) continue;
            fair_samples[n++] = (double)spent;
            waiting[i] = waiting[--left];
        }
    }
    return n;
}

static double fair_percentile(int beside)
{
    size_t n = 0;
    for (int i = 0; i < FAIR_ROUNDS; i++) n = fair_round(n, beside);
    qsort(fair_samples, n, sizeof *fair_samples, bench_compare);
    return fair_samples[n - 1 - n / 1000];
}

int main(int argc, char **argv)
{
    char line[16];
    unsigned port;
    if (argc != 2 || strcmp(argv[1], "pings") != 0) bench_die("usage: pings");
    port = subject_listen();
    for (int i = 0; i < FAIR_PINGS; i++) fair_pings[i] = fair_dial(port);
    fair_hose = fair_dial(port);
    printf("%s\n", SUBJECT_VARIANT);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double alone = fair_percentile(0), beside = fair_percentile(1);
        for (int i = 0; i < 1000; i++) subject_turn(); /* reads what the firehose has left */
        printf("%.0f %.0f %.4f\n", beside, alone, beside / alone);
        fflush(stdout);
    }
    return 0;
}

#endif
