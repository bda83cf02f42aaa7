/* SPDX-License-Identifier: MIT
 *
 * backend.c: the list of backends, and the choice among them.
 */
#include <string.h>

#include "loop.h"

#define THT_BACKEND(name) extern const tht_poller tht_poller_##name;
#define THT_BACKEND_ELSEWHERE(name) THT_BACKEND(name)
#include "backends.def"
#undef THT_BACKEND
#undef THT_BACKEND_ELSEWHERE

/* Those of this system first. */
static const tht_poller *const backends[] = {
#define THT_BACKEND(name) &tht_poller_##name,
#define THT_BACKEND_ELSEWHERE(name)
#include "backends.def"
#undef THT_BACKEND
#undef THT_BACKEND_ELSEWHERE
#define THT_BACKEND(name)
#define THT_BACKEND_ELSEWHERE(name) &tht_poller_##name,
#include "backends.def"
#undef THT_BACKEND
#undef THT_BACKEND_ELSEWHERE
    NULL};

enum {
    BACKENDS_HERE = 0
#define THT_BACKEND(name) + 1
#define THT_BACKEND_ELSEWHERE(name)
#include "backends.def"
#undef THT_BACKEND
#undef THT_BACKEND_ELSEWHERE
};

void tht_backend_wake(thetis_loop *loop)
{
    (void)loop->sys->wake_send(loop->sys, loop->wake_fd);
}

const tht_poller *tht_backend_find(const char *name)
{
    size_t k = 0;
    if (name == NULL) name = tht_port_setting("THETIS_BACKEND");
    if (name == NULL || *name == 0) return backends[0];
    while (backends[k] && strcmp(backends[k]->name, name) != 0) k++;
    return backends[k];
}

const char *thetis_backend_name(size_t k)
{
    return k < BACKENDS_HERE ? backends[k]->name : NULL;
}

const char *thetis_cap_name(thetis_cap cap)
{
    static const char *const names[] = {
        "TCP", "LISTEN_BALANCE", "DETACH", "HALF_CLOSE", "ABORT", "POLL_FD", "PAUSED_RESET",
        "SIGNAL_WAKE", "UDP", "UDP_GSO", "UDP_GRO", "UDP_ICMP_ERR", "UDP_MULTICAST", "UDP_STAMP",
        "UDP_DROPS", "UDP_BATCH", "UNIX", "UNIX_FD_PASS", "TIMER_NS", "MAX_IOV",
    };
    _Static_assert(sizeof names / sizeof names[0] == THETIS_CAP_COUNT_, "a name for each");
    return (unsigned)cap < THETIS_CAP_COUNT_ ? names[cap] : NULL;
}
