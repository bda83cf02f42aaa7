/* SPDX-License-Identifier: MIT
 *
 * freebsd.c: FreeBSD 12.1 and 12.3 on one, two and four processors. On one, the thread that handles
 * packets runs before the call that sent them returns: whatever happens on loopback happens at
 * once. With more it is a race.
 *
 * From setsockopt(2): listeners with SO_REUSEPORT_LB (12.0) share connections, those with
 * SO_REUSEPORT only the address.
 *
 * Refusals: 200 a second are answered. Datagrams: 41 of 1000 bytes found room in the default space.
 */
#include "sim/sim.h"

#define FREEBSD(cpus, at_once, refused, slow)                                                   \
    {                                                                                           \
        .name = "freebsd" #cpus,                                                                \
        .note = "measured on FreeBSD 12.1 and 12.3",                                            \
        .backends = {"kqueue", "poll"},                                                         \
        .numbers = SIM_BSD_NUMBERS,                                                             \
        .connect_at_once = at_once,                                                             \
        .refuse_at_once = refused,                                                              \
        .slow_net = slow,                                                                       \
        .abort_before_accept = 1,                                                               \
        .balance = 1,                                                                           \
        .unix_full_is_refused = 1,                                                              \
        .user_events = 1,                                                                       \
        .dgram_error_is_in = 1,                                                                 \
        .icmp_errors = 1,                                                                       \
        .stamps = 1,                                                                            \
        .unix_sockets = 1,                                                                      \
        .fd_passing = 1,                                                                        \
        .backlog_extra = 1,                                                                     \
        .refusals_per_second = 200,                                                             \
        .send_space = 49032,                                                                    \
        .recv_space = 65536,                                                                    \
        .send_low = 2048,                                                                       \
        .unix_space = 8192,                                                                     \
        .unix_dgrams = 16,                                                                      \
        .dgram_space = 42080,                                                                   \
        .dgram_overhead = 16,                                                                   \
        .dgram_max = 9216,                                                                      \
    }

const sim_personality tsm_person_freebsd1 = FREEBSD(1, 1000, 1000, 0);
const sim_personality tsm_person_freebsd2 = FREEBSD(2, 160, 2, 1);
const sim_personality tsm_person_freebsd4 = FREEBSD(4, 2, 0, 1);
