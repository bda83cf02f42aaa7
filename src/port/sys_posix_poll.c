/* SPDX-License-Identifier: MIT
 *
 * sys_posix_poll.c: poll() for a loop: ppoll(), which knows nanoseconds, but on macOS, which has
 * none.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "sys_posix.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(tht_pollfd) == sizeof(struct pollfd) &&
                   offsetof(tht_pollfd, fd) == offsetof(struct pollfd, fd) &&
                   offsetof(tht_pollfd, events) == offsetof(struct pollfd, events) &&
                   offsetof(tht_pollfd, revents) == offsetof(struct pollfd, revents),
               "tht_pollfd is handed to the system as it is");

/* Files are ready for ever, so nothing can be waited for: refused, as epoll does. */
tht_ret tht_sys_poll_set(const tht_sys *sys, int fd, uint64_t token, uint32_t was, uint32_t mask)
{
    struct stat st;
    (void)sys;
    (void)token;
    if (was == 0 && mask) {
        if (fstat(fd, &st) != 0) return tht_sys_errno();
        if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) return (tht_ret){0, THETIS_EINVAL, EPERM};
    }
    return tht_sys_done((mask & THT_IN ? POLLIN : 0) | (mask & THT_OUT ? POLLOUT : 0));
}

static uint32_t poll_ready(int16_t revents)
{
    if (revents & ~(POLLIN | POLLOUT)) return THT_IN | THT_OUT;
    return (revents & POLLIN ? THT_IN : 0) | (revents & POLLOUT ? THT_OUT : 0);
}

/* The events of the entries from *first on, round the array; *first: the entry after the last. */
static uint32_t poll_collect(const tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                             uint32_t *first, tht_event *out, uint32_t cap)
{
    uint32_t found = 0, i = *first < n ? *first : 0;
    for (uint32_t left = n; left > 0 && found < cap; left--) {
        if (fds[i].revents) out[found++] = (tht_event){tokens[i], poll_ready(fds[i].revents)};
        i = i + 1 < n ? i + 1 : 0;
    }
    *first = i;
    return found;
}

int tht_sys_ms(uint64_t ns)
{
    const uint64_t hour = 3600000;
    uint64_t ms = ns / 1000000u + (ns % 1000000u != 0);
    return (int)(ms < hour ? ms : hour);
}

static int poll_sleep(struct pollfd *fds, uint32_t n, uint64_t ns)
{
#ifdef __APPLE__
    return poll(fds, n, ns == UINT64_MAX ? -1 : tht_sys_ms(ns));
#else
    const struct timespec limit = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    return ppoll(fds, n, ns == UINT64_MAX ? NULL : &limit, NULL);
#endif
}

tht_ret tht_sys_poll_wait(const tht_sys *sys, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                          uint32_t *first, tht_event *out, uint32_t cap, uint64_t timeout_ns)
{
    (void)sys;
    int ready = poll_sleep((struct pollfd *)(void *)fds, n, timeout_ns);
    if (ready < 0) return tht_sys_errno();
    return tht_sys_done(ready ? poll_collect(fds, tokens, n, first, out, cap) : 0);
}
