/* SPDX-License-Identifier: MIT
 *
 * port_posix.c: what the ports to POSIX systems have in common, with any C library that has POSIX
 * threads.
 *
 * Rejected: clocks that count a suspended machine (Linux: CLOCK_BOOTTIME), for a sleep does not,
 * so timers would all expire in one burst; CLOCK_MONOTONIC_COARSE (a tick of 1 to 10 ms).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port_posix.h"

#include <thetis/config.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define PORT_CLOCK CLOCK_UPTIME_RAW /* its CLOCK_MONOTONIC counts a suspended machine */
#else
#define PORT_CLOCK CLOCK_MONOTONIC
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0 /* nothing is reserved for what cannot be accessed */
#endif

uint64_t tht_port_now(void)
{
    struct timespec t;
    (void)clock_gettime(PORT_CLOCK, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void *tht_port_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void tht_port_unmap(void *memory, size_t bytes)
{
    if (!memory) return;
    int failed = munmap(memory, bytes);
    THETIS_ASSERT1(!failed);
    (void)failed;
}

size_t tht_port_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Shows `bytes` of the file from `from` on at an address inside a reservation. */
static int port_view(char *at, size_t bytes, int file, size_t from)
{
    return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, (off_t)from) == at;
}

/* Reserves the addresses first, so that nobody else's mapping can lie between the views. */
static void *port_mirror_file(int file, size_t before, size_t bytes)
{
    size_t once = before + bytes, all = once + bytes;
    char *at = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (port_view(at, once, file, 0) && port_view(at + once, bytes, file, before)) return at;
    tht_port_unmap(at, all);
    return NULL;
}

void *tht_port_mirror(size_t before, size_t bytes)
{
    void *memory = NULL;
    int file = tht_port_file();
    if (file < 0) return NULL;
    if (ftruncate(file, (off_t)(before + bytes)) == 0)
        memory = port_mirror_file(file, before, bytes);
    (void)close(file); /* the mappings keep it */
    return memory;
}

uintptr_t tht_port_mask(void)
{
    return 0;
}

void tht_port_unmask(uintptr_t state)
{
    (void)state;
}

void tht_port_yield(void)
{
    (void)sched_yield();
}

void tht_port_panic(const char *message)
{
    struct iovec text[2] = {{(void *)(uintptr_t)message, strlen(message)}, {(void *)"\n", 1}};
    if (writev(STDERR_FILENO, text, 2) < 0) abort(); /* nowhere to complain: abort all the same */
    abort();
}
