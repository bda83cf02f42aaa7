/* SPDX-License-Identifier: MIT
 *
 * wake.h: what every program of `thetis-bench wake` and `thetis-bench inbox` does; include it last.
 *
 * Usage: bench-STEM-SUBJECT busy|sleep MESSAGES [calls]
 *
 * busy: one thread sends SUBJECT_BATCH messages to itself and receives them: what being able to
 * sleep costs when nobody does. Nanoseconds of CPU time for each message.
 * sleep: two threads on one processor send a message back and forth. CPU time of both for each
 * message. Every message that finds its receiver asleep costs two system calls and a change of
 * threads; if the system lets the woken thread run at once, its answer finds the sender awake.
 * calls: the subject's system calls for each message instead. A tracer would count them, too, but
 * it changes who runs when, and with that who sleeps.
 *
 * The subject defines before:
 *   SUBJECT_VARIANT                        library, version, form
 *   SUBJECT_BATCH                          1 if it is not defined; a power of two
 *   void subject_open(void)                two boxes, 0 and 1
 *   void subject_send(int box, uint64_t)   never finds the box full
 *   uint64_t subject_receive(int box)      sleeps until there is a message
 *   uint64_t subject_calls(void)           system calls so far; fails where nobody can tell
 */
#ifndef BENCH_WAKE_H
#define BENCH_WAKE_H

#include "window.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#ifndef SUBJECT_BATCH
#define SUBJECT_BATCH 1
#endif

typedef struct wake_run {
    uint64_t messages;
    int sleeps;
    uint64_t (*measure)(void); /* grows by what is measured */
} wake_run;

static void *wake_partner(void *unused)
{
    for (;;) subject_send(0, subject_receive(1));
    return unused;
}

static uint64_t wake_process_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wake_expect(uint64_t message)
{
    if (subject_receive(0) != message) bench_die("another message came");
}

static void wake_there_and_back(uint64_t messages)
{
    for (uint64_t k = 1; k <= messages / 2; k++) {
        subject_send(1, k);
        wake_expect(k);
    }
}

static void wake_to_oneself(uint64_t messages)
{
    for (uint64_t k = 0; k < messages; k += SUBJECT_BATCH) {
        for (uint64_t n = 1; n <= SUBJECT_BATCH; n++) subject_send(0, k + n);
        for (uint64_t n = 1; n <= SUBJECT_BATCH; n++) wake_expect(k + n);
    }
}

static double wake_window(void *arg)
{
    const wake_run *run = (const wake_run *)arg;
    uint64_t begun = run->measure();
    if (run->sleeps) wake_there_and_back(run->messages);
    else wake_to_oneself(run->messages);
    return (double)(run->measure() - begun) / (double)run->messages;
}

static void wake_one_processor(void)
{
    cpu_set_t all, one;
    size_t cpu = 0;
    if (sched_getaffinity(0, sizeof all, &all)) bench_die("sched_getaffinity");
    while (!CPU_ISSET(cpu, &all)) cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one)) bench_die("sched_setaffinity");
}

static wake_run wake_arguments(int argc, char **argv)
{
    wake_run run = {.measure = wake_process_ns};
    if (argc < 3) bench_die("usage: busy|sleep MESSAGES [calls]");
    run.sleeps = !strcmp(argv[1], "sleep");
    run.messages = strtoull(argv[2], NULL, 10);
    if (argc > 3 && !strcmp(argv[3], "calls")) run.measure = subject_calls;
    if (run.messages < 2 || run.messages % SUBJECT_BATCH) bench_die("an odd number of messages");
    return run;
}

int main(int argc, char **argv)
{
    wake_run run = wake_arguments(argc, argv);
    pthread_t partner;
    subject_open();
    if (run.sleeps) {
        wake_one_processor();
        if (pthread_create(&partner, NULL, wake_partner, NULL)) bench_die("pthread_create");
    }
    bench_serve(SUBJECT_VARIANT, wake_window, &run);
    return 0;
}

#endif
