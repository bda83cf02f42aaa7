/* SPDX-License-Identifier: MIT
 *
 * system_wait.c: the calls of port.h under "waiting", for the concurrency tester.
 */
#include "model/system_wait.h"

#include <string.h>
#include <thetis/check.h>

#include "port/port.h"

enum { FIRST_FD = 5, FDS = 4 };

static struct {
    const thetis_atomic *asleep_on[THETIS_CHECK_THREADS]; /* NULL: woken, or never asleep */
    unsigned wakes;
    unsigned takes;
    unsigned ends;
    uint64_t end; /* the last of these */
    unsigned lost; /* threads whose calls have no effect */
    int odd; /* a sleep has ended for no reason: no other will */
    int opened;
    uint64_t sent[FDS];
} state;

void system_wait_begin(void)
{
    memset(&state, 0, sizeof state);
}

unsigned system_wait_wakes(void)
{
    return state.wakes;
}

unsigned system_wait_takes(void)
{
    return state.takes;
}

unsigned system_wait_ends(void)
{
    return state.ends;
}

void system_wait_lose(unsigned thread)
{
    state.lost |= 1u << thread;
}

void system_wait_exact(void)
{
    state.odd = 1;
}

static int always(void *unused)
{
    (void)unused;
    return 1;
}

static int awake(void *at)
{
    const thetis_atomic **asleep_on = at;
    return *asleep_on == NULL;
}

static int readable(void *sent)
{
    return *(uint64_t *)sent != 0;
}

int tht_port_wait(const thetis_atomic *word, uintptr_t value, uint64_t until)
{
    const thetis_atomic **me = &state.asleep_on[thetis_check_self()];
    if (until != UINT64_MAX && until != state.end) state.ends++, state.end = until;
    thetis_check_wait(always, NULL);
    if (until != UINT64_MAX && thetis_check_choose(2)) return 1;
    if (word->word_ != value) return 0;
    if (!state.odd) {
        state.odd = (int)thetis_check_choose(2);
        if (state.odd) return 0;
    }
    *me = word;
    thetis_check_wait(awake, me);
    return 0;
}

void tht_port_wake(const thetis_atomic *word)
{
    thetis_check_wait(always, NULL);
    state.wakes++;
    if (state.lost >> thetis_check_self() & 1) return;
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) {
        if (state.asleep_on[k] == word) state.asleep_on[k] = NULL;
    }
}

int tht_port_signal_open(thetis_status *status)
{
    THETIS_CHECK(state.opened < FDS);
    *status = THETIS_OK;
    return FIRST_FD + state.opened++;
}

void tht_port_signal_send(int fd)
{
    thetis_check_wait(always, NULL);
    state.wakes++;
    state.sent[fd - FIRST_FD]++;
}

uint64_t tht_port_signal_take(int fd)
{
    thetis_check_wait(always, NULL);
    uint64_t n = state.sent[fd - FIRST_FD];
    state.takes++;
    state.sent[fd - FIRST_FD] = 0;
    return n;
}

void tht_port_signal_close(int fd)
{
    (void)fd;
}

void system_wait_poll(int fd)
{
    thetis_check_wait(readable, &state.sent[fd - FIRST_FD]);
}

int system_wait_readable(int fd)
{
    return state.sent[fd - FIRST_FD] != 0;
}
