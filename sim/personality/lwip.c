/* SPDX-License-Identifier: MIT
 *
 * lwip.c: the sockets of lwIP 2.2, which only poll() watches: a refusal is a reset, the read after
 * the end is ENOTCONN, errors stay reported after they were read, nobody tells a datagram socket
 * that nobody is there. No unix sockets.
 */
#include "sim/sim.h"

const sim_personality tsm_person_lwip = {
    .name = "lwip",
    .note = "measured on lwIP 2.2",
    .backends = {"poll"},
    .numbers = SIM_LINUX_NUMBERS,
    .refused_late_is_reset = 1,
    .end_then_notconn = 1,
    .error_sticks = 1,
    .slow_net = 1,
    .backlog_extra = 0,
    .send_space = 5840,
    .recv_space = 5840,
    .send_low = 2921,
    .dgram_space = 65536,
    .dgram_overhead = 64,
    .dgram_max = 65507,
};
