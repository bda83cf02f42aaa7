/* SPDX-License-Identifier: MIT
 *
 * lanes.c: processes write lines of a log into memory that they share; one collects them, in order.
 * One of the writers is killed in the middle: its lane is taken from it, and nobody waits.
 */
#define _DEFAULT_SOURCE /* mmap without a file, fork, kill */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thetis/lanes.h>
#include <unistd.h>

enum { WRITERS = 3, LINES = 2000, CAPACITY = 4096, LINE = 200 };

static const thetis_lanes_cfg cfg = {
    .producers = WRITERS, .capacity = CAPACITY, .max_record = LINE};
static char own[THETIS_LANES_CONSUMER_SIZE(WRITERS)] THETIS_CACHE_ALIGNED;

/* A line is made in place: no copy, whatever its length. */
static int write_line(thetis_lanes_producer *me, int number)
{
    void *record;
    thetis_status s;
    while ((s = thetis_lanes_reserve(me, LINE, &record)) == THETIS_FULL) (void)usleep(50);
    if (s != THETIS_OK) return -1;
    int n = snprintf(record, LINE, "%ld: line %d %.*s", (long)getpid(), number, number % 40,
                     "----------------------------------------");
    return thetis_lanes_commit(me, (size_t)n) == THETIS_OK ? 0 : -1;
}

/* The last one does not end by itself. */
static int write_log(const thetis_lanes *lanes, int endless)
{
    thetis_lanes_producer me;
    if (thetis_lanes_join(lanes, (uintptr_t)getpid(), &me) != THETIS_OK) return 1;
    for (int k = 0; k < LINES || endless; k++)
        if (write_line(&me, k) != 0) return 1;
    thetis_lanes_leave(&me);
    return 0;
}

/* A lane whose owner has ended, however it ended, is free again. */
static void expel_the_dead(const thetis_lanes *lanes, thetis_lanes_consumer *log, pid_t dead)
{
    for (size_t lane = 0; lane < WRITERS; lane++) {
        if (thetis_lanes_user(lanes, lane) != (uintptr_t)dead) continue;
        if (thetis_lanes_expel(log, lane) == THETIS_OK)
            printf("%ld was killed; its lane is free\n", (long)dead);
    }
}

/* Until all have ended and all is read. Counts lines; a killed writer's last one may be missing. */
static unsigned collect(const thetis_lanes *lanes, thetis_lanes_consumer *log, pid_t victim)
{
    unsigned lines = 0;
    int left = WRITERS;
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        void *record;
        size_t size;
        s = thetis_lanes_peek(log, &record, &size);
        if (s == THETIS_OK) {
            if (lines++ % 1000 == 0) printf("%.*s\n", (int)size, (const char *)record);
            thetis_lanes_release(log);
        } else if (s == THETIS_EMPTY) {
            (void)usleep(50);
        }
        if (lines == 500 && victim) {
            kill(victim, SIGKILL);
            victim = 0;
        }
        pid_t dead = left > 0 ? waitpid(-1, NULL, WNOHANG) : 0;
        if (dead <= 0) continue;
        expel_the_dead(lanes, log, dead);
        if (--left == 0) (void)thetis_lanes_close(lanes);
    }
    return lines;
}

int main(void)
{
    size_t size = thetis_lanes_size(&cfg);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    thetis_lanes lanes;
    thetis_lanes_consumer *log;
    pid_t writer[WRITERS];
    if (memory == MAP_FAILED) return 1;
    if (thetis_lanes_init(memory, size, &cfg, &lanes) != THETIS_OK) return 1;
    for (int k = 0; k < WRITERS; k++) {
        writer[k] = fork();
        if (writer[k] < 0) return 1;
        if (writer[k] == 0) _exit(write_log(&lanes, k == WRITERS - 1));
    }
    if (thetis_lanes_open(&lanes, own, sizeof own, &log) != THETIS_OK) return 1;
    unsigned lines = collect(&lanes, log, writer[WRITERS - 1]);
    printf("%u lines\n", lines);
    return lines >= (WRITERS - 1) * LINES ? 0 : 1;
}
