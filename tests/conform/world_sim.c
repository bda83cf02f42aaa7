/* SPDX-License-Identifier: MIT
 *
 * world_sim.c: a fake kernel as a world, see world.h. Rows make no choices: all that a personality
 * leaves open is chosen plainly, unless THETIS_SEED says how.
 */
#include "conform/world.h"

#include <stdlib.h>
#include <string.h>

#include "conform/suite.h"
#include "sim/sim.h"
#include "sim/oracle.h"

enum { ROOM = 1 << 17 };

static thetis_sim *sim;
static sim_personality person;
static int spare_ends[2];

static void on_fail(void *user, const char *verdict, const char *text)
{
    (void)user;
    FAIL("the fake kernel: %s: %s", verdict, text);
}

static const tht_sys *fake_begin(void)
{
    struct sim_oracle *oracle = calloc(1, sizeof *oracle);
    sim_cfg cfg = {.personality = &person, .on_fail = on_fail, .oracle = oracle};
    CHECK(oracle != NULL);
    oracle->seed = oracle->state = test_seed() | 1;
    if (getenv("THETIS_SIM_TRACE")) cfg.trace = stderr;
    sim = tsm_create(&cfg);
    CHECK_EQ(tsm_pipe(sim, spare_ends).status, THETIS_OK);
    CHECK_EQ(spare_ends[0], the_world->spare);
    return thetis_sim_sys(sim);
}

static void fake_end(void)
{
    free(sim->cfg.oracle);
    tsm_destroy(sim);
}

static const tht_sys *fake_peers(void)
{
    return tsm_peers(sim);
}

static size_t fake_open_fds(void)
{
    return sim->fd_count;
}

static void fake_settle(void)
{
    tsm_settle(sim);
}

static int fake_copy(int fd)
{
    sim_file *f = tsm_fd_file(sim, fd);
    tsm_file_hold(f);
    return (int)tsm_fd_open(sim, f).n;
}

static void fake_pipe(int fds[2])
{
    CHECK_EQ(tsm_pipe(sim, fds).status, THETIS_OK);
}

static tht_ret fake_put(int fd, const void *bytes, size_t n)
{
    return tsm_pipe_write(sim, tsm_fd_file(sim, fd), bytes, n);
}

static tht_ret fake_get(int fd, void *bytes, size_t n)
{
    return tsm_pipe_read(sim, tsm_fd_file(sim, fd), bytes, n);
}

static void fake_forget(const char *path)
{
    tsm_path_forget(sim, path);
}

static int fake_is_private(int fd)
{
    return tsm_fd_file(sim, fd) != NULL;
}

static int fake_waits(int fd)
{
    (void)fd;
    return 0;
}

static uint32_t fake_interface(void)
{
    return 1;
}

static world fake = {
    .spare = 3, /* the first number that the fake gives out */
    .begin = fake_begin,
    .end = fake_end,
    .peers = fake_peers,
    .open_fds = fake_open_fds,
    .settle = fake_settle,
    .copy = fake_copy,
    .pipe = fake_pipe,
    .put = fake_put,
    .get = fake_get,
    .forget = fake_forget,
    .is_private = fake_is_private,
    .waits = fake_waits,
    .interface = fake_interface,
};

/* Peers of rows send before anybody reads, and wait until all is taken. */
static void make_room(sim_personality *p)
{
    if (p->send_space < ROOM) p->send_space = ROOM;
    if (p->recv_space < ROOM) p->recv_space = ROOM;
    if (p->dgram_space < ROOM) p->dgram_space = ROOM;
    if (p->unix_space < ROOM / 16) p->unix_space = ROOM / 16;
    if (p->unix_dgrams < 4) p->unix_dgrams = 4;
}

const world *world_sim(const char *personality)
{
    if (tsm_personality(personality) == NULL) return NULL;
    person = *tsm_personality(personality);
    make_room(&person);
    fake.unix_sockets = person.unix_sockets;
    fake.abstract_names = person.abstract_names;
    fake.sleep_ns = person.tick_ns ? 2 * (uint64_t)person.tick_ns : 1;
    fake.backlog_told = !person.unix_full_is_refused;
    fake.unread_resets = person.unix_unread_is_reset;
    return &fake;
}
