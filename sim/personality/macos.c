/* SPDX-License-Identifier: MIT
 *
 * macos.c: macOS, from documents and from what others reported: no machine was asked.
 */
#include "sim/sim.h"

const sim_personality tsm_person_macos = {
    .name = "macos",
    .note = "from documents",
    .backends = {"kqueue", "poll"},
    .numbers = SIM_BSD_NUMBERS,
    .connect_at_once = 300,
    .refuse_at_once = 300,
    .so_error_lies = 100,
    .slow_net = 1,
    .abort_before_accept = 1,
    .unix_full_is_refused = 1,
    .user_events = 1,
    .dgram_error_is_in = 1,
    .icmp_errors = 1,
    .stamps = 1,
    .unix_sockets = 1,
    .fd_passing = 1,
    .backlog_extra = 1,
    .refusals_per_second = 250,
    .send_space = 131072,
    .recv_space = 131072,
    .send_low = 2048,
    .unix_space = 8192,
    .unix_dgrams = 4,
    .dgram_space = 786896,
    .dgram_overhead = 512,
    .dgram_max = 9216,
};
