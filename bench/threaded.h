/* SPDX-License-Identifier: MIT
 *
 * threaded.h: for subjects with a mutex. As long as a process has had one thread only, the C
 * library's mutex is not atomic, which no ring between threads ever sees.
 */
#ifndef BENCH_THREADED_H
#define BENCH_THREADED_H

#include <pthread.h>

static void *bench_second_thread(void *arg)
{
    return arg;
}

static inline void bench_become_threaded(void)
{
    pthread_t second;
    if (pthread_create(&second, NULL, bench_second_thread, NULL) != 0) __builtin_trap();
    (void)pthread_join(second, NULL);
}

#endif
