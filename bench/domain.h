/* SPDX-License-Identifier: MIT
 *
 * domain.h: what every program of `thetis-bench domain` does; include it last.
 *
 * Usage: bench-domain-SUBJECT read|replace|stopped [RETIRES]
 *
 * read: one thread reads a word of the current version of something. Nanoseconds of CPU time.
 * replace: one thread replaces it by a new version; the old one is freed sooner or later, which
 * counts: CPU time of the whole process.
 * stopped: a reader stands still in the middle of a read while two threads replace versions,
 * RETIRES in all. The number of blocks that then wait to be freed; not a time.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                  library, version, form
 *   void subject_open(void)          cells 0 and 1
 *   void subject_join(int who)       the calling thread takes part, as number `who` of 0 .. 3
 *   void subject_leave(int who)
 *   uint64_t subject_enter(int who, int cell)  begins a read and reads
 *   void subject_exit(int who)                 ends it
 *   void subject_replace(int who, int cell, uint64_t value)
 *   uint64_t subject_waiting(void)   blocks that are replaced and not free
 *   void subject_settle(void)        frees all that it can
 */
#ifndef BENCH_DOMAIN_H
#define BENCH_DOMAIN_H

#include "window.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

enum { DOMAIN_OPS = 1000000, DOMAIN_MAIN = 0, DOMAIN_WRITERS = 2, DOMAIN_READER = 3 };

typedef struct domain_run {
    uint64_t retires;
    sem_t inside, go_on;
} domain_run;

static domain_run run;

static uint64_t domain_process_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double domain_read(void *unused)
{
    uint64_t sum = 0, begin = bench_cpu_ns();
    for (int k = 0; k < DOMAIN_OPS; k++) {
        sum += subject_enter(DOMAIN_MAIN, 0);
        subject_exit(DOMAIN_MAIN);
    }
    if (sum == 1) bench_die("no sum"); /* it is used */
    (void)unused;
    return (double)(bench_cpu_ns() - begin) / DOMAIN_OPS;
}

static double domain_replace(void *unused)
{
    uint64_t begin = domain_process_ns();
    for (int k = 0; k < DOMAIN_OPS; k++) subject_replace(DOMAIN_MAIN, 0, (uint64_t)k);
    subject_settle();
    (void)unused;
    return (double)(domain_process_ns() - begin) / DOMAIN_OPS;
}

/* ---- one that stands still ------------------------------------------------------------------- */

static void *domain_reader(void *unused)
{
    subject_join(DOMAIN_READER);
    uint64_t was = subject_enter(DOMAIN_READER, 0);
    sem_post(&run.inside);
    while (sem_wait(&run.go_on)) {}
    subject_exit(DOMAIN_READER);
    subject_leave(DOMAIN_READER);
    if (was == UINT64_MAX) bench_die("no such value");
    return unused;
}

static void *domain_writer(void *number)
{
    int who = *(int *)number;
    subject_join(who);
    for (uint64_t k = 0; k < run.retires / DOMAIN_WRITERS; k++) subject_replace(who, who - 1, k);
    subject_leave(who);
    return NULL;
}

static void domain_start(pthread_t *thread, void *(*body)(void *), void *arg)
{
    if (pthread_create(thread, NULL, body, arg)) bench_die("no thread");
}

static double domain_stopped(void *unused)
{
    int who[DOMAIN_WRITERS] = {1, 2};
    pthread_t reader, writer[DOMAIN_WRITERS];
    (void)unused;
    domain_start(&reader, domain_reader, NULL);
    while (sem_wait(&run.inside)) {}
    for (int k = 0; k < DOMAIN_WRITERS; k++) domain_start(&writer[k], domain_writer, &who[k]);
    for (int k = 0; k < DOMAIN_WRITERS; k++) pthread_join(writer[k], NULL);
    double waiting = (double)subject_waiting();
    sem_post(&run.go_on);
    pthread_join(reader, NULL);
    subject_settle();
    return waiting;
}

int main(int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "";
    subject_open();
    subject_join(DOMAIN_MAIN);
    if (!strcmp(form, "read")) {
        bench_serve(SUBJECT_VARIANT, domain_read, NULL);
    } else if (!strcmp(form, "replace")) {
        bench_serve(SUBJECT_VARIANT, domain_replace, NULL);
    } else if (!strcmp(form, "stopped") && argc > 2) {
        run.retires = strtoull(argv[2], NULL, 10);
        sem_init(&run.inside, 0, 0);
        sem_init(&run.go_on, 0, 0);
        bench_serve(SUBJECT_VARIANT, domain_stopped, NULL);
    } else {
        bench_die("usage: read | replace | stopped RETIRES");
    }
    subject_leave(DOMAIN_MAIN);
    return 0;
}

#endif
