/* SPDX-License-Identifier: MIT
 *
 * world.c: this machine's kernel as a world, see world.h.
 */
#include "conform/world.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conform/suite.h"

const world *the_world = &world_host;

static const tht_sys *host_table(void)
{
    return &tht_sys_host;
}

static void host_end(void)
{
}

static size_t host_open_fds(void)
{
    size_t count = 0;
    if (access("/proc/self/fd", R_OK) == 0) return suite_entries("/proc/self/fd");
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void host_settle(void)
{
    (void)poll(NULL, 0, 1);
}

static int host_copy(int fd)
{
    int copy = dup(fd);
    CHECK(copy >= 0);
    return copy;
}

static void host_pipe(int fds[2])
{
    CHECK_EQ(pipe(fds), 0);
}

static tht_ret host_put(int fd, const void *bytes, size_t n)
{
    return (tht_ret){.n = write(fd, bytes, n)};
}

static tht_ret host_get(int fd, void *bytes, size_t n)
{
    return (tht_ret){.n = read(fd, bytes, n)};
}

static void host_forget(const char *path)
{
    (void)unlink(path);
}

static int host_is_private(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static int host_waits(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

static uint32_t host_interface(void)
{
    return if_nametoindex("lo");
}

const world world_host = {
    .unix_sockets = 1,
    .abstract_names = 1,
    .backlog_told = 1,
    .unread_resets = 1,
    .sleep_ns = 1000000,
    .threads = 1,
    .spare = STDERR_FILENO,
    .begin = host_table,
    .end = host_end,
    .peers = host_table,
    .open_fds = host_open_fds,
    .settle = host_settle,
    .copy = host_copy,
    .pipe = host_pipe,
    .put = host_put,
    .get = host_get,
    .forget = host_forget,
    .is_private = host_is_private,
    .waits = host_waits,
    .interface = host_interface,
};
