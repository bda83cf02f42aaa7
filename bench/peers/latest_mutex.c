/* SPDX-License-Identifier: MIT
 *
 * latest_mutex.c: the latest value behind a mutex, with a number that tells what is new.
 */
#include <pthread.h>
#include <stdint.h>

#define SUBJECT_VARIANT "pthread mutex, 64 bytes"

enum { MOST_READERS = 64 };

typedef struct value {
    uint64_t word[8];
} value;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static value latest;
static uint64_t stored, seen[MOST_READERS];

static void *nothing(void *arg)
{
    return arg;
}

/* A process that had a second thread: before that, the C library's mutex is not atomic. */
static void subject_open(unsigned readers)
{
    pthread_t second;
    (void)readers;
    if (pthread_create(&second, NULL, nothing, NULL) != 0) __builtin_trap();
    (void)pthread_join(second, NULL);
}

static inline void subject_store(const value *v)
{
    (void)pthread_mutex_lock(&mutex);
    latest = *v;
    stored++;
    (void)pthread_mutex_unlock(&mutex);
}

static inline int subject_load(unsigned r, value *v)
{
    (void)pthread_mutex_lock(&mutex);
    int is_new = seen[r] != stored;
    if (is_new) *v = latest;
    seen[r] = stored;
    (void)pthread_mutex_unlock(&mutex);
    return is_new;
}

#include "../fan.h"
