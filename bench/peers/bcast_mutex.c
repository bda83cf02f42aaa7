/* SPDX-License-Identifier: MIT
 *
 * bcast_mutex.c: a ring with a cursor for each reader, behind one mutex.
 */
#include <pthread.h>
#include <stdint.h>

#include "../threaded.h"

#define SUBJECT_VARIANT "pthread mutex, 64 bytes"

enum { MOST_READERS = 64, CAPACITY = 1024, SUBJECT_WAITS = 1 };

typedef struct value {
    uint64_t word[8];
} value;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static value slot[CAPACITY];
static uint64_t tail, limit, cursor[MOST_READERS];
static unsigned joined;

static void subject_open(unsigned readers)
{
    bench_become_threaded();
    joined = readers;
    tail = 0;
    limit = CAPACITY;
    for (unsigned r = 0; r < readers; r++) cursor[r] = 0;
}

static void find_room(void)
{
    limit = tail + CAPACITY;
    for (unsigned r = 0; r < joined; r++) {
        if (cursor[r] + CAPACITY < limit) limit = cursor[r] + CAPACITY;
    }
}

static inline int subject_store(const value *v)
{
    (void)pthread_mutex_lock(&mutex);
    if (tail == limit) find_room();
    int room = tail != limit;
    if (room) slot[tail++ % CAPACITY] = *v;
    (void)pthread_mutex_unlock(&mutex);
    return room;
}

static inline int subject_load(unsigned r, value *v)
{
    (void)pthread_mutex_lock(&mutex);
    int is_new = cursor[r] != tail;
    if (is_new) *v = slot[cursor[r]++ % CAPACITY];
    (void)pthread_mutex_unlock(&mutex);
    return is_new;
}

#include "../fan.h"
