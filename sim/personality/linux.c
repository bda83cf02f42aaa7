/* SPDX-License-Identifier: MIT
 *
 * linux.c: Linux 6.x. Loopback packets arrive before the call that sent them returns.
 */
#include "sim/sim.h"

const sim_personality tsm_person_linux = {
    .name = "linux",
    .note = "measured on Linux 6.18",
    .backends = {"epoll", "poll", "uring"},
    .operations = 1,
    .numbers = SIM_LINUX_NUMBERS,
    .balance = 1,
    .reuse_balances = 1,
    .fresh_is_hung_up = 1,
    .end_outlasts_reset = 1,
    .so_error_after_refusal = 1,
    .unix_unread_is_reset = 1,
    .segments = 1,
    .icmp_errors = 1,
    .stamps = 1,
    .drops = 1,
    .unix_sockets = 1,
    .fd_passing = 1,
    .abstract_names = 1,
    .backlog_extra = 1,
    .send_space = 2626560,
    .recv_space = 1292907,
    .send_low = 0,
    .unix_space = 212992,
    .unix_dgrams = 11,
    .dgram_space = 212992,
    .dgram_overhead = 512,
    .dgram_max = 65507,
};
