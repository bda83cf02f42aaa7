/* SPDX-License-Identifier: MIT
 *
 * openbsd.c: OpenBSD 7.3, from its sources and manual pages: no machine was asked. It had no
 * EVFILT_USER; a reset in the backlog is ECONNABORTED.
 */
#include "sim/sim.h"

const sim_personality tsm_person_openbsd = {
    .name = "openbsd",
    .note = "from documents",
    .backends = {"kqueue", "poll"},
    .numbers = SIM_BSD_NUMBERS,
    .connect_at_once = 100,
    .refuse_at_once = 300,
    .slow_net = 1,
    .abort_before_accept = 1,
    .unix_full_is_refused = 1,
    .dgram_error_is_in = 1,
    .icmp_errors = 1,
    .stamps = 1,
    .unix_sockets = 1,
    .fd_passing = 1,
    .backlog_extra = 0,
    .send_space = 16384,
    .recv_space = 16384,
    .send_low = 2048,
    .unix_space = 8192,
    .unix_dgrams = 16,
    .dgram_space = 41600,
    .dgram_overhead = 256,
    .dgram_max = 9216,
};
