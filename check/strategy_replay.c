/* SPDX-License-Identifier: MIT
 *
 * strategy_replay.c: follows a log.
 *
 * Each thread takes its own decisions in order, each at the place that it names: a switch there or,
 * if that place is none to switch at, at the next one; a value only there. A log may be incomplete
 * or of another run. So where it says nothing, or names a thread that cannot go on, the running
 * thread stays, or else the first that can goes on; and the newest value is read.
 */
#include "replay.h"

static struct {
    const tst_log *log;
    size_t next_switch[TST_THREADS + 1], next_value[TST_THREADS + 1];
    uint64_t stop_at[TST_THREADS]; /* accesses; UINT64_MAX: never */
} replay;

static void replay_begin(uint64_t n)
{
    (void)n;
    for (unsigned t = 0; t <= TST_THREADS; t++) replay.next_switch[t] = replay.next_value[t] = 0;
    for (unsigned t = 0; t < TST_THREADS; t++) replay.stop_at[t] = UINT64_MAX;
    for (size_t k = 0; k < replay.log->count; k++) {
        const tst_decision *d = &replay.log->at[k];
        if (d->what == TST_STOP) replay.stop_at[d->thread] = d->at;
    }
}

/* The first decision of that kind, from *next on, that `thread` has come to; NULL: none yet. */
static const tst_decision *due(unsigned thread, tst_decided what, size_t *next)
{
    const tst_log *log = replay.log;
    uint64_t place = thread == TST_HARNESS ? 0 : tst.threads[thread].accesses;
    while (*next < log->count) {
        const tst_decision *d = &log->at[*next];
        if (d->thread != thread || d->what != what) {
            ++*next;
            continue;
        }
        if (d->at > place) return NULL;
        ++*next;
        return d;
    }
    return NULL;
}

/* Nobody runs between the place where a thread is stopped and its stop: it may as well come as soon
 * as the thread is there. */
static void stop_due(void)
{
    for (unsigned t = 0; t < tst.scenario->threads; t++) {
        const tst_thread *thread = &tst.threads[t];
        bool lives = thread->state == TST_READY || thread->state == TST_WAITING;
        if (lives && thread->accesses >= replay.stop_at[t]) tst_stop(t);
    }
}

static unsigned replay_thread(unsigned self, unsigned able)
{
    stop_due();
    able &= ~tst.stopped;
    if (!able) return TST_THREADS;
    const tst_decision *d = due(self, TST_SWITCH, &replay.next_switch[self]);
    if (d && able >> d->choice & 1) return d->choice;
    if (able >> self & 1) return self;
    return (unsigned)__builtin_ctz(able);
}

static unsigned replay_value(unsigned n)
{
    uint64_t place = tst.threads[tst.self].accesses;
    const tst_decision *d;
    do d = due(tst.self, TST_VALUE, &replay.next_value[tst.self]);
    while (d && d->at < place);
    if (!d) return 0;
    return d->choice < n ? d->choice : n - 1;
}

const tst_strategy tst_strategy_replay = {
    .name = "replay",
    .about = "the decisions of a log",
    .begin = replay_begin,
    .thread = replay_thread,
    .value = replay_value,
};

void tst_follow(const tst_log *log)
{
    const tst_strategy *before = tst.strategy;
    replay.log = log;
    tst.strategy = &tst_strategy_replay;
    do {
        replay_begin(0);
        tst_run_schedule();
    } while (tst.grew);
    tst.strategy = before;
}
