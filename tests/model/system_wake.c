/* SPDX-License-Identifier: MIT
 *
 * system_wake.c: the calls that a loop without handles makes.
 */
#include "model/system_wake.h"

#include <thetis/check.h>

static struct {
    int signaled; /* the descriptor is readable */
    int (*quiet)(void);
    unsigned sleeps, sends, limits; /* limits: sleeps that were over in time */
    uint64_t token, now;
} state;

void system_wake_begin(int (*quiet)(void))
{
    state.signaled = 0;
    state.quiet = quiet;
    state.sleeps = state.sends = state.limits = 0;
    state.now = 1;
}

unsigned system_wake_sleeps(void)
{
    return state.sleeps;
}

unsigned system_wake_sends(void)
{
    return state.sends;
}

static int signaled(void *unused)
{
    (void)unused;
    return state.signaled;
}

static int signaled_or_quiet(void *unused)
{
    return signaled(unused) || state.quiet();
}

static void wait_at_most(uint64_t timeout_ns)
{
    if (state.limits++ > 0) thetis_check_wait(signaled_or_quiet, NULL);
    if (!state.signaled) state.now += timeout_ns;
}

static uint64_t now(const tht_sys *sys)
{
    (void)sys;
    return state.now;
}

static tht_ret epoll_open(const tht_sys *sys)
{
    (void)sys;
    return (tht_ret){3, THETIS_OK, 0};
}

static tht_ret epoll_wait(const tht_sys *sys, int set, tht_event *out, uint32_t cap,
                          uint64_t timeout_ns)
{
    (void)sys;
    (void)set;
    (void)cap;
    if (timeout_ns > 0) {
        state.sleeps++;
        if (timeout_ns == UINT64_MAX) thetis_check_wait(signaled, NULL);
        else wait_at_most(timeout_ns);
    }
    if (!state.signaled) return (tht_ret){0, THETIS_OK, 0};
    state.signaled = 0;
    *out = (tht_event){state.token, THT_IN};
    return (tht_ret){1, THETIS_OK, 0};
}

static tht_ret wake_open(const tht_sys *sys, int set, uint64_t token)
{
    (void)sys;
    (void)set;
    state.token = token;
    return (tht_ret){4, THETIS_OK, 0};
}

static tht_ret wake_send(const tht_sys *sys, int wake_fd)
{
    (void)sys;
    (void)wake_fd;
    state.sends++;
    state.signaled = 1;
    return (tht_ret){1, THETIS_OK, 0};
}

static tht_ret close_any(const tht_sys *sys, int fd)
{
    (void)sys;
    (void)fd;
    return (tht_ret){0, THETIS_OK, 0};
}

static uint64_t sleep_ns(const tht_sys *sys)
{
    (void)sys;
    return 1;
}

const tht_sys system_wake = {
    .now = now,
    .epoll_open = epoll_open,
    .epoll_wait = epoll_wait,
    .wake_open = wake_open,
    .wake_send = wake_send,
    .close = close_any,
    .sleep_ns = sleep_ns,
    .max_iov = 1,
};
