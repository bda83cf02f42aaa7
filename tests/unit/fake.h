/* SPDX-License-Identifier: MIT
 *
 * fake.h: what the tests of the fake kernel are written with: one simulation, and sockets on it.
 */
#ifndef UNIT_FAKE_H
#define UNIT_FAKE_H

#include <thetis/sim.h>

#include "harness/test.h"
#include "sim/sim.h"

static thetis_sim *sim;
static const tht_sys *sys; /* of peers: nothing is watched */
static sim_cfg cfg;         /* of the next begin() */

static inline void begin(const char *personality)
{
    cfg.personality = tsm_personality(personality);
    CHECK(cfg.personality != NULL);
    sim = tsm_create(&cfg);
    sys = tsm_peers(sim);
}

static inline void end(void)
{
    tsm_destroy(sim);
    cfg = (sim_cfg){0};
}

static inline thetis_addr loopback(uint16_t port)
{
    return (thetis_addr){.family = THETIS_ADDR_V4, .port = port, .u.v4 = {127, 0, 0, 1}};
}

static inline int open_socket(thetis_addr_family family, tht_type type)
{
    tht_ret r = sys->socket(sys, family, type);
    CHECK_EQ(r.status, THETIS_OK);
    return (int)r.n;
}

static inline int listen_at(thetis_addr *at, int backlog)
{
    int fd = open_socket((thetis_addr_family)at->family, THT_STREAM);
    CHECK_EQ(sys->bind(sys, fd, at).status, THETIS_OK);
    CHECK_EQ(sys->listen(sys, fd, backlog).status, THETIS_OK);
    CHECK_EQ(sys->name(sys, fd, THT_LOCAL, at).status, THETIS_OK);
    return fd;
}

static inline tht_ret connect_to(int *fd, const thetis_addr *to)
{
    *fd = open_socket((thetis_addr_family)to->family, THT_STREAM);
    return sys->connect(sys, *fd, to);
}

static inline void pair(int fds[2])
{
    thetis_addr at = loopback(0);
    int listener = listen_at(&at, 4);
    (void)connect_to(&fds[0], &at);
    tsm_settle(sim);
    fds[1] = (int)sys->accept(sys, listener, NULL).n;
    CHECK(fds[1] > 0);
    CHECK_EQ(sys->close(sys, listener).status, THETIS_OK);
}

#endif
