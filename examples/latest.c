/* SPDX-License-Identifier: MIT
 *
 * latest.c: one thread publishes the position of a robot, two others look at the latest one, each
 * at its own pace. Nobody waits for anybody, however large the value.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <thetis/latest.h>

typedef struct pose {
    uint64_t step;
    double at[3];
    double turned[4];
} pose;

enum { READERS = 2, STEPS = 100000 };

THETIS_LATEST(poses, pose);

static char memory[THETIS_LATEST_SIZE(sizeof(pose), READERS)] THETIS_CACHE_ALIGNED;

typedef struct watcher {
    thetis_latest_reader reader;
    uint64_t last; /* the last step it has seen */
    uint64_t seen; /* how many it has seen */
} watcher;

static void *watch(void *arg)
{
    watcher *w = arg;
    thetis_status s = THETIS_EMPTY;
    while (s != THETIS_CLOSED) {
        pose p;
        s = poses_load(&w->reader, &p);
        if (s == THETIS_OK) {
            w->last = p.step;
            w->seen++;
        } else {
            sched_yield(); /* EMPTY or AGAIN: nothing new */
        }
    }
    thetis_latest_leave(&w->reader);
    return NULL;
}

/* The next value is made in place, in a buffer that nobody looks at. */
static int move(thetis_latest *latest, uint64_t step)
{
    void *next;
    if (thetis_latest_reserve(latest, &next) != THETIS_OK) return 0;
    *(pose *)next = (pose){.step = step, .at = {(double)step, 0, 0}};
    thetis_latest_commit(latest);
    return 1;
}

int main(void)
{
    thetis_latest_cfg cfg = {sizeof(pose), READERS};
    thetis_latest *latest;
    pthread_t threads[READERS];
    watcher watchers[READERS] = {0};
    int good = 1;
    if (thetis_latest_init(memory, sizeof memory, &cfg, &latest) != THETIS_OK) return 1;
    for (int k = 0; k < READERS; k++) {
        if (thetis_latest_join(latest, &watchers[k].reader) != THETIS_OK) return 1;
        if (pthread_create(&threads[k], NULL, watch, &watchers[k]) != 0) return 1;
    }
    for (uint64_t step = 1; step <= STEPS; step++) {
        good &= move(latest, step);
        if (step % 100 == 0) sched_yield(); /* a robot is slower */
    }
    thetis_latest_close(latest);
    for (int k = 0; k < READERS; k++) {
        pthread_join(threads[k], NULL);
        printf("reader %d saw %llu of %d positions, and the last one: %s\n", k,
               (unsigned long long)watchers[k].seen, STEPS,
               watchers[k].last == STEPS ? "yes" : "no");
        good &= watchers[k].last == STEPS;
    }
    return good ? 0 : 1;
}
