/* SPDX-License-Identifier: MIT
 *
 * latest_mutex.c: the latest value behind a mutex, with a number that tells what is new.
 */
#include <pthread.h>
#include <stdint.h>

#include "../threaded.h"

#define SUBJECT_VARIANT "pthread mutex, 64 bytes"

enum { MOST_READERS = 64, SUBJECT_WAITS = 0 };

typedef struct value {
    uint64_t word[8];
} value;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static value latest;
static uint64_t stored, seen[MOST_READERS];

static void subject_open(unsigned readers)
{
    (void)readers;
    bench_become_threaded();
}

static inline int subject_store(const value *v)
{
    (void)pthread_mutex_lock(&mutex);
    latest = *v;
    stored++;
    (void)pthread_mutex_unlock(&mutex);
    return 1;
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
