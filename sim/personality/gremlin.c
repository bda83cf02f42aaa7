/* SPDX-License-Identifier: MIT
 *
 * gremlin.c: no system: everything that some system does and that is legal, by turns, in tiny
 * spaces.
 */
#include "sim/sim.h"

const sim_personality tsm_person_gremlin = {
    .name = "gremlin",
    .note = "legal and nasty",
    .backends = {"epoll", "kqueue", "poll", "uring"},
    .operations = 1,
    .numbers = SIM_BSD_NUMBERS,
    .connect_at_once = 500,
    .refuse_at_once = 500,
    .so_error_lies = 300,
    .refused_late_is_reset = 1,
    .abort_before_accept = 1,
    .balance = 1,
    .fresh_is_hung_up = 1,
    .end_then_notconn = 1,
    .unix_full_is_refused = 1,
    .unix_unread_is_reset = 1,
    .error_sticks = 1,
    .knotes_echo_add = 1,
    .user_events = 1,
    .dgram_error_is_in = 1,
    .icmp_errors = 1,
    .stamps = 1,
    .unix_sockets = 1,
    .fd_passing = 1,
    .backlog_extra = 0,
    .refusals_per_second = 3,
    .send_space = 4096,
    .recv_space = 1500,
    .send_low = 1,
    .unix_space = 4096,
    .unix_dgrams = 2,
    .dgram_space = 20000,
    .dgram_overhead = 256,
    .dgram_max = 65507,
};
