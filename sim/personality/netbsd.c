/* SPDX-License-Identifier: MIT
 *
 * netbsd.c: NetBSD 7.99.34, which has no EVFILT_USER; what a rump kernel in a process showed.
 * Whatever the probe did not touch is as on FreeBSD.
 */
#include "sim/sim.h"

const sim_personality tsm_person_netbsd = {
    .name = "netbsd",
    .note = "measured on NetBSD 7.99.34 (rump)",
    .backends = {"kqueue", "poll"},
    .numbers = SIM_BSD_NUMBERS,
    .so_error_after_refusal = 1,
    .slow_net = 1,
    .tick_ns = 10000000, /* 50 ms took 60 */
    .abort_before_accept = 1,
    .unix_full_is_refused = 1,
    .knotes_echo_add = 1,
    .dgram_error_is_in = 1,
    .icmp_errors = 1,
    .stamps = 1,
    .unix_sockets = 1,
    .fd_passing = 1,
    .backlog_extra = 1,
    .send_space = 32768,
    .recv_space = 49152,
    .send_low = 2048,
    .unix_space = 8192,
    .unix_dgrams = 16,
    .dgram_space = 41600,
    .dgram_overhead = 540, /* 27 datagrams of 1000 bytes found room */
    .dgram_count_overhead = 16,
    .dgram_max = 9216,
};
